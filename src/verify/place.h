/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A path of the container as it is right now: an fd that only refers to it (nothing is opened, so
 * no fifo blocks and no device acts), what it is, and which mount it is on.
 */
#ifndef VERIFY_PLACE_H
#define VERIFY_PLACE_H

#include <sys/types.h>

#include "verify/subject.h"

struct place {
	int fd;			   /* O_PATH, or -1 */
	struct mount_entry *mount; /* NULL when the mount table doesn't have it */
	bool is_mount;		   /* the root of that mount */
	dev_t dev, rdev;
	ino_t ino;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* Looks `path` up in the container's root. -1 with errno when there is nothing; place->fd is -1
 * then. With `nofollow` a link at its end is looked at itself. */
int place_look(const struct verify *v, const char *path, bool nofollow, struct place *place);

/* The same for something that is open; the fd isn't taken over. */
int place_of(const struct verify *v, int fd, struct place *place);

/* Compares the mappings of the idmapped mount that `place` shows with the plan's. */
void verify_mount_idmap(const struct verify *v, const struct plan_mount *m, const char *subject,
			const struct place *place);

void place_done(struct place *place);

#endif
