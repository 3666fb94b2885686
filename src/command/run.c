/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull run`: create and start in one, then wait for the process and delete the container.
 */
#include <stdio.h>

#include "base/fd.h"
#include "command/bundle.h"
#include "command/foreground.h"
#include "command/log.h"
#include "sequence/sequence.h"
#include "steps/interrupt.h"

static const struct option_row options[] = {
	CREATE_OPTIONS,
	{ 'd', "detach", NULL, "don't wait for the process; `hull delete` comes later", OPTION_FLAG,
	  CREATE_TO(detach) },
	{ 0, "keep", NULL, "don't delete the container when its process has ended", OPTION_FLAG,
	  CREATE_TO(keep) },
	OPTIONS_END,
};

static void warn(const char *text)
{
	log_warning("%s", text);
}

/* A program may ask for the size of its terminal first of all: it gets the caller's from the
 * beginning, not after the first change. */
static void take_window(struct oci_process *process)
{
	unsigned short rows, columns;

	if (process->terminal && foreground_window(&rows, &columns))
		process->console_size = (struct oci_console_size){ true, rows, columns };
}

static int wait_and_delete(const struct request *request, struct started *started,
			   struct oci_error *err)
{
	struct oci_error failed = { 0 };
	int status = foreground_wait(started, err);

	/* With force: processes may have outlived the container's own, and if waiting failed it
	 * runs still. */
	if (!request->keep &&
	    sequence_delete(request->state_root, request->id, true, warn, &failed) < 0)
		log_warning("%s", failed.text);
	return status;
}

static int run_or_explain(struct bundle *bundle, const struct create_options *given,
			  struct oci_error *err)
{
	struct started started = { .pidfd = -1, .terminal_master = -1 };

	bundle->request.run = true;
	TRY(bundle_read(bundle, err));
	if (!given->detach && !given->console_socket)
		take_window(&bundle->config.process);
	TRY(bundle_plan(bundle, err));
	if (given->explain) {
		sequence_explain(&bundle->plan, stdout);
		return 0;
	}
	if (!given->detach) {
		TRY(foreground_prepare(err));
		interrupt_allow();
	}
	if (sequence_run(&bundle->plan, &started, err) < 0)
		return foreground_fail_or_end(err);
	if (!given->detach)
		return wait_and_delete(&bundle->request, &started, err);
	fd_drop(&started.pidfd);
	return 0;
}

static int run(const struct call *call, struct oci_error *err)
{
	return bundle_command(call, run_or_explain, err);
}

const struct command run_command = {
	.name = "run",
	.operands = "ID",
	.summary = "Create a container from a bundle, start it, wait for it, delete it",
	.text = "Signals are passed on to the container's process. The exit status is that of the\n"
		"process, 128+N if signal N killed it or asked hull to end before it was there,\n"
		"1 if hull itself failed.",
	.options = options,
	.options_size = sizeof(struct create_options),
	.n_required = 1,
	.n_allowed = 1,
	.forks = true,
	.run = run,
};
