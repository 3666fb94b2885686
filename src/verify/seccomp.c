/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether INIT has a seccomp filter, how many, and whether the one that is stored for exec is what
 * the profile says. Filters are inherited and can only be added, so those that hull itself has are
 * taken off both sides. The instructions that INIT has are shown to its tracer alone; a traced
 * process stops for a moment, so that is done on demand.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "steps/seccomp.h"
#include "steps/seccomp_cache.h"
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

static bool same_filter(const struct filter *a, const struct filter *b)
{
	return a->n == b->n && memcmp(a->code, b->code, a->n * sizeof(*a->code)) == 0;
}

/* What exec gives its processes: the copy in the state directory. */
static void check_stored(const struct verify *v)
{
	struct filter stored = { .n = 0 }, made = { .n = 0 };
	struct oci_error err = { 0 };

	if (filter_file_read(v->dir, STATE_SECCOMP, NULL, 0, &stored, &err) < 0)
		verify_tell(v, VERIFY_DIFFERS, SECCOMP, "stored filter",
			    "a whole one in the state directory", err.text);
	else if (filter_compile(&v->plan->seccomp, &made, &err) < 0)
		verify_unchecked(v, SECCOMP, "stored filter", err.text);
	else if (!same_filter(&stored, &made) || stored.flags != made.flags)
		verify_tell(v, VERIFY_DIFFERS, SECCOMP, "stored filter",
			    SAY("%zu instructions, as libseccomp %s makes them of the profile",
				made.n, filter_library_version()),
			    SAY("%zu instructions, others", stored.n));
	filter_free(&stored);
	filter_free(&made);
}

/* Among INIT's filters is one that is the stored one. */
static void check_instructions(const struct verify *v, unsigned long n)
{
	struct filter stored = { .n = 0 };
	struct oci_error err = { 0 };
	bool found = false;

	if (filter_file_read(v->dir, STATE_SECCOMP, NULL, 0, &stored, &err) < 0)
		return; /* check_stored() told */
	if (filter_traced(v->state, &stored, n, &found, &err) < 0)
		verify_unchecked(v, SECCOMP, "seccomp filter", err.text);
	else if (!found)
		verify_tell(v, VERIFY_DIFFERS, SECCOMP, "seccomp filter",
			    SAY("the %zu instructions of the stored one", stored.n),
			    SAY("none of its %lu filters has them", n));
	filter_free(&stored);
}

int verify_seccomp(const struct verify *v)
{
	bool asked = v->plan->seccomp.present;
	unsigned long n, expected = own_filters(v) + asked;
	char mode[16], filters[16] = "";

	if (!v->plan->process.present)
		return 0;
	if (asked)
		check_stored(v);
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
	if (asked && v->trace)
		check_instructions(v, n);
	else if (asked)
		verify_unchecked(v, SECCOMP, "seccomp filter",
				 "its instructions are shown to a tracer only (--trace)");
	return 0;
}
