/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ids that an ordinary user may map because the system lends them: newuidmap(1), newgidmap(1),
 * subuid(5), subgid(5).
 */
#ifndef STEPS_SUBID_H
#define STEPS_SUBID_H

#include "plan/plan.h"

/* Changes nothing: is the program there, and do all ranges stand in the file? If not, the error
 * tells the line that is missing; code "id-mapping". Where nsswitch.conf(5) has the ranges come
 * from elsewhere, only the program can tell. */
int subid_check(const struct plan_id_map *map, bool groups, struct oci_error *err);

/* Has the program write the map of process `pid`. Its words are in the error. */
int subid_write(const struct plan_id_map *map, bool groups, pid_t pid, struct oci_error *err);

#endif
