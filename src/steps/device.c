/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Device nodes: made with mknodat(2) in a directory that the resolver handed back. The root file
 * system may have prepared anything at these names; what exists is compared, never replaced.
 */
#include "steps/device.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/inroot.h"
#include "base/sys.h"

/* The directory of the last device: most are in /dev. */
struct parent {
	int fd;
	const char *path; /* of a device in it */
	size_t length;	  /* of the directory's part of the path */
	bool gives_group; /* set-group-id: what is made in it has its group */
};

static const char *type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "fifo";
	case S_IFREG:
		return "regular file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symbolic link";
	default:
		return "socket";
	}
}

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

static bool same_device(const struct plan_device *d, const struct stat *st)
{
	return (st->st_mode & S_IFMT) == (d->mode & S_IFMT) &&
	       (!is_device(d->mode) || st->st_rdev == d->number);
}

/* Something has the name already. A default device that the image ships as something else is left:
 * all runtimes do, and images rely on it; one of linux.devices is an error (runtime-spec,
 * config-linux.md "Devices"). */
static int accept_existing(int dir, const char *name, const struct plan_device *d,
			   struct oci_error *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "fstatat");
	if (same_device(d, &st) || d->is_default)
		return 0;
	errno = EEXIST;
	if (is_device(st.st_mode))
		return fail_sys(err, "a different %s, %u:%u, is there", type_word(st.st_mode),
				major(st.st_rdev), minor(st.st_rdev));
	return fail_sys(err, "a %s is there", type_word(st.st_mode));
}

static int clone_node(const struct plan_device *d, const char *path)
{
	auto_fd tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat st;

	if (tree >= 0 && fstat(tree, &st) == 0 && same_device(d, &st))
		return fd_take(&tree);
	return -1;
}

/* The kernel's own name for a number, as devtmpfs has it: "DEVNAME=..." of its uevent. */
static bool kernel_name(const char *kind, const struct plan_device *d, char path[PATH_MAX])
{
	char name[64], text[1024];
	struct oci_error ignored = { 0 }; /* there are other ways to find the node */
	char *at;

	(void)snprintf(name, sizeof(name), "/sys/dev/%s/%u:%u/uevent", kind, major(d->number),
		       minor(d->number));
	if (file_read_at(AT_FDCWD, name, text, sizeof(text), &ignored) < 0)
		return false;
	at = strstr(text, "DEVNAME=");
	if (!at)
		return false;
	at += strlen("DEVNAME=");
	at[strcspn(at, "\n")] = '\0';
	(void)snprintf(path, PATH_MAX, "/dev/%s", at);
	return true;
}

/* A clone of the host's node for this number, found at the container's path, else where udev lists
 * nodes by number, else by the kernel's name. INIT still sees the host's tree. */
static int clone_host_node(const struct plan_device *d, struct oci_error *err)
{
	const char *kind = S_ISBLK(d->mode) ? "block" : "char";
	char by_number[64], by_name[PATH_MAX];
	int tree = clone_node(d, d->path);

	(void)snprintf(by_number, sizeof(by_number), "/dev/%s/%u:%u", kind, major(d->number),
		       minor(d->number));
	if (tree < 0)
		tree = clone_node(d, by_number);
	if (tree < 0 && kernel_name(kind, d, by_name))
		tree = clone_node(d, by_name);
	if (tree >= 0)
		return tree;
	errno = EPERM;
	return fail_sys(err, "mknodat; and the host has no such node at '%s' or '%s' to bind",
			d->path, by_number);
}

/* What is bound stays the host's: its mode can't be made narrower for the container, and an open
 * would fail on a mount without devices. */
static int check_host_node(const struct plan_device *d, int tree, struct oci_error *err)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(tree, &st) < 0 || fstatvfs(tree, &fs) < 0)
		return fail_sys(err, "fstat the host's node");
	if (d->mode_given && (st.st_mode & 0777 & ~d->mode))
		return fail(err,
			    "the host's node, which is bound because mknod isn't permitted here, "
			    "has mode %04o: that gives more than fileMode %04o, and is the host's",
			    st.st_mode & 07777, d->mode & 07777);
	if (fs.f_flag & ST_NODEV)
		return fail(err, "the host's node, which is bound because mknod isn't permitted "
				 "here, lies on a nodev mount whose flags are locked");
	return 0;
}

static int bind_host_node(const struct run *run, const struct plan_device *d, struct oci_error *err)
{
	/* Read-only stops no one from writing to the device, but a chmod or chown inside would else
	 * be one of the host's node. */
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY,
				   .attr_clr = MOUNT_ATTR_NODEV,
				   .propagation = MS_PRIVATE };
	auto_fd tree = clone_host_node(d, err);
	auto_fd target = -1;

	if (tree < 0)
		return -1;
	/* Clearing nodev may be forbidden where the host's mount is another user namespace's. */
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		attr.attr_clr = 0;
		if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			return fail_sys(err, "mount_setattr");
	}
	TRY(check_host_node(d, tree, err));
	target = inroot_make_file(run->rootfs, d->path, err);
	if (target < 0)
		return -1;
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount the host's node");
	return 0;
}

/* Opens the directory of the device's path and points at the last component. */
static const char *open_parent(const struct run *run, struct parent *parent,
			       const struct plan_device *d, struct oci_error *err)
{
	const char *slash = strrchr(d->path, '/');
	size_t length = slash ? (size_t)(slash - d->path) : 0;
	char name[NAME_MAX + 1];
	struct stat st;

	if (parent->fd >= 0 && parent->length == length &&
	    strncmp(parent->path, d->path, length) == 0 && slash[1] != '\0' &&
	    strcmp(slash, "/.") != 0 && strcmp(slash, "/..") != 0)
		return slash + 1;
	fd_drop(&parent->fd);
	parent->fd = inroot_make_parent(run->rootfs, d->path, name, err);
	parent->path = d->path;
	parent->length = length;
	if (parent->fd < 0)
		return NULL;
	if (fstat(parent->fd, &st) < 0) {
		(void)fail_sys(err, "fstat its directory");
		return NULL;
	}
	parent->gives_group = (st.st_mode & S_ISGID) != 0;
	return slash + 1;
}

/* By an fd of the node that was made: in a directory that others can write to, the name alone could
 * be another file by now. */
static int set_owner(int dir, const char *name, const struct plan_device *d, struct oci_error *err)
{
	auto_fd node = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (node < 0 || fstat(node, &st) < 0)
		return fail_sys(err, "open the new node");
	if (!same_device(d, &st) || st.st_nlink != 1)
		return fail(err, "the new node was replaced while its owner was set");
	if (fchownat(node, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return fail_sys(err, "fchownat %u:%u", d->uid, d->gid);
	return 0;
}

/* In a user namespace a node is bound on an empty file, which an earlier container with the same
 * root may have left. */
static bool is_place(const struct run *run, int dir, const char *name, const struct plan_device *d)
{
	struct stat st;

	return (plan_has_ns(run->plan, NS_USER) || run->plan->host->nested) && is_device(d->mode) &&
	       fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size == 0;
}

static int make(const struct run *run, struct parent *parent, const struct plan_device *d,
		struct oci_error *err)
{
	const char *name = open_parent(run, parent, d, err);
	struct stat st;

	if (!name)
		return -1;
	if (d->in_bind) {
		if (fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return accept_existing(parent->fd, name, d, err);
		return fail_sys(err, "it would be made in a directory of the host that is bound "
				     "there");
	}
	if (mknodat(parent->fd, name, d->mode, d->number) < 0) {
		if (errno == EEXIST && is_place(run, parent->fd, name, d))
			return bind_host_node(run, d, err);
		if (errno == EEXIST)
			return accept_existing(parent->fd, name, d, err);
		if (errno == EPERM && is_device(d->mode))
			return bind_host_node(run, d, err);
		return fail_sys(err, "mknodat");
	}
	if (d->uid != 0 || d->gid != 0 || parent->gives_group)
		return set_owner(parent->fd, name, d, err);
	return 0;
}

int device_make_all(struct run *run, struct oci_error *err)
{
	struct parent parent = { .fd = -1 };
	mode_t before = umask(0);
	int result = 0;

	for (size_t i = 0; result == 0 && i < run->plan->n_devices; i++) {
		const struct plan_device *d = &run->plan->devices[i];

		result = make(run, &parent, d, err);
		if (result == 0)
			continue;
		if (d->is_default)
			(void)fail_in(err, "make the default device '%s'", d->path);
		else
			(void)fail_in(err, "/linux/devices/%zu: make '%s' (%s %u:%u)", d->index,
				      d->path, type_word(d->mode), major(d->number),
				      minor(d->number));
	}
	fd_drop(&parent.fd);
	(void)umask(before); /* cannot fail */
	return result;
}

static bool has_kcore(const struct run *run)
{
	auto_fd fd = inroot_try_open(run->rootfs, "/proc/kcore", O_PATH | O_NOFOLLOW);

	return fd >= 0;
}

int device_links(struct run *run, struct oci_error *err)
{
	/* runtime-spec, runtime-linux.md "Dev symbolic links"; core: as all runtimes do */
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
		{ "ptmx", "pts/ptmx" },		 { "core", "/proc/kcore" },
	};
	size_t n = sizeof(links) / sizeof(links[0]);
	auto_fd dir = -1;

	if (!run->plan->device_links)
		return 0;
	dir = inroot_make_directory(run->rootfs, "/dev", 0755, err);
	if (dir < 0)
		return -1;
	if (!has_kcore(run))
		n--;
	for (size_t i = 0; i < n; i++) {
		if (symlinkat(links[i].target, dir, links[i].name) < 0 && errno != EEXIST)
			return fail_sys(err, "symlinkat '/dev/%s' -> '%s'", links[i].name,
					links[i].target);
	}
	return 0;
}
