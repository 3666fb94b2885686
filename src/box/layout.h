/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An OCI image layout: a directory, or a tar of one. Nobody vouches for its files but the digests
 * that lead to them, so each is checked against its size and digest as it is read.
 */
#ifndef BOX_LAYOUT_H
#define BOX_LAYOUT_H

#include "box/image_documents.h"
#include "box/store.h"

struct layout {
	const struct store *store;
	int dir;
	char temporary[32]; /* the unpacked tar, in layers/tmp; "" for a directory */
};

/* Parts LAYOUT[:REF]: the whole is the path when there is such a file, else what stands before the
 * first colon where there is one; both may have colons. ref: "" for none. Code "not-found". */
int layout_split(const char *spec, char path[PATH_MAX], char ref[512], struct oci_error *err);

/* Opens a layout. A tar is unpacked into the store first, for which the caller holds store_lock()
 * until layout_close(). Code "invalid-image". */
int layout_open(struct layout *layout, const struct store *store, const char *path,
		struct oci_error *err);
void layout_close(struct layout *layout);

/* What an image must be for: "linux/arm64/v8"; NULL: what this machine runs. */
struct layout_choice {
	const char *ref; /* "": the only one */
	const char *platform;
};

/* An image of a layout, with its text documents. */
struct layout_image {
	char ref[512]; /* its name in the index, or "" */
	char manifest_digest[DIGEST_SIZE];
	struct image_manifest manifest;
	struct image_config config;
	char *config_text;
	size_t config_size;
};

/* Finds and reads the one image meant; through indexes in the index, by platform. Codes
 * "not-found", "ambiguous" (the error lists the refs), "wrong-platform", "wrong-digest",
 * "invalid-image". */
int layout_find(const struct layout *layout, const struct layout_choice *choice,
		struct layout_image *image, struct oci_error *err);
void layout_image_done(struct layout_image *image);

/* This machine's, as images name it. */
const char *layout_architecture(void);

/* The file that a descriptor names, opened for reading; its size is compared, its content isn't. */
int layout_open_blob(const struct layout *layout, const struct image_descriptor *descriptor,
		     struct oci_error *err);

#endif
