/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Gives the container's cgroup to the user that its process will be, so that it may make cgroups
 * below it: the directory and the files that the kernel says may be delegated, by which nobody
 * raises his own limits (specification, config-linux.md, "Cgroup ownership").
 */
#ifndef STEPS_CGROUP_OWNER_H
#define STEPS_CGROUP_OWNER_H

#include "steps/run.h"

/* PARENT, once INIT's user namespace is mapped: run->cgroup gets process.user.uid as its owner. */
int cgroup_owner_set(struct run *run, struct oci_error *err);

/* PARENT: a cgroup that hull didn't make goes back to those who had it. */
void cgroup_owner_undo(struct run *run);

/* Frees what is kept for that. */
void cgroup_owner_done(struct run *run);

#endif
