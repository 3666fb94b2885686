/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two readers of libarchive, one behind the other: the first takes the compression off and gives
 * bytes, the second takes those for a tar. Between them, and before the first, a digest is made of
 * what passes, so that what is verified is what was unpacked, read once.
 */
#include "box/archive_in.h"

#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "box/interrupt.h"
#include "box/posix_acl.h"
#include "box/tree.h"

#define PIECE ((size_t)256 * 1024)

/* Of one entry: the kernel's own bound of a value, and a number that nobody needs. */
#define MAX_XATTR ((size_t)64 * 1024)
#define MAX_XATTRS 128

struct archive_in {
	int fd;
	struct archive_limits limits;
	struct archive *bytes; /* takes the compression off */
	struct archive *tar;
	locale_t utf8; /* in which names are read, so that they pass as they are */
	char *buffer;
	struct sha256 blob_sum, tar_sum;
	uint64_t blob_size, tar_size, entries, content;
	int read_errno; /* of the file, 0: none */
	bool too_big;
	struct oci_error interrupted;
	bool ended; /* the bytes have */
	char *path; /* the current entry's, as is the rest */
	char *target;
	struct tar_xattr xattrs[MAX_XATTRS];
	void *acls[2];
	int64_t size;
	char shown[160];
};

const char *archive_shown(const char *name, char out[160])
{
	size_t used = 0;

	for (const char *at = name; *at != '\0'; at++) {
		unsigned char c = (unsigned char)*at;
		bool plain = c >= ' ' && c != 0x7f && c != '\\';

		if (used + 8 > 160) {
			(void)snprintf(out + used, 160 - used, "...");
			return out;
		}
		used += (size_t)snprintf(out + used, 160 - used, plain ? "%c" : "\\%03o", c);
	}
	out[used] = '\0';
	return out;
}

static int read_limit(const char *variable, uint64_t *limit, struct oci_error *err)
{
	const char *text = getenv(variable);
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*limit = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || *limit == 0)
		return fail_code(err, "usage", "%s: '%s' is no positive number", variable, text);
	return 0;
}

int archive_limits_find(struct archive_limits *limits, struct oci_error *err)
{
	*limits = (struct archive_limits){ .bytes = UINT64_C(64) << 30, .entries = 2000000 };
	TRY(read_limit("HULLBOX_MAX_LAYER_BYTES", &limits->bytes, err));
	return read_limit("HULLBOX_MAX_LAYER_ENTRIES", &limits->entries, err);
}

static bool is_interrupted(struct archive_in *in, struct archive *reader)
{
	if (interrupt_check(&in->interrupted) == 0)
		return false;
	archive_set_error(reader, EINTR, "interrupted");
	return true;
}

static la_ssize_t read_blob(struct archive *reader, void *data, const void **piece)
{
	struct archive_in *in = data;
	ssize_t got;

	if (is_interrupted(in, reader))
		return -1;
	do {
		got = read(in->fd, in->buffer, PIECE);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		in->read_errno = errno;
		archive_set_error(reader, errno, "read failed");
		return -1;
	}
	sha256_add(&in->blob_sum, in->buffer, (size_t)got);
	in->blob_size += (uint64_t)got;
	*piece = in->buffer;
	return got;
}

static la_ssize_t read_tar(struct archive *reader, void *data, const void **piece)
{
	struct archive_in *in = data;
	la_int64_t offset;
	size_t size = 0;
	int got = ARCHIVE_OK;

	if (is_interrupted(in, reader))
		return -1;
	/* No bytes would be taken for the end. */
	while (got == ARCHIVE_OK && size == 0)
		got = in->ended ? ARCHIVE_EOF
				: archive_read_data_block(in->bytes, piece, &size, &offset);
	if (got == ARCHIVE_EOF) {
		in->ended = true;
		return 0;
	}
	if (got == ARCHIVE_OK && size > in->limits.bytes - in->tar_size) {
		in->too_big = true;
		archive_set_error(reader, EFBIG, "too big");
		return -1;
	}
	if (got != ARCHIVE_OK) {
		const char *why = archive_error_string(in->bytes);

		archive_set_error(reader, archive_errno(in->bytes), "%s", why ? why : "broken");
		return -1;
	}
	sha256_add(&in->tar_sum, *piece, size);
	in->tar_size += size;
	return (la_ssize_t)size;
}

/* Why a reader stopped, as an error. */
static int fail_archive(struct archive_in *in, struct archive *reader, struct oci_error *err)
{
	const char *why = archive_error_string(reader);

	if (*in->interrupted.text) {
		*err = in->interrupted;
		return -1;
	}
	if (in->too_big)
		return fail_code(err, "archive-too-big",
				 "the archive unpacks to more than %llu bytes "
				 "(HULLBOX_MAX_LAYER_BYTES)",
				 (unsigned long long)in->limits.bytes);
	if (in->read_errno != 0) {
		errno = in->read_errno;
		return fail_sys(err, "read the archive");
	}
	return fail_code(err, "invalid-archive", "not a whole tar archive: %s",
			 why ? why : "unknown cause");
}

static int open_bytes(struct archive_in *in, struct oci_error *err)
{
	struct archive_entry *whole;
	int good = archive_read_support_format_raw(in->bytes);

	/* ARCHIVE_WARN: by a program of that name. None is ever started from here. */
	if (good == ARCHIVE_OK)
		good = archive_read_support_filter_gzip(in->bytes);
	if (good == ARCHIVE_OK)
		good = archive_read_support_filter_zstd(in->bytes);
	if (good == ARCHIVE_OK)
		good = archive_read_support_filter_xz(in->bytes);
	if (good == ARCHIVE_OK)
		good = archive_read_support_filter_bzip2(in->bytes);
	if (good != ARCHIVE_OK)
		return fail(err, "libarchive lacks one of gzip, zstd, xz, bzip2");
	if (archive_read_open(in->bytes, in, NULL, read_blob, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(in->bytes, &whole) != ARCHIVE_OK)
		return fail_archive(in, in->bytes, err);
	return 0;
}

static int open_tar(struct archive_in *in, struct oci_error *err)
{
	if (archive_read_support_format_tar(in->tar) != ARCHIVE_OK)
		return fail(err, "libarchive can't read tar");
	if (archive_read_open(in->tar, in, NULL, read_tar, NULL) != ARCHIVE_OK)
		return fail_archive(in, in->tar, err);
	return 0;
}

struct archive_in *archive_in_open(int fd, const struct archive_limits *limits,
				   struct oci_error *err)
{
	struct archive_in *in = calloc(1, sizeof(*in));

	if (!in) {
		(void)fail_sys(err, "memory for an archive's reader");
		return NULL;
	}
	in->fd = fd;
	in->limits = *limits;
	sha256_init(&in->blob_sum);
	sha256_init(&in->tar_sum);
	in->buffer = malloc(PIECE);
	in->bytes = archive_read_new();
	in->tar = archive_read_new();
	/* Names of the pax format are UTF-8; in another locale libarchive would change them. */
	in->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!in->buffer || !in->bytes || !in->tar || !in->utf8)
		(void)fail(err, "memory or the locale C.UTF-8 for an archive's reader");
	else if (open_bytes(in, err) == 0 && open_tar(in, err) == 0)
		return in;
	archive_in_close(in);
	return NULL;
}

static void forget_entry(struct archive_in *in)
{
	heap_drop(&in->path);
	heap_drop(&in->target);
	heap_drop(&in->acls[0]);
	heap_drop(&in->acls[1]);
}

void archive_in_close(struct archive_in *in)
{
	if (!in)
		return;
	forget_entry(in);
	if (in->tar)
		(void)archive_read_free(in->tar);
	if (in->bytes)
		(void)archive_read_free(in->bytes);
	if (in->utf8)
		freelocale(in->utf8);
	free(in->buffer);
	free(in);
}

/* A name without "." and doubled slashes, on the heap; NULL with err. */
static char *clean_name(const char *name, const char *what, struct oci_error *err)
{
	char *out = malloc(strlen(name) + 2), *end = out;
	unsigned depth = 0;
	char shown[160];

	if (!out) {
		(void)fail_sys(err, "memory for a name");
		return NULL;
	}
	if (name[0] == '/') {
		(void)fail_code(err, "hostile-archive", "%s '%s' is an absolute path", what,
				archive_shown(name, shown));
		goto refused;
	}
	for (const char *at = name; *at != '\0';) {
		size_t size = strcspn(at, "/");

		if (size == 2 && memcmp(at, "..", 2) == 0) {
			(void)fail_code(err, "hostile-archive", "%s '%s' has '..' in it", what,
					archive_shown(name, shown));
			goto refused;
		}
		if (size > NAME_MAX || ++depth > TREE_MAX_DEPTH) {
			(void)fail_code(err, "hostile-archive", "%s '%s' is too long or too deep",
					what, archive_shown(name, shown));
			goto refused;
		}
		if (size > 0 && !(size == 1 && at[0] == '.')) {
			if (end > out)
				*end++ = '/';
			memcpy(end, at, size);
			end += size;
		}
		at += size;
		at += strspn(at, "/");
	}
	if (end == out && name[0] == '\0') {
		(void)fail_code(err, "hostile-archive", "%s is empty", what);
		goto refused;
	}
	if (end == out)
		*end++ = '.';
	*end = '\0';
	if (end - out < PATH_MAX)
		return out;
	(void)fail_code(err, "hostile-archive", "%s '%s' is too long", what,
			archive_shown(name, shown));
refused:
	free(out);
	return NULL;
}

static int take_kind(struct archive_entry *from, struct tar_entry *entry, struct oci_error *err)
{
	mode_t type = archive_entry_filetype(from);

	if (archive_entry_hardlink(from)) {
		entry->kind = TAR_HARD_LINK;
		return 0;
	}
	if (type == AE_IFREG)
		entry->kind = TAR_FILE;
	else if (type == AE_IFDIR)
		entry->kind = TAR_DIRECTORY;
	else if (type == AE_IFLNK)
		entry->kind = TAR_SYMLINK;
	else if (type == AE_IFIFO)
		entry->kind = TAR_FIFO;
	else if (type == AE_IFCHR || type == AE_IFBLK)
		entry->kind = TAR_DEVICE;
	else
		return fail_code(err, "hostile-archive", "is of a kind (0%o) that no layer has",
				 (unsigned)type);
	return 0;
}

static int take_target(struct archive_in *in, struct archive_entry *from, struct tar_entry *entry,
		       struct oci_error *err)
{
	const char *text;

	if (entry->kind == TAR_HARD_LINK) {
		in->target = clean_name(archive_entry_hardlink(from), "the target", err);
		if (!in->target)
			return -1;
	}
	if (entry->kind == TAR_SYMLINK) {
		text = archive_entry_symlink(from);
		if (!text || text[0] == '\0' || strlen(text) >= PATH_MAX)
			return fail_code(err, "hostile-archive",
					 "is a symbolic link without a target, or one that is too "
					 "long");
		in->target = strdup(text);
		if (!in->target)
			return fail_sys(err, "memory for a link");
	}
	entry->target = in->target;
	return 0;
}

static int take_owner(struct archive_entry *from, struct tar_entry *entry, struct oci_error *err)
{
	la_int64_t uid = archive_entry_uid(from), gid = archive_entry_gid(from);

	/* -1 is no id; chown(2) would leave the owner as it is. */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return fail_code(err, "hostile-archive", "belongs to user %lld, group %lld",
				 (long long)uid, (long long)gid);
	entry->uid = (uid_t)uid;
	entry->gid = (gid_t)gid;
	return 0;
}

static int take_size(struct archive_in *in, struct archive_entry *from, struct tar_entry *entry,
		     struct oci_error *err)
{
	la_int64_t size = entry->kind == TAR_FILE ? archive_entry_size(from) : 0;

	if (size < 0)
		return fail_code(err, "hostile-archive", "has a size of %lld", (long long)size);
	if ((uint64_t)size > in->limits.bytes - in->content)
		return fail_code(err, "archive-too-big",
				 "has %lld bytes; together the files would have more than %llu "
				 "(HULLBOX_MAX_LAYER_BYTES)",
				 (long long)size, (unsigned long long)in->limits.bytes);
	in->content += (uint64_t)size;
	in->size = size;
	entry->size = size;
	return 0;
}

static int add_xattr(struct archive_in *in, struct tar_entry *entry, struct tar_xattr one,
		     struct oci_error *err)
{
	if (one.size > MAX_XATTR || entry->n_xattrs == MAX_XATTRS)
		return fail_code(err, "hostile-archive",
				 "has an extended attribute of %zu bytes, or more than %d of them",
				 one.size, MAX_XATTRS);
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		/* As SCHILY.xattr and as LIBARCHIVE.xattr: the same said twice. */
		if (strcmp(in->xattrs[i].name, one.name) != 0)
			continue;
		if (in->xattrs[i].size == one.size &&
		    memcmp(in->xattrs[i].value, one.value, one.size) == 0)
			return 0;
		return fail_code(err, "hostile-archive",
				 "has the extended attribute '%.100s' twice", one.name);
	}
	in->xattrs[entry->n_xattrs++] = one;
	return 0;
}

static int take_xattrs(struct archive_in *in, struct archive_entry *from, struct tar_entry *entry,
		       struct oci_error *err)
{
	struct tar_xattr one;
	static const struct {
		int type;
		const char *name;
	} acls[] = { { ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access" },
		     { ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default" } };

	(void)archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &one.name, &one.value, &one.size) == ARCHIVE_OK) {
		if (one.name && one.name[0] != '\0')
			TRY(add_xattr(in, entry, one, err));
	}
	for (size_t i = 0; i < 2; i++) {
		TRY(posix_acl_from_entry(from, acls[i].type, &in->acls[i], &one.size, err));
		if (!in->acls[i])
			continue;
		one.name = acls[i].name;
		one.value = in->acls[i];
		TRY(add_xattr(in, entry, one, err));
	}
	entry->xattrs = in->xattrs;
	return 0;
}

static int take_entry(struct archive_in *in, struct archive_entry *from, struct tar_entry *entry,
		      struct oci_error *err)
{
	const char *name = archive_entry_pathname(from);

	if (!name)
		return fail_code(err, "hostile-archive", "an entry has no name");
	(void)archive_shown(name, in->shown);
	in->path = clean_name(name, "the entry", err);
	if (!in->path)
		return -1;
	memset(entry, 0, sizeof(*entry));
	entry->path = in->path;
	entry->mode = archive_entry_mode(from);
	entry->device = makedev(archive_entry_rdevmajor(from), archive_entry_rdevminor(from));
	entry->mtime.tv_sec = archive_entry_mtime(from);
	entry->mtime.tv_nsec = archive_entry_mtime_nsec(from);
	if (take_kind(from, entry, err) < 0 || take_target(in, from, entry, err) < 0 ||
	    take_owner(from, entry, err) < 0 || take_size(in, from, entry, err) < 0 ||
	    take_xattrs(in, from, entry, err) < 0)
		return fail_in(err, "the entry '%s'", in->shown);
	return 1;
}

static int next_entry(struct archive_in *in, struct tar_entry *entry, struct oci_error *err)
{
	struct archive_entry *from;
	int got = archive_read_next_header(in->tar, &from);
	const char *warning = archive_error_string(in->tar);

	if (got == ARCHIVE_EOF)
		return 0;
	/* A name that is no UTF-8 is passed on as it is, with a warning. All else that libarchive
	 * would live with is something that another reader could understand in another way. */
	if (got != ARCHIVE_OK &&
	    !(got == ARCHIVE_WARN && warning && strstr(warning, "can't be converted")))
		return fail_archive(in, in->tar, err);
	if (++in->entries > in->limits.entries)
		return fail_code(err, "archive-too-big",
				 "the archive has more than %llu entries "
				 "(HULLBOX_MAX_LAYER_ENTRIES)",
				 (unsigned long long)in->limits.entries);
	return take_entry(in, from, entry, err);
}

int archive_in_next(struct archive_in *in, struct tar_entry *entry, struct oci_error *err)
{
	locale_t before = uselocale(in->utf8);
	int got;

	forget_entry(in);
	in->size = 0;
	got = next_entry(in, entry, err);
	(void)uselocale(before); /* it was one */
	return got;
}

int archive_in_data(struct archive_in *in, const void **data, size_t *size, int64_t *offset,
		    struct oci_error *err)
{
	la_int64_t at;
	int got = archive_read_data_block(in->tar, data, size, &at);

	if (got == ARCHIVE_EOF)
		return 0;
	if (got != ARCHIVE_OK) {
		(void)fail_archive(in, in->tar, err);
		return fail_in(err, "the entry '%s'", in->shown);
	}
	if (at < 0 || at > in->size || *size > (uint64_t)(in->size - at))
		return fail_code(err, "hostile-archive",
				 "the entry '%s' has more content than its size says", in->shown);
	*offset = at;
	return 1;
}

int archive_in_finish(struct archive_in *in, struct archive_digests *digests, struct oci_error *err)
{
	const void *piece;
	la_ssize_t got;

	do {
		got = read_tar(in->tar, in, &piece);
		if (got < 0)
			return fail_archive(in, in->tar, err);
	} while (got > 0);
	do {
		got = read_blob(in->bytes, in, &piece);
		if (got < 0)
			return fail_archive(in, in->bytes, err);
	} while (got > 0);
	digests->blob_size = in->blob_size;
	digests->tar_size = in->tar_size;
	sha256_end(&in->blob_sum, digests->blob);
	sha256_end(&in->tar_sum, digests->tar);
	return 0;
}
