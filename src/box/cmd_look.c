/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox ps`, `inspect`, `port`, `top` and `exec`: what looks at containers and into them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/command.h"
#include "box/container.h"
#include "box/exec_follow.h"
#include "box/health.h"
#include "box/health_watch.h"
#include "box/monitor.h"
#include "box/record_state.h"
#include "box/table_out.h"
#include "box/volume.h"

static const struct option_row no_options[] = { OPTIONS_END };

/* For a container that runs: " (healthy)", or nothing where nothing is checked. */
static void health_text(const struct box_home *home, const struct box_record *record, char text[48])
{
	struct oci_error ignored = { 0 }; /* there is no check */
	struct oci_document *doc;
	struct health health;
	pid_t pid;

	text[0] = '\0';
	if (health_read(record->dir, &health, &doc, &ignored) == 0)
		(void)snprintf(text, 48, " (%s%s)", health.status,
			       health_is_watched(home, record, &pid) ? "" : ", nobody checks");
	json_document_free(doc);
}

static const char *status_text(const struct box_home *home, const struct box_record *record,
			       enum box_status status, char text[128])
{
	char age[32], health[48];
	int64_t now = record_now();

	switch (status) {
	case BOX_CREATED:
		return "created";
	case BOX_STOPPED:
		if (!record->state.finished)
			return "stopped, its end couldn't be written down"; /* a full disk */
		(void)snprintf(text, 128, "%s (%d) %s ago",
			       record->state.restart_at ? "restarting" : "stopped",
			       record->state.exit_code,
			       table_out_age(now - record->state.finished, age));
		return text;
	case BOX_RUNNING:
	case BOX_PAUSED:
		break;
	}
	health_text(home, record, health);
	(void)snprintf(text, 128, "%s %s%s", box_status_names[status],
		       table_out_age(now - record->state.started, age), health);
	return text;
}

/* --- ps --- */

struct ps_values {
	bool all, quiet, whole;
	const char *format;
	struct option_list filters;
};

static const struct option_row ps_options[] = {
	{ 'a', "all", NULL, "stopped and created ones too", OPTION_FLAG,
	  offsetof(struct ps_values, all), NULL },
	{ 'q', "quiet", NULL, "print the ids only", OPTION_FLAG, offsetof(struct ps_values, quiet),
	  NULL },
	{ 0, "no-trunc", NULL, "whole ids and commands", OPTION_FLAG,
	  offsetof(struct ps_values, whole), NULL },
	{ 0, "filter", "WHAT=VALUE",
	  "only those with: label=KEY[=VALUE], name=TEXT (a part of it),\n"
	  "status=STATUS, volume=NAME; several: all of them",
	  OPTION_LIST, offsetof(struct ps_values, filters), NULL },
	{ 0, "format", "FORMAT", "table (default) or json", OPTION_WORD,
	  offsetof(struct ps_values, format), "table|json" },
	OPTIONS_END,
};

/* --- ps --filter --- */

static bool has_label(const struct box_options *options, const char *wanted)
{
	size_t size = strcspn(wanted, "=");

	for (size_t i = 0; i < options->labels.n; i++) {
		const struct oci_pair *label = &options->labels.v[i];

		if (strlen(label->key) == size && !strncmp(label->key, wanted, size))
			return !wanted[size] || !strcmp(label->value, wanted + size + 1);
	}
	return false;
}

static bool has_volume(const char *id, const struct box_options *options, const char *wanted)
{
	for (size_t i = 0; i < options->volumes.n; i++) {
		char name[VOLUME_NAME_SIZE];

		volume_name(id, options, i, name);
		if (*name && !strcmp(name, wanted))
			return true;
	}
	return false;
}

/* What a filter is about: "label", and its value behind the '='; NULL when it isn't this one. */
static const char *filter_value(const char *filter, const char *what)
{
	size_t size = strlen(what);

	return !strncmp(filter, what, size) && filter[size] == '=' && filter[size + 1]
		       ? filter + size + 1
		       : NULL;
}

static bool is_status(const char *word)
{
	for (int status = BOX_CREATED; status <= BOX_STOPPED; status++)
		if (!strcmp(word, box_status_names[status]))
			return true;
	return false;
}

static int check_filters(const struct option_list *filters, struct oci_error *err)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *filter = filters->v[i];
		const char *status = filter_value(filter, "status");

		if (!filter_value(filter, "label") && !filter_value(filter, "name") &&
		    !filter_value(filter, "volume") && !(status && is_status(status)))
			return fail_code(err, "usage",
					 "option '--filter': '%s' isn't label=KEY[=VALUE], "
					 "name=TEXT, volume=NAME or status=created, running, "
					 "paused or stopped",
					 filter);
	}
	return 0;
}

static bool passes(const struct box_record *record, enum box_status status,
		   const struct box_options *options, const char *filter)
{
	const char *value = filter_value(filter, "label");

	if (value)
		return has_label(options, value);
	value = filter_value(filter, "volume");
	if (value)
		return has_volume(record->id, options, value);
	value = filter_value(filter, "name");
	if (value)
		return strstr(record->state.name, value) != NULL;
	value = filter_value(filter, "status");
	return value && !strcmp(value, box_status_names[status]);
}

/* One whose options can't be read passes no filter. */
static bool passes_all(const struct box_record *record, enum box_status status,
		       const struct option_list *filters)
{
	struct box_options options;
	struct oci_error ignored = { 0 };
	bool good = true;

	if (filters->n == 0)
		return true;
	if (container_options(record, &options, &ignored) < 0)
		return false;
	for (size_t i = 0; good && i < filters->n; i++)
		good = passes(record, status, &options, filters->v[i]);
	box_options_done(&options);
	return good;
}

/* A status that is asked for is shown without --all. */
static bool names_status(const struct option_list *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		if (filter_value(filters->v[i], "status"))
			return true;
	return false;
}

struct listing {
	const struct box_home *home;
	const struct ps_values *values;
	struct list_out out;
};

/* What programs look for containers by. */
static void write_options(const struct box_home *home, const struct box_record *record,
			  struct json_text *out)
{
	struct box_options options;
	struct oci_error ignored = { 0 }; /* its user learns of it where he needs them */

	if (container_options(record, &options, &ignored) < 0)
		return;
	json_text_open_object(out, "labels");
	for (size_t i = 0; i < options.labels.n; i++)
		json_text_string(out, options.labels.v[i].key, options.labels.v[i].value);
	json_text_close_object(out);
	json_text_open_array(out, "volumes");
	for (size_t i = 0; i < options.volumes.n; i++) {
		char name[VOLUME_NAME_SIZE];
		auto_free char *path = NULL;

		volume_name(record->id, &options, i, name);
		if (!*name)
			continue;
		path = box_text(&ignored, "%s/volumes/%s/_data", home->root, name);
		json_text_open_object(out, NULL);
		json_text_string(out, "volume", name);
		json_text_string(out, "target", options.volumes.v[i].target);
		json_text_string(out, "path", path);
		json_text_close_object(out);
	}
	json_text_close_array(out);
	box_options_done(&options);
}

static void write_results(const struct health *health, struct json_text *out)
{
	json_text_open_array(out, "command");
	for (size_t i = 0; i < health->command.n; i++)
		json_text_string(out, NULL, health->command.v[i]);
	json_text_close_array(out);
	json_text_uint(out, "intervalMs", health->interval_ms);
	json_text_uint(out, "timeoutMs", health->timeout_ms);
	json_text_uint(out, "startPeriodMs", health->start_period_ms);
	json_text_uint(out, "startIntervalMs", health->start_interval_ms);
	json_text_uint(out, "retries", health->retries);
	json_text_open_array(out, "log");
	for (size_t i = 0; i < health->log.n; i++) {
		const struct health_result *result = &health->log.v[i];

		json_text_open_object(out, NULL);
		json_text_int(out, "start", result->start);
		json_text_int(out, "end", result->end);
		json_text_int(out, "exitCode", result->exit_code);
		json_text_string(out, "output", result->output ? result->output : "");
		json_text_close_object(out);
	}
	json_text_close_array(out);
}

/* Nothing where nothing is checked. `whole`: with what is checked, and the last results. */
static void write_health(const struct box_home *home, const struct box_record *record, bool whole,
			 struct json_text *out)
{
	struct oci_error ignored = { 0 };
	struct oci_document *doc;
	struct health health;
	pid_t pid;

	if (health_read(record->dir, &health, &doc, &ignored) == 0) {
		json_text_open_object(out, "health");
		json_text_string(out, "status", health.status);
		json_text_uint(out, "failingStreak", health.failing_streak);
		json_text_bool(out, "watched", health_is_watched(home, record, &pid));
		if (pid)
			json_text_int(out, "watcher", pid);
		if (whole)
			write_results(&health, out);
		json_text_close_object(out);
	}
	json_document_free(doc);
}

static void write_record(const struct box_home *home, const struct box_record *record, bool whole,
			 struct json_text *out)
{
	enum box_status status = record_status(home, record);

	json_text_open_object(out, NULL);
	json_text_string(out, "id", record->id);
	json_text_string(out, "status", box_status_names[status]);
	if (status == BOX_RUNNING || status == BOX_PAUSED)
		json_text_int(out, "pid", monitor_container_pid(home, record));
	write_health(home, record, whole, out);
	state_write(&record->state, out);
	write_options(home, record, out);
}

static void add_row(struct listing *listing, const struct box_record *record,
		    enum box_status status)
{
	const struct box_state *state = &record->state;
	struct table_out *table = &listing->out.table;
	int text_size = listing->values->whole ? 255 : 40;
	char text[128], age[32];

	table_out_cell(table, "%.*s", listing->values->whole ? ID_SIZE : SHORT_ID_SIZE, record->id);
	table_out_cell(table, "%s", state->name);
	table_out_cell(table, "%s", status_text(listing->home, record, status, text));
	table_out_cell(table, "%s ago", table_out_age(record_now() - state->created, age));
	table_out_cell(table, "%s", *state->ip ? state->ip : "-");
	table_out_cell(table, "%s", *state->ports ? state->ports : "-");
	table_out_cell(table, "%.*s", text_size, state->image);
	table_out_cell(table, "%.*s", text_size, state->command);
}

static int list_one(void *ctx, struct box_record *record, struct oci_error *err)
{
	struct listing *listing = ctx;
	enum box_status status = record_status(listing->home, record);

	(void)err;
	if (!listing->values->all && !names_status(&listing->values->filters) &&
	    (status == BOX_CREATED || status == BOX_STOPPED))
		return 0;
	if (!passes_all(record, status, &listing->values->filters))
		return 0;
	if (listing->out.kind == LIST_NAMES) {
		(void)printf("%.*s\n", listing->values->whole ? ID_SIZE : SHORT_ID_SIZE,
			     record->id);
	} else if (listing->out.kind == LIST_JSON) {
		write_record(listing->home, record, false, &listing->out.json);
		json_text_close_object(&listing->out.json);
	} else {
		add_row(listing, record, status);
	}
	return 0;
}

static int run_ps(const struct box_call *call, struct oci_error *err)
{
	static const char *const headings[] = { "ID",	 "NAME",  "STATUS",  "CREATED", "IP",
						"PORTS", "IMAGE", "COMMAND", NULL };
	const struct ps_values *values = call->options;
	struct listing listing = { .home = call->home, .values = values };

	TRY(check_filters(&values->filters, err));
	list_out_begin(&listing.out, headings, values->format, values->quiet);
	return list_out_end(&listing.out, record_for_all(call->home, list_one, &listing, err), err);
}

const struct box_command command_ps = {
	.name = "ps",
	.operands = "",
	.summary = "List containers",
	.options = ps_options,
	.options_size = sizeof(struct ps_values),
	.as_caller = true,
	.run = run_ps,
};

/* --- inspect --- */

static int inspect_one(const struct box_home *home, const char *word, bool comma, FILE *to,
		       struct oci_error *err)
{
	auto_free char *options = NULL;
	struct box_record record;
	struct json_text out;
	size_t size;
	int result;

	TRY(record_open(home, word, &record, err));
	json_text_init(&out, true);
	write_record(home, &record, true, &out);
	json_text_close_object(&out);
	result = json_text_check(&out, err);
	if (result == 0)
		result = file_load_at(record.dir, "config.json", JSON_MAX_SIZE, &options, &size,
				      err);
	/* The saved options are JSON as they are: spliced in before the end. */
	if (result == 0) {
		size_t end = out.size;

		while (end > 0 && out.text[end - 1] != '}')
			end--;
		while (end > 1 && strchr("}\n\t ", out.text[end - 1]))
			end--;
		while (size > 0 && options[size - 1] == '\n')
			size--;
		(void)fprintf(to, "%s%.*s,\n\t\"config\": %.*s\n}", comma ? ",\n" : "", (int)end,
			      out.text, (int)size, options);
	}
	json_text_done(&out);
	record_close(&record);
	return result;
}

/* All or nothing: what is printed is JSON. */
static int run_inspect(const struct box_call *call, struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int result = 0;

	if (!to)
		return fail_code(err, "out-of-memory", "no memory for what is known");
	for (size_t i = 0; result == 0 && i < call->n_operands; i++)
		result = inspect_one(call->home, call->operands[i], i > 0, to, err);
	if (fclose(to) != 0 && result == 0)
		result = fail_code(err, "out-of-memory", "no memory for what is known");
	if (result == 0)
		(void)printf("[%s]\n", text);
	return result;
}

const struct box_command command_inspect = {
	.name = "inspect",
	.operands = "CONTAINER...",
	.summary = "Print all that is known of containers, as JSON",
	.options = no_options,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.as_caller = true,
	.run = run_inspect,
};

/* --- port --- */

static int run_port(const struct box_call *call, struct oci_error *err)
{
	struct box_record record;
	struct box_options options;
	int result;

	TRY(record_open(call->home, call->operands[0], &record, err));
	result = container_options(&record, &options, err);
	record_close(&record);
	if (result < 0)
		return -1;
	for (size_t i = 0; i < options.net.ports.n; i++) {
		const struct box_port *port = &options.net.ports.v[i];

		(void)printf("%u/%s -> %s:%u\n", port->container, port->protocol,
			     port->address ? port->address : "0.0.0.0", port->host);
	}
	box_options_done(&options);
	return 0;
}

const struct box_command command_port = {
	.name = "port",
	.operands = "CONTAINER",
	.summary = "List the published ports of a container",
	.options = no_options,
	.n_required = 1,
	.n_allowed = 1,
	.as_caller = true,
	.run = run_port,
};

/* --- top --- */

struct top_values {
	const char *format;
};

static const struct option_row top_options[] = {
	{ 0, "format", "FORMAT", "table (default) or json", OPTION_WORD,
	  offsetof(struct top_values, format), "table|json" },
	OPTIONS_END,
};

static int run_top(const struct box_call *call, struct oci_error *err)
{
	const struct top_values *values = call->options;
	struct box_record record;
	char *output;
	int result;

	TRY(record_open(call->home, call->operands[0], &record, err));
	result = monitor_hull(call->home, &output, err, "ps", "--format",
			      values->format ? values->format : "table", record.id, NULL);
	record_close(&record);
	if (result < 0)
		return -1;
	(void)fputs(output, stdout);
	free(output);
	return 0;
}

const struct box_command command_top = {
	.name = "top",
	.operands = "CONTAINER",
	.summary = "List the processes of a container",
	.options = top_options,
	.options_size = sizeof(struct top_values),
	.n_required = 1,
	.n_allowed = 1,
	.run = run_top,
};

/* --- exec --- */

struct exec_values {
	bool interactive, tty, detach;
	const char *cwd, *user;
	struct option_list env;
};

static const struct option_row exec_options[] = {
	{ 'i', "interactive", NULL, "pass the standard input on", OPTION_FLAG,
	  offsetof(struct exec_values, interactive), NULL },
	{ 't', "tty", NULL, "give the command a terminal", OPTION_FLAG,
	  offsetof(struct exec_values, tty), NULL },
	{ 'd', "detach", NULL, "don't wait for the command", OPTION_FLAG,
	  offsetof(struct exec_values, detach), NULL },
	{ 'w', "workdir", "DIR", "its working directory (default: the container's)", OPTION_TEXT,
	  offsetof(struct exec_values, cwd), NULL },
	{ 'u', "user", "USER[:GROUP]", "names of the container, or numbers", OPTION_TEXT,
	  offsetof(struct exec_values, user), NULL },
	{ 'e', "env", "NAME=VALUE", "an environment variable; may be repeated", OPTION_LIST,
	  offsetof(struct exec_values, env), NULL },
	OPTIONS_END,
};

/* hull's words for what was asked. The command begins behind a "--"-less id: hull takes everything
 * behind the id. */
static void exec_words(const struct exec_values *values, const struct box_record *record,
		       const struct box_call *call, const char *log, const char **words)
{
	size_t n = 0;

	words[n++] = "--log";
	words[n++] = log;
	words[n++] = "--log-format";
	words[n++] = "json";
	words[n++] = "exec";
	if (values->tty)
		words[n++] = "--tty";
	if (values->detach)
		words[n++] = "--detach";
	if (values->cwd) {
		words[n++] = "--cwd";
		words[n++] = values->cwd;
	}
	if (values->user) {
		words[n++] = "--user";
		words[n++] = values->user;
	}
	for (size_t i = 0; i < values->env.n; i++) {
		words[n++] = "--env";
		words[n++] = values->env.v[i];
	}
	words[n++] = record->id;
	for (size_t i = 1; i < call->n_operands; i++)
		words[n++] = call->operands[i];
}

/* With a terminal the command gets the one that hull makes, and hull keeps the caller's. */
static enum exec_streams_kind exec_streams_kind(const struct exec_values *values)
{
	if (values->tty)
		return EXEC_ITS_OWN;
	if (values->detach)
		return EXEC_NOTHING;
	return values->interactive ? EXEC_INPUT : EXEC_NO_INPUT;
}

static int run_exec(const struct box_call *call, struct oci_error *err)
{
	const struct exec_values *values = call->options;
	auto_free const char **words =
		calloc(call->n_operands + 2 * values->env.n + 20, sizeof(*words));
	struct box_record record;
	struct exec_log log;
	char **argv;
	enum box_status status;
	int result;

	if (!words)
		return fail_code(err, "out-of-memory", "no memory for the command");
	TRY(record_open(call->home, call->operands[0], &record, err));
	status = record_status(call->home, &record);
	if (status != BOX_RUNNING && status != BOX_PAUSED)
		return record_close(&record),
		       fail_code(err, "not-running", "'%s' isn't running", call->operands[0]);
	if (exec_log_open(&log, err) < 0)
		return record_close(&record), -1;
	exec_words(values, &record, call, log.path, words);
	argv = monitor_hull_argv(call->home, words, err);
	record_close(&record);
	result = argv ? exec_follow(argv, exec_streams_kind(values), &log, err) : -1;
	exec_log_close(&log);
	monitor_free_argv(argv);
	return result;
}

const struct box_command command_exec = {
	.name = "exec",
	.operands = "CONTAINER COMMAND [ARGUMENT...]",
	.summary = "Run a further command in a container",
	.text = "The exit status is that of the command; 125 when hullbox failed, 126 when the\n"
		"command can't be executed, 127 when there is none.",
	.options = exec_options,
	.options_size = sizeof(struct exec_values),
	.n_required = 2,
	.n_allowed = ANY_NUMBER,
	.takes_command = true,
	.failure = EXIT_BOX_FAILED,
	.run = run_exec,
};
