/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/init_program.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define NAME "hullbox-init"

/* The directory of the program that runs, with a slash at the end. */
static bool own_directory(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (size <= 0)
		return false;
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	slash[1] = '\0';
	return true;
}

char *init_program_find(struct oci_error *err)
{
	const char *given = getenv("HULLBOX_INIT");
	char directory[PATH_MAX];
	char *path = NULL;

	if (given && *given == '/')
		path = strdup(given);
	else if (own_directory(directory) && asprintf(&path, "%s" NAME, directory) < 0)
		path = NULL;
	if (path && !given && access(path, X_OK) < 0) {
		free(path);
		path = strdup(HULL_LIBEXECDIR "/" NAME);
	}
	if (path && access(path, X_OK) == 0)
		return path;
	if (path)
		(void)fail_code(err, "not-installed", "the program '%s' for --init isn't there",
				path);
	else
		(void)fail_code(err, "out-of-memory", "no memory for a path");
	free(path);
	return NULL;
}
