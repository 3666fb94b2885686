/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t came;

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
}

int interrupt_check(struct oci_error *err)
{
	int number = came;

	return number ? fail_code(err, "interrupted", "interrupted by signal %d (%s)", number,
				  strsignal(number))
		      : 0;
}

void interrupt_end(void)
{
	int number = came;

	if (!number)
		return;
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}
