/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Decides the container's cgroup: its path below the cgroup2 mount and the device filter that will
 * sit on it. The other limits are plan/limits.c. No side effects; steps/cgroup.c makes it.
 */
#include <limits.h>
#include <string.h>

#include "plan/device_filter.h"
#include "plan/limits.h"
#include "plan/planner.h"
#include "plan/systemd.h"

#define CGROUPS_PATH "/linux/cgroupsPath"
#define DEVICES "/linux/resources/devices"

/* A whole path must stay usable in /proc/PID/cgroup, one component in a directory. */
#define PATH_LIMIT (PATH_MAX - 256)

/* "slice:prefix:name", which only the systemd manager understands. */
static bool systemd_form(const char *path)
{
	const char *first = strchr(path, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;

	return second && !strchr(second + 1, ':') && !strchr(path, '/');
}

/* NULL, or what is wrong with one component. */
static const char *component_fault(const char *name, size_t size)
{
	if (size == 0)
		return "has an empty component ('//' or a '/' at its end)";
	if ((size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.'))
		return "has a component '.' or '..'";
	if (size > NAME_MAX)
		return "has a component of more than 255 bytes";
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 127)
			return "has a control character";
	return NULL;
}

static const char *path_fault(const char *path)
{
	if (*path == '\0')
		return "names the root of the cgroup tree, which is the host's own";
	if (strlen(path) > PATH_LIMIT)
		return "is too long";
	for (;;) {
		const char *end = strchrnul(path, '/');
		const char *fault = component_fault(path, (size_t)(end - path));

		if (fault)
			return fault;
		if (*end == '\0')
			return NULL;
		path = end + 1;
	}
}

/* Absolute or not, a path is taken from the cgroup2 mount, so that the same one always means the
 * same cgroup (specification, config-linux.md, "Cgroups Path"). */
static int plan_path(struct planner *p)
{
	const char *path = p->config->linux.cgroups_path;
	const char *fault;

	if (!path || *path == '\0') {
		/* `hull check` knows no id: to ask what holds there, any name does. */
		p->plan->cgroup.path = p->request->id ? p->request->id : "hull-check";
		return 0;
	}
	if (systemd_form(path))
		return planner_refuse(p, PLAN_INVALID, CGROUPS_PATH,
				      "'%s' has systemd's form slice:prefix:name, which needs "
				      "--systemd-cgroup; expected a path",
				      planner_shown(p, path));
	if (*path == '/')
		path++;
	fault = path_fault(path);
	if (fault)
		return planner_refuse(p, PLAN_INVALID, CGROUPS_PATH, "'%s' %s",
				      planner_shown(p, p->config->linux.cgroups_path), fault);
	p->plan->cgroup.path = path;
	return 0;
}

static const struct {
	const char *word, *now, *later;
} absences[] = {
	{ "disabled", "--cgroup-manager=disabled", "--cgroup-manager=disabled" },
	{ "undelegated", "none is delegated to the caller",
	  "none was delegated to its creator; create it again where one is, as in "
	  "`systemd-run --user --scope -p Delegate=yes`" },
	{ "unmounted", "no cgroup2 file system is mounted",
	  "no cgroup2 file system was mounted when it was created" },
	{ "read-only", "the cgroup2 mount is read-only",
	  "the cgroup2 mount was read-only when it was created" },
};

const char *plan_cgroup_absence(const char *absence, bool later)
{
	for (size_t i = 0; absence && i < sizeof(absences) / sizeof(absences[0]); i++)
		if (strcmp(absences[i].word, absence) == 0)
			return later ? absences[i].later : absences[i].now;
	return "--cgroup-manager=disabled, or none was delegated to its creator";
}

/* In a container the mount says why, not the owner. */
static const char *note_not_delegated(struct planner *p)
{
	const struct host *host = p->host;
	const char *stays = "so the container stays in the caller's cgroup";

	if (host->cgroup_mount[0] == '\0') {
		planner_note(p, CGROUPS_PATH, "no cgroup2 file system is mounted here, %s", stays);
		return "unmounted";
	}
	if (host->cgroup_read_only) {
		planner_note(p, CGROUPS_PATH, "the cgroup2 mount '%s' is read-only, %s",
			     host->cgroup_mount, stays);
		return "read-only";
	}
	planner_note(p, CGROUPS_PATH, "no cgroup is delegated to user %u, %s", host->euid, stays);
	return "undelegated";
}

/* Not root of the host: below what was delegated to the caller, else not at all. A relative path is
 * taken from there. */
static int plan_delegated(struct planner *p)
{
	struct plan_cgroup *cgroup = &p->plan->cgroup;
	const struct host *host = p->host;
	const char *given = p->config->linux.cgroups_path;
	const char *top = host->cgroup_delegated;
	size_t size = strlen(top);

	if (!host->cgroup_may) {
		cgroup->absence = note_not_delegated(p);
		cgroup->used = false;
		return 0;
	}
	if (!given || given[0] != '/') {
		cgroup->path =
			arena_printf(&p->plan->arena, "%s/%s", host->cgroup_parent, cgroup->path);
		cgroup->path += cgroup->path && cgroup->path[0] == '/';
		return 0;
	}
	if (strncmp(given, top, size) == 0 && given[size] == '/')
		return 0;
	planner_note(p, CGROUPS_PATH,
		     "isn't below '%s', which is what is delegated to user %u, so the container "
		     "stays in the caller's cgroup",
		     top, host->euid);
	cgroup->used = false;
	return 0;
}

static const char *device_pointer(struct planner *p, size_t index, const char *member)
{
	const char *pointer = arena_printf(&p->plan->arena, DEVICES "/%zu/%s", index, member);

	return pointer ? pointer : DEVICES;
}

/* Device numbers of the kernel's interface are 32 bits wide; -1 and absent are "any". */
static int rule_number(struct planner *p, size_t index, const char *member,
		       const struct oci_maybe_int *given, int64_t *number)
{
	*number = given->set ? given->v : -1;
	if (*number < -1 || *number > UINT32_MAX)
		return planner_refuse(p, PLAN_INVALID, device_pointer(p, index, member),
				      "%lld is no device number: expected -1 (any) to %u",
				      (long long)*number, UINT32_MAX);
	return 0;
}

static int rule_type(struct planner *p, size_t index, const char *type, struct device_rule *rule)
{
	rule->any_type = !type || *type == '\0' || strcmp(type, "a") == 0;
	if (rule->any_type)
		return 0;
	rule->block = strcmp(type, "b") == 0;
	if (rule->block || strcmp(type, "c") == 0)
		return 0;
	return planner_refuse(p, PLAN_INVALID, device_pointer(p, index, "type"),
			      "expected a, b or c, found '%s'", planner_shown(p, type));
}

static int rule_access(struct planner *p, size_t index, const char *access,
		       struct device_rule *rule)
{
	if (!access || *access == '\0') {
		rule->access = DEVICE_ACCESS_ALL;
		return 0;
	}
	for (const char *c = access; *c; c++) {
		if (*c == 'r')
			rule->access |= BPF_DEVCG_ACC_READ;
		else if (*c == 'w')
			rule->access |= BPF_DEVCG_ACC_WRITE;
		else if (*c == 'm')
			rule->access |= BPF_DEVCG_ACC_MKNOD;
		else
			return planner_refuse(p, PLAN_INVALID, device_pointer(p, index, "access"),
					      "expected letters of rwm, found '%s'",
					      planner_shown(p, access));
	}
	return 0;
}

static int plan_rules(struct planner *p, struct device_rule *rules)
{
	const struct oci_resources *resources = &p->config->linux.resources;

	for (size_t i = 0; i < resources->devices.n; i++) {
		const struct oci_device_rule *given = &resources->devices.v[i];
		struct device_rule *rule = &rules[i];

		rule->allow = given->allow;
		TRY(rule_type(p, i, given->type, rule));
		TRY(rule_number(p, i, "major", &given->major, &rule->major));
		TRY(rule_number(p, i, "minor", &given->minor, &rule->minor));
		TRY(rule_access(p, i, given->access, rule));
	}
	return 0;
}

/* The rules of config.json, then the default devices. What no rule matches is denied, and so is all
 * but the default devices when there is no rule: a root container would reach the host's disks
 * otherwise. */
static int plan_filter(struct planner *p)
{
	struct plan_cgroup *cgroup = &p->plan->cgroup;
	size_t given = p->config->linux.resources.devices.n;
	size_t n = given + n_device_rules_default;
	struct device_rule *rules = arena_array(&p->plan->arena, n, sizeof(*rules));

	if (!rules)
		return 0; /* the arena remembers */
	TRY(plan_rules(p, rules));
	memcpy(rules + given, device_rules_default,
	       n_device_rules_default * sizeof(*device_rules_default));
	if (!cgroup->used || p->host->rootless) {
		if (given > 0)
			planner_note(p, DEVICES, "left out: %s",
				     cgroup->used ? "a device filter needs root of the host (and "
						    "without it no device node can be made)"
						  : "the container gets no cgroup of its own");
		return 0;
	}
	cgroup->n_filter = device_filter_compile(&p->plan->arena, rules, n, &cgroup->filter);
	if (cgroup->n_filter == 0 && !p->plan->arena.failed)
		return planner_refuse(p, PLAN_HOST, DEVICES,
				      "%zu rules are too many for one device filter", given);
	return 0;
}

int plan_resources(struct planner *p)
{
	TRY(plan_filter(p));
	return plan_limits(p);
}

/* The mount by which a container asks for a cgroup tree of its own that it can change. */
static bool is_delegation(const struct oci_mount *mount)
{
	if (!mount->source || strcmp(mount->source, "cgroup") != 0 || !mount->type ||
	    (strcmp(mount->type, "cgroup") != 0 && strcmp(mount->type, "cgroup2") != 0) ||
	    strcmp(mount->destination, "/sys/fs/cgroup") != 0)
		return false;
	for (size_t i = 0; i < mount->options.n; i++)
		if (strcmp(mount->options.v[i], "ro") == 0)
			return false;
	return true;
}

/* The conditions of the specification (config-linux.md, "Cgroup ownership"). A user without
 * privilege keeps it: what another of his ids makes below it he could never remove. */
static void plan_owner(struct planner *p)
{
	const struct oci_config *config = p->config;
	struct plan_cgroup *cgroup = &p->plan->cgroup;

	if (!cgroup->used || !plan_new_ns(p->plan, NS_CGROUP) || !p->plan->process.present ||
	    (p->host->rootless && p->host->euid != 0))
		return;
	for (size_t i = 0; i < config->mounts.n; i++)
		cgroup->given |= is_delegation(&config->mounts.v[i]);
}

int plan_cgroup(struct planner *p)
{
	struct plan_cgroup *cgroup = &p->plan->cgroup;

	cgroup->used = p->request->manager != CGROUP_DISABLED;
	cgroup->absence = cgroup->used ? NULL : "disabled";
	TRY(plan_systemd(p));
	if (cgroup->used && !cgroup->systemd.used)
		TRY(plan_path(p));
	if (cgroup->used && p->host->rootless && cgroup->path)
		TRY(plan_delegated(p));
	if (cgroup->used && p->host->cgroup_mount[0] == '\0')
		TRY(planner_refuse(p, PLAN_HOST, CGROUPS_PATH,
				   "no cgroup2 file system is mounted here (usual places: "
				   "/sys/fs/cgroup, /sys/fs/cgroup/unified); with "
				   "--cgroup-manager=disabled the container stays in the caller's "
				   "cgroup"));
	plan_owner(p);
	TRY(plan_resources(p));
	return plan_systemd_limits(p);
}
