/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/enter.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "steps/cgroup.h"
#include "steps/oom.h"
#include "steps/process.h"
#include "steps/spawn.h"

static int not_running(struct oci_error *err)
{
	return fail_code(err, "not-running", "container not running: its first process has ended");
}

/* By number, so only true of the right process if that lives still afterwards. */
static int compare(struct run *run, struct oci_error *err)
{
	for (int type = 0; type < NS_TYPES; type++) {
		char theirs[48], ours[48];
		struct stat a, b;

		(void)snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", run->state.pid,
			       plan_ns_kinds[type].proc);
		(void)snprintf(ours, sizeof(ours), "/proc/self/ns/%s", plan_ns_kinds[type].proc);
		if (stat(ours, &b) < 0)
			return fail_sys(err, "stat '%s'", ours);
		if (stat(theirs, &a) < 0)
			return fail_sys(err, "stat '%s'", theirs);
		if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
			run->join_flags |= plan_ns_kinds[type].flag;
	}
	return 0;
}

/* For enter_join_cgroup(), by descriptor: the process that joins it stands in the container's user
 * namespace by then, and may look at the container's first one no longer before that has executed
 * its program. */
static int open_cgroup_namespace(struct run *run, struct oci_error *err)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/cgroup", run->state.pid);
	run->ns_fd[NS_CGROUP] = open(path, O_RDONLY | O_CLOEXEC);
	return run->ns_fd[NS_CGROUP] < 0 ? fail_sys(err, "open '%s'", path) : 0;
}

static int open_root(struct run *run, struct oci_error *err)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", run->state.pid);
	run->rootfs = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return run->rootfs < 0 ? fail_sys(err, "open '%s'", path) : 0;
}

int enter_look(struct run *run, struct oci_error *err)
{
	struct pollfd died = { .fd = run->container_pidfd, .events = POLLIN };
	int result = compare(run, err);

	if (result == 0 && (run->join_flags & CLONE_NEWCGROUP) && !plan_stage_in_cgroup(run->plan))
		result = open_cgroup_namespace(run, err);
	if (result == 0 && run->plan->by_chroot)
		result = open_root(run, err);
	/* Its number may be another's by now, and hull's own namespaces must never pass for the
	 * container's. */
	if (poll(&died, 1, 0) != 0)
		return not_running(err);
	return result;
}

int enter_open_cgroup(struct run *run, struct oci_error *err)
{
	const struct request_exec *exec = run->plan->request->exec;

	auto_fd dir = cgroup_open_for_exec(&run->state, exec->sub_cgroup, run->state.pid,
					   exec->paused, err);
	int alone;

	if (dir < 0)
		return -1;
	oom_begin(run, dir);
	if (plan_stage_in_cgroup(run->plan)) {
		run->cgroup = fd_take(&dir);
		return 0;
	}
	/* The new process is born with it. From the directory in the host's mount ".." would lead
	 * whoever gets at that descriptor up to the host's root; from a mount of its own, nowhere.
	 * Without privilege there is none, and no more to gain than the caller's own. */
	alone = sys_open_tree(dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	run->cgroup = alone >= 0 ? alone : fd_take(&dir);
	return 0;
}

int enter_join(struct run *run, struct oci_error *err)
{
	int flags = run->join_flags;

	if (!plan_stage_in_cgroup(run->plan))
		flags &= ~CLONE_NEWCGROUP;

	/* From now on the container's processes must not look into it. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_DUMPABLE)");
	/* The caller's groups aren't the container's. Inside of a user namespace that forbids it
	 * they would stay, and an unprivileged caller can't drop them here either (process.c). */
	if (flags & CLONE_NEWUSER)
		(void)sys_setgroups(0, NULL);
	if (flags == 0 || setns(run->container_pidfd, flags) == 0)
		return 0;
	if (errno == ESRCH)
		return not_running(err);
	return fail_sys(err, "setns to the namespaces of process %d (flags 0x%x)", run->state.pid,
			(unsigned)flags);
}

int enter_join_cgroup(struct run *run, struct oci_error *err)
{
	int *fd = &run->ns_fd[NS_CGROUP];

	if (*fd >= 0 && setns(*fd, CLONE_NEWCGROUP) < 0)
		return fail_sys(err, "setns");
	fd_drop(fd);
	return plan_has_ns(run->plan, NS_USER) ? 0 : process_shed(run, err);
}

int enter_root(struct run *run, struct oci_error *err)
{
	/* Else joining the mount namespace has led to its root, which is the container's. */
	if (run->rootfs >= 0) {
		if (fchdir(run->rootfs) < 0)
			return fail_sys(err, "enter the container's root directory");
		if (chroot(".") < 0)
			return fail_sys(err, "chroot to the container's root directory");
		fd_drop(&run->rootfs);
	}
	if (chdir("/") < 0)
		return fail_sys(err, "chdir '/'");
	run->rootfs = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return run->rootfs < 0 ? fail_sys(err, "open the container's root directory") : 0;
}

int enter_let_go(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	bool labels = process->apparmor_profile || process->selinux_label;
	int cgroup = run->cgroup;
	bool looks_up = run->plan->process.user_name || run->plan->process.group_name ||
			run->plan->process.needs_home;
	/* Names are looked up by it. The new process opens a file of its own in it where PARENT
	 * can't and it is out of the container's reach (tables.c). */
	int proc = looks_up || (labels && plan_has_ns(run->plan, NS_USER)) ? run->proc : -1;
	int cgroup_ns = run->ns_fd[NS_CGROUP];
	const int keep[] = { run->rootfs, run->channel, cgroup, proc, cgroup_ns };

	TRY(spawn_close_others(run, keep, sizeof(keep) / sizeof(keep[0]), err));
	run->cgroup = cgroup;
	run->proc = proc;
	run->ns_fd[NS_CGROUP] = cgroup_ns;
	return 0;
}

int enter_shed(struct run *run, struct oci_error *err)
{
	uint64_t besides = 0;
	struct stat st;

	/* Into a cgroup that belongs to somebody else the clone needs it to write. */
	if (run->cgroup >= 0 && (fstat(run->cgroup, &st) < 0 || st.st_uid != geteuid()))
		besides |= UINT64_C(1) << CAP_DAC_OVERRIDE;
	/* enter_join_cgroup() takes this one. It sheds both. */
	if (run->ns_fd[NS_CGROUP] >= 0)
		besides |= UINT64_C(1) << CAP_SYS_ADMIN;
	return process_shed_but(run, besides, err);
}

int enter_drop_proc(struct run *run, struct oci_error *err)
{
	(void)err;
	fd_drop(&run->proc);
	return 0;
}
