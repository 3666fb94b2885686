/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Masked and read-only paths: what is there must be a cover that shows nothing, or a mount that
 * can't be written to. A path that isn't there needs neither.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "verify/place.h"

/* An empty tmpfs; nothing else is even opened. */
static bool is_empty_directory(const struct place *place)
{
	struct statfs fs;
	struct dirent *entry;
	DIR *dir;
	bool empty = true;

	if (fstatfs(place->fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return false;
	dir = fd_list(place->fd);
	if (!dir)
		return false;
	while (empty && (entry = readdir(dir)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	(void)closedir(dir);
	return empty;
}

/* NULL: it is covered; else what is there instead. */
static const char *uncovered(const struct place *place)
{
	if (!place->is_mount)
		return "nothing covers it";
	if (!place->mount)
		return "a mount that the mount table doesn't show";
	if (S_ISCHR(place->mode) && place->rdev == makedev(1, 3))
		return NULL;
	if (!S_ISDIR(place->mode))
		return "a file that isn't the null device";
	if (!is_empty_directory(place))
		return "a directory that isn't an empty tmpfs";
	return mount_is_readonly(place->mount) ? NULL : "an empty tmpfs that can be written to";
}

static void check_mask(struct verify *v, size_t i)
{
	const char *path = v->plan->masked_paths[i];
	const char *pointer = SAY("/linux/maskedPaths/%zu", i);
	struct place place;
	const char *found;

	if (place_look(v, path, false, &place) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			verify_unchecked(v, pointer, "masked path", strerror(errno));
		return;
	}
	found = uncovered(&place);
	if (found)
		verify_tell(v, VERIFY_DIFFERS, pointer, "masked path", SAY("'%s' is covered", path),
			    found);
	else
		place.mount->claimed = true;
	place_done(&place);
}

static void check_readonly(struct verify *v, size_t i)
{
	const char *path = v->plan->readonly_paths[i];
	const char *pointer = SAY("/linux/readonlyPaths/%zu", i);
	struct place place;

	if (place_look(v, path, false, &place) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			verify_unchecked(v, pointer, "read-only path", strerror(errno));
		return;
	}
	if (!place.mount)
		verify_unchecked(v, pointer, "read-only path",
				 "its mount isn't in the mount table");
	else if (!mount_is_readonly(place.mount))
		verify_tell(v, VERIFY_DIFFERS, pointer, "read-only path",
			    SAY("'%s' is read-only", path), "it can be written to");
	/* What was mounted below was cloned with it. */
	if (place.mount && place.is_mount)
		place.mount->claimed = place.mount->tree = true;
	place_done(&place);
}

int verify_masks(struct verify *v)
{
	for (size_t i = 0; i < v->plan->n_masked; i++)
		check_mask(v, i);
	for (size_t i = 0; i < v->plan->n_readonly; i++)
		check_readonly(v, i);
	return 0;
}
