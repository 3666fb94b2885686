/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Interfaces of the host that move into the container's network namespace, new or joined. All of it
 * is PARENT's: INIT has no privilege over the host's network. Nothing is moved back when the
 * container ends: that is the kernel's, or the owner's of the namespace.
 */
#ifndef STEPS_NET_DEVICE_H
#define STEPS_NET_DEVICE_H

#include "steps/run.h"

/* PARENT, changes nothing: every interface is there, under its own name and no other name of it,
 * and of a kind that can be moved; hull has a say over the network namespace that it runs in. */
int net_device_find(struct run *run, struct oci_error *err);

/* PARENT, once INIT exists: moves and renames each, gives it its permanent addresses of global
 * scope again, and sets it up. Until net_device_done() the sockets in run->net keep the container's
 * network namespace alive, whatever becomes of INIT. */
int net_device_move(struct run *run, struct oci_error *err);

/* PARENT: those that were moved come back to the host with their names, addresses, bridges and
 * states. */
void net_device_return(struct run *run);

/* Lets go of run->net. Accepts a run without. */
void net_device_done(struct run *run);

#endif
