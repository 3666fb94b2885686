/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox stats`: what containers use, by `hull top`. What this host doesn't measure is "-", or
 * left out of the JSON: never 0.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/json_tree.h"
#include "box/monitor.h"
#include "box/record.h"
#include "box/table_out.h"

/* Between two samples. */
#define INTERVAL_S 2U

struct values {
	bool follow;
	const char *format;
};

static const struct option_row options[] = {
	{ 'f', "follow", NULL, "go on, every two seconds", OPTION_FLAG,
	  offsetof(struct values, follow), NULL },
	{ 0, "format", "FORMAT", "table (default) or json: an array for each sample, one a line",
	  OPTION_WORD, offsetof(struct values, format), "table|json" },
	OPTIONS_END,
};

/* Whose figures are asked for: those that are named, or all. */
struct wanted {
	const struct box_home *home;
	char (*ids)[ID_SIZE + 1];
	size_t n;
};

static bool is_wanted(const struct wanted *wanted, const char *id)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!strcmp(wanted->ids[i], id))
			return true;
	return wanted->n == 0;
}

static int find_wanted(const struct box_call *call, struct wanted *wanted, struct oci_error *err)
{
	*wanted = (struct wanted){ .home = call->home };
	wanted->ids = calloc(call->n_operands + 1, sizeof(*wanted->ids));
	if (!wanted->ids)
		return fail_code(err, "out-of-memory", "no memory for ids");
	for (; wanted->n < call->n_operands; wanted->n++) {
		struct box_record record;

		TRY(record_open(call->home, call->operands[wanted->n], &record, err));
		memcpy(wanted->ids[wanted->n], record.id, sizeof(record.id));
		record_close(&record);
	}
	return 0;
}

static void name_of(const struct box_home *home, const char *id, char name[NAME_SIZE_MAX + 1])
{
	struct oci_error gone = { 0 }; /* it may have been removed just now */
	struct box_record record;

	name[0] = '\0';
	if (record_open(home, id, &record, &gone) < 0)
		return;
	memcpy(name, record.state.name, sizeof(record.state.name));
	record_close(&record);
}

/* A number of bytes for people. */
static void cell_bytes(struct table_out *table, const struct json_node *node, const char *key)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	uint64_t bytes = json_tree_uint(node, key, UINT64_MAX, UINT64_MAX);
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	if (bytes == UINT64_MAX)
		table_out_cell(table, "-");
	else
		table_out_cell(table, "%.*f %s", unit && value < 100 ? 1 : 0, value, units[unit]);
}

static void cell_number(struct table_out *table, const struct json_node *node)
{
	if (node && node->kind == JSON_NUMBER)
		table_out_cell(table, "%.*s", (int)node->size, node->text);
	else
		table_out_cell(table, "-");
}

static void add_row(struct table_out *table, const struct json_node *figures, const char *id,
		    const char *name)
{
	const struct json_node *memory = json_tree_member(figures, "memory");
	const struct json_node *pids = json_tree_member(figures, "pids");
	const struct json_node *io = json_tree_member(figures, "io");

	table_out_cell(table, "%.*s", SHORT_ID_SIZE, id);
	table_out_cell(table, "%s", name);
	cell_number(table, json_tree_member(figures, "cpuPercent"));
	cell_bytes(table, memory, "usage");
	cell_bytes(table, memory, "limit");
	cell_number(table, json_tree_member(pids, "current"));
	cell_bytes(table, io, "read");
	cell_bytes(table, io, "written");
}

static void write_row(struct json_text *out, const struct json_node *figures, const char *name)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "name", name);
	for (const struct json_node *at = figures->first; at; at = at->next)
		json_tree_copy(out, at->key, at);
	json_text_close_object(out);
}

static int show(const struct wanted *wanted, const struct json_node *sample, bool json,
		struct oci_error *err)
{
	static const char *const headings[] = { "ID",	"NAME", "CPU %",   "MEMORY", "LIMIT",
						"PIDS", "READ", "WRITTEN", NULL };
	struct table_out table;
	struct json_text out;
	int result;

	table_out_begin(&table, headings);
	json_text_init(&out, false);
	json_text_open_array(&out, NULL);
	for (const struct json_node *at = sample->first; at; at = at->next) {
		const char *id = json_tree_text(at, "id");
		char name[NAME_SIZE_MAX + 1];

		if (!id || !is_wanted(wanted, id))
			continue;
		name_of(wanted->home, id, name);
		if (json)
			write_row(&out, at, name);
		else
			add_row(&table, at, id, name);
	}
	json_text_close_array(&out);
	result = json ? table_out_json(&out, err) : table_out_end(&table, stdout, err);
	json_text_done(&out);
	return result;
}

static int sample(const struct wanted *wanted, bool json, struct oci_error *err)
{
	auto_free char *text = NULL;
	struct oci_document *doc;
	int result;

	TRY(monitor_hull(wanted->home, &text, err, "top", "--once", "--format", "json", NULL));
	doc = json_tree_parse(text, strlen(text), err);
	if (!doc)
		return -1;
	result = doc->root->kind == JSON_ARRAY ? show(wanted, doc->root, json, err)
					       : fail(err, "hull top: no array");
	json_document_free(doc);
	return result;
}

static int run(const struct box_call *call, struct oci_error *err)
{
	const struct values *values = call->options;
	bool json = values->format && !strcmp(values->format, "json");
	struct wanted wanted;
	int result = find_wanted(call, &wanted, err);

	while (result == 0) {
		if (values->follow && !json && isatty(1))
			(void)fputs("\033[H\033[J", stdout);
		result = sample(&wanted, json, err);
		if (result < 0 || !values->follow)
			break;
		if (fflush(stdout) < 0)
			result = fail_sys(err, "write to the standard output");
		(void)sleep(INTERVAL_S);
	}
	free(wanted.ids);
	return result;
}

const struct box_command command_stats = {
	.name = "stats",
	.operands = "[CONTAINER...]",
	.summary = "Show what containers use",
	.text = "What this host doesn't measure is '-'.",
	.options = options,
	.options_size = sizeof(struct values),
	.n_allowed = ANY_NUMBER,
	.run = run,
};
