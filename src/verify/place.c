/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verify/place.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/inroot.h"

int place_of(const struct verify *v, int fd, struct place *place)
{
	struct statx st;

	/* What the kernel knows already will do: a network file system isn't asked. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return -1;
	*place = (struct place){ .fd = fd,
				 .is_mount = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
				 .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
				 .rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor),
				 .ino = st.stx_ino,
				 .mode = st.stx_mode,
				 .uid = st.stx_uid,
				 .gid = st.stx_gid };
	if (st.stx_mask & STATX_MNT_ID)
		place->mount = mount_table_find(&v->mounts, st.stx_mnt_id);
	return 0;
}

int place_look(const struct verify *v, const char *path, bool nofollow, struct place *place)
{
	auto_fd fd = -1;

	*place = (struct place){ .fd = -1 };
	if (v->root < 0) {
		errno = v->root_num;
		return -1;
	}
	fd = inroot_try_open(v->root, path, O_PATH | (nofollow ? O_NOFOLLOW : 0));
	if (fd < 0 || place_of(v, fd, place) < 0) {
		place->fd = -1;
		return -1;
	}
	(void)fd_take(&fd);
	return 0;
}

void place_done(struct place *place)
{
	fd_drop(&place->fd);
}
