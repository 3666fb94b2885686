/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happened to containers: a line of JSON for each event in ROOT/events/current. There is no
 * daemon that tells of them: whoever does something appends one, in a single write with a shared
 * lock on the directory; who follows waits for changes of the directory. When the file is full, a
 * writer that gets the exclusive lock at once renames it to `previous`, whose former content is
 * gone. Each event begins with a newline, too, so that one half-written by somebody who was killed,
 * or by a full disk, spoils no other.
 */
#ifndef BOX_EVENTS_H
#define BOX_EVENTS_H

#include "base/options.h"
#include "box/record.h"

/* Appends an event, with a further member where `key` isn't NULL. What fails is told as a warning:
 * the deed is done. */
void event_write(const struct box_home *home, const struct box_record *record, const char *action);
void event_write_text(const struct box_home *home, const struct box_record *record,
		      const char *action, const char *key, const char *text);
void event_write_number(const struct box_home *home, const struct box_record *record,
			const char *action, const char *key, int64_t number);

struct events_request {
	int64_t since; /* nanoseconds since 1970; -1: none of the past */
	int64_t until; /* the same; 0: no end */
	bool follow;   /* goes on until `until`, or a signal */
	bool table;    /* lines for people instead of JSON */
	/* KEY=VALUE: of one key any, of several each. Keys: container, event, image. */
	const struct option_list *filters;
};

int events_print(const struct box_home *home, const struct events_request *request,
		 struct oci_error *err);

/* Whether they can be understood. Code "usage". */
int events_check_filters(const struct option_list *filters, struct oci_error *err);

#endif
