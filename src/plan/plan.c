/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls the parts that make the plan, in the order of config.json, and collects what they refuse.
 */
#include "plan/plan.h"

#include <string.h>

#include "plan/planner.h"

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
	TRY(plan_user_namespace(p));
	TRY(plan_time_namespace(p));
	TRY(check_names(p));
	p->plan->notify = p->request->notify_socket && plan_new_ns(p->plan, NS_MOUNT);
	TRY(plan_mount_label(p));
	TRY(plan_mounts(p));
	TRY(plan_process(p));
	TRY(plan_devices(p));
	TRY(plan_sysctls(p));
	TRY(plan_net_devices(p));
	TRY(plan_hooks(p));
	TRY(plan_cgroup(p));
	TRY(plan_seccomp(p));
	TRY(plan_intel_rdt(p));
	return 0;
}

int planner_make(struct plan *plan, const struct oci_config *config, const struct request *request,
		 const struct host *host, const struct plan_report *report,
		 int (*decide)(struct planner *p), struct oci_error *err)
{
	struct planner p = { .plan = plan,
			     .config = config,
			     .request = request,
			     .host = host,
			     .report = report,
			     .err = err };

	*plan = (struct plan){ .request = request, .config = config, .host = host };
	TRY(decide(&p));
	if (p.refused)
		return -1;
	if (plan->arena.failed)
		return fail_code(err, "out-of-memory", "no memory for the plan");
	return 0;
}

int plan_make(struct plan *plan, const struct oci_config *config, const struct request *request,
	      const struct host *host, const struct plan_report *report, struct oci_error *err)
{
	return planner_make(plan, config, request, host, report, plan_all, err);
}

int plan_make_hooks(struct plan *plan, const struct oci_config *config,
		    const struct request *request, struct oci_error *err)
{
	return planner_make(plan, config, request, NULL, NULL, plan_hooks, err);
}

void plan_free(struct plan *plan)
{
	arena_done(&plan->arena);
}
