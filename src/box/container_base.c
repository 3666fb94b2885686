/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/container_base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/image.h"

#define BASE_MAX_SIZE ((size_t)4 << 20)

/* The lines of `base` and the digests among them, while they are collected. */
struct lines {
	char *text;
	size_t size;
	char (*digests)[DIGEST_SIZE];
	size_t n;
};

static void free_lines(struct lines *lines)
{
	free(lines->text);
	free(lines->digests);
}

static int add_line(struct lines *lines, const char *kind, const char *what, struct oci_error *err)
{
	size_t size = strlen(kind) + strlen(what) + 2;
	char *text = realloc(lines->text, lines->size + size + 1);

	if (!text)
		return fail_code(err, "out-of-memory", "no memory for the layers");
	lines->text = text;
	(void)sprintf(text + lines->size, "%s %s\n", kind, what);
	lines->size += size;
	return 0;
}

static int add_layer(struct lines *lines, const char *digest, struct oci_error *err)
{
	void *digests = realloc(lines->digests, (lines->n + 1) * sizeof(*lines->digests));

	if (!digests)
		return fail_code(err, "out-of-memory", "no memory for the layers");
	lines->digests = digests;
	(void)snprintf(lines->digests[lines->n++], DIGEST_SIZE, "%s", digest);
	return add_line(lines, "layer", digest, err);
}

static int add_directory(struct lines *lines, const char *path, struct oci_error *err)
{
	if (strchr(path, '\n'))
		return fail_code(err, "usage", "a layer's path can't have a newline");
	return add_line(lines, "dir", path, err);
}

/* A directory as it is, or a tar that is unpacked once. */
static int add_source(const struct store *store, struct lines *lines, const char *path,
		      struct oci_error *err)
{
	char digest[DIGEST_SIZE];
	struct stat status;

	if (stat(path, &status) < 0)
		return fail_sys(err, "layer '%s'", path);
	if (S_ISDIR(status.st_mode))
		return add_directory(lines, path, err);
	TRY(layer_from_tar(store, path, false, digest, err));
	return add_layer(lines, digest, err);
}

/* An imported image has been looked at when it was imported. */
static int open_image(const struct store *store, const char *source, struct stored_image *image,
		      struct oci_error *err)
{
	const struct image_request request = { .source = source };

	if (image_find(store, source, image, err) == 0)
		return 0;
	*err = (struct oci_error){ 0 };
	return image_open(store, &request, image, err);
}

static int add_image(const struct store *store, const struct box_record *record,
		     struct lines *lines, const char *source, struct oci_error *err)
{
	struct stored_image image;
	int result = 0;

	TRY(open_image(store, source, &image, err));
	for (size_t i = 0; i < image.n_layers && result == 0; i++)
		result = add_layer(lines, image.layers[i], err);
	if (result == 0)
		result = file_replace_at(record->dir, "image.json", image.config_text,
					 image.config_size, 0600, err);
	stored_image_done(&image);
	return result;
}

static int save(const struct box_record *record, const struct lines *lines, struct oci_error *err)
{
	auto_free const char **digests = calloc(lines->n + 1, sizeof(*digests));

	if (!digests)
		return fail_code(err, "out-of-memory", "no memory for the layers");
	for (size_t i = 0; i < lines->n; i++)
		digests[i] = lines->digests[i];
	TRY(layer_references_save(record->dir, digests, lines->n, err));
	return file_replace_at(record->dir, "base", lines->text ? lines->text : "", lines->size,
			       0600, err);
}

static int make_from_store(const struct box_home *home, const struct box_record *record,
			   const struct box_source *source, int *use, struct oci_error *err)
{
	struct lines lines = { 0 };
	struct store store;
	int result = 0;

	TRY(store_open(&store, home->root, err));
	*use = store_use(&store, false, err);
	if (*use < 0)
		result = -1;
	for (size_t i = 0; i < source->from.n && result == 0; i++)
		result = !strcmp(source->kind, "image")
				 ? add_image(&store, record, &lines, source->from.v[i], err)
				 : add_source(&store, &lines, source->from.v[i], err);
	if (result == 0)
		result = save(record, &lines, err);
	free_lines(&lines);
	store_close(&store);
	if (result < 0)
		fd_drop(use);
	return result;
}

int container_base_make(const struct box_home *home, const struct box_record *record,
			const struct box_options *options, int *use, struct oci_error *err)
{
	const struct box_source *source = &options->source;
	struct lines lines = { 0 };
	int result;

	*use = -1;
	if (!strcmp(source->kind, "layers") || !strcmp(source->kind, "image"))
		return make_from_store(home, record, source, use, err);
	/* --host has none but what host_root.c puts together each time. */
	result = strcmp(source->kind, "rootfs") != 0
			 ? 0
			 : add_directory(&lines, source->from.v[0], err);
	if (result == 0)
		result = save(record, &lines, err);
	free_lines(&lines);
	return result;
}

/* --- At a beginning --- */

void container_base_paths_free(char **paths, size_t n)
{
	for (size_t i = 0; paths && i < n; i++)
		free(paths[i]);
	free(paths);
}

/* One line of `base`; *opaque when nothing below it is seen. Devices were decided upon when the
 * layer was unpacked. */
static char *find_lower(const struct store *store, const char *line, bool *opaque,
			struct oci_error *err)
{
	struct layer_facts facts;
	int there;

	if (!strncmp(line, "dir ", 4))
		return box_text(err, "%s", line + 4);
	there = layer_find(store, line + 6, true, &facts, err);
	if (there <= 0)
		return there < 0 ? NULL
				 : ((void)fail_code(err, "not-found", "the layer %s is gone",
						    line + 6),
				    NULL);
	*opaque = facts.opaque;
	return box_text(err, "%s", facts.path);
}

/* text: its lines from the last to the first. */
static int find_lowers(const struct store *store, char *text, char **paths, size_t *n,
		       struct oci_error *err)
{
	bool opaque = false;
	char *line;

	while (*text && !opaque) {
		text[strlen(text) - 1] = '\0'; /* the newline that ends the last line */
		line = strrchr(text, '\n');
		line = line ? line + 1 : text;
		paths[*n] = find_lower(store, line, &opaque, err);
		if (!paths[*n])
			return -1;
		++*n;
		*line = '\0';
	}
	return 0;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

int container_base_paths(const struct box_home *home, const struct box_record *record,
			 char ***paths, size_t *n, struct oci_error *err)
{
	auto_free char *text = NULL;
	struct store store;
	size_t size;
	int result;

	*paths = NULL;
	*n = 0;
	TRY(file_load_at(record->dir, "base", BASE_MAX_SIZE, &text, &size, err));
	*paths = calloc(count_lines(text) + 1, sizeof(**paths));
	if (!*paths)
		return fail_code(err, "out-of-memory", "no memory for the layers");
	TRY(store_open(&store, home->root, err));
	result = find_lowers(&store, text, *paths, n, err);
	store_close(&store);
	return result;
}

/* --- As an image's layers --- */

void container_base_layers_free(struct base_layer *layers, size_t n)
{
	for (size_t i = 0; layers && i < n; i++) {
		free(layers[i].path);
		fd_drop(&layers[i].fd);
	}
	free(layers);
}

static int find_layer(const struct store *store, const char *line, struct base_layer *layer,
		      struct oci_error *err)
{
	struct layer_facts facts;
	bool opaque;

	layer->path = find_lower(store, line, &opaque, err);
	if (!layer->path)
		return -1;
	if (!strncmp(line, "dir ", 4))
		return 0;
	(void)snprintf(layer->digest, sizeof(layer->digest), "%s", line + 6);
	layer->fd = layer_open_blob(store, layer->digest);
	if (layer->fd >= 0 && layer_find(store, layer->digest, true, &facts, err) > 0)
		(void)snprintf(layer->blob, sizeof(layer->blob), "%s", facts.blob);
	return 0;
}

int container_base_layers(const struct box_home *home, const struct box_record *record,
			  struct base_layer **layers, size_t *n, struct oci_error *err)
{
	auto_free char *text = NULL;
	struct store store;
	char *rest, *line;
	size_t size;
	int result = 0;

	*n = 0;
	TRY(file_load_at(record->dir, "base", BASE_MAX_SIZE, &text, &size, err));
	*layers = calloc(count_lines(text) + 1, sizeof(**layers));
	if (!*layers)
		return fail_code(err, "out-of-memory", "no memory for the layers");
	TRY(store_open(&store, home->root, err));
	rest = text;
	while (result == 0 && (line = strsep(&rest, "\n")) && *line) {
		(*layers)[*n].fd = -1;
		result = find_layer(&store, line, &(*layers)[(*n)++], err);
	}
	store_close(&store);
	return result;
}

char *container_base_config(const struct box_record *record, size_t *size, struct oci_error *err)
{
	char *text = NULL;

	return file_load_at(record->dir, "image.json", BASE_MAX_SIZE, &text, size, err) < 0 ? NULL
											    : text;
}

int container_base_image(const struct box_record *record, struct image_config *config,
			 struct box_image *image, struct oci_error *err)
{
	auto_free char *text = NULL;
	const struct image_process *process;
	struct oci_error own = { 0 };
	size_t size;

	if (file_load_at(record->dir, "image.json", BASE_MAX_SIZE, &text, &size, &own) < 0) {
		if (own.num == ENOENT)
			return 0;
		*err = own;
		return -1;
	}
	TRY(image_config_read(config, text, size, err));
	process = &config->config;
	*image = (struct box_image){ .entrypoint = process->entrypoint,
				     .command = process->cmd,
				     .env = process->env,
				     .cwd = process->working_dir,
				     .user = process->user,
				     .stop_signal = process->stop_signal };
	return 1;
}
