/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sequence/fault.h"

#ifdef HULL_FAULT_INJECTION

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

static int trace = -1;

void fault_prepare(void)
{
	const char *path = getenv("HULL_TRACE");

	if (path && trace < 0) {
		int low = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		/* Far away from the numbers that --preserve-fds speaks of. */
		trace = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, 500);
		fd_drop(&low);
	}
}

/* Is HULL_FAULT the row's name, a colon and `what`? */
static bool asked(const struct row *row, const char *what)
{
	const char *fault = getenv("HULL_FAULT");
	size_t length = strlen(row->what);

	return fault && strncmp(fault, row->what, length) == 0 && fault[length] == ':' &&
	       strcmp(fault + length + 1, what) == 0;
}

void fault_reach(const struct row *row, enum role me)
{
	char what[32];
	char name[16];

	(void)snprintf(name, sizeof(name), "%s", role_names[me]);
	for (char *at = name; *at; at++)
		*at = (char)(*at | 0x20);
	(void)snprintf(what, sizeof(what), "kill-%s", name);
	if (asked(row, what)) {
		(void)raise(SIGKILL);
		_exit(137); /* the first process of a pid namespace can't kill itself */
	}
	(void)snprintf(what, sizeof(what), "stop-%s", name);
	if (asked(row, what))
		(void)raise(SIGSTOP);
}

int fault_before(const struct row *row, struct oci_error *err)
{
	if (trace >= 0)
		(void)dprintf(trace, "%s: %s\n", role_names[row->who], row->what);
	return asked(row, "before") ? fail_code(err, "fault", "fault injected before the deed") : 0;
}

int fault_after(const struct row *row, struct oci_error *err)
{
	return asked(row, "after") ? fail_code(err, "fault", "fault injected after the deed") : 0;
}

bool fault_skips(const struct row *row)
{
	const char *skip = getenv("HULL_SKIP");
	size_t size = strlen(row->what);

	/* Names of rows, a semicolon between them. */
	for (; skip && *skip; skip += *skip == ';') {
		size_t length = strcspn(skip, ";");

		if (length == size && !strncmp(skip, row->what, size))
			return true;
		skip += length;
	}
	return false;
}

#else
/* An empty translation unit is not allowed by ISO C. */
typedef int fault_is_left_out;
#endif
