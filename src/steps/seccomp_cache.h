/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Compiled filters below the state root, for the next container with the same profile. A help,
 * never a need: whatever is wrong with an entry or its folder means that the filter is compiled.
 */
#ifndef STEPS_SECCOMP_CACHE_H
#define STEPS_SECCOMP_CACHE_H

#include "plan/filter.h"

/* No id begins with a dot. */
#define FILTER_CACHE ".seccomp"

/* How many filters are kept; the oldest goes. */
enum { FILTER_CACHE_ENTRIES = 64 };

/* True: found and whole, the code in *filter is on the heap. Nothing is believed that somebody else
 * than this user could have written. */
bool filter_cache_find(const char *root, const char *key, size_t key_size, struct filter *filter);

/* Keeps it if that works. */
void filter_cache_keep(const char *root, const char *key, size_t key_size,
		       const struct filter *filter);

/* Reads a file with a filter below dir: a regular one of this user's that nobody else may write and
 * that has one name only. */
int filter_file_read(int dir, const char *name, const char *key, size_t key_size,
		     struct filter *filter, struct oci_error *err);

#endif
