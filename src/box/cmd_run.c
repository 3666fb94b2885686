/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox run`, `create`, `start`, `attach` and `wait`: what begins a container's life or sees its
 * end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/attach.h"
#include "box/bundle.h"
#include "box/command.h"
#include "box/container.h"
#include "box/ending.h"
#include "box/host_root.h"
#include "box/init_program.h"
#include "box/interrupt.h"
#include "box/userns.h"

/* --- run and create --- */

/* What stands for things that a container gets when it is made. */
#define NO_ID "0000000000000000000000000000000000000000000000000000000000000000"

/* The directory that tells users' names: the topmost of the layers that knows any. */
static const char *find_names(const struct box_options *options)
{
	const struct oci_strings *from = &options->source.from;

	for (size_t i = from->n; i-- > 0;) {
		auto_fd dir = open(from->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && faccessat(dir, "etc/passwd", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return from->v[i];
	}
	return from->n ? from->v[from->n - 1] : "/";
}

static int print_config_with(const struct box_options *options, struct box_bundle_input *in,
			     struct oci_error *err)
{
	auto_free char *text = NULL, *init = NULL;
	const char *names = find_names(options);
	auto_fd root = open(names, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t size;

	if (root < 0)
		return fail_sys(err, "--config can only look into directories: '%s'", names);
	in->root_fd = root;
	if (options->init) {
		init = init_program_find(err);
		if (!init)
			return -1;
		in->init = init;
	}
	TRY(box_bundle_text(options, in, &text, &size, err));
	(void)fwrite(text, 1, size, stdout); /* main.c looks whether that worked */
	return 0;
}

static int print_config(const struct box_home *home, const struct box_options *asked,
			struct oci_error *err)
{
	struct oci_id_mapping map = { 0, USERNS_FIRST, USERNS_RANGE };
	struct box_options options = *asked;
	auto_free char *volumes = box_text(err, "%s/volumes", home->root);
	auto_free char *merged = box_text(err, "%s/containers/" NO_ID "/merged", home->root);
	struct box_bundle_input in = { .id = NO_ID,
				       .root = merged,
				       .volumes = volumes,
				       .only_looks = true,
				       .cgroup = "/hullbox/" NO_ID,
				       .warn = box_warn };
	struct host_root host = { .n_shown = 0 };
	struct arena arena = { 0 };
	int result = 0;

	if (!volumes || !merged)
		return -1;
	if (geteuid() == 0 && !strcmp(options.security.userns, "auto")) {
		options.security.mappings.v = &map;
		options.security.mappings.n = 1;
	}
	if (!strcmp(options.source.kind, "rootfs") && !options.source.ephemeral)
		in.root = options.source.from.v[0];
	if (!strcmp(options.source.kind, "host"))
		result = host_root_plan(NULL, options.command.n ? options.command.v[0] : NULL,
					&host, &arena, err);
	in.shown = host.shown;
	in.n_shown = host.n_shown;
	if (result == 0)
		result = print_config_with(&options, &in, err);
	arena_done(&arena);
	return result;
}

static int check_run(const struct box_words *words, const struct box_options *options,
		     struct oci_error *err)
{
	if (options->tty && !words->detach && !isatty(0))
		return fail_code(err, "usage",
				 "--tty needs a terminal as standard input, or --detach");
	return 0;
}

/* Something went wrong before it ever ran: nothing is kept of it. */
static void forget(const struct box_home *home, struct box_record *record)
{
	struct oci_error later = { 0 };

	if (container_remove(home, record, &later) < 0)
		box_warn("%s", later.text);
}

static int follow(const struct box_home *home, struct box_record *record,
		  const struct box_options *options, const struct container_life *begun,
		  int signals, struct oci_error *err)
{
	const struct attach attach = { home,
				       record,
				       begun->attach,
				       signals,
				       options->tty,
				       options->interactive,
				       detach_keys_read(options->detach_keys) };

	switch (attach_run(&attach, err)) {
	case ATTACH_FAILED:
		return -1;
	case ATTACH_DETACHED:
		(void)fprintf(stderr, "\n%s goes on.\n", record->state.name);
		return 0;
	case ATTACH_ENDED:
		break;
	}
	return ending_follow(home, record, begun->life, err);
}

/* A new container's first life. The record is locked. */
static int run_it(const struct box_home *home, struct box_record *record,
		  const struct box_options *options, bool detach, int signals,
		  struct oci_error *err)
{
	struct container_life begun;
	int status;

	if (container_start(home, record, options, !detach, &begun, err) < 0) {
		status = container_failure_status(err);
		interrupt_unwatch();
		forget(home, record);
		if (status == EXIT_BOX_FAILED)
			return -1;
		box_tell("hullbox: ", err->text);
		return status;
	}
	record_unlock(record);
	if (detach) {
		(void)printf("%s\n", record->id);
		status = 0;
	} else {
		status = follow(home, record, options, &begun, signals, err);
	}
	fd_drop(&begun.life);
	fd_drop(&begun.attach);
	return status;
}

static int with_options(const struct box_call *call, bool runs, struct oci_error *err,
			int (*deed)(const struct box_call *call, const struct box_words *words,
				    struct box_options *options, struct oci_error *err))
{
	const struct box_words *words = call->options;
	struct box_options options;
	int result;

	TRY(box_options_make(&options, words, call->operands, call->n_operands, err));
	result = runs && !words->config ? check_run(words, &options, err) : 0;
	if (result == 0 && words->config)
		result = print_config(call->home, &options, err);
	else if (result == 0)
		result = deed(call, words, &options, err);
	box_options_done(&options);
	return result;
}

static int run_deed(const struct box_call *call, const struct box_words *words,
		    struct box_options *options, struct oci_error *err)
{
	struct box_record record = BOX_RECORD_NONE;
	auto_fd signals = -1;
	int result;

	container_sweep(call->home);
	if (!words->detach) {
		signals = attach_hold_signals(err);
		if (signals < 0)
			return -1;
		interrupt_watch();
	}
	result = container_make(call->home, options, true, &record, err);
	if (result == 0)
		result = run_it(call->home, &record, options, words->detach, signals, err);
	record_close(&record);
	return result;
}

static int create_deed(const struct box_call *call, const struct box_words *words,
		       struct box_options *options, struct oci_error *err)
{
	struct box_record record = BOX_RECORD_NONE;
	int result;

	(void)words;
	container_sweep(call->home);
	result = container_make(call->home, options, false, &record, err);
	if (result == 0)
		(void)printf("%s\n", record.id);
	record_close(&record);
	return result;
}

static int run_run(const struct box_call *call, struct oci_error *err)
{
	return with_options(call, true, err, run_deed);
}

static int run_create(const struct box_call *call, struct oci_error *err)
{
	return with_options(call, false, err, create_deed);
}

const struct box_command command_run = {
	.name = "run",
	.operands = "[--] [COMMAND [ARGUMENT...]]",
	.summary = "Run a command in a new container",
	.text = "The exit status is that of the command; 125 when hullbox failed, 126 when the\n"
		"command can't be executed, 127 when there is none. Ctrl-P Ctrl-Q, or\n"
		"what --detach-keys says, leaves a terminal without ending the command.",
	.options = box_options_rows,
	.options_size = sizeof(struct box_words),
	.n_allowed = ANY_NUMBER,
	.takes_command = true,
	.failure = EXIT_BOX_FAILED,
	.run = run_run,
};

const struct box_command command_create = {
	.name = "create",
	.operands = "[--] [COMMAND [ARGUMENT...]]",
	.summary = "Make a container that `start` runs later",
	.options = box_options_rows,
	.options_size = sizeof(struct box_words),
	.n_allowed = ANY_NUMBER,
	.takes_command = true,
	.run = run_create,
};

/* --- start --- */

/* The container's, unless the call says others. */
static int choose_keys(const char *keys, struct box_options *options, struct oci_error *err)
{
	const char *why = keys ? detach_keys_check(keys) : NULL;

	if (!keys)
		return 0;
	if (why)
		return fail_code(err, "usage", "option '--detach-keys': '%s' isn't %s", keys, why);
	if (!options->tty)
		return fail_code(err, "usage",
				 "option '--detach-keys': the container has no terminal");
	options->detach_keys = arena_strdup(&options->arena, keys);
	return options->detach_keys ? 0 : fail_code(err, "out-of-memory", "no memory for the keys");
}

struct start_values {
	bool attach, interactive, restartable;
	const char *detach_keys;
};

static const struct option_row start_options[] = {
	{ 'a', "attach", NULL, "stay, with its output, and exit as it does", OPTION_FLAG,
	  offsetof(struct start_values, attach), NULL },
	{ 'i', "interactive", NULL, "with --attach: pass the standard input on", OPTION_FLAG,
	  offsetof(struct start_values, interactive), NULL },
	{ 0, "detach-keys", "KEYS", "with --attach: keys that leave the terminal", OPTION_ANY,
	  offsetof(struct start_values, detach_keys), NULL },
	{ 0, "restartable", NULL,
	  "start all that ran when the machine went down and whose restart\npolicy isn't no",
	  OPTION_FLAG, offsetof(struct start_values, restartable), NULL },
	OPTIONS_END,
};

/* The record is locked. */
static int start_locked(const struct box_home *home, struct box_record *record,
			const struct start_values *values, int signals, struct oci_error *err)
{
	struct container_life begun = { -1, -1 };
	struct box_options options;
	int result;

	if (record_status(home, record) != BOX_CREATED &&
	    record_status(home, record) != BOX_STOPPED)
		return 0; /* as was asked for */
	TRY(container_options(record, &options, err));
	options.interactive = options.interactive || values->interactive;
	result = choose_keys(values->detach_keys, &options, err);
	if (result == 0)
		result = container_start(home, record, &options, values->attach, &begun, err);
	record_unlock(record);
	if (result == 0 && values->attach)
		result = follow(home, record, &options, &begun, signals, err);
	fd_drop(&begun.life);
	fd_drop(&begun.attach);
	box_options_done(&options);
	return result;
}

static int start_one(const struct box_home *home, const char *word,
		     const struct start_values *values, int signals, struct oci_error *err)
{
	struct box_record record;
	int result;

	TRY(record_open(home, word, &record, err));
	result = record_lock(&record, false, err);
	if (result == 0)
		result = start_locked(home, &record, values, signals, err);
	if (result >= 0 && !values->attach)
		(void)printf("%s\n", word);
	record_close(&record);
	return result;
}

static int start_word(const struct box_call *call, void *ctx, const char *word,
		      struct oci_error *err)
{
	(void)ctx;
	return start_one(call->home, word, call->options, -1, err);
}

/* The containers, the newest first. */
struct ids {
	char (*v)[ID_SIZE + 1];
	size_t n;
};

/* For record_for_all(). */
static int add_id(void *ctx, struct box_record *record, struct oci_error *err)
{
	struct ids *ids = ctx;
	void *v = realloc(ids->v, (ids->n + 1) * sizeof(*ids->v));

	if (!v)
		return fail_code(err, "out-of-memory", "no memory for the containers");
	ids->v = v;
	memcpy(ids->v[ids->n++], record->id, sizeof(record->id));
	return 0;
}

/* Whether it ran before a reboot. What had come to its end by then stays so: its policy says it, as
 * it did when it ended. */
static bool is_to_begin(const struct box_home *home, const struct box_record *record, bool sharing)
{
	struct oci_error ignored = { 0 }; /* nothing can be started without its options */
	struct box_options options;
	unsigned ms;
	bool begins;

	if (record_status(home, record) != BOX_STOPPED ||
	    container_options(record, &options, &ignored) < 0)
		return false;
	begins = container_restarts(&options, &record->state, &ms) &&
		 sharing == !strcmp(options.net.kind, "container");
	box_options_done(&options);
	return begins;
}

/* A failure is told, and doesn't keep the others from it. */
static bool start_rebooted(const struct box_home *home, const char *id, bool sharing)
{
	const struct start_values none = { 0 };
	struct oci_error own = { 0 };
	struct box_record record;
	bool failed;

	if (record_open(home, id, &record, &own) < 0)
		return true; /* removed meanwhile */
	failed = is_to_begin(home, &record, sharing) && start_one(home, id, &none, -1, &own) < 0;
	if (failed)
		box_warn("start '%s': %s", record.state.name, own.text);
	record_close(&record);
	return !failed;
}

/* Who shares the network of another comes when that one has it. */
static int start_restartable(const struct box_home *home, struct oci_error *err)
{
	struct ids ids = { .n = 0 };
	int result = record_for_all(home, add_id, &ids, err);
	unsigned failed = 0;

	for (int sharing = 0; result == 0 && sharing < 2; sharing++)
		for (size_t i = ids.n; i-- > 0;)
			failed += !start_rebooted(home, ids.v[i], sharing);
	free(ids.v);
	if (result == 0 && failed)
		return fail(err, "start --restartable: %u could not be started", failed);
	return result;
}

static int check_start(const struct start_values *values, size_t n, struct oci_error *err)
{
	if (values->restartable && (n || values->attach || values->interactive))
		return fail_code(err, "usage",
				 "option '--restartable' chooses the containers itself: it takes "
				 "none, nor --attach, nor --interactive");
	if (values->attach && n != 1)
		return fail_code(err, "usage", "--attach is for one container");
	if (values->interactive && !values->attach)
		return fail_code(err, "usage",
				 "option '--interactive' has no use without --attach");
	if (values->detach_keys && !values->attach)
		return fail_code(err, "usage",
				 "option '--detach-keys' has no use without --attach");
	if (!values->restartable && n == 0)
		return fail_code(err, "usage", "start: which container?");
	return 0;
}

static int run_start(const struct box_call *call, struct oci_error *err)
{
	const struct start_values *values = call->options;
	auto_fd signals = -1;

	TRY(check_start(values, call->n_operands, err));
	container_sweep(call->home);
	if (values->restartable)
		return start_restartable(call->home, err);
	if (!values->attach)
		return box_each(call, NULL, start_word, err);
	signals = attach_hold_signals(err);
	interrupt_watch();
	return signals < 0 ? -1 : start_one(call->home, call->operands[0], values, signals, err);
}

const struct box_command command_start = {
	.name = "start",
	.operands = "CONTAINER...",
	.summary = "Start containers that were created or have stopped",
	.text = "With the options and the files that they had.",
	.options = start_options,
	.options_size = sizeof(struct start_values),
	.n_allowed = ANY_NUMBER,
	.run = run_start,
};

/* --- attach --- */

struct attach_values {
	const char *detach_keys;
};

static const struct option_row attach_options[] = {
	{ 0, "detach-keys", "KEYS",
	  "keys that leave the terminal (default: the container's, or\nctrl-p,ctrl-q); '': none",
	  OPTION_ANY, offsetof(struct attach_values, detach_keys), NULL },
	OPTIONS_END,
};

static int attach_to(const struct box_home *home, struct box_record *record, const char *keys,
		     struct oci_error *err)
{
	struct container_life begun = { -1, -1 };
	auto_fd signals = -1;
	struct box_options options;
	int result;

	TRY(container_options(record, &options, err));
	if (choose_keys(keys, &options, err) < 0)
		return box_options_done(&options), -1;
	begun.life = life_open(home, record->id);
	begun.attach = attach_connect(record, err);
	signals = begun.attach < 0 ? -1 : attach_hold_signals(err);
	result = signals < 0 ? -1 : follow(home, record, &options, &begun, signals, err);
	fd_drop(&begun.life);
	fd_drop(&begun.attach);
	box_options_done(&options);
	return result;
}

static int run_attach(const struct box_call *call, struct oci_error *err)
{
	const struct attach_values *values = call->options;
	struct box_record record;
	int result;

	TRY(record_open(call->home, call->operands[0], &record, err));
	result = attach_to(call->home, &record, values->detach_keys, err);
	record_close(&record);
	return result;
}

const struct box_command command_attach = {
	.name = "attach",
	.operands = "CONTAINER",
	.summary = "Connect to the streams of a container that runs",
	.text = "Exits as the container does. Ctrl-P Ctrl-Q, or what --detach-keys says, leaves a\n"
		"terminal again.",
	.options = attach_options,
	.options_size = sizeof(struct attach_values),
	.n_required = 1,
	.n_allowed = 1,
	.run = run_attach,
};

/* --- wait --- */

static const struct option_row no_options[] = { OPTIONS_END };

static int exit_code_of(const struct box_record *record, const char *word, struct oci_error *err)
{
	if (record->state.lives == 0)
		return fail_code(err, "not-running", "'%s' was never started", word);
	if (record->state.going || record->state.exit_code < 0)
		return fail_code(err, "not-running", "how '%s' ended isn't written down", word);
	return record->state.exit_code;
}

static int wait_for(const struct box_home *home, const char *word, struct oci_error *err)
{
	struct box_record record;
	auto_fd life = -1;
	int result = 0;

	TRY(record_open(home, word, &record, err));
	life = life_open(home, record.id);
	if (life < 0 && record.state.going) {
		result = record_lock(&record, false, err);
		life = life_open(home, record.id); /* it was just being begun, or settled */
		if (result == 0)
			record_unlock(&record);
	}
	if (result == 0)
		result = life >= 0 ? ending_wait(home, &record, life, err)
				   : exit_code_of(&record, word, err);
	record_close(&record);
	return result;
}

static int wait_word(const struct box_call *call, void *ctx, const char *word,
		     struct oci_error *err)
{
	int exit_code = wait_for(call->home, word, err);

	(void)ctx;
	if (exit_code < 0)
		return -1;
	(void)printf("%d\n", exit_code);
	return 0;
}

static int run_wait(const struct box_call *call, struct oci_error *err)
{
	container_sweep(call->home); /* nobody tells of what ended with the machine */
	return box_each(call, NULL, wait_word, err);
}

const struct box_command command_wait = {
	.name = "wait",
	.operands = "CONTAINER...",
	.summary = "Wait until containers have ended and print their exit statuses",
	.options = no_options,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_wait,
};
