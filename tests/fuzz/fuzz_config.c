/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libFuzzer target for the readers of libocispec. Beyond "no crash": a report and no report agree,
 * places are inside the text, what is accepted is written, read again, and says the same, and a
 * second writing gives the same bytes. Seeds: tests/cases/config and tests/cases/real.
 *
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. libocispec/[!e]*.c \
 *	tests/fuzz/fuzz_config.c -lyajl
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libocispec/oci_config.h"
#include "libocispec/oci_state.h"
#include "libocispec/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

struct findings {
	unsigned invalid;
	unsigned lines;
};

static int found(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
		 unsigned column, const char *text)
{
	struct findings *findings = ctx;

	if (kind == OCI_INVALID)
		findings->invalid++;
	demand(line >= 1 && line <= findings->lines && column >= 1, "a place is in the text");
	demand(pointer[0] == '/' || !pointer[0], "a pointer begins with a slash");
	demand(text[0], "a finding has a text");
	for (const char *p = text; *p; p++)
		demand((unsigned char)*p >= 0x20 && *p != 0x7f, "a finding can be printed");
	return 0;
}

static void write_and_read(const struct oci_config *config)
{
	struct oci_config again;
	struct oci_error err = { 0 };
	char *first = NULL, *second = NULL;
	size_t first_size = 0, second_size = 0;

	demand(!oci_config_write(config, &first, &first_size, &err), "a config can be written");
	/* Indented, a text may pass 4 MiB. */
	if (first_size <= JSON_MAX_SIZE) {
		demand(!oci_config_read(&again, first, first_size, NULL, &err),
		       "what was written can be read");
		demand(shape_equal(&oci_config_shape, config, &again), "it says the same");
		demand(!oci_config_write(&again, &second, &second_size, &err) &&
			       first_size == second_size && !memcmp(first, second, first_size),
		       "it is written the same");
		oci_config_close(&again);
	}
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct findings findings = { 0, 1 };
	struct oci_report report = { found, &findings };
	struct oci_error err = { 0 };
	struct oci_config config;
	struct oci_state state;
	struct oci_features features;
	bool accepted;

	for (size_t i = 0; i < size; i++)
		findings.lines += text[i] == '\n';
	accepted = !oci_config_read(&config, text, size, NULL, &err);
	demand(accepted || (err.text[0] && err.code[0]), "a refusal has text and code");
	if (accepted)
		write_and_read(&config);
	oci_config_close(&config);
	demand(accepted == !oci_config_read(&config, text, size, &report, &err),
	       "a report changes no verdict");
	demand(accepted == !findings.invalid, "a refusal is reported");
	oci_config_close(&config);
	(void)oci_state_read(&state, text, size, NULL, &err);
	oci_state_close(&state);
	(void)oci_features_read(&features, text, size, NULL, &err);
	oci_features_close(&features);
	return 0;
}
