/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading the host's /proc: by descriptors that were seen to be procfs, never over a mount or a
 * link, and never without a bound.
 */
#ifndef VERIFY_PROCFS_H
#define VERIFY_PROCFS_H

#include <sys/types.h>

#include "base/error.h"

/* Opens /proc (O_PATH), which must be the root of a procfs. */
int procfs_open(struct oci_error *err);

/* Opens the directory of a process in it (O_PATH). What is read through it is that process's or
 * fails with ESRCH; another process never takes its place. */
int procfs_open_process(int procfs, pid_t pid, struct oci_error *err);

/* Reads `name` below dir, a directory of procfs, up to its end, to the heap, NUL-terminated. More
 * than `limit` bytes are an error (EFBIG). errno is in err->num. */
int procfs_load(int dir, const char *name, size_t limit, char **text, struct oci_error *err);

#endif
