/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Network namespaces that outlive the process that made them: a file on which one is mounted. It is
 * the one entry that a container has in the host's mount table.
 */
#ifndef BOX_NETNS_H
#define BOX_NETNS_H

#include <stdbool.h>

#include "base/error.h"

/* Makes a new network namespace, its loopback up, and mounts it on the new file `path`, whose
 * directory is there. On failure nothing is left. */
int netns_pin(const char *path, struct oci_error *err);

/* Unmounts it and removes the file; what isn't there is no error. */
int netns_unpin(const char *path, struct oci_error *err);

/* Whether a network namespace is to be found at the path. */
bool netns_is_there(const char *path);

/* Refuses a path that leads to anything else than a network namespace. */
int netns_check(const char *path, struct oci_error *err);

#endif
