/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One block holds the plan of an ordinary container; a larger piece gets a block of its own. */
enum { BLOCK = 16 * 1024 };

struct arena_block {
	struct arena_block *older;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void *arena_zalloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block = arena->newest;
	void *piece;

	if (size > SIZE_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	size = (size + align - 1) / align * align;
	if (!block || block->size - block->used < size) {
		size_t room = size > BLOCK ? size : BLOCK;

		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			arena->failed = true;
			return NULL;
		}
		block->size = room;
		block->older = arena->newest;
		arena->newest = block;
	}
	piece = block->data + block->used;
	block->used += size;
	return piece;
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		arena->failed = true;
		return NULL;
	}
	return arena_zalloc(arena, bytes);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_zalloc(arena, size);

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
	text = size < 0 ? NULL : arena_zalloc(arena, (size_t)size + 1);
	if (!text) {
		arena->failed = true;
		return NULL;
	}
	va_start(args, fmt);
	(void)vsnprintf(text, (size_t)size + 1, fmt, args);
	va_end(args);
	return text;
}

void arena_done(struct arena *arena)
{
	while (arena->newest) {
		struct arena_block *older = arena->newest->older;

		free(arena->newest);
		arena->newest = older;
	}
	arena->failed = false;
}
