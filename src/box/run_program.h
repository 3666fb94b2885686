/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calling a program and hearing what it says. Never by a shell.
 */
#ifndef BOX_RUN_PROGRAM_H
#define BOX_RUN_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* What is kept of one of its outputs; more is a failure. */
#define PROGRAM_OUTPUT_MAX ((size_t)4 * 1024 * 1024)

struct program {
	const char *const *argv; /* argv[0] is an absolute path; NULL at the end */
	const char *const *env;	 /* NULL: this process's own */
	const char *input;	 /* its standard input; NULL: /dev/null */
	size_t input_size;
	unsigned deadline_ms; /* after this its process group is killed; 0: none */
	int held_fd; /* above 2: it stays open in the program and in what that starts, for a lock
		      * that is held until the last of them has ended, even if this process is
		      * killed */
};

struct program_result {
	int status;   /* its exit status; 128 + N when signal N ended it */
	char *output; /* what it wrote to 1 and 2; heap, NUL-terminated, never NULL */
	char *errors;
	size_t output_size, errors_size;
};

/* Runs it to its end, in a process group of its own, with the signals' defaults and no fd but the
 * standard ones. The caller ignores SIGPIPE. An exit status other than 0 is no failure of this.
 * Errors: it can't be executed (num is execve's errno), too much output (code "program-output"),
 * the deadline (code "program-deadline"); then *result is empty. */
int program_run(const struct program *program, struct program_result *result,
		struct oci_error *err);

/* The same, and an exit status other than 0 is an error (code "program-failed") that ends with what
 * the program wrote to its standard error. `result` may be NULL. */
int program_must(const struct program *program, struct program_result *result,
		 struct oci_error *err);

/* Accepts a zeroed one. */
void program_result_done(struct program_result *result);

/* In a forked child, before execve(2): signals as a program expects them. */
void program_reset_signals(void);

/* Forks twice, so that the new process is nobody's zombie: 0 in it, 1 in the caller. The new one
 * never returns from where it was called: it ends by _exit(2). */
int program_fork_twice(struct oci_error *err);

/* In a process that goes on alone: a session and a name of its own, the directory /, the signals'
 * defaults, the standard fds on /dev/null, and no other fds than the `n` of `kept`. */
int program_leave(const char *name, const int *kept, size_t n, struct oci_error *err);

/* The exit status as a shell says it of what waitpid(2) gave. */
int program_status(int wait_status);

#endif
