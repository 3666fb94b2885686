/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The labels of the Linux security modules: process.apparmorProfile, process.selinuxLabel and
 * linux.mountLabel. One that is asked for and that this kernel can't give is refused. Whether a
 * profile is loaded, or a context known, only the kernel can say: steps/label.c asks it.
 */
#include <string.h>

#include "plan/planner.h"

/* A write to a file of /proc/PID/attr takes one page; the commands before the name need some. */
enum { LABEL_MAX = 4000 };

static bool given(const char *label)
{
	return label && label[0] != '\0';
}

bool plan_asks_labels(const struct oci_config *config)
{
	return given(config->process.apparmor_profile) || given(config->process.selinux_label) ||
	       given(config->linux.mount_label);
}

/* What the kernel would read otherwise than it was meant: it takes a line, and strips blanks. */
static int check_text(struct planner *p, const char *pointer, const char *label)
{
	size_t length = strlen(label);

	if (length > LABEL_MAX)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "%zu bytes are too long, at most %d can be written", length,
				      LABEL_MAX);
	for (const char *c = label; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return planner_refuse(p, PLAN_INVALID, pointer,
					      "'%s' has a control character",
					      planner_shown(p, label));
	if (label[0] == ' ' || label[length - 1] == ' ')
		return planner_refuse(p, PLAN_INVALID, pointer, "'%s' begins or ends with a blank",
				      planner_shown(p, label));
	return 0;
}

static int plan_apparmor(struct planner *p, const char *profile, struct plan_process *out)
{
	static const char pointer[] = "/process/apparmorProfile";
	const struct host *host = p->host;
	const char *command = "exec";

	TRY(check_text(p, pointer, profile));
	if (host->apparmor == HOST_LSM_OFF)
		return planner_refuse(p, PLAN_HOST, pointer,
				      "AppArmor isn't enabled in this kernel, only built in (boot "
				      "with 'apparmor' in lsm=, and without apparmor=0)");
	if (host->apparmor != HOST_LSM_ON)
		return planner_refuse(p, PLAN_HOST, pointer,
				      "AppArmor isn't enabled in this kernel: there is no "
				      "/proc/self/attr/apparmor");
	/* Under no_new_privs a confined process can't leave its profile, but it can add another:
	 * the kernel refuses execve(2) unless the new label is a subset of the one that it had. */
	if (host->apparmor_confined && out->no_new_privs) {
		command = "stack";
		planner_note(p, pointer,
			     "hull is confined itself and noNewPrivileges is true, so the "
			     "container gets both profiles, hull's own and '%s'",
			     planner_shown(p, profile));
	}
	out->apparmor_profile = profile;
	out->apparmor_command = arena_printf(&p->plan->arena, "%s %s", command, profile);
	return 0;
}

static int need_selinux(struct planner *p, const char *pointer)
{
	if (p->host->selinux == HOST_LSM_ON)
		return 0;
	return planner_refuse(p, PLAN_HOST, pointer,
			      "SELinux isn't enabled in this kernel: /proc/filesystems has no "
			      "selinuxfs");
}

int plan_process_labels(struct planner *p, const struct oci_process *in, struct plan_process *out)
{
	static const char pointer[] = "/process/selinuxLabel";

	if (given(in->apparmor_profile))
		TRY(plan_apparmor(p, in->apparmor_profile, out));
	if (!given(in->selinux_label))
		return 0;
	TRY(check_text(p, pointer, in->selinux_label));
	TRY(need_selinux(p, pointer));
	out->selinux_label = in->selinux_label;
	return 0;
}

int plan_mount_label(struct planner *p)
{
	static const char pointer[] = "/linux/mountLabel";
	const char *label = p->config->linux.mount_label;

	if (!given(label))
		return 0;
	TRY(check_text(p, pointer, label));
	TRY(need_selinux(p, pointer));
	p->plan->mount_label = label;
	return 0;
}

enum label_way plan_labels_mount(const char *type)
{
	/* proc's files have labels of their own by their names, and each of the others is one for
	 * the whole host, whose label can't be another for one of its mounts. */
	static const char *const never[] = { "proc",	   "sysfs",	"binfmt_misc", "configfs",
					     "debugfs",	   "efivarfs",	"fusectl",     "pstore",
					     "securityfs", "selinuxfs", "tracefs" };

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strcmp(never[i], type) == 0)
			return LABEL_NEVER;
	/* The ipc namespace has mounted its own already, without a label: it would have to be the
	 * same for this mount. */
	return strcmp(type, "mqueue") == 0 ? LABEL_BY_XATTR : LABEL_BY_OPTION;
}
