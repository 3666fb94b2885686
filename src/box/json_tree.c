/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/json_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"

struct oci_document *json_tree_parse(const char *text, size_t size, struct oci_error *err)
{
	struct oci_document *doc;
	struct json_failure failure;

	if (size > JSON_MAX_SIZE) {
		(void)fail(err, "%zu bytes are too many", size);
		return NULL;
	}
	doc = json_document_new(size);
	if (!doc) {
		(void)fail_code(err, "out-of-memory", "no memory for a document");
		return NULL;
	}
	memcpy(doc->text, text, size);
	if (json_parse(doc, &failure) == 0)
		return doc;
	(void)fail(err, "%s%s%s", failure.pointer, *failure.pointer ? ": " : "", failure.text);
	json_document_free(doc);
	return NULL;
}

struct oci_document *json_tree_load(int dir, const char *name, struct oci_error *err)
{
	auto_free char *text = NULL;
	struct oci_document *doc;
	size_t size;

	if (file_load_at(dir, name, JSON_MAX_SIZE, &text, &size, err) < 0)
		return NULL;
	doc = json_tree_parse(text, size, err);
	if (!doc)
		(void)fail_in(err, "'%s'", name);
	return doc;
}

const struct json_node *json_tree_member(const struct json_node *node, const char *key)
{
	if (!node || node->kind != JSON_OBJECT)
		return NULL;
	for (const struct json_node *at = node->first; at; at = at->next)
		if (!strcmp(at->key, key))
			return at;
	return NULL;
}

const char *json_tree_text(const struct json_node *node, const char *key)
{
	const struct json_node *member = json_tree_member(node, key);

	return member && member->kind == JSON_STRING ? member->text : NULL;
}

uint64_t json_tree_uint(const struct json_node *node, const char *key, uint64_t max,
			uint64_t otherwise)
{
	const struct json_node *member = json_tree_member(node, key);
	bool is_integer, negative;
	uint64_t value;

	if (!member || member->kind != JSON_NUMBER ||
	    !json_integer(member, &is_integer, &negative, &value) || negative || value > max)
		return otherwise;
	return value;
}

const struct json_node *json_tree_array(const struct json_node *node, const char *key)
{
	const struct json_node *member = json_tree_member(node, key);

	return member && member->kind == JSON_ARRAY ? member->first : NULL;
}

/* A number stands in the text of its document without a NUL. */
static void copy_number(struct json_text *out, const char *key, const struct json_node *node)
{
	auto_free char *number = strndup(node->text, node->size);

	if (number)
		json_text_number(out, key, number);
	else
		out->failed = true;
}

void json_tree_copy(struct json_text *out, const char *key, const struct json_node *node)
{
	switch (node->kind) {
	case JSON_NULL:
		json_text_string(out, key, NULL);
		break;
	case JSON_FALSE:
	case JSON_TRUE:
		json_text_bool(out, key, node->kind == JSON_TRUE);
		break;
	case JSON_NUMBER:
		copy_number(out, key, node);
		break;
	case JSON_STRING:
		json_text_string(out, key, node->text);
		break;
	case JSON_ARRAY:
		json_text_open_array(out, key);
		for (const struct json_node *at = node->first; at; at = at->next)
			json_tree_copy(out, NULL, at);
		json_text_close_array(out);
		break;
	case JSON_OBJECT:
		json_text_open_object(out, key);
		for (const struct json_node *at = node->first; at; at = at->next)
			json_tree_copy(out, at->key, at);
		json_text_close_object(out);
		break;
	}
}
