/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the files of bundle.c share while one config.json is put together.
 */
#ifndef BOX_BUNDLE_PARTS_H
#define BOX_BUNDLE_PARTS_H

#include "box/bundle.h"
#include "box/profile.h"
#include "box/user.h"
#include "libocispec/json.h"

/* Where --init shows its program: /dev is a file system of the container's own. */
#define BUNDLE_INIT "/dev/init"

struct bundle {
	const struct box_options *options;
	const struct box_bundle_input *in;
	struct oci_error *err;
	struct arena arena;
	struct oci_document *seccomp; /* owns a profile that was read */
	struct oci_config config;
	const struct profile *profile;
	uint64_t capabilities;
	struct user user;
	bool has_userns;
};

bool bundle_is(const char *word, const char *other);
void bundle_add_word(struct bundle *b, struct oci_strings *list, char *word);
/* Whether the container's user namespace knows an id; without one it knows all. */
bool bundle_is_mapped(const struct bundle *b, bool group, uint32_t id);

int bundle_fill_mounts(struct bundle *b);
int bundle_fill_devices(struct bundle *b);
int bundle_fill_limits(struct bundle *b);
int bundle_fill_rlimits(struct bundle *b);

#endif
