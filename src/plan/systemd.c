/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which unit a container is: "slice:prefix:name" of linux.cgroupsPath becomes the scope
 * prefix-name.scope in the slice. The same path is always the same unit, for nothing but the path
 * (and, without one, the id) goes into the name. No side effects; steps/systemd.c has it made.
 */
#include "plan/systemd.h"

#include <string.h>

#define CGROUPS_PATH "/linux/cgroupsPath"
#define EXPECTED "expected slice:prefix:name, as in system.slice:hull:c1"

/* systemd's limit on a unit's name, without its NUL (systemd.unit(5)). */
enum { UNIT_NAME_LIMIT = 255 };

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == ':' || c == '_' || c == '.' || c == '-';
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* Dashes nest: a-b.slice is in a.slice, so there must be a name around each (systemd.slice(5)). */
const char *systemd_slice_fault(const char *name)
{
	size_t size = strlen(name);

	if (!ends_with(name, ".slice") || size == strlen(".slice"))
		return "isn't the name of a slice: it doesn't end in .slice";
	if (size > UNIT_NAME_LIMIT)
		return "is too long for the name of a slice (255 bytes)";
	for (const char *at = name; *at; at++)
		if (!is_plain(*at) && *at != '\\')
			return "has a character that no slice's name may have";
	if (strcmp(name, "-.slice") == 0)
		return NULL;
	if (name[0] == '-' || name[0] == '.' || strstr(name, "--") || strstr(name, "-.slice"))
		return "isn't the name of a slice: each '-' stands between two names (a-b.slice is "
		       "a.slice/a-b.slice)";
	return NULL;
}

static char *escape(char *at, const char *text, bool first)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text; text++, first = false) {
		unsigned char c = (unsigned char)*text;

		if (is_plain(*text) && !(first && c == '.')) {
			*at++ = *text;
			continue;
		}
		*at++ = '\\';
		*at++ = 'x';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	return at;
}

char *systemd_scope_name(const char *prefix, const char *name, struct arena *arena)
{
	char *unit = arena_take(arena, 4 * (strlen(prefix) + strlen(name)) + sizeof("-.scope"));
	char *at = unit;

	if (!unit)
		return NULL;
	at = escape(at, prefix, true);
	if (*prefix)
		*at++ = '-';
	at = escape(at, name, !*prefix);
	memcpy(at, ".scope", sizeof(".scope"));
	return unit;
}

/* Splits "a:b:c" in place. */
static bool split(char *path, char *parts[3])
{
	parts[0] = path;
	for (int i = 1; i < 3; i++) {
		parts[i] = strchr(parts[i - 1], ':');
		if (!parts[i])
			return false;
		*parts[i]++ = '\0';
	}
	return !strchr(parts[2], ':');
}

static int plan_name(struct planner *p, const char *given, const char *prefix, const char *name)
{
	struct plan_systemd *systemd = &p->plan->cgroup.systemd;

	if (*name == '\0')
		return planner_refuse(p, PLAN_INVALID, CGROUPS_PATH,
				      "'%s' has no name behind its second colon; " EXPECTED,
				      planner_shown(p, given));
	/* Other runtimes put the container's processes into the slice itself then, which systemd
	 * doesn't support: a slice holds units. */
	if (ends_with(name, ".slice"))
		return planner_refuse(
			p, PLAN_INVALID, CGROUPS_PATH,
			"'%s' names a slice; a container is a scope, and the slice that "
			"it is in goes in front: " EXPECTED,
			planner_shown(p, given));
	systemd->unit = systemd_scope_name(prefix, name, &p->plan->arena);
	if (systemd->unit && strlen(systemd->unit) > UNIT_NAME_LIMIT)
		return planner_refuse(
			p, PLAN_INVALID, CGROUPS_PATH,
			"the unit's name would have %zu bytes, systemd allows %d: '%s'",
			strlen(systemd->unit), UNIT_NAME_LIMIT, planner_shown(p, systemd->unit));
	return 0;
}

static int plan_unit(struct planner *p)
{
	struct plan_systemd *systemd = &p->plan->cgroup.systemd;
	const char *given = p->config->linux.cgroups_path;
	const char *fault;
	char *parts[3], *copy;

	systemd->slice = systemd->user ? "user.slice" : "system.slice";
	if (!given || *given == '\0')
		return plan_name(p, "", "hull", p->request->id ? p->request->id : "check");
	copy = arena_strdup(&p->plan->arena, given);
	if (!copy)
		return 0; /* the arena remembers */
	if (strchr(given, '/') || !split(copy, parts))
		return planner_refuse(
			p, PLAN_INVALID, CGROUPS_PATH,
			"'%s' isn't of the form that --systemd-cgroup takes; " EXPECTED,
			planner_shown(p, given));
	if (*parts[0]) {
		fault = systemd_slice_fault(parts[0]);
		if (fault)
			return planner_refuse(p, PLAN_INVALID, CGROUPS_PATH, "'%s' %s",
					      planner_shown(p, parts[0]), fault);
		systemd->slice = parts[0];
	}
	return plan_name(p, given, parts[1], parts[2]);
}

/* Appends without ever moving: as many as there are annotations are enough. */
static int plan_annotations(struct planner *p)
{
	const struct oci_pairs *given = &p->config->annotations;
	struct unit_properties *out = &p->plan->cgroup.systemd.properties;
	size_t prefix = strlen(SYSTEMD_ANNOTATION);

	out->v = arena_array(&p->plan->arena, given->n + 1, sizeof(*out->v));
	for (size_t i = 0; out->v && i < given->n; i++) {
		const char *key = given->v[i].key;
		struct oci_error err = { 0 };
		const char *pointer;

		if (strncmp(key, SYSTEMD_ANNOTATION, prefix) != 0)
			continue;
		pointer = planner_pointer(p, "/annotations/", key);
		if (!pointer)
			return 0;
		if (p->request->manager != CGROUP_SYSTEMD)
			planner_note(p, pointer, "counts only with --systemd-cgroup");
		else if (systemd_read_property(key + prefix, given->v[i].value, &p->plan->arena,
					       &out->v[out->n], &err) == 0)
			out->n++;
		else
			TRY(planner_refuse(p, PLAN_INVALID, pointer, "%s", err.text));
	}
	return 0;
}

int plan_systemd(struct planner *p)
{
	struct plan_systemd *systemd = &p->plan->cgroup.systemd;

	systemd->used = p->request->manager == CGROUP_SYSTEMD;
	systemd->user = p->host->rootless;
	if (systemd->used)
		TRY(plan_unit(p));
	return plan_annotations(p);
}

int plan_systemd_check(struct planner *p)
{
	const struct plan_cgroup *cgroup = &p->plan->cgroup;

	for (size_t i = 0; i < cgroup->n_limits; i++)
		if (strcmp(cgroup->limits[i].file, "cpu.weight.nice") == 0)
			TRY(planner_refuse(
				p, PLAN_INVALID, cgroup->limits[i].pointer,
				"systemd has no property for it, and it would mean nothing "
				"below the container's unit: use cpu.weight"));
	return 0;
}

/* Both lists together hold what annotations gave and what limits became. */
int plan_systemd_limits(struct planner *p)
{
	struct plan_cgroup *cgroup = &p->plan->cgroup;
	struct unit_properties *early = &cgroup->systemd.properties;
	struct unit_properties *late = &cgroup->systemd.late;
	struct unit_properties limits = { 0 }, both = { 0 };
	const struct limit_list all = { cgroup->limits, cgroup->n_limits };

	if (!cgroup->systemd.used || !cgroup->used)
		return 0;
	TRY(plan_systemd_check(p));
	systemd_map_limits(all, all, &p->plan->arena, &limits);
	both.v = arena_array(&p->plan->arena, early->n + limits.n + 1, sizeof(*both.v));
	late->v = arena_array(&p->plan->arena, limits.n + 1, sizeof(*late->v));
	if (!both.v || !late->v)
		return 0; /* the arena remembers */
	memcpy(both.v, early->v, early->n * sizeof(*both.v));
	both.n = early->n;
	for (size_t i = 0; i < limits.n; i++) {
		struct unit_properties *list = systemd_is_tight(&limits.v[i]) ? late : &both;

		list->v[list->n++] = limits.v[i];
	}
	*early = both;
	if (both.n > SYSTEMD_PROPERTIES_MAX)
		return planner_refuse(p, PLAN_INVALID, "/annotations",
				      "%zu properties of one unit are too many", both.n);
	return 0;
}
