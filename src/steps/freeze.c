/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See freeze.h. What the kernel promises is in Documentation/admin-guide/cgroup-v2.rst,
 * "cgroup.freeze": `frozen 1` in cgroup.events once all is, SIGKILL reaches frozen processes.
 */
#include "steps/freeze.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "plan/plan.h"
#include "steps/cgroup.h"
#include "steps/cgroup_tree.h"
#include "steps/pid_namespace.h"

#define FREEZE "cgroup.freeze"
#define FREEZE_MS 10000

static int open_cgroup(const struct state *state, int *dir, struct oci_error *err)
{
	if (!state->cgroup)
		return fail_code(err, "cgroup-missing",
				 "the container has no cgroup of its own that could be frozen (%s)",
				 plan_cgroup_absence(state->cgroup_absence, true));
	TRY(cgroup_open(state, dir, err));
	if (*dir < 0)
		return fail_code(err, "not-running",
				 "container not running: its cgroup '/%s' is gone", state->cgroup);
	return 0;
}

static int fail_above(const struct state *state, int dir, struct oci_error *err)
{
	char path[PATH_MAX];

	if (cgroup_tree_above(dir, state->cgroup, cgroup_tree_asks_freeze, path, sizeof(path)))
		return fail_code(err, "cgroup-frozen",
				 "cgroup '/%s', which is above the container's, is frozen, and not "
				 "by hull: 0 in its cgroup.freeze thaws it",
				 path);
	return fail_code(err, "cgroup-frozen",
			 "cgroup '/%s' is frozen by one above it that can't be seen from here",
			 state->cgroup);
}

static bool is_among(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* The container's processes as its pid namespace tells them; without one of its own only the first
 * is surely one. */
static int list_own(const struct state *state, pid_t **pids, size_t *n, struct oci_error *err)
{
	if (state->own_pid_ns)
		return pid_namespace_pids(state, pids, n, err);
	*pids = malloc(sizeof(**pids));
	if (!*pids)
		return fail_sys(err, "list processes");
	(*pids)[(*n)++] = state->pid;
	return 0;
}

/* In a cgroup that was there before the container others may live. */
static int refuse_others(const struct state *state, int dir, struct oci_error *err)
{
	auto_free pid_t *inside = NULL, *own = NULL;
	size_t n = 0, n_own = 0, others = 0;
	char who[512];

	if (cgroup_tree_all_pids(dir, &inside, &n, err) < 0)
		return fail_in(err, "list cgroup '/%s'", state->cgroup);
	TRY(list_own(state, &own, &n_own, err));
	for (size_t i = 0; i < n; i++)
		if (!is_among(own, n_own, inside[i]))
			inside[others++] = inside[i];
	if (others == 0)
		return 0;
	cgroup_tree_name_pids(inside, others, who, sizeof(who));
	return fail_code(err, "cgroup-foreign",
			 "cgroup '/%s' was there before the container, and others are in it, who "
			 "would be frozen, too: %s",
			 state->cgroup, who);
}

static int check_freezable(const struct state *state, int dir, struct oci_error *err)
{
	struct cgroup_events events;

	TRY(cgroup_tree_events(dir, &events, err));
	if (events.frozen && !cgroup_tree_asks_freeze(dir))
		return fail_above(state, dir, err);
	if (events.frozen)
		return fail_code(err, "paused", "the container is paused already");
	if (cgroup_has_process(state, getpid()))
		return fail_code(err, "cgroup-foreign",
				 "hull itself is in the container's cgroup '/%s'", state->cgroup);
	return state->cgroup_made ? 0 : refuse_others(state, dir, err);
}

static bool is_frozen(const struct cgroup_events *events)
{
	return events->frozen;
}

static bool is_thawed(const struct cgroup_events *events)
{
	return !events->frozen;
}

static int fail_not_frozen(const struct state *state, int dir, struct oci_error *err)
{
	char who[512];

	cgroup_tree_describe_restless(dir, who, sizeof(who));
	return fail_code(err, "not-frozen",
			 "cgroup '/%s' couldn't be frozen in %d s, so it was thawed again: waited "
			 "for %s",
			 state->cgroup, FREEZE_MS / 1000, who);
}

static int await_frozen(const struct state *state, int dir, int stop_fd, struct oci_error *err)
{
	struct cgroup_events events;

	switch (cgroup_tree_wait(dir, is_frozen, FREEZE_MS, stop_fd, err)) {
	case CGROUP_FAILED:
		return -1;
	case CGROUP_TIMED_OUT:
		return fail_not_frozen(state, dir, err);
	case CGROUP_STOPPED:
		return fail_code(err, "interrupted",
				 "interrupted by a signal, so it was thawed again");
	case CGROUP_GONE:
	case CGROUP_REACHED:
		break;
	}
	/* An empty one counts as frozen. */
	TRY(cgroup_tree_events(dir, &events, err));
	if (!events.populated)
		return fail_code(err, "not-running", "container not running: it ended meanwhile");
	return 0;
}

int freeze_container(const struct state *state, int stop_fd, struct oci_error *err)
{
	struct oci_error second = { 0 };
	auto_fd dir = -1;

	TRY(open_cgroup(state, &dir, err));
	TRY(check_freezable(state, dir, err));
	if (file_write_at(dir, FREEZE, "1", err) < 0)
		return fail_in(err, "freeze cgroup '/%s'", state->cgroup);
	if (await_frozen(state, dir, stop_fd, err) == 0)
		return 0;
	/* One that was removed needs no thawing. */
	if (file_write_at(dir, FREEZE, "0", &second) < 0 && second.num != ENOENT &&
	    second.num != ENODEV)
		return fail_in(err, "thaw cgroup '/%s': %s; after this", state->cgroup,
			       second.text);
	return -1;
}

int freeze_thaw(const struct state *state, struct oci_error *err)
{
	struct cgroup_events events;
	char path[PATH_MAX];
	enum cgroup_wait ended;
	auto_fd dir = -1;
	bool asked;

	TRY(open_cgroup(state, &dir, err));
	TRY(cgroup_tree_events(dir, &events, err));
	asked = cgroup_tree_asks_freeze(dir);
	if (!asked && !events.frozen)
		return fail_code(err, "not-paused", "container not paused");
	if (!asked ||
	    cgroup_tree_above(dir, state->cgroup, cgroup_tree_asks_freeze, path, sizeof(path)))
		return fail_above(state, dir, err);
	if (file_write_at(dir, FREEZE, "0", err) < 0)
		return fail_in(err, "thaw cgroup '/%s'", state->cgroup);
	ended = cgroup_tree_wait(dir, is_thawed, FREEZE_MS, -1, err);
	if (ended == CGROUP_TIMED_OUT)
		return fail_above(state, dir, err);
	return ended == CGROUP_FAILED ? -1 : 0;
}
