/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * While a tree is written somewhere else: under which name an inode that has several was written
 * first, so that the others become links to that one.
 */
#ifndef BOX_FIRST_NAMES_H
#define BOX_FIRST_NAMES_H

#include <sys/stat.h>

#include "base/error.h"

/* *first: the path of another name of the same inode, for which this was called before; or NULL,
 * and then `path` is that of the inode from now on. *names begins as NULL. */
int first_names_find(void **names, const struct stat *st, const char *path, const char **first,
		     struct oci_error *err);
void first_names_free(void **names);

#endif
