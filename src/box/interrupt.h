/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For commands that write something for long and would leave half of it: who presses ^C makes them
 * fail, by which they clean up as after any other failure, and then end by the signal.
 */
#ifndef BOX_INTERRUPT_H
#define BOX_INTERRUPT_H

#include "base/error.h"

/* From now on SIGHUP, SIGINT and SIGTERM, but those that the caller ignores, only make
 * interrupt_check() fail. For what looks there again and again, and waits with interrupt_lock(). */
void interrupt_catch(void);

/* The same with these and SIGQUIT that are held back (attach.h): they are for the container as soon
 * as there is one, and cancel it until interrupt_unwatch(). What waits for locks to clean up calls
 * that first. */
void interrupt_watch(void);
void interrupt_unwatch(void);

/* -1, code "interrupted", when such a signal has come. */
int interrupt_check(struct oci_error *err);

/* flock(), which waits unless `how` says otherwise, or until such a signal comes. */
int interrupt_lock(int fd, int how, struct oci_error *err);

/* Waits until there is something to read, or such a signal comes. */
int interrupt_wait(int fd, struct oci_error *err);

/* Ends the process by the signal that has come, so that a shell sees it; returns if none has. */
void interrupt_end(void);

#endif
