/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From set-up to the container's program, in INIT inside the new root: what must be looked up
 * there, then everything that gives privilege away. Shared by create/start and exec.
 */
#ifndef STEPS_PROCESS_H
#define STEPS_PROCESS_H

#include "steps/run.h"

/* INIT, before the root may become read-only: makes process.cwd when it is missing. */
int process_make_cwd(struct run *run, struct oci_error *err);

/* INIT: goes to process.cwd by an fd from the resolver: a cwd such as /proc/self/fd/7 can't lead
 * out (CVE-2024-21626). */
int process_enter_cwd(struct run *run, struct oci_error *err);

/* Takes the supplementary groups and, as real ids only, the user and group: enough for access(2) to
 * answer for the container's user, while INIT keeps its privilege. */
int process_take_real_ids(struct run *run, struct oci_error *err);

/* Gives INIT its own real ids again. */
int process_restore_real_ids(struct run *run, struct oci_error *err);

/* Finds what args[0] names (in PATH when it has no slash) for the container's user. Missing: "exec:
 * "x": executable file not found in $PATH" or "exec: "/x": no such file or directory", code
 * "program-not-found"; not executable: "exec: "/x": permission denied", code
 * "program-not-executable". */
int process_find_program(struct run *run, struct oci_error *err);

/* HOME from the container's /etc/passwd when env has none: bounded, by resolver, "/" when the user
 * isn't there. */
int process_find_home(struct run *run, struct oci_error *err);

/* Before INIT waits for start: gives up every capability that neither the process nor the rows up
 * to execve need. In a shared pid namespace another container may hold CAP_SYS_PTRACE, and looking
 * into INIT must not be worth more than looking into the process. */
int process_shed(struct run *run, struct oci_error *err);

/* The same, but keeps `besides` (a set) where it is held. */
int process_shed_but(struct run *run, uint64_t besides, struct oci_error *err);

/* All of the confinement below at once, for a startContainer hook. */
int process_confine(struct run *run, struct oci_error *err);

/* The last steps before execve(2), in this order. */
int process_set_personality(struct run *run, struct oci_error *err);
int process_set_no_new_privs(struct run *run, struct oci_error *err);
int process_drop_bounding(struct run *run, struct oci_error *err);
int process_change_ids(struct run *run, struct oci_error *err);
int process_set_capabilities(struct run *run, struct oci_error *err);

/* Reads ids, groups, the five capability sets and no_new_privs back from the kernel; a difference
 * from the plan is an error, code "confinement-differs". */
int process_read_back(struct run *run, struct oci_error *err);

/* The last that the process is given: default signals, no fds but its own, LISTEN_PID. After it a
 * seccomp filter may be loaded that allows execve(2) and little else. */
int process_get_ready(struct run *run, struct oci_error *err);

/* execve(2). Returns only when that failed, with the probable cause. */
int process_execute(struct run *run, struct oci_error *err);

#endif
