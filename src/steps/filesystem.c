/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * File systems through fsopen(2), fsconfig(2) and fsmount(2): one call per parameter, so that the
 * error names the one that is wrong. Where it is put is mount.c's business.
 */
#include "steps/filesystem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

enum { STRING_MAX = 255 }; /* what fsconfig(2) takes */

/* What the kernel logged about this file system context: one message per read(2), of which those
 * that begin with "e " are errors. The text is "" when there is none. errno is kept. */
static void read_log(int fs, char *text, size_t size)
{
	int saved = errno;
	size_t used = 0;
	char line[256];
	ssize_t n;

	text[0] = '\0';
	while ((n = read(fs, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "e ", 2) != 0 || used + strlen(line) + 2 > size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "; " : "",
					 line + 2);
	}
	errno = saved;
}

/* "CALL: the kernel's words", else "CALL: strerror". */
static int fail_fs(int fs, struct oci_error *err, const char *call, const char *key,
		   const char *value)
{
	int saved = errno;
	char text[400];
	const char *equals = value ? "=" : "";

	read_log(fs, text, sizeof(text));
	if (!value)
		value = "";
	if (text[0] == '\0')
		return fail_sys(err, "%s%s%s%s", call, key, equals, value);
	(void)fail(err, "%s%s%s%s: %s", call, key, equals, value, text);
	err->num = saved;
	return -1;
}

static int parameter(int fs, const char *key, const char *value, struct oci_error *err)
{
	unsigned command = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

	if (sys_fsconfig(fs, command, key, value, 0) < 0)
		return fail_fs(fs, err, "fsconfig ", key, value);
	return 0;
}

static int parameters(int fs, const struct plan_mount *m, struct oci_error *err)
{
	for (size_t i = 0; i < m->n_options; i++)
		TRY(parameter(fs, m->options[i].key, m->options[i].value, err));
	return 0;
}

/* For what doesn't take the label as a parameter. */
static int label_root(int mounted, const char *label, struct oci_error *err)
{
	auto_fd root = openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return fail_sys(err, "/linux/mountLabel: open the root of the new mount");
	if (fsetxattr(root, "security.selinux", label, strlen(label) + 1, 0) < 0)
		return fail_sys(err, "/linux/mountLabel: label its root '%s'", label);
	return 0;
}

int filesystem_make(const struct plan_mount *m, const char *mode, struct oci_error *err)
{
	auto_fd fs = sys_fsopen(m->type, FSOPEN_CLOEXEC);
	int mounted;

	if (fs < 0 && errno == ENODEV)
		return fail_sys(err, "fsopen: this kernel has no file system '%s'", m->type);
	if (fs < 0)
		return fail_sys(err, "fsopen");
	if (m->source && m->source[0] != '\0')
		TRY(parameter(fs, "source", m->source, err));
	if (mode)
		TRY(parameter(fs, "mode", mode, err));
	TRY(parameters(fs, m, err));
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_fs(fs, err, "fsconfig create", "", NULL);
	mounted = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)m->attr_set);
	if (mounted < 0)
		return fail_fs(fs, err, "fsmount", "", NULL);
	if (m->root_label && label_root(mounted, m->root_label, err) < 0)
		fd_drop(&mounted);
	return mounted;
}

bool filesystem_is_long(const struct plan_mount *m)
{
	if (m->source && strlen(m->source) > STRING_MAX)
		return true;
	for (size_t i = 0; i < m->n_options; i++) {
		if (m->options[i].value && strlen(m->options[i].value) > STRING_MAX)
			return true;
	}
	return false;
}

/* Parameters that are flags of mount(2); those without a flag take one back. */
static const struct {
	const char *key;
	unsigned long set, clear;
} flag_words[] = {
	{ "ro", MS_RDONLY, 0 },		  { "rw", 0, MS_RDONLY },
	{ "sync", MS_SYNCHRONOUS, 0 },	  { "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },	  { "lazytime", MS_LAZYTIME, 0 },
	{ "nolazytime", 0, MS_LAZYTIME }, { "mand", MS_MANDLOCK, 0 },
	{ "nomand", 0, MS_MANDLOCK },
};

static bool flag_word(const struct plan_fs_option *option, unsigned long *flags)
{
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
		if (!option->value && strcmp(option->key, flag_words[i].key) == 0) {
			*flags = (*flags & ~flag_words[i].clear) | flag_words[i].set;
			return true;
		}
	}
	return false;
}

int filesystem_mount_long(const struct plan_mount *m, int target, struct oci_error *err)
{
	char data[4096]; /* a page is what mount(2) takes */
	unsigned long flags = 0;
	size_t used = 0;
	int result;

	data[0] = '\0';
	for (size_t i = 0; i < m->n_options; i++) {
		const struct plan_fs_option *o = &m->options[i];
		/* The categories of a SELinux context have commas between them. */
		const char *quote = o->value && strstr(o->key, "context") ? "\"" : "";
		int n;

		if (flag_word(o, &flags))
			continue;
		n = snprintf(data + used, sizeof(data) - used, "%s%s%s%s%s%s", used ? "," : "",
			     o->key, o->value ? "=" : "", quote, o->value ? o->value : "", quote);
		if (n < 0 || (size_t)n >= sizeof(data) - used)
			return fail(err, "the options are longer than the 4095 bytes that mount(2) "
					 "takes");
		used += (size_t)n;
	}
	if (fchdir(target) < 0)
		return fail_sys(err, "fchdir to the destination");
	result = mount(m->source ? m->source : "none", ".", m->type, flags, data);
	if (result < 0)
		(void)fail_sys(err, "mount with '%.200s...'", data);
	if (chdir("/") < 0)
		return fail_sys(err, "chdir '/'");
	return result;
}

int filesystem_change(const struct plan_mount *m, int mounted, struct oci_error *err)
{
	auto_fd fs = sys_fspick(mounted, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs < 0)
		return fail_sys(err, "fspick");
	TRY(parameters(fs, m, err));
	if (sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fail_fs(fs, err, "fsconfig reconfigure", "", NULL);
	return 0;
}

int filesystem_legacy(const struct plan_mount *m, int mounted, struct oci_error *err)
{
	const unsigned long same = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS |
				   MS_MANDLOCK | MS_NOATIME | MS_NODIRATIME;
	unsigned long flags = MS_REMOUNT | m->legacy_flags;
	struct statvfs now;
	int result;

	/* mount(2) replaces all flags, so those that are there are given again. Most have the same
	 * value in both worlds. */
	if (fstatvfs(mounted, &now) < 0)
		return fail_sys(err, "fstatvfs");
	flags |= now.f_flag & same;
	if (!(now.f_flag & (ST_NOATIME | ST_RELATIME)))
		flags |= MS_STRICTATIME;
	if (now.f_flag & 0x2000 /* ST_NOSYMFOLLOW */)
		flags |= MS_NOSYMFOLLOW;
	for (size_t i = 0; i < m->n_options; i++)
		(void)flag_word(&m->options[i], &flags);
	if (fchdir(mounted) < 0)
		return fail_sys(err, "fchdir");
	result = mount(NULL, ".", NULL, flags, NULL);
	if (result < 0)
		(void)fail_sys(err, "mount remount,iversion");
	if (chdir("/") < 0)
		return fail_sys(err, "chdir '/'");
	return result;
}
