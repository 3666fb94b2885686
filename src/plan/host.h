/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Facts of this host that the planner decides by, looked up once per command. Filled by trying,
 * not by version numbers.
 */
#ifndef PLAN_HOST_H
#define PLAN_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Of a security module: not in the kernel, built in but not enabled, enabled. */
enum host_lsm { HOST_LSM_ABSENT, HOST_LSM_OFF, HOST_LSM_ON };

struct host {
	bool rootless;	       /* not euid 0 in the initial user namespace */
	bool nested;	       /* not in the initial user namespace */
	bool has_groups;       /* supplementary ones beside egid */
	bool setgroups_denied; /* nested: in a user namespace that forbids setgroups(2) */
	uid_t euid;
	gid_t egid;
	uint64_t capabilities;	/* hull's own permitted set */
	uint64_t known_caps;	/* all that the kernel knows */
	char cgroup_mount[256]; /* where cgroup2 is mounted, "" when nowhere */
	/* Rootless: may hull make a cgroup and put a process into it? Paths below the mount, "" for
	 * its root: where, and the highest cgroup that was delegated. */
	bool cgroup_may;
	char cgroup_parent[512], cgroup_delegated[512];
	bool cgroup_read_only; /* rootless: the mount is */
	bool cgroup_hybrid;    /* it isn't /sys/fs/cgroup itself: v1 controllers elsewhere */
	/* Filled by host_look_labels(), which few containers need. */
	enum host_lsm apparmor, selinux;
	bool apparmor_confined; /* hull itself has a profile */
};

/* Fills *host. Fails only when the kernel is older than the floor (5.14), saying so. */
int host_look(struct host *host, struct oci_error *err);

/* Fills the members about security modules; where it can't be found out they are HOST_LSM_ABSENT.
 */
void host_look_labels(struct host *host);

/* Root of the host: euid 0 in the initial user namespace. */
bool host_is_privileged(void);

/* Where cgroup2 is mounted as seen by this process; false and "" when nowhere. */
bool host_cgroup_mount(char path[256]);

/* Where resctrl is mounted, as seen by this process; false and "" when nowhere. */
bool host_resctrl_mount(char path[256]);

#endif
