/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libFuzzer target for an image's documents. Beyond "no crash": of what is accepted every digest
 * can be a file's name, and what the rest of the program relies on holds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box/image_documents.h"
#include "box/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void check_descriptor(const struct image_descriptor *one)
{
	demand(digest_is_valid(one->digest), "a digest is one of sha256");
	demand(strspn(digest_hex(one->digest), "0123456789abcdef") == 64, "and safe as a name");
	demand(one->media_type[0] != '\0', "a descriptor has a type");
	(void)image_kind_of(one->media_type);
	(void)image_annotation(one, "org.opencontainers.image.ref.name");
}

static void read_manifest(const char *text, size_t size)
{
	struct oci_error err = { 0 };
	struct image_manifest manifest;

	if (image_manifest_read(&manifest, text, size, &err) < 0) {
		demand(manifest.doc == NULL && err.text[0] != '\0', "a refusal says why");
		return;
	}
	demand(manifest.layers.n <= IMAGE_MAX_LAYERS, "layers are bounded");
	check_descriptor(&manifest.config);
	for (size_t i = 0; i < manifest.layers.n; i++)
		check_descriptor(&manifest.layers.v[i]);
	image_manifest_close(&manifest);
}

static void read_index(const char *text, size_t size)
{
	struct oci_error err = { 0 };
	struct image_index index;

	if (image_index_read(&index, text, size, &err) < 0) {
		demand(index.doc == NULL && err.text[0] != '\0', "a refusal says why");
		return;
	}
	for (size_t i = 0; i < index.manifests.n; i++)
		check_descriptor(&index.manifests.v[i]);
	image_index_close(&index);
}

static void read_config(const char *text, size_t size)
{
	struct oci_error err = { 0 };
	struct image_config config;

	if (image_config_read(&config, text, size, &err) < 0) {
		demand(config.doc == NULL && err.text[0] != '\0', "a refusal says why");
		return;
	}
	for (size_t i = 0; i < config.rootfs.diff_ids.n; i++)
		demand(digest_is_valid(config.rootfs.diff_ids.v[i]), "diff ids are digests");
	for (size_t i = 0; i < config.config.env.n; i++)
		demand(strchr(config.config.env.v[i], '=') != NULL, "variables have values");
	for (size_t i = 0; i < config.config.volumes.n; i++)
		demand(config.config.volumes.v[i].key[0] == '/', "volumes are absolute");
	image_config_close(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_manifest(text, size);
	read_index(text, size);
	read_config(text, size);
	return 0;
}
