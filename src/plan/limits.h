/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/plan: linux.resources without its device rules.
 */
#ifndef PLAN_LIMITS_H
#define PLAN_LIMITS_H

#include "plan/planner.h"

/* Refuses each limit that asks for something, for none is applied yet (at the pointer of the very
 * property); what only cgroup v1 had is a note. 0, or -1 when the planner must stop. */
int plan_limits(struct planner *p);

#endif
