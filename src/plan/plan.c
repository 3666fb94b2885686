/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls the parts that make the plan, in the order of config.json, and collects what they refuse.
 */
#include "plan/plan.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libocispec/utf8.h"
#include "plan/planner.h"

const struct plan_ns_kind plan_ns_kinds[NS_TYPES] = {
	[NS_USER] = { "user", "user", CLONE_NEWUSER, true },
	[NS_PID] = { "pid", "pid", CLONE_NEWPID, false },
	[NS_NET] = { "network", "net", CLONE_NEWNET, false },
	[NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC, false },
	[NS_UTS] = { "uts", "uts", CLONE_NEWUTS, false },
	[NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP, false },
	[NS_TIME] = { "time", "time", 0x00000080 /* CLONE_NEWTIME, 5.6 */, true },
	[NS_MOUNT] = { "mount", "mnt", CLONE_NEWNS, false },
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
static int check_names(struct planner *p)
{
	const struct oci_config *config = p->config;
	struct plan *plan = p->plan;

	if (config->hostname && !plan_has_ns(plan, NS_UTS))
		TRY(planner_refuse(p, PLAN_INVALID, "/hostname",
				   "needs a uts namespace, else the host's own name would change"));
	if (config->domainname && !plan_has_ns(plan, NS_UTS))
		TRY(planner_refuse(p, PLAN_INVALID, "/domainname",
				   "needs a uts namespace, else the host's own name would change"));
	if (config->hostname && strlen(config->hostname) > 64)
		TRY(planner_refuse(p, PLAN_INVALID, "/hostname",
				   "%zu bytes are too long, the kernel takes 64",
				   strlen(config->hostname)));
	if (config->domainname && strlen(config->domainname) > 64)
		TRY(planner_refuse(p, PLAN_INVALID, "/domainname",
				   "%zu bytes are too long, the kernel takes 64",
				   strlen(config->domainname)));
	plan->hostname = config->hostname;
	plan->domainname = config->domainname;
	return 0;
}

static int plan_root(struct planner *p)
{
	const char *path = p->config->root.path;

	if (!p->config->root.present)
		return planner_refuse(p, PLAN_INVALID, "/root", "missing");
	if (path[0] == '\0')
		return planner_refuse(p, PLAN_INVALID, "/root/path", "is empty");
	p->plan->rootfs =
		path[0] == '/' ? path
			       : arena_printf(&p->plan->arena, "%s/%s", p->request->bundle, path);
	return 0;
}

static int plan_all(struct planner *p)
{
	TRY(plan_root(p));
	TRY(plan_namespaces(p));
	TRY(check_names(p));
	p->plan->notify = p->request->notify_socket && plan_new_ns(p->plan, NS_MOUNT);
	TRY(plan_mounts(p));
	TRY(plan_process(p));
	TRY(plan_devices(p));
	TRY(plan_sysctls(p));
	TRY(plan_hooks(p));
	TRY(plan_cgroup(p));
	TRY(plan_unsupported(p));
	return 0;
}

static int plan_finish(struct planner *p)
{
	if (p->refused)
		return -1;
	if (p->plan->arena.failed)
		return fail_code(p->err, "out-of-memory", "no memory for the plan");
	return 0;
}

int plan_make(struct plan *plan, const struct oci_config *config, const struct request *request,
	      const struct host *host, const struct plan_report *report, struct oci_error *err)
{
	struct planner p = { .plan = plan,
			     .config = config,
			     .request = request,
			     .host = host,
			     .report = report,
			     .err = err };

	*plan = (struct plan){ .request = request, .config = config, .host = host };
	TRY(plan_all(&p));
	return plan_finish(&p);
}

int plan_make_hooks(struct plan *plan, const struct oci_config *config,
		    const struct request *request, struct oci_error *err)
{
	struct planner p = { .plan = plan, .config = config, .request = request, .err = err };

	*plan = (struct plan){ .request = request, .config = config };
	TRY(plan_hooks(&p));
	return plan_finish(&p);
}

void plan_free(struct plan *plan)
{
	arena_done(&plan->arena);
}
