/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the steps of one operation share while it runs: the plan (const) and the fds and pids that
 * earlier rows made for later ones. Each member names its maker and who has it open; children get a
 * copy by fork. A step is `int step(struct run *, struct oci_error *)`: 0 or -1 with err filled.
 */
#ifndef STEPS_RUN_H
#define STEPS_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/plan.h"
#include "state/state.h"

struct run {
	const struct plan *plan;
	struct state state; /* what state.json will say; filled as things come to be */

	int state_dir; /* PARENT, START, DELETE: the container's directory, flock held by its maker */
	int proc;      /* procfs instance of hull's own (or the host's, checked), made by PARENT */
	int cgroup;    /* PARENT: the container's cgroup directory */

	int rootfs;           /* PARENT opens the directory (O_PATH); INIT: the attached root mount */
	int *sources;         /* PARENT: detached clones of bind sources, one per plan mount, or -1 */
	int console_socket;   /* PARENT: connected */
	int host_ptmx;        /* unused: -1 */
	int ns_fd[NS_TYPES];  /* PARENT: namespaces given by path, or -1 */
	int start_listener;   /* PARENT binds, INIT listens */
	int terminal_master;  /* INIT makes, PARENT receives */
	int terminal_slave;   /* INIT */
	int dev_null;         /* PARENT: the host's /dev/null, checked to be 1:3 */

	int channel;        /* PARENT or START's end; in STAGE and INIT theirs */
	int channel_child;  /* before the fork: the end that children will have */
	pid_t init_pid;     /* PARENT, START: as seen from the runtime's pid namespace */
	int init_pidfd;
	pid_t stage_pid;
	int stage_pidfd;

	/* INIT: decided after the pivot, by looking into the container */
	char program[PATH_MAX]; /* what execve gets */
	char home[PATH_MAX + 8]; /* "HOME=..." */
};

#endif
