/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The documents of an OCI image (image-spec 1.1) and of a Docker image (schema 2) as structs: the
 * index, the manifest, the configuration. Read strictly, from memory; nothing here opens a file.
 */
#ifndef BOX_IMAGE_DOCUMENTS_H
#define BOX_IMAGE_DOCUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "libocispec/json.h"
#include "libocispec/oci_config.h"

/* Layers of one image. An overlay takes no more than 500 lower directories. */
#define IMAGE_MAX_LAYERS 498
/* Volumes that one image may ask for, and bytes of the path of each: a container's saved options
 * have them. */
#define IMAGE_MAX_VOLUMES 128
#define IMAGE_MAX_VOLUME_PATH 512

struct image_platform {
	bool present;
	char *architecture; /* as Go names them: "amd64" */
	char *os;
	char *variant; /* "v7", or NULL */
};

struct image_descriptor {
	bool present;
	char *media_type;
	char *digest; /* a valid one of sha256 */
	uint64_t size;
	struct image_platform platform;
	struct oci_pairs annotations;
};

struct image_index {
	struct oci_document *doc;
	uint32_t schema_version;
	char *media_type; /* or NULL */
	OCI_LIST(struct image_descriptor) manifests;
};

struct image_manifest {
	struct oci_document *doc;
	uint32_t schema_version;
	char *media_type;    /* or NULL */
	char *artifact_type; /* or NULL */
	struct image_descriptor config;
	OCI_LIST(struct image_descriptor) layers; /* the lowest first */
};

struct image_key {
	char *key;
};

/* Docker's addition: what tells whether the process is well. Times in ns; 0: the default. */
struct image_health {
	bool present;
	struct oci_strings test; /* "NONE", or "CMD" or "CMD-SHELL" and what follows */
	uint64_t interval, timeout, start_period, start_interval;
	uint32_t retries;
};

/* What a container of the image runs, where nothing else is asked for. Absent is NULL or n 0. */
struct image_process {
	bool present;
	char *user;
	OCI_LIST(struct image_key) exposed_ports; /* "80/tcp" */
	struct oci_strings env;
	struct oci_strings entrypoint;
	struct oci_strings cmd;
	OCI_LIST(struct image_key) volumes; /* paths below the container's / */
	char *working_dir;
	struct oci_pairs labels;
	char *stop_signal;
	struct image_health health;
};

struct image_rootfs {
	bool present;
	char *type;
	struct oci_strings diff_ids; /* digests of the layers' tars, the lowest first */
};

struct image_config {
	struct oci_document *doc;
	char *created; /* or NULL */
	char *architecture;
	char *os;
	char *variant; /* or NULL */
	struct image_process config;
	struct image_rootfs rootfs;
};

enum image_kind { IMAGE_OTHER, IMAGE_INDEX, IMAGE_MANIFEST };

/* What a descriptor of this media type leads to. */
enum image_kind image_kind_of(const char *media_type);

/* Each zeroes the struct first and leaves it zeroed when it fails; code "invalid-image". */
int image_index_read(struct image_index *index, const char *text, size_t size,
		     struct oci_error *err);
/* Also checks that every layer is of a known kind, and the configuration is an image's. */
int image_manifest_read(struct image_manifest *manifest, const char *text, size_t size,
			struct oci_error *err);
int image_config_read(struct image_config *config, const char *text, size_t size,
		      struct oci_error *err);

void image_index_close(struct image_index *index);
void image_manifest_close(struct image_manifest *manifest);
void image_config_close(struct image_config *config);

/* The value of an annotation, or NULL. */
const char *image_annotation(const struct image_descriptor *descriptor, const char *key);

#endif
