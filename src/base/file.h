/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Small files by directory fd: read whole, write whole, replace by rename. For hull's own state,
 * for cgroup files and for procfs; never for paths inside a container's root (base/inroot.h).
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* read(2) into buf until it has `size` bytes or the file ends, through short reads and EINTR.
 * Returns how many there were; -1 with errno. */
ssize_t file_read_up_to(int fd, void *buf, size_t size);

/* Reads at most size-1 bytes of `name` below dir into buf, NUL-terminated. Returns the length; a
 * longer file is cut off. On failure errno is that of the failing call. */
ssize_t file_read_at(int dir, const char *name, char *buf, size_t size, struct oci_error *err);

/* Reads a whole file of at most `limit` bytes to the heap, NUL-terminated. */
int file_load_at(int dir, const char *name, size_t limit, char **text, size_t *size,
		 struct oci_error *err);

/* One write(2) of text to an existing file, as kernel files want it. The error names the file and
 * the value. errno is kept for the caller. */
int file_write_at(int dir, const char *name, const char *text, struct oci_error *err);

/* Makes or replaces a file in one step: writes to ".NAME.new", then renames. */
int file_replace_at(int dir, const char *name, const void *data, size_t size, mode_t mode,
		    struct oci_error *err);

/* Writes all of data to fd, through short writes and EINTR. */
int file_write_all(int fd, const void *data, size_t size, struct oci_error *err);

#endif
