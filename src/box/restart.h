/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a restart policy still has to do, found again when who was to do it has been killed.
 *
 * RUNTIME/restarts/ID is there from before a life of a container with a policy begins until it is
 * decided that nothing follows its end; after a reboot there is none. It is locked by who begins a
 * life or waits to begin it, and empty until the life has begun. So when nobody has locked it and
 * no life goes on, or it is empty, then nobody will begin the next one: another process does what
 * conmon's exit command would have. That it is done once is certain by the record's lock and the
 * number of the life, not by this file.
 */
#ifndef BOX_RESTART_H
#define BOX_RESTART_H

#include <stdbool.h>

#include "box/home.h"

/* Makes the file, new, so that who still holds the former one keeps nobody from the new one. Under
 * the record's lock, as all of this but restart_resume(). Returns it, locked by who begins the
 * life: to be given to restart_begun() when its process runs, or else to restart_release(). */
int restart_announce(const struct box_home *home, const char *id, struct oci_error *err);
void restart_begun(int *held);

/* Removes it, when it is decided or the container goes. */
void restart_forget(const struct box_home *home, const char *id);

/* Whether it is there. */
bool restart_is_open(const struct box_home *home, const char *id);

/* Locks it for who is about to wait, made where it isn't there. 1: *held is it, to be released by
 * restart_release(); 0: somebody waits already. */
int restart_claim(const struct box_home *home, const char *id, int *held, struct oci_error *err);
void restart_release(int *held);

/* At the beginning of each command: lets another process go on for each container whose next life
 * nobody would begin. Costs two lock tests for each container with a policy that runs, and waits
 * for nothing. What fails is said as a warning. */
void restart_resume(const struct box_home *home);

#endif
