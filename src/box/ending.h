/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of a container's life: waited for, brought about, and what follows from it.
 */
#ifndef BOX_ENDING_H
#define BOX_ENDING_H

#include "box/container.h"

/* Waits for the end, settles it if nobody else has, removes the container if it is one with --rm.
 * Returns the exit code. */
int ending_wait(const struct box_home *home, struct box_record *record, int life,
		struct oci_error *err);

/* The same for who sat at the container: says so when its memory limit ended it. */
int ending_follow(const struct box_home *home, struct box_record *record, int life,
		  struct oci_error *err);

/* Writes down that nobody wants it to run, so that no policy begins it again. 1: it couldn't be
 * written down, *unsaved says why (a full disk); what the policy owes by now is forgotten. */
int ending_unwant(const struct box_home *home, struct box_record *record, struct oci_error *unsaved,
		  struct oci_error *err);

/* Ends it as `stop` does: its stop signal, after `seconds` SIGKILL. Its restart policy doesn't
 * begin it again. Not running: only that. On a full disk it ends, and the failure says that this
 * couldn't be written down. */
int ending_stop(const struct box_home *home, struct box_record *record, unsigned seconds,
		struct oci_error *err);

/* Writes down whether the end of one with --rm, which comes next, is that of the container: not
 * when it is begun again, which makes it so again once it runs. Of others nothing. */
int ending_keep(struct box_record *record, bool keep, struct oci_error *err);

/* Ends one that is to be removed, by SIGKILL, even where nothing can be written down: on a full
 * disk.
 */
int ending_for_removal(const struct box_home *home, struct box_record *record,
		       struct oci_error *err);

/* What conmon's exit command does, in a process that nobody waits for: the container's end (of its
 * life number `lives`), and its next beginning if its restart policy says so. Also for a life whose
 * exit command never came or was killed (restart.h); of several processes that do it for the same
 * life one begins the next. */
int ending_exited(const struct box_home *home, const char *id, unsigned lives,
		  struct oci_error *err);

#endif
