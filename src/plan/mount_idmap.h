/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/plan: whose ids a mount shows instead of those on the file system.
 */
#ifndef PLAN_MOUNT_IDMAP_H
#define PLAN_MOUNT_IDMAP_H

#include "plan/planner.h"

/* What the options of one mount say of it: the last of idmap and ridmap counts. */
struct idmap_words {
	bool asked, recursive;
	const char *text; /* "idmap=uids=...;gids=...": what stands behind the '=', or NULL */
	size_t option;	  /* /mounts/N/options/OPTION */
};

/* Is it idmap or ridmap, alone or with mappings behind a '='? Then *words says so. */
bool mount_idmap_word(const char *option, size_t i, struct idmap_words *words);

/* Decides out->idmap once out->kind and out->type are known; `index` is of /mounts. Mappings that
 * several mounts have in common are one entry of plan->idmaps. */
int plan_mount_idmap(struct planner *p, size_t index, const struct idmap_words *words,
		     struct plan_mount *out);

#endif
