/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Images by name: ROOT/images/NAME.json, the name with what no file name may hold as %XX.
 */
#ifndef BOX_IMAGE_RECORD_H
#define BOX_IMAGE_RECORD_H

#include <stdint.h>

#include "box/store.h"
#include "libocispec/json.h"
#include "libocispec/oci_config.h"

#define IMAGE_NAME_MAX 200

struct image_record {
	struct oci_document *doc; /* of one that was read; NULL of one to write */
	uint32_t version;
	char *name;		   /* "NAME:TAG" */
	char *id;		   /* the configuration's digest */
	char *manifest;		   /* the manifest's digest */
	uint64_t size;		   /* of the layers' tars together */
	int64_t imported;	   /* seconds since 1970 */
	struct oci_strings layers; /* diff ids, the lowest first */
};

/* A name with its tag, ":latest" where it has none. Letters, digits and ._-/ with one colon.
 * Code "usage". */
int image_name_complete(const char *given, char name[IMAGE_NAME_MAX + 8], struct oci_error *err);

/* Writes or replaces a record. */
int image_record_save(const struct store *store, const struct image_record *record,
		      struct oci_error *err);

/* By name, or by id (12 digits at least, with "sha256:" or without) where that is one image's. Code
 * "not-found", "ambiguous". */
int image_record_find(const struct store *store, const char *word, struct image_record *record,
		      struct oci_error *err);
void image_record_close(struct image_record *record);

/* Removes the record's file. */
int image_record_remove(const struct store *store, const struct image_record *record,
			struct oci_error *err);

/* Calls `each` for every record, in the order of their names; it returns -1 to end. One that can't
 * be read is an error. */
int image_records_each(const struct store *store,
		       int (*each)(void *data, const struct image_record *record), void *data,
		       struct oci_error *err);

/* Calls `see` for each layer of each image. */
int image_records_each_layer(const struct store *store, int (*see)(void *data, const char *digest),
			     void *data, struct oci_error *err);

#endif
