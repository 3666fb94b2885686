/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mount options of hull, sorted: to support a new one is a row here. What each kind does is
 * decided in mounts.c.
 */
#include "plan/mount_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* clang-format off */
static const struct mount_word words[] = {
	{ "async", WORD_SUPER, 0, 0, false, false },
	{ "atime", WORD_ATTR, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, false, true },
	{ "bind", WORD_BIND, 0, 0, false, false },
	{ "defaults", WORD_NOTHING, 0, 0, false, false },
	{ "dev", WORD_ATTR, 0, MOUNT_ATTR_NODEV, false, false },
	{ "diratime", WORD_ATTR, 0, MOUNT_ATTR_NODIRATIME, false, false },
	{ "dirsync", WORD_SUPER, 0, 0, false, false },
	{ "exec", WORD_ATTR, 0, MOUNT_ATTR_NOEXEC, false, false },
	{ "idmap", WORD_IDMAP, 0, 0, false, false },
	{ "iversion", WORD_LEGACY, MS_I_VERSION, 0, false, false },
	{ "lazytime", WORD_SUPER, 0, 0, false, false },
	{ "loud", WORD_NOTHING, 0, 0, false, false },
	{ "mand", WORD_SUPER, 0, 0, false, false },
	{ "noatime", WORD_ATTR, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, false, false },
	{ "nodev", WORD_ATTR, MOUNT_ATTR_NODEV, 0, false, false },
	{ "nodiratime", WORD_ATTR, MOUNT_ATTR_NODIRATIME, 0, false, false },
	{ "noexec", WORD_ATTR, MOUNT_ATTR_NOEXEC, 0, false, false },
	{ "noiversion", WORD_LEGACY, 0, MS_I_VERSION, false, false },
	{ "nolazytime", WORD_SUPER, 0, 0, false, false },
	{ "nomand", WORD_SUPER, 0, 0, false, false },
	{ "norelatime", WORD_ATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, false, true },
	{ "nostrictatime", WORD_ATTR, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, false, true },
	{ "nosuid", WORD_ATTR, MOUNT_ATTR_NOSUID, 0, false, false },
	{ "nosymfollow", WORD_ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0, false, false },
	{ "private", WORD_PROPAGATION, MS_PRIVATE, 0, false, false },
	{ "ratime", WORD_TREE, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, false, true },
	{ "rbind", WORD_BIND, 0, 0, true, false },
	{ "rdev", WORD_TREE, 0, MOUNT_ATTR_NODEV, false, false },
	{ "rdiratime", WORD_TREE, 0, MOUNT_ATTR_NODIRATIME, false, false },
	{ "relatime", WORD_ATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, false, false },
	{ "remount", WORD_REMOUNT, 0, 0, false, false },
	{ "rexec", WORD_TREE, 0, MOUNT_ATTR_NOEXEC, false, false },
	{ "ridmap", WORD_IDMAP, 0, 0, false, false },
	{ "rnoatime", WORD_TREE, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, false, false },
	{ "rnodev", WORD_TREE, MOUNT_ATTR_NODEV, 0, false, false },
	{ "rnodiratime", WORD_TREE, MOUNT_ATTR_NODIRATIME, 0, false, false },
	{ "rnoexec", WORD_TREE, MOUNT_ATTR_NOEXEC, 0, false, false },
	{ "rnorelatime", WORD_TREE, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, false, true },
	{ "rnostrictatime", WORD_TREE, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, false, true },
	{ "rnosuid", WORD_TREE, MOUNT_ATTR_NOSUID, 0, false, false },
	{ "rnosymfollow", WORD_TREE, MOUNT_ATTR_NOSYMFOLLOW, 0, false, false },
	{ "ro", WORD_ATTR, MOUNT_ATTR_RDONLY, 0, false, false },
	{ "rprivate", WORD_PROPAGATION, MS_PRIVATE, 0, true, false },
	{ "rrelatime", WORD_TREE, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, false, false },
	{ "rro", WORD_TREE, MOUNT_ATTR_RDONLY, 0, false, false },
	{ "rrw", WORD_TREE, 0, MOUNT_ATTR_RDONLY, false, false },
	{ "rshared", WORD_PROPAGATION, MS_SHARED, 0, true, false },
	{ "rslave", WORD_PROPAGATION, MS_SLAVE, 0, true, false },
	{ "rstrictatime", WORD_TREE, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, false, false },
	{ "rsuid", WORD_TREE, 0, MOUNT_ATTR_NOSUID, false, false },
	{ "rsymfollow", WORD_TREE, 0, MOUNT_ATTR_NOSYMFOLLOW, false, false },
	{ "runbindable", WORD_PROPAGATION, MS_UNBINDABLE, 0, true, false },
	{ "rw", WORD_ATTR, 0, MOUNT_ATTR_RDONLY, false, false },
	{ "shared", WORD_PROPAGATION, MS_SHARED, 0, false, false },
	{ "silent", WORD_NOTHING, 0, 0, false, false },
	{ "slave", WORD_PROPAGATION, MS_SLAVE, 0, false, false },
	{ "strictatime", WORD_ATTR, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, false, false },
	{ "suid", WORD_ATTR, 0, MOUNT_ATTR_NOSUID, false, false },
	{ "symfollow", WORD_ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW, false, false },
	{ "sync", WORD_SUPER, 0, 0, false, false },
	{ "tmpcopyup", WORD_COPY_UP, 0, 0, false, false },
	{ "unbindable", WORD_PROPAGATION, MS_UNBINDABLE, 0, false, false },
};
/* clang-format on */

#define N_WORDS (sizeof(words) / sizeof(words[0]))

static int compare(const void *name, const void *word)
{
	return strcmp(name, ((const struct mount_word *)word)->name);
}

const struct mount_word *mount_word_find(const char *name)
{
	return bsearch(name, words, N_WORDS, sizeof(words[0]), compare);
}

size_t mount_word_names(const char **names, size_t max)
{
	for (size_t i = 0; i < N_WORDS && i < max; i++)
		names[i] = words[i].name;
	return N_WORDS;
}
