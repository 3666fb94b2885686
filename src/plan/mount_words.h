/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of mount options that hull itself understands (mount(8)'s words and the recursive ones
 * of the specification); what is not in it is a parameter of the file system. Read by the planner
 * and by `hull features`.
 */
#ifndef PLAN_MOUNT_WORDS_H
#define PLAN_MOUNT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mount_word_kind {
	WORD_ATTR,  /* sets and clears attributes of the one mount */
	WORD_TREE,  /* the same for the mount and all below it */
	WORD_SUPER, /* a flag parameter of the file system, by the same name: sync, async, ... */
	WORD_PROPAGATION, /* private, rshared, ... */
	WORD_BIND,	  /* bind, rbind */
	WORD_REMOUNT,
	WORD_COPY_UP,
	WORD_LEGACY,  /* an MS_ flag that only mount(2) takes: iversion */
	WORD_NOTHING, /* what it asks for is the case anyway: defaults, loud, silent */
	WORD_IDMAP,   /* idmap, ridmap: see plan/mount_idmap.h */
};

struct mount_word {
	const char *name;
	enum mount_word_kind kind;
	uint64_t set;	/* ATTR, TREE: MOUNT_ATTR_*; PROPAGATION, LEGACY: MS_* */
	uint64_t clear; /* ATTR, TREE, LEGACY: what it takes back */
	/* PROPAGATION: of all below too; BIND: rbind */
	bool recursive;
	/* atime, norelatime, nostrictatime and their r-forms undo one way of keeping access times
	 * (`set` names it) and leave another that was chosen before as it is. */
	bool undoes_atime;
};

/* NULL when `name` is no word of the table. */
const struct mount_word *mount_word_find(const char *name);

/* All words, sorted, for `features`: fills at most `max` names and returns how
 * many there are. */
size_t mount_word_names(const char **names, size_t max);

#endif
