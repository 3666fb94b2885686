/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See cgroup_control.h. The rules are the kernel's (Documentation/admin-guide/cgroup-v2.rst): below
 * the root a cgroup with processes of its own hands on no domain controller ("no internal
 * processes"). Threaded ones such as pids it would hand on, but becomes "domain threaded" by that,
 * and no process can enter its children any more; so that is refused alike.
 */
#include "steps/cgroup_control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "steps/cgroup_tree.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define HAND_ON "cgroup.subtree_control"

/* One cgroup on the way. */
struct level {
	int dir;
	const char *path; /* whole, and how much of it leads here: "/user/c1", 5 */
	int shown;
	bool top;  /* the cgroup2 mount itself */
	bool root; /* the root of the whole tree, for which the rules about processes don't hold */
};

/* A list of controllers as the kernel writes it: "cpu io memory\n". */
struct names {
	char text[512];
};

static int read_names(int dir, const char *file, struct names *names, struct oci_error *err)
{
	TRY((int)file_read_at(dir, file, names->text, sizeof(names->text), err));
	return 0;
}

static bool has_name(const struct names *names, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = names->text; *at;) {
		size_t word = strcspn(at, " \n");

		if (word == size && memcmp(at, name, size) == 0)
			return true;
		at += word;
		at += *at != '\0';
	}
	return false;
}

static bool has_all(const struct names *names, const struct plan_controller *wanted)
{
	for (; wanted->name; wanted++)
		if (!has_name(names, wanted->name))
			return false;
	return true;
}

/* --- Why it can't be had --- */

/* "NAME HIERARCHY CGROUPS ENABLED"; hierarchy 0 is cgroup v2. */
static bool find_in_proc(const char *name, int *hierarchy, int *enabled)
{
	struct oci_error ignored = { 0 };
	char text[4096], found[64];

	/* The one that was renamed for version 2. */
	if (strcmp(name, "io") == 0)
		name = "blkio";
	if (file_read_at(AT_FDCWD, "/proc/cgroups", text, sizeof(text), &ignored) < 0)
		return false;
	for (const char *line = text; *line; line += line[0] == '\n') {
		if (sscanf(line, "%63s %d %*d %d", found, hierarchy, enabled) == 3 &&
		    strcmp(found, name) == 0)
			return true;
		line += strcspn(line, "\n");
	}
	return false;
}

/* Where users get it from: systemd delegates those for which `user@.service` says so
 * (systemd.resource-control(5)), and leaves all others to the administrator. */
static const char *how_to_delegate(const char *name)
{
	static const struct names systemds = { "cpu cpuset io memory pids" };

	if (has_name(&systemds, name))
		return "where systemd is in charge, '[Service]' and "
		       "'Delegate=cpu cpuset io memory pids' in "
		       "/etc/systemd/system/user@.service.d/delegate.conf delegate it, from the "
		       "next login on";
	return "systemd delegates none of this kind: root has to write a '+' and its name to "
	       "cgroup.subtree_control of that cgroup and of those above";
}

static int fail_absent(const struct level *level, const struct plan_controller *wanted,
		       struct oci_error *err)
{
	const char *name = wanted->name;
	int hierarchy = 0, enabled = 1;
	bool known = find_in_proc(name, &hierarchy, &enabled);

	if (known && hierarchy != 0)
		return fail_code(
			err, "cgroup-controller",
			"%s: the %s controller is bound to cgroup v1 on this host, and "
			"hull limits by cgroup v2 only (systemd.unified_cgroup_hierarchy=1 "
			"or cgroup_no_v1=all on the kernel's command line free it)",
			wanted->pointer, name);
	if (known && !enabled)
		return fail_code(err, "cgroup-controller",
				 "%s: the %s controller is disabled on this host "
				 "(cgroup_disable= on the kernel's command line)",
				 wanted->pointer, name);
	if (!level->root)
		return fail_code(err, "cgroup-controller",
				 "%s: the %s controller isn't delegated: the topmost cgroup that "
				 "can be seen from here hasn't got it; %s",
				 wanted->pointer, name, how_to_delegate(name));
	return fail_code(err, "cgroup-controller",
			 "%s: this host has no %s controller for cgroup v2", wanted->pointer, name);
}

static int fail_not_delegated(const struct level *level, const struct plan_controller *wanted,
			      struct oci_error *err)
{
	if (errno == EROFS)
		return fail_code(err, "cgroup-controller",
				 "%s: the %s controller isn't enabled in cgroup '/%.*s', and the "
				 "cgroup2 mount is read-only here",
				 wanted->pointer, wanted->name, level->shown, level->path);
	return fail_code(err, "cgroup-controller",
			 "%s: the %s controller isn't delegated to user %u: cgroup '/%.*s' doesn't "
			 "hand it on; %s",
			 wanted->pointer, wanted->name, (unsigned)geteuid(), level->shown,
			 level->path, how_to_delegate(wanted->name));
}

static int fail_processes(const struct level *level, const struct plan_controller *wanted,
			  struct oci_error *err)
{
	auto_free pid_t *pids = NULL;
	struct oci_error ignored = { 0 };
	char who[512];
	size_t n = 0;

	(void)cgroup_tree_pids(level->dir, &pids, &n, &ignored);
	cgroup_tree_name_pids(pids, n, who, sizeof(who));
	return fail_code(err, "cgroup-invalid",
			 "%s: cgroup '/%.*s' can't hand the %s controller on while processes are "
			 "in it (%s): move them into a cgroup below it, or let linux.cgroupsPath "
			 "name a place that isn't below it",
			 wanted->pointer, level->shown, level->path, wanted->name, who);
}

static int fail_threaded(const struct level *level, const struct plan_controller *wanted,
			 const char *type, struct oci_error *err)
{
	return fail_code(err, "cgroup-invalid",
			 "%s: cgroup '/%.*s' is of type '%s', so below it are threads, not "
			 "containers: let linux.cgroupsPath name a place outside",
			 wanted->pointer, level->shown, level->path, type);
}

/* --- One level --- */

static int read_type(struct level *level, char type[64], struct oci_error *err)
{
	level->root = false;
	if (cgroup_tree_type(level->dir, type, err) < 0) {
		if (err->num != ENOENT)
			return -1;
		/* The root hasn't that file. A removed cgroup has none at all. */
		*err = (struct oci_error){ 0 };
		level->root = true;
		(void)strcpy(type, "domain");
	}
	return 0;
}

/* Whether this cgroup could hand the controller on. */
static int check_level(struct level *level, const struct plan_controller *wanted,
		       struct oci_error *err)
{
	char type[64], process[16];

	TRY(read_type(level, type, err));
	if (strcmp(type, "domain") != 0)
		return fail_threaded(level, wanted, type, err);
	if (level->root)
		return 0;
	TRY((int)file_read_at(level->dir, "cgroup.procs", process, sizeof(process), err));
	return process[0] ? fail_processes(level, wanted, err) : 0;
}

static int fail_write(const struct level *level, const struct plan_controller *wanted,
		      struct oci_error *err)
{
	switch (err->num) {
	case EBUSY:
		return fail_processes(level, wanted, err);
	case EOPNOTSUPP:
		return fail_threaded(level, wanted, "threaded", err);
	case EACCES:
	case EPERM:
	case EROFS:
		errno = err->num;
		return fail_not_delegated(level, wanted, err);
	default:
		break;
	}
	if (err->num == EINVAL && strcmp(wanted->name, "cpu") == 0)
		return fail_in(
			err,
			"%s: cgroup '/%.*s' (this kernel, with CONFIG_RT_GROUP_SCHED, hands "
			"the cpu controller on only while all real-time processes are in the "
			"root cgroup)",
			wanted->pointer, level->shown, level->path);
	return fail_in(err, "%s: cgroup '/%.*s'", wanted->pointer, level->shown, level->path);
}

/* Between the look at the cgroup and the write a process may have come in: then it is a domain of
 * threads now, useless to everybody, so the controller is taken back. */
static int see_domain(struct level *level, const struct plan_controller *wanted,
		      struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	char type[64], word[72];

	TRY(read_type(level, type, err));
	if (strcmp(type, "domain") == 0)
		return 0;
	(void)snprintf(word, sizeof(word), "-%s", wanted->name);
	(void)file_write_at(level->dir, HAND_ON, word, &ignored); /* the cause is told */
	return fail_processes(level, wanted, err);
}

static int enable(struct level *level, const struct plan_controller *wanted, struct oci_error *err)
{
	char word[72];

	(void)snprintf(word, sizeof(word), "+%s", wanted->name);
	if (file_write_at(level->dir, HAND_ON, word, err) < 0)
		return fail_write(level, wanted, err);
	return level->root ? 0 : see_domain(level, wanted, err);
}

static int look(const struct level *level, const struct plan_controller *wanted,
		struct oci_error *err)
{
	if (faccessat(level->dir, HAND_ON, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV) /* removed meanwhile */
		return fail_sys(err, "%s: cgroup '/%.*s'", wanted->pointer, level->shown,
				level->path);
	return fail_not_delegated(level, wanted, err);
}

static int hand_on_one(struct level *level, const struct plan_controller *wanted, bool only_look,
		       struct oci_error *err)
{
	struct names has;

	TRY(check_level(level, wanted, err));
	TRY(read_names(level->dir, "cgroup.controllers", &has, err));
	if (has_name(&has, wanted->name))
		return only_look ? look(level, wanted, err) : enable(level, wanted, err);
	if (level->top)
		return fail_absent(level, wanted, err);
	/* The one above has handed it on a moment ago. */
	if (only_look)
		return 0;
	errno = ENOENT;
	return fail_sys(err, "%s: enable the %s controller in cgroup '/%.*s'", wanted->pointer,
			wanted->name, level->shown, level->path);
}

static int hand_on(struct level *level, const struct plan_controller *wanted, bool only_look,
		   struct oci_error *err)
{
	struct names on;

	TRY(read_names(level->dir, HAND_ON, &on, err));
	for (; wanted->name; wanted++)
		if (!has_name(&on, wanted->name))
			TRY(hand_on_one(level, wanted, only_look, err));
	return 0;
}

/* --- The way down --- */

static int walk(int root, const char *path, const struct plan_controller *wanted, bool only_look,
		struct oci_error *err)
{
	struct level level = { .path = path, .top = true };
	auto_fd dir = openat(root, ".", DIRECTORY);

	if (dir < 0)
		return fail_sys(err, "open the cgroup2 mount");
	for (const char *at = path, *end;; at = end + 1, level.top = false) {
		char name[256];
		auto_fd next = -1;

		level.dir = dir;
		level.shown = at == path ? 0 : (int)(at - path) - 1;
		TRY(hand_on(&level, wanted, only_look, err));
		end = strchr(at, '/');
		if (!end)
			return 0;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - at), at);
		next = openat(dir, name, DIRECTORY);
		if (next < 0 && errno == ENOENT && only_look)
			return 0;
		if (next < 0)
			return fail_sys(err, "open cgroup '/%.*s'", (int)(end - path), path);
		fd_drop(&dir);
		dir = fd_take(&next);
	}
}

/* Whether the cgroup right above hands them all on: it can only do so when each further up does. */
static bool enabled_already(int root, const char *path, const struct plan_controller *wanted)
{
	const char *end = strrchr(path, '/');
	struct oci_error ignored = { 0 };
	auto_free char *name = NULL;
	struct names on;

	if (asprintf(&name, "%.*s/" HAND_ON, end ? (int)(end - path) : 1, end ? path : ".") < 0)
		return false;
	return read_names(root, name, &on, &ignored) == 0 && has_all(&on, wanted);
}

int cgroup_control_enable(int root, const char *path, const struct plan_controller *controllers,
			  struct oci_error *err)
{
	if (!controllers || enabled_already(root, path, controllers))
		return 0;
	return walk(root, path, controllers, false, err);
}

int cgroup_control_look(int root, const char *path, const struct plan_controller *controllers,
			struct oci_error *err)
{
	if (!controllers || enabled_already(root, path, controllers) ||
	    walk(root, path, controllers, true, err) == 0)
		return 0;
	if (err->num != ENOENT && err->num != ENODEV)
		return -1;
	/* Removed while it was looked at: then it will be made. */
	*err = (struct oci_error){ 0 };
	return 0;
}

/* --- All that there is --- */

/* Twice what `names` holds, and a bit: each name gets a sign. */
struct words {
	char text[2 * sizeof(struct names)];
};

/* "+cpu +io": those of `has` that aren't in `on`. False: none. */
static bool put_words(char sign, const struct names *has, const struct names *on,
		      struct words *words)
{
	size_t used = 0;

	for (const char *at = has->text; *at;) {
		size_t size = strcspn(at, " \n");
		char name[sizeof(has->text)];

		(void)snprintf(name, sizeof(name), "%.*s", (int)size, at);
		if (size > 0 && !has_name(on, name))
			used += (size_t)snprintf(words->text + used, sizeof(words->text) - used,
						 "%s%c%s", used ? " " : "", sign, name);
		at += size;
		at += *at != '\0';
	}
	return used > 0;
}

static bool is_domain(int dir)
{
	struct oci_error ignored = { 0 };
	char type[64];

	return cgroup_tree_type(dir, type, &ignored) == 0 && strcmp(type, "domain") == 0;
}

static bool is_empty(int dir)
{
	struct oci_error ignored = { 0 };
	char process[16];

	return file_read_at(dir, "cgroup.procs", process, sizeof(process), &ignored) == 0;
}

/* All or nothing is what the kernel does with one write; then each that it takes. */
static void enable_words(int dir, struct words *words)
{
	struct oci_error ignored = { 0 };
	char *save = NULL;

	if (file_write_at(dir, HAND_ON, words->text, &ignored) == 0)
		return;
	for (char *word = strtok_r(words->text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		(void)file_write_at(dir, HAND_ON, word, &ignored);
}

void cgroup_control_hand_on(int dir)
{
	struct oci_error ignored = { 0 };
	struct names has, on;
	struct words words;

	if (read_names(dir, "cgroup.controllers", &has, &ignored) < 0 ||
	    read_names(dir, HAND_ON, &on, &ignored) < 0 || !put_words('+', &has, &on, &words) ||
	    !is_domain(dir) || !is_empty(dir))
		return;
	enable_words(dir, &words);
	/* As in see_domain(). */
	if (!is_domain(dir) && put_words('-', &has, &on, &words))
		(void)file_write_at(dir, HAND_ON, words.text, &ignored);
}
