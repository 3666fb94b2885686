/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whole trees of files that somebody else has filled: removed, whatever is in them.
 */
#ifndef BOX_TREE_H
#define BOX_TREE_H

#include <sys/types.h>

#include "base/error.h"

/* How deep a tree may be to be unpacked, written or copied: deep enough for any that people make;
 * each level is an open descriptor and stack, for a container can make far deeper ones. */
#define TREE_MAX_DEPTH 256

/* Removes `name` below dir with all in it: no link is followed, nothing that is mounted there is
 * entered (then it fails with EBUSY), and no depth is too much. What isn't there is no error. */
int tree_remove(int dir, const char *name, struct oci_error *err);

/* Opens the directory `path` with O_PATH, made with its parents (mode) where it lacks. An absolute
 * host path of the caller's own. */
int tree_make_directory(const char *path, mode_t mode, struct oci_error *err);

/* The names in a directory but "." and "..", in the order of their bytes, NULL behind the last; on
 * the heap, each too. fd isn't used up. NULL with err. */
char **tree_names(int fd, struct oci_error *err);
void tree_names_free(char **names);

#endif
