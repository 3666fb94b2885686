/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The standard streams of a command that runs in a container. A file or a terminal of the caller
 * isn't handed on: by /proc/self/fd the container could open it anew, and read what else is in a
 * log, write to what is only to be read, or take the keys that are typed. For those there is a
 * pipe, and this process copies. Pipes, sockets and /dev/null hold nothing else: they are handed
 * on.
 */
#ifndef BOX_EXEC_STREAMS_H
#define BOX_EXEC_STREAMS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { EXEC_STREAMS = 3, EXEC_POLLFDS = 2 * EXEC_STREAMS };

/* What of the caller's the command gets. */
enum exec_streams_kind {
	EXEC_ITS_OWN, /* all as it is: for a program that keeps them to itself */
	EXEC_INPUT,
	EXEC_NO_INPUT, /* the standard input is /dev/null */
	EXEC_NOTHING,  /* all three are /dev/null */
};

/* One that is copied. */
struct exec_copy {
	int from, to; /* -1: there is nothing more to come, or nobody who takes it */
	bool owns_to; /* `to` is the pipe's end, else one of this process's own */
	size_t begin, end;
	char data[65536];
};

struct exec_streams {
	int given[EXEC_STREAMS]; /* what becomes the command's 0, 1, 2 */
	bool owned[EXEC_STREAMS];
	struct exec_copy *copies; /* EXEC_STREAMS of them */
	int failed;		  /* errno of the first write to the caller's that failed */
};

/* Makes the pipes. Close with exec_streams_close() also after a failure. */
int exec_streams_open(struct exec_streams *streams, enum exec_streams_kind kind,
		      struct oci_error *err);
void exec_streams_close(struct exec_streams *streams);

/* In the command's process, before execve(2). False with errno. */
bool exec_streams_enter(const struct exec_streams *streams);

/* In the other one, after fork(2): what is the command's alone is closed. */
void exec_streams_begin(struct exec_streams *streams);

/* What to wait for (always EXEC_POLLFDS of them, some -1), and what to do when poll(2) returned. */
void exec_streams_wait_for(const struct exec_streams *streams, struct pollfd *set);
void exec_streams_move(struct exec_streams *streams, const struct pollfd *set);

/* When the command has ended: what it wrote. Processes that it left may hold its pipes, and aren't
 * waited for. */
void exec_streams_drain(struct exec_streams *streams);

#endif
