/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/scheduling.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/sys.h"
#include "plan/scheduling.h"
#include "steps/caller.h"

/* A list of the kernel's, such as /sys/devices/system/cpu/online; `text` gets it as it is. False
 * where there is no such file, which then can't be asked. */
static bool kernel_list(const char *path, struct number_set *set, char *text, size_t room)
{
	struct oci_error ignored = { 0 };

	*set = (struct number_set){ { 0 } };
	if (file_read_at(AT_FDCWD, path, text, room, &ignored) <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return number_list_read(text, set, &ignored) == 0;
}

static int apply_memory_policy(const struct plan_memory_policy *policy, struct oci_error *err)
{
	if (sys_set_mempolicy(policy->mode | policy->flags,
			      policy->nodes ? policy->nodes->words : NULL, NUMBERS) == 0)
		return 0;
	if (errno == ENOSYS && policy->mode == 0)
		return 0; /* MPOL_DEFAULT is what there is */
	if (errno == ENOSYS)
		return fail_code(err, "unsupported",
				 "/linux/memoryPolicy: set_mempolicy: this kernel is built "
				 "without NUMA (CONFIG_NUMA)");
	if (errno == EINVAL)
		return fail_sys(err, "/linux/memoryPolicy: set_mempolicy (none of the nodes is "
				     "allowed by the cpuset, or this kernel doesn't know the mode "
				     "or a flag: MPOL_PREFERRED_MANY came with 5.15, "
				     "MPOL_WEIGHTED_INTERLEAVE with 6.9)");
	return fail_sys(err, "/linux/memoryPolicy: set_mempolicy");
}

/* The kernel drops nodes without memory silently, as long as one is left. Relative numbers count
 * the allowed ones, so they needn't exist. */
static int check_nodes(const struct plan_memory_policy *policy, struct oci_error *err)
{
	struct number_set there;
	char text[1024];
	int node;

	if (!policy->nodes || (policy->flags & MEMORY_RELATIVE_NODES) ||
	    !kernel_list("/sys/devices/system/node/has_memory", &there, text, sizeof(text)))
		return 0;
	node = number_missing(policy->nodes, &there);
	if (node < 0)
		return 0;
	return fail_code(
		err, "unsupported",
		"/linux/memoryPolicy/nodes: this host has no memory at node %d, only at %s", node,
		text);
}

int scheduling_look_memory(struct run *run, struct oci_error *err)
{
	const struct plan_memory_policy *policy = &run->plan->process.memory_policy;
	struct number_set nodes = { { 0 } };
	int mode = 0;
	int result;

	TRY(check_nodes(policy, err));
	if (sys_get_mempolicy(&mode, nodes.words, NUMBERS) < 0 && errno != ENOSYS)
		return fail_sys(err, "/linux/memoryPolicy: get_mempolicy");
	result = apply_memory_policy(policy, err);
	/* It was accepted once already; hull itself runs anywhere. */
	(void)sys_set_mempolicy(mode, nodes.words, NUMBERS);
	return result;
}

int scheduling_set_memory_policy(struct run *run, struct oci_error *err)
{
	return apply_memory_policy(&run->plan->process.memory_policy, err);
}

static int check_cpus(const struct number_set *cpus, const struct number_set *online,
		      const char *text, const char *pointer, struct oci_error *err)
{
	int cpu = cpus ? number_missing(cpus, online) : -1;

	if (cpu < 0)
		return 0;
	return fail_code(err, "unsupported", "%s: CPU %d is not online, only %s are", pointer, cpu,
			 text);
}

int scheduling_look_cpus(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	struct number_set online;
	char text[1024];

	if (!kernel_list("/sys/devices/system/cpu/online", &online, text, sizeof(text)))
		return 0;
	TRY(check_cpus(process->initial_cpus, &online, text, "/process/execCPUAffinity/initial",
		       err));
	return check_cpus(process->final_cpus, &online, text, "/process/execCPUAffinity/final",
			  err);
}

static int set_affinity(const struct number_set *cpus, const char *pointer, struct oci_error *err)
{
	if (sched_setaffinity(0, sizeof(cpus->words), (const cpu_set_t *)(const void *)cpus) == 0)
		return 0;
	if (errno == EBUSY)
		return fail_sys(err,
				"%s: sched_setaffinity (a process of SCHED_DEADLINE can't be "
				"bound to some CPUs)",
				pointer);
	if (errno == EINVAL)
		return fail_sys(err, "%s: sched_setaffinity (the cpuset allows none of these CPUs)",
				pointer);
	return fail_sys(err, "%s: sched_setaffinity", pointer);
}

int scheduling_initial_affinity(struct run *run, struct oci_error *err)
{
	return set_affinity(run->plan->process.initial_cpus, "/process/execCPUAffinity/initial",
			    err);
}

int scheduling_final_affinity(struct run *run, struct oci_error *err)
{
	return set_affinity(run->plan->process.final_cpus, "/process/execCPUAffinity/final", err);
}

/* What helps when the kernel says EPERM. */
static void tell_right(const struct plan_scheduler *plan, char *hint, size_t room)
{
	if (plan->policy == POLICY_DEADLINE)
		(void)snprintf(hint, room,
			       "needs CAP_SYS_NICE in the initial user namespace, and all CPUs of "
			       "its root domain, so no smaller cpuset that isn't a partition of "
			       "its own");
	else if (plan->policy == POLICY_FIFO || plan->policy == POLICY_RR)
		(void)snprintf(hint, room,
			       "needs CAP_SYS_NICE in the initial user namespace, or "
			       "RLIMIT_RTPRIO of at least %u; where the cgroup v1 cpu controller "
			       "is mounted, cpu.rt_runtime_us of its group too",
			       plan->priority);
	else
		(void)snprintf(hint, room,
			       "to leave SCHED_IDLE or lower the nice value to %d needs "
			       "CAP_SYS_NICE in the initial user namespace, or RLIMIT_NICE of at "
			       "least %d",
			       plan->nice, 20 - plan->nice);
}

static int tell_scheduler(const struct plan_scheduler *plan, struct oci_error *err)
{
	const char *clamp = plan->flags & (SCHEDULER_CLAMP_MIN | SCHEDULER_CLAMP_MAX)
				    ? ", or it has no utilization clamps (CONFIG_UCLAMP_TASK)"
				    : "";
	int cause = errno;
	char hint[320] = "";

	if (cause == EPERM)
		tell_right(plan, hint, sizeof(hint));
	else if (cause == EBUSY)
		(void)snprintf(hint, sizeof(hint),
			       "the CPUs have not that much time left for SCHED_DEADLINE");
	else if (cause == EINVAL && plan->policy == POLICY_DEADLINE)
		(void)snprintf(hint, sizeof(hint),
			       "the period must be within /proc/sys/kernel/"
			       "sched_deadline_period_min_us and _max_us%s",
			       clamp);
	else if (cause == EOPNOTSUPP || cause == EINVAL)
		(void)snprintf(hint, sizeof(hint),
			       "this kernel doesn't take policy, priority and flags together%s",
			       clamp);
	errno = cause;
	return fail_sys(err, "/process/scheduler: sched_setattr%s%s%s", *hint ? " (" : "", hint,
			*hint ? ")" : "");
}

static int set_scheduler(const struct plan_scheduler *plan, pid_t pid, struct oci_error *err)
{
	struct sys_sched_attr attr = {
		.size = sizeof(attr),
		.policy = plan->policy,
		.flags = plan->flags,
		.nice = plan->nice,
		.priority = plan->priority,
		.runtime = plan->runtime,
		.deadline = plan->deadline,
		.period = plan->period,
		/* The specification has flags for the clamps and no values: the system's own. */
		.util_min = UINT32_MAX,
		.util_max = UINT32_MAX,
	};

	if (!plan->present)
		return 0;
	/* This class may not be bound to some CPUs, and in exec the process still is as its caller
	 * was. */
	if (plan->policy == POLICY_DEADLINE)
		caller_reset_affinity(pid);
	if (sys_sched_setattr(pid, &attr) == 0)
		return 0;
	return tell_scheduler(plan, err);
}

static int set_all(const struct plan_process *process, pid_t pid, struct oci_error *err)
{
	TRY(set_scheduler(&process->scheduler, pid, err));
	if (!process->has_io_priority || sys_ioprio_set(pid, process->io_priority) == 0)
		return 0;
	if (errno == EPERM)
		return fail_sys(err, "/process/ioPriority: ioprio_set (IOPRIO_CLASS_RT needs "
				     "CAP_SYS_NICE in the initial user namespace)");
	return fail_sys(err, "/process/ioPriority: ioprio_set");
}

int scheduling_set(struct run *run, struct oci_error *err)
{
	return set_all(&run->plan->process, run->init_pid, err);
}

int scheduling_set_own(struct run *run, struct oci_error *err)
{
	return set_all(&run->plan->process, 0, err);
}
