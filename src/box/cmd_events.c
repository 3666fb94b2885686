/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox events`.
 */
#include <string.h>

#include "box/command.h"
#include "box/events.h"
#include "box/logs.h"

struct values {
	const char *since, *until, *format;
	struct option_list filters;
	bool follow, no_follow;
};

static const struct option_row options[] = {
	{ 0, "since", "TIME", "those of the past, too: 2026-01-31T12:00:00Z, or 10m ago",
	  OPTION_TEXT, offsetof(struct values, since), NULL },
	{ 0, "until", "TIME", "end then", OPTION_TEXT, offsetof(struct values, until), NULL },
	{ 0, "filter", "KEY=VALUE",
	  "only those of a container, event or image; may be repeated:\nof one key any, of several "
	  "each",
	  OPTION_LIST, offsetof(struct values, filters), NULL },
	{ 0, "format", "FORMAT", "table (default) or json, an object on each line", OPTION_WORD,
	  offsetof(struct values, format), "table|json" },
	{ 'f', "follow", NULL, "go on until a signal comes (default)", OPTION_FLAG,
	  offsetof(struct values, follow), NULL },
	{ 0, "no-follow", NULL, "print what has happened, and end", OPTION_FLAG,
	  offsetof(struct values, no_follow), NULL },
	OPTIONS_END,
};

static int run(const struct box_call *call, struct oci_error *err)
{
	const struct values *values = call->options;
	struct events_request request = { .since = values->no_follow ? 0 : -1,
					  .follow = !values->no_follow,
					  .table = !values->format ||
						   !strcmp(values->format, "table"),
					  .filters = &values->filters };

	if (values->follow && values->no_follow)
		return fail_code(err, "usage", "option '--follow' contradicts --no-follow");
	TRY(events_check_filters(&values->filters, err));
	if (values->since)
		TRY(logs_parse_time(values->since, &request.since, err));
	if (values->until)
		TRY(logs_parse_time(values->until, &request.until, err));
	return events_print(call->home, &request, err);
}

const struct box_command command_events = {
	.name = "events",
	.operands = "",
	.summary = "Print what happens to containers",
	.text = "create, start, die, oom, stop, kill, pause, unpause, restart, rename, destroy,\n"
		"health_status: from now on, until a signal comes.",
	.options = options,
	.options_size = sizeof(struct values),
	.run = run,
};
