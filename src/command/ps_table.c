/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/ps_table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "steps/caller.h"
#include "steps/spawn.h"

enum { LIMIT_MS = 60 * 1000, END_MS = 5 * 1000, LIMIT_SIZE = 64 * 1024 * 1024, NOT_FOUND = 127 };

extern char **environ;

/* --- Its output --- */

struct output {
	char *text; /* heap, NUL-terminated */
	size_t size, room;
};

static int make_room(struct output *output, struct oci_error *err)
{
	size_t room = output->room ? 2 * output->room : 64 * 1024;
	char *text;

	if (output->room - output->size > 4096)
		return 0;
	if (room > LIMIT_SIZE)
		return fail(err, "it printed more than %d MiB", LIMIT_SIZE / 1024 / 1024);
	text = realloc(output->text, room);
	if (!text)
		return fail_code(err, "out-of-memory", "no memory for its output");
	output->text = text;
	output->room = room;
	return 0;
}

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int read_all(int fd, struct output *output, struct oci_error *err)
{
	long end = now_ms() + LIMIT_MS;

	for (;;) {
		struct pollfd polls = { .fd = fd, .events = POLLIN };
		long left = end - now_ms();
		ssize_t got;

		if (left <= 0)
			return fail_code(err, "timeout", "not done after %d s", LIMIT_MS / 1000);
		if (poll(&polls, 1, (int)left) <= 0)
			continue; /* the time is looked at again */
		TRY(make_room(output, err));
		got = read(fd, output->text + output->size, output->room - output->size - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_sys(err, "read its output");
		output->size += (size_t)got;
		output->text[output->size] = '\0';
		if (got == 0)
			return 0;
	}
}

/* --- Running it --- */

/* What steers the loader of hull's caller is not for a program that hull chooses. */
static void clean_environment(void)
{
	char **to = environ;

	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, "LD_", 3) != 0)
			*to++ = *entry;
	*to = NULL;
}

static _Noreturn void become_ps(char *const *argv, int out, pid_t parent)
{
	struct oci_error ignored = { 0 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		spawn_end(1);
	caller_reset_signals();
	clean_environment();
	(void)dup2(out, 1);
	(void)fd_cloexec_from(3, &ignored);
	(void)execvp(argv[0], argv);
	spawn_end(NOT_FOUND);
}

static int judge(const siginfo_t *info, struct oci_error *err)
{
	if (info->si_code == CLD_EXITED && info->si_status == 0)
		return 0;
	if (info->si_code == CLD_EXITED && info->si_status == NOT_FOUND)
		return fail(err,
			    "can't be executed: is it installed? (the package is procps mostly; "
			    "--format json does without it)");
	if (info->si_code == CLD_EXITED)
		return fail(err, "exit status %d", info->si_status);
	return fail(err, "killed by signal %d (%s)", info->si_status, strsignal(info->si_status));
}

static bool ends_soon(pid_t pid)
{
	auto_fd pidfd = sys_pidfd_open(pid, 0);
	struct pollfd polls = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&polls, 1, END_MS) == 1;
}

static int run(char *const *argv, struct output *output, struct oci_error *err)
{
	siginfo_t info = { 0 };
	int out[2], result;
	pid_t parent = getpid(), pid;
	auto_fd in = -1;

	if (pipe2(out, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe2");
	in = out[0];
	pid = fork();
	if (pid == 0)
		become_ps(argv, out[1], parent);
	if (pid < 0)
		(void)fail_sys(err, "fork");
	(void)close(out[1]);
	if (pid < 0)
		return -1;
	result = read_all(in, output, err);
	/* What it had to say is said: one that goes on without its output isn't waited for. */
	if (result < 0 || !ends_soon(pid))
		(void)kill(pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
		;
	return result < 0 ? -1 : judge(&info, err);
}

/* --- Its lines --- */

struct column {
	size_t field; /* the how manieth word of the line */
	size_t end;   /* the offset behind its last character */
};

/* The word at or behind *at; *at goes behind it. Its size, 0 at the end of the line. */
static size_t next_word(const char *line, size_t *at, const char **word)
{
	size_t size;

	*at += strspn(line + *at, " \t");
	*word = line + *at;
	size = strcspn(*word, " \t");
	*at += size;
	return size;
}

static bool find_column(const char *line, struct column *column)
{
	const char *word;
	size_t size, at = 0;

	for (column->field = 0; (size = next_word(line, &at, &word)) > 0; column->field++)
		if (size == 3 && memcmp(word, "PID", 3) == 0) {
			column->end = at;
			return true;
		}
	return false;
}

static pid_t number(const char *word, size_t size)
{
	pid_t pid = 0;

	for (size_t i = 0; i < size; i++) {
		if (word[i] < '0' || word[i] > '9' || i > 8)
			return 0;
		pid = 10 * pid + (word[i] - '0');
	}
	return pid;
}

/* ps aligns numbers to the right, so the pid ends where its heading does: a column before it may
 * hold a space. Where one before it is too long it is the word with the heading's number. */
static pid_t pid_of(const char *line, const struct column *column)
{
	const char *word;
	size_t size, at = 0;
	pid_t by_field = 0;

	for (size_t i = 0; (size = next_word(line, &at, &word)) > 0; i++) {
		pid_t pid = number(word, size);

		if (pid > 0 && at == column->end)
			return pid;
		if (i == column->field)
			by_field = pid;
	}
	return by_field;
}

static int by_number(const void *a, const void *b)
{
	const pid_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int print_lines(char *text, const pid_t *pids, size_t n, struct oci_error *err)
{
	struct column column;
	char *save = NULL;
	char *line = text ? strtok_r(text, "\n", &save) : NULL;

	if (!line || !find_column(line, &column))
		return fail(err, "its first line has no column PID, by which the container's "
				 "processes are found");
	(void)printf("%s\n", line);
	while ((line = strtok_r(NULL, "\n", &save))) {
		pid_t pid = pid_of(line, &column);

		if (n > 0 && bsearch(&pid, pids, n, sizeof(*pids), by_number))
			(void)printf("%s\n", line);
	}
	return 0;
}

int ps_table(const char *const *args, size_t n_args, const pid_t *pids, size_t n,
	     struct oci_error *err)
{
	auto_free char **argv = calloc(n_args + 3, sizeof(*argv));
	struct output output = { NULL, 0, 0 };
	char name[] = "ps", usual[] = "-ef";
	int result;

	if (!argv)
		return fail_code(err, "out-of-memory", "no memory for the arguments of ps");
	argv[0] = name;
	argv[1] = usual;
	/* execve(2) wants no const, and changes nothing. */
	if (n_args > 0)
		memcpy(argv + 1, args, n_args * sizeof(*argv));
	result = run(argv, &output, err);
	if (result == 0)
		result = print_lines(output.text, pids, n, err);
	free(output.text);
	return result < 0 ? fail_in(err, "ps(1)") : 0;
}
