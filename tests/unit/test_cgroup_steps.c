/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The steps that make, kill and remove a cgroup, and the device filter, on the cgroup2 mount of
 * this host: everything happens below one child of it, hull-test-PID, which is gone afterwards.
 * Needs root. Processes in the cgroups are forks of this program, cloned into them as containers
 * are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "plan/device_filter.h"
#include "steps/cgroup.h"
#include "steps/cgroup_tree.h"
#include "steps/device_filter.h"
#include "tests/unit/tap.h"

static struct host host;
static char top[64]; /* "hull-test-PID" */

/* A controller that this host has for cgroup v2 and that isn't one for threads; none: NULL. */
static struct plan_controller controllers[2];

/* --- A container as far as these steps care --- */

struct scene {
	struct plan plan;
	struct request request;
	struct run run;
	struct oci_error err;
	char path[512];
};

/* `name` is below the test's own cgroup. */
static void scene_init(struct scene *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->path, sizeof(s->path), "%s/%s", top, name);
	s->plan.host = &host;
	s->plan.request = &s->request;
	s->plan.cgroup.used = true;
	s->plan.cgroup.path = s->path;
	s->run.plan = &s->plan;
	s->run.cgroup = -1;
	s->run.state.id = name;
	s->run.state.bundle = "/bundle";
}

static int scene_make(struct scene *s)
{
	TRY(cgroup_intend(&s->run, &s->err));
	return cgroup_make(&s->run, &s->err);
}

/* create has ended: the fd that holds the lock is closed. */
static void scene_leave(struct scene *s)
{
	fd_drop(&s->run.cgroup);
}

static const char *full(const char *path)
{
	static char text[4][2048];
	static int turn;
	char *out = text[turn++ % 4];

	(void)snprintf(out, sizeof(text[0]), "%s/%s", host.cgroup_mount, path);
	return out;
}

static bool exists(const char *path)
{
	return access(full(path), F_OK) == 0;
}

static bool put(const char *path, const char *file, const char *value)
{
	char name[2560];
	auto_fd fd = -1;

	(void)snprintf(name, sizeof(name), "%s/%s", full(path), file);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

/* Forks into the cgroup at fd, as a container's first process. 0 in the child. */
static pid_t clone_into(int fd)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD,
				   .cgroup = (uint64_t)fd };

	return sys_clone3(&args);
}

static pid_t clone_waiting(int fd)
{
	pid_t pid = clone_into(fd);

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

static pid_t clone_waiting_at(const char *path)
{
	auto_fd fd = open(full(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return clone_waiting(fd);
}

static bool lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

/* Its signal. A dying process leaves its cgroup a moment before it can be waited for. */
static int died_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* Waits in the kernel until cgroup.events says so. */
static void wait_frozen(const char *path)
{
	char name[2560], text[256];
	auto_fd fd = -1;
	struct pollfd wait = { .events = POLLPRI };

	(void)snprintf(name, sizeof(name), "%s/cgroup.events", full(path));
	wait.fd = fd = open(name, O_RDONLY | O_CLOEXEC);
	for (;;) {
		ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

		if (got <= 0)
			return;
		text[got] = '\0';
		if (strstr(text, "frozen 1"))
			return;
		(void)poll(&wait, 1, 10000);
	}
}

static bool code_is(const struct scene *s, const char *code)
{
	if (strcmp(s->err.code, code) == 0)
		return true;
	printf("# expected code %s, found '%s': %s\n", code, s->err.code, s->err.text);
	return false;
}

/* --- Make and remove --- */

static void check_make(void)
{
	struct scene s;
	pid_t pid;
	struct stat st;

	scene_init(&s, "plain");
	tap_ok(cgroup_intend(&s.run, &s.err) == 0 && s.run.state.cgroup_made && !exists(s.path),
	       "intending changes nothing and says that hull will make it");
	tap_ok(cgroup_make(&s.run, &s.err) == 0 && exists(s.path) && s.run.cgroup >= 0,
	       "a cgroup is made %s", s.err.text);
	tap_ok(stat(full(s.path), &st) == 0 && st.st_ino == s.run.state.cgroup_inode,
	       "its inode is recorded");
	pid = clone_waiting(s.run.cgroup);
	tap_ok(pid > 0, "the fd serves CLONE_INTO_CGROUP");
	scene_leave(&s);
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && !exists(s.path),
	       "it is killed and removed %s", s.err.text);
	tap_is_int(died_of(pid), SIGKILL, "its process was killed");
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0, "removing again is fine");
	tap_ok(cgroup_kill(&s.run.state, &s.err) == 0, "and so is killing");

	scene_init(&s, "a/b/c/deep");
	tap_ok(scene_make(&s) == 0 && s.run.state.cgroup_parents == 3, "three parents are made %s",
	       s.err.text);
	cgroup_undo(&s.run);
	tap_ok(!exists(s.path) && s.run.cgroup == -1, "the undo removes the cgroup");
	(void)snprintf(s.path, sizeof(s.path), "%s/a", top);
	tap_ok(!exists(s.path) && exists(top), "and the parents made for it, but no other");
}

static void check_disabled(void)
{
	struct scene s;

	scene_init(&s, "disabled");
	s.plan.cgroup.used = false;
	tap_ok(scene_make(&s) == 0 && !exists(s.path) && s.run.state.cgroup == NULL &&
		       cgroup_kill(&s.run.state, &s.err) == 0 &&
		       cgroup_remove(&s.run.state, &s.err) == 0 && !cgroup_frozen(&s.run.state),
	       "without a cgroup every deed is a quiet nothing");
	cgroup_undo(&s.run);
}

static void check_shared_parents(void)
{
	struct scene first, second;
	char shared[128];

	scene_init(&first, "shared/one");
	scene_init(&second, "shared/two");
	(void)snprintf(shared, sizeof(shared), "%s/shared", top);
	(void)scene_make(&first);
	(void)scene_make(&second);
	tap_ok(first.run.state.cgroup_parents == 1 && second.run.state.cgroup_parents == 0,
	       "the parent of two was made for the first");
	cgroup_undo(&first.run);
	tap_ok(exists(shared), "the first leaves it to the second");
	cgroup_undo(&second.run);
	tap_ok(!exists(shared), "which removes it, for hull made it");

	(void)mkdir(full(shared), 0755);
	scene_init(&first, "shared/one");
	(void)scene_make(&first);
	cgroup_undo(&first.run);
	tap_ok(exists(shared), "a parent that somebody else made stays");
	(void)rmdir(full(shared));
}

/* --- What is refused --- */

static void check_existing(void)
{
	struct scene s;
	pid_t pid;

	scene_init(&s, "taken");
	(void)mkdir(full(s.path), 0755);
	tap_ok(scene_make(&s) == 0 && !s.run.state.cgroup_made, "an empty one is taken %s",
	       s.err.text);
	pid = clone_waiting(s.run.cgroup);
	scene_leave(&s);
	tap_ok(cgroup_kill(&s.run.state, &s.err) < 0 && code_is(&s, "cgroup-foreign"),
	       "but what is in it isn't killed, since hull didn't make it");
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && exists(s.path) && lives(pid),
	       "nor is it removed");

	scene_init(&s, "taken");
	tap_ok(cgroup_intend(&s.run, &s.err) < 0 && code_is(&s, "cgroup-populated") &&
		       strstr(s.err.text, " (cgroup test, "),
	       "a populated one is refused, and the process named: %s", s.err.text);
	s.err = (struct oci_error){ 0 };
	tap_ok(cgroup_make(&s.run, &s.err) < 0 && code_is(&s, "cgroup-populated") &&
		       s.run.cgroup == -1,
	       "also when it became so in between");
	end(pid);
	(void)put(s.path, "cgroup.freeze", "1");
	wait_frozen(s.path);
	tap_ok(cgroup_intend(&s.run, &s.err) < 0 && code_is(&s, "cgroup-frozen") &&
		       strstr(s.err.text, "0 in its cgroup.freeze thaws it"),
	       "a frozen one is refused: %s", s.err.text);
	(void)rmdir(full(s.path));
}

static void check_frozen_parent(void)
{
	struct scene s;
	char parent[128], said[256];

	(void)snprintf(parent, sizeof(parent), "%s/cold", top);
	(void)snprintf(said, sizeof(said), "is frozen by '/%s' above it", parent);
	(void)mkdir(full(parent), 0755);
	(void)put(parent, "cgroup.freeze", "1");
	scene_init(&s, "cold/x/c");
	tap_ok(scene_make(&s) < 0 && code_is(&s, "cgroup-frozen") && strstr(s.err.text, said),
	       "a new one below a frozen one is refused, which is named: %s", s.err.text);
	(void)snprintf(said, sizeof(said), "0 in '/%s/cgroup.freeze' thaws", parent);
	tap_ok(strstr(s.err.text, said) != NULL, "and what would help");
	(void)put(parent, "cgroup.freeze", "0");
	scene_init(&s, "cold/x/c");
	tap_ok(scene_make(&s) == 0, "and does: %s", s.err.text);
	cgroup_undo(&s.run);
	tap_ok(rmdir(full(parent)) == 0, "and leaves nothing behind");
}

static void check_threaded(void)
{
	struct scene s;
	char parent[128], thread[128], said[256];

	(void)snprintf(parent, sizeof(parent), "%s/domain", top);
	(void)snprintf(thread, sizeof(thread), "%s/domain/thread", top);
	(void)snprintf(said, sizeof(said), "what is below '/%s' is for threads", thread);
	(void)mkdir(full(parent), 0755);
	(void)mkdir(full(thread), 0755);
	tap_ok(put(thread, "cgroup.type", "threaded"), "(a threaded cgroup for the test)");
	scene_init(&s, "domain/thread");
	tap_ok(scene_make(&s) < 0 && code_is(&s, "cgroup-invalid") &&
		       strstr(s.err.text, "is threaded"),
	       "a threaded one is refused: %s", s.err.text);
	scene_init(&s, "domain/thread/c");
	tap_ok(scene_make(&s) < 0 && code_is(&s, "cgroup-invalid") &&
		       strstr(s.err.text, "domain invalid") && strstr(s.err.text, said),
	       "a new one below a threaded one, too, which is named: %s", s.err.text);
	scene_init(&s, "domain/c");
	(void)snprintf(said, sizeof(said), "what is below '/%s' is for threads", parent);
	tap_ok(scene_make(&s) < 0 && code_is(&s, "cgroup-invalid") && strstr(s.err.text, said),
	       "and a new one beside it: %s", s.err.text);
	tap_ok(rmdir(full(thread)) == 0 && rmdir(full(parent)) == 0, "and leaves nothing behind");
}

static void check_root(void)
{
	static const char *const paths[] = { "", "/", ".", "..", "a/..", "../x", "a/./b", "/a" };
	struct scene s;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct oci_error err = { 0 };
		struct state state = { .cgroup = paths[i],
				       .cgroup_root = host.cgroup_mount,
				       .cgroup_made = true };

		tap_ok(cgroup_kill(&state, &err) < 0 && cgroup_remove(&state, &err) < 0 &&
			       cgroup_signal(&state, SIGTERM, &err) < 0,
		       "the path '%s' is never killed, signalled or removed", paths[i]);
		scene_init(&s, "x");
		s.plan.cgroup.path = paths[i];
		tap_ok(cgroup_intend(&s.run, &s.err) < 0 && cgroup_make(&s.run, &s.err) < 0,
		       "nor made: %s", s.err.text);
	}
}

/* --- Controllers --- */

/* The content of a cgroup's file, without its newline. */
static const char *content(const char *path, const char *file)
{
	static char text[512];
	char name[2560];
	auto_fd fd = -1;
	ssize_t got;

	(void)snprintf(name, sizeof(name), "%s/%s", full(path), file);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void find_controller(void)
{
	static const char *const candidates[] = { "hugetlb", "memory", "io" };
	const char *there = content("", "cgroup.controllers");

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		if (strstr(there, candidates[i]))
			controllers[0].name = candidates[i];
	controllers[0].pointer = "/the/property";
}

static void check_controllers(void)
{
	struct scene s;
	char first[128], second[160];

	(void)snprintf(first, sizeof(first), "%s/ctl", top);
	(void)snprintf(second, sizeof(second), "%s/ctl/new", top);
	(void)mkdir(full(first), 0755);
	scene_init(&s, "ctl/new/c");
	s.plan.cgroup.controllers = controllers;
	tap_ok(scene_make(&s) == 0, "a controller is asked for: %s", s.err.text);
	tap_is_str(content(first, "cgroup.subtree_control"), controllers[0].name,
		   "a parent that was there hands it on");
	tap_is_str(content(second, "cgroup.subtree_control"), controllers[0].name,
		   "so does the one that was made");
	tap_is_str(content(s.path, "cgroup.controllers"), controllers[0].name,
		   "so that the cgroup has it");
	tap_is_str(content(s.path, "cgroup.subtree_control"), "", "and keeps it for itself");
	cgroup_undo(&s.run);
	tap_ok(!exists(second), "the undo takes back what was made");
	tap_is_str(content(first, "cgroup.subtree_control"), controllers[0].name,
		   "and leaves what others may rely on by now");
	(void)rmdir(full(first));

	(void)mkdir(full(first), 0755);
	scene_init(&s, "ctl/c");
	(void)scene_make(&s);
	tap_is_str(content(first, "cgroup.subtree_control"), "",
		   "without need for one nothing is enabled");
	cgroup_undo(&s.run);
	(void)rmdir(full(first));
}

static void check_internal_processes(void)
{
	struct scene s;
	char parent[128];
	pid_t pid;

	(void)snprintf(parent, sizeof(parent), "%s/busy", top);
	(void)mkdir(full(parent), 0755);
	pid = clone_waiting_at(parent);
	for (int looking = 1; looking >= 0; looking--) {
		scene_init(&s, "busy/x/c");
		s.plan.cgroup.controllers = controllers;
		tap_ok((looking ? cgroup_intend(&s.run, &s.err) : cgroup_make(&s.run, &s.err)) <
				       0 &&
			       code_is(&s, "cgroup-invalid") &&
			       strstr(s.err.text, "/the/property: ") &&
			       strstr(s.err.text, " (cgroup test, "),
		       "a parent with processes hands nothing on, which is told: %s", s.err.text);
	}
	tap_is_str(content(parent, "cgroup.subtree_control"), "", "it isn't changed");
	scene_init(&s, "busy/x/c");
	tap_ok(scene_make(&s) == 0, "without a controller it may have processes %s", s.err.text);
	cgroup_undo(&s.run);
	end(pid);
	tap_ok(rmdir(full(parent)) == 0, "and nothing is left in it");
}

static void check_threaded_parent(void)
{
	struct scene s;
	char parent[128], thread[160];

	(void)snprintf(parent, sizeof(parent), "%s/domain", top);
	(void)snprintf(thread, sizeof(thread), "%s/domain/thread", top);
	(void)mkdir(full(parent), 0755);
	(void)mkdir(full(thread), 0755);
	(void)put(thread, "cgroup.type", "threaded");
	scene_init(&s, "domain/c");
	s.plan.cgroup.controllers = controllers;
	tap_ok(scene_make(&s) < 0 && code_is(&s, "cgroup-invalid") &&
		       strstr(s.err.text, "of type 'domain threaded'"),
	       "a parent with threaded children hands nothing on: %s", s.err.text);
	tap_ok(rmdir(full(thread)) == 0 && rmdir(full(parent)) == 0, "and nothing is left in it");
}

static void check_no_controller(void)
{
	static const struct plan_controller unknown[] = { { "nonsense", "/a/b" },
							  { .name = NULL } };
	struct scene s;

	scene_init(&s, "none/c");
	s.plan.cgroup.controllers = unknown;
	tap_ok(cgroup_intend(&s.run, &s.err) < 0 && code_is(&s, "cgroup-controller") &&
		       strstr(s.err.text, "/a/b: this host has no nonsense controller"),
	       "a controller that there isn't is refused: %s", s.err.text);
	s.err = (struct oci_error){ 0 };
	tap_ok(cgroup_make(&s.run, &s.err) < 0 && code_is(&s, "cgroup-controller") &&
		       !exists(s.path),
	       "and nothing made: %s", s.err.text);
}

/* On a hybrid host the controllers of cgroup v1 are those that aren't in the list of v2. */
static void check_v1_controller(void)
{
	static const struct plan_controller memory[] = { { "memory", "/a/b" }, { .name = NULL } };
	struct scene s;

	if (strstr(content("", "cgroup.controllers"), "memory") ||
	    access("/sys/fs/cgroup/memory/tasks", F_OK) < 0) {
		tap_skip("this host's memory controller isn't bound to cgroup v1");
		return;
	}
	scene_init(&s, "v1/c");
	s.plan.cgroup.controllers = memory;
	tap_ok(scene_make(&s) < 0 && code_is(&s, "cgroup-controller") &&
		       strstr(s.err.text, "bound to cgroup v1"),
	       "one that is bound to cgroup v1 is told: %s", s.err.text);
}

/* --- Whose it is --- */

static void check_other_inode(void)
{
	struct scene s;
	pid_t pid;

	scene_init(&s, "other");
	(void)scene_make(&s);
	scene_leave(&s);
	(void)rmdir(full(s.path));
	(void)mkdir(full(s.path), 0755);
	pid = clone_waiting_at(s.path);
	tap_ok(cgroup_kill(&s.run.state, &s.err) < 0 && code_is(&s, "cgroup-foreign"),
	       "another cgroup of that name isn't killed: %s", s.err.text);
	s.err = (struct oci_error){ 0 };
	tap_ok(cgroup_signal(&s.run.state, SIGTERM, &s.err) < 0 && code_is(&s, "cgroup-foreign"),
	       "nor signalled");
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && exists(s.path) && lives(pid),
	       "and to remove the container's own is done already");
	end(pid);
	(void)rmdir(full(s.path));
}

/* A stopped container, not deleted yet, and a new one with the same cgroupsPath. */
static void check_leftover(void)
{
	struct scene old, new;
	char child[1024];
	pid_t pid;

	scene_init(&old, "leftover");
	(void)scene_make(&old);
	scene_leave(&old);
	(void)snprintf(child, sizeof(child), "%s/child", old.path);
	(void)mkdir(full(child), 0755);
	scene_init(&new, "leftover");
	new.run.state.id = "new";
	tap_ok(scene_make(&new) == 0 && new.run.state.cgroup_made &&new.run.state.cgroup_inode !=
						old.run.state.cgroup_inode,
	       "what a stopped container left is replaced %s", new.err.text);
	pid = clone_waiting(new.run.cgroup);
	tap_ok(cgroup_kill(&old.run.state, &old.err) < 0 &&
		       cgroup_remove(&old.run.state, &old.err) == 0 && lives(pid),
	       "so that its delete doesn't reach the new one's processes");
	cgroup_undo(&new.run);
	end(pid);
	tap_ok(!exists(old.path), "which goes with its own delete");
}

/* The maker was killed before it could write the inode to state.json. */
static void check_unknown_inode(void)
{
	struct scene s;
	pid_t pid;

	scene_init(&s, "half");
	(void)scene_make(&s);
	pid = clone_waiting(s.run.cgroup);
	scene_leave(&s);
	s.run.state.cgroup_inode = 0;
	s.run.state.id = "somebody";
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && exists(s.path) && lives(pid),
	       "without an inode another container's mark is respected");
	s.run.state.id = "half";
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && !exists(s.path),
	       "and the container's own mark suffices %s", s.err.text);
	end(pid);

	(void)mkdir(full(s.path), 0755);
	pid = clone_waiting_at(s.path);
	tap_ok(cgroup_kill(&s.run.state, &s.err) < 0 && cgroup_remove(&s.run.state, &s.err) == 0 &&
		       exists(s.path) && lives(pid),
	       "without inode and mark a populated one is left alone");
	end(pid);
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && !exists(s.path),
	       "and an empty one is removed");
}

static void check_lock(void)
{
	struct scene first, second;

	scene_init(&first, "race");
	scene_init(&second, "race");
	second.run.state.id = "second";
	(void)scene_make(&first);
	tap_ok(cgroup_make(&second.run, &second.err) < 0 && code_is(&second, "cgroup-populated") &&
		       exists(first.path),
	       "a creator that is at work isn't disturbed: %s", second.err.text);
	cgroup_undo(&second.run);
	tap_ok(exists(first.path), "not by the undo of the one that lost, either");
	cgroup_undo(&first.run);
}

/* --- Kill, signal, list --- */

static void check_frozen_kill(void)
{
	struct scene s;
	pid_t pid;

	scene_init(&s, "frozen");
	(void)scene_make(&s);
	pid = clone_waiting(s.run.cgroup);
	scene_leave(&s);
	tap_is_int(cgroup_frozen(&s.run.state), 0, "a running one isn't frozen");
	(void)put(s.path, "cgroup.freeze", "1");
	wait_frozen(s.path);
	tap_is_int(cgroup_frozen(&s.run.state), 1, "a frozen one is");
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && !exists(s.path),
	       "frozen processes are killed and their cgroup removed %s", s.err.text);
	tap_is_int(died_of(pid), SIGKILL, "by SIGKILL");
	tap_is_int(cgroup_frozen(&s.run.state), 0, "one that is gone isn't frozen");
}

/* Children below children, some with processes, some many, one very deep. */
static void check_tree(void)
{
	struct scene s;
	char path[1024];
	pid_t pids[4], *listed;
	size_t n, n_found = 0;

	scene_init(&s, "tree");
	(void)scene_make(&s);
	pids[0] = clone_waiting(s.run.cgroup);
	scene_leave(&s);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(path, sizeof(path), "%s/wide%d", s.path, i);
		(void)mkdir(full(path), 0755);
		(void)snprintf(path, sizeof(path), "%s/wide%d/more", s.path, i);
		(void)mkdir(full(path), 0755);
		if (i == 7)
			pids[1] = clone_waiting_at(path);
	}
	(void)snprintf(path, sizeof(path), "%s", s.path);
	for (int i = 0; i < 150; i++) {
		(void)strcat(path, "/d");
		(void)mkdir(full(path), 0755);
		if (i == 70)
			pids[2] = clone_waiting_at(path);
	}
	pids[3] = clone_waiting_at(path);
	tap_ok(cgroup_pids(&s.run.state, &listed, &n, &s.err) == 0 && n == 4,
	       "all processes of a deep and wide tree are listed");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 4; k++)
			n_found += listed[i] == pids[k];
	free(listed);
	tap_is_int((long long)n_found, 4, "and they are the right ones");
	tap_ok(cgroup_signal(&s.run.state, SIGUSR1, &s.err) == 0, "all are signalled %s",
	       s.err.text);
	for (size_t k = 0; k < 4; k++) {
		int status = 0;

		(void)waitpid(pids[k], &status, 0);
		tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1,
		       "process %zu got that signal", k);
	}
	pids[0] = clone_waiting_at(path);
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && !exists(s.path),
	       "the tree with a process at its bottom is removed %s", s.err.text);
	end(pids[0]);
	tap_ok(cgroup_pids(&s.run.state, &listed, &n, &s.err) == 0 && n == 0 && !listed,
	       "then none is listed");
}

static void check_many(void)
{
	struct scene s;
	pid_t pids[300], *listed;
	size_t n;
	unsigned hit = 0;

	scene_init(&s, "many");
	(void)scene_make(&s);
	for (size_t i = 0; i < 300; i++)
		pids[i] = clone_waiting(s.run.cgroup);
	tap_ok(cgroup_pids(&s.run.state, &listed, &n, &s.err) == 0 && n == 300,
	       "300 processes are listed");
	free(listed);
	tap_ok(cgroup_signal(&s.run.state, SIGTERM, &s.err) == 0, "and signalled");
	for (size_t i = 0; i < 300; i++) {
		int status = 0;

		(void)waitpid(pids[i], &status, 0);
		hit += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
	}
	tap_is_int(hit, 300, "each of them");
	cgroup_undo(&s.run);
}

/* Forks without end: what cgroup.kill is for. */
static void check_fork_storm(void)
{
	struct scene s;
	pid_t pid;

	scene_init(&s, "storm");
	(void)scene_make(&s);
	pid = clone_into(s.run.cgroup);
	if (pid == 0)
		for (;;) /* each fork lets its parent end: a moving target */
			if (fork() > 0)
				_exit(0);
	scene_leave(&s);
	(void)waitpid(pid, NULL, 0);
	tap_ok(cgroup_remove(&s.run.state, &s.err) == 0 && !exists(s.path),
	       "a process that is always another one is caught %s", s.err.text);
}

/* The letter of /proc/PID/stat: 'S' sleeps until something wakes it. */
static char state_letter(pid_t pid)
{
	char name[64], text[512];
	auto_fd fd = -1;
	ssize_t got;
	const char *end;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : '?';
}

/* Holds a process of the cgroup on its way out, by ptrace, until `remover` sleeps. */
static void hold_exit(int cgroup, pid_t remover, int ready)
{
	pid_t pid = clone_into(cgroup);
	int status;

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		for (;;)
			(void)pause();
	}
	(void)waitpid(pid, &status, 0);
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)PTRACE_O_TRACEEXIT);
	(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	(void)!write(ready, "x", 1);
	if (waitpid(pid, &status, 0) != pid || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8))
		_exit(1);
	while (state_letter(remover) != 'S')
		(void)sched_yield();
	(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	(void)waitpid(pid, &status, 0);
	_exit(0);
}

static void check_slow_exit(void)
{
	struct scene s;
	int ready[2], status = -1;
	pid_t main_pid = getpid(), holder;
	char byte;
	bool removed;

	scene_init(&s, "slow");
	(void)scene_make(&s);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return (void)tap_ok(false, "pipe");
	holder = fork();
	if (holder == 0)
		hold_exit(s.run.cgroup, main_pid, ready[1]);
	(void)!read(ready[0], &byte, 1);
	scene_leave(&s);
	removed = cgroup_remove(&s.run.state, &s.err) == 0;
	if (!removed)
		(void)kill(holder, SIGKILL);
	(void)waitpid(holder, &status, 0);
	tap_ok(removed && !exists(s.path) && status == 0,
	       "a process that takes its time to die is waited for, asleep %s", s.err.text);
	(void)cgroup_remove(&s.run.state, &s.err);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void check_deadline(void)
{
	struct scene s;
	pid_t pid;

	scene_init(&s, "stays");
	(void)scene_make(&s);
	pid = clone_waiting(s.run.cgroup);
	tap_ok(cgroup_tree_wait_empty(s.run.cgroup, 20, &s.err) < 0 &&
		       code_is(&s, "cgroup-populated") && strstr(s.err.text, " (cgroup test, "),
	       "waiting ends at its deadline and names who stays: %s", s.err.text);
	cgroup_undo(&s.run);
	end(pid);
}

/* --- Races --- */

#define ROUNDS 1000

/* One creator and deleter of the pair; waits on `go` for each round, so that both start at once. */
static int race_side(const char *name, int go, int done)
{
	int failures = 0;
	char byte;

	for (int round = 0; round < ROUNDS; round++) {
		struct scene s;

		if (read(go, &byte, 1) != 1)
			return 250;
		scene_init(&s, name);
		s.plan.cgroup.controllers = controllers;
		if (scene_make(&s) < 0 || !exists(s.path) ||
		    strcmp(content(s.path, "cgroup.controllers"),
			   controllers[0].name ? controllers[0].name : "") != 0) {
			printf("# round %d: %s\n", round, s.err.text);
			failures++;
		}
		scene_leave(&s);
		if (cgroup_remove(&s.run.state, &s.err) < 0 || exists(s.path)) {
			printf("# round %d: %s\n", round, s.err.text);
			failures++;
		}
		if (write(done, "x", 1) != 1)
			return 250;
	}
	(void)fflush(stdout);
	return failures > 249 ? 249 : failures;
}

static void check_race(void)
{
	static const char *const names[] = { "rp/rq/one", "rp/rq/two" };
	int go[2][2], done[2][2], left = 0, status;
	char parent[128], byte;
	pid_t sides[2];

	(void)snprintf(parent, sizeof(parent), "%s/rp", top);
	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		if (pipe2(go[i], O_CLOEXEC) < 0 || pipe2(done[i], O_CLOEXEC) < 0)
			return (void)tap_ok(false, "pipes");
		sides[i] = fork();
		if (sides[i] == 0)
			_exit(race_side(names[i], go[i][0], done[i][1]));
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 2; i++)
			(void)!write(go[i][1], "x", 1);
		for (int i = 0; i < 2; i++)
			(void)!read(done[i][0], &byte, 1);
		left += exists(parent);
		(void)rmdir(full(parent)); /* each round counts for itself */
	}
	for (int i = 0; i < 2; i++) {
		(void)waitpid(sides[i], &status, 0);
		tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		       "creator %d never failed in %d rounds of making and removing the same "
		       "parents",
		       i, ROUNDS);
		for (int k = 0; k < 2; k++) {
			(void)close(go[i][k]);
			(void)close(done[i][k]);
		}
	}
	tap_is_int(left, 0, "and no parent was left in any of them");
}

/* --- The device filter, seen by opens --- */

/* Runs `probe` in the cgroup at fd, in a mount namespace of its own whose /tmp is a tmpfs with a
 * few device nodes; its result is a small number. */
static int in_cgroup(int fd, int (*probe)(void))
{
	pid_t pid = clone_into(fd);
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0)
			_exit(200);
		_exit(probe());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 201;
	return WEXITSTATUS(status);
}

/* 0: opened, 1: EPERM, 2: some other error (that of the driver: the filter let it pass) */
static int try_open(mode_t type, unsigned device_major, unsigned device_minor, int flags)
{
	auto_fd fd = -1;

	(void)unlink("node");
	if (mknod("node", type | 0600, makedev(device_major, device_minor)) < 0)
		return 3;
	fd = open("node", flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int probe_defaults(void)
{
	static const unsigned usable[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 } };

	for (unsigned i = 0; i < sizeof(usable) / sizeof(usable[0]); i++)
		if (try_open(S_IFCHR, usable[i][0], usable[i][1], O_RDWR) != 0)
			return 10 + (int)i;
	if (try_open(S_IFCHR, 5, 0, O_RDWR) == 1 || try_open(S_IFCHR, 10, 200, O_RDWR) == 1)
		return 20; /* no terminal, no tun driver: other errors are fine */
	if (try_open(S_IFCHR, 1, 1, O_RDONLY) != 1 || try_open(S_IFCHR, 1, 11, O_WRONLY) != 1)
		return 21; /* mem, kmsg */
	for (unsigned number = 0; number < 20; number++)
		if (try_open(S_IFBLK, 7, number, O_RDONLY) != 1 ||
		    try_open(S_IFBLK, 254, number, O_RDWR) != 1 ||
		    try_open(S_IFBLK, 8, number, O_RDONLY) != 1)
			return 22; /* loop, virtio and SCSI disks */
	return 0;
}

static int probe_kmsg_read_only(void)
{
	if (try_open(S_IFCHR, 1, 11, O_RDONLY) == 1)
		return 1;
	if (try_open(S_IFCHR, 1, 11, O_RDWR) != 1 || try_open(S_IFCHR, 1, 11, O_WRONLY) != 1)
		return 2;
	return try_open(S_IFCHR, 1, 3, O_RDWR); /* null: by the defaults */
}

static int probe_nothing(void)
{
	if (mknod("node", S_IFCHR | 0600, makedev(1, 3)) == 0 || errno != EPERM)
		return 1;
	return 0;
}

static int probe_unfiltered(void)
{
	return try_open(S_IFCHR, 1, 11, O_RDWR) == 1;
}

static void set_rules(struct scene *s, const struct device_rule *rules, size_t n, bool defaults)
{
	struct device_rule all[64];

	if (n)
		memcpy(all, rules, n * sizeof(*rules));
	if (defaults) {
		memcpy(all + n, device_rules_default, n_device_rules_default * sizeof(*all));
		n += n_device_rules_default;
	}
	s->plan.cgroup.n_filter =
		device_filter_compile(&s->plan.arena, all, n, &s->plan.cgroup.filter);
}

static int count_programs(int cgroup)
{
	union bpf_attr query = { .query = { .target_fd = (uint32_t)cgroup,
					    .attach_type = BPF_CGROUP_DEVICE } };

	return sys_bpf(BPF_PROG_QUERY, &query, sizeof(query)) < 0 ? -1 : (int)query.query.prog_cnt;
}

static void check_device_filter(void)
{
	static const struct device_rule kmsg = { true, false, false, 1, 11, BPF_DEVCG_ACC_READ };
	struct scene s;

	scene_init(&s, "devices");
	(void)scene_make(&s);
	tap_ok(device_filter_attach(&s.run, &s.err) == 0 && count_programs(s.run.cgroup) == 0,
	       "a plan without a filter attaches none");
	tap_is_int(in_cgroup(s.run.cgroup, probe_unfiltered), 0,
		   "(kmsg can be opened without one)");
	set_rules(&s, NULL, 0, true);
	tap_ok(device_filter_attach(&s.run, &s.err) == 0, "the default filter is attached %s",
	       s.err.text);
	tap_is_int(in_cgroup(s.run.cgroup, probe_defaults), 0,
		   "the default devices open, disks and memory don't");
	set_rules(&s, &kmsg, 1, true);
	tap_ok(device_filter_attach(&s.run, &s.err) == 0 && count_programs(s.run.cgroup) == 1,
	       "a second filter replaces the first %s", s.err.text);
	tap_is_int(in_cgroup(s.run.cgroup, probe_kmsg_read_only), 0,
		   "kmsg opens for reading and not for both");
	for (int i = 0; i < 100; i++)
		if (device_filter_attach(&s.run, &s.err) < 0)
			break;
	tap_ok(count_programs(s.run.cgroup) == 1, "after 100 more it is still one %s", s.err.text);
	set_rules(&s, NULL, 0, false);
	tap_ok(device_filter_attach(&s.run, &s.err) == 0 &&
		       in_cgroup(s.run.cgroup, probe_nothing) == 0,
	       "'deny all' without the defaults forbids mknod, too");
	cgroup_undo(&s.run);
	arena_done(&s.plan.arena);
}

/* Two of hull's programs on one cgroup (from whatever accident) become one; a foreign one stays. */
static void check_stacked(void)
{
	struct scene s;
	struct bpf_insn allow[] = { { .code = BPF_ALU | BPF_MOV | BPF_K, .imm = 1 },
				    { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				.insns = (uint64_t)(uintptr_t)allow,
				.insn_cnt = 2,
				.license = (uint64_t)(uintptr_t) "GPL" };

	scene_init(&s, "stacked");
	(void)scene_make(&s);
	for (int i = 0; i < 3; i++) {
		union bpf_attr attach = { .target_fd = (uint32_t)s.run.cgroup,
					  .attach_type = BPF_CGROUP_DEVICE,
					  .attach_flags = BPF_F_ALLOW_MULTI };
		auto_fd fd = -1;

		(void)strcpy(load.prog_name, i < 2 ? "hull_devices" : "somebody");
		fd = sys_bpf(BPF_PROG_LOAD, &load, sizeof(load));
		attach.attach_bpf_fd = (uint32_t)fd;
		(void)sys_bpf(BPF_PROG_ATTACH, &attach, sizeof(attach));
	}
	tap_is_int(count_programs(s.run.cgroup), 3, "(three programs for the test)");
	set_rules(&s, NULL, 0, true);
	tap_ok(device_filter_attach(&s.run, &s.err) == 0 && count_programs(s.run.cgroup) == 2,
	       "hull's two become one, another's stays %s", s.err.text);
	tap_is_int(in_cgroup(s.run.cgroup, probe_defaults), 0, "and the new one is at work");
	cgroup_undo(&s.run);
	arena_done(&s.plan.arena);
}

static void check_verifier(void)
{
	struct scene s;
	struct bpf_insn wild[] = { { .code = BPF_LDX | BPF_MEM | BPF_W, .src_reg = 1, .off = 400 },
				   { .code = BPF_JMP | BPF_EXIT } };

	scene_init(&s, "verifier");
	(void)scene_make(&s);
	s.plan.cgroup.filter = wild;
	s.plan.cgroup.n_filter = 2;
	tap_ok(device_filter_attach(&s.run, &s.err) < 0 && code_is(&s, "device-filter") &&
		       strstr(s.err.text, "verifier: ") &&
		       strstr(s.err.text, "invalid bpf_context access"),
	       "what the verifier says is in the error");
	tap_ok(count_programs(s.run.cgroup) == 0, "and nothing is attached");
	cgroup_undo(&s.run);
}

/* The largest program that is compiled at all must pass the verifier. */
static void check_large_filter(void)
{
	struct device_rule *rules = calloc(DEVICE_FILTER_MAX, sizeof(*rules));
	struct scene s;
	size_t n = 0;

	scene_init(&s, "large");
	(void)scene_make(&s);
	for (size_t i = 0; rules && i < DEVICE_FILTER_MAX; i++)
		rules[i] = (struct device_rule){ true,	     false,    false, (int64_t)(i % 512),
						 (int64_t)i, 1 + i % 7 };
	/* Find the most that fit. */
	for (size_t step = DEVICE_FILTER_MAX / 2; rules && step > 0; step /= 2)
		if (device_filter_compile(&s.plan.arena, rules, n + step, &s.plan.cgroup.filter) >
		    0)
			n += step;
	s.plan.cgroup.n_filter =
		device_filter_compile(&s.plan.arena, rules, n, &s.plan.cgroup.filter);
	tap_ok(device_filter_attach(&s.run, &s.err) == 0,
	       "the verifier takes %zu instructions of %zu rules %s", s.plan.cgroup.n_filter, n,
	       s.err.text);
	cgroup_undo(&s.run);
	arena_done(&s.plan.arena);
	free(rules);
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return n;
}

int main(void)
{
	struct oci_error err = { 0 };
	int fds;

	if (geteuid() != 0 || host_look(&host, &err) < 0 || !host.cgroup_mount[0]) {
		tap_skip("needs root and a cgroup2 mount %s", err.text);
		return tap_done();
	}
	(void)snprintf(top, sizeof(top), "hull-test-%d", (int)getpid());
	if (mkdir(full(top), 0755) < 0) {
		tap_skip("needs to make cgroups in %s: %s", host.cgroup_mount, strerror(errno));
		return tap_done();
	}
	(void)prctl(PR_SET_NAME, "cgroup test"); /* errors name processes */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);	 /* forks must not print it twice */
	(void)alarm(300); /* a process that should have been killed would be waited for */
	find_controller();
	fds = count_fds();
	check_make();
	check_disabled();
	check_shared_parents();
	check_existing();
	check_frozen_parent();
	check_threaded();
	if (controllers[0].name) {
		check_controllers();
		check_internal_processes();
		check_threaded_parent();
	} else {
		tap_skip("this host has none of the controllers hugetlb, memory, io");
	}
	check_no_controller();
	check_v1_controller();
	check_root();
	check_other_inode();
	check_leftover();
	check_unknown_inode();
	check_lock();
	check_frozen_kill();
	check_tree();
	check_many();
	check_fork_storm();
	check_slow_exit();
	check_deadline();
	check_race();
	check_device_filter();
	check_stacked();
	check_verifier();
	check_large_filter();
	tap_is_int(count_fds(), fds, "no file is left open");
	tap_ok(rmdir(full(top)) == 0, "nothing is left in the test's own cgroup");
	return tap_done();
}
