/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The caller's standard streams connected to a container's, through conmon's socket: packets, of
 * which those from conmon begin with a byte that says the stream.
 */
#ifndef BOX_ATTACH_H
#define BOX_ATTACH_H

#include <stdbool.h>

#include "box/detach_keys.h"
#include "box/record.h"

/* Connects. A container that was created and not yet started misses no output then. */
int attach_connect(const struct box_record *record, struct oci_error *err);

/* Signals that would end or stop the caller, and SIGWINCH: held back from now on, to be read from
 * this fd. Before the container begins, so that none is lost: those that came until then cancel it
 * (interrupt_watch()). */
int attach_hold_signals(struct oci_error *err);

struct attach {
	const struct box_home *home;
	const struct box_record *record;
	int socket;	  /* of attach_connect() */
	int signals;	  /* of attach_hold_signals() */
	bool terminal;	  /* the container has one */
	bool interactive; /* the standard input goes to it */
	struct detach_keys keys;
};

enum attach_end { ATTACH_FAILED = -1, ATTACH_ENDED = 0, ATTACH_DETACHED = 1 };

/* Until the container's streams end, or the keys that leave a terminal. Signals go to the
 * container's process; the size of the caller's terminal becomes that of the container's. The
 * caller's terminal is as it was afterwards. */
enum attach_end attach_run(const struct attach *attach, struct oci_error *err);

/* Ends whoever is connected to a monitor, given by its pidfd: one who takes nothing of what it
 * sends keeps it from seeing the container's end. True when there was one; a monitor that this
 * process may not reach into (Yama) is killed instead, with its record of how the container ended.
 */
bool attach_cut_off(int monitor);

#endif
