/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static size_t waiting(const struct relay_buffer *buffer)
{
	return buffer->end - buffer->start;
}

static bool has_room(const struct relay_buffer *buffer)
{
	return buffer->end < sizeof(buffer->data);
}

/* An open file description of our own: O_NONBLOCK on the caller's would stay behind in its shell,
 * and a blocking one would hold up signals while nobody reads the output. Sockets can't be opened
 * again, and other users' terminals not always: then the caller's serves, after a poll. */
static int open_again(int fd, int flags)
{
	char path[32];
	int own;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* A regular file has an offset that a second description would not share. */
static int open_stream(int fd, int flags)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return open_again(fd, flags);
}

int relay_open(struct relay *relay, int master, struct oci_error *err)
{
	memset(relay, 0, sizeof(*relay));
	relay->master = relay->in = relay->out = -1;
	TRY(fd_set_nonblock(master, 1, err));
	relay->in = open_stream(STDIN_FILENO, O_RDONLY);
	relay->out = open_stream(STDOUT_FILENO, O_WRONLY);
	if (relay->in < 0 || relay->out < 0) {
		(void)fail_sys(err, "duplicate the standard streams");
		relay_close(relay);
		return -1;
	}
	relay->master = master;
	relay->has_cooked = tcgetattr(STDIN_FILENO, &relay->cooked) == 0;
	return 0;
}

void relay_copy_size(const struct relay *relay)
{
	struct winsize size;

	if (relay->master < 0)
		return;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
			/* Fails only when the container's side is gone, which poll tells. */
			(void)ioctl(relay->master, TIOCSWINSZ, &size);
			return;
		}
}

void relay_take_terminal(struct relay *relay)
{
	struct termios raw = relay->cooked;

	relay_copy_size(relay);
	relay->in_paused = false;
	if (!relay->has_cooked)
		return;
	/* Changing a terminal from the background would pull it from under the shell. */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp()) {
		relay->in_paused = true;
		return;
	}
	cfmakeraw(&raw);
	relay->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void relay_restore_terminal(struct relay *relay)
{
	if (!relay->raw)
		return;
	relay->raw = false;
	/* TCSADRAIN would wait for a terminal that is stopped. */
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &relay->cooked);
}

void relay_poll_set(const struct relay *relay, struct pollfd set[3])
{
	bool read_in = relay->in >= 0 && !relay->in_paused && has_room(&relay->to_master);
	bool write_out = relay->out >= 0 && waiting(&relay->to_out);
	short master = 0;

	if (has_room(&relay->to_out))
		master |= POLLIN;
	if (waiting(&relay->to_master) || relay->owes_end)
		master |= POLLOUT;
	set[0] = (struct pollfd){ .fd = master ? relay->master : -1, .events = master };
	set[1] = (struct pollfd){ .fd = read_in ? relay->in : -1, .events = POLLIN };
	set[2] = (struct pollfd){ .fd = write_out ? relay->out : -1, .events = POLLOUT };
}

/* Reads once. False at the end of the stream. */
static bool fill(int fd, struct relay_buffer *buffer)
{
	ssize_t n;

	if (!has_room(buffer))
		return true;
	errno = 0; /* an end is told from an error by it */
	n = read(fd, buffer->data + buffer->end, sizeof(buffer->data) - buffer->end);
	if (n > 0)
		buffer->end += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Writes once. False when the stream takes no more for good. */
static bool flush(int fd, struct relay_buffer *buffer)
{
	/* Where the description is the caller's and blocks, poll promises room for this much. */
	size_t size = waiting(buffer) < 4096 ? waiting(buffer) : 4096;
	ssize_t n;

	if (size == 0)
		return true;
	n = write(fd, buffer->data + buffer->start, size);
	if (n > 0)
		buffer->start += (size_t)n;
	if (buffer->start == buffer->end)
		buffer->start = buffer->end = 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static void drop_out(struct relay *relay)
{
	fd_drop(&relay->out);
	relay->to_out.start = relay->to_out.end = 0;
}

/* A terminal has no end of input but its EOF character. In line mode the first one only hands over
 * a line that has begun, so it takes two. */
static void tell_end_of_input(struct relay *relay)
{
	struct termios inner;
	size_t size;
	cc_t eof[2];

	if (tcgetattr(relay->master, &inner) < 0)
		return; /* its end comes next */
	size = inner.c_lflag & ICANON ? 2 : 1;
	eof[0] = eof[1] = inner.c_cc[VEOF];
	if (write(relay->master, eof, size) < 0)
		return; /* no room: POLLOUT comes again */
	relay->told_in_line = inner.c_lflag & ICANON;
	relay->owes_end = false;
}

/* Programs that edit lines take the terminal out of its line mode, and a waiting EOF character
 * loses its meaning by that: they are told again. Looked at after output, for a prompt follows the
 * change. */
static void notice_mode(struct relay *relay)
{
	struct termios inner;

	if (!relay->in_ended || relay->owes_end || tcgetattr(relay->master, &inner) < 0)
		return;
	relay->owes_end = relay->told_in_line != ((inner.c_lflag & ICANON) != 0);
}

static void step_in(struct relay *relay)
{
	if (fill(relay->in, &relay->to_master))
		return;
	/* Not ours to read while another process group has the terminal. */
	if (relay->has_cooked && errno == EIO && tcgetpgrp(STDIN_FILENO) != getpgrp()) {
		relay->in_paused = true;
		return;
	}
	fd_drop(&relay->in);
	relay->in_ended = relay->owes_end = true;
}

void relay_step(struct relay *relay, const struct pollfd set[3])
{
	if (set[1].revents)
		step_in(relay);
	if (set[0].revents & POLLOUT) {
		if (waiting(&relay->to_master))
			(void)flush(relay->master, &relay->to_master); /* POLLHUP tells the end */
		else if (relay->owes_end)
			tell_end_of_input(relay);
	}
	if (set[0].revents & (POLLIN | POLLHUP | POLLERR)) {
		if (fill(relay->master, &relay->to_out))
			notice_mode(relay);
		else
			relay->master = -1;
	}
	if (set[2].revents && !flush(relay->out, &relay->to_out))
		drop_out(relay);
	/* Nobody reads it: taken and thrown away, for the container must not come to a halt. */
	if (relay->out < 0)
		relay->to_out.start = relay->to_out.end = 0;
}

/* More than the kernel keeps of a terminal's output: processes that outlive the container's own
 * and go on writing can't hold up the end. */
#define DRAIN_LIMIT (128 * 1024)

bool relay_drain(struct relay *relay)
{
	while (relay->master >= 0 && has_room(&relay->to_out)) {
		size_t before = relay->to_out.end;

		/* The kernel brings what is under way to the master before it answers EAGAIN or
		 * EIO, so nothing that was written before the end is lost. */
		if (!fill(relay->master, &relay->to_out) || relay->to_out.end == before ||
		    relay->drained > DRAIN_LIMIT)
			relay->master = -1;
		relay->drained += relay->to_out.end - before;
		if (relay->out < 0)
			relay->to_out.start = relay->to_out.end = 0;
	}
	return relay->out >= 0 && waiting(&relay->to_out);
}

void relay_close(struct relay *relay)
{
	relay_restore_terminal(relay);
	fd_drop(&relay->in);
	fd_drop(&relay->out);
	relay->master = -1;
}
