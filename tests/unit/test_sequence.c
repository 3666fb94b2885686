/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The baton rule, proved for the tables of create, run, start and exec over every plan that changes
 * their shape: each row belongs to whoever holds the baton, and no role acts before it was forked.
 * Runs nothing of the table.
 */
#include "sequence/table.h"
#include "steps/record.h"
#include "tests/unit/tap.h"

struct shape {
	bool run, joins, process, terminal, console, prestart, create_runtime, everything;
	int user; /* an enum of plan_namespace.how */
	bool time, maps;
};

static void make_plan(const struct shape *shape, struct plan *plan, struct request *request)
{
	*request = (struct request){ .id = "c",
				     .run = shape->run,
				     .console_socket = shape->console ? "/s" : NULL,
				     .no_new_keyring = !shape->everything };
	*plan = (struct plan){ .request = request };
	plan->process.present = shape->process;
	plan->process.terminal = shape->terminal;
	plan->joins = shape->joins || shape->user == NS_JOINED;
	plan->hooks[HOOK_PRESTART].n = shape->prestart;
	plan->hooks[HOOK_CREATE_RUNTIME].n = shape->create_runtime;
	plan->namespaces[NS_USER].how = shape->user;
	plan->namespaces[NS_TIME].how = shape->time ? NS_NEW : NS_SHARED;
	plan->n_time_offsets = shape->time && shape->maps;
	plan->user.uids.n = plan->user.gids.n = shape->maps;
	if (!shape->everything)
		return;
	for (int type = 0; type < NS_TYPES; type++)
		if (type != NS_USER && type != NS_TIME)
			plan->namespaces[type].how = NS_NEW;
	plan->hooks[HOOK_CREATE_CONTAINER].n = plan->hooks[HOOK_START_CONTAINER].n = 1;
	plan->hooks[HOOK_POSTSTART].n = 1;
	plan->hostname = "h";
	plan->n_sysctls = plan->n_masked = plan->n_readonly = 1;
	plan->root_readonly = plan->notify = plan->cgroup.used = true;
	plan->cgroup.n_filter = 1;
	plan->process.n_rlimits = 1;
	plan->process.has_oom_score_adj = plan->process.has_personality = true;
	plan->process.no_new_privs = plan->process.needs_home = true;
	request->pid_file = request->pidfd_socket = "/p";
}

/* The first row that breaks the rule, or NULL. */
static const struct row *broken_row(const struct row *row, const struct plan *plan)
{
	bool exists[4] = { [PARENT] = true };
	enum role holder = PARENT;

	for (; row->what; row++) {
		/* In `run` the parent plays START from the JOIN on. */
		if (row->kind == JOIN && plan->request->run) {
			if (holder != PARENT)
				return row;
			holder = START;
			exists[START] = true;
		}
		if (!row_applies(row, plan))
			continue;
		/* Without a process start is refused before it meets anybody. */
		if (row->kind == JOIN && !plan->process.present)
			return holder == INIT ? NULL : row;
		if (row->kind == JOIN) {
			/* INIT waits, START comes: START has the baton. */
			if (holder != INIT || row->who != START || row->to != INIT)
				return row;
			holder = START;
			exists[START] = true;
			continue;
		}
		if (row->who != holder || !exists[row->who])
			return row;
		if (row->kind == FORK) {
			if (exists[row->to])
				return row;
			exists[row->to] = true;
		} else if (row->kind == PASS || row->kind == TELL || row->kind == EXEC) {
			if (!exists[row->to] || row->to == row->who)
				return row;
			if (row->kind != TELL)
				holder = row->to;
		}
	}
	return NULL;
}

static void test_baton(void)
{
	int plans = 0;

	static const int users[] = { NS_SHARED, NS_NEW, NS_JOINED };

	for (unsigned number = 0; number < 256 * 12; number++) {
		unsigned bits = number % 256, more = number / 256;
		struct shape shape = { bits & 1,	bits & 2,  bits & 4,	bits & 8,
				       bits & 16,	bits & 32, bits & 64,	bits & 128,
				       users[more % 3], more >= 6, more / 3 % 2 };
		struct request request;
		struct plan plan;
		const struct row *broken;

		/* The planner refuses to run what has no process. */
		if (shape.run && !shape.process)
			continue;
		make_plan(&shape, &plan, &request);
		broken = broken_row(create_rows, &plan);
		plans++;
		if (broken)
			tap_ok(false, "plan %u: row '%s' belongs to the holder of the baton",
			       number, broken->what);
	}
	tap_is_int(plans, 2304, "each of 2304 plans hands the baton on by the rule");
}

/* Every condition of the exec table by itself and together with the others. */
static void test_exec_baton(void)
{
	int plans = 0;

	for (unsigned bits = 0; bits < 32; bits++) {
		struct shape shape = { .process = true,
				       .joins = true,
				       .terminal = bits & 1,
				       .console = bits & 2,
				       .everything = bits & 4 };
		struct request_exec exec = { .paused = bits & 8 };
		struct request request;
		struct plan plan;
		const struct row *broken;

		make_plan(&shape, &plan, &request);
		request.exec = &exec;
		plan.by_chroot = bits & 16;
		broken = broken_row(exec_rows, &plan);
		plans++;
		if (broken)
			tap_ok(false, "exec plan %u: row '%s' belongs to the holder of the baton",
			       bits, broken->what);
	}
	tap_is_int(plans, 32, "each of 32 plans of exec hands the baton on by the rule");
}

static void test_names(const struct row *table)
{
	bool unique = true;

	for (const struct row *a = table; a->what; a++)
		for (const struct row *b = a + 1; b->what; b++)
			if (strcmp(a->what, b->what) == 0) {
				unique = false;
				printf("# '%s' stands twice\n", a->what);
			}
	tap_ok(unique, "every row has a name of its own");
}

static void test_deeds(const struct row *table)
{
	bool something_made = false;

	for (const struct row *row = table; row->what; row++) {
		if (row->kind != PASS && row->kind != TELL && !row->run)
			tap_ok(false, "row '%s' has a deed", row->what);
		if (row->kind == JOIN && !row->meet)
			tap_ok(false, "row '%s' has a deed for both sides", row->what);
		if (row->undo && row->who != PARENT && row->kind != FORK)
			tap_ok(false, "row '%s' can be undone by PARENT", row->what);
	}
	tap_ok(true, "every row has its deed");
	for (const struct row *row = table; row->what; row++) {
		/* The id is taken first: who finds it taken isn't told about its cgroup. */
		if (row->undo && row->run != record_reserve)
			something_made = true;
		if (row->looks && (something_made || row->kind != DO || row->who != PARENT))
			tap_ok(false, "row '%s' only looks", row->what);
	}
	tap_ok(something_made, "rows that only look come before the first that can be undone");
}

int main(void)
{
	test_baton();
	test_exec_baton();
	test_names(create_rows);
	test_names(exec_rows);
	test_deeds(create_rows);
	test_deeds(exec_rows);
	return tap_done();
}
