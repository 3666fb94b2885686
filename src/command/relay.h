/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes between the caller's standard streams and the master of the container's terminal, through
 * two bounded buffers. Nothing here blocks and nothing spins: what can't be written isn't read,
 * and a stream that ended is out of the poll set. foreground.c owns the loop.
 */
#ifndef COMMAND_RELAY_H
#define COMMAND_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/error.h"

struct relay_buffer {
	char data[16384];
	size_t start, end; /* what waits to be written */
};

struct relay {
	int master; /* -1 once the container's side is gone */
	int in;	    /* the standard input, -1 after its end */
	int out;    /* the standard output, -1 when nobody reads it any more */
	struct relay_buffer to_master, to_out;
	bool in_ended;	       /* nothing more comes from the standard input */
	bool owes_end;	       /* the container's side is still to be told of that */
	bool told_in_line;     /* in which mode of its terminal it was told: line by line, or not */
	bool in_paused;	       /* in the background: the terminal isn't ours to read */
	bool raw;	       /* the caller's terminal is in raw mode */
	struct termios cooked; /* as it was */
	bool has_cooked;
	size_t drained; /* bytes read after the process's end */
};

/* Takes the master (which stays the caller's to close) and opens the standard streams for itself,
 * non-blocking where that doesn't touch what others share. */
int relay_open(struct relay *relay, int master, struct oci_error *err);

/* Puts the caller's terminal into raw mode if the standard input is one and this process is in its
 * foreground; copies its size to the container's. Also after SIGCONT. */
void relay_take_terminal(struct relay *relay);

/* Copies the size of the caller's terminal. */
void relay_copy_size(const struct relay *relay);

/* The caller's terminal as it was. Safe in a signal handler; harmless when called again. */
void relay_restore_terminal(struct relay *relay);

/* Fills three poll entries (a negative fd where there is nothing to wait for), and does the work
 * that they report. */
void relay_poll_set(const struct relay *relay, struct pollfd set[3]);
void relay_step(struct relay *relay, const struct pollfd set[3]);

/* After the process ended: takes what is left in the terminal. True when something waits to be
 * written: wait for the last of the poll entries, step, and call again. */
bool relay_drain(struct relay *relay);

/* Restores the terminal, closes what relay_open() opened. */
void relay_close(struct relay *relay);

#endif
