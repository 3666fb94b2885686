/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One new file system as a detached mount, and changes to one that is mounted.
 */
#ifndef STEPS_FILESYSTEM_H
#define STEPS_FILESYSTEM_H

#include <stdbool.h>

#include "plan/plan.h"

/* Makes the file system that `m` describes and returns the fd of its detached mount, with the
 * attributes of `m` but no RDONLY that has to wait. `mode`: an octal "mode=" for a tmpfs without
 * one, or NULL. A parameter that the kernel refuses is named with the kernel's own words. */
int filesystem_make(const struct plan_mount *m, const char *mode, struct oci_error *err);

/* Some parameter is too long for fsconfig(2), which takes 255 bytes (overlay with many layers). */
bool filesystem_is_long(const struct plan_mount *m);

/* For those: mounts with mount(2) straight onto the directory `target`. Leaves the working
 * directory at "/". The mount has no attributes yet. */
int filesystem_mount_long(const struct plan_mount *m, int target, struct oci_error *err);

/* Changes parameters of the file system whose mount's root `mounted` is. */
int filesystem_change(const struct plan_mount *m, int mounted, struct oci_error *err);

/* iversion and noiversion, which only mount(2) knows, for an attached mount. Other flags stay.
 * Leaves the working directory at "/". */
int filesystem_legacy(const struct plan_mount *m, int mounted, struct oci_error *err);

#endif
