/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spans of time as people and Go programs write them: "500ms", "5s", "1m30s", "1h"; a bare number
 * is of seconds.
 */
#ifndef COMMAND_DURATION_H
#define COMMAND_DURATION_H

#include <stdint.h>

#include "base/error.h"

/* The shortest and the longest interval that can be asked for, ms: a day. */
enum { INTERVAL_MIN_MS = 10, INTERVAL_MAX_MS = 24 * 3600 * 1000 };

/* Milliseconds, from 10 ms to a day; `text` NULL: `otherwise`. -1 with err (code "usage"). */
int interval_parse(const char *text, int otherwise, struct oci_error *err);

/* CLOCK_MONOTONIC in ms, and what is left until then, at least 0, for poll(2). */
int64_t now_in_ms(void);
int left_until(int64_t then);

#endif
