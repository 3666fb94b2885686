/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks (config.md, "POSIX-platform Hooks"): one after the other, the state document on stdin, with
 * the environment that config.json gives and no other fd than 0, 1, 2. A hook without env gets
 * hull's own environment without LD_*; never the image's.
 */
#ifndef STEPS_HOOK_H
#define STEPS_HOOK_H

#include "steps/run.h"

/* Runs all hooks of a kind in the calling process's namespaces, with `cwd` as working directory.
 * pid 0 is left out of the document. The first that fails (cannot be executed, status not 0,
 * killed, over its timeout) ends it: "/hooks/createRuntime/1: hook '/x': exit status 3; it wrote:
 * ...". */
int hook_run(const struct plan *plan, enum plan_hook_kind kind, const char *status, pid_t pid,
	     const char *cwd, struct oci_error *err);

/* One hook of them, for poststop, where a failure doesn't stop the others. */
int hook_run_one(const struct plan *plan, enum plan_hook_kind kind, size_t index,
		 const char *status, pid_t pid, const char *cwd, struct oci_error *err);

/* A program of the host's, which gets no input and hull's environment without LD_*; killed after
 * timeout_ms. The error tells how it ended and the end of what it wrote. */
int hook_run_program(char *const args[], int timeout_ms, struct oci_error *err);

/* The rows of the table. */
int hook_prestart(struct run *run, struct oci_error *err);
int hook_create_runtime(struct run *run, struct oci_error *err);
int hook_create_container(struct run *run, struct oci_error *err);
int hook_start_container(struct run *run, struct oci_error *err);
int hook_poststart(struct run *run, struct oci_error *err);

#endif
