/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ids of --userns: a range of the host's ids for each container, and file systems as they look
 * through one.
 */
#ifndef BOX_USERNS_H
#define BOX_USERNS_H

#include "base/arena.h"
#include "libocispec/oci_config.h"

/* Ids of one container with --userns auto. */
#define USERNS_RANGE 65536
/* The first of all ranges. */
#define USERNS_FIRST UINT32_C(1879048192)

typedef OCI_LIST(struct oci_id_mapping) userns_map;

/* Takes a range that no container of this root has and that /etc/subuid and /etc/subgid give to
 * nobody: from 1879048192 to 2147352575, which systemd's table of ids leaves to everybody. One
 * that `id` has already is given again. The claim is the link ROOT/ids/FIRST to `id`; one whose
 * container has no directory any more counts as free. Errors: "no-ids" when none is left. */
int userns_claim(int root, const char *id, struct oci_id_mapping *map, struct oci_error *err);

/* Gives back what `id` has claimed; nothing to give back is fine. */
void userns_release(int root, const char *id);

/* For a caller who isn't root: his own id as 0 inside, and after it the first range that
 * /etc/subuid (groups: /etc/subgid) gives him, if any. Memory is the arena's. */
int userns_own(bool groups, userns_map *map, struct arena *arena, struct oci_error *err);

/* A detached copy of the mount at `path` below dir, with those below it when `recursive`, in whose
 * files the ids are mapped: what
 * belongs to 0 on disk belongs to the first host_id. To be attached with move_mount(2). Needs
 * privilege; fails where a file system can't (code "host"). */
int userns_map_tree(int dir, const char *path, bool recursive, const struct oci_id_mapping *map,
		    size_t n, struct oci_error *err);

#endif
