/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tree of json.h, built from yajl's events. Places do not come from yajl: between two tokens
 * stand only white space, commas and colons, so that a token's start follows from the end of the
 * one before. Strings stay where they are in the text, their closing quote made a NUL; only those
 * with escapes are copied. Must not know anything of the documents' meaning.
 */
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "utf8.h"

/* An object of more members than this is sorted to find duplicate keys. */
#define FEW_MEMBERS 16

struct level {
	struct json_node *node;
	struct json_node **tail; /* where the next child is hung */
};

struct build {
	struct oci_document *doc;
	struct json_failure *failure;
	size_t end; /* of the last token */
	struct level levels[JSON_MAX_DEPTH];
	size_t depth;
	char *key; /* the one read last, waiting for its value */
	uint32_t key_at;
	uint32_t key_size;
	jmp_buf out_of_memory;
};

size_t json_pointer_add(char *out, size_t used, size_t room, const char *key)
{
	char part[256], shown[128];
	size_t size = 0;

	utf8_show(shown, sizeof(shown), key, strlen(key));
	part[size++] = '/';
	for (const char *p = shown; *p; p++) {
		if (*p == '~' || *p == '/') {
			part[size++] = '~';
			part[size++] = *p == '~' ? '0' : '1';
		} else {
			part[size++] = *p;
		}
	}
	if (used + size + 1 > room)
		return used;
	memcpy(out + used, part, size);
	out[used + size] = '\0';
	return used + size;
}

/* The pointer to the value at hand: its container's, and its own key or index. */
static void show_pointer(const struct build *build, char *out, size_t room)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < build->depth; i++) {
		const struct json_node *node = build->levels[i].node;
		const char *key = build->key;
		char index[16];

		if (i + 1 < build->depth)
			key = build->levels[i + 1].node->key;
		if (node->kind == JSON_ARRAY) {
			/* Inside the child that is open it was counted already. */
			(void)snprintf(index, sizeof(index), "%u",
				       node->size - (i + 1 < build->depth ? 1 : 0));
			key = index;
		}
		if (key)
			used = json_pointer_add(out, used, room, key);
	}
}

__attribute__((format(printf, 3, 4))) static int refuse(struct build *build, size_t at,
							const char *fmt, ...)
{
	struct json_failure *failure = build->failure;
	va_list args;

	failure->at = at;
	show_pointer(build, failure->pointer, sizeof(failure->pointer));
	va_start(args, fmt);
	(void)vsnprintf(failure->text, sizeof(failure->text), fmt, args);
	va_end(args);
	return 0; /* yajl's word for stop */
}

/* For yajl, which does not check what malloc() returns. All is in the arena: nothing is lost. */
static void *take(struct build *build, size_t size)
{
	void *taken = arena_take(&build->doc->arena, size);

	if (!taken)
		longjmp(build->out_of_memory, 1);
	return taken;
}

static void *yajl_take(void *ctx, size_t size)
{
	size_t *taken = take(ctx, size + 16);

	*taken = size;
	return (char *)taken + 16;
}

static void *yajl_retake(void *ctx, void *old, size_t size)
{
	char *taken;
	size_t old_size;

	if (!old)
		return yajl_take(ctx, size);
	memcpy(&old_size, (char *)old - 16, sizeof(old_size));
	if (size <= old_size)
		return old;
	taken = yajl_take(ctx, size);
	memcpy(taken, old, old_size);
	return taken;
}

static void yajl_leave(void *ctx, void *taken)
{
	(void)ctx;
	(void)taken;
}

static bool is_between(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ',' || c == ':';
}

/* Where the token that an event is about begins. */
static size_t token_start(const struct build *build)
{
	const struct oci_document *doc = build->doc;
	size_t at = build->end;

	while (at < doc->size && is_between(doc->text[at]))
		at++;
	return at;
}

static struct json_node *add_node(struct build *build, enum json_kind kind, size_t size)
{
	struct json_node *node = take(build, sizeof(*node));
	size_t at = token_start(build);

	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->at = (uint32_t)at;
	build->end = at + size;
	if (build->depth) {
		struct level *level = &build->levels[build->depth - 1];

		*level->tail = node;
		level->tail = &node->next;
		level->node->size++;
	} else {
		build->doc->root = node;
	}
	node->key = build->key;
	node->key_at = build->key_at;
	node->key_size = build->key_size;
	build->key = NULL;
	return node;
}

static int on_null(void *ctx)
{
	(void)add_node(ctx, JSON_NULL, 4);
	return 1;
}

static int on_boolean(void *ctx, int value)
{
	(void)add_node(ctx, value ? JSON_TRUE : JSON_FALSE, value ? 4 : 5);
	return 1;
}

static int on_number(void *ctx, const char *text, size_t size)
{
	struct build *build = ctx;
	struct json_node *node = add_node(build, JSON_NUMBER, size);

	/* Not yajl's pointer: it may be into a buffer that is used again. */
	node->text = build->doc->text + node->at;
	node->size = (uint32_t)size;
	(void)text;
	return 1;
}

static unsigned hex4(const char *text)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		char c = text[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else
			digit = (unsigned)((c | 0x20) - 'a' + 10);
		value = value * 16 + digit;
	}
	return value;
}

/* Goes over a string that holds escapes (which the parser has found well formed), from its opening
 * quote; sets *end behind the closing one. What yajl would let pass is refused here. */
static const char *check_escapes(const char *text, size_t at, size_t *end)
{
	at++;
	while (text[at] != '"') {
		unsigned code;

		if (text[at] != '\\') {
			at++;
			continue;
		}
		if (text[at + 1] != 'u') {
			at += 2;
			continue;
		}
		code = hex4(text + at + 2);
		at += 6;
		if (!code)
			return "a NUL character (\\u0000) is not allowed";
		if (code < 0xd800 || code > 0xdfff)
			continue;
		if (code > 0xdbff || text[at] != '\\' || text[at + 1] != 'u')
			return "half of a surrogate pair is no character";
		code = hex4(text + at + 2);
		if (code < 0xdc00 || code > 0xdfff)
			return "half of a surrogate pair is no character";
		at += 6;
	}
	*end = at + 1;
	return NULL;
}

/* The string token at `at`, which yajl hands as `from`: within the text when it holds no escape. */
static char *take_string(struct build *build, size_t at, const unsigned char *from, size_t size)
{
	struct oci_document *doc = build->doc;
	const char *problem;
	char *copy;

	if (size == 0 || from == (const unsigned char *)doc->text + at + 1) {
		/* An empty string needs no look at `from`. */
		build->end = at + size + 2;
		doc->text[at + 1 + size] = '\0';
		return doc->text + at + 1;
	}
	problem = check_escapes(doc->text, at, &build->end);
	if (problem) {
		(void)refuse(build, at, "%s", problem);
		return NULL;
	}
	copy = take(build, size + 1);
	memcpy(copy, from, size);
	copy[size] = '\0';
	return copy;
}

static int on_string(void *ctx, const unsigned char *text, size_t size)
{
	struct build *build = ctx;
	size_t at = token_start(build);
	char *string = take_string(build, at, text, size);
	size_t end = build->end;
	struct json_node *node;

	if (!string)
		return 0;
	build->end = at;
	node = add_node(build, JSON_STRING, end - at);
	node->text = string;
	node->size = (uint32_t)size;
	return 1;
}

static int on_key(void *ctx, const unsigned char *text, size_t size)
{
	struct build *build = ctx;
	size_t at = token_start(build);

	build->key = take_string(build, at, text, size);
	if (!build->key)
		return 0;
	build->key_at = (uint32_t)at;
	build->key_size = (uint32_t)size;
	return 1;
}

static int open_level(struct build *build, enum json_kind kind)
{
	struct json_node *node;

	if (build->depth == JSON_MAX_DEPTH) {
		(void)refuse(build, token_start(build), "nested deeper than %d levels",
			     JSON_MAX_DEPTH);
		build->failure->pointer[0] = '\0'; /* would only be long */
		return 0;
	}
	node = add_node(build, kind, 1);
	build->levels[build->depth].node = node;
	build->levels[build->depth].tail = &node->first;
	build->depth++;
	return 1;
}

static int on_open_object(void *ctx)
{
	return open_level(ctx, JSON_OBJECT);
}

static int on_open_array(void *ctx)
{
	return open_level(ctx, JSON_ARRAY);
}

static void close_level(struct build *build)
{
	build->end = token_start(build) + 1;
	build->depth--;
}

static int on_close_array(void *ctx)
{
	close_level(ctx);
	return 1;
}

static bool same_key(const struct json_node *a, const struct json_node *b)
{
	return a->key_size == b->key_size && !memcmp(a->key, b->key, a->key_size);
}

static int by_key(const void *left, const void *right)
{
	const struct json_node *a = *(const struct json_node *const *)left;
	const struct json_node *b = *(const struct json_node *const *)right;
	int order = strcmp(a->key, b->key);

	if (order)
		return order;
	return a->key_at < b->key_at ? -1 : 1;
}

/* The first member whose key was there before. */
static const struct json_node *find_duplicate(struct build *build, const struct json_node *object)
{
	const struct json_node *found = NULL, *a, *b, **sorted;
	size_t n = 0;

	if (object->size <= FEW_MEMBERS) {
		for (a = object->first; a; a = a->next) {
			for (b = object->first; b != a; b = b->next) {
				if (same_key(a, b))
					return a;
			}
		}
		return NULL;
	}
	sorted = take(build, object->size * sizeof(*sorted));
	for (a = object->first; a; a = a->next)
		sorted[n++] = a;
	qsort(sorted, n, sizeof(*sorted), by_key);
	for (size_t i = 1; i < n; i++) {
		if (same_key(sorted[i - 1], sorted[i]) &&
		    (!found || sorted[i]->key_at < found->key_at))
			found = sorted[i];
	}
	return found;
}

static int on_close_object(void *ctx)
{
	struct build *build = ctx;
	const struct json_node *twice = find_duplicate(build, build->levels[build->depth - 1].node);

	if (twice) {
		build->key = twice->key;
		return refuse(build, twice->key_at, "the key is given twice");
	}
	close_level(build);
	return 1;
}

static const yajl_callbacks events = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_open_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close_object,
	.yajl_start_array = on_open_array,
	.yajl_end_array = on_close_array,
};

/* Turns yajl's "parse error: WORDS\n" into our failure. */
static int refuse_syntax(struct build *build, yajl_handle parser)
{
	struct oci_document *doc = build->doc;
	char *words = (char *)yajl_get_error(parser, 0, NULL, 0);
	size_t consumed = yajl_get_bytes_consumed(parser);
	bool lexical = !strncmp(words, "lexical error: ", 15);
	size_t at = token_start(build);

	/* A bad character is named itself, a token out of place by its start. yajl's count ends
	 * behind such a character or token or, in some states, before it. */
	if (consumed && lexical)
		at = strstr(words, "invalid character inside") || strstr(words, "invalid string")
			     ? consumed
			     : consumed - 1;
	else if (consumed && at >= consumed)
		at = doc->text[consumed - 1] == ',' || doc->text[consumed - 1] == ':' ? consumed - 1
										      : consumed;
	if (strstr(words, "premature EOF") || at > doc->size)
		at = doc->size;
	if (lexical || !strncmp(words, "parse error: ", 13))
		words += lexical ? 15 : 13;
	words[strcspn(words, "\n")] = '\0';
	if (words[0] && words[strlen(words) - 1] == '.')
		words[strlen(words) - 1] = '\0';
	build->failure->at = at;
	build->failure->pointer[0] = '\0';
	(void)snprintf(build->failure->text, sizeof(build->failure->text), "no valid JSON: %s",
		       words);
	return -1;
}

static int run_parser(struct build *build)
{
	struct oci_document *doc = build->doc;
	yajl_alloc_funcs memory = { yajl_take, yajl_retake, yajl_leave, build };
	yajl_handle parser = yajl_alloc(&events, &memory, build);
	yajl_status status;

	/* The whole text was checked, more strictly than yajl does. */
	(void)yajl_config(parser, yajl_dont_validate_strings, 1);
	status = yajl_parse(parser, (const unsigned char *)doc->text, doc->size);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(parser);
	if (status == yajl_status_client_canceled)
		return -1;
	if (status != yajl_status_ok)
		return refuse_syntax(build, parser);
	return 0;
}

int json_parse(struct oci_document *doc, struct json_failure *failure)
{
	struct build build = { .doc = doc, .failure = failure };
	size_t invalid;

	memset(failure, 0, sizeof(*failure));
	if (doc->size > JSON_MAX_SIZE) {
		refuse(&build, 0, "larger than %zu bytes", JSON_MAX_SIZE);
		return -1;
	}
	invalid = utf8_valid(doc->text, doc->size);
	if (invalid < doc->size) {
		refuse(&build, invalid, "no valid UTF-8");
		return -1;
	}
	/* yajl takes these for white space, which JSON doesn't; in strings they are forbidden too.
	 */
	invalid = strcspn(doc->text, "\v\f");
	if (doc->text[invalid]) {
		refuse(&build, invalid, "no valid JSON: a control character (0x%02x)",
		       (unsigned char)doc->text[invalid]);
		return -1;
	}
	if (strspn(doc->text, " \t\r\n") == doc->size) {
		refuse(&build, doc->size, "empty: expected a JSON object");
		return -1;
	}
	if (!strncmp(doc->text, "\xef\xbb\xbf", 3)) {
		refuse(&build, 0, "no valid JSON: it begins with a byte order mark");
		return -1;
	}
	if (setjmp(build.out_of_memory)) {
		failure->no_memory = true;
		return -1;
	}
	return run_parser(&build);
}

struct oci_document *json_document_new(size_t size)
{
	struct arena arena;
	struct oci_document *doc;
	/* A limited text, so that no sum overflows; a longer one is refused unread. What nodes and
	 * structs take was measured on configs that engines wrote: about three times the text. */
	size_t room = size > JSON_MAX_SIZE ? 0 : size;

	if (arena_init(&arena, room + room * 3 + 16384) < 0)
		return NULL;
	doc = arena_take_zeroed(&arena, 1, sizeof(*doc));
	doc->text = arena_take(&arena, room + 1);
	doc->text[room] = '\0';
	doc->size = size;
	doc->arena = arena;
	return doc;
}

void json_document_free(struct oci_document *doc)
{
	struct arena arena;

	if (!doc)
		return;
	arena = doc->arena; /* doc is inside */
	arena_done(&arena);
}

void json_place(const struct oci_document *doc, size_t at, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	if (at > doc->size)
		at = doc->size;
	for (size_t i = 0; i < at; i++) {
		if (doc->text[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((doc->text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

const char *json_kind_name(enum json_kind kind)
{
	switch (kind) {
	case JSON_NULL:
		return "null";
	case JSON_FALSE:
		return "false";
	case JSON_TRUE:
		return "true";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "nothing";
}

bool json_integer(const struct json_node *node, bool *is_integer, bool *negative,
		  uint64_t *magnitude)
{
	size_t i = 0;
	uint64_t value = 0;
	bool fits = true;

	*negative = node->text[0] == '-';
	if (*negative)
		i = 1;
	*is_integer = true;
	for (; i < node->size; i++) {
		unsigned digit = (unsigned)(node->text[i] - '0');

		if (digit > 9) {
			*is_integer = false;
			return false;
		}
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			fits = false;
	}
	*magnitude = value;
	return fits;
}

/* One token of a pointer against a key: "~1" stands for "/", "~0" for "~". */
static bool token_is(const char *token, size_t size, const char *key)
{
	for (size_t i = 0; i < size; i++) {
		char c = token[i];

		if (c == '~' && i + 1 < size)
			c = token[++i] == '1' ? '/' : '~';
		if (c != *key++)
			return false;
	}
	return !*key;
}

static const struct json_node *find_child(const struct json_node *node, const char *token,
					  size_t size)
{
	const struct json_node *child;
	size_t index = 0;

	if (node->kind == JSON_OBJECT) {
		child = node->first;
		while (child && !token_is(token, size, child->key))
			child = child->next;
		return child;
	}
	if (node->kind != JSON_ARRAY || !size || size > 9)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		if (token[i] < '0' || token[i] > '9')
			return NULL;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	child = node->first;
	while (child && index--)
		child = child->next;
	return child;
}

const struct json_node *json_find(const struct oci_document *doc, const char *pointer)
{
	const struct json_node *node = doc->root, *child;

	while (*pointer == '/') {
		size_t size = strcspn(++pointer, "/");

		child = find_child(node, pointer, size);
		if (!child)
			break;
		node = child;
		pointer += size;
	}
	return node;
}
