/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each function is one system call and nothing else; see sys.h.
 */
#include "base/sys.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dir, path, how, sizeof(*how));
}

pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

int sys_pidfd_send_signal(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

int sys_execveat(int fd, char *const argv[], char *const envp[])
{
	return (int)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

long sys_keyctl_join(const char *name)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
}

int sys_seccomp(unsigned operation, unsigned flags, const void *argument)
{
	return (int)syscall(SYS_seccomp, operation, flags, argument);
}

long sys_ptrace(long request, pid_t pid, unsigned long address, void *data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

int sys_bpf(int command, union bpf_attr *attr, size_t size)
{
	return (int)syscall(SYS_bpf, command, attr, size);
}

int sys_capget(uint32_t effective[2], uint32_t permitted[2], uint32_t inheritable[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		effective[i] = data[i].effective;
		permitted[i] = data[i].permitted;
		inheritable[i] = data[i].inheritable;
	}
	return 0;
}

int sys_capset(const uint32_t effective[2], const uint32_t permitted[2],
	       const uint32_t inheritable[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = effective[i];
		data[i].permitted = permitted[i];
		data[i].inheritable = inheritable[i];
	}
	return (int)syscall(SYS_capset, &header, data);
}

int sys_sched_setattr(pid_t pid, const struct sys_sched_attr *attr)
{
	return (int)syscall(SYS_sched_setattr, pid, attr, 0);
}

int sys_sched_getattr(pid_t pid, struct sys_sched_attr *attr)
{
	return (int)syscall(SYS_sched_getattr, pid, attr, sizeof(*attr), 0);
}

int sys_ioprio_set(pid_t pid, int priority)
{
	return (int)syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid, priority);
}

int sys_ioprio_get(pid_t pid)
{
	return (int)syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, pid);
}

int sys_set_mempolicy(int mode, const unsigned long *nodes, size_t bits)
{
	/* The kernel takes the number less one. */
	return (int)syscall(SYS_set_mempolicy, mode, nodes, nodes ? bits + 1 : 0);
}

int sys_get_mempolicy(int *mode, unsigned long *nodes, size_t bits)
{
	return (int)syscall(SYS_get_mempolicy, mode, nodes, nodes ? bits + 1 : 0, NULL, 0);
}

int sys_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return (int)syscall(SYS_setresuid, real, effective, saved);
}

int sys_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	return (int)syscall(SYS_setresgid, real, effective, saved);
}

int sys_reset_fsids(void)
{
	return syscall(SYS_setreuid, -1, -1) < 0 || syscall(SYS_setregid, -1, -1) < 0 ? -1 : 0;
}

int sys_setgroups(size_t n, const gid_t *groups)
{
	return (int)syscall(SYS_setgroups, n, groups);
}

int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

int sys_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from_dir, from, to_dir, to, flags);
}

int sys_fsopen(const char *type, unsigned flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

int sys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}

int sys_fsmount(int fs, unsigned flags, unsigned attributes)
{
	return (int)syscall(SYS_fsmount, fs, flags, attributes);
}

int sys_fspick(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dir, path, flags);
}

int sys_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr,
		      size_t size)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, size);
}

#ifndef SYS_statmount
#define SYS_statmount 457 /* every architecture but alpha */
#endif

int sys_statmount(const struct sys_mnt_id_req *request, void *answer, size_t size)
{
	return (int)syscall(SYS_statmount, request, answer, size, 0);
}
