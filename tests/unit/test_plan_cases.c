/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every NAME.json of tests/cases/plan against NAME.expected: each finding of reader and planner as
 * `hull check` would print it, on a host and with a request that never change; for what is accepted
 * also the part of the plan that differs from the plainest container's. NAME.request, where it is
 * there, has words that change request or host (see words[] below). A report must not change the
 * verdict, and without one the error is the first refusal.
 *
 * `test_plan_cases --print FILE.json` prints what belongs into the .expected, to be read with care.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/sys.h"
#include "plan/plan.h"
#include "plan/unread.h"
#include "tests/unit/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Text that grows. */
struct text {
	char *at;
	size_t used, room;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *fmt, ...)
{
	va_list args;
	size_t left = text->room - text->used;
	int size;

	va_start(args, fmt);
	size = vsnprintf(text->at + text->used, left, fmt, args);
	va_end(args);
	if (size < 0 || (size_t)size >= left) {
		printf("Bail out! the text of a case is too long\n");
		exit(1);
	}
	text->used += (size_t)size;
}

/* --- One case --- */

struct scene {
	struct request request;
	struct host host;
	struct oci_config config;
	struct plan plan;
	struct text heard;
	struct unread unread;
	char first[2048]; /* the first refusal, as the error must have it */
};

static void hear(struct scene *s, enum plan_finding kind, const char *pointer, const char *text)
{
	static const char *const kinds[] = { "invalid", "host", "note" };

	say(&s->heard, "%s: %s: %s\n", kinds[kind], pointer, text);
	if (kind != PLAN_NOTE && !s->first[0])
		(void)snprintf(s->first, sizeof(s->first), "%s: %s", pointer, text);
}

/* The reader's notes (unknown keys) are the subject of tests/cases/config. */
static int hear_reader(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
		       unsigned column, const char *text)
{
	(void)line;
	(void)column;
	if (kind == OCI_INVALID) {
		unread_add(&((struct scene *)ctx)->unread, pointer);
		hear(ctx, PLAN_INVALID, pointer, text);
	}
	return 0;
}

static int hear_planner(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	if (!unread_explains(&((struct scene *)ctx)->unread, pointer))
		hear(ctx, kind, pointer, text);
	return 0;
}

/* The words of a .request file. */
static void obey(struct scene *s, const char *word)
{
	static const struct {
		const char *word;
		size_t offset; /* of a bool in struct request */
	} words[] = {
		{ "run", offsetof(struct request, run) },
		{ "detach", offsetof(struct request, detach) },
		{ "no-pivot", offsetof(struct request, no_pivot) },
	};

	for (size_t i = 0; i < N(words); i++) {
		if (strcmp(word, words[i].word) == 0) {
			*(bool *)((char *)&s->request + words[i].offset) = true;
			return;
		}
	}
	if (strcmp(word, "check") == 0)
		s->request.id = NULL;
	else if (strcmp(word, "console-socket") == 0)
		s->request.console_socket = "/run/console.sock";
	else if (strcmp(word, "notify-socket") == 0)
		s->request.notify_socket = "/run/notify.sock";
	else if (strcmp(word, "systemd-cgroup") == 0)
		s->request.manager = CGROUP_SYSTEMD;
	else if (strcmp(word, "no-cgroup-manager") == 0)
		s->request.manager = CGROUP_DISABLED;
	else if (strcmp(word, "preserve-fds=2") == 0)
		s->request.preserve_fds = 2;
	else if (strcmp(word, "LISTEN_FDS=3") == 0)
		s->request.listen_fds = "3";
	else if (strcmp(word, "LISTEN_FDS=3x") == 0)
		s->request.listen_fds = "3x";
	else if (strcmp(word, "LISTEN_FDS=1025") == 0)
		s->request.listen_fds = "1025";
	else if (strcmp(word, "rootless") == 0)
		s->host.rootless = s->host.nested = s->host.cgroup_may = true;
	else if (strcmp(word, "delegated") == 0) {
		s->host.cgroup_may = true;
		(void)strcpy(s->host.cgroup_parent, "/user/1000/apps");
		(void)strcpy(s->host.cgroup_delegated, "/user/1000");
	} else if (strcmp(word, "user=1000") == 0) {
		s->host.rootless = true;
		s->host.euid = s->host.egid = 1000;
		s->host.capabilities = 0;
	} else if (strcmp(word, "setgroups-denied") == 0)
		s->host.setgroups_denied = true;
	else if (strcmp(word, "apparmor") == 0)
		s->host.apparmor = HOST_LSM_ON;
	else if (strcmp(word, "apparmor-off") == 0)
		s->host.apparmor = HOST_LSM_OFF;
	else if (strcmp(word, "confined") == 0)
		s->host.apparmor_confined = true;
	else if (strcmp(word, "selinux") == 0)
		s->host.selinux = HOST_LSM_ON;
	else if (strcmp(word, "no-cgroup2") == 0)
		s->host.cgroup_mount[0] = '\0';
	else if (strcmp(word, "no-cap-sys-admin") == 0)
		s->host.capabilities &= ~(UINT64_C(1) << 21);
	else if (strcmp(word, "no-cap-net-admin") == 0)
		s->host.capabilities &= ~(UINT64_C(1) << 12);
	else if (strcmp(word, "no-cap-sys-nice") == 0)
		s->host.capabilities &= ~(UINT64_C(1) << 23);
	else if (strcmp(word, "no-cap-sys-ptrace") == 0)
		s->host.capabilities &= ~(UINT64_C(1) << 19);
	else
		tap_ok(false, "'%s' is a word of .request files", word);
}

static void set_scene(struct scene *s, const char *stem)
{
	char path[8192], *words, *save = NULL;

	*s = (struct scene){
		.request = { .id = "c1", .bundle = "/bundle", .manager = CGROUP_CGROUPFS },
		.host = { .capabilities = (UINT64_C(1) << 41) - 1,
			  .known_caps = (UINT64_C(1) << 41) - 1,
			  .cgroup_mount = "/sys/fs/cgroup" },
		.heard = { .room = 1 << 20 },
	};
	s->heard.at = calloc(1, s->heard.room);
	if (!s->heard.at)
		exit(1);
	(void)snprintf(path, sizeof(path), "%s.request", stem);
	words = tap_slurp(path, NULL);
	for (char *word = words ? strtok_r(words, " \n", &save) : NULL; word;
	     word = strtok_r(NULL, " \n", &save))
		obey(s, word);
	free(words);
}

/* --- What was planned --- */

static const struct {
	uint64_t flag;
	const char *name;
} attributes[] = {
	{ MOUNT_ATTR_RDONLY, "ro" },
	{ MOUNT_ATTR_NOSUID, "nosuid" },
	{ MOUNT_ATTR_NODEV, "nodev" },
	{ MOUNT_ATTR_NOEXEC, "noexec" },
	{ MOUNT_ATTR_NOATIME, "noatime" },
	{ MOUNT_ATTR_STRICTATIME, "strictatime" },
	{ MOUNT_ATTR_NODIRATIME, "nodiratime" },
	{ MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
};

static void say_attributes(struct text *text, const char *name, uint64_t set)
{
	if (!set)
		return;
	say(text, " %s=", name);
	if ((set & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME) {
		say(text, "any-atime,");
		set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	}
	for (size_t i = 0; i < N(attributes); i++)
		if (set & attributes[i].flag)
			say(text, "%s,", attributes[i].name);
	text->used--;
	say(text, "%s", "");
	text->at[text->used] = '\0';
}

static const char *propagation_name(uint64_t propagation)
{
	switch (propagation) {
	case MS_SHARED:
		return "shared";
	case MS_SLAVE:
		return "slave";
	case MS_PRIVATE:
		return "private";
	default:
		return "unbindable";
	}
}

static void say_mount(struct text *text, const struct plan_mount *m)
{
	static const char *const kinds[] = { "new", "bind", "remount", "cgroup" };

	say(text, "mount %zu: %s %s", m->index, kinds[m->kind], m->destination);
	if (m->kind == MOUNT_NEW)
		say(text, " type=%s", m->type);
	if (m->kind == MOUNT_BIND || (m->kind == MOUNT_NEW && m->source))
		say(text, " source=%s", m->source);
	say_attributes(text, "set", m->attr_set);
	say_attributes(text, "clear", m->attr_clear);
	say_attributes(text, "tree-set", m->tree_set);
	say_attributes(text, "tree-clear", m->tree_clear);
	if (m->propagation)
		say(text, " %s%s", m->propagation_recursive ? "r" : "",
		    propagation_name(m->propagation));
	if (m->legacy)
		say(text, " legacy=%lx", m->legacy_flags);
	if (m->stand_in)
		say(text, " or=%s", m->stand_in);
	if (m->idmap == IDMAP_JOINED)
		say(text, " %sidmap=joined", m->idmap_recursive ? "r" : "");
	if (m->idmap == IDMAP_OWN)
		say(text, " %sidmap=%zu", m->idmap_recursive ? "r" : "", m->idmap_index);
	say(text, "%s%s%s%s%s", m->recursive ? " recursive" : "",
	    m->remount_bind ? " of-the-mount" : "", m->read_only ? " read-only" : "",
	    m->read_only_late ? " read-only-late" : "", m->copy_up ? " copy-up" : "");
	for (size_t i = 0; i < m->n_options; i++)
		say(text, " %s%s%s", m->options[i].key, m->options[i].value ? "=" : "",
		    m->options[i].value ? m->options[i].value : "");
	if (m->root_label)
		say(text, " label=%s", m->root_label);
	say(text, "\n");
}

/* The ranges of a map in one line. */
static void say_map_text(struct text *text, const char *map)
{
	for (; *map; map++)
		say(text, "%c", *map == '\n' ? ',' : *map);
}

static void say_idmaps(struct text *text, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_idmaps; i++) {
		say(text, "idmap %zu: uids ", i);
		say_map_text(text, plan->idmaps[i].uid_map);
		say(text, " gids ");
		say_map_text(text, plan->idmaps[i].gid_map);
		say(text, "\n");
	}
}

static void say_namespaces(struct text *text, const struct plan *plan)
{
	say(text, "namespaces:");
	for (int type = 0; type < NS_TYPES; type++) {
		const struct plan_namespace *ns = &plan->namespaces[type];

		if (ns->how == NS_SHARED)
			continue;
		say(text, " %s%s%s", plan_ns_kinds[type].name, ns->how == NS_JOINED ? "=" : "",
		    ns->how == NS_JOINED ? ns->path : "");
	}
	say(text, "%s\n", plan_has_stage(plan) ? " (STAGE)" : "");
}

static void say_map(struct text *text, const char *name, const struct plan_id_map *map)
{
	if (map->n == 0)
		return;
	say(text, "%s:%s", name, map->writer == MAP_HELPER ? " by newuidmap" : "");
	for (size_t i = 0; i < map->n; i++)
		say(text, " %u=%u+%u", map->ranges[i].inside, map->ranges[i].outside,
		    map->ranges[i].count);
	say(text, "\n");
}

static void say_user_and_time(struct text *text, const struct plan *plan)
{
	say_map(text, "uids", &plan->user.uids);
	say_map(text, "gids", &plan->user.gids);
	if (plan->user.uid || plan->user.gid)
		say(text, "set up by %u:%u\n", plan->user.uid, plan->user.gid);
	if (plan->user.deny_setgroups)
		say(text, "setgroups denied\n");
	for (size_t i = 0; i < plan->n_time_offsets; i++)
		say(text, "offset: %s %lld %u\n", plan->time_offsets[i].clock,
		    (long long)plan->time_offsets[i].secs, plan->time_offsets[i].nanosecs);
}

static void say_root(struct text *text, const struct plan *plan)
{
	if (strcmp(plan->rootfs, "/bundle/rootfs") != 0 || plan->root_readonly ||
	    plan->root_propagation)
		say(text, "root: %s%s%s%s\n", plan->rootfs, plan->root_readonly ? " read-only" : "",
		    plan->root_propagation_recursive ? " r"
		    : plan->root_propagation	     ? " "
						     : "",
		    plan->root_propagation ? propagation_name(plan->root_propagation) : "");
	for (size_t i = 0; i < plan->n_mounts; i++)
		say_mount(text, &plan->mounts[i]);
	say_idmaps(text, plan);
	for (size_t i = 0; i < plan->n_masked; i++)
		say(text, "masked: %s\n", plan->masked_paths[i]);
	for (size_t i = 0; i < plan->n_readonly; i++)
		say(text, "read-only: %s\n", plan->readonly_paths[i]);
	if (plan->hostname)
		say(text, "hostname: %s\n", plan->hostname);
	if (plan->domainname)
		say(text, "domainname: %s\n", plan->domainname);
	for (size_t i = 0; i < plan->n_sysctls; i++)
		say(text, "sysctl: %s = %s\n", plan->sysctls[i].path, plan->sysctls[i].value);
	for (size_t i = 0; i < plan->n_net_devices; i++)
		say(text, "net device: %s as %s%s\n", plan->net_devices[i].host_name,
		    plan->net_devices[i].name, plan->net_devices[i].numbered ? " (numbered)" : "");
}

static void say_devices(struct text *text, const struct plan *plan)
{
	size_t n_default = 0;

	for (size_t i = 0; i < plan->n_devices; i++) {
		const struct plan_device *d = &plan->devices[i];

		if (d->is_default) {
			n_default++;
			continue;
		}
		say(text, "device: %s %c %u:%u %04o %u:%u%s\n", d->path,
		    S_ISCHR(d->mode)   ? 'c'
		    : S_ISBLK(d->mode) ? 'b'
				       : 'p',
		    major(d->number), minor(d->number), d->mode & 07777U, d->uid, d->gid,
		    d->in_bind ? " in-bind" : "");
	}
	if (n_default != 6 || !plan->device_links)
		say(text, "default devices: %zu, links: %s\n", n_default,
		    plan->device_links ? "yes" : "no");
}

static void say_capabilities(struct text *text, const struct plan_capabilities *caps)
{
	if (caps->given)
		say(text,
		    "capabilities: bounding %llx, permitted %llx, effective %llx, inheritable "
		    "%llx, ambient %llx\n",
		    (unsigned long long)caps->bounding, (unsigned long long)caps->permitted,
		    (unsigned long long)caps->effective, (unsigned long long)caps->inheritable,
		    (unsigned long long)caps->ambient);
}

static void say_user(struct text *text, const struct plan_process *process)
{
	if (process->uid || process->gid || process->n_gids || process->umask != 0022) {
		say(text, "user: %u:%u umask %04o groups", process->uid, process->gid,
		    process->umask);
		for (size_t i = 0; i < process->n_gids; i++)
			say(text, " %u", process->gids[i]);
		say(text, "\n");
	}
}

static void say_set(struct text *text, const char *name, const struct number_set *set)
{
	if (!set)
		return;
	say(text, " %s", name);
	for (unsigned n = 0; n < NUMBERS; n++)
		if (number_in(set, n))
			say(text, " %u", n);
}

static void say_scheduling(struct text *text, const struct plan_process *process)
{
	const struct plan_scheduler *s = &process->scheduler;

	if (s->present)
		say(text,
		    "scheduler: policy %u flags %x nice %d priority %u deadline %llu:%llu:%llu%s\n",
		    s->policy, s->flags, s->nice, s->priority, (unsigned long long)s->runtime,
		    (unsigned long long)s->deadline, (unsigned long long)s->period,
		    s->late ? ", after the hooks" : "");
	if (process->has_io_priority)
		say(text, "I/O priority: %x\n", (unsigned)process->io_priority);
	if (process->schedules_itself && (s->present || process->has_io_priority))
		say(text, "INIT schedules itself\n");
	if (process->initial_cpus || process->final_cpus) {
		say(text, "exec'd on CPUs:");
		say_set(text, "initial", process->initial_cpus);
		say_set(text, "final", process->final_cpus);
		say(text, "\n");
	}
	if (process->memory_policy.present) {
		say(text, "memory policy: mode %d flags %x", process->memory_policy.mode,
		    (unsigned)process->memory_policy.flags);
		say_set(text, "nodes", process->memory_policy.nodes);
		say(text, "\n");
	}
}

static void say_process(struct text *text, const struct plan_process *process)
{
	if (!process->present) {
		say(text, "no process\n");
		return;
	}
	say_user(text, process);
	say_capabilities(text, &process->caps);
	for (size_t i = 0; i < process->n_rlimits; i++)
		say(text, "rlimit: %d %llu %llu\n", process->rlimits[i].resource,
		    (unsigned long long)process->rlimits[i].soft,
		    (unsigned long long)process->rlimits[i].hard);
	for (size_t i = 0; i < process->n_env; i++)
		if (process->n_env != 1 || strcmp(process->env[i], "PATH=/bin") != 0)
			say(text, "env: %s\n", process->env[i]);
	if (process->path && strcmp(process->path, "/bin") != 0)
		say(text, "searched in: %s\n", process->path);
	if (!process->needs_home)
		say(text, "HOME is given\n");
	if (process->no_new_privs)
		say(text, "no new privileges\n");
	if (process->apparmor_profile)
		say(text, "AppArmor: %s\n", process->apparmor_command);
	if (process->selinux_label)
		say(text, "SELinux: %s\n", process->selinux_label);
	if (process->has_oom_score_adj)
		say(text, "oom_score_adj: %d\n", process->oom_score_adj);
	if (process->has_personality)
		say(text, "personality: %lx\n", process->personality);
	say_scheduling(text, process);
	if (process->terminal)
		say(text, "terminal: %u rows, %u columns\n", process->rows, process->columns);
	if (process->preserve_fds)
		say(text, "fds kept: %u, announced: %u\n", process->preserve_fds,
		    process->listen_fds);
}

static void say_hooks(struct text *text, const struct plan *plan)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; i < plan->hooks[kind].n; i++) {
			const struct plan_hook *hook = &plan->hooks[kind].list[i];

			say(text, "%s %zu: %s timeout %d ms, args", plan_hook_names[kind],
			    hook->index, hook->path, hook->timeout_ms);
			for (char *const *arg = hook->args; *arg; arg++)
				say(text, " '%s'", *arg);
			say(text, ", env");
			for (char *const *entry = hook->env; entry && *entry; entry++)
				say(text, " '%s'", *entry);
			say(text, "%s\n", hook->env ? " (given)" : " (inherited)");
		}
	}
	if (plan->hook_state_head)
		say(text, "hook state: %screated\"%s\n", plan->hook_state_head,
		    plan->hook_state_tail);
}

static void say_seccomp(struct text *text, const struct plan_seccomp *seccomp)
{
	say(text, "seccomp: default %08x flags %x%s%s", seccomp->default_action, seccomp->flags,
	    seccomp->notify ? " asks " : "", seccomp->notify ? seccomp->listener_path : "");
	for (size_t i = 0; i < seccomp->n_archs; i++)
		say(text, " %08x", seccomp->archs[i]);
	say(text, "\n");
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct plan_seccomp_rule *rule = &seccomp->rules[i];

		say(text, "seccomp %zu: %08x", rule->index, rule->action);
		for (size_t k = 0; k < rule->names->n && k < 4; k++)
			say(text, " %s", rule->names->v[k]);
		for (size_t k = 0; k < rule->n_args; k++)
			say(text, " a%u op%u %llx,%llx", rule->args[k].index, rule->args[k].op,
			    (unsigned long long)rule->args[k].value,
			    (unsigned long long)rule->args[k].value_two);
		say(text, "\n");
	}
}

static void say_limits(struct text *text, const struct plan_cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->n_limits; i++) {
		const struct plan_limit *limit = &cgroup->limits[i];

		say(text, "limit: %s = %s%s%s%s", limit->file, limit->value,
		    limit->initial ? " (as the kernel begins)" : "", limit->late ? " (late)" : "",
		    limit->must_cover ? " (not below what is in use)" : "");
		if (limit->other)
			say(text, " %s %s = %s", limit->either ? "or" : "and", limit->other,
			    limit->other_value);
		say(text, " for %s\n", limit->pointer);
	}
	for (const struct plan_controller *c = cgroup->controllers; c && c->name; c++)
		say(text, "controller: %s for %s\n", c->name, c->pointer);
}

static void say_properties(struct text *text, const char *when, const struct unit_properties *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct unit_property *p = &list->v[i];

		say(text, "%s: %s", when, p->name);
		if (p->kind == UNIT_BYTES)
			for (size_t k = 0; k < p->n; k++)
				say(text, " %02x", p->bytes[k]);
		else if (p->kind == UNIT_PAIRS || p->kind == UNIT_STRINGS || p->kind == UNIT_STRING)
			for (size_t k = 0; k < p->n; k++)
				say(text, " '%s' %llu", p->strings[k],
				    p->numbers ? (unsigned long long)p->numbers[k] : 0);
		else
			say(text, " %llu", (unsigned long long)p->number);
		say(text, "\n");
	}
}

static void say_unit(struct text *text, const struct plan_systemd *systemd)
{
	say(text, "unit: %s in %s%s\n", systemd->unit, systemd->slice,
	    systemd->user ? " of the user's" : "");
	say_properties(text, "property", &systemd->properties);
	say_properties(text, "late property", &systemd->late);
}

static void say_plan(struct text *text, const struct plan *plan)
{
	say_namespaces(text, plan);
	say_user_and_time(text, plan);
	say_root(text, plan);
	say_devices(text, plan);
	say_process(text, &plan->process);
	say_hooks(text, plan);
	if (plan->intel_rdt.used)
		say(text, "RDT: group '%s'%s, monitored as '%s', schemata:\n%s",
		    plan->intel_rdt.group, plan->intel_rdt.given ? " (given)" : "",
		    plan->intel_rdt.monitor ? plan->intel_rdt.monitor : "",
		    plan->intel_rdt.schemata ? plan->intel_rdt.schemata : "");
	if (plan->notify)
		say(text, "notify socket proxied\n");
	if (!plan->cgroup.used)
		say(text, "cgroup: the caller's\n");
	else if (plan->cgroup.systemd.used)
		say_unit(text, &plan->cgroup.systemd);
	else if (plan->cgroup.path && strcmp(plan->cgroup.path, "c1") != 0)
		say(text, "cgroup: %s\n", plan->cgroup.path);
	if (plan->cgroup.n_filter == 0)
		say(text, "no device filter\n");
	say_limits(text, &plan->cgroup);
	if (plan->seccomp.present)
		say_seccomp(text, &plan->seccomp);
}

/* --- Running --- */

/* Reads and plans as `hull check` does. The result is whether the plan may be carried out. */
static bool look(struct scene *s, const char *text, size_t size)
{
	struct oci_report by_reader = { hear_reader, s };
	struct plan_report by_planner = { hear_planner, s };
	struct oci_error err = { 0 };

	if (oci_config_read(&s->config, text, size, &by_reader, &err) < 0) {
		if (!s->first[0])
			say(&s->heard, "unreadable: %s\n", err.text);
		if (s->config.doc) {
			unread_prepare(&s->unread, &s->config);
			(void)plan_make(&s->plan, &s->config, &s->request, &s->host, &by_planner,
					&err);
		}
		return false;
	}
	if (plan_make(&s->plan, &s->config, &s->request, &s->host, &by_planner, &err) < 0) {
		if (strcmp(err.text, s->first) != 0)
			tap_is_str(err.text, s->first, "the error is the first refusal");
		return false;
	}
	say(&s->heard, "accepted\n");
	say_plan(&s->heard, &s->plan);
	return true;
}

/* As create does: no report. */
static void same_without_report(struct scene *s, bool accepted, const char *name)
{
	struct plan plan;
	struct oci_error err = { 0 };

	if (!s->config.doc || s->unread.trees) /* the reader refused; its own tests look at this */
		return;
	if (accepted == (plan_make(&plan, &s->config, &s->request, &s->host, NULL, &err) < 0) ||
	    strcmp(err.text, s->first) != 0)
		tap_is_str(err.text, s->first, "%s: the same without a report", name);
	plan_free(&plan);
}

static char *finding_lines(const char *path, const char *name)
{
	char stem[4096];
	size_t size = 0;
	char *text = tap_slurp(path, &size);
	struct scene s;

	if (!text)
		return NULL;
	(void)snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(path) - strlen(".json")), path);
	set_scene(&s, stem);
	same_without_report(&s, look(&s, text, size), name);
	plan_free(&s.plan);
	oci_config_close(&s.config);
	unread_free(&s.unread);
	free(text);
	return s.heard.at;
}

static void run_case(const char *dir, const char *name)
{
	int stem = (int)(strlen(name) - strlen(".json"));
	char path[8192];
	auto_free char *expected = NULL;
	auto_free char *got = NULL;

	(void)snprintf(path, sizeof(path), "%s/%.*s.expected", dir, stem, name);
	expected = tap_slurp(path, NULL);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	got = finding_lines(path, name);
	tap_is_str(got, expected, "%.*s", stem, name);
}

/* Lists that are too long for a file: HEAD, n times ITEM, TAIL. */
static void check_long(const char *head, const char *item, unsigned n, const char *tail,
		       const char *expected)
{
	struct text text = { .room = 1 << 20 };
	struct scene s;

	text.at = calloc(1, text.room);
	if (!text.at)
		exit(1);
	say(&text, "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},%s", head);
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(item, "rule") == 0)
			say(&text, "%s{\"allow\":%s,\"type\":\"c\",\"major\":%u,\"minor\":0}",
			    i ? "," : "", i % 2 ? "true" : "false", i + 1);
		else
			say(&text, "%s%s", i ? "," : "", item);
	}
	say(&text, "%s", tail);
	set_scene(&s, "");
	(void)look(&s, text.at, text.used);
	s.heard.at[strcspn(s.heard.at, "\n")] = '\0';
	tap_is_str(s.heard.at, expected, "%u times '%s'", n, item);
	plan_free(&s.plan);
	oci_config_close(&s.config);
	unread_free(&s.unread);
	free(s.heard.at);
	free(text.at);
}

static void check_lengths(void)
{
	const char *groups = "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],"
			     "\"user\":{\"additionalGids\":[";
	const char *rules = "\"linux\":{\"resources\":{\"devices\":[";

	check_long(groups, "7", 65536, "]}}}", "accepted");
	check_long(groups, "7", 65537, "]}}}",
		   "invalid: /process/user/additionalGids: 65537 groups are more than the "
		   "kernel's 65536");
	check_long(rules, "rule", 500, "]}}}", "accepted");
	check_long(rules, "rule", 4100, "]}}}",
		   "host: /linux/resources/devices: 4100 rules are too many for one device filter");
}

static int is_case(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0;
}

int main(int argc, char **argv)
{
	const char *dir = tap_source("tests/cases/plan");
	struct dirent **names;
	int n;

	if (argc == 3 && strcmp(argv[1], "--print") == 0) {
		auto_free char *got = finding_lines(argv[2], argv[2]);

		printf("%s", got ? got : "no such file\n");
		return got ? 0 : 1;
	}
	n = scandir(dir, &names, is_case, alphasort);
	tap_ok(n >= 80, "%s holds %d cases", dir, n);
	for (int i = 0; i < n; i++) {
		run_case(dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	check_lengths();
	return tap_done();
}
