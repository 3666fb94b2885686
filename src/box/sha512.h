/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SHA-512 (FIPS 180-4) of a short text: the CNI plugins derive the names of their chains from it.
 */
#ifndef BOX_SHA512_H
#define BOX_SHA512_H

#include <stddef.h>

/* In hexadecimal, NUL-terminated. */
void sha512_hex(const char *text, size_t size, char hex[129]);

#endif
