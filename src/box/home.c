/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/home.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

char *box_text(struct oci_error *err, const char *fmt, ...)
{
	char *text = NULL;
	va_list arguments;
	int size;

	va_start(arguments, fmt);
	size = vasprintf(&text, fmt, arguments);
	va_end(arguments);
	if (size < 0)
		return (void)fail_code(err, "out-of-memory", "no memory for a text"), NULL;
	return text;
}

/* The variable's value when it is an absolute path. */
static const char *path_in(const char *variable)
{
	const char *value = getenv(variable);

	return value && value[0] == '/' ? value : NULL;
}

static char *absolute(const char *path, struct oci_error *err)
{
	auto_free char *here = NULL;

	if (path[0] == '/')
		return box_text(err, "%s", path);
	here = getcwd(NULL, 0);
	if (!here)
		return (void)fail_sys(err, "current directory"), NULL;
	return box_text(err, "%s/%s", here, path);
}

/* dir/rest, where nothing of `rest` is there yet. */
static char *join(const char *dir, const char *rest, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s", strcmp(dir, "/") != 0 ? dir : "");

	while (path && *rest) {
		size_t size = strcspn(rest, "/");
		char *longer;

		if (size == 2 && !strncmp(rest, "..", 2))
			return (void)fail_code(err, "usage",
					       "'..' follows a directory that isn't there, '%s'",
					       path),
			       NULL;
		if (size > 0 && !(size == 1 && *rest == '.')) {
			longer = box_text(err, "%s/%.*s", path, (int)size, rest);
			heap_drop(&path);
			path = longer;
		}
		rest += size + (rest[size] == '/');
	}
	return path ? box_text(err, "%s", *path ? path : "/") : NULL;
}

/* The one name of a directory that need not be there yet, whatever way it is spelled and whatever
 * links lead to it. */
static char *canonical(const char *given, struct oci_error *err)
{
	auto_free char *path = absolute(given, err);
	auto_free char *real = NULL;
	size_t there = path ? strlen(path) : 0;

	while (path && !real) {
		char next = path[there];

		path[there] = '\0';
		real = realpath(there ? path : "/", NULL);
		path[there] = next;
		if (real)
			break;
		if (errno != ENOENT)
			return (void)fail_sys(err, "find '%s'", given), NULL;
		while (there > 0 && path[there - 1] == '/')
			there--;
		while (there > 0 && path[there - 1] != '/')
			there--;
	}
	return path ? join(real, path + there, err) : NULL;
}

static char *default_root(struct oci_error *err)
{
	if (geteuid() == 0)
		return box_text(err, "/var/lib/hullbox");
	if (path_in("XDG_DATA_HOME"))
		return box_text(err, "%s/hullbox", path_in("XDG_DATA_HOME"));
	if (path_in("HOME"))
		return box_text(err, "%s/.local/share/hullbox", path_in("HOME"));
	return (void)fail_code(err, "usage",
			       "neither XDG_DATA_HOME nor HOME is an absolute path, so --root must "
			       "say where the containers are"),
	       NULL;
}

/* FNV-1a: names a directory, keeps no secret. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325U;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3U;
	return value;
}

static char *find_runtime(const char *root, bool is_default, struct oci_error *err)
{
	auto_free char *base = NULL;

	if (path_in("HULLBOX_RUNTIME"))
		return box_text(err, "%s", path_in("HULLBOX_RUNTIME"));
	if (geteuid() == 0)
		base = box_text(err, "/run/hullbox");
	else if (path_in("XDG_RUNTIME_DIR"))
		base = box_text(err, "%s/hullbox", path_in("XDG_RUNTIME_DIR"));
	else
		(void)fail_code(err, "usage",
				"XDG_RUNTIME_DIR, which a login sets, is not an absolute path, so "
				"HULLBOX_RUNTIME must say where to keep what doesn't survive a "
				"reboot");
	if (!base || is_default)
		return base ? box_text(err, "%s", base) : NULL;
	return box_text(err, "%s/roots/%016llx", base, (unsigned long long)hash(root));
}

int home_find(struct box_home *home, const char *root, struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* there need not be a usual one */
	auto_free char *given = NULL, *usual = NULL;

	*home = (struct box_home){ 0 };
	if (!root)
		root = getenv("HULLBOX_ROOT");
	given = default_root(root && *root ? &ignored : err);
	usual = given ? canonical(given, &ignored) : NULL;
	if (root && *root)
		home->root = canonical(root, err);
	else if (given)
		home->root = canonical(given, err);
	if (!home->root)
		return -1;
	home->runtime = find_runtime(home->root, usual && !strcmp(usual, home->root), err);
	return home->runtime ? 0 : -1;
}

void home_done(struct box_home *home)
{
	heap_drop(&home->root);
	heap_drop(&home->runtime);
}

static bool is_program(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

/* In a list of directories like $PATH; relative ones are never looked into. */
static char *find_in(const char *list, const char *name, struct oci_error *err)
{
	while (list && *list) {
		size_t size = strcspn(list, ":");
		auto_free char *path = NULL;

		if (*list == '/') {
			path = box_text(err, "%.*s/%s", (int)size, list, name);
			if (!path)
				return NULL;
			if (is_program(path)) {
				char *found = path;

				path = NULL;
				return found;
			}
		}
		list += size + (list[size] == ':');
	}
	return (void)fail_code(err, "not-installed", "%s: not found", name), NULL;
}

static const char *search_path(void)
{
	const char *path = getenv("PATH");

	return path && *path ? path
			     : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static char *from_variable(const char *variable, const char *name, struct oci_error *err)
{
	const char *path = getenv(variable);

	if (!is_program(path))
		return (void)fail_code(err, "not-installed", "%s: $%s is '%s', which is no program",
				       name, variable, path),
		       NULL;
	return absolute(path, err);
}

char *home_self(struct oci_error *err)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (size < 0)
		return (void)fail_sys(err, "find this program"), NULL;
	path[size] = '\0';
	return box_text(err, "%s", path);
}

char *home_hull(struct oci_error *err)
{
	char self[PATH_MAX];
	ssize_t size;

	if (getenv("HULLBOX_HULL"))
		return from_variable("HULLBOX_HULL", "hull", err);
	size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (size > 0) {
		struct oci_error ignored = { 0 }; /* then it is elsewhere */
		char *slash, *beside;

		self[size] = '\0';
		slash = strrchr(self, '/');
		*(slash ? slash : self) = '\0';
		beside = find_in(self, "hull", &ignored);
		if (beside)
			return beside;
	}
	return find_in(search_path(), "hull", err);
}

char *home_conmon(struct oci_error *err)
{
	if (getenv("HULLBOX_CONMON"))
		return from_variable("HULLBOX_CONMON", "conmon", err);
	return find_in(search_path(), "conmon", err);
}

char *home_cni_plugin(const char *name, struct oci_error *err)
{
	const char *path = getenv("CNI_PATH");

	return find_in(path && *path ? path : "/usr/lib/cni:/opt/cni/bin", name, err);
}

char *home_user_net(bool *is_pasta, struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* then it is the other one */
	char *path;

	*is_pasta = false;
	if (getenv("HULLBOX_SLIRP4NETNS"))
		return from_variable("HULLBOX_SLIRP4NETNS", "slirp4netns", err);
	path = getenv("HULLBOX_PASTA") ? NULL : find_in(search_path(), "slirp4netns", &ignored);
	if (path)
		return path;
	*is_pasta = true;
	if (getenv("HULLBOX_PASTA"))
		return from_variable("HULLBOX_PASTA", "pasta", err);
	path = find_in(search_path(), "pasta", &ignored);
	if (!path)
		(void)fail_code(err, "not-installed",
				"neither slirp4netns nor pasta is found (Debian: package "
				"slirp4netns or passt)");
	return path;
}
