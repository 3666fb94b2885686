/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull events`: what a container uses and what happens to it, one JSON object a line, in the form
 * that callers of such runtimes decode ({"type":"stats","id":...,"data":{...}}). Nothing is polled
 * for: the kernel wakes whoever waits on memory.events and cgroup.events when they change (poll(2)
 * with POLLPRI), and on the pidfd when the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/container.h"
#include "command/duration.h"
#include "plan/plan.h"
#include "steps/cgroup.h"
#include "steps/cgroup_stats.h"

enum { INTERVAL_MS = 5000, EVENTS_ROOM = 4096 };

struct events_options {
	bool stats;
	const char *interval;
};

static const struct option_row options[] = {
	{ 0, "stats", NULL, "print the figures once", OPTION_FLAG,
	  offsetof(struct events_options, stats), NULL },
	{ 0, "interval", "TIME", "how often figures are printed: 500ms, 5s (default), 1m",
	  OPTION_TEXT, offsetof(struct events_options, interval), NULL },
	OPTIONS_END,
};

/* ---- figures ---- */

static void put(struct json_text *out, const char *key, struct figure figure)
{
	if (figure.known)
		json_text_uint(out, key, figure.n);
}

static void put_pressure_line(struct json_text *out, const char *key,
			      const struct pressure_line *line)
{
	if (!line->known)
		return;
	json_text_open_object(out, key);
	json_text_number(out, "avg10", line->avg10);
	json_text_number(out, "avg60", line->avg60);
	json_text_number(out, "avg300", line->avg300);
	json_text_uint(out, "total", line->total);
	json_text_close_object(out);
}

static void put_pressure(struct json_text *out, const struct pressure *pressure)
{
	if (!pressure->some.known && !pressure->full.known)
		return;
	json_text_open_object(out, "psi");
	put_pressure_line(out, "some", &pressure->some);
	put_pressure_line(out, "full", &pressure->full);
	json_text_close_object(out);
}

static void put_cpu(struct json_text *out, const struct cgroup_stats *stats)
{
	json_text_open_object(out, "cpu");
	if (stats->cpu.known) {
		json_text_open_object(out, "usage");
		put(out, "total", stats->cpu);
		put(out, "kernel", stats->cpu_system);
		put(out, "user", stats->cpu_user);
		json_text_close_object(out);
	}
	if (stats->periods.known) {
		json_text_open_object(out, "throttling");
		put(out, "periods", stats->periods);
		put(out, "throttledPeriods", stats->throttled_periods);
		put(out, "throttledTime", stats->throttled);
		json_text_close_object(out);
	}
	put_pressure(out, &stats->cpu_pressure);
	json_text_close_object(out);
}

/* The members of memory.stat as they are. Each is "NAME NUMBER". */
static void put_raw(struct json_text *out, const char *text)
{
	json_text_open_object(out, "raw");
	while (*text) {
		char name[64];
		size_t size = strcspn(text, " \n");

		if (size < sizeof(name) && text[size] == ' ') {
			(void)snprintf(name, sizeof(name), "%.*s", (int)size, text);
			put(out, name, cgroup_stats_keyed(text, name));
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	json_text_close_object(out);
}

static struct figure sum(struct figure a, struct figure b)
{
	bool known = a.known && b.known;

	if (a.n == STATS_UNLIMITED || b.n > STATS_UNLIMITED - a.n)
		return (struct figure){ known, STATS_UNLIMITED };
	return (struct figure){ known, a.n + b.n };
}

/* Memory and swap together are what callers know as swap, from cgroup v1. */
static void put_swap(struct json_text *out, const struct cgroup_stats *stats)
{
	if (!stats->swap.known)
		return;
	json_text_open_object(out, "swap");
	put(out, "usage", sum(stats->memory, stats->swap));
	put(out, "limit", sum(stats->memory_limit, stats->swap_limit));
	json_text_close_object(out);
}

static void put_memory(struct json_text *out, const struct cgroup_stats *stats)
{
	json_text_open_object(out, "memory");
	put(out, "cache", stats->file_cache);
	if (stats->memory.known) {
		json_text_open_object(out, "usage");
		put(out, "usage", stats->memory);
		put(out, "limit", stats->memory_limit);
		put(out, "max", stats->memory_peak);
		put(out, "failcnt", stats->memory_failures);
		json_text_close_object(out);
	}
	put_swap(out, stats);
	if (stats->memory_stat)
		put_raw(out, stats->memory_stat);
	put_pressure(out, &stats->memory_pressure);
	json_text_close_object(out);
}

static void put_io_entry(struct json_text *out, const struct stats_io *io, const char *op,
			 struct figure figure)
{
	if (!figure.known)
		return;
	json_text_open_object(out, NULL);
	json_text_uint(out, "major", io->major);
	json_text_uint(out, "minor", io->minor);
	json_text_string(out, "op", op);
	json_text_uint(out, "value", figure.n);
	json_text_close_object(out);
}

static void put_io(struct json_text *out, const struct cgroup_stats *stats)
{
	json_text_open_object(out, "blkio");
	if (stats->has_io) {
		json_text_open_array(out, "ioServiceBytesRecursive");
		for (size_t i = 0; i < stats->n_io; i++) {
			put_io_entry(out, &stats->io[i], "Read", stats->io[i].read_bytes);
			put_io_entry(out, &stats->io[i], "Write", stats->io[i].written_bytes);
			put_io_entry(out, &stats->io[i], "Discard", stats->io[i].discarded_bytes);
		}
		json_text_close_array(out);
		json_text_open_array(out, "ioServicedRecursive");
		for (size_t i = 0; i < stats->n_io; i++) {
			put_io_entry(out, &stats->io[i], "Read", stats->io[i].reads);
			put_io_entry(out, &stats->io[i], "Write", stats->io[i].writes);
			put_io_entry(out, &stats->io[i], "Discard", stats->io[i].discards);
		}
		json_text_close_array(out);
	}
	put_pressure(out, &stats->io_pressure);
	json_text_close_object(out);
}

static void put_hugetlb(struct json_text *out, const struct cgroup_stats *stats)
{
	json_text_open_object(out, "hugetlb");
	for (size_t i = 0; i < stats->n_hugetlb; i++) {
		const struct stats_hugetlb *pages = &stats->hugetlb[i];

		json_text_open_object(out, pages->size);
		put(out, "usage", pages->usage);
		put(out, "max", pages->limit);
		put(out, "failcnt", pages->failures);
		json_text_close_object(out);
	}
	json_text_close_object(out);
}

static void put_data(struct json_text *out, const struct cgroup_stats *stats)
{
	json_text_open_object(out, "data");
	put_cpu(out, stats);
	put_memory(out, stats);
	json_text_open_object(out, "pids");
	put(out, "current", stats->pids);
	put(out, "limit", stats->pids_limit);
	json_text_close_object(out);
	put_io(out, stats);
	put_hugetlb(out, stats);
	json_text_close_object(out);
}

/* ---- lines ---- */

/* With `stats` NULL there is no data. */
static int print_event(const char *type, const char *id, const struct cgroup_stats *stats,
		       struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, false);
	json_text_open_object(&text, NULL);
	json_text_string(&text, "type", type);
	json_text_string(&text, "id", id);
	if (stats)
		put_data(&text, stats);
	json_text_close_object(&text);
	result = json_text_check(&text, err);
	if (result == 0 && (printf("%s\n", text.text) < 0 || fflush(stdout) != 0))
		result = fail_sys(err, "write to the standard output");
	json_text_done(&text);
	return result;
}

static int print_stats(const char *id, int cgroup, struct oci_error *err)
{
	struct cgroup_stats stats;
	int result;

	TRY(cgroup_stats_read(cgroup, STATS_ALL, &stats, err));
	result = print_event("stats", id, &stats, err);
	cgroup_stats_done(&stats);
	return result;
}

/* ---- following ---- */

struct follow {
	const char *id;
	int cgroup;	   /* its directory */
	int pidfd;	   /* of the container's process */
	int memory_events; /* or -1: no memory controller */
	int cgroup_events;
	uint64_t oom_kills;
	bool frozen;
};

static int open_events(int cgroup, const char *name)
{
	return openat(cgroup, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Reading also makes the kernel tell the next change. */
static bool read_again(int fd, char text[EVENTS_ROOM])
{
	ssize_t got = fd < 0 ? -1 : pread(fd, text, EVENTS_ROOM - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static uint64_t oom_kills(const struct follow *follow)
{
	char text[EVENTS_ROOM];
	struct figure figure;

	if (!read_again(follow->memory_events, text))
		return follow->oom_kills;
	figure = cgroup_stats_keyed(text, "oom_kill");
	return figure.known ? figure.n : follow->oom_kills;
}

static bool is_frozen(const struct follow *follow)
{
	char text[EVENTS_ROOM];
	struct figure figure;

	if (!read_again(follow->cgroup_events, text))
		return follow->frozen;
	figure = cgroup_stats_keyed(text, "frozen");
	return figure.known && figure.n != 0;
}

static int tell_changes(struct follow *follow, struct oci_error *err)
{
	uint64_t kills = oom_kills(follow);
	bool frozen = is_frozen(follow);

	if (kills > follow->oom_kills)
		TRY(print_event("oom", follow->id, NULL, err));
	follow->oom_kills = kills;
	if (frozen != follow->frozen)
		TRY(print_event(frozen ? "freeze" : "thaw", follow->id, NULL, err));
	follow->frozen = frozen;
	return 0;
}

/* Until the container's process ends, each `interval` ms and at each change. */
static int follow(struct follow *follow, int interval, struct oci_error *err)
{
	struct pollfd fds[] = { { .fd = follow->pidfd, .events = POLLIN },
				{ .fd = follow->cgroup_events, .events = POLLPRI },
				{ .fd = follow->memory_events, .events = POLLPRI } };
	int64_t next = now_in_ms();

	follow->oom_kills = oom_kills(follow);
	follow->frozen = is_frozen(follow);
	for (;;) {
		int ready;

		if (left_until(next) == 0) {
			TRY(print_stats(follow->id, follow->cgroup, err));
			next = now_in_ms() + interval;
		}
		ready = poll(fds, sizeof(fds) / sizeof(fds[0]), left_until(next));
		if (ready < 0 && errno != EINTR)
			return fail_sys(err, "poll");
		if (ready <= 0)
			continue;
		TRY(tell_changes(follow, err));
		if (fds[0].revents)
			return print_event("exit", follow->id, NULL, err);
	}
}

static int watch(const struct container *container, int cgroup, int pidfd, int interval,
		 struct oci_error *err)
{
	auto_fd memory_events = open_events(cgroup, "memory.events");
	auto_fd cgroup_events = open_events(cgroup, "cgroup.events");
	struct follow it = { .id = container->id,
			     .cgroup = cgroup,
			     .pidfd = pidfd,
			     .memory_events = memory_events,
			     .cgroup_events = cgroup_events };

	if (cgroup_events < 0)
		return fail_sys(err, "open cgroup.events of '%s'", container->id);
	return follow(&it, interval, err);
}

static int open_measured(const struct container *container, enum status status, int *cgroup,
			 struct oci_error *err)
{
	if (status == STATUS_STOPPED || status == STATUS_CREATING)
		return fail_code(err, "not-running", "container '%s' is %s", container->id,
				 status == STATUS_CREATING ? "being created" : "stopped");
	if (!container->state.cgroup)
		return fail_code(err, "no-cgroup",
				 "container '%s' was created without a cgroup of its own (%s), by "
				 "which it would be measured",
				 container->id,
				 plan_cgroup_absence(container->state.cgroup_absence, true));
	TRY(cgroup_open(&container->state, cgroup, err));
	if (*cgroup < 0)
		return fail_code(err, "no-cgroup", "the cgroup of container '%s' is gone",
				 container->id);
	return 0;
}

/* Its process is looked up once more, with a pidfd this time, by which its end is heard of. */
static int look(const char *root, const struct container *container,
		const struct events_options *given, int interval, struct oci_error *err)
{
	enum status status = container->status;
	auto_fd dir = -1;
	auto_fd cgroup = -1;
	auto_fd pidfd = -1;

	if (!given->stats) {
		dir = state_open(root, container->id, err);
		if (dir < 0)
			return -1;
		status = state_status(dir, &container->state, &pidfd);
		if (pidfd < 0 && status != STATUS_STOPPED && status != STATUS_CREATING)
			return state_fail_pidfd(&container->state, err);
	}
	TRY(open_measured(container, status, &cgroup, err));
	if (given->stats)
		return print_stats(container->id, cgroup, err);
	return watch(container, cgroup, pidfd, interval, err);
}

static int events(const struct call *call, struct oci_error *err)
{
	const struct events_options *given = call->options;
	const char *root = globals_root(call->globals, err);
	int interval = interval_parse(given->interval, INTERVAL_MS, err);
	struct container container = { 0 };
	int result;

	if (!root || interval < 0 || container_look(root, call->operands[0], &container, err) < 0)
		return -1;
	result = look(root, &container, given, interval, err);
	container_done(&container);
	return result;
}

const struct command events_command = {
	.name = "events",
	.operands = "ID",
	.summary = "Print what a container uses and what happens to it",
	.text = "One JSON object a line: its figures at once and by the interval (`stats`), and at "
		"the\n"
		"moment that they happen `oom`, `freeze`, `thaw`, and `exit`, which is the last.",
	.options = options,
	.options_size = sizeof(struct events_options),
	.n_required = 1,
	.n_allowed = 1,
	.run = events,
};
