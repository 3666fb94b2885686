/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A JSON text as a tree of nodes that know where they stand in it. Stricter than JSON itself where
 * two readers could understand one text differently: no duplicate keys, no NUL, no lone surrogates,
 * valid UTF-8, bounded size and depth. Numbers stay text, so that nothing is rounded. The parser
 * behind it (yajl) is known to json.c only.
 */
#ifndef OCI_JSON_H
#define OCI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "oci_error.h"

#define JSON_MAX_SIZE ((size_t)4 * 1024 * 1024)
#define JSON_MAX_DEPTH 64

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_node {
	enum json_kind kind;
	uint32_t at;	   /* offset of the value in the text */
	uint32_t key_at;   /* offset of the key, when there is one */
	uint32_t key_size; /* without the NUL */
	uint32_t size;	   /* of text without a NUL; or the number of elements or members */
	char *key;	   /* NULL unless it is a member of an object */
	struct json_node *next;
	union {
		char *text;		 /* string: NUL-terminated; number: not */
		struct json_node *first; /* array, object: the first child, or NULL */
	};
};

/* A text, its tree, and the arena that holds both and whatever is made from them. */
struct oci_document {
	struct arena arena;
	char *text; /* changed while it is parsed: closing quotes become NUL; newlines stay */
	size_t size;
	struct json_node *root;
};

/* What was wrong with a text, in parts, since reports want them apart. */
struct json_failure {
	bool no_memory; /* nothing was wrong, the text could not be looked at */
	size_t at;
	char pointer[512]; /* "" when it is about the text as a whole */
	char text[512];
};

/* A document with room for a text of `size` bytes, to be filled in by the caller; NULL when memory
 * ran out. */
struct oci_document *json_document_new(size_t size);
/* Frees it with all that its arena holds. Accepts NULL. */
void json_document_free(struct oci_document *doc);

/* Parses doc->text (which it changes) into doc->root; -1 with *failure filled. */
int json_parse(struct oci_document *doc, struct json_failure *failure);

/* Line and column, in characters, of an offset; both count from 1. */
void json_place(const struct oci_document *doc, size_t at, unsigned *line, unsigned *column);

/* The value at a JSON pointer, or its nearest ancestor that is there. */
const struct json_node *json_find(const struct oci_document *doc, const char *pointer);

/* "an array", "null", ...: as messages name what was found. */
const char *json_kind_name(enum json_kind kind);

/* A number as sign and magnitude. False when it is no integer of 64 bits; then *is_integer tells
 * whether it is one at all: a fraction or an exponent makes it none (1.0, 1e3). */
bool json_integer(const struct json_node *node, bool *is_integer, bool *negative,
		  uint64_t *magnitude);

/* Appends "/" and the key, with ~ and / escaped, to a JSON pointer that ends at out[used]; what
 * does not fit is cut, control characters are replaced. Returns the new length. */
size_t json_pointer_add(char *out, size_t used, size_t room, const char *key);

#endif
