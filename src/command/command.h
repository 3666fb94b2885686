/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The subcommands as a table (main.c), one file each, and what they share: the global options.
 * A command gets its options parsed, does its work by the folders below, prints to stdout and
 * returns the exit status or fails with an error that main.c reports.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"

struct globals {
	const char *root;
	const char *log;
	const char *log_format;
	const char *log_level;
	const char *cgroup_manager;
	const char *rootless;
	bool debug;
	bool systemd_cgroup;
	bool version;
};

/* One call of a command. */
struct call {
	const struct globals *globals;
	const void *options; /* the command's struct of values */
	const char *const *operands;
	size_t n_operands;
	char *const *argv; /* hull's own, whole: for executing itself anew */
};

struct command {
	const char *name;
	const char *operands; /* as the usage line shows them */
	const char *summary;  /* one line */
	const char *text;     /* what else the help says, or NULL */
	const struct option_row *options;
	size_t options_size; /* of the struct of values */
	size_t n_required;   /* operands */
	size_t n_allowed;
	bool takes_command; /* what follows the first operand is an operand, options too */
	int failure;	    /* the exit status when hull itself fails; 0: 1 */
	bool forks;	    /* waits for processes of its own: SIGCHLD must not be ignored */
	/* The exit status, or -1 with err filled (exit status as `failure` says). */
	int (*run)(const struct call *call, struct oci_error *err);
};

extern const struct command create_command, run_command, start_command, state_command, kill_command,
	pause_command, resume_command, update_command, delete_command, exec_command, list_command,
	ps_command, spec_command, features_command, check_command, verify_command, events_command,
	top_command;

/* --root, else the default: $XDG_RUNTIME_DIR/hull for whoever is not root of the initial user
 * namespace, else /run/hull. Absolute; lives as long as the process. NULL with err filled. */
const char *globals_root(const struct globals *globals, struct oci_error *err);

/* path from the current directory, absolute, not resolved; on the heap. NULL with err filled. */
char *path_absolute(const char *path, struct oci_error *err);

#endif
