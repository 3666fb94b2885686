/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `update`: the container's limits with those that the request changes, and what has to be written
 * for that. Pure; sequence/update.c carries it out.
 */
#ifndef PLAN_UPDATE_H
#define PLAN_UPDATE_H

#include "plan/plan.h"

/* The pointers of the properties that a request names ("/linux/resources/memory/limit"). */
struct update_named {
	const char **pointers;
	size_t n;
};

/* *merged is `old` with everything that `change` names. Scalars are replaced. Of lists, the entry
 * of the same page size, device or file is replaced (what the new one doesn't say is kept), others
 * are added; device rules are replaced as
 * a whole. What isn't named stays. As engines mean them, 0 for shares, quota, period, weight, swap
 * and the limit of memory is "not given". Two things follow along: without a limit of memory the
 * one of memory and swap goes too, and a container that becomes idle has no shares any more.
 * Everything points to old and change, or is in the arena (which remembers when memory ran out). */
void update_merge(struct arena *arena, const struct oci_resources *old,
		  const struct oci_resources *change, struct oci_resources *merged,
		  struct update_named *named);

/* Whether the limit has to be written: it is named, or the plan before had no such line. */
bool update_changes(const struct plan_limit *limit, const struct plan_cgroup *before,
		    const struct update_named *named);

bool update_names(const struct update_named *named, const char *pointer);

/* Plans plan->cgroup.filter, .limits and .controllers by config->linux.resources, for a container
 * that exists; without a cgroup (request->manager CGROUP_DISABLED) each limit is refused. As
 * plan_make(). */
int plan_make_update(struct plan *plan, const struct oci_config *config,
		     const struct request *request, const struct host *host,
		     const struct plan_report *report, struct oci_error *err);

#endif
