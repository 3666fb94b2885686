/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When and where the container's process runs, and from which memory: scheduling policy, I/O
 * priority, CPU affinity, memory policy. The planner has checked what is wrong on every host; here
 * the kernel is asked, and its refusals are explained. Shared by create/start and exec.
 *
 * Policy and I/O priority are PARENT's to set: their rights (CAP_SYS_NICE) are the initial user
 * namespace's, which INIT may have left, and a failure of create is told better than one of start.
 * Where PARENT hasn't these rights INIT does it: everybody may lower what is his own.
 */
#ifndef STEPS_SCHEDULING_H
#define STEPS_SCHEDULING_H

#include "steps/run.h"

/* PARENT: has every node of linux.memoryPolicy memory, and does the kernel take the policy? Tried
 * on the calling process, which gets its own back. */
int scheduling_look_memory(struct run *run, struct oci_error *err);

/* PARENT: are the CPUs of process.execCPUAffinity online? For exec; create doesn't use them. */
int scheduling_look_cpus(struct run *run, struct oci_error *err);

/* PARENT, before the fork (exec only): goes to execCPUAffinity.initial, which the child inherits
 * into the container's cgroup. */
int scheduling_initial_affinity(struct run *run, struct oci_error *err);

/* INIT, in its cgroup and after caller_reset() (exec only): execCPUAffinity.final. */
int scheduling_final_affinity(struct run *run, struct oci_error *err);

/* PARENT, on INIT: process.scheduler and process.ioPriority; after INIT's resource limits were
 * raised, since RLIMIT_RTPRIO and RLIMIT_NICE are as good as the capability. */
int scheduling_set(struct run *run, struct oci_error *err);

/* The same by INIT on itself, where plan_process says schedules_itself. */
int scheduling_set_own(struct run *run, struct oci_error *err);

/* INIT: linux.memoryPolicy. */
int scheduling_set_memory_policy(struct run *run, struct oci_error *err);

#endif
