/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The addresses of an interface, of any family: read where it is, and set again where it has come
 * to. The kernel drops them when an interface changes its network namespace.
 */
#ifndef STEPS_NET_ADDRESS_H
#define STEPS_NET_ADDRESS_H

#include "base/netlink.h"

struct net_address;

/* In the order in which they are to be set, so that the kernel's lists come out as they were. */
struct net_addresses {
	struct net_address *first;
	struct net_address **end; /* where the next one is hung on */
};

/* Reads all of the interface `index`. What was read before is forgotten. */
int net_addresses_read(struct net_addresses *addresses, struct netlink *netlink, uint32_t index,
		       struct oci_error *err);

/* Sets them on the interface `index` named `name`, which was `old_name` when they were read.
 * `lasting_only`: permanent ones of global scope, as the specification wants it for a container
 * (config-linux.md, network devices); the first failure ends it. Else all that weren't made by the
 * kernel itself, and failures are passed over: it is an undo. */
int net_addresses_set(const struct net_addresses *addresses, struct netlink *netlink,
		      uint32_t index, const char *old_name, const char *name, bool lasting_only,
		      struct oci_error *err);

void net_addresses_free(struct net_addresses *addresses);

#endif
