/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/link.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/netlink.h"

/* A list that changes while it is read is read again, so often. */
enum { TRIES = 50 };

/* --- One question --- */

static int ask(struct netlink_message *message, netlink_each *each, void *ctx,
	       struct oci_error *err)
{
	struct netlink netlink;
	int result;

	TRY(netlink_open(&netlink, err));
	result = netlink_ask(&netlink, message, each, ctx, err);
	netlink_close(&netlink);
	return result;
}

bool link_is_there(const char *name)
{
	return if_nametoindex(name) != 0;
}

int link_remove(const char *name, struct oci_error *err)
{
	struct ifinfomsg fixed = { .ifi_family = AF_UNSPEC,
				   .ifi_index = (int)if_nametoindex(name) };
	struct netlink_message message;
	int result;

	if (fixed.ifi_index == 0)
		return 0;
	netlink_begin(&message, RTM_DELLINK, 0, &fixed, sizeof(fixed));
	result = ask(&message, NULL, NULL, err);
	if (result < 0 && err->num == ENODEV) {
		*err = (struct oci_error){ 0 };
		return 0;
	}
	return result < 0 ? fail_in(err, "remove the interface '%s'", name) : 0;
}

/* --- Bridges --- */

struct attached {
	uint32_t bridge; /* its index */
	int link;	 /* 0: any */
	bool found;
};

static int see_link(void *ctx, uint16_t type, struct netlink_bytes content, struct oci_error *err)
{
	struct attached *attached = ctx;
	struct netlink_attribute attribute;
	struct ifinfomsg fixed;
	uint32_t master;

	if (type != RTM_NEWLINK)
		return 0;
	if (!netlink_take(&content, &fixed, sizeof(fixed)))
		return fail(err, "netlink: an interface is broken");
	while (netlink_next_attribute(&content, &attribute))
		if (attribute.type == IFLA_MASTER && netlink_u32(&attribute, &master) &&
		    master == attached->bridge &&
		    (!attached->link || attached->link == fixed.ifi_index))
			attached->found = true;
	return 0;
}

static int find_attached(struct attached *attached, struct oci_error *err)
{
	struct ifinfomsg fixed = { .ifi_family = AF_UNSPEC };
	struct netlink_message message;
	int result = -1;

	for (int i = 0; i < TRIES && result < 0; i++) {
		attached->found = false;
		*err = (struct oci_error){ 0 };
		netlink_begin(&message, RTM_GETLINK, NLM_F_DUMP, &fixed, sizeof(fixed));
		result = ask(&message, see_link, attached, err);
		if (result < 0 && err->num != EAGAIN)
			break;
	}
	return result < 0 ? fail_in(err, "list the host's interfaces") : 0;
}

int link_is_attached(const char *name, const char *bridge, bool *attached, struct oci_error *err)
{
	struct attached search = { .bridge = if_nametoindex(bridge),
				   .link = (int)if_nametoindex(name) };

	*attached = false;
	if (!search.bridge || !search.link)
		return 0;
	TRY(find_attached(&search, err));
	*attached = search.found;
	return 0;
}

int link_remove_bridge(const char *name, bool *removed, struct oci_error *err)
{
	struct attached search = { .bridge = if_nametoindex(name) };

	if (removed)
		*removed = false;
	if (search.bridge) {
		TRY(find_attached(&search, err));
		if (search.found)
			return 0;
		TRY(link_remove(name, err));
	}
	if (removed)
		*removed = true;
	return 0;
}

/* --- Routes and ranges --- */

struct routes {
	uint32_t except; /* an interface's index, 0: none */
	struct subnet *ranges;
	size_t n, room;
	struct subnet own;
};

static int add_range(struct routes *routes, struct subnet range, struct oci_error *err)
{
	if (routes->n == routes->room) {
		size_t room = routes->room ? 2 * routes->room : 32;
		struct subnet *grown = realloc(routes->ranges, room * sizeof(*grown));

		if (!grown)
			return fail_code(err, "out-of-memory", "no memory for the host's routes");
		routes->ranges = grown;
		routes->room = room;
	}
	routes->ranges[routes->n++] = range;
	return 0;
}

static int see_route(void *ctx, uint16_t type, struct netlink_bytes content, struct oci_error *err)
{
	struct routes *routes = ctx;
	struct netlink_attribute attribute;
	struct rtmsg fixed;
	uint32_t value, to = 0, through = 0;

	if (type != RTM_NEWROUTE)
		return 0;
	if (!netlink_take(&content, &fixed, sizeof(fixed)))
		return fail(err, "netlink: a route is broken");
	while (netlink_next_attribute(&content, &attribute)) {
		if (attribute.type == RTA_DST && netlink_u32(&attribute, &value))
			to = ntohl(value);
		else if (attribute.type == RTA_OIF && netlink_u32(&attribute, &value))
			through = value;
	}
	if (fixed.rtm_dst_len == 0 || (routes->except && through == routes->except))
		return 0;
	return add_range(routes, (struct subnet){ to, fixed.rtm_dst_len }, err);
}

static int see_address(void *ctx, uint16_t type, struct netlink_bytes content,
		       struct oci_error *err)
{
	struct routes *routes = ctx;
	struct netlink_attribute attribute;
	struct ifaddrmsg fixed;
	uint32_t value;

	if (type != RTM_NEWADDR)
		return 0;
	if (!netlink_take(&content, &fixed, sizeof(fixed)))
		return fail(err, "netlink: an address is broken");
	while (netlink_next_attribute(&content, &attribute)) {
		if (attribute.type != IFA_ADDRESS || !netlink_u32(&attribute, &value))
			continue;
		/* An interface that is down has no routes, but will have again. */
		if (routes->except && fixed.ifa_index == routes->except)
			routes->own = (struct subnet){ ntohl(value), fixed.ifa_prefixlen };
		else
			TRY(add_range(routes, (struct subnet){ ntohl(value), fixed.ifa_prefixlen },
				      err));
	}
	return 0;
}

static int read_routes(struct routes *routes, struct oci_error *err)
{
	struct rtmsg route = { .rtm_family = AF_INET };
	struct ifaddrmsg address = { .ifa_family = AF_INET };
	struct netlink_message message;

	netlink_begin(&message, RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route));
	TRY(ask(&message, see_route, routes, err));
	netlink_begin(&message, RTM_GETADDR, NLM_F_DUMP, &address, sizeof(address));
	return ask(&message, see_address, routes, err);
}

int link_routes(const char *except, struct subnet **ranges, size_t *n, struct subnet *own,
		struct oci_error *err)
{
	struct routes routes = { .except = if_nametoindex(except) };
	int result = -1;

	for (int i = 0; i < TRIES && result < 0; i++) {
		routes.n = 0;
		routes.own = (struct subnet){ 0 };
		*err = (struct oci_error){ 0 };
		result = read_routes(&routes, err);
		if (result < 0 && err->num != EAGAIN)
			break;
	}
	if (result < 0) {
		free(routes.ranges);
		return fail_in(err, "list the host's routes");
	}
	*ranges = routes.ranges;
	*n = routes.n;
	*own = routes.own;
	return 0;
}

static uint32_t mask_of(unsigned prefix)
{
	return prefix == 0 ? 0 : ~(uint32_t)0 << (32 - (prefix > 32 ? 32 : prefix));
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	uint32_t mask = mask_of(a->prefix < b->prefix ? a->prefix : b->prefix);

	return (a->address & mask) == (b->address & mask);
}

bool subnet_pick(const struct subnet *used, size_t n, unsigned start, struct subnet *found)
{
	for (unsigned i = 0; i < 256; i++) {
		struct subnet try = {
			(UINT32_C(10) << 24 | UINT32_C(91) << 16) + (((start + i) % 256) << 12), 20
		};
		bool free_one = true;

		for (size_t k = 0; k < n && free_one; k++)
			free_one = !subnet_overlaps(&try, &used[k]);
		if (free_one) {
			*found = try;
			return true;
		}
	}
	return false;
}

void subnet_print(const struct subnet *range, char text[32])
{
	uint32_t a = range->address & mask_of(range->prefix);

	(void)snprintf(text, 32, "%u.%u.%u.%u/%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255,
		       range->prefix);
}
