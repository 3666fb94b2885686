/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The AppArmor profile and the SELinux label of INIT, as its attribute files in the host's procfs
 * show them.
 */
#include <string.h>

#include "base/fd.h"
#include "verify/procfs.h"
#include "verify/subject.h"

enum { LABEL_LIMIT = 64 * 1024 };

/* AppArmor shows "PROFILE (enforce)", and several as "A//&B (enforce)". */
static bool is_profile(const char *found, const char *profile)
{
	size_t length = strlen(profile);
	const char *part = found;

	for (;;) {
		const char *next = strstr(part, "//&");

		if (strncmp(part, profile, length) == 0 &&
		    (part[length] == '\0' || strcmp(part + length, " (enforce)") == 0 ||
		     strncmp(part + length, "//&", 3) == 0))
			return !strstr(found, " (complain)");
		if (!next)
			return false;
		part = next + 3;
	}
}

enum { CATEGORIES = 1024, LABEL_PARTS = 3 };

/* "c1,c3.c7" up to the end of this level, which is '-', ':' or the label's end. */
static const char *read_categories(const char *at, bool set[CATEGORIES])
{
	unsigned first, last;
	int used;

	for (;;) {
		if (sscanf(at, "c%u%n", &first, &used) != 1)
			return at;
		at += used;
		last = first;
		if (sscanf(at, ".c%u%n", &last, &used) == 1)
			at += used;
		for (unsigned i = first; i <= last && i < CATEGORIES; i++)
			set[i] = true;
		if (*at != ',')
			return at;
		at++;
	}
}

/* Two levels, "s0:c2,c1" or a range of them. The kernel puts categories in its own order, draws
 * them together ("c1.c3") and leaves out the upper level where it is the lower. */
static bool same_level(const char *a, const char *b)
{
	for (;;) {
		size_t size = strcspn(a, ":-");
		bool left[CATEGORIES] = { false }, right[CATEGORIES] = { false };

		if (strcspn(b, ":-") != size || strncmp(a, b, size) != 0)
			return false;
		a += size;
		b += size;
		if (*a == ':')
			a = read_categories(a + 1, left);
		if (*b == ':')
			b = read_categories(b + 1, right);
		if (memcmp(left, right, sizeof(left)) != 0 || *a != *b)
			return false;
		if (*a == '\0')
			return true;
		if (*a != '-')
			return false;
		a++, b++;
	}
}

bool verify_same_context(const char *asked, const char *found)
{
	size_t used = 0;

	if (strcmp(asked, found) == 0)
		return true;
	for (int part = 0; part < LABEL_PARTS; part++) {
		const char *colon = strchr(asked + used, ':');

		if (!colon)
			return false;
		used = (size_t)(colon - asked) + 1;
	}
	return strncmp(asked, found, used) == 0 && same_level(asked + used, found + used);
}

static void check_label(const struct verify *v, const char *pointer, const char *subject,
			const char *asked, const char *file, bool apparmor)
{
	auto_free char *found = NULL;
	struct oci_error err = { 0 };

	if (!asked)
		return;
	if (!v->started) {
		verify_unchecked(v, pointer, subject, "the process gets it at start");
		return;
	}
	if (procfs_load(v->init, file, LABEL_LIMIT, &found, &err) < 0) {
		verify_unchecked(v, pointer, subject, err.text);
		return;
	}
	found[strcspn(found, "\n")] = '\0';
	if (apparmor ? !is_profile(found, asked) : !verify_same_context(asked, found))
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, asked, found);
}

int verify_labels(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;

	if (process->present) {
		check_label(v, "/process/apparmorProfile", "AppArmor profile",
			    process->apparmor_profile, "attr/apparmor/current", true);
		check_label(v, "/process/selinuxLabel", "SELinux label", process->selinux_label,
			    "attr/current", false);
	}
	return 0;
}
