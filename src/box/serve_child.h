/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A program whose output is read as it comes, line by line, for as long as somebody wants it:
 * `hull top`, `hullbox logs -f`.
 */
#ifndef BOX_SERVE_CHILD_H
#define BOX_SERVE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum child_stream { CHILD_STDOUT, CHILD_STDERR, CHILD_STREAMS };

struct child_line {
	enum child_stream stream;
	const char *text; /* without the newline; lives until the next call */
	size_t size;
};

struct child {
	pid_t pid;
	int fds[CHILD_STREAMS]; /* -1: at its end */
	struct {
		char *text;
		size_t used, room, taken;
	} buffer[CHILD_STREAMS];
};

enum child_news { CHILD_FAILED = -1, CHILD_NOTHING, CHILD_LINE, CHILD_END };

/* Starts argv[0], a path; its standard input is empty. To be ended by child_stop(). */
int child_start(struct child *child, const char *const *argv, struct oci_error *err);

/* The next line, waited for at most `timeout_ms`. A line of more than limit bytes is cut in pieces
 * of that size. At the end the last piece comes without a newline, and then CHILD_END. */
enum child_news child_read(struct child *child, size_t limit, int timeout_ms,
			   struct child_line *line, struct oci_error *err);

/* How it ended, as waitpid() says it, waited for at most `timeout_ms`: CHILD_END, or CHILD_NOTHING
 * while it lives. For after child_read()'s CHILD_END, once. */
enum child_news child_wait(struct child *child, int timeout_ms, int *status, struct oci_error *err);

/* Ends it, if it lives, and waits for it. Accepts one that was stopped, or zeroed. */
void child_stop(struct child *child);

#endif
