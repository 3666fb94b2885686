/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/container_root.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/overlay_ids.h"
#include "box/rootless.h"
#include "box/tree.h"

/* What an id without a number in this user namespace looks like. */
#define OVERFLOW_ID 65534

static const char *const places[] = { "upper", "work", "merged" };

/* The container's own directories; 0755, for the upper one is the root's own inode. */
static int make_places(const struct box_home *home, const struct box_record *record,
		       struct container_root *root, struct oci_error *err)
{
	for (int i = 0; i < 3; i++) {
		if (mkdirat(record->dir, places[i], 0700) < 0 && errno != EEXIST)
			return fail_sys(err, "make the directory '%s'", places[i]);
		root->heap[i] = record_path(home, record, places[i], err);
		if (!root->heap[i])
			return -1;
	}
	return 0;
}

/* The upper layer's root has the mode and owner of what it covers: the merged root shows them. */
static int copy_owner(int dir, const char *lower, struct oci_error *err)
{
	struct stat status;

	if (stat(lower, &status) < 0)
		return errno == ENOENT ? fail_code(err, "no-rootfs",
						   "root file system '%s': it doesn't exist", lower)
				       : fail_sys(err, "look at '%s'", lower);
	if (!S_ISDIR(status.st_mode))
		return fail_code(err, "no-rootfs", "root file system '%s': no directory", lower);
	/* An owner without a number here can have no copy: it is shown as 65534, and may be all
	 * that there is. */
	if (rootless() && status.st_uid == OVERFLOW_ID)
		status.st_uid = 0;
	if (rootless() && status.st_gid == OVERFLOW_ID)
		status.st_gid = 0;
	if (fchownat(dir, "upper", status.st_uid, status.st_gid, 0) < 0 ||
	    fchmodat(dir, "upper", status.st_mode & 07777, 0) < 0)
		return fail_sys(err, "give the upper layer its owner");
	return 0;
}

static int make_overlay(const struct box_home *home, const struct box_record *record,
			bool thrown_away, struct container_root *root, struct oci_error *err)
{
	bool is_new = faccessat(record->dir, "upper", F_OK, 0) < 0;

	if (thrown_away) {
		TRY(tree_remove(record->dir, "upper", err));
		TRY(tree_remove(record->dir, "work", err));
	}
	TRY(make_places(home, record, root, err));
	if (is_new || thrown_away)
		TRY(copy_owner(record->dir, root->lower[0], err));
	root->overlay = (struct overlay){ .lower = (const char *const *)root->lower,
					  .n_lower = root->n_lower,
					  .upper = root->heap[0],
					  .work = root->heap[1],
					  .merged = root->heap[2] };
	root->path = root->heap[2];
	return 0;
}

static int plan_host(const struct box_options *options, struct container_root *root,
		     struct oci_error *err)
{
	const char *program = options->entrypoint && *options->entrypoint ? options->entrypoint
			      : options->command.n			  ? options->command.v[0]
									  : NULL;

	root->from_host = true;
	TRY(host_root_plan(root->dir, program, &root->host, &root->arena, err));
	root->lower[0] = box_text(err, "%s", root->host.base);
	root->n_lower = root->lower[0] ? 1 : 0;
	return root->lower[0] ? 0 : -1;
}

int container_root_plan(const struct box_home *home, const struct box_record *record,
			const struct box_options *options, struct container_root *root,
			struct oci_error *err)
{
	const struct box_source *source = &options->source;
	int has_image;

	*root = (struct container_root){ 0 };
	TRY(container_base_paths(home, record, &root->lower, &root->n_lower, err));
	has_image = container_base_image(record, &root->config, &root->process, err);
	if (has_image < 0)
		return -1;
	root->image = has_image ? &root->process : NULL;
	root->dir = record_path(home, record, ".", err);
	if (!root->dir)
		return -1;
	root->dir[strlen(root->dir) - 2] = '\0'; /* the directory itself, without the dot */
	/* Ids are the kernel's work for root; a user's root file system is his anyway. */
	if (geteuid() == 0) {
		root->map = options->security.mappings.v;
		root->n_map = options->security.mappings.n;
	}
	if (!strcmp(source->kind, "rootfs") && !source->ephemeral) {
		root->path = root->lower[0];
		return 0;
	}
	if (!strcmp(source->kind, "host")) {
		TRY(plan_host(options, root, err));
		return make_overlay(home, record, false, root, err);
	}
	return make_overlay(home, record, source->ephemeral, root, err);
}

static int mount_as_it_is(struct container_root *root, struct oci_error *err)
{
	if (!root->n_map)
		return 0;
	root->path =
		overlay_map_root(root->path, root->dir, root->map, root->n_map, &root->arena, err);
	return root->path ? 0 : -1;
}

int container_root_mount(struct container_root *root, struct oci_error *err)
{
	struct overlay overlay = root->overlay;

	if (!overlay.merged)
		return mount_as_it_is(root, err);
	if (root->n_map)
		TRY(overlay_map_ids(&overlay, root->dir, "root", root->map, root->n_map,
				    &root->arena, err));
	TRY(overlay_mount(&overlay, err));
	if (!root->from_host)
		return 0;
	return host_root_mount(&root->host, root->dir, &root->overlay, root->map, root->n_map,
			       &root->arena, err);
}

void container_root_done(struct container_root *root)
{
	arena_done(&root->arena);
	free(root->dir);
	for (int i = 0; i < 3; i++)
		free(root->heap[i]);
	container_base_paths_free(root->lower, root->n_lower);
	image_config_close(&root->config);
}
