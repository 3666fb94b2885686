/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files that make the plan have in common: telling what they refuse, and the names of
 * namespaces and hooks. The subjects are in the other files; plan.c calls them.
 */
#include "plan/planner.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libocispec/utf8.h"

const struct plan_ns_kind plan_ns_kinds[NS_TYPES] = {
	[NS_USER] = { "user", "user", CLONE_NEWUSER },
	[NS_PID] = { "pid", "pid", CLONE_NEWPID },
	[NS_NET] = { "network", "net", CLONE_NEWNET },
	[NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP },
	[NS_TIME] = { "time", "time", 0x00000080 /* CLONE_NEWTIME, 5.6 */ },
	[NS_MOUNT] = { "mount", "mnt", CLONE_NEWNS },
};

const char *const plan_hook_names[HOOK_KINDS] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
};

int planner_refuse(struct planner *p, enum plan_finding kind, const char *pointer, const char *fmt,
		   ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!p->refused)
		(void)fail_code(p->err, kind == PLAN_HOST ? "unsupported" : "invalid-config",
				"%s: %s", pointer, text);
	p->refused = true;
	p->n_refused++;
	if (!p->report)
		return -1;
	return p->report->found(p->report->ctx, kind, pointer, text) ? -1 : 0;
}

void planner_note(struct planner *p, const char *pointer, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (!p->report)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)p->report->found(p->report->ctx, PLAN_NOTE, pointer, text);
}

char *planner_pointer(struct planner *p, const char *prefix, const char *key)
{
	size_t used = strlen(prefix);
	char *pointer = arena_zalloc(&p->plan->arena, used + 2 * strlen(key) + 1);

	if (!pointer)
		return NULL;
	memcpy(pointer, prefix, used);
	for (; *key; key++) {
		if (*key == '~' || *key == '/') {
			pointer[used++] = '~';
			pointer[used++] = *key == '~' ? '0' : '1';
		} else {
			pointer[used++] = *key;
		}
	}
	return pointer;
}

const char *planner_shown(struct planner *p, const char *value)
{
	enum { ROOM = 256 };
	char *shown = arena_zalloc(&p->plan->arena, ROOM);

	if (!shown)
		return "";
	utf8_show(shown, ROOM, value, strlen(value));
	return shown;
}

/* The rules that bind properties of several subjects to each other. */
