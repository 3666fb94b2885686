/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing JSON text piece by piece into a growing buffer: what the document writers use, and what
 * hull uses for its own small outputs (log lines, list, ps).
 */
#ifndef OCI_JSON_TEXT_H
#define OCI_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci_error.h"

struct json_text {
	char *text; /* NUL-terminated once something was written; malloc'ed */
	size_t size;
	size_t room;
	int depth;
	bool indent; /* tabs and newlines, else one line */
	bool comma;  /* a value was written at this level */
	bool failed; /* out of memory; every later call does nothing */
};

/* Begins an empty text; indent chooses between one line and tabs with newlines. */
void json_text_init(struct json_text *out, bool indent);
/* Frees the buffer; accepts a zeroed one. */
void json_text_done(struct json_text *out);
/* 0, or -1 with err when memory ran out on the way. */
int json_text_check(const struct json_text *out, struct oci_error *err);

/* key is NULL inside an array or at the top. Strings are escaped; bytes that are no valid UTF-8
 * become U+FFFD, so that the output always decodes; a NULL value becomes null. */
void json_text_open_object(struct json_text *out, const char *key);
void json_text_close_object(struct json_text *out);
void json_text_open_array(struct json_text *out, const char *key);
void json_text_close_array(struct json_text *out);
void json_text_string(struct json_text *out, const char *key, const char *value);
void json_text_int(struct json_text *out, const char *key, int64_t value);
void json_text_uint(struct json_text *out, const char *key, uint64_t value);
/* A number that is text already, such as "0.25"; the caller has seen that it is one. */
void json_text_number(struct json_text *out, const char *key, const char *number);
void json_text_bool(struct json_text *out, const char *key, bool value);
/* Ends a text that is a file or a line of one. */
void json_text_newline(struct json_text *out);

#endif
