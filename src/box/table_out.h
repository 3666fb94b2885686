/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Tables for people, columns as wide as what is in them; and the same for programs, as JSON.
 */
#ifndef BOX_TABLE_OUT_H
#define BOX_TABLE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "libocispec/json_text.h"

struct table_out {
	const char *const *headings;
	size_t columns;
	char **cells;
	size_t n, room;
	int failed;
};

/* headings: NULL last. */
void table_out_begin(struct table_out *table, const char *const *headings);

/* The next cell, row by row. Control characters become '?': a container chose some of the texts. */
void table_out_cell(struct table_out *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints and frees it. */
int table_out_end(struct table_out *table, FILE *out, struct oci_error *err);

/* Ends a JSON text and prints it, whole or not at all; it stays the caller's. main.c looks whether
 * the standard output took it. */
int table_out_json(struct json_text *out, struct oci_error *err);

/* What a command lists: into a table, or into a JSON array, or as names that it prints itself. */
struct list_out {
	enum { LIST_TABLE, LIST_JSON, LIST_NAMES } kind;
	struct table_out table;
	struct json_text json;
};

/* format: "json", which takes no headings, "table" or NULL. */
void list_out_begin(struct list_out *list, const char *const *headings, const char *format,
		    bool names);

/* Prints it, where the listing's own result is 0, and frees it. Returns the result of both. */
int list_out_end(struct list_out *list, int result, struct oci_error *err);

/* "3 minutes", into text: how long `ns` nanoseconds are, for people. */
const char *table_out_age(long long ns, char text[32]);

#endif
