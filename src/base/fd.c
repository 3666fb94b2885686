/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "base/sys.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

int fd_fill_standard(struct oci_error *err)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is `fd` itself, since all below are open. */
		if (open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return fail_sys(err, "open /dev/null in place of closed fd %d", fd);
	}
	return 0;
}

int fd_cloexec_from(unsigned first, struct oci_error *err)
{
	if (sys_close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return fail_sys(err, "close_range(%u, ~0, CLOSE_RANGE_CLOEXEC)", first);
	return 0;
}

DIR *fd_list(int dir)
{
	auto_fd own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = own < 0 ? NULL : fdopendir(own);

	if (list)
		(void)fd_take(&own); /* the stream owns it now */
	return list;
}

int fd_lock(int fd, int command, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };

	if (fcntl(fd, command, &lock) < 0)
		return -1;
	return command == F_OFD_GETLK ? lock.l_type != F_UNLCK : 0;
}

int fd_set_nonblock(int fd, int on, struct oci_error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return fail_sys(err, "fcntl(%d, F_GETFL)", fd);
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags) < 0)
		return fail_sys(err, "fcntl(%d, F_SETFL)", fd);
	return 0;
}

int fd_send(int sock, const void *data, size_t size, int send_fd, struct oci_error *err)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char *bytes = NULL;
	struct iovec vec;
	struct msghdr msg = { .msg_iov = &vec, .msg_iovlen = 1 };
	ssize_t sent;

	memcpy(&bytes, &data, sizeof(bytes)); /* iov_base is not const, sendmsg only reads it */
	vec = (struct iovec){ .iov_base = bytes, .iov_len = size };
	if (send_fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &send_fd, sizeof(int));
	}
	do {
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return fail_sys(err, "sendmsg");
	if ((size_t)sent != size)
		return fail(err, "sendmsg: %zd of %zu bytes were sent", sent, size);
	return 0;
}

/* Takes the fds that came with msg: the first is kept when wanted, all others are closed. */
static void take_fds(struct msghdr *msg, int *received_fd)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(msg); part; part = CMSG_NXTHDR(msg, part)) {
		size_t n;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (received_fd && *received_fd < 0)
				*received_fd = fd;
			else
				(void)close(fd);
		}
	}
}

ssize_t fd_receive(int sock, void *data, size_t size, int *received_fd, struct oci_error *err)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec vec = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &vec,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	ssize_t got;

	if (received_fd)
		*received_fd = -1;
	do {
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail_sys(err, "recvmsg");
	take_fds(&msg, received_fd);
	return got;
}
