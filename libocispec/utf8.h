/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * UTF-8 as RFC 3629 defines it: shared by the reader, which refuses what is invalid, by the writer,
 * which replaces it, and by the errors, which show parts of documents to people.
 */
#ifndef OCI_UTF8_H
#define OCI_UTF8_H

#include <stddef.h>

/* The bytes (1 to 4) of the valid sequence that begins at text, 0 when there is none: overlong
 * forms, surrogates and what lies above U+10FFFF are invalid. `size` bytes may be looked at. */
size_t utf8_sequence(const char *text, size_t size);

/* The offset of the first byte that begins no valid sequence; `size` when all is valid. */
size_t utf8_valid(const char *text, size_t size);

/* Copies text for an error message: control characters become '?', what doesn't fit into `room`
 * bytes (the NUL counted, at least 8) is cut between characters and replaced by "...". */
void utf8_show(char *out, size_t room, const char *text, size_t size);

#endif
