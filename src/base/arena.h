/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A bump allocator: the plan and what hangs on it live in one arena and go at once. Running out of
 * memory is remembered, so that the caller checks once at the end.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *newest;
	bool failed; /* memory ran out at least once; what was handed out then is NULL */
};

/* Zeroed memory, aligned for every type; NULL when memory ran out. */
void *arena_zalloc(struct arena *arena, size_t size);
/* n * size with an overflow check. */
void *arena_array(struct arena *arena, size_t n, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Frees everything; accepts a zeroed arena. */
void arena_done(struct arena *arena);

#endif
