/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a container's root file system lies on: decided once, when the container is made, and kept
 * in its directory. `base` has one line for each lower directory, the lowest first: "dir PATH" or
 * "layer DIGEST"; `image.json` is the configuration of its image. Layers that a container names
 * stay in the store (layer.h), whatever becomes of the image's name.
 */
#ifndef BOX_CONTAINER_BASE_H
#define BOX_CONTAINER_BASE_H

#include "box/box_options.h"
#include "box/bundle.h"
#include "box/image_documents.h"
#include "box/record.h"
#include "box/store.h"

/* Finds, unpacks and writes down. The record isn't published yet. *use is a lock that keeps the
 * layers until it is: to be closed then; -1 when there are none. */
int container_base_make(const struct box_home *home, const struct box_record *record,
			const struct box_options *options, int *use, struct oci_error *err);

/* The lower directories, the topmost first: *paths and each of them is on the heap. */
int container_base_paths(const struct box_home *home, const struct box_record *record,
			 char ***paths, size_t *n, struct oci_error *err);
void container_base_paths_free(char **paths, size_t n);

/* All layers that it lies upon, the lowest first, hidden ones too. */
struct base_layer {
	char *path;
	char digest[DIGEST_SIZE]; /* "" for a directory that was given */
	char blob[DIGEST_SIZE];	  /* digest of the file that it came as, "" for none */
	int fd;			  /* that file, -1 for none */
};
int container_base_layers(const struct box_home *home, const struct box_record *record,
			  struct base_layer **layers, size_t *n, struct oci_error *err);
void container_base_layers_free(struct base_layer *layers, size_t n);

/* The image's configuration as it was, on the heap; NULL with err. */
char *container_base_config(const struct box_record *record, size_t *size, struct oci_error *err);

/* What its image says of the process. `image` points into *config, which image_config_close() ends;
 * returns 1 when there is an image, 0 when there is none. */
int container_base_image(const struct box_record *record, struct image_config *config,
			 struct box_image *image, struct oci_error *err);

#endif
