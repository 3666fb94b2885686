/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/layout_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/interrupt.h"
#include "box/json_tree.h"
#include "box/layout.h"
#include "box/tree.h"
#include "box/upper.h"
#include "libocispec/json_text.h"

#define PIECE ((size_t)256 * 1024)
#define OCI "application/vnd.oci.image."

struct written {
	char digest[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	uint64_t size;
	const char *media_type; /* of a layer */
};

struct layout_out {
	const struct layout_request *request;
	int dir, blobs; /* of the new layout */
	struct written *layers;
	struct written config, manifest;
};

static const char *layer_type(enum archive_compression compression)
{
	switch (compression) {
	case ARCHIVE_GZIP:
		return OCI "layer.v1.tar+gzip";
	case ARCHIVE_ZSTD:
		return OCI "layer.v1.tar+zstd";
	case ARCHIVE_PLAIN:
		break;
	}
	return OCI "layer.v1.tar";
}

/* A file tells by its beginning how it is compressed; NULL where images have no name for that. */
static const char *type_of(int fd)
{
	char head[6] = "";

	if (pread(fd, head, sizeof(head), 0) < 0)
		return NULL;
	if (memcmp(head,
		   "\xfd"
		   "7zXZ",
		   5) == 0 ||
	    memcmp(head, "BZh", 3) == 0)
		return NULL;
	if (memcmp(head, "\x1f\x8b", 2) == 0)
		return layer_type(ARCHIVE_GZIP);
	if (memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
		return layer_type(ARCHIVE_ZSTD);
	return layer_type(ARCHIVE_PLAIN);
}

static int copy_blob(int from, int to, struct written *written, char hex[SHA256_HEX],
		     struct oci_error *err)
{
	auto_free char *piece = malloc(PIECE);
	struct sha256 sum;
	ssize_t got;

	if (!piece)
		return fail_sys(err, "memory for a blob");
	sha256_init(&sum);
	written->size = 0;
	while ((got = pread(from, piece, PIECE, (off_t)written->size)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_sys(err, "read it");
		TRY(interrupt_check(err));
		sha256_add(&sum, piece, (size_t)got);
		TRY(file_write_all(to, piece, (size_t)got, err));
		written->size += (uint64_t)got;
	}
	sha256_end(&sum, hex);
	return 0;
}

/* A layer of the base, as it came. */
static int take_layer(struct layout_out *out, const struct layout_layer *layer,
		      struct written *written, struct oci_error *err)
{
	auto_fd fd = openat(out->blobs, ".new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	char hex[SHA256_HEX];

	if (fd < 0)
		return fail_sys(err, "make a blob");
	if (copy_blob(layer->fd, fd, written, hex, err) < 0)
		return fail_in(err, "layer '%s'", layer->blob);
	if (strcmp(hex, digest_hex(layer->blob)) != 0)
		return fail_code(err, "wrong-digest",
				 "layer '%s': the store's copy of it has the digest sha256:%s",
				 layer->blob, hex);
	if (fsync(fd) < 0 || renameat(out->blobs, ".new", out->blobs, hex) < 0)
		return fail_sys(err, "write the blob '%s'", hex);
	(void)snprintf(written->digest, sizeof(written->digest), "sha256:%s", hex);
	(void)snprintf(written->diff_id, sizeof(written->diff_id), "%s", layer->diff_id);
	return 0;
}

static int pack_layer(struct layout_out *out, size_t i, struct oci_error *err)
{
	auto_fd fd = openat(out->blobs, ".new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	struct written *written = &out->layers[i];
	struct archive_digests digests;

	if (fd < 0)
		return fail_sys(err, "make a blob");
	if (upper_write(out->request->layers[i].directory, out->request->user_xattrs, fd,
			out->request->compression, &digests, err) < 0)
		return fail_in(err, "layer '%s'", out->request->layers[i].directory);
	if (fsync(fd) < 0 || renameat(out->blobs, ".new", out->blobs, digests.blob) < 0)
		return fail_sys(err, "write the blob '%s'", digests.blob);
	(void)snprintf(written->digest, sizeof(written->digest), "sha256:%s", digests.blob);
	(void)snprintf(written->diff_id, sizeof(written->diff_id), "sha256:%s", digests.tar);
	written->size = digests.blob_size;
	written->media_type = layer_type(out->request->compression);
	return 0;
}

static int write_layer(struct layout_out *out, size_t i, struct oci_error *err)
{
	const struct layout_layer *layer = &out->request->layers[i];

	out->layers[i].media_type = layer->fd >= 0 ? type_of(layer->fd) : NULL;
	return out->layers[i].media_type ? take_layer(out, layer, &out->layers[i], err)
					 : pack_layer(out, i, err);
}

static int write_document(struct layout_out *out, struct json_text *text, struct written *written,
			  struct oci_error *err)
{
	struct sha256 sum;
	char hex[SHA256_HEX];

	TRY(json_text_check(text, err));
	sha256_init(&sum);
	sha256_add(&sum, text->text, text->size);
	sha256_end(&sum, hex);
	(void)snprintf(written->digest, sizeof(written->digest), "sha256:%s", hex);
	written->size = text->size;
	return file_replace_at(out->blobs, hex, text->text, text->size, 0644, err);
}

static void add_rootfs(struct json_text *text, const struct layout_out *out)
{
	json_text_open_object(text, "rootfs");
	json_text_string(text, "type", "layers");
	json_text_open_array(text, "diff_ids");
	for (size_t i = 0; i < out->request->n_layers; i++)
		json_text_string(text, NULL, out->layers[i].diff_id);
	json_text_close_array(text);
	json_text_close_object(text);
}

static void add_time(struct json_text *text)
{
	time_t now = time(NULL);
	struct tm parts;
	char created[32];

	(void)strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
	json_text_string(text, "created", created);
}

/* One entry for each layer: where the base tells nothing of its own, nothing can be added. */
static void add_history(struct json_text *text, const struct json_node *root)
{
	const struct json_node *entry = json_tree_array(root, "history");

	if (!entry)
		return;
	json_text_open_array(text, "history");
	for (; entry; entry = entry->next)
		json_tree_copy(text, NULL, entry);
	json_text_open_object(text, NULL);
	add_time(text);
	json_text_string(text, "created_by", "hullbox commit");
	json_text_close_object(text);
	json_text_close_array(text);
}

static bool is_written_anew(const char *key)
{
	return !strcmp(key, "rootfs") || !strcmp(key, "history") || !strcmp(key, "created");
}

static void add_base(struct json_text *text, const struct json_node *root)
{
	for (const struct json_node *node = root->first; node; node = node->next)
		if (!is_written_anew(node->key))
			json_tree_copy(text, node->key, node);
	add_history(text, root);
}

static int write_config(struct layout_out *out, struct oci_error *err)
{
	struct oci_document *base = NULL;
	struct json_text text;
	int done;

	if (out->request->base) {
		base = json_tree_parse(out->request->base, out->request->base_size, err);
		if (!base)
			return -1;
	}
	json_text_init(&text, false);
	json_text_open_object(&text, NULL);
	add_time(&text);
	if (base) {
		add_base(&text, base->root);
	} else {
		json_text_string(&text, "architecture", layout_architecture());
		json_text_string(&text, "os", "linux");
	}
	add_rootfs(&text, out);
	json_text_close_object(&text);
	done = write_document(out, &text, &out->config, err);
	json_text_done(&text);
	json_document_free(base);
	return done;
}

static void add_descriptor(struct json_text *text, const char *key, const char *media_type,
			   const struct written *written)
{
	json_text_open_object(text, key);
	json_text_string(text, "mediaType", media_type);
	json_text_string(text, "digest", written->digest);
	json_text_uint(text, "size", written->size);
}

static int write_manifest(struct layout_out *out, struct oci_error *err)
{
	struct json_text text;
	int done;

	json_text_init(&text, false);
	json_text_open_object(&text, NULL);
	json_text_uint(&text, "schemaVersion", 2);
	json_text_string(&text, "mediaType", OCI "manifest.v1+json");
	add_descriptor(&text, "config", OCI "config.v1+json", &out->config);
	json_text_close_object(&text);
	json_text_open_array(&text, "layers");
	for (size_t i = 0; i < out->request->n_layers; i++) {
		add_descriptor(&text, NULL, out->layers[i].media_type, &out->layers[i]);
		json_text_close_object(&text);
	}
	json_text_close_array(&text);
	json_text_close_object(&text);
	done = write_document(out, &text, &out->manifest, err);
	json_text_done(&text);
	return done;
}

static int write_index(struct layout_out *out, struct oci_error *err)
{
	static const char head[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	struct json_text text;
	int done;

	json_text_init(&text, false);
	json_text_open_object(&text, NULL);
	json_text_uint(&text, "schemaVersion", 2);
	json_text_string(&text, "mediaType", OCI "index.v1+json");
	json_text_open_array(&text, "manifests");
	add_descriptor(&text, NULL, OCI "manifest.v1+json", &out->manifest);
	if (out->request->ref[0] != '\0') {
		json_text_open_object(&text, "annotations");
		json_text_string(&text, "org.opencontainers.image.ref.name", out->request->ref);
		json_text_close_object(&text);
	}
	json_text_close_object(&text);
	json_text_close_array(&text);
	json_text_close_object(&text);
	done = json_text_check(&text, err);
	if (done == 0)
		done = file_replace_at(out->dir, "index.json", text.text, text.size, 0644, err);
	json_text_done(&text);
	return done < 0 ? -1
			: file_replace_at(out->dir, "oci-layout", head, strlen(head), 0644, err);
}

static int make_directories(struct layout_out *out, const char *path, struct oci_error *err)
{
	if (mkdir(path, 0755) < 0)
		return fail_sys(err, "mkdir '%s'", path);
	out->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out->dir < 0 || mkdirat(out->dir, "blobs", 0755) < 0 ||
	    mkdirat(out->dir, "blobs/sha256", 0755) < 0)
		return fail_sys(err, "make '%s/blobs'", path);
	out->blobs = openat(out->dir, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return out->blobs < 0 ? fail_sys(err, "open '%s/blobs/sha256'", path) : 0;
}

static int write_all(struct layout_out *out, const char *path, struct oci_error *err)
{
	TRY(make_directories(out, path, err));
	for (size_t i = 0; i < out->request->n_layers; i++)
		TRY(write_layer(out, i, err));
	TRY(write_config(out, err));
	TRY(write_manifest(out, err));
	TRY(write_index(out, err));
	TRY(interrupt_check(err));
	/* Over an empty directory, but over nothing else. */
	if (rename(path, out->request->path) < 0)
		return fail_sys(err, "give the layout its name '%s'", out->request->path);
	return 0;
}

/* The first failure is told, not that of this. */
static void remove_half(char *path)
{
	char *slash = strrchr(path, '/');
	struct oci_error second = { 0 };
	auto_fd parent = -1;

	if (slash)
		*slash = '\0';
	parent = open(!slash	      ? "."
		      : slash == path ? "/"
				      : path,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0)
		(void)tree_remove(parent, slash ? slash + 1 : path, &second);
}

int layout_write(const struct layout_request *request, char manifest[72], struct oci_error *err)
{
	struct layout_out out = { .request = request, .dir = -1, .blobs = -1 };
	auto_free struct written *layers = calloc(request->n_layers + 1, sizeof(*layers));
	char path[PATH_MAX];
	size_t size = strlen(request->path);
	int done;

	if (!layers)
		return fail_sys(err, "memory for layers");
	while (size > 1 && request->path[size - 1] == '/')
		size--;
	if (snprintf(path, sizeof(path), "%.*s.%d.new", (int)size, request->path, (int)getpid()) >=
	    (int)sizeof(path))
		return fail(err, "'%.100s...' is too long for a path", request->path);
	out.layers = layers;
	done = write_all(&out, path, err);
	fd_drop(&out.blobs);
	fd_drop(&out.dir);
	if (done < 0)
		remove_half(path);
	else
		(void)snprintf(manifest, DIGEST_SIZE, "%s", out.manifest.digest);
	return done;
}
