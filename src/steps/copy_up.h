/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tmpcopyup: the content that a new tmpfs hides is copied into it.
 */
#ifndef STEPS_COPY_UP_H
#define STEPS_COPY_UP_H

#include "base/error.h"

/* Copies what is in the directory `from` (O_PATH will do) to the root of the detached mount `to`:
 * files, directories, symbolic links, fifos and devices with owner, mode, times and extended
 * attributes. Stays on the file system mount of `from` (what is mounted below it stays empty),
 * opens no link, is at most 64 directories deep. Sockets are left out. Owner and mode of the top
 * directory are the mount's business. */
int copy_up(int from, int to, struct oci_error *err);

#endif
