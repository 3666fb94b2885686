/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * System calls that the C library does not offer (or offers only in newer versions), under the
 * prefix sys_ so that they never clash with a newer libc, and the constants that go with them.
 * The only place where syscall() is called. Each returns what the kernel returns, -1 with errno.
 * Floor: Linux 5.14. What is newer says so.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <linux/bpf.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>

/* 5.6 openat2(2) */
int sys_openat2(int dir, const char *path, const struct open_how *how);
/* 5.3 clone3(2), without a stack of its own: returns twice, as fork() */
pid_t sys_clone3(struct clone_args *args);
/* 3.15 renameat2(2); musl has no wrapper */
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif
int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
/* 5.9 close_range(2) */
int sys_close_range(unsigned first, unsigned last, unsigned flags);
/* 5.3 pidfd_open(2), 5.1 pidfd_send_signal(2), 5.6 pidfd_getfd(2) */
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int signal);
int sys_pidfd_getfd(int pidfd, int fd);
/* execveat(2) with AT_EMPTY_PATH */
int sys_execveat(int fd, char *const argv[], char *const envp[]);
int sys_pivot_root(const char *new_root, const char *put_old);
long sys_keyctl_join(const char *name);
/* seccomp(2): an operation with its flags and argument */
int sys_seccomp(unsigned operation, unsigned flags, const void *argument);
/* ptrace(2), which libc declares with enums and unlike others */
long sys_ptrace(long request, pid_t pid, unsigned long address, void *data);
int sys_bpf(int command, union bpf_attr *attr, size_t size);
/* capget(2), capset(2) of the calling thread, version 3: two 32-bit words each, low word first */
int sys_capget(uint32_t effective[2], uint32_t permitted[2], uint32_t inheritable[2]);
int sys_capset(const uint32_t effective[2], const uint32_t permitted[2],
	       const uint32_t inheritable[2]);

/* 3.14 sched_setattr(2); the structure in its second size (5.3), which has the utilization clamps.
 * libc names neither before glibc 2.41. */
struct sys_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min;
	uint32_t util_max;
};
int sys_sched_setattr(pid_t pid, const struct sys_sched_attr *attr);
int sys_sched_getattr(pid_t pid, struct sys_sched_attr *attr);
/* ioprio_set(2), ioprio_get(2) of one process, 0: the calling one */
int sys_ioprio_set(pid_t pid, int priority);
int sys_ioprio_get(pid_t pid);
/* set_mempolicy(2), get_mempolicy(2) of the calling thread; masks of `bits` bits */
int sys_set_mempolicy(int mode, const unsigned long *nodes, size_t bits);
int sys_get_mempolicy(int *mode, unsigned long *nodes, size_t bits);

/* Identity changes of the calling thread only: libc's wrappers signal every thread, and a process
 * made by clone3() behind libc's back must not do that. */
int sys_setresuid(uid_t real, uid_t effective, uid_t saved);
int sys_setresgid(gid_t real, gid_t effective, gid_t saved);
/* setreuid(-1, -1) and setregid(-1, -1): change nothing but the ids for file access, which become
 * the effective ones again after setfsuid(2). */
int sys_reset_fsids(void);
int sys_setgroups(size_t n, const gid_t *groups);

/* 5.2 the mount API. glibc 2.36 has wrappers for most of these; the prefix keeps one way. */
int sys_open_tree(int dir, const char *path, unsigned flags);
int sys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int sys_fsopen(const char *type, unsigned flags);
int sys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux);
int sys_fsmount(int fs, unsigned flags, unsigned attributes);
int sys_fspick(int dir, const char *path, unsigned flags);
/* 5.12 mount_setattr(2) */
int sys_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr,
		      size_t size);

/* 6.8 statmount(2): about the mount with a unique id (STATX_MNT_ID_UNIQUE) in a mount namespace
 * (NS_GET_MNTNS_ID). The answer begins with struct sys_statmount; its offsets count from the end of
 * that. What else struct statmount has isn't needed here (include/uapi/linux/mount.h). */
struct sys_mnt_id_req {
	uint32_t size;
	uint32_t spare;
	uint64_t mnt_id;
	uint64_t param; /* what is asked for: SYS_STATMOUNT_* */
	uint64_t mnt_ns_id;
};
#define SYS_STATMOUNT_UIDMAP 0x2000U /* 6.15 */
#define SYS_STATMOUNT_GIDMAP 0x4000U
struct sys_statmount {
	uint32_t size;
	uint32_t mnt_opts;
	uint64_t mask; /* which of those asked for are there */
	uint64_t others[17];
	uint32_t uidmap_n, uidmap; /* so many texts, each with its NUL, from this offset on */
	uint32_t gidmap_n, gidmap;
	uint64_t spare[43];
};
int sys_statmount(const struct sys_mnt_id_req *request, void *answer, size_t size);
#define SYS_STATX_MNT_ID_UNIQUE 0x4000U		      /* 6.8 */
#define SYS_NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t) /* 6.11, an ioctl of a mount namespace */

#endif
