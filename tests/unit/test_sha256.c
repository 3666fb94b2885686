/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SHA-256 with the vectors of FIPS 180 and NIST's examples, in pieces of every size.
 */
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "tests/unit/tap.h"

static void check(const char *text, size_t times, const char *expected)
{
	struct sha256 sum;
	char hex[SHA256_HEX];

	sha256_init(&sum);
	for (size_t i = 0; i < times; i++)
		sha256_add(&sum, text, strlen(text));
	sha256_end(&sum, hex);
	tap_is_str(hex, expected, "%zu times '%.20s'", times, text);
}

/* Every length around the block's, whole and in two pieces, must agree. */
static void check_pieces(void)
{
	unsigned char data[260];
	bool same = true;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7);
	for (size_t size = 0; size < sizeof(data); size++) {
		struct sha256 whole;
		char expected[SHA256_HEX];

		sha256_init(&whole);
		sha256_add(&whole, data, size);
		sha256_end(&whole, expected);
		for (size_t cut = 0; cut <= size; cut++) {
			struct sha256 sum;
			char hex[SHA256_HEX];

			sha256_init(&sum);
			sha256_add(&sum, data, cut);
			sha256_add(&sum, data + cut, size - cut);
			sha256_end(&sum, hex);
			same = same && strcmp(hex, expected) == 0;
		}
	}
	tap_ok(same, "what is added in two pieces has the same digest as in one");
}

int main(void)
{
	check("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmn"
	      "opqr"
	      "lmnopqrsmnopqrstnopqrstu",
	      1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
	check("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	check("The quick brown fox jumps over the lazy dog", 1,
	      "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592");
	check_pieces();
	return tap_done();
}
