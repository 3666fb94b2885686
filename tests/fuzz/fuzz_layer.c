/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libFuzzer target for the reader of layers. Beyond "no crash": no name leads anywhere but down,
 * and no file has more content than its size and the limits say.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "box/archive_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BYTES (1 << 20)

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void check_name(const char *name)
{
	size_t size = strlen(name);

	demand(size > 0 && size < PATH_MAX && name[0] != '/' && name[size - 1] != '/',
	       "a name is relative");
	demand(!strstr(name, "//") && strcmp(name, "..") != 0 && strncmp(name, "../", 3) != 0 &&
		       !strstr(name, "/../") && !strstr(name, "/./") &&
		       (size < 3 || strcmp(name + size - 3, "/..") != 0),
	       "and leads down only");
}

static void read_content(struct archive_in *in, const struct tar_entry *entry)
{
	struct oci_error err = { 0 };
	const void *piece;
	int64_t offset;
	size_t size;

	while (archive_in_data(in, &piece, &size, &offset, &err) > 0)
		demand(offset >= 0 && (uint64_t)offset + size <= (uint64_t)entry->size,
		       "content lies within the size");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct archive_limits limits = { .bytes = MAX_BYTES, .entries = 100 };
	auto_fd fd = memfd_create("layer", MFD_CLOEXEC);
	struct oci_error err = { 0 };
	struct archive_digests digests;
	struct tar_entry entry;
	struct archive_in *in;
	uint64_t n = 0, content = 0;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	in = archive_in_open(fd, &limits, &err);
	if (!in)
		return 0;
	while (archive_in_next(in, &entry, &err) > 0) {
		check_name(entry.path);
		if (entry.kind == TAR_HARD_LINK)
			check_name(entry.target);
		content += (uint64_t)entry.size;
		demand(++n <= limits.entries && content <= limits.bytes, "limits hold");
		if (entry.kind == TAR_FILE)
			read_content(in, &entry);
	}
	if (archive_in_finish(in, &digests, &err) == 0)
		demand(digests.tar_size <= limits.bytes && digests.blob_size == size,
		       "all was read");
	archive_in_close(in);
	return 0;
}
