/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull pause` and `hull resume`. A pause that fails or is interrupted leaves the container
 * running, never half frozen.
 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/fd.h"
#include "base/signals.h"
#include "command/command.h"
#include "state/state.h"
#include "steps/freeze.h"

static const struct option_row options[] = { OPTIONS_END };

struct container_state {
	int dir;
	struct state state;
};

/* Whether it has a process that could be frozen; -1 when not: a container that is being made isn't
 * ready for it. */
static int check_alive(const char *id, const struct container_state *container,
		       struct oci_error *err)
{
	enum status status = state_status(container->dir, &container->state, NULL);

	if (status != STATUS_STOPPED && status != STATUS_CREATING)
		return 0;
	return fail_code(err, "not-running", "container not running: '%s' is %s", id,
			 status_names[status]);
}

static int open_container(const struct call *call, struct container_state *container,
			  struct oci_error *err)
{
	const char *root = globals_root(call->globals, err), *id = call->operands[0];

	*container = (struct container_state){ .dir = -1 };
	if (!root)
		return -1;
	container->dir = state_open(root, id, err);
	if (container->dir < 0)
		return -1;
	if (state_load(container->dir, id, &container->state, err) == 0)
		return check_alive(id, container, err);
	if (err->num != ENOENT)
		return -1;
	return fail_code(err, "not-running", "container not running: '%s' is being created", id);
}

static void close_container(struct container_state *container)
{
	state_done(&container->state);
	fd_drop(&container->dir);
}

/* From now on the signals that would end hull can be read from this instead; -1 and err. */
static int catch_signals(struct oci_error *err)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2 };
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (!signal_is_ignored(ending[i]))
			(void)sigaddset(&set, ending[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail_sys(err, "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? fail_sys(err, "signalfd") : fd;
}

static int freeze(const char *id, const struct container_state *container, struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	auto_fd signals = catch_signals(err);

	if (signals < 0)
		return -1;
	TRY(freeze_container(&container->state, signals, err));
	/* Its first process may have died between the look and the freeze; what is left of it is
	 * for delete or kill --all, which thawed ones hear of. */
	if (check_alive(id, container, err) == 0)
		return 0;
	(void)freeze_thaw(&container->state, &ignored); /* the cause is told */
	return -1;
}

static int pause_command_run(const struct call *call, struct oci_error *err)
{
	struct container_state container;
	int result = open_container(call, &container, err);

	if (result == 0)
		result = freeze(call->operands[0], &container, err);
	close_container(&container);
	return result < 0 ? fail_in(err, "pause '%s'", call->operands[0]) : 0;
}

static int resume_command_run(const struct call *call, struct oci_error *err)
{
	struct container_state container;
	int result = open_container(call, &container, err);

	if (result == 0)
		result = freeze_thaw(&container.state, err);
	close_container(&container);
	return result < 0 ? fail_in(err, "resume '%s'", call->operands[0]) : 0;
}

const struct command pause_command = {
	.name = "pause",
	.operands = "ID",
	.summary = "Freeze all processes of a container",
	.text = "Returns once every one of them is frozen; when one can't be, all go on.",
	.options = options,
	.n_required = 1,
	.n_allowed = 1,
	.run = pause_command_run,
};

const struct command resume_command = {
	.name = "resume",
	.operands = "ID",
	.summary = "Let the processes of a paused container go on",
	.options = options,
	.n_required = 1,
	.n_allowed = 1,
	.run = resume_command_run,
};
