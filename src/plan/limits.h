/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/plan: linux.resources without its device rules.
 */
#ifndef PLAN_LIMITS_H
#define PLAN_LIMITS_H

#include <stdint.h>

#include "plan/planner.h"

/* Fills plan->cgroup.limits and .controllers, after plan->cgroup.used is decided. What only cgroup
 * v1 had is a note; contradictions, and limits where there is no cgroup for them, are refused at
 * the pointer of the property. 0, or -1 when the planner must stop. */
int plan_limits(struct planner *p);

/* cpu.weight (1 to 10000) of cgroup v1's shares: ceil(10^((l^2 + 125 l) / 612 - 7/34)), l being
 * log2(shares). It maps 2, 1024 and 262144, which are v1's least, usual and most, to 1, 100 and
 * 10000; what lies outside counts as the nearest. */
unsigned limit_cpu_weight(uint64_t shares);

/* io.weight (1 to 10000) of cgroup v1's blkio weight (10 to 1000), in proportion. */
unsigned limit_io_weight(uint64_t weight);

/* The kernel's name of a size of huge pages: the largest unit that divides it ("2048KB" is "2MB").
 * In the arena. */
const char *limit_page_size(struct arena *arena, const char *size);

#endif
