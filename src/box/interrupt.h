/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For commands that write something for long and would leave half of it: who presses ^C makes them
 * fail, by which they clean up as after any other failure, and then end by the signal.
 */
#ifndef BOX_INTERRUPT_H
#define BOX_INTERRUPT_H

#include "base/error.h"

/* From now on SIGHUP, SIGINT and SIGTERM, but those that the caller ignores, only make
 * interrupt_check() fail. For what never waits but looks there again and again. */
void interrupt_catch(void);

/* -1, code "interrupted", when such a signal has come. */
int interrupt_check(struct oci_error *err);

/* Ends the process by the signal that has come, so that a shell sees it; returns if none has. */
void interrupt_end(void);

#endif
