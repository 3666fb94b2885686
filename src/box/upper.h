/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An upper layer of an overlay, read for what it is: what somebody changed of the layers below it.
 * A container may be writing to it meanwhile: nothing in it is followed, and what changes under the
 * reader's hands is an error or is seen as before or after.
 */
#ifndef BOX_UPPER_H
#define BOX_UPPER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "box/archive_out.h"

struct upper_view {
	const char *upper;	   /* a directory */
	const char *const *lowers; /* directories, the topmost first */
	size_t n_lowers;
	bool user_xattrs; /* its overlay is mounted with userxattr */
};

/* Tells each change in the order of the paths: 'A' added, 'C' changed (its content, or only what is
 * said of it, or something in a directory), 'D' deleted. Paths are absolute, in the container.
 * Sockets are told, too. */
int upper_changes(const struct upper_view *view,
		  int (*tell)(void *data, char kind, const char *path), void *data,
		  struct oci_error *err);

/* Writes one directory as a layer's tar to fd: whiteouts and opaque directories as .wh. files,
 * entries in the order of their paths, hard links as such, without sockets. Refuses what a layer
 * can't say: names that begin with ".wh.", directories that the overlay redirects. */
int upper_write(const char *directory, bool user_xattrs, int fd,
		enum archive_compression compression, struct archive_digests *digests,
		struct oci_error *err);

#endif
