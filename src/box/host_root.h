/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A root file system from the host's own programs (--host). Nothing is copied: the host's trees of
 * programs and libraries are lower layers, each at its place, and of /etc what programs need is
 * shown read-only, file by file. What isn't listed here isn't there, so no list of secrets has to
 * be complete: homes, /root, /var, /etc/shadow, keys are missing, not hidden.
 */
#ifndef BOX_HOST_ROOT_H
#define BOX_HOST_ROOT_H

#include "base/arena.h"
#include "box/bundle.h"
#include "box/overlay.h"

#define HOST_TREES_MAX 8

struct host_root {
	const char *base;		   /* the lowest layer: directories and links, no file with
					    * anything in it */
	const char *trees[HOST_TREES_MAX]; /* "/usr", and /bin and the like where they are none of
					    * its links */
	size_t n_trees;
	struct box_shown *shown; /* for the bundle */
	size_t n_shown;
};

/* Makes the base below the container's directory (path `dir`) when it isn't there, and finds what
 * there is of the host. `program` is what the container runs: given by a path that lies outside the
 * trees, it is shown too; NULL: none. Memory is the arena's. */
int host_root_plan(const char *dir, const char *program, struct host_root *host,
		   struct arena *arena, struct oci_error *err);

/* Mounts the trees, each an overlay of its own, inside the mounted root: `root` is the overlay
 * whose lowest layer the base is. What is written below a tree lands at its place in root->upper;
 * NULL: read-only. To be called after overlay_mount(), in the same mount namespace. With n_map the
 * trees' ids are mapped as overlay_map_ids() does. */
int host_root_mount(const struct host_root *host, const char *dir, const struct overlay *root,
		    const struct oci_id_mapping *map, size_t n_map, struct arena *arena,
		    struct oci_error *err);

/* Mounts the root of a container made with --host that doesn't run at DIR/merged, in a new mount
 * namespace of the caller's: with what the container changed and may change (its lock is held), or
 * only what lies below. */
int host_root_view(const char *dir, bool with_upper, struct oci_error *err);

#endif
