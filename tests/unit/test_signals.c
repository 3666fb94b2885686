/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Signals in every spelling that engines and people use: all numbers there and back, names, the
 * real-time ones, and what is none.
 */
#include <signal.h>

#include "base/signals.h"
#include "tests/unit/tap.h"

static const struct {
	const char *text;
	int number;
} spellings[] = {
	{ "TERM", SIGTERM },
	{ "SIGTERM", SIGTERM },
	{ "term", SIGTERM },
	{ "sigterm", SIGTERM },
	{ "SigTerm", SIGTERM },
	{ "15", SIGTERM },
	{ "9", SIGKILL },
	{ "KILL", SIGKILL },
	{ "SIGHUP", SIGHUP },
	{ "HUP", SIGHUP },
	{ "1", SIGHUP },
	{ "5", SIGTRAP },
	{ "7", SIGBUS },
	{ "TRAP", SIGTRAP },
	{ "BUS", SIGBUS },
	{ "IOT", SIGABRT },
	{ "SIGABRT", SIGABRT },
	{ "CLD", SIGCHLD },
	{ "CHLD", SIGCHLD },
	{ "POLL", SIGIO },
	{ "IO", SIGIO },
	{ "WINCH", SIGWINCH },
	{ "USR1", SIGUSR1 },
	{ "SIGUSR2", SIGUSR2 },
	{ "SIGSYS", SIGSYS },
	{ "PWR", SIGPWR },
	{ "STKFLT", SIGSTKFLT },
	{ "0", 0 },
	{ "015", 15 },
	{ "64", 64 },
	{ "RTMIN", 34 },
	{ "SIGRTMIN", 34 },
	{ "RTMIN+0", 34 },
	{ "RTMIN+1", 35 },
	{ "SIGRTMIN+3", 37 },
	{ "rtmin+15", 49 },
	{ "RTMAX", 64 },
	{ "SIGRTMAX-0", 64 },
	{ "RTMAX-14", 50 },
	{ "sigrtmax-30", 34 },
	{ "RTMIN+30", 64 },
	{ "", -1 },
	{ "SIG", -1 },
	{ "65", -1 },
	{ "-1", -1 },
	{ "-9", -1 },
	{ "9x", -1 },
	{ " 9", -1 },
	{ "99999999999", -1 },
	{ "NONE", -1 },
	{ "SIG9", -1 },
	{ "SIGSIGTERM", -1 },
	{ "TERMX", -1 },
	{ "RTMIN+31", -1 },
	{ "RTMAX-31", -1 },
	{ "RTMIN-1", -1 },
	{ "RTMAX+1", -1 },
	{ "RTMIN+", -1 },
	{ "RTMIN+x", -1 },
	{ "RTMIN 1", -1 },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		tap_is_int(signal_parse(spellings[i].text), spellings[i].number, "'%s' is %d",
			   spellings[i].text, spellings[i].number);
	for (int number = 1; number <= SIGRTMAX; number++) {
		char name[32];

		signal_name(number, name, sizeof(name));
		tap_is_int(signal_parse(name), number, "%d has the name %s, which is %d", number,
			   name, number);
		/* 32 and 33 are the C library's own: only numbers. */
		tap_ok((strncmp(name, "SIG", 3) == 0) == (number != 32 && number != 33),
		       "signal %d has a name: %s", number, name);
	}
	return tap_done();
}
