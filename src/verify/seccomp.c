/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether INIT has a seccomp filter, and how many. Filters are inherited and can only be added, so
 * those that hull itself has are taken off both sides.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "verify/procfs.h"
#include "verify/subject.h"

#define SECCOMP "/linux/seccomp"

enum { STATUS_LIMIT = 1024 * 1024, MODE_FILTER = 2 };

/* How many filters the calling process has; 0 where it isn't told (Linux before 5.9). */
static unsigned long own_filters(const struct verify *v)
{
	auto_free char *text = NULL;
	struct oci_error ignored = { 0 };
	const char *line;
	char name[32];

	(void)snprintf(name, sizeof(name), "%d/status", getpid());
	if (procfs_load(v->procfs, name, STATUS_LIMIT, &text, &ignored) < 0)
		return 0;
	line = strstr(text, "\nSeccomp_filters:");
	return line ? strtoul(line + strlen("\nSeccomp_filters:"), NULL, 10) : 0;
}

int verify_seccomp(const struct verify *v)
{
	bool asked = v->plan->seccomp.present;
	unsigned long n, expected = own_filters(v) + asked;
	char mode[16], filters[16] = "";

	if (!v->plan->process.present)
		return 0;
	if (!v->started) {
		if (asked)
			verify_unchecked(v, SECCOMP, "seccomp filter",
					 "the process gets it at start");
		return 0;
	}
	if (!verify_status_field(v, "Seccomp", mode, sizeof(mode))) {
		if (asked)
			verify_unchecked(v, SECCOMP, "seccomp filter",
					 "the status file doesn't show it");
		return 0;
	}
	n = verify_status_field(v, "Seccomp_filters", filters, sizeof(filters))
		    ? strtoul(filters, NULL, 10)
		    : (unsigned long)(atoi(mode) == MODE_FILTER);
	if (n < expected) {
		verify_tell(v, VERIFY_DIFFERS, SECCOMP, "seccomp filter",
			    SAY("%lu filters (mode 2)", expected),
			    SAY("%lu filters (mode %s)", n, mode));
		return 0;
	}
	if (n > expected)
		verify_tell(v, VERIFY_LESS, SECCOMP, "seccomp filter", SAY("%lu filters", expected),
			    SAY("%lu, of which each can only forbid more", n));
	if (asked)
		verify_unchecked(v, SECCOMP, "seccomp filter",
				 "its instructions are shown to a tracer only, which would stop "
				 "the process");
	return 0;
}
