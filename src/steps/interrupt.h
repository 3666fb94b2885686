/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Asking `run` to end while the container is still being made, and `exec` while its process enters:
 * a hook or a frozen cgroup may let it wait for ever, and who presses ^C doesn't want to. Signals
 * are blocked then, for the container's process is to get them later; these functions look at those
 * that ask to end (SIGHUP, SIGINT, SIGQUIT, SIGTERM) in places where hull waits. What is cleaned up
 * after that isn't interrupted again.
 */
#ifndef STEPS_INTERRUPT_H
#define STEPS_INTERRUPT_H

#include <poll.h>
#include <stdbool.h>

#include "base/error.h"

/* From now on, in this process but not in its children, such a signal ends interrupt_poll(). But
 * for SIGTERM, what the caller ignores stays ignored. Signals are blocked by the caller already. */
void interrupt_allow(void);

/* No longer: the container's process gets them. */
void interrupt_forbid(void);

/* As poll(2). -1 with errno ECANCELED: a signal asks to end; only once, later ones stay pending.
 * What is ready counts first. */
int interrupt_poll(struct pollfd *polls, nfds_t n, int timeout_ms);

/* The same for who has been told so often enough that something is ready: true, once, when a signal
 * asks to end. */
bool interrupt_came(void);

/* The signal that ended interrupt_poll(), or that waits to while it was allowed; else 0. */
int interrupt_signal(void);

/* Fills err (code "interrupted") with "WHAT: hull was asked to end by signal 15 (Terminated)";
 * returns -1. */
int interrupt_fail(struct oci_error *err, const char *what);

#endif
