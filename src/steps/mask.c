/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Masked and read-only paths. A path that isn't there needs no cover; one that can't be covered is
 * an error. One tree serves many places: its first use attaches it, the others attach clones of
 * that mount (a detached tree can't be cloned before Linux 6.15).
 */
#include "steps/mask.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"

struct cover {
	int tree;
	bool attached;
};

/* Below /proc and /sys "it isn't there" may only be said by the kernel's own file system: whoever
 * can write to the image's tree, as a container with the same root can, could swap the directory
 * that it is mounted on for an empty one while the masks are put, and back afterwards. So where
 * config.json mounts such a file system, its root is looked up and checked, once, then the rest in
 * it. */
static const struct {
	const char *at, *type;
	long magic;
} kernels[] = { { "/proc", "proc", PROC_SUPER_MAGIC }, { "/sys", "sysfs", SYSFS_MAGIC } };

enum { KERNELS = sizeof(kernels) / sizeof(kernels[0]) };

/* The roots of those looked up so far, or -1. */
struct starts {
	int fd[KERNELS];
};

#define STARTS_NONE ((struct starts){ { -1, -1 } })

static void starts_drop(struct starts *starts)
{
	for (size_t i = 0; i < KERNELS; i++)
		fd_drop(&starts->fd[i]);
}

static bool is_mounted(const struct plan *plan, size_t kernel)
{
	bool mounted = false;

	for (size_t i = 0; i < plan->n_mounts; i++) {
		const struct plan_mount *m = &plan->mounts[i];

		if (m->kind != MOUNT_REMOUNT && strcmp(m->destination, kernels[kernel].at) == 0)
			mounted =
				m->kind == MOUNT_NEW && strcmp(m->type, kernels[kernel].type) == 0;
	}
	return mounted;
}

static int open_kernel(const struct run *run, size_t kernel, struct oci_error *err)
{
	auto_fd fd = inroot_open(run->rootfs, kernels[kernel].at, O_PATH | O_DIRECTORY, err);
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs) < 0)
		return fail_sys(err, "fstatfs '%s'", kernels[kernel].at);
	if (fs.f_type != kernels[kernel].magic)
		return fail(err, "'%s' is no longer the %s that was mounted there",
			    kernels[kernel].at, kernels[kernel].type);
	return fd_take(&fd);
}

/* The fd to start from, run->rootfs or one of `starts`; *path becomes what is below it. */
static int start_of(const struct run *run, const char **path, struct starts *starts,
		    struct oci_error *err)
{
	for (size_t i = 0; i < KERNELS; i++) {
		size_t length = strlen(kernels[i].at);

		if (strncmp(*path, kernels[i].at, length) != 0 || (*path)[length] != '/' ||
		    strstr(*path, "/..") || !is_mounted(run->plan, i))
			continue;
		if (starts->fd[i] < 0)
			starts->fd[i] = open_kernel(run, i, err);
		*path += length;
		return starts->fd[i];
	}
	return run->rootfs;
}

/* The path's fd, or -1: *missing says that there is nothing. */
static int look(const struct run *run, const char *path, struct starts *starts, bool *missing,
		struct oci_error *err)
{
	int start, fd;

	*missing = false;
	start = start_of(run, &path, starts, err);
	if (start < 0)
		return -1;
	fd = inroot_try_open(start, path, O_PATH);
	*missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (fd < 0 && !*missing)
		return fail_sys(err, "openat2 '%s'", path);
	/* What is covered now may be such a root, or lead to one. */
	if (start == run->rootfs)
		starts_drop(starts);
	return fd;
}

static int attach(int tree, int target, struct oci_error *err)
{
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount");
	return 0;
}

static int put(struct cover *cover, int target, struct oci_error *err)
{
	auto_fd copy = -1;

	if (!cover->attached) {
		TRY(attach(cover->tree, target, err));
		cover->attached = true;
		return 0;
	}
	copy = sys_open_tree(cover->tree, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (copy < 0)
		return fail_sys(err, "open_tree the cover");
	return attach(copy, target, err);
}

/* An empty tmpfs that nothing can be written to. */
static int make_empty_directory(struct oci_error *err)
{
	auto_fd fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mounted;

	if (fs < 0)
		return fail_sys(err, "fsopen tmpfs");
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_sys(err, "fsconfig tmpfs");
	mounted = sys_fsmount(fs, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				      MOUNT_ATTR_NOEXEC);
	if (mounted < 0)
		return fail_sys(err, "fsmount tmpfs");
	return mounted;
}

static int mask_path(struct run *run, const char *path, struct starts *starts, struct cover *null,
		     struct cover *empty, struct oci_error *err)
{
	bool missing;
	auto_fd target = look(run, path, starts, &missing, err);
	struct stat st;

	if (target < 0)
		return missing ? 0 : -1;
	if (fstat(target, &st) < 0)
		return fail_sys(err, "fstat");
	if (!S_ISDIR(st.st_mode))
		return put(null, target, err);
	if (empty->tree < 0) {
		empty->tree = make_empty_directory(err);
		if (empty->tree < 0)
			return -1;
	}
	return put(empty, target, err);
}

int mask_paths(struct run *run, struct oci_error *err)
{
	struct cover null = { .tree = run->null_tree };
	struct cover empty = { .tree = -1 };
	struct starts starts = STARTS_NONE;
	int result = 0;

	for (size_t i = 0; result == 0 && i < run->plan->n_masked; i++) {
		const char *path = run->plan->masked_paths[i];

		result = mask_path(run, path, &starts, &null, &empty, err);
		if (result < 0)
			(void)fail_in(err, "/linux/maskedPaths/%zu: mask '%s'", i, path);
	}
	starts_drop(&starts);
	fd_drop(&empty.tree);
	fd_drop(&run->null_tree);
	return result;
}

/* A clone of the path on itself, so that the rest of its mount stays writable. */
static int readonly_path(const struct run *run, const char *path, struct starts *starts,
			 struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	bool missing;
	auto_fd target = look(run, path, starts, &missing, err);
	auto_fd tree = -1;

	if (target < 0)
		return missing ? 0 : -1;
	tree = sys_open_tree(target, "",
			     AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return fail_sys(err, "open_tree");
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr");
	return attach(tree, target, err);
}

int mask_readonly_paths(struct run *run, struct oci_error *err)
{
	struct starts starts = STARTS_NONE;
	int result = 0;

	for (size_t i = 0; result == 0 && i < run->plan->n_readonly; i++) {
		const char *path = run->plan->readonly_paths[i];

		result = readonly_path(run, path, &starts, err);
		if (result < 0)
			(void)fail_in(err, "/linux/readonlyPaths/%zu: make '%s' read-only", i,
				      path);
	}
	starts_drop(&starts);
	return result;
}
