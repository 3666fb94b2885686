/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/document.h"

struct oci_strings document_strings(struct arena *arena, const char *const *words, size_t n)
{
	struct oci_strings strings = { .v = arena_array(arena, n + 1, sizeof(char *)) };

	if (!strings.v)
		return strings;
	for (size_t i = 0; i < n; i++)
		strings.v[i] = arena_strdup(arena, words[i]);
	strings.n = n;
	return strings;
}
