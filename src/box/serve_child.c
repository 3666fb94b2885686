/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

static int spawn(struct child *child, const char *const *argv, const int ends[CHILD_STREAMS],
		 struct oci_error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failed;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	failed = posix_spawn_file_actions_init(&actions);
	if (failed == 0)
		failed = posix_spawnattr_init(&attributes);
	if (failed == 0) {
		failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) |
			 posix_spawn_file_actions_adddup2(&actions, ends[CHILD_STDOUT], 1) |
			 posix_spawn_file_actions_adddup2(&actions, ends[CHILD_STDERR], 2) |
			 posix_spawnattr_setsigmask(&attributes, &none) |
			 posix_spawnattr_setsigdefault(&attributes, &all) |
			 posix_spawnattr_setflags(&attributes,
						  POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		if (failed == 0)
			failed = posix_spawn(&child->pid, argv[0], &actions, &attributes,
					     (char *const *)(uintptr_t)argv, environ);
		(void)posix_spawnattr_destroy(&attributes);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	errno = failed;
	return failed ? fail_sys(err, "start '%s'", argv[0]) : 0;
}

int child_start(struct child *child, const char *const *argv, struct oci_error *err)
{
	int out[2] = { -1, -1 }, errors[2] = { -1, -1 }, result = -1;

	*child = (struct child){ .fds = { -1, -1 } };
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		(void)fail_sys(err, "pipe2");
	else
		result = spawn(child, argv, (const int[]){ out[1], errors[1] }, err);
	fd_drop(&out[1]);
	fd_drop(&errors[1]);
	child->fds[CHILD_STDOUT] = out[0];
	child->fds[CHILD_STDERR] = errors[0];
	if (result < 0)
		child_stop(child);
	return result;
}

void child_stop(struct child *child)
{
	if (child->pid > 0) {
		(void)kill(child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (int i = 0; i < CHILD_STREAMS; i++) {
		if (child->pid > 0 || child->fds[i] > 0)
			fd_drop(&child->fds[i]);
		heap_drop(&child->buffer[i].text);
	}
	*child = (struct child){ .fds = { -1, -1 } };
}

/* A line that is whole, or the rest at the end. */
static bool take_line(struct child *child, size_t limit, enum child_stream stream,
		      struct child_line *line)
{
	char *text = child->buffer[stream].text;
	size_t used = child->buffer[stream].used, taken = child->buffer[stream].taken;
	char *newline;

	if (taken > 0) {
		memmove(text, text + taken, used - taken);
		used = child->buffer[stream].used = used - taken;
		child->buffer[stream].taken = 0;
	}
	newline = used > 0 ? memchr(text, '\n', used) : NULL;
	line->stream = stream;
	line->text = text;
	line->size = newline ? (size_t)(newline - text) : used;
	if (line->size > limit) {
		line->size = limit;
		newline = NULL;
	}
	if (!newline && line->size < limit && (child->fds[stream] >= 0 || used == 0))
		return false;
	child->buffer[stream].taken = line->size + (newline ? 1 : 0);
	return true;
}

static int fill(struct child *child, size_t limit, enum child_stream stream, struct oci_error *err)
{
	size_t room = limit + 1, used = child->buffer[stream].used;
	ssize_t got;

	if (child->buffer[stream].room < room) {
		char *grown = realloc(child->buffer[stream].text, room);

		if (!grown)
			return fail_code(err, "out-of-memory", "no memory for a line");
		child->buffer[stream].text = grown;
		child->buffer[stream].room = room;
	}
	got = read(child->fds[stream], child->buffer[stream].text + used, room - used);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got <= 0)
		fd_drop(&child->fds[stream]);
	else
		child->buffer[stream].used += (size_t)got;
	return 0;
}

enum child_news child_read(struct child *child, size_t limit, int timeout_ms,
			   struct child_line *line, struct oci_error *err)
{
	for (;;) {
		struct pollfd ends[CHILD_STREAMS];
		int ready;

		for (int i = 0; i < CHILD_STREAMS; i++) {
			if (take_line(child, limit, (enum child_stream)i, line))
				return CHILD_LINE;
			ends[i] = (struct pollfd){ .fd = child->fds[i], .events = POLLIN };
		}
		if (child->fds[CHILD_STDOUT] < 0 && child->fds[CHILD_STDERR] < 0)
			return CHILD_END;
		ready = poll(ends, CHILD_STREAMS, timeout_ms);
		if (ready < 0 && errno != EINTR)
			return fail_sys(err, "poll");
		if (ready <= 0)
			return CHILD_NOTHING;
		for (int i = 0; i < CHILD_STREAMS; i++)
			if (ends[i].revents && fill(child, limit, (enum child_stream)i, err) < 0)
				return CHILD_FAILED;
	}
}

enum child_news child_wait(struct child *child, int timeout_ms, int *status, struct oci_error *err)
{
	auto_fd fd = sys_pidfd_open(child->pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };
	pid_t ended;

	if (fd < 0)
		return fail_sys(err, "pidfd_open");
	if (poll(&end, 1, timeout_ms) < 0 && errno != EINTR)
		return fail_sys(err, "poll");
	ended = waitpid(child->pid, status, WNOHANG);
	if (ended < 0)
		return fail_sys(err, "waitpid");
	if (ended == 0)
		return CHILD_NOTHING;
	child->pid = 0;
	return CHILD_END;
}
