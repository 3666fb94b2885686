/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The cgroup: whether INIT is in it or below it, and what is attached to it and written in it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "steps/cgroup.h"
#include "steps/device_filter.h"
#include "verify/subject.h"

#define CGROUPS_PATH "/linux/cgroupsPath"
#define DEVICES "/linux/resources/devices"

static void check_member(const struct verify *v)
{
	struct oci_error err = { 0 };
	auto_free pid_t *pids = NULL;
	size_t n = 0;

	if (cgroup_pids(v->state, &pids, &n, &err) < 0) {
		verify_unchecked(v, CGROUPS_PATH, "cgroup", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (pids[i] == v->state->pid)
			return;
	verify_tell(v, VERIFY_DIFFERS, CGROUPS_PATH, "cgroup",
		    SAY("the process is in '/%s' or below", v->state->cgroup), "it is not");
}

static void check_filter(const struct verify *v, int cgroup)
{
	const struct plan_cgroup *plan = &v->plan->cgroup;
	struct device_filters found;
	struct oci_error err = { 0 };

	if (plan->n_filter == 0)
		return;
	if (device_filter_look(cgroup, plan, &found, &err) < 0) {
		verify_unchecked(v, DEVICES, "device filter", err.text);
		return;
	}
	if (found.n_as_planned == 0)
		verify_tell(v, VERIFY_DIFFERS, DEVICES, "device filter",
			    SAY("a program of %zu instructions on the cgroup", plan->n_filter),
			    found.n_own ? "one of hull's with other rules" : "none of hull's");
	/* Each further one can only deny more. */
	else if (found.n > 1)
		verify_tell(v, VERIFY_LESS, DEVICES, "device filter", "one program on the cgroup",
			    SAY("%u, and a device must pass them all", found.n));
}

int verify_cgroup(const struct verify *v)
{
	struct oci_error err = { 0 };
	auto_fd cgroup = -1;

	if (!v->plan->cgroup.used)
		return 0;
	if (cgroup_open(v->state, &cgroup, &err) < 0) {
		verify_unchecked(v, CGROUPS_PATH, "cgroup", err.text);
		return 0;
	}
	if (cgroup < 0) {
		verify_tell(v, VERIFY_DIFFERS, CGROUPS_PATH, "cgroup",
			    SAY("'/%s'", v->state->cgroup), "it isn't there any more");
		return 0;
	}
	check_member(v);
	check_filter(v, cgroup);
	verify_limits(v, cgroup);
	return 0;
}
