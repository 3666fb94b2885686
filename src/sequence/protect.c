/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whatever of hull runs inside a container's namespaces could be opened by the container through
 * /proc/PID/exe, kept open until hull has ended, and written then (CVE-2019-5736). So hull runs
 * from a mount that nobody can write through: a detached read-only clone of the one file, or, where
 * that isn't permitted, a sealed copy in memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/sys.h"
#include "sequence/sequence.h"

extern char **environ;

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_safe(int self)
{
	struct statfs st;
	int seals = fcntl(self, F_GET_SEALS);

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return true;
	return fstatfs(self, &st) == 0 && (st.f_flags & 1 /* ST_RDONLY */);
}

static int clone_read_only(struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_fd tree =
		sys_open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return fail_sys(err, "open_tree of hull's own binary");
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr of hull's own binary");
	return fd_take(&tree);
}

static int copy_sealed(int self, struct oci_error *err)
{
	auto_fd copy = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	off_t done = 0;

	if (copy < 0 || fstat(self, &st) < 0)
		return fail_sys(err, "memfd_create");
	while (done < st.st_size) {
		ssize_t sent = sendfile(copy, self, &done, (size_t)(st.st_size - done));

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return fail_sys(err, "copy hull's own binary to memory");
	}
	if (fchmod(copy, 0500) < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return fail_sys(err, "seal the copy of hull's own binary");
	return fd_take(&copy);
}

int sequence_protect_binary(char *const argv[], struct oci_error *err)
{
	auto_fd self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_fd safe = -1;

	if (self < 0)
		return fail_sys(err, "open '/proc/self/exe'");
	if (is_safe(self)) {
		/* execveat(2) by fd names the process after the fd's number. */
		(void)prctl(PR_SET_NAME, "hull");
		return 0;
	}
	safe = clone_read_only(err);
	if (safe < 0)
		safe = copy_sealed(self, err);
	if (safe < 0)
		return -1;
	(void)sys_execveat(safe, argv, environ);
	return fail_sys(err, "execute hull's own binary again, read-only");
}
