/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/run_program.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"

/* One of its outputs. */
struct stream {
	int fd; /* -1 after its end */
	char *text;
	size_t size, room;
};

/* Its side and ours of what it is connected by. */
struct pipes {
	int in[2], out[2], err[2];
	int executed[2]; /* ends when it was, or says why not */
};

void program_result_done(struct program_result *result)
{
	free(result->output);
	free(result->errors);
	*result = (struct program_result){ 0 };
}

int program_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return program_status(status);
}

void program_reset_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* two can't be changed, nor need to be */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int program_fork_twice(struct oci_error *err)
{
	pid_t pid = fork();

	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			return 0;
		_exit(pid < 0 ? 1 : 0);
	}
	if (pid < 0)
		return fail_sys(err, "fork");
	return reap(pid) == 0 ? 1 : fail(err, "fork: the system has no room for a process");
}

/* All from 3 on but these. */
static int close_others(const int *kept, size_t n, struct oci_error *err)
{
	unsigned from = 3;

	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < n; i++)
			if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
				next = (unsigned)kept[i];
		if (next == UINT_MAX)
			break;
		if (next > from && sys_close_range(from, next - 1, 0) < 0)
			return fail_sys(err, "close_range");
		from = next + 1;
	}
	return sys_close_range(from, UINT_MAX, 0) < 0 ? fail_sys(err, "close_range") : 0;
}

int program_leave(const char *name, const int *kept, size_t n, struct oci_error *err)
{
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);

	program_reset_signals();
	(void)setsid(); /* a fork's child can */
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return fail_sys(err, "open /dev/null");
	fd_drop(&null);
	TRY(close_others(kept, n, err));
	(void)prctl(PR_SET_NAME, name); /* for who looks at processes */
	return chdir("/") < 0 ? fail_sys(err, "chdir /") : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_pipe(int ends[2])
{
	fd_drop(&ends[0]);
	fd_drop(&ends[1]);
}

static void close_pipes(struct pipes *pipes)
{
	close_pipe(pipes->in);
	close_pipe(pipes->out);
	close_pipe(pipes->err);
	close_pipe(pipes->executed);
}

static int open_pipes(const struct program *program, struct pipes *pipes, struct oci_error *err)
{
	*pipes = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (program->input) {
		if (pipe2(pipes->in, O_CLOEXEC) < 0)
			return fail_sys(err, "pipe");
		(void)fcntl(pipes->in[1], F_SETFL, O_NONBLOCK); /* a pipe of our own takes it */
	} else {
		pipes->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (pipes->in[0] < 0)
			return fail_sys(err, "open /dev/null");
	}
	if (pipe2(pipes->out, O_CLOEXEC) < 0 || pipe2(pipes->err, O_CLOEXEC) < 0 ||
	    pipe2(pipes->executed, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	return 0;
}

/* In the child. Nothing here may allocate. */
_Noreturn static void execute(const struct program *program, const struct pipes *pipes)
{
	struct oci_error ignored = { 0 }; /* an fd too many harms less than no program */
	int num;

	program_reset_signals();
	(void)setpgid(0, 0); /* may fail for a session's leader, which this isn't */
	if (dup2(pipes->in[0], 0) >= 0 && dup2(pipes->out[1], 1) >= 0 &&
	    dup2(pipes->err[1], 2) >= 0) {
		(void)fd_cloexec_from(3, &ignored);
		if (program->held_fd > 2)
			(void)fcntl(program->held_fd, F_SETFD, 0);
		(void)execve(program->argv[0], (char *const *)(uintptr_t)program->argv,
			     program->env ? (char *const *)(uintptr_t)program->env : environ);
	}
	num = errno;
	(void)!write(pipes->executed[1], &num, sizeof(num)); /* else its end says as much */
	_exit(127);
}

/* Takes what is there; ends the stream at its end. */
static int take(struct stream *stream, struct oci_error *err)
{
	ssize_t size;

	if (stream->size + 4096 > stream->room) {
		size_t room = stream->room ? 2 * stream->room : 8192;
		char *text = room <= 2 * PROGRAM_OUTPUT_MAX ? realloc(stream->text, room) : NULL;

		if (!text)
			return fail_code(err, "program-output", "it writes too much");
		stream->text = text;
		stream->room = room;
	}
	size = read(stream->fd, stream->text + stream->size, stream->room - stream->size - 1);
	if (size > 0)
		stream->size += (size_t)size;
	else if (size == 0 || errno != EINTR)
		fd_drop(&stream->fd);
	stream->text[stream->size] = '\0';
	return 0;
}

/* Writes what goes; a program that doesn't read it all is no failure. */
static void feed(int *fd, const char **input, size_t *left)
{
	ssize_t size = write(*fd, *input, *left);

	if (size > 0) {
		*input += size;
		*left -= (size_t)size;
	}
	if (*left == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
		fd_drop(fd);
}

static int talk(const struct program *program, int *in, struct stream streams[2],
		struct oci_error *err)
{
	int64_t end = program->deadline_ms ? now_ms() + program->deadline_ms : 0;
	const char *input = program->input;
	size_t left = program->input_size;

	if (left == 0)
		fd_drop(in);
	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		struct pollfd set[] = { { streams[0].fd, POLLIN, 0 },
					{ streams[1].fd, POLLIN, 0 },
					{ *in, POLLOUT, 0 } };
		int64_t wait = end ? end - now_ms() : -1;

		if (end && wait <= 0)
			return fail_code(err, "program-deadline", "not done after %u ms",
					 program->deadline_ms);
		if (poll(set, 3, (int)wait) < 0 && errno != EINTR)
			return fail_sys(err, "poll");
		for (int i = 0; i < 2; i++)
			if (set[i].fd >= 0 && set[i].revents)
				TRY(take(&streams[i], err));
		if (set[2].fd >= 0 && set[2].revents)
			feed(in, &input, &left);
	}
	return 0;
}

/* pid has been forked: was it executed, and what did it say? */
static int follow(const struct program *program, pid_t pid, struct pipes *pipes,
		  struct stream streams[2], struct program_result *result, struct oci_error *err)
{
	int num = 0;

	fd_drop(&pipes->in[0]);
	fd_drop(&pipes->out[1]);
	fd_drop(&pipes->err[1]);
	fd_drop(&pipes->executed[1]);
	if (read(pipes->executed[0], &num, sizeof(num)) == sizeof(num)) {
		(void)reap(pid);
		errno = num;
		return fail_sys(err, "execute");
	}
	streams[0].fd = fd_take(&pipes->out[0]);
	streams[1].fd = fd_take(&pipes->err[0]);
	if (talk(program, &pipes->in[1], streams, err) < 0) {
		(void)kill(-pid, SIGKILL); /* whether it is gone or not, it is reaped */
		(void)reap(pid);
		return -1;
	}
	result->status = reap(pid);
	return 0;
}

/* The streams' texts become the result's. */
static int hand_over(struct stream streams[2], struct program_result *result, struct oci_error *err)
{
	for (int i = 0; i < 2; i++)
		if (!streams[i].text && !(streams[i].text = calloc(1, 1)))
			return fail_code(err, "out-of-memory", "no memory for its output");
	result->output = streams[0].text;
	result->output_size = streams[0].size;
	result->errors = streams[1].text;
	result->errors_size = streams[1].size;
	streams[0].text = streams[1].text = NULL;
	return 0;
}

int program_run(const struct program *program, struct program_result *result, struct oci_error *err)
{
	struct stream streams[2] = { { .fd = -1 }, { .fd = -1 } };
	struct pipes pipes;
	int outcome = open_pipes(program, &pipes, err);

	*result = (struct program_result){ 0 };
	if (outcome == 0) {
		pid_t pid = fork();

		if (pid == 0)
			execute(program, &pipes);
		outcome = pid < 0 ? fail_sys(err, "fork")
				  : follow(program, pid, &pipes, streams, result, err);
	}
	if (outcome == 0)
		outcome = hand_over(streams, result, err);
	for (int i = 0; i < 2; i++) {
		fd_drop(&streams[i].fd);
		free(streams[i].text);
	}
	close_pipes(&pipes);
	return outcome < 0 ? fail_in(err, "%s", program->argv[0]) : 0;
}

int program_must(const struct program *program, struct program_result *result,
		 struct oci_error *err)
{
	struct program_result own = { 0 };
	const char *words;
	size_t size;
	int outcome = 0;

	TRY(program_run(program, &own, err));
	words = *own.errors ? own.errors : own.output;
	for (size = strlen(words); size > 0 && words[size - 1] == '\n';)
		size--;
	if (own.status != 0)
		outcome = fail_code(err, "program-failed", "%s: exit status %d: %.*s",
				    program->argv[0], own.status, (int)(size < 1000 ? size : 1000),
				    words);
	if (result && outcome == 0)
		*result = own;
	else
		program_result_done(&own);
	return outcome;
}
