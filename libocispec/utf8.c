/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_sequence(const char *text, size_t size)
{
	unsigned char b[4] = { 0 };

	memcpy(b, text, size < 4 ? size : 4);
	if (size >= 1 && b[0] < 0x80)
		return 1;
	if (b[0] < 0xc2 || b[0] > 0xf4 || size < 2 || !is_tail(b[1]))
		return 0;
	if (b[0] < 0xe0)
		return 2;
	if (size < 3 || !is_tail(b[2]))
		return 0;
	if (b[0] < 0xf0) {
		/* E0 80..9F would be overlong, ED A0..BF a surrogate. */
		if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f))
			return 0;
		return 3;
	}
	if (size < 4 || !is_tail(b[3]))
		return 0;
	/* F0 80..8F would be overlong, F4 90..BF above U+10FFFF. */
	if ((b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return 4;
}

size_t utf8_valid(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		uint64_t eight;
		size_t step;

		/* Nearly all of it is ASCII: eight bytes at a time. */
		if (size - at >= sizeof(eight)) {
			memcpy(&eight, text + at, sizeof(eight));
			if (!(eight & UINT64_C(0x8080808080808080))) {
				at += sizeof(eight);
				continue;
			}
		}
		step = utf8_sequence(text + at, size - at);
		if (!step)
			return at;
		at += step;
	}
	return size;
}

static bool is_control(const char *text, size_t step)
{
	unsigned char first = (unsigned char)text[0];

	if (step == 1)
		return first < 0x20 || first == 0x7f;
	/* U+0080 to U+009F: terminals obey some of them. */
	return step == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
}

void utf8_show(char *out, size_t room, const char *text, size_t size)
{
	static const char dots[] = "...";
	size_t used = 0, cut = 0, at = 0;

	while (at < size) {
		size_t step = utf8_sequence(text + at, size - at);
		bool shown = step && !is_control(text + at, step);
		size_t width = shown ? step : 1;

		if (used + width + 1 > room) {
			memcpy(out + cut, dots, sizeof(dots));
			return;
		}
		if (shown)
			memcpy(out + used, text + at, step);
		else
			out[used] = '?';
		used += width;
		at += step ? step : 1;
		if (used + sizeof(dots) <= room)
			cut = used;
	}
	out[used] = '\0';
}
