/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process's mount table as /proc/PID/mountinfo shows it (proc_pid_mountinfo(5)): what is mounted
 * where, as seen from its root, and which entries have been accounted for.
 */
#ifndef VERIFY_MOUNT_TABLE_H
#define VERIFY_MOUNT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct mount_entry {
	unsigned long id, parent;
	const char *point;    /* as the kernel escapes it, from the process's root */
	const char *options;  /* of the mount: "rw,nosuid,relatime" */
	const char *optional; /* "shared:3 master:1", "" */
	const char *type;
	const char *super; /* options of the file system */
	bool claimed;	   /* accounted for */
	bool tree;	   /* and what is below it comes with it, or from the host */
};

struct mount_table {
	char *text; /* owns the strings */
	struct mount_entry *v;
	size_t n;
};

/* Reads `name` below dir ("mountinfo" of a process's directory). */
int mount_table_read(struct mount_table *table, int dir, const char *name, struct oci_error *err);
void mount_table_free(struct mount_table *table);

/* NULL: no such mount. */
struct mount_entry *mount_table_find(const struct mount_table *table, unsigned long id);

/* Whether `word` is among the comma separated `options`. */
bool mount_option(const char *options, const char *word);

/* The value of "WORD=..." among them, not terminated, its length in *size; NULL: it isn't there. */
const char *mount_option_value(const char *options, const char *word, size_t *size);

/* Read-only as a whole: by the mount or by the file system. */
bool mount_is_readonly(const struct mount_entry *entry);

/* Whether what happens in one copy of the mount reaches others ("shared:N"), or arrives from
 * others ("master:N"). */
bool mount_is_shared(const struct mount_entry *entry);
bool mount_is_slave(const struct mount_entry *entry);
bool mount_is_unbindable(const struct mount_entry *entry);

/* point without the kernel's \ooo, into buf; false when it doesn't fit. */
bool mount_point_text(const struct mount_entry *entry, char *buf, size_t size);

#endif
