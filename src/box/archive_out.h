/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing a tar (pax), perhaps compressed, with the digests of both. The same entries give the same
 * bytes. The one file that knows libarchive's writers.
 */
#ifndef BOX_ARCHIVE_OUT_H
#define BOX_ARCHIVE_OUT_H

#include "box/archive_in.h"

enum archive_compression { ARCHIVE_PLAIN, ARCHIVE_GZIP, ARCHIVE_ZSTD };

struct archive_out;

/* Begins to write to fd, which stays the caller's. NULL with err. */
struct archive_out *archive_out_open(int fd, enum archive_compression compression,
				     struct oci_error *err);
/* Ends it without finishing; accepts NULL. */
void archive_out_close(struct archive_out *out);

/* Begins an entry. A file's content, all of it, follows by archive_out_data(). */
int archive_out_entry(struct archive_out *out, const struct tar_entry *entry,
		      struct oci_error *err);
int archive_out_data(struct archive_out *out, const void *data, size_t size, struct oci_error *err);

/* Writes what is left and tells the digests. */
int archive_out_finish(struct archive_out *out, struct archive_digests *digests,
		       struct oci_error *err);

#endif
