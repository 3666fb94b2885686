/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Putting together the documents that `spec` and `features` print: constant words become the
 * writable strings that libocispec's structs hold, in an arena.
 */
#ifndef COMMAND_DOCUMENT_H
#define COMMAND_DOCUMENT_H

#include "base/arena.h"
#include "libocispec/oci_config.h"

/* A copy of n words, with the NULL behind the last. Empty when memory ran out, which the arena
 * remembers. */
struct oci_strings document_strings(struct arena *arena, const char *const *words, size_t n);

#define DOCUMENT_STRINGS(arena, words)                                                             \
	document_strings(arena, words, sizeof(words) / sizeof((words)[0]))

#endif
