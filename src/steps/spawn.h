/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How STAGE and INIT come into the world, and out of it.
 */
#ifndef STEPS_SPAWN_H
#define STEPS_SPAWN_H

#include <signal.h>

#include "steps/run.h"

/* PARENT: makes the socket pair whose other end its children get. */
int spawn_channel(struct run *run, struct oci_error *err);

/* PARENT: clones STAGE, where plan_stage_in_cgroup() into the container's cgroup. Returns its pid,
 * 0 in it. It dies with PARENT. */
int spawn_stage(struct run *run, struct oci_error *err);

/* PARENT or STAGE: clones INIT into the container's cgroup (STAGE may be in it, or leave that to
 * spawn_stage_ended()) and the new namespaces; made by STAGE it is a child of PARENT all the same.
 * Returns its pid, 0 in it. It dies with PARENT until spawn_outlive(), but in a frozen container
 * until its turn only. It is not dumpable, so that no process in a shared pid namespace can look
 * into it, and has a session of its own. */
int spawn_init(struct run *run, struct oci_error *err);

/* PARENT: STAGE has done its work: reaps it, opens a pidfd of INIT, whose pid it told. Puts INIT
 * into a frozen container's cgroup where STAGE, in a user namespace, had no right to. */
int spawn_stage_ended(struct run *run, struct oci_error *err);

/* INIT: no longer dies with PARENT, which is about to end. Until the next message arrives the end
 * of the channel still ends INIT. */
int spawn_outlive(struct run *run, struct oci_error *err);

/* INIT of a caller without privilege, which holds nothing of the host any more: exec and verify may
 * look at a created container, for which the kernel wants a dumpable process. Its ids and user
 * namespace still guard it: whoever may look now may look at the program later. */
int spawn_let_look(struct run *run, struct oci_error *err);

/* START: INIT's last word came, and the channel ended. Executed (0), or did INIT die in execve(2)
 * (-1)? When it is reaped already nobody can know any more, and then no failure is claimed: its
 * parent, which reaped it, has its status. */
int spawn_see_executed(struct run *run, struct oci_error *err);

/* How long a helper may take that does nothing but what the kernel does at once. */
enum { SPAWN_HELPER_S = 60 };

/* A process of hull's that does `deed` with `ctx` and ends, with these CLONE_* flags; its error is
 * taken over. After `seconds` it is killed. `made` tells whether there was one at all. */
int spawn_helper(void *ctx, uint64_t flags, int seconds,
		 int (*deed)(void *ctx, struct oci_error *err), bool *made, struct oci_error *err);

/* Ends a helper process of hull's at once, without what exit(3) does for the parent. */
_Noreturn void spawn_end(int status);

/* INIT, inside the new root: closes everything that leads to the host, so that no path that names
 * /proc/self/fd can reach it while the container's own names are looked up and executed. What
 * stays: 0, 1, 2, the preserved ones, the root, the channel, the start socket. */
int spawn_let_go(struct run *run, struct oci_error *err);

/* Closes every fd from the first that isn't preserved up, but those in `keep` (n of them, -1 is
 * none), and forgets what `run` knows of the others. */
int spawn_close_others(struct run *run, const int *keep, size_t n, struct oci_error *err);

/* Reaps a child that has ended or was killed, within a limit: one in a sleep that no signal ends,
 * as on a file system whose server is gone, must not take hull with it. False: it is left, or
 * somebody else has it (a caller that ignores SIGCHLD); `info` (may be NULL) is zeroed then.
 * `pidfd` may be -1. */
bool spawn_reap(pid_t pid, int pidfd, siginfo_t *info);

/* Undo, PARENT: kills and reaps. */
void spawn_kill_stage(struct run *run);
void spawn_kill_init(struct run *run);

#endif
