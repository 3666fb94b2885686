/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/inroot.h"
#include "base/sha256.h"
#include "box/tree.h"
#include "box/unpack.h"
#include "libocispec/shape.h"

#define REF_NAME "org.opencontainers.image.ref.name"

/* Indexes within indexes. */
#define MAX_NESTED 4

/* --- Files --- */

/* A regular file below the layout's directory, whatever links lie in it. */
static int open_file(const struct layout *layout, const char *name, struct stat *st,
		     struct oci_error *err)
{
	auto_fd fd = inroot_try_open(layout->dir, name, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fail_sys(err, "open '%s'", name);
	if (fstat(fd, st) < 0)
		return fail_sys(err, "fstat '%s'", name);
	if (!S_ISREG(st->st_mode))
		return fail_code(err, "invalid-image", "'%s' is not a regular file", name);
	return fd_take(&fd);
}

static int load_file(const struct layout *layout, const char *name, char **text, size_t *size,
		     struct oci_error *err)
{
	struct stat st;
	auto_fd fd = open_file(layout, name, &st, err);
	auto_free char *buffer = NULL;
	ssize_t got;

	TRY(fd);
	if (st.st_size > (off_t)JSON_MAX_SIZE)
		return fail_code(err, "invalid-image", "'%s' has %lld bytes; the limit is %zu",
				 name, (long long)st.st_size, JSON_MAX_SIZE);
	buffer = malloc((size_t)st.st_size + 1);
	if (!buffer)
		return fail_sys(err, "memory for '%s'", name);
	got = file_read_up_to(fd, buffer, (size_t)st.st_size);
	if (got < 0)
		return fail_sys(err, "read '%s'", name);
	*size = (size_t)got;
	*text = buffer;
	buffer = NULL;
	return 0;
}

static void blob_name(const char *digest, char name[128])
{
	(void)snprintf(name, 128, "blobs/sha256/%s", digest_hex(digest)); /* always fits */
}

int layout_open_blob(const struct layout *layout, const struct image_descriptor *descriptor,
		     struct oci_error *err)
{
	char name[128];
	struct stat st;
	auto_fd fd = -1;

	blob_name(descriptor->digest, name);
	fd = open_file(layout, name, &st, err);
	TRY(fd);
	if ((uint64_t)st.st_size != descriptor->size)
		return fail_code(err, "wrong-digest",
				 "'%s' has %lld bytes; its descriptor says %llu", name,
				 (long long)st.st_size, (unsigned long long)descriptor->size);
	return fd_take(&fd);
}

static int load_blob(const struct layout *layout, const struct image_descriptor *descriptor,
		     char **text, size_t *size, struct oci_error *err)
{
	char name[128], hex[SHA256_HEX];
	auto_free char *loaded = NULL;
	struct sha256 sum;

	blob_name(descriptor->digest, name);
	TRY(load_file(layout, name, &loaded, size, err));
	if (*size != descriptor->size)
		return fail_code(err, "wrong-digest",
				 "'%s' has %zu bytes; its descriptor says %llu", name, *size,
				 (unsigned long long)descriptor->size);
	sha256_init(&sum);
	sha256_add(&sum, loaded, *size);
	sha256_end(&sum, hex);
	if (strcmp(hex, digest_hex(descriptor->digest)) != 0)
		return fail_code(err, "wrong-digest", "'%s': its content has the digest sha256:%s",
				 name, hex);
	*text = loaded;
	loaded = NULL;
	return 0;
}

/* --- Opening --- */

/* Takes the first `size` bytes for the path, and what follows a colon for the name. */
static int try_split(const char *spec, size_t size, char path[PATH_MAX], char ref[512])
{
	const char *rest = spec + size + (spec[size] == ':');
	struct stat st;

	if (size == 0 || size >= PATH_MAX || strlen(rest) >= 512)
		return -1;
	memcpy(path, spec, size);
	path[size] = '\0';
	strcpy(ref, rest);
	return stat(path, &st);
}

int layout_split(const char *spec, char path[PATH_MAX], char ref[512], struct oci_error *err)
{
	if (try_split(spec, strlen(spec), path, ref) == 0)
		return 0;
	for (const char *colon = strchr(spec, ':'); colon; colon = strchr(colon + 1, ':'))
		if (try_split(spec, (size_t)(colon - spec), path, ref) == 0)
			return 0;
	return fail_code(err, "not-found",
			 "'%s': there is no such directory or file that could be an image layout",
			 spec);
}

/* Unpacks a tar of a layout to where the next one who makes something finds it if this one dies. */
static int unpack_layout(struct layout *layout, int fd, struct oci_error *err)
{
	const struct unpack_options options = { .plain = true };
	struct archive_limits limits;
	struct archive_in *in;
	bool has_devices;
	int done;

	TRY(archive_limits_find(&limits, err));
	layout->dir = store_make_temporary(layout->store, layout->temporary, err);
	TRY(layout->dir);
	in = archive_in_open(fd, &limits, err);
	if (!in)
		return -1;
	done = unpack_tar(in, layout->dir, &options, &has_devices, err);
	archive_in_close(in);
	return done;
}

struct layout_head {
	char *version;
};

/* clang-format off */
static SHAPE(layout_head,
	STRING("imageLayoutVersion", layout_head, version, .required = true));
/* clang-format on */

static int check_version(const struct layout *layout, struct oci_error *err)
{
	struct layout_head head = { 0 };
	struct oci_document *doc = NULL;
	auto_free char *text = NULL;
	size_t size;
	int done = 0;

	if (load_file(layout, "oci-layout", &text, &size, err) < 0) {
		if (err->num == ENOENT)
			(void)fail_code(err, "invalid-image",
					"it has no file 'oci-layout': no OCI image layout "
					"(`skopeo copy docker-archive:FILE oci:DIR` makes one)");
		return -1;
	}
	TRY(shape_read_text(&layout_head_shape, &head, &doc, text, size, "invalid-image", NULL,
			    err));
	if (strncmp(head.version, "1.", 2) != 0)
		done = fail_code(err, "invalid-image", "oci-layout: version '%.50s' isn't known",
				 head.version);
	json_document_free(doc);
	return done;
}

static int open_layout(struct layout *layout, const char *path, struct oci_error *err)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return fail_sys(err, "open");
	if (fstat(fd, &st) < 0)
		return fail_sys(err, "fstat");
	if (S_ISDIR(st.st_mode))
		layout->dir = fd_take(&fd);
	else if (!S_ISREG(st.st_mode))
		return fail_code(err, "invalid-image", "neither a directory nor a file");
	else
		TRY(unpack_layout(layout, fd, err));
	return check_version(layout, err);
}

int layout_open(struct layout *layout, const struct store *store, const char *path,
		struct oci_error *err)
{
	*layout = (struct layout){ .store = store, .dir = -1 };
	if (open_layout(layout, path, err) == 0)
		return 0;
	layout_close(layout);
	return fail_in(err, "image layout '%s'", path);
}

void layout_close(struct layout *layout)
{
	struct oci_error unused = { 0 };
	auto_fd tmp = -1;

	fd_drop(&layout->dir);
	if (layout->temporary[0] == '\0')
		return;
	/* What can't be removed now, the next one who takes the lock removes. */
	tmp = store_open_temporary(layout->store, &unused);
	if (tmp >= 0)
		(void)tree_remove(tmp, layout->temporary, &unused);
	layout->temporary[0] = '\0';
}

/* --- Platforms --- */

struct platform {
	char os[32];
	char architecture[32];
	char variant[32]; /* "": any */
};

static void platform_of_machine(struct platform *platform)
{
	static const struct {
		const char *machine, *architecture;
	} names[] = {
		{ "x86_64", "amd64" },	  { "aarch64", "arm64" },
		{ "armv7l", "arm" },	  { "armv6l", "arm" },
		{ "i686", "386" },	  { "i586", "386" },
		{ "mips64", "mips64le" }, { "loongarch64", "loong64" },
	};
	struct utsname name;

	*platform = (struct platform){ .os = "linux" };
	(void)uname(&name); /* fails for a bad address only */
	(void)snprintf(platform->architecture, sizeof(platform->architecture), "%.31s",
		       name.machine);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name.machine, names[i].machine) == 0)
			strcpy(platform->architecture, names[i].architecture);
}

const char *layout_architecture(void)
{
	static struct platform machine;

	platform_of_machine(&machine);
	return machine.architecture;
}

static int platform_parse(struct platform *platform, const char *text, struct oci_error *err)
{
	memset(platform, 0, sizeof(*platform));
	if (!text)
		platform_of_machine(platform);
	else if (sscanf(text, "%31[^/]/%31[^/]/%31[^/]", platform->os, platform->architecture,
			platform->variant) < 2)
		return fail_code(err, "usage", "'%.100s' is no platform: OS/ARCHITECTURE[/VARIANT]",
				 text);
	return 0;
}

static bool platform_matches(const struct platform *wanted, const char *os,
			     const char *architecture, const char *variant)
{
	if ((os && strcmp(os, wanted->os) != 0) ||
	    (architecture && strcmp(architecture, wanted->architecture) != 0))
		return false;
	return wanted->variant[0] == '\0' || !variant || strcmp(variant, wanted->variant) == 0;
}

static bool descriptor_matches(const struct image_descriptor *one, const struct platform *wanted)
{
	return !one->platform.present ||
	       platform_matches(wanted, one->platform.os, one->platform.architecture,
				one->platform.variant);
}

/* --- Choosing --- */

/* Whether a descriptor can lead to an image: not what says something of another one. */
static bool is_image(const struct image_descriptor *one)
{
	return image_kind_of(one->media_type) != IMAGE_OTHER &&
	       !image_annotation(one, "vnd.docker.reference.type");
}

static void list_refs(const struct image_index *index, char *out, size_t room)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < index->manifests.n && used < room; i++) {
		const char *name = image_annotation(&index->manifests.v[i], REF_NAME);

		if (name)
			used += (size_t)snprintf(out + used, room - used, "%s%s", used ? ", " : "",
						 name);
	}
}

static int no_match(const struct image_index *index, const struct layout_choice *choice,
		    const struct platform *wanted, bool saw_name, struct oci_error *err)
{
	char refs[512];

	list_refs(index, refs, sizeof(refs));
	if (choice->ref[0] != '\0' && !saw_name)
		return fail_code(err, "not-found", "it has no image '%s'%s%s", choice->ref,
				 refs[0] ? "; it has: " : "", refs);
	return fail_code(err, index->manifests.n ? "wrong-platform" : "not-found",
			 "it has no image for %s/%s%s%s", wanted->os, wanted->architecture,
			 wanted->variant[0] ? "/" : "", wanted->variant);
}

/* In the layout's own index: the one with that name, or the only one. */
static const struct image_descriptor *choose_named(const struct image_index *index,
						   const struct layout_choice *choice,
						   const struct platform *wanted,
						   struct oci_error *err)
{
	const struct image_descriptor *found = NULL;
	bool saw_name = false;
	char refs[512];

	for (size_t i = 0; i < index->manifests.n; i++) {
		const struct image_descriptor *one = &index->manifests.v[i];
		const char *name = image_annotation(one, REF_NAME);

		if (choice->ref[0] != '\0' && (!name || strcmp(name, choice->ref) != 0))
			continue;
		saw_name = true;
		if (!is_image(one) || !descriptor_matches(one, wanted))
			continue;
		if (found && strcmp(found->digest, one->digest) != 0) {
			list_refs(index, refs, sizeof(refs));
			(void)fail_code(err, "ambiguous",
					"it has several images%s%s; name one: "
					"LAYOUT:REF",
					refs[0] ? ": " : "", refs);
			return NULL;
		}
		found = one;
	}
	if (!found)
		(void)no_match(index, choice, wanted, saw_name, err);
	return found;
}

/* In an index that a descriptor led to: the first for the platform (image-spec, image-index). */
static const struct image_descriptor *
choose_first(const struct image_index *index, const struct platform *wanted, struct oci_error *err)
{
	const struct layout_choice any = { .ref = "" };

	for (size_t i = 0; i < index->manifests.n; i++)
		if (is_image(&index->manifests.v[i]) &&
		    descriptor_matches(&index->manifests.v[i], wanted))
			return &index->manifests.v[i];
	(void)no_match(index, &any, wanted, false, err);
	return NULL;
}

static int read_manifest(const struct layout *layout, const struct image_descriptor *descriptor,
			 struct layout_image *image, struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	(void)snprintf(image->manifest_digest, sizeof(image->manifest_digest), "%s",
		       descriptor->digest);
	TRY(load_blob(layout, descriptor, &text, &size, err));
	if (image_manifest_read(&image->manifest, text, size, err) < 0)
		return fail_in(err, "the manifest %s", descriptor->digest);
	return 0;
}

static int follow(const struct layout *layout, const struct image_descriptor *descriptor,
		  const struct platform *wanted, unsigned nested, struct layout_image *image,
		  struct oci_error *err)
{
	const struct image_descriptor *next;
	auto_free char *text = NULL;
	struct image_index index;
	size_t size;
	int done;

	if (image_kind_of(descriptor->media_type) == IMAGE_MANIFEST)
		return read_manifest(layout, descriptor, image, err);
	if (nested == MAX_NESTED)
		return fail_code(err, "invalid-image", "indexes within indexes, more than %d deep",
				 MAX_NESTED);
	TRY(load_blob(layout, descriptor, &text, &size, err));
	if (image_index_read(&index, text, size, err) < 0)
		return fail_in(err, "the index %s", descriptor->digest);
	next = choose_first(&index, wanted, err);
	done = next ? follow(layout, next, wanted, nested + 1, image, err) : -1;
	image_index_close(&index);
	return done;
}

static int read_config(const struct layout *layout, const struct platform *wanted,
		       struct layout_image *image, struct oci_error *err)
{
	const struct image_descriptor *descriptor = &image->manifest.config;
	const struct image_config *config = &image->config;

	TRY(load_blob(layout, descriptor, &image->config_text, &image->config_size, err));
	if (image_config_read(&image->config, image->config_text, image->config_size, err) < 0)
		return fail_in(err, "the configuration %s", descriptor->digest);
	if (config->rootfs.diff_ids.n != image->manifest.layers.n)
		return fail_code(err, "invalid-image",
				 "the manifest has %zu layers, the configuration %zu",
				 image->manifest.layers.n, config->rootfs.diff_ids.n);
	if (!platform_matches(wanted, config->os, config->architecture, config->variant))
		return fail_code(err, "wrong-platform",
				 "the image is for %s/%s, not for %s/%s (--platform)",
				 config->os ? config->os : "?",
				 config->architecture ? config->architecture : "?", wanted->os,
				 wanted->architecture);
	return 0;
}

static int find_image(const struct layout *layout, const struct layout_choice *choice,
		      const struct image_index *index, struct layout_image *image,
		      struct oci_error *err)
{
	const struct image_descriptor *descriptor;
	struct platform wanted;
	const char *name;

	TRY(platform_parse(&wanted, choice->platform, err));
	descriptor = choose_named(index, choice, &wanted, err);
	if (!descriptor)
		return -1;
	name = image_annotation(descriptor, REF_NAME);
	(void)snprintf(image->ref, sizeof(image->ref), "%s", name ? name : "");
	TRY(follow(layout, descriptor, &wanted, 0, image, err));
	return read_config(layout, &wanted, image, err);
}

int layout_find(const struct layout *layout, const struct layout_choice *choice,
		struct layout_image *image, struct oci_error *err)
{
	auto_free char *text = NULL;
	struct image_index index;
	size_t size;
	int done;

	memset(image, 0, sizeof(*image));
	TRY(load_file(layout, "index.json", &text, &size, err));
	if (image_index_read(&index, text, size, err) < 0)
		return fail_in(err, "index.json");
	done = find_image(layout, choice, &index, image, err);
	image_index_close(&index);
	if (done < 0)
		layout_image_done(image);
	return done;
}

void layout_image_done(struct layout_image *image)
{
	image_manifest_close(&image->manifest);
	image_config_close(&image->config);
	free(image->config_text);
	memset(image, 0, sizeof(*image));
}
