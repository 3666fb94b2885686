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

#endif
