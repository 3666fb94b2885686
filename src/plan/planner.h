/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/plan: the plan while it is being made, shared by the files that each decide one
 * subject (plan_mounts, plan_process, ...). None of them has side effects.
 */
#ifndef PLAN_PLANNER_H
#define PLAN_PLANNER_H

#include "plan/plan.h"

struct planner {
	struct plan *plan; /* what is being made; memory from plan->arena */
	const struct oci_config *config;
	const struct request *request;
	const struct host *host;
	const struct plan_report *report; /* NULL: stop at the first refusal */
	struct oci_error *err;
	bool refused; /* a PLAN_INVALID or PLAN_HOST finding was made */
	size_t n_refused;
};

/* A refusal at `pointer` ("/mounts/3/options/1"; printf-like text after it). The result is what the
 * caller returns when it must stop: -1 without a report; 0, meaning "go on with the next", with
 * one. Usage: if (bad) TRY(planner_refuse(p, PLAN_INVALID, pointer, "...")); */
int planner_refuse(struct planner *p, enum plan_finding kind, const char *pointer, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));

/* A note: never stops. */
void planner_note(struct planner *p, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* PREFIX plus key with "~" and "/" escaped as JSON pointers want it (RFC 6901); in the arena. */
char *planner_pointer(struct planner *p, const char *prefix, const char *key);

/* A value of config.json as a message can show it: control characters become '?', and it is cut
 * where it would push the reason out of the message. */
const char *planner_shown(struct planner *p, const char *value);

/* Refuses an id of the container at `pointer` that the id mappings don't cover: "user id 5". */
int planner_check_uid(struct planner *p, const char *pointer, uint32_t uid);
int planner_check_gid(struct planner *p, const char *pointer, uint32_t gid);

/* What plan_make() and its like have in common: an empty plan with these, filled by `decide`. The
 * last word: 0, or -1 when something was refused or memory ran out. host and report may be NULL. */
int planner_make(struct plan *plan, const struct oci_config *config, const struct request *request,
		 const struct host *host, const struct plan_report *report,
		 int (*decide)(struct planner *p), struct oci_error *err);

/* The bit of a capability's name ("CAP_CHOWN"), 0 when this kernel (or libcap) has none of it. */
uint64_t planner_capability(const struct planner *p, const char *name);

/* Each fills its part of the plan; 0 or -1 (stopped, err filled). */
int plan_namespaces(struct planner *p);
int plan_user_namespace(struct planner *p); /* id mappings, and what INIT may do */
int plan_time_namespace(struct planner *p); /* its offsets */
int plan_mounts(struct planner *p);  /* mounts, masked and read-only paths, root propagation */
int plan_devices(struct planner *p); /* default devices and linux.devices */
int plan_process(struct planner *p);
int plan_mount_label(struct planner *p); /* before plan_mounts(), which uses it */
int plan_sysctls(struct planner *p);
int plan_net_devices(struct planner *p);
int plan_hooks(struct planner *p);
int plan_seccomp(struct planner *p);
int plan_cgroup(struct planner *p);    /* path, device filter, limits */
int plan_resources(struct planner *p); /* of that: device filter and limits */
int plan_intel_rdt(struct planner *p);

/* How a new file system of this type gets linux.mountLabel: the parameter "context", an attribute
 * of its root, or not at all. */
enum label_way { LABEL_BY_OPTION, LABEL_BY_XATTR, LABEL_NEVER };
enum label_way plan_labels_mount(const char *type);

/* The labels of one process; after out->no_new_privs is known. */
int plan_process_labels(struct planner *p, const struct oci_process *in, struct plan_process *out);

#endif
