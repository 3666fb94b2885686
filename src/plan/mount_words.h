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
	WORD_ATTR,	  /* sets or clears attributes of the one mount */
	WORD_TREE,	  /* the same for the mount and all below it */
	WORD_SUPER,	  /* a flag parameter of the file system: sync, dirsync, ... */
	WORD_PROPAGATION, /* private, rshared, ... */
	WORD_BIND,
	WORD_RBIND,
	WORD_REMOUNT,
	WORD_COPY_UP,
	WORD_LEGACY,  /* an MS_ flag that only mount(2) takes */
	WORD_NOTHING, /* accepted, and what it asks for is the case anyway */
	WORD_REFUSED, /* not implemented yet */
};

struct mount_word {
	const char *name;
	enum mount_word_kind kind;
	uint64_t set;	   /* ATTR, TREE: MOUNT_ATTR_*; PROPAGATION, LEGACY: MS_* */
	uint64_t clear;	   /* ATTR, TREE: attributes it takes back; LEGACY: MS_* it takes back */
	const char *super; /* SUPER, and ATTR for ro and rw: the flag's name for fsconfig(2) */
	const char *undo;  /* the SUPER flag that this one takes back, or NULL */
	bool recursive;	   /* PROPAGATION */
};

/* Sorted by name; NULL when `name` is no word of the table. */
const struct mount_word *mount_word_find(const char *name);

/* All words but the refused ones, in the order of the alphabet, for `features`: fills at most `max`
 * names and returns how many there are. */
size_t mount_word_names(const char **names, size_t max);

#endif
