/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The operations of hull as seen by the commands. Each is a table of named steps (tables.c), acted
 * out by the processes involved (runner.c). On failure nothing is left behind and err tells the
 * story: "create 'c1': STEP: OBJECT: CALL: ERRNO".
 */
#ifndef SEQUENCE_SEQUENCE_H
#define SEQUENCE_SEQUENCE_H

#include <stdio.h>
#include <sys/types.h>

#include "plan/plan.h"
#include "state/state.h"

/* What `run` has in hand once the container's process is executed. */
struct started {
	pid_t pid;	     /* a child of the caller, unreaped */
	int pidfd;	     /* close it */
	int terminal_master; /* process.terminal without a console socket: the pty's master, else -1
			      */
};

/* Re-executes hull from a read-only clone of its own binary unless it runs from a read-only mount
 * already (CVE-2019-5736): first thing in create, run and exec. Returns only when safe, or -1. */
int sequence_protect_binary(char *const argv[], struct oci_error *err);

/* Creates the container; its first process waits for start when this returns 0. */
int sequence_create(const struct plan *plan, struct oci_error *err);

/* Creates and starts it. The caller waits for started->pid and calls sequence_delete. */
int sequence_run(const struct plan *plan, struct started *started, struct oci_error *err);

/* Starts a created container: returns 0 once its process is executed and poststart hooks ran.
 * Codes: "no-container", "not-created" (with the status in the text). */
int sequence_start(const char *root, const char *id, struct oci_error *err);

/* A container that `exec` goes into. */
struct entered {
	int dir; /* its state directory */
	struct state state;
	enum status status; /* created, running or paused */
	int pidfd;	    /* of its first process, verified */
};

/* Opens it. Codes: "no-container", "not-running" (with the status in the text), "paused" unless
 * `paused_too`. */
int sequence_enter(const char *root, const char *id, bool paused_too, struct entered *entered,
		   struct oci_error *err);
void sequence_entered_done(struct entered *entered);

/* Executes plan->process (see plan_make_exec()) in it. As sequence_run(), `started` holds what the
 * caller waits for; of a detached process it may be dropped. */
int sequence_exec(struct plan *plan, struct entered *entered, struct started *started,
		  struct oci_error *err);

/* Deletes a stopped or created container; any other only with force (it is killed first). With
 * force an unknown id is success. What a killed creator left is removed too. A failing poststop
 * hook is told to `warn` and does not stop the deletion. */
int sequence_delete(const char *root, const char *id, bool force, void (*warn)(const char *text),
		    struct oci_error *err);

/* What `update` changes; NULL is left as it is. */
struct change {
	const struct oci_resources *resources;
	const char *l3_cache_schema, *mem_bw_schema; /* lines of resctrl's schemata */
};

/* Changes the limits of a created, running or paused container: all that is asked for, or nothing.
 * What is accepted is kept in its state, and is what the next update starts from. Notes about what
 * only cgroup v1 has are told to `warn`. Codes besides those of the planner and of limits: "no-
 * container", "not-running" (with the status in the text), "update-busy" (another one is at work).
 */
int sequence_update(const char *root, const char *id, const struct change *change,
		    void (*warn)(const char *text), struct oci_error *err);

/* Does those first steps of create that change nothing (opens the root, the mount sources, the
 * namespaces), to ask the host by trying. Each failure is told to `failed`, with err as create
 * would have it but for the names of the operation and the step. */
void sequence_look(const struct plan *plan, void (*failed)(void *ctx, const struct oci_error *err),
		   void *ctx);

/* Prints the ordered steps for this plan, one a line; "-" before those that it skips. */
void sequence_explain(const struct plan *plan, FILE *out);

#endif
