/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Access control lists: between what libarchive reads and the extended attribute of the kernel.
 */
#ifndef BOX_POSIX_ACL_H
#define BOX_POSIX_ACL_H

#include <stddef.h>

#include "base/error.h"

struct archive_entry;

/* The list of `type` (ARCHIVE_ENTRY_ACL_TYPE_ACCESS or _DEFAULT) as the value of
 * system.posix_acl_*, on the heap; *value NULL when the entry has none. An entry for a user or a
 * group without a number is an error. */
int posix_acl_from_entry(struct archive_entry *entry, int type, void **value, size_t *size,
			 struct oci_error *err);

#endif
