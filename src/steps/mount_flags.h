/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Attributes of mounts, with errors that say which one the kernel holds fast.
 */
#ifndef STEPS_MOUNT_FLAGS_H
#define STEPS_MOUNT_FLAGS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/sys.h"

/* mount_setattr(2) on the mount whose root `mount` is, and with `recursive` on all below it. Flags
 * of a mount that came from a more privileged mount namespace are locked (mount_namespaces(7)):
 * then the error names those that can't be cleared. */
int mount_flags_set(int mount, bool recursive, struct mount_attr *attr, struct oci_error *err);

#endif
