/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory that runs out: reading and writing fail with an error at every single allocation that is
 * refused, and leave nothing. The sources are compiled in with allocators that refuse on demand.
 */
#include <stdlib.h>

static int refuse_at = -1; /* the allocation that fails, from 0; -1: none */
static int allocations;

static void *test_malloc(size_t size)
{
	return allocations++ == refuse_at ? NULL : malloc(size);
}

static void *test_realloc(void *old, size_t size)
{
	return allocations++ == refuse_at ? NULL : realloc(old, size);
}

#define malloc test_malloc
#define realloc test_realloc
#include "libocispec/arena.c"
#include "libocispec/json_text.c"
#undef malloc
#undef realloc

#include "libocispec/oci_config.h"
#include "libocispec/shape.h"
#include "tap.h"

/* More than one chunk: many nodes in little text, and a key and a string with escapes so long that
 * yajl's own buffers grow. */
static char *make_text(void)
{
	enum { EMPTY = 12000, LONG = 100000 };
	char *text = malloc(EMPTY * 3 + LONG * 2 + 200);
	size_t used = (size_t)sprintf(text, "{\"ociVersion\": \"1.3.0\", \"x\": [");

	for (int i = 0; i < EMPTY; i++)
		used += (size_t)sprintf(text + used, "%s[]", i ? "," : "");
	used += (size_t)sprintf(text + used, "], \"hostname\": \"");
	for (int i = 0; i < LONG; i++)
		used += (size_t)sprintf(text + used, "\\n");
	(void)sprintf(text + used, "\"}");
	return text;
}

int main(void)
{
	char *text = make_text(), *written = NULL;
	struct oci_config config;
	struct oci_error err = { 0 };
	size_t size;
	int needed, bad = 0;

	allocations = 0;
	tap_is_int(oci_config_read(&config, text, strlen(text), NULL, &err), 0,
		   "the text is read while memory lasts");
	needed = allocations;
	oci_config_close(&config);
	tap_ok(needed >= 3, "reading it takes %d allocations", needed);
	for (refuse_at = 0; refuse_at < needed; refuse_at++) {
		allocations = 0;
		if (!oci_config_read(&config, text, strlen(text), NULL, &err) ||
		    !strstr(err.text, "out of memory") || strcmp(err.code, "out-of-memory") != 0 ||
		    config.doc)
			bad++;
		oci_config_close(&config);
	}
	tap_is_int(bad, 0, "each of them refused is an error of its own and leaves nothing");
	refuse_at = -1;
	(void)oci_config_read(&config, text, strlen(text), NULL, &err);
	for (bad = 0, refuse_at = 0, needed = 1; refuse_at < needed; refuse_at++) {
		allocations = 0;
		memset(&err, 0, sizeof(err));
		if (oci_config_write(&config, &written, &size, &err) < 0) {
			needed = refuse_at + 2;
			if (strcmp(err.code, "out-of-memory") != 0 || written)
				bad++;
		}
	}
	tap_ok(!bad && refuse_at > 3, "so is each of the %d of writing", refuse_at - 1);
	free(written);
	oci_config_close(&config);
	free(text);
	return tap_done();
}
