/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * update: one process and a few deeds, all of them or none. What was there before each is kept, and
 * put back when a later one fails or a signal asks to end: systemd's properties first, which would
 * undo the rest. What can't be put back, that the kernel kills for want of memory, comes last. The
 * container is never stopped for it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/signals.h"
#include "plan/systemd.h"
#include "plan/update.h"
#include "sequence/sequence.h"
#include "steps/cgroup.h"
#include "steps/device_filter.h"
#include "steps/intel_rdt.h"
#include "steps/limits.h"
#include "steps/systemd.h"

struct update {
	const struct change *change;
	void (*warn)(const char *text);
	int dir; /* the state directory */
	struct state state;
	int lock;   /* against another update */
	int cgroup; /* or -1 */

	struct host host;
	struct request request;
	struct oci_config config;  /* as it was created */
	struct oci_config updated; /* what earlier updates made of its limits */
	struct oci_config before;  /* borrowed from these two */
	struct oci_config after;   /* the same with the change */
	struct arena arena;	   /* what `after` needs besides */
	struct update_named named; /* by the change */
	struct plan plan_before, plan;
	struct plan_limit *limits; /* of the plan: those to be written */
	size_t n_limits;
	size_t n_harmless; /* of them, the first: those that the kernel kills nobody for */

	struct limits_saved saved;
	char *schemata;	 /* as they were */
	sigset_t ending; /* signals that are looked at between the deeds */
	int filter,
		filter_before; /* device programs: the new one, the one that it replaced; or -1 */
	bool told;	       /* systemd may know new limits */
	struct unit_properties told_before; /* what it knew in their place */
};

/* --- Deciding --- */

static int open_container(struct update *u, const char *root, const char *id, struct oci_error *err)
{
	enum status status;

	u->dir = state_open(root, id, err);
	if (u->dir < 0)
		return -1;
	if (state_load(u->dir, id, &u->state, err) < 0)
		return err->num == ENOENT
			       ? fail_code(err, "not-running", "container not running (it is %s)",
					   status_names[STATUS_CREATING])
			       : -1;
	status = state_status(u->dir, &u->state, NULL);
	if (status != STATUS_CREATED && status != STATUS_RUNNING && status != STATUS_PAUSED)
		return fail_code(err, "not-running", "container not running (it is %s)",
				 status_names[status]);
	TRY(cgroup_open(&u->state, &u->cgroup, err));
	if (u->state.cgroup && u->cgroup < 0)
		return fail_code(err, "not-running",
				 "container not running: its cgroup '/%s' is gone",
				 u->state.cgroup);
	u->lock = state_update_lock(u->dir, err);
	return u->lock < 0 ? -1 : 0;
}

/* After the lock: another update may have changed it. */
static int read_stored(struct update *u, struct oci_error *err)
{
	struct oci_linux *before = &u->before.linux;

	if (oci_config_read_file(&u->config, u->dir, STATE_CONFIG, NULL, err) < 0)
		return fail_in(err, "the stored " STATE_CONFIG);
	TRY(state_updated_read(u->dir, &u->updated, err));
	u->before = u->config;
	if (u->updated.doc) {
		before->resources = u->updated.linux.resources;
		before->intel_rdt = u->updated.linux.intel_rdt;
	}
	return 0;
}

static char *loose(const char *text)
{
	char *same;

	memcpy(&same, &text, sizeof(same));
	return same;
}

static int merge(struct update *u, struct oci_error *err)
{
	const struct oci_resources none = { 0 };

	u->after = u->before;
	update_merge(&u->arena, &u->before.linux.resources,
		     u->change->resources ? u->change->resources : &none, &u->after.linux.resources,
		     &u->named);
	if (u->change->l3_cache_schema)
		u->after.linux.intel_rdt.l3_cache_schema = loose(u->change->l3_cache_schema);
	if (u->change->mem_bw_schema)
		u->after.linux.intel_rdt.mem_bw_schema = loose(u->change->mem_bw_schema);
	if (u->arena.failed)
		return fail_code(err, "out-of-memory", "no memory for the new limits");
	return 0;
}

/* What was noted at create needn't be told again. */
static int hear(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	struct update *u = ctx;
	char line[512];

	if (kind != PLAN_NOTE || !u->warn || !update_names(&u->named, pointer))
		return 0;
	(void)snprintf(line, sizeof(line), "%s: %s", pointer, text);
	u->warn(line);
	return 0;
}

static int make_plans(struct update *u, struct oci_error *err)
{
	const struct state *state = &u->state;
	const struct plan_report report = { hear, u };

	TRY(host_look(&u->host, err));
	u->request = (struct request){ .id = state->id,
				       .bundle = state->bundle,
				       .manager = state->unit	  ? CGROUP_SYSTEMD
						  : state->cgroup ? CGROUP_CGROUPFS
								  : CGROUP_DISABLED,
				       .absence = state->cgroup_absence };
	if (plan_make_update(&u->plan_before, &u->before, &u->request, &u->host, NULL, err) < 0)
		return fail_in(err, "the limits as they are");
	return plan_make_update(&u->plan, &u->after, &u->request, &u->host, &report, err);
}

static int choose_limits(struct update *u, struct oci_error *err)
{
	const struct plan_cgroup *plan = &u->plan.cgroup;

	u->limits = calloc(plan->n_limits + 1, sizeof(*u->limits));
	if (!u->limits)
		return fail_code(err, "out-of-memory", "no memory for the new limits");
	for (size_t i = 0; i < plan->n_limits; i++)
		if (update_changes(&plan->limits[i], &u->plan_before.cgroup, &u->named))
			u->limits[u->n_limits++] = plan->limits[i];
	return 0;
}

/* --- Doing --- */

static int write_limits(struct update *u, struct oci_error *err)
{
	if (u->n_limits == 0)
		return 0;
	TRY(cgroup_enable(&u->state, u->plan.cgroup.controllers, err));
	TRY(limits_split(u->cgroup, u->limits, u->n_limits, &u->n_harmless, err));
	return limits_write(u->cgroup, u->limits, u->n_harmless, &u->saved, err);
}

static int write_schemata(struct update *u, struct oci_error *err)
{
	const char *l3 = u->change->l3_cache_schema, *mb = u->change->mem_bw_schema;
	const char *lines;

	if (!l3 && !mb)
		return 0;
	lines = arena_printf(&u->arena, "%s%s%s%s", l3 ? l3 : "", l3 ? "\n" : "", mb ? mb : "",
			     mb ? "\n" : "");
	if (!lines)
		return fail_code(err, "out-of-memory", "no memory for the schemata");
	return intel_rdt_change(&u->state, lines, &u->schemata, err);
}

/* The kernel puts one program in the place of the other: at no time is there none. */
static int change_filter(struct update *u, struct oci_error *err)
{
	struct run run;
	int result;

	if (!u->change->resources || u->change->resources->devices.n == 0 || u->cgroup < 0)
		return 0;
	run_init(&run, &u->plan);
	run.cgroup = u->cgroup;
	result = device_filter_attach(&run, err);
	/* Also of a failure: the new one may be there beside one that couldn't be taken away. */
	u->filter = run.device_filter;
	u->filter_before = run.earlier_filter;
	return result;
}

static void put_back_filter(struct update *u)
{
	struct run run;

	run_init(&run, &u->plan);
	run.cgroup = u->cgroup;
	run.device_filter = fd_take(&u->filter);
	run.earlier_filter = fd_take(&u->filter_before);
	device_filter_undo(&run);
}

/* The properties that `limits`, some of the plan's, are for the container's unit. */
static int map_limits(struct update *u, const struct plan_limit *limits, size_t n,
		      struct unit_properties *out, struct oci_error *err)
{
	const struct plan_cgroup *plan = &u->plan.cgroup;

	*out = (struct unit_properties){ 0 };
	if (u->state.unit)
		systemd_map_limits((struct limit_list){ limits, n },
				   (struct limit_list){ plan->limits, plan->n_limits }, &u->arena,
				   out);
	return u->arena.failed ? fail_code(err, "out-of-memory", "no memory for properties") : 0;
}

/* Not by the plan before: somebody may have set other values meanwhile, with systemctl. */
static int ask_systemd(struct update *u, struct oci_error *err)
{
	struct unit_properties changed;

	TRY(map_limits(u, u->limits, u->n_limits, &changed, err));
	if (changed.n == 0)
		return 0;
	return systemd_get(&u->state, &changed, &u->arena, &u->told_before, err);
}

/* Only of what is to be changed. One that doesn't answer in time may still do what it was asked
 * for.
 */
static int tell_systemd(struct update *u, const struct plan_limit *limits, size_t n,
			struct oci_error *err)
{
	struct unit_properties properties;

	TRY(map_limits(u, limits, n, &properties, err));
	u->told |= properties.n > 0;
	return systemd_set(&u->state, &properties, err);
}

static int tell_ahead(struct update *u, struct oci_error *err)
{
	auto_free struct plan_limit *ahead = calloc(u->n_limits + 1, sizeof(*ahead));
	size_t n = 0;

	if (!ahead)
		return fail_code(err, "out-of-memory", "no memory for the new limits");
	for (size_t i = 0; i < u->n_limits; i++)
		if (systemd_goes_ahead(&u->limits[i], &u->plan_before.cgroup))
			ahead[n++] = u->limits[i];
	return tell_systemd(u, ahead, n, err);
}

/* Less memory than is in use ends processes, whoever is told first, systemd for the scope or the
 * kernel for the container's own cgroup. systemd checks all properties before it sets one, and may
 * refuse or not answer; the files were looked at before. So it is the first, and nothing else comes
 * between: no signal is looked at any more. */
static int finish(struct update *u, struct oci_error *err)
{
	TRY(tell_systemd(u, u->limits, u->n_limits, err));
	if (limits_write(u->cgroup, u->limits + u->n_harmless, u->n_limits - u->n_harmless,
			 &u->saved, err) == 0)
		return 0;
	/* The scope has the limit, and went with the last process, which perhaps it ended. */
	if (!u->told || strcmp(err->code, "not-running") != 0)
		return -1;
	*err = (struct oci_error){ 0 };
	return 0;
}

static int prepare(struct update *u, struct oci_error *err)
{
	return state_updated_prepare(u->dir, &u->after, err);
}

/* From here to the end of hull: half of an update would be kept nowhere. */
static int block_signals(struct update *u, struct oci_error *err)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2 };

	(void)sigemptyset(&u->ending);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (!signal_is_ignored(ending[i]))
			(void)sigaddset(&u->ending, ending[i]);
	return sigprocmask(SIG_BLOCK, &u->ending, NULL) < 0 ? fail_sys(err, "sigprocmask") : 0;
}

static int check_signals(const struct update *u, struct oci_error *err)
{
	static const struct timespec now = { 0 };
	int number = sigtimedwait(&u->ending, NULL, &now);

	if (number <= 0)
		return 0;
	return fail_code(err, "interrupted", "hull was asked to end by signal %d (%s)", number,
			 strsignal(number));
}

static int act(struct update *u, struct oci_error *err)
{
	static int (*const deeds[])(struct update *, struct oci_error *) = {
		prepare,       ask_systemd,  tell_ahead, write_schemata,
		change_filter, write_limits, finish,
	};

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		TRY(check_signals(u, err));
		TRY(deeds[i](u, err));
	}
	return state_updated_commit(u->dir, err);
}

/* A systemd that can't be told has the new values still, or is about to. */
static void put_back_properties(struct update *u, struct oci_error *err)
{
	struct oci_error second = { 0 }, first = *err;

	if (!u->told || systemd_put_back(&u->state, &u->told_before, &second) == 0)
		return;
	(void)fail_code(err, first.code, "%s; and unit '%s' may keep properties of this update: %s",
			first.text, u->state.unit, second.text);
	err->num = first.num;
}

/* What made it necessary is what is reported. */
static void undo(struct update *u, struct oci_error *err)
{
	struct oci_error ignored = { 0 };

	put_back_properties(u, err);
	state_updated_cancel(u->dir);
	put_back_filter(u);
	if (u->schemata)
		(void)intel_rdt_change(&u->state, u->schemata, NULL, &ignored);
	if (u->cgroup >= 0)
		limits_put_back(u->cgroup, &u->saved);
}

static int update(struct update *u, const char *root, const char *id, struct oci_error *err)
{
	TRY(open_container(u, root, id, err));
	TRY(read_stored(u, err));
	TRY(merge(u, err));
	TRY(make_plans(u, err));
	TRY(choose_limits(u, err));
	TRY(block_signals(u, err));
	if (act(u, err) == 0)
		return 0;
	undo(u, err);
	return -1;
}

int sequence_update(const char *root, const char *id, const struct change *change,
		    void (*warn)(const char *text), struct oci_error *err)
{
	struct update u = { .change = change,
			    .warn = warn,
			    .dir = -1,
			    .lock = -1,
			    .cgroup = -1,
			    .filter = -1,
			    .filter_before = -1 };
	int result = update(&u, root, id, err);

	limits_forget(&u.saved);
	free(u.schemata);
	free(u.limits);
	plan_free(&u.plan);
	plan_free(&u.plan_before);
	arena_done(&u.arena);
	oci_config_close(&u.config);
	oci_config_close(&u.updated);
	fd_drop(&u.filter);
	fd_drop(&u.filter_before);
	fd_drop(&u.cgroup);
	fd_drop(&u.lock);
	state_done(&u.state);
	fd_drop(&u.dir);
	return result < 0 ? fail_in(err, "update '%s'", id) : 0;
}
