/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Single values of options: each function says what was expected when the text isn't that, in words
 * that complete "option '--x': 'TEXT' isn't ...", and NULL when it is fine. Pure.
 */
#ifndef BOX_VALUE_H
#define BOX_VALUE_H

#include <stdint.h>

/* Bytes: "512m", "1.5g", "100KiB"; units are powers of 1024. At most 2^62. */
const char *value_size(const char *text, uint64_t *bytes);
/* A decimal number from `min` to `max`. */
const char *value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);
/* A span of time, "1m30s", "500ms"; without a unit seconds. From 1 ms to a day. */
const char *value_duration(const char *text, uint64_t *ms);
/* Processors, "0.5", "2", as microseconds in each period of `period` of them; at least 1 ms in a
 * period of 100 ms, as the kernel wants it. */
const char *value_cpus(const char *text, uint64_t period, int64_t *quota);

/* Questions about strings, of which some stand in tables of saved properties too. */
const char *value_is_absolute(const char *text); /* a path without "." and ".." */
const char *value_is_name(const char *text);	 /* of a container or a volume */
const char *value_is_hostname(const char *text);
const char *value_is_list(const char *text);	   /* "0-3,8": ascending numbers and ranges */
const char *value_is_address(const char *text);	   /* IPv4 or IPv6 */
const char *value_is_capability(const char *text); /* "CAP_KILL", or "ALL" */
const char *value_is_access(const char *text);	   /* of "rwm", each at most once */
const char *value_is_variable(const char *text);   /* "NAME=VALUE" */
const char *value_is_signal(const char *text);
const char *value_is_rlimit(const char *text); /* "RLIMIT_NOFILE" */
const char *value_is_sysctl(const char *text); /* a key that a namespace of the container's holds */
const char *value_is_user(const char *text);   /* USER[:GROUP] */

#endif
