/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Volumes that an image's configuration asks for. They become volumes without a name, as `-v PATH`
 * makes them, when the container is made: its saved options have them from then on.
 */
#ifndef BOX_IMAGE_VOLUMES_H
#define BOX_IMAGE_VOLUMES_H

#include "box/box_options.h"
#include "box/image_documents.h"

/* Adds one for each path of the image, where the options show nothing at the path or above it.
 * None is made in the container's own /proc, /sys and /dev, whatever the image says: `ignored` is
 * called for such a path. */
int image_volumes_add(const struct image_config *config, struct box_options *options,
		      void (*ignored)(const char *path), struct oci_error *err);

#endif
