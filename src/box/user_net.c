/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/user_net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "box/json_tree.h"
#include "box/run_program.h"
#include "box/tap_guard.h"
#include "libocispec/json.h"

#define READY_MS 60000
#define GONE_MS 10000
#define WORDS_MAX 32 /* of its command line, without the ports */

/* In the runtime directory of the container. */
#define PID_FILE "net.pid" /* "PID START": when it was started, in the kernel's ticks */
#define ERROR_FILE "net.err"
#define API_SOCKET "net.sock"

/* The same with either program; slirp4netns has no others, and pasta is told. */
#define ADDRESS "10.0.2.100"
#define INTERFACE "tap0"
#define MTU "65520"

bool user_net_is_there(void)
{
	struct oci_error ignored = { 0 }; /* then it isn't */
	bool is_pasta;
	auto_free char *path = home_user_net(&is_pasta, &ignored);

	return path != NULL;
}

/* --- A call --- */

struct call {
	struct arena arena; /* of the words */
	const char **argv;
	size_t n;
	int standard[3]; /* what it has as 0, 1 and 2 */
	int kept[2];	 /* what it has besides, by the same numbers; -1: nothing */
	int deadly;	 /* of 0, 1 and 2 the pipe whose end kills it; -1: none */
};

static int call_init(struct call *call, const char *program, const struct box_options *options,
		     struct oci_error *err)
{
	*call = (struct call){ .standard = { -1, -1, -1 }, .kept = { -1, -1 }, .deadly = -1 };
	call->argv = arena_array(&call->arena, WORDS_MAX + 2 * options->net.ports.n + 1,
				 sizeof(*call->argv));
	if (!call->argv)
		return fail_code(err, "out-of-memory", "no memory for a command line");
	call->argv[call->n++] = program;
	return 0;
}

static void add(struct call *call, const char *word)
{
	call->argv[call->n++] = word;
}

static void add_number(struct call *call, const char *before, int number, const char *behind)
{
	add(call, arena_printf(&call->arena, "%s%d%s", before, number, behind));
}

/* --- The process --- */

static int open_runtime(const struct box_home *home, const struct box_record *record,
			struct oci_error *err)
{
	auto_free char *path = record_runtime_path(home, record, "", err);
	int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return path && dir < 0 ? fail_sys(err, "open '%s'", path) : dir;
}

/* When a process was started; 0: there is none. The name may hold spaces and parentheses. */
static unsigned long long start_of(pid_t pid)
{
	struct oci_error ignored = { 0 }; /* it is gone */
	char path[32], text[1024];
	unsigned long long start = 0;
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text), &ignored) <= 0)
		return 0;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%llu", &start) == 1 ? start : 0;
}

/* The kernel sends SIGKILL when nobody holds the pipe's other end any more. */
static int die_with(int pipe)
{
	struct pollfd set = { pipe, 0, 0 };

	if (fcntl(pipe, F_SETSIG, SIGKILL) < 0 || fcntl(pipe, F_SETOWN, getpid()) < 0 ||
	    fcntl(pipe, F_SETFL, O_ASYNC) < 0)
		return -1;
	/* It may have ended before. */
	return poll(&set, 1, 0) == 0 ? 0 : -1;
}

/* In the directory, so that the socket's path is short; nothing stays open but what it is told
 * of. */
_Noreturn static void become(const struct call *call, int dir)
{
	struct oci_error ignored = { 0 };
	bool ok = fchdir(dir) == 0;

	program_reset_signals();
	for (int i = 0; i < 3; i++)
		ok = ok && dup2(call->standard[i], i) >= 0;
	ok = ok && fd_cloexec_from(3, &ignored) == 0;
	for (int i = 0; i < 2; i++)
		ok = ok && (call->kept[i] < 0 || fcntl(call->kept[i], F_SETFD, 0) == 0);
	if (ok && (call->deadly < 0 || die_with(call->deadly) == 0))
		(void)execv(call->argv[0], (char *const *)(uintptr_t)call->argv);
	_exit(127);
}

/* By a child that ends: nobody here has to wait for the program. */
static int begin(const struct call *call, int dir, struct oci_error *err)
{
	struct oci_error own = { 0 };
	char text[64];
	int status;
	pid_t pid;

	if (call->arena.failed)
		return fail_code(err, "out-of-memory", "no memory for a command line");
	pid = fork();
	if (pid == 0) {
		pid_t program;

		(void)setsid();
		program = fork();
		if (program == 0)
			become(call, dir);
		(void)snprintf(text, sizeof(text), "%d %llu\n", (int)program, start_of(program));
		_exit(program < 0 ||
		      file_replace_at(dir, PID_FILE, text, strlen(text), 0600, &own) < 0);
	}
	if (pid < 0)
		return fail_sys(err, "fork");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_sys(err, "waitpid");
	return status == 0 ? 0 : fail(err, "begin '%s'", call->argv[0]);
}

/* A pidfd of the program, and its number; -1 when there is none any more. */
static int open_program(int dir, int *pid)
{
	struct oci_error ignored = { 0 }; /* it was never there */
	char text[64];
	unsigned long long start;
	auto_fd program = -1;

	if (file_read_at(dir, PID_FILE, text, sizeof(text), &ignored) <= 0 ||
	    sscanf(text, "%d %llu", pid, &start) != 2 || *pid <= 0)
		return -1;
	program = sys_pidfd_open(*pid, 0);
	/* Looked at when the pidfd is there, so that both are of one process. */
	return program >= 0 && start_of(*pid) == start ? fd_take(&program) : -1;
}

/* Why it didn't become ready, by its own words, which are changed. */
static int explain(const char *program, char *text, struct oci_error *err)
{
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = at[1] ? ';' : '\0';
	return fail_code(err, "network", "%s: %s", program, *text ? text : "it ended");
}

/* Hears what a program writes to a pipe until that says that it is ready; -1 when it closes the
 * pipe instead, or takes too long. `text` is what it wrote, cut off at its end. */
static int hear(int pipe, bool (*is_ready)(const char *text), char *text, size_t room)
{
	struct pollfd set = { pipe, POLLIN, 0 };
	size_t used = 0;
	ssize_t size;
	int n;

	*text = '\0';
	for (;;) {
		n = poll(&set, 1, READY_MS);
		if (n < 0 && errno == EINTR)
			continue;
		if (used == room - 1)
			used = room / 2; /* its last words are those that count */
		size = n > 0 ? read(pipe, text + used, room - 1 - used) : 0;
		if (size <= 0)
			return -1;
		used += (size_t)size;
		text[used] = '\0';
		if (is_ready(text))
			return 0;
	}
}

static int bad_port(const char *program, const struct box_port *port, struct oci_error *err)
{
	return fail_code(err, "network",
			 "publish port %u/%s of the host: %s can't bind it: it is in use, or "
			 "below the sysctl net.ipv4.ip_unprivileged_port_start",
			 port->host, port->protocol, program);
}

/* --- slirp4netns: ports are published by its socket, once it is ready --- */

/* One request for each connection: {"execute": ..., "arguments": {...}}. */
static int ask(int api, const struct box_port *port, struct oci_error *err)
{
	struct json_text out;
	int result;

	json_text_init(&out, false);
	json_text_open_object(&out, NULL);
	json_text_string(&out, "execute", "add_hostfwd");
	json_text_open_object(&out, "arguments");
	json_text_string(&out, "proto", port->protocol);
	json_text_string(&out, "host_addr", port->address ? port->address : "0.0.0.0");
	json_text_uint(&out, "host_port", port->host);
	json_text_string(&out, "guest_addr", ADDRESS);
	json_text_uint(&out, "guest_port", port->container);
	json_text_close_object(&out);
	json_text_close_object(&out);
	result = json_text_check(&out, err);
	if (result == 0)
		result = file_write_all(api, out.text, out.size, err);
	json_text_done(&out);
	return result < 0 || shutdown(api, SHUT_WR) < 0 ? fail_in(err, "ask slirp4netns") : 0;
}

static int publish(const char *socket, const struct box_port *port, struct oci_error *err)
{
	auto_fd api = unix_socket_connect(socket, err);
	char answer[1024];
	size_t used = 0;
	ssize_t n;

	if (api < 0)
		return -1;
	TRY(ask(api, port, err));
	while ((n = read(api, answer + used, sizeof(answer) - 1 - used)) > 0)
		used += (size_t)n;
	answer[used] = '\0';
	if (strstr(answer, "\"return\""))
		return 0;
	return bad_port("slirp4netns", port, err);
}

static int publish_all(const struct box_home *home, const struct box_record *record,
		       const struct box_options *options, struct oci_error *err)
{
	auto_free char *socket = record_runtime_path(home, record, API_SOCKET, err);

	if (!socket)
		return -1;
	for (size_t i = 0; i < options->net.ports.n; i++)
		TRY(publish(socket, &options->net.ports.v[i], err));
	return 0;
}

static bool any_byte(const char *text)
{
	return *text != '\0';
}

/* It ends with a pipe that it is told of. What it writes goes to a file that is read when it
 * fails. */
static int start_slirp(struct call *call, int dir, pid_t pid, int monitor_end,
		       struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* no words */
	char text[1024] = "";
	int ends[2], result;
	auto_fd ready = -1, tell = -1;
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_fd errors = openat(dir, ERROR_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (null < 0 || errors < 0)
		return fail_sys(err, "open '%s'", null < 0 ? "/dev/null" : ERROR_FILE);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	ready = ends[0];
	tell = ends[1];
	add(call, "--configure");
	add(call, "--disable-host-loopback");
	add(call, "--enable-sandbox");
	add(call, "--enable-seccomp");
	add(call, "--mtu=" MTU);
	add_number(call, "--ready-fd=", tell, "");
	add_number(call, "--exit-fd=", monitor_end, "");
	add(call, "--api-socket=" API_SOCKET);
	add(call, "--netns-type=path");
	add_number(call, "/proc/", (int)pid, "/ns/net");
	add(call, INTERFACE);
	call->standard[0] = null;
	call->standard[1] = call->standard[2] = errors;
	call->kept[0] = tell;
	call->kept[1] = monitor_end;
	result = begin(call, dir, err);
	fd_drop(&tell);
	/* It writes a byte, and closes the pipe when it fails. */
	if (result < 0 || hear(ready, any_byte, text, sizeof(text)) == 0)
		return result;
	(void)file_read_at(dir, ERROR_FILE, text, sizeof(text), &ignored);
	return explain("slirp4netns", text, err);
}

static int slirp_up(struct call *call, const struct box_home *home, const struct box_record *record,
		    const struct box_options *options, int dir, pid_t pid, int monitor_end,
		    struct oci_error *err)
{
	TRY(start_slirp(call, dir, pid, monitor_end, err));
	return publish_all(home, record, options, err);
}

/* --- pasta: all is told on the command line --- */

static char *pasta_port(struct call *call, const struct box_port *port)
{
	return arena_printf(&call->arena, "%s/%u:%u", port->address ? port->address : "0.0.0.0",
			    port->host, port->container);
}

/* What it isn't told of it publishes by itself: all that the container listens at. */
static void pasta_ports(struct call *call, const char *protocol, const char *option,
			const struct box_options *options)
{
	bool any = false;

	for (size_t i = 0; i < options->net.ports.n; i++) {
		const struct box_port *port = &options->net.ports.v[i];

		if (strcmp(port->protocol, protocol) != 0)
			continue;
		add(call, option);
		add(call, pasta_port(call, port));
		any = true;
	}
	if (!any) {
		add(call, option);
		add(call, "none");
	}
}

/* Nothing leads to the host's loopback: neither the gateway's address (--no-map-gw), which is the
 * host's otherwise, nor ports of the container's own loopback (-T, -U). IPv6 has no part in it, as
 * with slirp4netns. */
static void pasta_words(struct call *call, const struct box_options *options)
{
	static const char *const words[] = { "--foreground", "--quiet",		"--config-net",
					     "--ipv4-only",  "--no-map-gw",	"--tcp-ns",
					     "none",	     "--udp-ns",	"none",
					     "--ns-ifname",  INTERFACE,		"--address",
					     ADDRESS,	     "--netmask",	"255.255.255.0",
					     "--gateway",    USER_NET_GATEWAY,	"--dns-forward",
					     USER_NET_DNS,   "--mtu",		MTU,
					     "--netns",	     "/proc/self/fd/0", "--no-netns-quit",
					     "--pid",	     "/proc/self/fd/2" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add(call, words[i]);
	pasta_ports(call, "tcp", "--tcp-ports", options);
	pasta_ports(call, "udp", "--udp-ports", options);
}

/* A line with its number, where it writes its errors. */
static bool is_pid_line(const char *text)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t size;

		line += *line == '\n';
		size = strspn(line, "0123456789");
		if (size && line[size] == '\n')
			return true;
	}
	return false;
}

/* It has three descriptors, as newer versions close all others:
 *   0  the network namespace: by /proc/PID it couldn't open that, since it gives up first what it
 *      may do more than the container
 *   1  the monitor's pipe, by which the kernel ends it, as it heeds none itself
 *   2  a pipe for what it complains of, and for its number, which says that it is ready: a file
 *      would have to be where an AppArmor profile allows
 * Later words are lost: it ignores SIGPIPE. In the background it would be a process that nobody
 * knows the number of. */
static int pasta_up(struct call *call, const struct box_options *options, int dir, pid_t pid,
		    int monitor_end, struct oci_error *err)
{
	char path[32], text[2048];
	auto_fd netns = -1, ready = -1, tell = -1;
	int ends[2], result;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return fail_sys(err, "open '%s'", path);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	ready = ends[0];
	tell = ends[1];
	pasta_words(call, options);
	call->standard[0] = netns;
	call->standard[1] = monitor_end;
	call->standard[2] = tell;
	call->deadly = 1;
	result = begin(call, dir, err);
	fd_drop(&tell);
	if (result < 0 || hear(ready, is_pid_line, text, sizeof(text)) == 0)
		return result;
	for (size_t i = 0; i < options->net.ports.n; i++) {
		const char *name = pasta_port(call, &options->net.ports.v[i]);

		if (name && strstr(text, name))
			return bad_port("pasta", &options->net.ports.v[i], err);
	}
	return explain("pasta", text, err);
}

/* --- Up and down --- */

static int guard(int dir, struct oci_error *err)
{
	int pid;
	auto_fd program = open_program(dir, &pid);

	return program < 0 ? fail(err, "the program of the network has ended")
			   : tap_guard(program, pid, err);
}

int user_net_up(const struct box_home *home, struct box_record *record,
		const struct box_options *options, pid_t pid, int monitor_end,
		struct oci_error *err)
{
	bool is_pasta;
	auto_fd dir = open_runtime(home, record, err);
	auto_free char *program = dir < 0 ? NULL : home_user_net(&is_pasta, err);
	struct box_state *state = &record->state;
	struct call call;
	int result;

	if (!program)
		return dir < 0 ? -1 : fail_in(err, "--net user needs a program");
	result = call_init(&call, program, options, err);
	if (result == 0)
		result = is_pasta ? pasta_up(&call, options, dir, pid, monitor_end, err)
				  : slirp_up(&call, home, record, options, dir, pid, monitor_end,
					     err);
	arena_done(&call.arena);
	TRY(result);
	TRY(guard(dir, err));
	(void)snprintf(state->ip, sizeof(state->ip), ADDRESS);
	(void)snprintf(state->gateway, sizeof(state->gateway), USER_NET_GATEWAY);
	(void)snprintf(state->interface, sizeof(state->interface), INTERFACE);
	return 0;
}

int user_net_down(const struct box_home *home, const struct box_record *record,
		  struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* what has no runtime directory has no program */
	auto_fd dir = open_runtime(home, record, &ignored);
	int pid;
	auto_fd program = dir < 0 ? -1 : open_program(dir, &pid);
	struct pollfd set = { program, POLLIN, 0 };
	int n;

	if (program < 0)
		return 0;
	if (sys_pidfd_send_signal(program, SIGKILL) < 0 && errno != ESRCH)
		return fail_sys(err, "end the program of the container's network");
	do {
		n = poll(&set, 1, GONE_MS);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : fail(err, "the program of the container's network doesn't end");
}
