/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_end(const struct option_row *row)
{
	return !row->letter && !row->name;
}

static const struct option_row *find_name(const struct option_row *rows, const char *name,
					  size_t size)
{
	for (; !is_end(rows); rows++)
		if (rows->name && strlen(rows->name) == size && !strncmp(rows->name, name, size))
			return rows;
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; !is_end(rows); rows++)
		if (rows->letter && rows->letter == letter)
			return rows;
	return NULL;
}

static bool is_one_of(const char *words, const char *text)
{
	size_t size = strlen(text);

	while (*words) {
		size_t word = strcspn(words, "|");

		if (word == size && !strncmp(words, text, size))
			return true;
		words += word + (words[word] == '|');
	}
	return false;
}

static int set_flag(bool *target, const char *spelling, const char *value, struct oci_error *err)
{
	if (!value || !strcmp(value, "true"))
		*target = true;
	else if (!strcmp(value, "false"))
		*target = false;
	else
		return fail_code(err, "usage", "option '%s' is true or false, not '%s'", spelling,
				 value);
	return 0;
}

static int set_count(unsigned *target, const char *spelling, const char *value,
		     struct oci_error *err)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || number > INT_MAX)
		return fail_code(err, "usage", "option '%s' expects a number, found '%s'", spelling,
				 value);
	*target = (unsigned)number;
	return 0;
}

static int add_to_list(struct option_list *list, const char *value, struct oci_error *err)
{
	const char **v = realloc(list->v, (list->n + 1) * sizeof(*v));

	if (!v)
		return fail_code(err, "out-of-memory", "no memory for the options");
	list->v = v;
	v[list->n++] = value;
	return 0;
}

/* spelling: as the user wrote it; value: NULL when the row takes none and none was given. */
static int set(const struct option_row *row, void *values, const char *spelling, const char *value,
	       struct oci_error *err)
{
	void *target = (char *)values + row->target;

	switch (row->kind) {
	case OPTION_FLAG:
		return set_flag(target, spelling, value, err);
	case OPTION_COUNT:
		return set_count(target, spelling, value, err);
	case OPTION_WORD:
		if (!is_one_of(row->words, value))
			return fail_code(err, "usage", "option '%s' is one of %s, not '%s'",
					 spelling, row->words, value);
		*(const char **)target = value;
		return 0;
	case OPTION_TEXT:
		if (!*value)
			return fail_code(err, "usage", "option '%s' has an empty argument",
					 spelling);
		*(const char **)target = value;
		return 0;
	case OPTION_ANY:
		*(const char **)target = value;
		return 0;
	case OPTION_LIST:
		if (!*value)
			return fail_code(err, "usage", "option '%s' has an empty argument",
					 spelling);
		return add_to_list(target, value, err);
	case OPTION_NOTHING:
		break;
	}
	return 0;
}

/* What is being parsed: *at is the index of the next argument. */
struct line {
	const struct option_row *rows;
	void *values;
	int argc;
	char *const *argv;
	int at;
};

static enum options_result parse_long(struct line *line, const char *text, struct oci_error *err)
{
	const char *equals = strchr(text, '=');
	size_t size = equals ? (size_t)(equals - text) : strlen(text);
	const struct option_row *row = find_name(line->rows, text + 2, size - 2);
	const char *value = equals ? equals + 1 : NULL;
	char spelling[64];

	(void)snprintf(spelling, sizeof(spelling), "%.*s", (int)(size < 60 ? size : 60), text);
	if (!row && !strcmp(spelling, "--help"))
		return OPTIONS_HELP;
	if (!row)
		return fail_code(err, "usage", "unknown option '%s'", spelling);
	if (row->argument && !value) {
		if (line->at >= line->argc)
			return fail_code(err, "usage", "option '%s' needs an argument: %s",
					 spelling, row->argument);
		value = line->argv[line->at++];
	}
	if (!row->argument && value && row->kind != OPTION_FLAG)
		return fail_code(err, "usage", "option '%s' takes no argument", spelling);
	return set(row, line->values, spelling, value, err) < 0 ? OPTIONS_FAILED : OPTIONS_DONE;
}

/* "-d", "-df", "-bDIR", "-b DIR" */
static enum options_result parse_letters(struct line *line, const char *text, struct oci_error *err)
{
	for (const char *letter = text + 1; *letter; letter++) {
		const struct option_row *row = find_letter(line->rows, *letter);
		const char spelling[] = { '-', *letter, '\0' };
		const char *value = NULL;

		if (!row && *letter == 'h')
			return OPTIONS_HELP;
		if (!row)
			return fail_code(err, "usage", "unknown option '%s'",
					 text[2] ? text : spelling);
		if (row->argument && letter[1])
			value = letter + 1;
		else if (row->argument && line->at < line->argc)
			value = line->argv[line->at++];
		else if (row->argument)
			return fail_code(err, "usage", "option '%s' needs an argument: %s",
					 spelling, row->argument);
		if (set(row, line->values, spelling, value, err) < 0)
			return OPTIONS_FAILED;
		if (value)
			break;
	}
	return OPTIONS_DONE;
}

static bool is_option(const char *text)
{
	return text[0] == '-' && text[1];
}

static enum options_result parse_option(struct line *line, struct oci_error *err)
{
	const char *text = line->argv[line->at++];

	return text[1] == '-' ? parse_long(line, text, err) : parse_letters(line, text, err);
}

static int add_operand(struct operands *operands, const char *text, struct oci_error *err)
{
	if (operands->n == operands->room)
		return fail_code(err, "usage", "unexpected argument '%s'", text);
	operands->v[operands->n++] = text;
	return 0;
}

enum options_result options_parse(const struct option_row *rows, void *values, int argc,
				  char *const argv[], struct operands *operands,
				  struct oci_error *err)
{
	struct line line = { rows, values, argc, argv, 0 };
	bool ended = false;

	operands->n = 0;
	while (line.at < argc) {
		const char *text = argv[line.at];
		enum options_result result;

		if (!ended && !strcmp(text, "--")) {
			ended = true;
			line.at++;
			continue;
		}
		if (ended || !is_option(text)) {
			if (add_operand(operands, text, err) < 0)
				return OPTIONS_FAILED;
			line.at++;
			continue;
		}
		result = parse_option(&line, err);
		if (result != OPTIONS_DONE)
			return result;
	}
	return OPTIONS_DONE;
}

enum options_result options_parse_before(const struct option_row *rows, void *values, int argc,
					 char *const argv[], int *used, struct oci_error *err)
{
	struct line line = { rows, values, argc, argv, 0 };

	while (line.at < argc && is_option(argv[line.at])) {
		enum options_result result;

		if (!strcmp(argv[line.at], "--")) {
			line.at++;
			break;
		}
		result = parse_option(&line, err);
		if (result != OPTIONS_DONE)
			return result;
	}
	*used = line.at;
	return OPTIONS_DONE;
}

void options_free(const struct option_row *rows, void *values)
{
	for (; !is_end(rows); rows++) {
		if (rows->kind != OPTION_LIST)
			continue;
		struct option_list *list = (void *)((char *)values + rows->target);

		free(list->v);
		*list = (struct option_list){ .n = 0 };
	}
}

/* Help texts stand in this column; their own newlines begin there too. */
#define HELP_COLUMN 30

static void print_row(char letter, const char *name, const char *argument, const char *help,
		      FILE *out)
{
	char left[128];
	int width;

	width = snprintf(left, sizeof(left), "  %c%c%s %s%s%s%s", letter ? '-' : ' ',
			 letter ? letter : ' ', letter && name ? "," : " ", name ? "--" : "",
			 name ? name : "", argument ? " " : "", argument ? argument : "");
	(void)fprintf(out, "%s", left);
	if (width > HELP_COLUMN - 2) {
		(void)fputc('\n', out);
		width = 0;
	}
	while (*help) {
		size_t size = strcspn(help, "\n");

		(void)fprintf(out, "%*s%.*s\n", HELP_COLUMN - width, "", (int)size, help);
		help += size + (help[size] == '\n');
		width = 0;
	}
}

void options_print(const struct option_row *rows, FILE *out)
{
	(void)fputs("Options:\n", out);
	for (; !is_end(rows); rows++)
		if (rows->help)
			print_row(rows->letter, rows->name, rows->argument, rows->help, out);
	print_row('h', "help", NULL, "print this", out);
}
