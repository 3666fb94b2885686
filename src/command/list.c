/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull list`. A container that goes away while it is looked at is left out; one whose state can't
 * be read is told about and doesn't keep the others from being shown.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/container.h"
#include "command/log.h"

struct list_options {
	const char *format;
	bool quiet;
};

static const struct option_row options[] = {
	{ 'f', "format", "FORMAT", "table (default) or json", OPTION_WORD,
	  offsetof(struct list_options, format), "table|json" },
	{ 'q', "quiet", NULL, "print the ids only", OPTION_FLAG,
	  offsetof(struct list_options, quiet), NULL },
	OPTIONS_END,
};

struct list {
	struct container *v;
	size_t n;
};

/* "." and ".." and whatever else can't be an id. */
static int keep(const struct dirent *entry)
{
	struct oci_error ignored;

	return state_check_id(entry->d_name, &ignored) == 0;
}

static void list_done(struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		container_done(&list->v[i]);
	free(list->v);
}

/* Names stay in `entries`, sorted; containers point to them. */
static int look_at_all(const char *root, struct dirent **entries, int n, struct list *list,
		       struct oci_error *err)
{
	list->v = calloc(n > 0 ? (size_t)n : 1, sizeof(*list->v));
	if (!list->v)
		return fail_code(err, "out-of-memory", "no memory for the list");
	for (int i = 0; i < n; i++) {
		struct oci_error gone = { 0 };

		if (container_look(root, entries[i]->d_name, &list->v[list->n], &gone) == 0)
			list->n++;
		else if (gone.num != ENOENT)
			log_warning("%s", gone.text);
	}
	return 0;
}

enum { N_COLUMNS = 6 };

/* One line of the table; what only lives in a number or a file is written into the buffers. */
struct line {
	const char *cells[N_COLUMNS];
	char pid[16];
	char owner[64];
};

static void make_line(const struct container *container, struct line *line)
{
	const struct state *state = &container->state;

	(void)snprintf(line->pid, sizeof(line->pid), "%d", container->pid);
	container_owner(container, line->owner, sizeof(line->owner));
	line->cells[0] = container->id;
	line->cells[1] = line->pid;
	line->cells[2] = status_names[container->status];
	line->cells[3] = state->bundle ? state->bundle : "-";
	line->cells[4] = state->created[0] ? state->created : "-";
	line->cells[5] = line->owner;
}

/* Left-aligned columns, each as wide as its widest cell. */
static int print_table(const struct list *list, struct oci_error *err)
{
	static const struct line head = { .cells = { "ID", "PID", "STATUS", "BUNDLE", "CREATED",
						     "OWNER" } };
	auto_free struct line *lines = calloc(list->n + 1, sizeof(*lines));
	size_t widths[N_COLUMNS] = { 0 };

	if (!lines)
		return fail_code(err, "out-of-memory", "no memory for the list");
	lines[0] = head;
	for (size_t row = 0; row < list->n; row++)
		make_line(&list->v[row], &lines[row + 1]);
	for (size_t row = 0; row <= list->n; row++)
		for (size_t i = 0; i < N_COLUMNS; i++)
			if (strlen(lines[row].cells[i]) > widths[i])
				widths[i] = strlen(lines[row].cells[i]);
	for (size_t row = 0; row <= list->n; row++) {
		for (size_t i = 0; i + 1 < N_COLUMNS; i++)
			(void)printf("%-*s  ", (int)widths[i], lines[row].cells[i]);
		(void)printf("%s\n", lines[row].cells[N_COLUMNS - 1]);
	}
	return 0;
}

static int print_json(const struct list *list, struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, false);
	json_text_open_array(&text, NULL);
	for (size_t i = 0; i < list->n; i++)
		container_write(&list->v[i], &text);
	json_text_close_array(&text);
	result = json_text_check(&text, err);
	if (result == 0)
		(void)printf("%s\n", text.text);
	json_text_done(&text);
	return result;
}

static int print_list(const struct list *list, const struct list_options *given,
		      struct oci_error *err)
{
	if (given->quiet) {
		for (size_t i = 0; i < list->n; i++)
			(void)printf("%s\n", list->v[i].id);
		return 0;
	}
	if (given->format && !strcmp(given->format, "json"))
		return print_json(list, err);
	return print_table(list, err);
}

static int list_run(const struct call *call, struct oci_error *err)
{
	const char *root = globals_root(call->globals, err);
	struct dirent **entries = NULL;
	struct list list = { 0 };
	int result, n;

	if (!root)
		return -1;
	n = scandir(root, &entries, keep, alphasort);
	if (n < 0 && errno != ENOENT) /* no root: no container was ever made */
		return fail_sys(err, "list '%s'", root);
	result = look_at_all(root, entries, n, &list, err);
	if (result == 0)
		result = print_list(&list, call->options, err);
	list_done(&list);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return result;
}

const struct command list_command = {
	.name = "list",
	.operands = "",
	.summary = "List the containers",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = list_run,
};
