/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How STAGE and INIT come into the world, and out of it.
 */
#ifndef STEPS_SPAWN_H
#define STEPS_SPAWN_H

#include "steps/run.h"

/* PARENT: makes the socket pair whose other end its children get. */
int spawn_channel(struct run *run, struct oci_error *err);

/* PARENT: clones STAGE. Returns its pid, 0 in it. It dies with PARENT. */
int spawn_stage(struct run *run, struct oci_error *err);

/* PARENT or STAGE: clones INIT into the container's cgroup and the new namespaces; made by STAGE it
 * is a child of PARENT all the same. Returns its pid, 0 in it. It dies with PARENT until
 * spawn_outlive(). It is not dumpable, so that no process in a shared pid namespace can look into
 * it, and has a session of its own. */
int spawn_init(struct run *run, struct oci_error *err);

/* PARENT: STAGE has done its work: reaps it, opens a pidfd of INIT, whose pid it told. */
int spawn_stage_ended(struct run *run, struct oci_error *err);

/* INIT: no longer dies with PARENT, which is about to end. Until the next message arrives the end
 * of the channel still ends INIT. */
int spawn_outlive(struct run *run, struct oci_error *err);

/* Undo, PARENT: kills and reaps. */
void spawn_kill_stage(struct run *run);
void spawn_kill_init(struct run *run);

#endif
