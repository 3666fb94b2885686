/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands about images and layers, for the table of main.c.
 */
#ifndef BOX_IMAGE_COMMANDS_H
#define BOX_IMAGE_COMMANDS_H

#include "box/command.h"

extern const struct box_command command_image_import;
extern const struct box_command command_image_ls;
extern const struct box_command command_image_inspect;
extern const struct box_command command_image_rm;
extern const struct box_command command_image_prune;
extern const struct box_command command_image_unpack;

#endif
