/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull ps`: the processes of a container, which are those in its cgroup, by the pids that the
 * caller knows them by. Their names and times are for ps(1), whose lines are filtered (ps_table.c).
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/container.h"
#include "command/ps_table.h"
#include "steps/cgroup.h"

struct ps_options {
	const char *format;
};

static const struct option_row options[] = {
	{ 'f', "format", "FORMAT", "table (default) or json", OPTION_WORD,
	  offsetof(struct ps_options, format), "table|json" },
	OPTIONS_END,
};

/* An array of numbers, which is what containerd decodes. */
static int print_json(const pid_t *pids, size_t n, struct oci_error *err)
{
	struct json_text text;
	int result;

	json_text_init(&text, false);
	json_text_open_array(&text, NULL);
	for (size_t i = 0; i < n; i++)
		json_text_int(&text, NULL, pids[i]);
	json_text_close_array(&text);
	result = json_text_check(&text, err);
	if (result == 0)
		(void)printf("%s\n", text.text);
	json_text_done(&text);
	return result;
}

/* --- Without a cgroup of its own: by the pid namespace --- */

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the process is in the pid namespace or one below it. Into what the caller may not look,
 * it isn't the container's: the caller owns that. */
static bool is_below(int proc, const char *pid, const struct stat *top)
{
	char path[32];
	struct stat st;
	int next;

	(void)snprintf(path, sizeof(path), "%.10s/ns/pid", pid);
	if (fstatat(proc, path, &st, 0) < 0)
		return false;
	if (same(&st, top))
		return true;
	for (int ns = openat(proc, path, O_RDONLY | O_CLOEXEC); ns >= 0; ns = next) {
		bool found = fstat(ns, &st) == 0 && same(&st, top);

		next = found ? -1 : ioctl(ns, NS_GET_PARENT);
		fd_drop(&ns);
		if (found)
			return true;
	}
	return false;
}

static int add(pid_t **pids, size_t *n, pid_t pid, struct oci_error *err)
{
	pid_t *more = realloc(*pids, (*n + 1) * sizeof(**pids));

	if (!more)
		return fail_code(err, "out-of-memory", "no memory for the pids");
	*pids = more;
	more[(*n)++] = pid;
	return 0;
}

static int find_below(DIR *proc, pid_t init, pid_t **pids, size_t *n, struct oci_error *err)
{
	struct dirent *entry;
	struct stat top;
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/ns/pid", init);
	/* An unprivileged caller may not look at one that waits for start: then it is alone. */
	if (fstatat(dirfd(proc), path, &top, 0) < 0)
		return add(pids, n, init, err);
	while ((entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    is_below(dirfd(proc), entry->d_name, &top))
			TRY(add(pids, n, (pid_t)strtol(entry->d_name, NULL, 10), err));
	return 0;
}

static int find_by_namespace(const struct container *container, pid_t **pids, size_t *n,
			     struct oci_error *err)
{
	DIR *proc;
	int result;

	if (container->pid <= 0)
		return 0;
	/* Whose processes would be those of the host's namespace can't be told. */
	if (!container->state.own_pid_ns)
		return fail_code(err, "cgroup-missing",
				 "ps '%s': the container has no cgroup and no pid namespace of its "
				 "own, so its processes can't be told from others",
				 container->id);
	proc = opendir("/proc");
	if (!proc)
		return fail_sys(err, "ps '%s': open '/proc'", container->id);
	result = find_below(proc, container->pid, pids, n, err);
	(void)closedir(proc); /* was only read */
	return result;
}

static int by_number(const void *a, const void *b)
{
	const pid_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int find(const struct container *container, pid_t **pids, size_t *n, struct oci_error *err)
{
	if (container->state.cgroup)
		TRY(cgroup_pids(&container->state, pids, n, err));
	else
		TRY(find_by_namespace(container, pids, n, err));
	if (*n > 0)
		qsort(*pids, *n, sizeof(**pids), by_number);
	return 0;
}

static int ps(const struct call *call, struct oci_error *err)
{
	const struct ps_options *given = call->options;
	const char *root = globals_root(call->globals, err);
	struct container container = { 0 };
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int result;

	if (!root || container_look(root, call->operands[0], &container, err) < 0)
		return -1;
	result = find(&container, &pids, &n, err);
	container_done(&container);
	TRY(result);
	if (!given->format || strcmp(given->format, "json") != 0)
		return ps_table(call->operands + 1, call->n_operands - 1, pids, n, err);
	if (call->n_operands > 1)
		return fail_code(err, "usage", "ps: options of ps(1) need the format 'table'");
	return print_json(pids, n, err);
}

const struct command ps_command = {
	.name = "ps",
	.operands = "ID [PS-OPTION...]",
	.summary = "List the processes of a container",
	.text = "What follows the ID is for ps(1) (default: -ef), which must print a column PID:\n"
		"its lines are shown that belong to the container.",
	.options = options,
	.options_size = sizeof(struct ps_options),
	.n_required = 1,
	.n_allowed = 1,
	.takes_command = true,
	.forks = true,
	.run = ps,
};
