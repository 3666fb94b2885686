/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hullbox-init: the first process of a container with --init. Starts the command, passes signals
 * on to it, waits for orphans, and ends as the command ends. Static and by itself, since it runs
 * among files that are the container's.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a shell says them. */
enum { CANNOT = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127, BY_SIGNAL = 128 };

static int complain(const char *what, int status)
{
	(void)fprintf(stderr, "hullbox-init: %s: %s\n", what, strerror(errno));
	return status;
}

/* All but those that a fault of this process raises, and those of a job that is to wait for its
 * terminal. */
static void fill_waited(sigset_t *set)
{
	static const int others[] = { SIGSEGV, SIGBUS, SIGFPE,	SIGILL, SIGTRAP,
				      SIGABRT, SIGSYS, SIGTTIN, SIGTTOU };

	(void)sigfillset(set);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		(void)sigdelset(set, others[i]);
}

/* A group of its own, in front of the terminal where there is one: what is typed there goes to
 * the command at once, and not twice. */
static _Noreturn void become_command(char *argv[], const sigset_t *mask)
{
	if (setpgid(0, 0) == 0)
		(void)tcsetpgrp(STDIN_FILENO, getpgrp()); /* no terminal, no front */
	(void)signal(SIGTTIN, SIG_DFL);
	(void)signal(SIGTTOU, SIG_DFL);
	if (sigprocmask(SIG_SETMASK, mask, NULL) == 0)
		(void)execvp(argv[0], argv);
	exit(complain(argv[0], errno == ENOENT || errno == ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE));
}

/* Takes every process that has ended. True when the command is one of them; then *status is what
 * init ends with. */
static bool reap(pid_t command, int *status)
{
	bool ended = false;
	int how;
	pid_t pid;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		ended = true;
		*status = WIFSIGNALED(how) ? BY_SIGNAL + WTERMSIG(how) : WEXITSTATUS(how);
	}
	return ended;
}

static int serve(pid_t command, const sigset_t *waited)
{
	int status = CANNOT;

	for (;;) {
		int number = sigwaitinfo(waited, NULL);

		if (number == SIGCHLD && reap(command, &status))
			return status;
		if (number > 0 && number != SIGCHLD)
			(void)kill(command, number); /* it may just have ended */
	}
}

int main(int argc, char *argv[])
{
	int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
	sigset_t waited, before;
	pid_t command;

	if (argc <= first) {
		(void)fputs("Usage: hullbox-init [--] COMMAND [ARGUMENT...]\n", stderr);
		return CANNOT;
	}
	fill_waited(&waited);
	if (sigprocmask(SIG_BLOCK, &waited, &before) < 0)
		return complain("sigprocmask", CANNOT);
	/* Also so that the command may take the terminal from the background. */
	(void)signal(SIGTTIN, SIG_IGN);
	(void)signal(SIGTTOU, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	command = fork();
	if (command < 0)
		return complain("fork", CANNOT);
	if (command == 0)
		become_command(argv + first, &before);
	return serve(command, &waited);
}
