/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/detach_keys.h"

#include <string.h>
#include <strings.h>

/* The key of the first of the words, whose length is *size; -1 when it is none. */
static int read_key(const char *text, size_t *size)
{
	static const char ctrl[] = "ctrl-";
	int key;

	*size = strcspn(text, ",");
	if (*size == 1)
		return *text > ' ' && *text <= '~' ? *text : -1;
	if (*size != sizeof(ctrl) || strncasecmp(text, ctrl, sizeof(ctrl) - 1) != 0)
		return -1;
	key = text[sizeof(ctrl) - 1];
	if (key >= 'a' && key <= 'z')
		key -= 'a' - 'A';
	return key >= '@' && key <= '_' ? key - '@' : -1;
}

/* -1 for a text that isn't fine. */
static int read_keys(const char *text, struct detach_keys *keys)
{
	size_t size;

	keys->n = 0;
	while (*text || keys->n) {
		int key = read_key(text, &size);

		if (key < 0 || keys->n == DETACH_KEYS_MAX)
			return -1;
		keys->v[keys->n++] = (unsigned char)key;
		if (!text[size])
			return 0;
		text += size + 1;
	}
	return 0;
}

const char *detach_keys_check(const char *text)
{
	struct detach_keys keys;

	return read_keys(text, &keys) < 0 ? "a list of at most 16 keys such as ctrl-p,ctrl-q or x"
					  : NULL;
}

struct detach_keys detach_keys_read(const char *text)
{
	struct detach_keys keys;

	(void)read_keys(text ? text : "ctrl-p,ctrl-q", &keys); /* its caller has checked it */
	return keys;
}

size_t detach_keys_follow(const struct detach_keys *keys, size_t matched, unsigned char typed)
{
	while (matched > 0 && keys->v[matched] != typed) {
		size_t shorter = matched - 1;

		/* What was typed may end in a shorter beginning of the keys. */
		while (memcmp(keys->v, keys->v + matched - shorter, shorter) != 0)
			shorter--;
		matched = shorter;
	}
	return matched + (keys->n > 0 && keys->v[matched] == typed);
}
