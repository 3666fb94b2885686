/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sha256.h"
#include "box/layout.h"

/* --- The configuration, kept by its digest --- */

static void config_name(const char *id, char name[128])
{
	(void)snprintf(name, 128, "%s", digest_hex(id)); /* always fits */
}

static int open_configs(const struct store *store, struct oci_error *err)
{
	int fd = openat(store->images, "sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail_sys(err, "open '%s/images/sha256'", store->path) : fd;
}

static int save_config(const struct store *store, const struct stored_image *image,
		       struct oci_error *err)
{
	auto_fd configs = open_configs(store, err);
	char name[128];

	TRY(configs);
	config_name(image->id, name);
	return file_replace_at(configs, name, image->config_text, image->config_size, 0600, err);
}

static int load_config(const struct store *store, struct stored_image *image, struct oci_error *err)
{
	auto_fd configs = open_configs(store, err);
	char name[128], hex[SHA256_HEX];
	struct sha256 sum;

	TRY(configs);
	config_name(image->id, name);
	TRY(file_load_at(configs, name, JSON_MAX_SIZE, &image->config_text, &image->config_size,
			 err));
	sha256_init(&sum);
	sha256_add(&sum, image->config_text, image->config_size);
	sha256_end(&sum, hex);
	if (strcmp(hex, name) != 0)
		return fail_code(err, "wrong-digest",
				 "images/sha256/%s: its content has the digest "
				 "sha256:%s",
				 name, hex);
	return image_config_read(&image->config, image->config_text, image->config_size, err);
}

static void name_layers(struct stored_image *image)
{
	image->layers = (const char *const *)image->config.rootfs.diff_ids.v;
	image->n_layers = image->config.rootfs.diff_ids.n;
}

void stored_image_done(struct stored_image *image)
{
	image_config_close(&image->config);
	free(image->config_text);
	memset(image, 0, sizeof(*image));
}

/* --- From a layout --- */

/* What taking an image from a layout works on. */
struct taking {
	const struct store *store;
	const struct image_request *request;
	char path[PATH_MAX], ref[512]; /* of the layout, in it */
	struct layout layout;
	int lock; /* of the store; only taken when something has to be made there */
};

static int take_lock(struct taking *taking, struct oci_error *err)
{
	if (taking->lock < 0)
		taking->lock = store_lock(taking->store, err);
	return taking->lock;
}

static int take_layer(struct taking *taking, const struct image_descriptor *descriptor,
		      const char *diff_id, uint64_t *size, struct oci_error *err)
{
	const struct store *store = taking->store;
	bool devices = taking->request->devices;
	struct layer_source source = { .fd = -1,
				       .blob = descriptor->digest,
				       .blob_size = descriptor->size,
				       .diff_id = diff_id };
	struct layer_facts facts;
	int there = layer_find(store, diff_id, devices, &facts, err);
	auto_fd fd = -1;

	TRY(there);
	if (there == 0) {
		fd = layout_open_blob(&taking->layout, descriptor, err);
		TRY(fd);
		source.fd = fd;
		TRY(take_lock(taking, err));
		TRY(layer_from_blob(store, &source, devices, err));
		there = layer_find(store, diff_id, devices, &facts, err);
		TRY(there);
	}
	if (there == 0)
		return fail(err, "it is gone");
	*size += facts.size;
	return 0;
}

static int take_layers(struct taking *taking, const struct layout_image *from,
		       struct stored_image *image, struct oci_error *err)
{
	for (size_t i = 0; i < from->manifest.layers.n; i++) {
		const struct image_descriptor *descriptor = &from->manifest.layers.v[i];

		if (take_layer(taking, descriptor, from->config.rootfs.diff_ids.v[i], &image->size,
			       err) < 0)
			return fail_in(err, "layer %zu (%s)", i + 1, descriptor->digest);
	}
	return 0;
}

/* Hands over what the layout's image and the stored one have in common. */
static void take_documents(struct layout_image *from, struct stored_image *image)
{
	(void)snprintf(image->id, sizeof(image->id), "%s", from->manifest.config.digest);
	(void)snprintf(image->manifest, sizeof(image->manifest), "%s", from->manifest_digest);
	image->config = from->config;
	image->config_text = from->config_text;
	image->config_size = from->config_size;
	memset(&from->config, 0, sizeof(from->config));
	from->config_text = NULL;
	name_layers(image);
}

/* The name that an import gets when none is given: the ref where it is a whole name, else the
 * layout's own name and the ref as its tag. */
static int choose_name(const char *path, const char *ref, struct stored_image *image,
		       struct oci_error *err)
{
	char text[PATH_MAX + 512], *end;
	const char *base;

	if (strpbrk(ref, ":/"))
		return image_name_complete(ref, image->name, err);
	(void)snprintf(text, sizeof(text), "%s", path);
	end = text + strlen(text);
	while (end > text + 1 && end[-1] == '/')
		*--end = '\0';
	base = strrchr(text, '/') ? strrchr(text, '/') + 1 : text;
	end = text + strlen(text);
	if (end - base > 4 && strcmp(end - 4, ".tar") == 0)
		*(end -= 4) = '\0';
	if (ref[0] != '\0')
		(void)snprintf(end, sizeof(text) - (size_t)(end - text), ":%s", ref);
	if (image_name_complete(base, image->name, err) < 0)
		return fail_in(err, "give the image a name");
	return 0;
}

static int take_image(struct taking *taking, const char *name, struct stored_image *image,
		      struct oci_error *err)
{
	const struct layout_choice choice = { .ref = taking->ref,
					      .platform = taking->request->platform };
	struct layout_image from;
	int done = 0;

	TRY(layout_find(&taking->layout, &choice, &from, err));
	if (name && name[0] == '\0')
		done = choose_name(taking->path, from.ref, image, err);
	if (done == 0)
		done = take_layers(taking, &from, image, err);
	if (done == 0)
		take_documents(&from, image);
	layout_image_done(&from);
	return done;
}

static int open_and_take(struct taking *taking, const char *name, struct stored_image *image,
			 struct oci_error *err)
{
	struct stat st;
	int done;

	if (name && name[0] != '\0')
		TRY(image_name_complete(name, image->name, err));
	TRY(layout_split(taking->request->source, taking->path, taking->ref, err));
	/* A tar of a layout is unpacked in the store. */
	if (stat(taking->path, &st) == 0 && !S_ISDIR(st.st_mode))
		TRY(take_lock(taking, err));
	TRY(layout_open(&taking->layout, taking->store, taking->path, err));
	done = take_image(taking, name, image, err);
	layout_close(&taking->layout);
	return done < 0 ? fail_in(err, "image layout '%s'", taking->path) : 0;
}

/* name: NULL for none, "" for one to be chosen. */
static int take_from_layout(const struct store *store, const struct image_request *request,
			    const char *name, struct stored_image *image, struct oci_error *err)
{
	struct taking taking = { .store = store, .request = request, .lock = -1 };
	int done;

	memset(image, 0, sizeof(*image));
	done = open_and_take(&taking, name, image, err);
	fd_drop(&taking.lock);
	if (done < 0)
		stored_image_done(image);
	return done;
}

static int save_image(const struct store *store, struct stored_image *image, struct oci_error *err)
{
	const struct image_record record = {
		.version = 1,
		.name = image->name,
		.id = image->id,
		.manifest = image->manifest,
		.size = image->size,
		.imported = (int64_t)time(NULL),
		.layers = image->config.rootfs.diff_ids,
	};

	TRY(save_config(store, image, err));
	return image_record_save(store, &record, err);
}

int image_import(const struct store *store, const struct image_request *request, const char *name,
		 struct stored_image *image, struct oci_error *err)
{
	auto_fd use = store_use(store, false, err);

	TRY(use);
	TRY(take_from_layout(store, request, name ? name : "", image, err));
	if (save_image(store, image, err) == 0)
		return 0;
	stored_image_done(image);
	return -1;
}

/* --- In the store --- */

static int open_record(const struct store *store, const struct image_record *record,
		       struct stored_image *image, struct oci_error *err)
{
	memset(image, 0, sizeof(*image));
	if (!digest_is_valid(record->id) || !digest_is_valid(record->manifest))
		return fail(err, "its record has no digests");
	(void)snprintf(image->name, sizeof(image->name), "%s", record->name);
	(void)snprintf(image->id, sizeof(image->id), "%s", record->id);
	(void)snprintf(image->manifest, sizeof(image->manifest), "%s", record->manifest);
	image->size = record->size;
	TRY(load_config(store, image, err));
	name_layers(image);
	return 0;
}

/* A path is what begins like one; all else is a name first. */
static bool looks_like_path(const char *source)
{
	return source[0] == '/' || source[0] == '.';
}

int image_find(const struct store *store, const char *word, struct stored_image *image,
	       struct oci_error *err)
{
	struct image_record record;
	int done;

	TRY(image_record_find(store, word, &record, err));
	done = open_record(store, &record, image, err);
	image_record_close(&record);
	if (done == 0)
		return 0;
	stored_image_done(image);
	return fail_in(err, "image '%s'", word);
}

int image_open(const struct store *store, const struct image_request *request,
	       struct stored_image *image, struct oci_error *err)
{
	struct oci_error no_path = { 0 };
	char path[PATH_MAX], ref[512];

	if (looks_like_path(request->source))
		return take_from_layout(store, request, NULL, image, err);
	if (image_find(store, request->source, image, err) == 0)
		return 0;
	if (strcmp(err->code, "not-found") != 0 ||
	    layout_split(request->source, path, ref, &no_path) < 0)
		return -1;
	memset(err, 0, sizeof(*err));
	return take_from_layout(store, request, NULL, image, err);
}

int image_layer_paths(const struct store *store, const char *const *digests, size_t n, bool devices,
		      char ***paths, size_t *n_paths, struct oci_error *err)
{
	char **list = calloc(n + 1, sizeof(*list) + PATH_MAX);
	char *room = list ? (char *)(list + n + 1) : NULL;
	size_t used = 0;

	if (!list)
		return fail_sys(err, "memory for layers");
	for (size_t i = n; i > 0; i--) {
		struct layer_facts facts;
		int there = layer_find(store, digests[i - 1], devices, &facts, err);

		if (there <= 0) {
			free(list);
			return there < 0 ? -1
					 : fail_code(err, "not-found",
						     "the layer '%s' isn't in the store",
						     digests[i - 1]);
		}
		list[used] = strcpy(room + used * PATH_MAX, facts.path);
		used++;
		if (facts.opaque)
			break;
	}
	*paths = list;
	*n_paths = used;
	return 0;
}

/* --- Removing --- */

struct id_search {
	const char *id;
	bool found;
};

static int compare_id(void *data, const struct image_record *record)
{
	struct id_search *search = data;

	search->found = search->found || strcmp(record->id, search->id) == 0;
	return 0;
}

static int remove_record(const struct store *store, const struct image_record *record,
			 struct oci_error *err)
{
	struct id_search search = { .id = record->id };
	auto_fd use = store_use(store, true, err);
	auto_fd configs = -1;
	char name[128];

	TRY(use);
	TRY(image_record_remove(store, record, err));
	TRY(image_records_each(store, compare_id, &search, err));
	if (search.found || !digest_is_valid(record->id))
		return 0;
	configs = open_configs(store, err);
	TRY(configs);
	config_name(record->id, name);
	if (unlinkat(configs, name, 0) < 0 && errno != ENOENT)
		return fail_sys(err, "remove images/sha256/%s", name);
	return 0;
}

int image_remove(const struct store *store, const char *word, char name[IMAGE_NAME_MAX + 8],
		 struct oci_error *err)
{
	struct image_record record;
	uint64_t freed;
	size_t n;
	int done;

	TRY(image_record_find(store, word, &record, err));
	(void)snprintf(name, IMAGE_NAME_MAX + 8, "%s", record.name);
	done = remove_record(store, &record, err);
	if (done == 0)
		done = layer_collect(store, (const char *const *)record.layers.v, record.layers.n,
				     &n, &freed, err);
	image_record_close(&record);
	return done < 0 ? fail_in(err, "image '%s'", name) : 0;
}
