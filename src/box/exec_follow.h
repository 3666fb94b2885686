/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull exec` as a child, whose failure is told from the command's: hull's exit status 255 may be
 * either, so it is asked to write its own errors down.
 */
#ifndef BOX_EXEC_FOLLOW_H
#define BOX_EXEC_FOLLOW_H

#include "base/error.h"
#include "box/exec_streams.h"

/* A file in memory that hull finds by `path`. */
struct exec_log {
	int fd;
	char path[64];
};

int exec_log_open(struct exec_log *log, struct oci_error *err);
void exec_log_close(struct exec_log *log);

/* Runs hull with these words in this process's group, with such streams, passes signals on, and
 * waits. Returns the command's exit status, 128 + N when signal N ended it; where hull itself
 * failed, which has been said on the standard error, 125, 126 or 127 (container_failure_status()).
 * If this process is killed, hull is, too. */
int exec_follow(char **argv, enum exec_streams_kind kind, const struct exec_log *log,
		struct oci_error *err);

#endif
