/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/net_device.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/netlink.h"
#include "steps/net_address.h"

/* Newer than the headers may be: Linux 6.15, and IFLA_NEW_IFINDEX of 5.13. */
#define LINK_NETNS_IMMUTABLE 67
#define LINK_NEW_IFINDEX 49

/* How many indices in the container's namespace are tried; they are counted up from the host's. */
enum { INDEX_TRIES = 10000 };

/* How often somebody else may be faster. */
enum { TRIES = 10 };

struct link {
	uint32_t index;
	char name[IFNAMSIZ];
	char kind[32];	 /* "veth", "bridge"; "" for hardware */
	uint32_t flags;	 /* IFF_... */
	uint32_t master; /* the bridge that it is a port of, or 0 */
	bool immutable;	 /* it can't leave its namespace */
};

struct moved {
	struct link host; /* as it was */
	uint32_t inside;  /* its index in the container, or 0: not moved */
	struct net_addresses addresses;
};

struct net_move {
	struct netlink outside, inside; /* sockets in hull's and in the container's namespace */
	int outside_ns, inside_ns;	/* the namespaces themselves */
	struct moved *moved;
	size_t n;
};

/* --- Links --- */

static void read_kind(struct netlink_bytes info, struct link *link)
{
	struct netlink_attribute attribute;

	while (netlink_next_attribute(&info, &attribute))
		if (attribute.type == IFLA_INFO_KIND)
			(void)netlink_text(&attribute, link->kind, sizeof(link->kind));
}

static int read_link(void *ctx, uint16_t type, struct netlink_bytes content, struct oci_error *err)
{
	struct link *link = ctx;
	struct netlink_attribute attribute;
	struct ifinfomsg fixed;

	if (type != RTM_NEWLINK || !netlink_take(&content, &fixed, sizeof(fixed)))
		return fail(err, "the answer is no interface");
	*link = (struct link){ .index = (uint32_t)fixed.ifi_index, .flags = fixed.ifi_flags };
	while (netlink_next_attribute(&content, &attribute)) {
		struct netlink_bytes nested = { .at = attribute.data, .left = attribute.size };

		if (attribute.type == IFLA_IFNAME)
			(void)netlink_text(&attribute, link->name, sizeof(link->name));
		else if (attribute.type == IFLA_MASTER)
			(void)netlink_u32(&attribute, &link->master);
		else if (attribute.type == IFLA_LINKINFO)
			read_kind(nested, link);
		else if (attribute.type == LINK_NETNS_IMMUTABLE)
			link->immutable = attribute.size == 1 && attribute.data[0];
	}
	if (content.broken)
		return fail(err, "the answer about an interface is broken");
	return 0;
}

/* By name where there is one, else by index. Not there: err->num is ENODEV. */
static int link_get(struct netlink *netlink, uint32_t index, const char *name, struct link *link,
		    struct oci_error *err)
{
	struct ifinfomsg fixed = { .ifi_index = (int)index };
	struct netlink_message message;

	netlink_begin(&message, RTM_GETLINK, 0, &fixed, sizeof(fixed));
	if (name)
		netlink_put_text(&message, IFLA_IFNAME, name);
	return netlink_ask(netlink, &message, read_link, link, err);
}

static void begin_change(struct netlink_message *message, uint32_t index, uint32_t set_flags)
{
	struct ifinfomsg fixed = { .ifi_index = (int)index,
				   .ifi_flags = set_flags,
				   .ifi_change = set_flags };

	netlink_begin(message, RTM_NEWLINK, 0, &fixed, sizeof(fixed));
}

static int link_up(struct netlink *netlink, uint32_t index, struct oci_error *err)
{
	struct netlink_message message;

	begin_change(&message, index, IFF_UP);
	return netlink_ask(netlink, &message, NULL, NULL, err);
}

static int link_rename(struct netlink *netlink, uint32_t index, const char *name,
		       struct oci_error *err)
{
	struct netlink_message message;

	begin_change(&message, index, 0);
	netlink_put_text(&message, IFLA_IFNAME, name);
	return netlink_ask(netlink, &message, NULL, NULL, err);
}

/* To the namespace `ns`, where it is to be `name` with the number `new_index`. The kernel moves
 * first and renames then: a failure doesn't mean that it wasn't moved. */
static int link_move(struct netlink *netlink, uint32_t index, int ns, const char *name,
		     uint32_t new_index, struct oci_error *err)
{
	struct netlink_message message;

	begin_change(&message, index, 0);
	netlink_put_u32(&message, IFLA_NET_NS_FD, (uint32_t)ns);
	netlink_put_u32(&message, LINK_NEW_IFINDEX, new_index);
	netlink_put_text(&message, IFLA_IFNAME, name);
	return netlink_ask(netlink, &message, NULL, NULL, err);
}

/* --- What is on the host --- */

static int immutable(const struct link *link, const char *pointer, struct oci_error *err)
{
	return fail_code(err, "unsupported",
			 "%s: '%s'%s%s%s can't leave its network namespace: the kernel doesn't "
			 "allow it for this kind of interface",
			 pointer, link->name, *link->kind ? " (" : "", link->kind,
			 *link->kind ? ")" : "");
}

static int find_one(struct netlink *netlink, const struct plan_net_device *device,
		    struct link *link, struct oci_error *err)
{
	if (link_get(netlink, 0, device->host_name, link, err) < 0) {
		if (err->num == ENODEV)
			return fail(err,
				    "%s: there is no interface '%s' in hull's network namespace",
				    device->pointer, device->host_name);
		return fail_in(err, "%s: look for '%s'", device->pointer, device->host_name);
	}
	if (strcmp(link->name, device->host_name) != 0)
		return fail(err, "%s: '%s' is another name of '%s': use the latter",
			    device->pointer, device->host_name, link->name);
	return link->immutable ? immutable(link, device->pointer, err) : 0;
}

/* The network namespace of a socket; only who has a say over it gets it. (sock_ioctl of
 * net/socket.c) */
static int namespace_of(const struct netlink *netlink, struct oci_error *err)
{
	int ns = ioctl(netlink->fd, SIOCGSKNS);

	return ns < 0 ? fail_sys(err, "ioctl(SIOCGSKNS)") : ns;
}

/* Capabilities count in the user namespace that owns the network namespace, and in those above. */
static int check_authority(const struct netlink *netlink, struct oci_error *err)
{
	auto_fd ns = namespace_of(netlink, err);

	if (ns >= 0)
		return 0;
	if (err->num != EPERM)
		return -1;
	return fail_code(err, "unsupported",
			 "/linux/netDevices: hull's network namespace belongs to a user namespace "
			 "above hull's own, so that no interface can be moved out of it: run hull "
			 "as root there, or in a network namespace of its own user namespace that "
			 "holds the interface");
}

int net_device_find(struct run *run, struct oci_error *err)
{
	struct netlink netlink;
	struct link link;
	int status;

	TRY(netlink_open(&netlink, err));
	status = check_authority(&netlink, err);
	for (size_t i = 0; status == 0 && i < run->plan->n_net_devices; i++)
		status = find_one(&netlink, &run->plan->net_devices[i], &link, err);
	netlink_close(&netlink);
	return status;
}

/* --- Into the container --- */

static int open_here(struct netlink *netlink, int *ns, struct oci_error *err)
{
	TRY(netlink_open(netlink, err));
	*ns = namespace_of(netlink, err);
	return *ns < 0 ? -1 : 0;
}

/* A socket belongs to the namespace that it was opened in, for good: so PARENT, who has the say
 * over both, is in the container's only for as long as it takes to open one. */
static int open_both(struct run *run, struct net_move *net, struct oci_error *err)
{
	bool joined = run->plan->namespaces[NS_NET].how == NS_JOINED;
	int status;

	TRY(open_here(&net->outside, &net->outside_ns, err));
	if (setns(joined ? run->ns_fd[NS_NET] : run->init_pidfd, CLONE_NEWNET) < 0)
		return fail_sys(err, "setns to the container's network namespace");
	status = open_here(&net->inside, &net->inside_ns, err);
	if (setns(net->outside_ns, CLONE_NEWNET) < 0)
		return fail_sys(err, "setns back to hull's network namespace");
	return status;
}

static int check_free(struct netlink *inside, const char *name, struct oci_error *err)
{
	struct link link;

	if (link_get(inside, 0, name, &link, err) < 0)
		return err->num == ENODEV ? 0 : -1;
	err->num = EEXIST;
	return -1;
}

/* The number that it has on the host, or the next one that is free: so that it is known by it
 * inside, whatever its name becomes. */
static int free_index(struct netlink *inside, uint32_t index, struct oci_error *err)
{
	struct link link;

	for (int i = 0; i < INDEX_TRIES && index < INT32_MAX; i++, index++) {
		if (link_get(inside, index, NULL, &link, err) == 0)
			continue;
		return err->num == ENODEV ? (int)index : -1;
	}
	return fail(err, "no free index in the container's network namespace");
}

static int explain(const struct plan_net_device *device, const struct link *link,
		   struct oci_error *err)
{
	if (err->num == EEXIST)
		return fail_code(err, "net-device-name",
				 "%s: the container's network namespace has an interface '%s' "
				 "already, or one with another name that '%s' has, too: choose a "
				 "name, one that ends in \"%%d\" is made unique",
				 device->pointer, device->name, device->host_name);
	if (err->num == EINVAL)
		return immutable(link, device->pointer, err);
	return fail_in(err, "%s: move '%s' to the container's network namespace as '%s'",
		       device->pointer, device->host_name, device->name);
}

/* Whether a move that failed left it where it was: it may have failed at the name, behind that. */
static bool is_still(struct netlink *netlink, const struct link *link)
{
	struct oci_error ignored = { 0 };
	struct link now;

	return link_get(netlink, link->index, NULL, &now, &ignored) == 0 &&
	       strcmp(now.name, link->name) == 0;
}

/* In a joined namespace others may take the index that was free: then the next one is tried. */
static int move_as(struct net_move *net, struct moved *moved, const char *name,
		   struct oci_error *err)
{
	int index = (int)moved->host.index;

	for (int i = 0; i < TRIES; i++, index++) {
		index = free_index(&net->inside, (uint32_t)index, err);
		TRY(index);
		moved->inside = (uint32_t)index;
		if (link_move(&net->outside, moved->host.index, net->inside_ns, name, moved->inside,
			      err) == 0)
			return 0;
		if (!is_still(&net->outside, &moved->host))
			return -1;
		moved->inside = 0;
		if (err->num != EBUSY)
			return -1;
	}
	return -1;
}

/* Where the kernel looks for a free number the interface's own name counts, too: so one that is to
 * be numbered first gets a name that is nobody's. */
static int move_one(struct net_move *net, struct moved *moved, const struct plan_net_device *device,
		    struct oci_error *err)
{
	if (!device->numbered) {
		TRY(check_free(&net->inside, device->name, err));
		return move_as(net, moved, device->name, err);
	}
	TRY(move_as(net, moved, "hull%d", err));
	return link_rename(&net->inside, moved->inside, device->name, err);
}

/* Before it is up, so that nothing is ever sent without an address. */
static int set_up(struct net_move *net, const struct moved *moved, struct oci_error *err)
{
	struct link link;

	TRY(link_get(&net->inside, moved->inside, NULL, &link, err));
	TRY(net_addresses_set(&moved->addresses, &net->inside, moved->inside, moved->host.name,
			      link.name, true, err));
	if (link_up(&net->inside, moved->inside, err) < 0)
		return fail_in(err, "set it up");
	return 0;
}

static int move_and_set_up(struct net_move *net, struct moved *moved,
			   const struct plan_net_device *device, struct oci_error *err)
{
	TRY(find_one(&net->outside, device, &moved->host, err));
	if (net_addresses_read(&moved->addresses, &net->outside, moved->host.index, err) < 0)
		return fail_in(err, "%s: '%s'", device->pointer, device->host_name);
	if (move_one(net, moved, device, err) < 0)
		return explain(device, &moved->host, err);
	if (set_up(net, moved, err) < 0)
		return fail_in(err, "%s: '%s' in the container", device->pointer, device->name);
	return 0;
}

static struct net_move *new_move(size_t n)
{
	struct net_move *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	net->outside.fd = net->inside.fd = net->outside_ns = net->inside_ns = -1;
	net->moved = calloc(n, sizeof(*net->moved));
	net->n = net->moved ? n : 0;
	for (size_t i = 0; i < net->n; i++)
		net_addresses_free(&net->moved[i].addresses); /* empty, but for its end */
	return net;
}

int net_device_move(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;

	run->net = new_move(plan->n_net_devices);
	if (!run->net || !run->net->n)
		return fail_code(err, "out-of-memory", "no memory for the network devices");
	TRY(open_both(run, run->net, err));
	for (size_t i = 0; i < plan->n_net_devices; i++)
		TRY(move_and_set_up(run->net, &run->net->moved[i], &plan->net_devices[i], err));
	return 0;
}

/* --- And back --- */

/* Under its old number and name, both of which can have been taken meanwhile. Returns its number on
 * the host, or 0. */
static uint32_t move_back(struct net_move *net, const struct moved *moved)
{
	struct oci_error ignored = { 0 };
	struct link link;

	if (link_move(&net->inside, moved->inside, net->outside_ns, moved->host.name,
		      moved->host.index, &ignored) < 0 &&
	    link_get(&net->inside, moved->inside, NULL, &link, &ignored) == 0) {
		int index = free_index(&net->outside, moved->host.index, &ignored);

		if (index < 0 || link_move(&net->inside, moved->inside, net->outside_ns, "hull%d",
					   (uint32_t)index, &ignored) < 0)
			return 0;
		(void)link_rename(&net->outside, (uint32_t)index, moved->host.name, &ignored);
		return (uint32_t)index;
	}
	return moved->host.index;
}

static void return_one(struct net_move *net, const struct moved *moved)
{
	struct oci_error ignored = { 0 };
	struct netlink_message message;
	struct link link;
	uint32_t index;

	/* Not there: its move was refused, or somebody in the namespace moved or removed it. */
	if (moved->inside == 0 || link_get(&net->inside, moved->inside, NULL, &link, &ignored) < 0)
		return;
	index = move_back(net, moved);
	if (index == 0)
		return;
	if (moved->host.master) {
		begin_change(&message, index, 0);
		netlink_put_u32(&message, IFLA_MASTER, moved->host.master);
		(void)netlink_ask(&net->outside, &message, NULL, NULL, &ignored);
	}
	(void)net_addresses_set(&moved->addresses, &net->outside, index, moved->host.name,
				moved->host.name, false, &ignored);
	if (moved->host.flags & IFF_UP)
		(void)link_up(&net->outside, index, &ignored);
}

void net_device_return(struct run *run)
{
	/* The failure that led here is the one to tell. */
	if (run->net)
		for (size_t i = run->net->n; i-- > 0;)
			return_one(run->net, &run->net->moved[i]);
	net_device_done(run);
}

void net_device_done(struct run *run)
{
	struct net_move *net = run->net;

	if (!net)
		return;
	for (size_t i = 0; i < net->n; i++)
		net_addresses_free(&net->moved[i].addresses);
	netlink_close(&net->outside);
	netlink_close(&net->inside);
	fd_drop(&net->outside_ns);
	fd_drop(&net->inside_ns);
	free(net->moved);
	free(net);
	run->net = NULL;
}
