/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where hull begins: global options, the table of commands, and the one place that reports errors
 * and chooses the exit status. Does nothing that the command wouldn't need.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/commit.h"
#include "command/log.h"
#include "config.h"
#include "plan/plan.h"
#include "steps/seccomp.h"

/* In the order of a container's life, then what is about bundles and hull itself. */
static const struct command *const commands[] = {
	&create_command, &run_command,	    &start_command,  &exec_command,   &state_command,
	&kill_command,	 &pause_command,    &resume_command, &update_command, &delete_command,
	&list_command,	 &ps_command,	    &verify_command, &events_command, &top_command,
	&spec_command,	 &features_command, &check_command,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* More than any command takes. */
#define OPERANDS_MAX 4

#define TO(member) offsetof(struct globals, member), NULL
#define TO_WORD(member, words) offsetof(struct globals, member), words

/* clang-format off */
static const struct option_row global_options[] = {
	{ 0,   "root", "DIR", "where the state of the containers is (default: /run/hull, or\n"
		"$XDG_RUNTIME_DIR/hull for users other than root)", OPTION_TEXT, TO(root) },
	{ 0,   "log", "FILE", "append the error (and what --log-level adds) to FILE, besides\n"
		"stderr; also file:PATH and syslog:IDENT", OPTION_TEXT, TO(log) },
	{ 0,   "log-format", "FORMAT", "text (default) or json", OPTION_WORD, TO_WORD(log_format, "text|json") },
	{ 0,   "log-level", "LEVEL", "error, warning, info or debug (default: warning; error with\n"
		"--log)", OPTION_WORD, TO_WORD(log_level, "error|warning|warn|info|debug") },
	{ 0,   "debug", NULL, "the same as --log-level debug", OPTION_FLAG, TO(debug) },
	{ 0,   "systemd-cgroup", NULL, "the same as --cgroup-manager systemd", OPTION_FLAG,
		TO(systemd_cgroup) },
	{ 's', NULL, NULL, NULL, OPTION_FLAG, TO(systemd_cgroup) },
	{ 0,   "cgroup-manager", "NAME", "cgroupfs (default), systemd (a scope for each container) or\n"
		"disabled (the container stays in the caller's cgroup)", OPTION_WORD,
		TO_WORD(cgroup_manager, "cgroupfs|systemd|disabled") },
	{ 0,   "rootless", "WHEN", "auto (default), true or false: which default --root is used",
		OPTION_WORD, TO_WORD(rootless, "auto|true|false") },
	{ 'v', "version", NULL, "print the version and what was compiled in", OPTION_FLAG,
		TO(version) },
	{ 'V', NULL, NULL, NULL, OPTION_FLAG, TO(version) },
	OPTIONS_END,
};
/* clang-format on */

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static void print_help(FILE *out)
{
	(void)fputs(
		"Usage: hull [OPTION...] COMMAND [ARGUMENT...]\n\n"
		"Runs containers from bundles, as the OCI runtime specification describes them.\n\n"
		"Commands:\n",
		out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	(void)fputs("\n`hull COMMAND --help` says more of each. Before the command:\n\n", out);
	options_print(global_options, out);
}

static void print_command_help(const struct command *command, FILE *out)
{
	(void)fprintf(out, "Usage: hull %s [OPTION...]%s%s\n\n%s\n\n", command->name,
		      *command->operands ? " " : "", command->operands, command->summary);
	if (command->text)
		(void)fprintf(out, "%s\n\n", command->text);
	options_print(command->options, out);
}

static void print_version(void)
{
	(void)printf("hull version %s\n", PACKAGE_VERSION);
	(void)printf("commit: %s\n", *HULL_COMMIT ? HULL_COMMIT : "unknown");
	(void)printf("spec: %s\n", PLAN_SPEC_VERSION);
	(void)printf("libseccomp: %s\n", filter_library_version());
	(void)printf("cgroup: v2, managers cgroupfs"
#ifdef HULL_SYSTEMD
		     ", systemd"
#endif
		     " and disabled\n");
#ifdef HULL_FAULT_INJECTION
	(void)printf("build: for tests, with fault injection\n");
#endif
}

/* Output that could not be written (a full disk, a closed pipe) is a failure too. */
static int flush_output(struct oci_error *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail_sys(err, "write to the standard output");
	return 0;
}

/* command: the one that failed, whose help may help, or NULL. */
static int report(const struct command *command, const struct oci_error *err)
{
	log_error(err);
	if (!strcmp(err->code, "usage"))
		(void)fprintf(stderr, "Try 'hull %s%s--help'.\n", command ? command->name : "",
			      command ? " " : "");
	return command && command->failure ? command->failure : EXIT_FAILURE;
}

static int check_operands(const struct command *command, const struct call *call,
			  struct oci_error *err)
{
	if (call->n_operands < command->n_required)
		return fail_code(err, "usage", "%s: an argument is missing: hull %s %s",
				 command->name, command->name, command->operands);
	if (call->n_operands > command->n_allowed && !command->takes_command)
		return fail_code(err, "usage", "%s: unexpected argument '%s'", command->name,
				 call->operands[command->n_allowed]);
	return 0;
}

/* Fills values and the call's operands; those of a command that takes another one stay where they
 * are in argv, for there may be many. */
static enum options_result parse(const struct command *command, void *values, int n,
				 char *const *arguments, struct operands *operands,
				 struct call *call, struct oci_error *err)
{
	enum options_result result;
	int used = 0;

	if (command->takes_command) {
		result = options_parse_before(command->options, values, n, arguments, &used, err);
		call->operands = (const char *const *)(arguments + used);
		call->n_operands = (size_t)(n - used);
		return result;
	}
	result = options_parse(command->options, values, n, arguments, operands, err);
	call->operands = operands->v;
	call->n_operands = operands->n;
	return result;
}

static int carry_out(const struct command *command, const struct call *call, struct oci_error *err)
{
	TRY(check_operands(command, call, err));
	if (command->forks)
		(void)signal(SIGCHLD, SIG_DFL); /* can't fail for a signal that exists */
	/* With RLIMIT_FSIZE at its end a write fails then, instead of ending hull without a word.
	 */
	(void)signal(SIGXFSZ, SIG_IGN);
	return command->run(call, err);
}

/* arguments: what follows the command's name, n of them. */
static int run_one(const struct command *command, const struct globals *globals, int n,
		   char *const *arguments, char *const *argv, struct oci_error *err)
{
	auto_free void *values = calloc(1, command->options_size ? command->options_size : 1);
	const char *room[OPERANDS_MAX];
	struct operands operands = { .v = room, .room = OPERANDS_MAX };
	struct call call = { .globals = globals, .options = values, .argv = argv };
	int result = 0;

	if (!values)
		return fail_code(err, "out-of-memory", "no memory for the options");
	switch (parse(command, values, n, arguments, &operands, &call, err)) {
	case OPTIONS_FAILED:
		result = fail_in(err, "%s", command->name);
		break;
	case OPTIONS_HELP:
		print_command_help(command, stdout);
		break;
	case OPTIONS_DONE:
		result = carry_out(command, &call, err);
		break;
	}
	options_free(command->options, values);
	return result;
}

/* `hull`, `hull --help`, `hull help [COMMAND]`. */
static int help(const char *name, struct oci_error *err)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return fail_code(err, "usage", "there is no command '%s'", name);
	if (command)
		print_command_help(command, stdout);
	else
		print_help(stdout);
	return 0;
}

static int run(int argc, char *argv[], const struct command **found, struct oci_error *err)
{
	struct globals globals = { 0 };
	const struct command *command;
	enum options_result result;
	int used = 0;

	TRY(fd_fill_standard(err));
	result = options_parse_before(global_options, &globals, argc - 1, argv + 1, &used, err);
	if (result == OPTIONS_FAILED)
		return -1;
	if (result == OPTIONS_HELP)
		return help(NULL, err);
	TRY(log_set_up(globals.log, globals.log_format, globals.log_level, globals.debug, err));
	if (globals.version) {
		print_version();
		return 0;
	}
	argv += 1 + used;
	argc -= 1 + used;
	if (argc == 0)
		return fail_code(err, "usage", "no command is given");
	if (!strcmp(argv[0], "help"))
		return help(argv[1], err);
	command = find_command(argv[0]);
	if (!command)
		return fail_code(err, "usage", "there is no command '%s'", argv[0]);
	*found = command;
	return run_one(command, &globals, argc - 1, argv + 1, argv - 1 - used, err);
}

int main(int argc, char *argv[])
{
	struct oci_error err = { 0 };
	const struct command *command = NULL;
	int status;

	if (argc < 1) /* execve() with an empty argv */
		return EXIT_FAILURE;
	status = run(argc, argv, &command, &err);
	if (status >= 0 && flush_output(&err) < 0)
		status = -1;
	return status < 0 ? report(command, &err) : status;
}
