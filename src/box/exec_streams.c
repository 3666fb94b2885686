/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/exec_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"

/* Less than a terminal has room for when it says that it has some. */
enum { TERMINAL_PIECE = 1024 };

static bool is_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static bool is_handed_on(const struct stat *st)
{
	return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || is_null(st);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int give_null(struct exec_streams *streams, int stream, struct oci_error *err)
{
	streams->given[stream] = open("/dev/null", stream ? O_WRONLY | O_CLOEXEC : O_CLOEXEC);
	streams->owned[stream] = true;
	return streams->given[stream] < 0 ? fail_sys(err, "open '/dev/null'") : 0;
}

/* This process's end doesn't block; the command's does, as programs expect it. */
static int give_pipe(struct exec_streams *streams, int stream, struct oci_error *err)
{
	struct exec_copy *copy = &streams->copies[stream];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	streams->given[stream] = ends[stream == 0 ? 0 : 1];
	streams->owned[stream] = true;
	copy->from = stream == 0 ? 0 : ends[0];
	copy->to = stream == 0 ? ends[1] : stream;
	copy->owns_to = stream == 0;
	if (fcntl(ends[stream == 0 ? 1 : 0], F_SETFL, O_NONBLOCK) < 0)
		return fail_sys(err, "fcntl");
	return 0;
}

static int give(struct exec_streams *streams, int stream, struct oci_error *err)
{
	struct stat st, output;

	if (fstat(stream, &st) < 0)
		return fail_sys(err, "fstat");
	if (is_handed_on(&st)) {
		streams->given[stream] = stream;
		return 0;
	}
	/* One pipe keeps the order of what goes to one place. */
	if (stream == 2 && streams->owned[1] && fstat(1, &output) == 0 && is_same(&st, &output)) {
		streams->given[2] = streams->given[1];
		return 0;
	}
	return give_pipe(streams, stream, err);
}

int exec_streams_open(struct exec_streams *streams, enum exec_streams_kind kind,
		      struct oci_error *err)
{
	*streams =
		(struct exec_streams){ .copies = calloc(EXEC_STREAMS, sizeof(struct exec_copy)) };
	for (int i = 0; i < EXEC_STREAMS; i++)
		streams->given[i] = i;
	if (!streams->copies)
		return fail_code(err, "out-of-memory", "no memory for the command's streams");
	for (int i = 0; i < EXEC_STREAMS; i++)
		streams->copies[i].from = streams->copies[i].to = -1;
	for (int i = 0; i < EXEC_STREAMS && kind != EXEC_ITS_OWN; i++) {
		bool nothing = kind == EXEC_NOTHING || (i == 0 && kind == EXEC_NO_INPUT);

		TRY(nothing ? give_null(streams, i, err) : give(streams, i, err));
	}
	return 0;
}

static void stop_taking(struct exec_copy *copy)
{
	if (copy->owns_to)
		fd_drop(&copy->to);
	copy->to = -1;
}

static void stop_reading(struct exec_copy *copy)
{
	if (!copy->owns_to) /* then it is a pipe's end, not this process's own input */
		fd_drop(&copy->from);
	copy->from = -1;
}

void exec_streams_begin(struct exec_streams *streams)
{
	for (int i = 0; i < EXEC_STREAMS; i++)
		if (streams->owned[i]) {
			fd_drop(&streams->given[i]);
			streams->owned[i] = false;
		}
}

void exec_streams_close(struct exec_streams *streams)
{
	exec_streams_begin(streams);
	for (int i = 0; streams->copies && i < EXEC_STREAMS; i++) {
		stop_reading(&streams->copies[i]);
		stop_taking(&streams->copies[i]);
	}
	free(streams->copies);
	streams->copies = NULL;
}

bool exec_streams_enter(const struct exec_streams *streams)
{
	for (int i = 0; i < EXEC_STREAMS; i++)
		if (streams->given[i] != i && dup2(streams->given[i], i) < 0)
			return false;
	return true;
}

static bool is_empty(const struct exec_copy *copy)
{
	return copy->begin == copy->end;
}

void exec_streams_wait_for(const struct exec_streams *streams, struct pollfd *set)
{
	for (int i = 0; i < EXEC_STREAMS; i++) {
		const struct exec_copy *copy = &streams->copies[i];

		/* That nobody takes the input any more is told also while there is none. */
		set[2 * i] = (struct pollfd){ is_empty(copy) ? copy->from : -1, POLLIN, 0 };
		set[2 * i + 1] = (struct pollfd){ is_empty(copy) && !copy->owns_to ? -1 : copy->to,
						  is_empty(copy) ? 0 : POLLOUT, 0 };
	}
}

/* True when something came. */
static bool fill(struct exec_copy *copy)
{
	ssize_t size = read(copy->from, copy->data, sizeof(copy->data));

	if (size > 0) {
		copy->begin = 0;
		copy->end = (size_t)size;
		return true;
	}
	if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
		stop_reading(copy);
		stop_taking(copy); /* all that came is through: it is asked only when empty */
	}
	return false;
}

static void empty(struct exec_streams *streams, struct exec_copy *copy)
{
	size_t size = copy->end - copy->begin;
	ssize_t written;

	if (!copy->owns_to && size > TERMINAL_PIECE && isatty(copy->to))
		size = TERMINAL_PIECE;
	written = write(copy->to, copy->data + copy->begin, size);
	if (written >= 0) {
		copy->begin += (size_t)written;
		return;
	}
	if (errno == EAGAIN || errno == EINTR)
		return;
	if (!copy->owns_to && !streams->failed)
		streams->failed = errno;
	stop_reading(copy);
	stop_taking(copy);
	copy->begin = copy->end = 0;
}

void exec_streams_move(struct exec_streams *streams, const struct pollfd *set)
{
	for (int i = 0; i < EXEC_STREAMS; i++) {
		struct exec_copy *copy = &streams->copies[i];
		const struct pollfd *from = &set[2 * i], *to = &set[2 * i + 1];

		if (to->fd >= 0 && (to->revents & POLLERR) && copy->owns_to) {
			stop_reading(copy);
			stop_taking(copy);
			copy->begin = copy->end = 0;
		} else if (to->fd >= 0 && to->revents && !is_empty(copy)) {
			empty(streams, copy);
		} else if (from->fd >= 0 && from->revents) {
			(void)fill(copy);
		}
	}
}

/* As much as there is now, besides what was taken already. */
static void drain(struct exec_streams *streams, struct exec_copy *copy)
{
	int left = 0;

	if (copy->from >= 0 && ioctl(copy->from, FIONREAD, &left) < 0)
		left = 0;
	while (copy->to >= 0) {
		struct pollfd set = { copy->to, POLLOUT, 0 };

		if (is_empty(copy)) {
			if (left <= 0 || !fill(copy))
				return;
			left -= (int)copy->end;
		}
		if (poll(&set, 1, -1) > 0)
			empty(streams, copy);
	}
}

void exec_streams_drain(struct exec_streams *streams)
{
	for (int i = 1; i < EXEC_STREAMS; i++)
		drain(streams, &streams->copies[i]);
}
