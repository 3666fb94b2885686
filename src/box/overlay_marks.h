/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an overlay leaves in a layer to say that something of the lower layers isn't there: the
 * device 0:0 in place of a name, an attribute on a directory (Documentation/filesystems/overlayfs).
 */
#ifndef BOX_OVERLAY_MARKS_H
#define BOX_OVERLAY_MARKS_H

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define OVERLAY_WHITEOUT makedev(0, 0)

static inline bool overlay_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == OVERLAY_WHITEOUT;
}

/* The attribute's name, for overlays mounted with userxattr or without. */
static inline const char *overlay_opaque_name(bool user_xattrs)
{
	return user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

static inline bool overlay_is_opaque(int directory, bool user_xattrs)
{
	char value[8];

	return fgetxattr(directory, overlay_opaque_name(user_xattrs), value, sizeof(value)) == 1 &&
	       value[0] == 'y';
}

#endif
