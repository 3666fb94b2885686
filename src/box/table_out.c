/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/table_out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libocispec/utf8.h"

void table_out_begin(struct table_out *table, const char *const *headings)
{
	*table = (struct table_out){ .headings = headings };
	while (headings && headings[table->columns])
		table->columns++;
}

/* What would steer a terminal as '?'. Takes the text; NULL without memory. */
static char *clean(char *text)
{
	size_t size = strlen(text), room = size + 8;
	char *shown = malloc(room);

	if (shown)
		utf8_show(shown, room, text, size);
	free(text);
	return shown;
}

void table_out_cell(struct table_out *table, const char *fmt, ...)
{
	char *text = NULL, **cells;
	va_list arguments;

	if (table->n == table->room) {
		cells = realloc(table->cells, (2 * table->room + 64) * sizeof(*cells));
		if (!cells) {
			table->failed = 1;
			return;
		}
		table->cells = cells;
		table->room = 2 * table->room + 64;
	}
	va_start(arguments, fmt);
	if (vasprintf(&text, fmt, arguments) < 0)
		table->failed = 1;
	else if ((text = clean(text)))
		table->cells[table->n++] = text;
	else
		table->failed = 1;
	va_end(arguments);
}

/* Bytes that begin a character of UTF-8. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t widest(const struct table_out *table, size_t column)
{
	size_t width = width_of(table->headings[column]);

	for (size_t i = column; i < table->n; i += table->columns)
		if (width_of(table->cells[i]) > width)
			width = width_of(table->cells[i]);
	return width;
}

static void print_cell(const char *text, size_t width, int is_last, FILE *out)
{
	(void)fputs(text, out);
	for (size_t i = width_of(text); !is_last && i < width + 2; i++)
		(void)fputc(' ', out);
	if (is_last)
		(void)fputc('\n', out);
}

static void free_cells(struct table_out *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
}

static int print_table(const struct table_out *table, FILE *out, struct oci_error *err)
{
	size_t *widths = calloc(table->columns, sizeof(*widths));
	int failed = table->failed || !widths;

	for (size_t i = 0; !failed && i < table->columns; i++) {
		widths[i] = widest(table, i);
	}
	for (size_t i = 0; !failed && i < table->columns; i++)
		print_cell(table->headings[i], widths[i], i + 1 == table->columns, out);
	for (size_t i = 0; !failed && i < table->n; i++)
		print_cell(table->cells[i], widths[i % table->columns],
			   (i + 1) % table->columns == 0, out);
	free(widths);
	return failed ? fail_code(err, "out-of-memory", "no memory for a table") : 0;
}

int table_out_end(struct table_out *table, FILE *out, struct oci_error *err)
{
	int result = print_table(table, out, err);

	free_cells(table);
	return result;
}

int table_out_json(struct json_text *out, struct oci_error *err)
{
	json_text_newline(out);
	TRY(json_text_check(out, err));
	(void)fwrite(out->text, 1, out->size, stdout);
	return 0;
}

void list_out_begin(struct list_out *list, const char *const *headings, const char *format,
		    bool names)
{
	bool json = format && !strcmp(format, "json");

	list->kind = names ? LIST_NAMES : json ? LIST_JSON : LIST_TABLE;
	table_out_begin(&list->table, headings);
	json_text_init(&list->json, true);
	json_text_open_array(&list->json, NULL);
}

int list_out_end(struct list_out *list, int result, struct oci_error *err)
{
	json_text_close_array(&list->json);
	if (result == 0 && list->kind == LIST_JSON)
		result = table_out_json(&list->json, err);
	if (result == 0 && list->kind == LIST_TABLE)
		result = print_table(&list->table, stdout, err);
	json_text_done(&list->json);
	free_cells(&list->table);
	return result;
}

const char *table_out_age(long long ns, char text[32])
{
	static const struct {
		long long seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	long long seconds = ns / 1000000000;

	for (size_t i = 0; i < 4; i++) {
		long long n = seconds / units[i].seconds;

		if (n < 1)
			continue;
		(void)snprintf(text, 32, "%lld %s%s", n, units[i].name, n == 1 ? "" : "s");
		return text;
	}
	(void)snprintf(text, 32, "less than a second");
	return text;
}
