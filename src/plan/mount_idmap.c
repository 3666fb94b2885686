/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Idmapped mounts: which mappings a mount gets (its own, or those of the container's user
 * namespace) and whether they can be. What becomes of them is in steps/mount_idmap.c.
 */
#include "plan/mount_idmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* user_namespaces(7): at most 340 lines, and less than a page in one write */
enum { RANGES_MAX = 340, TEXT_MAX = 4095 };

struct ranges {
	const struct oci_id_mapping *v;
	size_t n;
	const char *pointer; /* where they stand */
};

bool mount_idmap_word(const char *option, size_t i, struct idmap_words *words)
{
	bool recursive = option[0] == 'r';
	const char *rest = option + recursive;

	if (strncmp(rest, "idmap", 5) != 0 || (rest[5] != '\0' && rest[5] != '='))
		return false;
	*words = (struct idmap_words){ .asked = true,
				       .recursive = recursive,
				       .text = rest[5] ? rest + 6 : NULL,
				       .option = i };
	return true;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t a_size, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

/* The rules of user_namespaces(7), so that the kernel's bare EINVAL is never met. */
static int check_ranges(struct planner *p, const struct ranges *list)
{
	if (list->n > RANGES_MAX)
		return planner_refuse(p, PLAN_INVALID, list->pointer,
				      "%zu ranges are more than the %d that the kernel takes",
				      list->n, RANGES_MAX);
	for (size_t i = 0; i < list->n; i++) {
		const struct oci_id_mapping *a = &list->v[i];

		if (a->size == 0)
			return planner_refuse(p, PLAN_INVALID, list->pointer,
					      "range %zu has size 0", i);
		if ((uint64_t)a->container_id + a->size > UINT32_MAX ||
		    (uint64_t)a->host_id + a->size > UINT32_MAX)
			return planner_refuse(p, PLAN_INVALID, list->pointer,
					      "range %zu goes beyond the last id, 4294967294", i);
		for (size_t k = 0; k < i; k++) {
			const struct oci_id_mapping *b = &list->v[k];

			if (overlap(a->container_id, b->container_id, a->size, b->size) ||
			    overlap(a->host_id, b->host_id, a->size, b->size))
				return planner_refuse(p, PLAN_INVALID, list->pointer,
						      "ranges %zu and %zu overlap", k, i);
		}
	}
	return 0;
}

/* The text that goes to /proc/PID/uid_map. NULL: refused or out of memory. */
static const char *text_of(struct planner *p, const struct ranges *list, int *result)
{
	char *text = arena_zalloc(&p->plan->arena, TEXT_MAX + 1);
	size_t used = 0;

	*result = check_ranges(p, list);
	if (*result < 0 || !text)
		return NULL;
	for (size_t i = 0; i < list->n; i++) {
		int n = snprintf(text + used, TEXT_MAX + 1 - used,
				 "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", list->v[i].container_id,
				 list->v[i].host_id, list->v[i].size);

		if (n < 0 || (size_t)n >= TEXT_MAX + 1 - used) {
			*result = planner_refuse(p, PLAN_INVALID, list->pointer,
						 "its %zu ranges are longer than the %d bytes that "
						 "the kernel takes",
						 list->n, TEXT_MAX);
			return NULL;
		}
		used += (size_t)n;
	}
	return text;
}

/* Mounts with the same mappings share one user namespace. */
static int use(struct planner *p, const struct ranges *uids, const struct ranges *gids,
	       struct plan_mount *out)
{
	struct plan *plan = p->plan;
	const char *uid_map, *gid_map;
	int result;

	uid_map = text_of(p, uids, &result);
	TRY(result);
	gid_map = text_of(p, gids, &result);
	TRY(result);
	if (!uid_map || !gid_map)
		return 0; /* refused with a report, or the arena remembers */
	out->idmap = IDMAP_OWN;
	for (size_t i = 0; i < plan->n_idmaps; i++) {
		if (strcmp(plan->idmaps[i].uid_map, uid_map) == 0 &&
		    strcmp(plan->idmaps[i].gid_map, gid_map) == 0) {
			out->idmap_index = i;
			return 0;
		}
	}
	out->idmap_index = plan->n_idmaps;
	plan->idmaps[plan->n_idmaps++] =
		(struct plan_idmap){ .uid_map = uid_map, .gid_map = gid_map };
	return 0;
}

/* ---- mappings inside of the option, as crun(1) has them ---- */

static bool read_number(const char **text, uint32_t *value)
{
	char *end;
	unsigned long long number;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	number = strtoull(*text, &end, 10);
	if (errno || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	*text = end;
	return true;
}

/* "@": the second id is one of the container's, and the host's is behind it. */
static bool from_container(const struct ranges *container, struct oci_id_mapping *range)
{
	for (size_t i = 0; i < container->n; i++) {
		const struct oci_id_mapping *c = &container->v[i];

		if (range->host_id < c->container_id ||
		    (uint64_t)range->host_id + range->size > (uint64_t)c->container_id + c->size)
			continue;
		range->host_id = c->host_id + (range->host_id - c->container_id);
		return true;
	}
	return false;
}

/* "FS-HOST-SIZE#@FS-CONTAINER-SIZE..." up to ';' or the end. NULL when all is well. */
static const char *read_list(const char **text, struct oci_id_mapping *v, size_t *n,
			     const struct ranges *container)
{
	for (*n = 0;;) {
		struct oci_id_mapping *range = &v[*n];
		bool relative = **text == '@';

		if (*n >= RANGES_MAX)
			return "too many ranges";
		*text += relative;
		if (!read_number(text, &range->container_id) || *(*text)++ != '-' ||
		    !read_number(text, &range->host_id) || *(*text)++ != '-' ||
		    !read_number(text, &range->size))
			return "a range is FROM-TO-SIZE, three numbers";
		if (relative && !from_container(container, range))
			return "a range with '@' isn't in one range of /linux/uidMappings or "
			       "/linux/gidMappings";
		(*n)++;
		if (**text != '#')
			return NULL;
		(*text)++;
	}
}

/* "uids=...;gids=..." in any order, both. NULL when all is well, else what is wrong. */
static const char *read_inline(struct planner *p, const char *text, struct ranges *uids,
			       struct ranges *gids)
{
	const struct oci_linux *container = &p->config->linux;
	const struct ranges inside[] = {
		{ container->uid_mappings.v, container->uid_mappings.n, NULL },
		{ container->gid_mappings.v, container->gid_mappings.n, NULL },
	};
	struct ranges *const lists[] = { uids, gids };

	while (*text) {
		size_t which = strncmp(text, "gids=", 5) == 0;
		struct oci_id_mapping *v = arena_array(&p->plan->arena, RANGES_MAX, sizeof(*v));
		const char *wrong;

		if (!which && strncmp(text, "uids=", 5) != 0)
			return "it is neither 'uids=' nor 'gids='";
		if (!v)
			return NULL; /* the arena remembers */
		text += 5;
		wrong = read_list(&text, v, &lists[which]->n, &inside[which]);
		if (wrong)
			return wrong;
		lists[which]->v = v;
		if (*text && *text++ != ';')
			return "after a range comes '#', ';' or nothing";
	}
	return uids->n > 0 && gids->n > 0 ? NULL : "it needs both 'uids=' and 'gids='";
}

/* ---- which mappings ---- */

/* What can't have other owners: these belong to the namespaces of who opens them, so PARENT can't
 * make them for the container. */
static const char *unfit(const struct plan_mount *m)
{
	static const char *const types[] = { "proc", "sysfs", "mqueue" };

	if (m->kind == MOUNT_CGROUP)
		return "the cgroup tree has no idmapped mounts";
	if (m->kind == MOUNT_REMOUNT)
		return "ids can't be mapped by a remount, only when the mount is made";
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (m->kind == MOUNT_NEW && strcmp(m->type, types[i]) == 0)
			return "proc, sysfs and mqueue have no idmapped mounts";
	return NULL;
}

static int of_the_container(struct planner *p, const char *where, struct plan_mount *out)
{
	const struct oci_linux *container = &p->config->linux;
	const struct ranges uids = { container->uid_mappings.v, container->uid_mappings.n,
				     "/linux/uidMappings" };
	const struct ranges gids = { container->gid_mappings.v, container->gid_mappings.n,
				     "/linux/gidMappings" };

	if (p->plan->namespaces[NS_USER].how == NS_JOINED) {
		out->idmap = IDMAP_JOINED;
		return 0;
	}
	if (!plan_new_ns(p->plan, NS_USER))
		return planner_refuse(p, PLAN_INVALID, where,
				      "the mount has no uidMappings and gidMappings, and there is "
				      "no user namespace whose mappings it could take");
	if (uids.n == 0 || gids.n == 0)
		return planner_refuse(p, PLAN_INVALID, where,
				      "needs uidMappings and gidMappings of the mount or of "
				      "/linux");
	return use(p, &uids, &gids, out);
}

int plan_mount_idmap(struct planner *p, size_t index, const struct idmap_words *words,
		     struct plan_mount *out)
{
	const struct oci_mount *in = &p->config->mounts.v[index];
	char option[96], of_uids[64], of_gids[64];
	struct ranges uids = { in->uid_mappings.v, in->uid_mappings.n, of_uids };
	struct ranges gids = { in->gid_mappings.v, in->gid_mappings.n, of_gids };
	bool given = uids.n > 0 || gids.n > 0;
	const char *why;

	if (!words->asked && !given)
		return 0;
	(void)snprintf(of_uids, sizeof(of_uids), "/mounts/%zu/uidMappings", index);
	(void)snprintf(of_gids, sizeof(of_gids), "/mounts/%zu/gidMappings", index);
	(void)snprintf(option, sizeof(option), "/mounts/%zu/options/%zu", index, words->option);
	why = unfit(out);
	if (why)
		return planner_refuse(p, PLAN_INVALID, words->asked ? option : of_uids, "%s", why);
	if (given && (uids.n == 0 || gids.n == 0))
		return planner_refuse(
			p, PLAN_INVALID, uids.n == 0 ? of_gids : of_uids,
			"uidMappings and gidMappings go together, and one is missing");
	out->idmap_recursive = words->recursive; /* without a word: not */
	if (words->text && given)
		return planner_refuse(
			p, PLAN_INVALID, option,
			"has mappings of its own, as uidMappings and gidMappings are");
	if (words->text) {
		uids.pointer = gids.pointer = option;
		why = read_inline(p, words->text, &uids, &gids);
		if (why)
			return planner_refuse(p, PLAN_INVALID, option, "'%s': %s",
					      planner_shown(p, words->text), why);
		return use(p, &uids, &gids, out);
	}
	if (given)
		return use(p, &uids, &gids, out);
	return of_the_container(p, option, out);
}
