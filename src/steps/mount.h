/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mounts of config.json, in their order, below run->rootfs and never outside of it.
 */
#ifndef STEPS_MOUNT_H
#define STEPS_MOUNT_H

#include "steps/run.h"

/* PARENT, in the runtime's mount namespace: a detached clone of each bind source in run->sources
 * (made here, one per plan mount, -1 where there is none; freed by the process's end), private or
 * as the mount's options say; and, for masked paths, of the null device in run->null_tree. Children
 * inherit the fds. */
int mount_open_sources(struct run *run, struct oci_error *err);

/* INIT, after rootfs_attach: makes and attaches everything in plan->mounts. Errors:
 * "/mounts/N: mount TYPE at 'DESTINATION': CALL: the kernel's words". */
int mount_all(struct run *run, struct oci_error *err);

/* INIT, after everything that makes files in the root (devices, links, console, cwd): tmpfs mounts
 * that were asked for read-only become so. Needed whenever mount_all is. */
int mount_finish(struct run *run, struct oci_error *err);

#endif
