/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keys that leave a terminal: what may be written, and what is recognized among what is typed.
 */
#include <stdio.h>
#include <string.h>

#include "box/detach_keys.h"
#include "tests/unit/tap.h"

static const struct {
	const char *text, *keys; /* NULL: refused */
	size_t n;
} texts[] = {
	{ "ctrl-p,ctrl-q", "\020\021", 2 },
	{ "ctrl-A", "\001", 1 },
	{ "CTRL-z,x,Z,~", "\032xZ~", 4 },
	{ "ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\0\033\034\035\036\037", 6 },
	{ "", "", 0 },
	{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", "abcdefghijklmnop", 16 },
	{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", NULL, 0 },
	{ ",", NULL, 0 },
	{ "a,", NULL, 0 },
	{ ",a", NULL, 0 },
	{ "ab", NULL, 0 },
	{ "ctrl-", NULL, 0 },
	{ "ctrl-1", NULL, 0 },
	{ "ctrl-ab", NULL, 0 },
	{ "ctrl+a", NULL, 0 },
	{ "ctrl-p ctrl-q", NULL, 0 },
	{ " ", NULL, 0 },
	{ "\001", NULL, 0 },
	{ "\303\244", NULL, 0 },
	{ "\344", NULL, 0 },
};

static void read_texts(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bool fine = detach_keys_check(texts[i].text) == NULL;
		struct detach_keys keys = { .n = 0 };

		if (fine)
			keys = detach_keys_read(texts[i].text);
		tap_ok(fine == (texts[i].keys != NULL) &&
			       (!fine ||
				(keys.n == texts[i].n && !memcmp(keys.v, texts[i].keys, keys.n))),
		       "the text '%s'", texts[i].text);
	}
	tap_ok(detach_keys_read(NULL).n == 2 && detach_keys_read(NULL).v[1] == 021, "the usual");
}

/* Which key is the last of the first whole row of them, from 0; -1: there is none. */
static int find(const char *text, const char *typed)
{
	struct detach_keys keys = detach_keys_read(text);
	size_t matched = 0;

	for (int i = 0; typed[i]; i++) {
		matched = detach_keys_follow(&keys, matched, (unsigned char)typed[i]);
		if (keys.n && matched == keys.n)
			return i;
	}
	return -1;
}

int main(void)
{
	read_texts();
	tap_ok(find("x", "abx") == 2, "one key");
	tap_ok(find("a,b", "aab") == 2, "the first one typed twice");
	tap_ok(find("a,b", "acb") == -1, "something in between");
	tap_ok(find("a,a,b", "aaab") == 3, "a row that begins within another");
	tap_ok(find("a,b,a,b,c", "abababc") == 6, "a longer one");
	tap_ok(find("a,b,a,c", "ababac") == 5, "one whose beginning comes again in it");
	tap_ok(find("a,a", "abaa") == 3, "the same key twice");
	tap_ok(find("", "abc") == -1, "none");
	return tap_done();
}
