/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The JSON writer: commas, lines, escapes, borders of integers, invalid UTF-8.
 */
#include "libocispec/json.h"
#include "libocispec/json_text.h"
#include "tap.h"

static void fill(struct json_text *out)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "a", "b");
	json_text_open_array(out, "l");
	json_text_int(out, NULL, INT64_MIN);
	json_text_uint(out, NULL, UINT64_MAX);
	json_text_bool(out, NULL, true);
	json_text_open_object(out, NULL);
	json_text_close_object(out);
	json_text_close_array(out);
	json_text_open_array(out, "e");
	json_text_close_array(out);
	json_text_string(out, "n", NULL);
	json_text_close_object(out);
}

static void check_layout(void)
{
	struct json_text out;
	struct oci_error err;

	json_text_init(&out, false);
	fill(&out);
	tap_is_int(json_text_check(&out, &err), 0, "nothing failed");
	tap_is_str(
		out.text,
		"{\"a\":\"b\",\"l\":[-9223372036854775808,18446744073709551615,true,{}],\"e\":[],"
		"\"n\":null}",
		"one line has no space");
	tap_is_int((long long)out.size, (long long)strlen(out.text),
		   "the size is that of the text");
	json_text_done(&out);
	tap_ok(!out.text, "done empties it");
	json_text_init(&out, true);
	fill(&out);
	json_text_newline(&out);
	tap_is_str(out.text,
		   "{\n\t\"a\": \"b\",\n\t\"l\": [\n\t\t-9223372036854775808,\n"
		   "\t\t18446744073709551615,\n\t\ttrue,\n\t\t{}\n\t],\n\t\"e\": [],\n"
		   "\t\"n\": null\n}\n",
		   "indented it has tabs");
	json_text_done(&out);
}

static void check_string(const char *value, const char *expected, const char *what)
{
	struct json_text out;

	json_text_init(&out, false);
	json_text_string(&out, NULL, value);
	tap_is_str(out.text, expected, "%s", what);
	json_text_done(&out);
}

static void check_strings(void)
{
	char all[256], *text;
	struct json_text out;
	struct oci_document *doc;
	struct json_failure failure;

	check_string("", "\"\"", "an empty string");
	check_string("\"\\/", "\"\\\"\\\\/\"", "quotes and backslashes are escaped, slashes not");
	check_string("\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"",
		     "control characters are escaped");
	check_string("\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
		     "valid UTF-8 stays as it is");
	check_string("a\xff\xc3z\xed\xa0\x80",
		     "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd"
		     "\xef\xbf\xbd\"",
		     "each invalid byte becomes U+FFFD");
	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;
	all[127] = '\0';
	json_text_init(&out, false);
	json_text_string(&out, NULL, all);
	text = out.text;
	doc = json_document_new(out.size);
	memcpy(doc->text, text, out.size);
	tap_ok(!json_parse(doc, &failure) && !strcmp(doc->root->text, all),
	       "every ASCII character but NUL survives writing and reading");
	json_document_free(doc);
	json_text_done(&out);
}

static void check_growth(void)
{
	struct json_text out;

	json_text_init(&out, false);
	json_text_open_array(&out, NULL);
	for (int i = 0; i < 100000; i++)
		json_text_int(&out, NULL, i);
	json_text_close_array(&out);
	tap_is_int((long long)out.size, 588891, "a long text grows as needed");
	json_text_done(&out);
	json_text_done(&out);
	out.failed = true;
	json_text_string(&out, "a", "b");
	tap_ok(!out.text, "after a failure nothing is written");
}

int main(void)
{
	check_layout();
	check_strings();
	check_growth();
	return tap_done();
}
