/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull start`.
 */
#include "command/command.h"
#include "sequence/sequence.h"

static const struct option_row options[] = { OPTIONS_END };

static int start(const struct call *call, struct oci_error *err)
{
	const char *root = globals_root(call->globals, err);

	return root ? sequence_start(root, call->operands[0], err) : -1;
}

const struct command start_command = {
	.name = "start",
	.operands = "ID",
	.summary = "Start the process of a created container",
	.text = "Returns once the process is executed and the poststart hooks have run.",
	.options = options,
	.n_required = 1,
	.n_allowed = 1,
	.forks = true,
	.run = start,
};
