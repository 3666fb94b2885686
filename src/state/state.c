/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The container's directory and its lock, and what the kernel says of the container.
 */
#include "state/state.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"

const char *const status_names[] = { "creating", "created", "running", "paused", "stopped" };

int state_check_id(const char *id, struct oci_error *err)
{
	size_t length = strlen(id);

	if (length == 0)
		return fail_code(err, "invalid-id", "the container id is empty");
	if (length > 255)
		return fail_code(err, "invalid-id",
				 "the container id has %zu characters, 255 are allowed", length);
	if (id[0] == '.' || id[0] == '-')
		return fail_code(err, "invalid-id", "the container id '%s' may not begin with '%c'",
				 id, id[0]);
	for (const char *at = id; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("_+.-", *at))
			return fail_code(err, "invalid-id",
					 "the container id '%s' may only have letters, digits and "
					 "_ + . -",
					 id);
	return 0;
}

/* Every missing directory on the way, the last one for the owner only. */
static int make_root(const char *root, struct oci_error *err)
{
	char path[4096];
	size_t length = strlen(root);

	if (mkdir(root, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return fail_sys(err, "make the state root '%s'", root);
	if (length >= sizeof(path))
		return fail(err, "the state root '%.60s...' is too long", root);
	memcpy(path, root, length + 1);
	for (char *at = path + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return fail_sys(err, "make '%s' for the state root", path);
		*at = '/';
	}
	if (mkdir(root, 0700) < 0 && errno != EEXIST)
		return fail_sys(err, "make the state root '%s'", root);
	return 0;
}

/* What is read from a container's directory is acted upon, hooks and all: it must be the caller's
 * own. */
static int check_owner(int dir, const char *root, const char *id, struct oci_error *err)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return fail_sys(err, "fstat '%s/%s'", root, id);
	if (st.st_uid != geteuid())
		return fail_code(err, "state-foreign",
				 "'%s/%s' belongs to user %u: only that user's hull may trust it",
				 root, id, st.st_uid);
	if (st.st_mode & 022)
		return fail_code(err, "state-foreign",
				 "'%s/%s' can be written to by others (mode %04o), so what it says "
				 "of a container can't be trusted",
				 root, id, st.st_mode & 07777);
	return 0;
}

/* In somebody else's directory a container could be renamed to another's name, or away. */
static int check_root(int fd, const char *root, struct oci_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_sys(err, "fstat the state root '%s'", root);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fail_code(err, "state-foreign", "the state root '%s' belongs to user %u",
				 root, st.st_uid);
	if ((st.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
		return fail_code(err, "state-foreign",
				 "everybody may rename what is in the state root '%s' (mode %04o)",
				 root, st.st_mode & 07777);
	return 0;
}

static int open_root(const char *root, struct oci_error *err)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make_root(root, err) < 0)
		return -1;
	if (fd < 0)
		fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_sys(err, "open the state root '%s'", root);
	if (check_root(fd, root, err) < 0) {
		fd_drop(&fd);
		return -1;
	}
	return fd;
}

/* Whoever only looks (state_locked) holds the lock for an instant, which is waited for. */
static int lock(int dir, struct oci_error *err)
{
	for (int tries = 0; flock(dir, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK || tries == 1000)
			return fail_sys(err, "flock");
		(void)poll(NULL, 0, 1);
	}
	return 0;
}

static int open_new(int parent, const char *id, struct oci_error *err)
{
	auto_fd dir = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (dir < 0)
		return fail_sys(err, "open");
	TRY(lock(dir, err));
	/* Before it was locked it looked like a leftover, which a delete may have removed. */
	if (fstat(dir, &st) < 0 || st.st_nlink == 0)
		return fail(err, "it was deleted at once");
	return fd_take(&dir);
}

int state_reserve(const char *root, const char *id, struct oci_error *err)
{
	auto_fd parent = open_root(root, err);
	int dir;

	if (parent < 0)
		return -1;
	if (mkdirat(parent, id, 0700) < 0) {
		if (errno == EEXIST)
			return fail_code(err, "id-taken",
					 "a container with the id '%s' exists already", id);
		return fail_sys(err, "make '%s/%s'", root, id);
	}
	dir = open_new(parent, id, err);
	if (dir < 0) {
		(void)unlinkat(parent, id, AT_REMOVEDIR); /* best effort, the cause is told */
		return fail_in(err, "'%s/%s'", root, id);
	}
	return dir;
}

int state_root_fd(const char *root)
{
	return open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int state_open(const char *root, const char *id, struct oci_error *err)
{
	char path[PATH_MAX];
	auto_fd dir = -1;

	TRY(state_check_id(id, err));
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, id) >= sizeof(path))
		return fail(err, "the state root '%.60s...' is too long", root);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0)
		return check_owner(dir, root, id, err) < 0 ? -1 : fd_take(&dir);
	if (errno != ENOENT && errno != ENOTDIR)
		return fail_sys(err, "open '%s'", path);
	(void)fail_code(err, "no-container", "container '%s' does not exist", id);
	err->num = ENOENT;
	return -1;
}

bool state_locked(int dir)
{
	/* The fd is open_file of its own, so the lock is tried and given back. */
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(dir, LOCK_UN);
	return false;
}

bool state_try_lock(int dir)
{
	return flock(dir, LOCK_EX | LOCK_NB) == 0;
}

void state_unlock(int dir)
{
	(void)flock(dir, LOCK_UN); /* can't fail for an open directory */
}

bool state_take_hooks(int dir)
{
	struct stat st;

	return state_try_lock(dir) && fstat(dir, &st) == 0 && !(st.st_mode & S_ISVTX);
}

void state_hooks_ran(int dir)
{
	/* Where it can't be done the directory can't be removed either, which is told then. */
	(void)fchmod(dir, 0700 | S_ISVTX);
}

/* Removes what hull may have put into a directory below `dir`, and it. */
static void remove_notify(int dir)
{
	auto_fd notify = openat(dir, STATE_NOTIFY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (notify < 0)
		return;
	(void)unlinkat(notify, "socket", 0);
	(void)unlinkat(dir, STATE_NOTIFY, AT_REMOVEDIR);
}

static int remove_content(int dir, const char *root, const char *id, struct oci_error *err)
{
	static const char *const files[] = { STATE_START_SOCKET,
					     STATE_CONFIG,
					     STATE_SECCOMP,
					     "." STATE_SECCOMP ".new",
					     STATE_UPDATED,
					     "." STATE_UPDATED ".prepared",
					     ".." STATE_UPDATED ".prepared.new",
					     "." STATE_CONFIG ".new",
					     "." STATE_FILE ".new",
					     STATE_FILE };

	remove_notify(dir);
	/* state.json last: as long as it is there, what else is left can be found. */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (unlinkat(dir, files[i], 0) < 0 && errno != ENOENT)
			return fail_sys(err, "remove '%s/%s/%s'", root, id, files[i]);
	return 0;
}

/* Whether `dir` is still what the name in `parent` means. */
static bool is_named(int parent, const char *id, int dir)
{
	struct stat opened, named;

	return fstat(dir, &opened) == 0 && fstatat(parent, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

int state_remove_opened(const char *root, const char *id, int dir, struct oci_error *err)
{
	auto_fd parent = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open the state root '%s'", root);
	TRY(remove_content(dir, root, id, err));
	/* Were it replaced between these two, the new one has files in it and stays. */
	if (!is_named(parent, id, dir))
		return 0;
	if (unlinkat(parent, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_sys(err, "remove '%s/%s'", root, id);
	return 0;
}

int state_remove(const char *root, const char *id, struct oci_error *err)
{
	auto_fd parent = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd dir = -1;

	if (parent < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open the state root '%s'", root);
	dir = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open '%s/%s'", root, id);
	return state_remove_opened(root, id, dir, err);
}

int state_process_stat(pid_t pid, char *letter, unsigned *flags, uint64_t *start)
{
	struct oci_error error = { 0 };
	char path[32], buf[1024];
	char state;
	unsigned process_flags;
	unsigned long long start_time;
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_at(AT_FDCWD, path, buf, sizeof(buf), &error) <= 0) {
		errno = error.num ? error.num : ESRCH;
		return -1;
	}
	/* The second field is the name in parentheses, which may hold anything. */
	at = strrchr(buf, ')');
	if (!at || sscanf(at,
			  ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  &state, &process_flags, &start_time) != 3) {
		errno = EPROTO;
		return -1;
	}
	if (letter)
		*letter = state;
	if (flags)
		*flags = process_flags;
	if (start)
		*start = start_time;
	return 0;
}

int state_boot_id(char buf[40], struct oci_error *err)
{
	TRY((int)file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", buf, 40, err));
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

void state_time(const struct timespec *at, char buf[40])
{
	static const int days_of[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t days = at->tv_sec / 86400, year = 1970;
	unsigned second = (unsigned)(at->tv_sec % 86400), month = 0;

	for (; days >= 365 + is_leap(year); year++)
		days -= 365 + is_leap(year);
	for (; days >= days_of[month] + (month == 1 && is_leap(year)); month++)
		days -= days_of[month] + (month == 1 && is_leap(year));
	(void)snprintf(buf, 40, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", (unsigned)year % 10000,
		       (month + 1) % 100, (unsigned)(days + 1) % 100, second / 3600,
		       second / 60 % 60, second % 60, (unsigned)at->tv_nsec);
}

void state_now(char buf[40])
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	state_time(&now, buf);
}

static bool frozen(const struct state *state)
{
	struct oci_error ignored;
	char path[PATH_MAX], buf[256];

	if (!state->cgroup || !state->cgroup_root)
		return false;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s/cgroup.events", state->cgroup_root,
			     state->cgroup) >= sizeof(path))
		return false;
	return file_read_at(AT_FDCWD, path, buf, sizeof(buf), &ignored) > 0 &&
	       strstr(buf, "frozen 1");
}

/* Is the process of state.json still there, and is it the same? */
static bool alive(const struct state *state, unsigned *flags)
{
	struct oci_error ignored;
	char boot_id[40], letter;
	uint64_t start;

	/* What can't be looked at, for want of descriptors or memory, isn't gone: taken for dead it
	 * would be deleted, and killed with its cgroup, without --force. */
	*flags = 0;
	if (state_process_stat(state->pid, &letter, flags, &start) < 0)
		return errno != ENOENT && errno != ESRCH;
	if (start != state->pid_start || letter == 'Z' || letter == 'X')
		return false;
	/* Start times count from boot, so another boot could have the same pid and time. */
	return state_boot_id(boot_id, &ignored) < 0 || strcmp(boot_id, state->boot_id) == 0;
}

enum status state_status(int dir, const struct state *state, int *pidfd)
{
	/* Opened before the process is looked at: what is found alive is what the fd refers to. */
	auto_fd fd = state->pid > 0 && pidfd ? sys_pidfd_open(state->pid, 0) : -1;
	unsigned flags;

	if (pidfd)
		*pidfd = -1;
	if (state->pid <= 0)
		return state_locked(dir) ? STATUS_CREATING : STATUS_STOPPED;
	if (!alive(state, &flags))
		return STATUS_STOPPED;
	if (pidfd)
		*pidfd = fd_take(&fd);
	if (!state->created[0])
		return state_locked(dir) ? STATUS_CREATING : STATUS_STOPPED;
	if (frozen(state))
		return STATUS_PAUSED;
	return flags & STATE_PF_FORKNOEXEC ? STATUS_CREATED : STATUS_RUNNING;
}

int state_fail_pidfd(const struct state *state, struct oci_error *err)
{
	return fail(err, "no descriptor for process %d", state->pid);
}
