/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The way of `exec` into a running container. PARENT looks while it stands outside; STAGE goes in
 * and lets go of everything on the way, before the new process is born and the container can see
 * it. What the process is given then is steps/process.h, as for the container's own.
 */
#ifndef STEPS_ENTER_H
#define STEPS_ENTER_H

#include "steps/run.h"

/* PARENT: which namespaces the container's first process doesn't share with hull, into
 * run->join_flags. Those that are shared can't be or needn't be joined (setns(2)). Its root
 * directory into run->rootfs, where that isn't the root of its mount namespace. */
int enter_look(struct run *run, struct oci_error *err);

/* PARENT: opens the cgroup that STAGE or, with a frozen container, the process will be born in
 * (run->cgroup). */
int enter_open_cgroup(struct run *run, struct oci_error *err);

/* STAGE: joins them in one setns(2) on the pidfd. Where it isn't in the container's cgroup, which
 * is frozen, all but the cgroup namespace. */
int enter_join(struct run *run, struct oci_error *err);

/* INIT, with a frozen container: joins the cgroup namespace. Whoever is in it may not clone into
 * its cgroups from a cgroup outside of it, where cgroup2 is mounted with nsdelegate (ENOENT), as
 * systemd does. */
int enter_join_cgroup(struct run *run, struct oci_error *err);

/* STAGE: run->rootfs becomes the container's root as seen from inside. */
int enter_root(struct run *run, struct oci_error *err);

/* STAGE: closes what leads to the host, but for what INIT opens or joins by and, with a frozen
 * container, the cgroup that the clone needs. */
int enter_let_go(struct run *run, struct oci_error *err);

/* STAGE, before the process is born where a container that holds CAP_SYS_PTRACE can take it over:
 * gives up what neither it nor its last rows need. */
int enter_shed(struct run *run, struct oci_error *err);

/* STAGE: the procfs by which names were looked up isn't for the process. */
int enter_drop_proc(struct run *run, struct oci_error *err);

#endif
