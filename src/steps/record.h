/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What PARENT leaves on the host about the container: its state directory, and the pid file and
 * pidfd that callers ask for. The intent is on disk before the deed, so that whatever a SIGKILL
 * leaves can be found.
 */
#ifndef STEPS_RECORD_H
#define STEPS_RECORD_H

#include "steps/run.h"

/* PARENT: every fd of the caller's from the first that isn't asked for with --preserve-fds up is
 * marked close-on-exec; those that are asked for must be open. */
int record_caller_fds(struct run *run, struct oci_error *err);

/* PARENT: the directory ROOT/ID, locked. Undo: removes it with all that is in it. */
int record_reserve(struct run *run, struct oci_error *err);
void record_release(struct run *run);

/* PARENT: state.json with what is about to be made. */
int record_intent(struct run *run, struct oci_error *err);

/* PARENT: the same once more, with the cgroup that systemd has made meanwhile. */
int record_cgroup(struct run *run, struct oci_error *err);

/* PARENT: config.json byte for byte, so that later edits of the bundle don't matter. */
int record_config(struct run *run, struct oci_error *err);

/* PARENT: state.json with the process: from now on the container is "created". */
int record_created(struct run *run, struct oci_error *err);

/* PARENT: --pid-file, decimal, by rename. Undo: removes it. */
int record_pid_file(struct run *run, struct oci_error *err);
void record_remove_pid_file(struct run *run);

/* PARENT: a pidfd of INIT to --pidfd-socket. */
int record_send_pidfd(struct run *run, struct oci_error *err);

#endif
