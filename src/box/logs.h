/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container's log: what conmon writes, in files of a limited size. `log/current` is what it
 * writes to; `log/NUMBER` are those that it has left, the oldest first, and the current one has its
 * number already. A line is "TIME STREAM F|P TEXT", P: the rest of the line follows.
 */
#ifndef BOX_LOGS_H
#define BOX_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "box/record.h"

struct logs_request {
	bool follow;
	bool timestamps;
	int64_t tail;  /* so many lines from the end; -1: all */
	int64_t since; /* ns since 1970 */
};

/* Prints it, each stream to its own. With follow until the container ends, whatever becomes of the
 * files meanwhile. */
int logs_print(const struct box_home *home, const struct box_record *record,
	       const struct logs_request *request, struct oci_error *err);

/* "2026-01-31T12:00:00Z" (with a fraction, an offset, or only a date), "1790000000[.5]" or "10m"
 * for ten minutes ago (s, m, h, d): ns since 1970 in *ns. Error: "usage". */
int logs_parse_time(const char *text, int64_t *ns, struct oci_error *err);

#endif
