/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "systemd/message.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* The line of cgroup v2 in /proc/self/cgroup: "0::/a.slice/x.scope". */
static int own_cgroup(char *path, size_t size, struct oci_error *err)
{
	char text[2 * PATH_MAX];
	const char *line;

	TRY(file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text), err));
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return fail(err, "/proc/self/cgroup has no line of cgroup v2");
	line = strchr(line, '/');
	if (!line || strcspn(line, "\n") >= size)
		return fail(err, "/proc/self/cgroup: a path that can't be read");
	(void)snprintf(path, size, "%.*s", (int)strcspn(line, "\n"), line);
	return 0;
}

/* systemd says that the job is done; the kernel says where this process is. */
static int check_place(const char *path, const char *unit, struct oci_error *err)
{
	const char *last = strrchr(path, '/');

	if (strncmp(path, "/../", 4) == 0)
		return fail_code(err, "systemd-failed",
				 "the cgroup of unit '%s' is outside of the cgroup namespace that "
				 "hull is in ('%s')",
				 unit, path);
	if (strcmp(last + 1, unit) != 0)
		return fail_code(err, "systemd-failed",
				 "the job for unit '%s' is done, but " SYSTEMD_HELPER
				 " isn't in its cgroup; it is in '%s'",
				 unit, path);
	return 0;
}

/* One by one: a controller that can't be handed on (cpu, where there are real-time processes) is
 * missed by whoever needs it, with a better error than would be possible here. */
static int hand_on_controllers(int scope, struct oci_error *err)
{
	char names[512], one[64], *save = NULL;
	struct oci_error ignored = { 0 };

	TRY(file_read_at(scope, "cgroup.controllers", names, sizeof(names), err));
	for (char *name = strtok_r(names, " \n", &save); name;
	     name = strtok_r(NULL, " \n", &save)) {
		(void)snprintf(one, sizeof(one), "+%s", name);
		(void)file_write_at(scope, "cgroup.subtree_control", one, &ignored);
	}
	return 0;
}

/* Without the process a cgroup could hand nothing on. */
static int move_to_keep(int scope, struct oci_error *err)
{
	auto_fd keep = -1;

	if (mkdirat(scope, SCOPE_KEEP, 0755) < 0 && errno != EEXIST)
		return fail_sys(err, "mkdir '" SCOPE_KEEP "'");
	keep = openat(scope, SCOPE_KEEP, DIRECTORY);
	if (keep < 0)
		return fail_sys(err, "open '" SCOPE_KEEP "'");
	return file_write_at(keep, "cgroup.procs", "0", err);
}

int scope_prepare(const char *mount, const char *unit, char *path, size_t size,
		  struct oci_error *err)
{
	char whole[2 * PATH_MAX];
	auto_fd scope = -1;

	TRY(own_cgroup(path, size, err));
	TRY(check_place(path, unit, err));
	(void)snprintf(whole, sizeof(whole), "%s%s", mount, path);
	scope = open(whole, DIRECTORY);
	if (scope < 0)
		return fail_sys(err, "open cgroup '%s'", whole);
	if (move_to_keep(scope, err) < 0 || hand_on_controllers(scope, err) < 0)
		return fail_in(err, "cgroup '%s'", whole);
	if (mkdirat(scope, SCOPE_CONTAINER, 0755) < 0)
		return fail_sys(err, "mkdir cgroup '%s/" SCOPE_CONTAINER "'", whole);
	return 0;
}

enum scope_presence scope_look(const char *mount, const char *path, uint64_t inode)
{
	struct oci_error ignored = { 0 };
	char whole[2 * PATH_MAX], events[256];
	auto_fd scope = -1;
	struct stat st;

	(void)snprintf(whole, sizeof(whole), "%s/%s", mount, path);
	scope = open(whole, DIRECTORY);
	if (scope < 0 || fstat(scope, &st) < 0 || (inode && st.st_ino != inode))
		return SCOPE_GONE;
	if (file_read_at(scope, "cgroup.events", events, sizeof(events), &ignored) < 0)
		return SCOPE_GONE;
	return strstr(events, "populated 1") ? SCOPE_IN_USE : SCOPE_EMPTY;
}
