/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the steps of one operation share while it runs: the plan (const) and the fds and pids that
 * earlier rows made for later ones. Each member names its maker and who has it open; children get a
 * copy by fork. A step is `int step(struct run *, struct oci_error *)`: 0 or -1 with err filled.
 */
#ifndef STEPS_RUN_H
#define STEPS_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/filter.h"
#include "plan/plan.h"
#include "state/state.h"
#include "steps/systemd_helper.h"

/* How many groups a looked up user may have. */
enum { RUN_GROUPS = 256 };

/* What the kernel has counted in a cgroup and below it (memory.events). */
#define OOM_NO_LIMIT UINT64_MAX
struct oom_count {
	bool seen;	  /* false: there is no such file, or no cgroup any more */
	uint64_t kills;	  /* processes that it killed for want of memory */
	uint64_t reached; /* how often memory.max was about to be exceeded */
	uint64_t limit;	  /* memory.max, of this cgroup alone */
};

struct run {
	const struct plan *plan;
	struct state state; /* what state.json will say; filled as things come to be */

	int state_dir; /* PARENT, START: the container's directory, flock held by its maker until it
			is recorded as created */
	int proc;      /* PARENT, INIT: the procfs that hull writes to, checked by its opener */
	/* INIT: the attribute files that label it, or -1; with exec PARENT may open them for it */
	int apparmor_attr, selinux_attr;
	int cgroup; /* PARENT: the container's cgroup directory, or -1 */
	/* PARENT, START: in the container's cgroup, before this operation */
	struct oom_count oom_before;
	struct oom_count oom_above; /* the same of the slice, when the cgroup is in a scope */
	/* PARENT: what a cgroup that hull didn't make had before, for the undoing; or NULL */
	struct limits_saved *earlier_limits;
	struct cgroup_owners *earlier_owners;
	/* PARENT: the device filter that it has now, and that of hull's which it had; or -1 */
	int device_filter, earlier_filter;

	/* With --systemd-cgroup, PARENT: */
	struct systemd_helper systemd;
	bool unit_asked;      /* systemd was asked to make the unit */
	char scope[PATH_MAX]; /* its cgroup below the cgroup2 mount, "" until it is known */
	char leaf[PATH_MAX];  /* the container's cgroup in it, which run->state borrows */

	int rootfs;	  /* PARENT opens the directory (O_PATH); INIT: the attached root mount */
	int root_tree;	  /* PARENT: detached clone of the root, for a user namespace, or -1 */
	bool root_covers; /* INIT: it was attached over "/" */
	int *sources;	  /* PARENT: detached clones of bind sources, one per plan mount, or -1 */
	bool ids_mapped;  /* PARENT: mount_idmap_all has done its work on the sources */
	int null_tree; /* PARENT: detached clone of the host's /dev/null (1:3), for masked files, or
			  -1 */
	int notify_tree; /* PARENT: detached clone of the NOTIFY_SOCKET proxy's directory, or -1 */
	int notify_socket;    /* START: what the container writes READY=1 to, or -1 */
	int console_socket;   /* PARENT: connected, or -1 */
	int ns_fd[NS_TYPES];  /* PARENT opens, STAGE joins: namespaces given by path, or -1 */
	int time_offsets;     /* STAGE: its own timens_offsets, opened before it joins, or -1 */
	int container_pidfd;  /* exec, until STAGE has joined: the container's first process, or -1
			       */
	int join_flags;	      /* exec: CLONE_NEW* of the namespaces that the two don't share */
	int start_listener;   /* PARENT binds, INIT listens; -1 in run */
	int terminal_master;  /* INIT makes, PARENT receives */
	struct net_move *net; /* PARENT: what moves to the container's network, and back; or NULL */

	struct filter filter; /* PARENT makes it, INIT loads it: the seccomp filter */
	char *filter_key;     /* PARENT: what it was made from */
	size_t filter_key_size;
	bool filter_is_new;  /* PARENT: it was compiled, not found in the cache */
	bool filtered;	     /* INIT: it is loaded */
	int filter_listener; /* START: connected to listenerPath, or -1 */
	int notify_number;   /* INIT, START: the listener's descriptor in INIT, or -1 */

	int channel;	   /* this process's end of the messages */
	int channel_child; /* PARENT, before the fork: the end that STAGE and INIT will have */
	pid_t init_pid;	   /* PARENT, START: as seen from the runtime's pid namespace */
	int init_pidfd;
	bool init_is_child; /* it can be waited for */
	pid_t stage_pid;
	int stage_pidfd;
	bool pid_file_written;
	bool recorded;	       /* PARENT: as created; from then on delete may come in between */
	bool deleted;	       /* PARENT, undoing: it did, and the poststop hooks are its own */
	bool cgroup_left;      /* PARENT: undoing couldn't remove it; the state stays, for delete */
	char resctrl[256];     /* PARENT: where the file system of linux.intelRdt is mounted */
	bool bounding_dropped; /* INIT, by itself or by STAGE: the bounding set is the plan's */
	bool groups_kept;      /* INIT: setgroups(2) is forbidden, the caller's groups stay */

	/* exec, STAGE: what --user NAME means in the container */
	struct plan_process *own_process; /* the plan's, to be completed */
	gid_t groups[RUN_GROUPS];

	/* INIT: decided after the pivot, by looking into the container */
	char program[PATH_MAX];	 /* what execve gets */
	char home[PATH_MAX + 8]; /* "HOME=..." */
	char listen_pid[32];	 /* "LISTEN_PID=..." */
};

/* What errors call INIT: "the container's first process", or with exec "the new process". */
const char *run_new_process(const struct run *run);

/* Zeroes *run but for the fds, which become -1. */
void run_init(struct run *run, const struct plan *plan);

/* Closes what undoing has no use for, so that it has descriptors when there are few. */
void run_forget(struct run *run);

/* Closes what is open in this process. */
void run_done(struct run *run);

#endif
