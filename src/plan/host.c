/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Looks up what the planner must know of this host. By trying, never by version numbers, and with
 * few system calls, for every command that plans pays for them. It changes nothing.
 */
#include "plan/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define USUAL_MOUNT "/sys/fs/cgroup"
#define RESCTRL_MOUNT "/sys/fs/resctrl"
#define HYBRID_MOUNT "/sys/fs/cgroup/unified"

/* Inode of the initial user namespace: PROC_USER_INIT_INO of the kernel's proc_ns.h, fixed. */
#define INITIAL_USER_NS 0xEFFFFFFDU

/* Of the calls that hull can't do without, mount_setattr (5.12) is the newest one that can be asked
 * for without doing anything: no size at all is EINVAL. cgroup.kill (5.14) is noticed where it is
 * used. */
static int check_floor(struct oci_error *err)
{
	if (sys_mount_setattr(-1, "", 0, NULL, 0) == 0 || errno != ENOSYS)
		return 0;
	return fail_code(err, "kernel-too-old",
			 "hull needs Linux 5.14 or newer: this kernel has no mount_setattr(2) (or "
			 "a seccomp filter around hull hides it)");
}

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Undoes the \ooo of /proc/self/mountinfo (space, tab, newline, backslash), in place. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		unsigned octal;

		if (*from == '\\' && sscanf(from + 1, "%3o", &octal) == 1) {
			*to = (char)octal;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The first mount of the type in /proc/self/mountinfo that is reachable; a rare place, so slowly.
 */
static bool search_mountinfo(const char *wanted, bool (*is_one)(const char *path), char *path,
			     size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	auto_free char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0) {
		char *type = strstr(line, " - ");
		char *save = NULL, *point;

		if (!type || strncmp(type + 3, wanted, strlen(wanted)) != 0 ||
		    type[3 + strlen(wanted)] != ' ')
			continue;
		point = strtok_r(line, " ", &save); /* mount id, parent, device, root, point */
		for (int i = 0; i < 4 && point; i++)
			point = strtok_r(NULL, " ", &save);
		if (!point)
			continue;
		unescape(point);
		found = strlen(point) < size && is_one(point);
		if (found)
			(void)strcpy(path, point);
	}
	(void)fclose(file); /* was only read */
	return found;
}

bool host_cgroup_mount(char path[256])
{
	path[0] = '\0';
	if (is_cgroup2(USUAL_MOUNT))
		(void)strcpy(path, USUAL_MOUNT);
	else if (is_cgroup2(HYBRID_MOUNT))
		(void)strcpy(path, HYBRID_MOUNT);
	else
		return search_mountinfo("cgroup2", is_cgroup2, path, 256);
	return true;
}

static bool is_resctrl(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == RDTGROUP_SUPER_MAGIC;
}

bool host_resctrl_mount(char path[256])
{
#ifdef HULL_FAULT_INJECTION
	/* Test builds take what imitates it: hardly any machine that runs the tests has it. */
	const char *imitation = getenv("HULL_RESCTRL");

	if (imitation && strlen(imitation) < 256) {
		(void)strcpy(path, imitation);
		return true;
	}
#endif
	path[0] = '\0';
	if (!is_resctrl(RESCTRL_MOUNT))
		return search_mountinfo("resctrl", is_resctrl, path, 256);
	(void)strcpy(path, RESCTRL_MOUNT);
	return true;
}

static bool has_groups(gid_t own)
{
	gid_t groups[2];
	int n = getgroups(2, groups); /* EINVAL: more than two */

	return n < 0 || n == 2 || (n == 1 && groups[0] != own);
}

/* euid 0 of a user namespace of its own isn't root: so an engine's rootless mode runs hull. */
/* Without a procfs what needs root says so itself. */
static bool is_nested(void)
{
	struct stat ns;

	return stat("/proc/self/ns/user", &ns) == 0 && ns.st_ino != INITIAL_USER_NS;
}

bool host_is_privileged(void)
{
	return geteuid() == 0 && !is_nested();
}

static void look_user(struct host *host)
{
	char word[8] = "";
	auto_fd fd = -1;

	host->euid = geteuid();
	host->egid = getegid();
	host->nested = is_nested();
	host->rootless = host->nested || host->euid != 0;
	if (host->rootless)
		host->has_groups = has_groups(host->egid);
	if (!host->nested)
		return;
	fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	host->setgroups_denied =
		fd >= 0 && read(fd, word, sizeof(word) - 1) > 0 && strncmp(word, "deny", 4) == 0;
}

/* Who enters a cgroup must be allowed to write to cgroup.procs there and in the nearest cgroup that
 * is above both it and the one that is left (Linux, admin-guide/cgroup-v2, "Delegation"). */
static bool may_use_cgroup(const char *mount, const char *path)
{
	char name[PATH_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", mount, path);
	if (faccessat(AT_FDCWD, name, W_OK | X_OK, AT_EACCESS) < 0)
		return false;
	(void)snprintf(name, sizeof(name), "%s%s/cgroup.procs", mount, path);
	return faccessat(AT_FDCWD, name, W_OK, AT_EACCESS) == 0;
}

/* The path in "0::/PATH" of /proc/self/cgroup, "" for the root. False where it can't be seen. */
static bool own_cgroup(char *path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[600];
	bool found = false;

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) != 0 || strstr(line, "/../") ||
		    strlen(line + 3) >= size)
			continue;
		(void)strcpy(path, line[4] ? line + 3 : "");
		found = true;
	}
	if (file)
		(void)fclose(file); /* was only read */
	return found;
}

/* A cgroup beside hull's own is better than one below: a cgroup with processes can't hand
 * controllers on. */
static void look_delegation(struct host *host)
{
	const char *mount = host->cgroup_mount;
	char path[sizeof(host->cgroup_parent)];
	struct statvfs fs;
	char *end;

	host->cgroup_read_only = statvfs(mount, &fs) == 0 && (fs.f_flag & ST_RDONLY);
	if (!own_cgroup(path, sizeof(path)))
		return;
	host->cgroup_may = may_use_cgroup(mount, path);
	(void)strcpy(host->cgroup_parent, path);
	end = strrchr(path, '/');
	if (end) {
		*end = '\0';
		if (may_use_cgroup(mount, path)) {
			host->cgroup_may = true;
			(void)strcpy(host->cgroup_parent, path);
		}
	}
	(void)strcpy(path, host->cgroup_parent);
	(void)strcpy(host->cgroup_delegated, path);
	while (host->cgroup_may && (end = strrchr(path, '/'))) {
		*end = '\0';
		if (!may_use_cgroup(mount, path))
			break;
		(void)strcpy(host->cgroup_delegated, path);
	}
}

/* Capabilities are numbered without gaps. The search starts at the last one that the headers of
 * the build know, which is mostly right at once; and it needs no procfs. */
static uint64_t look_known_caps(void)
{
	int n = CAP_LAST_CAP + 1; /* how many there are */

	while (n > 0 && prctl(PR_CAPBSET_READ, n - 1, 0, 0, 0) < 0)
		n--;
	while (n < 64 && prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= 0)
		n++;
	return n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

int host_look(struct host *host, struct oci_error *err)
{
	uint32_t effective[2], permitted[2], inheritable[2];

	*host = (struct host){ 0 };
	TRY(check_floor(err));
	look_user(host);
	if (sys_capget(effective, permitted, inheritable) < 0)
		return fail_sys(err, "capget");
	host->capabilities = (uint64_t)permitted[1] << 32 | permitted[0];
	host->known_caps = look_known_caps();
	if (host_cgroup_mount(host->cgroup_mount))
		host->cgroup_hybrid = strcmp(host->cgroup_mount, USUAL_MOUNT) != 0;
	if (host->rootless && host->cgroup_mount[0])
		look_delegation(host);
	return 0;
}

/* At most size-1 bytes of a small file, terminated; -1 and errno. */
static ssize_t read_small(const char *path, char *buf, size_t size)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (got >= 0)
		buf[got] = '\0';
	return got;
}

/* The attribute file is there when AppArmor was built in, and can be read when it is enabled: no
 * securityfs or sysfs is needed. */
static void look_apparmor(struct host *host)
{
	char profile[256];

	if (read_small("/proc/self/attr/apparmor/current", profile, sizeof(profile)) >= 0) {
		host->apparmor = HOST_LSM_ON;
		host->apparmor_confined = strcmp(profile, "unconfined\n") != 0;
	} else if (errno == EINVAL) {
		host->apparmor = HOST_LSM_OFF;
	}
}

void host_look_labels(struct host *host)
{
	char filesystems[4096];

	look_apparmor(host);
	/* SELinux registers its file system only when it is enabled; mounted it needn't be. */
	if (read_small("/proc/filesystems", filesystems, sizeof(filesystems)) > 0 &&
	    strstr(filesystems, "\tselinuxfs\n"))
		host->selinux = HOST_LSM_ON;
}
