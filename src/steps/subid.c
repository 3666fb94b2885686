/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Part of writing the id maps (idmap.c). PARENT's, so it may allocate and read files.
 */
#include "steps/subid.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/helper.h"
#include "steps/hook.h"

/* How long newuidmap may take: it may ask a directory service. */
enum { HELPER_MS = 60 * 1000 };

static const char *program_name(bool groups)
{
	return groups ? "newgidmap" : "newuidmap";
}

static const char *file_name(bool groups)
{
	return groups ? "/etc/subgid" : "/etc/subuid";
}

static int find_program(bool groups, char path[64], struct oci_error *err)
{
	if (helper_find(program_name(groups), path, 64))
		return 0;
	return fail_code(err, "id-mapping",
			 "user %u may map no ids but the own one without the program %s, which is "
			 "not installed (Debian and Ubuntu: package uidmap; Fedora: shadow-utils)",
			 getuid(), program_name(groups));
}

/* The caller's name as the files have it; the number where passwd(5) doesn't know it. */
static void find_name(char *name, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	uid_t uid = getuid();
	struct passwd *entry = NULL;

	(void)snprintf(name, size, "%u", uid);
	while (file && (entry = fgetpwent(file)) && entry->pw_uid != uid)
		;
	if (entry)
		(void)snprintf(name, size, "%s", entry->pw_name);
	if (file)
		(void)fclose(file); /* was only read */
}

/* Does nsswitch.conf have "subid:" with another source than the files? */
static bool from_elsewhere(void)
{
	auto_free char *text = NULL;
	struct oci_error ignored = { 0 };
	size_t size;
	char *line;

	if (file_load_at(AT_FDCWD, "/etc/nsswitch.conf", 65536, &text, &size, &ignored) < 0)
		return false;
	line = strncmp(text, "subid:", 6) == 0 ? text : strstr(text, "\nsubid:");
	if (!line)
		return false;
	line = strchr(line, ':') + 1;
	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " \t");
	return strncmp(line, "files", 5) != 0;
}

struct lent {
	const char *text; /* of the file */
	char name[256], number[16];
};

static bool is_owner(const struct lent *lent, const char *line, size_t size)
{
	return (strlen(lent->name) == size && memcmp(lent->name, line, size) == 0) ||
	       (strlen(lent->number) == size && memcmp(lent->number, line, size) == 0);
}

/* How many ids from `start` on one line lends, 0 when it is none of them. */
static uint64_t lent_by_line(const struct lent *lent, const char *line, uint64_t start)
{
	size_t size = strcspn(line, ":\n");
	unsigned long long first, count;

	if (line[size] != ':' || !is_owner(lent, line, size) ||
	    sscanf(line + size, ":%llu:%llu", &first, &count) != 2)
		return 0;
	return start >= first && start - first < count ? count - (start - first) : 0;
}

static uint64_t lent_from(const struct lent *lent, uint64_t start)
{
	for (const char *line = lent->text; *line;) {
		uint64_t n = lent_by_line(lent, line, start);
		const char *end = strchrnul(line, '\n');

		if (n > 0)
			return n;
		line = *end ? end + 1 : end;
	}
	return 0;
}

/* Several lines may make up one range. */
static bool is_lent(const struct lent *lent, const struct plan_id_range *range)
{
	uint64_t start = range->outside, end = start + range->count;

	while (start < end) {
		uint64_t n = lent_from(lent, start);

		if (n == 0)
			return false;
		start += n;
	}
	return true;
}

static int check_ranges(const struct plan_id_map *map, bool groups, const struct lent *lent,
			struct oci_error *err)
{
	uint32_t own = groups ? getgid() : getuid();

	for (size_t i = 0; i < map->n; i++) {
		const struct plan_id_range *range = &map->ranges[i];

		if ((range->count == 1 && range->outside == own) || is_lent(lent, range))
			continue;
		/* Nobody should lend root's id, so that isn't the advice. */
		if (range->outside == 0)
			return fail_code(
				err, "id-mapping",
				"%s/%zu: %s id 0 is the host's root: map %u, the own one, to "
				"the container's root, or a range of %s",
				map->property, i, groups ? "group" : "user", own,
				file_name(groups));
		return fail_code(err, "id-mapping",
				 "%s/%zu: %s ids %u to %u of the host aren't lent to user '%s': "
				 "add '%s:%u:%u' to %s",
				 map->property, i, groups ? "group" : "user", range->outside,
				 range->outside + range->count - 1, lent->name, lent->name,
				 range->outside, range->count, file_name(groups));
	}
	return 0;
}

int subid_check(const struct plan_id_map *map, bool groups, struct oci_error *err)
{
	struct lent lent = { .text = "" };
	auto_free char *text = NULL;
	char path[64];
	size_t size;

	if (find_program(groups, path, err) < 0)
		return fail_in(err, "%s", map->property);
	if (from_elsewhere())
		return 0;
	find_name(lent.name, sizeof(lent.name));
	(void)snprintf(lent.number, sizeof(lent.number), "%u", getuid());
	if (file_load_at(AT_FDCWD, file_name(groups), 16 * 1024 * 1024, &text, &size, err) == 0)
		lent.text = text;
	else if (err->num != ENOENT)
		return -1;
	return check_ranges(map, groups, &lent, err);
}

/* PROGRAM PID INSIDE OUTSIDE COUNT ... */
static int run_program(const char *program, const struct plan_id_map *map, pid_t pid,
		       struct oci_error *err)
{
	enum { WIDTH = 12 };
	size_t n = 2 + 3 * map->n;
	auto_free char *numbers = malloc(n * WIDTH);
	auto_free char **args = malloc((n + 1) * sizeof(*args));
	auto_free char *name = strdup(program);

	if (!numbers || !args || !name)
		return fail_code(err, "out-of-memory", "no memory for the arguments");
	for (size_t i = 0; i < n; i++)
		args[i] = numbers + i * WIDTH;
	args[n] = NULL;
	args[0] = name;
	(void)snprintf(args[1], WIDTH, "%d", pid);
	for (size_t i = 0; i < map->n; i++) {
		(void)snprintf(args[2 + 3 * i], WIDTH, "%u", map->ranges[i].inside);
		(void)snprintf(args[3 + 3 * i], WIDTH, "%u", map->ranges[i].outside);
		(void)snprintf(args[4 + 3 * i], WIDTH, "%u", map->ranges[i].count);
	}
	return hook_run_program(args, HELPER_MS, err);
}

/* Whether executing the program gives any. */
static bool has_privilege(const char *path)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_ISUID) != 0 ||
	       fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

int subid_write(const struct plan_id_map *map, bool groups, pid_t pid, struct oci_error *err)
{
	char path[64];

	TRY(find_program(groups, path, err));
	if (run_program(path, map, pid, err) == 0)
		return 0;
	(void)snprintf(err->code, sizeof(err->code), "id-mapping");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return fail_in(err,
			       "%s: '%s' (hull was started with no_new_privs, so this can't "
			       "get its privilege)",
			       map->property, path);
	if (!has_privilege(path))
		return fail_in(
			err,
			"%s: '%s' (which is neither setuid nor has file capabilities, as its "
			"package makes it: install that again)",
			map->property, path);
	return fail_in(err, "%s: '%s'", map->property, path);
}
