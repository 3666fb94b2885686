/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/signals.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Second names come after the first, so that signal_name() finds the first. */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },   { "QUIT", SIGQUIT },   { "ILL", SIGILL },
	{ "TRAP", SIGTRAP },	 { "ABRT", SIGABRT }, { "BUS", SIGBUS },     { "FPE", SIGFPE },
	{ "KILL", SIGKILL },	 { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV },   { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE },	 { "ALRM", SIGALRM }, { "TERM", SIGTERM },   { "CHLD", SIGCHLD },
	{ "CONT", SIGCONT },	 { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU },	 { "URG", SIGURG },   { "XCPU", SIGXCPU },   { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO },
	{ "PWR", SIGPWR },	 { "SYS", SIGSYS },
#ifdef SIGSTKFLT
	{ "STKFLT", SIGSTKFLT },
#endif
	{ "IOT", SIGABRT },	 { "CLD", SIGCHLD },  { "POLL", SIGIO },
};

#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* Digits only, at most the highest signal; -1 otherwise. */
static int parse_number(const char *text)
{
	int number = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		number = number * 10 + (*text - '0');
		if (number > SIGRTMAX)
			return -1;
	}
	return number;
}

/* What follows RTMIN or RTMAX: nothing, or a sign and a distance. */
static int parse_realtime(const char *text, int base, char sign)
{
	int distance, number;

	if (!*text)
		return base;
	if (*text != sign)
		return -1;
	distance = parse_number(text + 1);
	number = sign == '+' ? base + distance : base - distance;
	return distance < 0 || number < SIGRTMIN || number > SIGRTMAX ? -1 : number;
}

int signal_parse(const char *text)
{
	if (*text >= '0' && *text <= '9')
		return parse_number(text);
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	if (!strncasecmp(text, "RTMIN", 5))
		return parse_realtime(text + 5, SIGRTMIN, '+');
	if (!strncasecmp(text, "RTMAX", 5))
		return parse_realtime(text + 5, SIGRTMAX, '-');
	for (size_t i = 0; i < N_SIGNALS; i++)
		if (!strcasecmp(signals[i].name, text))
			return signals[i].number;
	return -1;
}

void signal_name(int number, char *buf, size_t size)
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		if (signals[i].number == number) {
			(void)snprintf(buf, size, "SIG%s", signals[i].name);
			return;
		}
	if (number >= SIGRTMIN && number <= SIGRTMAX)
		(void)snprintf(buf, size, "SIGRTMIN+%d", number - SIGRTMIN);
	else
		(void)snprintf(buf, size, "%d", number);
}

bool signal_is_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}
