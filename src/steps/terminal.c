/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "base/unix_socket.h"

int terminal_connect(struct run *run, struct oci_error *err)
{
	run->console_socket = unix_socket_connect(run->plan->request->console_socket, err);
	return run->console_socket < 0 ? fail_in(err, "--console-socket") : 0;
}

/* The ptmx of the container's devpts. Opening a device can have effects, so what is opened must not
 * be something else than what was looked at: nobody can put a file of his own into a devpts, and a
 * mount on one of its names is refused. */
static int open_own_ptmx(struct run *run)
{
	struct open_how how = { .flags = O_RDWR | O_NOCTTY | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	auto_fd dir = inroot_try_open(run->rootfs, "/dev/pts", O_PATH | O_DIRECTORY);
	auto_fd fd = -1;
	struct statfs fs;
	struct stat st;

	if (dir < 0 || fstatfs(dir, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return -1;
	fd = sys_openat2(dir, "ptmx", &how);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -1;
	return fd_take(&fd);
}

static int bind_console(struct run *run, int slave, struct oci_error *err)
{
	auto_fd target = inroot_make_file(run->rootfs, "/dev/console", err);
	auto_fd tree = -1;

	if (target < 0)
		return -1;
	tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return fail_sys(err, "open_tree of the terminal");
	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_sys(err, "move_mount to '/dev/console'");
	return 0;
}

static int to_streams(int slave, struct oci_error *err)
{
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave, fd) < 0)
			return fail_sys(err, "dup2 of the terminal to %d", fd);
	return 0;
}

int terminal_control(struct run *run, struct oci_error *err)
{
	(void)run;
	if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return fail_sys(err, "make it the controlling terminal: ioctl(TIOCSCTTY)");
	return 0;
}

/* The slave of `master`, with the size and the owner that the process asks for. */
static int open_slave(const struct plan_process *process, int master, struct oci_error *err)
{
	struct winsize size = { .ws_row = process->rows, .ws_col = process->columns };
	auto_fd slave = -1;
	int unlock = 0;

	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail_sys(err, "ioctl(TIOCSPTLCK)");
	/* By the master's fd, since a path to the slave could be swapped. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail_sys(err, "ioctl(TIOCGPTPEER)");
	if ((size.ws_row || size.ws_col) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return fail_sys(err, "/process/consoleSize: ioctl(TIOCSWINSZ)");
	/* The group stays: devpts' gid= option says which one terminals have. */
	if (fchown(slave, process->uid, (gid_t)-1) < 0)
		return fail_sys(err, "give the terminal to uid %u", process->uid);
	return fd_take(&slave);
}

int terminal_open(struct run *run, struct oci_error *err)
{
	auto_fd master = open_own_ptmx(run);
	auto_fd slave = -1;

	if (master < 0)
		master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return fail_sys(err, "open '/dev/ptmx'");
	slave = open_slave(&run->plan->process, master, err);
	if (slave < 0)
		return -1;
	if (plan_new_ns(run->plan, NS_MOUNT))
		TRY(bind_console(run, slave, err));
	TRY(to_streams(slave, err));
	TRY(terminal_control(run, err));
	run->terminal_master = fd_take(&master);
	return 0;
}

/* STAGE is nobody in the container's user namespace, and stays so for the clone into a cgroup of
 * the host; but a terminal made by nobody could not be given to anybody. */
static void be_root_for_files(const struct plan *plan)
{
	(void)setfsgid(plan->user.gid); /* both tell no failure; fchown() does */
	(void)setfsuid(plan->user.uid);
}

static int be_nobody_again(struct oci_error *err)
{
	/* The kernel takes these two back whenever ids change. */
	if (sys_reset_fsids() < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail_sys(err, "take the ids back");
	return 0;
}

static int open_inside(struct run *run, struct oci_error *err)
{
	auto_fd master = open_own_ptmx(run);
	auto_fd slave = -1;

	if (master < 0)
		return fail_code(err, "no-terminal",
				 "the container has no devpts at /dev/pts, so it has no terminals");
	slave = open_slave(&run->plan->process, master, err);
	if (slave < 0)
		return -1;
	TRY(to_streams(slave, err));
	run->terminal_master = fd_take(&master);
	return 0;
}

int terminal_open_inside(struct run *run, struct oci_error *err)
{
	bool nobody = plan_has_ns(run->plan, NS_USER);

	if (nobody)
		be_root_for_files(run->plan);
	TRY(open_inside(run, err));
	return nobody ? be_nobody_again(err) : 0;
}

int terminal_send(struct run *run, struct oci_error *err)
{
	char name[32];
	unsigned number = 0;
	int status;

	(void)ioctl(run->terminal_master, TIOCGPTN, &number); /* only for the text beside the fd */
	(void)snprintf(name, sizeof(name), "/dev/pts/%u", number);
	status = fd_send(run->console_socket, name, strlen(name), run->terminal_master, err);
	fd_drop(&run->terminal_master);
	fd_drop(&run->console_socket);
	if (status < 0)
		return fail_in(err, "--console-socket '%s'", run->plan->request->console_socket);
	return 0;
}

/* Pipes, sockets and files: opening /dev/stdout again then works for the container's user. Devices
 * are left alone: others share them, and whoever owns the caller's terminal can read what is typed
 * there long after the container is gone. So is a file that was handed over for reading only, and
 * any file of a caller who isn't root of the host: he could lose it to an id that was lent to him.
 */
static bool may_be_given(const struct run *run, int fd, const struct stat *st)
{
	const struct host *host = run->plan->host;
	int flags = fcntl(fd, F_GETFL);

	if (S_ISREG(st->st_mode) && host && host->rootless)
		return false;
	/* The owner could chmod it, open it again by /proc/self/fd and write. */
	if (S_ISREG(st->st_mode) && (flags < 0 || (flags & O_ACCMODE) == O_RDONLY))
		return false;
	return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || S_ISREG(st->st_mode);
}

int terminal_own_streams(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;

	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			return fail_sys(err, "fstat of fd %d", fd);
		if (st.st_uid == process->uid || !may_be_given(run, fd, &st))
			continue;
		/* Read-only file systems, sockets of old kernels, foreign user namespaces: it is a
		 * service to the user, not a confinement. */
		if (fchown(fd, process->uid, process->gid) < 0)
			continue;
	}
	return 0;
}
