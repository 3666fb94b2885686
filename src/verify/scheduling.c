/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Scheduling policy, nice value and I/O priority of INIT. Everybody may make his own worse; what is
 * better than asked takes a privilege.
 */
#include <errno.h>
#include <string.h>

#include "base/sys.h"
#include "plan/scheduling.h"
#include "verify/subject.h"

#define SCHEDULER "/process/scheduler"

static bool is_realtime(uint32_t policy)
{
	return policy == POLICY_FIFO || policy == POLICY_RR || policy == POLICY_DEADLINE;
}

static void check_policy(const struct verify *v, const struct plan_scheduler *asked,
			 const struct sys_sched_attr *found)
{
	enum verify_kind kind = VERIFY_OWN;

	if (asked->policy == found->policy)
		return;
	if (is_realtime(found->policy))
		kind = VERIFY_DIFFERS;
	else if (is_realtime(asked->policy))
		kind = VERIFY_LESS;
	verify_tell(v, kind, SCHEDULER "/policy", "scheduling policy", SAY("%u", asked->policy),
		    SAY("%u", found->policy));
}

/* A higher number is more for priorities, less for nice values. */
static void check_numbers(const struct verify *v, const struct plan_scheduler *asked,
			  const struct sys_sched_attr *found)
{
	if (asked->policy != found->policy)
		return;
	if (is_realtime(asked->policy) && asked->priority != found->priority)
		verify_tell(v, found->priority > asked->priority ? VERIFY_DIFFERS : VERIFY_LESS,
			    SCHEDULER "/priority", "scheduling priority",
			    SAY("%u", asked->priority), SAY("%u", found->priority));
	if (!is_realtime(asked->policy) && asked->nice != found->nice)
		verify_tell(v, found->nice < asked->nice ? VERIFY_DIFFERS : VERIFY_LESS,
			    SCHEDULER "/nice", "nice value", SAY("%d", asked->nice),
			    SAY("%d", found->nice));
	if (asked->policy == POLICY_DEADLINE &&
	    (asked->runtime != found->runtime || asked->deadline != found->deadline))
		verify_tell(v, VERIFY_DIFFERS, SCHEDULER "/runtime", "deadline scheduling",
			    SAY("%llu of %llu ns", (unsigned long long)asked->runtime,
				(unsigned long long)asked->deadline),
			    SAY("%llu of %llu ns", (unsigned long long)found->runtime,
				(unsigned long long)found->deadline));
	if ((asked->flags & SCHEDULER_RESET_ON_FORK) && !(found->flags & SCHEDULER_RESET_ON_FORK))
		verify_tell(v, VERIFY_DIFFERS, SCHEDULER "/flags", "scheduling flags",
			    "reset on fork", "not set");
}

static void check_scheduler(const struct verify *v)
{
	const struct plan_scheduler *asked = &v->plan->process.scheduler;
	struct sys_sched_attr found = { .size = sizeof(found) };

	if (sys_sched_getattr(v->state->pid, &found) < 0) {
		verify_unchecked(v, SCHEDULER, "scheduler", strerror(errno));
		return;
	}
	check_policy(v, asked, &found);
	check_numbers(v, asked, &found);
}

/* Class in the upper bits: 1 realtime, 2 best effort, 3 idle; lower numbers come first. */
static void check_io_priority(const struct verify *v)
{
	int asked = v->plan->process.io_priority, found = sys_ioprio_get(v->state->pid);

	if (found < 0)
		verify_unchecked(v, "/process/ioPriority", "I/O priority", strerror(errno));
	else if (found != asked)
		verify_tell(v, found < asked ? VERIFY_DIFFERS : VERIFY_LESS, "/process/ioPriority",
			    "I/O priority", SAY("class %d, level %d", asked >> 13, asked & 0x1fff),
			    SAY("class %d, level %d", found >> 13, found & 0x1fff));
}

int verify_scheduling(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;
	bool waits = !v->started && (process->schedules_itself || process->scheduler.late);

	if (!process->present)
		return 0;
	if (waits && (process->scheduler.present || process->has_io_priority)) {
		verify_unchecked(v, SCHEDULER, "scheduler", "the process sets it at start");
		return 0;
	}
	if (process->scheduler.present)
		check_scheduler(v);
	if (process->has_io_priority)
		check_io_priority(v);
	if (process->memory_policy.present)
		verify_memory_policy(v);
	return 0;
}
