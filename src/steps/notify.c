/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "steps/mount_source.h"
#include "steps/spawn.h"

#define SOCKET_NAME "socket"

/* Messages that may wait in it: net.unix.max_dgram_qlen, which is 10, or 512 with systemd. */
enum { QUEUE_MAX = 1024 };

int notify_prepare(struct run *run, struct oci_error *err)
{
	if (mkdirat(run->state_dir, STATE_NOTIFY, 0755) < 0)
		return fail_sys(err, "make '" STATE_NOTIFY "' in the state directory");
	/* The container's user, whoever it is, must reach the socket; the way to the directory on
	 * the host stays closed by the state directory's mode. */
	if (fchmodat(run->state_dir, STATE_NOTIFY, 0755, 0) < 0)
		return fail_sys(err, "chmod '" STATE_NOTIFY "'");
	if (mount_left_to_init(run->plan))
		return 0;
	run->notify_tree =
		sys_open_tree(run->state_dir, STATE_NOTIFY, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (run->notify_tree < 0)
		return fail_sys(err, "open_tree '" STATE_NOTIFY "'");
	return 0;
}

void notify_undo(struct run *run)
{
	fd_drop(&run->notify_tree);
	if (run->state_dir >= 0)
		(void)unlinkat(run->state_dir, STATE_NOTIFY, AT_REMOVEDIR);
}

/* INIT sees the host's tree until the pivot. */
static int clone_by_path(struct run *run, struct oci_error *err)
{
	const struct request *request = run->plan->request;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s/" STATE_NOTIFY, request->state_root, request->id) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return fail_sys(err, "open_tree '" STATE_NOTIFY "'");
	}
	run->notify_tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (run->notify_tree < 0)
		return fail_sys(err, "open_tree '%s'", path);
	return 0;
}

int notify_attach(struct run *run, struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
				   .propagation = MS_PRIVATE };
	auto_fd target = inroot_make_directory(run->rootfs, PLAN_NOTIFY_INSIDE, 0755, err);

	if (target < 0)
		return -1;
	if (run->notify_tree < 0)
		TRY(clone_by_path(run, err));
	if (sys_mount_setattr(run->notify_tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr");
	if (sys_move_mount(run->notify_tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount to '" PLAN_NOTIFY_INSIDE "'");
	return 0;
}

int notify_bind(struct run *run, struct oci_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	mode_t before;
	int bound;

	if (sock < 0)
		return fail_sys(err, "socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		       "/proc/self/fd/%d/" STATE_NOTIFY "/" SOCKET_NAME, run->state_dir);
	(void)unlink(address.sun_path); /* of a start that failed */
	/* Born with the mode that it keeps: a chmod would follow the path once more. */
	before = umask(0111);
	bound = bind(sock, (const struct sockaddr *)&address, sizeof(address));
	(void)umask(before);
	if (bound < 0)
		return fail_sys(err, "bind '" STATE_NOTIFY "/" SOCKET_NAME "'");
	run->notify_socket = fd_take(&sock);
	return 0;
}

static int tell(const char *path, pid_t pid, struct oci_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64];
	size_t length = strlen(path);

	if (sock < 0)
		return fail_sys(err, "socket");
	if (length == 0 || length >= sizeof(address.sun_path))
		return fail(err, "NOTIFY_SOCKET '%s' is no socket address", path);
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	(void)snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", pid);
	if (sendto(sock, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return fail_sys(err, "send to NOTIFY_SOCKET '%s'", path);
	return 0;
}

/* Is there a line READY=1 in what the container said? */
static bool says_ready(const char *text)
{
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, "READY=1", 7) == 0 && (at[7] == '\n' || at[7] == '\0'))
			return true;
	}
	return false;
}

static int wait_and_tell(struct run *run, struct oci_error *err)
{
	struct pollfd polls[] = { { .fd = run->notify_socket, .events = POLLIN },
				  { .fd = run->init_pidfd, .events = POLLIN } };
	char text[4096];

	/* Once the process has ended what was queued by then is read, not what others go on to
	 * write. */
	for (int left = QUEUE_MAX; left > 0;) {
		if (poll(polls, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return fail_sys(err, "poll");
		}
		if (polls[0].revents) {
			ssize_t got =
				recv(run->notify_socket, text, sizeof(text) - 1, MSG_DONTWAIT);

			text[got > 0 ? got : 0] = '\0';
			if (says_ready(text))
				return tell(run->plan->request->notify_socket, run->init_pid, err);
		} else if (polls[1].revents) {
			break;
		}
		left -= polls[1].revents != 0;
	}
	return 0; /* it ended without being ready, which its status tells */
}

int notify_relay(struct run *run, struct oci_error *err)
{
	const struct request *request = run->plan->request;
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	if (!request->run || request->detach)
		return wait_and_tell(run, err);
	pid = sys_clone3(&args);
	if (pid < 0)
		return fail_sys(err, "clone3");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* A lock that its parent takes later would outlive it. */
		fd_drop(&run->state_dir);
		spawn_end(wait_and_tell(run, err) < 0);
	}
	return 0;
}
