/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A root file system for a container with a user namespace: what is on disk stays as it is, base
 * and upper layer alike, and the kernel shows it with the container's ids. So one base serves
 * containers of every range, and an upper layer can be compared, packed and used by others.
 */
#ifndef BOX_OVERLAY_IDS_H
#define BOX_OVERLAY_IDS_H

#include "base/arena.h"
#include "box/overlay.h"
#include "libocispec/oci_config.h"

/* Mounts copies of the layers with mapped ids at DIR/ids/NAME-0 and so on (made when missing), and
 * points the overlay at them. To be called in the container's mount namespace, before
 * overlay_mount(); `dir` is the container's directory, in which upper and work are. Strings are the
 * arena's. Errors: code "host" where a file system can't map ids. */
int overlay_map_ids(struct overlay *overlay, const char *dir, const char *name,
		    const struct oci_id_mapping *map, size_t n, struct arena *arena,
		    struct oci_error *err);

/* The same for a root file system that is used as it is: a copy of `path` at DIR/ids/root. The
 * result is that path, the arena's; NULL with err. */
char *overlay_map_root(const char *path, const char *dir, const struct oci_id_mapping *map,
		       size_t n, struct arena *arena, struct oci_error *err);

#endif
