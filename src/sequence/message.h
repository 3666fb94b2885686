/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/sequence: one message between the roles. It names the row that it belongs to, so
 * that a message out of step is noticed; a failure carries the sender's error. What comes from INIT
 * is input from a less trusted side: bounded, terminated, control characters removed.
 */
#ifndef SEQUENCE_MESSAGE_H
#define SEQUENCE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct message {
	uint32_t row;
	uint32_t failed;
	int64_t number;
	struct oci_error err;
};

/* Sends; only the used part of the error travels. */
int message_send(int channel, const struct message *message, int fd, struct oci_error *err);

/* The same without an fd for INIT under its seccomp filter: by write(2), which profiles allow
 * sooner than sendmsg(2). Where nobody is left to hear it SIGPIPE ends the sender. */
int message_send_plain(int channel, const struct message *message, struct oci_error *err);

/* As message_receive() by one read(2): nothing else is called. */
int message_receive_plain(int channel, struct message *message, struct oci_error *err);

/* 1: received (complete and cleaned), 0: the other side is gone, -1: err. */
int message_receive(int channel, struct message *message, int *fd, struct oci_error *err);

#endif
