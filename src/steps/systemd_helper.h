/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The helper program hull-systemd as a process of PARENT's: found, started, asked, ended. What it
 * is asked is steps/systemd.c. It inherits /dev/null as its standard streams, its socket, and the
 * addresses of the buses; it dies with hull.
 */
#ifndef STEPS_SYSTEMD_HELPER_H
#define STEPS_SYSTEMD_HELPER_H

#include "base/error.h"
#include "systemd/message.h"

#include <sys/types.h>

struct systemd_helper {
	int sock, pidfd; /* -1: there is none */
	pid_t pid;
};
#define SYSTEMD_NO_HELPER                                                                          \
	{                                                                                          \
		.sock = -1, .pidfd = -1, .pid = 0                                                  \
	}

/* Milliseconds that one answer of systemd may take. Test builds read HULL_SYSTEMD_DEADLINE. */
uint32_t systemd_deadline(uint32_t usual);
enum {
	SYSTEMD_DEADLINE_MS =
		60 * 1000, /* a host that starts hundreds of units at once takes long */
	SYSTEMD_END_MS = 30 * 1000,
	SYSTEMD_UNDO_MS = 5 * 1000, /* something went wrong already, perhaps just this */
};

/* Starts it. Not installed, or not to be trusted: code "systemd-missing". */
int systemd_helper_start(struct systemd_helper *helper, struct oci_error *err);

/* One question, its deadline included. Properties of the reply are in the arena, which may be NULL
 * where none are expected. What the helper refuses is err with its words; one that
 * died, or keeps silent beyond the deadline, is code "systemd-failed" or "timeout", and it is
 * ended. */
int systemd_helper_ask(struct systemd_helper *helper, const struct systemd_request *request,
		       struct systemd_reply *reply, struct arena *arena, struct oci_error *err);

/* Waits until it has ended by itself, as it does after its last answer; ends it if it doesn't. */
void systemd_helper_end(struct systemd_helper *helper);

/* Kills it, and waits until it is gone. Accepts that there is none. */
void systemd_helper_kill(struct systemd_helper *helper);

#endif
