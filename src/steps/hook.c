/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * INIT runs hooks too (createContainer, startContainer): nothing here allocates.
 */
#include "steps/hook.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/sys.h"
#include "steps/caller.h"
#include "steps/interrupt.h"
#include "steps/process.h"
#include "steps/spawn.h"

extern char **environ;

/* What is kept of a hook's output: its end, for the error text. */
enum { TAIL = 1024 };

/* What a pipe holds unless it was told otherwise. */
enum { PIPE_ROOM = 64 * 1024 };

struct hook_io {
	int in;	 /* write end of its stdin */
	int out; /* read end of its stdout and stderr */
	int pidfd;
	struct run *
		confined; /* it gets the ids and capabilities of the container's process, or NULL */
	const char *part[4]; /* of the state document, still to be written */
	size_t written;	     /* of part[at] */
	size_t at;
	char tail[TAIL + 1];
	size_t tail_size;
};

static void keep_tail(struct hook_io *io, const char *text, size_t size)
{
	if (size >= TAIL) {
		text += size - TAIL;
		size = TAIL;
	}
	if (io->tail_size + size > TAIL) {
		size_t drop = io->tail_size + size - TAIL;

		memmove(io->tail, io->tail + drop, io->tail_size - drop);
		io->tail_size -= drop;
	}
	memcpy(io->tail + io->tail_size, text, size);
	io->tail_size += size;
	io->tail[io->tail_size] = '\0';
}

/* Reads what is there; the fd is non-blocking. Closes it at its end. No more than a pipe holds:
 * whoever keeps writing must not keep hull from its clock, or for ever once the hook is gone. */
static void drain(struct hook_io *io)
{
	char buf[4096];
	ssize_t got = -1;

	for (size_t left = PIPE_ROOM; left > 0; left -= sizeof(buf)) {
		got = read(io->out, buf, sizeof(buf));
		if (got <= 0)
			break;
		keep_tail(io, buf, (size_t)got);
	}
	if (got == 0)
		fd_drop(&io->out);
}

/* Writes on while the pipe takes it. A hook that doesn't read its stdin is no error. */
static void feed(struct hook_io *io)
{
	while (io->at < sizeof(io->part) / sizeof(io->part[0])) {
		const char *part = io->part[io->at];
		size_t left = strlen(part) - io->written;
		ssize_t written = left ? write(io->in, part + io->written, left) : 0;

		if (written < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (written < 0)
			break;
		io->written += (size_t)written;
		if ((size_t)written == left) {
			io->at++;
			io->written = 0;
		}
	}
	fd_drop(&io->in);
}

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum outcome { ENDED, TIMED_OUT, INTERRUPTED };

/* Serves the pipes until the hook has ended, or is to be. */
static enum outcome attend(struct hook_io *io, int timeout_ms)
{
	long end = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;

	for (;;) {
		struct pollfd polls[] = { { .fd = io->pidfd, .events = POLLIN },
					  { .fd = io->in, .events = POLLOUT },
					  { .fd = io->out, .events = POLLIN } };
		long left = timeout_ms < 0 ? -1 : end - now_ms();

		if (timeout_ms >= 0 && left <= 0)
			return TIMED_OUT;
		if (interrupt_poll(polls, 3, (int)left) < 0) {
			if (errno == ECANCELED)
				return INTERRUPTED;
			continue; /* EINTR, or memory that will be there again */
		}
		if (polls[1].revents)
			feed(io);
		if (polls[2].revents)
			drain(io);
		if (polls[0].revents)
			return ENDED;
		/* Where there is always something to read no signal interrupts the wait. */
		if (interrupt_came())
			return INTERRUPTED;
	}
}

/* The environment for a hook that gives none: hull's own without what would steer the loader. */
static void own_environment(char **out, size_t room)
{
	size_t n = 0;

	for (char **entry = environ; *entry && n + 1 < room; entry++)
		if (strncmp(*entry, "LD_", 3) != 0)
			out[n++] = *entry;
	out[n] = NULL;
}

static _Noreturn void become_hook(const struct plan_hook *hook, char *const *env, const char *cwd,
				  int in, int out, struct run *confined, pid_t parent)
{
	struct oci_error err = { 0 };
	char *own[1024];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have been killed before that: nobody would wait for the hook, or end it. */
	if (getppid() != parent)
		_exit(127);
	(void)setpgid(0, 0);
	caller_reset_signals();
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	(void)dup2(out, 2);
	(void)fd_cloexec_from(3, &err);
	(void)umask(0022);
	if (chdir(cwd) < 0) {
		dprintf(2, "chdir to '%s': %s", cwd, strerror(errno));
		_exit(127);
	}
	if (confined && process_confine(confined, &err) < 0) {
		dprintf(2, "%s", err.text);
		_exit(127);
	}
	if (!env) {
		own_environment(own, sizeof(own) / sizeof(own[0]));
		env = own;
	}
	(void)execve(hook->path, hook->args, env);
	dprintf(2, "execve: %s", strerror(errno));
	_exit(127);
}

static int start_hook(const struct plan_hook *hook, char *const *env, const char *cwd,
		      struct hook_io *io, pid_t *pid, struct oci_error *err)
{
	struct clone_args args = { .flags = CLONE_PIDFD,
				   .pidfd = (uint64_t)(uintptr_t)&io->pidfd,
				   .exit_signal = SIGCHLD };
	int in[2], out[2];
	pid_t parent = getpid();

	if (pipe2(in, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe2");
	if (pipe2(out, O_CLOEXEC) < 0) {
		(void)fail_sys(err, "pipe2");
		(void)close(in[0]);
		(void)close(in[1]);
		return -1;
	}
	*pid = sys_clone3(&args);
	if (*pid == 0)
		become_hook(hook, env, cwd, in[0], out[1], io->confined, parent);
	if (*pid < 0)
		(void)fail_sys(err, "clone3");
	(void)close(in[0]);
	(void)close(out[1]);
	io->in = in[1];
	io->out = out[0];
	if (*pid < 0)
		return -1;
	TRY(fd_set_nonblock(io->in, 1, err));
	return fd_set_nonblock(io->out, 1, err);
}

static void clean(char *text)
{
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
}

static int judge(const struct plan_hook *hook, struct hook_io *io, const siginfo_t *info,
		 enum outcome outcome, struct oci_error *err)
{
	const char *head = io->tail_size ? "; it wrote: " : "";

	if (outcome == INTERRUPTED)
		return interrupt_fail(err, "killed");
	if (outcome == ENDED && info->si_code == CLD_EXITED && info->si_status == 0)
		return 0;
	clean(io->tail);
	if (outcome == TIMED_OUT)
		return fail_code(err, "hook-failed",
				 "not done after its timeout of %d s, killed%s%s",
				 hook->timeout_ms / 1000, head, io->tail);
	if (info->si_pid == 0)
		return fail_code(err, "hook-failed",
				 "it ended, but its exit status isn't to be had%s%s", head,
				 io->tail);
	if (info->si_code == CLD_EXITED)
		return fail_code(err, "hook-failed", "exit status %d%s%s", info->si_status, head,
				 io->tail);
	return fail_code(err, "hook-failed", "killed by signal %d (%s)%s%s", info->si_status,
			 strsignal(info->si_status), head, io->tail);
}

static int run_hook(const struct plan_hook *hook, char *const *env, const char *cwd,
		    struct hook_io *io, struct oci_error *err)
{
	siginfo_t info = { 0 };
	enum outcome outcome = ENDED;
	pid_t pid = -1;
	int status = start_hook(hook, env, cwd, io, &pid, err);

	if (pid > 0) {
		if (status == 0)
			outcome = attend(io, hook->timeout_ms);
		if (status < 0 || outcome != ENDED) {
			/* Its whole process group, while the leader is unreaped. */
			(void)kill(-pid, SIGKILL);
			(void)sys_pidfd_send_signal(io->pidfd, SIGKILL);
		}
		(void)spawn_reap(pid, io->pidfd, &info);
		if (io->out >= 0)
			drain(io);
		if (status == 0)
			status = judge(hook, io, &info, outcome, err);
	}
	fd_drop(&io->in);
	fd_drop(&io->out);
	fd_drop(&io->pidfd);
	return status;
}

static int run_one(const struct plan *plan, enum plan_hook_kind kind, size_t index,
		   const char *status, pid_t pid, const char *cwd, struct run *confined,
		   struct oci_error *err)
{
	const struct plan_hook *hook = &plan->hooks[kind].list[index];
	/* startContainer is the container's own: process.env, not hull's environment. */
	char *const *env =
		hook->env || kind != HOOK_START_CONTAINER ? hook->env : plan->process.env;
	struct hook_io io = { .in = -1, .out = -1, .pidfd = -1, .confined = confined };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	char number[32] = "\"";
	int result;

	if (pid > 0)
		(void)snprintf(number, sizeof(number), "\",\"pid\":%d", pid);
	io.part[0] = plan->hook_state_head;
	io.part[1] = status;
	io.part[2] = number;
	io.part[3] = plan->hook_state_tail;
	(void)sigaction(SIGPIPE, &ignore, &before);
	result = run_hook(hook, env, cwd, &io, err);
	(void)sigaction(SIGPIPE, &before, NULL);
	if (result < 0)
		return fail_in(err, "/hooks/%s/%zu: hook '%s'", plan_hook_names[kind], index,
			       hook->path);
	return 0;
}

int hook_run_program(char *const args[], int timeout_ms, struct oci_error *err)
{
	const struct plan_hook program = { .path = args[0],
					   .args = args,
					   .timeout_ms = timeout_ms };
	struct hook_io io = { .in = -1, .out = -1, .pidfd = -1 };

	for (size_t i = 0; i < sizeof(io.part) / sizeof(io.part[0]); i++)
		io.part[i] = "";
	return run_hook(&program, NULL, "/", &io, err);
}

int hook_run_one(const struct plan *plan, enum plan_hook_kind kind, size_t index,
		 const char *status, pid_t pid, const char *cwd, struct oci_error *err)
{
	return run_one(plan, kind, index, status, pid, cwd, NULL, err);
}

int hook_run(const struct plan *plan, enum plan_hook_kind kind, const char *status, pid_t pid,
	     const char *cwd, struct oci_error *err)
{
	for (size_t i = 0; i < plan->hooks[kind].n; i++)
		TRY(hook_run_one(plan, kind, i, status, pid, cwd, err));
	return 0;
}

int hook_prestart(struct run *run, struct oci_error *err)
{
	return hook_run(run->plan, HOOK_PRESTART, "creating", run->init_pid,
			run->plan->request->bundle, err);
}

int hook_create_runtime(struct run *run, struct oci_error *err)
{
	return hook_run(run->plan, HOOK_CREATE_RUNTIME, "creating", run->init_pid,
			run->plan->request->bundle, err);
}

int hook_create_container(struct run *run, struct oci_error *err)
{
	return hook_run(run->plan, HOOK_CREATE_CONTAINER, "creating", getpid(), "/", err);
}

/* These come from the image, which is hostile: they get no more than the container's process will.
 */
int hook_start_container(struct run *run, struct oci_error *err)
{
	for (size_t i = 0; i < run->plan->hooks[HOOK_START_CONTAINER].n; i++)
		TRY(run_one(run->plan, HOOK_START_CONTAINER, i, "created", getpid(), "/", run,
			    err));
	return 0;
}

int hook_poststart(struct run *run, struct oci_error *err)
{
	return hook_run(run->plan, HOOK_POSTSTART, "running", run->init_pid,
			run->plan->request->bundle, err);
}
