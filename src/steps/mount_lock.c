/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Detached clones that PARENT makes belong, once they are attached, to the container's user
 * namespace like any mount of its own: with CAP_SYS_ADMIN there a process could make writable what
 * the host has read-only, and take off what covers a directory of the host. The kernel locks mounts
 * in one case only: when a mount namespace is copied for another user namespace. So they take that
 * way: attached in a mount namespace that exists for this, copied, and cloned from the copy.
 */
#include "steps/mount_lock.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "steps/idmap.h"
#include "steps/mount_source.h"
#include "steps/spawn.h"

/* Locking makes a slave of what is shared. A container in the caller's own user namespace, which
 * has no more right there than the caller, is given what it asks for; with one of its own the
 * kernel allows nothing else. */
static bool stays_shared(const struct run *run, size_t i)
{
	return !plan_has_ns(run->plan, NS_USER) && run->plan->mounts[i].propagation == MS_SHARED;
}

/* The how manieth tree: the plan's mounts, then the root and the null device; -1 for none. */
static int tree_of(const struct run *run, size_t i)
{
	size_t n = run->plan->n_mounts;

	if (i < n)
		return stays_shared(run, i) ? -1 : run->sources[i];
	return i == n ? run->root_tree : run->null_tree;
}

static size_t count(const struct run *run)
{
	return run->plan->n_mounts + 2;
}

static bool is_unbindable(const struct run *run, size_t i)
{
	return i < run->plan->n_mounts && run->plan->mounts[i].propagation == MS_UNBINDABLE;
}

static int set_propagation(int tree, uint64_t propagation, struct oci_error *err)
{
	struct mount_attr attr = { .propagation = propagation };

	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr the propagation");
	return 0;
}

/* ---- in the copy: the second child ---- */

static int replace_one(const struct run *run, size_t i, struct oci_error *err)
{
	char name[24];
	auto_fd tree = -1;

	(void)snprintf(name, sizeof(name), "%zu", i);
	tree = sys_open_tree(AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return fail_sys(err, "open_tree of a locked mount");
	if (is_unbindable(run, i))
		TRY(set_propagation(tree, MS_UNBINDABLE, err));
	if (dup3(tree, tree_of(run, i), O_CLOEXEC) < 0)
		return fail_sys(err, "dup3");
	return 0;
}

static int replace_all(void *ctx, struct oci_error *err)
{
	struct run *run = ctx;

	for (size_t i = 0; i < count(run); i++)
		if (tree_of(run, i) >= 0)
			TRY(replace_one(run, i, err));
	return 0;
}

/* ---- in the namespace for this: the first child ---- */

/* A file system with a place for each tree, covering "/". Relative paths begin in it then. */
static int make_places(struct oci_error *err)
{
	auto_fd fs = sys_fsopen("tmpfs", 1 /* FSOPEN_CLOEXEC */);
	auto_fd places = -1;

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_sys(err, "make a tmpfs");
	places = sys_fsmount(fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (places < 0)
		return fail_sys(err, "fsmount");
	if (sys_move_mount(places, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount");
	/* As root as well, for whoever isn't at the top of a tree counts as in a chroot, and may
	 * make no user namespace. */
	if (fchdir(places) < 0 || chroot(".") < 0)
		return fail_sys(err, "chroot");
	return fd_take(&places);
}

static int attach_one(const struct run *run, size_t i, int places, struct oci_error *err)
{
	int tree = tree_of(run, i);
	auto_fd place = -1;
	struct stat st;
	char name[24];

	if (fstat(tree, &st) < 0)
		return fail_sys(err, "fstat");
	(void)snprintf(name, sizeof(name), "%zu", i);
	if (S_ISDIR(st.st_mode) && mkdirat(places, name, 0700) < 0)
		return fail_sys(err, "mkdirat");
	if (!S_ISDIR(st.st_mode))
		place = openat(places, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (!S_ISDIR(st.st_mode) && place < 0)
		return fail_sys(err, "make a place");
	/* What is unbindable couldn't be cloned again. */
	if (is_unbindable(run, i))
		TRY(set_propagation(tree, MS_PRIVATE, err));
	if (sys_move_mount(tree, "", places, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount");
	return 0;
}

static int attach_all(const struct run *run, struct oci_error *err)
{
	struct mount_attr apart = { .propagation = MS_PRIVATE };
	auto_fd places = -1;

	if (unshare(CLONE_NEWNS) < 0)
		return fail_sys(err, "unshare(CLONE_NEWNS)");
	/* Else all of this would happen on the host, too. */
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &apart, sizeof(apart)) < 0)
		return fail_sys(err, "mount_setattr '/'");
	places = make_places(err);
	if (places < 0)
		return -1;
	for (size_t i = 0; i < count(run); i++)
		if (tree_of(run, i) >= 0)
			TRY(attach_one(run, i, places, err));
	return 0;
}

/* ---- both, and PARENT ---- */

/* The processes share the table of descriptors, so that a clone takes the number of what it
 * replaces. */
static int attached(void *ctx, struct oci_error *err)
{
	struct run *run = ctx;
	bool made;

	TRY(attach_all(run, err));
	if (spawn_helper(run, CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNS, SPAWN_HELPER_S,
			 replace_all, &made, err) == 0)
		return 0;
	/* Why is found out by PARENT: here is nothing but a tmpfs by now, and no /proc. */
	if (!made)
		(void)snprintf(err->code, sizeof(err->code), "id-mapping");
	return -1;
}

int mount_lock(struct run *run, struct oci_error *err)
{
	bool made;

	if (mount_left_to_init(run->plan))
		return 0;
	if (spawn_helper(run, CLONE_FILES, SPAWN_HELPER_S, attached, &made, err) == 0)
		return 0;
	return strcmp(err->code, "id-mapping") == 0 ? idmap_explain(err) : -1;
}
