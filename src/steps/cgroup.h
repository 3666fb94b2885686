/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The container's cgroup: made by PARENT before the clone, later killed and removed by whoever
 * deletes the container. Everything goes by directory fd below the cgroup2 mount, without following
 * links. What hull didn't make is never killed and never removed: state.json holds the inode of the
 * directory, and an empty path, the root and another inode are refused. Nothing waits by sleeping.
 */
#ifndef STEPS_CGROUP_H
#define STEPS_CGROUP_H

#include "steps/run.h"

/* PARENT, before state.json is first written, and `hull check`: fills run->state's cgroup members
 * (path, mount, whether hull is about to make it) by looking only. Without a cgroup (manager
 * disabled) they are NULL and false. Refuses what cgroup_make() would: a populated, frozen,
 * threaded or root cgroup (codes "cgroup-populated", "cgroup-frozen", "cgroup-invalid"), or a
 * controller that can not be had (steps/cgroup_control.h). */
int cgroup_intend(struct run *run, struct oci_error *err);

/* PARENT: makes plan->cgroup.path below host->cgroup_mount, its missing parents first, counted in
 * state.cgroup_parents. An existing empty cgroup is taken as it is (and cgroup_made stays false);
 * one left over by another container of hull is replaced, so that its delete can't reach this one.
 * Opens run->cgroup (for CLONE_INTO_CGROUP; it holds a flock, so keep it open until the container's
 * first process is inside) and records state.cgroup_inode. Survives another delete removing a
 * parent in between. On failure nothing is left behind. */
int cgroup_make(struct run *run, struct oci_error *err);

/* PARENT: takes the cgroup at `path`, which systemd has made for the container, as if hull had made
 * it: opens run->cgroup and fills run->state's members, which borrow `path`. */
int cgroup_take(struct run *run, const char *path, struct oci_error *err);

/* The inode of the cgroup at `path`. */
int cgroup_inode(const struct state *state, const char *path, uint64_t *inode,
		 struct oci_error *err);

/* The cgroup of the slice in which state->unit is, which outlives the container's: a descriptor, or
 * -1 without a unit or in none. */
int cgroup_open_slice(const struct state *state, struct oci_error *err);

/* Removes the cgroup at `path`, from which the last process is just going. Gone already: 0. */
int cgroup_remove_empty(const struct state *state, const char *path, struct oci_error *err);

/* PARENT: takes back what cgroup_make() did: kills what is inside, removes the cgroup and the
 * parents made for it, closes run->cgroup. A cgroup that was there before is left alone. */
void cgroup_undo(struct run *run);

/* SIGKILLs all processes of the container's cgroup (cgroup.kill reaches frozen ones and every
 * child cgroup), if hull made it. No cgroup, or gone already: 0. Another inode than the recorded
 * one: -1, code "cgroup-foreign". */
int cgroup_kill(const struct state *state, struct oci_error *err);

/* Sends `signal` to every process in the cgroup and in those below it, by pidfd, each checked to be
 * a member still after its pidfd was opened. Made for `kill --all`. Same refusals as cgroup_kill().
 */
int cgroup_signal(const struct state *state, int signal, struct oci_error *err);

/* Kills what is left, waits until the cgroup is empty (at most 10 s; the error, code
 * "cgroup-populated", names the processes that stay), removes the children, the cgroup, and the
 * parents that hull made where they are empty. Gone already, or not made by hull: 0. */
int cgroup_remove(const struct state *state, struct oci_error *err);

/* The pids in the cgroup and below it, as seen from the caller's pid namespace; *pids is malloc'ed,
 * NULL when there is none. Works for cgroups that hull didn't make as well. */
int cgroup_pids(const struct state *state, pid_t **pids, size_t *n, struct oci_error *err);

/* Whether a process is in the cgroup or below it, by the kernel's own account: nothing is listed.
 */
int cgroup_populated(const struct state *state, bool *populated, struct oci_error *err);

/* Whether the process is in the container's cgroup or below it, by what /proc says of it. */
bool cgroup_has_process(const struct state *state, pid_t pid);

/* Opens the container's cgroup directory, made by hull or not; *fd is -1 when there is none, or
 * when another directory has its name by now. */
int cgroup_open(const struct state *state, int *fd, struct oci_error *err);

/* exec, PARENT: opens the cgroup for a further process: `sub` below the container's where it is
 * given, else the container's own; when that one takes no processes, because the container made
 * children of it with controllers (as systemd does), the one that its process `init` is in. Never
 * one outside the container's. Refuses a frozen one unless `frozen_too`. Returns the fd, or -1;
 * codes "not-running" (it is gone), "cgroup-foreign", "cgroup-invalid", "cgroup-frozen". */
int cgroup_open_for_exec(const struct state *state, const char *sub, pid_t init, bool frozen_too,
			 struct oci_error *err);

/* update: makes the cgroups above the container's hand on what new limits need (see
 * steps/cgroup_control.h). */
int cgroup_enable(const struct state *state, const struct plan_controller *controllers,
		  struct oci_error *err);

/* 1: frozen (cgroup.events), 0: not, or it is gone, or the container has none. */
int cgroup_frozen(const struct state *state);

#endif
