/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/image_documents.h"

#include <string.h>

#include "base/error.h"
#include "box/store.h"
#include "box/value.h"
#include "libocispec/shape.h"

/* What the digest is used for must be safe: it becomes a file's name. */
static const char *check_digest(const char *value)
{
	if (strncmp(value, "sha512:", 7) == 0)
		return "a sha256 digest (sha512 isn't supported)";
	return digest_is_valid(value) ? NULL : "a sha256 digest";
}

/* clang-format off */

static SHAPE(image_platform,
	STRING("architecture", image_platform, architecture),
	STRING("os",           image_platform, os),
	STRING("variant",      image_platform, variant));

static SHAPE(image_descriptor,
	STRING("mediaType",   image_descriptor, media_type, .required = true),
	STRING("digest",      image_descriptor, digest,     .required = true, .check = check_digest),
	U64("size",           image_descriptor, size,       .required = true),
	OBJECT("platform",    image_descriptor, platform, image_platform),
	PAIRS("annotations",  image_descriptor, annotations));

static SHAPE(image_index,
	U32("schemaVersion", image_index, schema_version, .required = true),
	STRING("mediaType",  image_index, media_type),
	LIST("manifests",    image_index, manifests, image_descriptor, .required = true));

static SHAPE(image_manifest,
	U32("schemaVersion",   image_manifest, schema_version, .required = true),
	STRING("mediaType",    image_manifest, media_type),
	STRING("artifactType", image_manifest, artifact_type),
	OBJECT("config",       image_manifest, config, image_descriptor, .required = true),
	LIST("layers",         image_manifest, layers, image_descriptor, .required = true));

/* A set, written as a map to empty objects. */
static const struct shape image_key_shape = { sizeof(struct image_key),
					      (const struct field[]){ { .name = NULL } } };

static SHAPE(image_health,
	STRINGS("Test",        image_health, test),
	U64("Interval",        image_health, interval),
	U64("Timeout",         image_health, timeout),
	U64("StartPeriod",     image_health, start_period),
	U64("StartInterval",   image_health, start_interval),
	U32("Retries",         image_health, retries));

static SHAPE(image_process,
	STRING("User",         image_process, user),
	MAP("ExposedPorts",    image_process, exposed_ports, image_key),
	STRINGS("Env",         image_process, env),
	STRINGS("Entrypoint",  image_process, entrypoint),
	STRINGS("Cmd",         image_process, cmd),
	MAP("Volumes",         image_process, volumes, image_key),
	STRING("WorkingDir",   image_process, working_dir),
	PAIRS("Labels",        image_process, labels),
	STRING("StopSignal",   image_process, stop_signal),
	OBJECT("Healthcheck",  image_process, health, image_health));

static SHAPE(image_rootfs,
	STRING("type",      image_rootfs, type,     .required = true),
	STRINGS("diff_ids", image_rootfs, diff_ids, .check = check_digest));

static SHAPE(image_config,
	STRING("created",      image_config, created),
	STRING("architecture", image_config, architecture),
	STRING("os",           image_config, os),
	STRING("variant",      image_config, variant),
	OBJECT("config",       image_config, config, image_process),
	OBJECT("rootfs",       image_config, rootfs, image_rootfs, .required = true));

static const struct {
	const char *media_type;
	enum image_kind kind;
} kinds[] = {
	{ "application/vnd.oci.image.index.v1+json",                   IMAGE_INDEX },
	{ "application/vnd.docker.distribution.manifest.list.v2+json", IMAGE_INDEX },
	{ "application/vnd.oci.image.manifest.v1+json",                IMAGE_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v2+json",      IMAGE_MANIFEST },
};

static const char *const config_types[] = {
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
};

/* How a layer is compressed is seen from its content, and checked by the digest of what comes out. */
static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

/* clang-format on */

static bool is_among(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

enum image_kind image_kind_of(const char *media_type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(media_type, kinds[i].media_type) == 0)
			return kinds[i].kind;
	return IMAGE_OTHER;
}

static int invalid(struct oci_error *err, const char *what)
{
	return fail_code(err, "invalid-image", "%s", what);
}

/* One document that could be read as another one: its descriptor said which it is. */
static int check_head(uint32_t version, const char *media_type, enum image_kind kind,
		      struct oci_error *err)
{
	if (version != 2)
		return fail_code(err, "invalid-image", "/schemaVersion: expected 2, found %u",
				 version);
	if (media_type && image_kind_of(media_type) != kind)
		return fail_code(err, "invalid-image",
				 "/mediaType: '%.200s' isn't that of an image's %s", media_type,
				 kind == IMAGE_INDEX ? "index" : "manifest");
	return 0;
}

int image_index_read(struct image_index *index, const char *text, size_t size,
		     struct oci_error *err)
{
	memset(index, 0, sizeof(*index));
	TRY(shape_read_text(&image_index_shape, index, &index->doc, text, size, "invalid-image",
			    NULL, err));
	if (check_head(index->schema_version, index->media_type, IMAGE_INDEX, err) == 0)
		return 0;
	image_index_close(index);
	return -1;
}

static int check_manifest(const struct image_manifest *manifest, struct oci_error *err)
{
	TRY(check_head(manifest->schema_version, manifest->media_type, IMAGE_MANIFEST, err));
	if (!is_among(manifest->config.media_type, config_types,
		      sizeof(config_types) / sizeof(config_types[0])))
		return fail_code(err, "invalid-image",
				 "/config/mediaType: '%.200s' is no image's configuration: this is "
				 "no image that can be run",
				 manifest->config.media_type);
	if (manifest->layers.n > IMAGE_MAX_LAYERS)
		return fail_code(err, "invalid-image", "/layers: %zu of them; the limit is %d",
				 manifest->layers.n, IMAGE_MAX_LAYERS);
	for (size_t i = 0; i < manifest->layers.n; i++)
		if (!is_among(manifest->layers.v[i].media_type, layer_types,
			      sizeof(layer_types) / sizeof(layer_types[0])))
			return fail_code(err, "invalid-image",
					 "/layers/%zu/mediaType: '%.200s' is no layer that can be "
					 "unpacked",
					 i, manifest->layers.v[i].media_type);
	return 0;
}

int image_manifest_read(struct image_manifest *manifest, const char *text, size_t size,
			struct oci_error *err)
{
	memset(manifest, 0, sizeof(*manifest));
	TRY(shape_read_text(&image_manifest_shape, manifest, &manifest->doc, text, size,
			    "invalid-image", NULL, err));
	if (check_manifest(manifest, err) == 0)
		return 0;
	image_manifest_close(manifest);
	return -1;
}

/* A stranger says where something is made and mounted. Slashes too many are taken for one. */
static int check_volumes(const struct image_process *process, struct oci_error *err)
{
	if (process->volumes.n > IMAGE_MAX_VOLUMES)
		return fail_code(err, "invalid-image",
				 "/config/Volumes: %zu of them; the limit is %d",
				 process->volumes.n, IMAGE_MAX_VOLUMES);
	for (size_t i = 0; i < process->volumes.n; i++) {
		const char *path = process->volumes.v[i].key;
		const char *why = value_is_absolute(path);

		if (!why && !path[strspn(path, "/")])
			why = "a path below /";
		if (!why && strlen(path) > IMAGE_MAX_VOLUME_PATH)
			why = "a path of at most 512 bytes";
		if (why)
			return fail_code(err, "invalid-image", "/config/Volumes: '%.200s' isn't %s",
					 path, why);
	}
	return 0;
}

static int check_config(const struct image_config *config, struct oci_error *err)
{
	if (strcmp(config->rootfs.type, "layers") != 0)
		return invalid(err, "/rootfs/type: expected \"layers\"");
	TRY(check_volumes(&config->config, err));
	for (size_t i = 0; i < config->config.env.n; i++)
		if (!strchr(config->config.env.v[i], '=') || config->config.env.v[i][0] == '=')
			return fail_code(err, "invalid-image",
					 "/config/Env/%zu: '%.200s' is no NAME=VALUE", i,
					 config->config.env.v[i]);
	return 0;
}

int image_config_read(struct image_config *config, const char *text, size_t size,
		      struct oci_error *err)
{
	memset(config, 0, sizeof(*config));
	TRY(shape_read_text(&image_config_shape, config, &config->doc, text, size, "invalid-image",
			    NULL, err));
	if (check_config(config, err) == 0)
		return 0;
	image_config_close(config);
	return -1;
}

void image_index_close(struct image_index *index)
{
	json_document_free(index->doc);
	memset(index, 0, sizeof(*index));
}

void image_manifest_close(struct image_manifest *manifest)
{
	json_document_free(manifest->doc);
	memset(manifest, 0, sizeof(*manifest));
}

void image_config_close(struct image_config *config)
{
	json_document_free(config->doc);
	memset(config, 0, sizeof(*config));
}

const char *image_annotation(const struct image_descriptor *descriptor, const char *key)
{
	for (size_t i = 0; i < descriptor->annotations.n; i++)
		if (strcmp(descriptor->annotations.v[i].key, key) == 0)
			return descriptor->annotations.v[i].value;
	return NULL;
}
