/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verify/procfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/sys.h"

enum { ROOT_INODE = 1 }; /* of every procfs: PROC_ROOT_INO */

int procfs_open(struct oci_error *err)
{
	auto_fd fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return fail_sys(err, "open '/proc'");
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return fail_sys(err, "look at '/proc'");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != ROOT_INODE)
		return fail(err, "'/proc' is no procfs");
	return fd_take(&fd);
}

static int open_below(int dir, const char *name, int flags)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };

	return sys_openat2(dir, name, &how);
}

int procfs_open_process(int procfs, pid_t pid, struct oci_error *err)
{
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "%d", pid);
	fd = open_below(procfs, name, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fail_sys(err, "open '/proc/%s'", name);
	return fd;
}

int procfs_load(int dir, const char *name, size_t limit, char **text, struct oci_error *err)
{
	auto_fd fd = open_below(dir, name, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	auto_free char *buf = NULL;
	size_t used = 0, room = 0;

	if (fd < 0)
		return fail_sys(err, "open '%s' of procfs", name);
	for (;;) {
		ssize_t got;

		if (room - used < 4096) {
			char *more = realloc(buf, room + 65536 + 1);

			if (!more)
				return fail_sys(err, "memory for '%s'", name);
			buf = more;
			room += 65536;
		}
		got = read(fd, buf + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_sys(err, "read '%s' of procfs", name);
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > limit) {
			errno = EFBIG;
			return fail_sys(err, "'%s' of procfs has more than %zu bytes", name, limit);
		}
	}
	buf[used] = '\0';
	*text = buf;
	buf = NULL;
	return 0;
}
