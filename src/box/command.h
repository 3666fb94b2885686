/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hullbox's subcommands as a table (main.c). A command gets its options parsed, does its work,
 * prints to stdout and returns the exit status, or fails with an error that main.c reports.
 */
#ifndef BOX_COMMAND_H
#define BOX_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"
#include "box/home.h"

#define ANY_NUMBER SIZE_MAX

/* Exit statuses of a command that runs another one. */
enum { EXIT_BOX_FAILED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* One call of a command. */
struct box_call {
	const struct box_home *home;
	const void *options; /* the command's struct of values */
	const char *const *operands;
	size_t n_operands;
};

struct box_command {
	const char *name;     /* "image ls" is two words of the command line */
	const char *operands; /* as the usage line shows them */
	const char *summary;  /* one line; NULL: not for people, left out of the help */
	const char *text;     /* what else the help says, or NULL */
	const struct option_row *options;
	size_t options_size; /* of the struct of values */
	size_t n_required;   /* operands */
	size_t n_allowed;
	bool takes_command; /* what follows the first operand is an operand, options too */
	bool as_caller;	    /* only looks: a user needs no user namespace (rootless.h) for it */
	int failure;	    /* the exit status when hullbox itself fails; 0: 1 */
	/* The exit status, or -1 with err filled (exit status as `failure` says). */
	int (*run)(const struct box_call *call, struct oci_error *err);
};

/* In the files cmd_*.c. */
extern const struct box_command command_run, command_create, command_start, command_attach,
	command_wait;
extern const struct box_command command_stop, command_restart, command_kill, command_rm,
	command_pause, command_unpause, command_rename, command_prune;
extern const struct box_command command_ps, command_logs, command_inspect, command_exec,
	command_top, command_port, command_stats, command_update, command_events;
extern const struct box_command command_network_ls, command_network_inspect, command_serve;
extern const struct box_command command_volume_create, command_volume_ls, command_volume_inspect,
	command_volume_rm;
extern const struct box_command command_diff, command_commit, command_cp;
extern const struct box_command command_exited, command_enter; /* what conmon calls */

/* Does it for each operand in turn, whatever becomes of the others. The last failure is the
 * command's, those before it are told; each names its operand. */
int box_each(const struct box_call *call, void *ctx,
	     int (*deed)(const struct box_call *call, void *ctx, const char *operand,
			 struct oci_error *err),
	     struct oci_error *err);

/* Tells a person something on stderr: HEAD TEXT. Parts of the text are names that others chose (in
 * a container, an archive): what would steer a terminal is shown as '?'. */
void box_tell(const char *head, const char *text);

/* The same of what is no error: "hullbox: warning: TEXT". */
void box_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
