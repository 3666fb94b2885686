/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The systemd cgroup manager: a scope of systemd's for each container. The scope is systemd's, the
 * container is in the leaf `container` below it, which systemd doesn't touch: limits are properties
 * of the scope and files of the leaf, the device filter is on the leaf. Whatever else is done with
 * the container's cgroup is steps/cgroup.c's, for the leaf is a cgroup like any other.
 */
#ifndef STEPS_SYSTEMD_H
#define STEPS_SYSTEMD_H

#include "steps/run.h"

/* PARENT, before anything is made: starts the helper and sees that it finds systemd on its bus. */
int systemd_reach(struct run *run, struct oci_error *err);

/* PARENT: has the scope made and opens the leaf in it as run->cgroup; fills the members of
 * run->state about the cgroup, and those of the unit. Until systemd_release() the helper, in a leaf
 * of its own, keeps the scope alive. */
int systemd_make(struct run *run, struct oci_error *err);

/* Takes that back: kills what is in the leaf, removes it, and waits until the unit is gone. */
void systemd_undo(struct run *run);

/* PARENT, once INIT is in the leaf: the helper ends and its own leaf goes. That it died before is
 * an error: systemd may have ended the scope. */
int systemd_release(struct run *run, struct oci_error *err);

/* PARENT, after that: the limits of the scope that the helper, STAGE or INIT's creation would have
 * hit (plan->cgroup.systemd.late). */
int systemd_set_late(struct run *run, struct oci_error *err);

/* What the container's unit has of the properties that are wanted, in the arena. A property that
 * this systemd doesn't know is left out. No such unit any more: code "not-running". */
int systemd_get(const struct state *state, const struct unit_properties *wanted,
		struct arena *arena, struct unit_properties *out, struct oci_error *err);

/* Tells systemd new ones, for the time that the unit exists (SetUnitProperties, runtime), so that
 * it doesn't write the old ones again; the leaf's files are the caller's. None: nothing is done. */
int systemd_set(const struct state *state, const struct unit_properties *properties,
		struct oci_error *err);

/* Makes the unit have exactly what systemd_get() has found, also where that was nothing. */
int systemd_put_back(const struct state *state, const struct unit_properties *before,
		     struct oci_error *err);

/* delete, after the cgroup was removed: waits until systemd has dropped the unit, stops it if it
 * stays, so that its name can be used again at once. No unit: 0. */
int systemd_end(const struct state *state, struct oci_error *err);

#endif
