/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.seccomp: words become the kernel's numbers, and what can't work is refused. libseccomp is
 * asked for names only; building the filter is steps/seccomp_compile.c.
 *
 * Between loading the filter and its program's execve(2) INIT makes no system call but that one,
 * and with a listener one write(2) and one read(2): that decides what is refused here.
 */
#include "plan/seccomp.h"

#include <ctype.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "plan/planner.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

/* The kernel passes errnos up to 4095 on (MAX_ERRNO), libseccomp takes those below; a tracer gets
 * all 16 bits. */
enum { ERRNO_LIMIT = 4094, TRACE_LIMIT = 65535 };

/* Of one entry: alternatives multiply. */
enum { ALTERNATIVES_LIMIT = 256 };

/* For the search of calls that stand twice: how many numbers, and marks that are no action. */
enum { CALL_NUMBERS = 1024, UNSEEN = 0x1234, MIXED = 1 };

const struct plan_seccomp_word plan_seccomp_actions[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
	{ NULL, 0 },
};

const struct plan_seccomp_word plan_seccomp_operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ NULL, 0 },
};

const struct plan_seccomp_word plan_seccomp_flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	{ NULL, 0 },
};

const char *const plan_seccomp_archs[] = {
	"SCMP_ARCH_AARCH64",	 "SCMP_ARCH_ARM",    "SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",	 "SCMP_ARCH_MIPS",   "SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",	 "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC",	 "SCMP_ARCH_PPC64",  "SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_RISCV64",	 "SCMP_ARCH_S390",   "SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",		 "SCMP_ARCH_SHEB",   "SCMP_ARCH_X32",
	"SCMP_ARCH_X86",	 "SCMP_ARCH_X86_64", NULL,
};

static const struct plan_seccomp_word *find(const struct plan_seccomp_word *words, const char *name)
{
	for (; words->name; words++)
		if (name && strcmp(words->name, name) == 0)
			return words;
	return NULL;
}

uint32_t plan_seccomp_arch(const char *name)
{
	static const char prefix[] = "SCMP_ARCH_";
	char small[32];
	size_t n = 0;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	for (name += sizeof(prefix) - 1; *name && n < sizeof(small) - 1; name++)
		small[n++] = (char)tolower((unsigned char)*name);
	small[n] = '\0';
	return seccomp_arch_resolve_name(small);
}

static bool takes_number(uint32_t action)
{
	return action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;
}

/* An action's word and its number as what a filter returns. */
static int take_action(struct planner *p, const char *pointer, const char *word,
		       const char *number_pointer, const struct oci_maybe_uint *number,
		       uint32_t *out)
{
	const struct plan_seccomp_word *action = find(plan_seccomp_actions, word);
	uint32_t limit;

	*out = SECCOMP_RET_KILL_PROCESS;
	if (!action)
		return planner_refuse(p, PLAN_INVALID, pointer, "'%s' is no action",
				      planner_shown(p, word ? word : ""));
	*out = action->value;
	if (!takes_number(action->value))
		return number->set ? planner_refuse(p, PLAN_INVALID, number_pointer,
						    "%s has no number: only SCMP_ACT_ERRNO and "
						    "SCMP_ACT_TRACE take one",
						    word)
				   : 0;
	/* EPERM is the specification's default. */
	*out |= number->set ? (uint32_t)number->v & SECCOMP_RET_DATA : 1;
	limit = action->value == SECCOMP_RET_ERRNO ? ERRNO_LIMIT : TRACE_LIMIT;
	if (number->set && number->v > limit)
		return planner_refuse(p, PLAN_INVALID, number_pointer,
				      "%llu is above %u, the limit for %s",
				      (unsigned long long)number->v, limit, word);
	return 0;
}

static int take_archs(struct planner *p, const struct oci_seccomp *in, struct plan_seccomp *out)
{
	uint32_t *list = arena_array(&p->plan->arena, in->architectures.n, sizeof(*list));
	char pointer[64];

	for (size_t i = 0; list && i < in->architectures.n; i++) {
		const char *name = in->architectures.v[i];
		uint32_t token = plan_seccomp_arch(name);
		bool known = false;

		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/architectures/%zu", i);
		for (size_t k = 0; plan_seccomp_archs[k]; k++)
			known |= strcmp(plan_seccomp_archs[k], name) == 0;
		if (!known)
			TRY(planner_refuse(p, PLAN_INVALID, pointer, "'%s' is no architecture",
					   planner_shown(p, name)));
		else if (token)
			list[out->n_archs++] = token;
		else
			/* Its calls stay forbidden, as those of any that isn't listed. */
			planner_note(p, pointer, "this libseccomp doesn't know '%s', left out",
				     name);
	}
	out->archs = list;
	return 0;
}

static int take_flags(struct planner *p, const struct oci_seccomp *in, struct plan_seccomp *out)
{
	char pointer[64];

	for (size_t i = 0; i < in->flags.n; i++) {
		const struct plan_seccomp_word *flag = find(plan_seccomp_flags, in->flags.v[i]);

		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/flags/%zu", i);
		if (!flag)
			TRY(planner_refuse(p, PLAN_INVALID, pointer, "'%s' is no flag",
					   planner_shown(p, in->flags.v[i])));
		else if (flag->value == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !out->notify)
			/* The kernel takes it together with a listener only (EINVAL). */
			planner_note(p, pointer, "has no effect without SCMP_ACT_NOTIFY, left out");
		else
			out->flags |= flag->value;
	}
	return 0;
}

static int take_args(struct planner *p, const struct oci_seccomp_syscall *in, size_t index,
		     struct plan_seccomp_arg *out)
{
	char pointer[80];

	for (size_t i = 0; i < in->args.n; i++) {
		const struct oci_seccomp_arg *arg = &in->args.v[i];
		const struct plan_seccomp_word *op = find(plan_seccomp_operators, arg->op);

		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/args/%zu/%s",
			       index, i, "index");
		if (arg->index > 5)
			TRY(planner_refuse(p, PLAN_INVALID, pointer,
					   "%u is too high, a system call has the arguments 0 to 5",
					   arg->index));
		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/args/%zu/%s",
			       index, i, "op");
		if (!op)
			TRY(planner_refuse(p, PLAN_INVALID, pointer, "'%s' is no operator",
					   planner_shown(p, arg->op ? arg->op : "")));
		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/args/%zu/%s",
			       index, i, "valueTwo");
		if (op && op->value != SCMP_CMP_MASKED_EQ && arg->value_two != 0)
			TRY(planner_refuse(p, PLAN_INVALID, pointer,
					   "%s compares with one value: only SCMP_CMP_MASKED_EQ "
					   "has a second one",
					   op->name));
		out[i] = (struct plan_seccomp_arg){ .index = arg->index > 5 ? 5 : arg->index,
						    .op = op ? op->value : 0,
						    .value = arg->value,
						    .value_two = arg->value_two };
	}
	return 0;
}

/* The conditions of alternative `which`, one of each argument that has some. Returns how many. */
static size_t choose(const struct plan_seccomp_arg *args, size_t n, size_t which,
		     struct plan_seccomp_arg *out)
{
	size_t used = 0;

	for (uint32_t index = 0; index < 6; index++) {
		size_t there = 0, wanted;

		for (size_t i = 0; i < n; i++)
			there += args[i].index == index;
		if (!there)
			continue;
		wanted = which % there;
		which /= there;
		for (size_t i = 0; i < n; i++)
			if (args[i].index == index && wanted-- == 0)
				out[used++] = args[i];
	}
	return used;
}

static int add_rules(struct planner *p, const struct oci_seccomp_syscall *in, size_t index,
		     uint32_t action, struct plan_seccomp_rule *rules, size_t n)
{
	struct arena *arena = &p->plan->arena;
	struct plan_seccomp_arg *args = arena_array(arena, in->args.n, sizeof(*args));

	if (!args)
		return 0;
	TRY(take_args(p, in, index, args));
	for (size_t i = 0; i < n; i++) {
		struct plan_seccomp_arg *chosen = arena_array(arena, 6, sizeof(*chosen));

		if (!chosen)
			return 0;
		rules[i] = (struct plan_seccomp_rule){
			.names = &in->names, .action = action, .args = chosen, .index = index
		};
		rules[i].n_args = choose(args, in->args.n, i, chosen);
	}
	return 0;
}

/* Conditions on one argument are alternatives, those on different ones must all hold: how many
 * rules an entry makes. */
static size_t rules_of(const struct oci_seccomp_syscall *in)
{
	size_t of[6] = { 0 };
	size_t product = 1;

	for (size_t i = 0; i < in->args.n; i++)
		of[in->args.v[i].index > 5 ? 5 : in->args.v[i].index]++;
	for (size_t i = 0; i < 6; i++)
		if (of[i] && (product *= of[i]) > ALTERNATIVES_LIMIT)
			return ALTERNATIVES_LIMIT + 1;
	return product;
}

/* What libseccomp has no name for can't be in the filter. Looked up for those who hear of it. */
static void note_unknown(struct planner *p, const struct oci_seccomp_syscall *in, size_t index)
{
	char pointer[80];

	for (size_t i = 0; p->report && i < in->names.n; i++) {
		if (seccomp_syscall_resolve_name(in->names.v[i]) != __NR_SCMP_ERROR)
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/names/%zu",
			       index, i);
		planner_note(p, pointer, "this libseccomp knows no system call '%s', left out",
			     planner_shown(p, in->names.v[i]));
	}
}

static int check_names(struct planner *p, const struct oci_seccomp_syscall *in, size_t index,
		       uint32_t action)
{
	char pointer[80];

	if (in->names.n == 0) {
		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/names",
			       index);
		TRY(planner_refuse(p, PLAN_INVALID, pointer, "must name at least one system call"));
	}
	note_unknown(p, in, index);
	for (size_t i = 0; action == SECCOMP_RET_USER_NOTIF && i < in->names.n; i++) {
		if (strcmp(in->names.v[i], "write") != 0)
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/names/%zu",
			       index, i);
		TRY(planner_refuse(p, PLAN_INVALID, pointer,
				   "SCMP_ACT_NOTIFY can't work for write: the process itself says "
				   "with it that its filter is loaded, before anybody listens"));
	}
	return 0;
}

static int take_rules(struct planner *p, const struct oci_seccomp *in, struct plan_seccomp *out)
{
	struct plan_seccomp_rule *rules;
	size_t total = 0;
	char pointer[64], number[64];

	for (size_t i = 0; i < in->syscalls.n; i++)
		total += rules_of(&in->syscalls.v[i]);
	rules = arena_array(&p->plan->arena, total, sizeof(*rules));
	for (size_t i = 0; rules && i < in->syscalls.n; i++) {
		const struct oci_seccomp_syscall *entry = &in->syscalls.v[i];
		size_t n = rules_of(entry);
		uint32_t action;

		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/action", i);
		(void)snprintf(number, sizeof(number), "/linux/seccomp/syscalls/%zu/errnoRet", i);
		TRY(take_action(p, pointer, entry->action, number, &entry->errno_ret, &action));
		TRY(check_names(p, entry, i, action));
		(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/args", i);
		if (n > ALTERNATIVES_LIMIT) {
			TRY(planner_refuse(p, PLAN_INVALID, pointer,
					   "several conditions on one argument are alternatives, "
					   "and these make more than %d rules",
					   ALTERNATIVES_LIMIT));
			continue;
		}
		TRY(add_rules(p, entry, i, action, rules + out->n_rules, n));
		out->n_rules += n;
		out->notify |= action == SECCOMP_RET_USER_NOTIF;
	}
	out->rules = rules;
	return 0;
}

static bool lets_pass(uint32_t action)
{
	uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

	return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE ||
	       kind == SECCOMP_RET_USER_NOTIF;
}

/* The entry that has the call without conditions first, or n: libseccomp lets that one win over
 * every other entry with the call. */
static size_t unconditional(const struct plan_seccomp *seccomp, const char *name, size_t n)
{
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct plan_seccomp_rule *rule = &seccomp->rules[i];

		/* What equals the default isn't given to libseccomp. */
		if (rule->n_args > 0 || rule->action == seccomp->default_action)
			continue;
		for (size_t k = 0; k < rule->names->n; k++)
			if (strcmp(rule->names->v[k], name) == 0)
				return i;
	}
	return n;
}

/* Marks the calls that stand in entries with different actions. */
static void find_mixed(const struct plan_seccomp *seccomp, uint32_t seen[CALL_NUMBERS])
{
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct plan_seccomp_rule *rule = &seccomp->rules[i];

		for (size_t k = 0; k < rule->names->n; k++) {
			int number = seccomp_syscall_resolve_name(rule->names->v[k]);

			if (number < 0 || number >= CALL_NUMBERS)
				continue;
			if (!seen[number])
				seen[number] = rule->action ^ UNSEEN;
			else if (seen[number] != (rule->action ^ UNSEEN))
				seen[number] = MIXED;
		}
	}
}

/* A condition that another entry makes void may be a mistake that lets pass what was to be refused.
 * (podman's own profile has setns in two entries without conditions, which is why those aren't.) */
static void note_void(struct planner *p, const struct plan_seccomp *seccomp)
{
	uint32_t seen[CALL_NUMBERS] = { 0 };
	char pointer[80];

	find_mixed(seccomp, seen);
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct plan_seccomp_rule *rule = &seccomp->rules[i];

		for (size_t k = 0; k < rule->names->n; k++) {
			const char *name = rule->names->v[k];
			int number = seccomp_syscall_resolve_name(name);
			size_t winner;

			if (rule->n_args == 0 || lets_pass(rule->action) || number < 0 ||
			    number >= CALL_NUMBERS || seen[number] != MIXED)
				continue;
			winner = unconditional(seccomp, name, seccomp->n_rules);
			if (winner == seccomp->n_rules || !lets_pass(seccomp->rules[winner].action))
				continue;
			(void)snprintf(pointer, sizeof(pointer), "/linux/seccomp/syscalls/%zu/args",
				       rule->index);
			planner_note(p, pointer,
				     "has no effect on '%s': entry %zu allows it without "
				     "conditions",
				     name, seccomp->rules[winner].index);
		}
	}
}

static int take_listener(struct planner *p, const struct oci_seccomp *in, struct plan_seccomp *out)
{
	static const char place[] = "/linux/seccomp/listenerPath";

	out->listener_path = in->listener_path;
	out->listener_metadata = in->listener_metadata;
	if (in->listener_metadata && !in->listener_path)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/seccomp/listenerMetadata",
				   "needs listenerPath: it goes to that listener"));
	if (out->notify && !in->listener_path)
		TRY(planner_refuse(p, PLAN_INVALID, place,
				   "missing: a rule has SCMP_ACT_NOTIFY, and nobody would answer"));
	if (in->listener_path && in->listener_path[0] != '/')
		TRY(planner_refuse(p, PLAN_INVALID, place, "'%s' is not an absolute path",
				   planner_shown(p, in->listener_path)));
	else if (in->listener_path && !out->notify)
		planner_note(p, place, "no rule has SCMP_ACT_NOTIFY, so nobody connects to it");
	return 0;
}

/* Is there a way for the call to pass? Conditions on arguments may allow it. */
static bool may_call(const struct plan_seccomp *seccomp, const char *name)
{
	bool may = lets_pass(seccomp->default_action);

	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct plan_seccomp_rule *rule = &seccomp->rules[i];

		for (size_t k = 0; k < rule->names->n; k++) {
			if (strcmp(rule->names->v[k], name) != 0)
				continue;
			if (lets_pass(rule->action))
				return true;
			may &= rule->n_args > 0;
		}
	}
	return may;
}

/* What hull itself still has to do under the filter. */
static int check_own_calls(struct planner *p, const struct plan_seccomp *seccomp)
{
	static const char place[] = "/linux/seccomp/syscalls";

	if (!may_call(seccomp, "execve"))
		TRY(planner_refuse(p, PLAN_INVALID, place,
				   "execve is not allowed, so the container's program could never "
				   "be executed"));
	if (seccomp->notify && (!may_call(seccomp, "write") || !may_call(seccomp, "read")))
		TRY(planner_refuse(p, PLAN_INVALID, place,
				   "SCMP_ACT_NOTIFY needs read and write allowed: with them the "
				   "process and hull agree on when somebody listens"));
	return 0;
}

/* seccomp(2): without no_new_privs only who has CAP_SYS_ADMIN in the user namespace may. */
static int check_privilege(struct planner *p)
{
	if (p->plan->process.no_new_privs || plan_has_ns(p->plan, NS_USER) ||
	    p->plan->capabilities & (UINT64_C(1) << CAP_SYS_ADMIN))
		return 0;
	return planner_refuse(p, PLAN_HOST, "/linux/seccomp",
			      "hull has no CAP_SYS_ADMIN here, so it can load a filter only with "
			      "/process/noNewPrivileges true");
}

/* A filter that allows everything and nothing else is no filter. */
static bool asks_for_nothing(const struct oci_seccomp *in)
{
	return !in->present || (in->default_action && in->syscalls.n == 0 && !in->listener_path &&
				!in->listener_metadata && !in->default_errno_ret.set &&
				strcmp(in->default_action, "SCMP_ACT_ALLOW") == 0);
}

static int take_all(struct planner *p, const struct oci_seccomp *in, struct plan_seccomp *out)
{
	TRY(take_action(p, "/linux/seccomp/defaultAction", in->default_action,
			"/linux/seccomp/defaultErrnoRet", &in->default_errno_ret,
			&out->default_action));
	if (out->default_action == SECCOMP_RET_USER_NOTIF)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/seccomp/defaultAction",
				   "SCMP_ACT_NOTIFY can't work for every call: nobody would have "
				   "the listener's descriptor yet"));
	TRY(take_archs(p, in, out));
	TRY(take_rules(p, in, out));
	if (p->report && out->rules)
		note_void(p, out);
	TRY(take_flags(p, in, out));
	return take_listener(p, in, out);
}

int plan_seccomp(struct planner *p)
{
	const struct oci_seccomp *in = &p->config->linux.seccomp;
	struct plan_seccomp *out = &p->plan->seccomp;
	size_t before = p->n_refused;

	if (asks_for_nothing(in))
		return 0;
	out->present = true;
	TRY(take_all(p, in, out));
	/* What such a filter would do isn't known when a part of it was refused. */
	if (p->n_refused == before && out->rules)
		TRY(check_own_calls(p, out));
	return check_privilege(p);
}
