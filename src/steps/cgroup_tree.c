/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See cgroup_tree.h. Going down is by openat() of a name just read, going up by "..", which is safe
 * here: cgroups can't be renamed, and the levels are counted, so no walk rises above its top.
 */
#include "steps/cgroup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A container that makes cgroups faster than they are listed must not hold hull for ever, nor have
 * it keep any number of names. */
#define VISITS_MAX (1UL << 20)

static void dir_drop(DIR **dir)
{
	int saved = errno;

	if (*dir)
		(void)closedir(*dir); /* was only read */
	*dir = NULL;
	errno = saved;
}

#define auto_dir __attribute__((cleanup(dir_drop))) DIR *

/* Both mean that a cgroup was removed: by name, or while its files were open. */
static bool gone(int num)
{
	return num == ENOENT || num == ENODEV;
}

static DIR *open_dir(int at, const char *name)
{
	auto_fd fd = openat(at, name, DIRECTORY);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir)
		(void)fd_take(&fd); /* the stream owns it now */
	return dir;
}

/* The next directory in dir, "." and ".." aside; NULL at the end. */
static const char *next_child(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			return entry->d_name;
	return NULL;
}

/* Replaces *dir by what `name` is there. */
static int step_to(DIR **dir, const char *name)
{
	DIR *next = open_dir(dirfd(*dir), name);

	if (!next)
		return -1;
	dir_drop(dir);
	*dir = next;
	return 0;
}

/* Names still to be visited: an empty one for each directory from the top of the walk down to the
 * current one, after it those in there. */
struct names {
	char *bytes;
	size_t used, room;
	size_t n; /* how many cgroups were ever found */
};

static int names_push(struct names *names, const char *name)
{
	size_t size = strlen(name) + 1;

	if (names->room - names->used < size) {
		size_t room = 2 * names->room + 1024;
		char *grown = realloc(names->bytes, room);

		if (!grown)
			return -1;
		names->bytes = grown;
		names->room = room;
	}
	memcpy(names->bytes + names->used, name, size);
	names->used += size;
	return 0;
}

/* Takes the last one off, which stays where it is until the next push. */
static const char *names_pop(struct names *names)
{
	size_t at = names->used - 1;

	while (at > 0 && names->bytes[at - 1] != '\0')
		at--;
	names->used = at;
	return names->bytes + at;
}

/* In one pass, and never by telldir() and seekdir(): on cgroupfs a position is a hash of the name
 * that comes next, and the container can give many of its cgroups names with the same one. */
static int read_children(DIR *dir, struct names *names, struct oci_error *err)
{
	const char *child = "";

	do {
		if (names_push(names, child) < 0)
			return fail_sys(err, "list cgroups");
		child = next_child(dir);
		if (child && names->n++ == VISITS_MAX)
			return fail(err, "more than %lu cgroups below one", VISITS_MAX);
	} while (child);
	return 0;
}

/* Moves *dir to the next cgroup of the walk, down first. 1: there, 0: the walk is over. */
static int walk_on(DIR **dir, struct names *names, struct oci_error *err)
{
	TRY(read_children(*dir, names, err));
	for (;;) {
		const char *name = names_pop(names);

		if (*name) {
			if (step_to(dir, name) == 0)
				return 1;
			if (!gone(errno))
				return fail_sys(err, "open cgroup '%s'", name);
			continue;
		}
		if (names->used == 0) /* that was the top */
			return 0;
		if (step_to(dir, "..") < 0)
			return fail_sys(err, "open the parent of a cgroup");
	}
}

int cgroup_tree_each(int top, int (*visit)(int dir, void *ctx, struct oci_error *err), void *ctx,
		     struct oci_error *err)
{
	auto_dir dir = open_dir(top, ".");
	struct names names = { 0 };
	int result = 1;

	if (!dir)
		return gone(errno) ? 0 : fail_sys(err, "open cgroup");
	while (result > 0) {
		result = visit(dirfd(dir), ctx, err);
		if (result >= 0)
			result = walk_on(&dir, &names, err);
	}
	free(names.bytes);
	return result;
}

bool cgroup_tree_asks_freeze(int dir)
{
	struct oci_error ignored = { 0 };
	char text[16];

	return file_read_at(dir, "cgroup.freeze", text, sizeof(text), &ignored) > 0 &&
	       text[0] == '1';
}

int cgroup_tree_type(int dir, char type[64], struct oci_error *err)
{
	TRY((int)file_read_at(dir, "cgroup.type", type, 64, err));
	type[strcspn(type, "\n")] = '\0';
	return 0;
}

bool cgroup_tree_above(int dir, const char *path, bool (*is)(int dir), char *above, size_t size)
{
	auto_fd at = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *end;

	(void)snprintf(above, size, "%s", path);
	while (at >= 0 && (end = strrchr(above, '/'))) {
		auto_fd next = -1;

		*end = '\0';
		if (is(at))
			return true;
		next = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd_drop(&at);
		at = fd_take(&next);
	}
	return false;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n');
}

static void parse_events(const char *text, struct cgroup_events *events)
{
	events->populated = has_line(text, "populated 1");
	events->frozen = has_line(text, "frozen 1");
}

int cgroup_tree_events(int dir, struct cgroup_events *events, struct oci_error *err)
{
	char text[256];

	*events = (struct cgroup_events){ 0 };
	if (file_read_at(dir, "cgroup.events", text, sizeof(text), err) < 0) {
		if (!gone(err->num))
			return -1;
		*err = (struct oci_error){ 0 };
		return 0;
	}
	parse_events(text, events);
	return 0;
}

static int append_pid(pid_t **pids, size_t *n, pid_t pid)
{
	/* Room is doubled at each power of two from 64 up. */
	if (*n == 0 || (*n >= 64 && (*n & (*n - 1)) == 0)) {
		pid_t *grown = realloc(*pids, (*n < 64 ? 64 : 2 * *n) * sizeof(*grown));

		if (!grown)
			return -1;
		*pids = grown;
	}
	(*pids)[(*n)++] = pid;
	return 0;
}

/* cgroup.procs or cgroup.threads. */
static int read_pids(int dir, const char *name, pid_t **pids, size_t *n, struct oci_error *err)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int pid, result = 0;

	if (!file) {
		result = fd < 0 && gone(errno) ? 0 : fail_sys(err, "open '%s'", name);
		fd_drop(&fd);
		return result;
	}
	errno = 0;
	while (result == 0 && fscanf(file, "%d", &pid) == 1)
		if (pid > 0 && append_pid(pids, n, pid) < 0)
			result = fail_sys(err, "list processes");
	/* A threaded cgroup has none of its own: its domain, further up, lists them all. */
	if (result == 0 && ferror(file) && !gone(errno) && errno != EOPNOTSUPP)
		result = fail_sys(err, "read '%s'", name);
	(void)fclose(file); /* was only read */
	return result;
}

int cgroup_tree_pids(int dir, pid_t **pids, size_t *n, struct oci_error *err)
{
	return read_pids(dir, "cgroup.procs", pids, n, err);
}

int cgroup_tree_kill(int top, struct oci_error *err)
{
	if (file_write_at(top, "cgroup.kill", "1", err) == 0)
		return 0;
	if (!gone(err->num))
		return -1;
	if (faccessat(top, "cgroup.procs", F_OK, 0) == 0)
		return fail_code(err, "kernel-too-old",
				 "hull needs Linux 5.14 or newer: this kernel has no cgroup.kill");
	*err = (struct oci_error){ 0 };
	return 0;
}

/* Name and state letter as in /proc/PID/stat: "PID (NAME) S ...", which works for threads, too. The
 * name is the process's own choice. False: it is gone. */
static bool read_stat(pid_t pid, char stat[256], const char **name, char *letter)
{
	struct oci_error ignored = { 0 };
	char path[32], *start, *end;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_at(AT_FDCWD, path, stat, 256, &ignored) < 0)
		return false;
	start = strchr(stat, '(');
	end = strrchr(stat, ')');
	if (!start || !end || end < start || end[1] != ' ')
		return false;
	*end = '\0';
	for (char *c = start; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	*name = start + 1;
	*letter = end[2];
	return true;
}

static void describe_process(pid_t pid, char *text, size_t size)
{
	char stat[256], letter;
	const char *name;

	if (read_stat(pid, stat, &name, &letter))
		(void)snprintf(text, size, "%d (%s, %c)", (int)pid, name, letter);
	else
		(void)snprintf(text, size, "%d", (int)pid);
}

static bool thread_letter(pid_t tid, char *letter)
{
	char stat[256];
	const char *name;

	return read_stat(tid, stat, &name, letter);
}

struct pid_list {
	pid_t *pids;
	size_t n;
};

static int collect(int dir, void *ctx, struct oci_error *err)
{
	struct pid_list *list = ctx;

	return cgroup_tree_pids(dir, &list->pids, &list->n, err);
}

int cgroup_tree_all_pids(int top, pid_t **pids, size_t *n, struct oci_error *err)
{
	struct pid_list list = { *pids, *n };
	int result = cgroup_tree_each(top, collect, &list, err);

	*pids = list.pids;
	*n = list.n;
	return result;
}

void cgroup_tree_name_pids(const pid_t *pids, size_t n, char *text, size_t size)
{
	size_t used = 0;

	(void)snprintf(text, size, "%s", n ? "" : "processes of another pid namespace");
	for (size_t i = 0; i < n && i < 8 && used < size; i++) {
		char one[64];

		describe_process(pids[i], one, sizeof(one));
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", one);
	}
	if (n > 8 && used < size)
		(void)snprintf(text + used, size - used, " and %zu more", n - 8);
}

void cgroup_tree_describe(int top, char *text, size_t size)
{
	struct pid_list list = { 0 };
	struct oci_error ignored = { 0 };

	/* What couldn't be listed is left out of the text. */
	(void)cgroup_tree_all_pids(top, &list.pids, &list.n, &ignored);
	cgroup_tree_name_pids(list.pids, list.n, text, size);
	free(list.pids);
}

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail */
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static bool can_read(int fd)
{
	struct pollfd now = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&now, 1, 0) > 0;
}

/* The kernel wakes poll() with POLLPRI at each change since the last read, so nothing is missed. */
enum cgroup_wait cgroup_tree_wait(int top, bool (*wanted)(const struct cgroup_events *events),
				  int timeout_ms, int stop_fd, struct oci_error *err)
{
	auto_fd fd = openat(top, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct cgroup_events events = { 0 };
	long deadline = now_ms() + timeout_ms;
	char text[256];

	while (fd >= 0) {
		struct pollfd wait[] = { { .fd = fd, .events = POLLPRI },
					 { .fd = stop_fd, .events = POLLIN } };
		ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
		long left = deadline - now_ms();

		if (got < 0)
			break;
		text[got] = '\0';
		parse_events(text, &events);
		if (wanted(&events))
			return CGROUP_REACHED;
		if (can_read(stop_fd))
			return CGROUP_STOPPED;
		if (left <= 0)
			return CGROUP_TIMED_OUT;
		if (poll(wait, 2, (int)left) < 0 && errno != EINTR)
			break;
	}
	if (!gone(errno))
		return fail_sys(err, "wait for 'cgroup.events'");
	events = (struct cgroup_events){ 0 };
	return wanted(&events) ? CGROUP_REACHED : CGROUP_GONE;
}

static bool is_empty(const struct cgroup_events *events)
{
	return !events->populated;
}

int cgroup_tree_wait_empty(int top, int timeout_ms, struct oci_error *err)
{
	enum cgroup_wait ended = cgroup_tree_wait(top, is_empty, timeout_ms, -1, err);
	char who[512];

	if (ended != CGROUP_TIMED_OUT)
		return ended == CGROUP_FAILED ? -1 : 0;
	cgroup_tree_describe(top, who, sizeof(who));
	return fail_code(err, "cgroup-populated", "still in use after %d ms by %s", timeout_ms,
			 who);
}

/* Frozen threads sleep; one that the kernel can't interrupt ("D") or that runs isn't frozen. */
static int collect_restless(int dir, void *ctx, struct oci_error *err)
{
	struct pid_list *list = ctx;
	auto_free pid_t *threads = NULL;
	struct cgroup_events events;
	size_t n = 0;
	char letter;

	TRY(cgroup_tree_events(dir, &events, err));
	if (events.frozen)
		return 0;
	TRY(read_pids(dir, "cgroup.threads", &threads, &n, err));
	for (size_t i = 0; i < n; i++)
		if (thread_letter(threads[i], &letter) && strchr("DR", letter) &&
		    append_pid(&list->pids, &list->n, threads[i]) < 0)
			return fail_sys(err, "list threads");
	return 0;
}

void cgroup_tree_describe_restless(int top, char *text, size_t size)
{
	struct pid_list list = { 0 };
	struct oci_error ignored = { 0 };

	(void)cgroup_tree_each(top, collect_restless, &list, &ignored);
	if (list.n > 0)
		cgroup_tree_name_pids(list.pids, list.n, text, size);
	else
		cgroup_tree_describe(top, text, size);
	free(list.pids);
}

/* Children that have children of their own answer EBUSY; then it goes down, and after the way back
 * up starts again. When nothing went away below, and it is busy still, then a process is in there.
 */
int cgroup_tree_remove_children(int top, struct oci_error *err)
{
	auto_dir dir = open_dir(top, ".");
	size_t depth = 0;
	bool returned = false, removed = false;

	if (!dir)
		return gone(errno) ? 0 : fail_sys(err, "open cgroup");
	for (;;) {
		const char *child = next_child(dir);

		if (!child && depth == 0)
			return 0;
		if (!child) {
			if (step_to(&dir, "..") < 0)
				return fail_sys(err, "open the parent of a cgroup");
			depth--;
			returned = true;
			continue;
		}
		if (unlinkat(dirfd(dir), child, AT_REMOVEDIR) == 0) {
			removed = true;
			continue;
		}
		if (gone(errno))
			continue;
		if (errno != EBUSY || (returned && !removed))
			return fail_sys(err, "remove cgroup '%s'", child);
		if (step_to(&dir, child) < 0) {
			if (gone(errno))
				continue;
			return fail_sys(err, "open cgroup '%s'", child);
		}
		depth++;
		returned = removed = false;
	}
}
