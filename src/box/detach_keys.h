/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keys that leave a container's terminal, one after the other: "ctrl-p,ctrl-q". The words are
 * those that Docker's users know.
 */
#ifndef BOX_DETACH_KEYS_H
#define BOX_DETACH_KEYS_H

#include <stddef.h>

enum { DETACH_KEYS_MAX = 16 };

struct detach_keys {
	unsigned char v[DETACH_KEYS_MAX];
	size_t n; /* 0: nothing leaves it */
};

/* For box_options.h: NULL when the text is fine, else what is expected. */
const char *detach_keys_check(const char *text);

/* Of a text that is fine; NULL: Ctrl-P Ctrl-Q. */
struct detach_keys detach_keys_read(const char *text);

/* How many of the keys have been typed in a row after another one, `matched` before it; keys->n
 * when that was the last. */
size_t detach_keys_follow(const struct detach_keys *keys, size_t matched, unsigned char typed);

#endif
