/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reader of files with compiled filters: whatever it takes is whole, and what is written again
 * is what was read.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_with(const char *text, size_t size, const char *key, size_t key_size)
{
	struct filter filter = { .code = NULL };
	struct oci_error err = { 0 };
	size_t again_size;
	char *again;

	if (filter_decode(text, size, key, key_size, &filter, &err) < 0) {
		if (filter.code || !err.text[0])
			abort();
		return;
	}
	if (filter.n == 0 || filter.n > BPF_MAXINSNS)
		abort();
	again = filter_encode(&filter, key, key_size, &again_size);
	if (!again || again_size != size || memcmp(again, text, size) != 0)
		abort();
	free(again);
	filter_free(&filter);
}

/* The checksum is no hindrance to a fuzzer that is told it: the input is a filter with its key,
 * whose file is made, damaged at one place, and read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter filter = { .code = NULL };
	const char *text = (const char *)data;
	size_t key_size, made_size;
	char *made;

	read_with(text, size, NULL, 0);
	if (size < 16)
		return 0;
	key_size = data[0] % (size - 8);
	filter.n = (size - 1 - key_size) / sizeof(*filter.code);
	if (filter.n == 0 || filter.n > BPF_MAXINSNS)
		return 0;
	filter.flags = data[1];
	filter.code = malloc(filter.n * sizeof(*filter.code));
	if (!filter.code)
		return 0;
	memcpy(filter.code, data + 1 + key_size, filter.n * sizeof(*filter.code));
	made = filter_encode(&filter, text + 1, key_size, &made_size);
	if (made) {
		read_with(made, made_size, text + 1, key_size);
		made[(size_t)(data[2] | data[3] << 8) % made_size] ^= (char)(data[4] | 1);
		read_with(made, made_size, text + 1, key_size);
		free(made);
	}
	filter_free(&filter);
	return 0;
}
