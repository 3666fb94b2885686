/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/steps: why a limit can't be set, found out by looking.
 */
#ifndef STEPS_LIMIT_CAUSE_H
#define STEPS_LIMIT_CAUSE_H

#include "plan/plan.h"

/* Whether the cgroup was removed while it was open: its files are missing for that reason alone. */
bool limit_cgroup_gone(int cgroup);

/* Fills err with that. Returns -1. */
int limit_explain_gone(const struct plan_limit *limit, struct oci_error *err);

/* Fills err after a write to limit->file (or limit->other) failed with errno `num`. Returns -1. */
int limit_explain(int cgroup, const struct plan_limit *limit, int num, struct oci_error *err);
int limit_explain_other(int cgroup, const struct plan_limit *limit, int num, struct oci_error *err);

#endif
