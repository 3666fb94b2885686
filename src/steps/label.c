/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * INIT's own: nothing here allocates.
 */
#include "steps/label.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/sys.h"

/* Below a process's directory in a procfs. AppArmor has files of its own since Linux 5.8; SELinux
 * has the plain ones, which belong to it when it is enabled. */
#define APPARMOR_ATTRIBUTE "attr/apparmor/exec"
#define SELINUX_ATTRIBUTE "attr/exec"
#define APPARMOR_EXEC "thread-self/" APPARMOR_ATTRIBUTE
#define APPARMOR_CURRENT "thread-self/attr/apparmor/current"
#define SELINUX_EXEC "thread-self/" SELINUX_ATTRIBUTE
#define SELINUX_KEYS "thread-self/attr/keycreate"

/* Each file must be procfs's own: what is mounted over a file of the host's /proc, which is used
 * where no private instance can be made, would swallow the label. */
static int open_attribute(const struct run *run, const char *name, struct oci_error *err)
{
	struct open_how how = { .flags = O_RDWR | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	auto_fd fd = sys_openat2(run->proc, name, &how);
	struct statfs st;

	if (fd < 0 && errno == EXDEV)
		return fail_sys(err, "open `/proc/%s`: something is mounted over it", name);
	if (fd < 0)
		return fail_sys(err, "open `/proc/%s`", name);
	if (fstatfs(fd, &st) < 0)
		return fail_sys(err, "statfs `/proc/%s`", name);
	if (st.f_type != PROC_SUPER_MAGIC)
		return fail(err, "`/proc/%s` is no file of procfs", name);
	return fd_take(&fd);
}

/* The words of errno are left out: callers take "no such file" for a missing program, and know
 * a refused label by the name of the file in back-quotes. */
static int tell_apparmor(const struct run *run, int num, struct oci_error *err)
{
	const char *profile = run->plan->process.apparmor_profile;
	const char *why = strerror(num);

	if (num == ENOENT)
		why = "it isn't loaded in this kernel (apparmor_parser -r FILE loads one)";
	else if (num == EACCES || num == EPERM)
		why = "the profile of hull itself doesn't let it change to this one";
	(void)fail_code(err, "label-refused",
			"/process/apparmorProfile: the kernel doesn't take profile '%.200s' at "
			"`/proc/" APPARMOR_EXEC "`: %s",
			profile, why);
	err->num = num;
	return -1;
}

static int tell_selinux(const struct run *run, const char *file, const char *permission, int num,
			struct oci_error *err)
{
	const char *label = run->plan->process.selinux_label;
	char forbidden[96];
	const char *why = strerror(num);

	(void)snprintf(forbidden, sizeof(forbidden),
		       "the policy doesn't let hull set it (process %s)", permission);
	if (num == EINVAL)
		why = "it is no context of the loaded policy";
	else if (num == EACCES || num == EPERM)
		why = forbidden;
	(void)fail_code(err, "label-refused",
			"/process/selinuxLabel: the kernel doesn't take label '%.200s' at "
			"`/proc/%s`: %s",
			label, file, why);
	err->num = num;
	return -1;
}

static int look_for_apparmor(struct run *run, struct oci_error *err)
{
	char question[sizeof("permprofile ") + 4096];
	auto_fd fd = open_attribute(run, APPARMOR_CURRENT, err);
	int size = snprintf(question, sizeof(question), "permprofile %s",
			    run->plan->process.apparmor_profile);

	if (fd < 0)
		return fail_in(err, "/process/apparmorProfile");
	if (write(fd, question, (size_t)size) >= 0 || errno != ENOENT)
		return 0; /* whether the change is allowed is seen when it is made */
	return tell_apparmor(run, errno, err);
}

/* There is no question to ask, but a label can be taken back. */
static int look_for_selinux(struct run *run, struct oci_error *err)
{
	const char *label = run->plan->process.selinux_label;
	auto_fd fd = open_attribute(run, SELINUX_EXEC, err);

	if (fd < 0)
		return fail_in(err, "/process/selinuxLabel");
	if (write(fd, label, strlen(label)) < 0)
		return tell_selinux(run, SELINUX_EXEC, "setexec", errno, err);
	if (write(fd, "\n", 1) < 0)
		return fail_sys(err, "take back the label for the next execve");
	return 0;
}

int label_look(struct run *run, struct oci_error *err)
{
	if (run->proc < 0)
		return 0; /* `hull check` goes on after the failure to open it */
	if (run->plan->process.apparmor_profile)
		TRY(look_for_apparmor(run, err));
	if (run->plan->process.selinux_label)
		TRY(look_for_selinux(run, err));
	return 0;
}

static int open_both(struct run *run, const char *of, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	char name[64];

	if (process->apparmor_profile) {
		(void)snprintf(name, sizeof(name), "%s/" APPARMOR_ATTRIBUTE, of);
		run->apparmor_attr = open_attribute(run, name, err);
		if (run->apparmor_attr < 0)
			return fail_in(err, "/process/apparmorProfile");
	}
	if (process->selinux_label) {
		(void)snprintf(name, sizeof(name), "%s/" SELINUX_ATTRIBUTE, of);
		run->selinux_attr = open_attribute(run, name, err);
		if (run->selinux_attr < 0)
			return fail_in(err, "/process/selinuxLabel");
	}
	return 0;
}

int label_open(struct run *run, struct oci_error *err)
{
	return open_both(run, "thread-self", err);
}

int label_open_for(struct run *run, struct oci_error *err)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", run->init_pid);
	return open_both(run, number, err);
}

int *label_attribute(struct run *run)
{
	return run->plan->process.apparmor_profile ? &run->apparmor_attr : &run->selinux_attr;
}

int label_set(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;

	if (process->apparmor_profile && write(run->apparmor_attr, process->apparmor_command,
					       strlen(process->apparmor_command)) < 0)
		return tell_apparmor(run, errno, err);
	if (process->selinux_label &&
	    write(run->selinux_attr, process->selinux_label, strlen(process->selinux_label)) < 0)
		return tell_selinux(run, SELINUX_EXEC, "setexec", errno, err);
	return 0;
}

int label_keys(struct run *run, struct oci_error *err)
{
	const char *label = run->plan->process.selinux_label;
	auto_fd fd = open_attribute(run, SELINUX_KEYS, err);

	if (fd < 0)
		return fail_in(err, "/process/selinuxLabel");
	if (write(fd, label, strlen(label)) < 0)
		return tell_selinux(run, SELINUX_KEYS, "setkeycreate", errno, err);
	return 0;
}

/* What is in the file, up to the end of its line. */
static int read_label(int fd, char *text, size_t size, struct oci_error *err)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	/* AppArmor's way to say that there is none. */
	if (got < 0 && errno == EINVAL)
		got = 0;
	if (got < 0)
		return fail_sys(err, "read the label for the next execve back");
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* "NAME (MODE)", or just NAME for unconfined. */
static bool is_profile(char *read, const char *profile)
{
	char *mode = strrchr(read, '(');

	if (strcmp(read, profile) == 0)
		return true;
	if (mode && mode > read && mode[-1] == ' ')
		mode[-1] = '\0';
	if (strcmp(read, profile) == 0)
		return true;
	/* The kernel orders the parts of a stack as it likes. */
	return strstr(profile, "//&") && strstr(read, "//&");
}

/* The kernel writes the level, which follows user, role and type, in a form of its own. */
static bool is_context(const char *read, const char *label)
{
	const char *level = label;

	for (int i = 0; i < 3 && level; i++) {
		level = strchr(level, ':');
		level = level ? level + 1 : NULL;
	}
	if (!level)
		return strcmp(read, label) == 0;
	return strncmp(read, label, (size_t)(level - label)) == 0 && read[level - label] != '\0';
}

static int differs(const char *what, const char *is, const char *should, struct oci_error *err)
{
	return fail_code(err, "confinement-differs",
			 "the kernel says that %s for the next execve is '%.400s' where the plan "
			 "says '%.400s'",
			 what, is, should);
}

int label_read_back(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	char text[4097];

	if (process->apparmor_profile) {
		TRY(read_label(run->apparmor_attr, text, sizeof(text), err));
		if (!is_profile(text, process->apparmor_profile))
			return differs("the AppArmor profile", text, process->apparmor_profile,
				       err);
	}
	if (process->selinux_label) {
		TRY(read_label(run->selinux_attr, text, sizeof(text), err));
		if (!is_context(text, process->selinux_label))
			return differs("the SELinux label", text, process->selinux_label, err);
	}
	return 0;
}
