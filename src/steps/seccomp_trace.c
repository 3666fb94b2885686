/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The filters of a process as its tracer sees them (PTRACE_SECCOMP_GET_FILTER). It is seized, not
 * attached to, so no SIGSTOP is sent; it stops for as long as the reading takes. The tracer is a
 * process for this alone: what waits in the kernel may never stop, only what has stopped can be let
 * go by PTRACE_DETACH, and the end of the tracer lets go of it in any case.
 */
#include <errno.h>
#include <linux/ptrace.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "steps/seccomp.h"
#include "steps/spawn.h"

enum { DEADLINE_S = 5 };

/* Shared with the tracer. */
struct trace {
	const struct state *state;
	const struct filter *filter;
	unsigned long n;
	bool waits, found; /* found out by the tracer */
};

/* Waits for the stop. *signal is what it was about to be given, which the tracer must pass on. */
static int wait_for_stop(pid_t pid, int *signal, struct oci_error *err)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return fail_sys(err, "wait for the traced process");
	if (!WIFSTOPPED(status))
		return fail(err, "the process ended");
	*signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
	return 0;
}

/* Is the filter number `index`, 0 the oldest, `filter`? */
static int is_filter(pid_t pid, unsigned long index, const struct filter *filter, bool *is,
		     struct oci_error *err)
{
	struct sock_filter *code;
	long n = sys_ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, NULL);

	if (n < 0 && (errno == EACCES || errno == EPERM))
		return fail_sys(err, "its instructions are shown only to who has CAP_SYS_ADMIN "
				     "and no filter itself");
	if (n < 0)
		return fail_sys(err, "PTRACE_SECCOMP_GET_FILTER (CONFIG_CHECKPOINT_RESTORE)");
	*is = false;
	if ((size_t)n != filter->n)
		return 0;
	code = calloc((size_t)n, sizeof(*code));
	if (!code)
		return fail_sys(err, "memory for the filter");
	n = sys_ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, code);
	*is = n >= 0 && memcmp(code, filter->code, filter->n * sizeof(*code)) == 0;
	free(code);
	return n < 0 ? fail_sys(err, "PTRACE_SECCOMP_GET_FILTER") : 0;
}

static int read_filters(struct trace *trace, struct oci_error *err)
{
	int signal = 0, result;

	trace->waits = true;
	result = wait_for_stop(trace->state->pid, &signal, err);
	trace->waits = false;
	for (unsigned long i = 0; i < trace->n && !trace->found && result == 0; i++)
		result = is_filter(trace->state->pid, i, trace->filter, &trace->found, err);
	/* What ended meanwhile is nobody's to detach. */
	(void)sys_ptrace(PTRACE_DETACH, trace->state->pid, 0, (void *)(intptr_t)signal);
	return result;
}

static int seize(void *ctx, struct oci_error *err)
{
	struct trace *trace = ctx;
	pid_t pid = trace->state->pid;
	uint64_t start = 0;

	if (sys_ptrace(PTRACE_SEIZE, pid, 0, NULL) < 0)
		return fail_sys(err, "it can't be traced (is something else tracing it?)");
	/* Seized, its pid can't become another's any more. */
	if (state_process_stat(pid, NULL, NULL, &start) < 0 || start != trace->state->pid_start)
		return fail(err, "the process ended");
	if (sys_ptrace(PTRACE_INTERRUPT, pid, 0, NULL) < 0)
		return fail_sys(err, "stop it");
	return read_filters(trace, err);
}

int filter_traced(const struct state *state, const struct filter *filter, unsigned long n,
		  bool *found, struct oci_error *err)
{
	struct trace *trace = mmap(NULL, sizeof(*trace), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool made;
	int result;

	*found = false;
	if (trace == MAP_FAILED)
		return fail_sys(err, "mmap");
	*trace = (struct trace){ .state = state, .filter = filter, .n = n };
	result = spawn_helper(trace, 0, DEADLINE_S, seize, &made, err);
	if (result < 0 && trace->waits)
		result = fail(err,
			      "it didn't stop for a tracer within %d s: it waits in the kernel for "
			      "what only its death would interrupt, as for a child of vfork(2)",
			      DEADLINE_S);
	*found = trace->found;
	(void)munmap(trace, sizeof(*trace)); /* can't fail */
	return result;
}
