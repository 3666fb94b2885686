/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/helper.h"

#include <stdio.h>
#include <unistd.h>

bool helper_find(const char *name, char *path, size_t room)
{
	static const char *const directories[] = { "/run/wrappers/bin",
						   "/usr/local/sbin",
						   "/usr/local/bin",
						   "/usr/sbin",
						   "/usr/bin",
						   "/sbin",
						   "/bin" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		int size = snprintf(path, room, "%s/%s", directories[i], name);

		if (size > 0 && (size_t)size < room && access(path, X_OK) == 0)
			return true;
	}
	return false;
}
