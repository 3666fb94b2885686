/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a directory would be copied into itself, which would never end: judged by what lies above
 * the destination, by device and inode, before anything is made (copy.h). Changes nothing.
 */
#ifndef BOX_COPY_APART_H
#define BOX_COPY_APART_H

#include "box/copy.h"

/* source, target: directories, the latter that in which the former's copy would be. Code
 * "into-itself". */
int copy_apart(const struct copy_request *request, int source, int target, struct oci_error *err);

#endif
