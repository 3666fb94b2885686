/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull state`.
 */
#include <stdio.h>

#include "command/command.h"
#include "command/container.h"

static const struct option_row options[] = { OPTIONS_END };

static int print_state(const struct container *container, struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, true);
	container_write(container, &text);
	result = json_text_check(&text, err);
	if (result == 0)
		(void)printf("%s\n", text.text); /* main.c looks whether that worked */
	json_text_done(&text);
	return result;
}

static int state(const struct call *call, struct oci_error *err)
{
	const char *root = globals_root(call->globals, err);
	struct container container = { 0 };
	int result;

	if (!root || container_look(root, call->operands[0], &container, err) < 0)
		return -1;
	result = print_state(&container, err);
	container_done(&container);
	return result;
}

const struct command state_command = {
	.name = "state",
	.operands = "ID",
	.summary = "Print the state of a container as JSON",
	.options = options,
	.n_required = 1,
	.n_allowed = 1,
	.run = state,
};
