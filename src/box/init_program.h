/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the program for --init is: what the container sees at BUNDLE_INIT.
 */
#ifndef BOX_INIT_PROGRAM_H
#define BOX_INIT_PROGRAM_H

#include "base/error.h"

/* The absolute path of hullbox-init, on the heap: $HULLBOX_INIT, else beside hullbox, else where it
 * is installed. NULL with err: code "not-installed". */
char *init_program_find(struct oci_error *err);

#endif
