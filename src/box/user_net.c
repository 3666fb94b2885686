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

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "box/json_tree.h"
#include "box/run_program.h"
#include "libocispec/json.h"

#define READY_MS 60000
#define GONE_MS 10000
#define WORDS_MAX 16 /* of its command line */

/* In the runtime directory of the container. */
#define PID_FILE "net.pid" /* "PID START": when it was started, in the kernel's ticks */
#define ERROR_FILE "net.err"
#define API_SOCKET "net.sock"

/* What slirp4netns gives. */
#define ADDRESS "10.0.2.100"
#define INTERFACE "tap0"

bool user_net_is_there(void)
{
	struct oci_error ignored = { 0 }; /* then it isn't */
	auto_free char *path = home_slirp4netns(&ignored);

	return path != NULL;
}

/* --- Its arguments --- */

struct call {
	const char *argv[WORDS_MAX + 1];
	char text[WORDS_MAX][64];
	size_t n;
};

static void add(struct call *call, const char *word)
{
	call->argv[call->n++] = word;
}

static void add_number(struct call *call, const char *before, int number, const char *behind)
{
	(void)snprintf(call->text[call->n], sizeof(call->text[0]), "%s%d%s", before, number,
		       behind);
	add(call, call->text[call->n]);
}

static void slirp_words(struct call *call, pid_t pid, int ready, int end)
{
	add(call, "--configure");
	add(call, "--disable-host-loopback");
	add(call, "--enable-sandbox");
	add(call, "--enable-seccomp");
	add(call, "--mtu=65520");
	add_number(call, "--ready-fd=", ready, "");
	add_number(call, "--exit-fd=", end, "");
	add(call, "--api-socket=" API_SOCKET);
	add(call, "--netns-type=path");
	add_number(call, "/proc/", (int)pid, "/ns/net");
	add(call, INTERFACE);
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

/* In the directory, so that the socket's path is short; nothing stays open but what it is told of,
 * and what it writes goes to a file that is read when it fails. */
_Noreturn static void become(const struct call *call, int dir, const int keep[2])
{
	struct oci_error ignored = { 0 };
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_fd errors = openat(dir, ERROR_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	program_reset_signals();
	if (fchdir(dir) == 0 && null >= 0 && errors >= 0 && dup2(null, 0) >= 0 &&
	    dup2(errors, 1) >= 0 && dup2(errors, 2) >= 0 && fd_cloexec_from(3, &ignored) == 0 &&
	    (keep[0] < 0 || fcntl(keep[0], F_SETFD, 0) == 0) &&
	    (keep[1] < 0 || fcntl(keep[1], F_SETFD, 0) == 0))
		(void)execv(call->argv[0], (char *const *)(uintptr_t)call->argv);
	_exit(127);
}

/* By a child that ends: nobody here has to wait for the program. */
static int begin(const struct call *call, int dir, const int keep[2], struct oci_error *err)
{
	struct oci_error own = { 0 };
	char text[64];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pid_t program;

		(void)setsid();
		program = fork();
		if (program == 0)
			become(call, dir, keep);
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

/* A pidfd of the program, -1 when there is none any more. */
static int open_program(int dir)
{
	struct oci_error ignored = { 0 }; /* it was never there */
	char text[64];
	unsigned long long start;
	auto_fd program = -1;
	int pid;

	if (file_read_at(dir, PID_FILE, text, sizeof(text), &ignored) <= 0 ||
	    sscanf(text, "%d %llu", &pid, &start) != 2 || pid <= 0)
		return -1;
	program = sys_pidfd_open(pid, 0);
	/* Looked at when the pidfd is there, so that both are of one process. */
	return program >= 0 && start_of(pid) == start ? fd_take(&program) : -1;
}

static int explain(int dir, const char *program, struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* no words */
	char text[1024] = "";

	(void)file_read_at(dir, ERROR_FILE, text, sizeof(text), &ignored);
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = at[1] ? ';' : '\0';
	return fail_code(err, "network", "%s: %s", program, *text ? text : "it ended");
}

/* It writes a byte, and closes the pipe when it fails. */
static int wait_for_slirp(int ready)
{
	struct pollfd set = { ready, POLLIN, 0 };
	char byte;
	int n;

	do {
		n = poll(&set, 1, READY_MS);
	} while (n < 0 && errno == EINTR);
	return n > 0 && read(ready, &byte, 1) == 1 ? 0 : -1;
}

/* --- Ports --- */

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
	return fail_code(
		err, "network",
		"publish port %u/%s of the host: slirp4netns can't bind it: it is in use, or "
		"below the sysctl net.ipv4.ip_unprivileged_port_start",
		port->host, port->protocol);
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

/* --- Up and down --- */

static int start_slirp(struct call *call, int dir, pid_t pid, int monitor_end,
		       struct oci_error *err)
{
	int ends[2], result;
	auto_fd ready = -1, tell = -1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	ready = ends[0];
	tell = ends[1];
	slirp_words(call, pid, tell, monitor_end);
	result = begin(call, dir, (const int[]){ tell, monitor_end }, err);
	fd_drop(&tell);
	if (result == 0 && wait_for_slirp(ready) < 0)
		result = explain(dir, "slirp4netns", err);
	return result;
}

int user_net_up(const struct box_home *home, struct box_record *record,
		const struct box_options *options, pid_t pid, int monitor_end,
		struct oci_error *err)
{
	auto_fd dir = open_runtime(home, record, err);
	auto_free char *program = dir < 0 ? NULL : home_slirp4netns(err);
	struct box_state *state = &record->state;
	struct call call = { .n = 0 };

	if (!program)
		return dir < 0 ? -1
			       : fail_in(err, "--net user needs a program (Debian: package "
					      "slirp4netns)");
	add(&call, program);
	TRY(start_slirp(&call, dir, pid, monitor_end, err));
	TRY(publish_all(home, record, options, err));
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
	auto_fd program = dir < 0 ? -1 : open_program(dir);
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
