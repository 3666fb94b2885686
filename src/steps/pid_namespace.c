/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/pid_namespace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the process is in the pid namespace or one below it. Into what the caller may not look,
 * it isn't the container's: the caller owns that. */
static bool is_below(int proc, pid_t pid, const struct stat *top)
{
	char path[32];
	struct stat st;
	int next;

	(void)snprintf(path, sizeof(path), "%d/ns/pid", pid);
	if (fstatat(proc, path, &st, 0) < 0)
		return false;
	if (same(&st, top))
		return true;
	for (int ns = openat(proc, path, O_RDONLY | O_CLOEXEC); ns >= 0; ns = next) {
		bool found = fstat(ns, &st) == 0 && same(&st, top);

		next = found ? -1 : ioctl(ns, NS_GET_PARENT);
		fd_drop(&ns);
		if (found)
			return true;
	}
	return false;
}

static int add(pid_t **pids, size_t *n, pid_t pid, struct oci_error *err)
{
	pid_t *more = realloc(*pids, (*n + 1) * sizeof(**pids));

	if (!more)
		return fail_code(err, "out-of-memory", "no memory for the pids");
	*pids = more;
	more[(*n)++] = pid;
	return 0;
}

typedef int visitor(void *ctx, int proc, pid_t pid, const struct stat *top, struct oci_error *err);

static int each_below(DIR *proc, const struct stat *top, visitor *visit, void *ctx,
		      struct oci_error *err)
{
	struct dirent *entry;

	while ((entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && is_below(dirfd(proc), pid, top))
			TRY(visit(ctx, dirfd(proc), pid, top, err));
	}
	return 0;
}

static int not_running(struct oci_error *err)
{
	return fail_code(err, "not-running", "container not running: its first process has ended");
}

static int each(const struct state *state, int pidfd, visitor *visit, void *ctx,
		struct oci_error *err)
{
	struct stat top;
	char path[32];
	auto_fd fd = -1;
	DIR *proc;
	int result;

	/* Whose processes would be those of the host's namespace can't be told. */
	if (!state->own_pid_ns)
		return fail_code(err, "cgroup-missing",
				 "the container has no cgroup and no pid namespace of its own, so "
				 "its processes can't be told from others");
	fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	proc = fd < 0 ? NULL : fdopendir(fd);
	if (!proc)
		return fail_sys(err, "open '/proc'");
	(void)fd_take(&fd);
	(void)snprintf(path, sizeof(path), "%d/ns/pid", state->pid);
	/* An unprivileged caller may not look at one that waits for start: then it is alone. */
	if (fstatat(dirfd(proc), path, &top, 0) < 0)
		result = visit(ctx, dirfd(proc), state->pid, NULL, err);
	else if (pidfd >= 0 && sys_pidfd_send_signal(pidfd, 0) < 0)
		result = not_running(err); /* so this may be another's namespace */
	else
		result = each_below(proc, &top, visit, ctx, err);
	(void)closedir(proc); /* was only read */
	return result;
}

struct list {
	pid_t **pids;
	size_t *n;
};

static int add_one(void *ctx, int proc, pid_t pid, const struct stat *top, struct oci_error *err)
{
	struct list *list = ctx;

	(void)proc;
	(void)top;
	return add(list->pids, list->n, pid, err);
}

int pid_namespace_pids(const struct state *state, pid_t **pids, size_t *n, struct oci_error *err)
{
	struct list list = { pids, n };

	return each(state, -1, add_one, &list, err);
}

struct sent {
	int pidfd; /* the container's first process */
	int signal;
};

static int signal_one(void *ctx, int proc, pid_t pid, const struct stat *top, struct oci_error *err)
{
	const struct sent *sent = ctx;
	auto_fd pidfd = -1;

	/* The container's first process, and nothing to tell by whether the number is still its. */
	if (!top) {
		if (sys_pidfd_send_signal(sent->pidfd, sent->signal) == 0)
			return 0;
		return errno == ESRCH
			       ? not_running(err)
			       : fail_sys(err, "send signal %d to process %d", sent->signal, pid);
	}
	pidfd = sys_pidfd_open(pid, 0);
	/* Once more, now that the pidfd is open: the number could have become another's. If it
	 * becomes so from here on, the one behind the pidfd is dead and nobody gets the signal. */
	if (pidfd < 0 || !is_below(proc, pid, top))
		return 0;
	if (sys_pidfd_send_signal(pidfd, sent->signal) == 0 || errno == ESRCH)
		return 0;
	return fail_sys(err, "send signal %d to process %d", sent->signal, pid);
}

int pid_namespace_signal(const struct state *state, int pidfd, int signal, struct oci_error *err)
{
	struct sent sent = { pidfd, signal };

	return each(state, pidfd, signal_one, &sent, err);
}
