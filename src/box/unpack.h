/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An archive's entries made in a directory, as a layer of an overlay: whiteouts become the
 * overlay's own. Nothing outside the directory is ever touched: each parent is looked up beneath it
 * without following any link, and all is made by the descriptor that this gives.
 */
#ifndef BOX_UNPACK_H
#define BOX_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "box/archive_in.h"

struct unpack_options {
	bool devices; /* make them; else an archive with one is refused */
	bool owners;  /* keep them; else all belongs to the caller, and security.* is left out */
	bool user_xattrs; /* mark opaque directories in user.overlay, not in trusted.overlay */
	bool plain;	  /* only directories and files, of no particular owner, mode or time; a tar
			   * of an image layout, no layer */
	const uint32_t *own; /* NULL, or a user and a group id whose files become root's */
};

/* Unpacks all that comes into the empty directory `root`, which nobody else may change meanwhile.
 * On failure what was made so far is left for the caller to remove. *has_devices: some were made.
 * Codes as archive_in_next(), "device-in-layer". */
int unpack_tar(struct archive_in *in, int root, const struct unpack_options *options,
	       bool *has_devices, struct oci_error *err);

#endif
