/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's flags and covers, kept from root of the container's user namespace.
 */
#ifndef STEPS_MOUNT_LOCK_H
#define STEPS_MOUNT_LOCK_H

#include "steps/run.h"

/* PARENT, before the fork: replaces each detached clone of the host's, the root's among them, by
 * one whose flags nobody in the container can take back, and whose lower mounts nobody can take
 * off (mount_namespaces(7), "locked"). Does nothing where INIT is to clone, whose mounts are locked
 * from the start. Nothing of it stays in the host's mount table. */
int mount_lock(struct run *run, struct oci_error *err);

#endif
