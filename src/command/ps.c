/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull ps`: the processes of a container, which are those in its cgroup, by the pids that the
 * caller knows them by. Their names and times are for ps(1), whose lines are filtered (ps_table.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/container.h"
#include "command/ps_table.h"
#include "steps/cgroup.h"
#include "steps/pid_namespace.h"

struct ps_options {
	const char *format;
};

static const struct option_row options[] = {
	{ 'f', "format", "FORMAT", "table (default) or json", OPTION_WORD,
	  offsetof(struct ps_options, format), "table|json" },
	OPTIONS_END,
};

/* An array of numbers, which is what containerd decodes. */
static int print_json(const pid_t *pids, size_t n, struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, false);
	json_text_open_array(&text, NULL);
	for (size_t i = 0; i < n; i++)
		json_text_int(&text, NULL, pids[i]);
	json_text_close_array(&text);
	result = json_text_check(&text, err);
	if (result == 0)
		(void)printf("%s\n", text.text);
	json_text_done(&text);
	return result;
}

static int find_by_namespace(const struct container *container, pid_t **pids, size_t *n,
			     struct oci_error *err)
{
	if (container->pid <= 0)
		return 0;
	if (pid_namespace_pids(&container->state, pids, n, err) < 0)
		return fail_in(err, "ps '%s'", container->id);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const pid_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int find(const struct container *container, pid_t **pids, size_t *n, struct oci_error *err)
{
	if (container->state.cgroup)
		TRY(cgroup_pids(&container->state, pids, n, err));
	else
		TRY(find_by_namespace(container, pids, n, err));
	if (*n > 0)
		qsort(*pids, *n, sizeof(**pids), by_number);
	return 0;
}

static int ps(const struct call *call, struct oci_error *err)
{
	const struct ps_options *given = call->options;
	const char *root = globals_root(call->globals, err);
	struct container container = { 0 };
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int result;

	if (!root || container_look(root, call->operands[0], &container, err) < 0)
		return -1;
	result = find(&container, &pids, &n, err);
	container_done(&container);
	TRY(result);
	if (!given->format || strcmp(given->format, "json") != 0)
		return ps_table(call->operands + 1, call->n_operands - 1, pids, n, err);
	if (call->n_operands > 1)
		return fail_code(err, "usage", "ps: options of ps(1) need the format 'table'");
	return print_json(pids, n, err);
}

const struct command ps_command = {
	.name = "ps",
	.operands = "ID [PS-OPTION...]",
	.summary = "List the processes of a container",
	.text = "What follows the ID is for ps(1) (default: -ef), which must print a column PID:\n"
		"its lines are shown that belong to the container.",
	.options = options,
	.options_size = sizeof(struct ps_options),
	.n_required = 1,
	.n_allowed = 1,
	.takes_command = true,
	.forks = true,
	.run = ps,
};
