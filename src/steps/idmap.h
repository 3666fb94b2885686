/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The ids of the container's user namespace: written by PARENT, taken by INIT. What is to be
 * written was decided in plan/idmap.c.
 */
#ifndef STEPS_IDMAP_H
#define STEPS_IDMAP_H

#include "steps/run.h"

/* PARENT, changes nothing: whether the ids outside may be mapped at all: they must be mapped where
 * hull itself runs, and what newuidmap(1) is to write must stand in /etc/subuid. */
int idmap_check(struct run *run, struct oci_error *err);

/* A user namespace could not be made or mapped, and err says how: puts before it what on this host
 * forbids it, and how to get it. Returns -1. */
int idmap_explain(struct oci_error *err);

/* PARENT, while INIT waits: uid_map, gid_map and, where it has to be, "deny" in setgroups of
 * INIT's new user namespace. */
int idmap_write(struct run *run, struct oci_error *err);

/* PARENT, while INIT waits: a joined user namespace has the maps that config.json tells. */
int idmap_compare(struct run *run, struct oci_error *err);

/* INIT: from ids that mean nothing in its user namespace to root there (the first mapped id where 0
 * isn't mapped), without supplementary groups. It stays undumpable and bound to PARENT's life,
 * which the change of ids would end. */
int idmap_become(struct run *run, struct oci_error *err);

#endif
