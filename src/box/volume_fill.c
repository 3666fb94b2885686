/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is in a volume at first: what its container's image has at that place. It is copied beside
 * the volume's directory and moved in when it is whole; whoever finds such a whole copy goes on
 * moving. The directory itself stays the same one: another container may have it mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "box/copy.h"
#include "box/interrupt.h"
#include "box/overlay.h"
#include "box/tree.h"
#include "box/volume.h"

/* In a container's directory: its volumes have been looked after. */
#define FILLED "volumes.filled"

/* Into _data, but over nothing that a container wrote there meanwhile. */
static int move_in(int full, int data, struct oci_error *err)
{
	char **names = tree_names(full, err);
	int result = names ? 0 : -1;

	for (size_t i = 0; result == 0 && names[i]; i++)
		if (sys_renameat2(full, names[i], data, names[i], RENAME_NOREPLACE) < 0 &&
		    errno != EEXIST)
			result = fail_sys(err, "move '%.200s' into it", names[i]);
	tree_names_free(names);
	return result;
}

/* The copy "_data.full" is whole. */
static int finish(int volume, int data, struct oci_error *err)
{
	auto_fd full =
		openat(volume, "_data.full", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (full < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open what fills it");
	TRY(move_in(full, data, err));
	TRY(copy_attributes(full, data, err));
	return tree_remove(volume, "_data.full", err);
}

static int is_empty(int dir, bool *answer, struct oci_error *err)
{
	char **names = tree_names(dir, err);

	if (!names)
		return -1;
	*answer = !names[0];
	tree_names_free(names);
	return 0;
}

static int copy_in(int volume, int data, int from, struct copy_room *room, struct oci_error *err)
{
	struct oci_error second = { 0 };

	TRY(tree_remove(volume, "_data.new", err));
	if (copy_directory_whole(from, volume, "_data.new", room, err) < 0) {
		(void)tree_remove(volume, "_data.new", &second); /* the first failure is told */
		return -1;
	}
	if (renameat(volume, "_data.new", volume, "_data.full") < 0)
		return fail_sys(err, "rename the copy");
	return finish(volume, data, err);
}

/* from: the directory in the base, -1 when there is none. */
static int fill_opened(int volume, int from, struct copy_room *room, struct oci_error *err)
{
	auto_fd data = openat(volume, "_data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool empty = false;

	if (data < 0)
		return fail_sys(err, "open _data");
	if (interrupt_lock(volume, LOCK_EX, err) < 0)
		return fail_in(err, "lock it");
	TRY(finish(volume, data, err));
	TRY(is_empty(data, &empty, err));
	return empty && from >= 0 ? copy_in(volume, data, from, room, err) : 0;
}

/* A link of the base leads to where the container's own mount goes, inside the base. */
static int open_source(int base, const char *target, int *from, struct oci_error *err)
{
	*from = inroot_try_open(base, target, O_RDONLY | O_DIRECTORY);
	if (*from < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return fail_sys(err, "open '%s' in the image", target);
	return 0;
}

static bool wants_content(const struct box_volume *volume)
{
	for (size_t i = 0; i < volume->options.n; i++)
		if (!strcmp(volume->options.v[i], "nocopy"))
			return false;
	return volume->named;
}

static int fill_one(const struct box_home *home, const char *name, int base, const char *target,
		    struct copy_room *room, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/volumes/%s", home->root, name);
	auto_fd volume = -1, from = -1;

	if (!path)
		return -1;
	volume = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (volume < 0)
		return errno == ENOENT ? fail_code(err, "not-found", "it is gone")
				       : fail_sys(err, "open '%s'", path);
	TRY(open_source(base, target, &from, err));
	return fill_opened(volume, from, room, err);
}

/* An image may name the same directory for many volumes: one room is for all of them. */
static int fill_all(const struct box_home *home, const char *id, const struct box_options *options,
		    int base, struct oci_error *err)
{
	struct copy_room room = { .bytes = 0 };

	TRY(archive_limits_find(&room.limits, err));
	for (size_t i = 0; i < options->volumes.n; i++) {
		const struct box_volume *volume = &options->volumes.v[i];
		char name[VOLUME_NAME_SIZE];

		volume_name(id, options, i, name);
		if (wants_content(volume) &&
		    fill_one(home, name, base, volume->target, &room, err) < 0)
			return fail_in(err, "fill the volume '%s'", name);
	}
	return 0;
}

/* The lower layers alone, ids as they are on disk. Mounted where the root will be; *mounted. */
static int open_base(const struct container_root *root, bool *mounted, struct oci_error *err)
{
	const struct overlay overlay = { .lower = (const char *const *)root->lower,
					 .n_lower = root->n_lower,
					 .merged = root->overlay.merged };
	const char *path = root->lower[0];
	int fd;

	*mounted = false;
	if (root->n_lower > 1) {
		TRY(overlay_mount(&overlay, err));
		*mounted = true;
		path = overlay.merged;
	}
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail_sys(err, "open '%s'", path) : fd;
}

static int fill_from(const struct box_home *home, const struct box_record *record,
		     const struct box_options *options, const struct container_root *root,
		     struct oci_error *err)
{
	bool mounted;
	int base = open_base(root, &mounted, err), result;

	result = base < 0 ? -1 : fill_all(home, record->id, options, base, err);
	fd_drop(&base);
	if (mounted && umount2(root->overlay.merged, MNT_DETACH) < 0 && result == 0)
		result = fail_sys(err, "unmount '%s'", root->overlay.merged);
	return result;
}

int volumes_fill(const struct box_home *home, const struct box_record *record,
		 const struct box_options *options, const struct container_root *root,
		 struct oci_error *err)
{
	bool any = false;

	for (size_t i = 0; i < options->volumes.n; i++)
		any = any || wants_content(&options->volumes.v[i]);
	if (!any || !root->n_lower || root->from_host ||
	    faccessat(record->dir, FILLED, F_OK, 0) == 0)
		return 0;
	TRY(fill_from(home, record, options, root, err));
	return file_replace_at(record->dir, FILLED, "", 0, 0600, err);
}
