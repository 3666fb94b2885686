/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The plan of `exec`: a process for a container that exists. What the command line or --process say
 * goes before what the container's own config.json says; from there on it is planned as every other
 * process (process.c). Names of users are kept, for only the container can tell what they mean.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/planner.h"

/* Longer names than the system's own tools make; a bound for what is compared with a hostile file.
 */
enum { NAME_LIMIT = 255 };

static bool is_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* The whole text is a number that an id can have. 4294967295 means "unchanged" to the kernel. */
static int parse_id(const char *text, uint32_t *id, const char *what, struct oci_error *err)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end || number >= UINT32_MAX)
		return fail_code(err, "usage", "'%.60s' is no %s id: the highest is 4294967294",
				 text, what);
	*id = (uint32_t)number;
	return 0;
}

static int parse_name(const char *text, const char *what, struct oci_error *err)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char other[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				    "0123456789.-@\\";
	size_t length = strlen(text);
	size_t good = strchr(first, text[0]) && text[0] ? strspn(text, other) : 0;

	if (good && text[good] == '$' && !text[good + 1]) /* machine accounts */
		good++;
	if (good != length || length == 0 || length > NAME_LIMIT)
		return fail_code(err, "usage",
				 "'%.60s' is neither a %s id (decimal digits) nor a name of one",
				 text, what);
	return 0;
}

int plan_parse_user(struct plan_user *user, const char *text, struct arena *arena,
		    struct oci_error *err)
{
	char *copy = arena_strdup(arena, text);
	char *group = copy ? strchr(copy, ':') : NULL;

	*user = (struct plan_user){ .name = NULL };
	if (!copy)
		return fail_code(err, "out-of-memory", "no memory for the plan");
	if (group)
		*group++ = '\0';
	if (is_digits(copy)) {
		TRY(parse_id(copy, &user->uid, "user", err));
	} else {
		TRY(parse_name(copy, "user", err));
		user->name = copy;
	}
	user->has_group = group != NULL;
	if (!group)
		return 0;
	if (is_digits(group))
		return parse_id(group, &user->gid, "group", err);
	TRY(parse_name(group, "group", err));
	user->group = group;
	return 0;
}

/* --user replaces the user as a whole: groups of another user's don't come along. Without a group
 * a number keeps the container's, as with runc; a name has its own. */
static int take_user(struct planner *p, struct oci_process *process, struct plan_user *user)
{
	const struct request_exec *exec = p->request->exec;

	if (!exec->user)
		return 0;
	if (plan_parse_user(user, exec->user, &p->plan->arena, p->err) < 0)
		return fail_in(p->err, "--user");
	process->user.uid = user->uid;
	if (user->has_group)
		process->user.gid = user->gid;
	process->user.additional_gids.n = 0;
	return 0;
}

/* How many numbers the lists of --additional-gids can hold at most. */
static size_t count_gids(const struct request_exec *exec)
{
	size_t n = 0;

	for (size_t i = 0; i < exec->n_gids; i++) {
		n++;
		for (const char *at = exec->gids[i]; *at; at++)
			n += *at == ',';
	}
	return n;
}

static int take_gids(struct planner *p, struct oci_process *process)
{
	const struct request_exec *exec = p->request->exec;
	size_t had = process->user.additional_gids.n;
	uint32_t *list;
	size_t n = had;

	if (exec->n_gids == 0)
		return 0;
	list = arena_array(&p->plan->arena, had + count_gids(exec), sizeof(*list));
	if (!list)
		return 0; /* the arena remembers */
	if (had)
		memcpy(list, process->user.additional_gids.v, had * sizeof(*list));
	for (size_t i = 0; i < exec->n_gids; i++) {
		char *copy = arena_strdup(&p->plan->arena, exec->gids[i]);

		for (char *at = copy; at; n++) {
			char *comma = strchr(at, ',');

			if (comma)
				*comma++ = '\0';
			if (!is_digits(at))
				return fail_code(p->err, "usage",
						 "--additional-gids: '%.60s' is no group id", at);
			if (parse_id(at, &list[n], "group", p->err) < 0)
				return fail_in(p->err, "--additional-gids");
			at = comma;
		}
	}
	process->user.additional_gids.v = list;
	process->user.additional_gids.n = n;
	return 0;
}

static bool same_variable(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

/* Those of the container that are not given anew, then the given ones. */
static int take_env(struct planner *p, struct oci_process *process)
{
	const struct request_exec *exec = p->request->exec;
	struct arena *arena = &p->plan->arena;
	char **list;
	size_t n = 0;

	if (exec->n_env == 0)
		return 0;
	list = arena_array(arena, process->env.n + exec->n_env, sizeof(*list));
	if (!list)
		return 0;
	for (size_t i = 0; i < process->env.n; i++) {
		size_t k = 0;

		while (k < exec->n_env && !same_variable(process->env.v[i], exec->env[k]))
			k++;
		if (k == exec->n_env)
			list[n++] = process->env.v[i];
	}
	for (size_t i = 0; i < exec->n_env; i++) {
		size_t k = i + 1;
		const char *equals = strchr(exec->env[i], '=');

		if (!equals || equals == exec->env[i])
			return fail_code(p->err, "usage", "--env: '%.60s' is not NAME=VALUE",
					 exec->env[i]);
		while (k < exec->n_env && !same_variable(exec->env[i], exec->env[k]))
			k++;
		if (k == exec->n_env) /* else a later one counts */
			list[n++] = arena_strdup(arena, exec->env[i]);
	}
	process->env.v = list;
	process->env.n = n;
	return 0;
}

/* "net_raw", "NET_RAW", "cap_net_raw" and "CAP_NET_RAW" are one. */
static char *capability_name(struct planner *p, const char *given)
{
	bool prefixed = strncasecmp(given, "cap_", 4) == 0;
	char *name = arena_printf(&p->plan->arena, "CAP_%s", prefixed ? given + 4 : given);

	for (char *at = name; at && *at; at++)
		if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at & ~0x20);
	return name;
}

static void append(struct planner *p, struct oci_strings *set, char *const *names, size_t n)
{
	char **list = arena_array(&p->plan->arena, set->n + n, sizeof(*list));

	if (!list)
		return;
	if (set->n)
		memcpy(list, set->v, set->n * sizeof(*list));
	memcpy(list + set->n, names, n * sizeof(*list));
	set->v = list;
	set->n += n;
}

/* Never to the inheritable set, through which files of the image could hand them on. */
static int take_caps(struct planner *p, struct oci_process *process)
{
	const struct request_exec *exec = p->request->exec;
	struct oci_capabilities *caps = &process->capabilities;
	char **names = arena_array(&p->plan->arena, exec->n_caps, sizeof(*names));

	if (exec->n_caps == 0 || !names)
		return 0;
	for (size_t i = 0; i < exec->n_caps; i++) {
		names[i] = capability_name(p, exec->caps[i]);
		if (names[i] && !planner_capability(p, names[i]))
			return fail_code(p->err, "usage", "--cap: this kernel doesn't know '%.60s'",
					 exec->caps[i]);
	}
	caps->present = true;
	append(p, &caps->bounding, names, exec->n_caps);
	append(p, &caps->effective, names, exec->n_caps);
	append(p, &caps->permitted, names, exec->n_caps);
	return 0;
}

static size_t count_args(const char *const *args)
{
	size_t n = 0;

	while (args[n])
		n++;
	return n;
}

/* A process object that names no label would take the process out of the container's profile, one
 * without a user would make it root. */
static void keep_own(struct oci_process *process, const struct oci_process *own)
{
	if (!process->user.present)
		process->user = own->user;
	if (!process->env.v)
		process->env = own->env;
	if (!process->apparmor_profile)
		process->apparmor_profile = own->apparmor_profile;
	if (!process->selinux_label)
		process->selinux_label = own->selinux_label;
}

static int merge(struct planner *p, struct oci_process *process, struct plan_user *user)
{
	const struct request_exec *exec = p->request->exec;
	const struct oci_process *own = &p->config->process;
	struct arena *arena = &p->plan->arena;

	*process = exec->process ? *exec->process : *own;
	process->present = true;
	process->terminal = exec->terminal || (exec->process && exec->process->terminal);
	if (!exec->process)
		process->console_size = (struct oci_console_size){ .present = false };
	if (exec->rows && !process->console_size.present)
		process->console_size =
			(struct oci_console_size){ true, exec->rows, exec->columns };
	keep_own(process, own);
	if (exec->args) {
		memcpy(&process->args.v, &exec->args, sizeof(exec->args)); /* read only from here */
		process->args.n = count_args(exec->args);
	}
	if (exec->cwd && exec->cwd[0] != '/')
		return fail_code(p->err, "usage", "--cwd: '%.200s' is not an absolute path",
				 exec->cwd);
	if (exec->cwd)
		process->cwd = arena_strdup(arena, exec->cwd);
	if (!process->cwd) /* a container without a process */
		process->cwd = arena_strdup(arena, "/");
	if (exec->apparmor)
		process->apparmor_profile = arena_strdup(arena, exec->apparmor);
	if (exec->label)
		process->selinux_label = arena_strdup(arena, exec->label);
	process->no_new_privileges |= exec->no_new_privs;
	TRY(take_user(p, process, user));
	TRY(take_gids(p, process));
	TRY(take_env(p, process));
	return take_caps(p, process);
}

/* The way there is the container's process, so paths don't matter. */
static void enter_namespaces(struct planner *p)
{
	struct plan *plan = p->plan;

	plan->joins = true;
	plan->by_chroot = true;
	for (size_t i = 0; i < p->config->linux.namespaces.n; i++) {
		const struct oci_namespace *ns = &p->config->linux.namespaces.v[i];

		for (int type = 0; type < NS_TYPES; type++)
			if (strcmp(plan_ns_kinds[type].name, ns->type) == 0) {
				plan->namespaces[type].how = NS_JOINED;
				plan->namespaces[type].index = i;
			}
		if (strcmp(ns->type, "mount") == 0 && !ns->path)
			plan->by_chroot = false;
	}
}

static int check_sub_cgroup(struct planner *p)
{
	const struct request_exec *exec = p->request->exec;
	const char *at = exec->sub_cgroup;

	if (!at)
		return 0;
	if (!exec->has_cgroup)
		return fail_code(p->err, "usage", "--cgroup: the container has no cgroup");
	while (*at) {
		size_t size = strcspn(at, "/");

		if ((size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.'))
			return fail_code(p->err, "usage",
					 "--cgroup: '%.200s' has a component '.' or '..'",
					 exec->sub_cgroup);
		at += size + (at[size] == '/');
	}
	return 0;
}

/* Two files say so: state.json that there is a listener, config.json where. */
static int check_seccomp(struct planner *p)
{
	const struct plan_seccomp *seccomp = &p->plan->seccomp;

	if (!seccomp->notify || seccomp->listener_path)
		return 0;
	return planner_refuse(p, PLAN_INVALID, "/linux/seccomp/listenerPath", "missing");
}

static int plan_exec(struct planner *p)
{
	struct oci_config *merged = arena_zalloc(&p->plan->arena, sizeof(*merged));
	struct plan_user user = { .name = NULL };

	if (!merged)
		return 0; /* planner_make() tells */
	*merged = *p->config;
	TRY(merge(p, &merged->process, &user));
	p->config = p->plan->config = merged;
	enter_namespaces(p);
	TRY(plan_user_namespace(p));
	TRY(check_sub_cgroup(p));
	/* The filter itself is the very one that was made for the container. */
	p->plan->seccomp.present = p->request->exec->filtered;
	p->plan->seccomp.notify = p->request->exec->filter_notifies;
	p->plan->seccomp.listener_path = merged->linux.seccomp.listener_path;
	p->plan->seccomp.listener_metadata = merged->linux.seccomp.listener_metadata;
	p->plan->cgroup.used = p->request->exec->has_cgroup;
	TRY(plan_process(p));
	TRY(check_seccomp(p));
	p->plan->process.user_name = user.name;
	p->plan->process.group_name = user.group;
	p->plan->process.users_groups = user.name && !user.has_group;
	return plan_intel_rdt(p);
}

int plan_make_exec(struct plan *plan, const struct oci_config *config,
		   const struct request *request, const struct host *host,
		   const struct plan_report *report, struct oci_error *err)
{
	return planner_make(plan, config, request, host, report, plan_exec, err);
}
