/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Images: taken from an OCI image layout into the store, whole and verified, and found there.
 */
#ifndef BOX_IMAGE_H
#define BOX_IMAGE_H

#include "box/image_documents.h"
#include "box/image_record.h"
#include "box/layer.h"

struct image_request {
	const char *source;   /* LAYOUT[:REF]; for image_open() the name of an image as well */
	const char *platform; /* OS/ARCHITECTURE[/VARIANT]; NULL: this machine's */
	bool devices;	      /* take layers with devices */
};

/* An image in the store. */
struct stored_image {
	char name[IMAGE_NAME_MAX + 8]; /* "" when it was used without being imported */
	char id[DIGEST_SIZE];	       /* of its configuration */
	char manifest[DIGEST_SIZE];
	struct image_config config;
	char *config_text; /* the document as it was */
	size_t config_size;
	uint64_t size;		   /* of the layers' tars together */
	const char *const *layers; /* diff ids, the lowest first; they are config's */
	size_t n_layers;
};

/* Imports an image under a name (NULL: made from the layout's name and the ref). Layers that are in
 * the store aren't read again; all else is verified by size and digest. When it fails, what was
 * there under the name still is. Codes as layout_find(), unpack_tar(), "usage" for the name. */
int image_import(const struct store *store, const struct image_request *request, const char *name,
		 struct stored_image *image, struct oci_error *err);

/* The image that `--image` means: an imported one by its name or id, else a layout, whose layers
 * are then unpacked unless they are there, without a name being given. To be called, and the layers
 * to be used, with store_use() held until a container's record names them. */
int image_open(const struct store *store, const struct image_request *request,
	       struct stored_image *image, struct oci_error *err);

/* An imported image by its name or id alone. Code "not-found". */
int image_find(const struct store *store, const char *word, struct stored_image *image,
	       struct oci_error *err);

void stored_image_done(struct stored_image *image);

/* Directories of layers for an overlay, the topmost first; what an opaque root hides is left out.
 * digests: the lowest first. *paths: one piece of memory to free(). Error "not-found" for a layer
 * that isn't there. */
int image_layer_paths(const struct store *store, const char *const *digests, size_t n, bool devices,
		      char ***paths, size_t *n_paths, struct oci_error *err);

/* Removes an image's name; its layers go when nobody else needs them. Waits until nobody is about
 * to use one. */
int image_remove(const struct store *store, const char *word, char name[IMAGE_NAME_MAX + 8],
		 struct oci_error *err);

#endif
