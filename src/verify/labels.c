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
	if (apparmor ? !is_profile(found, asked) : strcmp(found, asked) != 0)
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
	if (v->plan->mount_label)
		verify_unchecked(v, "/linux/mountLabel", "mount label",
				 "the mount table doesn't show it for every file system");
	return 0;
}
