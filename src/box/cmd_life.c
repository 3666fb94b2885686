/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox stop`, `restart`, `kill`, `rm`, `pause`, `unpause`, `rename`, `prune`, and `exited`,
 * which conmon calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/container.h"
#include "box/ending.h"
#include "box/events.h"
#include "box/monitor.h"
#include "box/network.h"
#include "box/restart.h"
#include "box/rootless.h"
#include "box/run_program.h"
#include "box/volume.h"

static const struct option_row no_options[] = { OPTIONS_END };

/* What becomes of one container. */
struct life_deed {
	int (*run)(const struct box_call *call, struct box_record *record, struct oci_error *err);
};

static int do_one(const struct box_call *call, void *ctx, const char *word, struct oci_error *err)
{
	const struct life_deed *deed = ctx;
	struct box_record record;
	int result;

	TRY(record_open(call->home, word, &record, err));
	result = deed->run(call, &record, err);
	record_close(&record);
	if (result == 0)
		(void)printf("%s\n", word);
	return result;
}

/* Prints those that went well. */
static int for_each(const struct box_call *call, struct oci_error *err,
		    int (*deed)(const struct box_call *call, struct box_record *record,
				struct oci_error *err))
{
	struct life_deed each = { deed };

	container_sweep(call->home);
	return box_each(call, &each, do_one, err);
}

/* --- stop, restart --- */

struct stop_values {
	const char *time;
};

static const struct option_row stop_options[] = {
	{ 't', "time", "SECONDS", "how long to wait before it is killed (default: 10)", OPTION_TEXT,
	  offsetof(struct stop_values, time), NULL },
	OPTIONS_END,
};

static int patience(const struct box_call *call, unsigned *seconds, struct oci_error *err)
{
	const struct stop_values *values = call->options;
	char *end;
	unsigned long number;

	*seconds = 10;
	if (!values->time)
		return 0;
	number = strtoul(values->time, &end, 10);
	if (values->time[0] < '0' || values->time[0] > '9' || *end || number > 31536000)
		return fail_code(err, "usage", "option '--time' expects seconds, found '%s'",
				 values->time);
	*seconds = (unsigned)number;
	return 0;
}

static int stop_one(const struct box_call *call, struct box_record *record, struct oci_error *err)
{
	enum box_status before = record_status(call->home, record);
	unsigned seconds;

	TRY(patience(call, &seconds, err));
	TRY(ending_stop(call->home, record, seconds, err));
	if (before == BOX_RUNNING || before == BOX_PAUSED)
		event_write(call->home, record, "stop");
	return 0;
}

/* The record is locked. */
static int begin(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	struct container_life begun;
	struct box_options options;
	int result;

	TRY(container_options(record, &options, err));
	result = container_start(home, record, &options, false, &begun, err);
	fd_drop(&begun.life);
	box_options_done(&options);
	return result;
}

static int restart_one(const struct box_call *call, struct box_record *record,
		       struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	unsigned seconds;
	int result;

	TRY(patience(call, &seconds, err));
	TRY(ending_keep(record, true, err));
	if (stop_one(call, record, err) < 0) {
		(void)ending_keep(record, false, &ignored); /* it runs: --rm holds again */
		return -1;
	}
	TRY(record_lock(record, false, err));
	result = begin(call->home, record, err);
	record_unlock(record);
	if (result == 0)
		event_write(call->home, record, "restart");
	return result;
}

static int run_stop(const struct box_call *call, struct oci_error *err)
{
	unsigned seconds;

	TRY(patience(call, &seconds, err)); /* once, not for each */
	return for_each(call, err, stop_one);
}

static int run_restart(const struct box_call *call, struct oci_error *err)
{
	unsigned seconds;

	TRY(patience(call, &seconds, err));
	return for_each(call, err, restart_one);
}

const struct box_command command_stop = {
	.name = "stop",
	.operands = "CONTAINER...",
	.summary = "Stop containers",
	.text = "Sends the stop signal (SIGTERM unless the container was given another) and, when\n"
		"that isn't enough, SIGKILL. No restart policy begins a stopped container again.",
	.options = stop_options,
	.options_size = sizeof(struct stop_values),
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_stop,
};

const struct box_command command_restart = {
	.name = "restart",
	.operands = "CONTAINER...",
	.summary = "Stop containers and start them again",
	.options = stop_options,
	.options_size = sizeof(struct stop_values),
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_restart,
};

/* --- kill --- */

struct kill_values {
	const char *signal;
};

static const struct option_row kill_options[] = {
	{ 's', "signal", "SIGNAL", "a name or number (default: SIGKILL)", OPTION_TEXT,
	  offsetof(struct kill_values, signal), NULL },
	OPTIONS_END,
};

static bool is_kill(const char *name)
{
	return !strcmp(name, "9") || !strcasecmp(name, "KILL") || !strcasecmp(name, "SIGKILL");
}

static int kill_one(const struct box_call *call, struct box_record *record, struct oci_error *err)
{
	const struct kill_values *values = call->options;
	const char *name = values->signal ? values->signal : "KILL";
	struct oci_error unsaved = { 0 };
	int unwanted = is_kill(name) ? ending_unwant(call->home, record, &unsaved, err) : 0;

	if (unwanted < 0)
		return -1;
	TRY(monitor_hull(call->home, NULL, err, "kill", record->id, name, NULL));
	event_write_text(call->home, record, "kill", "signal", name);
	if (unwanted == 0)
		return 0;
	*err = unsaved;
	return -1;
}

static int run_kill(const struct box_call *call, struct oci_error *err)
{
	return for_each(call, err, kill_one);
}

const struct box_command command_kill = {
	.name = "kill",
	.operands = "CONTAINER...",
	.summary = "Send a signal to the processes of containers",
	.text = "No restart policy begins a container again that was killed by SIGKILL so.",
	.options = kill_options,
	.options_size = sizeof(struct kill_values),
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_kill,
};

/* --- rm, prune --- */

struct rm_values {
	bool force;
};

static const struct option_row rm_options[] = {
	{ 'f', "force", NULL, "stop a container that runs, at once", OPTION_FLAG,
	  offsetof(struct rm_values, force), NULL },
	OPTIONS_END,
};

static int remove_settled(const struct box_home *home, struct box_record *record,
			  struct oci_error *err)
{
	struct oci_error own = { 0 };

	if (record_lock(record, false, &own) < 0) {
		if (!strcmp(own.code, "not-found"))
			return 0; /* one with --rm is gone as soon as it stops */
		*err = own;
		return -1;
	}
	return container_remove(home, record, err);
}

static int rm_one(const struct box_call *call, struct box_record *record, struct oci_error *err)
{
	const struct rm_values *values = call->options;

	if (values->force)
		TRY(ending_for_removal(call->home, record, err));
	return remove_settled(call->home, record, err);
}

static int run_rm(const struct box_call *call, struct oci_error *err)
{
	return for_each(call, err, rm_one);
}

const struct box_command command_rm = {
	.name = "rm",
	.operands = "CONTAINER...",
	.summary = "Remove containers with what they wrote",
	.options = rm_options,
	.options_size = sizeof(struct rm_values),
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_rm,
};

static int prune_one(void *ctx, struct box_record *record, struct oci_error *err)
{
	const struct box_home *home = ctx;
	struct oci_error own = { 0 };

	(void)err;
	if (record_status(home, record) != BOX_STOPPED || record->state.restart_at ||
	    (record->state.wanted && restart_is_open(home, record->id)))
		return 0;
	if (remove_settled(home, record, &own) == 0)
		(void)printf("%s\n", record->id);
	else
		box_warn("remove '%s': %s", record->state.name, own.text);
	return 0;
}

struct prune_values {
	bool volumes;
};

static const struct option_row prune_options[] = {
	{ 0, "volumes", NULL, "and all volumes that no container uses then", OPTION_FLAG,
	  offsetof(struct prune_values, volumes), NULL },
	OPTIONS_END,
};

static void print_removed(const char *name)
{
	(void)printf("%s\n", name);
}

static int run_prune(const struct box_call *call, struct oci_error *err)
{
	const struct prune_values *values = call->options;
	struct box_home home = *call->home;

	container_sweep(call->home);
	TRY(record_for_all(&home, prune_one, &home, err));
	return values->volumes ? volumes_prune(&home, print_removed, err) : 0;
}

const struct box_command command_prune = {
	.name = "prune",
	.operands = "",
	.summary = "Remove all stopped containers",
	.text = "Not those that were created and never started, nor those that are about to be\n"
		"started by their restart policy. Volumes stay, unless --volumes is given. Prints "
		"the\n"
		"ids, and the names of volumes.",
	.options = prune_options,
	.options_size = sizeof(struct prune_values),
	.run = run_prune,
};

/* --- pause, unpause --- */

static int pause_one(const struct box_call *call, struct box_record *record, struct oci_error *err)
{
	if (rootless() && !*record->state.cgroup &&
	    record_status(call->home, record) == BOX_RUNNING)
		return fail_code(
			err, "host",
			"'%s' has no cgroup that could be frozen: it was started where none "
			"is delegated to this user; stop it, and start it with "
			"`systemd-run --user --scope -p Delegate=yes hullbox start ...`",
			record->state.name);
	TRY(monitor_hull(call->home, NULL, err, "pause", record->id, NULL));
	event_write(call->home, record, "pause");
	return 0;
}

static int unpause_one(const struct box_call *call, struct box_record *record,
		       struct oci_error *err)
{
	TRY(monitor_hull(call->home, NULL, err, "resume", record->id, NULL));
	event_write(call->home, record, "unpause");
	return 0;
}

static int run_pause(const struct box_call *call, struct oci_error *err)
{
	return for_each(call, err, pause_one);
}

static int run_unpause(const struct box_call *call, struct oci_error *err)
{
	return for_each(call, err, unpause_one);
}

const struct box_command command_pause = {
	.name = "pause",
	.operands = "CONTAINER...",
	.summary = "Freeze all processes of containers",
	.options = no_options,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_pause,
};

const struct box_command command_unpause = {
	.name = "unpause",
	.operands = "CONTAINER...",
	.summary = "Let paused containers go on",
	.options = no_options,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_unpause,
};

/* --- rename --- */

static int run_rename(const struct box_call *call, struct oci_error *err)
{
	struct box_record record;
	char old[NAME_SIZE_MAX + 1] = "";
	int result;

	container_sweep(call->home);
	TRY(record_open(call->home, call->operands[0], &record, err));
	result = record_lock(&record, false, err);
	if (result == 0) {
		(void)snprintf(old, sizeof(old), "%s", record.state.name);
		result = record_rename(call->home, &record, call->operands[1], err);
	}
	if (result == 0)
		event_write_text(call->home, &record, "rename", "oldName", old);
	if (result == 0 && *record.state.ip)
		result = network_rename(call->home, record.id, call->operands[1], err);
	record_close(&record);
	return result;
}

const struct box_command command_rename = {
	.name = "rename",
	.operands = "CONTAINER NAME",
	.summary = "Give a container another name",
	.options = no_options,
	.n_required = 2,
	.n_allowed = 2,
	.run = run_rename,
};

/* --- What conmon calls --- */

struct exited_values {
	unsigned lives;
};

static const struct option_row exited_options[] = {
	{ 0, "lives", "N", "which of its lives has ended", OPTION_COUNT,
	  offsetof(struct exited_values, lives), NULL },
	OPTIONS_END,
};

/* conmon waits for this process, and what is to be done has to wait for conmon's end. */
static int run_exited(const struct box_call *call, struct oci_error *err)
{
	const struct exited_values *values = call->options;
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? fail_sys(err, "fork") : 0;
	(void)setsid();	    /* a fork's child can */
	if (chdir("/") < 0) /* out of the bundle that may be removed */
		return fail_sys(err, "chdir /");
	return ending_exited(call->home, call->operands[0], values->lives, err);
}

const struct box_command command_exited = {
	.name = "exited",
	.operands = "ID",
	.options = exited_options,
	.options_size = sizeof(struct exited_values),
	.n_required = 1,
	.n_allowed = 1,
	.run = run_exited,
};

/* `enter PID PROGRAM...`: the program in the mount namespace of the process that keeps it. */
static int run_enter(const struct box_call *call, struct oci_error *err)
{
	char path[64];
	auto_fd namespace = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", atoi(call->operands[0]));
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return fail_sys(err, "open '%s'", path);
	if (setns(namespace, CLONE_NEWNS) < 0)
		return fail_sys(err, "enter the container's mount namespace");
	program_reset_signals();
	(void)execv(call->operands[1], (char *const *)(uintptr_t)(call->operands + 1));
	return fail_sys(err, "execute '%s'", call->operands[1]);
}

const struct box_command command_enter = {
	.name = "enter",
	.operands = "PID PROGRAM [ARGUMENT...]",
	.options = no_options,
	.n_required = 2,
	.n_allowed = ANY_NUMBER,
	.takes_command = true,
	.run = run_enter,
};
