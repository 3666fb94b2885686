/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox update`: other limits and another restart policy, at once where the container runs, and
 * kept for its next lives.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/bundle.h"
#include "box/command.h"
#include "box/container.h"
#include "box/json_tree.h"
#include "box/monitor.h"
#include "box/restart.h"
#include "box/run_program.h"

#define TEXT(letter, name, argument, member, help)                                                 \
	{                                                                                          \
		letter, name, argument, help, OPTION_TEXT, offsetof(struct box_words, member),     \
			NULL                                                                       \
	}

/* clang-format off */
static const struct option_row options[] = {
	TEXT('m', "memory", "SIZE", memory, "memory"),
	TEXT(0, "memory-swap", "SIZE", memory_swap, "memory and swap together; -1: no limit of swap"),
	TEXT(0, "cpus", "N", cpus, "processors, such as 1.5"),
	TEXT(0, "cpu-shares", "N", cpu_shares, "share of the processors, from 2 to 262144"),
	TEXT(0, "cpu-quota", "US", cpu_quota, "microseconds of processor time in each period"),
	TEXT(0, "cpu-period", "US", cpu_period, "microseconds of a period"),
	TEXT(0, "cpuset-cpus", "LIST", cpuset, "only these processors: 0-3,8"),
	TEXT(0, "pids", "N", pids, "processes and threads; -1: no limit"),
	TEXT(0, "io-weight", "N", io_weight, "share of the disks, from 10 to 1000"),
	TEXT(0, "restart", "POLICY", restart, "no, on-failure[:N] or always"),
	OPTIONS_END,
};
/* clang-format on */

/* What is asked for goes over what is saved. */
static void merge(const struct box_limits *asked, struct box_limits *saved)
{
	saved->present = saved->present || asked->present;
#define MERGE(member)                                                                              \
	if (asked->member.set)                                                                     \
	saved->member = asked->member
	MERGE(memory);
	MERGE(swap);
	MERGE(cpu_shares);
	MERGE(cpu_quota);
	MERGE(cpu_period);
	MERGE(pids);
	MERGE(io_weight);
#undef MERGE
	if (asked->cpuset)
		saved->cpuset = asked->cpuset;
}

static bool asks_for_any(const struct box_limits *asked)
{
	return asked->memory.set || asked->swap.set || asked->cpu_shares.set ||
	       asked->cpu_quota.set || asked->cpu_period.set || asked->pids.set ||
	       asked->io_weight.set || asked->cpuset;
}

static void say_nothing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say_nothing(const char *fmt, ...)
{
	(void)fmt; /* what a default lacks was said when the container was started */
}

static int write_resources(const char *config, size_t size, struct json_text *out,
			   struct oci_error *err)
{
	struct oci_document *doc = json_tree_parse(config, size, err);

	if (!doc)
		return -1;
	json_tree_copy(out, NULL,
		       json_tree_member(json_tree_member(doc->root, "linux"), "resources"));
	json_document_free(doc);
	return json_text_check(out, err);
}

static int give_to_hull(const struct box_home *home, const struct box_record *record,
			const struct json_text *resources, struct oci_error *err)
{
	const char *const words[] = { "update", "--resources", "-", record->id, NULL };
	char **argv = monitor_hull_argv(home, words, err);
	int result;

	if (!argv)
		return -1;
	result = program_must(&(struct program){ .argv = (const char *const *)argv,
						 .input = resources->text,
						 .input_size = resources->size,
						 .deadline_ms = 60000 },
			      NULL, err);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
	return result;
}

static int apply(const struct box_home *home, const struct box_record *record,
		 const struct box_options *changed, struct oci_error *err)
{
	const struct box_bundle_input in = { .cgroup_now = record->state.cgroup,
					     .warn = say_nothing };
	auto_free char *text = NULL;
	struct json_text resources;
	size_t size;
	int result;

	TRY(box_bundle_limits(changed, &in, &text, &size, err));
	json_text_init(&resources, false);
	result = write_resources(text, size, &resources, err);
	if (result == 0)
		result = give_to_hull(home, record, &resources, err);
	json_text_done(&resources);
	return result;
}

static int announce_restart(const struct box_home *home, const struct box_record *record,
			    struct oci_error *err)
{
	auto_fd held = restart_announce(home, record->id, err);

	if (held < 0)
		return -1;
	restart_begun(&held);
	return 0;
}

/* The record is locked. */
static int change(const struct box_home *home, const struct box_record *record,
		  const struct box_words *words, const struct box_options *asked,
		  struct oci_error *err)
{
	enum box_status status = record_status(home, record);
	auto_free char *text = NULL;
	struct box_options saved;
	size_t size;
	int result;

	TRY(container_options(record, &saved, err));
	merge(&asked->limits, &saved.limits);
	if (words->restart)
		saved.restart = asked->restart;
	result = box_options_check(&saved, err);
	if (result == 0 && asks_for_any(&asked->limits) &&
	    (status == BOX_RUNNING || status == BOX_PAUSED))
		result = apply(home, record, &saved, err);
	if (result == 0 && record->state.going && container_has_policy(&saved))
		result = announce_restart(home, record, err);
	if (result == 0)
		result = box_options_write(&saved, &text, &size, err);
	if (result == 0)
		result = file_replace_at(record->dir, "config.json", text, size, 0600, err);
	box_options_done(&saved);
	return result;
}

static int run(const struct box_call *call, struct oci_error *err)
{
	static const char *const command[] = { "true", NULL };
	struct box_words words = *(const struct box_words *)call->options;
	struct box_options asked;
	struct box_record record;
	int result;

	/* Put together as for `run`, so that the same words mean the same. */
	words.rootfs = "/";
	words.net = "none";
	TRY(box_options_make(&asked, &words, command, 1, err));
	container_sweep(call->home);
	result = record_open(call->home, call->operands[0], &record, err);
	if (result == 0)
		result = record_lock(&record, false, err);
	if (result == 0)
		result = change(call->home, &record, &words, &asked, err);
	record_close(&record);
	box_options_done(&asked);
	return result;
}

const struct box_command command_update = {
	.name = "update",
	.operands = "CONTAINER",
	.summary = "Change the limits or the restart policy of a container",
	.text = "At once where it runs, and for its next lives. What isn't named stays.",
	.options = options,
	.options_size = sizeof(struct box_words),
	.n_required = 1,
	.n_allowed = 1,
	.run = run,
};
