/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/intel_rdt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

/* How long another who has the lock of resctrl may keep it. */
enum { LOCK_MS = 10 * 1000 };
/* More than a list of tasks ever has: pid_max has seven digits at most. */
enum { FILE_LIMIT = 32 * 1024 * 1024 };

static int open_dir(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int open_root(const char *path, struct oci_error *err)
{
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? fail_sys(err, "/linux/intelRdt: open '%s'", path) : root;
}

/* "" is the root itself: the default class of service. */
static int open_group(int root, const char *group)
{
	return open_dir(root, group[0] ? group : ".");
}

static bool exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The whole of a file whose size nobody knows beforehand, on the heap, or NULL. */
static char *load(int dir, const char *name, struct oci_error *err)
{
	auto_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t room = 0, used = 0;
	char *text = NULL;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 || (got < 0 && errno == EINTR && fd >= 0)) {
		if (room - used < 4096) {
			char *more = room < FILE_LIMIT ? realloc(text, 2 * room + 8192) : NULL;

			if (!more) {
				errno = ENOMEM;
				got = -1;
				break;
			}
			text = more;
			room = 2 * room + 8192;
		}
		got = read(fd, text + used, room - used - 1);
		used += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		(void)fail_sys(err, "/linux/intelRdt: read '%s'", name);
		free(text);
		return NULL;
	}
	text[used] = '\0';
	return text;
}

/* `group` is -1 where it is still to be made. */
static int check_monitor(int root, int group, const char *monitor, struct oci_error *err)
{
	auto_fd groups = open_dir(group >= 0 ? group : root, "mon_groups");

	if (groups < 0)
		return fail_code(err, "unsupported",
				 "/linux/intelRdt/enableMonitoring: this CPU has no monitoring: "
				 "resctrl has no mon_groups");
	if (group >= 0 && exists(groups, monitor))
		return fail(err,
			    "/linux/intelRdt/enableMonitoring: a monitoring group '%s' exists, "
			    "which isn't this container's",
			    monitor);
	return 0;
}

int intel_rdt_find(struct run *run, struct oci_error *err)
{
	const struct plan_intel_rdt *plan = &run->plan->intel_rdt;
	auto_fd root = -1;
	auto_fd group = -1;

	if (!host_resctrl_mount(run->resctrl))
		return fail_code(err, "unsupported",
				 "/linux/intelRdt: no resctrl file system is mounted (mount -t "
				 "resctrl resctrl /sys/fs/resctrl; the CPU and the kernel, "
				 "CONFIG_X86_CPU_RESCTRL, must have it)");
	root = open_root(run->resctrl, err);
	if (root < 0)
		return -1;
	group = open_group(root, plan->group);
	if (group < 0 && errno != ENOENT)
		return fail_sys(err, "/linux/intelRdt: open '%s/%s'", run->resctrl, plan->group);
	if (group < 0 && plan->given && !plan->schemata)
		return fail(err,
			    "/linux/intelRdt/closID: resctrl has no '%s', and without schemata it "
			    "isn't made",
			    plan->group);
	if (group >= 0 && !plan->given && run->plan->request->id)
		return fail(err,
			    "/linux/intelRdt: resctrl has a '%s' already that isn't this "
			    "container's: remove it, or name it by closID",
			    plan->group);
	if (plan->monitor && run->plan->request->id)
		return check_monitor(root, group, plan->monitor, err);
	return 0;
}

void intel_rdt_intend(struct run *run)
{
	const struct plan_intel_rdt *plan = &run->plan->intel_rdt;
	struct state *state = &run->state;
	auto_fd root = -1;

	if (!plan->used)
		return;
	root = open(run->resctrl, O_PATH | O_DIRECTORY | O_CLOEXEC);
	state->rdt_root = run->resctrl;
	state->rdt_group = plan->group;
	state->rdt_group_made = plan->group[0] && !exists(root, plan->group);
	state->rdt_monitor = plan->monitor;
}

/* Whoever writes to resctrl has this lock (Documentation/filesystems/resctrl.rst); closing gives
 * it back. */
static int lock(int root, struct oci_error *err)
{
	for (int waited = 0; flock(root, LOCK_EX | LOCK_NB) < 0; waited++) {
		if (errno != EWOULDBLOCK)
			return fail_sys(err, "flock of resctrl");
		if (waited == LOCK_MS / 10)
			return fail_code(err, "timeout",
					 "somebody has kept the lock of resctrl for %d s",
					 LOCK_MS / 1000);
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

static int open_locked(const char *path, struct oci_error *err)
{
	auto_fd root = open_root(path, err);

	return root < 0 || lock(root, err) < 0 ? -1 : fd_take(&root);
}

/* The kernel says why in a file of its own, one line. */
static int write_schemata(int root, int group, const char *text, struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	char why[256] = "";

	if (file_write_at(group, "schemata", text, err) == 0)
		return 0;
	if (file_read_at(root, "info/last_cmd_status", why, sizeof(why), &ignored) < 0)
		why[0] = '\0';
	why[strcspn(why, "\n")] = '\0';
	return fail_in(err, "/linux/intelRdt: schemata%s%s%s", why[0] ? " (" : "", why,
		       why[0] ? ")" : "");
}

static const char *skip_padding(const char *at)
{
	return at + strspn(at, " \t");
}

/* Do two numbers say the same? The kernel pads them with zeros and spaces. */
static bool same_value(const char *a, size_t a_size, const char *b, size_t b_size)
{
	while (a_size > 1 && (*a == '0' || *a == ' '))
		a++, a_size--;
	while (b_size > 1 && (*b == '0' || *b == ' '))
		b++, b_size--;
	while (a_size > 0 && a[a_size - 1] == ' ')
		a_size--;
	while (b_size > 0 && b[b_size - 1] == ' ')
		b_size--;
	return a_size == b_size && strncasecmp(a, b, a_size) == 0;
}

/* The value of domain `name` in the part of a line behind the colon, "0=7ff;1=7ff". */
static const char *find_domain(const char *domains, const char *name, size_t name_size,
			       size_t *size)
{
	while (*domains && *domains != '\n') {
		size_t item = strcspn(domains, ";\n");
		size_t equals = strcspn(domains, "=;\n");

		if (equals < item && same_value(domains, equals, name, name_size)) {
			*size = item - equals - 1;
			return domains + equals + 1;
		}
		domains += item + (domains[item] == ';');
	}
	return NULL;
}

/* The line of a schemata file that has the resource of `line`: behind its colon, or NULL. */
static const char *find_resource(const char *schemata, const char *line)
{
	size_t size = strcspn(skip_padding(line), ":\n");

	while (*schemata) {
		const char *at = skip_padding(schemata);

		if (strcspn(at, ":\n") == size && strncmp(at, skip_padding(line), size) == 0 &&
		    at[size] == ':')
			return at + size + 1;
		schemata += strcspn(schemata, "\n");
		schemata += *schemata == '\n';
	}
	return NULL;
}

/* Is every domain of `line` in the file, with the same value? */
static bool has_line(const char *schemata, const char *line)
{
	const char *there = find_resource(schemata, line);
	const char *wanted = strchr(line, ':');

	if (!there || !wanted)
		return false;
	for (wanted++; *wanted && *wanted != '\n';) {
		size_t item = strcspn(wanted, ";\n");
		size_t equals = strcspn(wanted, "=;\n");
		size_t size;
		const char *value = find_domain(there, wanted, equals, &size);

		if (equals == item || !value ||
		    !same_value(value, size, wanted + equals + 1, item - equals - 1))
			return false;
		wanted += item + (wanted[item] == ';');
	}
	return true;
}

static int compare_schemata(int group, const struct plan_intel_rdt *plan, struct oci_error *err)
{
	auto_free char *text = load(group, "schemata", err);

	if (!text)
		return -1;
	for (const char *line = plan->schemata; *line; line = strchr(line, '\n') + 1)
		if (!has_line(text, line))
			return fail_code(err, "rdt-differs",
					 "/linux/intelRdt: the class of service '%s' exists, and "
					 "its schemata differs from '%.*s'",
					 plan->group, (int)strcspn(line, "\n"), line);
	return 0;
}

static int make_group(struct run *run, int root, struct oci_error *err)
{
	struct state *state = &run->state;

	if (!state->rdt_group_made)
		return 0;
	if (mkdirat(root, state->rdt_group, 0755) == 0)
		return 0;
	if (errno == ENOSPC)
		return fail_sys(err,
				"/linux/intelRdt: make '%s/%s' (the CPU has only so many "
				"classes of service, see info/*/num_closids)",
				state->rdt_root, state->rdt_group);
	/* Another container with this closID was faster: it is that one's. */
	state->rdt_group_made = errno != EEXIST;
	if (state->rdt_group_made || !run->plan->intel_rdt.given)
		return fail_sys(err, "/linux/intelRdt: make '%s/%s'", state->rdt_root,
				state->rdt_group);
	return state_write(run->state_dir, state, err);
}

static int make_monitor(struct run *run, int group, struct oci_error *err)
{
	struct state *state = &run->state;
	auto_fd groups = open_dir(group, "mon_groups");

	if (groups >= 0 && mkdirat(groups, state->rdt_monitor, 0755) == 0)
		return 0;
	(void)fail_sys(err, "/linux/intelRdt/enableMonitoring: make mon_groups/%s",
		       state->rdt_monitor);
	state->rdt_monitor = NULL; /* not this one's to remove */
	return -1;
}

static int make_all(struct run *run, int root, struct oci_error *err)
{
	const struct plan_intel_rdt *plan = &run->plan->intel_rdt;
	auto_fd group = -1;

	TRY(make_group(run, root, err));
	group = open_group(root, plan->group);
	if (group < 0)
		return fail_sys(err, "/linux/intelRdt: open '%s/%s'", run->resctrl, plan->group);
	if (plan->schemata && run->state.rdt_group_made)
		TRY(write_schemata(root, group, plan->schemata, err));
	else if (plan->schemata)
		TRY(compare_schemata(group, plan, err));
	return plan->monitor ? make_monitor(run, group, err) : 0;
}

int intel_rdt_make(struct run *run, struct oci_error *err)
{
	auto_fd root = open_locked(run->resctrl, err);

	return root < 0 ? -1 : make_all(run, root, err);
}

void intel_rdt_undo(struct run *run)
{
	struct oci_error ignored = { 0 };

	(void)intel_rdt_remove(&run->state, &ignored); /* best effort, the cause is told */
}

/* Between the making and now nobody of this container was in the class, so its maker's delete may
 * have removed it, and the monitoring group with it. Then it is this one's to make and to remove.
 */
static int make_again(struct run *run, int root, struct oci_error *err)
{
	struct state *state = &run->state;
	auto_fd group = open_group(root, state->rdt_group);
	auto_fd groups = group < 0 ? -1 : open_dir(group, "mon_groups");

	if (group < 0 && errno == ENOENT && run->plan->intel_rdt.schemata) {
		state->rdt_group_made = true;
		TRY(state_write(run->state_dir, state, err));
		return make_all(run, root, err);
	}
	if (groups >= 0 && state->rdt_monitor && !exists(groups, state->rdt_monitor))
		return make_monitor(run, group, err);
	return 0;
}

int intel_rdt_enter(struct run *run, struct oci_error *err)
{
	const struct state *state = &run->state;
	auto_fd root = -1;
	auto_fd group = -1;
	char pid[16], tasks[300];

	if (!state->rdt_root)
		return 0; /* exec into a container that an older hull made */
	root = open_locked(state->rdt_root, err);
	if (root < 0)
		return -1;
	if (!run->plan->request->exec)
		TRY(make_again(run, root, err));
	(void)snprintf(pid, sizeof(pid), "%d", run->init_pid);
	group = open_group(root, state->rdt_group);
	if (group < 0)
		return fail_sys(err, "/linux/intelRdt: open '%s/%s'%s", state->rdt_root,
				state->rdt_group,
				errno == ENOENT ? " (it was removed meanwhile)" : "");
	if (file_write_at(group, "tasks", pid, err) < 0)
		return fail_in(err, "/linux/intelRdt: '%s/%s'", state->rdt_root, state->rdt_group);
	if (!state->rdt_monitor)
		return 0;
	(void)snprintf(tasks, sizeof(tasks), "mon_groups/%s/tasks", state->rdt_monitor);
	if (file_write_at(group, tasks, pid, err) < 0)
		return fail_in(err, "/linux/intelRdt/enableMonitoring");
	return 0;
}

/* A list of pids, one in each line. */
static bool lists(const char *text, pid_t pid)
{
	char *end;

	for (; isdigit((unsigned char)*text); text = end + (*end == '\n'))
		if (strtol(text, &end, 10) == pid)
			return true;
	return false;
}

static int look_for_member(int group, const char *tasks, pid_t pid, bool *found,
			   struct oci_error *err)
{
	auto_free char *text = load(group, tasks, err);

	if (!text)
		return -1;
	*found = lists(text, pid);
	return 0;
}

int intel_rdt_look(const struct state *state, const struct plan_intel_rdt *plan, pid_t pid,
		   struct intel_rdt_found *found, struct oci_error *err)
{
	auto_fd root = open_root(state->rdt_root, err);
	auto_fd group = root < 0 ? -1 : open_group(root, state->rdt_group);
	auto_free char *text = NULL;
	char tasks[300];

	*found = (struct intel_rdt_found){ .group = group >= 0 };
	if (root < 0)
		return -1;
	if (group < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open '%s'", state->rdt_group);
	TRY(look_for_member(group, "tasks", pid, &found->member, err));
	(void)snprintf(tasks, sizeof(tasks), "mon_groups/%s/tasks", state->rdt_monitor);
	if (state->rdt_monitor && look_for_member(group, tasks, pid, &found->monitored, err) < 0 &&
	    err->num != ENOENT)
		return -1;
	text = load(group, "schemata", err);
	if (!text)
		return -1;
	for (const char *line = plan->schemata; line && *line; line = strchr(line, '\n') + 1)
		if (found->line[0] == '\0' && !has_line(text, line))
			(void)snprintf(found->line, sizeof(found->line), "%.*s",
				       (int)strcspn(line, "\n"), line);
	return 0;
}

/* One that is dying has left its cgroup before it is a zombie. What can't be looked at, for want of
 * descriptors or memory, isn't gone. */
static bool is_alive(pid_t pid)
{
	unsigned flags;

	if (state_process_stat(pid, NULL, &flags, NULL) < 0)
		return errno != ENOENT && errno != ESRCH;
	return !(flags & STATE_PF_EXITING);
}

/* Has the group a process that isn't dead? Those of the container have been killed. */
static bool is_in_use(int group)
{
	struct oci_error ignored = { 0 };
	auto_free char *text = load(group, "tasks", &ignored);
	char *at, *end;

	if (!text)
		return true;
	for (at = text; isdigit((unsigned char)*at); at = end + (*end == '\n'))
		if (is_alive((pid_t)strtol(at, &end, 10)))
			return true;
	return false;
}

/* After a reboot the names may be anybody's. */
static bool same_boot(const struct state *state)
{
	struct oci_error ignored = { 0 };
	char boot_id[40];

	return state_boot_id(boot_id, &ignored) == 0 && strcmp(boot_id, state->boot_id) == 0;
}

int intel_rdt_change(const struct state *state, const char *schemata, char **old,
		     struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd group = -1;

	if (!state->rdt_root || !state->rdt_group || !state->rdt_group_made)
		return fail_code(err, "usage",
				 "the container has no RDT class of service of its own "
				 "(linux.intelRdt)");
	root = open_locked(state->rdt_root, err);
	if (root < 0)
		return -1;
	group = open_group(root, state->rdt_group);
	if (group < 0)
		return fail_sys(err, "open '%s/%s'", state->rdt_root, state->rdt_group);
	if (old) {
		*old = load(group, "schemata", err);
		if (!*old)
			return -1;
	}
	return write_schemata(root, group, schemata, err);
}

int intel_rdt_remove(const struct state *state, struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd group = -1;
	char monitor[300];

	if (!state->rdt_root || !state->rdt_group || !same_boot(state))
		return 0;
	root = open(state->rdt_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		TRY(lock(root, err)); /* nobody enters between the look and the removal */
	group = root < 0 ? -1 : open_group(root, state->rdt_group);
	if (group < 0)
		return errno == ENOENT
			       ? 0
			       : fail_sys(err, "open '%s/%s'", state->rdt_root, state->rdt_group);
	if (state->rdt_monitor) {
		(void)snprintf(monitor, sizeof(monitor), "mon_groups/%s", state->rdt_monitor);
		if (unlinkat(group, monitor, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return fail_sys(err, "remove '%s/%s/%s'", state->rdt_root, state->rdt_group,
					monitor);
	}
	if (!state->rdt_group_made || !state->rdt_group[0] || is_in_use(group))
		return 0;
	if (unlinkat(root, state->rdt_group, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_sys(err, "remove '%s/%s'", state->rdt_root, state->rdt_group);
	return 0;
}
