/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ROOT/.seccomp: one file for each profile, named by a hash of its key, written under a name of its
 * own and renamed, so that readers and other writers see whole files only.
 */
#include "steps/seccomp_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "state/state.h"

/* Whom files belong to whose owner isn't mapped in this user namespace (kernel.overflowuid). */
enum { NOBODY = 65534 };

/* Ours alone? An access list's rights show in the group's bits. */
static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && st->st_uid != NOBODY && (st->st_mode & 022) == 0;
}

int filter_file_read(int dir, const char *name, const char *key, size_t key_size,
		     struct filter *filter, struct oci_error *err)
{
	auto_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_free char *text = NULL;
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return fail_sys(err, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return fail_sys(err, "fstat '%s'", name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || !is_ours(&st))
		return fail(err, "'%s' could have been written by somebody else", name);
	if (st.st_size <= 0 || st.st_size > FILTER_FILE_LIMIT)
		return fail(err, "'%s' has %lld bytes", name, (long long)st.st_size);
	text = malloc((size_t)st.st_size);
	if (!text)
		return fail_code(err, "out-of-memory", "no memory for '%s'", name);
	got = file_read_up_to(fd, text, (size_t)st.st_size);
	if (got < 0)
		return fail_sys(err, "read '%s'", name);
	if (filter_decode(text, (size_t)got, key, key_size, filter, err) < 0)
		return fail_in(err, "'%s'", name);
	return 0;
}

static int open_cache(const char *root)
{
	auto_fd parent = state_root_fd(root);
	auto_fd dir = -1;
	struct stat st;

	if (parent < 0)
		return -1;
	dir = openat(parent, FILTER_CACHE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 || !is_ours(&st))
		return -1;
	return fd_take(&dir);
}

static int make_cache(const char *root)
{
	auto_fd parent = state_root_fd(root);

	if (parent >= 0)
		(void)mkdirat(parent, FILTER_CACHE, 0700); /* opening tells */
	return open_cache(root);
}

static void name_entry(char name[20], const char *key, size_t key_size)
{
	(void)snprintf(name, 20, "%016" PRIx64, filter_key_name(key, key_size));
}

bool filter_cache_find(const char *root, const char *key, size_t key_size, struct filter *filter)
{
	auto_fd dir = open_cache(root);
	struct oci_error ignored = { 0 };
	char name[20];

	if (dir < 0)
		return false;
	name_entry(name, key, key_size);
	return filter_file_read(dir, name, key, key_size, filter, &ignored) == 0;
}

static bool older(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec < b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* One look through the folder: how many files there are, and which is the oldest. What a killed
 * writer left counts too, and so goes in its turn. */
static size_t survey(int dir, char oldest[256])
{
	DIR *list = fd_list(dir);
	struct dirent *entry;
	struct stat first = { 0 };
	size_t n = 0;

	if (!list)
		return 0;
	while ((entry = readdir(list))) {
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n++ > 0 && !older(&st, &first))
			continue;
		first = st;
		(void)snprintf(oldest, 256, "%s", entry->d_name);
	}
	(void)closedir(list); /* was only read */
	return n;
}

static void make_room(int dir)
{
	char oldest[256];

	for (size_t n = survey(dir, oldest); n >= FILTER_CACHE_ENTRIES; n = survey(dir, oldest))
		if (unlinkat(dir, oldest, 0) < 0 && errno != ENOENT)
			return;
}

void filter_cache_keep(const char *root, const char *key, size_t key_size,
		       const struct filter *filter)
{
	struct oci_error ignored = { 0 };
	auto_fd dir = -1;
	auto_fd fd = -1;
	auto_free char *text = NULL;
	char name[20], temporary[32];
	uint64_t random;
	size_t size;

	if (key_size > FILTER_KEY_LIMIT || getrandom(&random, sizeof(random), 0) != sizeof(random))
		return;
	dir = make_cache(root);
	text = dir < 0 ? NULL : filter_encode(filter, key, key_size, &size);
	if (!text)
		return;
	make_room(dir);
	(void)snprintf(temporary, sizeof(temporary), ".new-%016" PRIx64, random);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	name_entry(name, key, key_size);
	if (file_write_all(fd, text, size, &ignored) < 0 || renameat(dir, temporary, dir, name) < 0)
		(void)unlinkat(dir, temporary, 0); /* without it the next one compiles */
}
