/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * delete: one process, a handful of steps, each of which finds what is left, whatever state a kill
 * of its creator or of an earlier delete left behind. It never waits for the lock of a creator.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "sequence/sequence.h"
#include "steps/cgroup.h"
#include "steps/hook.h"
#include "steps/intel_rdt.h"
#include "steps/systemd.h"

/* How long a killed process may take to be gone. */
enum { DEATH_MS = 10 * 1000 };

struct removal {
	const char *root, *id;
	bool force;
	void (*warn)(const char *text);
	int dir;
	struct state state;
	bool loaded;
	int pidfd;
};

/* The first process, for a container without a cgroup of its own or with processes that never
 * entered it. Its pid namespace dies with it. */
static int kill_first_process(struct removal *r, struct oci_error *err)
{
	struct pollfd gone = { .fd = r->pidfd, .events = POLLIN };
	int ready;

	if (r->pidfd < 0)
		return 0;
	if (sys_pidfd_send_signal(r->pidfd, SIGKILL) < 0 && errno != ESRCH)
		return fail_sys(err, "kill process %d", r->state.pid);
	do {
		ready = poll(&gone, 1, DEATH_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return fail_code(err, "timeout",
				 "process %d is still there %d s after SIGKILL, perhaps in an "
				 "uninterruptible sleep (see /proc/%d/stack)",
				 r->state.pid, DEATH_MS / 1000, r->state.pid);
	/* Where it is a child of this very process (run) nobody else reaps it. */
	(void)waitpid(r->state.pid, NULL, WNOHANG);
	return 0;
}

static void warn_of(struct removal *r, struct oci_error *err)
{
	if (r->warn)
		r->warn(err->text);
}

static int read_poststop(struct removal *r, struct oci_config *config, struct plan *plan,
			 const struct request *request, struct oci_error *err)
{
	if (oci_config_read_file(config, r->dir, STATE_CONFIG, NULL, err) < 0 ||
	    plan_make_hooks(plan, config, request, err) < 0)
		return fail_in(err, "the stored " STATE_CONFIG);
	return 0;
}

/* Of several deletes at once one runs the hooks: the first to have the lock. The others go on
 * without waiting for it, and remove what it still has to read: so that comes first. */
static void run_poststop(struct removal *r)
{
	struct oci_error err = { 0 };
	struct request request = { .id = r->state.id, .bundle = r->state.bundle };
	struct oci_config config = { .doc = NULL };
	struct plan plan = { .request = NULL };
	bool known = read_poststop(r, &config, &plan, &request, &err) == 0;

	if (state_take_hooks(r->dir)) {
		if (!known)
			warn_of(r, &err);
		for (size_t i = 0; known && i < plan.hooks[HOOK_POSTSTOP].n; i++)
			if (hook_run_one(&plan, HOOK_POSTSTOP, i, "stopped", 0, request.bundle,
					 &err) < 0)
				warn_of(r, &err);
		state_hooks_ran(r->dir);
	}
	plan_free(&plan);
	oci_config_close(&config);
}

static int check_deletable(struct removal *r, enum status status, struct oci_error *err)
{
	if (r->force || status == STATUS_STOPPED || status == STATUS_CREATED)
		return 0;
	return fail_code(err, "not-stopped",
			 "container '%s' is %s: only a stopped one can be deleted (--force kills "
			 "it first)",
			 r->id, status_names[status]);
}

/* A directory without state.json: its creator is at work this very moment, or was killed there. */
static int check_half_created(struct removal *r, struct oci_error *err)
{
	if (!state_try_lock(r->dir) && !r->force)
		return fail_code(err, "not-stopped", "container '%s' is being created", r->id);
	return 0;
}

/* Its processes are dead and its cgroup is gone. A systemd that doesn't answer is no reason to keep
 * the container: it will drop an empty scope by itself, and create clears away a leftover. */
static void end_unit(struct removal *r)
{
	struct oci_error err = { 0 };

	if (systemd_end(&r->state, &err) < 0) {
		(void)fail_in(&err, "the container's unit of systemd may be left");
		warn_of(r, &err);
	}
}

static int remove_all(struct removal *r, struct oci_error *err)
{
	enum status status;

	if (state_load(r->dir, r->id, &r->state, err) < 0) {
		if (strcmp(err->code, "half-created") != 0 || check_half_created(r, err) < 0)
			return -1;
		return state_remove_opened(r->root, r->id, r->dir, err);
	}
	status = state_status(r->dir, &r->state, &r->pidfd);
	TRY(check_deletable(r, status, err));
	/* Its directory is the only way back to a process that goes on living. */
	if (r->pidfd < 0 && status != STATUS_STOPPED && status != STATUS_CREATING)
		return state_fail_pidfd(&r->state, err);
	TRY(kill_first_process(r, err));
	TRY(cgroup_remove(&r->state, err));
	end_unit(r);
	TRY(intel_rdt_remove(&r->state, err));
	if (r->state.hooks_poststop && r->state.created[0])
		run_poststop(r);
	return state_remove_opened(r->root, r->id, r->dir, err);
}

int sequence_delete(const char *root, const char *id, bool force, void (*warn)(const char *text),
		    struct oci_error *err)
{
	struct removal r = { .root = root, .id = id, .force = force, .warn = warn, .pidfd = -1 };
	int status;

	r.dir = state_open(root, id, err);
	if (r.dir < 0 && force && strcmp(err->code, "no-container") == 0)
		return 0;
	if (r.dir < 0)
		return -1;
	status = remove_all(&r, err);
	state_done(&r.state);
	fd_drop(&r.pidfd);
	fd_drop(&r.dir);
	return status < 0 ? fail_in(err, "delete '%s'", id) : 0;
}
