/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * src/base against the kernel: the arena, fds (closed standard ones, close-on-exec, messages),
 * small files (too big, growing, fifos), sockets with long paths and netlink. The resolver has its
 * own test.
 */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/netlink.h"
#include "base/unix_socket.h"
#include "tests/unit/tap.h"

static int scratch; /* a directory of this test, path in scratch_path */
static char scratch_path[64] = "/tmp/hull-base.XXXXXX";

/* Runs part in a child of its own; whether it returned true. */
static bool in_child(bool (*part)(void))
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(part() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* --- arena --- */

static void check_arena(void)
{
	struct arena arena = { 0 };
	char *strings[300];
	char *large;
	unsigned char *zeroed;
	bool kept = true, zero = true;

	for (int i = 0; i < 300; i++)
		strings[i] = arena_printf(&arena, "%0*d", i + 1, i);
	for (int i = 0; i < 300; i++)
		kept &= strings[i] && strlen(strings[i]) == (size_t)(i + 1) &&
			atoi(strings[i]) == i;
	tap_ok(kept, "300 strings of growing size stay what they are");
	large = arena_zalloc(&arena, 1 << 20);
	tap_ok(large && large[(1 << 20) - 1] == 0, "a piece larger than any block");
	zeroed = arena_array(&arena, 333, 3);
	for (int i = 0; zeroed && i < 999; i++)
		zero &= zeroed[i] == 0;
	tap_ok(zeroed && zero, "an array is zeroed");
	tap_ok((uintptr_t)arena_zalloc(&arena, 1) % _Alignof(max_align_t) == 0 &&
		       (uintptr_t)arena_zalloc(&arena, 8) % _Alignof(max_align_t) == 0,
	       "pieces are aligned for anything");
	tap_is_str(arena_strdup(&arena, "a copy"), "a copy", "arena_strdup copies");
	tap_ok(arena_array(&arena, 0, 8) != NULL, "an array of none is a pointer");
	tap_ok(!arena.failed, "no failure is remembered");
	tap_ok(!arena_array(&arena, SIZE_MAX / 4, 8) && arena.failed,
	       "a size that overflows fails, and that is remembered");
	arena_done(&arena);
	arena_done(&arena);
	tap_ok(true, "freeing twice is harmless");
}

/* --- fds --- */

static bool fills(unsigned closed)
{
	struct oci_error err = { 0 };
	struct stat st, null;

	for (unsigned fd = 0; fd <= 2; fd++)
		if (closed & (1U << fd))
			(void)close((int)fd);
	if (fd_fill_standard(&err) < 0 || stat("/dev/null", &null) < 0)
		return false;
	for (unsigned fd = 0; fd <= 2; fd++) {
		int flags = fcntl((int)fd, F_GETFL);

		if (flags < 0)
			return false;
		if (!(closed & (1U << fd)))
			continue;
		if (fstat((int)fd, &st) < 0 || st.st_rdev != null.st_rdev ||
		    (flags & O_ACCMODE) != (fd == 0 ? O_RDONLY : O_WRONLY))
			return false;
	}
	return true;
}

static unsigned to_close;

static bool fills_those(void)
{
	return fills(to_close);
}

static bool marks_all(void)
{
	struct oci_error err = { 0 };
	int low = dup(0), middle = fcntl(0, F_DUPFD, 100), high = fcntl(0, F_DUPFD, 900);

	if (low < 0 || middle < 0 || high < 0 || fd_cloexec_from(100, &err) < 0)
		return false;
	return !(fcntl(low, F_GETFD) & FD_CLOEXEC) && (fcntl(middle, F_GETFD) & FD_CLOEXEC) &&
	       (fcntl(high, F_GETFD) & FD_CLOEXEC);
}

static void check_fds(void)
{
	struct oci_error err = { 0 };
	int taken, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (to_close = 0; to_close < 8; to_close++)
		tap_ok(in_child(fills_those), "with fds %s%s%sclosed /dev/null takes their places",
		       to_close & 1 ? "0 " : "", to_close & 2 ? "1 " : "",
		       to_close & 4 ? "2 " : "");
	tap_ok(in_child(marks_all), "fds from the given one up are close-on-exec, lower ones not");
	tap_ok(!fd_set_nonblock(fd, 1, &err) && (fcntl(fd, F_GETFL) & O_NONBLOCK), "non-blocking");
	tap_ok(!fd_set_nonblock(fd, 0, &err) && !(fcntl(fd, F_GETFL) & O_NONBLOCK), "blocking");
	tap_ok(fd_set_nonblock(-1, 1, &err) < 0 && err.num == EBADF, "a closed fd is an error");
	taken = fd_take(&fd);
	tap_ok(taken >= 0 && fd == -1, "fd_take leaves -1 behind");
	errno = ENOTTY;
	fd_drop(&taken);
	tap_ok(taken == -1 && errno == ENOTTY, "fd_drop keeps errno");
	fd_drop(&taken);
	tap_ok(errno == ENOTTY, "dropping what is closed does nothing");
}

/* --- messages --- */

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Sends n fds in one message, as hull itself never does. */
static void send_many(int sock, const int *fds, size_t n)
{
	char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec vec = { .iov_base = (char[]){ 'm' }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &vec,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *part = CMSG_FIRSTHDR(&msg);

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(part), fds, n * sizeof(int));
	tap_ok(sendmsg(sock, &msg, 0) == 1, "a message with %zu fds is on its way", n);
}

static void check_messages(void)
{
	struct oci_error err = { 0 };
	int pair[2], got = -2, before, fds[10];
	char buf[16];

	if (!tap_ok(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "a pair"))
		return;
	before = open_fds();
	tap_ok(!fd_send(pair[0], "abc", 3, -1, &err) &&
		       fd_receive(pair[1], buf, sizeof(buf), &got, &err) == 3 && got == -1 &&
		       memcmp(buf, "abc", 3) == 0,
	       "a message without an fd");
	tap_ok(!fd_send(pair[0], "d", 1, scratch, &err) &&
		       fd_receive(pair[1], buf, sizeof(buf), &got, &err) == 1 &&
		       same_file(got, scratch),
	       "a message with an fd");
	tap_ok(fcntl(got, F_GETFD) & FD_CLOEXEC, "which arrives close-on-exec");
	fd_drop(&got);
	tap_ok(!fd_send(pair[0], "d", 1, scratch, &err) &&
		       fd_receive(pair[1], buf, sizeof(buf), NULL, &err) == 1,
	       "an fd that nobody wants");
	for (int i = 0; i < 10; i++)
		fds[i] = i == 0 ? scratch : pair[0];
	send_many(pair[0], fds, 3);
	tap_ok(fd_receive(pair[1], buf, sizeof(buf), &got, &err) == 1 && same_file(got, scratch),
	       "of three fds the first is kept");
	fd_drop(&got);
	send_many(pair[0], fds, 10);
	tap_ok(fd_receive(pair[1], buf, sizeof(buf), &got, &err) == 1, "and of ten");
	fd_drop(&got);
	tap_is_int(open_fds(), before, "no other fd stays open");
	(void)close(pair[0]);
	tap_is_int(fd_receive(pair[1], buf, sizeof(buf), &got, &err), 0, "the end is 0");
	tap_ok(fd_send(pair[1], "x", 1, -1, &err) < 0 && err.num == EPIPE,
	       "sending to nobody is EPIPE without a signal");
	(void)close(pair[1]);
}

/* --- files --- */

static void write_file(const char *name, size_t size)
{
	auto_fd fd = openat(scratch, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < size; i++)
		if (write(fd, "x", 1) != 1)
			tap_ok(false, "write to %s", name);
}

static void check_loading(void)
{
	struct oci_error err = { 0 };
	char *text = NULL;
	size_t size = 0;

	write_file("ten", 10);
	tap_ok(!file_load_at(scratch, "ten", 10, &text, &size, &err) && size == 10 &&
		       strcmp(text, "xxxxxxxxxx") == 0,
	       "a file of the limit is loaded whole");
	free(text);
	tap_ok(file_load_at(scratch, "ten", 9, &text, &size, &err) < 0, "a larger one is not");
	tap_is_str(err.text, "'ten' has 10 bytes, the limit is 9", "and it is said");
	write_file("empty", 0);
	tap_ok(!file_load_at(scratch, "empty", 10, &text, &size, &err) && size == 0 && !text[0],
	       "an empty file is an empty text");
	free(text);
	err = (struct oci_error){ 0 };
	tap_ok(file_load_at(AT_FDCWD, "/proc/self/stat", 1000, &text, &size, &err) < 0 &&
		       strstr(err.text, "grew while it was read"),
	       "a file with more than fstat says is noticed: %s", err.text);
	err = (struct oci_error){ 0 };
	tap_ok(mkfifoat(scratch, "fifo", 0600) == 0 &&
		       file_load_at(scratch, "fifo", 10, &text, &size, &err) < 0 &&
		       strstr(err.text, "'fifo' is not a regular file"),
	       "a fifo doesn't block: %s", err.text);
	tap_ok(file_load_at(scratch, ".", 10, &text, &size, &err) < 0, "nor is a directory loaded");
	err = (struct oci_error){ 0 };
	tap_ok(file_load_at(scratch, "none", 10, &text, &size, &err) < 0 && err.num == ENOENT,
	       "a missing file is ENOENT: %s", err.text);
}

static void check_reading(void)
{
	struct oci_error err = { 0 };
	char buf[5];

	tap_ok(file_read_at(scratch, "ten", buf, sizeof(buf), &err) == 4 &&
		       strcmp(buf, "xxxx") == 0,
	       "a longer file is cut off and terminated");
	tap_ok(file_read_at(scratch, "empty", buf, sizeof(buf), &err) == 0 && !buf[0], "or empty");
	tap_ok(file_read_at(scratch, "none", buf, sizeof(buf), &err) < 0 && errno == ENOENT,
	       "errno tells of a missing one");
}

static void check_writing(void)
{
	struct oci_error err = { 0 };
	char buf[64], name[300];
	struct stat st;

	tap_ok(file_write_at(scratch, "new", "1", &err) < 0 && err.num == ENOENT,
	       "file_write_at makes no file");
	tap_ok(!file_write_at(scratch, "empty", "123", &err) &&
		       file_read_at(scratch, "empty", buf, sizeof(buf), &err) == 3,
	       "it writes to one that is there");
	err = (struct oci_error){ 0 };
	tap_ok(file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "5000", &err) < 0 &&
		       err.num == EINVAL,
	       "the kernel's refusal is told");
	tap_is_str(err.text, "write '5000' to '/proc/self/oom_score_adj': Invalid argument",
		   "with the file and the value");
	tap_ok(!file_replace_at(scratch, "made", "abc", 3, 0640, &err) &&
		       fstatat(scratch, "made", &st, 0) == 0 && (st.st_mode & 07777) == 0640,
	       "file_replace_at makes a file with its mode");
	tap_ok(!file_replace_at(scratch, "made", "d", 1, 0640, &err) &&
		       file_read_at(scratch, "made", buf, sizeof(buf), &err) == 1 && buf[0] == 'd',
	       "or replaces it");
	tap_ok(symlinkat("outside", scratch, ".made.new") == 0 &&
		       !file_replace_at(scratch, "made", "e", 1, 0640, &err) &&
		       faccessat(scratch, "outside", F_OK, 0) < 0 &&
		       file_read_at(scratch, "made", buf, sizeof(buf), &err) == 1 && buf[0] == 'e',
	       "a link in the place of the temporary file is replaced, not followed");
	tap_ok(mkdirat(scratch, ".made.new", 0700) == 0 &&
		       file_replace_at(scratch, "made", "f", 1, 0640, &err) < 0,
	       "what can't be replaced there is an error");
	(void)unlinkat(scratch, ".made.new", AT_REMOVEDIR);
	tap_ok(mkdirat(scratch, "dir", 0700) == 0 &&
		       file_replace_at(scratch, "dir", "e", 1, 0640, &err) < 0 &&
		       faccessat(scratch, ".dir.new", F_OK, 0) < 0,
	       "when it can't be renamed, no temporary file stays");
	memset(name, 'n', 251);
	name[251] = '\0';
	err = (struct oci_error){ 0 };
	tap_ok(file_replace_at(scratch, name, "e", 1, 0640, &err) < 0 &&
		       strstr(err.text, "too long"),
	       "a name without room for the temporary one is too long");
}

/* Every write to /dev/full fails; a pipe nobody empties takes a part and then more. */
static bool writes_through_signals(void)
{
	struct oci_error err = { 0 };
	static char data[1 << 18];
	size_t total = 0;
	int pipe_fd[2];
	pid_t writer;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return false;
	writer = fork();
	if (writer == 0)
		_exit(file_write_all(pipe_fd[1], data, sizeof(data), &err) < 0);
	(void)close(pipe_fd[1]);
	for (ssize_t n; (n = read(pipe_fd[0], data, 1000)) > 0;)
		total += (size_t)n;
	return total == sizeof(data) && waitpid(writer, NULL, 0) == writer;
}

static void check_write_all(void)
{
	struct oci_error err = { 0 };
	auto_fd full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	tap_ok(file_write_all(full, "x", 1, &err) < 0 && err.num == ENOSPC, "a full disk is told");
	tap_ok(in_child(writes_through_signals), "a pipe smaller than the data gets all of it");
}

/* --- sockets --- */

static void check_connect(const char *dir, bool long_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd place = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_fd server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_fd client = -1;
	struct oci_error err = { 0 };
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket",
		       place);
	tap_ok(bind(server, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		       listen(server, 1) == 0,
	       "a socket with a path of %zu bytes", strlen(path));
	tap_ok((strlen(path) >= sizeof(address.sun_path)) == long_path, "is %s an address",
	       long_path ? "longer than" : "short enough for");
	client = unix_socket_connect(path, &err);
	tap_ok(client >= 0 && (fcntl(client, F_GETFD) & FD_CLOEXEC), "it is connected: %s",
	       err.text);
	(void)close(server);
	server = -1;
	err = (struct oci_error){ 0 };
	tap_ok(unix_socket_connect(path, &err) < 0 && err.num == ECONNREFUSED &&
		       strstr(err.text, path),
	       "nobody listening is ECONNREFUSED, with the path");
	(void)unlink(path);
	err = (struct oci_error){ 0 };
	tap_ok(unix_socket_connect(path, &err) < 0 && err.num == ENOENT && strstr(err.text, path),
	       "none there is ENOENT, with the path");
}

/* A directory below the scratch one, so that DIR/socket has `size` bytes. */
static void connect_with(size_t size)
{
	char dir[1024];
	size_t used = strlen(scratch_path);

	(void)snprintf(dir, sizeof(dir), "%s/", scratch_path);
	memset(dir + used + 1, 'd', size - strlen("/socket") - used - 1);
	dir[size - strlen("/socket")] = '\0';
	tap_ok(mkdir(dir, 0700) == 0, "a directory for a path of %zu bytes", size);
	check_connect(dir, size >= 108);
	(void)rmdir(dir);
}

static void remove_scratch(void)
{
	static const char *const names[] = { "ten", "empty", "fifo", "made" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(scratch, names[i], 0);
	(void)unlinkat(scratch, "dir", AT_REMOVEDIR);
	(void)close(scratch);
	tap_ok(rmdir(scratch_path) == 0, "nothing else was made");
}

/* --- netlink --- */

static int count_links(void *ctx, uint16_t type, struct netlink_bytes content,
		       struct oci_error *err)
{
	struct ifinfomsg fixed;

	(void)err;
	if (type == RTM_NEWLINK && netlink_take(&content, &fixed, sizeof(fixed)))
		++*(int *)ctx;
	return 0;
}

static int give_up(void *ctx, uint16_t type, struct netlink_bytes content, struct oci_error *err)
{
	(void)ctx, (void)type, (void)content;
	return fail(err, "enough");
}

static void check_netlink(void)
{
	struct ifinfomsg fixed = { 0 };
	struct netlink_message message;
	struct oci_error err = { 0 };
	struct netlink netlink;
	int n = 0;

	if (!tap_ok(netlink_open(&netlink, &err) == 0, "a socket can be had"))
		return;
	fixed.ifi_index = 1;
	netlink_begin(&message, RTM_GETLINK, 0, &fixed, sizeof(fixed));
	tap_ok(netlink_ask(&netlink, &message, count_links, &n, &err) == 0 && n == 1,
	       "the kernel tells of one interface");
	fixed.ifi_index = INT32_MAX;
	netlink_begin(&message, RTM_GETLINK, 0, &fixed, sizeof(fixed));
	tap_ok(netlink_ask(&netlink, &message, count_links, &n, &err) < 0 && err.num == ENODEV &&
		       n == 1,
	       "one that isn't there is ENODEV");
	fixed.ifi_index = 0;
	netlink_begin(&message, RTM_GETLINK, NLM_F_DUMP, &fixed, sizeof(fixed));
	tap_ok(netlink_ask(&netlink, &message, give_up, NULL, &err) < 0 &&
		       strcmp(err.text, "enough") == 0,
	       "who hears a list can give up");
	n = 0;
	netlink_begin(&message, RTM_GETLINK, NLM_F_DUMP, &fixed, sizeof(fixed));
	tap_ok(netlink_ask(&netlink, &message, count_links, &n, &err) == 0 && n >= 1,
	       "and the next list is whole");
	netlink_close(&netlink);
	netlink_close(&netlink);
	tap_is_int(netlink.fd, -1, "a closed one can be closed");
}

int main(void)
{
	if (!mkdtemp(scratch_path))
		return 1;
	(void)alarm(120); /* what hangs fails */
	(void)umask(0022);
	scratch = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_arena();
	check_fds();
	check_messages();
	check_loading();
	check_reading();
	check_writing();
	check_write_all();
	connect_with(60);
	connect_with(107);
	connect_with(108);
	connect_with(250);
	remove_scratch();
	check_netlink();
	return tap_done();
}
