/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Part of the helper: the scope's cgroup, once systemd has made it. No D-Bus here.
 */
#ifndef SYSTEMD_SCOPE_H
#define SYSTEMD_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The leaves of the scope: where this process keeps the scope alive, and the container's. */
#define SCOPE_KEEP "keep"
#define SCOPE_CONTAINER "container"

/* Finds the scope by asking the kernel which cgroup this process is in, and sees that it is the one
 * of `unit`: path is what follows `mount`, "/system.slice/hull-c1.scope". Goes to the leaf `keep`
 * in it, hands all its controllers on, and makes the leaf `container`. Whatever fails here, systemd
 * removes the scope with all that is in it when this process has ended. */
int scope_prepare(const char *mount, const char *unit, char *path, size_t size,
		  struct oci_error *err);

/* What is behind a scope's path. */
enum scope_presence {
	SCOPE_GONE,  /* nothing, or another directory than that inode */
	SCOPE_EMPTY, /* no process in it or below */
	SCOPE_IN_USE,
};

/* inode 0: whichever is there. */
enum scope_presence scope_look(const char *mount, const char *path, uint64_t inode);

#endif
