/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container's health: the check that --health-cmd or its image asks for, and what came of it.
 * Both are in `health.json` of the container's directory from the beginning of a life on, so that
 * whoever runs the checks (health_watch.h) needs to know nothing else and can be replaced at any
 * time. The rules are those that users of Docker know.
 */
#ifndef BOX_HEALTH_H
#define BOX_HEALTH_H

#include "box/box_options.h"
#include "box/image_documents.h"
#include "box/record.h"

enum {
	HEALTH_LOG_MAX = 5,	  /* so many results are kept */
	HEALTH_OUTPUT_MAX = 4096, /* bytes of one's output */
	HEALTH_TIMED_OUT = -1,	  /* instead of an exit status */
};

struct health_result {
	int64_t start, end; /* nanoseconds since 1970 */
	int64_t exit_code;  /* HEALTH_TIMED_OUT: it was killed */
	char *output;
};

struct health {
	uint32_t lives; /* of which life */
	struct oci_strings command;
	uint64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
	uint32_t retries;
	char *status; /* "starting", "healthy", "unhealthy" */
	uint32_t failing_streak;
	OCI_LIST(struct health_result) log; /* the oldest first */
	char *words[3];			    /* room for a command */
};

/* What is to be checked: the options, and where they say nothing the image (NULL: none), and then
 * the defaults. What it points to is theirs. 1; 0 when there is no check. Errors (code "usage"): an
 * option without a command, an image's command of a kind that nobody knows. */
int health_plan(const struct box_options *options, const struct image_health *image,
		struct health *health, struct oci_error *err);

/* What is known after one more result. `room` is for its log; texts stay where they are. `young`:
 * the check began in the start period, in which failures don't count until a check has succeeded.
 */
void health_add(const struct health *before, const struct health_result *result, bool young,
		struct health *after, struct health_result room[HEALTH_LOG_MAX]);

/* health.json of a container's directory. Error: num is ENOENT when it has no check. `doc` owns
 * what *health points to. */
int health_read(int dir, struct health *health, struct oci_document **doc, struct oci_error *err);
int health_write(int dir, const struct health *health, struct oci_error *err);

/* At the beginning of a life, the record locked: "starting", nothing checked yet; or no file. 1
 * when there is a check. */
int health_prepare(const struct box_record *record, const struct box_options *options,
		   struct oci_error *err);

#endif
