/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads memory.events and memory.max of the container's cgroup. The kernel counts before it kills,
 * so whoever sees the death sees the count; unless systemd was faster to remove the empty scope,
 * after which the slice above still has it among its own.
 */
#include "steps/oom.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "steps/cgroup.h"

/* A line "WORD NUMBER" of memory.events. */
static uint64_t event(const char *events, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = events; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, word, size) == 0 && at[size] == ' ')
			return strtoull(at + size, NULL, 10);
	return 0;
}

/* A cgroup's own memory.max; NO_LIMIT where it has none, or is gone. */
static uint64_t read_limit(int cgroup)
{
	char text[64];
	struct oci_error ignored = { 0 };

	if (file_read_at(cgroup, "memory.max", text, sizeof(text), &ignored) <= 0 ||
	    text[0] < '0' || text[0] > '9')
		return OOM_NO_LIMIT;
	return strtoull(text, NULL, 10);
}

void oom_count(int cgroup, struct oom_count *count)
{
	char events[512];
	struct oci_error ignored = { 0 };

	*count = (struct oom_count){ .limit = OOM_NO_LIMIT };
	if (cgroup < 0 ||
	    file_read_at(cgroup, "memory.events", events, sizeof(events), &ignored) <= 0)
		return;
	count->seen = true;
	count->kills = event(events, "oom_kill");
	count->reached = event(events, "max");
	count->limit = read_limit(cgroup);
}

/* The slice's, which outlives the scope that systemd removes as soon as it is empty, and counts
 * what happens in it. Unseen without a scope. */
static void count_above(const struct state *state, struct oom_count *count)
{
	struct oci_error ignored = { 0 };
	auto_fd slice = cgroup_open_slice(state, &ignored);

	oom_count(slice, count);
}

/* The container's own, where `exec` may go to one below it. -1 when there is none. */
static int open_top(const struct run *run)
{
	struct oci_error ignored = { 0 };
	int cgroup = -1;

	if (run->state.cgroup)
		(void)cgroup_open(&run->state, &cgroup, &ignored);
	return cgroup;
}

void oom_begin(struct run *run, int open)
{
	auto_fd opened = -1;
	struct stat st;

	if (open < 0 || fstat(open, &st) < 0 || st.st_ino != run->state.cgroup_inode)
		open = opened = open_top(run);
	oom_count(open, &run->oom_before);
	count_above(&run->state, &run->oom_above);
}

/* "4 MiB" */
static const char *show(uint64_t limit, char *shown, size_t size)
{
	if (limit > 0 && limit % (1 << 20) == 0)
		(void)snprintf(shown, size, "%" PRIu64 " MiB", limit >> 20);
	else
		(void)snprintf(shown, size, "%" PRIu64 " KiB", limit >> 10);
	return shown;
}

/* `likely`: it wasn't the container's own cgroup that counted. */
static void explain_death(const struct run *run, uint64_t limit, bool likely, const char *when,
			  struct oci_error *err)
{
	char shown[32];

	*err = (struct oci_error){ 0 };
	if (limit != OOM_NO_LIMIT)
		(void)fail_code(err, "memory-limit", "%s was %skilled by the memory limit of %s %s",
				run_new_process(run), likely ? "most probably " : "",
				show(limit, shown, sizeof(shown)), when);
	else
		(void)fail_code(err, "memory-limit",
				"%s was killed because memory ran out, above the container's own "
				"cgroup, %s",
				run_new_process(run), when);
}

static void explain_lack(uint64_t limit, bool likely, struct oci_error *err)
{
	size_t used = strlen(err->text);
	char shown[32];

	if (limit != OOM_NO_LIMIT)
		(void)snprintf(err->text + used, sizeof(err->text) - used,
			       " (the container's memory limit of %s is %sreached)",
			       show(limit, shown, sizeof(shown)), likely ? "most probably " : "");
}

/* Where the scope is gone with what it had counted, and the container had a limit: what the slice
 * has counted meanwhile. True when `before` and `now` are the slice's. */
static bool look_above(const struct run *run, struct oom_count *before, struct oom_count *now)
{
	uint64_t limit = before->limit;

	if (now->seen || !before->seen || limit == OOM_NO_LIMIT || !run->oom_above.seen)
		return false;
	*before = run->oom_above;
	count_above(&run->state, now);
	now->limit = limit;
	return true;
}

void oom_explain(struct run *run, const char *when, struct oci_error *err)
{
	bool died = strcmp(err->code, "init-died") == 0;
	struct oom_count before = run->oom_before;
	struct oom_count now;
	auto_fd opened = -1;
	int cgroup = run->plan->request->exec ? -1 : run->cgroup;
	bool above;

	if (!died && err->num != ENOMEM)
		return;
	if (cgroup < 0)
		cgroup = opened = open_top(run);
	oom_count(cgroup, &now);
	above = look_above(run, &before, &now);
	if (died && now.kills > before.kills)
		explain_death(run, now.limit, above, when, err);
	else if (!died && now.reached > before.reached)
		explain_lack(now.limit, above, err);
}
