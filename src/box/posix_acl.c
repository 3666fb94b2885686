/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/posix_acl.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The kernel wants them in the order of these numbers. */
static int tag_of(int archive_tag)
{
	switch (archive_tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		return ACL_USER_OBJ;
	case ARCHIVE_ENTRY_ACL_USER:
		return ACL_USER;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		return ACL_GROUP_OBJ;
	case ARCHIVE_ENTRY_ACL_GROUP:
		return ACL_GROUP;
	case ARCHIVE_ENTRY_ACL_MASK:
		return ACL_MASK;
	case ARCHIVE_ENTRY_ACL_OTHER:
		return ACL_OTHER;
	default:
		return -1;
	}
}

static int by_tag_and_id(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *one = a, *two = b;
	uint32_t id_one = le32toh(one->e_id), id_two = le32toh(two->e_id);

	if (one->e_tag != two->e_tag)
		return le16toh(one->e_tag) < le16toh(two->e_tag) ? -1 : 1;
	return id_one < id_two ? -1 : id_one > id_two;
}

static int take_one(struct posix_acl_xattr_entry *out, int permset, int archive_tag, int qualifier,
		    struct oci_error *err)
{
	int tag = tag_of(archive_tag);
	bool named = tag == ACL_USER || tag == ACL_GROUP;

	if (tag < 0 || (named && qualifier < 0))
		return fail_code(err, "hostile-archive",
				 "has an access control list with an entry for somebody without a "
				 "number");
	out->e_tag = htole16((uint16_t)tag);
	out->e_perm = htole16((uint16_t)(permset & 7));
	out->e_id = htole32(named ? (uint32_t)qualifier : (uint32_t)ACL_UNDEFINED_ID);
	return 0;
}

int posix_acl_from_entry(struct archive_entry *entry, int type, void **value, size_t *size,
			 struct oci_error *err)
{
	int n = archive_entry_acl_reset(entry, type);
	struct posix_acl_xattr_header *acl;
	struct posix_acl_xattr_entry *entries;
	int kind, permset, tag, qualifier, used = 0;
	const char *name;

	*value = NULL;
	if (n <= 0)
		return 0;
	/* libarchive counts the three of the mode only where there are others. */
	acl = calloc(1, sizeof(*acl) + (size_t)(n + 3) * sizeof(*entries));
	if (!acl)
		return fail_sys(err, "memory for an access control list");
	*value = acl;
	entries = (struct posix_acl_xattr_entry *)(acl + 1);
	acl->a_version = htole32(POSIX_ACL_XATTR_VERSION);
	while (used < n + 3 && archive_entry_acl_next(entry, type, &kind, &permset, &tag,
						      &qualifier, &name) == ARCHIVE_OK)
		TRY(take_one(&entries[used++], permset, tag, qualifier, err));
	qsort(entries, (size_t)used, sizeof(*entries), by_tag_and_id);
	*size = sizeof(*acl) + (size_t)used * sizeof(*entries);
	return 0;
}
