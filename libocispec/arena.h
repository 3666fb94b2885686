/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory of one document: taken in big chunks, handed out by moving a pointer, freed all at once.
 * Everything that a reader makes lives in the arena of its document.
 */
#ifndef OCI_ARENA_H
#define OCI_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *next;
	size_t room; /* bytes left behind next */
	bool failed; /* memory ran out at least once, so that a caller may check once at the end */
};

/* Begins an empty arena whose first chunk will hold `expected` bytes. NULL on success is never
 * returned by a later arena_take() of no more than that. 0, or -1 when memory ran out. */
int arena_init(struct arena *arena, size_t expected);
/* Frees all; accepts a zeroed one. */
void arena_done(struct arena *arena);
/* `size` bytes, not zeroed, aligned for every type; NULL when memory ran out. size may be 0: the
 * result is still no NULL. */
void *arena_take(struct arena *arena, size_t size);
/* The same for n zeroed elements of `size` bytes; NULL also when the product overflows. */
void *arena_take_zeroed(struct arena *arena, size_t n, size_t size);

#endif
