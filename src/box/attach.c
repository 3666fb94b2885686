/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/attach.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "box/monitor.h"

/* conmon's numbers of the streams. */
enum { STREAM_OUT = 2, STREAM_ERR = 3 };

/* As much as conmon takes at once, and more than it sends. */
#define PACKET_SIZE 32768

static const int held[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

#define N_HELD (sizeof(held) / sizeof(held[0]))

/* How long the monitor may take for a connection. */
#define TAKEN_MS 5000

/* The monitor takes connections when it comes to that, and what the container wrote before is in
 * its log only. It comes to its control pipe in the same loop: who was connected before what it
 * reads there is taken by then. A monitor without that pipe, or without an end, isn't waited for.
 */
static void wait_for_monitor(const struct box_record *record)
{
	static const char nothing[] = "0 0 0\n"; /* of no kind that it knows */
	auto_fd control = openat(record->dir, "bundle/ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	struct pollfd gone = { control, 0, 0 };
	int unread = 1;

	if (control < 0 || write(control, nothing, strlen(nothing)) < 0)
		return;
	for (int i = 0; i < TAKEN_MS && unread > 0; i++)
		if (poll(&gone, 1, 1) > 0 || ioctl(control, FIONREAD, &unread) < 0)
			return;
}

int attach_connect(const struct box_record *record, struct oci_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail_sys(err, "socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/bundle/attach",
		       record->dir);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED
			       ? fail_code(err, "not-running", "'%s' isn't running",
					   record->state.name)
			       : fail_sys(err, "connect to the monitor of '%s'",
					  record->state.name);
	wait_for_monitor(record);
	return fd_take(&fd);
}

int attach_hold_signals(struct oci_error *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < N_HELD; i++)
		(void)sigaddset(&set, held[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail_sys(err, "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? fail_sys(err, "signalfd") : fd;
}

/* --- One session --- */

struct session {
	const struct attach *attach;
	char pending[8192]; /* of the standard input */
	size_t start, end;
	bool in_ended, told_end;
	bool detached, ended;
	size_t matched; /* of the keys that detach: kept back */
	struct termios before;
	bool raw;
};

static void take_terminal(struct session *session)
{
	struct termios raw;

	if (!session->attach->terminal || !session->attach->interactive ||
	    tcgetattr(0, &session->before) < 0)
		return;
	raw = session->before;
	cfmakeraw(&raw);
	session->raw = tcsetattr(0, TCSADRAIN, &raw) == 0;
}

static void give_terminal_back(struct session *session)
{
	if (session->raw)
		(void)tcsetattr(0, TCSADRAIN, &session->before); /* nobody is left to tell */
	session->raw = false;
}

/* conmon's control pipe: "1 ROWS COLUMNS". */
static void copy_size(const struct session *session)
{
	auto_fd control = -1;
	struct winsize size;
	char text[64];

	if (!session->attach->terminal || ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return;
	control = openat(session->attach->record->dir, "bundle/ctl",
			 O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	(void)snprintf(text, sizeof(text), "1 %u %u\n", size.ws_row, size.ws_col);
	if (control >= 0)
		(void)!write(control, text, strlen(text)); /* a size that is lost harms little */
}

static void pass_signal(const struct session *session)
{
	const struct attach *attach = session->attach;
	struct signalfd_siginfo info;
	struct oci_error ignored = { 0 }; /* it may have ended just now */
	char number[16];

	if (read(attach->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		copy_size(session);
		return;
	}
	(void)snprintf(number, sizeof(number), "%u", info.ssi_signo);
	(void)monitor_hull(attach->home, NULL, &ignored, "kill", attach->record->id, number, NULL);
}

/* What the container wrote. A stream of the caller's that is closed loses its part. */
static int take_packet(struct session *session, struct oci_error *err)
{
	static char packet[PACKET_SIZE + 1];
	struct oci_error ignored = { 0 };
	ssize_t size = recv(session->attach->socket, packet, sizeof(packet), 0);

	/* Reset: it ended without reading all that came from here. What it had sent comes next. */
	if (size < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return 0;
	if (size < 0)
		return fail_sys(err, "read from the monitor");
	if (size <= 0)
		session->ended = true;
	else if (packet[0] == STREAM_OUT || packet[0] == STREAM_ERR)
		(void)file_write_all(packet[0] == STREAM_OUT ? 1 : 2, packet + 1, (size_t)size - 1,
				     &ignored);
	return 0;
}

/* The first of the keys that detach are kept back and passed on with what follows them. */
static void look_for_detach(struct session *session, size_t from)
{
	const struct detach_keys *keys = &session->attach->keys;

	for (size_t i = from; session->raw && keys->n && i < session->end; i++) {
		session->matched = detach_keys_follow(keys, session->matched,
						      (unsigned char)session->pending[i]);
		if (session->matched == keys->n) {
			session->detached = true;
			session->end = i + 1;
			break;
		}
	}
	session->end -= session->matched;
}

static void take_input(struct session *session)
{
	size_t kept = session->matched;
	ssize_t size = read(0, session->pending + kept, sizeof(session->pending) - kept);

	session->start = session->end = 0;
	if (size > 0) {
		memcpy(session->pending, session->attach->keys.v, kept);
		session->end = kept + (size_t)size;
		look_for_detach(session, kept);
	} else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
		session->in_ended = true;
	}
}

static void give_input(struct session *session)
{
	ssize_t size = send(session->attach->socket, session->pending + session->start,
			    session->end - session->start, MSG_NOSIGNAL);

	if (size > 0)
		session->start += (size_t)size;
	else if (errno != EAGAIN && errno != EINTR)
		session->start = session->end; /* its input is closed */
}

static int step(struct session *session, struct oci_error *err)
{
	const struct attach *attach = session->attach;
	bool waiting = session->start < session->end;
	bool reads = attach->interactive && !session->in_ended && !waiting;
	struct pollfd set[] = {
		{ attach->socket, (short)(POLLIN | (waiting ? POLLOUT : 0)), 0 },
		{ attach->signals, POLLIN, 0 },
		{ reads ? 0 : -1, POLLIN, 0 },
	};

	if (poll(set, 3, -1) < 0)
		return errno == EINTR ? 0 : fail_sys(err, "poll");
	if (set[1].revents)
		pass_signal(session);
	if (set[2].revents)
		take_input(session);
	if (waiting && (set[0].revents & POLLOUT))
		give_input(session);
	if (set[0].revents & (POLLIN | POLLHUP | POLLERR))
		TRY(take_packet(session, err));
	if (session->in_ended && !session->told_end && session->start == session->end) {
		(void)shutdown(attach->socket, SHUT_WR); /* it may have ended */
		session->told_end = true;
	}
	return 0;
}

enum attach_end attach_run(const struct attach *attach, struct oci_error *err)
{
	struct session session = { .attach = attach };
	int result = 0;

	take_terminal(&session);
	copy_size(&session);
	while (result == 0 && !session.ended && !session.detached)
		result = step(&session, err);
	give_terminal_back(&session);
	if (result < 0)
		return ATTACH_FAILED;
	return session.detached ? ATTACH_DETACHED : ATTACH_ENDED;
}

/* --- From outside --- */

static bool is_session(int fd)
{
	int domain = 0, type = 0, listens = 1;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

/* Its descriptors; NULL when it is gone. */
static DIR *list_descriptors(int monitor)
{
	struct oci_error ignored = { 0 };
	char path[64], info[1024];
	const char *line;
	auto_fd proc = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(path, sizeof(path), "%d", monitor);
	if (proc < 0 || file_read_at(proc, path, info, sizeof(info), &ignored) < 0)
		return NULL;
	line = strstr(info, "\nPid:\t");
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", line ? atoi(line + 6) : -1);
	return opendir(path);
}

bool attach_cut_off(int monitor)
{
	DIR *list = list_descriptors(monitor);
	const struct dirent *entry;
	bool found = false, forbidden = false;

	while (list && (entry = readdir(list)) != NULL) {
		auto_fd fd = isdigit((unsigned char)entry->d_name[0])
				     ? sys_pidfd_getfd(monitor, atoi(entry->d_name))
				     : -1;

		forbidden = forbidden || (fd < 0 && errno == EPERM);
		if (fd >= 0 && is_session(fd))
			found = shutdown(fd, SHUT_RDWR) == 0 || found;
	}
	if (!list || forbidden)
		found = sys_pidfd_send_signal(monitor, SIGKILL) == 0 || found;
	if (list)
		(void)closedir(list);
	return found;
}
