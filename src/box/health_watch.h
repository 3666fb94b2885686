/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process beside the monitor of each container with a health check, which runs the checks and
 * writes down what came of them (health.h). It ends with the monitor. RUNTIME/containers/ID/health
 * is locked by it and has its pid: so that there is never a second one, and that anybody sees
 * whether there is one. When it was killed, the next command that changes something begins another.
 */
#ifndef BOX_HEALTH_WATCH_H
#define BOX_HEALTH_WATCH_H

#include <sys/types.h>

#include "box/record.h"

/* Before the container is started: that it is to be watched. */
int health_announce(const struct box_home *home, const struct box_record *record,
		    struct oci_error *err);

/* The process, which holds nothing of the caller; none where there is one, where nothing is to be
 * watched, or the monitor has ended. */
int health_begin(const struct box_home *home, const struct box_record *record,
		 struct oci_error *err);

/* Whether somebody runs the checks now; his pid, 0 when it isn't written yet. */
bool health_is_watched(const struct box_home *home, const struct box_record *record, pid_t *pid);

#endif
