/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two writers of libarchive, one behind the other, as archive_in.c has two readers: tar, then the
 * compression.
 */
#include "box/archive_out.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"

struct archive_out {
	int fd;
	struct archive *tar, *bytes;
	locale_t utf8;
	struct sha256 tar_sum, blob_sum;
	uint64_t tar_size, blob_size;
	struct oci_error failure; /* of a write */
	bool over;		  /* nothing more is written */
};

static la_ssize_t write_blob(struct archive *writer, void *data, const void *piece, size_t size)
{
	struct archive_out *out = data;

	if (out->over)
		return -1;
	if (file_write_all(out->fd, piece, size, &out->failure) < 0) {
		archive_set_error(writer, out->failure.num, "%s", out->failure.text);
		return -1;
	}
	sha256_add(&out->blob_sum, piece, size);
	out->blob_size += size;
	return (la_ssize_t)size;
}

static la_ssize_t write_tar(struct archive *writer, void *data, const void *piece, size_t size)
{
	struct archive_out *out = data;

	if (out->over)
		return -1;
	if (archive_write_data(out->bytes, piece, size) != (la_ssize_t)size) {
		const char *why = archive_error_string(out->bytes);

		archive_set_error(writer, archive_errno(out->bytes), "%s", why ? why : "failed");
		return -1;
	}
	sha256_add(&out->tar_sum, piece, size);
	out->tar_size += size;
	return (la_ssize_t)size;
}

static int fail_archive(struct archive_out *out, struct archive *writer, struct oci_error *err)
{
	const char *why = archive_error_string(writer);

	if (out->failure.text[0] != '\0') {
		*err = out->failure;
		return fail_in(err, "write the archive");
	}
	return fail(err, "write the archive: %s", why ? why : "unknown cause");
}

static int add_compression(struct archive *bytes, enum archive_compression compression)
{
	switch (compression) {
	case ARCHIVE_GZIP:
		if (archive_write_add_filter_gzip(bytes) != ARCHIVE_OK)
			return ARCHIVE_FAILED;
		return archive_write_set_filter_option(bytes, "gzip", "timestamp", NULL);
	case ARCHIVE_ZSTD:
		return archive_write_add_filter_zstd(bytes);
	case ARCHIVE_PLAIN:
		break;
	}
	return archive_write_add_filter_none(bytes);
}

/* The compressed file is one entry without a name or a header: the tar. */
static int open_bytes(struct archive_out *out, enum archive_compression compression)
{
	struct archive_entry *whole = archive_entry_new();
	int good = whole ? archive_write_set_format_raw(out->bytes) : ARCHIVE_FATAL;

	if (good == ARCHIVE_OK)
		good = add_compression(out->bytes, compression);
	/* No padding of the last block: what is hashed is what the reader of a blob sees. */
	if (good == ARCHIVE_OK)
		good = archive_write_set_bytes_in_last_block(out->bytes, 1);
	if (good == ARCHIVE_OK)
		good = archive_write_open(out->bytes, out, NULL, write_blob, NULL);
	if (good == ARCHIVE_OK) {
		archive_entry_set_filetype(whole, AE_IFREG);
		archive_entry_set_pathname(whole, "layer.tar");
		good = archive_write_header(out->bytes, whole);
	}
	archive_entry_free(whole);
	return good;
}

/* pax in full: the restricted one leaves out the fractions of times. What differs between two equal
 * trees (inode, device, ctime) is never given to it. */
static int open_tar(struct archive_out *out)
{
	int good = archive_write_set_format_pax(out->tar);

	if (good == ARCHIVE_OK)
		good = archive_write_set_format_option(out->tar, "pax", "xattrheader", "SCHILY");
	if (good == ARCHIVE_OK)
		good = archive_write_set_bytes_in_last_block(out->tar, 1);
	if (good == ARCHIVE_OK)
		good = archive_write_open(out->tar, out, NULL, write_tar, NULL);
	return good;
}

struct archive_out *archive_out_open(int fd, enum archive_compression compression,
				     struct oci_error *err)
{
	struct archive_out *out = calloc(1, sizeof(*out));

	if (!out) {
		(void)fail_sys(err, "memory for an archive's writer");
		return NULL;
	}
	out->fd = fd;
	sha256_init(&out->tar_sum);
	sha256_init(&out->blob_sum);
	out->tar = archive_write_new();
	out->bytes = archive_write_new();
	/* In which names are written as they are (archive_in.c). */
	out->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!out->tar || !out->bytes || !out->utf8)
		(void)fail(err, "memory or the locale C.UTF-8 for an archive's writer");
	else if (open_bytes(out, compression) != ARCHIVE_OK)
		(void)fail_archive(out, out->bytes, err);
	else if (open_tar(out) != ARCHIVE_OK)
		(void)fail_archive(out, out->tar, err);
	else
		return out;
	archive_out_close(out);
	return NULL;
}

void archive_out_close(struct archive_out *out)
{
	if (!out)
		return;
	/* Closed in any state: only that frees what they have of their own. */
	out->over = true;
	if (out->tar) {
		(void)archive_write_close(out->tar);
		(void)archive_write_free(out->tar);
	}
	if (out->bytes) {
		(void)archive_write_close(out->bytes);
		(void)archive_write_free(out->bytes);
	}
	if (out->utf8)
		freelocale(out->utf8);
	free(out);
}

static void fill_entry(struct archive_entry *to, const struct tar_entry *entry)
{
	archive_entry_set_pathname(to, entry->path);
	if (entry->kind == TAR_HARD_LINK)
		archive_entry_set_hardlink(to, entry->target);
	archive_entry_set_mode(to, entry->mode);
	if (entry->kind == TAR_SYMLINK)
		archive_entry_set_symlink(to, entry->target);
	archive_entry_set_uid(to, entry->uid);
	archive_entry_set_gid(to, entry->gid);
	archive_entry_set_mtime(to, entry->mtime.tv_sec, entry->mtime.tv_nsec);
	archive_entry_set_size(to, entry->kind == TAR_FILE ? entry->size : 0);
	if (entry->kind == TAR_DEVICE)
		archive_entry_set_rdev(to, entry->device);
	for (size_t i = 0; i < entry->n_xattrs; i++)
		archive_entry_xattr_add_entry(to, entry->xattrs[i].name, entry->xattrs[i].value,
					      entry->xattrs[i].size);
}

int archive_out_entry(struct archive_out *out, const struct tar_entry *entry, struct oci_error *err)
{
	locale_t before = uselocale(out->utf8);
	struct archive_entry *to = archive_entry_new();
	int good = ARCHIVE_FATAL;

	if (to) {
		fill_entry(to, entry);
		good = archive_write_header(out->tar, to);
	}
	archive_entry_free(to);
	(void)uselocale(before); /* it was one */
	/* ARCHIVE_WARN: a name that is no UTF-8, written as it is and marked as such. */
	return good == ARCHIVE_OK || good == ARCHIVE_WARN ? 0 : fail_archive(out, out->tar, err);
}

int archive_out_data(struct archive_out *out, const void *data, size_t size, struct oci_error *err)
{
	if (archive_write_data(out->tar, data, size) == (la_ssize_t)size)
		return 0;
	return fail_archive(out, out->tar, err);
}

int archive_out_finish(struct archive_out *out, struct archive_digests *digests,
		       struct oci_error *err)
{
	if (archive_write_close(out->tar) != ARCHIVE_OK)
		return fail_archive(out, out->tar, err);
	if (archive_write_close(out->bytes) != ARCHIVE_OK)
		return fail_archive(out, out->bytes, err);
	sha256_end(&out->tar_sum, digests->tar);
	sha256_end(&out->blob_sum, digests->blob);
	digests->tar_size = out->tar_size;
	digests->blob_size = out->blob_size;
	return 0;
}
