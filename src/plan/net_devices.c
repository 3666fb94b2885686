/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.netDevices: which interfaces of the host go into the container, under which names. Whether
 * they exist, may be moved and meet a free name there is seen by steps/net_device.c.
 */
#include <linux/capability.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "plan/planner.h"

static bool ends_numbered(const char *name)
{
	size_t length = strlen(name);

	return length >= 2 && strcmp(name + length - 2, "%d") == 0;
}

/* Why the kernel would not take it as the name of an interface; NULL when it would.
 * (dev_valid_name of net/core/dev.c; a "%" is for the caller of the kernel to use) */
static const char *wrong_with(const char *name, bool numbered)
{
	size_t length = strlen(name);

	if (length == 0)
		return "is empty";
	if (length >= IFNAMSIZ)
		return "has more than 15 bytes";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "stands for a directory";
	if (strcspn(name, "/: \t\n\v\f\r") < length)
		return "has a '/', ':' or white space in it";
	if (strcspn(name, "%") < length - (numbered ? 2 : 0))
		return "has a '%' in it, which means something only in a new name that ends in "
		       "\"%d\"";
	return NULL;
}

static int check_names(struct planner *p, const struct plan_net_device *device)
{
	const char *wrong = wrong_with(device->host_name, false);
	const char *pointer;

	if (wrong)
		return planner_refuse(p, PLAN_INVALID, device->pointer,
				      "'%s' is not the name of an interface: it %s",
				      planner_shown(p, device->host_name), wrong);
	if (strcmp(device->host_name, "lo") == 0)
		return planner_refuse(p, PLAN_INVALID, device->pointer,
				      "the loopback can't leave its network namespace");
	if (device->name == device->host_name)
		return 0;
	pointer = arena_printf(&p->plan->arena, "%s/name", device->pointer);
	if (!pointer)
		return 0; /* remembered by the arena */
	wrong = wrong_with(device->name, device->numbered);
	if (wrong)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "'%s' can't be the name of an interface: it %s",
				      planner_shown(p, device->name), wrong);
	if (strcmp(device->name, "lo") == 0)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "each network namespace has a loopback of that name");
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct plan_net_device *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static int check_duplicates(struct planner *p, const struct plan_net_device *list, size_t n)
{
	const struct plan_net_device **sorted = arena_array(&p->plan->arena, n, sizeof(*sorted));

	if (!sorted)
		return 0; /* remembered by the arena */
	for (size_t i = 0; i < n; i++)
		sorted[i] = &list[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 1; i < n; i++)
		if (!sorted[i]->numbered && by_name(&sorted[i - 1], &sorted[i]) == 0)
			TRY(planner_refuse(p, PLAN_INVALID, sorted[i]->pointer,
					   "would be '%s' in the container, as %s would",
					   planner_shown(p, sorted[i]->name),
					   sorted[i - 1]->pointer));
	return 0;
}

/* Moving takes privilege over both namespaces, and INIT's is only over its own: PARENT does it. To
 * enter a new namespace by INIT's pidfd is a kind of ptrace to the kernel. */
static int check_privilege(struct planner *p)
{
	static const struct {
		int number;
		const char *name, *what_for;
		bool only_new;
	} needed[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "to take an interface from the host", false },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to enter the container's network namespace",
		  false },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to enter the container's network namespace",
		  true },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(p->host->capabilities & UINT64_C(1) << needed[i].number) &&
		    (!needed[i].only_new || plan_new_ns(p->plan, NS_NET)))
			return planner_refuse(p, PLAN_HOST, "/linux/netDevices",
					      "hull needs %s %s: run it as root, or leave the "
					      "property out",
					      needed[i].name, needed[i].what_for);
	return 0;
}

static void fill(struct planner *p, struct plan_net_device *list)
{
	size_t n = p->config->linux.net_devices.n, at = 0;

	/* A number is given when all other names are taken. */
	for (int numbered = 0; numbered < 2; numbered++) {
		for (size_t i = 0; i < n; i++) {
			const struct oci_net_device *given = &p->config->linux.net_devices.v[i];
			const char *name = given->name ? given->name : given->host_name;

			if (ends_numbered(name) != (numbered == 1))
				continue;
			list[at].host_name = given->host_name;
			list[at].name = name;
			list[at].numbered = numbered;
			list[at].pointer =
				planner_pointer(p, "/linux/netDevices/", given->host_name);
			at++;
		}
	}
}

int plan_net_devices(struct planner *p)
{
	size_t n = p->config->linux.net_devices.n;
	struct plan_net_device *list;

	if (n == 0)
		return 0;
	list = arena_array(&p->plan->arena, n, sizeof(*list));
	if (!list)
		return 0; /* remembered by the arena */
	fill(p, list);
	if (p->plan->arena.failed)
		return 0;
	if (!plan_has_ns(p->plan, NS_NET))
		return planner_refuse(p, PLAN_INVALID, "/linux/netDevices",
				      "needs a network namespace, and /linux/namespaces has none: "
				      "there is nowhere to move an interface to");
	for (size_t i = 0; i < n; i++)
		TRY(check_names(p, &list[i]));
	TRY(check_duplicates(p, list, n));
	TRY(check_privilege(p));
	p->plan->net_devices = list;
	p->plan->n_net_devices = n;
	return 0;
}
