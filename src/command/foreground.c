/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/signals.h"
#include "base/sys.h"
#include "command/log.h"
#include "command/relay.h"
#include "steps/interrupt.h"

/* Sent by the kernel for hull's own faults, so they can't be blocked; when another process sends
 * them they are passed on from a handler. */
static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
#define N_FAULT_SIGNALS (sizeof(fault_signals) / sizeof(fault_signals[0]))

/* For the handler of faults: there is one foreground per process. */
static int fault_pidfd = -1;
static struct relay *fault_relay;

static void passed_on(sigset_t *set)
{
	static const int may_be_ignored[] = { SIGHUP, SIGINT, SIGQUIT };

	(void)sigfillset(set);
	(void)sigdelset(set, SIGCHLD);
	for (size_t i = 0; i < N_FAULT_SIGNALS; i++)
		(void)sigdelset(set, fault_signals[i]);
	for (size_t i = 0; i < sizeof(may_be_ignored) / sizeof(may_be_ignored[0]); i++)
		if (signal_is_ignored(may_be_ignored[i]))
			(void)sigdelset(set, may_be_ignored[i]);
}

int foreground_prepare(struct oci_error *err)
{
	sigset_t set;

	passed_on(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail_sys(err, "block signals");
	return 0;
}

bool foreground_window(unsigned short *rows, unsigned short *columns)
{
	struct winsize size;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
			*rows = size.ws_row;
			*columns = size.ws_col;
			return true;
		}
	return false;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (info->si_code <= 0 && info->si_pid != getpid()) {
		(void)sys_pidfd_send_signal(fault_pidfd, number);
		errno = saved;
		return;
	}
	if (fault_relay)
		relay_restore_terminal(fault_relay);
	(void)signal(number, SIG_DFL);
	(void)raise(number); /* takes effect on return */
}

static void catch_faults(int pidfd, struct relay *relay)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	fault_pidfd = pidfd;
	fault_relay = relay;
	(void)sigfillset(&action.sa_mask);
	for (size_t i = 0; i < N_FAULT_SIGNALS; i++)
		(void)sigaction(fault_signals[i], &action, NULL);
	(void)sigaction(SIGABRT, &action, NULL); /* abort() unblocks it */
}

struct foreground {
	struct started *started;
	struct relay *relay; /* NULL without a terminal of ours */
	int signals;
	bool ended;
	bool give_up; /* a signal came though the process has ended */
	int status;
};

static void pass_signal(struct foreground *fg, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	if (info->ssi_pid == (uint32_t)getpid()) /* SIGPIPE for an output that nobody reads */
		return;
	if (number == SIGCONT && fg->relay)
		relay_take_terminal(fg->relay);
	if (number == SIGWINCH && fg->relay) {
		relay_copy_size(fg->relay); /* makes the kernel tell those inside */
		return;
	}
	if (fg->ended)
		fg->give_up = number != SIGCONT && number != SIGWINCH;
	else
		/* ESRCH: it is ending, which its pidfd tells next. */
		(void)sys_pidfd_send_signal(fg->started->pidfd, number);
}

static int read_signals(struct foreground *fg, struct oci_error *err)
{
	struct signalfd_siginfo info[8];
	ssize_t n = read(fg->signals, info, sizeof(info));

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return fail_sys(err, "read signals");
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(info[0]); i++)
		pass_signal(fg, &info[i]);
	return 0;
}

static int reap(struct foreground *fg, struct oci_error *err)
{
	pid_t pid;

	do
		pid = waitpid(fg->started->pid, &fg->status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return fail_sys(err, "wait for process %d", fg->started->pid);
	fg->ended = true;
	return 0;
}

enum { AT_SIGNALS, AT_PROCESS, AT_RELAY, N_POLLED = AT_RELAY + 3 };

/* One round; true when all is over. */
static int turn(struct foreground *fg, bool *over, struct oci_error *err)
{
	struct pollfd set[N_POLLED] = {
		[AT_SIGNALS] = { .fd = fg->signals, .events = POLLIN },
		[AT_PROCESS] = { .fd = fg->ended ? -1 : fg->started->pidfd, .events = POLLIN },
		[AT_RELAY] = { .fd = -1 },
		[AT_RELAY + 1] = { .fd = -1 },
		[AT_RELAY + 2] = { .fd = -1 },
	};

	if (fg->ended && (!fg->relay || fg->give_up || !relay_drain(fg->relay))) {
		*over = true;
		return 0;
	}
	if (fg->relay)
		relay_poll_set(fg->relay, set + AT_RELAY);
	if (fg->ended) /* only the output is left; the rest would answer at once, for ever */
		set[AT_RELAY].fd = set[AT_RELAY + 1].fd = -1;
	if (poll(set, N_POLLED, -1) < 0)
		return errno == EINTR ? 0 : fail_sys(err, "poll");
	if (set[AT_SIGNALS].revents)
		TRY(read_signals(fg, err));
	if (fg->relay)
		relay_step(fg->relay, set + AT_RELAY);
	if (set[AT_PROCESS].revents)
		TRY(reap(fg, err));
	return 0;
}

static int wait_all(struct foreground *fg, struct oci_error *err)
{
	bool over = false;

	while (!over)
		TRY(turn(fg, &over, err));
	return WIFSIGNALED(fg->status) ? 128 + WTERMSIG(fg->status) : WEXITSTATUS(fg->status);
}

static int wait_with_signals(struct foreground *fg, struct oci_error *err)
{
	auto_fd signals = -1;
	sigset_t set;

	passed_on(&set);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return fail_sys(err, "signalfd");
	fg->signals = signals;
	catch_faults(fg->started->pidfd, fg->relay);
	if (fg->relay)
		relay_take_terminal(fg->relay);
	return wait_all(fg, err);
}

int foreground_fail_or_end(const struct oci_error *err)
{
	int signal = interrupt_signal();

	if (signal == 0)
		return -1;
	log_error(err);
	return 128 + signal;
}

int foreground_wait(struct started *started, struct oci_error *err)
{
	struct foreground fg = { .started = started, .signals = -1 };
	auto_free struct relay *relay = NULL;
	int result = 0;

	interrupt_forbid();
	if (started->terminal_master >= 0) {
		relay = malloc(sizeof(*relay));
		result = relay ? relay_open(relay, started->terminal_master, err)
			       : fail_code(err, "out-of-memory", "no memory for the terminal");
		fg.relay = relay;
	}
	if (result == 0)
		result = wait_with_signals(&fg, err);
	fault_relay = NULL;
	if (fg.relay)
		relay_close(fg.relay);
	fd_drop(&started->terminal_master);
	fd_drop(&started->pidfd);
	return result;
}
