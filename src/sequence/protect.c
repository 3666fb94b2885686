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
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/sys.h"
#include "sequence/sequence.h"

extern char **environ;

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SEAL_TRIES 20

/* A clone of hull's own making: read-only, and executed by its descriptor. A mount of the host that
 * happens to be read-only may be writable tomorrow. */
static bool is_clone(void)
{
	static const char by_fd[] = "/dev/fd/";
	const char *name = (const char *)getauxval(AT_EXECFN);
	struct statfs st;

	return name && strncmp(name, by_fd, sizeof(by_fd) - 1) == 0 &&
	       statfs("/proc/self/exe", &st) == 0 && (st.f_flags & 1 /* ST_RDONLY */);
}

static bool is_sealed(int self)
{
	int seals = fcntl(self, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

/* Goes on in this process. execveat(2) by fd has named it after the fd's number. */
static int safe_already(void)
{
	(void)prctl(PR_SET_NAME, "hull");
	return 0;
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

/* Where sysctl vm.memfd_noexec is 1, what doesn't ask for it can't be executed; older kernels don't
 * know the flag. */
static int make_memory(void)
{
	int fd = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

/* The kernel waits 150 ms for whoever holds a page of the file, be it only a batch of pages that
 * another processor has yet to put on its list; then it says EBUSY. Nobody else has this file, so
 * that it passes. */
static int seal(int file)
{
	int tries = SEAL_TRIES;

	while (fcntl(file, F_ADD_SEALS, SEALS) < 0)
		if (errno != EBUSY || --tries == 0)
			return -1;
	return 0;
}

static int copy_sealed(int self, struct oci_error *err)
{
	auto_fd copy = make_memory();
	struct stat st;
	off_t done = 0;

	if (copy < 0 && errno == EACCES)
		return fail_sys(err, "memfd_create for a copy of hull's own binary (sysctl "
				     "vm.memfd_noexec is 2, so nothing in memory may be executed; "
				     "1 is as far as hull can go without privilege)");
	if (copy < 0 || fstat(self, &st) < 0)
		return fail_sys(err, "memfd_create");
	while (done < st.st_size) {
		ssize_t sent = sendfile(copy, self, &done, (size_t)(st.st_size - done));

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return fail_sys(err, "copy hull's own binary to memory");
	}
	if (fchmod(copy, 0500) < 0 || seal(copy) < 0)
		return fail_sys(err, "seal the copy of hull's own binary");
	return fd_take(&copy);
}

int sequence_protect_binary(char *const argv[], struct oci_error *err)
{
	auto_fd self = -1;
	auto_fd safe = -1;

	if (is_clone()) /* what entry.c has made, as a rule */
		return safe_already();
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return fail_sys(err, "open '/proc/self/exe'");
	if (is_sealed(self))
		return safe_already();
	safe = clone_read_only(err);
	if (safe < 0)
		safe = copy_sealed(self, err);
	if (safe < 0)
		return -1;
	(void)sys_execveat(safe, argv, environ);
	return fail_sys(err, "execute hull's own binary again, read-only");
}
