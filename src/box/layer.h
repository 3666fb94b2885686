/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Layers in the store: a tar unpacked once, found by the digest of its content ever after. A layer
 * in use is only ever read.
 */
#ifndef BOX_LAYER_H
#define BOX_LAYER_H

#include <stdint.h>

#include "box/store.h"

/* The layer that a tar file makes, compressed or not, unpacked unless it is there. digest: its
 * name. devices: take one with devices. The errors name the file, the entry and the cause; nothing
 * is left of an archive that was refused. Codes as unpack_tar(), "not-found". */
int layer_from_tar(const struct store *store, const char *path, bool devices,
		   char digest[DIGEST_SIZE], struct oci_error *err);

/* What an image says of a layer. */
struct layer_source {
	int fd;		  /* of its file, compressed or not; stays the caller's */
	const char *blob; /* the file's digest and size */
	uint64_t blob_size;
	const char *diff_id; /* the tar's */
};

/* Unpacks a layer unless it is there. With store_lock() held. A difference to any of the digests
 * and the size is an error: "wrong-digest". */
int layer_from_blob(const struct store *store, const struct layer_source *source, bool devices,
		    struct oci_error *err);

struct layer_facts {
	char path[PATH_MAX];	/* of its tree: a lower directory of an overlay */
	char blob[DIGEST_SIZE]; /* the file that it was unpacked from */
	uint64_t size;		/* of the tar */
	bool has_devices;
	bool opaque; /* its root hides all layers below it */
};

/* Whether a layer is there: 1, 0; -1 with err. Refuses one with devices unless those are taken
 * ("device-in-layer"), and one whose whiteouts this caller's overlays can't read. */
int layer_find(const struct store *store, const char *digest, bool devices,
	       struct layer_facts *facts, struct oci_error *err);

/* The file that an image's layer was unpacked from, as it was, for images made upon it: its
 * descriptor; -1 with errno ENOENT and no error text when the store hasn't kept one (tars given by
 * themselves, layers of older versions). Its content isn't verified. */
int layer_open_blob(const struct store *store, const char *digest);

/* Writes down, in a container's directory, which layers it needs, so that they stay. */
int layer_references_save(int container_dir, const char *const *digests, size_t n,
			  struct oci_error *err);

/* Calls `see` for each layer that an image or a container needs. With store_use() held alone. */
int layer_references_each(const struct store *store, int (*see)(void *data, const char *digest),
			  void *data, struct oci_error *err);

/* Removes those of the layers which nobody needs; with digests NULL all of them. *n_removed and
 * *freed (bytes of their tars) tell how many. Takes both locks. */
int layer_collect(const struct store *store, const char *const *digests, size_t n,
		  size_t *n_removed, uint64_t *freed, struct oci_error *err);

#endif
