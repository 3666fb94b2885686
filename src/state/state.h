/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is on disk about a container: ROOT/ID/ with state.json (written by rename), config.json (the
 * copy that later edits of the bundle can't touch) and the start socket. The directory is made
 * first and removed last; its flock says that a creator is at work, and once it is created who runs
 * the poststop hooks. Status is derived from the kernel, never trusted from the file alone.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "libocispec/oci_config.h"

#define STATE_FORMAT 1
#define STATE_FILE "state.json"
#define STATE_CONFIG "config.json"
#define STATE_START_SOCKET "start"
#define STATE_NOTIFY "notify"
#define STATE_SECCOMP "seccomp.bpf"
#define STATE_UPDATED "updated.json"

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };
extern const char *const status_names[];

/* The content of state.json. Strings are the document's after state_load(), borrowed while
 * creating. */
struct state {
	struct oci_document *doc; /* owns what the strings point to after state_load(), or NULL */
	const char *id;
	const char *bundle; /* absolute */
	const char *rootfs; /* absolute */
	char created[40];   /* RFC 3339, UTC, nanoseconds; "" while creating */
	uid_t owner;
	pid_t pid;	    /* INIT in the runtime's pid namespace; 0: none yet */
	uint64_t pid_start; /* its start time: field 22 of /proc/PID/stat, clock ticks */
	char boot_id[40];
	const char *cgroup;	    /* below the cgroup2 mount, or NULL */
	const char *cgroup_absence; /* why there is none (plan.h), or NULL */
	const char *cgroup_root;    /* where cgroup2 was mounted */
	bool cgroup_made;	    /* hull made it (or was about to) */
	unsigned cgroup_parents;    /* how many parent directories hull made for it */
	uint64_t cgroup_inode;	    /* 0: not known yet */
	const char *unit;	 /* of systemd, whose cgroup is the parent of `cgroup`, or NULL */
	bool unit_user;		 /* of the caller's own instance of systemd */
	uint64_t unit_inode;	 /* its cgroup's, 0: not known yet */
	const char *rdt_root;	 /* where resctrl is mounted, or NULL: without linux.intelRdt */
	const char *rdt_group;	 /* the class of service in it, "" the default one */
	bool rdt_group_made;	 /* hull made it (or was about to) */
	const char *rdt_monitor; /* the monitoring group that hull made in it, or NULL */
	bool has_process;	 /* config.json has a process: start can work */
	bool hooks_start;	 /* startContainer ones, for which start may have to wait long */
	bool hooks_poststart;	 /* so that start and delete parse config.json only when needed */
	bool hooks_poststop;
	bool notify;	     /* NOTIFY_SOCKET is proxied */
	bool seccomp;	     /* the process has a filter: STATE_SECCOMP is there */
	bool seccomp_notify; /* with a listener, who is in config.json */
	bool own_pid_ns;
	bool keeps_keyring; /* --no-new-keyring: neither has its process nor what is executed later
			     */
	struct oci_pairs annotations;
};

/* 0, or -1 (code "invalid-id"): 1 to 255 bytes of [A-Za-z0-9_+.-], not starting with '.' or '-'. */
int state_check_id(const char *id, struct oci_error *err);

/* Makes ROOT (0700, when missing) and ROOT/ID, takes its lock. Returns the directory's fd, whose
 * closing gives the lock back. Taken already: code "id-taken". A ROOT of another user's than the
 * caller and root, or where everybody may rename: code "state-foreign". */
int state_reserve(const char *root, const char *id, struct oci_error *err);

/* An O_PATH fd of ROOT where it is there, else -1 and errno. */
int state_root_fd(const char *root);

/* Opens ROOT/ID of an existing container (fd). Unknown: code "no-container", text
 * "container 'ID' does not exist", num ENOENT. Another user's, or writable for others: code
 * "state-foreign". */
int state_open(const char *root, const char *id, struct oci_error *err);

/* Writes state.json of the directory in one step. */
int state_write(int dir, const struct state *state, struct oci_error *err);

/* Reads state.json, which must be that of the container `id` (NULL: of any): a directory that was
 * copied or renamed would act upon another container's processes and cgroup, code "state-foreign".
 * A missing file (a creator was killed early) is num ENOENT, code
 * "half-created"; a format this hull doesn't know is code "state-format". */
int state_load(int dir, const char *id, struct state *state, struct oci_error *err);
void state_done(struct state *state);

/* What `update` changed: a config.json with nothing but the container's whole linux.resources and
 * linux.intelRdt as they are now, which take the place of those in STATE_CONFIG. Never updated:
 * *updated is zeroed (its doc is NULL), 0. */
int state_updated_read(int dir, struct oci_config *updated, struct oci_error *err);

/* Writes that beside the old one, then puts it in its place or takes it back. */
int state_updated_prepare(int dir, const struct oci_config *updated, struct oci_error *err);
int state_updated_commit(int dir, struct oci_error *err);
void state_updated_cancel(int dir);

/* Keeps other updates of the container out until the returned fd is closed: a lock on STATE_CONFIG,
 * which nobody else can open, is never replaced, and goes with the directory. Somebody has it: code
 * "update-busy". */
int state_update_lock(int dir, struct oci_error *err);

/* Status from the kernel. `dir` is the container's directory. Never waits for a lock. *pidfd (may
 * be NULL) gets a pidfd of a living INIT, or -1. */
enum status state_status(int dir, const struct state *state, int *pidfd);

/* For who needs that pidfd of a living INIT and got -1: fills err, returns -1. For want of
 * descriptors or memory, or by a filter: not a reason to call it gone. */
int state_fail_pidfd(const struct state *state, struct oci_error *err);

/* True when a creator holds the lock of the directory right now. */
bool state_locked(int dir);

/* Takes the lock if nobody has it, for removing a leftover: a creator that comes between finds its
 * directory gone. False: a creator is at work. Closing dir gives the lock back. */
bool state_try_lock(int dir);

/* Gives the lock back, also for who inherited `dir`. */
void state_unlock(int dir);

/* Takes the lock of a container that was created, if nobody has it: who removes the container with
 * it runs its poststop hooks, then says so for those who get the lock after it. That is kept in the
 * directory's mode, for others who remove the container may have unlinked all files and it. False:
 * the hooks are somebody else's, or have run. */
bool state_take_hooks(int dir);
void state_hooks_ran(int dir);

/* Removes the known files and the directory. Nothing there is fine. */
int state_remove(const char *root, const char *id, struct oci_error *err);

/* The same for the very directory that `dir` has open: where the id belongs to a later container by
 * now, which is possible when two commands delete at once, that one is left alone. */
int state_remove_opened(const char *root, const char *id, int dir, struct oci_error *err);

/* What /proc/PID/stat says of a process; each out may be NULL. 0, or -1 with errno: ENOENT
 * or ESRCH when it is gone. */
int state_process_stat(pid_t pid, char *letter, unsigned *flags, uint64_t *start);

/* In the flags of /proc/PID/stat until the first execve(2): a container's process that has it waits
 * for start. Seen in zombies too. (include/linux/sched.h) */
#define STATE_PF_FORKNOEXEC 0x40

/* There from the beginning of its end, long before it counts as a zombie. */
#define STATE_PF_EXITING 0x4

/* The current boot's id into buf[40]. */
int state_boot_id(char buf[40], struct oci_error *err);

/* A time since 1970 as RFC 3339 UTC with nanoseconds. By itself: the C library's calendar would
 * load the host's time zone for it. */
void state_time(const struct timespec *at, char buf[40]);

/* The same of now. */
void state_now(char buf[40]);

#endif
