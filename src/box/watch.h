/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process beside each monitor that keeps the log's older files. conmon itself keeps one file of a
 * limited size: it begins `current.tmp` and renames it over `current`, and what was there is gone.
 * Hard links keep it: `current` has its number at once (logs.h), and `current.tmp` is there before
 * conmon needs it, linked as `next`, so that even the file after the next one is never lost before
 * this process wakes.
 */
#ifndef BOX_WATCH_H
#define BOX_WATCH_H

#include "box/box_options.h"
#include "box/record.h"

/* Before the monitor begins: makes the log's directory and files ready. */
int watch_prepare(const struct box_record *record, const struct box_options *options,
		  struct oci_error *err);

/* When the container is there: the process, which ends with the monitor and holds nothing of the
 * caller. None where one file is all that is kept. */
int watch_begin(const struct box_home *home, const struct box_record *record,
		const struct box_options *options, struct oci_error *err);

#endif
