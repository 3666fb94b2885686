/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/spawn.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "steps/idmap.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL /* Linux 5.7 */
#endif

/* Where test builds keep their trace file (sequence/fault.c). */
#ifdef HULL_FAULT_INJECTION
#define SPAWN_TRACE_FD 500
#else
#define SPAWN_TRACE_FD (-1)
#endif

/* How long a killed process may take to be gone. */
enum { REAP_MS = 10 * 1000, REAP_AGAIN_MS = 5 };

int spawn_channel(struct run *run, struct oci_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_sys(err, "socketpair");
	run->channel = pair[0];
	run->channel_child = pair[1];
	return 0;
}

/* What every child does first. Nothing here can fail. */
static void begin_child(struct run *run, bool on_the_host)
{
	bool outside = on_the_host || plan_new_ns(run->plan, NS_USER);

	/* Whom exec makes in a paused container it leaves to itself, and never hears how far that
	 * has come; before its turn the end of the channel ends it. */
	if (on_the_host || !plan_stays_frozen(run->plan))
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Else nobody without privilege could write its id maps or oom score; undone by
	 * idmap_become, or before STAGE joins what is there already. */
	(void)prctl(PR_SET_DUMPABLE, outside && run->plan->host->euid != 0);
	/* The lock on the state directory belongs to the open file: it would outlive PARENT. */
	fd_drop(&run->state_dir);
	fd_drop(&run->console_socket);
	if (run->channel_child >= 0) {
		fd_drop(&run->channel);
		run->channel = fd_take(&run->channel_child);
	}
}

static uint64_t namespace_flags(const struct plan *plan)
{
	uint64_t flags = 0;

	for (int type = 0; type < NS_TYPES; type++)
		if (plan_new_ns(plan, type))
			flags |= (unsigned)plan_ns_kinds[type].flag;
	/* Each made elsewhere: by STAGE, and by INIT once it is somebody. */
	flags &= ~(uint64_t)(unsigned)plan_ns_kinds[NS_TIME].flag;
	if (plan_stage_makes_user(plan))
		flags &= ~(uint64_t)CLONE_NEWUSER;
	if (plan_has_ns(plan, NS_USER))
		flags &= ~(uint64_t)CLONE_NEWIPC;
	return flags;
}

static int explain_cgroup(const struct run *run, struct oci_error *err)
{
	const char *path = run->state.cgroup ? run->state.cgroup : run->plan->cgroup.path;

	if (err->num == EBUSY)
		return fail(err,
			    "clone3 into cgroup '%s': Device or resource busy: it has "
			    "controllers enabled for children",
			    path);
	if (err->num == ENODEV)
		return fail_code(err, "not-running",
				 "clone3 into cgroup '%s': container not running: the cgroup is "
				 "gone",
				 path);
	if (err->num == EOPNOTSUPP)
		return fail(err,
			    "clone3 into cgroup '%s': Operation not supported: it is threaded, so "
			    "only threads of the processes there can be in it",
			    path);
	/* A user's systemd has the system's move the helper into a unit, from wherever it is, but
	 * nobody does that for hull. */
	if (err->num == EACCES)
		return fail(err,
			    "clone3 into cgroup '%s': Permission denied: cgroup.procs of it and "
			    "of the closest cgroup that it and the caller's have in common must "
			    "be writable: call hull in a unit of the same systemd (systemd-run "
			    "--user --scope hull ...), or inside the delegated tree",
			    path);
	return -1;
}

#define CONTAINERS_LIMIT                                                                           \
	"a limit on the number of processes is reached (pids.max of the container, which must "    \
	"leave room for two until the program is executed"

static int explain_clone(const struct run *run, struct oci_error *err)
{
	(void)fail_sys(err, "clone3");
	if ((namespace_flags(run->plan) & CLONE_NEWUSER) &&
	    (err->num == EPERM || err->num == ENOSPC))
		return idmap_explain(err);
	if (err->num == ENOSPC)
		return fail(err, "clone3: No space left on device: a limit on namespaces is "
				 "reached (/proc/sys/user/max_*_namespaces, or 32 nested)");
	if (err->num == EAGAIN && run->plan->request->exec && run->plan->cgroup.used)
		return fail(err, "clone3: Resource temporarily unavailable: " CONTAINERS_LIMIT
				 ", or of a cgroup above, RLIMIT_NPROC, or kernel.pid_max)");
	if (err->num == EAGAIN)
		return fail(err, "clone3: Resource temporarily unavailable: a limit on the number "
				 "of processes is reached (pids.max of a cgroup above, "
				 "RLIMIT_NPROC, or kernel.pid_max)");
	/* A pid namespace whose first process has ended takes no more (pid_namespaces(7)). */
	if (err->num == ENOMEM && run->plan->request->exec)
		return fail_code(err, "not-running",
				 "clone3: Cannot allocate memory: container not running any more, "
				 "or memory ran out");
	return run->cgroup >= 0 ? explain_cgroup(run, err) : -1;
}

static void into_cgroup(const struct run *run, struct clone_args *args)
{
	if (run->cgroup < 0)
		return;
	args->flags |= CLONE_INTO_CGROUP;
	args->cgroup = (uint64_t)run->cgroup;
}

int spawn_stage(struct run *run, struct oci_error *err)
{
	struct clone_args args = { .flags = CLONE_PIDFD,
				   .pidfd = (uint64_t)(uintptr_t)&run->stage_pidfd,
				   .exit_signal = SIGCHLD };
	bool inside = plan_stage_in_cgroup(run->plan);
	pid_t pid;

	if (inside)
		into_cgroup(run, &args);
	pid = sys_clone3(&args);
	if (pid < 0)
		return explain_clone(run, err);
	if (pid == 0) {
		if (inside) /* what STAGE clones is in it too */
			fd_drop(&run->cgroup);
		begin_child(run, true);
		return 0;
	}
	fd_drop(&run->channel_child);
	run->stage_pid = pid;
	return pid;
}

/* Into a frozen cgroup INIT comes alone, and from the container's user namespace STAGE may have no
 * right to it (plan_stage_in_cgroup): there PARENT puts it in, while it waits for its turn. */
static bool parent_moves_init(const struct run *run)
{
	const struct plan *plan = run->plan;

	return run->cgroup >= 0 && plan_stays_frozen(plan) && plan_has_ns(plan, NS_USER);
}

int spawn_init(struct run *run, struct oci_error *err)
{
	bool from_stage = plan_has_stage(run->plan);
	int pidfd = -1;
	struct clone_args args = { .flags = namespace_flags(run->plan), .exit_signal = SIGCHLD };
	pid_t pid;

	if (from_stage) {
		/* The exit signal is then STAGE's own; clone3(2) insists on 0. */
		args.flags |= CLONE_PARENT;
		args.exit_signal = 0;
	} else {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	}
	if (!parent_moves_init(run))
		into_cgroup(run, &args);
	pid = sys_clone3(&args);
	if (pid < 0)
		return explain_clone(run, err);
	if (pid == 0) {
		/* It is in the cgroup, or will be put there; the directory would be a way out to
		 * the host's tree for whoever in a shared pid namespace may look into this process.
		 */
		fd_drop(&run->cgroup);
		begin_child(run, false);
		(void)setsid();
		return 0;
	}
	run->init_pid = pid;
	if (!from_stage) {
		fd_drop(&run->channel_child);
		run->init_pidfd = pidfd;
		run->init_is_child = true;
	}
	return pid;
}

static int open_init(struct run *run, struct oci_error *err)
{
	/* INIT is PARENT's child: until it is reaped its pid belongs to nobody else. */
	run->init_is_child = true;
	run->init_pidfd = sys_pidfd_open(run->init_pid, 0);
	if (run->init_pidfd < 0)
		return fail_sys(err, "pidfd_open(%d)", run->init_pid);
	return 0;
}

/* A move is never refused for pids.max, as a clone is. */
static bool is_over_limit(int cgroup)
{
	struct oci_error ignored = { 0 }; /* without the controller there is no limit */
	char now[32], max[32];

	return file_read_at(cgroup, "pids.current", now, sizeof(now), &ignored) > 0 &&
	       file_read_at(cgroup, "pids.max", max, sizeof(max), &ignored) > 0 && max[0] != 'm' &&
	       strtoull(now, NULL, 10) > strtoull(max, NULL, 10);
}

static int move_init(const struct run *run, struct oci_error *err)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", run->init_pid);
	TRY(file_write_at(run->cgroup, "cgroup.procs", number, err));
	if (is_over_limit(run->cgroup))
		return fail(err, "move the process into the container: " CONTAINERS_LIMIT ")");
	return 0;
}

int spawn_stage_ended(struct run *run, struct oci_error *err)
{
	TRY(open_init(run, err));
	spawn_kill_stage(run);
	return parent_moves_init(run) ? move_init(run, err) : 0;
}

int spawn_outlive(struct run *run, struct oci_error *err)
{
	(void)run;
	if (prctl(PR_SET_PDEATHSIG, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_PDEATHSIG)");
	return 0;
}

int spawn_let_look(struct run *run, struct oci_error *err)
{
	(void)run;
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return fail_sys(err, "prctl(PR_SET_DUMPABLE)");
	return 0;
}

int spawn_see_executed(struct run *run, struct oci_error *err)
{
	unsigned flags;

	if (state_process_stat(run->init_pid, NULL, &flags, NULL) < 0)
		return 0;
	if (!(flags & STATE_PF_FORKNOEXEC))
		return 0;
	return fail_code(err, "init-died", "%s was killed before its program was executed",
			 run_new_process(run));
}

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool spawn_reap(pid_t pid, int pidfd, siginfo_t *info)
{
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	long end = now_ms() + REAP_MS, left = REAP_MS;
	siginfo_t found = { 0 };

	for (; left > 0; left = end - now_ms()) {
		if (pidfd >= 0)
			(void)poll(&gone, 1, (int)left);
		found = (siginfo_t){ 0 };
		if (waitid(P_PID, (id_t)pid, &found, WEXITED | WNOHANG) < 0 && errno != EINTR)
			break;
		if (found.si_pid == pid)
			break;
		/* Dead, but its tracer's first. */
		(void)poll(NULL, 0, REAP_AGAIN_MS);
	}
	if (info)
		*info = found;
	return found.si_pid == pid;
}

/* What a helper tells: in memory that it shares with its parent. */
struct report {
	struct oci_error err;
	bool done;
};

static void wait_for_helper(pid_t pid, int pidfd, int seconds)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&ended, 1, seconds * 1000);
	} while (ready < 0 && errno == EINTR);
	if (ready != 1)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	(void)spawn_reap(pid, pidfd, NULL);
}

static int run_helper(void *ctx, uint64_t flags, int seconds,
		      int (*deed)(void *, struct oci_error *), struct report *report,
		      struct oci_error *err)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD | flags,
				   .pidfd = (uint64_t)(uintptr_t)&pidfd,
				   .exit_signal = SIGCHLD };
	pid_t parent = getpid(), pid = sys_clone3(&args);

	if (pid < 0)
		return fail_sys(err, "clone3");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* In a user namespace of its own the parent is still the same number. */
		if (getppid() == parent)
			report->done = deed(ctx, &report->err) == 0;
		spawn_end(0);
	}
	wait_for_helper(pid, pidfd, seconds);
	fd_drop(&pidfd);
	return 0;
}

int spawn_helper(void *ctx, uint64_t flags, int seconds, int (*deed)(void *, struct oci_error *),
		 bool *made, struct oci_error *err)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result = -1;

	*made = false;
	if (report == MAP_FAILED)
		return fail_sys(err, "mmap");
	if (run_helper(ctx, flags, seconds, deed, report, err) == 0) {
		*made = true;
		if (report->done)
			result = 0;
		else if (report->err.text[0])
			*err = report->err;
		else
			(void)fail(err, "a process of hull's was killed, or not done after %d s",
				   seconds);
	}
	(void)munmap(report, sizeof(*report)); /* can't fail */
	return result;
}

_Noreturn void spawn_end(int status)
{
	_exit(status);
}

int spawn_close_others(struct run *run, const int *keep, size_t n, struct oci_error *err)
{
	unsigned from = 3 + run->plan->process.preserve_fds;

	/* Whatever is known or was inherited without anybody's knowledge: gaps between the kept. */
	for (;;) {
		unsigned next = SPAWN_TRACE_FD >= (int)from ? (unsigned)SPAWN_TRACE_FD : UINT_MAX;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= (int)from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from && sys_close_range(from, next == UINT_MAX ? next : next - 1, 0) < 0)
			return fail_sys(err, "close_range from %u", from);
		if (next == UINT_MAX)
			break;
		from = next + 1;
	}
	run->proc = run->cgroup = run->null_tree = run->notify_tree = -1;
	run->init_pidfd = run->stage_pidfd = run->container_pidfd = -1;
	for (int type = 0; type < NS_TYPES; type++)
		run->ns_fd[type] = -1;
	for (size_t i = 0; run->sources && i < run->plan->n_mounts; i++)
		run->sources[i] = -1;
	return 0;
}

int spawn_let_go(struct run *run, struct oci_error *err)
{
	const int keep[] = { run->rootfs, run->channel, run->start_listener, run->apparmor_attr,
			     run->selinux_attr };

	return spawn_close_others(run, keep, sizeof(keep) / sizeof(keep[0]), err);
}

void spawn_kill_stage(struct run *run)
{
	if (run->stage_pid <= 0)
		return;
	/* It ends by itself after its last message; after a failure it may be anywhere. */
	(void)sys_pidfd_send_signal(run->stage_pidfd, SIGKILL);
	(void)spawn_reap(run->stage_pid, run->stage_pidfd, NULL);
	run->stage_pid = 0;
	fd_drop(&run->stage_pidfd);
}

void spawn_kill_init(struct run *run)
{
	if (run->init_pid <= 0 || !run->init_is_child)
		return;
	if (run->init_pidfd >= 0)
		(void)sys_pidfd_send_signal(run->init_pidfd, SIGKILL);
	else
		(void)kill(run->init_pid, SIGKILL); /* unreaped, so the pid is still its own */
	/* What is left then is told by whoever waits for its cgroup. */
	(void)spawn_reap(run->init_pid, run->init_pidfd, NULL);
	run->init_pid = 0;
	fd_drop(&run->init_pidfd);
}
