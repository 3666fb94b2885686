/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The root file system of the container: opened, kept from propagating, attached as a mount of its
 * own, entered. Order: rootfs_open, rootfs_isolate, rootfs_attach, (mounts, devices by fd of the
 * root), rootfs_pivot, (masks), rootfs_propagate, rootfs_readonly.
 */
#ifndef STEPS_ROOTFS_H
#define STEPS_ROOTFS_H

#include "steps/run.h"

/* PARENT (INIT, after the join, when the mount namespace is given by path): opens plan->rootfs into
 * run->rootfs as O_PATH. A symbolic link is followed: the path comes from config.json, which is
 * trusted. For a container in a user namespace also a detached clone in run->root_tree, where
 * PARENT may make one. Missing or not a directory: an error that says so, at /root/path. */
int rootfs_open(struct run *run, struct oci_error *err);

/* INIT in a new mount namespace: makes every mount in it private, or slave where the root's
 * propagation needs a host's mounts to arrive (rshared, rslave); nothing done here can reach the
 * host afterwards. */
int rootfs_isolate(struct run *run, struct oci_error *err);

/* INIT in a new mount namespace: puts a recursive clone of the root on its own place, private so
 * far, so that it is a mount whose attributes are the container's alone (over "/" where root of the
 * user namespace isn't let through to that place); run->rootfs is then the root of that mount. */
int rootfs_attach(struct run *run, struct oci_error *err);

/* INIT: makes run->rootfs its "/". A new mount namespace: pivot_root(2), the host's tree detached;
 * with --no-pivot the root is moved over "/" and chroot(2) enters it. A joined or shared one:
 * chroot by fd. The working directory is "/". */
int rootfs_pivot(struct run *run, struct oci_error *err);

/* INIT, after the last mount (masks too: an unbindable root can't be cloned any more, and a shared
 * one makes what is mounted on it shared): sets linux.rootfsPropagation shared or unbindable on the
 * root mount, with the r-forms on all below it but mounts that name their own. Private and slave
 * came about by rootfs_isolate; then this does nothing. */
int rootfs_propagate(struct run *run, struct oci_error *err);

/* INIT, after the pivot: the root mount (not what is mounted below it) becomes read-only. Does
 * nothing unless plan->root_readonly. */
int rootfs_readonly(struct run *run, struct oci_error *err);

#endif
