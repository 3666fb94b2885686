/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Starts programs and says what each took, all in the same way: run-bench writes the list of what
 * is to be started, this program measures, run-bench reckons. It is small and static because what
 * it occupies counts as its children's peak memory (a child shares it until it is executed).
 *
 * usage: harness [-m] <SCRIPT
 *
 * A line of SCRIPT is LABEL, N and the program with its arguments, separated by tabs. N programs
 * are started at once; %% in an argument becomes the number of each, 1 to N. For each ended program
 * a line of JSON tells: label, exit status (128+n for a signal), us of wall clock from before its
 * start until its end was seen, us of user and system time, peak memory in KiB, minor page faults;
 * each with what its waited-for children took.
 *
 * -m: setting RLIMIT_MEMLOCK does nothing and succeeds, in all programs. For hosts whose root may
 * not raise it (no CAP_SYS_RESOURCE), where a runtime insists on it though no current kernel asks.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS_MAX = 64, LINE_SIZE = 4096, PARALLEL_MAX = 64 };

extern char **environ;

struct started {
	pid_t pid;
	int64_t at;
};

static int64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int pretend_memlock(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setrlimit, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 6),
		/* prlimit64(pid, resource, new, old): without `new` it only asks. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RLIMIT_MEMLOCK, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* Writes argument to buf with each %% replaced; returns where buf goes on. */
static char *number_argument(char *buf, const char *end, const char *argument, int number)
{
	while (*argument && buf < end - 12) {
		if (strncmp(argument, "%%", 2) == 0) {
			buf += sprintf(buf, "%d", number);
			argument += 2;
		} else {
			*buf++ = *argument++;
		}
	}
	*buf++ = '\0';
	return buf;
}

static void start(struct started *started, char *const arguments[], int number,
		  const posix_spawn_file_actions_t *actions)
{
	char text[LINE_SIZE];
	char *argv[ARGS_MAX + 1] = { NULL };
	char *at = text;

	for (int i = 0; arguments[i]; i++) {
		argv[i] = at;
		at = number_argument(at, text + sizeof(text), arguments[i], number);
	}
	started->at = now();
	if (posix_spawn(&started->pid, argv[0], actions, NULL, argv, environ) != 0)
		die(argv[0]);
}

static int64_t microseconds(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static void finish(const char *label, const struct started *started, int n)
{
	struct rusage use;
	int status;
	pid_t pid = wait4(-1, &status, 0, &use);
	int64_t at = now();

	if (pid < 0)
		die("wait4");
	for (int i = 0; i < n; i++) {
		if (started[i].pid != pid)
			continue;
		(void)printf(
			"{\"label\": \"%s\", \"status\": %d, \"wall\": %.1f, \"user\": %lld, "
			"\"system\": %lld, \"memory\": %ld, \"faults\": %ld}\n",
			label, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
			(double)(at - started[i].at) / 1000, (long long)microseconds(use.ru_utime),
			(long long)microseconds(use.ru_stime), use.ru_maxrss, use.ru_minflt);
		return;
	}
	die("a child that was not started here");
}

static void measure(char *line, const posix_spawn_file_actions_t *actions)
{
	struct started started[PARALLEL_MAX];
	char *words[ARGS_MAX + 1] = { NULL };
	int n_words = 0;
	int n;

	for (char *word = strtok(line, "\t\n"); word && n_words < ARGS_MAX;
	     word = strtok(NULL, "\t\n"))
		words[n_words++] = word;
	if (n_words == 0)
		return;
	n = n_words < 3 ? 0 : atoi(words[1]);
	if (n < 1 || n > PARALLEL_MAX) {
		(void)fprintf(stderr, "harness: a bad line: %s\n", words[0]);
		exit(2);
	}
	for (int i = 0; i < n; i++)
		start(&started[i], words + 2, i + 1, actions);
	for (int i = 0; i < n; i++)
		finish(words[0], started, n);
}

int main(int argc, char *argv[])
{
	posix_spawn_file_actions_t actions;
	char line[LINE_SIZE];

	if (argc == 2 && strcmp(argv[1], "-m") == 0 && pretend_memlock() < 0)
		die("seccomp");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	while (fgets(line, sizeof(line), stdin))
		measure(line, &actions);
	(void)posix_spawn_file_actions_destroy(&actions);
	return fflush(stdout) == 0 ? 0 : 1;
}
