/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mounts of config.json, in their order, below run->rootfs and never outside of it.
 */
#ifndef STEPS_MOUNT_H
#define STEPS_MOUNT_H

#include "steps/run.h"

/* INIT, after rootfs_attach: makes and attaches everything in plan->mounts. Errors:
 * "/mounts/N: mount TYPE at 'DESTINATION': CALL: the kernel's words". */
int mount_all(struct run *run, struct oci_error *err);

/* INIT, after everything that makes files in the root (devices, links, console, cwd): tmpfs mounts
 * that were asked for read-only become so. Needed whenever mount_all is. */
int mount_finish(struct run *run, struct oci_error *err);

#endif
