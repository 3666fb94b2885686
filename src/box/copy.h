/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files copied between the host and the root of a container, which may be running and hostile:
 * every path on its side is looked up in its root (base/inroot.h), every file is opened once and
 * copied by that descriptor, and no link found on the way is followed on either side.
 */
#ifndef BOX_COPY_H
#define BOX_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "box/archive_in.h"
#include "libocispec/oci_config.h"

struct copy_side {
	int root; /* of the container; -1: the host, where paths are taken as they are */
	const char *path;
};

/* Copies a file, link or directory with all in it. A source path that ends in "/." means what is in
 * the directory, not itself. Onto an existing directory it goes into that; else it gets the name
 * given, whose parent must be there. A file that exists is replaced, a directory merged with; one
 * in place of the other is an error. Links are copied as links. Modes and times are kept; the owner
 * is the caller (in the container: its root, `owner`), or with `archive` the same as the source's.
 * Setuid and setgid stay with the owner: they are dropped where it isn't kept. A file is as long as
 * it was when it was opened, though somebody writes on; holes stay holes. Names of one file become
 * files: who is at work on the other side could have put another in place of the first. Devices,
 * fifos and sockets are errors. Codes "not-found", "not-supported", "id-mapping": an owner whom the
 * container has no number for; "into-itself": a directory, before anything is copied; "interrupted"
 * (interrupt.h). */
struct copy_request {
	struct copy_side from, to;
	bool archive;
	unsigned owner_uid, owner_gid; /* of what is made, without `archive` */
	/* What the container's ids, users' and groups' alike, are outside of it, where its root
	 * shows them so; none where both are the same. Owners are as seen in the container. */
	const struct oci_id_mapping *map;
	size_t n_map;
	/* Where what is written to the container lies on the host, for copy_apart.h: the
	 * directories that it shows, and that of its own layer, NULL where it has none. */
	const char *const *shown;
	size_t n_shown;
	const char *layer;
};
int copy_tree(const struct copy_request *request, struct oci_error *err);

/* How much may be copied, and how much was, by all calls with it: bytes without holes, and names.
 */
struct copy_room {
	struct archive_limits limits;
	uint64_t bytes, entries;
};

/* Copies an opened directory with all in it to the new name `to`, where nobody else is at work:
 * with owners, modes, times, extended attributes and ACLs, holes and names of one file, fifos and
 * devices; without sockets and without an overlay's own marks. No link is followed. Who isn't root
 * becomes the owner of all, since he can't give. Code "too-big": there is no room for it. */
int copy_directory_whole(int from, int to_dir, const char *to, struct copy_room *room,
			 struct oci_error *err);

/* The same of one opened directory or file: gives `to` the owner, mode, times and extended
 * attributes that `from` has. */
int copy_attributes(int from, int to, struct oci_error *err);

#endif
