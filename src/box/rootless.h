/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hullbox for a user without privilege: it works in a user namespace in which the caller is root.
 * There it may mount overlays, give layers their owners, and remove what a container's other ids
 * have made; conmon, hull and the containers are in it, too. All containers of one runtime
 * directory share it, since whoever isn't in it has no power over what is. It lives as long as any
 * process of theirs; RUNTIME/userns tells which one it is.
 */
#ifndef BOX_ROOTLESS_H
#define BOX_ROOTLESS_H

#include <stdbool.h>
#include <stdint.h>

#include "box/home.h"

/* For a caller who isn't root: enters the namespace that his containers are in, or else makes one,
 * with his own id as 0 and after it those that /etc/subuid and /etc/subgid lend him. Afterwards
 * geteuid() is 0. The mount namespace stays the caller's. The process must have one thread only.
 * Does nothing for root. Errors: "user-namespace" (the host lets users make none), "id-mapping". */
int rootless_enter(const struct box_home *home, struct oci_error *err);

/* Whether this process is in such a namespace: rootless_enter() made it root, or a process that
 * descends from one that it did that for. */
bool rootless(void);

/* Whether an id has a meaning in this process's user namespace. */
bool rootless_is_mapped(bool group, uint32_t id);

/* The caller's own user and group id, when they have no other meaning in the namespace than root:
 * what says that it is theirs can only mean him. Else false. */
bool rootless_own_ids(uint32_t own[2]);

/* Whether the caller's own id is the only one, so that nothing can have another owner. */
bool rootless_has_one_id(void);

#endif
