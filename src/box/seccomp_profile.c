/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The system calls of a container: tables of names by what they are for, with the capability
 * without which they only widen what can go wrong. What no table has is refused (EPERM), and calls
 * newer than the profile don't exist (ENOSYS), which hull sees to. Names that an architecture
 * lacks do no harm there; names that Debian 12's libseccomp doesn't know stay out, since each would
 * be a warning at each start, and their callers all fall back at ENOSYS.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

#include "box/profile.h"

/* Of whom a group is. */
enum {
	ANYBODY = -1,
	DAC_READ_SEARCH = 2,
	SYS_MODULE = 16,
	SYS_RAWIO = 17,
	SYS_CHROOT = 18,
	SYS_PTRACE = 19,
	SYS_PACCT = 20,
	SYS_ADMIN = 21,
	SYS_BOOT = 22,
	SYS_NICE = 23,
	SYS_TIME = 25,
	SYS_TTY_CONFIG = 26,
	SYSLOG = 34,
	PERFMON = 38,
	BPF = 39,
};

struct group {
	int capability;	 /* without it the group is left out; ANYBODY: never */
	bool not_strict; /* left out of `strict` for those without the capability `widens` */
	int widens;
	const char *names; /* separated by blanks */
};

/* clang-format off */
static const struct group groups[] = {
	/* Contents of files. */
	{ ANYBODY, false, ANYBODY,
	  "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek "
	  "sendfile sendfile64 splice tee vmsplice copy_file_range readahead fadvise64 fadvise64_64 "
	  "arm_fadvise64_64 fallocate ftruncate ftruncate64 truncate truncate64 fsync fdatasync sync "
	  "syncfs sync_file_range sync_file_range2 arm_sync_file_range cachestat" },
	/* Opening, descriptors, and waiting for them. */
	{ ANYBODY, false, ANYBODY,
	  "open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl "
	  "pipe pipe2 select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 "
	  "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait "
	  "epoll_pwait2 eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch "
	  "inotify_rm_watch fanotify_mark memfd_create memfd_secret" },
	/* Names, directories and what is known of files. */
	{ ANYBODY, false, ANYBODY,
	  "access faccessat faccessat2 chdir fchdir getcwd getdents getdents64 readdir link linkat "
	  "symlink symlinkat unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir readlink "
	  "readlinkat stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat oldstat oldlstat "
	  "oldfstat statx statfs statfs64 fstatfs fstatfs64 name_to_handle_at "
	  "umask" },
	/* Owners, modes, times, attributes. */
	{ ANYBODY, false, ANYBODY,
	  "chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32 "
	  "utime utimes utimensat utimensat_time64 futimesat getxattr lgetxattr fgetxattr "
	  "setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr "
	  "removexattr lremovexattr fremovexattr" },
	/* Device nodes; fifos are made by the same call. */
	{ ANYBODY, false, ANYBODY, "mknod mknodat" },
	/* Memory. */
	{ ANYBODY, false, ANYBODY,
	  "brk mmap mmap2 mprotect munmap mremap msync madvise mincore mlock mlock2 mlockall munlock "
	  "munlockall membarrier remap_file_pages pkey_alloc pkey_free pkey_mprotect "
	  "map_shadow_stack" },
	/* Processes and what they know of each other. */
	{ ANYBODY, false, ANYBODY,
	  "fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid "
	  "getpgid getpgrp getsid setpgid setsid pidfd_open pidfd_send_signal process_mrelease "
	  "prctl arch_prctl getcpu getrusage times getrlimit ugetrlimit setrlimit prlimit64 uname "
	  "oldolduname olduname sysinfo getrandom restart_syscall rseq set_tid_address "
	  "set_robust_list get_robust_list capget capset seccomp landlock_create_ruleset "
	  "landlock_add_rule landlock_restrict_self" },
	/* Threads: waiting, areas of their own, turns on processors. */
	{ ANYBODY, false, ANYBODY,
	  "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue set_thread_area "
	  "get_thread_area nice getpriority setpriority ioprio_get ioprio_set sched_yield "
	  "sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam "
	  "sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max "
	  "sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64" },
	/* Signals. */
	{ ANYBODY, false, ANYBODY,
	  "kill tkill tgkill pause alarm signal sigaction rt_sigaction sigprocmask rt_sigprocmask "
	  "sigpending rt_sigpending sigsuspend rt_sigsuspend sigreturn rt_sigreturn rt_sigqueueinfo "
	  "rt_tgsigqueueinfo rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack signalfd "
	  "signalfd4" },
	/* Time: clocks are read, timers set. adjtimex reads too; to set with it needs CAP_SYS_TIME. */
	{ ANYBODY, false, ANYBODY,
	  "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 adjtimex "
	  "clock_adjtime clock_adjtime64 nanosleep clock_nanosleep clock_nanosleep_time64 getitimer "
	  "setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
	  "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
	  "timerfd_settime timerfd_settime64" },
	/* Ids. */
	{ ANYBODY, false, ANYBODY,
	  "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 "
	  "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid "
	  "setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setgroups "
	  "setgroups32 setfsuid setfsuid32 setfsgid setfsgid32" },
	/* Between processes: System V, message queues. `ipc` is all of System V in one call. */
	{ ANYBODY, false, ANYBODY,
	  "ipc msgget msgctl msgsnd msgrcv semget semctl semop semtimedop semtimedop_time64 shmget "
	  "shmctl shmat shmdt mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend "
	  "mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64" },
	/* Sockets, but for making one (see below). */
	{ ANYBODY, false, ANYBODY,
	  "socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt "
	  "setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64" },
	/* All socket calls in one, whose arguments no filter sees. */
	{ ANYBODY, true, ANYBODY, "socketcall" },
	/* Reading and writing in the background, the old way. */
	{ ANYBODY, true, ANYBODY,
	  "io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64" },
	/* Looking into other processes of the same user. */
	{ ANYBODY, true, SYS_PTRACE, "ptrace process_vm_readv process_vm_writev" },
	/* What only some architectures have. */
	{ ANYBODY, false, ANYBODY,
	  "breakpoint cacheflush set_tls get_tls usr26 usr32 swapcontext sys_debug_setcontext rtas "
	  "s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr "
	  "s390_sthyi riscv_flush_icache" },
	{ ANYBODY, true, ANYBODY, "modify_ldt" },

	{ SYS_CHROOT, false, ANYBODY, "chroot" },
	{ DAC_READ_SEARCH, false, ANYBODY, "open_by_handle_at" },
	{ SYS_ADMIN, false, ANYBODY,
	  "mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig "
	  "fsmount fspick pivot_root setns unshare clone clone3 sethostname setdomainname bpf "
	  "perf_event_open fanotify_init quotactl quotactl_fd lookup_dcookie syslog" },
	{ SYS_PTRACE, false, ANYBODY, "kcmp pidfd_getfd process_madvise" },
	{ SYS_NICE, false, ANYBODY,
	  "get_mempolicy set_mempolicy set_mempolicy_home_node mbind move_pages migrate_pages" },
	{ SYS_TIME, false, ANYBODY, "settimeofday stime clock_settime clock_settime64" },
	{ SYS_BOOT, false, ANYBODY, "reboot kexec_load kexec_file_load" },
	{ SYS_MODULE, false, ANYBODY, "init_module finit_module delete_module" },
	{ SYS_RAWIO, false, ANYBODY, "iopl ioperm" },
	{ SYS_PACCT, false, ANYBODY, "acct" },
	{ SYS_TTY_CONFIG, false, ANYBODY, "vhangup" },
	{ SYSLOG, false, ANYBODY, "syslog" },
	{ BPF, false, ANYBODY, "bpf" },
	{ PERFMON, false, ANYBODY, "perf_event_open" },
};
/* clang-format on */
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

/* One call whose argument is looked at. Two conditions of the same argument would be alternatives,
 * so each row is a rule of its own. */
struct condition {
	const char *name;
	unsigned index;
	const char *op;
	uint64_t value, value_two;
};

/* personality(2): Linux, 32-bit, without randomised addresses or old layouts; reading it. */
static const struct condition personalities[] = {
	{ "personality", 0, "SCMP_CMP_EQ", 0x0, 0 },
	{ "personality", 0, "SCMP_CMP_EQ", 0x8, 0 },
	{ "personality", 0, "SCMP_CMP_EQ", 0x20000, 0 },
	{ "personality", 0, "SCMP_CMP_EQ", 0x20008, 0 },
	{ "personality", 0, "SCMP_CMP_EQ", 0xffffffff, 0 },
};
/* Sockets of virtual machines would reach the host past the network namespace. */
static const struct condition sockets[] = {
	{ "socket", 0, "SCMP_CMP_NE", 40, 0 },
};
/* unix, inet, inet6, netlink */
static const struct condition sockets_strict[] = {
	{ "socket", 0, "SCMP_CMP_EQ", 1, 0 },
	{ "socket", 0, "SCMP_CMP_EQ", 2, 0 },
	{ "socket", 0, "SCMP_CMP_EQ", 10, 0 },
	{ "socket", 0, "SCMP_CMP_EQ", 16, 0 },
};

/* Every flag of clone(2) that makes a namespace. */
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)
static const struct condition clones[] = {
	{ "clone", 0, "SCMP_CMP_MASKED_EQ", NEW_NAMESPACES, 0 },
};
/* s390 has the flags second. */
static const struct condition clones_s390[] = {
	{ "clone", 1, "SCMP_CMP_MASKED_EQ", NEW_NAMESPACES, 0 },
};

/* The machine's own architecture first, then those that its kernel runs besides. */
static const struct machine {
	const char *name;
	const char *architectures[3];
} machines[] = {
	{ "x86_64", { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" } },
	{ "aarch64", { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" } },
	{ "s390x", { "SCMP_ARCH_S390X", "SCMP_ARCH_S390" } },
	{ "ppc64le", { "SCMP_ARCH_PPC64LE" } },
	{ "riscv64", { "SCMP_ARCH_RISCV64" } },
};

/* NULL: one that this page doesn't know, which gets its own architecture alone. */
static const struct machine *machine_find(void)
{
	struct utsname name;

	if (uname(&name) == 0)
		for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
			if (!strcmp(machines[i].name, name.machine))
				return &machines[i];
	return NULL;
}

static bool has(uint64_t capabilities, int number)
{
	return number >= 0 && (capabilities & CAPABILITY_BIT(number));
}

static bool is_in(const struct group *group, enum profile_seccomp kind, uint64_t capabilities)
{
	if (group->capability != ANYBODY && !has(capabilities, group->capability))
		return false;
	return kind != PROFILE_SECCOMP_STRICT || !group->not_strict ||
	       has(capabilities, group->widens);
}

static struct oci_strings split_words(struct arena *arena, const char *words)
{
	struct oci_strings list = { .n = 1 };
	char *copy = arena_strdup(arena, words), *next = copy;

	for (const char *at = words; *at; at++)
		list.n += *at == ' ';
	list.v = arena_array(arena, list.n + 1, sizeof(*list.v));
	if (!copy || !list.v)
		return (struct oci_strings){ .n = 0 };
	for (size_t i = 0; i < list.n; i++)
		list.v[i] = strsep(&next, " ");
	return list;
}

static struct oci_seccomp_syscall *add_rule(struct oci_seccomp *out, const char *action,
					    const char *names, struct arena *arena)
{
	struct oci_seccomp_syscall *rule = &out->syscalls.v[out->syscalls.n++];

	rule->names = split_words(arena, names);
	rule->action = arena_strdup(arena, action);
	return rule;
}

static void add_conditions(struct oci_seccomp *out, const struct condition *rows, size_t n,
			   struct arena *arena)
{
	for (size_t i = 0; i < n; i++) {
		struct oci_seccomp_syscall *rule =
			add_rule(out, "SCMP_ACT_ALLOW", rows[i].name, arena);

		rule->args.v = arena_array(arena, 1, sizeof(*rule->args.v));
		if (!rule->args.v)
			return; /* remembered by the arena */
		rule->args.n = 1;
		rule->args.v[0] = (struct oci_seccomp_arg){
			.index = rows[i].index,
			.value = rows[i].value,
			.value_two = rows[i].value_two,
			.op = arena_strdup(arena, rows[i].op),
		};
	}
}
#define ADD_CONDITIONS(out, rows, arena)                                                           \
	add_conditions(out, rows, sizeof(rows) / sizeof((rows)[0]), arena)

/* Without CAP_SYS_ADMIN: clone makes no namespace; the flags of clone3 stand in memory, which no
 * filter sees, so it doesn't exist, and libraries fall back to clone. */
static void restrict_clone(struct oci_seccomp *out, struct arena *arena)
{
	const struct machine *machine = machine_find();
	struct oci_seccomp_syscall *rule;

	if (machine && !strncmp(machine->name, "s390", 4))
		ADD_CONDITIONS(out, clones_s390, arena);
	else
		ADD_CONDITIONS(out, clones, arena);
	rule = add_rule(out, "SCMP_ACT_ERRNO", "clone3", arena);
	rule->errno_ret = (struct oci_maybe_uint){ true, ENOSYS };
}

static void fill_architectures(struct oci_seccomp *out, bool all, struct arena *arena)
{
	const struct machine *machine = machine_find();
	size_t max = sizeof(machine->architectures) / sizeof(machine->architectures[0]);

	if (!machine)
		return;
	out->architectures.v = arena_array(arena, max + 1, sizeof(*out->architectures.v));
	for (size_t i = 0; out->architectures.v && i < (all ? max : 1); i++)
		if (machine->architectures[i])
			out->architectures.v[out->architectures.n++] =
				arena_strdup(arena, machine->architectures[i]);
}

void seccomp_profile_fill(struct oci_seccomp *out, enum profile_seccomp kind, uint64_t capabilities,
			  struct arena *arena)
{
	bool strict = kind == PROFILE_SECCOMP_STRICT;

	*out = (struct oci_seccomp){ .present = true };
	out->default_action = arena_strdup(arena, "SCMP_ACT_ERRNO");
	out->default_errno_ret = (struct oci_maybe_uint){ true, EPERM };
	fill_architectures(out, !strict, arena);
	out->syscalls.v = arena_array(arena, N_GROUPS + 16, sizeof(*out->syscalls.v));
	if (!out->syscalls.v)
		return; /* remembered by the arena */
	for (size_t i = 0; i < N_GROUPS; i++)
		if (is_in(&groups[i], kind, capabilities))
			(void)add_rule(out, "SCMP_ACT_ALLOW", groups[i].names, arena);
	if (strict)
		ADD_CONDITIONS(out, sockets_strict, arena);
	else
		ADD_CONDITIONS(out, sockets, arena);
	if (!strict)
		ADD_CONDITIONS(out, personalities, arena);
	if (!has(capabilities, SYS_ADMIN))
		restrict_clone(out, arena);
}
