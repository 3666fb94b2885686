/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A cgroup2 directory and what is below it, by fd: look, list, kill, wait, remove. Knows nothing of
 * containers; whose cgroup it is, steps/cgroup.c decides before it calls. The tree may be deep,
 * wide and changing, for a container can make cgroups below its own: every walk holds few fds.
 */
#ifndef STEPS_CGROUP_TREE_H
#define STEPS_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct cgroup_events {
	bool populated; /* a process is in it or below */
	bool frozen;
};

/* Reads cgroup.events. A cgroup that was removed is neither. */
int cgroup_tree_events(int dir, struct cgroup_events *events, struct oci_error *err);

/* Whether its own cgroup.freeze says 1, whatever holds above. */
bool cgroup_tree_asks_freeze(int dir);

/* What cgroup.type says: "domain", "domain threaded", "domain invalid", "threaded". Roots of the
 * tree have no such file (num ENOENT), and those that were removed have none at all. */
int cgroup_tree_type(int dir, char type[64], struct oci_error *err);

/* The path of the nearest cgroup above `dir`, whose own is `path`, for which `is` holds; false:
 * none can be seen. The top of the mount itself is not looked at. */
bool cgroup_tree_above(int dir, const char *path, bool (*is)(int dir), char *above, size_t size);

/* Calls visit() for `top` and each cgroup below it, parents first. A result below 0 ends the walk.
 * What vanishes meanwhile is passed over. */
int cgroup_tree_each(int top, int (*visit)(int dir, void *ctx, struct oci_error *err), void *ctx,
		     struct oci_error *err);

/* Appends the pids of one cgroup (not of those below) to *pids, heap. Processes that the caller's
 * pid namespace doesn't show are left out. */
int cgroup_tree_pids(int dir, pid_t **pids, size_t *n, struct oci_error *err);

/* The pids of `top` and of every cgroup below it, appended likewise; what was listed until a
 * failure stays in *pids. */
int cgroup_tree_all_pids(int top, pid_t **pids, size_t *n, struct oci_error *err);

/* SIGKILLs everything in `top` and below (cgroup.kill, Linux 5.14); removed already is fine. */
int cgroup_tree_kill(int top, struct oci_error *err);

/* How a wait for cgroup.events ended. */
enum cgroup_wait {
	CGROUP_FAILED = -1, /* err is filled */
	CGROUP_REACHED,
	CGROUP_TIMED_OUT,
	CGROUP_STOPPED, /* stop_fd has something to read */
	CGROUP_GONE,	/* the cgroup was removed, and that isn't what was wanted */
};

/* Sleeps until cgroup.events is as `wanted` says, at most timeout_ms, and no longer than until
 * stop_fd (-1: none) can be read. */
enum cgroup_wait cgroup_tree_wait(int top, bool (*wanted)(const struct cgroup_events *events),
				  int timeout_ms, int stop_fd, struct oci_error *err);

/* Waits until nothing is in `top` and below. At the deadline -1, code "cgroup-populated", the text
 * names processes: "123 (sleep, S)". */
int cgroup_tree_wait_empty(int top, int timeout_ms, struct oci_error *err);

/* Removes all cgroups below `top`. err->num is EBUSY when one is in use. */
int cgroup_tree_remove_children(int top, struct oci_error *err);

/* The first few of the processes as text, "123 (sleep, S), ...": for errors. */
void cgroup_tree_name_pids(const pid_t *pids, size_t n, char *text, size_t size);

/* The same for the processes of the tree. */
void cgroup_tree_describe(int top, char *text, size_t size);

/* The same for its threads that neither sleep nor are frozen; where there is none, for all
 * processes. */
void cgroup_tree_describe_restless(int top, char *text, size_t size);

#endif
