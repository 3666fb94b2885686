/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * src/state against the kernel and a directory of its own: ids, reserving and locks, state.json
 * written and read, broken ones, and what is told of processes that are dead, zombies, of another
 * boot or not the same any more. As root also a state root that is full or read-only.
 */
#include "state/state.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "tests/unit/tap.h"

static char top[64] = "/tmp/hull-state.XXXXXX";
static char root[96]; /* TOP/a/root: two directories are made for it */

static const char *in_root(const char *name)
{
	static char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

/* --- ids --- */

static void check_ids(void)
{
	static const char *const good[] = {
		"a", "_", "+", "0", "A_b+c.d-e", "a.", "a-", "+.", "_-"
	};
	static const char *const bad[] = { "",	  ".",	 "..",	"-",  ".a",   "-a",	  "a/b",
					   "a b", "a\n", "a:b", "a@", "a\\b", "\xc3\xa4", "a\x7f" };
	char longest[257];
	struct oci_error err = { 0 };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		tap_ok(!state_check_id(good[i], &err), "'%s' is an id", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct oci_error){ 0 };
		tap_ok(state_check_id(bad[i], &err) < 0 && !strcmp(err.code, "invalid-id"),
		       "bad id %zu is none: %.40s", i, strchr(bad[i], '\n') ? "" : err.text);
	}
	memset(longest, 'i', sizeof(longest));
	longest[255] = '\0';
	tap_ok(!state_check_id(longest, &err), "255 characters are an id");
	longest[255] = 'i';
	longest[256] = '\0';
	tap_ok(state_check_id(longest, &err) < 0, "256 are too many: %s", err.text);
}

/* --- the directory and its lock --- */

static void check_reserve(void)
{
	struct oci_error err = { 0 };
	auto_fd dir = state_reserve(root, "c1", &err);
	auto_fd second = -1;
	struct stat st;

	tap_ok(dir >= 0, "an id is reserved: %s", err.text);
	tap_ok(stat(root, &st) == 0 && (st.st_mode & 07777) == 0700 &&
		       stat(in_root("c1"), &st) == 0 && (st.st_mode & 07777) == 0700,
	       "the root was made, and both are the owner's only");
	tap_ok(fcntl(dir, F_GETFD) & FD_CLOEXEC, "its fd is close-on-exec");
	tap_ok(state_reserve(root, "c1", &err) < 0 && !strcmp(err.code, "id-taken"),
	       "it can't be reserved again: %s", err.text);
	second = state_open(root, "c1", &err);
	tap_ok(second >= 0 && state_locked(second), "it is opened, and seen to be locked");
	tap_ok(state_locked(second), "looking doesn't change that");
	fd_drop(&dir);
	tap_ok(!state_locked(second), "closing gives the lock back");
	err = (struct oci_error){ 0 };
	tap_ok(state_open(root, "none", &err) < 0 && err.num == ENOENT &&
		       !strcmp(err.code, "no-container"),
	       "an unknown one has its code");
	tap_is_str(err.text, "container 'none' does not exist", "and the words callers look for");
	tap_ok(state_open(root, "../c1", &err) < 0, "an id can't be a path");
	tap_ok(!state_remove(root, "c1", &err) && access(in_root("c1"), F_OK) < 0, "it is removed");
	tap_ok(!state_remove(root, "c1", &err), "removing what isn't there is fine");
	tap_ok(!state_remove("/nonexistent/root", "c1", &err), "also without a root");
	tap_ok(state_open("/nonexistent/root", "c1", &err) < 0 && !strcmp(err.code, "no-container"),
	       "without a root there is no container");
}

static void check_links(void)
{
	struct oci_error err = { 0 };

	tap_ok(symlink("/tmp", in_root("link")) == 0 && state_open(root, "link", &err) < 0,
	       "a link in the root is no container: %s", err.text);
	tap_ok(state_reserve(root, "link", &err) < 0, "and can't be reserved");
	(void)unlink(in_root("link"));
}

/* Two at once: exactly one gets it. */
static void check_race(void)
{
	struct oci_error err = { 0 };
	int bad = 0;

	fflush(stdout);
	for (int round = 0; round < 50; round++) {
		pid_t pids[4];
		int winners = 0, status;
		int gate[2];

		if (pipe2(gate, O_CLOEXEC) < 0)
			return;
		for (int i = 0; i < 4; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				char byte;

				(void)close(gate[1]);
				(void)!read(gate[0], &byte, 1);
				_exit(state_reserve(root, "race", &err) >= 0 ? 0 : 1);
			}
		}
		(void)close(gate[1]);
		(void)close(gate[0]);
		for (int i = 0; i < 4; i++)
			winners += waitpid(pids[i], &status, 0) == pids[i] && status == 0;
		bad += winners != 1;
		(void)state_remove(root, "race", &err);
	}
	tap_is_int(bad, 0, "of four creators at once exactly one gets the id, 50 times");
}

/* Someone who looks at each directory for an instant doesn't make a creator fail. */
static void check_looker(void)
{
	struct oci_error err = { 0 };
	int failures = 0;
	pid_t looker;

	fflush(stdout);
	looker = fork();
	if (looker == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			auto_fd dir = state_open(root, "seen", &err);

			if (dir >= 0)
				(void)state_locked(dir);
		}
	}
	for (int i = 0; i < 300; i++) {
		auto_fd dir = state_reserve(root, "seen", &err);

		failures += dir < 0;
		fd_drop(&dir);
		(void)state_remove(root, "seen", &err);
	}
	(void)kill(looker, SIGKILL);
	(void)waitpid(looker, NULL, 0);
	tap_is_int(failures, 0, "300 containers are reserved while another process looks");
}

/* Someone who takes what isn't locked for a leftover, and removes it while holding the lock: a
 * creator may lose against it, but then it is told. */
static void check_remover(void)
{
	struct oci_error err = { 0 };
	int lost = 0;
	pid_t remover;

	fflush(stdout);
	remover = fork();
	if (remover == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			auto_fd dir = open(in_root("left"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			if (dir >= 0 && state_try_lock(dir))
				(void)state_remove_opened(root, "left", dir, &err);
		}
	}
	for (int i = 0; i < 3000; i++) {
		auto_fd dir = state_reserve(root, "left", &err);

		lost += dir >= 0 && access(in_root("left"), F_OK) < 0;
		if (dir >= 0)
			(void)state_remove_opened(root, "left", dir, &err);
	}
	(void)kill(remover, SIGKILL);
	(void)waitpid(remover, NULL, 0);
	(void)state_remove(root, "left", &err);
	tap_is_int(lost, 0, "no creator goes on with a directory that was removed meanwhile");
}

static void check_remove(void)
{
	struct oci_error err = { 0 };
	auto_fd dir = state_reserve(root, "full", &err);
	static const char *const files[] = { STATE_FILE, STATE_CONFIG, STATE_START_SOCKET,
					     "." STATE_FILE ".new", "." STATE_CONFIG ".new" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		auto_fd file = openat(dir, files[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		tap_ok(file >= 0, "%s", files[i]);
	}
	tap_ok(mkdirat(dir, STATE_NOTIFY, 0700) == 0 &&
		       mknodat(dir, STATE_NOTIFY "/socket", S_IFREG | 0600, 0) == 0,
	       "and " STATE_NOTIFY "/socket");
	tap_ok(!state_remove(root, "full", &err) && access(in_root("full"), F_OK) < 0,
	       "are all removed: %s", err.text);
	fd_drop(&dir);
	dir = state_reserve(root, "other", &err);
	tap_ok(mknodat(dir, "not-mine", S_IFREG | 0600, 0) == 0 &&
		       state_remove(root, "other", &err) < 0 && err.num == ENOTEMPTY &&
		       strstr(err.text, in_root("other")),
	       "a file that hull doesn't know stays, and the directory is named: %s", err.text);
	(void)unlinkat(dir, "not-mine", 0);
	(void)state_remove(root, "other", &err);
}

static void check_long_root(void)
{
	struct oci_error err = { 0 };
	auto_fd dir = -1;
	auto_fd again = -1;
	char path[3000], id[256];
	size_t used = strlen(root);

	(void)snprintf(path, sizeof(path), "%s", root);
	while (used < 1500) {
		path[used++] = '/';
		memset(path + used, 'd', 200);
		used += 200;
	}
	path[used] = '\0';
	memset(id, 'i', 255);
	id[255] = '\0';
	dir = state_reserve(path, id, &err);
	again = state_open(path, id, &err);
	tap_ok(dir >= 0 && again >= 0 && state_locked(again),
	       "a root of %zu bytes with an id of 255 works: %s", used, err.text);
	tap_ok(!state_remove(path, id, &err), "and is removed");
	for (char *slash;
	     rmdir(path) == 0 && (slash = strrchr(path, '/')) && slash > path + strlen(root) - 1;)
		*slash = '\0';
}

/* --- state.json --- */

static struct oci_pair pairs[] = { { (char[]){ "a" }, (char[]){ "b\"\n" } },
				   { (char[]){ "k" }, (char[]){ "" } } };

static struct state sample(void)
{
	struct oci_error err = { 0 };
	struct state state = {
		.id = "c1",
		.bundle = "/b \"x\"",
		.rootfs = "/b/rootfs",
		.owner = UINT32_MAX - 1,
		.pid = INT32_MAX,
		.pid_start = UINT64_MAX,
		.cgroup = "a/c1",
		.cgroup_root = "/sys/fs/cgroup",
		.cgroup_made = true,
		.cgroup_parents = 4096,
		.cgroup_inode = UINT64_MAX,
		.has_process = true,
		.hooks_poststart = true,
		.hooks_poststop = true,
		.notify = true,
		.own_pid_ns = true,
		.annotations = { pairs, 2 },
	};

	state_now(state.created);
	if (state_boot_id(state.boot_id, &err) < 0)
		tap_ok(false, "the boot id: %s", err.text);
	return state;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_state(const struct state *a, const struct state *b)
{
	bool same = same_text(a->id, b->id) && same_text(a->bundle, b->bundle) &&
		    same_text(a->rootfs, b->rootfs) && same_text(a->created, b->created) &&
		    same_text(a->boot_id, b->boot_id) && same_text(a->cgroup, b->cgroup) &&
		    same_text(a->cgroup_root, b->cgroup_root) && a->owner == b->owner &&
		    a->pid == b->pid && a->pid_start == b->pid_start &&
		    a->cgroup_made == b->cgroup_made && a->cgroup_parents == b->cgroup_parents &&
		    a->cgroup_inode == b->cgroup_inode && a->has_process == b->has_process &&
		    a->hooks_poststart == b->hooks_poststart &&
		    a->hooks_poststop == b->hooks_poststop && a->notify == b->notify &&
		    a->own_pid_ns == b->own_pid_ns && a->annotations.n == b->annotations.n;

	for (size_t i = 0; same && i < a->annotations.n; i++)
		same = same_text(a->annotations.v[i].key, b->annotations.v[i].key) &&
		       same_text(a->annotations.v[i].value, b->annotations.v[i].value);
	return same;
}

static void check_round_trip(int dir)
{
	struct oci_error err = { 0 };
	struct state full = sample(), read_back;
	struct state least = { .id = "c", .bundle = "/", .rootfs = "/r", .boot_id = "x" };
	struct stat st;

	tap_ok(!state_write(dir, &full, &err) && !state_load(dir, NULL, &read_back, &err) &&
		       same_state(&full, &read_back),
	       "a full state is read as it was written: %s", err.text);
	state_done(&read_back);
	state_done(&read_back);
	tap_ok(fstatat(dir, STATE_FILE, &st, 0) == 0 && (st.st_mode & 07777) == 0600,
	       "the file is the owner's only");
	tap_ok(!state_write(dir, &least, &err) && !state_load(dir, NULL, &read_back, &err) &&
		       same_state(&least, &read_back),
	       "and so is the least one, which replaces it: %s", err.text);
	state_done(&read_back);
	tap_ok(faccessat(dir, "." STATE_FILE ".new", F_OK, 0) < 0, "no temporary file stays");
}

static void check_broken(int dir, const char *text, const char *code, const char *part)
{
	struct oci_error err = { 0 };
	struct state state;

	if (file_replace_at(dir, STATE_FILE, text, strlen(text), 0600, &err) < 0)
		tap_ok(false, "%s", err.text);
	tap_ok(state_load(dir, NULL, &state, &err) < 0 && !strcmp(err.code, code) &&
		       strstr(err.text, part) && strstr(err.text, STATE_FILE) && !state.doc,
	       "%.40s is %s: %s", text, code, err.text);
}

#define HEAD "{\"format\":1,\"id\":\"c1\",\"bundle\":\"/b\",\"bootId\":\"x\""

static void check_load(int dir)
{
	struct oci_error err = { 0 };
	struct state state;

	(void)unlinkat(dir, STATE_FILE, 0);
	tap_ok(state_load(dir, NULL, &state, &err) < 0 && err.num == ENOENT &&
		       !strcmp(err.code, "half-created"),
	       "a missing file is a container that was half created: %s", err.text);
	check_broken(dir, "", "state-broken", "");
	check_broken(dir, HEAD, "state-broken", "");
	check_broken(dir, "[]", "state-broken", "");
	check_broken(dir, "{\"format\":1,\"id\":\"c1\"}", "state-broken", "/b");
	check_broken(dir, HEAD ",\"pid\":-1}", "state-broken", "/pid");
	check_broken(dir, HEAD ",\"pid\":\"1\"}", "state-broken", "/pid");
	check_broken(dir, HEAD ",\"pid\":1,\"pid\":2}", "state-broken", "pid");
	check_broken(dir, "{\"format\":2,\"id\":\"c1\",\"bundle\":\"/b\",\"bootId\":\"x\"}",
		     "state-format", "format 2, this hull knows 1");
	check_broken(dir, "{\"id\":\"c1\",\"bundle\":\"/b\",\"bootId\":\"x\"}", "state-format",
		     "format 0");
	(void)unlinkat(dir, STATE_FILE, 0);
	tap_ok(mkfifoat(dir, STATE_FILE, 0600) == 0 && state_load(dir, NULL, &state, &err) < 0,
	       "a fifo in its place doesn't block");
	(void)unlinkat(dir, STATE_FILE, 0);
}

/* --- status --- */

static enum status status_of(int dir, const struct state *state)
{
	int pidfd = -2;
	enum status status = state_status(dir, state, &pidfd);
	/* A leftover of a killed creator is stopped, and yet there may be a process to kill. */
	bool living = (status != STATUS_STOPPED || !state->created[0]) && state->pid > 0;

	if ((pidfd >= 0) != living)
		tap_ok(false, "a pidfd (%d) comes with a living process only", pidfd);
	fd_drop(&pidfd);
	if (state_status(dir, state, NULL) != status)
		tap_ok(false, "the same without a pidfd");
	return status;
}

static void is_status(int dir, const struct state *state, enum status expected, const char *what)
{
	tap_is_str(status_names[status_of(dir, state)], status_names[expected], "%s is %s", what,
		   status_names[expected]);
}

/* A child that waits without having executed anything, or sleeps after an execve. */
static pid_t start_child(bool execute)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (execute) {
			/* The pipe closes as the program begins. */
			(void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
			_exit(1);
		}
		(void)close(ready[0]);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	(void)!read(ready[0], &byte, 1);
	(void)close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void check_process_status(int dir)
{
	struct state state = sample(), other;
	pid_t pid = start_child(false), running = start_child(true);
	siginfo_t info;
	unsigned flags = 0;
	char letter = 0;

	state.pid = pid;
	state.cgroup = NULL;
	tap_ok(state_process_stat(pid, &letter, &flags, &state.pid_start) == 0 &&
		       state.pid_start > 0 && (flags & STATE_PF_FORKNOEXEC),
	       "a forked child has the flag of one that never executed");
	is_status(dir, &state, STATUS_CREATED, "what waits before its execve");
	other = state;
	other.pid_start++;
	is_status(dir, &other, STATUS_STOPPED, "a pid that another process has now");
	other = state;
	other.boot_id[0] = other.boot_id[0] == '0' ? '1' : '0';
	is_status(dir, &other, STATUS_STOPPED, "one of another boot");
	other = state;
	other.created[0] = '\0';
	is_status(dir, &other, STATUS_STOPPED,
		  "a living process whose creator died before it was created");
	tap_ok(flock(dir, LOCK_EX) == 0, "while a creator has the lock");
	{
		/* A lock belongs to the open file: another one is needed to see it. */
		struct oci_error err = { 0 };
		auto_fd seen = state_open(root, "c1", &err);

		is_status(seen, &other, STATUS_CREATING, "that process");
		other.pid = 0;
		is_status(seen, &other, STATUS_CREATING, "and one without a process yet");
	}
	(void)flock(dir, LOCK_UN);
	is_status(dir, &other, STATUS_STOPPED, "without a process and without a lock it");
	(void)kill(pid, SIGKILL);
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	tap_ok(state_process_stat(pid, &letter, NULL, NULL) == 0 && letter == 'Z', "a zombie");
	is_status(dir, &state, STATUS_STOPPED, "it");
	end_child(pid);
	tap_ok(state_process_stat(pid, NULL, NULL, NULL) < 0, "a reaped one is gone");
	is_status(dir, &state, STATUS_STOPPED, "it");
	state.pid = running;
	(void)state_process_stat(running, NULL, NULL, &state.pid_start);
	is_status(dir, &state, STATUS_RUNNING, "what has executed a program");
	end_child(running);
}

static void check_frozen(int dir)
{
	struct state state = sample();
	char events[128];
	struct oci_error err = { 0 };

	state.pid = start_child(true);
	(void)state_process_stat(state.pid, NULL, NULL, &state.pid_start);
	state.cgroup_root = root;
	state.cgroup = "c1"; /* cgroup.events as a file of ours */
	(void)snprintf(events, sizeof(events), "populated 1\nfrozen 1\n");
	if (file_replace_at(dir, "cgroup.events", events, strlen(events), 0600, &err) < 0)
		tap_ok(false, "%s", err.text);
	is_status(dir, &state, STATUS_PAUSED, "what runs in a frozen cgroup");
	(void)snprintf(events, sizeof(events), "populated 1\nfrozen 0\n");
	(void)file_replace_at(dir, "cgroup.events", events, strlen(events), 0600, &err);
	is_status(dir, &state, STATUS_RUNNING, "and in one that isn't");
	(void)unlinkat(dir, "cgroup.events", 0);
	is_status(dir, &state, STATUS_RUNNING, "and in one that is gone");
	end_child(state.pid);
}

static void check_names(void)
{
	pid_t pid;
	uint64_t start = 0;
	char letter = 0;
	char now[40];

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, ") Z 1 (x");
		(void)kill(getppid(), SIGUSR1);
		for (;;)
			(void)pause();
	}
	{
		sigset_t set;
		int got;

		(void)sigemptyset(&set);
		(void)sigaddset(&set, SIGUSR1);
		(void)sigwait(&set, &got);
	}
	tap_ok(state_process_stat(pid, &letter, NULL, &start) == 0 && letter != 'Z' && start > 0,
	       "a process whose name looks like the fields behind it is read right");
	end_child(pid);
	state_now(now);
	tap_ok(strlen(now) == 30 && now[10] == 'T' && now[29] == 'Z', "now is RFC 3339: %s", now);
}

static void check_times(void)
{
	static const int64_t around[] = { 0, 951782400 /* 2000-02-29 */,
					  1709164800 /* 2024-02-29 */, 4107542400 /* 2100-03-01 */,
					  13574563200 /* 2400-02-29 */ };
	int wrong = 0;

	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
		for (int64_t k = 0; k < 1000; k++) {
			struct timespec at = { .tv_sec = around[i] + k * 43207, .tv_nsec = k };
			char got[40], expected[40];
			struct tm tm;
			size_t used;

			state_time(&at, got);
			(void)gmtime_r(&at.tv_sec, &tm);
			used = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
			(void)snprintf(expected + used, sizeof(expected) - used, ".%09ldZ",
				       at.tv_nsec);
			wrong += strcmp(got, expected) != 0;
		}
	tap_is_int(wrong, 0, "times are what the C library's calendar makes of them");
}

/* --- a root that is full or read-only --- */

static int full_root(void)
{
	struct oci_error err = { 0 };
	struct state state = sample();
	static char large[8192];
	char place[128];
	int dir, bad = 0;

	(void)snprintf(place, sizeof(place), "%s/full", top);
	if (mkdir(place, 0700) < 0 || mount("tmpfs", place, "tmpfs", 0, "size=4k") < 0)
		return 1;
	memset(large, 'x', sizeof(large) - 1);
	state.bundle = large;
	dir = state_reserve(place, "c1", &err);
	bad += dir < 0;
	bad += 2 * (state_write(dir, &state, &err) == 0 || err.num != ENOSPC);
	bad += 4 * !strstr(err.text, STATE_FILE);
	bad += 8 * (faccessat(dir, "." STATE_FILE ".new", F_OK, 0) == 0);
	(void)close(dir);
	bad += 16 * (state_remove(place, "c1", &err) < 0);
	(void)snprintf(place, sizeof(place), "%s/full/c1", top);
	bad += 32 * (access(place, F_OK) == 0);
	printf("# %s\n", err.text);
	fflush(stdout);
	return bad;
}

static int readonly_root(void)
{
	struct oci_error err = { 0 };
	char place[128], below[160];
	int bad = 0;

	(void)snprintf(place, sizeof(place), "%s/ro", top);
	(void)snprintf(below, sizeof(below), "%s/below", place);
	if (mkdir(place, 0700) < 0 || mount("tmpfs", place, "tmpfs", MS_RDONLY, NULL) < 0)
		return 1;
	bad += 2 * (state_reserve(place, "c1", &err) >= 0 || err.num != EROFS ||
		    !strstr(err.text, place) || !strstr(err.text, "c1"));
	err = (struct oci_error){ 0 };
	bad += 4 * (state_reserve(below, "c1", &err) >= 0 || err.num != EROFS ||
		    !strstr(err.text, below));
	printf("# %s\n", err.text);
	fflush(stdout);
	return bad;
}

/* In a mount namespace of its own; the result is the exit status. */
static int with_mounts(int (*part)(void))
{
	pid_t pid;
	int status = 0;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		_exit(part());
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_bad_roots(void)
{
	char path[128];

	if (geteuid() != 0) {
		tap_skip("mounting needs root");
		return;
	}
	tap_is_int(with_mounts(full_root), 0,
		   "a full state root: ENOSPC with the file's name, and nothing stays");
	tap_is_int(with_mounts(readonly_root), 0, "a read-only one: EROFS with the directory");
	(void)snprintf(path, sizeof(path), "%s/full", top);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/ro", top);
	(void)rmdir(path);
}

static void check_files(void)
{
	struct oci_error err = { 0 };
	auto_fd dir = state_reserve(root, "c1", &err);

	check_round_trip(dir);
	check_load(dir);
	(void)flock(dir, LOCK_UN);
	check_process_status(dir);
	check_frozen(dir);
	tap_ok(!state_remove(root, "c1", &err), "all is removed in the end: %s", err.text);
}

int main(void)
{
	char path[80];
	sigset_t set;

	if (!mkdtemp(top))
		return 1;
	(void)alarm(120); /* what hangs fails */
	(void)umask(0022);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)snprintf(root, sizeof(root), "%s/a/root", top);
	check_ids();
	check_times();
	check_reserve();
	check_links();
	check_race();
	check_looker();
	check_remover();
	check_remove();
	check_long_root();
	check_files();
	check_names();
	check_bad_roots();
	(void)rmdir(root);
	(void)snprintf(path, sizeof(path), "%s/a", top);
	(void)rmdir(path);
	tap_ok(rmdir(top) == 0, "nothing else was made");
	return tap_done();
}
