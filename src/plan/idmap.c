/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.uidMappings and gidMappings: the ids of a new user namespace, judged by the kernel's own
 * rules (user_namespaces(7)) so that nothing is refused half-way, and who may write them. No side
 * effects; steps/idmap.c writes them.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plan/planner.h"

/* UID_GID_MAP_MAX_EXTENTS of the kernel (5 before 4.15). */
enum { RANGES_MAX = 340 };

static bool has_cap(const struct planner *p, int cap)
{
	return p->host->capabilities & (UINT64_C(1) << cap);
}

static const char *mapping_pointer(struct planner *p, const struct plan_id_map *map, size_t index,
				   const char *member)
{
	const char *pointer =
		arena_printf(&p->plan->arena, "%s/%zu/%s", map->property, index, member);

	return pointer ? pointer : map->property;
}

/* Ids go to 4294967294: the last number means "none". */
static int check_range(struct planner *p, const struct plan_id_map *map, size_t index)
{
	const struct plan_id_range *range = &map->ranges[index];

	if (range->count == 0)
		return planner_refuse(p, PLAN_INVALID, mapping_pointer(p, map, index, "size"),
				      "is 0, so nothing is mapped");
	if (range->inside > UINT32_MAX - range->count)
		TRY(planner_refuse(p, PLAN_INVALID, mapping_pointer(p, map, index, "containerID"),
				   "%u and size %u go beyond the last id, 4294967294",
				   range->inside, range->count));
	if (range->outside > UINT32_MAX - range->count)
		TRY(planner_refuse(p, PLAN_INVALID, mapping_pointer(p, map, index, "hostID"),
				   "%u and size %u go beyond the last id, 4294967294",
				   range->outside, range->count));
	return 0;
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return (uint64_t)a < (uint64_t)b + b_count && (uint64_t)b < (uint64_t)a + a_count;
}

static int check_overlaps(struct planner *p, const struct plan_id_map *map, size_t index)
{
	const struct plan_id_range *range = &map->ranges[index];

	for (size_t i = 0; i < index; i++) {
		const struct plan_id_range *other = &map->ranges[i];

		if (overlap(range->inside, range->count, other->inside, other->count))
			TRY(planner_refuse(
				p, PLAN_INVALID, mapping_pointer(p, map, index, "containerID"),
				"%u and size %u overlap with %s/%zu (%u, %u)", range->inside,
				range->count, map->property, i, other->inside, other->count));
		if (overlap(range->outside, range->count, other->outside, other->count))
			TRY(planner_refuse(
				p, PLAN_INVALID, mapping_pointer(p, map, index, "hostID"),
				"%u and size %u overlap with %s/%zu (%u, %u)", range->outside,
				range->count, map->property, i, other->outside, other->count));
	}
	return 0;
}

/* What the kernel takes in one write(2), which must stay below a page. */
static int make_text(struct planner *p, struct plan_id_map *map)
{
	enum { LINE = 3 * 11 };
	size_t room = map->n * LINE + 1, used = 0;
	char *text = arena_zalloc(&p->plan->arena, room);

	if (!text)
		return 0; /* the arena remembers */
	for (size_t i = 0; i < map->n; i++)
		used += (size_t)snprintf(text + used, room - used, "%u %u %u\n",
					 map->ranges[i].inside, map->ranges[i].outside,
					 map->ranges[i].count);
	map->text = text;
	if (used >= (size_t)sysconf(_SC_PAGESIZE))
		return planner_refuse(p, PLAN_INVALID, map->property,
				      "%zu bytes of text are more than the kernel takes (%ld)",
				      used, sysconf(_SC_PAGESIZE) - 1);
	return 0;
}

static int read_map(struct planner *p, struct plan_id_map *map, const struct oci_id_mapping *given,
		    size_t n)
{
	struct plan_id_range *ranges = arena_array(&p->plan->arena, n, sizeof(*ranges));
	size_t before = p->n_refused;

	if (!ranges)
		return 0;
	if (n > RANGES_MAX)
		return planner_refuse(p, PLAN_INVALID, map->property,
				      "%zu ranges are more than the kernel's %d", n, RANGES_MAX);
	for (size_t i = 0; i < n; i++)
		ranges[i] = (struct plan_id_range){ given[i].container_id, given[i].host_id,
						    given[i].size };
	map->ranges = ranges;
	map->n = n;
	for (size_t i = 0; i < n; i++) {
		TRY(check_range(p, map, i));
		TRY(check_overlaps(p, map, i));
	}
	TRY(make_text(p, map));
	/* What a wrong map leaves unmapped isn't another fault. */
	if (p->n_refused != before)
		map->n = 0;
	return 0;
}

/* Without privilege the kernel takes from hull a map of the caller's own id alone. */
static enum plan_map_writer writer_of(const struct planner *p, const struct plan_id_map *map,
				      int cap, uint32_t own)
{
	bool only_own = map->n == 1 && map->ranges[0].count == 1 && map->ranges[0].outside == own;

	return has_cap(p, cap) || only_own ? MAP_WRITE : MAP_HELPER;
}

static uint32_t first_id(const struct plan_id_map *map)
{
	return plan_id_mapped(map, 0) ? 0 : map->ranges[0].inside;
}

static int check_without(struct planner *p)
{
	static const char why[] = "needs a user namespace: {\"type\": \"user\"} in "
				  "/linux/namespaces";

	if (p->config->linux.uid_mappings.n > 0)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/uidMappings", "%s", why));
	if (p->config->linux.gid_mappings.n > 0)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/gidMappings", "%s", why));
	if (!has_cap(p, CAP_SYS_ADMIN) && p->host->rootless)
		TRY(planner_refuse(p, PLAN_HOST, "/linux/namespaces",
				   "user %u isn't privileged and can't make a container without a "
				   "user namespace: add {\"type\": \"user\"} with "
				   "/linux/uidMappings and gidMappings (hull spec --rootless "
				   "writes such a config)",
				   p->host->euid));
	return 0;
}

int plan_user_namespace(struct planner *p)
{
	const struct oci_linux *in = &p->config->linux;
	struct plan_user_ns *user = &p->plan->user;

	user->uids.property = "/linux/uidMappings";
	user->gids.property = "/linux/gidMappings";
	p->plan->capabilities = p->host->capabilities;
	if (!plan_has_ns(p->plan, NS_USER))
		return check_without(p);
	p->plan->capabilities = p->host->known_caps;
	TRY(read_map(p, &user->uids, in->uid_mappings.v, in->uid_mappings.n));
	TRY(read_map(p, &user->gids, in->gid_mappings.v, in->gid_mappings.n));
	user->uid = first_id(&user->uids);
	user->gid = first_id(&user->gids);
	if (plan_joined_ns(p->plan, NS_USER))
		return 0;
	/* The kernel would make all ids 65534, and no process could change to any. */
	if (in->uid_mappings.n == 0)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/uidMappings",
				   "missing: a new user namespace needs at least one mapping"));
	if (in->gid_mappings.n == 0)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/gidMappings",
				   "missing: a new user namespace needs at least one mapping"));
	user->uids.writer = writer_of(p, &user->uids, CAP_SETUID, p->host->euid);
	user->gids.writer = writer_of(p, &user->gids, CAP_SETGID, p->host->egid);
	user->deny_setgroups = user->gids.writer == MAP_WRITE && !has_cap(p, CAP_SETGID);
	return 0;
}

/* "0-65535, 100000": what of the container is mapped; cut short when it is much. */
static const char *shown_map(struct planner *p, const struct plan_id_map *map)
{
	enum { ROOM = 200 };
	char *text = arena_zalloc(&p->plan->arena, ROOM + 8);
	size_t used = 0;

	if (!text)
		return "";
	for (size_t i = 0; i < map->n && used < ROOM - 32; i++) {
		const struct plan_id_range *range = &map->ranges[i];

		used += (size_t)snprintf(text + used, ROOM - used, "%s%u", i ? ", " : "",
					 range->inside);
		if (range->count > 1)
			used += (size_t)snprintf(text + used, ROOM - used, "-%llu",
						 (unsigned long long)range->inside + range->count -
							 1);
		if (used >= ROOM - 32 && i + 1 < map->n)
			(void)strcat(text, ", ...");
	}
	return text;
}

static int check_id(struct planner *p, const char *pointer, const struct plan_id_map *map,
		    const char *kind, uint32_t id)
{
	if (!plan_has_ns(p->plan, NS_USER) || plan_id_mapped(map, id))
		return 0;
	return planner_refuse(p, PLAN_INVALID, pointer,
			      "%s id %u isn't mapped: %s has %s of the container", kind, id,
			      map->property, shown_map(p, map));
}

int planner_check_uid(struct planner *p, const char *pointer, uint32_t uid)
{
	return check_id(p, pointer, &p->plan->user.uids, "user", uid);
}

int planner_check_gid(struct planner *p, const char *pointer, uint32_t gid)
{
	return check_id(p, pointer, &p->plan->user.gids, "group", gid);
}
