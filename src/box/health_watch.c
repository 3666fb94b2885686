/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/health_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "box/events.h"
#include "box/health.h"
#include "box/monitor.h"
#include "box/run_program.h"

#define CHECK_PID "check.pid"
#define KILL_MS 5000 /* how long a killed check may take to be gone */
#define LAST_MS 500  /* between the death of a container's processes and the monitor's */

struct watcher {
	const struct box_home *home;
	const struct box_record *record;
	int monitor; /* a pidfd */
	int runtime; /* RUNTIME/containers/ID */
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int until(int64_t end)
{
	int64_t left = end - now_ms();

	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* Whether the monitor ends before that. */
static bool ends_before(const struct watcher *w, int64_t end)
{
	struct pollfd set = { w->monitor, POLLIN, 0 };

	do {
		if (poll(&set, 1, until(end)) > 0)
			return true;
	} while (now_ms() < end);
	return false;
}

/* --- One check --- */

struct check {
	pid_t pid; /* hull's */
	int ended; /* its pidfd */
	int output;
	char text[HEALTH_OUTPUT_MAX + 1];
	size_t size;
};

static bool is_in_container(const struct watcher *w, int pid)
{
	char path[64];
	struct stat its, containers;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &its) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid",
		       (int)monitor_container_pid(w->home, w->record));
	return stat(path, &containers) == 0 && its.st_ino == containers.st_ino &&
	       its.st_dev == containers.st_dev;
}

/* The check's processes in the container: hull makes the first one the leader of a session. A pid
 * that is in the container may be another's by now, if the check is over; the pidfd keeps it from
 * becoming another's between the two looks. */
static void kill_check(const struct watcher *w)
{
	struct oci_error ignored = { 0 }; /* none was written: there is no process yet */
	char text[32];
	auto_fd process = -1;
	int pid = 0;

	if (file_read_at(w->runtime, CHECK_PID, text, sizeof(text), &ignored) > 0)
		pid = atoi(text);
	process = pid > 1 ? sys_pidfd_open(pid, 0) : -1;
	if (process < 0 || !is_in_container(w, pid) || getsid(pid) != pid)
		return;
	(void)kill(-pid, SIGKILL);
	(void)sys_pidfd_send_signal(process, SIGKILL);
}

/* Takes what is there; what is too much is thrown away. */
static void take(struct check *check)
{
	char rest[4096];
	size_t room = HEALTH_OUTPUT_MAX - check->size;
	ssize_t size = room ? read(check->output, check->text + check->size, room)
			    : read(check->output, rest, sizeof(rest));

	if (size > 0)
		check->size += room ? (size_t)size : 0;
	else if (size == 0 || (errno != EAGAIN && errno != EINTR))
		fd_drop(&check->output);
}

/* Until hull has ended, which is so when the check's first process has: others may hold its output.
 * False when that took longer, or the monitor ended. */
static bool follow(const struct watcher *w, struct check *check, int64_t end, bool monitored)
{
	for (;;) {
		struct pollfd set[] = { { check->ended, POLLIN, 0 },
					{ check->output, POLLIN, 0 },
					{ monitored ? w->monitor : -1, POLLIN, 0 } };

		if (poll(set, 3, until(end)) < 0 && errno != EINTR)
			return false;
		if (check->output >= 0 && set[1].revents)
			take(check);
		if (set[0].revents)
			return true;
		if (set[2].revents || now_ms() >= end)
			return false;
	}
}

static void kill_all(const struct watcher *w, struct check *check)
{
	kill_check(w);
	if (follow(w, check, now_ms() + KILL_MS, false))
		return;
	/* It didn't get as far as a process, or that one can't be killed. */
	(void)kill(-check->pid, SIGKILL);
	kill_check(w);
}

_Noreturn static void execute(char **argv, int output)
{
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setpgid(0, 0); /* a fork's child can */
	if (dup2(null, 0) >= 0 && dup2(output, 1) >= 0 && dup2(output, 2) >= 0)
		(void)execv(argv[0], argv);
	_exit(255);
}

static int begin_check(char **argv, struct check *check, struct oci_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail_sys(err, "pipe");
	(void)fcntl(ends[1], F_SETFL, 0); /* as a program expects it */
	check->pid = fork();
	if (check->pid == 0)
		execute(argv, ends[1]);
	fd_drop(&ends[1]);
	check->output = ends[0];
	check->ended = check->pid < 0 ? -1 : sys_pidfd_open(check->pid, 0);
	return check->ended < 0 ? fail_sys(err, "begin a check") : 0;
}

static char **check_argv(const struct watcher *w, const struct health *health,
			 struct oci_error *err)
{
	auto_free char *pid_file = record_runtime_path(w->home, w->record, CHECK_PID, err);
	auto_free const char **words = calloc(health->command.n + 8, sizeof(*words));
	size_t n = 0;

	if (!pid_file || !words)
		return NULL;
	words[n++] = "exec";
	words[n++] = "--pid-file";
	words[n++] = pid_file;
	words[n++] = w->record->id;
	for (size_t i = 0; i < health->command.n; i++)
		words[n++] = health->command.v[i];
	return monitor_hull_argv(w->home, words, err);
}

/* A check that failed since its container was about to end or was paused says nothing. */
static bool says_something(const struct watcher *w, int64_t exit_code)
{
	bool killed = exit_code == 255 || exit_code == 128 + SIGKILL;

	if (ends_before(w, now_ms() + (killed ? LAST_MS : 0)))
		return false;
	return exit_code == 0 || record_status(w->home, w->record) != BOX_PAUSED;
}

static void conclude(const struct watcher *w, const struct health *health, struct check *check,
		     bool in_time, struct health_result *result)
{
	int status = 0;

	while (waitpid(check->pid, &status, 0) < 0 && errno == EINTR)
		;
	while (in_time && check->output >= 0 && check->size < HEALTH_OUTPUT_MAX) {
		size_t before = check->size;

		take(check);
		if (check->size == before)
			break;
	}
	check->text[check->size] = '\0';
	result->end = record_now();
	result->output = check->text;
	result->exit_code = in_time ? program_status(status) : HEALTH_TIMED_OUT;
	if (!in_time)
		(void)snprintf(check->text, sizeof(check->text),
			       "the check took longer than its %llu ms and was killed",
			       (unsigned long long)health->timeout_ms);
	(void)unlinkat(w->runtime, CHECK_PID, 0); /* hull didn't always write it */
}

/* 1: *result says what came of it, its text in *check. 0: nothing that counts. */
static int run_check(const struct watcher *w, const struct health *health, struct check *check,
		     struct health_result *result, struct oci_error *err)
{
	char **argv = check_argv(w, health, err);
	bool in_time;

	*check = (struct check){ .ended = -1, .output = -1 };
	result->start = record_now();
	if (!argv || begin_check(argv, check, err) < 0) {
		if (argv)
			monitor_free_argv(argv);
		fd_drop(&check->output);
		return -1;
	}
	in_time = follow(w, check, now_ms() + (int64_t)health->timeout_ms, true);
	if (!in_time)
		kill_all(w, check);
	conclude(w, health, check, in_time, result);
	fd_drop(&check->output);
	fd_drop(&check->ended);
	monitor_free_argv(argv);
	return says_something(w, result->exit_code) ? 1 : 0;
}

/* --- All of them --- */

static bool is_young(const struct watcher *w, const struct health *health, int64_t now)
{
	return now - w->record->state.started < (int64_t)health->start_period_ms * 1000000;
}

static int64_t pause_of(const struct watcher *w, const struct health *health)
{
	bool early = is_young(w, health, record_now()) && !strcmp(health->status, "starting");

	return (int64_t)(early ? health->start_interval_ms : health->interval_ms);
}

/* Waits, checks, writes down. 0: goes on; -1: the end, or another life. */
static int do_next(const struct watcher *w, struct health *health, struct oci_error *err)
{
	struct health_result result, room[HEALTH_LOG_MAX];
	struct health after;
	struct check check;
	int outcome;

	if (health->lives != w->record->state.lives ||
	    ends_before(w, now_ms() + pause_of(w, health)))
		return -1;
	if (record_status(w->home, w->record) == BOX_PAUSED)
		return 0;
	outcome = run_check(w, health, &check, &result, err);
	if (outcome < 0) { /* no process, no memory: that is no good sign either */
		result = (struct health_result){ .start = result.start,
						 .end = record_now(),
						 .exit_code = 255,
						 .output = err->text };
		outcome = 1;
	}
	if (outcome == 0)
		return 0;
	health_add(health, &result, is_young(w, health, result.start), &after, room);
	TRY(health_write(w->record->dir, &after, err));
	if (strcmp(after.status, health->status) != 0)
		event_write_text(w->home, w->record, "health_status", "health", after.status);
	return 0;
}

static void watch(const struct watcher *w)
{
	int result = 0;

	kill_check(w); /* of a former watcher, who was killed */
	while (result == 0) {
		struct oci_error ignored = { 0 }; /* there is nobody to tell */
		struct oci_document *doc;
		struct health health;

		result = health_read(w->record->dir, &health, &doc, &ignored);
		if (result == 0)
			result = do_next(w, &health, &ignored);
		json_document_free(doc);
	}
}

/* --- The process --- */

static int open_runtime(const struct box_home *home, const struct box_record *record)
{
	struct oci_error ignored = { 0 };
	auto_free char *path = record_runtime_path(home, record, "", &ignored);

	return path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int health_announce(const struct box_home *home, const struct box_record *record,
		    struct oci_error *err)
{
	auto_fd dir = open_runtime(home, record);
	auto_fd file = dir < 0 ? -1 : openat(dir, "health", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return file < 0 ? fail_sys(err, "make the file 'health'") : 0;
}

bool health_is_watched(const struct box_home *home, const struct box_record *record, pid_t *pid)
{
	auto_fd dir = open_runtime(home, record);
	auto_fd file = dir < 0 ? -1 : openat(dir, "health", O_RDWR | O_CLOEXEC);
	char text[32];
	ssize_t size;

	*pid = 0;
	if (file < 0 || fd_lock(file, F_OFD_GETLK, F_WRLCK) != 1)
		return false;
	size = read(file, text, sizeof(text) - 1);
	if (size > 0) {
		text[size] = '\0';
		*pid = atoi(text);
	}
	return true;
}

/* `held` is the locked file. */
_Noreturn static void be_watcher(const struct watcher *w, int held)
{
	const int kept[] = { w->record->dir, w->monitor, w->runtime, held };
	struct oci_error ignored = {
		0
	}; /* there is nobody to tell: nobody checks, which is seen */
	char text[16];
	int size = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (program_leave("hullbox-health", kept, sizeof(kept) / sizeof(kept[0]), &ignored) == 0 &&
	    pwrite(held, text, (size_t)size, 0) == size)
		watch(w);
	_exit(0);
}

int health_begin(const struct box_home *home, const struct box_record *record,
		 struct oci_error *err)
{
	auto_fd runtime = open_runtime(home, record);
	auto_fd held = runtime < 0 ? -1 : openat(runtime, "health", O_RDWR | O_CLOEXEC);
	auto_fd monitor = held < 0 ? -1 : life_monitor(home, record->id);
	struct watcher w = { home, record, monitor, runtime };

	if (monitor < 0)
		return 0;
	if (fd_lock(held, F_OFD_SETLK, F_WRLCK) < 0)
		return errno == EAGAIN || errno == EACCES ? 0 : fail_sys(err, "lock 'health'");
	if (ftruncate(held, 0) < 0)
		return fail_sys(err, "write 'health'");
	switch (program_fork_twice(err)) {
	case 0:
		be_watcher(&w, held);
	case 1:
		return 0;
	default:
		return -1;
	}
}
