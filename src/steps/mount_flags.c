/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/mount_flags.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/fd.h"

static const struct {
	uint64_t attribute;
	unsigned long now; /* of statvfs(3) */
	const char *name, *opposite;
} flags[] = {
	{ MOUNT_ATTR_RDONLY, ST_RDONLY, "ro", "rw" },
	{ MOUNT_ATTR_NOSUID, ST_NOSUID, "nosuid", "suid" },
	{ MOUNT_ATTR_NODEV, ST_NODEV, "nodev", "dev" },
	{ MOUNT_ATTR_NOEXEC, ST_NOEXEC, "noexec", "exec" },
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static void add(char *list, size_t size, const char *word)
{
	size_t used = strlen(list);

	(void)snprintf(list + used, size - used, "%s%s", used ? ", " : "", word);
}

/* errno is EPERM. What was to be cleared and is there is what is locked; of mounts below the top
 * one only the wish is known. */
static int explain(int mount, bool recursive, const struct mount_attr *attr, struct oci_error *err)
{
	char held[64] = "", wish[64] = "", below[64] = "";
	struct statvfs now;

	(void)fail_sys(err, "mount_setattr");
	if (fstatvfs(mount, &now) < 0)
		return -1;
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (!(attr->attr_clr & flags[i].attribute))
			continue;
		add(below, sizeof(below), flags[i].opposite);
		if (!(now.f_flag & flags[i].now))
			continue;
		add(held, sizeof(held), flags[i].name);
		add(wish, sizeof(wish), flags[i].opposite);
	}
	/* Locked as one: neither can be set, either. */
	if ((attr->attr_clr | attr->attr_set) & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME))
		add(below, sizeof(below), "another way of keeping access times");
	if (held[0])
		return fail(err,
			    "mount_setattr: Operation not permitted: %s of this mount is locked, "
			    "for it comes from a mount namespace with more privilege: leave out %s",
			    held, wish);
	if (below[0])
		return fail(err,
			    "mount_setattr: Operation not permitted: flags of this mount%s are "
			    "locked, for they come from a mount namespace with more privilege: "
			    "leave out %s",
			    recursive ? " or of one below it" : "", below);
	return -1;
}

int mount_flags_set(int mount, bool recursive, struct mount_attr *attr, struct oci_error *err)
{
	unsigned at = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	if (sys_mount_setattr(mount, "", at, attr, sizeof(*attr)) == 0)
		return 0;
	if (errno == EPERM)
		return explain(mount, recursive, attr, err);
	return fail_sys(err, "mount_setattr");
}
