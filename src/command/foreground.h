/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `run` without --detach: hull stands between its caller and the container's process. Signals are
 * passed on, a terminal is relayed, the exit status is handed back. Nothing here is about making
 * containers.
 */
#ifndef COMMAND_FOREGROUND_H
#define COMMAND_FOREGROUND_H

#include <stdbool.h>

#include "sequence/sequence.h"

/* Blocks the signals that will be passed on, so that none is lost between the start of the
 * process and foreground_wait(). To be called before sequence_run() or sequence_exec(). */
int foreground_prepare(struct oci_error *err);

/* The size of the caller's terminal, if one of fds 0 to 2 is one. */
bool foreground_window(unsigned short *rows, unsigned short *columns);

/* After sequence_run() or sequence_exec() has failed with err: -1; or, where a signal asks hull to
 * end (steps/interrupt.h), tells err and returns 128 + the signal, as if the process had been there
 * already and had been killed by it. */
int foreground_fail_or_end(const struct oci_error *err);

/* Passes signals and terminal on until started->pid has ended, and reaps it. Returns its exit
 * status, or 128 + the signal that killed it. Closes what `started` holds. The caller's terminal
 * is as it was before on every way out. Signals no longer interrupt (steps/interrupt.h). */
int foreground_wait(struct started *started, struct oci_error *err);

#endif
