/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the later start command meets INIT: a unix socket in the state directory. INIT has it as an
 * inherited fd, which works across every namespace; the guard is the directory's mode, 0700.
 */
#ifndef STEPS_START_SOCKET_H
#define STEPS_START_SOCKET_H

#include "steps/run.h"

/* PARENT: makes and binds it in the state directory, by short name (sun_path holds 108 bytes). */
int start_socket_bind(struct run *run, struct oci_error *err);

/* INIT: listens itself, so that the peer's pid is INIT's. Before create returns: whoever connects
 * from then on waits instead of being refused. */
int start_socket_listen(struct run *run, struct oci_error *err);

/* INIT: waits for a start command that says "start" (one that hangs up before is forgotten);
 * run->channel is then the connection. */
int start_socket_wait(struct run *run, struct oci_error *err);

/* START: connects, checks that the peer is the INIT of state.json, waits for its greeting. */
int start_socket_connect(struct run *run, struct oci_error *err);

#endif
