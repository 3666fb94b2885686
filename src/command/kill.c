/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull kill`: to the container's process by pidfd, so never to another that got its number, or
 * with --all to everything in its cgroup or, without one, in its pid namespace.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/signals.h"
#include "base/sys.h"
#include "command/command.h"
#include "state/state.h"
#include "steps/cgroup.h"
#include "steps/pid_namespace.h"

struct kill_options {
	bool all;
};

static const struct option_row options[] = {
	{ 'a', "all", NULL,
	  "signal every process in the container's cgroup, also when the\n"
	  "container's own process is gone; without one, in its pid namespace",
	  OPTION_FLAG, offsetof(struct kill_options, all), NULL },
	OPTIONS_END,
};

/* containerd looks for "container not running". */
static int not_running(const char *id, enum status status, struct oci_error *err)
{
	return fail_code(err, "not-running", "kill '%s': container not running (it is %s)", id,
			 status_names[status]);
}

/* Without a pidfd: gone, not there yet, or alive all the same. */
static int no_pidfd(const char *id, const struct state *state, enum status status,
		    struct oci_error *err)
{
	if (status == STATUS_STOPPED || status == STATUS_CREATING)
		return not_running(id, status, err);
	(void)state_fail_pidfd(state, err);
	return fail_in(err, "kill '%s'", id);
}

static int lists_any(const struct state *state, bool *any, struct oci_error *err)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;

	TRY(cgroup_pids(state, &pids, &n, err));
	*any = n > 0;
	return 0;
}

static int kill_all(const char *id, const struct state *state, enum status status, int number,
		    struct oci_error *err)
{
	bool any = false;

	/* SIGKILL is one write that also reaches children which are forked meanwhile, however many
	 * cgroups the container made below its own. */
	if (number == SIGKILL)
		TRY(cgroup_populated(state, &any, err));
	else
		TRY(lists_any(state, &any, err));
	if (!any)
		return not_running(id, status, err);
	if (cgroup_signal(state, number, err) < 0)
		return fail_in(err, "kill --all '%s'", id);
	return 0;
}

static int kill_one(const char *id, const struct state *state, enum status status, int pidfd,
		    int number, struct oci_error *err)
{
	if (pidfd < 0)
		return no_pidfd(id, state, status, err);
	if (sys_pidfd_send_signal(pidfd, number) == 0)
		return 0;
	if (errno == ESRCH)
		return not_running(id, STATUS_STOPPED, err);
	return fail_sys(err, "kill '%s': send signal %d", id, number);
}

/* Without a cgroup of its own: it is in its caller's or in one that was there before, with others.
 * The end of the first process is the end of the whole pid namespace. */
static int kill_namespace(const char *id, const struct state *state, enum status status, int pidfd,
			  int number, struct oci_error *err)
{
	if (pidfd < 0)
		return no_pidfd(id, state, status, err);
	if (number == SIGKILL && state->own_pid_ns)
		return kill_one(id, state, status, pidfd, number, err);
	if (pid_namespace_signal(state, pidfd, number, err) < 0)
		return fail_in(err, "kill --all '%s'", id);
	return 0;
}

static int kill_command_run(const struct call *call, struct oci_error *err)
{
	const struct kill_options *given = call->options;
	const char *id = call->operands[0];
	const char *text = call->n_operands > 1 ? call->operands[1] : "TERM";
	const char *root = globals_root(call->globals, err);
	int number = signal_parse(text), result;
	struct state state = { 0 };
	enum status status;
	auto_fd dir = -1;
	auto_fd pidfd = -1;

	if (!root)
		return -1;
	if (number < 0)
		return fail_code(err, "usage", "kill: '%s' is no signal", text);
	dir = state_open(root, id, err);
	if (dir < 0)
		return -1;
	if (state_load(dir, id, &state, err) < 0)
		return err->num == ENOENT ? not_running(id, STATUS_CREATING, err) : -1;
	status = state_status(dir, &state, &pidfd);
	if (given->all && state.cgroup && (state.cgroup_made || !state.own_pid_ns))
		result = kill_all(id, &state, status, number, err);
	else if (given->all)
		result = kill_namespace(id, &state, status, pidfd, number, err);
	else
		result = kill_one(id, &state, status, pidfd, number, err);
	state_done(&state);
	return result;
}

const struct command kill_command = {
	.name = "kill",
	.operands = "ID [SIGNAL]",
	.summary = "Send a signal to a container's process",
	.text = "SIGNAL is a number or a name, with or without SIG, real-time ones as RTMIN+N or\n"
		"RTMAX-N. Default: SIGTERM.",
	.options = options,
	.options_size = sizeof(struct kill_options),
	.n_required = 1,
	.n_allowed = 2,
	.run = kill_command_run,
};
