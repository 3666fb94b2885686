/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opens what the subjects look at, calls them in their order, and makes sure at the end that it was
 * the container all the time.
 */
#include "verify/verify.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/sys.h"
#include "verify/procfs.h"
#include "verify/subject.h"

/* 65536 groups of ten digits, and the rest. */
enum { STATUS_LIMIT = 1024 * 1024, MAP_LIMIT = 64 * 1024 };

const char *const verify_kinds[] = { "differs", "less", "own", "unchecked" };

void verify_tell(const struct verify *v, enum verify_kind kind, const char *pointer,
		 const char *subject, const char *expected, const char *found)
{
	struct verify_finding finding = { .kind = kind };

	(void)snprintf(finding.pointer, sizeof(finding.pointer), "%s", pointer);
	(void)snprintf(finding.subject, sizeof(finding.subject), "%s", subject);
	(void)snprintf(finding.expected, sizeof(finding.expected), "%s", expected);
	(void)snprintf(finding.found, sizeof(finding.found), "%s", found);
	v->report->found(v->report->ctx, &finding);
}

void verify_unchecked(const struct verify *v, const char *pointer, const char *subject,
		      const char *reason)
{
	verify_tell(v, VERIFY_UNCHECKED, pointer, subject, "", reason);
}

char *verify_say(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(buf, size, fmt, args);
	va_end(args);
	return buf;
}

bool verify_status_field(const struct verify *v, const char *name, char *buf, size_t size)
{
	size_t length = strlen(name);

	/* The name of the process, in the first line, has its newlines escaped by the kernel. */
	for (const char *line = v->status; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		(void)snprintf(buf, size, "%.*s", (int)strcspn(line, "\n"), line);
		return true;
	}
	return false;
}

/* A line of uid_map is "INSIDE OUTSIDE COUNT", OUTSIDE as the reader's user namespace has it. */
static uint32_t map_id(const char *map, uint32_t id)
{
	unsigned inside, outside, count;
	int used;

	if (!map)
		return id;
	while (sscanf(map, "%u %u %u%n", &inside, &outside, &count, &used) == 3) {
		if (id >= inside && id - inside < count)
			return outside + (id - inside);
		map += used;
	}
	return UINT32_MAX;
}

uint32_t verify_outside_uid(const struct verify *v, uint32_t id)
{
	return map_id(v->uid_map, id);
}

uint32_t verify_outside_gid(const struct verify *v, uint32_t id)
{
	return map_id(v->gid_map, id);
}

/* Whether the process behind v->init is the one of state.json. */
static bool is_init(const struct verify *v)
{
	uint64_t start;

	return state_process_stat(v->state->pid, NULL, NULL, &start) == 0 &&
	       start == v->state->pid_start;
}

static int not_running(const struct verify *v, const char *what, struct oci_error *err)
{
	return fail_code(err, "not-running",
			 "container '%s' %s, so there is nothing to compare with its config",
			 v->state->id, what);
}

/* Seen from their own user namespace the maps would speak of the one above it. */
static bool in_other_user_ns(const struct verify *v)
{
	struct stat own, found;
	auto_fd self = openat(v->procfs, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fstatat(self, "ns/user", &own, 0) < 0 || fstatat(v->init, "ns/user", &found, 0) < 0)
		return plan_has_ns(v->plan, NS_USER);
	return own.st_ino != found.st_ino;
}

static int open_all(struct verify *v, struct oci_error *err)
{
	v->procfs = procfs_open(err);
	if (v->procfs < 0)
		return -1;
	v->init = procfs_open_process(v->procfs, v->state->pid, err);
	if (v->init < 0 || !is_init(v))
		return not_running(v, "has just ended", err);
	TRY(procfs_load(v->init, "status", STATUS_LIMIT, &v->status, err));
	if (in_other_user_ns(v)) {
		TRY(procfs_load(v->init, "uid_map", MAP_LIMIT, &v->uid_map, err));
		TRY(procfs_load(v->init, "gid_map", MAP_LIMIT, &v->gid_map, err));
	}
	if (mount_table_read(&v->mounts, v->init, "mountinfo", err) < 0)
		return fail_in(err, "the container's mounts");
	/* A link that the kernel leads straight to the directory: nothing of the container's is
	 * resolved. */
	v->root = openat(v->init, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->root_num = v->root < 0 ? errno : 0;
	return 0;
}

static int look(struct verify *v)
{
	TRY(verify_namespaces(v));
	TRY(verify_id_maps(v));
	TRY(verify_ids(v));
	TRY(verify_capabilities(v));
	TRY(verify_attributes(v));
	TRY(verify_scheduling(v));
	TRY(verify_seccomp(v));
	TRY(verify_labels(v));
	TRY(verify_root(v));
	TRY(verify_masks(v));
	TRY(verify_devices(v));
	TRY(verify_mounts(v));
	TRY(verify_cgroup(v));
	TRY(verify_intel_rdt(v));
	if (v->plan->config->hooks.present)
		verify_unchecked(v, "/hooks", "hooks", "whether they ran leaves no trace");
	return verify_inside(v);
}

static void close_all(struct verify *v)
{
	free(v->status);
	free(v->uid_map);
	free(v->gid_map);
	mount_table_free(&v->mounts);
	fd_drop(&v->root);
	fd_drop(&v->init);
	fd_drop(&v->procfs);
	fd_drop(&v->pidfd);
}

/* A paused one may be waiting for start, too. */
static bool has_executed(pid_t pid)
{
	unsigned flags;

	return state_process_stat(pid, NULL, &flags, NULL) == 0 && !(flags & STATE_PF_FORKNOEXEC);
}

int verify_container(const struct verify_stored *stored, int dir, bool trace,
		     const struct verify_report *report, struct oci_error *err)
{
	struct verify v = { .plan = &stored->plan,
			    .state = &stored->state,
			    .report = report,
			    .dir = dir,
			    .trace = trace,
			    .procfs = -1,
			    .init = -1,
			    .root = -1 };
	enum status status = state_status(dir, v.state, &v.pidfd);
	int result;

	if (status == STATUS_CREATING || status == STATUS_STOPPED) {
		fd_drop(&v.pidfd);
		return not_running(&v, status == STATUS_STOPPED ? "is stopped" : "is being created",
				   err);
	}
	v.started = has_executed(v.state->pid);
	result = open_all(&v, err);
	if (result == 0)
		result = look(&v);
	/* What was read of a process that died meanwhile says nothing. */
	if (result == 0 && state_status(dir, v.state, NULL) == STATUS_STOPPED)
		result = not_running(&v, "ended while it was looked at", err);
	close_all(&v);
	return result;
}
