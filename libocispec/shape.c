/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The engine behind the tables of shape.h. Reading follows the document, so that findings come in
 * its order; writing follows the table. Must not know any property by name.
 */
#include "shape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* Every list of structs in the public headers is laid out like this. It is read and written with
 * memcpy(), since to the compiler their types are strangers. */
struct any_list {
	void *v;
	size_t n;
};

struct reader {
	struct oci_document *doc;
	const char *code;
	const struct oci_report *report;
	struct oci_error *err;
	bool invalid;
};

/* The way to the value at hand; becomes a JSON pointer only when somebody is told. */
struct where {
	const struct where *up;
	const char *key; /* NULL: an element */
	size_t index;
};

/* What was found, for "expected WHAT, found WHAT". */
#define FOUND_ROOM 80

static size_t show_where(const struct where *where, char *out, size_t room)
{
	char index[24];
	size_t used;

	out[0] = '\0';
	if (!where || !where->up)
		return 0;
	used = show_where(where->up, out, room);
	if (where->key)
		return json_pointer_add(out, used, room, where->key);
	(void)snprintf(index, sizeof(index), "%zu", where->index);
	return json_pointer_add(out, used, room, index);
}

/* The one place where a finding becomes an error text. */
static int tell_at(struct reader *in, enum oci_finding kind, const char *pointer, size_t at,
		   const char *text)
{
	unsigned line, column;

	if (kind == OCI_NOTE && !in->report)
		return 0;
	json_place(in->doc, at, &line, &column);
	if (kind == OCI_INVALID && !in->invalid) {
		in->invalid = true;
		(void)oci_fail_code(in->err, in->code, "%s%s%s (%u:%u)", pointer,
				    pointer[0] ? ": " : "", text, line, column);
	}
	if (!in->report)
		return -1;
	if (in->report->found(in->report->ctx, kind, pointer, line, column, text)) {
		if (!in->invalid)
			(void)oci_fail_code(in->err, "stopped", "stopped before the end");
		in->invalid = true;
		return -1;
	}
	return 0;
}

/* Every reading function returns 0 to go on, which may be with a finding told, -1 to stop. */
__attribute__((format(printf, 5, 6))) static int tell(struct reader *in, enum oci_finding kind,
						      const struct where *where, size_t at,
						      const char *fmt, ...)
{
	char pointer[1024], text[900];
	va_list args;

	(void)show_where(where, pointer, sizeof(pointer));
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return tell_at(in, kind, pointer, at, text);
}

static int no_memory(struct reader *in)
{
	in->invalid = true;
	(void)oci_fail_code(in->err, "out-of-memory", "out of memory");
	return -1;
}

/* "found 1.5", "found 'x'", "found an array": a value where it is short, else its kind. */
static int tell_wrong(struct reader *in, const struct where *where, const struct json_node *node,
		      const char *expected)
{
	char found[FOUND_ROOM];

	if (node->kind == JSON_NUMBER)
		utf8_show(found, sizeof(found), node->text, node->size);
	else
		(void)snprintf(found, sizeof(found), "%s", json_kind_name(node->kind));
	return tell(in, OCI_INVALID, where, node->at, "expected %s, found %s", expected, found);
}

static int tell_words(struct reader *in, const struct where *where, const struct json_node *node,
		      const char *const *words)
{
	char found[FOUND_ROOM], list[700];
	size_t used = 0;

	utf8_show(found, sizeof(found), node->text, node->size);
	list[0] = '\0';
	for (size_t i = 0; words[i] && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
					 words[i]);
	return tell(in, OCI_INVALID, where, node->at, "'%s' is none of %s", found, list);
}

static bool in_words(const char *const *words, const char *value)
{
	for (; *words; words++) {
		if (!strcmp(*words, value))
			return true;
	}
	return false;
}

/* A string that obeys the row; *value stays as it is when it doesn't. */
static int read_string(struct reader *in, const struct field *field, const struct where *where,
		       const struct json_node *node, char **value)
{
	const char *expected;

	if (node->kind != JSON_STRING)
		return tell_wrong(in, where, node, "a string");
	if (field->words && !in_words(field->words, node->text))
		return tell_words(in, where, node, field->words);
	expected = field->check ? field->check(node->text) : NULL;
	if (expected) {
		char found[FOUND_ROOM];

		utf8_show(found, sizeof(found), node->text, node->size);
		return tell(in, OCI_INVALID, where, node->at, "expected %s, found '%s'", expected,
			    found);
	}
	*value = node->text;
	return 0;
}

static int read_single_string(struct reader *in, const struct field *field,
			      const struct where *where, const struct json_node *node, void *out)
{
	if (node->kind == JSON_STRING && !node->size && !field->keep_empty) {
		/* Go's encoders write the zero value of what was never set. */
		if (!field->required)
			return 0;
		return tell(in, OCI_INVALID, where, node->at, "must not be empty");
	}
	return read_string(in, field, where, node, out);
}

/* Integers in one form for all kinds: the bits of a uint64_t, or of an int64_t when below zero. */
static int read_integer(struct reader *in, const struct field *field, const struct where *where,
			const struct json_node *node, uint64_t *bits, bool *ok)
{
	bool is_integer, negative, fits;
	uint64_t magnitude;
	char found[FOUND_ROOM];

	*ok = false;
	if (node->kind != JSON_NUMBER)
		return tell_wrong(in, where, node, "an integer");
	fits = json_integer(node, &is_integer, &negative, &magnitude);
	if (!is_integer)
		return tell_wrong(in, where, node, "an integer");
	if (negative && magnitude)
		fits = fits && field->min < 0 && magnitude <= 0 - (uint64_t)field->min;
	else
		fits = fits && magnitude <= field->max &&
		       (field->min <= 0 || magnitude >= (uint64_t)field->min);
	if (!fits) {
		utf8_show(found, sizeof(found), node->text, node->size);
		return tell(in, OCI_INVALID, where, node->at, "%s is not in %" PRId64 "..%" PRIu64,
			    found, field->min, field->max);
	}
	*bits = negative ? 0 - magnitude : magnitude;
	*ok = true;
	return 0;
}

static int read_number(struct reader *in, const struct field *field, const struct where *where,
		       const struct json_node *node, void *out)
{
	uint64_t bits = 0;
	bool ok;

	if (read_integer(in, field, where, node, &bits, &ok) < 0)
		return -1;
	if (!ok)
		return 0;
	if (field->kind == K_MAYBE_INT)
		*(struct oci_maybe_int *)out = (struct oci_maybe_int){ true, (int64_t)bits };
	else if (field->kind == K_MAYBE_UINT)
		*(struct oci_maybe_uint *)out = (struct oci_maybe_uint){ true, bits };
	else if (field->kind == K_U32)
		*(uint32_t *)out = (uint32_t)bits;
	else if (field->kind == K_U64)
		*(uint64_t *)out = bits;
	else
		*(int64_t *)out = (int64_t)bits;
	return 0;
}

static int read_bool(struct reader *in, const struct field *field, const struct where *where,
		     const struct json_node *node, void *out)
{
	if (node->kind != JSON_TRUE && node->kind != JSON_FALSE)
		return tell_wrong(in, where, node, "true or false");
	if (field->kind == K_BOOL)
		*(bool *)out = node->kind == JSON_TRUE;
	else
		*(struct oci_maybe_bool *)out =
			(struct oci_maybe_bool){ true, node->kind == JSON_TRUE };
	return 0;
}

static int read_strings(struct reader *in, const struct field *field, const struct where *where,
			const struct json_node *node, struct oci_strings *out)
{
	struct where element = { .up = where };

	if (node->kind != JSON_ARRAY)
		return tell_wrong(in, where, node, "an array of strings");
	if (field->required && !node->size)
		return tell(in, OCI_INVALID, where, node->at, "must not be empty");
	out->v = arena_take_zeroed(&in->doc->arena, (size_t)node->size + 1, sizeof(*out->v));
	if (!out->v)
		return no_memory(in);
	out->n = node->size;
	for (const struct json_node *one = node->first; one; one = one->next) {
		if (read_string(in, field, &element, one, &out->v[element.index]) < 0)
			return -1;
		element.index++;
	}
	return 0;
}

static int read_u32s(struct reader *in, const struct field *field, const struct where *where,
		     const struct json_node *node, void *out)
{
	struct where element = { .up = where };
	struct any_list list = { .n = node->size };
	uint32_t *v;

	if (node->kind != JSON_ARRAY)
		return tell_wrong(in, where, node, "an array of integers");
	v = arena_take_zeroed(&in->doc->arena, node->size, sizeof(*v));
	if (!v)
		return no_memory(in);
	for (const struct json_node *one = node->first; one; one = one->next) {
		uint64_t bits = 0;
		bool ok;

		if (read_integer(in, field, &element, one, &bits, &ok) < 0)
			return -1;
		v[element.index++] = (uint32_t)bits;
	}
	list.v = v;
	memcpy(out, &list, sizeof(list));
	return 0;
}

static int read_pairs(struct reader *in, const struct field *field, const struct where *where,
		      const struct json_node *node, struct oci_pairs *out)
{
	if (node->kind != JSON_OBJECT)
		return tell_wrong(in, where, node, "an object of strings");
	out->v = arena_take_zeroed(&in->doc->arena, node->size, sizeof(*out->v));
	if (!out->v)
		return no_memory(in);
	for (const struct json_node *one = node->first; one; one = one->next) {
		struct where member = { .up = where, .key = one->key };
		struct oci_pair *pair = &out->v[out->n++];

		pair->key = one->key;
		if (!one->key_size) {
			if (tell(in, OCI_INVALID, where, one->key_at, "a key must not be empty") <
			    0)
				return -1;
		} else if (read_string(in, field, &member, one, &pair->value) < 0) {
			return -1;
		}
	}
	return 0;
}

static int read_object(struct reader *in, const struct shape *shape, const struct where *where,
		       const struct json_node *node, void *out);

static const struct field *find_field(const struct shape *shape, const char *name)
{
	const struct field *field = shape->fields;

	while (field->name && strcmp(field->name, name) != 0)
		field++;
	return field->name ? field : NULL;
}

struct named {
	const char *name; /* NULL: the element has none, or an invalid one */
	size_t index;
};

static int by_name(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = a->name && b->name ? strcmp(a->name, b->name) : !!a->name - !!b->name;

	if (order)
		return order;
	return a->index < b->index ? -1 : 1;
}

/* Which elements have the name of one before them. Sorted, so that a hostile list costs no more
 * than its length; NULL when memory ran out. */
static bool *find_repeated(struct reader *in, const struct any_list *list, size_t size,
			   size_t offset)
{
	struct named *named = arena_take_zeroed(&in->doc->arena, list->n, sizeof(*named));
	bool *repeated = arena_take_zeroed(&in->doc->arena, list->n, sizeof(*repeated));

	if (!named || !repeated)
		return NULL;
	for (size_t i = 0; i < list->n; i++) {
		const char *element = (const char *)list->v + i * size;

		named[i].name = *(const char *const *)(const void *)(element + offset);
		named[i].index = i;
	}
	qsort(named, list->n, sizeof(*named), by_name);
	for (size_t i = 1; i < list->n; i++) {
		if (named[i - 1].name && !strcmp(named[i - 1].name, named[i].name))
			repeated[named[i].index] = true;
	}
	return repeated;
}

/* Told when an element's unique member equals that of one before it. */
static int check_unique(struct reader *in, const struct field *field, const struct where *where,
			const struct json_node *node, const struct any_list *list)
{
	const struct field *member = find_field(field->shape, field->unique);
	const bool *repeated = find_repeated(in, list, field->shape->size, member->offset);
	struct where element = { .up = where };
	struct where place = { .up = &element, .key = field->unique };

	if (!repeated)
		return no_memory(in);
	for (const struct json_node *one = node->first; one; one = one->next, element.index++) {
		const struct json_node *value = one->first;
		char found[FOUND_ROOM];

		if (!repeated[element.index])
			continue;
		while (strcmp(value->key, field->unique) != 0)
			value = value->next;
		utf8_show(found, sizeof(found), value->text, value->size);
		if (tell(in, OCI_INVALID, &place, value->at, "'%s' is given twice", found) < 0)
			return -1;
	}
	return 0;
}

static int read_list(struct reader *in, const struct field *field, const struct where *where,
		     const struct json_node *node, void *out)
{
	struct any_list list = { .n = node->size };
	struct where element = { .up = where };
	size_t size = field->shape->size;
	bool is_map = field->kind == K_MAP;

	if (node->kind != (is_map ? JSON_OBJECT : JSON_ARRAY))
		return tell_wrong(in, where, node,
				  is_map ? "an object of objects" : "an array of objects");
	list.v = arena_take_zeroed(&in->doc->arena, node->size, size);
	if (!list.v)
		return no_memory(in);
	for (const struct json_node *one = node->first; one; one = one->next) {
		char *to = (char *)list.v + element.index * size;

		element.key = one->key;
		if (is_map) {
			*(char **)(void *)to = one->key;
			if (!one->key_size && tell(in, OCI_INVALID, where, one->key_at,
						   "a key must not be empty") < 0)
				return -1;
		}
		if (read_object(in, field->shape, &element, one, to) < 0)
			return -1;
		element.index++;
	}
	memcpy(out, &list, sizeof(list));
	if (field->unique)
		return check_unique(in, field, where, node, &list);
	return 0;
}

static int read_field(struct reader *in, const struct field *field, const struct where *where,
		      const struct json_node *node, void *out)
{
	switch (field->kind) {
	case K_STRING:
		return read_single_string(in, field, where, node, out);
	case K_BOOL:
	case K_MAYBE_BOOL:
		return read_bool(in, field, where, node, out);
	case K_MAYBE_INT:
	case K_MAYBE_UINT:
	case K_U32:
	case K_U64:
	case K_I64:
		return read_number(in, field, where, node, out);
	case K_STRINGS:
		return read_strings(in, field, where, node, out);
	case K_U32S:
		return read_u32s(in, field, where, node, out);
	case K_PAIRS:
		return read_pairs(in, field, where, node, out);
	case K_OBJECT:
		*(bool *)out = true;
		return read_object(in, field->shape, where, node, out);
	case K_LIST:
	case K_MAP:
		return read_list(in, field, where, node, out);
	case K_SKIP_STRING:
		return node->kind == JSON_STRING ? 0 : tell_wrong(in, where, node, "a string");
	case K_SKIP_OBJECT:
		return node->kind == JSON_OBJECT ? 0 : tell_wrong(in, where, node, "an object");
	}
	return 0;
}

static int read_object(struct reader *in, const struct shape *shape, const struct where *where,
		       const struct json_node *node, void *out)
{
	uint64_t seen = 0;

	if (node->kind != JSON_OBJECT)
		return tell_wrong(in, where, node, "an object");
	for (const struct json_node *one = node->first; one; one = one->next) {
		struct where member = { .up = where, .key = one->key };
		const struct field *field = find_field(shape, one->key);

		if (!field) {
			if (tell(in, OCI_NOTE, &member, one->key_at, "unknown property, ignored") <
			    0)
				return -1;
			continue;
		}
		seen |= UINT64_C(1) << (field - shape->fields);
		/* Go's encoders write null for a list or an object that was never set. */
		if (one->kind == JSON_NULL && !field->required)
			continue;
		if (read_field(in, field, &member, one, (char *)out + field->offset) < 0)
			return -1;
	}
	for (const struct field *field = shape->fields; field->name; field++) {
		struct where member = { .up = where, .key = field->name };

		if (field->required && !(seen & UINT64_C(1) << (field - shape->fields)) &&
		    tell(in, OCI_INVALID, &member, node->at, "missing") < 0)
			return -1;
	}
	return 0;
}

/* What was told to be invalid or missing left its place empty. A string that is never NULL in a
 * config that was accepted becomes `empty` here, so that a refused one can be walked as well. */
static void fill_strings(const struct shape *shape, void *out, char *empty);

static void fill_elements(const struct field *field, void *at, char *empty)
{
	struct any_list list;

	memcpy(&list, at, sizeof(list));
	for (size_t i = 0; i < list.n; i++)
		fill_strings(field->shape, (char *)list.v + i * field->shape->size, empty);
}

static void fill_field(const struct field *field, void *at, char *empty)
{
	char **string = at;
	struct oci_strings *strings = at;
	struct oci_pairs *pairs = at;

	if (field->kind == K_STRING && field->required && !*string) {
		*string = empty;
	} else if (field->kind == K_STRINGS) {
		for (size_t i = 0; i < strings->n; i++)
			strings->v[i] = strings->v[i] ? strings->v[i] : empty;
	} else if (field->kind == K_PAIRS) {
		for (size_t i = 0; i < pairs->n; i++)
			pairs->v[i].value = pairs->v[i].value ? pairs->v[i].value : empty;
	} else if (field->kind == K_OBJECT && *(const bool *)at) {
		fill_strings(field->shape, at, empty);
	} else if (field->kind == K_LIST || field->kind == K_MAP) {
		fill_elements(field, at, empty);
	}
}

static void fill_strings(const struct shape *shape, void *out, char *empty)
{
	for (const struct field *field = shape->fields; field->name; field++)
		fill_field(field, (char *)out + field->offset, empty);
}

/* -1: nothing of *out may be used; else in->invalid tells whether it was accepted. */
static int read_document(struct reader *in, const struct shape *shape, void *out)
{
	struct where top = { .up = NULL };
	struct json_failure failure;
	char *empty;

	if (json_parse(in->doc, &failure)) {
		if (failure.no_memory)
			return no_memory(in);
		(void)tell_at(in, OCI_INVALID, failure.pointer, failure.at, failure.text);
		return -1;
	}
	if (read_object(in, shape, &top, in->doc->root, out) < 0)
		return -1;
	if (!in->invalid)
		return 0;
	empty = arena_take_zeroed(&in->doc->arena, 1, 1);
	if (!empty)
		return no_memory(in);
	fill_strings(shape, out, empty);
	return 0;
}

int shape_read(const struct shape *shape, void *out, struct oci_document **doc, const char *code,
	       const struct oci_report *report, struct oci_error *err)
{
	struct reader in = { .doc = *doc, .code = code, .report = report, .err = err };

	if (read_document(&in, shape, out) < 0) {
		json_document_free(*doc);
		*doc = NULL;
		memset(out, 0, shape->size);
	}
	return in.invalid ? -1 : 0;
}

int shape_read_text(const struct shape *shape, void *out, struct oci_document **doc,
		    const char *text, size_t size, const char *code,
		    const struct oci_report *report, struct oci_error *err)
{
	struct oci_document *fresh = json_document_new(size);
	int result;

	if (!fresh)
		return oci_fail_code(err, "out-of-memory", "out of memory");
	if (size <= JSON_MAX_SIZE)
		memcpy(fresh->text, text, size);
	result = shape_read(shape, out, &fresh, code, report, err);
	*doc = fresh;
	return result;
}

static void write_object(struct json_text *text, const struct shape *shape, const char *key,
			 const char *in);

static void write_strings(struct json_text *text, const char *key, const struct oci_strings *in)
{
	if (!in->v)
		return;
	json_text_open_array(text, key);
	for (size_t i = 0; i < in->n; i++)
		json_text_string(text, NULL, in->v[i]);
	json_text_close_array(text);
}

static void write_pairs(struct json_text *text, const char *key, const struct oci_pairs *in)
{
	if (!in->v)
		return;
	json_text_open_object(text, key);
	for (size_t i = 0; i < in->n; i++)
		json_text_string(text, in->v[i].key, in->v[i].value);
	json_text_close_object(text);
}

static void write_u32s(struct json_text *text, const char *key, const void *in)
{
	struct any_list list;

	memcpy(&list, in, sizeof(list));
	if (!list.v)
		return;
	json_text_open_array(text, key);
	for (size_t i = 0; i < list.n; i++)
		json_text_uint(text, NULL, ((const uint32_t *)list.v)[i]);
	json_text_close_array(text);
}

static void write_list(struct json_text *text, const struct field *field, const void *in)
{
	bool is_map = field->kind == K_MAP;
	struct any_list list;

	memcpy(&list, in, sizeof(list));
	if (!list.v)
		return;
	if (is_map)
		json_text_open_object(text, field->name);
	else
		json_text_open_array(text, field->name);
	for (size_t i = 0; i < list.n; i++) {
		const char *one = (const char *)list.v + i * field->shape->size;

		write_object(text, field->shape,
			     is_map ? *(const char *const *)(const void *)one : NULL, one);
	}
	if (is_map)
		json_text_close_object(text);
	else
		json_text_close_array(text);
}

static void write_maybe(struct json_text *text, const struct field *field, const void *in)
{
	const struct oci_maybe_bool *b = in;
	const struct oci_maybe_int *i = in;
	const struct oci_maybe_uint *u = in;

	if (field->kind == K_MAYBE_BOOL && b->set)
		json_text_bool(text, field->name, b->v);
	else if (field->kind == K_MAYBE_INT && i->set)
		json_text_int(text, field->name, i->v);
	else if (field->kind == K_MAYBE_UINT && u->set)
		json_text_uint(text, field->name, u->v);
}

static void write_field(struct json_text *text, const struct field *field, const void *in)
{
	switch (field->kind) {
	case K_STRING:
		if (*(char *const *)in)
			json_text_string(text, field->name, *(char *const *)in);
		break;
	case K_BOOL:
		if (*(const bool *)in || field->required)
			json_text_bool(text, field->name, *(const bool *)in);
		break;
	case K_MAYBE_BOOL:
	case K_MAYBE_INT:
	case K_MAYBE_UINT:
		write_maybe(text, field, in);
		break;
	case K_U32:
		json_text_uint(text, field->name, *(const uint32_t *)in);
		break;
	case K_U64:
		json_text_uint(text, field->name, *(const uint64_t *)in);
		break;
	case K_I64:
		json_text_int(text, field->name, *(const int64_t *)in);
		break;
	case K_STRINGS:
		write_strings(text, field->name, in);
		break;
	case K_U32S:
		write_u32s(text, field->name, in);
		break;
	case K_PAIRS:
		write_pairs(text, field->name, in);
		break;
	case K_OBJECT:
		if (*(const bool *)in)
			write_object(text, field->shape, field->name, in);
		break;
	case K_LIST:
	case K_MAP:
		write_list(text, field, in);
		break;
	case K_SKIP_STRING:
	case K_SKIP_OBJECT:
		break;
	}
}

static void write_object(struct json_text *text, const struct shape *shape, const char *key,
			 const char *in)
{
	json_text_open_object(text, key);
	for (const struct field *field = shape->fields; field->name; field++)
		write_field(text, field, in + field->offset);
	json_text_close_object(text);
}

int shape_write(const struct shape *shape, const void *in, char **text, size_t *size,
		struct oci_error *err)
{
	struct json_text out;

	json_text_init(&out, true);
	write_object(&out, shape, NULL, in);
	json_text_newline(&out);
	if (json_text_check(&out, err) < 0) {
		json_text_done(&out);
		return -1;
	}
	*text = out.text;
	*size = out.size;
	return 0;
}

static bool same_string(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_strings(const struct oci_strings *a, const struct oci_strings *b)
{
	if (a->n != b->n || !a->v != !b->v)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!same_string(a->v[i], b->v[i]))
			return false;
	}
	return true;
}

static bool same_pairs(const struct oci_pairs *a, const struct oci_pairs *b)
{
	if (a->n != b->n || !a->v != !b->v)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!same_string(a->v[i].key, b->v[i].key) ||
		    !same_string(a->v[i].value, b->v[i].value))
			return false;
	}
	return true;
}

static bool same_list(const struct field *field, const void *a, const void *b)
{
	struct any_list left, right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	if (left.n != right.n || !left.v != !right.v)
		return false;
	if (field->kind == K_U32S)
		return !left.n || !memcmp(left.v, right.v, left.n * sizeof(uint32_t));
	for (size_t i = 0; i < left.n; i++) {
		const char *one = (const char *)left.v + i * field->shape->size;
		const char *other = (const char *)right.v + i * field->shape->size;

		if (field->kind == K_MAP && !same_string(*(const char *const *)(const void *)one,
							 *(const char *const *)(const void *)other))
			return false;
		if (!shape_equal(field->shape, one, other))
			return false;
	}
	return true;
}

static bool same_maybe(const struct field *field, const void *a, const void *b)
{
	const struct oci_maybe_bool *ab = a, *bb = b;
	const struct oci_maybe_int *ai = a, *bi = b;
	const struct oci_maybe_uint *au = a, *bu = b;

	if (field->kind == K_MAYBE_BOOL)
		return ab->set == bb->set && (!ab->set || ab->v == bb->v);
	if (field->kind == K_MAYBE_INT)
		return ai->set == bi->set && (!ai->set || ai->v == bi->v);
	return au->set == bu->set && (!au->set || au->v == bu->v);
}

static bool same_field(const struct field *field, const void *a, const void *b)
{
	switch (field->kind) {
	case K_STRING:
		return same_string(*(char *const *)a, *(char *const *)b);
	case K_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case K_MAYBE_BOOL:
	case K_MAYBE_INT:
	case K_MAYBE_UINT:
		return same_maybe(field, a, b);
	case K_U32:
		return *(const uint32_t *)a == *(const uint32_t *)b;
	case K_U64:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case K_I64:
		return *(const int64_t *)a == *(const int64_t *)b;
	case K_STRINGS:
		return same_strings(a, b);
	case K_PAIRS:
		return same_pairs(a, b);
	case K_OBJECT:
		if (*(const bool *)a != *(const bool *)b)
			return false;
		return !*(const bool *)a || shape_equal(field->shape, a, b);
	case K_U32S:
	case K_LIST:
	case K_MAP:
		return same_list(field, a, b);
	case K_SKIP_STRING:
	case K_SKIP_OBJECT:
		break;
	}
	return true;
}

bool shape_equal(const struct shape *shape, const void *a, const void *b)
{
	for (const struct field *field = shape->fields; field->name; field++) {
		if (!same_field(field, (const char *)a + field->offset,
				(const char *)b + field->offset))
			return false;
	}
	return true;
}
