/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who a container's process is: "USER[:GROUP]" looked up in the container's own /etc/passwd and
 * /etc/group, which are the image's and so hostile: reached by the resolver, read only where they
 * are regular files of reasonable size.
 */
#ifndef BOX_USER_H
#define BOX_USER_H

#include <stdint.h>

#include "base/error.h"

#define USER_GROUPS_MAX 64

struct user {
	uint32_t uid, gid;
	uint32_t
		groups[USER_GROUPS_MAX]; /* those that /etc/group adds; none when GROUP was given */
	size_t n_groups;
};

/* A number needs no entry; a name does. Without GROUP the user's own group and those whose list
 * has the user's name; 0 for a number without an entry. Errors: code "no-user". */
int user_find(int root, const char *text, struct user *user, struct oci_error *err);

#endif
