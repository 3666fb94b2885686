/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "steps/idmap.h"

static int open_one(struct run *run, int type, struct oci_error *err)
{
	const struct plan_namespace *ns = &run->plan->namespaces[type];
	const char *name = plan_ns_kinds[type].name;
	auto_fd fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int flag;

	if (fd < 0)
		return fail_sys(err, "/linux/namespaces/%zu/path: open %s namespace '%s'",
				ns->index, name, ns->path);
	flag = ioctl(fd, NS_GET_NSTYPE);
	if (flag < 0)
		return fail(err, "/linux/namespaces/%zu/path: '%s' is not a namespace", ns->index,
			    ns->path);
	if (flag != plan_ns_kinds[type].flag)
		return fail(err, "/linux/namespaces/%zu/path: '%s' is not a %s namespace",
			    ns->index, ns->path, name);
	run->ns_fd[type] = fd_take(&fd);
	return 0;
}

/* The property that would change something in the namespace, NULL when none does. */
static const char *changes(const struct plan *plan, int type)
{
	if (type == NS_UTS && plan->hostname)
		return "/hostname";
	if (type == NS_UTS && plan->domainname)
		return "/domainname";
	if (type == NS_NET && plan->n_net_devices > 0)
		return "/linux/netDevices";
	for (size_t i = 0; i < plan->n_sysctls; i++)
		if ((int)plan->sysctls[i].holder == type)
			return "/linux/sysctl";
	return NULL;
}

/* A path may lead to the very namespace that hull runs in ("/proc/1/ns/net"): joining it does no
 * harm, but what is set in it is set on the host, just as without a namespace in the list. */
static int leave_out_own(struct run *run, int type, struct oci_error *err)
{
	const struct plan_namespace *ns = &run->plan->namespaces[type];
	const char *property = changes(run->plan, type);
	struct stat given, own;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", plan_ns_kinds[type].proc);
	if (stat(path, &own) < 0)
		return fail_sys(err, "stat '%s'", path);
	if (fstat(run->ns_fd[type], &given) < 0)
		return fail_sys(err, "fstat of '%s'", ns->path);
	if (given.st_dev != own.st_dev || given.st_ino != own.st_ino)
		return 0;
	/* Joining takes privilege, staying doesn't. */
	fd_drop(&run->ns_fd[type]);
	if (!property)
		return 0;
	return fail_code(err, "invalid-config",
			 "%s: would change the host: '%s' (/linux/namespaces/%zu/path) is the %s "
			 "namespace of the runtime itself",
			 property, ns->path, ns->index, plan_ns_kinds[type].name);
}

int namespace_open(struct run *run, struct oci_error *err)
{
	for (int type = 0; type < NS_TYPES; type++) {
		if (run->plan->namespaces[type].how != NS_JOINED)
			continue;
		TRY(open_one(run, type, err));
		TRY(leave_out_own(run, type, err));
	}
	return 0;
}

static int join_one(struct run *run, int type, struct oci_error *err)
{
	const struct plan_namespace *ns = &run->plan->namespaces[type];

	if (setns(run->ns_fd[type], plan_ns_kinds[type].flag) < 0)
		return fail_sys(err, "/linux/namespaces/%zu/path: setns '%s'", ns->index, ns->path);
	fd_drop(&run->ns_fd[type]);
	return 0;
}

/* All but the user namespace, as far as the privilege goes that STAGE has at this time. */
static int join_others(struct run *run, bool may_fail, struct oci_error *err)
{
	for (int type = 0; type < NS_TYPES; type++) {
		if (type == NS_USER || run->ns_fd[type] < 0)
			continue;
		if (join_one(run, type, err) < 0 && !(may_fail && err->num == EPERM))
			return -1;
	}
	return 0;
}

/* STAGE's own file, in which it says what the time namespace that it is going to make will have. */
static int open_offsets(struct run *run, struct oci_error *err)
{
	char path[48];

	if (run->plan->n_time_offsets == 0 || run->time_offsets >= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%d/timens_offsets", getpid());
	run->time_offsets = openat(run->proc, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return run->time_offsets < 0 ? fail_sys(err, "open '%s'", path) : 0;
}

int namespace_join(struct run *run, struct oci_error *err)
{
	bool joins_user = run->ns_fd[NS_USER] >= 0;

	/* As long as its files belong to the caller: what others must not look into has files of
	 * root's. The kernel asks for the opener's rights, which reach what the caller may join. */
	TRY(open_offsets(run, err));
	/* From now on others who are in there must not look into it. */
	if (!plan_new_ns(run->plan, NS_USER) && prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_DUMPABLE)");
	/* Those of the host's first: inside the user namespace nothing is left of the caller's
	 * privilege. Those of a pod then, which belong to it. */
	TRY(join_others(run, joins_user, err));
	if (!joins_user)
		return 0;
	/* Where the namespace forbids it, it can't be done later. */
	(void)sys_setgroups(0, NULL);
	TRY(join_one(run, NS_USER, err));
	return join_others(run, false, err);
}

int namespace_make_user(struct run *run, struct oci_error *err)
{
	(void)run;
	if (unshare(CLONE_NEWUSER) < 0) {
		(void)fail_sys(err, "unshare(CLONE_NEWUSER)");
		return idmap_explain(err);
	}
	return 0;
}

static int write_offset(int fd, const struct plan_time_offset *offset, struct oci_error *err)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%s %lld %u", offset->clock,
			    (long long)offset->secs, offset->nanosecs);

	/* The kernel takes a write at the beginning only. */
	if (lseek(fd, 0, SEEK_SET) == 0 && write(fd, text, (size_t)size) == size)
		return 0;
	if (errno == ERANGE)
		return fail(err,
			    "/linux/timeOffsets/%s: %lld s: the clock would be below zero or "
			    "too far in the future",
			    offset->clock, (long long)offset->secs);
	return fail_sys(err, "/linux/timeOffsets/%s: write '%s' to 'timens_offsets'", offset->clock,
			text);
}

int namespace_make_time(struct run *run, struct oci_error *err)
{
	if (unshare(plan_ns_kinds[NS_TIME].flag) < 0)
		return fail_sys(err, "unshare(CLONE_NEWTIME)%s",
				errno == EINVAL ? " (this kernel has no time namespaces)" : "");
	TRY(open_offsets(run, err));
	for (size_t i = 0; i < run->plan->n_time_offsets; i++)
		TRY(write_offset(run->time_offsets, &run->plan->time_offsets[i], err));
	fd_drop(&run->time_offsets);
	return 0;
}

int namespace_make_ipc(struct run *run, struct oci_error *err)
{
	(void)run;
	if (unshare(CLONE_NEWIPC) < 0)
		return fail_sys(err, "unshare(CLONE_NEWIPC)");
	return 0;
}

int namespace_loopback(struct run *run, struct oci_error *err)
{
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	(void)run;
	if (sock < 0)
		return fail_sys(err, "socket");
	/* A new namespace has the loopback with no flag but IFF_LOOPBACK, which is fixed. */
	request.ifr_flags = IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return fail_sys(err, "bring up 'lo': ioctl(SIOCSIFFLAGS)");
	return 0;
}

int namespace_names(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;

	if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return fail_sys(err, "/hostname: sethostname '%s'", plan->hostname);
	if (plan->domainname && setdomainname(plan->domainname, strlen(plan->domainname)) < 0)
		return fail_sys(err, "/domainname: setdomainname '%s'", plan->domainname);
	return 0;
}

int namespace_open_proc(struct run *run, struct oci_error *err)
{
	auto_fd fs = sys_fsopen("proc", 1 /* FSOPEN_CLOEXEC */);
	struct statfs st;

	if (fs >= 0 && sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		run->proc = sys_fsmount(fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (run->proc >= 0)
		return 0;
	/* Where /proc is covered in parts (nested containers) no new instance is allowed. */
	run->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (run->proc < 0)
		return fail_sys(err, "open '/proc'");
	if (fstatfs(run->proc, &st) < 0)
		return fail_sys(err, "statfs '/proc'");
	if (st.f_type != PROC_SUPER_MAGIC)
		return fail(err, "'/proc' is no procfs");
	return 0;
}

static int write_sysctl(int proc, const struct plan_sysctl *sysctl, struct oci_error *err)
{
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	auto_fd sys = -1;
	auto_fd fd = -1;
	size_t size = strlen(sysctl->value);

	sys = openat(proc, "sys", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sys < 0)
		return fail_sys(err, "open 'sys' of procfs");
	fd = sys_openat2(sys, sysctl->path, &how);
	/* This file belongs to root of the host, what it says to the namespace. */
	if (fd < 0 && errno == EACCES && strcmp(sysctl->path, "kernel/domainname") == 0) {
		if (setdomainname(sysctl->value, size) < 0)
			return fail_sys(err, "/linux/sysctl: setdomainname '%s' for '%s'",
					sysctl->value, sysctl->key);
		return 0;
	}
	if (fd < 0)
		return fail_sys(err, "/linux/sysctl: open '%s'", sysctl->key);
	if (write(fd, sysctl->value, size) != (ssize_t)size)
		return fail_sys(err, "/linux/sysctl: write '%s' to '%s'", sysctl->value,
				sysctl->key);
	return 0;
}

int namespace_sysctls(struct run *run, struct oci_error *err)
{
	for (size_t i = 0; i < run->plan->n_sysctls; i++)
		TRY(write_sysctl(run->proc, &run->plan->sysctls[i], err));
	return 0;
}
