/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The words for a limit that can't be set. The kernel says one errno for many reasons; which one it
 * was is read from the cgroup and from /proc. Nothing is changed here.
 */
#include "steps/limit_cause.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

#define TEXT 512

/* Whether a list of words has this one. */
static bool has_word(const char *list, const char *separators, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; *at;) {
		size_t size = strcspn(at, separators);

		if (size == length && strncmp(at, word, size) == 0)
			return true;
		at += size;
		at += strspn(at, separators);
	}
	return false;
}

/* Whether a hierarchy of cgroup v1 has the controller: a line "4:memory:/path". */
static bool bound_to_v1(const char *name)
{
	char content[8192];
	struct oci_error ignored = { 0 };
	const char *v1 = strcmp(name, "io") == 0 ? "blkio" : name;

	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", content, sizeof(content), &ignored) <= 0)
		return false;
	for (char *rest = content, *line; (line = strsep(&rest, "\n"));) {
		char *names = strchr(line, ':');
		char *end = names ? strchr(names + 1, ':') : NULL;

		if (!end || strncmp(line, "0:", 2) == 0)
			continue;
		*end = '\0';
		if (has_word(names + 1, ",", v1))
			return true;
	}
	return false;
}

/* "2MB" of the file "hugetlb.2MB.max", else NULL. A directory is a cgroup, to which a container
 * gives whatever name it likes. */
static const char *page_size(const struct dirent *entry, size_t *length)
{
	const char *size = entry->d_name + 8;

	if (entry->d_type == DT_DIR || strncmp(entry->d_name, "hugetlb.", 8) != 0)
		return NULL;
	*length = strcspn(size, ".");
	return strcmp(size + *length, ".max") == 0 ? size : NULL;
}

/* "this kernel has pages of 2MB, 1GB" */
static void say_page_sizes(int cgroup, char *why)
{
	DIR *dir = fd_list(cgroup);
	size_t used;
	const char *comma = "";

	if (!dir)
		return;
	used = (size_t)snprintf(why, TEXT, "this kernel has pages of ");
	for (struct dirent *entry; (entry = readdir(dir)) && used < TEXT;) {
		size_t length = 0;
		const char *size = page_size(entry, &length);

		if (!size)
			continue;
		used += (size_t)snprintf(why + used, TEXT - used, "%s%.*s", comma, (int)length,
					 size);
		comma = ", ";
	}
	if (!*comma)
		(void)snprintf(why, TEXT, "this kernel has no huge pages");
	(void)closedir(dir);
}

/* The file doesn't exist. True when it is for want of its controller. */
static bool say_missing(int cgroup, const char *file, char *why)
{
	char content[1024] = "", name[64];
	struct oci_error ignored = { 0 };

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	(void)file_read_at(cgroup, "cgroup.controllers", content, sizeof(content), &ignored);
	if (strcmp(name, "cgroup") != 0 && !has_word(content, " \n", name)) {
		(void)snprintf(why, TEXT, "%s",
			       bound_to_v1(name)
				       ? "its controller is bound to cgroup v1 on this host"
				       : "its controller isn't enabled in this cgroup "
					 "(cgroup.subtree_control of those above)");
		return true;
	}
	if (strncmp(file, "hugetlb.", 8) == 0 && file[8] >= '1' && file[8] <= '9')
		say_page_sizes(cgroup, why);
	else if (strncmp(file, "memory.swap.", 12) == 0)
		(void)snprintf(why, TEXT, "this kernel doesn't account swap");
	else
		(void)snprintf(why, TEXT, "this kernel has no such file");
	return false;
}

static bool names_partition(const char *value)
{
	struct oci_error ignored = { 0 };
	char path[64], number[16];

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%.*s/partition",
		       (int)strcspn(value, " "), value);
	return file_read_at(AT_FDCWD, path, number, sizeof(number), &ignored) > 0;
}

/* What another file says, behind `head`. */
static void say_content(int cgroup, const char *file, const char *head, char *why)
{
	char content[256];
	struct oci_error ignored = { 0 };

	if (file_read_at(cgroup, file, content, sizeof(content), &ignored) < 0)
		return;
	content[strcspn(content, "\n")] = '\0';
	(void)snprintf(why, TEXT, "%s '%s'", head, content);
}

static void say_invalid(int cgroup, const char *file, char *why)
{
	char content[16] = "";
	struct oci_error ignored = { 0 };

	if (strcmp(file, "cpu.weight") == 0 &&
	    file_read_at(cgroup, "cpu.idle", content, sizeof(content), &ignored) > 0 &&
	    content[0] == '1')
		(void)snprintf(why, TEXT, "an idle cgroup has no weight");
	else if (strcmp(file, "cpu.max") == 0)
		say_content(cgroup, "cpu.max.burst",
			    "outside the kernel's range, or below the burst, cpu.max.burst:", why);
	else if (strcmp(file, "cpu.max.burst") == 0)
		say_content(cgroup, "cpu.max", "above the quota, cpu.max:", why);
	else if (strncmp(file, "cpuset.", 7) == 0)
		say_content(cgroup,
			    strncmp(file, "cpuset.mems", 11) == 0 ? "cpuset.mems.effective"
								  : "cpuset.cpus.effective",
			    "no list of what this host has; the cgroup may use", why);
	else
		(void)snprintf(why, TEXT, "the kernel takes no such value there");
}

/* Probable causes, by errno. True when a controller is missing. */
static bool say_why(int cgroup, const char *file, const char *value, int num, char *why)
{
	switch (num) {
	case ENOENT:
		return say_missing(cgroup, file, why);
	case ENODEV:
		(void)snprintf(why, TEXT, "%s",
			       names_partition(value)
				       ? "it is a partition: limits are for whole devices"
				       : "there is no such device");
		break;
	case EOPNOTSUPP:
		(void)snprintf(why, TEXT,
			       "neither iocost (io.cost.qos) nor the scheduler bfq is enabled for "
			       "this device");
		break;
	case EINVAL:
	case ERANGE:
		say_invalid(cgroup, file, why);
		break;
	case EBUSY:
		(void)snprintf(why, TEXT,
			       "what is in use, or a cgroup beside it, stands against it");
		break;
	case EACCES:
	case EPERM:
		(void)snprintf(why, TEXT, "the file isn't delegated to the caller");
		break;
	case EROFS:
		(void)snprintf(why, TEXT, "the cgroup2 mount is read-only here");
		break;
	default:
		break;
	}
	return false;
}

bool limit_cgroup_gone(int cgroup)
{
	return faccessat(cgroup, "cgroup.procs", F_OK, 0) < 0 && errno == ENOENT;
}

int limit_explain_gone(const struct plan_limit *limit, struct oci_error *err)
{
	return fail_code(err, "not-running", "%s: container not running: its cgroup is gone",
			 limit->pointer);
}

static int explain(int cgroup, const struct plan_limit *limit, const char *file, const char *value,
		   int num, struct oci_error *err)
{
	char why[TEXT] = "";
	bool missing;

	/* Its files don't exist any more (ENOENT), and those that are open have nothing behind them
	 * (ENODEV). */
	if (limit_cgroup_gone(cgroup))
		return limit_explain_gone(limit, err);
	missing = say_why(cgroup, file, value, num, why);
	(void)fail_code(err, missing ? "cgroup-controller" : "limit-refused",
			"%s: write '%s' to %s: %s%s%s", limit->pointer, value, file, strerror(num),
			*why ? ": " : "", why);
	err->num = num;
	return -1;
}

int limit_explain(int cgroup, const struct plan_limit *limit, int num, struct oci_error *err)
{
	return explain(cgroup, limit, limit->file, limit->value, num, err);
}

int limit_explain_other(int cgroup, const struct plan_limit *limit, int num, struct oci_error *err)
{
	return explain(cgroup, limit, limit->other, limit->other_value, num, err);
}
