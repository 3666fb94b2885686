/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/systemd_helper.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/sys.h"
#include "plan/host.h"
#include "steps/caller.h"
#include "steps/spawn.h"

extern char **environ;

/* Beyond its own deadline, for the way there and back. */
enum { GRACE_MS = 3000 };

uint32_t systemd_deadline(uint32_t usual)
{
#ifdef HULL_FAULT_INJECTION
	const char *given = getenv("HULL_SYSTEMD_DEADLINE");

	if (given && atoi(given) > 0)
		return (uint32_t)atoi(given);
#endif
	return usual;
}

/* --- Where it is --- */

/* What an environment variable names is executed by root of the host only if nobody can have put it
 * there but root, or the owner of hull itself, who has been trusted already. */
static int check_owner(const char *path, struct oci_error *err)
{
	struct stat st, own;

	if (!host_is_privileged())
		return 0;
	if (fstatat(AT_FDCWD, path, &st, 0) < 0 || fstatat(AT_FDCWD, "/proc/self/exe", &own, 0) < 0)
		return fail_sys(err, "stat '%s' (HULL_LIBEXEC)", path);
	if ((st.st_uid == 0 || st.st_uid == own.st_uid) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return fail_code(err, "systemd-missing",
			 "HULL_LIBEXEC: '%s' can be written by others than root and the owner of "
			 "hull, so it isn't executed",
			 path);
}

static int find_helper(char path[PATH_MAX], struct oci_error *err)
{
	const char *given = secure_getenv("HULL_LIBEXEC");
	const char *dir = given && *given == '/' ? given : HULL_LIBEXECDIR;

	if (snprintf(path, PATH_MAX, "%s/" SYSTEMD_HELPER, dir) >= PATH_MAX)
		return fail_code(err, "systemd-missing",
				 "the path of " SYSTEMD_HELPER " is too long");
	if (faccessat(AT_FDCWD, path, X_OK, 0) < 0) {
		(void)snprintf(err->code, sizeof(err->code), "systemd-missing");
		return fail_sys(err,
				"--systemd-cgroup needs the program '%s', which is built with hull "
				"where libsystemd is",
				path);
	}
	if (dir != given)
		return 0;
	TRY(check_owner(dir, err));
	return check_owner(path, err);
}

/* --- Its birth --- */

/* Nothing of hull's environment goes along but where the buses are. */
static void own_environment(char **out, size_t room)
{
	static const char *const kept[] = { "DBUS_SYSTEM_BUS_ADDRESS=", "DBUS_SESSION_BUS_ADDRESS=",
					    "XDG_RUNTIME_DIR=" };
	size_t n = 0;

	for (char **entry = environ; *entry; entry++)
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && n + 1 < room; i++)
			if (strncmp(*entry, kept[i], strlen(kept[i])) == 0)
				out[n++] = *entry;
	out[n] = NULL;
}

static _Noreturn void become_helper(const char *path, int sock, pid_t parent)
{
	char name[] = SYSTEMD_HELPER;
	char *args[] = { name, NULL };
	char *env[8];
	struct oci_error ignored = { 0 };
	int null = openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have been killed before that. */
	if (getppid() != parent || null < 0)
		spawn_end(127);
	/* Its own process group: what a terminal sends to hull isn't meant for it. */
	(void)setpgid(0, 0);
	caller_reset_signals();
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (sock == SYSTEMD_HELPER_FD)
		(void)fcntl(sock, F_SETFD, 0);
	else
		(void)dup2(sock, SYSTEMD_HELPER_FD);
	if (fd_cloexec_from(SYSTEMD_HELPER_FD + 1, &ignored) < 0 || chdir("/") < 0)
		spawn_end(127);
	own_environment(env, sizeof(env) / sizeof(env[0]));
	(void)execve(path, args, env);
	spawn_end(127);
}

int systemd_helper_start(struct systemd_helper *helper, struct oci_error *err)
{
	struct clone_args args = { .flags = CLONE_PIDFD,
				   .pidfd = (uint64_t)(uintptr_t)&helper->pidfd,
				   .exit_signal = SIGCHLD };
	pid_t parent = getpid();
	char path[PATH_MAX];
	int pair[2];

	*helper = (struct systemd_helper)SYSTEMD_NO_HELPER;
	TRY(find_helper(path, err));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_sys(err, "socketpair");
	helper->pid = sys_clone3(&args);
	if (helper->pid == 0)
		become_helper(path, pair[1], parent);
	(void)close(pair[1]);
	helper->sock = pair[0];
	if (helper->pid < 0) {
		(void)fail_sys(err, "start " SYSTEMD_HELPER ": clone3");
		fd_drop(&helper->sock);
		helper->pid = 0;
		return -1;
	}
	return 0;
}

/* --- Its end --- */

static void reap(struct systemd_helper *helper, siginfo_t *info)
{
	if (helper->pid <= 0 || !spawn_reap(helper->pid, helper->pidfd, info))
		*info = (siginfo_t){ .si_code = 0 };
	helper->pid = 0;
	fd_drop(&helper->pidfd);
	fd_drop(&helper->sock);
}

static bool has_ended(const struct systemd_helper *helper, int timeout_ms)
{
	struct pollfd gone = { .fd = helper->pidfd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&gone, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

void systemd_helper_kill(struct systemd_helper *helper)
{
	siginfo_t ignored;

	if (helper->pid <= 0)
		return;
	(void)sys_pidfd_send_signal(helper->pidfd, SIGKILL);
	reap(helper, &ignored);
}

void systemd_helper_end(struct systemd_helper *helper)
{
	if (helper->pid > 0)
		(void)has_ended(helper, GRACE_MS);
	systemd_helper_kill(helper);
}

/* --- Asking --- */

static int fail_dead(struct systemd_helper *helper, struct oci_error *err)
{
	siginfo_t info;

	/* Closed its socket, so it is on its way out, or up to something. */
	if (!has_ended(helper, GRACE_MS))
		(void)sys_pidfd_send_signal(helper->pidfd, SIGKILL);
	reap(helper, &info);
	if (info.si_code == CLD_EXITED && info.si_status == 127)
		return fail_code(err, "systemd-missing",
				 SYSTEMD_HELPER " couldn't be executed (is libsystemd there?)");
	if (info.si_code == CLD_EXITED)
		return fail_code(err, "systemd-failed",
				 SYSTEMD_HELPER " ended before its time (exit status %d)",
				 info.si_status);
	if (info.si_pid == 0)
		return fail_code(err, "systemd-failed",
				 SYSTEMD_HELPER " ended before its time, or can't be ended");
	return fail_code(err, "systemd-failed", SYSTEMD_HELPER " was killed by signal %d (%s)",
			 info.si_status, strsignal(info.si_status));
}

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 1: there is something to read, 0: not in time. */
static int wait_for_reply(const struct systemd_helper *helper, uint32_t deadline_ms)
{
	long end = now_ms() + deadline_ms + GRACE_MS;

	for (;;) {
		struct pollfd heard = { .fd = helper->sock, .events = POLLIN };
		long left = end - now_ms();
		int ready = left > 0 ? poll(&heard, 1, (int)left) : 0;

		if (ready > 0)
			return 1;
		if (ready == 0)
			return 0;
	}
}

int systemd_helper_ask(struct systemd_helper *helper, const struct systemd_request *request,
		       struct systemd_reply *reply, struct arena *arena, struct oci_error *err)
{
	int got;

	if (systemd_send_request(helper->sock, request, err) < 0)
		return err->num == EPIPE || err->num == ECONNRESET ? fail_dead(helper, err) : -1;
	if (wait_for_reply(helper, request->deadline_ms) == 0) {
		systemd_helper_kill(helper);
		return fail_code(err, "timeout",
				 SYSTEMD_HELPER " said nothing for %u s, so it was "
						"killed",
				 (request->deadline_ms + GRACE_MS) / 1000);
	}
	got = systemd_receive_reply(helper->sock, reply, arena, err);
	if (got == 0)
		return fail_dead(helper, err);
	if (got < 0 || reply->verb != request->verb) {
		systemd_helper_kill(helper);
		return got < 0 ? -1
			       : fail_code(err, "systemd-failed",
					   SYSTEMD_HELPER " answered another question");
	}
	if (!reply->failed)
		return 0;
	(void)fail_code(err, *reply->code ? reply->code : "systemd-failed", "%s", reply->text);
	err->num = reply->num;
	return -1;
}
