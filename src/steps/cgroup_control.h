/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Controllers on their way down the tree: a cgroup has only those that every cgroup above it hands
 * on (cgroup.subtree_control). What a limit needs and is missing there is enabled, one controller
 * at a time, from the top that the caller may write. It stays enabled when the container is gone:
 * who else came to rely on it meanwhile can't be seen, and would lose his limits without a word. A
 * parent that hull made hands on all that it has. The container's own cgroup hands nothing on until
 * the container itself says so.
 */
#ifndef STEPS_CGROUP_CONTROL_H
#define STEPS_CGROUP_CONTROL_H

#include "plan/plan.h"

/* Makes each cgroup above `path` (below the cgroup2 mount `root`) hand `controllers` on, a list
 * that a NULL name ends, or NULL. All of them must be there but for the last component. -1 with num
 * ENOENT or ENODEV: one above was removed, or somebody took a controller from it, meanwhile; to be
 * tried again. Otherwise, in front of the pointer of what needs the controller:
 * "cgroup-controller" (this host hasn't it for cgroup v2, or it isn't delegated),
 * "cgroup-invalid" (one above has processes of its own, or is threaded). */
int cgroup_control_enable(int root, const char *path, const struct plan_controller *controllers,
			  struct oci_error *err);

/* Looks whether that would work now; what doesn't exist yet would be made. */
int cgroup_control_look(int root, const char *path, const struct plan_controller *controllers,
			struct oci_error *err);

/* Makes the cgroup `dir`, a parent of containers that hull made, hand on all that it has itself: a
 * container without limits is measured then, too, and what a controller that is enabled later finds
 * charged it never counts. What can't be handed on isn't, without an error: a limit that needs it
 * tells. No change while processes are in it. */
void cgroup_control_hand_on(int dir);

#endif
