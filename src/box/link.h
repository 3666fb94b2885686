/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Interfaces and routes of the network namespace that hullbox is in: what is to be known before a
 * bridge is made, and removing what plugins left.
 */
#ifndef BOX_LINK_H
#define BOX_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A range of IPv4 addresses, in the host's byte order. */
struct subnet {
	uint32_t address;
	unsigned prefix;
};

/* Whether an interface of that name is there. */
bool link_is_there(const char *name);

/* Removes an interface; one that isn't there is no error. */
int link_remove(const char *name, struct oci_error *err);

/* Removes a bridge to which nothing is attached; one that has something is left, which is no error.
 * *removed (may be NULL) says whether it is gone. */
int link_remove_bridge(const char *name, bool *removed, struct oci_error *err);

/* Whether the interface `name` is attached to the bridge. */
int link_is_attached(const char *name, const char *bridge, bool *attached, struct oci_error *err);

/* Gives to *ranges (heap) the ranges of addresses that the host has routes to, without its default
 * routes and those through the interface `except`; the range of addresses that this one has itself
 * goes to *own, prefix 0 when it has none. */
int link_routes(const char *except, struct subnet **ranges, size_t *n, struct subnet *own,
		struct oci_error *err);

/* The first of 256 ranges of 4094 addresses in 10.91.0.0 to 10.106.255.255 that no used one
 * overlaps, beginning with number `start`. False when there is none. */
bool subnet_pick(const struct subnet *used, size_t n, unsigned start, struct subnet *found);

bool subnet_overlaps(const struct subnet *a, const struct subnet *b);

/* "10.91.0.0/20" */
void subnet_print(const struct subnet *range, char text[32]);

#endif
