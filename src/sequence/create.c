/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * create, run and start: the table of tables.c acted out, and what follows when it fails.
 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "sequence/fault.h"
#include "sequence/sequence.h"
#include "sequence/table.h"
#include "steps/hook.h"
#include "steps/oom.h"

/* An interrupted one, and whatever was interrupted behind one that had done its work, counts. */
static bool hook_failed(const struct oci_error *err)
{
	return strcmp(err->code, "hook-failed") == 0 || strcmp(err->code, "interrupted") == 0;
}

/* The specification (runtime.md, lifecycle): when one of the first five kinds of hook fails, the
 * container is destroyed and the poststop hooks run. They do as well, whatever failed, once it was
 * created: undoing is its delete then. Unless another delete came in between, or will come. */
static bool owes_poststop(const struct run *run, const struct oci_error *err)
{
	return run->recorded ? !run->deleted && !run->cgroup_left : hook_failed(err);
}

/* Their own failures can't change the cause. */
static void run_poststop(const struct plan *plan)
{
	struct oci_error ignored;

	for (size_t i = 0; i < plan->hooks[HOOK_POSTSTOP].n; i++)
		(void)hook_run_one(plan, HOOK_POSTSTOP, i, "stopped", 0, plan->request->bundle,
				   &ignored);
}

static int act(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;

	fault_prepare();
	if (rows_act(create_rows, run, PARENT, 0, err) == 0)
		return 0;
	if (owes_poststop(run, err))
		run_poststop(plan);
	return fail_in(err, "%s '%s'", plan->request->run ? "run" : "create", plan->request->id);
}

int sequence_create(const struct plan *plan, struct oci_error *err)
{
	struct run run;
	int status;

	run_init(&run, plan);
	status = act(&run, err);
	run_done(&run);
	return status;
}

int sequence_run(const struct plan *plan, struct started *started, struct oci_error *err)
{
	struct run run;
	int status;

	run_init(&run, plan);
	status = act(&run, err);
	if (status == 0) {
		started->pid = run.init_pid;
		started->pidfd = fd_take(&run.init_pidfd);
		started->terminal_master = fd_take(&run.terminal_master);
	}
	run_done(&run);
	return status;
}

/* What START knows of the container: its hooks from the stored config.json, the rest from
 * state.json. Everything else is INIT's. */
struct later {
	struct request request;
	struct oci_config config;
	struct plan plan;
};

static int plan_later(struct later *later, int dir, const struct state *state, bool config,
		      struct oci_error *err)
{
	struct request *request = &later->request;

	request->id = state->id;
	request->bundle = state->bundle;
	request->notify_socket = getenv("NOTIFY_SOCKET");
	if (config) {
		if (oci_config_read_file(&later->config, dir, STATE_CONFIG, NULL, err) < 0)
			return fail_in(err, "the stored " STATE_CONFIG);
		TRY(plan_make_hooks(&later->plan, &later->config, request, err));
	}
	later->plan.request = request;
	later->plan.process.present = true;
	/* INIT has the list; START only needs to know that there is one. */
	later->plan.hooks[HOOK_START_CONTAINER].n = state->hooks_start;
	later->plan.seccomp.present = state->seccomp;
	later->plan.seccomp.notify = state->seccomp_notify;
	later->plan.seccomp.listener_path = later->config.linux.seccomp.listener_path;
	later->plan.seccomp.listener_metadata = later->config.linux.seccomp.listener_metadata;
	later->plan.notify = state->notify && request->notify_socket && *request->notify_socket;
	return 0;
}

static void later_done(struct later *later)
{
	plan_free(&later->plan);
	oci_config_close(&later->config);
}

static int start_created(struct run *run, struct later *later, struct oci_error *err)
{
	fault_prepare();
	TRY(plan_later(later, run->state_dir, &run->state,
		       run->state.hooks_poststart || run->state.seccomp_notify, err));
	run->plan = &later->plan;
	run->init_pid = run->state.pid;
	oom_begin(run, -1);
	return rows_act(create_rows, run, START, rows_join(create_rows), err);
}

static int check_startable(struct run *run, const char *id, struct oci_error *err)
{
	enum status status;

	TRY(state_load(run->state_dir, id, &run->state, err));
	status = state_status(run->state_dir, &run->state, &run->init_pidfd);
	if (status != STATUS_CREATED)
		return fail_code(err, "not-created",
				 "container '%s' is %s, only a created one can be started", id,
				 status_names[status]);
	if (!run->state.has_process)
		return fail_code(err, "no-process",
				 "container '%s' has no process in its config.json, so there is "
				 "nothing to start",
				 id);
	return 0;
}

int sequence_start(const char *root, const char *id, struct oci_error *err)
{
	struct later later = { .config = { .doc = NULL } };
	struct run run;
	int status = -1;

	run_init(&run, NULL);
	run.state_dir = state_open(root, id, err);
	if (run.state_dir >= 0 && check_startable(&run, id, err) == 0)
		status = start_created(&run, &later, err);
	if (status < 0 && hook_failed(err)) {
		struct oci_error ignored;

		(void)sequence_delete(root, id, true, NULL, &ignored);
	}
	run_done(&run);
	later_done(&later);
	state_done(&run.state);
	return status < 0 ? fail_in(err, "start '%s'", id) : 0;
}

void sequence_look(const struct plan *plan, void (*failed)(void *ctx, const struct oci_error *err),
		   void *ctx)
{
	struct run run;

	run_init(&run, plan);
	for (const struct row *row = create_rows; row->kind != JOIN; row++) {
		struct oci_error err = { 0 };

		if (row->looks && row_applies(row, plan) && row->run(&run, &err) < 0)
			failed(ctx, &err);
	}
	run_done(&run);
}

static void explain(const struct row *row, const struct plan *plan, FILE *out)
{
	for (; row->what; row++) {
		if (row->kind == JOIN && !plan->request->run)
			break;
		if (row->kind == PASS || row->kind == TELL || row->kind == FORK ||
		    row->kind == JOIN)
			fprintf(out, "%c %-7s %s (%s %s)\n", row_applies(row, plan) ? ' ' : '-',
				role_names[row->who], row->what, row->kind == FORK ? "makes" : "to",
				role_names[row->to]);
		else
			fprintf(out, "%c %-7s %s\n", row_applies(row, plan) ? ' ' : '-',
				role_names[row->who], row->what);
	}
}

void sequence_explain(const struct plan *plan, FILE *out)
{
	explain(plan->request->exec ? exec_rows : create_rows, plan, out);
}
