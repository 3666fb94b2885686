/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.namespaces: which are new, which are joined by path, which stay the runtime's own. Whether
 * a path names a namespace of the right type is seen when it is opened (steps/namespace.c).
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/planner.h"

static int type_of(const char *name)
{
	for (int type = 0; type < NS_TYPES; type++)
		if (strcmp(plan_ns_kinds[type].name, name) == 0)
			return type;
	return -1;
}

/* The kernel refuses to join it once more, and what INIT may do depends on it. */
static bool is_own_user_namespace(const char *path)
{
	struct stat given, own;

	return stat(path, &given) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       given.st_dev == own.st_dev && given.st_ino == own.st_ino;
}

static int plan_namespace(struct planner *p, const struct oci_namespace *ns, size_t index)
{
	struct plan_namespace *slot;
	char pointer[64];
	int type = type_of(ns->type);

	(void)snprintf(pointer, sizeof(pointer), "/linux/namespaces/%zu/type", index);
	if (type < 0) /* the reader knows the words, so this is a new one */
		return planner_refuse(p, PLAN_INVALID, pointer, "'%s' is unknown", ns->type);
	slot = &p->plan->namespaces[type];
	if (slot->how != NS_SHARED)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "'%s' stands already at /linux/namespaces/%zu", ns->type,
				      slot->index);
	slot->index = index;
	slot->how = ns->path ? NS_JOINED : NS_NEW;
	slot->path = ns->path;
	if (!ns->path)
		return 0;
	(void)snprintf(pointer, sizeof(pointer), "/linux/namespaces/%zu/path", index);
	if (ns->path[0] != '/')
		return planner_refuse(p, PLAN_INVALID, pointer, "'%s' is not an absolute path",
				      planner_shown(p, ns->path));
	if (type == NS_USER && is_own_user_namespace(ns->path)) {
		planner_note(p, pointer,
			     "is the user namespace that hull is in, so it has no "
			     "effect");
		slot->how = NS_SHARED;
		return 0;
	}
	p->plan->joins = true;
	return 0;
}

/* An entry whose type isn't known could be any, so nothing else is refused for lacking one. The
 * plan is refused already. */
static void assume_namespaces(struct planner *p)
{
	for (int type = 0; type < NS_TYPES; type++)
		if (p->plan->namespaces[type].how == NS_SHARED && type != NS_USER)
			p->plan->namespaces[type].how = NS_NEW;
}

int plan_namespaces(struct planner *p)
{
	const struct oci_linux *linux_part = &p->config->linux;
	bool unknown = false;

	for (size_t i = 0; i < linux_part->namespaces.n; i++) {
		TRY(plan_namespace(p, &linux_part->namespaces.v[i], i));
		unknown |= type_of(linux_part->namespaces.v[i].type) < 0;
	}
	if (unknown)
		assume_namespaces(p);
	return 0;
}
