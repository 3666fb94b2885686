/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull top`: what all containers use, as a table that is drawn anew, or as JSON. Each sample looks
 * at the state root again, so containers come and go; what is compared with the sample before are
 * the figures of the same process only.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/container.h"
#include "command/duration.h"
#include "command/top_screen.h"
#include "steps/cgroup.h"
#include "steps/cgroup_stats.h"

/* How long the first sample lasts at most: processor time is a difference. */
enum { INTERVAL_MS = 2000, FIRST_MS = 500 };

struct top_options {
	const char *format;
	const char *interval;
	unsigned samples;
	bool once;
};

static const struct option_row options[] = {
	{ 'f', "format", "FORMAT", "table (default) or json: an array for each sample, one a line",
	  OPTION_WORD, offsetof(struct top_options, format), "table|json" },
	{ 'i', "interval", "TIME", "time between samples: 500ms, 2s (default), 1m", OPTION_TEXT,
	  offsetof(struct top_options, interval), NULL },
	{ 'n', "samples", "N", "end after so many", OPTION_COUNT,
	  offsetof(struct top_options, samples), NULL },
	{ 0, "once", NULL, "one sample, not in a screen of its own", OPTION_FLAG,
	  offsetof(struct top_options, once), NULL },
	OPTIONS_END,
};

/* ---- samples ---- */

struct row {
	char id[256];
	enum status status;
	uint64_t pid_start;	   /* tells a container from a later one of the same name */
	uint64_t taken;		   /* ns */
	struct cgroup_stats stats; /* without lists */
	struct figure read, written;
	bool has_percent;
	double percent; /* of one CPU */
};

struct sample {
	struct row *v; /* by id */
	size_t n;
};

static void sample_done(struct sample *sample)
{
	free(sample->v);
	*sample = (struct sample){ .n = 0 };
}

static uint64_t now_in_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void add_up(struct row *row, const struct cgroup_stats *stats)
{
	row->read.known = row->written.known = stats->has_io;
	for (size_t i = 0; i < stats->n_io; i++) {
		row->read.n += stats->io[i].read_bytes.known ? stats->io[i].read_bytes.n : 0;
		row->written.n +=
			stats->io[i].written_bytes.known ? stats->io[i].written_bytes.n : 0;
	}
}

/* One that has no cgroup, or whose cgroup is gone, has no figures. */
static int measure(const struct container *container, struct row *row, struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	auto_fd cgroup = -1;

	if (container->status == STATUS_STOPPED || container->status == STATUS_CREATING ||
	    cgroup_open(&container->state, &cgroup, &ignored) < 0 || cgroup < 0)
		return 0;
	row->taken = now_in_ns();
	TRY(cgroup_stats_read(cgroup, STATS_BRIEF, &row->stats, err));
	add_up(row, &row->stats);
	free(row->stats.io);
	row->stats.io = NULL;
	row->stats.n_io = 0;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id);
}

static void compare(struct row *row, const struct sample *before)
{
	const struct row *old =
		before->n > 0 ? bsearch(row, before->v, before->n, sizeof(*row), by_id) : NULL;

	if (!old || old->pid_start != row->pid_start || !old->stats.cpu.known ||
	    !row->stats.cpu.known || row->taken <= old->taken ||
	    row->stats.cpu.n < old->stats.cpu.n)
		return;
	row->has_percent = true;
	row->percent = 100.0 * (double)(row->stats.cpu.n - old->stats.cpu.n) /
		       (double)(row->taken - old->taken);
}

/* A container that goes away while it is looked at is left out. */
static int add_row(const char *root, const char *id, struct sample *sample, struct oci_error *err)
{
	struct row *row = &sample->v[sample->n];
	struct container container = { 0 };
	struct oci_error gone = { 0 };
	int result;

	if (container_look(root, id, &container, &gone) < 0)
		return 0;
	(void)snprintf(row->id, sizeof(row->id), "%s", id);
	row->status = container.status;
	row->pid_start = container.state.pid_start;
	result = measure(&container, row, err);
	container_done(&container);
	sample->n += result == 0;
	return result;
}

static int is_id(const struct dirent *entry)
{
	struct oci_error ignored;

	return state_check_id(entry->d_name, &ignored) == 0;
}

/* Fills *sample, in place of what was in it. */
static int take(const char *root, const struct sample *before, struct sample *sample,
		struct oci_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(root, &entries, is_id, NULL), result = 0;

	*sample = (struct sample){ .n = 0 };
	if (n < 0 && errno != ENOENT) /* no root: no container was ever made */
		return fail_sys(err, "list '%s'", root);
	sample->v = calloc(n > 0 ? (size_t)n : 1, sizeof(*sample->v));
	if (!sample->v)
		result = fail_sys(err, "memory for the containers");
	for (int i = 0; i < n; i++) {
		if (result == 0)
			result = add_row(root, entries[i]->d_name, sample, err);
		free(entries[i]);
	}
	free(entries);
	if (result < 0) {
		sample_done(sample);
		return -1;
	}
	qsort(sample->v, sample->n, sizeof(*sample->v), by_id);
	for (size_t i = 0; i < sample->n; i++)
		compare(&sample->v[i], before);
	return 0;
}

/* ---- JSON ---- */

static void put(struct json_text *out, const char *key, struct figure figure)
{
	if (figure.known)
		json_text_uint(out, key, figure.n);
}

static void put_pair(struct json_text *out, const char *key, const char *first, struct figure a,
		     const char *second, struct figure b)
{
	json_text_open_object(out, key);
	put(out, first, a);
	put(out, second, b);
	json_text_close_object(out);
}

static void put_average(struct json_text *out, const char *key, const struct pressure *pressure)
{
	if (pressure->some.known)
		json_text_number(out, key, pressure->some.avg10);
}

static void put_row(struct json_text *out, const struct row *row)
{
	const struct cgroup_stats *stats = &row->stats;
	char percent[32];

	json_text_open_object(out, NULL);
	json_text_string(out, "id", row->id);
	json_text_string(out, "status", status_names[row->status]);
	if (row->has_percent) {
		(void)snprintf(percent, sizeof(percent), "%.2f", row->percent);
		json_text_number(out, "cpuPercent", percent);
	}
	put(out, "cpuTotal", stats->cpu);
	put_pair(out, "memory", "usage", stats->memory, "limit", stats->memory_limit);
	put_pair(out, "pids", "current", stats->pids, "limit", stats->pids_limit);
	put_pair(out, "io", "read", row->read, "written", row->written);
	json_text_open_object(out, "pressure");
	put_average(out, "cpu", &stats->cpu_pressure);
	put_average(out, "memory", &stats->memory_pressure);
	put_average(out, "io", &stats->io_pressure);
	json_text_close_object(out);
	json_text_close_object(out);
}

static int print_json(const struct sample *sample, struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, false);
	json_text_open_array(&text, NULL);
	for (size_t i = 0; i < sample->n; i++)
		put_row(&text, &sample->v[i]);
	json_text_close_array(&text);
	result = json_text_check(&text, err);
	if (result == 0 && (printf("%s\n", text.text) < 0 || fflush(stdout) != 0))
		result = fail_sys(err, "write to the standard output");
	json_text_done(&text);
	return result;
}

/* ---- the table ---- */

/* "12.3M"; "-" for what isn't measured. */
static const char *say_bytes(char buf[16], struct figure figure)
{
	static const char units[] = "BKMGTPE";
	double value = (double)figure.n;
	size_t unit = 0;

	if (!figure.known)
		return "-";
	if (figure.n == STATS_UNLIMITED)
		return "max";
	for (; value >= 1024 && units[unit + 1]; unit++)
		value /= 1024;
	(void)snprintf(buf, 16, unit == 0 ? "%.0f%c" : "%.1f%c", value, units[unit]);
	return buf;
}

static const char *say_number(char buf[24], struct figure figure)
{
	if (!figure.known)
		return "-";
	(void)snprintf(buf, 24, "%llu", (unsigned long long)figure.n);
	return buf;
}

static const char *say_percent(char buf[16], const struct row *row)
{
	if (!row->has_percent)
		return "-";
	(void)snprintf(buf, 16, "%.1f", row->percent);
	return buf;
}

static const char *say_pressure(const struct pressure *pressure)
{
	return pressure->some.known ? pressure->some.avg10 : "-";
}

static void write_row(FILE *out, const struct row *row, int width)
{
	const struct cgroup_stats *stats = &row->stats;
	char percent[16], memory[16], limit[16], pids[24], got[16], written[16];

	(void)fprintf(out, "%-*s  %-8s %6s %8s %8s %6s %8s %8s %6s %6s %6s\n", width, row->id,
		      status_names[row->status], say_percent(percent, row),
		      say_bytes(memory, stats->memory), say_bytes(limit, stats->memory_limit),
		      say_number(pids, stats->pids), say_bytes(got, row->read),
		      say_bytes(written, row->written), say_pressure(&stats->cpu_pressure),
		      say_pressure(&stats->memory_pressure), say_pressure(&stats->io_pressure));
}

/* The busiest first. */
static int by_use(const void *a, const void *b)
{
	const struct row *one = *(const struct row *const *)a;
	const struct row *other = *(const struct row *const *)b;

	if (one->percent != other->percent)
		return one->percent < other->percent ? 1 : -1;
	return strcmp(one->id, other->id);
}

/* On the heap; NULL without memory. */
static char *make_table(const struct sample *sample)
{
	auto_free const struct row **rows = calloc(sample->n + 1, sizeof(*rows));
	char *text = NULL;
	size_t size;
	FILE *out = rows ? open_memstream(&text, &size) : NULL;
	int width = 2;

	if (!out)
		return NULL;
	for (size_t i = 0; i < sample->n; i++) {
		int length = (int)strlen(sample->v[i].id);

		rows[i] = &sample->v[i];
		width = length > width ? length : width;
	}
	qsort(rows, sample->n, sizeof(*rows), by_use);
	(void)fprintf(out, "%-*s  %-8s %6s %8s %8s %6s %8s %8s %6s %6s %6s\n", width, "ID",
		      "STATUS", "CPU%", "MEMORY", "LIMIT", "PIDS", "READ", "WRITTEN", "P-CPU",
		      "P-MEM", "P-IO");
	for (size_t i = 0; i < sample->n; i++)
		write_row(out, rows[i], width);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the command ---- */

struct top {
	const char *root;
	int interval;
	unsigned samples; /* 0: no end */
	bool json;
	struct screen *screen; /* or NULL */
	struct sample sample;
};

static int show(const struct top *top, struct oci_error *err)
{
	auto_free char *table = NULL;

	if (top->json)
		return print_json(&top->sample, err);
	table = make_table(&top->sample);
	if (!table)
		return fail_sys(err, "memory for the table");
	if (top->screen)
		return screen_draw(table, err);
	if (printf("%s", table) < 0 || fflush(stdout) != 0)
		return fail_sys(err, "write to the standard output");
	return 0;
}

/* 1: it is time for the next sample; 0: that was all. */
static int wait_until(const struct top *top, int64_t until, struct oci_error *err)
{
	enum screen_event event;

	if (!top->screen) {
		while (left_until(until) > 0)
			if (poll(NULL, 0, left_until(until)) < 0 && errno != EINTR)
				return fail_sys(err, "poll");
		return 1;
	}
	for (;;) {
		event = screen_wait(top->screen, until);
		if (event != SCREEN_REDRAW)
			return event == SCREEN_TIME;
		TRY(show(top, err));
	}
}

static int next_sample(struct top *top, struct oci_error *err)
{
	struct sample next;

	TRY(take(top->root, &top->sample, &next, err));
	sample_done(&top->sample);
	top->sample = next;
	return 0;
}

static int watch(struct top *top, struct oci_error *err)
{
	int first = top->interval < FIRST_MS ? top->interval : FIRST_MS, going;
	int64_t until = now_in_ms() + first;

	TRY(next_sample(top, err));
	going = wait_until(top, until, err);
	for (unsigned n = 1; going > 0; n++) {
		until = now_in_ms() + top->interval;
		TRY(next_sample(top, err));
		TRY(show(top, err));
		if (top->samples != 0 && n >= top->samples)
			return 0;
		going = wait_until(top, until, err);
	}
	return going;
}

static int watch_on_screen(struct top *top, struct oci_error *err)
{
	struct screen screen;
	int result;

	TRY(screen_open(&screen, err));
	top->screen = &screen;
	result = watch(top, err);
	screen_close(&screen);
	return result;
}

static int top_run(const struct call *call, struct oci_error *err)
{
	const struct top_options *given = call->options;
	struct top top = { .root = globals_root(call->globals, err),
			   .interval = interval_parse(given->interval, INTERVAL_MS, err),
			   .samples = given->once ? 1 : given->samples,
			   .json = given->format && strcmp(given->format, "json") == 0 };
	bool terminal = !top.json && !given->once && isatty(STDOUT_FILENO);
	int result;

	if (!top.root || top.interval < 0)
		return -1;
	if (!top.json && !terminal && top.samples == 0)
		top.samples = 1;
	result = terminal ? watch_on_screen(&top, err) : watch(&top, err);
	sample_done(&top.sample);
	return result;
}

const struct command top_command = {
	.name = "top",
	.operands = "",
	.summary = "Show what all containers use",
	.text = "On a terminal the table is drawn anew by the interval until q or Ctrl-C; "
		"elsewhere it is\n"
		"printed once. The P- columns are pressure: the share of the last 10 s in which "
		"some\n"
		"process waited for it.",
	.options = options,
	.options_size = sizeof(struct top_options),
	.run = top_run,
};
