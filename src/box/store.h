/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The part of hullbox's root directory that holds what containers are made from: layers and
 * images, named by digest. Nothing appears there under its name before it is whole and on disk.
 *
 *   layers/sha256/HEX/{diff/, layer.json}   HEX: the digest of the layer's tar, its diff id
 *   layers/known/                           digests of tar files, by what stat(2) says of them
 *   layers/tmp/                             what is being made; all of it is garbage to the next
 *   layers/lock, layers/use.lock
 *   images/NAME.json, images/sha256/HEX     records, and the configurations that they name
 */
#ifndef BOX_STORE_H
#define BOX_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* "sha256:", 64 digits, a NUL. */
#define DIGEST_SIZE 72

struct store {
	char path[PATH_MAX];
	int root, layers, images;
	bool user_xattrs; /* the caller can't set trusted.*: overlays need userxattr */
};

/* Opens the store below the absolute path of hullbox's root, making what lacks, for its owner alone
 * (layers hold programs with setuid). */
int store_open(struct store *store, const char *root, struct oci_error *err);
/* Accepts a store that was never opened if it is zeroed with descriptors of -1. */
void store_close(struct store *store);

/* Waits until nobody else makes anything in the store, and removes what one who was killed left.
 * The lock is the descriptor. */
int store_lock(const struct store *store, struct oci_error *err);

/* Held, shared, by who looked layers up until a container's record names them
 * (layer_references_save()); alone by who removes layers. The lock is the descriptor. */
int store_use(const struct store *store, bool alone, struct oci_error *err);

/* Removes what killed makers left, unless somebody makes something now. */
int store_sweep(const struct store *store, struct oci_error *err);

/* An empty directory in layers/tmp, mode 0700; name: its name there. With the lock held. */
int store_make_temporary(const struct store *store, char name[32], struct oci_error *err);
/* The descriptor of layers/tmp. */
int store_open_temporary(const struct store *store, struct oci_error *err);

/* "sha256:" and 64 lower-case digits, and nothing else. */
bool digest_is_valid(const char *digest);
/* The digits of a valid one. */
const char *digest_hex(const char *digest);

#endif
