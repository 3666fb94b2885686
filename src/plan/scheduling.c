/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process.scheduler, ioPriority, execCPUAffinity and linux.memoryPolicy as the kernel's numbers.
 * What the kernel would refuse on any host is refused here (sched_setattr(2), ioprio_set(2),
 * set_mempolicy(2)); what depends on this one is asked in steps/scheduling.c.
 */
#include "plan/scheduling.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "plan/number_list.h"

static const struct plan_word policies[] = {
	{ "SCHED_OTHER", POLICY_OTHER },
	{ "SCHED_FIFO", POLICY_FIFO },
	{ "SCHED_RR", POLICY_RR },
	{ "SCHED_BATCH", POLICY_BATCH },
	{ "SCHED_ISO", 4 },
	{ "SCHED_IDLE", 5 },
	{ "SCHED_DEADLINE", POLICY_DEADLINE },
	{ NULL, 0 },
};

static const struct plan_word scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHEDULER_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },
	{ "SCHED_FLAG_KEEP_POLICY", SCHEDULER_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHEDULER_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHEDULER_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHEDULER_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct plan_word io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
	{ NULL, 0 },
};

enum { MODE_DEFAULT, MODE_PREFERRED, MODE_BIND, MODE_INTERLEAVE, MODE_LOCAL, MODE_PREFERRED_MANY };

const struct plan_word plan_memory_modes[] = {
	{ "MPOL_DEFAULT", MODE_DEFAULT },	{ "MPOL_BIND", MODE_BIND },
	{ "MPOL_INTERLEAVE", MODE_INTERLEAVE }, { "MPOL_WEIGHTED_INTERLEAVE", 6 },
	{ "MPOL_PREFERRED", MODE_PREFERRED },	{ "MPOL_PREFERRED_MANY", MODE_PREFERRED_MANY },
	{ "MPOL_LOCAL", MODE_LOCAL },		{ NULL, 0 },
};

const struct plan_word plan_memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MEMORY_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MEMORY_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MEMORY_STATIC_NODES },
	{ NULL, 0 },
};

/* -1 for what the table hasn't; the reader has refused it already. */
static int number_of(const struct plan_word *table, const char *name)
{
	for (; name && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table->number;
	return -1;
}

static int flags_of(const struct plan_word *table, const struct oci_strings *names)
{
	int flags = 0;

	for (size_t i = 0; i < names->n; i++) {
		int flag = number_of(table, names->v[i]);

		flags |= flag < 0 ? 0 : flag;
	}
	return flags;
}

static int check_priority(struct planner *p, const struct oci_scheduler *in)
{
	static const char pointer[] = "/process/scheduler/priority";
	int policy = number_of(policies, in->policy);
	bool real_time = policy == POLICY_FIFO || policy == POLICY_RR;

	if (real_time && (in->priority.v < 1 || in->priority.v > 99))
		return planner_refuse(p, PLAN_INVALID, pointer, "%s needs one of 1 to 99%s",
				      in->policy, in->priority.set ? "" : ", none is given");
	if (!real_time && in->priority.v != 0)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "%s has none, only SCHED_FIFO and SCHED_RR have", in->policy);
	return 0;
}

/* sched(7): runtime <= deadline <= period, a period of 0 is the deadline; the kernel's finest unit
 * is 1024 ns. */
static int check_deadline(struct planner *p, const struct oci_scheduler *in)
{
	if (in->runtime.v < 1024)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/scheduler/runtime",
				   "SCHED_DEADLINE needs at least 1024 ns"));
	if (in->deadline.v == 0 || in->deadline.v > INT64_MAX)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/scheduler/deadline",
				   "SCHED_DEADLINE needs one of 1 to %lld ns",
				   (long long)INT64_MAX));
	else if (in->deadline.v < in->runtime.v)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/scheduler/deadline",
				   "is below the runtime, %llu ns",
				   (unsigned long long)in->runtime.v));
	if (in->period.v > INT64_MAX || (in->period.v != 0 && in->period.v < in->deadline.v))
		TRY(planner_refuse(p, PLAN_INVALID, "/process/scheduler/period",
				   "is neither 0 nor between the deadline, %llu ns, and %lld ns",
				   (unsigned long long)in->deadline.v, (long long)INT64_MAX));
	return 0;
}

static int check_no_deadline(struct planner *p, const struct oci_scheduler *in)
{
	const struct {
		const char *pointer;
		uint64_t value;
	} members[] = {
		{ "/process/scheduler/runtime", in->runtime.v },
		{ "/process/scheduler/deadline", in->deadline.v },
		{ "/process/scheduler/period", in->period.v },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].value != 0)
			TRY(planner_refuse(p, PLAN_INVALID, members[i].pointer,
					   "%s has none, only SCHED_DEADLINE has", in->policy));
	return 0;
}

/* A process of this class can't fork (sched(7)), which INIT must for its hooks. It then takes the
 * class itself, behind them; in a user namespace it may not. */
static int check_fork(struct planner *p, struct plan_scheduler *out)
{
	if (out->policy != POLICY_DEADLINE || (out->flags & SCHEDULER_RESET_ON_FORK) ||
	    p->config->hooks.start_container.n == 0 || p->request->exec)
		return 0;
	if (plan_has_ns(p->plan, NS_USER))
		return planner_refuse(p, PLAN_HOST, "/process/scheduler/policy",
				      "SCHED_DEADLINE is set before the startContainer hooks, "
				      "since a user namespace has no right to it, and then they "
				      "can't be forked: add SCHED_FLAG_RESET_ON_FORK to the flags");
	out->late = true;
	return 0;
}

static int plan_policy(struct planner *p, struct plan_scheduler *out)
{
	const struct oci_scheduler *in = &p->config->process.scheduler;
	int policy = number_of(policies, in->policy);

	if (!in->present || policy < 0)
		return 0;
	out->present = true;
	out->policy = (uint32_t)policy;
	out->flags = (uint32_t)flags_of(scheduler_flags, &in->flags);
	out->nice = (int32_t)in->nice.v;
	out->priority = (uint32_t)in->priority.v;
	out->runtime = in->runtime.v;
	out->deadline = in->deadline.v;
	out->period = in->period.v;
	if (sched_get_priority_max(policy) < 0)
		TRY(planner_refuse(p, PLAN_HOST, "/process/scheduler/policy",
				   "this kernel has no %s", in->policy));
	if (in->nice.v < -20 || in->nice.v > 19)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/scheduler/nice",
				   "%lld is not in -20..19", (long long)in->nice.v));
	else if (in->nice.v != 0 && policy != POLICY_OTHER && policy != POLICY_BATCH)
		planner_note(p, "/process/scheduler/nice", "has no effect with %s", in->policy);
	if (out->flags & SCHEDULER_KEEP_PARAMS)
		planner_note(p, "/process/scheduler/flags",
			     "SCHED_FLAG_KEEP_PARAMS keeps the caller's policy as well");
	/* What is kept is the caller's, whom only the kernel knows. */
	if (out->flags & SCHEDULER_KEEP_POLICY)
		return 0;
	TRY(check_priority(p, in));
	if (policy != POLICY_DEADLINE)
		TRY(check_no_deadline(p, in));
	else if (!(out->flags & SCHEDULER_KEEP_PARAMS))
		TRY(check_deadline(p, in));
	return check_fork(p, out);
}

static int plan_io_priority(struct planner *p, struct plan_process *out)
{
	const struct oci_io_priority *in = &p->config->process.io_priority;
	int class = number_of(io_classes, in->class);

	if (!in->present || class < 0)
		return 0;
	if (in->priority.v < 0 || in->priority.v > 7)
		return planner_refuse(p, PLAN_INVALID, "/process/ioPriority/priority",
				      "%lld is not in 0..7", (long long)in->priority.v);
	out->has_io_priority = true;
	/* The class stands above 13 bits of data (include/uapi/linux/ioprio.h). */
	out->io_priority = class << 13 | (int)in->priority.v;
	return 0;
}

/* The set that `text` lists, or NULL for none. */
static int plan_set(struct planner *p, const char *text, const char *pointer,
		    const struct number_set **out)
{
	struct number_set *set = arena_zalloc(&p->plan->arena, sizeof(*set));
	struct oci_error err = { 0 };

	if (!set)
		return 0; /* remembered by the arena */
	if (number_list_read(text, set, &err) < 0)
		return planner_refuse(p, PLAN_INVALID, pointer, "%s", err.text);
	*out = set;
	return 0;
}

int plan_scheduling(struct planner *p, struct plan_process *out)
{
	const struct oci_exec_cpu_affinity *affinity = &p->config->process.exec_cpu_affinity;

	TRY(plan_policy(p, &out->scheduler));
	TRY(plan_io_priority(p, out));
	if (affinity->initial)
		TRY(plan_set(p, affinity->initial, "/process/execCPUAffinity/initial",
			     &out->initial_cpus));
	if (affinity->final)
		TRY(plan_set(p, affinity->final, "/process/execCPUAffinity/final",
			     &out->final_cpus));
	/* These rights are the initial user namespace's; without them the process itself may still
	 * lower what it has, and others may not. */
	out->schedules_itself = out->scheduler.late || p->host->rootless ||
				!(p->host->capabilities & (UINT64_C(1) << CAP_SYS_NICE));
	return 0;
}

/* The rules of set_mempolicy(2). */
static int check_memory_policy(struct planner *p, const struct plan_memory_policy *out,
			       const char *mode)
{
	static const char nodes[] = "/linux/memoryPolicy/nodes";
	static const char flags[] = "/linux/memoryPolicy/flags";
	int fixed = out->flags & (MEMORY_STATIC_NODES | MEMORY_RELATIVE_NODES);

	if (fixed == (MEMORY_STATIC_NODES | MEMORY_RELATIVE_NODES))
		TRY(planner_refuse(p, PLAN_INVALID, flags,
				   "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each "
				   "other"));
	if ((out->flags & MEMORY_NUMA_BALANCING) && out->mode != MODE_BIND &&
	    out->mode != MODE_PREFERRED_MANY)
		TRY(planner_refuse(p, PLAN_INVALID, flags,
				   "MPOL_F_NUMA_BALANCING goes with MPOL_BIND and "
				   "MPOL_PREFERRED_MANY only, not with %s",
				   mode));
	if (out->mode == MODE_DEFAULT || out->mode == MODE_LOCAL) {
		if (out->nodes)
			TRY(planner_refuse(p, PLAN_INVALID, nodes, "%s takes none", mode));
	} else if (!out->nodes && out->mode != MODE_PREFERRED) {
		TRY(planner_refuse(p, PLAN_INVALID, nodes, "%s needs at least one", mode));
	}
	if (fixed && !out->nodes && out->mode != MODE_DEFAULT)
		TRY(planner_refuse(p, PLAN_INVALID, flags,
				   "without nodes %s takes neither MPOL_F_STATIC_NODES nor "
				   "MPOL_F_RELATIVE_NODES",
				   mode));
	if (fixed && out->mode == MODE_DEFAULT)
		planner_note(p, flags, "has no effect with MPOL_DEFAULT");
	return 0;
}

int plan_memory_policy(struct planner *p, struct plan_process *process)
{
	const struct oci_memory_policy *in = &p->config->linux.memory_policy;
	struct plan_memory_policy *out = &process->memory_policy;
	bool has_nodes = in->nodes && in->nodes[0];
	int mode = number_of(plan_memory_modes, in->mode);

	if (!in->mode && (has_nodes || in->flags.n > 0))
		return planner_refuse(p, PLAN_INVALID, "/linux/memoryPolicy/mode",
				      "missing, which the nodes or flags need");
	if (mode < 0)
		return 0;
	out->present = true;
	out->mode = mode;
	out->flags = flags_of(plan_memory_flags, &in->flags);
	if (has_nodes) {
		TRY(plan_set(p, in->nodes, "/linux/memoryPolicy/nodes", &out->nodes));
		if (!out->nodes)
			return 0; /* refused */
	}
	return check_memory_policy(p, out, in->mode);
}
