/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Device nodes and links: the default ones of the specification and linux.devices, by fd of a
 * checked parent directory inside the root. Never removes or changes what it did not make.
 */
#ifndef STEPS_DEVICE_H
#define STEPS_DEVICE_H

#include "steps/run.h"

/* INIT, after mount_all, before rootfs_pivot: makes every node of plan->devices, with exact mode
 * and owner. One that is there and the same is fine; a different one at a path of linux.devices is
 * an error that says what is there, at a default path it stays. Where mknod(2) is not permitted
 * (user namespace, device filter) the host's node is bound instead. Nothing is made in a directory
 * that shows the host's. */
int device_make_all(struct run *run, struct oci_error *err);

/* INIT, after mount_all: /dev/fd, /dev/stdin, /dev/stdout, /dev/stderr, /dev/core, /dev/ptmx. What
 * exists at these names is left as it is. */
int device_links(struct run *run, struct oci_error *err);

#endif
