/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the caller of hull passes on to a new process without meaning to, and what of it the
 * container gets:
 *
 *   reset:  signal mask and dispositions, CPU affinity (to all the cgroup's cpuset allows), timer
 *           slack, supplementary groups, the session keyring (unless --no-new-keyring), umask, the
 *           working directory, the session, every fd but 0, 1, 2 and those of --preserve-fds
 *   kept:   nice value and scheduling policy without process.scheduler, I/O priority without
 *           process.ioPriority, memory policy without linux.memoryPolicy, rlimits that config.json
 *           doesn't name, oom_score_adj without process.oomScoreAdj, personality without
 *           linux.personality
 */
#ifndef STEPS_CALLER_H
#define STEPS_CALLER_H

#include "steps/run.h"

/* Empty mask, every disposition default. Cannot fail. */
void caller_reset_signals(void);

/* INIT, while it waits for start: the first process of a pid namespace doesn't get signals that it
 * leaves at their default, so each that would end a process gets a handler that ends it. */
void caller_end_on_signals(void);

/* The CPUs that its cpuset allows, for process `pid`, 0: the calling one. */
void caller_reset_affinity(pid_t pid);

/* INIT: affinity and timer slack. */
int caller_reset(struct run *run, struct oci_error *err);

/* INIT: a new session keyring of the container's own, named after it and a random number. */
int caller_new_keyring(struct run *run, struct oci_error *err);

/* INIT, after start: those of process.rlimits whose hard limit is not above the current one. That
 * needs no privilege, while on a process of another user it needs CAP_SYS_RESOURCE (setrlimit(2)).
 */
int caller_lower_rlimits(struct run *run, struct oci_error *err);

/* PARENT, on INIT, before that: the others, for which INIT may lack the privilege. */
int caller_raise_rlimits(struct run *run, struct oci_error *err);

/* PARENT, on INIT, or on STAGE, from which INIT has it: process.oomScoreAdj. */
int caller_set_oom_score(struct run *run, struct oci_error *err);

#endif
