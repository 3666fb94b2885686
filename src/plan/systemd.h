/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the systemd cgroup manager is asked for: which unit, and its properties.
 *
 *   plan/systemd.c            names: linux.cgroupsPath "slice:prefix:name"
 *   plan/systemd_limits.c     limits of the cgroup as properties of the unit
 *   plan/systemd_property.c   annotations org.systemd.property.NAME
 */
#ifndef PLAN_SYSTEMD_H
#define PLAN_SYSTEMD_H

#include "base/arena.h"
#include "plan/planner.h"
#include "systemd/message.h"

#define SYSTEMD_ANNOTATION "org.systemd.property."

/* Fills plan->cgroup.systemd but for what plan_systemd_limits() does. */
int plan_systemd(struct planner *p);

/* After plan_limits(): the limits as properties, those apart that would hit the helper and STAGE.
 */
int plan_systemd_limits(struct planner *p);

/* Refuses limits that mean nothing below a unit. */
int plan_systemd_check(struct planner *p);

/* The properties that hold `limits` for the whole scope, in the arena. One property may come from
 * several files (a quota and a burst, a weight and idleness): the others are found in `all`, which
 * is everything that the container has. What systemd has no property for isn't among them: the
 * container's own cgroup holds it. Never tighter than the limit itself, also after systemd has
 * written it to a file and read it back. */
struct limit_list {
	const struct plan_limit *v;
	size_t n;
};
void systemd_map_limits(struct limit_list limits, struct limit_list all, struct arena *arena,
			struct unit_properties *out);

/* Whether systemd is told a new limit before it is written to the container's own cgroup: of a set
 * of CPUs or nodes that the scope lacks that cgroup would get nothing, and swap that the scope
 * doesn't have can't take what a lower limit of memory pushes out. */
bool systemd_goes_ahead(const struct plan_limit *limit, const struct plan_cgroup *before);

/* Whether a property limits so tightly that hull's own processes in the scope could run into it. */
bool systemd_is_tight(const struct unit_property *property);

/* One annotation: NAME as behind SYSTEMD_ANNOTATION, the value in the text form of GVariant. Fills
 * *out; or -1 with what is wrong in err. */
int systemd_read_property(const char *name, const char *value, struct arena *arena,
			  struct unit_property *out, struct oci_error *err);

/* NULL, or why `name` can't be a slice. */
const char *systemd_slice_fault(const char *name);

/* The unit of a scope: prefix may be "". What may not stand in a unit's name becomes \xXX. NULL
 * when memory ran out. */
char *systemd_scope_name(const char *prefix, const char *name, struct arena *arena);

#endif
