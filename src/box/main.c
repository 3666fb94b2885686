/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where hullbox begins: global options, the table of commands, and the one place that reports
 * errors and chooses the exit status.
 */
#include <archive.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/image_commands.h"
#include "box/interrupt.h"
#include "box/restart.h"
#include "box/rootless.h"
#include "box/runtime_claim.h"
#include "config.h"
#include "libocispec/utf8.h"

/* clang-format off */

/* In the order of a container's life. */
static const struct box_command *const commands[] = {
	&command_run,
	&command_create,
	&command_start,
	&command_stop,
	&command_restart,
	&command_kill,
	&command_rm,
	&command_ps,
	&command_exec,
	&command_attach,
	&command_wait,
	&command_logs,
	&command_events,
	&command_inspect,
	&command_stats,
	&command_top,
	&command_port,
	&command_update,
	&command_pause,
	&command_unpause,
	&command_rename,
	&command_cp,
	&command_diff,
	&command_commit,
	&command_prune,
	&command_image_import,
	&command_image_ls,
	&command_image_inspect,
	&command_image_rm,
	&command_image_prune,
	&command_image_unpack,
	&command_volume_create,
	&command_volume_ls,
	&command_volume_inspect,
	&command_volume_rm,
	&command_network_ls,
	&command_network_inspect,
	&command_serve,
	&command_exited,
	&command_enter,
	NULL,
};

/* clang-format on */

struct globals {
	const char *root;
	bool version;
};

/* clang-format off */
static const struct option_row global_options[] = {
	{ 0,   "root", "DIR", "where containers, layers, images and volumes are kept (default:\n"
		"/var/lib/hullbox; for users other than root\n$XDG_DATA_HOME/hullbox)", OPTION_TEXT,
		offsetof(struct globals, root), NULL },
	{ 'v', "version", NULL, "print the version", OPTION_FLAG, offsetof(struct globals, version),
		NULL },
	OPTIONS_END,
};
/* clang-format on */

void box_tell(const char *head, const char *text)
{
	char shown[4096];
	size_t size = strlen(text);

	while (size > 0 && text[size - 1] == '\n')
		size--;
	utf8_show(shown, sizeof(shown), text, size);
	(void)fprintf(stderr, "%s%s\n", head, shown);
}

void box_warn(const char *fmt, ...)
{
	char text[4096];
	va_list arguments;

	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	box_tell("hullbox: warning: ", text);
}

/* Whether the text says it as errors do: in quotes, or as its last word. */
static bool names(const char *text, const char *operand)
{
	size_t size = strlen(operand), length = strlen(text);

	for (const char *at = text; size > 0 && (at = strstr(at, operand)); at++)
		if (at > text && at[-1] == '\'' && at[size] == '\'')
			return true;
	return length > size + 2 && !strcmp(text + length - size, operand) &&
	       !strncmp(text + length - size - 2, ": ", 2);
}

/* What hull or the kernel said doesn't tell whom it is about. */
static int fail_of(const char *operand, const struct oci_error *own, struct oci_error *err)
{
	*err = *own;
	return names(own->text, operand) ? -1 : fail_in(err, "'%s'", operand);
}

int box_each(const struct box_call *call, void *ctx,
	     int (*deed)(const struct box_call *call, void *ctx, const char *operand,
			 struct oci_error *err),
	     struct oci_error *err)
{
	int result = 0;

	for (size_t i = 0; i < call->n_operands; i++) {
		struct oci_error own = { 0 };

		if (deed(call, ctx, call->operands[i], &own) >= 0)
			continue;
		if (result < 0)
			box_tell("hullbox: ", err->text);
		result = fail_of(call->operands[i], &own, err);
	}
	return result;
}

/* How many words of the command line name the command: 0 when it is another one. */
static int match(const char *name, int n, char *const *words)
{
	const char *space = strchr(name, ' ');

	if (!space)
		return !strcmp(name, words[0]);
	if (n < 2 || strlen(words[0]) != (size_t)(space - name) ||
	    strncmp(name, words[0], (size_t)(space - name)) != 0)
		return 0;
	return !strcmp(space + 1, words[1]) ? 2 : 0;
}

static const struct box_command *find_command(int n, char *const *words, int *used)
{
	for (size_t i = 0; commands[i]; i++) {
		*used = match(commands[i]->name, n, words);
		if (*used)
			return commands[i];
	}
	return NULL;
}

static void print_help(FILE *out)
{
	(void)fputs(
		"Usage: hullbox [OPTION...] COMMAND [ARGUMENT...]\n\n"
		"Runs commands isolated in containers, with layers, limits, a network, logs and "
		"restarts.\n\n"
		"Commands:\n",
		out);
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->summary)
			(void)fprintf(out, "  %-15s %s\n", commands[i]->name, commands[i]->summary);
	(void)fputs("\n`hullbox COMMAND --help` says more of each. Before the command:\n\n", out);
	options_print(global_options, out);
}

static void print_command_help(const struct box_command *command, FILE *out)
{
	(void)fprintf(out, "Usage: hullbox %s [OPTION...]%s%s\n\n%s\n\n", command->name,
		      *command->operands ? " " : "", command->operands,
		      command->summary ? command->summary : "Called by hullbox itself.");
	if (command->text)
		(void)fprintf(out, "%s\n\n", command->text);
	options_print(command->options, out);
}

static void print_version(void)
{
	(void)printf("hullbox version %s\n", PACKAGE_VERSION);
	(void)printf("%s\n", archive_version_string());
	(void)printf("libmicrohttpd %s\n", MHD_get_version());
}

/* Output that could not be written (a full disk, a closed pipe) is a failure too. */
static int flush_output(struct oci_error *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail_sys(err, "write to the standard output");
	return 0;
}

/* command: the one that failed, whose help may help, or NULL. */
static int report(const struct box_command *command, const struct oci_error *err)
{
	bool usage = !strcmp(err->code, "usage");

	box_tell("hullbox: ", err->text);
	if (usage)
		(void)fprintf(stderr, "Try 'hullbox %s%s--help'.\n", command ? command->name : "",
			      command ? " " : "");
	if (command && command->failure)
		return command->failure;
	return usage ? 2 : EXIT_FAILURE;
}

static int check_operands(const struct box_command *command, const struct box_call *call,
			  struct oci_error *err)
{
	if (call->n_operands < command->n_required)
		return fail_code(err, "usage", "%s: an argument is missing: hullbox %s %s",
				 command->name, command->name, command->operands);
	if (call->n_operands > command->n_allowed && !command->takes_command)
		return fail_code(err, "usage", "%s: unexpected argument '%s'", command->name,
				 call->operands[command->n_allowed]);
	return 0;
}

static enum options_result parse(const struct box_command *command, void *values, int n,
				 char *const *arguments, struct operands *operands,
				 struct oci_error *err)
{
	enum options_result result;
	int used = 0;

	if (!command->takes_command)
		return options_parse(command->options, values, n, arguments, operands, err);
	result = options_parse_before(command->options, values, n, arguments, &used, err);
	for (; used < n; used++)
		operands->v[operands->n++] = arguments[used];
	return result;
}

/* arguments: what follows the command's name, n of them. */
static int run_one(const struct box_command *command, const struct box_home *home, int n,
		   char *const *arguments, struct oci_error *err)
{
	auto_free void *values = calloc(1, command->options_size + 1);
	auto_free const char **room = calloc((size_t)n + 1, sizeof(*room));
	struct operands operands = { .v = room, .room = (size_t)n };
	struct box_call call = { .home = home, .options = values };
	int result = 0;

	if (!values || !room)
		return fail_code(err, "out-of-memory", "no memory for the options");
	switch (parse(command, values, n, arguments, &operands, err)) {
	case OPTIONS_FAILED:
		result = fail_in(err, "%s", command->name);
		break;
	case OPTIONS_HELP:
		print_command_help(command, stdout);
		break;
	case OPTIONS_DONE:
		call.operands = operands.v;
		call.n_operands = operands.n;
		result = check_operands(command, &call, err);
		if (result == 0)
			result = runtime_check(home, err);
		if (result == 0 && command->summary)
			restart_resume(home);
		if (result == 0)
			result = command->run(&call, err);
		break;
	}
	options_free(command->options, values);
	return result;
}

/* `hullbox --help`, `hullbox help [COMMAND]`. */
static int help(int n, char *const *words, struct oci_error *err)
{
	int used;
	const struct box_command *command = n > 0 ? find_command(n, words, &used) : NULL;

	if (n > 0 && !command)
		return fail_code(err, "usage", "there is no command '%s'", words[0]);
	if (command)
		print_command_help(command, stdout);
	else
		print_help(stdout);
	return 0;
}

/* Help is for everybody, whatever the host allows him. */
static bool asks_for_help(int n, char *const *arguments)
{
	return n > 0 && (!strcmp(arguments[0], "--help") || !strcmp(arguments[0], "-h"));
}

static int run_command(const struct globals *globals, int n, char *const *words,
		       const struct box_command **found, struct oci_error *err)
{
	struct box_home home;
	int used, result;

	*found = find_command(n, words, &used);
	if (!*found)
		return fail_code(err, "usage", "there is no command '%s'", words[0]);
	result = home_find(&home, globals->root, err);
	if (result == 0 && !(*found)->as_caller && !asks_for_help(n - used, words + used))
		result = rootless_enter(&home, err);
	if (result == 0)
		result = run_one(*found, &home, n - used, words + used, err);
	home_done(&home);
	return result;
}

static int run(int argc, char *argv[], const struct box_command **found, struct oci_error *err)
{
	struct globals globals = { 0 };
	enum options_result result;
	int used = 0;

	TRY(fd_fill_standard(err));
	/* A pipe that closes is an error to report; so is a file at its size limit. Children are
	 * waited for. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	result = options_parse_before(global_options, &globals, argc - 1, argv + 1, &used, err);
	if (result == OPTIONS_FAILED)
		return -1;
	argv += 1 + used;
	argc -= 1 + used;
	if (result == OPTIONS_HELP)
		return help(0, NULL, err);
	if (globals.version) {
		print_version();
		return 0;
	}
	if (argc == 0)
		return fail_code(err, "usage", "no command is given");
	if (!strcmp(argv[0], "help"))
		return help(argc - 1, argv + 1, err);
	return run_command(&globals, argc, argv, found, err);
}

int main(int argc, char *argv[])
{
	struct oci_error err = { 0 };
	const struct box_command *command = NULL;
	int status;

	if (argc < 1) /* execve() with an empty argv */
		return EXIT_FAILURE;
	status = run(argc, argv, &command, &err);
	if (status >= 0 && flush_output(&err) < 0)
		status = -1;
	if (status >= 0)
		return status;
	status = report(command, &err);
	interrupt_end();
	return status;
}
