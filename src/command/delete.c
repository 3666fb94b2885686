/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull delete`.
 */
#include <signal.h>

#include "command/command.h"
#include "command/log.h"
#include "sequence/sequence.h"

struct delete_options {
	bool force;
};

static const struct option_row options[] = {
	{ 'f', "force", NULL,
	  "kill the container first if it runs; an id that doesn't exist\nis a success",
	  OPTION_FLAG, offsetof(struct delete_options, force), NULL },
	OPTIONS_END,
};

static void warn(const char *text)
{
	log_warning("%s", text);
}

static int delete (const struct call *call, struct oci_error *err)
{
	const struct delete_options *given = call->options;
	const char *root = globals_root(call->globals, err);

	/* A warning that nobody reads must not end it half-way; hooks get the default back. */
	(void)signal(SIGPIPE, SIG_IGN);
	return root ? sequence_delete(root, call->operands[0], given->force, warn, err) : -1;
}

const struct command delete_command = {
	.name = "delete",
	.operands = "ID",
	.summary = "Delete a container that is stopped or not yet started",
	.text = "Removes its cgroup and state, then runs the poststop hooks. Also removes what a\n"
		"killed `hull create` left behind.",
	.options = options,
	.options_size = sizeof(struct delete_options),
	.n_required = 1,
	.n_allowed = 1,
	.forks = true,
	.run = delete,
};
