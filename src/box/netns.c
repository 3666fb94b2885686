/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fd.h"

/* More than this are never mounted on one file, unless by somebody who will go on. */
enum { PILED_UP = 16 };

/* hull does this for namespaces that it makes itself, not for those that it is told to join. */
static int raise_loopback(struct oci_error *err)
{
	auto_fd sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (sock < 0)
		return fail_sys(err, "bring up 'lo': socket");
	if (ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return fail_sys(err, "bring up 'lo': ioctl(SIOCSIFFLAGS)");
	return 0;
}

/* In a process of its own, which alone changes its network namespace; the mount namespace is still
 * shared. */
static int make(const char *path, struct oci_error *err)
{
	if (unshare(CLONE_NEWNET) < 0)
		return fail_sys(err, "make a network namespace: unshare");
	TRY(raise_loopback(err));
	if (mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		return fail_sys(err, "mount a network namespace on '%s'", path);
	return 0;
}

static int make_in_child(const char *path, struct oci_error *err)
{
	int pair[2], status = 0;
	auto_fd hear = -1, tell = -1;
	ssize_t got;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe2");
	hear = pair[0];
	tell = pair[1];
	pid = fork();
	if (pid < 0)
		return fail_sys(err, "fork");
	if (pid == 0) {
		struct oci_error said = { 0 };
		int failed = make(path, &said) < 0;

		/* Less than PIPE_BUF: written whole or, when nobody listens any more, not at all.
		 */
		if (failed && write(tell, &said, sizeof(said)) < 0)
			_exit(2);
		_exit(failed);
	}
	fd_drop(&tell);
	do {
		got = read(hear, err, sizeof(*err));
	} while (got < 0 && errno == EINTR);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got == (ssize_t)sizeof(*err))
		return -1;
	*err = (struct oci_error){ 0 };
	if (status != 0)
		return fail(err,
			    "make a network namespace: the process for it ended with status 0x%x",
			    (unsigned)status);
	return 0;
}

int netns_pin(const char *path, struct oci_error *err)
{
	auto_fd file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);

	if (file < 0)
		return fail_sys(err, "make '%s'", path);
	if (make_in_child(path, err) == 0)
		return 0;
	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	(void)unlink(path); /* the first failure is the one to tell */
	return -1;
}

int netns_unpin(const char *path, struct oci_error *err)
{
	/* EINVAL: nothing is mounted there, which is what is wanted. */
	for (int i = 0; umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 && i < PILED_UP; i++)
		;
	if (errno != EINVAL && errno != ENOENT)
		return fail_sys(err, "unmount '%s'", path);
	/* Copies of the mount in other mount namespaces go with the file. */
	if (unlink(path) < 0 && errno != ENOENT)
		return fail_sys(err, "remove '%s'", path);
	return 0;
}

int netns_check(const char *path, struct oci_error *err)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct statfs fs;

	if (fd < 0)
		return fail_sys(err, "open '%s'", path);
	if (fstatfs(fd, &fs) < 0)
		return fail_sys(err, "fstatfs '%s'", path);
	if (fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return fail(err, "'%s' is no network namespace", path);
	return 0;
}

bool netns_is_there(const char *path)
{
	struct oci_error ignored = { 0 };

	return netns_check(path, &ignored) == 0;
}
