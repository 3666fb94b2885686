/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.timeOffsets: what a new time namespace adds to the clocks. No side effects;
 * steps/namespace.c writes them.
 */
#include <stdio.h>

#include "plan/planner.h"

/* KTIME_SEC_MAX / 2: the kernel wants room on both sides (kernel/time/namespace.c). */
#define SECONDS_MAX (INT64_MAX / 1000000000 / 2)

static int plan_offset(struct planner *p, const char *clock, const struct oci_time_offset *given)
{
	struct plan *plan = p->plan;
	char pointer[64];

	if (given->secs.v == 0 && given->nanosecs.v == 0)
		return 0;
	(void)snprintf(pointer, sizeof(pointer), "/linux/timeOffsets/%s", clock);
	if (!plan_new_ns(plan, NS_TIME))
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "needs a new time namespace: {\"type\": \"time\"} without a "
				      "path in /linux/namespaces");
	(void)snprintf(pointer, sizeof(pointer), "/linux/timeOffsets/%s/nanosecs", clock);
	if (given->nanosecs.v > 999999999)
		TRY(planner_refuse(p, PLAN_INVALID, pointer, "%llu is not in 0..999999999",
				   (unsigned long long)given->nanosecs.v));
	(void)snprintf(pointer, sizeof(pointer), "/linux/timeOffsets/%s/secs", clock);
	if (given->secs.v > SECONDS_MAX || given->secs.v < -SECONDS_MAX)
		TRY(planner_refuse(p, PLAN_INVALID, pointer, "%lld is not in -%lld..%lld",
				   (long long)given->secs.v, (long long)SECONDS_MAX,
				   (long long)SECONDS_MAX));
	plan->time_offsets[plan->n_time_offsets++] =
		(struct plan_time_offset){ clock, given->secs.v, (uint32_t)given->nanosecs.v };
	return 0;
}

int plan_time_namespace(struct planner *p)
{
	const struct oci_time_offsets *given = &p->config->linux.time_offsets;

	TRY(plan_offset(p, "monotonic", &given->monotonic));
	return plan_offset(p, "boottime", &given->boottime);
}
