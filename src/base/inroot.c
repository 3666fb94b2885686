/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Paths inside a container's root: every look-up is one openat2(2) with RESOLVE_IN_ROOT, and what
 * is made is made in a directory that such a look-up handed back. Nothing here joins a path to the
 * root's host path, and nothing goes on by path where an fd is at hand.
 */
#include "base/inroot.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"

/* A rename or mount anywhere on the host while ".." is resolved makes openat2(2) answer EAGAIN. */
#define TRIES 512

/* How many dangling links one look-up follows. */
#define LINKS 8

static int resolve(int dir, const char *path, int flags, mode_t mode, uint64_t resolve_flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve_flags,
	};
	int fd = -1;

	for (int i = 0; i < TRIES; i++) {
		fd = sys_openat2(dir, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
		if (i % 16 == 15)
			(void)sched_yield(); /* best effort: let the renamer get on */
	}
	return fd;
}

int inroot_try_open(int root, const char *path, int flags)
{
	if (path[0] == '\0')
		path = "/";
	return resolve(root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int inroot_try_open_plain(int root, const char *path, int flags)
{
	return resolve(root, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int inroot_read_regular(int path_fd)
{
	char path[64];
	struct stat st;

	if (fstat(path_fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int inroot_open(int root, const char *path, int flags, struct oci_error *err)
{
	int fd = inroot_try_open(root, path, flags);

	if (fd < 0)
		return fail_sys(err, "openat2 '%s' in the root", path);
	return fd;
}

/* Opens the entry `name` of a directory as it is: no link, no way up or out. */
static int open_entry(int dir, const char *name, int flags)
{
	return resolve(dir, name, flags | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* The directory `name` in `dir`, made. Returns its fd, -1 with errno: EEXIST when something else,
 * such as a dangling link, has the name. */
static int make_entry(int dir, const char *name, mode_t mode)
{
	mode_t before = umask(0);
	int made = mkdirat(dir, name, mode);
	int fd;

	(void)umask(before); /* cannot fail */
	if (made < 0 && errno != EEXIST)
		return -1;
	fd = open_entry(dir, name, O_PATH | O_DIRECTORY);
	if (fd < 0 && made < 0)
		errno = EEXIST;
	return fd;
}

/* Where a dangling link `name` in `dir` leads, as a path from the root; link_path is its own.
 * Images have such links: /var/lock to /run/lock, with a fresh tmpfs on /run. -1 with errno. */
static int follow_dangling(int dir, const char *name, const char *link_path, char target[PATH_MAX])
{
	char text[PATH_MAX];
	const char *slash = strrchr(link_path, '/');
	ssize_t size = readlinkat(dir, name, text, sizeof(text) - 1);
	int used;

	if (size < 0) {
		errno = EEXIST; /* no link, so something else is in the way */
		return -1;
	}
	text[size] = '\0';
	used = text[0] == '/' || !slash ? snprintf(target, PATH_MAX, "%s", text)
					: snprintf(target, PATH_MAX, "%.*s/%s",
						   (int)(slash - link_path), link_path, text);
	if (used >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int walk_and_make(int root, const char *path, mode_t mode, int links, struct oci_error *err);

/* Makes the directory that the dangling link `name` in `dir` names. */
static int make_link_target(int root, int dir, const char *link_path, const char *name, mode_t mode,
			    int links, struct oci_error *err)
{
	char target[PATH_MAX];

	if (links == 0)
		errno = ELOOP;
	if (links == 0 || follow_dangling(dir, name, link_path, target) < 0)
		return fail_sys(err, "make the directory '%s' in the root", link_path);
	return walk_and_make(root, target, mode, links - 1, err);
}

/* Walks `path` from the root component by component. Each prefix is looked up from the root anew,
 * so that links and ".." mean what they mean inside; only a last name that is missing is made. */
static int walk_and_make(int root, const char *path, mode_t mode, int links, struct oci_error *err)
{
	auto_fd dir = inroot_open(root, "/", O_PATH | O_DIRECTORY, err);
	char prefix[PATH_MAX];
	size_t end = 0;

	if (dir < 0)
		return -1;
	if (strlen(path) >= sizeof(prefix)) {
		errno = ENAMETOOLONG;
		return fail_sys(err, "make the directory '%.60s...'", path);
	}
	for (;;) {
		size_t start = end + strspn(path + end, "/");
		int next;

		if (path[start] == '\0')
			return fd_take(&dir);
		end = start + strcspn(path + start, "/");
		memcpy(prefix, path, end);
		prefix[end] = '\0';
		next = inroot_try_open(root, prefix, O_PATH | O_DIRECTORY);
		if (next < 0 && errno == ENOENT)
			next = make_entry(dir, prefix + start, mode);
		if (next < 0 && errno == EEXIST) {
			next = make_link_target(root, dir, prefix, prefix + start, mode, links,
						err);
			if (next < 0)
				return -1;
		}
		if (next < 0)
			return fail_sys(err, "make the directory '%s' in the root", prefix);
		fd_drop(&dir);
		dir = next;
	}
}

int inroot_make_directory(int root, const char *path, mode_t mode, struct oci_error *err)
{
	int fd = inroot_try_open(root, path, O_PATH | O_DIRECTORY);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return fail_sys(err, "openat2 '%s' in the root as a directory", path);
	return walk_and_make(root, path, mode, LINKS, err);
}

int inroot_make_parent(int root, const char *path, char name[256], struct oci_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	char parent[PATH_MAX];
	int length = slash ? (int)(slash - path) : 0;

	if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return fail(err, "'%s' has no name of its own as its last component", path);
	if (strlen(last) > NAME_MAX || length >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return fail_sys(err, "'%.60s...'", path);
	}
	memcpy(name, last, strlen(last) + 1);
	(void)snprintf(parent, sizeof(parent), "%.*s", length, path); /* fits: checked above */
	return inroot_make_directory(root, parent, 0755, err);
}

static int make_file(int root, const char *path, int links, struct oci_error *err)
{
	char name[NAME_MAX + 1], target[PATH_MAX];
	struct stat st;
	mode_t before;
	auto_fd fd = inroot_try_open(root, path, O_PATH);
	auto_fd parent = -1;

	if (fd >= 0) {
		if (fstat(fd, &st) < 0)
			return fail_sys(err, "fstat '%s'", path);
		if (!S_ISDIR(st.st_mode))
			return fd_take(&fd);
		errno = EISDIR;
		return fail_sys(err, "'%s' in the root", path);
	}
	if (errno != ENOENT)
		return fail_sys(err, "openat2 '%s' in the root", path);
	parent = inroot_make_parent(root, path, name, err);
	if (parent < 0)
		return -1;
	before = umask(0);
	fd = resolve(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0644,
		     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	(void)umask(before); /* cannot fail */
	if (fd >= 0)
		return fd_take(&fd);
	if (errno == EEXIST && links == 0)
		errno = ELOOP;
	if (errno != EEXIST || follow_dangling(parent, name, path, target) < 0)
		return fail_sys(err, "make the file '%s' in the root", path);
	return make_file(root, target, links - 1, err);
}

int inroot_make_file(int root, const char *path, struct oci_error *err)
{
	return make_file(root, path, LINKS, err);
}
