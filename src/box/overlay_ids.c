/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/overlay_ids.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "box/userns.h"

static int make_directory(const char *path, struct oci_error *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_sys(err, "make the directory '%s'", path);
	return 0;
}

/* Mounts `path` with mapped ids at DIR/ids/NAME, and gives that path. Overlayfs wants one mount:
 * what is mounted inside a layer isn't part of it. */
static char *map_one(const char *path, bool recursive, const char *dir, const char *name,
		     const struct oci_id_mapping *map, size_t n, struct arena *arena,
		     struct oci_error *err)
{
	char *place = arena_printf(arena, "%s/ids", dir);
	char *target = arena_printf(arena, "%s/ids/%s", dir, name);
	auto_fd tree = -1;

	if (!place || !target) {
		(void)fail_code(err, "out-of-memory", "no memory for a path");
		return NULL;
	}
	if (make_directory(place, err) < 0 || make_directory(target, err) < 0)
		return NULL;
	tree = userns_map_tree(AT_FDCWD, path, recursive, map, n, err);
	if (tree < 0)
		return NULL;
	if (sys_move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		(void)fail_sys(err, "mount '%s' with mapped ids at '%s'", path, target);
		return NULL;
	}
	return target;
}

char *overlay_map_root(const char *path, const char *dir, const struct oci_id_mapping *map,
		       size_t n, struct arena *arena, struct oci_error *err)
{
	return map_one(path, true, dir, "root", map, n, arena, err);
}

static bool is_mapped(const struct oci_id_mapping *map, size_t n, uint32_t host)
{
	for (size_t i = 0; i < n; i++)
		if (host >= map[i].host_id && host - map[i].host_id < map[i].size)
			return true;
	return false;
}

/* Whiteouts and what overlayfs keeps in `work` are made as the one who mounted it, the host's root,
 * who has no number on disk by the container's map. He gets the first one behind it: no file of the
 * container's can have that. */
static struct oci_id_mapping *add_mounter(const struct oci_id_mapping *map, size_t *n,
					  struct arena *arena)
{
	struct oci_id_mapping *more = arena_array(arena, *n + 1, sizeof(*more));
	uint64_t end = 0;

	if (!more)
		return NULL;
	memcpy(more, map, *n * sizeof(*more));
	for (size_t i = 0; i < *n; i++)
		if ((uint64_t)map[i].container_id + map[i].size > end)
			end = (uint64_t)map[i].container_id + map[i].size;
	if (!is_mapped(map, *n, 0) && end < UINT32_MAX)
		more[(*n)++] = (struct oci_id_mapping){ (uint32_t)end, 0, 1 };
	return more;
}

static int map_upper(struct overlay *overlay, const char *dir, const char *name,
		     const struct oci_id_mapping *map, size_t n, struct arena *arena,
		     struct oci_error *err)
{
	size_t size = strlen(dir);
	const struct oci_id_mapping *more = add_mounter(map, &n, arena);
	char *place;

	if (!more)
		return fail_code(err, "out-of-memory", "no memory for the ids");
	if (strncmp(overlay->upper, dir, size) != 0 || strncmp(overlay->work, dir, size) != 0)
		return fail(err, "the upper layer isn't in the container's directory '%s'", dir);
	name = arena_printf(arena, "%s-upper", name);
	/* Both have to be on one mount, so it is one of what holds them. */
	place = name ? map_one(dir, false, dir, name, more, n, arena, err) : NULL;
	if (!place)
		return -1;
	overlay->upper = arena_printf(arena, "%s%s", place, overlay->upper + size);
	overlay->work = arena_printf(arena, "%s%s", place, overlay->work + size);
	return arena->failed ? fail_code(err, "out-of-memory", "no memory for a path") : 0;
}

int overlay_map_ids(struct overlay *overlay, const char *dir, const char *name,
		    const struct oci_id_mapping *map, size_t n, struct arena *arena,
		    struct oci_error *err)
{
	const char **lower = arena_array(arena, overlay->n_lower + 1, sizeof(*lower));

	if (!lower)
		return fail_code(err, "out-of-memory", "no memory for the layers");
	/* Before the layers: the copy of the container's directory is to have none of them. */
	if (overlay->upper)
		TRY(map_upper(overlay, dir, name, map, n, arena, err));
	for (size_t i = 0; i < overlay->n_lower; i++) {
		char *one = arena_printf(arena, "%s-%zu", name, i);

		lower[i] = one ? map_one(overlay->lower[i], false, dir, one, map, n, arena, err)
			       : NULL;
		if (!lower[i])
			return -1;
	}
	overlay->lower = lower;
	return 0;
}
