/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The terminal of `hull top`: its alternate screen, keys without newline, and signals as something
 * to wait for, so that whatever ends the command, the terminal is as it was.
 */
#ifndef COMMAND_TOP_SCREEN_H
#define COMMAND_TOP_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "base/error.h"

struct screen {
	bool keys; /* the standard input is a terminal */
	struct termios before;
	sigset_t mask;
	int signals;  /* signalfd */
	int ended_by; /* the signal, or 0 */
};

enum screen_event {
	SCREEN_TIME,   /* it is `until` */
	SCREEN_REDRAW, /* the window has another size, or the command was stopped and goes on */
	SCREEN_END,    /* q, Ctrl-C, or another signal that ends */
};

int screen_open(struct screen *screen, struct oci_error *err);
/* Restores the terminal. A signal that ended it, but for Ctrl-C, then ends this process. */
void screen_close(struct screen *screen);

enum screen_event screen_wait(struct screen *screen, int64_t until);

/* Shows `text`, cut to the window. */
int screen_draw(const char *text, struct oci_error *err);

#endif
