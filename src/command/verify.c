/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull verify`: prints how a container differs from its config. The looking is done by a child,
 * for a container can have file systems (FUSE) that never answer, and because it joins namespaces.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/log.h"
#include "libocispec/json_text.h"
#include "verify/verify.h"

enum { DEADLINE_S = 10 };

struct verify_options {
	const char *format;
	bool trace;
};

static const struct option_row options[] = {
	{ 'f', "format", "FORMAT", "text (default) or json", OPTION_WORD,
	  offsetof(struct verify_options, format), "text|json" },
	{ 't', "trace", NULL, "stop the process for a moment, for what only a tracer sees",
	  OPTION_FLAG, offsetof(struct verify_options, trace), NULL },
	OPTIONS_END,
};

/* What the child sends: findings, then the end. */
struct message {
	bool end;
	int result; /* with the end */
	union {
		struct verify_finding finding;
		struct oci_error err;
	};
};

/* ---- the child ---- */

static void send_finding(void *ctx, const struct verify_finding *finding)
{
	const int *sock = ctx;
	struct message message = { .end = false, .finding = *finding };

	/* Without the parent there is nobody to tell. */
	if (send(*sock, &message, sizeof(message), MSG_NOSIGNAL) < 0)
		_exit(EXIT_FAILURE);
}

static void look(int sock, const struct verify_stored *stored, int dir, bool trace)
{
	struct verify_report report = { send_finding, &sock };
	struct message message = { .end = true };

	/* Whoever is in the namespaces that it joins must not get at its memory. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	message.result = verify_container(stored, dir, trace, &report, &message.err);
	(void)send(sock, &message, sizeof(message), MSG_NOSIGNAL);
	_exit(EXIT_SUCCESS);
}

/* ---- the parent ---- */

static void print_text(const struct verify_finding *f)
{
	auto_free char *line = NULL;
	int size =
		f->kind == VERIFY_UNCHECKED
			? asprintf(&line, "unchecked: %s: %s: %s", f->pointer, f->subject, f->found)
			: asprintf(&line, "%s: %s: %s: expected %s, found %s",
				   verify_kinds[f->kind], f->pointer, f->subject, f->expected,
				   f->found);

	if (size < 0)
		return;
	log_clean(line);
	(void)puts(line);
}

static void print_json(struct json_text *out, const struct verify_finding *f)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "pointer", f->pointer);
	json_text_string(out, "subject", f->subject);
	if (f->kind == VERIFY_UNCHECKED) {
		json_text_string(out, "reason", f->found);
	} else {
		json_text_string(out, "expected", f->expected);
		json_text_string(out, "found", f->found);
		json_text_string(out, "kind", verify_kinds[f->kind]);
	}
	json_text_close_object(out);
}

/* Findings until the end comes, at most until the deadline. In a document the unchecked have a list
 * of their own, so they are kept until the other one is closed. */
struct kept {
	struct verify_finding *v;
	size_t n;
};

static int keep(struct kept *kept, const struct verify_finding *finding, struct oci_error *err)
{
	struct verify_finding *more = realloc(kept->v, (kept->n + 1) * sizeof(*more));

	if (!more)
		return fail_sys(err, "memory for the findings");
	kept->v = more;
	kept->v[kept->n++] = *finding;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int receive(int sock, struct message *message, int64_t deadline, struct oci_error *err)
{
	struct pollfd poll_fd = { .fd = sock, .events = POLLIN };
	int64_t left;
	ssize_t got;
	int ready;

	do {
		left = deadline - now_ms();
		ready = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return fail_sys(err, "poll");
	if (ready == 0)
		return fail_code(
			err, "verify-timeout",
			"looking at the container took more than %d s, and was given up: a "
			"file system in it may not answer",
			DEADLINE_S);
	got = recv(sock, message, sizeof(*message), 0);
	if (got < 0)
		return fail_sys(err, "recv");
	if (got != sizeof(*message))
		return fail(err, "the process that looked at the container died");
	return 0;
}

static int collect(int sock, struct kept *kept, struct oci_error *err)
{
	int64_t deadline = now_ms() + DEADLINE_S * 1000;
	struct message message;

	for (;;) {
		TRY(receive(sock, &message, deadline, err));
		if (message.end && message.result < 0)
			*err = message.err;
		if (message.end)
			return message.result < 0 ? -1 : 0;
		TRY(keep(kept, &message.finding, err));
	}
}

static int look_by_child(const struct verify_stored *stored, int dir, bool trace, struct kept *kept,
			 struct oci_error *err)
{
	int pair[2], result;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_sys(err, "socketpair");
	child = fork();
	if (child == 0) {
		fd_drop(&pair[0]);
		look(pair[1], stored, dir, trace);
	}
	fd_drop(&pair[1]);
	if (child < 0)
		result = fail_sys(err, "fork");
	else
		result = collect(pair[0], kept, err);
	fd_drop(&pair[0]);
	/* One that can't be killed even so is left to whoever reaps orphans. */
	if (child > 0 && result < 0)
		(void)kill(child, SIGKILL);
	if (child > 0)
		(void)waitpid(child, NULL, result < 0 ? WNOHANG : 0);
	return result;
}

static int examine(const char *root, const char *id, bool trace, struct kept *kept,
		   struct oci_error *err)
{
	auto_fd dir = state_open(root, id, err);
	struct verify_stored stored;
	int result;

	if (dir < 0)
		return -1;
	result = verify_stored(&stored, dir, root, id, err);
	if (result == 0)
		result = look_by_child(&stored, dir, trace, kept, err);
	verify_stored_done(&stored);
	return result < 0 ? fail_in(err, "verify '%s'", id) : 0;
}

static unsigned count(const struct kept *kept, enum verify_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < kept->n; i++)
		n += kept->v[i].kind == kind;
	return n;
}

static void print_lines(const char *id, const struct kept *kept)
{
	unsigned n = count(kept, VERIFY_DIFFERS);

	for (size_t i = 0; i < kept->n; i++)
		print_text(&kept->v[i]);
	if (n == 0)
		(void)printf("'%s' is as its config asked, as far as could be seen\n", id);
	else
		(void)printf("'%s' differs from its config at %u place%s\n", id, n,
			     n == 1 ? "" : "s");
}

/* On an error the document says so, and that nothing is known. */
static int print_document(const char *id, const struct kept *kept, const struct oci_error *failed,
			  struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, true);
	json_text_open_object(&text, NULL);
	json_text_string(&text, "id", id);
	json_text_bool(&text, "ok", !failed && count(kept, VERIFY_DIFFERS) == 0);
	if (failed) {
		json_text_open_object(&text, "error");
		json_text_string(&text, "code", failed->code[0] ? failed->code : "failed");
		json_text_string(&text, "text", failed->text);
		json_text_close_object(&text);
	}
	json_text_open_array(&text, "differences");
	for (size_t i = 0; i < kept->n; i++)
		if (kept->v[i].kind != VERIFY_UNCHECKED)
			print_json(&text, &kept->v[i]);
	json_text_close_array(&text);
	json_text_open_array(&text, "unchecked");
	for (size_t i = 0; i < kept->n; i++)
		if (kept->v[i].kind == VERIFY_UNCHECKED)
			print_json(&text, &kept->v[i]);
	json_text_close_array(&text);
	json_text_close_object(&text);
	result = json_text_check(&text, err);
	if (result == 0)
		(void)printf("%s\n", text.text); /* main.c looks whether that worked */
	json_text_done(&text);
	return result;
}

static int verify(const struct call *call, struct oci_error *err)
{
	const struct verify_options *given = call->options;
	const char *root = globals_root(call->globals, err), *id = call->operands[0];
	bool as_json = given->format && !strcmp(given->format, "json");
	struct kept kept = { .n = 0 };
	int result;

	if (!root)
		return -1;
	result = examine(root, id, given->trace, &kept, err);
	if (as_json) {
		struct oci_error failed = *err, ignored = { 0 };

		if (print_document(id, &kept, result < 0 ? &failed : NULL,
				   result < 0 ? &ignored : err) < 0)
			result = -1;
	} else if (result == 0) {
		print_lines(id, &kept);
	}
	if (result == 0 && count(&kept, VERIFY_DIFFERS) > 0)
		result = EXIT_FAILURE;
	free(kept.v);
	return result;
}

const struct command verify_command = {
	.name = "verify",
	.operands = "ID",
	.summary = "Compare a container with what its config asked for",
	.text = "Prints a line for each finding: `differs` where the container has more than was "
		"asked\n"
		"for, or something else; `less` where it has less; `own` where the config lets it "
		"choose\n"
		"itself; `unchecked` for what can't be seen from outside, and why. Exit status 1 "
		"if\n"
		"something differs, or on an error.",
	.options = options,
	.options_size = sizeof(struct verify_options),
	.n_required = 1,
	.n_allowed = 1,
	.forks = true,
	.run = verify,
};
