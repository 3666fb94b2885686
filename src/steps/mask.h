/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.maskedPaths and linux.readonlyPaths: after all mounts, so that nothing covers the cover.
 * Both run before rootfs_pivot or after it: they work below run->rootfs.
 */
#ifndef STEPS_MASK_H
#define STEPS_MASK_H

#include "steps/run.h"

/* INIT: covers each masked path that exists: a directory with one shared empty read-only tmpfs,
 * anything else with the host's null device (run->dev_null, checked by its maker to be 1:3; never a
 * node that the root file system offers). */
int mask_paths(struct run *run, struct oci_error *err);

/* INIT: makes each read-only path that exists read-only, with all that is mounted below it; other
 * attributes of its mounts (nosuid, nodev, noexec, ...) stay. */
int mask_readonly_paths(struct run *run, struct oci_error *err);

#endif
