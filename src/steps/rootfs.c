/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The container's root: opened by PARENT, made a mount and entered by INIT. What is mounted below
 * it is in mount.c. Nothing here may touch the host's mount table: every call that changes a mount
 * runs in a new mount namespace, after rootfs_isolate.
 */
#include "steps/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "steps/mount_source.h"

static bool receives_from_host(const struct plan *plan)
{
	return plan->root_propagation == MS_SLAVE || plan->root_propagation == MS_SHARED;
}

static struct mount_attr isolation(const struct plan *plan)
{
	return (struct mount_attr){ .propagation =
					    receives_from_host(plan) ? MS_SLAVE : MS_PRIVATE };
}

/* Root of a user namespace may not be let through to the directory, so PARENT clones it. */
static int clone_root(struct run *run, struct oci_error *err)
{
	struct mount_attr attr = isolation(run->plan);
	auto_fd tree = -1;

	if (mount_left_to_init(run->plan))
		return 0;
	tree = sys_open_tree(run->rootfs, "",
			     AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return fail_sys(err, "/root/path: open_tree '%s'", run->plan->rootfs);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "/root/path: mount_setattr '%s'", run->plan->rootfs);
	run->root_tree = fd_take(&tree);
	return 0;
}

int rootfs_open(struct run *run, struct oci_error *err)
{
	const char *path = run->plan->rootfs;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_sys(err, "/root/path: open '%s'", path);
	run->rootfs = fd;
	if (plan_has_ns(run->plan, NS_USER) && plan_new_ns(run->plan, NS_MOUNT))
		return clone_root(run, err);
	return 0;
}

int rootfs_isolate(struct run *run, struct oci_error *err)
{
	struct mount_attr attr = isolation(run->plan);

	if (!plan_new_ns(run->plan, NS_MOUNT))
		return 0;
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0) {
		if (errno == EINVAL)
			return fail_sys(err, "mount_setattr '/': hull's own root is no mount "
					     "(a chroot?), so its mounts can't be kept apart");
		return fail_sys(err, "mount_setattr '/'");
	}
	return 0;
}

/* The fd from PARENT belongs to the runtime's mount namespace and can be neither cloned nor mounted
 * on here; so the same directory is looked up once more, and checked. */
static int open_again(const struct run *run, struct oci_error *err)
{
	const char *path = run->plan->rootfs;
	auto_fd place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat opened, here;

	if (place < 0)
		return fail_sys(err, "/root/path: open '%s'", path);
	if (fstat(place, &here) < 0 || fstat(run->rootfs, &opened) < 0)
		return fail_sys(err, "/root/path: fstat '%s'", path);
	if (here.st_dev != opened.st_dev || here.st_ino != opened.st_ino)
		return fail(err, "/root/path: '%s' was replaced while the container was made",
			    path);
	return fd_take(&place);
}

int rootfs_attach(struct run *run, struct oci_error *err)
{
	const char *path = run->plan->rootfs;
	auto_fd place = -1;
	auto_fd tree = -1;

	if (!plan_new_ns(run->plan, NS_MOUNT))
		return 0;
	place = open_again(run, err);
	tree = fd_take(&run->root_tree);
	/* Not let through: over the root, then, which absolute paths don't look at the top of. */
	if (place < 0 && tree >= 0 && err->num == EACCES) {
		*err = (struct oci_error){ 0 };
		place = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		run->root_covers = true;
	}
	if (place < 0)
		return -1;
	if (tree < 0)
		tree = sys_open_tree(place, "",
				     AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE |
					     OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return fail_sys(err, "open_tree '%s'", path);
	if (sys_move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return fail_sys(err, "move_mount '%s'", path);
	fd_drop(&run->rootfs);
	run->rootfs = fd_take(&tree);
	return 0;
}

/* Swaps the root for the container's and lets go of the host's tree. */
static int enter_by_pivot(struct oci_error *err)
{
	if (sys_pivot_root(".", ".") < 0)
		return fail_sys(err, "pivot_root");
	/* The old root now lies on top of the new one; "." resolves to it. */
	if (umount2(".", MNT_DETACH) < 0)
		return fail_sys(err, "umount2 the host's root");
	return 0;
}

/* For a root that pivot_root(2) refuses, as an initramfs: cover "/" and go on from the cover. */
static int enter_by_move(const struct run *run, struct oci_error *err)
{
	if (!run->root_covers &&
	    sys_move_mount(run->rootfs, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount the root to '/'");
	if (chroot(".") < 0)
		return fail_sys(err, "chroot");
	return 0;
}

int rootfs_pivot(struct run *run, struct oci_error *err)
{
	if (fchdir(run->rootfs) < 0)
		return fail_sys(err, "fchdir '%s'", run->plan->rootfs);
	if (!plan_new_ns(run->plan, NS_MOUNT)) {
		if (chroot(".") < 0)
			return fail_sys(err, "chroot '%s'", run->plan->rootfs);
	} else if (run->plan->request->no_pivot) {
		TRY(enter_by_move(run, err));
	} else {
		TRY(enter_by_pivot(err));
	}
	if (chdir("/") < 0)
		return fail_sys(err, "chdir '/'");
	return 0;
}

/* The recursive forms reach mounts with a propagation of their own; it is set again. */
static int propagate_mounts_again(const struct run *run, struct oci_error *err)
{
	for (size_t i = 0; i < run->plan->n_mounts; i++) {
		const struct plan_mount *m = &run->plan->mounts[i];
		struct mount_attr attr = { .propagation = m->propagation };
		unsigned flags = AT_EMPTY_PATH | (m->propagation_recursive ? AT_RECURSIVE : 0);
		auto_fd fd = -1;

		if (m->propagation == 0)
			continue;
		fd = inroot_open(run->rootfs, m->destination, O_PATH, err);
		if (fd < 0)
			return fail_in(err, "/mounts/%zu", m->index);
		if (sys_mount_setattr(fd, "", flags, &attr, sizeof(attr)) < 0)
			return fail_sys(err, "/mounts/%zu: mount_setattr the propagation of '%s'",
					m->index, m->destination);
	}
	return 0;
}

int rootfs_propagate(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;
	struct mount_attr attr = { .propagation = plan->root_propagation };
	unsigned flags = AT_EMPTY_PATH | (plan->root_propagation_recursive ? AT_RECURSIVE : 0);

	/* Private and slave are what rootfs_isolate made of everything. */
	if (plan->root_propagation != MS_SHARED && plan->root_propagation != MS_UNBINDABLE)
		return 0;
	if (sys_mount_setattr(run->rootfs, "", flags, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "/linux/rootfsPropagation: mount_setattr '/'");
	if (plan->root_propagation_recursive)
		return propagate_mounts_again(run, err);
	return 0;
}

int rootfs_readonly(struct run *run, struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (!run->plan->root_readonly)
		return 0;
	if (sys_mount_setattr(run->rootfs, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "/root/readonly: mount_setattr '/'");
	return 0;
}
