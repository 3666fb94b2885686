/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/systemd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "plan/systemd.h"
#include "steps/cgroup.h"
#include "steps/systemd_helper.h"

/* The helper's own leaf of the scope, and the container's. */
#define KEEP "keep"
#define LEAF "container"

static struct systemd_request ask_for(const struct plan *plan, enum systemd_verb verb)
{
	return (struct systemd_request){
		.verb = verb,
		.user = plan->cgroup.systemd.user,
		.deadline_ms = systemd_deadline(SYSTEMD_DEADLINE_MS),
		.unit = plan->cgroup.systemd.unit,
		.slice = plan->cgroup.systemd.slice,
		.cgroup_mount = plan->host->cgroup_mount,
	};
}

/* One question to a helper that is started for it. */
static int ask_for_properties(const struct systemd_request *request, struct arena *arena,
			      struct unit_properties *got, struct oci_error *err)
{
	struct systemd_helper helper = SYSTEMD_NO_HELPER;
	struct systemd_reply reply;
	int result = systemd_helper_start(&helper, err);

	if (result == 0)
		result = systemd_helper_ask(&helper, request, &reply, arena, err);
	systemd_helper_kill(&helper);
	if (result == 0 && got)
		*got = reply.properties;
	return result;
}

static int ask_once(const struct systemd_request *request, struct oci_error *err)
{
	return ask_for_properties(request, NULL, NULL, err);
}

int systemd_reach(struct run *run, struct oci_error *err)
{
	struct systemd_request request = ask_for(run->plan, SYSTEMD_REACH);
	struct systemd_reply reply;

	TRY(systemd_helper_start(&run->systemd, err));
	return systemd_helper_ask(&run->systemd, &request, &reply, NULL, err);
}

/* The helper found it out from the kernel; still it is a path to be opened as root. */
static int take_scope(struct run *run, const char *path, struct oci_error *err)
{
	const char *last = strrchr(path, '/');
	int size = snprintf(run->scope, sizeof(run->scope), "%s", path + (*path == '/'));

	if (*path != '/' || !last || strcmp(last + 1, run->plan->cgroup.systemd.unit) != 0 ||
	    (size_t)size + sizeof("/" LEAF) > sizeof(run->leaf))
		return fail_code(err, "systemd-failed",
				 "'%.200s' isn't the cgroup of unit '%s', as " SYSTEMD_HELPER
				 " says",
				 path, run->plan->cgroup.systemd.unit);
	(void)snprintf(run->leaf, sizeof(run->leaf), "%.*s/" LEAF, size, run->scope);
	TRY(cgroup_take(run, run->leaf, err));
	return cgroup_inode(&run->state, run->scope, &run->state.unit_inode, err);
}

int systemd_make(struct run *run, struct oci_error *err)
{
	const struct plan_systemd *systemd = &run->plan->cgroup.systemd;
	struct systemd_request request = ask_for(run->plan, SYSTEMD_START);
	struct systemd_reply reply;
	char description[300];

	(void)snprintf(description, sizeof(description), "hull container %s",
		       run->plan->request->id);
	request.description = description;
	request.properties = systemd->properties;
	run->unit_asked = true;
	if (systemd_helper_ask(&run->systemd, &request, &reply, NULL, err) < 0) {
		/* Somebody else's unit, which isn't for hull to end. */
		run->unit_asked = strcmp(err->code, "cgroup-populated") != 0;
		return -1;
	}
	return take_scope(run, reply.text, err);
}

static int end_unit(const struct state *state, uint32_t deadline_ms, struct oci_error *err)
{
	const char *slash = state->cgroup ? strrchr(state->cgroup, '/') : NULL;
	struct systemd_request request = {
		.verb = SYSTEMD_END,
		.user = state->unit_user,
		.deadline_ms = systemd_deadline(deadline_ms),
		.unit = state->unit,
		.cgroup_mount = state->cgroup_root,
		.inode = state->unit_inode,
	};
	auto_free char *scope = NULL;

	if (slash) {
		scope = strndup(state->cgroup, (size_t)(slash - state->cgroup));
		if (!scope)
			return fail_sys(err, "end unit '%s'", state->unit);
		request.cgroup = scope;
	}
	return ask_once(&request, err);
}

void systemd_undo(struct run *run)
{
	struct oci_error ignored = { 0 }; /* what made the undo necessary is what is reported */

	fd_drop(&run->cgroup);
	if (run->state.cgroup)
		run->cgroup_left = cgroup_remove(&run->state, &ignored) < 0;
	/* Without it the scope is empty, and systemd drops it. */
	systemd_helper_kill(&run->systemd);
	if (run->unit_asked)
		(void)end_unit(&run->state, SYSTEMD_UNDO_MS, &ignored);
}

int systemd_release(struct run *run, struct oci_error *err)
{
	struct systemd_request request = ask_for(run->plan, SYSTEMD_RELEASE);
	struct systemd_reply reply;
	char keep[sizeof(run->scope) + sizeof("/" KEEP)];

	TRY(systemd_helper_ask(&run->systemd, &request, &reply, NULL, err));
	systemd_helper_end(&run->systemd);
	(void)snprintf(keep, sizeof(keep), "%s/" KEEP, run->scope);
	return cgroup_remove_empty(&run->state, keep, err);
}

int systemd_set_late(struct run *run, struct oci_error *err)
{
	struct systemd_request request = ask_for(run->plan, SYSTEMD_SET);

	request.properties = run->plan->cgroup.systemd.late;
	return ask_once(&request, err);
}

static struct systemd_request ask_about(const struct state *state, enum systemd_verb verb)
{
	return (struct systemd_request){
		.verb = verb,
		.user = state->unit_user,
		.deadline_ms = systemd_deadline(SYSTEMD_DEADLINE_MS),
		.unit = state->unit,
	};
}

int systemd_get(const struct state *state, const struct unit_properties *wanted,
		struct arena *arena, struct unit_properties *out, struct oci_error *err)
{
	struct systemd_request request = ask_about(state, SYSTEMD_GET);

	request.properties = *wanted;
	return ask_for_properties(&request, arena, out, err);
}

/* All CPUs or nodes that the cgroup above the scope has, as the mask `p`. */
static void read_above(const struct state *state, struct arena *arena, struct unit_property *p)
{
	const bool cpus = strcmp(p->name, "AllowedCPUs") == 0;
	struct plan_limit all = { .file = cpus ? "cpuset.cpus" : "cpuset.mems" };
	struct oci_error ignored = { 0 };
	struct unit_properties mapped;
	char path[2 * PATH_MAX], *content = arena_take(arena, PATH_MAX);

	(void)snprintf(path, sizeof(path), "%s/%s/../../%s.effective", state->cgroup_root,
		       state->cgroup, all.file);
	if (!content || file_read_at(AT_FDCWD, path, content, PATH_MAX, &ignored) < 0)
		return;
	content[strcspn(content, "\n")] = '\0';
	all.value = content;
	systemd_map_limits((struct limit_list){ &all, 1 }, (struct limit_list){ &all, 1 }, arena,
			   &mapped);
	if (mapped.n == 1)
		*p = mapped.v[0];
}

/* What has to be said before the old values are: devices are added to those that systemd knows, so
 * an empty list drops all; and a cpuset with processes can't be emptied, so it is widened. */
static void prepare_back(const struct state *state, const struct unit_properties *before,
			 struct arena *arena, struct unit_properties *out)
{
	for (size_t i = 0; out->v && i < before->n; i++) {
		struct unit_property *p = &out->v[out->n];

		*p = (struct unit_property){ .name = before->v[i].name, .kind = before->v[i].kind };
		if (p->kind == UNIT_BYTES && before->v[i].n == 0)
			read_above(state, arena, p);
		out->n += p->kind == UNIT_PAIRS || p->n > 0;
	}
}

static int set_by(const struct state *state, const struct unit_properties *properties,
		  uint32_t deadline_ms, struct oci_error *err)
{
	struct systemd_request request = ask_about(state, SYSTEMD_SET);

	request.deadline_ms = systemd_deadline(deadline_ms);
	request.properties = *properties;
	return properties->n > 0 ? ask_once(&request, err) : 0;
}

int systemd_set(const struct state *state, const struct unit_properties *properties,
		struct oci_error *err)
{
	return set_by(state, properties, SYSTEMD_DEADLINE_MS, err);
}

int systemd_put_back(const struct state *state, const struct unit_properties *before,
		     struct oci_error *err)
{
	struct arena arena = { 0 };
	struct unit_properties first = {
		.v = arena_array(&arena, before->n + 1, sizeof(*first.v)),
	};
	int result;

	prepare_back(state, before, &arena, &first);
	if (arena.failed)
		result = fail_code(err, "out-of-memory", "no memory for properties of a unit");
	else
		result = set_by(state, &first, SYSTEMD_END_MS, err);
	if (result == 0)
		result = set_by(state, before, SYSTEMD_END_MS, err);
	arena_done(&arena);
	return result;
}

int systemd_end(const struct state *state, struct oci_error *err)
{
	return state->unit ? end_unit(state, SYSTEMD_END_MS, err) : 0;
}
