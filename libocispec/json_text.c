/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

void json_text_init(struct json_text *out, bool indent)
{
	memset(out, 0, sizeof(*out));
	out->indent = indent;
}

void json_text_done(struct json_text *out)
{
	free(out->text);
	memset(out, 0, sizeof(*out));
}

int json_text_check(const struct json_text *out, struct oci_error *err)
{
	if (out->failed)
		return oci_fail_code(err, "out-of-memory", "write JSON: out of memory");
	return 0;
}

static void put(struct json_text *out, const char *text, size_t size)
{
	if (out->failed)
		return;
	if (out->room - out->size <= size) {
		size_t room = (out->size + size + 1) * 2;
		char *grown = realloc(out->text, room < 1024 ? 1024 : room);

		if (!grown) {
			out->failed = true;
			return;
		}
		out->text = grown;
		out->room = room < 1024 ? 1024 : room;
	}
	memcpy(out->text + out->size, text, size);
	out->size += size;
	out->text[out->size] = '\0';
}

static void put_line(struct json_text *out)
{
	if (!out->indent)
		return;
	put(out, "\n", 1);
	for (int i = 0; i < out->depth; i++)
		put(out, "\t", 1);
}

static size_t escape(char room[8], unsigned char c)
{
	static const char *const hex = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c ? strchr(from, c) : NULL;

	room[0] = '\\';
	if (found) {
		room[1] = to[found - from];
		return 2;
	}
	memcpy(room + 1, "u00", 3);
	room[4] = hex[c >> 4];
	room[5] = hex[c & 15];
	return 6;
}

static void put_string(struct json_text *out, const char *text)
{
	size_t left = strlen(text), plain = 0;

	put(out, "\"", 1);
	while (plain < left) {
		size_t step = utf8_sequence(text + plain, left - plain);
		unsigned char c = (unsigned char)text[plain];
		char room[8];

		if (step && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			plain += step;
			continue;
		}
		put(out, text, plain);
		if (step)
			put(out, room, escape(room, c));
		else
			put(out, "\xef\xbf\xbd", 3); /* U+FFFD */
		text += plain + 1;
		left -= plain + 1;
		plain = 0;
	}
	put(out, text, plain);
	put(out, "\"", 1);
}

/* What stands before a value: comma, line, key. */
static void put_head(struct json_text *out, const char *key)
{
	if (out->comma)
		put(out, ",", 1);
	if (out->depth)
		put_line(out);
	if (key) {
		put_string(out, key);
		put(out, ": ", out->indent ? 2 : 1);
	}
	out->comma = true;
}

static void open_level(struct json_text *out, const char *key, const char *bracket)
{
	put_head(out, key);
	put(out, bracket, 1);
	out->depth++;
	out->comma = false;
}

static void close_level(struct json_text *out, const char *bracket)
{
	out->depth--;
	if (out->comma)
		put_line(out);
	put(out, bracket, 1);
	out->comma = true;
}

void json_text_open_object(struct json_text *out, const char *key)
{
	open_level(out, key, "{");
}

void json_text_close_object(struct json_text *out)
{
	close_level(out, "}");
}

void json_text_open_array(struct json_text *out, const char *key)
{
	open_level(out, key, "[");
}

void json_text_close_array(struct json_text *out)
{
	close_level(out, "]");
}

void json_text_string(struct json_text *out, const char *key, const char *value)
{
	put_head(out, key);
	if (value)
		put_string(out, value);
	else
		put(out, "null", 4);
}

static void put_digits(struct json_text *out, const char *key, bool negative, uint64_t magnitude)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%s%" PRIu64, negative ? "-" : "", magnitude);

	put_head(out, key);
	put(out, digits, (size_t)size);
}

void json_text_int(struct json_text *out, const char *key, int64_t value)
{
	put_digits(out, key, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_text_uint(struct json_text *out, const char *key, uint64_t value)
{
	put_digits(out, key, false, value);
}

void json_text_number(struct json_text *out, const char *key, const char *number)
{
	put_head(out, key);
	put(out, number, strlen(number));
}

void json_text_bool(struct json_text *out, const char *key, bool value)
{
	put_head(out, key);
	put(out, value ? "true" : "false", value ? 4 : 5);
}

void json_text_newline(struct json_text *out)
{
	put(out, "\n", 1);
}
