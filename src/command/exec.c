/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull exec`: a further process in a container that runs, with what config.json gave to the
 * container's own unless the command line or --process say otherwise.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/foreground.h"
#include "command/log.h"
#include "plan/plan.h"
#include "sequence/sequence.h"
#include "steps/interrupt.h"

struct exec_options {
	const char *process;
	const char *pid_file;
	const char *console_socket;
	const char *pidfd_socket;
	const char *cwd;
	const char *user;
	const char *apparmor;
	const char *process_label;
	const char *cgroup;
	struct option_list env, gids, caps;
	unsigned preserve_fds;
	bool tty;
	bool detach;
	bool no_new_privs;
	bool ignore_paused;
	bool explain;
};

#define TO(member) offsetof(struct exec_options, member), NULL

/* clang-format off */
static const struct option_row options[] = {
	{ 'p', "process", "FILE", "the process as a process object of config.json, instead of a\n"
		"command", OPTION_TEXT, TO(process) },
	{ 't', "tty", NULL, "give it a terminal", OPTION_FLAG, TO(tty) },
	{ 'd', "detach", NULL, "don't wait for the process", OPTION_FLAG, TO(detach) },
	{ 0, "pid-file", "FILE", "write the process's pid to FILE", OPTION_TEXT, TO(pid_file) },
	{ 0, "console-socket", "SOCKET", "send the terminal's master to this unix socket",
		OPTION_TEXT, TO(console_socket) },
	{ 0, "pidfd-socket", "SOCKET", "send a pidfd of the process to this unix socket",
		OPTION_TEXT, TO(pidfd_socket) },
	{ 0, "cwd", "DIR", "its working directory", OPTION_TEXT, TO(cwd) },
	{ 'e', "env", "NAME=VALUE", "a variable of its environment, may be repeated", OPTION_LIST, TO(env) },
	{ 'u', "user", "USER[:GROUP]", "ids, or names of the container's /etc/passwd and\n"
		"/etc/group", OPTION_TEXT, TO(user) },
	{ 'g', "additional-gids", "GID", "further groups, may be repeated", OPTION_LIST, TO(gids) },
	{ 'c', "cap", "NAME", "a capability that it gets besides, may be repeated", OPTION_LIST, TO(caps) },
	{ 0, "no-new-privs", NULL, "it can't gain privileges by execve(2)", OPTION_FLAG, TO(no_new_privs) },
	{ 0, "apparmor", "PROFILE", "its AppArmor profile", OPTION_TEXT, TO(apparmor) },
	{ 0, "process-label", "LABEL", "its SELinux label", OPTION_TEXT, TO(process_label) },
	{ 0, "preserve-fds", "N", "pass on N more file descriptors, from 3", OPTION_COUNT, TO(preserve_fds) },
	{ 0, "cgroup", "PATH", "a cgroup below the container's", OPTION_TEXT, TO(cgroup) },
	{ 0, "ignore-paused", NULL, "also into a paused container, where the process begins once\n"
		"that is resumed", OPTION_FLAG, TO(ignore_paused) },
	{ 0, "no-subreaper", NULL, "accepted; hull is no subreaper", OPTION_NOTHING, 0, NULL },
	{ 0, "explain", NULL, "print the steps, '-' before those that it skips, and do nothing",
		OPTION_FLAG, TO(explain) },
	OPTIONS_END,
};
/* clang-format on */

/* Everything that the plan points to. */
struct entry {
	struct request request;
	struct request_exec exec;
	struct entered entered;
	struct oci_config config;
	struct oci_process_file file;
	struct host host;
	struct plan plan;
	const char *process_path;
	char *paths[3]; /* the request's strings */
};

static int absolute(const char *given, char **heap, const char **target, struct oci_error *err)
{
	if (!given)
		return 0;
	*heap = path_absolute(given, err);
	*target = *heap;
	return *heap ? 0 : -1;
}

/* An empty variable counts as unset. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int make_request(struct entry *entry, const struct call *call, struct oci_error *err)
{
	const struct exec_options *given = call->options;
	struct request *request = &entry->request;
	struct request_exec *exec = &entry->exec;

	if (call->n_operands < 2 && !given->process)
		return fail_code(err, "usage", "exec: a command or --process is missing");
	if (call->n_operands >= 2 && given->process)
		return fail_code(err, "usage", "exec: a command and --process exclude each other");
	*request = (struct request){ .id = call->operands[0],
				     .exec = exec,
				     .preserve_fds = given->preserve_fds,
				     .detach = given->detach,
				     .listen_fds = environment("LISTEN_FDS") };
	*exec = (struct request_exec){ .args = given->process ? NULL : call->operands + 1,
				       .terminal = given->tty,
				       .cwd = given->cwd,
				       .user = given->user,
				       .env = given->env.v,
				       .n_env = given->env.n,
				       .gids = given->gids.v,
				       .n_gids = given->gids.n,
				       .caps = given->caps.v,
				       .n_caps = given->caps.n,
				       .no_new_privs = given->no_new_privs,
				       .apparmor = given->apparmor,
				       .label = given->process_label,
				       .sub_cgroup = given->cgroup };
	/* "/" is the container's cgroup itself. */
	while (exec->sub_cgroup && *exec->sub_cgroup == '/')
		exec->sub_cgroup++;
	if (exec->sub_cgroup && !*exec->sub_cgroup)
		exec->sub_cgroup = NULL;
	entry->process_path = given->process;
	request->state_root = globals_root(call->globals, err);
	if (!request->state_root)
		return -1;
	TRY(absolute(given->pid_file, &entry->paths[0], &request->pid_file, err));
	TRY(absolute(given->console_socket, &entry->paths[1], &request->console_socket, err));
	return absolute(given->pidfd_socket, &entry->paths[2], &request->pidfd_socket, err);
}

static int read_files(struct entry *entry, const struct exec_options *given, struct oci_error *err)
{
	struct request_exec *exec = &entry->exec;
	const struct request *request = &entry->request;

	if (given->process) {
		if (oci_process_read_file(&entry->file, AT_FDCWD, given->process, err) < 0)
			return fail_in(err, "%s", given->process);
		exec->process = &entry->file.process;
	}
	if (oci_config_read_file(&entry->config, entry->entered.dir, STATE_CONFIG, NULL, err) < 0)
		return fail_in(err, "%s/%s/" STATE_CONFIG, request->state_root, request->id);
	exec->has_cgroup = entry->entered.state.cgroup != NULL;
	entry->request.no_new_keyring = entry->entered.state.keeps_keyring;
	exec->filtered = entry->entered.state.seccomp;
	exec->filter_notifies = entry->entered.state.seccomp_notify;
	exec->paused = entry->entered.status == STATUS_PAUSED;
	if (!given->detach && !given->console_socket)
		(void)foreground_window(&exec->rows, &exec->columns);
	return 0;
}

/* Errors of the planner begin with a pointer into config.json. What came from --process has its own
 * place; the rest is the container's. */
static int fail_at_place(const struct entry *entry, struct oci_error *err)
{
	static const char part[] = "/process/";
	size_t size = strcspn(err->text, ":"), used = strlen(err->text);
	char pointer[512];
	unsigned line, column;

	if (!entry->process_path || strncmp(err->text, part, sizeof(part) - 1) != 0 ||
	    size >= sizeof(pointer))
		return -1;
	size -= sizeof(part) - 2;
	memmove(err->text, err->text + sizeof(part) - 2, used - (sizeof(part) - 2) + 1);
	memcpy(pointer, err->text, size);
	pointer[size] = '\0';
	oci_document_place(entry->file.doc, pointer, &line, &column);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, " (%u:%u)", line, column);
	return fail_in(err, "%s", entry->process_path);
}

static int found(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	(void)ctx;
	if (kind != PLAN_NOTE)
		return 1;
	log_warning("exec: %s: %s", pointer, text);
	return 0;
}

static int make_plan(struct entry *entry, const struct exec_options *given, struct oci_error *err)
{
	struct plan_report report = { found, entry };

	TRY(read_files(entry, given, err));
	TRY(host_look(&entry->host, err));
	if (given->apparmor || given->process_label || plan_asks_labels(&entry->config) ||
	    entry->file.process.apparmor_profile || entry->file.process.selinux_label)
		host_look_labels(&entry->host);
	if (plan_make_exec(&entry->plan, &entry->config, &entry->request, &entry->host, &report,
			   err) < 0)
		return fail_at_place(entry, err);
	return 0;
}

static int execute(struct entry *entry, const struct exec_options *given, struct oci_error *err)
{
	const struct request *request = &entry->request;
	struct started started = { .pidfd = -1, .terminal_master = -1 };

	TRY(sequence_enter(request->state_root, request->id, given->ignore_paused, &entry->entered,
			   err));
	if (make_plan(entry, given, err) < 0)
		return fail_in(err, "exec '%s'", request->id);
	if (given->explain) {
		sequence_explain(&entry->plan, stdout);
		return 0;
	}
	if (!given->detach) {
		TRY(foreground_prepare(err));
		interrupt_allow();
	}
	if (sequence_exec(&entry->plan, &entry->entered, &started, err) < 0)
		return foreground_fail_or_end(err);
	if (!given->detach)
		return foreground_wait(&started, err);
	fd_drop(&started.pidfd);
	return 0;
}

static int exec(const struct call *call, struct oci_error *err)
{
	struct entry entry = { .entered = { .dir = -1, .pidfd = -1 } };
	int result;

	TRY(sequence_protect_binary(call->argv, err));
	result = make_request(&entry, call, err);
	if (result == 0)
		result = execute(&entry, call->options, err);
	plan_free(&entry.plan);
	oci_config_close(&entry.config);
	oci_process_close(&entry.file);
	sequence_entered_done(&entry.entered);
	for (size_t i = 0; i < sizeof(entry.paths) / sizeof(entry.paths[0]); i++)
		free(entry.paths[i]);
	return result;
}

const struct command exec_command = {
	.name = "exec",
	.operands = "ID [COMMAND [ARG...]]",
	.summary = "Execute a further process in a container",
	.text = "Everything after ID belongs to the command. What isn't said is as for the "
		"container's\n"
		"own process. The exit status is that of the process, 128+N if signal N killed it "
		"or\n"
		"asked hull to end before it was there, 255 if it never ran.",
	.options = options,
	.options_size = sizeof(struct exec_options),
	.n_required = 1,
	.n_allowed = 1,
	.takes_command = true,
	.failure = 255,
	.forks = true,
	.run = exec,
};
