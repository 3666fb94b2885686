/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/signals.h"

static volatile sig_atomic_t arrived;

/* There is one foreground per process; children inherit this and are none. */
static pid_t owner;
static int taken;
static sigset_t ending;	 /* the signals that ask to end */
static sigset_t waiting; /* the mask while hull waits: the same without those */

static void on_signal(int number)
{
	arrived = number;
}

void interrupt_allow(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigemptyset(&ending);
	(void)sigprocmask(SIG_SETMASK, NULL, &waiting);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (signals[i] != SIGTERM && signal_is_ignored(signals[i]))
			continue;
		(void)sigaction(signals[i], &action, NULL);
		(void)sigaddset(&ending, signals[i]);
		(void)sigdelset(&waiting, signals[i]);
	}
	owner = getpid();
}

void interrupt_forbid(void)
{
	owner = 0;
}

int interrupt_poll(struct pollfd *polls, nfds_t n, int timeout_ms)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000,
				    .tv_nsec = timeout_ms % 1000 * 1000000L };
	int ready;

	if (owner != getpid() || taken)
		return poll(polls, n, timeout_ms);
	ready = ppoll(polls, n, timeout_ms < 0 ? NULL : &timeout, &waiting);
	if (ready < 0 && errno == EINTR && arrived) {
		taken = arrived;
		errno = ECANCELED;
	}
	return ready;
}

int interrupt_signal(void)
{
	static const struct timespec now = { 0 };
	int pending;

	if (taken || owner != getpid())
		return taken;
	/* ^C reaches all processes of a terminal: hull may hear of INIT's death first. */
	pending = sigtimedwait(&ending, NULL, &now);
	return pending > 0 ? pending : 0;
}

bool interrupt_came(void)
{
	static const struct timespec now = { 0 };

	if (taken || owner != getpid())
		return false;
	taken = sigtimedwait(&ending, NULL, &now);
	if (taken < 0)
		taken = 0;
	return taken > 0;
}

int interrupt_fail(struct oci_error *err, const char *what)
{
	return fail_code(err, "interrupted", "%s: hull was asked to end by signal %d (%s)", what,
			 taken, strsignal(taken));
}
