/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * NOTIFY_SOCKET (sd_notify(3)): the container gets a socket of hull's in a directory of its own,
 * and hull passes READY=1 on with MAINPID, instead of giving the service manager's socket away.
 */
#ifndef STEPS_NOTIFY_H
#define STEPS_NOTIFY_H

#include "steps/run.h"

/* PARENT: makes the directory in the state directory, and a detached clone of it. */
int notify_prepare(struct run *run, struct oci_error *err);
/* Undo: removes the directory. */
void notify_undo(struct run *run);

/* INIT, before the pivot: attaches the clone at PLAN_NOTIFY_INSIDE. */
int notify_attach(struct run *run, struct oci_error *err);

/* START: binds the socket that the container will write to. Returns it. */
int notify_bind(int state_dir, struct oci_error *err);

/* START, after the process was executed: waits for READY=1 or the process's end, whichever comes
 * first, and tells it to the socket `address` (NOTIFY_SOCKET's value, "@" means abstract). */
int notify_relay(int sock, int init_pidfd, pid_t init_pid, const char *address,
		 struct oci_error *err);

#endif
