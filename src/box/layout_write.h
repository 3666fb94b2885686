/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing an OCI image layout with one image: what commit leaves.
 */
#ifndef BOX_LAYOUT_WRITE_H
#define BOX_LAYOUT_WRITE_H

#include "box/archive_out.h"
#include "box/image_documents.h"

struct layout_layer {
	const char *directory;
	/* The file that it was unpacked from, which is taken as it is: -1, or its descriptor, its
	 * digest, and that of the tar in it. */
	int fd;
	const char *blob, *diff_id;
};

struct layout_request {
	const char *path;		   /* a directory that isn't there yet, or is empty */
	const char *ref;		   /* the image's name in it, or "" */
	const struct layout_layer *layers; /* the lowest first */
	size_t n_layers;
	bool user_xattrs;		      /* their overlays are mounted with userxattr */
	enum archive_compression compression; /* of layers that are packed */
	/* The configuration of the image that all but the last of the layers are, which is taken
	 * over with all that is in it; NULL: there is none. Its history, where it has one, goes on.
	 */
	const char *base;
	size_t base_size;
};

/* Makes the layout under another name beside it and renames it when it is whole. manifest: its
 * digest. */
int layout_write(const struct layout_request *request, char manifest[72], struct oci_error *err);

#endif
