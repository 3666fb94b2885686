/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a compiled filter was made from, and the file that keeps it. A weak hash names the file;
 * what counts is the whole key inside it, compared byte for byte.
 */
#include "plan/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "config.h"

/* Another number whenever the same key could mean another program: a change of the format, of the
 * prologue, or of how libseccomp is called. */
enum { FORMAT = 1 };

static const char magic[8] = "hullBPF";

struct head {
	char magic[8];
	uint32_t format;
	uint32_t flags;
	uint32_t n; /* instructions */
	uint32_t key_size;
	uint64_t checksum; /* of all but this member, which counts as 0 */
};

_Static_assert(sizeof(struct head) == 32, "the file has no gaps");
_Static_assert(sizeof(struct sock_filter) == 8, "an instruction has 8 bytes");

void filter_free(struct filter *filter)
{
	free(filter->code);
	*filter = (struct filter){ .code = NULL };
}

/* FNV-1a, 64 bits: notices damage and spreads names; it is no seal. */
static uint64_t hash(uint64_t seed, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		seed = (seed ^ at[i]) * UINT64_C(0x100000001b3);
	return seed;
}

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* --- The key --- */

/* A text that is first measured (at NULL), then written. */
struct writer {
	char *at;
	size_t used;
};

static void put(struct writer *writer, const void *data, size_t size)
{
	if (writer->at && size)
		memcpy(writer->at + writer->used, data, size);
	writer->used += size;
}

static void put_number(struct writer *writer, uint64_t number)
{
	put(writer, &number, sizeof(number));
}

/* With the length in front no two lists of texts look alike. */
static void put_text(struct writer *writer, const char *text)
{
	size_t size = strlen(text);

	put_number(writer, size);
	put(writer, text, size);
}

static void put_rule(struct writer *writer, const struct plan_seccomp_rule *rule)
{
	put_number(writer, rule->action);
	put_number(writer, rule->n_args);
	for (size_t i = 0; i < rule->n_args; i++) {
		put_number(writer, rule->args[i].index);
		put_number(writer, rule->args[i].op);
		put_number(writer, rule->args[i].value);
		put_number(writer, rule->args[i].value_two);
	}
	put_number(writer, rule->names->n);
	for (size_t i = 0; i < rule->names->n; i++)
		put_text(writer, rule->names->v[i]);
}

static void put_all(struct writer *writer, const struct plan_seccomp *seccomp,
		    const struct filter_maker *maker)
{
	put_text(writer, PACKAGE_VERSION);
	put_number(writer, FORMAT);
	for (size_t i = 0; i < 3; i++)
		put_number(writer, maker->library[i]);
	put_number(writer, maker->level);
	put_number(writer, maker->native);
	put_number(writer, seccomp->default_action);
	put_number(writer, seccomp->flags);
	put_number(writer, seccomp->n_archs);
	for (size_t i = 0; i < seccomp->n_archs; i++)
		put_number(writer, seccomp->archs[i]);
	put_number(writer, seccomp->n_rules);
	for (size_t i = 0; i < seccomp->n_rules; i++)
		put_rule(writer, &seccomp->rules[i]);
}

char *filter_key(const struct plan_seccomp *seccomp, const struct filter_maker *maker, size_t *size)
{
	struct writer writer = { NULL, 0 };

	put_all(&writer, seccomp, maker);
	writer.at = malloc(writer.used);
	writer.used = 0;
	if (!writer.at)
		return NULL;
	put_all(&writer, seccomp, maker);
	*size = writer.used;
	return writer.at;
}

uint64_t filter_key_name(const char *key, size_t size)
{
	return hash(HASH_BEGIN, key, size);
}

/* --- The file --- */

static uint64_t checksum(struct head head, const char *rest, size_t size)
{
	head.checksum = 0;
	return hash(hash(HASH_BEGIN, &head, sizeof(head)), rest, size);
}

char *filter_encode(const struct filter *filter, const char *key, size_t key_size, size_t *size)
{
	struct head head = { .format = FORMAT,
			     .flags = filter->flags,
			     .n = (uint32_t)filter->n,
			     .key_size = (uint32_t)key_size };
	size_t code_size = filter->n * sizeof(*filter->code);
	char *text = malloc(sizeof(head) + key_size + code_size);

	if (!text)
		return NULL;
	memcpy(head.magic, magic, sizeof(magic));
	if (key_size)
		memcpy(text + sizeof(head), key, key_size);
	memcpy(text + sizeof(head) + key_size, filter->code, code_size);
	head.checksum = checksum(head, text + sizeof(head), key_size + code_size);
	memcpy(text, &head, sizeof(head));
	*size = sizeof(head) + key_size + code_size;
	return text;
}

int filter_decode(const char *text, size_t size, const char *key, size_t key_size,
		  struct filter *filter, struct oci_error *err)
{
	struct head head;
	size_t code_size;

	if (size < sizeof(head))
		return fail(err, "it is cut off: %zu bytes", size);
	memcpy(&head, text, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) != 0)
		return fail(err, "it is no file of hull's");
	if (head.format != FORMAT)
		return fail(err, "it has format %u, this hull knows %d", head.format, FORMAT);
	if (head.n == 0 || head.n > BPF_MAXINSNS)
		return fail(err, "%u instructions are none or too many", head.n);
	code_size = head.n * sizeof(*filter->code);
	if (head.key_size > FILTER_KEY_LIMIT || size != sizeof(head) + head.key_size + code_size)
		return fail(err, "its length is wrong");
	if (head.checksum != checksum(head, text + sizeof(head), size - sizeof(head)))
		return fail(err, "its checksum is wrong");
	if (head.key_size != key_size ||
	    (key_size && memcmp(text + sizeof(head), key, key_size) != 0))
		return fail(err, "it is the filter of another profile, library or kernel");
	filter->code = malloc(code_size);
	if (!filter->code)
		return fail_code(err, "out-of-memory", "no memory for the filter");
	memcpy(filter->code, text + sizeof(head) + head.key_size, code_size);
	filter->n = head.n;
	filter->flags = head.flags;
	return 0;
}
