/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container's root file system, mounted where nobody but the container and its monitor sees it:
 * in a mount namespace of their own, which is gone with the last of them. In it the host's mounts
 * are slaves: what the host unmounts goes there too, what is mounted there stays there.
 */
#ifndef BOX_OVERLAY_H
#define BOX_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct overlay {
	const char *const *lower; /* directories, the topmost first */
	size_t n_lower;
	const char *upper, *work; /* on one file system; NULL: read-only */
	const char *merged;	  /* where it is mounted */
};

/* A mount namespace of this process's own, the host's mounts as slaves. */
int overlay_unshare(struct oci_error *err);

/* Mounts it: index=off,metacopy=off,redirect_dir=nofollow,xino=off, so that the upper layer alone
 * is complete and nothing in it points elsewhere. One lower directory and no upper layer is a bind
 * mount. Who gives an upper layer must hold the lock that says that nobody else has it mounted. */
int overlay_mount(const struct overlay *overlay, struct oci_error *err);

#endif
