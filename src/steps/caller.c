/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/caller.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"

/* What the kernel gives its first process (init/init_task.c). */
enum { TIMER_SLACK_NS = 50000 };

void caller_reset_signals(void)
{
	struct sigaction def = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* Only what is ignored would survive execve(2), but asking costs as much as setting, and
	 * reading /proc/self/status more than all of these. */
	for (int signal = 1; signal < NSIG; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			(void)sigaction(signal, &def, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void end_by_signal(int signal)
{
	_exit(128 + signal);
}

void caller_end_on_signals(void)
{
	struct sigaction end = { .sa_handler = end_by_signal };
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		if (signal != SIGKILL && signal != SIGSTOP && signal != SIGCHLD &&
		    signal != SIGURG && signal != SIGWINCH && signal != SIGCONT &&
		    signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU)
			(void)sigaction(signal, &end, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void caller_reset_affinity(pid_t pid)
{
	/* More CPUs than any machine has; the kernel takes what the cpuset allows of them. */
	struct number_set all;

	memset(&all, 0xff, sizeof(all));
	/* Allowed for oneself always; where a policy forbids it the affinity stays as it was. */
	(void)sched_setaffinity(pid, sizeof(all), (const cpu_set_t *)(const void *)&all);
}

int caller_reset(struct run *run, struct oci_error *err)
{
	(void)run;
	(void)err;
	caller_reset_affinity(0);
	/* 0 would mean what the process was born with: the caller's. */
	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	return 0;
}

int caller_new_keyring(struct run *run, struct oci_error *err)
{
	char name[300];
	uint64_t random = 0;

	/* Joining by a name takes what bears it already, so nobody may know it beforehand: else
	 * another container's root could lay out its own keyring for this one to use. */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail_sys(err, "getrandom for the name of the session keyring");
	(void)snprintf(name, sizeof(name), "_ses.%s.%016" PRIx64, run->plan->request->id, random);
	if (sys_keyctl_join(name) >= 0 || errno == ENOSYS)
		return 0; /* a kernel without keyrings has nothing to pass on */
	if (errno == EDQUOT)
		return fail_sys(err, "join a new session keyring (the user's quota of keys is used "
				     "up, see /proc/key-users; --no-new-keyring avoids it)");
	return fail_sys(err, "join a new session keyring");
}

/* Sets, on process `pid` (0: the calling one), those of the limits that are raised, or the others:
 * judged by the caller's own, which INIT was born with. */
static int set_rlimits(const struct run *run, pid_t pid, bool raised, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;

	for (size_t i = 0; i < process->n_rlimits; i++) {
		const struct plan_rlimit *limit = &process->rlimits[i];
		enum __rlimit_resource resource = (enum __rlimit_resource)limit->resource;
		const char *type = run->plan->config->process.rlimits.v[limit->index].type;
		struct rlimit64 value = { .rlim_cur = limit->soft, .rlim_max = limit->hard };
		struct rlimit64 old;

		if (prlimit64(0, resource, NULL, &old) < 0)
			return fail_sys(err, "/process/rlimits/%zu: read %s", limit->index, type);
		if ((limit->hard > old.rlim_max) != raised)
			continue;
		if (prlimit64(pid, resource, &value, NULL) < 0)
			return fail_sys(err, "/process/rlimits/%zu: prlimit %s soft %llu hard %llu",
					limit->index, type, (unsigned long long)limit->soft,
					(unsigned long long)limit->hard);
	}
	return 0;
}

int caller_lower_rlimits(struct run *run, struct oci_error *err)
{
	return set_rlimits(run, 0, false, err);
}

int caller_raise_rlimits(struct run *run, struct oci_error *err)
{
	return set_rlimits(run, run->init_pid, true, err);
}

int caller_set_oom_score(struct run *run, struct oci_error *err)
{
	bool early = run->stage_pid > 0;
	pid_t pid = early ? run->stage_pid : run->init_pid;
	char name[48], value[16];

	(void)snprintf(name, sizeof(name), "%d/oom_score_adj", pid);
	(void)snprintf(value, sizeof(value), "%d", run->plan->process.oom_score_adj);
	if (file_write_at(run->proc, name, value, err) == 0)
		return 0;
	return fail_in(err, "/process/oomScoreAdj");
}
