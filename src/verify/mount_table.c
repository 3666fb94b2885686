/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verify/mount_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "verify/procfs.h"

/* A mount namespace holds 100,000 mounts by default (fs.mount-max), a line rarely more than a few
 * hundred bytes. */
enum { TABLE_LIMIT = 64 * 1024 * 1024 };

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER" */
static bool parse_line(char *line, struct mount_entry *entry)
{
	char *field[6], *rest = line, *dash;

	for (int i = 0; i < 6; i++) {
		field[i] = strsep(&rest, " ");
		if (!field[i] || !rest)
			return false;
	}
	entry->id = strtoul(field[0], NULL, 10);
	entry->parent = strtoul(field[1], NULL, 10);
	entry->point = field[4];
	entry->options = field[5];
	entry->optional = "";
	if (strncmp(rest, "- ", 2) == 0) {
		rest += 2;
	} else {
		dash = strstr(rest, " - ");
		if (!dash)
			return false;
		*dash = '\0';
		entry->optional = rest;
		rest = dash + 3;
	}
	entry->type = strsep(&rest, " ");
	if (!rest)
		return false;
	(void)strsep(&rest, " "); /* the source */
	entry->super = rest ? rest : "";
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct mount_entry *left = a, *right = b;

	return left->id < right->id ? -1 : left->id > right->id;
}

int mount_table_read(struct mount_table *table, int dir, const char *name, struct oci_error *err)
{
	char *rest;
	size_t n = 0;

	TRY(procfs_load(dir, name, TABLE_LIMIT, &table->text, err));
	for (const char *c = table->text; *c; c++)
		n += *c == '\n';
	table->v = calloc(n + 1, sizeof(*table->v));
	if (!table->v)
		return fail_sys(err, "memory for '%s'", name);
	rest = table->text;
	while (rest && *rest && table->n < n) {
		char *line = strsep(&rest, "\n");

		if (!parse_line(line, &table->v[table->n]))
			return fail(err, "a line of '%s' isn't as the kernel writes it", name);
		table->n++;
	}
	if (table->n > 0)
		qsort(table->v, table->n, sizeof(*table->v), by_id);
	return 0;
}

void mount_table_free(struct mount_table *table)
{
	free(table->text);
	free(table->v);
	*table = (struct mount_table){ .n = 0 };
}

struct mount_entry *mount_table_find(const struct mount_table *table, unsigned long id)
{
	struct mount_entry key = { .id = id };

	return table->n ? bsearch(&key, table->v, table->n, sizeof(key), by_id) : NULL;
}

const char *mount_option_value(const char *options, const char *word, size_t *size)
{
	size_t length = strlen(word);

	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && at[length] == '=') {
			*size = strcspn(at + length + 1, ",");
			return at + length + 1;
		}
	}
	return NULL;
}

bool mount_option(const char *options, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

bool mount_is_readonly(const struct mount_entry *entry)
{
	return mount_option(entry->options, "ro") || mount_option(entry->super, "ro");
}

static bool has_field(const struct mount_entry *entry, const char *start)
{
	size_t length = strlen(start);

	for (const char *at = entry->optional; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, start, length) == 0)
			return true;
	}
	return false;
}

bool mount_is_shared(const struct mount_entry *entry)
{
	return has_field(entry, "shared:");
}

bool mount_is_slave(const struct mount_entry *entry)
{
	return has_field(entry, "master:");
}

bool mount_is_unbindable(const struct mount_entry *entry)
{
	return has_field(entry, "unbindable");
}

bool mount_point_text(const struct mount_entry *entry, char *buf, size_t size)
{
	const char *from = entry->point;
	size_t used = 0;

	while (*from && used + 1 < size) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
		    from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			buf[used++] = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
					     (from[3] - '0'));
			from += 4;
		} else {
			buf[used++] = *from++;
		}
	}
	buf[used] = '\0';
	return *from == '\0';
}
