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

/* START: binds the socket that the container will write to, run->notify_socket. */
int notify_bind(struct run *run, struct oci_error *err);

/* START, after the process was executed: waits for READY=1 or the process's end, whichever comes
 * first, and tells the caller's NOTIFY_SOCKET ("@" means abstract). In a foreground run a child of
 * hull's waits, since hull itself has the container's terminal and signals to serve. */
int notify_relay(struct run *run, struct oci_error *err);

#endif
