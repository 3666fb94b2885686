/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What follows from the global options. Looked up only by the commands that need it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "command/command.h"

/* The inode of the initial user namespace: PROC_USER_INIT_INO, fixed in the kernel. */
#define INITIAL_USER_NAMESPACE 4026531837U

static bool is_rootless(const struct globals *globals)
{
	struct stat ns;

	if (globals->rootless && strcmp(globals->rootless, "auto") != 0)
		return !strcmp(globals->rootless, "true");
	if (geteuid() != 0)
		return true;
	/* Without /proc nothing speaks against being root. */
	return stat("/proc/self/ns/user", &ns) == 0 && ns.st_ino != INITIAL_USER_NAMESPACE;
}

char *path_absolute(const char *path, struct oci_error *err)
{
	auto_free char *here = NULL;
	char *absolute = NULL;

	if (path[0] == '/')
		absolute = strdup(path);
	else if (!(here = getcwd(NULL, 0)))
		return fail_sys(err, "current directory"), NULL;
	else if (asprintf(&absolute, "%s/%s", here, path) < 0)
		absolute = NULL;
	if (!absolute)
		(void)fail_code(err, "out-of-memory", "no memory for a path");
	return absolute;
}

const char *globals_root(const struct globals *globals, struct oci_error *err)
{
	/* Read first: the common case, root without it, then costs no system call. */
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	static char *root; /* kept: a process asks once */

	if (globals->root && globals->root[0] == '/')
		return globals->root;
	if (globals->root)
		return root = path_absolute(globals->root, err);
	if (runtime_dir && runtime_dir[0] == '/' && is_rootless(globals)) {
		if (asprintf(&root, "%s/hull", runtime_dir) < 0)
			return fail_code(err, "out-of-memory", "no memory for a path"), NULL;
		return root;
	}
	if (geteuid() != 0)
		return fail_code(err, "usage",
				 "XDG_RUNTIME_DIR is not %s, so --root must say where the "
				 "containers' state is",
				 runtime_dir && runtime_dir[0] ? "an absolute path" : "set"),
		       NULL;
	return "/run/hull";
}
