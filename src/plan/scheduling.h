/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How process.scheduler, process.ioPriority, process.execCPUAffinity and linux.memoryPolicy become
 * members of struct plan_process, and the words that they know, for `hull features`.
 */
#ifndef PLAN_SCHEDULING_H
#define PLAN_SCHEDULING_H

#include "plan/planner.h"

struct plan_word {
	const char *name; /* NULL: the end of the table */
	int number;
};

extern const struct plan_word plan_memory_modes[]; /* "MPOL_BIND", the kernel's number */
extern const struct plan_word plan_memory_flags[]; /* "MPOL_F_STATIC_NODES", its bit */

/* The numbers of the policies that sched_setattr(2) treats in a way of their own. */
enum { POLICY_OTHER = 0, POLICY_FIFO = 1, POLICY_RR = 2, POLICY_BATCH = 3, POLICY_DEADLINE = 6 };

/* Of the flags, those that others ask for (include/uapi/linux/sched.h). */
enum {
	SCHEDULER_RESET_ON_FORK = 0x01,
	SCHEDULER_KEEP_POLICY = 0x08,
	SCHEDULER_KEEP_PARAMS = 0x10,
	SCHEDULER_CLAMP_MIN = 0x20,
	SCHEDULER_CLAMP_MAX = 0x40,
};

/* Of linux.memoryPolicy (include/uapi/linux/mempolicy.h). */
enum {
	MEMORY_STATIC_NODES = 1 << 15,
	MEMORY_RELATIVE_NODES = 1 << 14,
	MEMORY_NUMA_BALANCING = 1 << 13,
};

/* Each fills its members of *out. */
int plan_scheduling(struct planner *p, struct plan_process *out);
int plan_memory_policy(struct planner *p, struct plan_process *out);

#endif
