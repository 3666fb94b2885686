/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_take(arena, size);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	char *text;
	int size;
	va_list args;

	va_start(args, fmt);
	size = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (size < 0) {
		arena->failed = true;
		return NULL;
	}
	text = arena_take(arena, (size_t)size + 1);
	if (!text)
		return NULL;
	va_start(args, fmt);
	(void)vsnprintf(text, (size_t)size + 1, fmt, args);
	va_end(args);
	return text;
}
