/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>

/* How often who waits looks whether a signal has come. */
enum { PAUSE_MS = 10 };

static volatile sig_atomic_t came;
static bool catching, watching;

static void note(int number)
{
	came = number;
}

void interrupt_catch(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	/* What isn't a loop of ours knows nothing of interrupted calls. */
	struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct sigaction before;

		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			(void)sigaction(numbers[i], &action, NULL); /* valid */
	}
	catching = true;
}

/* One that is ignored waits, too, while it is held back. */
static void look_at_held(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action;
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (sigismember(&pending, numbers[i]) == 1 &&
		    sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
			came = numbers[i];
}

void interrupt_watch(void)
{
	watching = true;
}

void interrupt_unwatch(void)
{
	if (watching)
		look_at_held();
	watching = false;
}

int interrupt_check(struct oci_error *err)
{
	int number;

	if (watching)
		look_at_held();
	number = catching || watching ? came : 0;
	return number ? fail_code(err, "interrupted", "interrupted by signal %d (%s)", number,
				  strsignal(number))
		      : 0;
}

/* No signal that comes between a look and a wait is missed: none of the waits is long. */
int interrupt_lock(int fd, int how, struct oci_error *err)
{
	bool looks = (catching || watching) && !(how & LOCK_NB);

	while (flock(fd, looks ? how | LOCK_NB : how) < 0) {
		if (errno != EINTR && !(looks && errno == EWOULDBLOCK))
			return fail_sys(err, "flock");
		TRY(interrupt_check(err));
		if (looks)
			(void)poll(NULL, 0, PAUSE_MS);
	}
	return 0;
}

int interrupt_wait(int fd, struct oci_error *err)
{
	struct pollfd set = { .fd = fd, .events = POLLIN };

	while ((catching || watching) && poll(&set, 1, PAUSE_MS) <= 0)
		TRY(interrupt_check(err));
	return 0;
}

void interrupt_end(void)
{
	sigset_t set;
	int number;

	interrupt_unwatch();
	number = came;
	if (!number)
		return;
	(void)signal(number, SIG_DFL);
	(void)raise(number);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}
