/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exec: its table of tables.c acted out. It takes no lock and changes nothing in the state
 * directory, so that state, kill and delete never wait for it, and any number may run at once.
 */
#include "base/fd.h"
#include "sequence/fault.h"
#include "sequence/sequence.h"
#include "sequence/table.h"

/* Callers look for "container not running". */
static int check_status(const struct entered *entered, bool paused_too, struct oci_error *err)
{
	if (entered->status == STATUS_PAUSED && !paused_too)
		return fail_code(err, "paused",
				 "the container is paused: nothing would run in it before it is "
				 "resumed (--ignore-paused leaves a process there for that time)");
	if (entered->status == STATUS_CREATING || entered->status == STATUS_STOPPED)
		return fail_code(err, "not-running", "container not running (it is %s)",
				 status_names[entered->status]);
	return 0;
}

static int enter(const char *id, bool paused_too, struct entered *entered, struct oci_error *err)
{
	if (state_load(entered->dir, id, &entered->state, err) < 0) {
		if (err->num != ENOENT)
			return -1;
		entered->status = state_locked(entered->dir) ? STATUS_CREATING : STATUS_STOPPED;
	} else {
		entered->status = state_status(entered->dir, &entered->state, &entered->pidfd);
	}
	TRY(check_status(entered, paused_too, err));
	return entered->pidfd < 0 ? state_fail_pidfd(&entered->state, err) : 0;
}

int sequence_enter(const char *root, const char *id, bool paused_too, struct entered *entered,
		   struct oci_error *err)
{
	*entered = (struct entered){ .pidfd = -1 };
	entered->dir = state_open(root, id, err);
	if (entered->dir < 0 || enter(id, paused_too, entered, err) < 0)
		return fail_in(err, "exec '%s'", id);
	return 0;
}

void sequence_entered_done(struct entered *entered)
{
	state_done(&entered->state);
	fd_drop(&entered->dir);
	fd_drop(&entered->pidfd);
}

int sequence_exec(struct plan *plan, struct entered *entered, struct started *started,
		  struct oci_error *err)
{
	struct run run;
	int status;

	run_init(&run, plan);
	run.state = entered->state; /* borrowed */
	run.own_process = &plan->process;
	run.state_dir = fd_take(&entered->dir);
	run.container_pidfd = fd_take(&entered->pidfd);
	fault_prepare();
	status = rows_act(exec_rows, &run, PARENT, 0, err);
	if (status == 0) {
		started->pid = run.init_pid;
		started->pidfd = fd_take(&run.init_pidfd);
		started->terminal_master = fd_take(&run.terminal_master);
	}
	run_done(&run);
	return status < 0 ? fail_in(err, "exec '%s'", plan->request->id) : 0;
}
