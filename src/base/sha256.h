/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SHA-256 (FIPS 180-4), piece by piece. For naming content by digest; nothing here is a secret, so
 * nothing is wiped.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 65 /* 64 digits and a NUL */

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes taken so far */
	unsigned char rest[64];
};

void sha256_init(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *data, size_t size);
/* The digest in lower-case hexadecimal digits. The sum is used up: sha256_init() begins anew. */
void sha256_end(struct sha256 *sum, char hex[SHA256_HEX]);

#endif
