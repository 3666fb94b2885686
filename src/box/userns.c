/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/userns.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"

/* systemd's table of ids (UIDS-GIDS): unused, between those of its containers and of its foreign
 * trees. */
#define POOL_END UINT32_C(2147352576)

/* --- What others have --- */

/* "NAME:FIRST:COUNT", the end of a line behind it or not. */
static bool parse_lent(const char *line, char name[256], uint64_t *first, uint64_t *count)
{
	unsigned long long numbers[2];

	if (sscanf(line, "%255[^:\n]:%llu:%llu", name, &numbers[0], &numbers[1]) != 3)
		return false;
	*first = numbers[0];
	*count = numbers[1];
	return true;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

static bool is_lent(const char *text, uint32_t range)
{
	char name[256];
	uint64_t first, count;

	for (const char *line = text; *line; line = next_line(line))
		if (parse_lent(line, name, &first, &count) &&
		    first < (uint64_t)range + USERNS_RANGE && range < first + count)
			return true;
	return false;
}

/* Empty when there is none. */
static int load_lent(bool groups, char **text, struct oci_error *err)
{
	const char *path = groups ? "/etc/subgid" : "/etc/subuid";
	size_t size;

	if (access(path, F_OK) < 0) {
		*text = calloc(1, 1);
		return *text ? 0 : fail_code(err, "out-of-memory", "no memory for '%s'", path);
	}
	return file_load_at(AT_FDCWD, path, (size_t)4 << 20, text, &size, err);
}

/* --- A range of its own --- */

static int open_claims(int root, struct oci_error *err)
{
	int dir;

	if (mkdirat(root, "ids", 0700) < 0 && errno != EEXIST)
		return fail_sys(err, "make the directory 'ids' of the ranges of ids");
	dir = openat(root, "ids", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return dir < 0 ? fail_sys(err, "open the directory 'ids'") : dir;
}

static bool is_of(int dir, const char *name, const char *id)
{
	char target[128];
	ssize_t size = readlinkat(dir, name, target, sizeof(target) - 1);

	if (size < 0)
		return false;
	target[size] = '\0';
	return !strcmp(target, id);
}

/* Whether the claim's container is gone. One that is being made has its directory already. */
static bool is_left(int root, int dir, const char *name)
{
	char target[128], path[192];
	ssize_t size = readlinkat(dir, name, target, sizeof(target) - 1);

	if (size < 0)
		return false;
	target[size] = '\0';
	(void)snprintf(path, sizeof(path), "containers/%s", target);
	return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* 1: taken, 0: somebody else has it. The link is the claim: the kernel makes one of that name. */
static int try_claim(int root, int dir, const char *id, uint32_t first, struct oci_error *err)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", first);
	for (int tries = 0; tries < 2; tries++) {
		if (symlinkat(id, dir, name) == 0 || is_of(dir, name, id))
			return 1;
		if (errno != EEXIST && errno != EINVAL && errno != ENOENT)
			return fail_sys(err, "claim the ids from %u on", first);
		if (!is_left(root, dir, name))
			return 0;
		(void)unlinkat(dir, name, 0); /* the next try tells whether it is gone */
	}
	return 0;
}

/* The range that `id` has already, 0: none. */
static uint32_t find_claim(int dir, const char *id)
{
	DIR *list = fd_list(dir);
	const struct dirent *entry;
	uint32_t first = 0;

	if (!list)
		return 0;
	while (!first && (entry = readdir(list)))
		if (is_of(dir, entry->d_name, id))
			first = (uint32_t)strtoul(entry->d_name, NULL, 10);
	(void)closedir(list);
	return first;
}

int userns_claim(int root, const char *id, struct oci_id_mapping *map, struct oci_error *err)
{
	auto_free char *users = NULL, *groups = NULL;
	auto_fd dir = open_claims(root, err);
	uint32_t own;

	if (dir < 0)
		return -1;
	/* A claim that is left over is taken away by its name, which another may have by now. */
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail_sys(err, "lock the directory 'ids'");
	own = find_claim(dir, id);
	if (own) {
		*map = (struct oci_id_mapping){ 0, own, USERNS_RANGE };
		return 0;
	}
	TRY(load_lent(false, &users, err));
	TRY(load_lent(true, &groups, err));
	for (uint32_t first = USERNS_FIRST; first < POOL_END; first += USERNS_RANGE) {
		int taken;

		if (is_lent(users, first) || is_lent(groups, first))
			continue;
		taken = try_claim(root, dir, id, first, err);
		if (taken < 0)
			return -1;
		if (taken) {
			*map = (struct oci_id_mapping){ 0, first, USERNS_RANGE };
			return 0;
		}
	}
	return fail_code(err, "no-ids", "option '--userns': no range of ids is left from %u to %u",
			 USERNS_FIRST, POOL_END - 1);
}

void userns_release(int root, const char *id)
{
	auto_fd fd = openat(root, "ids", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return; /* nothing was ever claimed */
	fd = -1;	/* closedir() closes it */
	while ((entry = readdir(dir)))
		if (is_of(dirfd(dir), entry->d_name, id))
			(void)unlinkat(dirfd(dir), entry->d_name, 0); /* as good as left over */
	(void)closedir(dir);
}

/* --- A user's own --- */

/* The user's name as /etc/passwd has it, and the number besides. */
static void own_names(char name[256], char number[16])
{
	const struct passwd *entry = getpwuid(geteuid());

	(void)snprintf(number, 16, "%u", geteuid());
	(void)snprintf(name, 256, "%s", entry ? entry->pw_name : number);
}

int userns_own(bool groups, userns_map *map, struct arena *arena, struct oci_error *err)
{
	char name[256], number[16], owner[256];
	auto_free char *text = NULL;
	uint64_t first, count;

	map->v = arena_array(arena, 2, sizeof(*map->v));
	if (!map->v)
		return 0; /* remembered by the arena */
	map->v[0] = (struct oci_id_mapping){ 0, groups ? getegid() : geteuid(), 1 };
	map->n = 1;
	own_names(name, number);
	TRY(load_lent(groups, &text, err));
	for (const char *line = text; *line && map->n == 1; line = next_line(line)) {
		if (!parse_lent(line, owner, &first, &count) || !count ||
		    (strcmp(owner, name) != 0 && strcmp(owner, number) != 0) ||
		    first + count > UINT32_MAX)
			continue;
		map->v[map->n++] = (struct oci_id_mapping){ 1, (uint32_t)first, (uint32_t)count };
	}
	return 0;
}

/* --- File systems through a range --- */

static _Noreturn void wait_for_the_end(int pipe_end)
{
	char byte;

	while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int write_map(pid_t pid, const char *file, const struct oci_id_mapping *map, size_t n,
		     struct oci_error *err)
{
	char path[64], text[4096];
	size_t used = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	for (size_t i = 0; i < n && used < sizeof(text) - 40; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u %u\n",
					 map[i].container_id, map[i].host_id, map[i].size);
	return file_write_at(AT_FDCWD, path, text, err);
}

/* A user namespace lives as long as a process or a descriptor: the process is there to have the
 * maps written, the descriptor stays. */
static int make_userns(const struct oci_id_mapping *map, size_t n, struct oci_error *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	int ends[2], result = -1;
	char path[64];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe2");
	pid = sys_clone3(&args);
	if (pid == 0) {
		(void)close(ends[1]);
		wait_for_the_end(ends[0]);
	}
	if (pid < 0) {
		(void)fail_sys(err, "clone3 a user namespace for the ids");
	} else if (write_map(pid, "uid_map", map, n, err) == 0 &&
		   write_map(pid, "gid_map", map, n, err) == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		result = open(path, O_RDONLY | O_CLOEXEC);
		if (result < 0)
			(void)fail_sys(err, "open '%s'", path);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}

int userns_map_tree(int dir, const char *path, bool recursive, const struct oci_id_mapping *map,
		    size_t n, struct oci_error *err)
{
	auto_fd namespace = make_userns(map, n, err);
	unsigned below = recursive ? AT_RECURSIVE : 0;
	auto_fd tree = -1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

	if (namespace < 0)
		return -1;
	tree = sys_open_tree(dir, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | below |
				     (*path ? 0 : AT_EMPTY_PATH));
	if (tree < 0)
		return fail_sys(err, "open_tree '%s'", path);
	attr.userns_fd = (unsigned)namespace;
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | below, &attr, sizeof(attr)) < 0) {
		(void)fail_sys(err, "map the ids of '%s': its file system may not be able to",
			       path);
		(void)snprintf(err->code, sizeof(err->code), "host");
		return -1;
	}
	return fd_take(&tree);
}
