/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Signals as people and engines write them: numbers, names with and without SIG in either case,
 * real-time ones as RTMIN+n and RTMAX-n.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>

/* The signal's number, 0 for "0" (which only asks whether the process is there); -1 when `text`
 * is none. */
int signal_parse(const char *text);

/* Its name with SIG into buf ("SIGTERM", "SIGRTMIN+3"); the number in digits when it has none. */
void signal_name(int number, char *buf, size_t size);

/* Whether the caller wants it kept from us (nohup, shells for background jobs). Who blocks such a
 * signal would hear of it all the same: the kernel drops only those that aren't blocked. */
bool signal_is_ignored(int number);

#endif
