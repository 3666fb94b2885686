/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Run inside containers by the tests, prints what it sees there, one fact a line. Static, and
 * without any library call that reads files of its own accord, so that it works in an empty root.
 * Several commands are joined with "+": probe ids + cwd + stat /dev/null + exit 3
 * It never judges: a failing call prints the name of its errno in place of the fact.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int all_argc;
static char **all_argv;

/* "ok", or the name of errno. */
static const char *outcome(long result)
{
	const char *name = result < 0 ? strerrorname_np(errno) : "ok";

	return name ? name : "E?";
}

/* At most 256 KiB: it may be /dev/zero. */
static void copy_out(int fd)
{
	char buf[4096];
	ssize_t n;

	fflush(stdout);
	for (int i = 0; i < 64 && (n = read(fd, buf, sizeof(buf))) > 0; i++)
		if (write(STDOUT_FILENO, buf, (size_t)n) != n)
			return;
}

/* --- Who am I --- */

static int cmd_ids(char **args)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;
	gid_t groups[1024];
	int n = getgroups(1024, groups);
	mode_t mask = umask(0);

	(void)args;
	umask(mask);
	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	printf("uid=%u,%u,%u\ngid=%u,%u,%u\ngroups=", r, e, s, rg, eg, sg);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	printf("\numask=%04o\n", (unsigned)mask);
	return 0;
}

static int cmd_caps(char **args)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint64_t bounding = 0, ambient = 0;

	(void)args;
	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &header, data) < 0)
		printf("capget=%s\n", outcome(-1));
	for (unsigned cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			bounding |= UINT64_C(1) << cap;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			ambient |= UINT64_C(1) << cap;
	}
	printf("effective=%08x%08x\npermitted=%08x%08x\ninheritable=%08x%08x\n", data[1].effective,
	       data[0].effective, data[1].permitted, data[0].permitted, data[1].inheritable,
	       data[0].inheritable);
	printf("bounding=%016llx\nambient=%016llx\n", (unsigned long long)bounding,
	       (unsigned long long)ambient);
	printf("securebits=%#x\n", (unsigned)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	return 0;
}

static int cmd_confinement(char **args)
{
	(void)args;
	printf("no_new_privs=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("seccomp=%d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	printf("dumpable=%d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	return 0;
}

static int cmd_pid(char **args)
{
	int death = -1;

	(void)args;
	prctl(PR_GET_PDEATHSIG, &death);
	printf("pid=%d\nppid=%d\nsid=%d\npgrp=%d\npdeathsig=%d\n", getpid(), getppid(), getsid(0),
	       getpgrp(), death);
	return 0;
}

static int cmd_personality(char **args)
{
	struct utsname uts;

	(void)args;
	uname(&uts);
	printf("personality=%#x\nmachine=%s\n", (unsigned)personality(0xffffffff), uts.machine);
	return 0;
}

static int cmd_names(char **args)
{
	struct utsname uts;

	(void)args;
	uname(&uts);
	printf("hostname=%s\ndomainname=%s\n", uts.nodename, uts.domainname);
	return 0;
}

static int cmd_keyring(char **args)
{
	char text[256];
	long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	(void)args;
	printf("session=%ld\n", serial < 0 ? -errno : serial);
	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text)) < 0)
		printf("name=%s\n", outcome(-1));
	else
		printf("name=%s\n", strrchr(text, ';') ? strrchr(text, ';') + 1 : text);
	if (syscall(SYS_keyctl, KEYCTL_GET_SECURITY, KEY_SPEC_SESSION_KEYRING, text, sizeof(text)) >
	    0)
		printf("label=%s\n", text);
	return 0;
}

/* --- What was handed to me --- */

static int cmd_env(char **args)
{
	(void)args;
	for (char **e = environ; *e; e++)
		puts(*e);
	return 0;
}

static int cmd_args(char **args)
{
	(void)args;
	for (int i = 0; i < all_argc; i++)
		printf("arg%d=%s\n", i, all_argv[i]);
	return 0;
}

static int cmd_cwd(char **args)
{
	char buf[8192];

	(void)args;
	/* The bare call: the kernel's "(unreachable)" must be seen. */
	if (syscall(SYS_getcwd, buf, sizeof(buf)) < 0)
		printf("cwd=%s\n", outcome(-1));
	else
		printf("cwd=%s\n", buf);
	return 0;
}

static const char *type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "other";
	}
}

/* Every open fd, found without /proc, its link where /proc is there. */
static int cmd_fds(char **args)
{
	(void)args;
	for (int fd = 0; fd < 4096; fd++) {
		char path[64], link[4096] = "";
		struct stat st;

		if (fstat(fd, &st) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, link, sizeof(link) - 1) < 0)
			strcpy(link, "?");
		printf("fd=%d type=%s uid=%u rdev=%u:%u link=%s\n", fd, type_word(st.st_mode),
		       st.st_uid, major(st.st_rdev), minor(st.st_rdev), link);
	}
	return 0;
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "AS", RLIMIT_AS },
	{ "CORE", RLIMIT_CORE },
	{ "CPU", RLIMIT_CPU },
	{ "DATA", RLIMIT_DATA },
	{ "FSIZE", RLIMIT_FSIZE },
	{ "LOCKS", RLIMIT_LOCKS },
	{ "MEMLOCK", RLIMIT_MEMLOCK },
	{ "MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "NICE", RLIMIT_NICE },
	{ "NOFILE", RLIMIT_NOFILE },
	{ "NPROC", RLIMIT_NPROC },
	{ "RSS", RLIMIT_RSS },
	{ "RTPRIO", RLIMIT_RTPRIO },
	{ "RTTIME", RLIMIT_RTTIME },
	{ "SIGPENDING", RLIMIT_SIGPENDING },
	{ "STACK", RLIMIT_STACK },
};

static int cmd_rlimits(char **args)
{
	(void)args;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit lim;

		getrlimit(limits[i].resource, &lim);
		printf("RLIMIT_%s=%lld:%lld\n", limits[i].name, (long long)lim.rlim_cur,
		       (long long)lim.rlim_max);
	}
	return 0;
}

static int cmd_signals(char **args)
{
	sigset_t set;
	uint64_t blocked = 0, ignored = 0;

	(void)args;
	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int sig = 1; sig <= 64; sig++) {
		struct sigaction act;

		if (sigismember(&set, sig) == 1)
			blocked |= UINT64_C(1) << (sig - 1);
		if (sigaction(sig, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
			ignored |= UINT64_C(1) << (sig - 1);
	}
	printf("blocked=%016llx\nignored=%016llx\n", (unsigned long long)blocked,
	       (unsigned long long)ignored);
	return 0;
}

static int cmd_scheduling(char **args)
{
	cpu_set_t cpus;

	(void)args;
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("affinity=%d:", CPU_COUNT(&cpus));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			printf(" %d", cpu);
	errno = 0;
	printf("\nnice=%d\n", getpriority(PRIO_PROCESS, 0));
	printf("timerslack=%d\n", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	return 0;
}

static int cmd_scheduler(char **args)
{
	/* struct sched_attr, which <sched.h> and <linux/sched/types.h> quarrel about */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
		uint32_t util_min, util_max;
	} attr = { 0 };
	static const char *const policies[] = { "OTHER", "FIFO", "RR",	     "BATCH",
						"ISO",	 "IDLE", "DEADLINE", "EXT" };
	long io = syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0);

	(void)args;
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0)
		printf("policy=%s\n", outcome(-1));
	else
		printf("policy=%s\nflags=%#llx\nnice=%d\npriority=%u\ndeadline=%llu:%llu:%llu\n",
		       attr.policy < 8 ? policies[attr.policy] : "?",
		       (unsigned long long)attr.flags, attr.nice, attr.priority,
		       (unsigned long long)attr.runtime, (unsigned long long)attr.deadline,
		       (unsigned long long)attr.period);
	printf("ioprio=%ld:%ld\n", io >> 13, io & 0x1fff);
	return 0;
}

static int cmd_mempolicy(char **args)
{
	static const char *const modes[] = {
		"DEFAULT",	  "PREFERRED",		"BIND", "INTERLEAVE", "LOCAL",
		"PREFERRED_MANY", "WEIGHTED_INTERLEAVE"
	};
	unsigned long nodes[1024 / 8 / sizeof(unsigned long)] = { 0 };
	int mode = -1;
	unsigned plain;

	(void)args;
	if (syscall(SYS_get_mempolicy, &mode, nodes, 1025, NULL, 0) < 0) {
		printf("mode=%s\n", outcome(-1));
		return 0;
	}
	plain = (unsigned)mode & 0xfffU;
	printf("mode=%s%s%s%s\nnodes=", plain < 7 ? modes[plain] : "?",
	       mode & 1 << 13 ? " NUMA_BALANCING" : "", mode & 1 << 14 ? " RELATIVE_NODES" : "",
	       mode & 1 << 15 ? " STATIC_NODES" : "");
	for (unsigned node = 0; node < 1024; node++)
		if (nodes[node / 64] >> node % 64 & 1)
			printf(" %u", node);
	printf("\n");
	return 0;
}

/* --- Files --- */

static void print_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		printf("cat %s=%s\n", path, outcome(-1));
		return;
	}
	copy_out(fd);
	close(fd);
}

static int cmd_cat(char **args)
{
	print_file(args[0]);
	return 0;
}

static int cmd_mounts(char **args)
{
	(void)args;
	print_file("/proc/self/mountinfo");
	return 0;
}

static int cmd_cgroup(char **args)
{
	(void)args;
	print_file("/proc/self/cgroup");
	return 0;
}

static int cmd_oom(char **args)
{
	(void)args;
	printf("oom_score_adj=");
	print_file("/proc/self/oom_score_adj");
	return 0;
}

static void print_stat(const char *path, const struct stat *st)
{
	printf("stat %s: type=%s mode=%04o owner=%u:%u rdev=%u:%u size=%lld links=%lu\n", path,
	       type_word(st->st_mode), (unsigned)(st->st_mode & 07777), st->st_uid, st->st_gid,
	       major(st->st_rdev), minor(st->st_rdev), (long long)st->st_size,
	       (unsigned long)st->st_nlink);
}

static int cmd_stat(char **args)
{
	struct stat st;

	if (lstat(args[0], &st) < 0)
		printf("stat %s: %s\n", args[0], outcome(-1));
	else
		print_stat(args[0], &st);
	return 0;
}

static int cmd_readlink(char **args)
{
	char target[4096];
	ssize_t n = readlink(args[0], target, sizeof(target) - 1);

	printf("readlink %s: %.*s\n", args[0], n < 0 ? 64 : (int)n, n < 0 ? outcome(-1) : target);
	return 0;
}

static int cmd_ls(char **args)
{
	DIR *dir = opendir(args[0]);
	struct dirent *entry;

	if (!dir) {
		printf("ls %s: %s\n", args[0], outcome(-1));
		return 0;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			puts(entry->d_name);
	closedir(dir);
	return 0;
}

/* The flags of the mount that a path is on, as the kernel applies them. */
static int cmd_mountflags(char **args)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} words[] = {
		{ ST_RDONLY, "ro" },	     { ST_NOSUID, "nosuid" },
		{ ST_NODEV, "nodev" },	     { ST_NOEXEC, "noexec" },
		{ ST_SYNCHRONOUS, "sync" },  { ST_MANDLOCK, "mand" },
		{ ST_NOATIME, "noatime" },   { ST_NODIRATIME, "nodiratime" },
		{ ST_RELATIME, "relatime" }, { 0x2000, "nosymfollow" },
	};
	struct statvfs vfs;

	if (statvfs(args[0], &vfs) < 0) {
		printf("mountflags %s: %s\n", args[0], outcome(-1));
		return 0;
	}
	printf("mountflags %s:", args[0]);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (vfs.f_flag & words[i].flag)
			printf(" %s", words[i].name);
	puts("");
	return 0;
}

/* open PATH r|w|rw|c: c creates */
static int cmd_open(char **args)
{
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd;

	if (!strcmp(args[1], "r"))
		flags |= O_RDONLY;
	else if (!strcmp(args[1], "rw"))
		flags |= O_RDWR;
	else
		flags |= O_WRONLY;
	if (!strcmp(args[1], "c"))
		flags |= O_CREAT;
	fd = open(args[0], flags, 0644);
	printf("open %s %s: %s\n", args[0], args[1], outcome(fd));
	if (fd >= 0)
		close(fd);
	return 0;
}

static int cmd_write(char **args)
{
	int fd = open(args[0], O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	long result = fd < 0 ? -1 : write(fd, args[1], strlen(args[1]));

	printf("write %s: %s\n", args[0], outcome(result));
	if (fd >= 0)
		close(fd);
	return 0;
}

/* mknod PATH c|b|p MAJOR MINOR */
static int cmd_mknod(char **args)
{
	mode_t type = args[1][0] == 'c' ? S_IFCHR : args[1][0] == 'b' ? S_IFBLK : S_IFIFO;
	dev_t number = makedev((unsigned)atoi(args[2]), (unsigned)atoi(args[3]));

	printf("mknod %s: %s\n", args[0], outcome(mknod(args[0], type | 0600, number)));
	return 0;
}

static int cmd_mkdir(char **args)
{
	printf("mkdir %s: %s\n", args[0], outcome(mkdir(args[0], 0755)));
	return 0;
}

static int cmd_unlink(char **args)
{
	printf("unlink %s: %s\n", args[0], outcome(unlink(args[0])));
	return 0;
}

static int cmd_symlink(char **args)
{
	printf("symlink %s: %s\n", args[1], outcome(symlink(args[0], args[1])));
	return 0;
}

static int cmd_chdir(char **args)
{
	printf("chdir %s: %s\n", args[0], outcome(chdir(args[0])));
	return 0;
}

/* mount TYPE DESTINATION: is it allowed in here? */
static int cmd_mount(char **args)
{
	printf("mount %s: %s\n", args[1], outcome(mount("none", args[1], args[0], 0, NULL)));
	return 0;
}

/* execute PATH: can it be executed? (a child does, the answer comes from exec's errno) */
static int cmd_execute(char **args)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl(args[0], args[0], "nothing", NULL);
		printf("execute %s: %s\n", args[0], outcome(-1));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return 0;
}

static int cmd_nothing(char **args)
{
	(void)args;
	puts("executed: ok");
	return 0;
}

/* --- Kernel objects around me --- */

static int cmd_ns(char **args)
{
	static const char *const names[] = { "cgroup", "ipc",  "mnt",  "net",
					     "pid",    "time", "user", "uts" };

	(void)args;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		if (stat(path, &st) < 0)
			printf("%s=%s\n", names[i], outcome(-1));
		else
			printf("%s=%lu\n", names[i], (unsigned long)st.st_ino);
	}
	return 0;
}

static int cmd_netdev(char **args)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)args;
	for (int index = 1; index < 64; index++) {
		struct ifreq req = { .ifr_ifindex = index };

		if (ioctl(sock, SIOCGIFNAME, &req) < 0)
			continue;
		if (ioctl(sock, SIOCGIFFLAGS, &req) < 0)
			continue;
		printf("netdev=%s up=%d running=%d\n", req.ifr_name, !!(req.ifr_flags & IFF_UP),
		       !!(req.ifr_flags & IFF_RUNNING));
	}
	close(sock);
	return 0;
}

static int cmd_pids(char **args)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	(void)args;
	if (!proc) {
		printf("pids=%s\n", outcome(-1));
		return 0;
	}
	while ((entry = readdir(proc))) {
		char path[300], comm[64] = "?";
		int fd;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			ssize_t n = read(fd, comm, sizeof(comm) - 1);

			comm[n > 0 ? n - 1 : 0] = '\0';
			close(fd);
		}
		printf("pid=%s comm=%s\n", entry->d_name, comm);
	}
	closedir(proc);
	return 0;
}

static int cmd_tty(char **args)
{
	int terminal;

	(void)args;
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		fstat(fd, &st);
		printf("tty%d=%d name=%s owner=%u:%u mode=%04o\n", fd, isatty(fd),
		       isatty(fd) ? ttyname(fd) : "none", st.st_uid, st.st_gid,
		       (unsigned)(st.st_mode & 07777));
	}
	terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	printf("controlling=%s\n", outcome(terminal));
	if (terminal >= 0) {
		struct winsize size = { 0 };

		ioctl(terminal, TIOCGWINSZ, &size);
		printf("size=%ux%u\n", size.ws_row, size.ws_col);
		printf("foreground=%d\n", tcgetpgrp(terminal) == getpgrp());
		close(terminal);
	}
	return 0;
}

static int cmd_time(char **args)
{
	struct timespec mono, boot;

	(void)args;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	printf("monotonic=%ld\nboottime=%ld\n", (long)mono.tv_sec, (long)boot.tv_sec);
	return 0;
}

/* --- What the caller passed on --- */

static int cmd_listen_fds(char **args)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	(void)args;
	printf("listen_pid_is_mine=%d\nlisten_fds=%s\n", pid && atoi(pid) == getpid(),
	       count ? count : "none");
	for (int fd = 3; count && fd < 3 + atoi(count); fd++) {
		int flags = fcntl(fd, F_GETFD);

		printf("listen_fd=%d open=%d cloexec=%d\n", fd, flags >= 0,
		       flags >= 0 && (flags & FD_CLOEXEC));
	}
	return 0;
}

static int cmd_notify(char **args)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long result = -1;

	errno = ENOENT;
	if (path && strlen(path) < sizeof(addr.sun_path)) {
		strcpy(addr.sun_path, path);
		result = sendto(sock, args[0], strlen(args[0]), 0, (struct sockaddr *)&addr,
				sizeof(addr));
	}
	printf("notify_socket=%s\nnotify=%s\n", path ? path : "none", outcome(result));
	close(sock);
	return 0;
}

/* --- Doing something for a while --- */

static int cmd_echo(char **args)
{
	puts(args[0]);
	return 0;
}

static int cmd_read(char **args)
{
	char line[4096];

	(void)args;
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin))
		printf("read=%s%s", line, strchr(line, '\n') ? "" : "\n");
	else
		puts("read=EOF");
	return 0;
}

static int cmd_sleep(char **args)
{
	struct timespec left = { .tv_sec = atoi(args[0]) };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
	return 0;
}

static int cmd_exit(char **args)
{
	fflush(stdout);
	_exit(atoi(args[0]));
}

static int cmd_kill_self(char **args)
{
	int sig = atoi(args[0]);

	/* Pid 1 survives what it has no handler for, so this is for other processes. */
	signal(sig, SIG_DFL);
	raise(sig);
	puts("survived");
	return 0;
}

/* Announces itself, waits for any signal that can be caught, names it. */
static int cmd_wait_signal(char **args)
{
	sigset_t all;
	int sig;

	(void)args;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	puts("waiting");
	fflush(stdout);
	do
		sig = sigwaitinfo(&all, NULL);
	while (sig < 0 && errno == EINTR); /* frozen and thawed */
	printf("signal=%d\n", sig);
	return 0;
}

/* Prints the window's size now and after each SIGWINCH until N were seen. */
static int cmd_wait_resize(char **args)
{
	sigset_t winch;

	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	sigprocmask(SIG_BLOCK, &winch, NULL);
	for (int n = 0; n <= atoi(args[0]); n++) {
		struct winsize size = { 0 };

		while (n > 0 && sigwaitinfo(&winch, NULL) < 0)
			continue;
		ioctl(0, TIOCGWINSZ, &size);
		printf("size=%ux%u\n", size.ws_row, size.ws_col);
		fflush(stdout);
	}
	return 0;
}

static int cmd_fork(char **args)
{
	fflush(stdout);
	for (int i = 0; i < atoi(args[0]); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			setsid();
			for (;;)
				pause();
		}
		printf("child=%d\n", pid);
	}
	fflush(stdout);
	return 0;
}

/* eat MIB: touches that much memory, a page at a time. */
static int cmd_eat(char **args)
{
	size_t size = (size_t)atoi(args[0]) << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		printf("eat: %s\n", outcome(-1));
		return 0;
	}
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)at)[i] = 1;
	printf("ate %s\n", args[0]);
	return 0;
}

/* huge MIB: touches that much memory of huge pages, in a child, for the kernel's answer may be
 * SIGBUS. */
static int cmd_huge(char **args)
{
	size_t size = (size_t)atoi(args[0]) << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	int status = 0;
	pid_t pid;

	if (at == MAP_FAILED) {
		printf("huge: %s\n", outcome(-1));
		return 0;
	}
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < size; i += 4096)
			((volatile char *)at)[i] = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("huge: SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		printf("huge %s\n", args[0]);
	munmap(at, size);
	return 0;
}

/* many N: forks that many children, each waiting; says how many came to be, and ends them. */
static int cmd_many(char **args)
{
	pid_t pids[256];
	int wanted = atoi(args[0]), n = 0;

	fflush(stdout);
	while (n < wanted && n < 256) {
		pids[n] = fork();
		if (pids[n] < 0)
			break;
		if (pids[n] == 0)
			for (;;)
				pause();
		n++;
	}
	printf("forked=%d %s\n", n, n < wanted ? outcome(-1) : "ok");
	for (int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return 0;
}

/* vfork: a child that waits for its death, and nothing but SIGKILL for the parent meanwhile. */
static int cmd_vfork(char **args)
{
	pid_t pid;

	(void)args;
	puts("waiting");
	fflush(stdout);
	pid = vfork();
	if (pid == 0)
		for (;;)
			pause();
	waitpid(pid, NULL, 0);
	puts("went on");
	return 0;
}

static int64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* spin SECONDS: busy for so long by the clock. */
static int cmd_spin(char **args)
{
	int64_t begin = microseconds();

	puts("spinning");
	fflush(stdout);
	while (microseconds() - begin < atoi(args[0]) * INT64_C(1000000))
		continue;
	printf("spun=%lld\n", (long long)(microseconds() - begin));
	return 0;
}

/* pour FILE KIB: writes that much past the page cache, and says how long it took. */
static int cmd_pour(char **args)
{
	static char block[65536] __attribute__((aligned(4096)));
	int fd = open(args[0], O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	int64_t begin = microseconds();
	long result = fd < 0 ? -1 : 0;

	for (int left = atoi(args[1]); left > 0 && result >= 0; left -= 64)
		result = write(fd, block, sizeof(block));
	if (result < 0)
		printf("pour: %s\n", outcome(-1));
	else
		printf("poured=%lld\n", (long long)(microseconds() - begin));
	return 0;
}

/* soak FILE: reads all of it, so that it is in the page cache. */
static int cmd_soak(char **args)
{
	static char block[65536];
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);
	long result = fd < 0 ? -1 : 1;

	while (result > 0)
		result = read(fd, block, sizeof(block));
	printf("soak: %s\n", outcome(result));
	return 0;
}

/* fork-into DIR: makes a child cgroup and leaves a sleeping process in it. */
static int cmd_fork_into(char **args)
{
	char path[4096];
	pid_t pid;

	mkdir(args[0], 0755);
	snprintf(path, sizeof(path), "%s/cgroup.procs", args[0]);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		long result = fd < 0 ? -1 : write(fd, "0", 1);

		printf("fork-into %s: %s\n", args[0], outcome(result));
		fflush(stdout);
		for (;;)
			pause();
	}
	return 0;
}

/* overwrite SECONDS: the exploit of CVE-2019-5736. Watches for processes whose program is not this
 * one, holds their /proc/PID/exe and tries to write to what is behind it until it may; ends early
 * when there is a file /enough. */
static int try_overwrite(const char *exe, const struct stat *own)
{
	int fd = open(exe, O_RDONLY | O_CLOEXEC);
	char again[64];
	struct stat st;
	int target = -1;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || (st.st_ino == own->st_ino && st.st_dev == own->st_dev)) {
		close(fd);
		return 0;
	}
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	for (int i = 0; i < 20000; i++) {
		target = open(again, O_WRONLY | O_CLOEXEC);
		if (target >= 0 || errno != ETXTBSY)
			break;
	}
	printf("overwrite %s: %s size=%lld\n", exe, outcome(target), (long long)st.st_size);
	if (target >= 0 && write(target, "#!/evil\n", 8) == 8)
		printf("overwrite: written size=%lld\n", (long long)st.st_size);
	fflush(stdout);
	if (target >= 0)
		close(target);
	close(fd);
	return 1;
}

static int cmd_overwrite(char **args)
{
	time_t end = time(NULL) + atoi(args[0]);
	struct stat own;
	int caught = 0;

	if (stat("/proc/self/exe", &own) < 0)
		printf("overwrite: %s\n", outcome(-1));
	puts("watching");
	fflush(stdout);
	while (time(NULL) < end && access("/enough", F_OK) < 0) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc && (entry = readdir(proc))) {
			char exe[300];

			if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
				continue;
			snprintf(exe, sizeof(exe), "/proc/%s/exe", entry->d_name);
			caught += try_overwrite(exe, &own);
		}
		if (proc)
			closedir(proc);
	}
	printf("caught=%d\n", caught);
	return 0;
}

static int cmd_setxattr(char **args)
{
	printf("setxattr %s: %s\n", args[0],
	       outcome(lsetxattr(args[0], args[1], args[2], strlen(args[2]), 0)));
	return 0;
}

static int cmd_getxattr(char **args)
{
	char value[256];
	ssize_t n = lgetxattr(args[0], args[1], value, sizeof(value));

	printf("getxattr %s %s: %.*s\n", args[0], args[1], n < 0 ? 64 : (int)n,
	       n < 0 ? outcome(-1) : value);
	return 0;
}

/* --- System calls by name or number, for seccomp filters --- */

static const struct {
	const char *name;
	long number;
} calls[] = {
	{ "add_key", SYS_add_key },	    { "chmod", SYS_fchmodat },
	{ "clone3", SYS_clone3 },	    { "get_mempolicy", SYS_get_mempolicy },
	{ "getpid", SYS_getpid },	    { "getppid", SYS_getppid },
	{ "io_setup", SYS_io_setup },	    { "io_uring_setup", SYS_io_uring_setup },
	{ "keyctl", SYS_keyctl },	    { "mkdirat", SYS_mkdirat },
	{ "openat2", SYS_openat2 },	    { "perf_event_open", SYS_perf_event_open },
	{ "personality", SYS_personality }, { "prctl", SYS_prctl },
	{ "ptrace", SYS_ptrace },	    { "setns", SYS_setns },
	{ "socket", SYS_socket },	    { "sysinfo", SYS_sysinfo },
	{ "unshare", SYS_unshare },
};

/* NAME or NUMBER with "A,B,...": numbers; what is missing is 0. */
static long make_call(char **args)
{
	unsigned long arg[6] = { 0 };
	char *end, *at = args[1];
	long number = strtol(args[0], &end, 0);

	for (size_t i = 0; *end && i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, args[0]))
			continue;
		number = calls[i].number;
		end = end + strlen(end);
	}
	if (*end)
		return -12345;
	for (int i = 0; i < 6 && *at; i++) {
		arg[i] = strtoul(at, &at, 0);
		at += *at == ',';
	}
	return syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* call NAME ARGUMENTS: what it returns, or its errno */
static int cmd_call(char **args)
{
	long result = make_call(args);

	if (result < 0)
		printf("call %s %s: %s\n", args[0], args[1], outcome(result));
	else
		printf("call %s %s: %ld\n", args[0], args[1], result);
	return 0;
}

/* call-in-child NAME ARGUMENTS: how a process ends by it */
static int cmd_call_in_child(char **args)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)make_call(args);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("child %s: SIG%s\n", args[0], sigabbrev_np(WTERMSIG(status)));
	else
		printf("child %s: exit %d\n", args[0], WEXITSTATUS(status));
	return 0;
}

static void *thread_call(void *args)
{
	(void)make_call(args);
	return args;
}

/* call-in-thread NAME ARGUMENTS: in a process with another thread; who survives? */
static int cmd_call_in_thread(char **args)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;
		void *result = NULL;

		if (pthread_create(&thread, NULL, thread_call, args) != 0)
			_exit(8);
		pthread_join(thread, &result);
		_exit(result ? 7 : 6);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("thread %s: SIG%s\n", args[0], sigabbrev_np(WTERMSIG(status)));
	else
		printf("thread %s: %s\n", args[0],
		       WEXITSTATUS(status) == 7	  ? "went on"
		       : WEXITSTATUS(status) == 6 ? "ended alone"
						  : "none");
	return 0;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	printf("trap: call=%d errno=%d code=%d\n", info->si_syscall == SYS_sysinfo, info->si_errno,
	       info->si_code == 1 /* SYS_SECCOMP */);
}

static int cmd_trap(char **args)
{
	struct sigaction act = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &act, NULL);
	(void)make_call(args);
	return 0;
}

/* trace NAME ARGUMENTS: a tracer stands by; what does it hear? */
static int cmd_trace(char **args)
{
	unsigned long message = 0;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		(void)make_call(args);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL));
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8)))
		ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message);
	printf("trace %s: %s data=%lu\n", args[0],
	       status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8)) ? "told" : "not told",
	       message);
	ptrace(PTRACE_KILL, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	return 0;
}

/* The permitted capabilities of a process. */
static unsigned long long caps_of(pid_t pid)
{
	unsigned long long caps = 0;
	char path[40], line[200];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapPrm: %llx", &caps) == 1)
			break;
	if (file)
		fclose(file);
	return caps;
}

/* seize N: lies in wait until it has taken over N processes of the pid namespace that aren't its
 * own, each as soon as there is something under its number, and tells what they could do. */
static int cmd_seize(char **args)
{
	pid_t next = getpid() + 1;

	puts("waiting");
	fflush(stdout);
	for (int n = atoi(args[0]); n > 0;) {
		int ahead = 0;
		int status;

		/* Those that were missed, on a busy host in many turns, must not be waited for. */
		while (ptrace(PTRACE_SEIZE, next + ahead, NULL, NULL) < 0)
			ahead = errno == ESRCH ? (ahead + 1) % 50 : ahead + 1;
		next += ahead;
		if (ptrace(PTRACE_INTERRUPT, next, NULL, NULL) == 0) {
			waitpid(next, &status, __WALL);
			printf("seized permitted=%llx\n", caps_of(next));
			ptrace(PTRACE_DETACH, next, NULL, NULL);
			n--;
		}
		next++;
	}
	return 0;
}

/* foreign: the same kernel by the numbers of another architecture */
static int cmd_foreign(char **args)
{
	int status = 0;
	pid_t pid = fork();

	(void)args;
	if (pid == 0) {
#ifdef __x86_64__
		long result;

		/* getpid of 32-bit x86 */
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
		_exit(result > 0 ? 7 : 6);
#else
		_exit(5);
#endif
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("foreign: SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		printf("foreign: exit %d\n", WEXITSTATUS(status));
	return 0;
}

static const struct {
	const char *name;
	int n_args;
	int (*act)(char **args);
} commands[] = {
	{ "args", 0, cmd_args },
	{ "call", 2, cmd_call },
	{ "call-in-child", 2, cmd_call_in_child },
	{ "call-in-thread", 2, cmd_call_in_thread },
	{ "caps", 0, cmd_caps },
	{ "cat", 1, cmd_cat },
	{ "cgroup", 0, cmd_cgroup },
	{ "chdir", 1, cmd_chdir },
	{ "confinement", 0, cmd_confinement },
	{ "cwd", 0, cmd_cwd },
	{ "eat", 1, cmd_eat },
	{ "echo", 1, cmd_echo },
	{ "env", 0, cmd_env },
	{ "execute", 1, cmd_execute },
	{ "exit", 1, cmd_exit },
	{ "fds", 0, cmd_fds },
	{ "foreign", 0, cmd_foreign },
	{ "fork", 1, cmd_fork },
	{ "fork-into", 1, cmd_fork_into },
	{ "getxattr", 2, cmd_getxattr },
	{ "huge", 1, cmd_huge },
	{ "ids", 0, cmd_ids },
	{ "keyring", 0, cmd_keyring },
	{ "kill-self", 1, cmd_kill_self },
	{ "listen-fds", 0, cmd_listen_fds },
	{ "ls", 1, cmd_ls },
	{ "many", 1, cmd_many },
	{ "mempolicy", 0, cmd_mempolicy },
	{ "mkdir", 1, cmd_mkdir },
	{ "mknod", 4, cmd_mknod },
	{ "mount", 2, cmd_mount },
	{ "mountflags", 1, cmd_mountflags },
	{ "mounts", 0, cmd_mounts },
	{ "names", 0, cmd_names },
	{ "netdev", 0, cmd_netdev },
	{ "nothing", 0, cmd_nothing },
	{ "notify", 1, cmd_notify },
	{ "ns", 0, cmd_ns },
	{ "oom", 0, cmd_oom },
	{ "open", 2, cmd_open },
	{ "overwrite", 1, cmd_overwrite },
	{ "personality", 0, cmd_personality },
	{ "pid", 0, cmd_pid },
	{ "pids", 0, cmd_pids },
	{ "pour", 2, cmd_pour },
	{ "read", 0, cmd_read },
	{ "readlink", 1, cmd_readlink },
	{ "rlimits", 0, cmd_rlimits },
	{ "scheduler", 0, cmd_scheduler },
	{ "scheduling", 0, cmd_scheduling },
	{ "seize", 1, cmd_seize },
	{ "setxattr", 3, cmd_setxattr },
	{ "signals", 0, cmd_signals },
	{ "sleep", 1, cmd_sleep },
	{ "soak", 1, cmd_soak },
	{ "spin", 1, cmd_spin },
	{ "stat", 1, cmd_stat },
	{ "symlink", 2, cmd_symlink },
	{ "time", 0, cmd_time },
	{ "trace", 2, cmd_trace },
	{ "trap", 2, cmd_trap },
	{ "tty", 0, cmd_tty },
	{ "unlink", 1, cmd_unlink },
	{ "vfork", 0, cmd_vfork },
	{ "wait-resize", 1, cmd_wait_resize },
	{ "wait-signal", 0, cmd_wait_signal },
	{ "write", 2, cmd_write },
};

/* Acts on the words from argv[i] up to the next "+"; returns the index after it, or -1. */
static int act_on(int argc, char **argv, int i)
{
	int end = i + 1;

	while (end < argc && strcmp(argv[end], "+"))
		end++;
	for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
		if (strcmp(commands[c].name, argv[i]))
			continue;
		if (end - i - 1 != commands[c].n_args)
			break;
		commands[c].act(argv + i + 1);
		fflush(stdout);
		return end + 1;
	}
	fprintf(stderr, "probe: no such command, or other arguments than it takes: %s\n", argv[i]);
	return -1;
}

int main(int argc, char **argv)
{
	int i = 1;

	all_argc = argc;
	all_argv = argv;
	while (i < argc) {
		i = act_on(argc, argv, i);
		if (i < 0)
			return 99;
	}
	return 0;
}
