/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The arena of libocispec with what planning needs besides: the plan and what hangs on it live in
 * one arena and go at once. A failed allocation is remembered in arena.failed, so that the caller
 * checks once at the end. A zeroed arena is an empty one.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "libocispec/arena.h"

/* n zeroed elements of `size` bytes; NULL when memory ran out. */
static inline void *arena_array(struct arena *arena, size_t n, size_t size)
{
	return arena_take_zeroed(arena, n, size);
}

/* Zeroed memory; NULL when it ran out. */
static inline void *arena_zalloc(struct arena *arena, size_t size)
{
	return arena_take_zeroed(arena, 1, size);
}

char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
