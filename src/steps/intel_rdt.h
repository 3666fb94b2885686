/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.intelRdt: groups of the resctrl file system, made and entered by PARENT, since only root of
 * the host may. hull removes what it made and nothing else: state.json knows the names before they
 * are made. A class of service that has other living processes stays, whoever made it. Whatever
 * writes there does it under the lock of resctrl's root that the kernel's documentation asks for
 * (kept by others for too long: code "timeout").
 */
#ifndef STEPS_INTEL_RDT_H
#define STEPS_INTEL_RDT_H

#include "steps/run.h"

/* PARENT: finds the mounted resctrl file system (/sys/fs/resctrl, else by its type) and asks
 * whether the group can be had: closID without schemata must exist, a group of the container's own
 * name and its monitoring group must not. Fills run->resctrl. */
int intel_rdt_find(struct run *run, struct oci_error *err);

/* PARENT, before state.json is first written: fills the rdt members of run->state by looking. */
void intel_rdt_intend(struct run *run);

/* PARENT: makes the group and writes its schemata, or compares those of one that exists with what
 * config.json wants (code "rdt-differs"); makes the monitoring group. */
int intel_rdt_make(struct run *run, struct oci_error *err);
void intel_rdt_undo(struct run *run);

/* PARENT, after the fork, by run->state: the first process goes to the group, then to its
 * monitoring group. What it forks later is born there. A class that another container made, whose
 * delete removed it in between, is made once more. For exec too, which makes nothing. */
int intel_rdt_enter(struct run *run, struct oci_error *err);

/* update: writes lines to the schemata of the container's class of service. *old gets what it had
 * before, malloc'ed, which brings that back when it is written in the same way; old may be NULL. No
 * class: code "usage". */
int intel_rdt_change(const struct state *state, const char *schemata, char **old,
		     struct oci_error *err);

/* delete: removes what state.json says that hull made. Nothing there, another boot: 0. */
int intel_rdt_remove(const struct state *state, struct oci_error *err);

/* What the kernel says of a container's groups. */
struct intel_rdt_found {
	bool group;	/* the class of service is there */
	bool member;	/* and the process in it */
	bool monitored; /* it is in the monitoring group, too */
	char line[128]; /* the first line of the plan's that its schemata lacks, or "" */
};

/* Looks for process `pid` in the groups of state.json, and at the schemata; changes nothing. */
int intel_rdt_look(const struct state *state, const struct plan_intel_rdt *plan, pid_t pid,
		   struct intel_rdt_found *found, struct oci_error *err);

#endif
