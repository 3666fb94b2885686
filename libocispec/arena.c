/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define CHUNK_SIZE ((size_t)64 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* keeps what follows aligned as malloc() does */
};

static int add_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = malloc(sizeof(*chunk) + size);

	if (!chunk)
		return -1;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->next = (char *)(chunk + 1);
	arena->room = size;
	return 0;
}

int arena_init(struct arena *arena, size_t expected)
{
	memset(arena, 0, sizeof(*arena));
	return add_chunk(arena, expected);
}

void arena_done(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	memset(arena, 0, sizeof(*arena));
}

void *arena_take(struct arena *arena, size_t size)
{
	void *taken;

	if (size > SIZE_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	size = size ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
	if (size > arena->room && add_chunk(arena, size > CHUNK_SIZE ? size : CHUNK_SIZE) < 0) {
		arena->failed = true;
		return NULL;
	}
	taken = arena->next;
	arena->next += size;
	arena->room -= size;
	return taken;
}

void *arena_take_zeroed(struct arena *arena, size_t n, size_t size)
{
	void *taken;

	if (size && n > SIZE_MAX / 2 / size) {
		arena->failed = true;
		return NULL;
	}
	taken = arena_take(arena, n * size);
	if (taken)
		memset(taken, 0, n * size);
	return taken;
}
