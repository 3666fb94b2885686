/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's loopback and the programs of user_net.h: those open connections from the host to
 * whatever address a packet of the container has, and their own options against that look at the
 * gateway's alone. A container whose kernel keeps 127.0.0.1 to itself still sends a packet there by
 * a socket that is bound to the interface, or a frame that it makes.
 */
#ifndef BOX_TAP_GUARD_H
#define BOX_TAP_GUARD_H

#include <sys/types.h>

#include "base/error.h"

/* Makes the kernel drop what leaves by the tap interface of the program `pid`, whose pidfd is
 * `program`, for 127.0.0.0/8 or 0.0.0.0/8, which is the same to connect(2). That goes for as long
 * as the program has the interface, and nobody in the container can undo it. IPv6 isn't looked at:
 * the programs are told not to speak it. */
int tap_guard(int program, pid_t pid, struct oci_error *err);

#endif
