/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading a tar that may be compressed (gzip, zstd, xz, bzip2) and that nobody vouches for: its
 * entries one by one, names checked and bounded, and the digests of what was read. The one file
 * that knows libarchive's readers. Nothing is written anywhere; box/unpack.h does that.
 */
#ifndef BOX_ARCHIVE_IN_H
#define BOX_ARCHIVE_IN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "base/sha256.h"

/* What an archive may ask for at most; more is refused. */
struct archive_limits {
	uint64_t bytes;	  /* of the tar, unpacked, and of all files together, holes counted */
	uint64_t entries; /* of names */
};

/* $HULLBOX_MAX_LAYER_BYTES and $HULLBOX_MAX_LAYER_ENTRIES, else 64 GiB and 2 million. */
int archive_limits_find(struct archive_limits *limits, struct oci_error *err);

enum tar_kind {
	TAR_FILE,
	TAR_DIRECTORY,
	TAR_SYMLINK,
	TAR_HARD_LINK,
	TAR_FIFO,
	TAR_DEVICE, /* mode and device tell which */
};

struct tar_xattr {
	const char *name;
	const void *value;
	size_t size;
};

/* One entry; all it points to lives until the next one is read. */
struct tar_entry {
	enum tar_kind kind;
	char *path;   /* relative, no "." or ".." or empty components; "." is the root itself */
	char *target; /* of a symbolic link: any text; of a hard link: as path */
	mode_t mode;  /* with its type */
	uid_t uid;
	gid_t gid;
	dev_t device;
	int64_t size; /* of a file, holes counted */
	struct timespec mtime;
	struct tar_xattr *xattrs;
	size_t n_xattrs;
};

struct archive_digests {
	char blob[SHA256_HEX]; /* of the file as it is */
	uint64_t blob_size;
	char tar[SHA256_HEX]; /* of the tar in it: the diff id of a layer */
	uint64_t tar_size;
};

struct archive_in;

/* Begins to read fd, from where it stands; fd stays the caller's. NULL with err. */
struct archive_in *archive_in_open(int fd, const struct archive_limits *limits,
				   struct oci_error *err);
/* Ends it; accepts NULL. */
void archive_in_close(struct archive_in *in);

/* The next entry: 1; 0 at the end; -1 with err, which names the entry. Codes: "hostile-archive" for
 * what no honest archive has, "archive-too-big", "invalid-archive" for what isn't one. */
int archive_in_next(struct archive_in *in, struct tar_entry *entry, struct oci_error *err);

/* The next piece of the entry's content: 1; 0 at the end; -1 with err. Holes are left out. A piece
 * lies within the entry's size. */
int archive_in_data(struct archive_in *in, const void **data, size_t *size, int64_t *offset,
		    struct oci_error *err);

/* Reads the rest of the file, whatever it is, and tells the digests. */
int archive_in_finish(struct archive_in *in, struct archive_digests *digests,
		      struct oci_error *err);

/* An entry's name for an error text: control characters as octal, cut to what fits. */
const char *archive_shown(const char *name, char out[160]);

#endif
