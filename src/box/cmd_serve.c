/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hullbox serve: the dashboard, until a signal ends it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/command.h"
#include "box/serve_http.h"

#define PEM_LIMIT ((size_t)1 << 20)

struct serve_options {
	const char *listen;
	struct option_list names;
	const char *certificate, *key;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ 'l', "listen", "ADDRESS:PORT", "where (127.0.0.1:8600); port 0: any that is free",
	  OPTION_TEXT, offsetof(struct serve_options, listen), NULL },
	{ 0, "name", "NAME", "a host name by which browsers may call it; repeatable", OPTION_LIST,
	  offsetof(struct serve_options, names), NULL },
	{ 0, "tls-cert", "FILE", "serve by TLS: the certificate and its chain, in PEM",
	  OPTION_TEXT, offsetof(struct serve_options, certificate), NULL },
	{ 0, "tls-key", "FILE", "its key, in PEM", OPTION_TEXT,
	  offsetof(struct serve_options, key), NULL },
	OPTIONS_END,
};
/* clang-format on */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

/* "ADDRESS:PORT", "[ADDRESS]:PORT"; no names, for they could mean anything tomorrow. */
static int parse_address(const char *text, struct address *address, struct oci_error *err)
{
	const char *colon = strrchr(text, ':');
	bool bracket = *text == '[';
	char host[64];
	size_t size;
	unsigned port;
	char after;

	if (!colon || sscanf(colon + 1, "%5u%c", &port, &after) != 1 || port > 65535 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return fail_code(err, "usage", "--listen '%s': it has to end in :PORT", text);
	size = (size_t)(colon - text);
	if (size >= sizeof(host) || (bracket && (size < 2 || text[size - 1] != ']')))
		return fail_code(err, "usage", "--listen '%s': no address", text);
	(void)snprintf(host, sizeof(host), "%.*s", (int)(bracket ? size - 2 : size),
		       text + bracket);
	*address = (struct address){ .size = sizeof(address->v4) };
	if (!bracket && inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons((uint16_t)port);
		return 0;
	}
	if (!bracket || inet_pton(AF_INET6, host, &address->v6.sin6_addr) != 1)
		return fail_code(err, "usage",
				 "--listen '%s': no address: one like 127.0.0.1 or [::1] is needed",
				 text);
	address->size = sizeof(address->v6);
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_port = htons((uint16_t)port);
	return 0;
}

static bool is_loopback(const struct address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static unsigned port_of(const struct address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
						       : address->v6.sin6_port);
}

/* The socket; *address then has the port that it got. */
static int listen_at(const char *text, struct address *address, struct oci_error *err)
{
	auto_fd fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int yes = 1;

	if (fd < 0)
		return fail_sys(err, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, &address->any, address->size) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, &address->any, &address->size) < 0)
		return fail_sys(err, "listen at '%s'", text);
	return fd_take(&fd);
}

static void print_address(const struct server *server, const struct address *address)
{
	char host[INET6_ADDRSTRLEN] = "";
	bool v6 = address->any.sa_family == AF_INET6;

	(void)inet_ntop(address->any.sa_family,
			v6 ? (const void *)&address->v6.sin6_addr
			   : (const void *)&address->v4.sin_addr,
			host, sizeof(host));
	(void)printf("%s://%s%s%s:%u/?token=%s\n", server->tls ? "https" : "http", v6 ? "[" : "",
		     host, v6 ? "]" : "", port_of(address), server->guard.token);
}

static int load_pem(const char *option, const char *path, char **text, struct oci_error *err)
{
	size_t size;

	if (file_load_at(AT_FDCWD, path, PEM_LIMIT, text, &size, err) < 0)
		return fail_in(err, "--%s", option);
	return 0;
}

static int check_options(const struct serve_options *options, const struct address *address,
			 struct oci_error *err)
{
	if (!options->certificate != !options->key)
		return fail_code(err, "usage", "--tls-cert and --tls-key belong together");
	if (!is_loopback(address) && !options->certificate)
		box_warn("'%s' isn't the loopback, and without --tls-cert everybody on the way can "
			 "read the token, and with it do all that hullbox can",
			 options->listen);
	return 0;
}

/* SIGINT and SIGTERM are blocked, in all threads. */
static void wait_for_signal(const sigset_t *set)
{
	int number;

	while (sigwait(set, &number) != 0)
		;
}

static int serve_until_signal(struct server *server, int socket, const struct address *address,
			      const sigset_t *set, struct oci_error *err)
{
	TRY(server_start(server, socket, err));
	print_address(server, address);
	if (fflush(stdout) != 0)
		return fail_sys(err, "print the address");
	wait_for_signal(set);
	return 0;
}

/* The signals are blocked before there are threads. The samples come from two programs. */
static int serve(struct server *server, int socket, const struct address *address,
		 struct oci_error *err)
{
	auto_free char *hull = home_hull(err);
	auto_free char *hull_root = box_text(err, "%s/hull", server->home->runtime);
	const char *const list[] = {
		server->program, "--root", server->home->root, "ps", "--all", "--format",
		"json",		 NULL
	};
	const char *const measure[] = { hull,	"--root",     hull_root, "top", "--format",
					"json", "--interval", "1s",	 NULL };
	sigset_t set;
	int result;

	if (!hull || !hull_root)
		return -1;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	TRY(live_start(&server->live, list, measure, err));
	result = serve_until_signal(server, socket, address, &set, err);
	live_stop(&server->live);
	server_stop(server);
	live_done(&server->live);
	return result;
}

static int run(const struct box_call *call, struct oci_error *err)
{
	struct serve_options options = *(const struct serve_options *)call->options;
	auto_free char *certificate = NULL, *key = NULL,
		       *program = realpath("/proc/self/exe", NULL);
	struct server server = { .home = call->home, .program = program };
	struct address address;
	auto_fd fd = -1;

	if (!program)
		return fail_sys(err, "resolve /proc/self/exe");
	options.listen = options.listen ? options.listen : "127.0.0.1:8600";
	TRY(parse_address(options.listen, &address, err));
	TRY(check_options(&options, &address, err));
	if (options.certificate) {
		TRY(load_pem("tls-cert", options.certificate, &certificate, err));
		TRY(load_pem("tls-key", options.key, &key, err));
		server.tls = true;
		server.certificate = certificate;
		server.key = key;
	}
	fd = listen_at(options.listen, &address, err);
	if (fd < 0 || guard_init(&server.guard, port_of(&address), &options.names, err) < 0)
		return -1;
	return serve(&server, fd_take(&fd), &address, err);
}

const struct box_command command_serve = {
	.name = "serve",
	.operands = "",
	.summary = "A dashboard for the browser",
	.text = "Prints the address to open, a secret token in it, and serves until it gets a\n"
		"signal. The JSON below /api/v1 is described in docs/hullbox-api.md of the "
		"sources.",
	.options = rows,
	.options_size = sizeof(struct serve_options),
	.run = run,
};
