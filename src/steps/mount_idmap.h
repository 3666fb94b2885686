/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mounts that show other owners than the file system has (mount_setattr(2), MOUNT_ATTR_IDMAP). All
 * by PARENT before the first process exists: the kernel wants privilege over the file system, and
 * a mount that nobody sees yet. It takes the numbers from a user namespace at that moment, so one
 * with the same mappings does as well as the container's own, which doesn't exist yet.
 */
#ifndef STEPS_MOUNT_IDMAP_H
#define STEPS_MOUNT_IDMAP_H

#include "steps/run.h"

/* PARENT, after mount_open_sources: makes the file systems that are no binds, in run->sources.
 * Theirs is then the runtime's user namespace: the kernel maps no ids for one that belongs to the
 * very namespace whose mappings it would get. */
int mount_idmap_make(struct run *run, struct oci_error *err);

/* PARENT, with run->proc and a user namespace given by path open: maps the ids of run->sources.
 * Changes nothing that anybody else sees. The error names the file system without support. */
int mount_idmap_all(struct run *run, struct oci_error *err);

#endif
