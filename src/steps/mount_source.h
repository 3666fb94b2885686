/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clones of the host's files for the container's mounts.
 */
#ifndef STEPS_MOUNT_SOURCE_H
#define STEPS_MOUNT_SOURCE_H

#include "steps/run.h"

/* PARENT, in the runtime's mount namespace: a detached clone of each bind source in run->sources
 * (made here, one per plan mount, -1 where there is none; freed by the process's end), private or
 * as the mount's options say; where there are stand_ins for new file systems, those that are what
 * they stand for; and, for masked paths, of the null device in run->null_tree. Children
 * inherit the fds. */
int mount_open_sources(struct run *run, struct oci_error *err);

/* INIT, in its new mount namespace, before the root is attached: opens in the same way what PARENT
 * couldn't. */
int mount_open_rest(struct run *run, struct oci_error *err);

/* PARENT: it has no CAP_SYS_ADMIN over its mount namespace, so whoever is root of the container's
 * user namespace must clone. */
bool mount_left_to_init(const struct plan *plan);

/* What a mount without a propagation of its own gets (MS_*): nothing of the container's reaches the
 * host unless asked for; the host's mounts arrive where the root's propagation says so. */
uint64_t mount_propagation(const struct plan *plan, const struct plan_mount *m);

#endif
