/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull ps`: the processes of a container, which are those in its cgroup, by the pids that the
 * caller knows them by. Looks only; the names and times of processes are for ps(1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/container.h"
#include "steps/cgroup.h"

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

static void print_table(const pid_t *pids, size_t n)
{
	(void)printf("PID\n");
	for (size_t i = 0; i < n; i++)
		(void)printf("%d\n", pids[i]);
}

/* Without a cgroup of its own the container's processes can't be told from others: an error, and
 * no list that leaves some out. */
static int find(const struct container *container, pid_t **pids, size_t *n, struct oci_error *err)
{
	if (!container->state.cgroup && container->pid > 0)
		return fail_code(err, "cgroup-missing", "ps '%s': the container has no cgroup",
				 container->id);
	return cgroup_pids(&container->state, pids, n, err);
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
	if (given->format && !strcmp(given->format, "json"))
		return print_json(pids, n, err);
	print_table(pids, n);
	return 0;
}

const struct command ps_command = {
	.name = "ps",
	.operands = "ID",
	.summary = "List the processes of a container",
	.options = options,
	.options_size = sizeof(struct ps_options),
	.n_required = 1,
	.n_allowed = 1,
	.run = ps,
};
