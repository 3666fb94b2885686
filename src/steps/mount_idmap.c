/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/mount_idmap.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "steps/filesystem.h"
#include "steps/spawn.h"

/* ---- a user namespace with the wanted mappings and nobody in it ---- */

/* Its process lives as long as PARENT holds the other end of the pipe. */
static pid_t start_holder(int ends[2], struct oci_error *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t pid;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe2");
	pid = sys_clone3(&args);
	if (pid == 0) {
		(void)close(ends[1]);
		while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
			;
		spawn_end(0);
	}
	if (pid < 0)
		(void)fail_sys(err, "clone3 a user namespace for the mappings%s",
			       errno == ENOSPC ? " (user.max_user_namespaces?)" : "");
	return pid;
}

static int write_maps(int proc, pid_t pid, const struct plan_idmap *map, struct oci_error *err)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%d/uid_map", pid);
	TRY(file_write_at(proc, name, map->uid_map, err));
	(void)snprintf(name, sizeof(name), "%d/gid_map", pid);
	return file_write_at(proc, name, map->gid_map, err);
}

static int make_namespace(int proc, const struct plan_idmap *map, struct oci_error *err)
{
	int ends[2] = { -1, -1 };
	pid_t pid = start_holder(ends, err);
	char name[64];
	auto_fd namespace = -1;

	if (pid > 0 && write_maps(proc, pid, map, err) == 0) {
		(void)snprintf(name, sizeof(name), "%d/ns/user", pid);
		namespace = openat(proc, name, O_RDONLY | O_CLOEXEC);
		if (namespace < 0)
			(void)fail_sys(err, "open the user namespace with the mappings");
	}
	fd_drop(&ends[1]);
	fd_drop(&ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		; /* a caller that ignores SIGCHLD has it reaped by the kernel: ECHILD */
	return fd_take(&namespace);
}

/* ---- why the kernel refused ---- */

/* The line of `path`'s mount in /proc/self/mountinfo says what it is. A diagnosis only. */
static bool mount_of(int proc, const char *path, char *type, size_t size, bool *idmapped)
{
	struct statx at;
	auto_fd info = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *lines = info >= 0 ? fdopen(fd_take(&info), "r") : NULL;
	auto_free char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (lines && statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &at) == 0) {
		while (!found && getline(&line, &room, lines) > 0) {
			char *end = strstr(line, " - ");

			if (!end || strtoull(line, NULL, 10) != at.stx_mnt_id)
				continue;
			found = true;
			*end = '\0';
			*idmapped = strstr(line, ",idmapped") != NULL;
			end += 3;
			end[strcspn(end, " ")] = '\0';
			(void)snprintf(type, size, "%s", end);
		}
	}
	if (lines)
		(void)fclose(lines); /* was only read */
	return found;
}

static bool takes(const char *path, int namespace)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)namespace };
	auto_fd tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0;
}

/* ridmap fails as a whole: the first mount below `top` that refuses alone, in found. */
static bool find_culprit(int proc, const char *top, int namespace, char *found, size_t size)
{
	auto_fd info = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *lines = info >= 0 ? fdopen(fd_take(&info), "r") : NULL;
	auto_fd at = sys_open_tree(AT_FDCWD, top, OPEN_TREE_CLOEXEC);
	auto_free char *line = NULL;
	char name[32], real[PATH_MAX];
	ssize_t length;
	size_t room = 0;
	bool culprit = false;

	(void)snprintf(name, sizeof(name), "self/fd/%d", at);
	length = readlinkat(proc, name, real, sizeof(real));
	while (lines && length > 0 && !culprit && getline(&line, &room, lines) > 0) {
		char *save = NULL, *point = strtok_r(line, " ", &save);

		for (int i = 0; i < 4 && point; i++)
			point = strtok_r(NULL, " ", &save);
		if (!point || strncmp(point, real, (size_t)length) != 0 || point[length] != '/')
			continue;
		culprit = !takes(point, namespace);
		if (culprit)
			(void)snprintf(found, size, "%s", point);
	}
	if (lines)
		(void)fclose(lines); /* was only read */
	return culprit;
}

/* errno is that of mount_setattr(2): EINVAL and EPERM have several meanings each. */
static int explain(const struct run *run, const struct plan_mount *m, int namespace,
		   struct oci_error *err)
{
	int saved = errno;
	char below[PATH_MAX], type[64] = "";
	const char *path = m->source;
	bool idmapped = false;

	(void)fail_sys(err, "map ids: mount_setattr");
	if (m->kind == MOUNT_NEW) {
		path = m->destination;
		(void)snprintf(type, sizeof(type), "%s", m->type);
	} else {
		if (m->recursive && m->idmap_recursive && takes(path, namespace) &&
		    find_culprit(run->proc, path, namespace, below, sizeof(below)))
			path = below;
		if (!mount_of(run->proc, path, type, sizeof(type), &idmapped))
			return -1;
	}
	if (idmapped)
		return fail(err, "map ids: '%s' lies on a mount whose ids are mapped already",
			    path);
	if (saved == EINVAL)
		return fail(err,
			    "map ids: '%s' at '%s' has no idmapped mounts on this kernel, or its "
			    "own ids are those of the same user namespace",
			    type, path);
	if (saved == EPERM)
		return fail(err,
			    "map ids: needs CAP_SYS_ADMIN in the user namespace in which '%s' at "
			    "'%s' was mounted, and mappings other than the initial ones",
			    type, path);
	return -1;
}

/* ---- the deeds ---- */

static int fail_at(const struct plan_mount *m, struct oci_error *err)
{
	return fail_in(err, "/mounts/%zu: mount '%s' at '%s'", m->index,
		       m->kind == MOUNT_BIND ? m->source : m->type, m->destination);
}

int mount_idmap_make(struct run *run, struct oci_error *err)
{
	for (size_t i = 0; i < run->plan->n_mounts; i++) {
		const struct plan_mount *m = &run->plan->mounts[i];

		if (m->kind != MOUNT_NEW || m->idmap == IDMAP_NONE)
			continue;
		if (filesystem_is_long(m))
			(void)fail(err, "a parameter is longer than 255 bytes, and such a mount "
					"can't have its ids mapped");
		else
			run->sources[i] = filesystem_make(m, NULL, err);
		if (run->sources[i] < 0)
			return fail_at(m, err);
	}
	return 0;
}

static int map_one(const struct run *run, size_t i, int namespace, struct oci_error *err)
{
	const struct plan_mount *m = &run->plan->mounts[i];
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)namespace };
	unsigned flags = AT_EMPTY_PATH | (m->idmap_recursive ? AT_RECURSIVE : 0);

	if (sys_mount_setattr(run->sources[i], "", flags, &attr, sizeof(attr)) == 0)
		return 0;
	(void)explain(run, m, namespace, err);
	return fail_at(m, err);
}

/* All mounts with the same mappings, so that their namespace need not be kept. */
static int map_group(const struct run *run, size_t group, struct oci_error *err)
{
	auto_fd namespace = -1;

	for (size_t i = 0; i < run->plan->n_mounts; i++) {
		const struct plan_mount *m = &run->plan->mounts[i];

		/* `hull check` makes no file systems. */
		if (m->idmap != IDMAP_OWN || m->idmap_index != group || run->sources[i] < 0)
			continue;
		if (namespace < 0)
		namespace = make_namespace(run->proc, &run->plan->idmaps[group], err);
		if (namespace < 0)
			return fail_at(m, err);
		TRY(map_one(run, i, namespace, err));
	}
	return 0;
}

int mount_idmap_all(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;

	if (!run->sources || run->proc < 0)
		return 0; /* `hull check`, and an earlier step has told why; INIT asks ids_mapped */
	for (size_t i = 0; i < plan->n_idmaps; i++)
		TRY(map_group(run, i, err));
	for (size_t i = 0; i < plan->n_mounts; i++) {
		if (plan->mounts[i].idmap != IDMAP_JOINED || run->sources[i] < 0)
			continue;
		if (run->ns_fd[NS_USER] < 0) {
			(void)fail(err, "map ids: there is no other user namespace to join");
			return fail_at(&plan->mounts[i], err);
		}
		TRY(map_one(run, i, run->ns_fd[NS_USER], err));
	}
	run->ids_mapped = true;
	return 0;
}
