/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/unix_socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/fd.h"

int unix_socket_connect(const char *path, struct oci_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_fd place = -1;
	const struct timeval limit = { .tv_sec = 10 };

	if (sock < 0)
		return fail_sys(err, "socket");
	/* Holds for connect(2) as well, which waits while the listener's backlog is full. */
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return fail_sys(err, "setsockopt(SO_SNDTIMEO)");
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path));
	} else {
		place = open(path, O_PATH | O_CLOEXEC);
		if (place < 0)
			return fail_sys(err, "open '%s'", path);
		(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d",
			       place);
	}
	if (connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return fail_sys(err, "connect to '%s'", path);
	return fd_take(&sock);
}
