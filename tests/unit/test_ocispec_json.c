/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The JSON reader below the tables: kinds, exact integers, places, limits; its answers to broken
 * texts are in tests/cases/config. And UTF-8, which it shares with the writer.
 */
#include "libocispec/json.h"
#include "libocispec/utf8.h"
#include "tap.h"

static struct oci_document *parse(const char *text, size_t size, struct json_failure *failure)
{
	struct oci_document *doc = json_document_new(size);

	if (size <= JSON_MAX_SIZE)
		memcpy(doc->text, text, size);
	if (!json_parse(doc, failure))
		return doc;
	json_document_free(doc);
	return NULL;
}

static void check_kinds(void)
{
	static const char text[] = " {\"a\" : [null, true,false ,\"s\\n\\u00e9\", -12],\n"
				   "\t\"b\": {}, \"\": \"\"} ";
	static const enum json_kind kinds[] = { JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_STRING,
						JSON_NUMBER };
	struct json_failure failure;
	struct oci_document *doc = parse(text, strlen(text), &failure);
	const struct json_node *a, *one;
	unsigned line, column;
	int i = 0;

	if (!tap_ok(doc != NULL, "a text with every kind of value is parsed"))
		return;
	tap_ok(doc->root->kind == JSON_OBJECT && doc->root->size == 3, "it is an object of three");
	a = doc->root->first;
	tap_is_str(a->key, "a", "its first key");
	for (one = a->first; one; one = one->next, i++)
		tap_ok(one->kind == kinds[i] && text[one->at] == "ntf\"-"[i],
		       "element %d has its kind and its place", i);
	tap_is_int(i, 5, "five elements");
	tap_is_str(json_find(doc, "/a/3")->text, "s\n\xc3\xa9", "escapes are decoded");
	tap_is_int(json_find(doc, "/a/3")->size, 4, "and counted without the NUL");
	tap_is_str(json_find(doc, "/")->text, "", "an empty key is a key");
	json_place(doc, json_find(doc, "/b")->at, &line, &column);
	tap_ok(line == 2 && column == 7, "lines and columns count from 1");
	json_place(doc, json_find(doc, "/a/4")->at, &line, &column);
	tap_ok(line == 1 && column == 41, "also behind a string with escapes");
	json_document_free(doc);
}

static void check_integer(const char *text, bool is_integer, bool fits, bool negative,
			  uint64_t magnitude)
{
	struct json_failure failure;
	struct oci_document *doc = parse(text, strlen(text), &failure);
	bool got_integer = false, got_negative = false;
	uint64_t got = 0;
	bool got_fits = doc && json_integer(doc->root, &got_integer, &got_negative, &got);

	tap_ok(got_integer == is_integer && got_fits == fits &&
		       (!fits || (got_negative == negative && got == magnitude)),
	       "%s %s", text,
	       fits	    ? "is exact"
	       : is_integer ? "is an integer that doesn't fit"
			    : "is no integer");
	json_document_free(doc);
}

static void check_integers(void)
{
	check_integer("0", true, true, false, 0);
	check_integer("-0", true, true, true, 0);
	check_integer("9007199254740993", true, true, false, UINT64_C(9007199254740993));
	check_integer("18446744073709551615", true, true, false, UINT64_MAX);
	check_integer("18446744073709551616", true, false, false, 0);
	check_integer("-9223372036854775808", true, true, true, UINT64_C(9223372036854775808));
	check_integer("184467440737095516150", true, false, false, 0);
	check_integer("1.0", false, false, false, 0);
	check_integer("1e3", false, false, false, 0);
	check_integer("1E+3", false, false, false, 0);
	check_integer("0.5", false, false, false, 0);
}

static void check_size(void)
{
	struct json_failure failure;
	char *text = malloc(JSON_MAX_SIZE + 2);
	struct oci_document *doc;

	memset(text, ' ', JSON_MAX_SIZE + 2);
	memcpy(text, "[\"\\n", 4);
	memset(text + 4, 'x', JSON_MAX_SIZE - 6);
	text[JSON_MAX_SIZE - 2] = '"';
	text[JSON_MAX_SIZE - 1] = ']';
	doc = parse(text, JSON_MAX_SIZE, &failure);
	tap_ok(doc && doc->root->first->size == JSON_MAX_SIZE - 5, "a text of 4 MiB is parsed");
	json_document_free(doc);
	doc = parse(text, JSON_MAX_SIZE + 1, &failure);
	tap_ok(!doc, "one byte more is refused");
	tap_is_str(failure.text, "larger than 4194304 bytes", "by its size");
	json_document_free(doc);
	free(text);
}

/* Many members: distinct ones pass, the last equal to the first is found. */
static void check_many_keys(void)
{
	enum { MANY = 20000 };
	char *text = malloc(MANY * 16);
	struct json_failure failure;
	struct oci_document *doc;
	size_t size = 1;

	text[0] = '{';
	for (int i = 0; i < MANY; i++)
		size += (size_t)sprintf(text + size, "\"k%d\":0,", i);
	text[size - 1] = '}';
	doc = parse(text, size, &failure);
	tap_ok(doc && doc->root->size == MANY, "%d different keys pass", MANY);
	json_document_free(doc);
	size += (size_t)sprintf(text + size - 1, ",\"k0\":0}") - 1;
	doc = parse(text, size, &failure);
	tap_ok(!doc, "one that is there twice is refused");
	tap_is_str(failure.pointer, "/k0", "and named");
	tap_is_int((long long)failure.at, (long long)size - 7, "at its second place");
	json_document_free(doc);
	free(text);
}

static void check_utf8(void)
{
	static const struct {
		const char *text;
		size_t size;
	} sequences[] = {
		{ "a", 1 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xee\x80\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xc2", 0 },
		{ "\xc2\x41", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xed\xbf\xbf", 0 },
		{ "\xe2\x82", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
		{ "\xf0\x90\x80", 0 },
		{ "\xe2\x82\x28", 0 },
	};
	char shown[12];

	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		const char *text = sequences[i].text;

		tap_is_int((long long)utf8_sequence(text, strlen(text)),
			   (long long)sequences[i].size, "UTF-8 sequence %zu", i);
	}
	tap_is_int((long long)utf8_valid("12345678\xc3\xa9"
					 "1234567\xff",
					 18),
		   17, "the first invalid byte is found");
	utf8_show(shown, sizeof(shown), "12345678901", 11);
	tap_is_str(shown, "12345678901", "what fits is shown whole");
	utf8_show(shown, sizeof(shown), "123456789012", 12);
	tap_is_str(shown, "12345678...", "what doesn't is cut");
	utf8_show(shown, sizeof(shown), "1234567\xc3\xa9 6789", 14);
	tap_is_str(shown, "1234567...", "between characters");
	utf8_show(shown, sizeof(shown), "\x1b\n\x7f\xc2\x9b\xff|", 7);
	tap_is_str(shown, "?????|", "control characters and invalid bytes are not shown");
}

int main(void)
{
	check_kinds();
	check_integers();
	check_size();
	check_many_keys();
	check_utf8();
	return tap_done();
}
