/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/image_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/tree.h"
#include "libocispec/shape.h"

#define RECORD_LIMIT ((size_t)256 * 1024)
#define SUFFIX ".json"

/* clang-format off */
static SHAPE(image_record,
	U32("formatVersion", image_record, version,  .required = true),
	STRING("name",       image_record, name,     .required = true),
	STRING("id",         image_record, id,       .required = true),
	STRING("manifest",   image_record, manifest, .required = true),
	U64("size",          image_record, size),
	I64("imported",      image_record, imported),
	STRINGS("layers",    image_record, layers));
/* clang-format on */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

int image_name_complete(const char *given, char name[IMAGE_NAME_MAX + 8], struct oci_error *err)
{
	const char *slash = strrchr(given, '/');
	const char *colon = strchr(slash ? slash : given, ':');
	size_t size = strlen(given);
	bool good = size > 0 && size <= IMAGE_NAME_MAX && is_plain(given[0]) && given[0] != '.' &&
		    given[0] != '-' && given[size - 1] != ':' && given[size - 1] != '/' &&
		    colon != given;

	for (size_t i = 0; i < size && good; i++)
		good = is_plain(given[i]) || given[i] == '/' || given[i] == ':';
	if (!good || (colon && strchr(colon + 1, ':')))
		return fail_code(err, "usage",
				 "'%.100s' is no name of an image: letters, digits and ._-/, then "
				 "perhaps :TAG; %d bytes at most",
				 given, IMAGE_NAME_MAX);
	(void)snprintf(name, IMAGE_NAME_MAX + 8, "%s%s", given, colon ? "" : ":latest"); /* fits */
	return 0;
}

/* At most 3 bytes for each of the name's; only '/' and ':' take 3, and names with more than 20 of
 * them would be too long for a file: that is an error of the file system's. */
static void file_name(const char *name, char out[3 * (IMAGE_NAME_MAX + 8) + sizeof(SUFFIX)])
{
	size_t used = 0;

	for (const char *at = name; *at != '\0'; at++)
		used += (size_t)sprintf(out + used, is_plain(*at) ? "%c" : "%%%02X", *at);
	strcpy(out + used, SUFFIX);
}

int image_record_save(const struct store *store, const struct image_record *record,
		      struct oci_error *err)
{
	char name[3 * (IMAGE_NAME_MAX + 8) + sizeof(SUFFIX)];
	auto_free char *text = NULL;
	size_t size;

	file_name(record->name, name);
	TRY(shape_write(&image_record_shape, record, &text, &size, err));
	return file_replace_at(store->images, name, text, size, 0600, err);
}

static int read_record(const struct store *store, const char *name, struct image_record *record,
		       struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	memset(record, 0, sizeof(*record));
	TRY(file_load_at(store->images, name, RECORD_LIMIT, &text, &size, err));
	TRY(shape_read_text(&image_record_shape, record, &record->doc, text, size, "invalid-state",
			    NULL, err));
	if (record->version == 1)
		return 0;
	(void)fail(err, "images/%s has format %u, known is 1", name, record->version);
	image_record_close(record);
	return -1;
}

void image_record_close(struct image_record *record)
{
	json_document_free(record->doc);
	memset(record, 0, sizeof(*record));
}

static bool is_record(const char *name)
{
	size_t size = strlen(name);

	return name[0] != '.' && size > strlen(SUFFIX) &&
	       strcmp(name + size - strlen(SUFFIX), SUFFIX) == 0;
}

int image_records_each(const struct store *store,
		       int (*each)(void *data, const struct image_record *record), void *data,
		       struct oci_error *err)
{
	char **names = tree_names(store->images, err);
	int done = 0;

	if (!names)
		return -1;
	for (size_t i = 0; names[i] && done == 0; i++) {
		struct oci_error failure = { 0 };
		struct image_record record;

		if (!is_record(names[i]))
			continue;
		if (read_record(store, names[i], &record, &failure) < 0) {
			/* Removed since the names were read. */
			if (failure.num == ENOENT)
				continue;
			*err = failure;
			done = fail_in(err, "images/%s", names[i]);
			break;
		}
		done = each(data, &record);
		image_record_close(&record);
		if (done < 0)
			(void)fail(err, "memory for the list of images");
	}
	tree_names_free(names);
	return done;
}

struct layer_visit {
	int (*see)(void *data, const char *digest);
	void *data;
};

static int see_record(void *data, const struct image_record *record)
{
	const struct layer_visit *visit = data;

	for (size_t i = 0; i < record->layers.n; i++)
		TRY(visit->see(visit->data, record->layers.v[i]));
	return 0;
}

int image_records_each_layer(const struct store *store, int (*see)(void *data, const char *digest),
			     void *data, struct oci_error *err)
{
	struct layer_visit visit = { see, data };

	return image_records_each(store, see_record, &visit, err);
}

struct search {
	const char *digits; /* the beginning of an id */
	char name[IMAGE_NAME_MAX + 8];
	size_t n;
};

static int compare_id(void *data, const struct image_record *record)
{
	struct search *search = data;

	if (digest_is_valid(record->id) &&
	    strncmp(digest_hex(record->id), search->digits, strlen(search->digits)) == 0) {
		search->n++;
		(void)snprintf(search->name, sizeof(search->name), "%s", record->name);
	}
	return 0;
}

static int find_name(const struct store *store, const char *name, struct image_record *record,
		     struct oci_error *err)
{
	char file[3 * (IMAGE_NAME_MAX + 8) + sizeof(SUFFIX)];

	file_name(name, file);
	return read_record(store, file, record, err);
}

int image_record_find(const struct store *store, const char *word, struct image_record *record,
		      struct oci_error *err)
{
	struct search search = { .digits = strncmp(word, "sha256:", 7) == 0 ? word + 7 : word };
	struct oci_error failure = { 0 };
	char name[IMAGE_NAME_MAX + 8];
	size_t size = strlen(search.digits);

	if (image_name_complete(word, name, &failure) == 0) {
		if (find_name(store, name, record, &failure) == 0)
			return 0;
		if (failure.num != ENOENT) {
			*err = failure;
			return fail_in(err, "image '%s'", name);
		}
	}
	if (size < 12 || size > 64 || strspn(search.digits, "0123456789abcdef") != size)
		return fail_code(err, "not-found", "there is no image '%.200s'", word);
	TRY(image_records_each(store, compare_id, &search, err));
	if (search.n == 0)
		return fail_code(err, "not-found", "there is no image '%.200s'", word);
	if (search.n > 1)
		return fail_code(err, "ambiguous", "'%.200s' has %zu names; give one of them", word,
				 search.n);
	return find_name(store, search.name, record, err);
}

int image_record_remove(const struct store *store, const struct image_record *record,
			struct oci_error *err)
{
	char file[3 * (IMAGE_NAME_MAX + 8) + sizeof(SUFFIX)];

	file_name(record->name, file);
	if (unlinkat(store->images, file, 0) < 0 && errno != ENOENT)
		return fail_sys(err, "remove images/%s", file);
	return 0;
}
