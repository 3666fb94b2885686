/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/start_socket.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "steps/caller.h"

/* How long START waits for INIT, which another start command may be talking to. */
enum { GREETING_MS = 10 * 1000 };

static int make(int state_dir, struct sockaddr_un *address, struct oci_error *err)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return fail_sys(err, "socket");
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(address->sun_path, sizeof(address->sun_path),
		       "/proc/self/fd/%d/" STATE_START_SOCKET, state_dir);
	return sock;
}

int start_socket_bind(struct run *run, struct oci_error *err)
{
	struct sockaddr_un address;
	auto_fd sock = make(run->state_dir, &address, err);

	if (sock < 0)
		return -1;
	if (bind(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return fail_sys(err, "bind '" STATE_START_SOCKET "' in the state directory");
	run->start_listener = fd_take(&sock);
	return 0;
}

/* Waits until the connection has a message (1) or its other end hung up (0). */
static int says_something(int connection)
{
	char byte;
	ssize_t got;

	do {
		got = recv(connection, &byte, 1, MSG_PEEK | MSG_TRUNC);
	} while (got < 0 && errno == EINTR);
	return got > 0;
}

int start_socket_listen(struct run *run, struct oci_error *err)
{
	if (listen(run->start_listener, 8) < 0)
		return fail_sys(err, "listen");
	return 0;
}

int start_socket_wait(struct run *run, struct oci_error *err)
{
	caller_end_on_signals();
	fd_drop(&run->channel); /* PARENT has no more to say */
	for (;;) {
		auto_fd connection = accept4(run->start_listener, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (connection < 0)
			return fail_sys(err, "accept");
		if (send(connection, "", 1, MSG_NOSIGNAL) == 1 && says_something(connection)) {
			run->channel = fd_take(&connection);
			/* Whoever else is waiting to be accepted is told by the reset. */
			fd_drop(&run->start_listener);
			return 0;
		}
	}
}

int start_socket_connect(struct run *run, struct oci_error *err)
{
	struct sockaddr_un address;
	auto_fd sock = make(run->state_dir, &address, err);
	struct pollfd polls[] = { { .events = POLLIN },
				  { .fd = run->init_pidfd, .events = POLLIN } };
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	char byte;
	int ready;

	if (sock < 0)
		return -1;
	if (connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return fail_sys(err, "connect to '" STATE_START_SOCKET "' in the state directory");
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return fail_sys(err, "getsockopt(SO_PEERCRED)");
	if (peer.pid != run->init_pid)
		return fail(err, "the start socket is held by pid %d, not by the container's %d",
			    peer.pid, run->init_pid);
	polls[0].fd = sock;
	do {
		ready = poll(polls, 2, GREETING_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return fail_code(err, "start-busy",
				 "another start command has been talking to the container for "
				 "%d s",
				 GREETING_MS / 1000);
	if (recv(sock, &byte, 1, MSG_DONTWAIT) != 1)
		return fail_code(err, "not-created",
				 "another start command was faster, or the container ended");
	run->channel = fd_take(&sock);
	return 0;
}
