/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The container's /etc/passwd and /etc/group, which are the image's and so hostile: reached by the
 * resolver, read only where they are regular files, line by line with a buffer on the stack, to a
 * limit. Nothing here allocates, and no name service is asked.
 */
#ifndef STEPS_PASSWD_H
#define STEPS_PASSWD_H

#include <stdbool.h>

#include "steps/run.h"

/* "HOME=..." of the first entry of that uid into home; false when there is none. */
bool passwd_home(int root, int proc, uid_t uid, char *home, size_t room);

/* exec, STAGE in the container's root: what plan->process.user_name and group_name mean there, into
 * the ids of run->own_process. An entry whose number isn't one, or out of range, is an error and is
 * never skipped for a later one. Code "no-user". */
int passwd_find_user(struct run *run, struct oci_error *err);

#endif
