/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/idmap.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "steps/subid.h"

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

/* Whether ids of the host are mapped in the user namespace that hull itself runs in. Its map has
 * the same form as the one that is to be written. */
static int check_outside(const struct plan_id_map *map, const char *own, struct oci_error *err)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct plan_id_range *range = &map->ranges[i];
		uint64_t start = range->outside, end = start + range->count;
		unsigned inside, outside, count;
		int size;

		for (const char *line = own; start < end && sscanf(line, "%u %u %u%n", &inside,
								   &outside, &count, &size) == 3;
		     line += size) {
			if (start < inside || start - inside >= count)
				continue;
			start = (uint64_t)inside + count;
			line = own;
			size = 0;
		}
		if (start < end)
			return fail_code(err, "id-mapping",
					 "%s/%zu/hostID: id %llu isn't mapped in the user "
					 "namespace that hull runs in (see /proc/self/uid_map and "
					 "gid_map)",
					 map->property, i, (unsigned long long)start);
	}
	return 0;
}

static int check_nested(const struct plan_user_ns *user, struct oci_error *err)
{
	char own[16384]; /* 340 lines of 33 bytes and what the kernel pads */

	if (file_read_at(AT_FDCWD, "/proc/self/uid_map", own, sizeof(own), err) < 0)
		return -1;
	TRY(check_outside(&user->uids, own, err));
	if (file_read_at(AT_FDCWD, "/proc/self/gid_map", own, sizeof(own), err) < 0)
		return -1;
	return check_outside(&user->gids, own, err);
}

int idmap_check(struct run *run, struct oci_error *err)
{
	const struct plan_user_ns *user = &run->plan->user;

	if (run->plan->host->nested)
		TRY(check_nested(user, err));
	if (user->uids.writer == MAP_HELPER)
		TRY(subid_check(&user->uids, false, err));
	if (user->gids.writer == MAP_HELPER)
		TRY(subid_check(&user->gids, true, err));
	return 0;
}

static long read_number(const char *path)
{
	struct oci_error ignored = { 0 };
	char text[32];

	if (file_read_at(AT_FDCWD, path, text, sizeof(text), &ignored) < 0)
		return -1;
	return strtol(text, NULL, 10);
}

/* What administrators switch user namespaces off with: NULL where none of it is. */
static const char *why_denied(void)
{
	if (read_number("/proc/sys/user/max_user_namespaces") == 0)
		return "user namespaces are switched off: sysctl user.max_user_namespaces is 0";
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "user namespaces are for root only: sysctl "
		       "kernel.unprivileged_userns_clone is 0";
	if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "AppArmor restricts user namespaces: a profile for hull with 'userns,' in "
		       "it, or sysctl kernel.apparmor_restrict_unprivileged_userns=0";
	return NULL;
}

int idmap_explain(struct oci_error *err)
{
	const char *why = NULL;

	if (err->num == EPERM || err->num == EACCES || err->num == ENOSPC || err->num == EUSERS)
		why = why_denied();
	if (!why && err->num == EPERM)
		why = "is hull in a chroot, in a user namespace without its own id mapped, or "
		      "under "
		      "a seccomp filter?";
	if (!why && err->num == ENOSPC)
		why = "a limit on namespaces is reached: /proc/sys/user/max_*_namespaces, or 32 "
		      "nested";
	if (!why)
		return -1;
	(void)snprintf(err->code, sizeof(err->code), "id-mapping");
	return fail_in(err, "%s", why);
}

static int write_map(const struct run *run, const struct plan_id_map *map, bool groups,
		     struct oci_error *err)
{
	if (map->writer == MAP_HELPER)
		return subid_write(map, groups, run->init_pid, err);
	if (write_of_init(run, groups ? "gid_map" : "uid_map", map->text, err) == 0)
		return 0;
	(void)fail_in(err, "%s", map->property);
	return err->num == EPERM ? idmap_explain(err) : -1;
}

int idmap_write(struct run *run, struct oci_error *err)
{
	const struct plan_user_ns *user = &run->plan->user;

	if (user->deny_setgroups)
		TRY(write_of_init(run, "setgroups", "deny", err));
	TRY(write_map(run, &user->uids, false, err));
	return write_map(run, &user->gids, true, err);
}

/* Is there a line in `text` for each range, and no other? */
static bool is_same_map(const struct plan_id_map *map, const char *text)
{
	unsigned inside, outside, count;
	size_t n = 0;
	int size;

	for (; sscanf(text, "%u %u %u%n", &inside, &outside, &count, &size) == 3; text += size) {
		size_t i = 0;

		while (i < map->n &&
		       !(map->ranges[i].inside == inside && map->ranges[i].outside == outside &&
			 map->ranges[i].count == count))
			i++;
		if (i == map->n)
			return false;
		n++;
	}
	return n == map->n;
}

static int compare_map(const struct run *run, const struct plan_id_map *map, const char *name,
		       struct oci_error *err)
{
	auto_fd fd = open_of_init(run, name, O_RDONLY);
	char text[16384];
	ssize_t got;

	if (fd < 0)
		return fail_sys(err, "open '/proc/%d/%s'", run->init_pid, name);
	got = file_read_up_to(fd, text, sizeof(text) - 1);
	if (got < 0)
		return fail_sys(err, "read '/proc/%d/%s'", run->init_pid, name);
	text[got] = '\0';
	if (is_same_map(map, text))
		return 0;
	return fail_code(err, "id-mapping",
			 "%s: the user namespace given at /linux/namespaces/%zu/path has other "
			 "mappings (leave these out to take whatever it has)",
			 map->property, run->plan->namespaces[NS_USER].index);
}

int idmap_compare(struct run *run, struct oci_error *err)
{
	const struct plan_user_ns *user = &run->plan->user;

	if (user->uids.n > 0)
		TRY(compare_map(run, &user->uids, "uid_map", err));
	return user->gids.n > 0 ? compare_map(run, &user->gids, "gid_map", err) : 0;
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
	/* The kernel took both of these back with the change of ids. Nobody waits for what exec
	 * made in a paused container. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_DUMPABLE)");
	if (plan_stays_frozen(run->plan))
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail_sys(err, "prctl(PR_SET_PDEATHSIG)");
	if (poll(&parent, 1, 0) > 0 && (parent.revents & POLLHUP))
		return fail_code(err, "init-died", "PARENT is gone");
	return 0;
}
