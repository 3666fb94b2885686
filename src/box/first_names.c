/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/first_names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct first_name {
	dev_t dev;
	ino_t ino;
	char *path;
};

static int by_inode(const void *a, const void *b)
{
	const struct first_name *one = a, *two = b;

	if (one->ino != two->ino)
		return one->ino < two->ino ? -1 : 1;
	return one->dev < two->dev ? -1 : one->dev > two->dev;
}

int first_names_find(void **names, const struct stat *st, const char *path, const char **first,
		     struct oci_error *err)
{
	struct first_name key = { .dev = st->st_dev, .ino = st->st_ino }, *fresh;
	void *found = tfind(&key, names, by_inode);

	*first = NULL;
	if (found) {
		*first = (*(struct first_name **)found)->path;
		return 0;
	}
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return fail_sys(err, "memory for hard links");
	*fresh = key;
	fresh->path = strdup(path);
	if (fresh->path && tsearch(fresh, names, by_inode))
		return 0;
	free(fresh->path);
	free(fresh);
	return fail_sys(err, "memory for hard links");
}

static void free_name(void *node)
{
	struct first_name *name = node;

	free(name->path);
	free(name);
}

void first_names_free(void **names)
{
	tdestroy(*names, free_name);
	*names = NULL;
}
