/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/net_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linux 5.18; the headers may be older. */
#define ADDRESS_PROTO 11 /* IFA_PROTO */

/* A list changes while it is read: how often that may be. */
enum { TRIES = 10 };

struct net_address {
	struct net_address *next;
	struct ifaddrmsg fixed;
	uint32_t flags; /* IFA_F_..., all of them */
	size_t size;
	unsigned char attributes[];
};

struct reading {
	struct net_addresses *addresses;
	uint32_t index;
};

static uint32_t flags_of(const struct ifaddrmsg *fixed, struct netlink_bytes attributes)
{
	uint32_t flags = fixed->ifa_flags;
	struct netlink_attribute attribute;

	while (netlink_next_attribute(&attributes, &attribute))
		if (attribute.type == IFA_FLAGS)
			(void)netlink_u32(&attribute, &flags);
	return flags;
}

/* The kernel puts a new IPv6 address before those of the same scope, any other behind them. */
static void hang_on(struct net_addresses *addresses, struct net_address *address)
{
	if (address->fixed.ifa_family == AF_INET6) {
		address->next = addresses->first;
		addresses->first = address;
		if (!address->next)
			addresses->end = &address->next;
		return;
	}
	address->next = NULL;
	*addresses->end = address;
	addresses->end = &address->next;
}

static int read_one(void *ctx, uint16_t type, struct netlink_bytes content, struct oci_error *err)
{
	struct reading *reading = ctx;
	struct net_address *address;
	struct ifaddrmsg fixed;

	if (type != RTM_NEWADDR || !netlink_take(&content, &fixed, sizeof(fixed)))
		return fail(err, "an answer is no address");
	if (fixed.ifa_index != reading->index)
		return 0;
	address = malloc(sizeof(*address) + content.left);
	if (!address)
		return fail_code(err, "out-of-memory", "no memory for an address");
	address->fixed = fixed;
	address->flags = flags_of(&fixed, content);
	address->size = content.left;
	memcpy(address->attributes, content.at, content.left);
	hang_on(reading->addresses, address);
	return 0;
}

int net_addresses_read(struct net_addresses *addresses, struct netlink *netlink, uint32_t index,
		       struct oci_error *err)
{
	struct reading reading = { addresses, index };
	struct ifaddrmsg fixed = { .ifa_index = index };
	struct netlink_message message;

	for (int i = 0; i < TRIES; i++) {
		net_addresses_free(addresses);
		netlink_begin(&message, RTM_GETADDR, NLM_F_DUMP, &fixed, sizeof(fixed));
		if (netlink_ask(netlink, &message, read_one, &reading, err) == 0)
			return 0;
		if (err->num != EAGAIN)
			break;
	}
	return fail_in(err, "read its addresses");
}

void net_addresses_free(struct net_addresses *addresses)
{
	while (addresses->first) {
		struct net_address *next = addresses->first->next;

		free(addresses->first);
		addresses->first = next;
	}
	addresses->end = &addresses->first;
}

/* An IPv4 address's label is the interface's name, or that and something behind a colon. */
static void put_label(struct netlink_message *message, const struct netlink_attribute *label,
		      const char *old_name, const char *name)
{
	size_t length = strlen(old_name);
	char text[IFNAMSIZ], renamed[2 * IFNAMSIZ];

	if (!netlink_text(label, text, sizeof(text)) || strcmp(text, old_name) == 0)
		return; /* the kernel gives it the name */
	if (strncmp(text, old_name, length) != 0 || text[length] != ':') {
		netlink_put_text(message, IFA_LABEL, text);
		return;
	}
	(void)snprintf(renamed, sizeof(renamed), "%s%s", name, text + length);
	if (strlen(renamed) < IFNAMSIZ)
		netlink_put_text(message, IFA_LABEL, renamed);
}

/* What can be asked for. NODAD: this interface has been through duplicate address detection on this
 * very link, and a process that binds to the address at once must not meet a tentative one. */
static uint32_t flags_to_set(const struct net_address *address)
{
	uint32_t kept = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
			IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
	uint32_t flags = address->flags & kept;

	if (address->fixed.ifa_family == AF_INET6 &&
	    !(address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		flags |= IFA_F_NODAD;
	return flags;
}

static void build(struct netlink_message *message, const struct net_address *address,
		  uint32_t index, const char *old_name, const char *name)
{
	struct netlink_bytes attributes = { .at = address->attributes, .left = address->size };
	struct ifaddrmsg fixed = { .ifa_family = address->fixed.ifa_family,
				   .ifa_prefixlen = address->fixed.ifa_prefixlen,
				   .ifa_scope = address->fixed.ifa_scope,
				   .ifa_index = index };
	struct netlink_attribute attribute;

	netlink_begin(message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &fixed, sizeof(fixed));
	netlink_put_u32(message, IFA_FLAGS, flags_to_set(address));
	while (netlink_next_attribute(&attributes, &attribute)) {
		switch (attribute.type) {
		case IFA_LABEL:
			put_label(message, &attribute, old_name, name);
			break;
		case IFA_ADDRESS: /* the peer's, where there is one */
		case IFA_LOCAL:
		case IFA_BROADCAST:
		case IFA_CACHEINFO: /* lifetimes: also a permanent one can be deprecated */
		case IFA_RT_PRIORITY:
		case ADDRESS_PROTO:
			netlink_put(message, attribute.type, attribute.data, attribute.size);
			break;
		default:
			break;
		}
	}
}

/* For an error: as people write it. */
static void show(const struct net_address *address, char text[INET6_ADDRSTRLEN + 4])
{
	struct netlink_bytes attributes = { .at = address->attributes, .left = address->size };
	size_t size = address->fixed.ifa_family == AF_INET ? 4 : 16;
	char bare[INET6_ADDRSTRLEN] = "?";
	struct netlink_attribute attribute;

	while (netlink_next_attribute(&attributes, &attribute))
		if ((attribute.type == IFA_LOCAL ||
		     (attribute.type == IFA_ADDRESS && bare[0] == '?')) &&
		    attribute.size == size)
			(void)inet_ntop(address->fixed.ifa_family, attribute.data, bare,
					sizeof(bare));
	(void)snprintf(text, INET6_ADDRSTRLEN + 4, "%s/%u", bare, address->fixed.ifa_prefixlen);
}

static bool is_lasting(const struct net_address *address)
{
	return (address->flags & IFA_F_PERMANENT) && address->fixed.ifa_scope == RT_SCOPE_UNIVERSE;
}

/* Temporary ones (RFC 8981) come from those that they belong to. */
static bool is_made_by_kernel(const struct net_address *address)
{
	return address->fixed.ifa_family == AF_INET6 && (address->flags & IFA_F_TEMPORARY);
}

int net_addresses_set(const struct net_addresses *addresses, struct netlink *netlink,
		      uint32_t index, const char *old_name, const char *name, bool lasting_only,
		      struct oci_error *err)
{
	char text[INET6_ADDRSTRLEN + 4];
	struct netlink_message message;

	for (struct net_address *address = addresses->first; address; address = address->next) {
		if (lasting_only ? !is_lasting(address) : is_made_by_kernel(address))
			continue;
		build(&message, address, index, old_name, name);
		if (netlink_ask(netlink, &message, NULL, NULL, err) == 0 || !lasting_only)
			continue;
		show(address, text);
		return fail_in(err, "give it the address %s%s", text,
			       err->num == EACCES && address->fixed.ifa_family == AF_INET6
				       ? " (is IPv6 disabled in the container's network namespace?)"
				       : "");
	}
	return 0;
}
