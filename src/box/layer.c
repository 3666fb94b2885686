/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/layer.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/image_record.h"
#include "box/interrupt.h"
#include "box/overlay_marks.h"
#include "box/rootless.h"
#include "box/tree.h"
#include "box/unpack.h"
#include "libocispec/json_text.h"
#include "libocispec/shape.h"

#define FACTS_LIMIT 4096
#define COPY_PIECE ((size_t)256 * 1024)
#define REFERENCES_LIMIT ((size_t)1024 * 1024)

/* layer.json */
struct layer_file {
	uint32_t version;
	char *diff_id;
	char *blob;
	uint64_t size;
	bool devices;
	bool user_xattrs;
	bool opaque;
};

/* clang-format off */
static SHAPE(layer_file,
	U32("formatVersion", layer_file, version),
	STRING("diffId",     layer_file, diff_id, .required = true),
	STRING("blob",       layer_file, blob, .required = true),
	U64("size",          layer_file, size),
	BOOL("devices",      layer_file, devices),
	BOOL("userXattrs",   layer_file, user_xattrs),
	BOOL("opaque",       layer_file, opaque));
/* clang-format on */

/* --- Finding --- */

static int read_facts(const struct store *store, int dir, bool devices, struct layer_facts *facts,
		      struct oci_error *err)
{
	struct layer_file file = { 0 };
	struct oci_document *doc = NULL;
	auto_free char *text = NULL;
	size_t size;
	int done = 0;

	TRY(file_load_at(dir, "layer.json", FACTS_LIMIT, &text, &size, err));
	TRY(shape_read_text(&layer_file_shape, &file, &doc, text, size, "invalid-state", NULL,
			    err));
	facts->size = file.size;
	facts->has_devices = file.devices;
	facts->opaque = file.opaque;
	(void)snprintf(facts->blob, sizeof(facts->blob), "%s", file.blob);
	if (file.version != 1)
		done = fail(err, "layer.json has format %u, known is 1", file.version);
	else if (file.devices && !devices)
		done = fail_code(
			err, "device-in-layer",
			"the layer has devices in it; it is taken with --allow-devices only");
	else if (file.user_xattrs != store->user_xattrs)
		done = fail(err,
			    "the layer was unpacked by somebody with %s privilege; remove it or "
			    "use another --root",
			    file.user_xattrs ? "less" : "more");
	json_document_free(doc);
	return done;
}

int layer_find(const struct store *store, const char *digest, bool devices,
	       struct layer_facts *facts, struct oci_error *err)
{
	char name[16 + DIGEST_SIZE];
	auto_fd dir = -1;

	if (!digest_is_valid(digest))
		return fail(err, "'%.100s' is no sha256 digest", digest);
	(void)snprintf(name, sizeof(name), "sha256/%s", digest_hex(digest)); /* always fits */
	dir = openat(store->layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return fail_sys(err, "open the layer '%s'", digest);
	if (read_facts(store, dir, devices, facts, err) < 0)
		return fail_in(err, "layer '%s'", digest);
	if (snprintf(facts->path, sizeof(facts->path), "%s/layers/%s/diff", store->path, name) >=
	    (int)sizeof(facts->path))
		return fail(err, "the path of layer '%s' is too long", digest);
	return 1;
}

int layer_open_blob(const struct store *store, const char *digest)
{
	char name[16 + DIGEST_SIZE + 8];

	if (!digest_is_valid(digest)) {
		errno = ENOENT;
		return -1;
	}
	(void)snprintf(name, sizeof(name), "sha256/%s/blob", digest_hex(digest)); /* always fits */
	return openat(store->layers, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* --- Unpacking --- */

static int write_facts(int dir, const struct layer_file *file, struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	TRY(shape_write(&layer_file_shape, file, &text, &size, err));
	return file_replace_at(dir, "layer.json", text, size, 0600, err);
}

/* Gives a whole layer its name. All of it is on disk before: a name that outlives a power cut
 * stands for the whole. */
static int publish(const struct store *store, int made, const char *made_name, const char *hex,
		   struct oci_error *err)
{
	auto_fd tmp = store_open_temporary(store, err);
	auto_fd sums = openat(store->layers, "sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	TRY(tmp);
	if (sums < 0)
		return fail_sys(err, "open '%s/layers/sha256'", store->path);
	if (syncfs(made) < 0)
		return fail_sys(err, "write the layer to disk");
	if (renameat(tmp, made_name, sums, hex) < 0)
		return fail_sys(err, "give the layer its name");
	if (fsync(sums) < 0)
		return fail_sys(err, "write the layer's name to disk");
	return 0;
}

static int unpack_into(const struct store *store, int made, int fd, bool devices,
		       struct archive_digests *digests, bool *has_devices, struct oci_error *err)
{
	uint32_t own[2];
	const struct unpack_options options = { .devices = devices,
						.owners = geteuid() == 0 && !rootless_has_one_id(),
						.user_xattrs = store->user_xattrs,
						.own = rootless_own_ids(own) ? own : NULL };
	struct archive_limits limits;
	struct archive_in *in;
	auto_fd diff = -1;
	int done;

	TRY(archive_limits_find(&limits, err));
	if (mkdirat(made, "diff", 0755) < 0 || fchmodat(made, "diff", 0755, 0) < 0)
		return fail_sys(err, "mkdir 'diff'");
	diff = openat(made, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (diff < 0)
		return fail_sys(err, "open 'diff'");
	in = archive_in_open(fd, &limits, err);
	if (!in)
		return -1;
	done = unpack_tar(in, diff, &options, has_devices, err);
	if (done == 0)
		done = archive_in_finish(in, digests, err);
	archive_in_close(in);
	return done;
}

static int check_digests(const struct archive_digests *digests, const struct layer_source *source,
			 struct oci_error *err)
{
	if (!source->blob)
		return 0;
	if (digests->blob_size != source->blob_size)
		return fail_code(err, "wrong-digest", "has %llu bytes; its descriptor says %llu",
				 (unsigned long long)digests->blob_size,
				 (unsigned long long)source->blob_size);
	if (strcmp(digests->blob, digest_hex(source->blob)) != 0)
		return fail_code(err, "wrong-digest", "its content has the digest sha256:%s",
				 digests->blob);
	if (strcmp(digests->tar, digest_hex(source->diff_id)) != 0)
		return fail_code(err, "wrong-digest",
				 "unpacked it has the digest sha256:%s; the image's configuration "
				 "says %s",
				 digests->tar, source->diff_id);
	return 0;
}

static int finish_layer(const struct store *store, int made, const char *made_name,
			const struct archive_digests *digests, bool has_devices,
			struct oci_error *err)
{
	auto_fd diff = openat(made, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char diff_id[DIGEST_SIZE], blob[DIGEST_SIZE];
	struct layer_file file = { .version = 1,
				   .diff_id = diff_id,
				   .blob = blob,
				   .size = digests->tar_size,
				   .devices = has_devices,
				   .user_xattrs = store->user_xattrs };
	struct layer_facts facts;
	int there;

	if (diff < 0)
		return fail_sys(err, "open 'diff'");
	(void)snprintf(diff_id, sizeof(diff_id), "sha256:%s", digests->tar); /* both fit */
	(void)snprintf(blob, sizeof(blob), "sha256:%s", digests->blob);
	file.opaque = overlay_is_opaque(diff, store->user_xattrs);
	there = layer_find(store, diff_id, true, &facts, err);
	TRY(there);
	if (there > 0) /* as another file, compressed in another way */
		return 0;
	TRY(write_facts(made, &file, err));
	return publish(store, made, made_name, digests->tar, err);
}

static bool copy_file(int from, int to)
{
	auto_free char *piece = malloc(COPY_PIECE);
	struct oci_error ignored = { 0 };
	off_t at = 0;
	ssize_t got;

	if (ioctl(to, FICLONE, from) == 0)
		return true;
	while (piece && (got = pread(from, piece, COPY_PIECE, at)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || interrupt_check(&ignored) < 0 ||
		    file_write_all(to, piece, (size_t)got, &ignored) < 0)
			return false;
		at += got;
	}
	return piece != NULL;
}

/* What the layer came as: an image that is made upon this one has the same layer, with the same
 * digest. Where there is no room for it the layer is packed anew then. */
static void keep_blob(int made, int fd)
{
	auto_fd blob = openat(made, "blob", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (blob >= 0 && !copy_file(fd, blob))
		(void)unlinkat(made, "blob", 0);
}

/* With the lock held. */
static int add_layer(const struct store *store, const struct layer_source *source, bool devices,
		     struct archive_digests *digests, struct oci_error *err)
{
	char name[32];
	auto_fd made = store_make_temporary(store, name, err);
	auto_fd tmp = store_open_temporary(store, err);
	struct oci_error second = { 0 };
	bool has_devices = false;
	int done;

	TRY(made);
	TRY(tmp);
	done = unpack_into(store, made, source->fd, devices, digests, &has_devices, err);
	if (done == 0)
		done = check_digests(digests, source, err);
	if (done == 0 && source->blob)
		keep_blob(made, source->fd);
	if (done == 0)
		done = interrupt_check(err);
	if (done == 0)
		done = finish_layer(store, made, name, digests, has_devices, err);
	/* Gone by its rename, or refused, or there before. What can't be removed now, the next one
	 * who takes the lock removes. */
	(void)tree_remove(tmp, name, &second);
	return done;
}

int layer_from_blob(const struct store *store, const struct layer_source *source, bool devices,
		    struct oci_error *err)
{
	struct archive_digests digests;
	struct layer_facts facts;
	int there = layer_find(store, source->diff_id, devices, &facts, err);

	TRY(there);
	return there ? 0 : add_layer(store, source, devices, &digests, err);
}

/* --- Tar files that are known --- */

/* A file with the same of all these wasn't written since: every write changes its ctime, which
 * nobody can set. */
static void known_name(const struct stat *st, char name[128])
{
	(void)snprintf(name, 128, "%llx-%llx-%llx-%llx.%lx-%llx.%lx",
		       (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		       (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		       (unsigned long)st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec,
		       (unsigned long)st->st_ctim.tv_nsec);
}

static int find_known(const struct store *store, const struct stat *st, bool devices,
		      char digest[DIGEST_SIZE], struct oci_error *err)
{
	auto_fd known = openat(store->layers, "known", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct oci_error unused = { 0 };
	struct layer_facts facts;
	char name[128];

	known_name(st, name);
	/* What isn't there or isn't whole is only unknown. */
	if (known < 0 || file_read_at(known, name, digest, DIGEST_SIZE, &unused) < 0 ||
	    !digest_is_valid(digest))
		return 0;
	return layer_find(store, digest, devices, &facts, err);
}

/* Whether a later write could leave the file's times as they were: it changed just now, and times
 * are as fine as the file system's clock, some milliseconds, or whole seconds. */
static bool changed_just_now(const struct stat *st)
{
	struct timespec now;
	int64_t age;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* always there */
	age = (now.tv_sec - st->st_ctim.tv_sec) * INT64_C(1000) +
	      (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
	return age < (st->st_ctim.tv_nsec == 0 ? 2000 : 100);
}

static void save_known(const struct store *store, int fd, const struct stat *before, bool is_fresh,
		       const char *digest)
{
	auto_fd known = openat(store->layers, "known", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[128], name_after[128];
	struct oci_error unused = { 0 };
	struct stat after;

	if (known < 0 || is_fresh || fstat(fd, &after) < 0)
		return;
	known_name(before, name);
	known_name(&after, name_after);
	if (strcmp(name, name_after) != 0)
		return;
	/* Without it the file is read once more the next time. */
	(void)file_replace_at(known, name, digest, strlen(digest), 0600, &unused);
}

static int unpack_file(const struct store *store, int fd, const struct stat *st, bool devices,
		       char digest[DIGEST_SIZE], struct oci_error *err)
{
	const struct layer_source source = { .fd = fd };
	struct archive_digests digests;
	bool is_fresh = changed_just_now(st);
	auto_fd lock = store_lock(store, err);
	struct layer_facts facts;
	int there;

	TRY(lock);
	/* Somebody else may have unpacked it while this one waited. */
	there = find_known(store, st, devices, digest, err);
	if (there != 0)
		return there < 0 ? -1 : 0;
	TRY(add_layer(store, &source, devices, &digests, err));
	(void)snprintf(digest, DIGEST_SIZE, "sha256:%s", digests.tar); /* always fits */
	there = layer_find(store, digest, devices, &facts, err);
	TRY(there);
	if (there == 0)
		return fail(err, "the layer '%s' is gone", digest);
	save_known(store, fd, st, is_fresh, digest);
	return 0;
}

int layer_from_tar(const struct store *store, const char *path, bool devices,
		   char digest[DIGEST_SIZE], struct oci_error *err)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int there;

	if (fd < 0 && errno == ENOENT)
		return fail_code(err, "not-found", "layer '%s': there is no such file", path);
	if (fd < 0)
		return fail_sys(err, "layer '%s': open", path);
	if (fstat(fd, &st) < 0)
		return fail_sys(err, "layer '%s': fstat", path);
	if (!S_ISREG(st.st_mode))
		return fail(err, "layer '%s' is neither a directory nor a regular file", path);
	there = find_known(store, &st, devices, digest, err);
	if (there == 0)
		there = unpack_file(store, fd, &st, devices, digest, err);
	return there < 0 ? fail_in(err, "layer '%s'", path) : 0;
}

/* --- References and removal --- */

int layer_references_save(int container_dir, const char *const *digests, size_t n,
			  struct oci_error *err)
{
	auto_free char *text = malloc(n * DIGEST_SIZE + 1);
	char *end = text;

	if (!text)
		return fail_sys(err, "memory for the list of layers");
	for (size_t i = 0; i < n; i++)
		end += sprintf(end, "%.*s\n", DIGEST_SIZE - 1, digests[i]);
	return file_replace_at(container_dir, "layers", text, (size_t)(end - text), 0600, err);
}

static int see_container(int containers, const char *id, int (*see)(void *data, const char *digest),
			 void *data, struct oci_error *err)
{
	auto_fd dir = openat(containers, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_free char *text = NULL;
	struct oci_error own = { 0 };
	char *rest, *line;
	size_t size;

	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_sys(err, "open '%s'", id);
	/* None has no layers, or is being removed. */
	if (file_load_at(dir, "layers", REFERENCES_LIMIT, &text, &size, &own) < 0) {
		if (own.num == ENOENT)
			return 0;
		*err = own;
		return -1;
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (see(data, line) < 0)
			return fail_sys(err, "memory for the list of layers");
	return 0;
}

static int see_containers(const struct store *store, int (*see)(void *data, const char *digest),
			  void *data, struct oci_error *err)
{
	auto_fd containers = openat(store->root, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **ids;
	int done = 0;

	if (containers < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open '%s/containers'", store->path);
	ids = tree_names(containers, err);
	if (!ids)
		return -1;
	for (size_t i = 0; ids[i] && done == 0; i++)
		done = see_container(containers, ids[i], see, data, err);
	tree_names_free(ids);
	return done;
}

int layer_references_each(const struct store *store, int (*see)(void *data, const char *digest),
			  void *data, struct oci_error *err)
{
	TRY(see_containers(store, see, data, err));
	return image_records_each_layer(store, see, data, err);
}

struct needed {
	char (*digests)[DIGEST_SIZE];
	size_t n, room;
};

static int add_needed(void *data, const char *digest)
{
	struct needed *needed = data;

	if (needed->n == needed->room) {
		size_t room = needed->room ? 2 * needed->room : 64;
		void *more = realloc(needed->digests, room * sizeof(*needed->digests));

		if (!more)
			return -1;
		needed->digests = more;
		needed->room = room;
	}
	(void)snprintf(needed->digests[needed->n++], DIGEST_SIZE, "%s", digest);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_needed(const struct needed *needed, const char *digest)
{
	char key[DIGEST_SIZE];

	(void)snprintf(key, sizeof(key), "%s", digest);
	return needed->n > 0 && bsearch(key, needed->digests, needed->n, DIGEST_SIZE, by_text);
}

/* First the name goes, in one step, then what was below it. */
static int remove_layer(const struct store *store, const char *digest, struct oci_error *err)
{
	auto_fd tmp = store_open_temporary(store, err);
	auto_fd sums = openat(store->layers, "sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *hex = digest_hex(digest);

	TRY(tmp);
	if (sums < 0 || renameat(sums, hex, tmp, hex) < 0)
		return fail_sys(err, "remove the layer '%s'", digest);
	return tree_remove(tmp, hex, err);
}

struct collection {
	const struct store *store;
	struct needed needed;
	size_t *n_removed;
	uint64_t *freed;
};

static int collect_one(struct collection *collection, const char *digest, struct oci_error *err)
{
	struct layer_facts facts = { .size = 0 };
	struct oci_error unreadable = { 0 };
	int there;

	if (!digest_is_valid(digest) || is_needed(&collection->needed, digest))
		return 0;
	there = layer_find(collection->store, digest, true, &facts, &unreadable);
	if (there == 0)
		return 0;
	/* One whose layer.json is broken serves nobody, and goes too. */
	TRY(remove_layer(collection->store, digest, err));
	++*collection->n_removed;
	*collection->freed += facts.size;
	return 0;
}

static int collect_all(struct collection *collection, struct oci_error *err)
{
	auto_fd sums =
		openat(collection->store->layers, "sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names;
	int done = 0;

	if (sums < 0)
		return fail_sys(err, "open '%s/layers/sha256'", collection->store->path);
	names = tree_names(sums, err);
	if (!names)
		return -1;
	for (size_t i = 0; names[i] && done == 0; i++) {
		char digest[DIGEST_SIZE];

		(void)snprintf(digest, sizeof(digest), "sha256:%s", names[i]);
		done = collect_one(collection, digest, err);
	}
	tree_names_free(names);
	return done;
}

/* Forgets tar files whose layer is gone. */
static int forget_known(const struct store *store, struct oci_error *err)
{
	auto_fd known = openat(store->layers, "known", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names = known < 0 ? NULL : tree_names(known, err);
	struct oci_error unused = { 0 };

	if (!names)
		return known < 0 ? fail_sys(err, "open '%s/layers/known'", store->path) : -1;
	for (size_t i = 0; names[i]; i++) {
		char digest[DIGEST_SIZE];
		struct layer_facts facts;

		if (file_read_at(known, names[i], digest, sizeof(digest), &unused) < 0 ||
		    !digest_is_valid(digest) ||
		    layer_find(store, digest, true, &facts, &unused) == 0)
			(void)unlinkat(known, names[i], 0); /* it is a help, no more */
	}
	tree_names_free(names);
	return 0;
}

int layer_collect(const struct store *store, const char *const *digests, size_t n,
		  size_t *n_removed, uint64_t *freed, struct oci_error *err)
{
	struct collection collection = { .store = store, .n_removed = n_removed, .freed = freed };
	auto_fd use = store_use(store, true, err);
	auto_fd lock = -1;
	int done;

	*n_removed = 0;
	*freed = 0;
	TRY(use);
	lock = store_lock(store, err);
	TRY(lock);
	done = layer_references_each(store, add_needed, &collection.needed, err);
	if (done == 0 && collection.needed.n > 1)
		qsort(collection.needed.digests, collection.needed.n, DIGEST_SIZE, by_text);
	if (done == 0 && !digests)
		done = collect_all(&collection, err);
	for (size_t i = 0; done == 0 && digests && i < n; i++)
		done = collect_one(&collection, digests[i], err);
	free(collection.needed.digests);
	return done < 0 ? -1 : forget_known(store, err);
}
