/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Copies a tree by fds. The source is the root file system's, which is hostile: an entry is opened
 * below its directory's fd and never through a link, and a type that changes between two looks is
 * an error of the copy, never a way out.
 */
#include "steps/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

enum { DEPTH_MAX = 64 };

/* Opens an entry of `dir`; EXDEV for another mount. */
static int open_same_mount(int dir, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return sys_openat2(dir, name, &how);
}

/* Attributes that a tmpfs doesn't take are left out. */
static void copy_xattrs(int from, int to)
{
	char names[4096], value[4096];
	ssize_t size = flistxattr(from, names, sizeof(names));

	for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
		ssize_t n = fgetxattr(from, name, value, sizeof(value));

		if (n >= 0)
			(void)fsetxattr(to, name, value, (size_t)n,
					0); /* ENOTSUP, EPERM: not here */
	}
}

/* Owner before mode: chown clears set-id bits; times last. */
static int copy_metadata(int from, int to, const struct stat *st, struct oci_error *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return fail_sys(err, "fchown");
	if (fchmod(to, st->st_mode & 07777) < 0)
		return fail_sys(err, "fchmod");
	copy_xattrs(from, to);
	if (futimens(to, times) < 0)
		return fail_sys(err, "futimens");
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, struct oci_error *err)
{
	/* O_NONBLOCK: were it a fifo by now, the open would wait. */
	auto_fd from = open_same_mount(from_dir, name, O_RDONLY | O_NONBLOCK);
	bool elsewhere = from < 0 && errno == EXDEV; /* a file mounted on: its place is kept */
	struct stat st = { .st_mode = S_IFREG };
	auto_fd to = -1;
	ssize_t n;

	if (from < 0 && !elsewhere)
		return fail_sys(err, "openat2");
	if (from >= 0 && fstat(from, &st) < 0)
		return fail_sys(err, "fstat");
	if (!S_ISREG(st.st_mode))
		return fail(err, "changed while it was copied");
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return fail_sys(err, "openat");
	if (elsewhere)
		return 0;
	while ((n = sendfile(to, from, NULL, 1 << 30)) > 0)
		;
	if (n < 0)
		return fail_sys(err, "sendfile");
	return copy_metadata(from, to, &st, err);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st,
		     struct oci_error *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return fail_sys(err, "readlinkat");
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0)
		return fail_sys(err, "symlinkat");
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "fchownat");
	(void)utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW); /* a link's times: best effort */
	return 0;
}

static int copy_node(int to_dir, const char *name, const struct stat *st, struct oci_error *err)
{
	if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0)
		return fail_sys(err, "mknodat");
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "fchownat");
	/* The new tmpfs isn't attached yet: nobody else can have changed the name. */
	if (fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return fail_sys(err, "fchmodat");
	return 0;
}

static int copy_content(int from, int to, unsigned depth, struct oci_error *err);

static int copy_directory(int from_dir, int to_dir, const char *name, unsigned depth,
			  struct oci_error *err)
{
	auto_fd from = open_same_mount(from_dir, name, O_RDONLY | O_DIRECTORY);
	bool elsewhere = from < 0 && errno == EXDEV; /* a mount point: its place is kept */
	struct stat st;
	auto_fd to = -1;

	if (from < 0 && !elsewhere)
		return fail_sys(err, "openat2");
	if (mkdirat(to_dir, name, 0755) < 0)
		return fail_sys(err, "mkdirat");
	if (elsewhere)
		return 0;
	to = open_same_mount(to_dir, name, O_RDONLY | O_DIRECTORY);
	if (to < 0)
		return fail_sys(err, "openat2 the copy");
	if (fstat(from, &st) < 0)
		return fail_sys(err, "fstat");
	TRY(copy_content(from, to, depth + 1, err));
	return copy_metadata(from, to, &st, err);
}

static int copy_entry(int from, int to, const char *name, unsigned depth, struct oci_error *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "fstatat");
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from, to, name, err);
	case S_IFDIR:
		return copy_directory(from, to, name, depth, err);
	case S_IFLNK:
		return copy_link(from, to, name, &st, err);
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
		return copy_node(to, name, &st, err);
	default:
		return 0; /* a socket: whoever listened isn't there */
	}
}

static int copy_content(int from, int to, unsigned depth, struct oci_error *err)
{
	_Alignas(struct dirent64) char buf[4096]; /* 64 levels of it fit on the stack */
	ssize_t size;

	if (depth > DEPTH_MAX)
		return fail(err, "more than %d directories deep", DEPTH_MAX);
	while ((size = getdents64(from, buf, sizeof(buf))) > 0) {
		const struct dirent64 *entry;

		for (ssize_t at = 0; at < size; at += entry->d_reclen) {
			entry = (const void *)(buf + at);
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (copy_entry(from, to, entry->d_name, depth, err) < 0)
				return fail_in(err, "%.255s", entry->d_name);
		}
	}
	if (size < 0)
		return fail_sys(err, "getdents64");
	return 0;
}

int copy_up(int from, int to, struct oci_error *err)
{
	auto_fd readable = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mode_t before = umask(0);
	int result;

	if (readable < 0)
		result = fail_sys(err, "openat the directory below");
	else
		result = copy_content(readable, to, 0, err);
	(void)umask(before); /* cannot fail */
	return result;
}
