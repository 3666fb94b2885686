/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.sysctl: only what a namespace of the container's own holds may be set; anything else would
 * change the host.
 */
#include <stdio.h>
#include <string.h>

#include "plan/planner.h"

/* The keys of the ipc namespace (ipc_namespaces(7)); those of mqueue are a prefix. */
static const char *const ipc_keys[] = {
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
	"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

/* The kernel takes "net.ipv4.conf.eth0/1.x" and "net/ipv4/conf/eth0.1/x" alike (sysctl(8)): the
 * first separator met decides which of the two characters separates. */
static char *path_of(struct arena *arena, const char *key)
{
	char *path = arena_strdup(arena, key);
	const char *separator = strpbrk(key, "./");

	if (!path || !separator || *separator == '/')
		return path;
	for (char *at = path; *at; at++) {
		if (*at == '.')
			*at = '/';
		else if (*at == '/')
			*at = '.';
	}
	return path;
}

static bool path_is_safe(const char *path)
{
	if (path[0] == '/' || path[0] == '\0')
		return false;
	for (const char *at = path; at;) {
		const char *end = strchr(at, '/');
		size_t length = end ? (size_t)(end - at) : strlen(at);

		if (length == 0 || (length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at = end ? end + 1 : NULL;
	}
	return true;
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The namespace that holds the key: its type, or -1 when no namespace does. */
static int holder_of(const char *path)
{
	char dotted[64];

	if (starts(path, "net/"))
		return NS_NET;
	if (starts(path, "fs/mqueue/"))
		return NS_IPC;
	if (starts(path, "user/"))
		return NS_USER;
	if (strcmp(path, "kernel/domainname") == 0 || strcmp(path, "kernel/hostname") == 0)
		return NS_UTS;
	if (strlen(path) >= sizeof(dotted))
		return -1;
	(void)snprintf(dotted, sizeof(dotted), "%s", path);
	for (char *at = dotted; *at; at++)
		if (*at == '/')
			*at = '.';
	for (size_t i = 0; i < sizeof(ipc_keys) / sizeof(ipc_keys[0]); i++)
		if (strcmp(dotted, ipc_keys[i]) == 0)
			return NS_IPC;
	return -1;
}

static int check_one(struct planner *p, struct plan_sysctl *sysctl, const char *pointer)
{
	int holder;

	if (!path_is_safe(sysctl->path))
		return planner_refuse(p, PLAN_INVALID, pointer, "is not the name of a sysctl");
	holder = holder_of(sysctl->path);
	if (holder < 0)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "belongs to no namespace, so it would change the host");
	sysctl->holder = (enum plan_ns_type)holder;
	if (strcmp(sysctl->path, "kernel/hostname") == 0)
		return planner_refuse(p, PLAN_INVALID, pointer, "use the property 'hostname'");
	if (!plan_has_ns(p->plan, sysctl->holder))
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "belongs to the %s namespace, and /linux/namespaces has "
				      "none: it would change the host",
				      plan_ns_kinds[holder].name);
	if (strcmp(sysctl->path, "kernel/domainname") == 0 && p->config->domainname &&
	    strcmp(p->config->domainname, sysctl->value) != 0)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "'%s' contradicts the property 'domainname', '%s'",
				      planner_shown(p, sysctl->value),
				      planner_shown(p, p->config->domainname));
	return 0;
}

int plan_sysctls(struct planner *p)
{
	const struct oci_pairs *pairs = &p->config->linux.sysctl;
	struct plan_sysctl *list = arena_array(&p->plan->arena, pairs->n, sizeof(*list));

	for (size_t i = 0; list && i < pairs->n; i++) {
		char *escaped;

		list[i].key = pairs->v[i].key;
		list[i].value = pairs->v[i].value;
		list[i].path = path_of(&p->plan->arena, pairs->v[i].key);
		escaped = planner_pointer(p, "/linux/sysctl/", pairs->v[i].key);
		if (!list[i].path || !escaped)
			break; /* remembered by the arena */
		TRY(check_one(p, &list[i], escaped));
	}
	p->plan->sysctls = list;
	p->plan->n_sysctls = pairs->n;
	return 0;
}
