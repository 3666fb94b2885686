/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/cgroup_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* One name per line (cgroups(7)); where there is no such file, the specification names three. */
#define DELEGATE "/sys/kernel/cgroup/delegate"
#define FALLBACK "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"

static bool find_outside(const struct plan_id_range *ranges, size_t n, uid_t inside, uid_t *outside)
{
	for (size_t i = 0; i < n; i++)
		if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count) {
			*outside = ranges[i].outside + (inside - ranges[i].inside);
			return true;
		}
	return false;
}

/* By the map of INIT's user namespace as it is: of one that was joined the plan may know nothing.
 * The kernel writes the outside ids as hull's own user namespace counts them. */
static int read_outside(const struct run *run, uid_t inside, uid_t *outside, struct oci_error *err)
{
	char path[32], map[16384];
	struct plan_id_range range;
	int used;

	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)run->init_pid);
	if (file_read_at(AT_FDCWD, path, map, sizeof(map), err) < 0)
		return -1;
	for (const char *at = map;
	     sscanf(at, "%u %u %u%n", &range.inside, &range.outside, &range.count, &used) == 3;
	     at += used)
		if (find_outside(&range, 1, inside, outside))
			return 0;
	return fail_code(err, "id-mapping",
			 "/process/user/uid: %u isn't mapped in the container's user namespace, so "
			 "its cgroup can't be given to it",
			 inside);
}

static int host_uid(const struct run *run, uid_t *uid, struct oci_error *err)
{
	const struct plan *plan = run->plan;
	uid_t inside = plan->process.uid;

	*uid = inside;
	if (!plan_has_ns(plan, NS_USER) ||
	    find_outside(plan->user.uids.ranges, plan->user.uids.n, inside, uid))
		return 0;
	return read_outside(run, inside, uid, err);
}

/* --- What was there before --- */

struct cgroup_owners {
	struct owner {
		char *name;
		uid_t uid;
	} * v;
	size_t n;
};

static int add_owner(struct cgroup_owners *list, const char *name, uid_t uid)
{
	struct owner *more = realloc(list->v, (list->n + 1) * sizeof(*list->v));

	if (!more)
		return -1;
	list->v = more;
	more[list->n] = (struct owner){ strdup(name), uid };
	if (!more[list->n].name)
		return -1;
	list->n++;
	return 0;
}

/* What hull made goes, whoever owns it. */
static int keep(struct run *run, const char *name, struct oci_error *err)
{
	struct stat st;

	if (run->state.cgroup_made)
		return 0;
	if (fstatat(run->cgroup, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "stat '%s' of the cgroup", name);
	if (!run->earlier_owners)
		run->earlier_owners = calloc(1, sizeof(*run->earlier_owners));
	if (!run->earlier_owners || add_owner(run->earlier_owners, name, st.st_uid) < 0)
		return fail_code(err, "out-of-memory", "no memory for the cgroup's owners");
	return 0;
}

void cgroup_owner_undo(struct run *run)
{
	const struct cgroup_owners *list = run->earlier_owners;

	for (size_t i = list && run->cgroup >= 0 ? list->n : 0; i-- > 0;)
		if (fchownat(run->cgroup, list->v[i].name, list->v[i].uid, (gid_t)-1,
			     AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* what made it necessary is what is reported */
}

void cgroup_owner_done(struct run *run)
{
	struct cgroup_owners *list = run->earlier_owners;

	for (size_t i = 0; list && i < list->n; i++)
		free(list->v[i].name);
	if (list)
		free(list->v);
	free(list);
	run->earlier_owners = NULL;
}

/* --- The row --- */

/* Not every cgroup has each of the files. */
static int give(struct run *run, const char *name, uid_t uid, struct oci_error *err)
{
	TRY(keep(run, name, err));
	if (fchownat(run->cgroup, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno == ENOENT)
		return 0;
	return fail_sys(err, "chown '%s' of the cgroup to %u", name, uid);
}

static int give_files(struct run *run, char *names, uid_t uid, struct oci_error *err)
{
	char *save = NULL;

	for (char *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
		if (!strchr(name, '/'))
			TRY(give(run, name, uid, err));
	return 0;
}

int cgroup_owner_set(struct run *run, struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	char names[4096];
	uid_t uid;

	TRY(host_uid(run, &uid, err));
	if (file_read_at(AT_FDCWD, DELEGATE, names, sizeof(names), &ignored) < 0)
		(void)strcpy(names, FALLBACK);
	TRY(give(run, ".", uid, err));
	return give_files(run, names, uid, err);
}
