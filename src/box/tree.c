/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"

/* How deep a removal goes before it moves what is deeper to the top, since each level is an open
 * descriptor. */
#define LEVELS 64

struct removal {
	int top; /* where the tree lies, and what is moved to */
	const char *name;
	unsigned moved; /* counts what was moved, for a name */
};

static bool is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int open_level(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd = sys_openat2(dir, name, &how);

	/* Its maker may have locked it against himself, which holds for all but root. */
	if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		fd = sys_openat2(dir, name, &how);
	return fd;
}

static int move_to_top(struct removal *removal, int dir, const char *name)
{
	char to[NAME_MAX + 1];

	int done;

	/* What a removal that was killed had moved has its name still. */
	do {
		(void)snprintf(to, sizeof(to), "%.200s.%u", removal->name, removal->moved++);
		done = renameat(dir, name, removal->top, to);
	} while (done < 0 && (errno == ENOTEMPTY || errno == EEXIST) && removal->moved < UINT_MAX);
	return done;
}

static int remove_at(struct removal *removal, int dir, const char *name, unsigned level);

static int remove_content(struct removal *removal, int fd, unsigned level)
{
	DIR *stream = fd_list(fd);
	const struct dirent *entry;
	int done = 0, saved;

	if (!stream)
		return -1;
	errno = 0;
	while (done == 0 && (entry = readdir(stream)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		done = remove_at(removal, dirfd(stream), entry->d_name, level + 1);
		errno = done < 0 ? errno : 0;
	}
	if (done == 0 && errno != 0)
		done = -1;
	saved = errno;
	(void)closedir(stream);
	errno = saved;
	return done;
}

static int remove_at(struct removal *removal, int dir, const char *name, unsigned level)
{
	auto_fd fd = -1;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -1;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
		return -1;
	if (level > LEVELS)
		return move_to_top(removal, dir, name);
	fd = open_level(dir, name);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1; /* somebody else removes it, too */
	/* A directory whose mode forbids its owner to write; the owner may change that. */
	if (geteuid() != 0 && fchmod(fd, 0700) < 0)
		return -1;
	if (remove_content(removal, fd, level) < 0)
		return -1;
	return unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int tree_remove(int dir, const char *name, struct oci_error *err)
{
	struct removal removal = { .top = dir, .name = name };

	if (remove_at(&removal, dir, name, 0) < 0)
		return fail_sys(err, "remove '%s' and what is in it", name);
	/* Each of those may move deeper ones in turn, which get higher numbers. */
	for (unsigned i = 0; i < removal.moved; i++) {
		char moved[NAME_MAX + 1];

		(void)snprintf(moved, sizeof(moved), "%.200s.%u", name, i);
		if (remove_at(&removal, dir, moved, 0) < 0)
			return fail_sys(err, "remove '%s' and what is in it", moved);
	}
	return 0;
}

int tree_make_directory(const char *path, mode_t mode, struct oci_error *err)
{
	char part[PATH_MAX];
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mode_t before;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return fail_sys(err, "open the directory '%s'", path);
	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return fail(err, "'%.100s...' is too long for a path", path);
	before = umask(0);
	for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
		int made;

		if (slash)
			*slash = '\0';
		made = mkdir(part, mode);
		if (made < 0 && errno != EEXIST && errno != EROFS) {
			(void)umask(before); /* cannot fail */
			return fail_sys(err, "make the directory '%s'", part);
		}
		if (!slash)
			break;
		*slash = '/';
	}
	(void)umask(before);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_sys(err, "open the directory '%s'", path) : fd;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void tree_names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

/* 1 when a name was added, 0 at the end, -1 with errno. */
static int read_name(DIR *stream, char ***names, size_t *n)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? -1 : 0;
	} while (is_dots(entry->d_name));
	if (((*n + 1) & *n) == 0) { /* one below a power of two: the last place is the NULL's */
		char **more = realloc(*names, 2 * (*n + 1) * sizeof(*more));

		if (!more)
			return -1;
		*names = more;
	}
	(*names)[*n] = strdup(entry->d_name);
	if (!(*names)[*n])
		return -1;
	(*names)[++*n] = NULL;
	return 1;
}

char **tree_names(int fd, struct oci_error *err)
{
	DIR *stream = fd_list(fd);
	char **names = calloc(1, sizeof(*names));
	size_t n = 0;
	int got = 1;

	while (stream && names && got > 0)
		got = read_name(stream, &names, &n);
	if (!stream || !names || got < 0) {
		(void)fail_sys(err, "read a directory");
		tree_names_free(names);
		names = NULL;
	}
	if (stream)
		(void)closedir(stream);
	if (names && n > 1)
		qsort(names, n, sizeof(*names), by_bytes);
	return names;
}
