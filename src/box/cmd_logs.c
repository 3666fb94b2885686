/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox logs`.
 */
#include <stdlib.h>
#include <string.h>

#include "box/command.h"
#include "box/logs.h"

struct values {
	bool follow, timestamps;
	const char *tail, *since;
};

static const struct option_row options[] = {
	{ 'f', "follow", NULL, "go on until the container ends", OPTION_FLAG,
	  offsetof(struct values, follow), NULL },
	{ 'n', "tail", "N", "only the last N lines, or all", OPTION_TEXT,
	  offsetof(struct values, tail), NULL },
	{ 0, "since", "TIME", "only what was written since: 2026-01-31T12:00:00Z, or 10m ago",
	  OPTION_TEXT, offsetof(struct values, since), NULL },
	{ 't', "timestamps", NULL, "before each line the time when it was written", OPTION_FLAG,
	  offsetof(struct values, timestamps), NULL },
	OPTIONS_END,
};

static int parse_tail(const char *text, int64_t *tail, struct oci_error *err)
{
	char *end;

	*tail = -1;
	if (!text || !strcmp(text, "all"))
		return 0;
	*tail = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end)
		return fail_code(err, "usage", "option '--tail' expects a number, found '%s'",
				 text);
	return 0;
}

static int run(const struct box_call *call, struct oci_error *err)
{
	const struct values *values = call->options;
	struct logs_request request = { .follow = values->follow,
					.timestamps = values->timestamps };
	struct box_record record;
	int result;

	TRY(parse_tail(values->tail, &request.tail, err));
	if (values->since)
		TRY(logs_parse_time(values->since, &request.since, err));
	TRY(record_open(call->home, call->operands[0], &record, err));
	result = logs_print(call->home, &record, &request, err);
	record_close(&record);
	return result;
}

const struct box_command command_logs = {
	.name = "logs",
	.operands = "CONTAINER",
	.summary = "Print what a container has written",
	.text = "What it wrote to its standard error goes to this one's.",
	.options = options,
	.options_size = sizeof(struct values),
	.n_required = 1,
	.n_allowed = 1,
	.as_caller = true,
	.run = run,
};
