/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a container's root file system is put together from.
 */
#ifndef BOX_CONTAINER_ROOT_H
#define BOX_CONTAINER_ROOT_H

#include "box/box_options.h"
#include "box/container_base.h"
#include "box/host_root.h"
#include "box/overlay.h"
#include "box/record.h"

struct container_root {
	const char *path; /* root.path for hull: where it is mounted, or the directory as it is */
	struct overlay overlay;	       /* merged NULL: nothing is mounted */
	const struct box_image *image; /* NULL: none */
	char *heap[3];		       /* upper, work, merged */
	char **lower;		       /* the topmost first */
	size_t n_lower;
	struct image_config config; /* of its image */
	struct box_image process;
	bool from_host; /* --host: */
	struct host_root host;
	const struct oci_id_mapping *map; /* of a user namespace, whose ids the root is to have */
	size_t n_map;
	char *dir; /* the container's directory */
	struct arena arena;
};

/* From what container_base_make() wrote down; makes the directories of the upper layer. An
 * ephemeral one begins empty each time. container_root_done() also after a failure. */
int container_root_plan(const struct box_home *home, const struct box_record *record,
			const struct box_options *options, struct container_root *root,
			struct oci_error *err);

/* Mounts it, in the container's mount namespace. */
int container_root_mount(struct container_root *root, struct oci_error *err);

void container_root_done(struct container_root *root);

#endif
