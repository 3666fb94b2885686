/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The `process` object: what the container's first process is given. Names become numbers here;
 * what must be looked up inside the container (args[0], HOME) is left to INIT.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "plan/planner.h"
#include "plan/scheduling.h"

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static int rlimit_number(const char *name)
{
	for (size_t i = 0; i < sizeof(rlimit_names) / sizeof(rlimit_names[0]); i++)
		if (strcmp(rlimit_names[i].name, name) == 0)
			return rlimit_names[i].resource;
	return -1;
}

static int plan_rlimits(struct planner *p, struct plan_process *out)
{
	const struct oci_process *in = &p->config->process;
	struct plan_rlimit *list = arena_array(&p->plan->arena, in->rlimits.n, sizeof(*list));
	size_t first[RLIM_NLIMITS] = { 0 }; /* where each stands, plus one */
	char pointer[64];

	for (size_t i = 0; list && i < in->rlimits.n; i++) {
		const struct oci_rlimit *limit = &in->rlimits.v[i];

		(void)snprintf(pointer, sizeof(pointer), "/process/rlimits/%zu/type", i);
		list[i].resource = rlimit_number(limit->type);
		list[i].soft = limit->soft;
		list[i].hard = limit->hard;
		list[i].index = i;
		if (list[i].resource < 0)
			TRY(planner_refuse(p, PLAN_INVALID, pointer,
					   "'%s' is no limit that Linux has",
					   planner_shown(p, limit->type)));
		else if (first[list[i].resource])
			TRY(planner_refuse(p, PLAN_INVALID, pointer,
					   "'%s' stands already at /process/rlimits/%zu",
					   limit->type, first[list[i].resource] - 1));
		else
			first[list[i].resource] = i + 1;
		(void)snprintf(pointer, sizeof(pointer), "/process/rlimits/%zu/soft", i);
		if (limit->soft > limit->hard)
			TRY(planner_refuse(
				p, PLAN_INVALID, pointer, "%llu is above the hard limit, %llu",
				(unsigned long long)limit->soft, (unsigned long long)limit->hard));
	}
	out->rlimits = list;
	out->n_rlimits = in->rlimits.n;
	return 0;
}

uint64_t planner_capability(const struct planner *p, const char *name)
{
	cap_value_t number;

	/* cap_from_name() takes numbers, small letters and whatever stands behind a name as well.
	 */
	if (strncmp(name, "CAP_", 4) != 0 ||
	    name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] != '\0' ||
	    cap_from_name(name, &number) != 0 || number > 63)
		return 0;
	return p->host->known_caps & (UINT64_C(1) << number);
}

/* One of the five lists as a bit set. What the kernel doesn't know or hull doesn't hold is left
 * out with a note, as the specification wants it. */
static uint64_t capability_set(struct planner *p, const struct oci_strings *names,
			       const char *set_name)
{
	uint64_t set = 0;

	for (size_t i = 0; i < names->n; i++) {
		uint64_t bit = planner_capability(p, names->v[i]);
		char pointer[80];

		(void)snprintf(pointer, sizeof(pointer), "/process/capabilities/%s/%zu", set_name,
			       i);
		if (!bit)
			planner_note(p, pointer, "this kernel doesn't know '%s', left out",
				     planner_shown(p, names->v[i]));
		else if (!(p->plan->capabilities & bit))
			planner_note(p, pointer, "hull itself doesn't hold '%s', left out",
				     names->v[i]);
		else
			set |= bit;
	}
	return set;
}

/* Refuses what one set has and another must have too. */
static int need_also(struct planner *p, const struct oci_strings *names, const char *set_name,
		     uint64_t set, uint64_t other, const char *other_name)
{
	for (size_t i = 0; i < names->n; i++) {
		char pointer[80];

		if (!(planner_capability(p, names->v[i]) & set & ~other))
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/process/capabilities/%s/%zu", set_name,
			       i);
		TRY(planner_refuse(p, PLAN_INVALID, pointer,
				   "'%s' must be in /process/capabilities/%s too "
				   "(capabilities(7))",
				   names->v[i], other_name));
	}
	return 0;
}

/* The specification has no error for these: what can't be ambient is left out with a note. */
static void note_ambient(struct planner *p, const struct oci_strings *names, uint64_t left_out)
{
	for (size_t i = 0; i < names->n; i++) {
		char pointer[80];

		if (!(planner_capability(p, names->v[i]) & left_out))
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/process/capabilities/ambient/%zu", i);
		planner_note(p, pointer,
			     "'%s' can't be ambient unless it is permitted and inheritable, left "
			     "out",
			     names->v[i]);
	}
}

static int plan_capabilities(struct planner *p, struct plan_capabilities *caps)
{
	const struct oci_capabilities *in = &p->config->process.capabilities;
	uint64_t reachable;

	if (!in->present)
		return 0;
	caps->given = true;
	caps->bounding = capability_set(p, &in->bounding, "bounding");
	caps->permitted = capability_set(p, &in->permitted, "permitted");
	caps->effective = capability_set(p, &in->effective, "effective");
	caps->inheritable = capability_set(p, &in->inheritable, "inheritable");
	caps->ambient = capability_set(p, &in->ambient, "ambient");
	TRY(need_also(p, &in->effective, "effective", caps->effective, caps->permitted,
		      "permitted"));
	/* The bounding set is dropped first, and capset(2) then refuses such a set. */
	TRY(need_also(p, &in->inheritable, "inheritable", caps->inheritable, caps->bounding,
		      "bounding"));
	reachable = caps->permitted & caps->inheritable;
	note_ambient(p, &in->ambient, caps->ambient & ~reachable);
	caps->ambient &= reachable;
	return 0;
}

/* Where setgroups(2) is forbidden the caller's own groups stay; others can't be had. */
static int check_groups(struct planner *p, const struct plan_process *out)
{
	bool new_user = plan_new_ns(p->plan, NS_USER);
	bool denied = new_user ? p->plan->user.deny_setgroups : p->host->setgroups_denied;

	if (!denied || plan_joined_ns(p->plan, NS_USER))
		return 0;
	if (out->n_gids == 0 && !p->host->has_groups)
		return 0;
	if (out->n_gids == 0) {
		planner_note(p, "/process/user",
			     "the caller's supplementary groups stay: the kernel forbids to change "
			     "them in a user namespace made without privilege");
		return 0;
	}
	return planner_refuse(p, PLAN_HOST, "/process/user/additionalGids",
			      "the kernel forbids setgroups(2) in a user namespace that was made "
			      "without privilege; with a range of /etc/subgid in "
			      "/linux/gidMappings, mapped by newgidmap, it works");
}

static int plan_user(struct planner *p, struct plan_process *out)
{
	const struct oci_user *user = &p->config->process.user;

	out->uid = user->uid;
	out->gid = user->gid;
	out->gids = user->additional_gids.v;
	out->n_gids = user->additional_gids.n;
	out->umask = 0022;
	if (out->uid == (uid_t)-1)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/user/uid",
				   "4294967295 is no user id, it means 'unchanged' to the kernel"));
	else
		TRY(planner_check_uid(p, "/process/user/uid", out->uid));
	if (out->gid == (gid_t)-1)
		TRY(planner_refuse(
			p, PLAN_INVALID, "/process/user/gid",
			"4294967295 is no group id, it means 'unchanged' to the kernel"));
	else
		TRY(planner_check_gid(p, "/process/user/gid", out->gid));
	for (size_t i = 0; i < out->n_gids; i++) {
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/process/user/additionalGids/%zu", i);
		if (out->gids[i] == (gid_t)-1)
			TRY(planner_refuse(p, PLAN_INVALID, pointer, "4294967295 is no group id"));
		else
			TRY(planner_check_gid(p, pointer, out->gids[i]));
	}
	TRY(check_groups(p, out));
	if (out->n_gids > 65536)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/user/additionalGids",
				   "%zu groups are more than the kernel's 65536", out->n_gids));
	if (user->umask.set && user->umask.v > 0777)
		TRY(planner_refuse(
			p, PLAN_INVALID, "/process/user/umask", "%llu (0%llo) is above 511 (0777)",
			(unsigned long long)user->umask.v, (unsigned long long)user->umask.v));
	if (user->umask.set)
		out->umask = (mode_t)user->umask.v;
	return 0;
}

static bool env_names(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* The final environment. A variable that stands twice counts with its last value, as shells do it;
 * what hull adds replaces what the config had of that name. */
static int plan_env(struct planner *p, struct plan_process *out)
{
	const struct oci_strings *in = &p->config->process.env;
	struct arena *arena = &p->plan->arena;
	char **env = arena_array(arena, in->n + PLAN_ENV_ROOM, sizeof(*env));
	size_t n = 0;
	char pointer[48];

	if (!env)
		return 0;
	out->needs_home = true;
	for (size_t i = 0; i < in->n; i++) {
		char *entry = in->v[i];
		const char *equals = strchr(entry, '=');

		(void)snprintf(pointer, sizeof(pointer), "/process/env/%zu", i);
		if (!equals || equals == entry)
			TRY(planner_refuse(p, PLAN_INVALID, pointer, "'%s' is not NAME=VALUE",
					   planner_shown(p, entry)));
		if (p->plan->notify && env_names(entry, "NOTIFY_SOCKET"))
			continue;
		if (out->listen_fds &&
		    (env_names(entry, "LISTEN_FDS") || env_names(entry, "LISTEN_PID")))
			continue;
		if (env_names(entry, "PATH"))
			out->path = entry + strlen("PATH=");
		if (env_names(entry, "HOME"))
			out->needs_home = false;
		env[n++] = entry;
	}
	if (p->plan->notify)
		env[n++] = arena_strdup(arena, "NOTIFY_SOCKET=" PLAN_NOTIFY_INSIDE "/socket");
	if (out->listen_fds)
		env[n++] = arena_printf(arena, "LISTEN_FDS=%u", out->listen_fds);
	out->env = env;
	out->n_env = n;
	return 0;
}

static int plan_fds(struct planner *p, struct plan_process *out)
{
	const struct request *request = p->request;
	unsigned long listen_fds = 0;

	if (request->listen_fds) {
		char *end;

		listen_fds = strtoul(request->listen_fds, &end, 10);
		if (*end || end == request->listen_fds || listen_fds > 1024)
			TRY(planner_refuse(p, PLAN_HOST, "/process/env",
					   "hull was called with LISTEN_FDS='%s', which is no "
					   "number of fds up to 1024",
					   planner_shown(p, request->listen_fds)));
	}
	out->listen_fds = (unsigned)listen_fds;
	out->preserve_fds = request->preserve_fds + out->listen_fds;
	return 0;
}

static int plan_terminal(struct planner *p, struct plan_process *out)
{
	const struct oci_process *in = &p->config->process;
	const struct request *request = p->request;

	out->terminal = in->terminal;
	if (in->console_size.present && in->terminal) {
		if (in->console_size.height > USHRT_MAX || in->console_size.width > USHRT_MAX)
			TRY(planner_refuse(p, PLAN_INVALID, "/process/consoleSize",
					   "a terminal has at most 65535 rows and columns"));
		out->rows = (unsigned short)in->console_size.height;
		out->columns = (unsigned short)in->console_size.width;
	}
	if (!in->terminal && request->console_socket)
		planner_note(p, "/process/terminal",
			     "is not true, so --console-socket has no effect");
	if (in->terminal && !request->console_socket && request->id &&
	    (!(request->run || request->exec) || request->detach))
		TRY(planner_refuse(p, PLAN_HOST, "/process/terminal",
				   "is true, so --console-socket must say who gets the terminal"));
	return 0;
}

static int plan_small(struct planner *p, struct plan_process *out)
{
	const struct oci_process *in = &p->config->process;
	const struct oci_personality *personality = &p->config->linux.personality;

	out->no_new_privs = in->no_new_privileges;
	out->has_oom_score_adj = in->oom_score_adj.set;
	out->oom_score_adj = (int)in->oom_score_adj.v;
	if (in->oom_score_adj.set && (in->oom_score_adj.v < -1000 || in->oom_score_adj.v > 1000))
		TRY(planner_refuse(p, PLAN_INVALID, "/process/oomScoreAdj",
				   "%lld is not in -1000..1000", (long long)in->oom_score_adj.v));
	if (!personality->present)
		return 0;
	out->has_personality = personality->domain != NULL;
	if (personality->domain && strcmp(personality->domain, "LINUX32") == 0)
		out->personality = PER_LINUX32;
	if (personality->flags.n > 0)
		planner_note(p, "/linux/personality/flags",
			     "the specification defines no flags yet, ignored");
	return 0;
}

int plan_process(struct planner *p)
{
	const struct oci_process *in = &p->config->process;
	struct plan_process *out = &p->plan->process;

	out->present = in->present;
	if (!in->present && p->request->run)
		return planner_refuse(p, PLAN_INVALID, "/process",
				      "missing: create works without it, run doesn't");
	TRY(plan_memory_policy(p, out));
	if (!in->present)
		return 0;
	if (in->args.n == 0)
		TRY(planner_refuse(p, PLAN_INVALID, "/process/args",
				   "must name at least the program"));
	else if (in->args.v[0][0] == '\0')
		TRY(planner_refuse(p, PLAN_INVALID, "/process/args/0",
				   "is empty, it must name a program"));
	out->args = in->args.v;
	out->cwd = in->cwd;
	TRY(plan_fds(p, out));
	TRY(plan_env(p, out));
	TRY(plan_user(p, out));
	TRY(plan_capabilities(p, &out->caps));
	TRY(plan_rlimits(p, out));
	TRY(plan_terminal(p, out));
	TRY(plan_scheduling(p, out));
	TRY(plan_small(p, out));
	return plan_process_labels(p, in, out);
}
