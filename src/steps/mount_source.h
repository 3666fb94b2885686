/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clones of the host's files for the container's mounts.
 */
#ifndef STEPS_MOUNT_SOURCE_H
#define STEPS_MOUNT_SOURCE_H

#include "steps/run.h"

/* PARENT, in the runtime's mount namespace: a detached clone of each bind source in run->sources
 * (made here, one per plan mount, -1 where there is none; freed by the process's end), private or
 * as the mount's options say; and, for masked paths, of the null device in run->null_tree. Children
 * inherit the fds. */
int mount_open_sources(struct run *run, struct oci_error *err);

/* What a mount without a propagation of its own gets (MS_*): nothing of the container's reaches the
 * host unless asked for; the host's mounts arrive where the root's propagation says so. */
uint64_t mount_propagation(const struct plan *plan, const struct plan_mount *m);

#endif
