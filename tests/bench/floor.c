/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the kernel itself takes for the container of config.json: the bare system calls, without
 * reading anything, deciding anything or looking after anything that fails. run-bench measures
 * runtimes against it. Not a runtime: it trusts the root file system and reports nothing.
 *
 * usage: floor [-x] [-d] [-s DIR] ROOTFS CGROUP   CGROUP is made and removed
 *        floor -n                                 ends at once: what starting a program takes
 *
 * What any runtime has to do besides: -x executes itself once first (a runtime that the container
 * can't overwrite, or one more process), -d loads and attaches a device filter, -s writes and
 * renames one state file below a new directory DIR.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MNT_DETACH 2
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Nothing here is expected to fail; where it does the measurement is void. */
#define MUST(call) must((call), #call)

static long must(long result, const char *what)
{
	if (result >= 0)
		return result;
	perror(what);
	_exit(1);
}

struct parameter {
	const char *key, *value;
};

struct fs {
	const char *place, *type;
	unsigned attributes;
	struct parameter parameters[4];
};

#define NOSUID MOUNT_ATTR_NOSUID
#define NODEV MOUNT_ATTR_NODEV
#define NOEXEC MOUNT_ATTR_NOEXEC
#define RDONLY MOUNT_ATTR_RDONLY

/* clang-format off */
static const struct fs mounts[] = {
	{ "proc", "proc", 0, { { NULL, NULL } } },
	{ "dev", "tmpfs", NOSUID | MOUNT_ATTR_STRICTATIME, { { "mode", "755" }, { "size", "65536k" } } },
	{ "dev/pts", "devpts", NOSUID | NOEXEC, { { "ptmxmode", "0666" }, { "mode", "0620" } } },
	{ "dev/shm", "tmpfs", NOSUID | NOEXEC | NODEV, { { "mode", "1777" }, { "size", "65536k" } } },
	{ "dev/mqueue", "mqueue", NOSUID | NOEXEC | NODEV, { { NULL, NULL } } },
	{ "sys", "sysfs", NOSUID | NOEXEC | NODEV | RDONLY, { { NULL, NULL } } },
	{ "sys/fs/cgroup", "cgroup2", NOSUID | NOEXEC | NODEV | RDONLY, { { NULL, NULL } } },
	{ "run", "tmpfs", NOSUID | NODEV, { { "mode", "755" }, { "size", "65536k" } } },
};
/* clang-format on */

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = { { "dev/null", 1, 3 },   { "dev/zero", 1, 5 },    { "dev/full", 1, 7 },
	      { "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 } };

static const struct {
	const char *to, *name;
} links[] = { { "/proc/self/fd", "dev/fd" },
	      { "/proc/self/fd/0", "dev/stdin" },
	      { "/proc/self/fd/1", "dev/stdout" },
	      { "/proc/self/fd/2", "dev/stderr" },
	      { "pts/ptmx", "dev/ptmx" } };

static const char *const masked[] = { "/proc/acpi",	     "/proc/asound",
				      "/proc/kcore",	     "/proc/keys",
				      "/proc/latency_stats", "/proc/timer_list",
				      "/proc/timer_stats",   "/proc/sched_debug",
				      "/sys/firmware",	     "/proc/scsi" };
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					 "/proc/sysrq-trigger" };

static long open_tree(int dir, const char *path, unsigned flags)
{
	return syscall(SYS_open_tree, dir, path, flags | O_CLOEXEC);
}

static void move_to(long tree, int dir, const char *path)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	MUST(syscall(SYS_move_mount, tree, "", dir, path, flags));
	(void)close((int)tree);
}

static void set_attributes(int dir, const char *path, unsigned flags, uint64_t set,
			   uint64_t propagation)
{
	struct mount_attr attr = { .attr_set = set, .propagation = propagation };

	MUST(syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof(attr)));
}

static long new_fs(const struct fs *fs)
{
	long context = MUST(syscall(SYS_fsopen, fs->type, FSOPEN_CLOEXEC));
	long mounted;

	for (const struct parameter *p = fs->parameters; p->key; p++)
		MUST(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, p->key, p->value, 0));
	MUST(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mounted = MUST(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, fs->attributes));
	(void)close((int)context);
	return mounted;
}

static void fill_root(int root)
{
	for (size_t i = 0; i < COUNT(mounts); i++) {
		if (strncmp(mounts[i].place, "dev/", 4) == 0)
			MUST(mkdirat(root, mounts[i].place, 0755));
		move_to(new_fs(&mounts[i]), root, mounts[i].place);
	}
	for (size_t i = 0; i < COUNT(nodes); i++)
		MUST(mknodat(root, nodes[i].name, S_IFCHR | 0666,
			     makedev(nodes[i].major, nodes[i].minor)));
	for (size_t i = 0; i < COUNT(links); i++)
		MUST(symlinkat(links[i].to, root, links[i].name));
}

/* One cover for all directories, one for all files. */
static void cover(const char *path, long *empty, long null)
{
	static const struct fs nothing = {
		"", "tmpfs", RDONLY | NOSUID | NODEV | NOEXEC, { { "mode", "755" } }
	};
	int target = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (target < 0)
		return;
	MUST(fstat(target, &st));
	if (!S_ISDIR(st.st_mode)) {
		move_to(MUST(open_tree((int)null, "", OPEN_TREE_CLONE | AT_EMPTY_PATH)), target,
			"");
	} else if (*empty < 0) {
		*empty = new_fs(&nothing);
		move_to(dup((int)*empty), target, "");
	} else {
		move_to(MUST(open_tree((int)*empty, "", OPEN_TREE_CLONE | AT_EMPTY_PATH)), target,
			"");
	}
	(void)close(target);
}

static void protect_paths(long null)
{
	long empty = -1;

	for (size_t i = 0; i < COUNT(masked); i++)
		cover(masked[i], &empty, null);
	for (size_t i = 0; i < COUNT(read_only); i++) {
		long tree = open_tree(AT_FDCWD, read_only[i], OPEN_TREE_CLONE | AT_RECURSIVE);

		if (tree < 0)
			continue;
		set_attributes((int)tree, "", AT_EMPTY_PATH | AT_RECURSIVE, RDONLY, 0);
		move_to(tree, AT_FDCWD, read_only[i]);
	}
}

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int sock = (int)MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	MUST(ioctl(sock, SIOCSIFFLAGS, &lo));
	(void)close(sock);
}

static void confine(void)
{
	const uint64_t keep =
		1 << CAP_CHOWN | 1 << CAP_KILL | 1 << CAP_NET_BIND_SERVICE | 1 << CAP_AUDIT_WRITE;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { (uint32_t)keep, (uint32_t)keep, 0 } };

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(keep & 1ULL << cap))
			MUST(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	MUST(syscall(SYS_capset, &header, data));
}

static _Noreturn void be_init(const char *rootfs)
{
	static const char *const argv[] = { "/bin/true", NULL };
	static const char *const envp[] = { "PATH=/usr/bin:/bin", "TERM=xterm", "HOME=/root",
					    NULL };
	long null, root;

	MUST(sethostname("bench", 5));
	loopback_up();
	set_attributes(AT_FDCWD, "/", AT_RECURSIVE, 0, 1 << 18 /* MS_PRIVATE */);
	null = MUST(open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE));
	set_attributes((int)null, "", AT_EMPTY_PATH, RDONLY | NOSUID | NOEXEC, 0);
	root = MUST(open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | AT_RECURSIVE));
	MUST(syscall(SYS_move_mount, root, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH));
	fill_root((int)root);
	/* A clone of a detached tree is for newer kernels only, so the cover is attached. */
	MUST(syscall(SYS_move_mount, null, "", root, "dev/null", MOVE_MOUNT_F_EMPTY_PATH));
	MUST(fchdir((int)root));
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(syscall(SYS_umount2, ".", MNT_DETACH));
	MUST(chdir("/"));
	protect_paths(null);
	confine();
	MUST(syscall(SYS_execve, argv[0], argv, envp));
	_exit(1);
}

#define INSN(op, dst, src, o, i)                                                                   \
	{                                                                                          \
		.code = (op), .dst_reg = (dst), .src_reg = (src), .off = (o), .imm = (i)           \
	}

/* Allows the nodes above by type, major and minor, and mknod; as long as a real one. */
static int load_filter(void)
{
	struct bpf_insn prog[8 + 3 * COUNT(nodes) + 2];
	union bpf_attr attr = { 0 };
	size_t n = 0;

	prog[n++] = (struct bpf_insn)INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	prog[n++] = (struct bpf_insn)INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0);
	prog[n++] = (struct bpf_insn)INSN(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 8, 0);
	prog[n++] = (struct bpf_insn)INSN(BPF_ALU | BPF_RSH | BPF_K, 2, 0, 0, 16);
	prog[n++] = (struct bpf_insn)INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	prog[n++] = (struct bpf_insn)INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 1, BPF_DEVCG_ACC_MKNOD);
	prog[n++] = (struct bpf_insn)INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < COUNT(nodes); i++) {
		prog[n++] = (struct bpf_insn)INSN(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 2,
						  (int)nodes[i].major);
		prog[n++] = (struct bpf_insn)INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 1,
						  (int)nodes[i].minor);
		prog[n++] = (struct bpf_insn)INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	prog[n++] = (struct bpf_insn)INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	prog[n++] = (struct bpf_insn)INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)prog;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "GPL";
	return (int)MUST(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static void attach_filter(int cgroup)
{
	union bpf_attr attr = { .target_fd = (uint32_t)cgroup,
				.attach_bpf_fd = (uint32_t)load_filter(),
				.attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = BPF_F_ALLOW_MULTI };

	MUST(syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)));
	(void)close((int)attr.attach_bpf_fd);
}

static int write_state(const char *dir)
{
	static const char text[700] = "{";
	int at, file;

	MUST(mkdir(dir, 0700));
	at = (int)MUST(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	file = (int)MUST(openat(at, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	MUST(write(file, text, sizeof(text)));
	(void)close(file);
	MUST(renameat(at, "new", at, "state.json"));
	return at;
}

static void remove_state(int at, const char *dir)
{
	MUST(unlinkat(at, "state.json", 0));
	(void)close(at);
	MUST(rmdir(dir));
}

static int run(const char *rootfs, const char *cgroup_path, bool filter, const char *state_dir)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP | CLONE_NEWNS | CLONE_NEWPID |
					    CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
					    CLONE_NEWCGROUP,
				   .exit_signal = SIGCHLD };
	int state = state_dir ? write_state(state_dir) : -1;
	int cgroup, status;
	long pid;

	MUST(mkdir(cgroup_path, 0755));
	cgroup = (int)MUST(open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (filter)
		attach_filter(cgroup);
	args.cgroup = (uint64_t)cgroup;
	pid = MUST(syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0)
		be_init(rootfs);
	MUST(waitpid((pid_t)pid, &status, 0));
	MUST(rmdir(cgroup_path));
	if (state >= 0)
		remove_state(state, state_dir);
	return status == 0 ? 0 : 1;
}

int main(int argc, char *argv[])
{
	const char *state_dir = NULL;
	bool filter = false, again = false;
	int option;

	while ((option = getopt(argc, argv, "nxds:")) >= 0) {
		if (option == 'n')
			return 0;
		else if (option == 'x')
			again = true;
		else if (option == 'd')
			filter = true;
		else if (option == 's')
			state_dir = optarg;
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	if (again && !getenv("FLOOR_AGAIN")) {
		(void)setenv("FLOOR_AGAIN", "1", 1);
		MUST(execv("/proc/self/exe", argv));
	}
	return run(argv[optind], argv[optind + 1], filter, state_dir);
}
