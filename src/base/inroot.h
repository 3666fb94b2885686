/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one resolver for paths inside a container's root, whose content is hostile: symbolic links,
 * fifos, devices and renames at any place and any time. Each function resolves with openat2(2) and
 * RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS below a root fd and hands back an fd; whoever gets one
 * works by that fd and never by the path again. Nothing outside the root is ever touched; symbolic
 * links inside the root work as they would for a process in the container.
 */
#ifndef BASE_INROOT_H
#define BASE_INROOT_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

/* Opens what `path` (absolute or not, taken from the root) names, with open(2) flags; O_CLOEXEC is
 * added. The last component is followed unless O_NOFOLLOW is given. EAGAIN (a rename somewhere on
 * the host during "..") is tried again, bounded. Errors: errno kept in err->num. */
int inroot_open(int root, const char *path, int flags, struct oci_error *err);

/* As inroot_open() without making an error text: -1 and errno. */
int inroot_try_open(int root, const char *path, int flags);

/* Opens what `path` (relative) names where no symbolic link may be in the way at all, the last
 * component included (O_PATH | O_NOFOLLOW opens that as the link it is), and no ".." that leaves
 * root. For trees that hull's own code made and knows. -1 and errno: ELOOP for a link, EXDEV. */
int inroot_try_open_plain(int root, const char *path, int flags);

/* Opens for reading what an O_PATH fd stands for, when that is a regular file: anything else isn't
 * touched, since opening alone does something with devices (a watchdog begins to count). Never
 * waits. -1 and errno, EINVAL when it is something else. path_fd stays the caller's. */
int inroot_read_regular(int path_fd);

/* Opens the directory `path` with O_PATH, making what is missing with `mode` (umask aside). Links
 * on the way are followed inside the root, and what a dangling one names is made there (a handful
 * of them; then ELOOP). A file in the way is an error. */
int inroot_make_directory(int root, const char *path, mode_t mode, struct oci_error *err);

/* Opens the parent directory of `path` with O_PATH (made when missing, mode 0755) and gives its
 * last component in name (NAME_MAX + 1 bytes). A path that ends in "/", "." or ".." or is empty is
 * an error: it has no name of its own. */
int inroot_make_parent(int root, const char *path, char name[256], struct oci_error *err);

/* Opens `path` with O_PATH as a target to mount a file on: an existing non-directory, else an empty
 * regular file of mode 0644 made there (parents as inroot_make_directory, 0755). A symbolic link
 * as last component is followed inside the root. */
int inroot_make_file(int root, const char *path, struct oci_error *err);

#endif
