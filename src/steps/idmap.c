/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/idmap.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/sys.h"

/* Opens "PID/NAME" of INIT, through the checked procfs and no other. */
static int open_of_init(const struct run *run, const char *name, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	char path[64];

	(void)snprintf(path, sizeof(path), "%d/%s", run->init_pid, name);
	return sys_openat2(run->proc, path, &how);
}

static int write_of_init(const struct run *run, const char *name, const char *text,
			 struct oci_error *err)
{
	auto_fd fd = open_of_init(run, name, O_WRONLY);
	size_t size = strlen(text);

	if (fd < 0)
		return fail_sys(err, "open '/proc/%d/%s'", run->init_pid, name);
	if (write(fd, text, size) != (ssize_t)size)
		return fail_sys(err, "write '/proc/%d/%s'", run->init_pid, name);
	return 0;
}

int idmap_check(struct run *run, struct oci_error *err)
{
	const struct plan_user_ns *user = &run->plan->user;

	if (user->uids.writer == MAP_HELPER || user->gids.writer == MAP_HELPER)
		return fail_code(err, "unsupported",
				 "ids of others are not implemented yet for an unprivileged user");
	return 0;
}

int idmap_write(struct run *run, struct oci_error *err)
{
	const struct plan_user_ns *user = &run->plan->user;

	if (user->deny_setgroups)
		TRY(write_of_init(run, "setgroups", "deny", err));
	if (write_of_init(run, "uid_map", user->uids.text, err) < 0)
		return fail_in(err, "%s", user->uids.property);
	if (write_of_init(run, "gid_map", user->gids.text, err) < 0)
		return fail_in(err, "%s", user->gids.property);
	return 0;
}

int idmap_compare(struct run *run, struct oci_error *err)
{
	(void)run;
	(void)err;
	return 0;
}

/* Of a user namespace that somebody else made nothing is known beforehand: when 0 isn't mapped
 * there, the process's own id has to be. */
static int take_uid(const struct run *run, struct oci_error *err)
{
	uid_t uid = run->plan->user.uid;

	if (sys_setresuid(uid, uid, uid) == 0)
		return 0;
	if (errno == EINVAL && plan_joined_ns(run->plan, NS_USER)) {
		uid = run->plan->process.uid;
		if (sys_setresuid(uid, uid, uid) == 0)
			return 0;
	}
	return fail_sys(err, "setresuid %u in the user namespace", uid);
}

static int take_gid(const struct run *run, struct oci_error *err)
{
	gid_t gid = run->plan->user.gid;

	if (sys_setresgid(gid, gid, gid) == 0)
		return 0;
	if (errno == EINVAL && plan_joined_ns(run->plan, NS_USER)) {
		gid = run->plan->process.gid;
		if (sys_setresgid(gid, gid, gid) == 0)
			return 0;
	}
	return fail_sys(err, "setresgid %u in the user namespace", gid);
}

int idmap_become(struct run *run, struct oci_error *err)
{
	struct pollfd parent = { .fd = run->channel };

	/* EPERM: setgroups(2) is forbidden in this namespace, by "deny". */
	if (sys_setgroups(0, NULL) < 0 && errno != EPERM)
		return fail_sys(err, "setgroups");
	TRY(take_gid(run, err));
	TRY(take_uid(run, err));
	/* The kernel took both of these back with the change of ids. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail_sys(err, "prctl");
	if (poll(&parent, 1, 0) > 0 && (parent.revents & POLLHUP))
		return fail_code(err, "init-died", "PARENT is gone");
	return 0;
}
