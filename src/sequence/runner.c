/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Acts out a table of rows: every role walks the same table, does what is its own, and waits at the
 * PASS and TELL rows that come to it. All error context, undoing and waiting is here, so that steps
 * only do their deed.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "sequence/fault.h"
#include "sequence/message.h"
#include "sequence/table.h"
#include "steps/cgroup.h"
#include "steps/interrupt.h"
#include "steps/oom.h"

/* How long one side of hull may keep the other waiting. Long, since the machine may be slow;
 * finite, since a hang takes a node with it. */
enum { DEADLINE_MS = 120 * 1000 };

const char *const role_names[] = { "PARENT", "STAGE", "INIT", "START" };

struct actor {
	const struct row *table;
	struct run *run;
	enum role me;
	bool is_parent; /* of STAGE and INIT: has the undoing to do */
	size_t at;
};

bool row_applies(const struct row *row, const struct plan *plan)
{
	return !row->when || row->when(plan);
}

size_t rows_join(const struct row *table)
{
	size_t i = 0;

	while (table[i].kind != JOIN)
		i++;
	return i;
}

static int tell_death(const char *who, pid_t pid, bool is_child, struct oci_error *err)
{
	siginfo_t info = { 0 };

	(void)snprintf(err->code, sizeof(err->code), "init-died");
	if (!is_child || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		return fail(err, "%s ended without a word", who);
	if (info.si_code == CLD_EXITED)
		return fail(err, "%s ended without a word, exit status %d", who, info.si_status);
	return fail(err, "%s was killed by signal %d (%s)", who, info.si_status,
		    strsignal(info.si_status));
}

static int tell_init_death(const struct run *run, struct oci_error *err)
{
	return tell_death(run_new_process(run), run->init_pid, run->init_is_child, err);
}

static int tell_stage_death(const struct run *run, struct oci_error *err)
{
	return tell_death("the process that joins namespaces", run->stage_pid, true, err);
}

/* Who was frozen with a cgroup above the container's can't speak. */
static int tell_silence(const struct run *run, const struct row *row, struct oci_error *err)
{
	if (cgroup_frozen(&run->state))
		return fail_code(err, "cgroup-frozen",
				 "nothing heard from %s for %d s, for cgroup '/%s' is frozen (or "
				 "one above it)",
				 role_names[row->who], DEADLINE_MS / 1000, run->state.cgroup);
	return fail_code(err, "timeout", "nothing heard from %s for %d s", role_names[row->who],
			 DEADLINE_MS / 1000);
}

/* Waits until the channel has something or the one who should speak is dead. 1: read the channel,
 * -1: err. A message that was sent before death is read first. */
static int wait_to_hear(struct actor *actor, const struct row *row, struct oci_error *err)
{
	struct run *run = actor->run;
	struct pollfd polls[] = { { .fd = run->channel, .events = POLLIN },
				  { .fd = run->init_pidfd, .events = POLLIN },
				  { .fd = run->stage_pidfd, .events = POLLIN } };
	int n = actor->me == INIT || actor->me == STAGE ? 1 : 3;
	/* Children wait for as long as PARENT lives, which may be running hooks. */
	int timeout = n == 1 || (row->patient && row->patient(run->plan)) ? -1 : DEADLINE_MS;
	/* Once INIT may be executing, signals are for the process that it becomes. */
	bool executing = row->kind == EXEC || row->kind == TELL;
	int ready;

	do {
		ready = !executing || timeout < 0 ? interrupt_poll(polls, (nfds_t)n, timeout)
						  : poll(polls, (nfds_t)n, timeout);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0 && errno == ECANCELED)
		return interrupt_fail(err, run->plan->request->exec ? "the process isn't executed"
								    : "the container isn't made");
	if (ready < 0)
		return fail_sys(err, "poll");
	if (ready == 0)
		return tell_silence(run, row, err);
	if (polls[0].revents || n == 1)
		return 1;
	/* Death is noticed on the pidfd; what was said last may have come in between. */
	if (poll(polls, 1, 0) > 0)
		return 1;
	return polls[1].revents ? tell_init_death(run, err) : tell_stage_death(run, err);
}

/* The other side ended where a message was due. */
static int tell_end(const struct actor *actor, const struct row *row, struct oci_error *err)
{
	const struct run *run = actor->run;

	/* The one word that there is comes right before execve(2). */
	if (row->kind == TELL)
		return fail_code(err, "init-died", "%s was killed before its program was executed",
				 run_new_process(run));
	if (run->init_pidfd >= 0 && actor->is_parent)
		return tell_init_death(run, err);
	if (run->stage_pidfd >= 0 && actor->is_parent)
		return tell_stage_death(run, err);
	return fail_code(err, "init-died", "%s is gone", role_names[row->who]);
}

/* Takes the baton: the message of this row, or the failure of whoever has it. */
static int hear(struct actor *actor, const struct row *row, struct oci_error *err)
{
	struct message message;
	struct run *run = actor->run;
	auto_fd fd = -1;
	int got;

	if (row->plain && actor->me == INIT) {
		got = message_receive_plain(run->channel, &message, err);
	} else if (wait_to_hear(actor, row, err) < 0) {
		return row->kind == TELL && !strcmp(err->code, "init-died")
			       ? tell_end(actor, row, err)
			       : -1;
	} else {
		got = message_receive(run->channel, &message, &fd, err);
	}
	if (got < 0)
		return -1;
	if (got == 0)
		return tell_end(actor, row, err);
	if (fd >= 0 && row->carries && *row->carries(run) < 0)
		*row->carries(run) = fd_take(&fd);
	if (message.failed) {
		*err = message.err;
		return -1;
	}
	if (message.row != actor->at)
		return fail(err, "out of step: row %u came instead of %zu", message.row, actor->at);
	if (fd >= 0)
		return fail(err, "%s sent an fd where none belongs", role_names[row->who]);
	/* Only STAGE speaks of a pid, in the row behind its fork. */
	if (row->who == STAGE)
		run->init_pid = (pid_t)message.number;
	if (row->plain && row->who == INIT)
		run->notify_number = (int)message.number;
	return 0;
}

/* The other side hung up: it may have said why before, else it tells by its death. */
static int tell_hang_up(struct actor *actor, const struct row *row, struct oci_error *err)
{
	struct run *run = actor->run;
	struct message message;
	struct pollfd gone = { .fd = row->to == STAGE ? run->stage_pidfd : run->init_pidfd,
			       .events = POLLIN };

	if (message_receive(run->channel, &message, NULL, err) == 1 && message.failed) {
		*err = message.err;
		return -1;
	}
	(void)poll(&gone, 1, 1000); /* its fds are closed a moment before it counts as dead */
	return row->to == STAGE ? tell_stage_death(run, err) : tell_init_death(run, err);
}

static int pass(struct actor *actor, const struct row *row, struct oci_error *err)
{
	struct run *run = actor->run;
	struct message message = { .row = (uint32_t)actor->at, .number = run->init_pid };
	int *carried = row->carries ? row->carries(run) : NULL;

	if (row->run)
		TRY(row->run(run, err));
	if (row->plain && actor->me == INIT) {
		message.number = run->notify_number;
		return message_send_plain(run->channel, &message, err);
	}
	if (message_send(run->channel, &message, carried ? *carried : -1, err) < 0) {
		bool hung_up = err->num == EPIPE || err->num == ECONNRESET;

		if (hung_up && row->kind == TELL) {
			*err = (struct oci_error){ 0 };
			return 0;
		}
		return hung_up && actor->me != INIT && actor->me != STAGE
			       ? tell_hang_up(actor, row, err)
			       : -1;
	}
	if (carried)
		fd_drop(carried); /* it has one holder at a time */
	return 0;
}

static int fork_role(struct actor *actor, const struct row *row, struct oci_error *err)
{
	int pid = row->run(actor->run, err);

	if (pid == 0) {
		actor->me = row->to;
		actor->is_parent = false;
	}
	return pid < 0 ? -1 : 0;
}

/* The new process is executed when the channel ends without a word: it is close-on-exec. */
static int hear_silence(struct actor *actor, const struct row *row, struct oci_error *err)
{
	struct message message;
	int got;

	if (wait_to_hear(actor, row, err) < 0)
		/* Its death is the next row's question: it may have been executed and be gone. */
		return strcmp(err->code, "init-died") == 0 ? 0 : -1;
	got = message_receive(actor->run->channel, &message, NULL, err);
	if (got < 0)
		return -1;
	if (got == 0)
		return 0;
	if (!message.failed)
		return fail(err, "out of step: row %u came instead of silence", message.row);
	*err = message.err;
	return -1;
}

static int act_own(struct actor *actor, const struct row *row, struct oci_error *err)
{
	TRY(fault_before(row, err));
	switch (row->kind) {
	case DO:
	case EXEC:
	case JOIN:
		if (!fault_skips(row))
			TRY(row->run(actor->run, err));
		break;
	case FORK:
		TRY(fork_role(actor, row, err));
		if (actor->me == row->to)
			return 0; /* the fault is the maker's */
		break;
	case PASS:
	case TELL:
		TRY(pass(actor, row, err));
		break;
	}
	return fault_after(row, err);
}

static int act(struct actor *actor, const struct row *row, struct oci_error *err)
{
	fault_reach(row, actor->me);
	if (row->who == actor->me)
		return act_own(actor, row, err);
	if (row->to != actor->me || row->who == row->to)
		return 0;
	if (row->kind == PASS || row->kind == TELL)
		return hear(actor, row, err);
	if (row->kind == EXEC)
		return row->unheard && row->unheard(actor->run->plan)
			       ? 0
			       : hear_silence(actor, row, err);
	if (row->kind == JOIN)
		return row->meet(actor->run, err);
	return 0;
}

static void undo(struct actor *actor)
{
	run_forget(actor->run);
	for (size_t i = actor->at + 1; i-- > 0;) {
		const struct row *row = &actor->table[i];

		if (row->undo && row_applies(row, actor->run->plan))
			row->undo(actor->run);
	}
}

/* STAGE and INIT say why and end; whoever hears it undoes. */
static _Noreturn void report_and_end(struct actor *actor, const struct oci_error *err)
{
	struct message message = { .row = (uint32_t)actor->at, .failed = 1, .err = *err };
	struct oci_error ignored = { 0 };

	/* With nobody left to hear it there is nothing more to do. */
	if (actor->run->filtered)
		(void)message_send_plain(actor->run->channel, &message, &ignored);
	else
		(void)message_send(actor->run->channel, &message, -1, &ignored);
	_exit(1);
}

/* What the new process was at when it died. */
static const char *doing(const struct actor *actor)
{
	if (actor->me == START)
		return "before its program was executed";
	return actor->run->plan->request->exec ? "while it entered the container"
					       : "while the container was made";
}

/* How long a process may take from the first of its end to the last. */
enum { DYING_MS = 10 * 1000 };

static bool is_dying(pid_t pid)
{
	unsigned flags;

	return state_process_stat(pid, NULL, &flags, NULL) == 0 && (flags & STATE_PF_EXITING);
}

/* Of a process that is dying the kernel says many things: that permission lacks for what belongs to
 * its memory, that it has no such namespace, that it isn't there. All that before its end can be
 * heard of, and what takes longest, its mounts, goes in between. So a failure beside a death has
 * the death told first. */
static void blame_death(const struct run *run, struct oci_error *err)
{
	/* When STAGE tells INIT's number its work is done, and it ends. */
	bool stage = run->init_pid <= 0;
	pid_t pid = stage ? run->stage_pid : run->init_pid;
	struct pollfd ended = { .fd = stage ? run->stage_pidfd : run->init_pidfd,
				.events = POLLIN };
	struct oci_error death = { 0 };

	if (pid <= 0 || ended.fd < 0 || !strcmp(err->code, "init-died"))
		return;
	if (poll(&ended, 1, 0) <= 0 && (!is_dying(pid) || poll(&ended, 1, DYING_MS) <= 0))
		return;
	(void)(stage ? tell_stage_death(run, &death) : tell_init_death(run, &death));
	(void)snprintf(err->code, sizeof(err->code), "%s", death.code);
	(void)fail_in(err, "%s", death.text);
}

int rows_act(const struct row *table, struct run *run, enum role me, size_t from,
	     struct oci_error *err)
{
	struct actor actor = { table, run, me, me == PARENT, from };
	bool executed = false;

	for (; table[actor.at].what; actor.at++) {
		const struct row *row = &table[actor.at];
		bool speaks;

		/* What the container's own program does, and when it ends, is no cause. */
		executed |= row->kind == EXEC;
		if (row->kind == JOIN && actor.me == PARENT) {
			if (!run->plan->request->run)
				return 0;
			actor.me = START;
		}
		if (!row_applies(row, run->plan))
			continue;
		speaks = row->who == actor.me;
		if (act(&actor, row, err) == 0)
			continue;
		/* A failure that was heard has its own context already. */
		if (speaks && actor.is_parent && !executed)
			blame_death(run, err);
		if (speaks)
			(void)fail_in(err, "%s", row->what);
		if (actor.me == STAGE || actor.me == INIT)
			report_and_end(&actor, err);
		oom_explain(run, doing(&actor), err);
		if (actor.is_parent)
			undo(&actor);
		return -1;
	}
	/* STAGE has no row any more. What follows in the command is PARENT's alone: in the time
	 * that PARENT takes to reap it, STAGE would wait for the container and delete it. */
	if (actor.me == STAGE || actor.me == INIT)
		_exit(0);
	return 0;
}
