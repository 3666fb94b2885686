/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON documents that aren't hull's own, whose members aren't all known: read, looked into, and
 * parts of them written again as they were.
 */
#ifndef BOX_JSON_TREE_H
#define BOX_JSON_TREE_H

#include "base/error.h"
#include "libocispec/json.h"
#include "libocispec/json_text.h"

/* Parses a copy of the text. NULL with err; json_document_free() ends it. */
struct oci_document *json_tree_parse(const char *text, size_t size, struct oci_error *err);

/* Reads a file of at most JSON_MAX_SIZE; NULL with err, whose num is that of the failing call. */
struct oci_document *json_tree_load(int dir, const char *name, struct oci_error *err);

/* The member of an object; NULL when there is none, or `node` is NULL or no object. */
const struct json_node *json_tree_member(const struct json_node *node, const char *key);

/* The text of a member; NULL when there is none or it is no text. */
const char *json_tree_text(const struct json_node *node, const char *key);

/* Its number from 0 to max; `otherwise` when there is none. */
uint64_t json_tree_uint(const struct json_node *node, const char *key, uint64_t max,
			uint64_t otherwise);

/* The first child of a member that is an array; NULL when it isn't or is empty. */
const struct json_node *json_tree_array(const struct json_node *node, const char *key);

/* Writes `node` and what is below it, under `key` (NULL: as an element of an array). */
void json_tree_copy(struct json_text *out, const char *key, const struct json_node *node);

#endif
