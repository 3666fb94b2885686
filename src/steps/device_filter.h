/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The device filter that the planner compiled, given to the kernel: one BPF program per cgroup,
 * replaced atomically, never stacked on one of hull's own.
 */
#ifndef STEPS_DEVICE_FILTER_H
#define STEPS_DEVICE_FILTER_H

#include "steps/run.h"

/* PARENT, after cgroup_make() and before anything runs in the cgroup: loads plan->cgroup.filter and
 * attaches it to run->cgroup. An earlier one on the same cgroup is replaced (BPF_F_REPLACE). A plan
 * without a filter: nothing. In a user namespace the kernel refuses (EPERM): then it is left out,
 * for device nodes can't be made there anyway. A refusal by the verifier carries the end of its log
 * (code "device-filter"). */
int device_filter_attach(struct run *run, struct oci_error *err);

/* Puts back what was there before, in a cgroup that hull didn't make: the filter that was replaced,
 * or none. With its own cgroup it goes anyhow. */
void device_filter_undo(struct run *run);

struct device_filters {
	unsigned n;	       /* device programs on the cgroup: a device must pass them all */
	unsigned n_own;	       /* of them those with hull's name */
	unsigned n_as_planned; /* of these those with the planned instructions */
};

/* What is attached to a cgroup, compared with the plan's filter. That one is loaded, so that the
 * kernel hashes it, and let go of; nothing is attached. Needs what attaching needs. */
int device_filter_look(int cgroup, const struct plan_cgroup *plan, struct device_filters *found,
		       struct oci_error *err);

#endif
