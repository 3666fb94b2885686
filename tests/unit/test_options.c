/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Command lines against a table with one row of each kind: every spelling that works, every
 * mistake and what is said about it, and the help that the same table prints.
 */
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "tests/unit/tap.h"

struct values {
	bool force;
	const char *bundle;
	const char *format;
	unsigned fds;
};

static const struct option_row rows[] = {
	{ 'f', "force", NULL, "do it", OPTION_FLAG, offsetof(struct values, force), NULL },
	{ 'b', "bundle", "DIR", "where\nit is", OPTION_TEXT, offsetof(struct values, bundle),
	  NULL },
	{ 0, "format", "FORMAT", "how", OPTION_WORD, offsetof(struct values, format),
	  "table|json" },
	{ 0, "preserve-fds", "N", "so many", OPTION_COUNT, offsetof(struct values, fds), NULL },
	{ 0, "no-subreaper", NULL, "nothing", OPTION_NOTHING, 0, NULL },
	{ 'B', NULL, "DIR", NULL, OPTION_TEXT, offsetof(struct values, bundle), NULL },
	OPTIONS_END,
};

#define ARGUMENTS_MAX 8

/* A line and what becomes of it, as text: "force bundle=X format=X fds=N [a] [b]", "help", or
 * "error: TEXT". */
static const struct {
	const char *argv[ARGUMENTS_MAX];
	const char *expected;
} lines[] = {
	{ { NULL }, "" },
	{ { "id", NULL }, "[id]" },
	{ { "--force", "id", NULL }, "force [id]" },
	{ { "id", "--force", NULL }, "force [id]" },
	{ { "-f", "id", "-b", "x", "nine", NULL }, "force bundle=x [id] [nine]" },
	{ { "--bundle", "x", NULL }, "bundle=x" },
	{ { "--bundle=x", NULL }, "bundle=x" },
	{ { "--bundle=x=y", NULL }, "bundle=x=y" },
	{ { "-bx", NULL }, "bundle=x" },
	{ { "-fbx", NULL }, "force bundle=x" },
	{ { "-fb", "x", NULL }, "force bundle=x" },
	{ { "-B", "x", NULL }, "bundle=x" },
	{ { "--bundle", "--force", NULL }, "bundle=--force" },
	{ { "--bundle=x", "--bundle=y", NULL }, "bundle=y" },
	{ { "--force=true", NULL }, "force" },
	{ { "--force", "--force=false", NULL }, "" },
	{ { "--format", "json", NULL }, "format=json" },
	{ { "--preserve-fds", "3", NULL }, "fds=3" },
	{ { "--preserve-fds=0", NULL }, "" },
	{ { "--no-subreaper", "id", NULL }, "[id]" },
	{ { "--", "--force", NULL }, "[--force]" },
	{ { "id", "--", "-f", "--", NULL }, "[id] [-f] [--]" },
	{ { "-", NULL }, "[-]" },
	{ { "--help", "--nonsense", NULL }, "help" },
	{ { "id", "-h", NULL }, "help" },
	{ { "-fh", NULL }, "help" },
	{ { "--", "--help", NULL }, "[--help]" },
	{ { "--nonsense", NULL }, "error: unknown option '--nonsense'" },
	{ { "--nonsense=3", NULL }, "error: unknown option '--nonsense'" },
	{ { "--forc", NULL }, "error: unknown option '--forc'" },
	{ { "--forcex", NULL }, "error: unknown option '--forcex'" },
	{ { "-x", NULL }, "error: unknown option '-x'" },
	{ { "-force", NULL }, "error: unknown option '-force'" },
	{ { "--bundle", NULL }, "error: option '--bundle' needs an argument: DIR" },
	{ { "-b", NULL }, "error: option '-b' needs an argument: DIR" },
	{ { "--bundle=", NULL }, "error: option '--bundle' has an empty argument" },
	{ { "--force=perhaps", NULL }, "error: option '--force' is true or false, not 'perhaps'" },
	{ { "--no-subreaper=true", NULL }, "error: option '--no-subreaper' takes no argument" },
	{ { "--format=xml", NULL }, "error: option '--format' is one of table|json, not 'xml'" },
	{ { "--format=tab", NULL }, "error: option '--format' is one of table|json, not 'tab'" },
	{ { "--preserve-fds=-1", NULL },
	  "error: option '--preserve-fds' expects a number, found '-1'" },
	{ { "--preserve-fds=3x", NULL },
	  "error: option '--preserve-fds' expects a number, found '3x'" },
	{ { "--preserve-fds=99999999999", NULL },
	  "error: option '--preserve-fds' expects a number, found '99999999999'" },
	{ { "1", "2", "3", "4", "5", NULL }, "error: unexpected argument '5'" },
};

static void add(char *text, size_t size, const char *fmt, const char *value)
{
	size_t used = strlen(text);

	(void)snprintf(text + used, size - used, "%s%s%s", used ? " " : "", fmt, value);
}

static void describe(const struct values *values, const struct operands *operands, char *text,
		     size_t size)
{
	char number[32];

	if (values->force)
		add(text, size, "force", "");
	if (values->bundle)
		add(text, size, "bundle=", values->bundle);
	if (values->format)
		add(text, size, "format=", values->format);
	(void)snprintf(number, sizeof(number), "%u", values->fds);
	if (values->fds)
		add(text, size, "fds=", number);
	for (size_t i = 0; i < operands->n; i++) {
		char operand[64];

		(void)snprintf(operand, sizeof(operand), "[%s]", operands->v[i]);
		add(text, size, operand, "");
	}
}

/* options_parse() takes argv as main() has it. */
static int copy_arguments(const char *const *from, char *to[ARGUMENTS_MAX])
{
	int n = 0;

	for (; from[n]; n++)
		to[n] = strdup(from[n]);
	to[n] = NULL;
	return n;
}

static void try_line(const char *const *line, const char *expected)
{
	struct values values = { 0 };
	const char *room[4];
	struct operands operands = { .v = room, .room = 4 };
	struct oci_error err = { 0 };
	char *argv[ARGUMENTS_MAX], got[512] = "", whole[256] = "";
	int argc = copy_arguments(line, argv);

	for (int i = 0; i < argc; i++)
		add(whole, sizeof(whole), argv[i], "");
	switch (options_parse(rows, &values, argc, argv, &operands, &err)) {
	case OPTIONS_FAILED:
		(void)snprintf(got, sizeof(got), "error: %.480s", err.text);
		tap_is_str(err.code, "usage", "the error of '%s' is one of usage", whole);
		break;
	case OPTIONS_HELP:
		(void)snprintf(got, sizeof(got), "help");
		break;
	case OPTIONS_DONE:
		describe(&values, &operands, got, sizeof(got));
		break;
	}
	tap_is_str(got, expected, "'%s' is understood", whole);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

/* Options before a command end at its name. */
static void try_before(const char *const *line, int expected_used, bool expected_force)
{
	struct values values = { 0 };
	struct oci_error err = { 0 };
	char *argv[ARGUMENTS_MAX];
	int argc = copy_arguments(line, argv), used = -1;
	enum options_result result = options_parse_before(rows, &values, argc, argv, &used, &err);

	tap_is_int(result, OPTIONS_DONE, "options before '%s' are understood",
		   argc > expected_used ? argv[expected_used] : "the end");
	tap_is_int(used, expected_used, "%d arguments belong to them", expected_used);
	tap_ok(values.force == expected_force, "what stands behind the command isn't theirs");
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

static void try_help(void)
{
	static const char *const expected = "Options:\n"
					    "  -f, --force                 do it\n"
					    "  -b, --bundle DIR            where\n"
					    "                              it is\n"
					    "      --format FORMAT         how\n"
					    "      --preserve-fds N        so many\n"
					    "      --no-subreaper          nothing\n"
					    "  -h, --help                  print this\n";
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	options_print(rows, out);
	(void)fclose(out);
	tap_is_str(text, expected, "the help has a line for each row but the second spellings");
	free(text);
}

int main(void)
{
	static const char *const command[] = { "--bundle", "x", "kill", "--force", NULL };
	static const char *const ended[] = { "-f", "--", "--force", NULL };
	static const char *const nothing[] = { NULL };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		try_line(lines[i].argv, lines[i].expected);
	try_before(command, 2, false);
	try_before(ended, 2, true);
	try_before(nothing, 0, false);
	try_help();
	return tap_done();
}
