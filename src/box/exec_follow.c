/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/exec_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/container.h"
#include "box/monitor.h"
#include "box/run_program.h"

/* Stop signals have their usual effect on both. */
static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };

int exec_log_open(struct exec_log *log, struct oci_error *err)
{
	log->fd = memfd_create("hull's errors", MFD_CLOEXEC);
	if (log->fd < 0)
		return fail_sys(err, "memfd_create");
	(void)snprintf(log->path, sizeof(log->path), "/proc/%d/fd/%d", (int)getpid(), log->fd);
	return 0;
}

void exec_log_close(struct exec_log *log)
{
	fd_drop(&log->fd);
}

/* What hull failed with; 0 when it did not. `tell`: nobody has been told yet. */
static int read_failure(const struct exec_log *log, bool tell)
{
	char text[8192], *last;
	ssize_t size = pread(log->fd, text, sizeof(text) - 1, 0);
	struct oci_error failure = { 0 };

	while (size > 0 && text[size - 1] == '\n')
		size--;
	if (size <= 0)
		return 0;
	text[size] = '\0';
	last = strrchr(text, '\n');
	(void)monitor_hull_error(last ? last + 1 : text, &failure);
	if (tell)
		box_tell("hullbox: ", failure.text);
	return container_failure_status(&failure);
}

_Noreturn static void become_hull(char **argv, const struct exec_streams *streams, pid_t parent)
{
	/* As if it had taken its parent's place. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	    exec_streams_enter(streams)) {
		program_reset_signals();
		(void)execv(argv[0], argv);
	}
	(void)fprintf(stderr, "hullbox: execute '%s': %s\n", argv[0], strerror(errno));
	_exit(125);
}

/* What a terminal sends goes to the whole group, hull included. pid: 0 when it has ended: what came
 * with its end was meant for it. */
static void pass_on(int signals, pid_t pid)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (pid > 0 && info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
			(void)kill(pid, (int)info.ssi_signo); /* it isn't reaped yet */
}

static int wait_for(pid_t pid, int signals, struct exec_streams *streams, struct oci_error *err)
{
	struct pollfd set[EXEC_POLLFDS + 1];
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		exec_streams_wait_for(streams, set);
		set[EXEC_POLLFDS] = (struct pollfd){ signals, POLLIN, 0 };
		if (poll(set, EXEC_POLLFDS + 1, -1) <= 0)
			continue;
		if (set[EXEC_POLLFDS].revents)
			pass_on(signals, pid);
		exec_streams_move(streams, set);
	}
	pass_on(signals, 0);
	return ended < 0 ? fail_sys(err, "wait for hull") : program_status(status);
}

static int follow(char **argv, struct exec_streams *streams, const sigset_t *signals,
		  struct oci_error *err)
{
	pid_t parent = getpid(), pid;
	auto_fd events = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);

	if (events < 0)
		return fail_sys(err, "signalfd");
	pid = fork();
	if (pid < 0)
		return fail_sys(err, "fork");
	if (pid == 0)
		become_hull(argv, streams, parent);
	exec_streams_begin(streams);
	return wait_for(pid, events, streams, err);
}

int exec_follow(char **argv, enum exec_streams_kind kind, const struct exec_log *log,
		struct oci_error *err)
{
	struct exec_streams streams;
	sigset_t signals, before;
	int status, failure;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		(void)sigaddset(&signals, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &signals, &before) < 0)
		return fail_sys(err, "sigprocmask");
	status = exec_streams_open(&streams, kind, err);
	if (status == 0)
		status = follow(argv, &streams, &signals, err);
	/* A terminal that is stopped holds up the rest of the output: signals end this again. */
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (status >= 0)
		exec_streams_drain(&streams);
	if (streams.failed)
		box_warn("the command's output is lost: write: %s", strerror(streams.failed));
	exec_streams_close(&streams);
	failure = status == 255 ? read_failure(log, kind == EXEC_NOTHING) : 0;
	return failure ? failure : status;
}
