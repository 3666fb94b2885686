/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/rootless.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/helper.h"
#include "box/run_program.h"
#include "box/tree.h"
#include "box/userns.h"

/* Tells processes that hullbox starts which namespace it is. */
#define VARIABLE "HULLBOX_USER_NAMESPACE"
/* newuidmap(1) may ask a directory service. */
#define HELPER_DEADLINE_MS 60000
/* Of uid_map and gid_map; the kernel allows 340 lines, hullbox writes two. */
#define MAP_SIZE 512

/* --- Which one it is --- */

/* "user:[4026531837]" */
static bool read_name(int dir, const char *link, char name[64])
{
	ssize_t size = readlinkat(dir, link, name, 63);

	if (size < 0)
		return false;
	name[size] = '\0';
	return true;
}

bool rootless(void)
{
	const char *entered = getenv(VARIABLE);
	char name[64];

	return entered && geteuid() == 0 && read_name(AT_FDCWD, "/proc/self/ns/user", name) &&
	       !strcmp(entered, name);
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

bool rootless_is_mapped(bool group, uint32_t id)
{
	struct oci_error ignored = { 0 }; /* no map, no ids */
	char text[16384] = "";

	(void)file_read_at(AT_FDCWD, group ? "/proc/self/gid_map" : "/proc/self/uid_map", text,
			   sizeof(text), &ignored);
	for (const char *line = text; *line; line = next_line(line)) {
		unsigned inside, outside, count;

		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && id >= inside &&
		    id - inside < count)
			return true;
	}
	return false;
}

bool rootless_own_ids(uint32_t own[2])
{
	struct oci_error ignored = { 0 }; /* no map, no ids */
	char text[MAP_SIZE];

	for (int group = 0; group < 2; group++) {
		unsigned inside, outside;

		if (!rootless() ||
		    file_read_at(AT_FDCWD, group ? "/proc/self/gid_map" : "/proc/self/uid_map",
				 text, sizeof(text), &ignored) <= 0 ||
		    sscanf(text, "%u %u", &inside, &outside) != 2 || inside != 0 ||
		    rootless_is_mapped(group, outside))
			return false;
		own[group] = outside;
	}
	return true;
}

bool rootless_has_one_id(void)
{
	return rootless() && (!rootless_is_mapped(false, 1) || !rootless_is_mapped(true, 1));
}

/* --- The one that there is --- */

/* What RUNTIME/userns says. The maps are there since the kernel gives the number of a namespace
 * that is gone to a new one, which might be of another program of this user. */
struct known {
	char name[64];
	char maps[2][MAP_SIZE];
};

static bool read_maps(int process, char maps[2][MAP_SIZE])
{
	struct oci_error ignored = { 0 }; /* it has just ended */

	return file_read_at(process, "uid_map", maps[0], MAP_SIZE, &ignored) > 0 &&
	       file_read_at(process, "gid_map", maps[1], MAP_SIZE, &ignored) > 0;
}

static int keep(int file, const struct known *known, struct oci_error *err)
{
	if (ftruncate(file, 0) < 0 || lseek(file, 0, SEEK_SET) < 0 ||
	    write(file, known, sizeof(*known)) != (ssize_t)sizeof(*known))
		return fail_sys(err, "write down which user namespace the containers are in");
	return 0;
}

/* Its user namespace, if that is the known one; else -1. */
static int open_if_member(int proc, const char *pid, const struct known *known)
{
	struct known found = { .name = "" };
	auto_fd process = openat(proc, pid, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd namespace = -1;
	char path[32];

	if (process < 0 || !read_name(process, "ns/user", found.name) ||
	    strcmp(found.name, known->name) != 0)
		return -1;
	namespace = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
	if (namespace < 0 || !read_maps(process, found.maps) ||
	    memcmp(found.maps, known->maps, sizeof(found.maps)) != 0)
		return -1;
	/* The process may have ended since: what was opened is looked at, too. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", namespace);
	if (!read_name(AT_FDCWD, path, found.name) || strcmp(found.name, known->name) != 0)
		return -1;
	return fd_take(&namespace);
}

/* The namespace as long as any process is in it; -1 when there is none any more. */
static int find_namespace(const struct known *known)
{
	DIR *proc = *known->name ? opendir("/proc") : NULL;
	const struct dirent *entry;
	int found = -1;

	while (proc && found < 0 && (entry = readdir(proc)))
		if (entry->d_name[0] > '0' && entry->d_name[0] <= '9')
			found = open_if_member(dirfd(proc), entry->d_name, known);
	if (proc)
		(void)closedir(proc);
	return found;
}

/* --- A new one --- */

struct maps {
	userns_map v[2];
	struct arena arena;
};

static bool find_helper(bool groups, char path[64])
{
	return helper_find(groups ? "newgidmap" : "newuidmap", path, 64);
}

/* newuidmap PID INSIDE OUTSIDE COUNT..., for two lines at most. */
static int call_helper(pid_t pid, bool groups, const userns_map *map, struct oci_error *err)
{
	char program[64];
	char words[7][16];
	const char *argv[9] = { program };
	size_t n = 0;

	if (!find_helper(groups, program))
		return fail_code(err, "id-mapping", "newuidmap or newgidmap has just gone");
	(void)snprintf(words[n++], sizeof(words[0]), "%d", (int)pid);
	for (size_t i = 0; i < map->n && n + 3 <= 7; i++) {
		(void)snprintf(words[n++], sizeof(words[0]), "%u", map->v[i].container_id);
		(void)snprintf(words[n++], sizeof(words[0]), "%u", map->v[i].host_id);
		(void)snprintf(words[n++], sizeof(words[0]), "%u", map->v[i].size);
	}
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = words[i];
	if (program_must(&(struct program){ .argv = argv, .deadline_ms = HELPER_DEADLINE_MS }, NULL,
			 err) == 0)
		return 0;
	(void)snprintf(err->code, sizeof(err->code), "id-mapping");
	return fail_in(err, "%s%s", program,
		       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
			       ? " (hullbox was started with no_new_privs, so it can't get its "
				 "privilege)"
			       : "");
}

/* Outside of the namespace, where newuidmap has its privilege: waits until the parent is in, writes
 * its maps, and says how that went (an error without text: well). */
_Noreturn static void help_parent(pid_t parent, const struct maps *maps, int until, int said)
{
	struct oci_error err = { 0 };
	char byte;

	program_reset_signals();
	(void)signal(SIGPIPE, SIG_IGN);
	if (read(until, &byte, 1) == 1 && call_helper(parent, false, &maps->v[0], &err) == 0)
		(void)call_helper(parent, true, &maps->v[1], &err);
	(void)!write(said, &err, sizeof(err)); /* or nobody listens */
	_exit(0);
}

static int become_root(struct oci_error *err)
{
	int num;

	if (unshare(CLONE_NEWUSER) == 0)
		return 0;
	num = errno;
	(void)fail_sys(
		err,
		"make a user namespace, which a user other than root needs for containers (%s)",
		num == ENOSPC ? "raise the sysctl user.max_user_namespaces"
			      : "an administrator allows it: sysctl "
				"kernel.unprivileged_userns_clone=1 or "
				"kernel.apparmor_restrict_unprivileged_userns=0, where the host "
				"has these; "
				"in a container its seccomp profile may forbid it");
	(void)snprintf(err->code, sizeof(err->code), "user-namespace");
	return -1;
}

static int hear(int said, struct oci_error *err)
{
	struct oci_error theirs;
	ssize_t size;

	do {
		size = read(said, &theirs, sizeof(theirs));
	} while (size < 0 && errno == EINTR);
	if (size != (ssize_t)sizeof(theirs))
		return fail(err, "the process that maps ids died");
	if (!*theirs.text)
		return 0;
	*err = theirs;
	return -1;
}

/* The ends of two pipes: the child's reading and writing one, and the parent's. */
static int make_with_range(const struct maps *maps, struct oci_error *err)
{
	int go[2], said[2], result;
	auto_fd go_in = -1, go_out = -1, said_in = -1, said_out = -1;
	pid_t pid, self = getpid();

	if (pipe2(go, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	go_in = go[0];
	go_out = go[1];
	if (pipe2(said, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	said_in = said[0];
	said_out = said[1];
	pid = fork();
	if (pid < 0)
		return fail_sys(err, "fork");
	if (pid == 0) {
		fd_drop(&go_out);
		help_parent(self, maps, go_in, said_out);
	}
	fd_drop(&said_out);
	result = become_root(err);
	if (result == 0 && write(go_out, "", 1) != 1)
		result = fail_sys(err, "write to the process that maps ids");
	if (result == 0)
		result = hear(said_in, err);
	fd_drop(&go_out); /* ends it when it wasn't told to go */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}

/* One's own id anybody may map, who gives up setgroups(2). */
static int make_with_one(uid_t user, gid_t group, struct oci_error *err)
{
	char map[64];

	TRY(become_root(err));
	TRY(file_write_at(AT_FDCWD, "/proc/self/setgroups", "deny", err));
	(void)snprintf(map, sizeof(map), "0 %u 1\n", user);
	TRY(file_write_at(AT_FDCWD, "/proc/self/uid_map", map, err));
	(void)snprintf(map, sizeof(map), "0 %u 1\n", group);
	return file_write_at(AT_FDCWD, "/proc/self/gid_map", map, err);
}

static int make_namespace(struct oci_error *err)
{
	struct maps maps = { .arena = { 0 } };
	char path[64];
	bool helped = find_helper(false, path) && find_helper(true, path);
	int result = 0;

	for (int i = 0; i < 2 && result == 0; i++)
		result = userns_own(i, &maps.v[i], &maps.arena, err);
	if (result == 0 && maps.arena.failed)
		result = fail_code(err, "out-of-memory", "no memory for ids");
	if (result == 0)
		result = helped && maps.v[0].n > 1 && maps.v[1].n > 1
				 ? make_with_range(&maps, err)
				 : make_with_one(geteuid(), getegid(), err);
	arena_done(&maps.arena);
	return result;
}

/* --- Entering --- */

static int enter_or_make(int file, struct known *known, struct oci_error *err)
{
	auto_fd namespace = -1, self = -1;

	if (read(file, known, sizeof(*known)) != (ssize_t)sizeof(*known) ||
	    known->name[sizeof(known->name) - 1])
		known->name[0] = '\0';
	namespace = find_namespace(known);
	if (namespace >= 0)
		return setns(namespace, CLONE_NEWUSER) < 0
			       ? fail_sys(err, "enter the user namespace of the containers")
			       : 0;
	TRY(make_namespace(err));
	*known = (struct known){ .name = "" };
	self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self < 0 || !read_name(self, "ns/user", known->name) || !read_maps(self, known->maps))
		return fail_sys(err, "look at the new user namespace");
	return keep(file, known, err);
}

static int lock(int file, struct oci_error *err)
{
	while (flock(file, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail_sys(err, "lock 'userns'");
	return 0;
}

/* What this process finds by who it is, a child of it finds by what it is told. */
static int tell_children(const struct box_home *home, const char *name, struct oci_error *err)
{
	if (setenv(VARIABLE, name, 1) < 0 || setenv("HULLBOX_ROOT", home->root, 1) < 0 ||
	    setenv("HULLBOX_RUNTIME", home->runtime, 1) < 0)
		return fail_code(err, "out-of-memory", "no memory for the environment");
	return 0;
}

int rootless_enter(const struct box_home *home, struct oci_error *err)
{
	struct known known = { .name = "" };
	auto_fd runtime = -1, file = -1;

	if (geteuid() == 0)
		return 0;
	runtime = tree_make_directory(home->runtime, 0700, err);
	if (runtime < 0)
		return -1;
	file = openat(runtime, "userns", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return fail_sys(err, "open '%s/userns'", home->runtime);
	TRY(lock(file, err));
	TRY(enter_or_make(file, &known, err));
	if (geteuid() != 0)
		return fail_code(err, "id-mapping",
				 "the user namespace of the containers has "
				 "another user as its root");
	return tell_children(home, known.name, err);
}
