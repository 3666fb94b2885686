/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Smaller attributes of INIT: resource limits, oom score, personality, working directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "verify/procfs.h"
#include "verify/subject.h"

enum { FILE_LIMIT = 16 * 1024 };

/* The lines of /proc/PID/limits begin with these. */
static const struct {
	int resource;
	const char *line;
} limit_lines[] = {
	{ RLIMIT_CPU, "Max cpu time" },
	{ RLIMIT_FSIZE, "Max file size" },
	{ RLIMIT_DATA, "Max data size" },
	{ RLIMIT_STACK, "Max stack size" },
	{ RLIMIT_CORE, "Max core file size" },
	{ RLIMIT_RSS, "Max resident set" },
	{ RLIMIT_NPROC, "Max processes" },
	{ RLIMIT_NOFILE, "Max open files" },
	{ RLIMIT_MEMLOCK, "Max locked memory" },
	{ RLIMIT_AS, "Max address space" },
	{ RLIMIT_LOCKS, "Max file locks" },
	{ RLIMIT_SIGPENDING, "Max pending signals" },
	{ RLIMIT_MSGQUEUE, "Max msgqueue size" },
	{ RLIMIT_NICE, "Max nice priority" },
	{ RLIMIT_RTPRIO, "Max realtime priority" },
	{ RLIMIT_RTTIME, "Max realtime timeout" },
};

static uint64_t limit_value(const char *word)
{
	return strcmp(word, "unlimited") == 0 ? RLIM_INFINITY : strtoull(word, NULL, 10);
}

static const char *limit_text(char *buf, size_t size, uint64_t value)
{
	if (value == RLIM_INFINITY)
		(void)snprintf(buf, size, "unlimited");
	else
		(void)snprintf(buf, size, "%llu", (unsigned long long)value);
	return buf;
}

/* Finds the line of a resource in the limits file. */
static bool find_limit(const char *limits, int resource, uint64_t *soft, uint64_t *hard)
{
	for (size_t i = 0; i < sizeof(limit_lines) / sizeof(limit_lines[0]); i++) {
		const char *at;
		char words[2][32];

		if (limit_lines[i].resource != resource)
			continue;
		at = strstr(limits, limit_lines[i].line);
		if (!at ||
		    sscanf(at + strlen(limit_lines[i].line), "%31s %31s", words[0], words[1]) != 2)
			return false;
		*soft = limit_value(words[0]);
		*hard = limit_value(words[1]);
		return true;
	}
	return false;
}

static void check_limit(const struct verify *v, const struct plan_rlimit *limit, const char *limits)
{
	char pointer[64], expected[32], is[32];
	uint64_t soft, hard;

	(void)snprintf(pointer, sizeof(pointer), "/process/rlimits/%zu", limit->index);
	if (!find_limit(limits, limit->resource, &soft, &hard)) {
		verify_unchecked(v, pointer, "resource limit", "the limits file doesn't show it");
		return;
	}
	if (hard != limit->hard)
		verify_tell(v, hard > limit->hard ? VERIFY_DIFFERS : VERIFY_LESS,
			    SAY("%s/hard", pointer), "resource limit",
			    limit_text(expected, sizeof(expected), limit->hard),
			    limit_text(is, sizeof(is), hard));
	/* A process may choose its soft limit up to the hard one. */
	if (soft != limit->soft)
		verify_tell(v, soft < limit->soft ? VERIFY_LESS : VERIFY_OWN,
			    SAY("%s/soft", pointer), "resource limit",
			    limit_text(expected, sizeof(expected), limit->soft),
			    limit_text(is, sizeof(is), soft));
}

static void check_limits(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;
	auto_free char *limits = NULL;
	struct oci_error err = { 0 };

	if (process->n_rlimits == 0)
		return;
	if (!v->started) {
		verify_unchecked(v, "/process/rlimits", "resource limits",
				 "the process gets them at start");
		return;
	}
	if (procfs_load(v->init, "limits", FILE_LIMIT, &limits, &err) < 0) {
		verify_unchecked(v, "/process/rlimits", "resource limits", err.text);
		return;
	}
	for (size_t i = 0; i < process->n_rlimits; i++)
		check_limit(v, &process->rlimits[i], limits);
}

static void check_oom_score(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;
	auto_free char *text = NULL;
	struct oci_error err = { 0 };
	int found;

	if (!process->has_oom_score_adj)
		return;
	if (procfs_load(v->init, "oom_score_adj", FILE_LIMIT, &text, &err) < 0) {
		verify_unchecked(v, "/process/oomScoreAdj", "oom score", err.text);
		return;
	}
	found = atoi(text);
	if (found != process->oom_score_adj)
		verify_tell(v, found < process->oom_score_adj ? VERIFY_DIFFERS : VERIFY_LESS,
			    "/process/oomScoreAdj", "oom score", SAY("%d", process->oom_score_adj),
			    SAY("%d", found));
}

static void check_personality(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;
	auto_free char *text = NULL;
	struct oci_error err = { 0 };
	unsigned long found;

	if (!process->has_personality || !v->started)
		return;
	if (procfs_load(v->init, "personality", FILE_LIMIT, &text, &err) < 0) {
		verify_unchecked(v, "/linux/personality", "personality", err.text);
		return;
	}
	found = strtoul(text, NULL, 16);
	if (found != process->personality)
		verify_tell(v, VERIFY_OWN, "/linux/personality", "personality",
			    SAY("%08lx", process->personality), SAY("%08lx", found));
}

/* A running process goes where it likes. */
static void check_cwd(const struct verify *v)
{
	const char *cwd = v->plan->process.cwd;
	auto_fd dir = -1;
	struct stat asked, found;

	if (v->started)
		return;
	dir = v->root < 0 ? -1 : inroot_try_open(v->root, cwd, O_PATH | O_DIRECTORY);
	if (dir < 0 || fstat(dir, &asked) < 0 || fstatat(v->init, "cwd", &found, 0) < 0)
		verify_unchecked(v, "/process/cwd", "working directory", strerror(errno));
	else if (asked.st_dev != found.st_dev || asked.st_ino != found.st_ino)
		verify_tell(v, VERIFY_DIFFERS, "/process/cwd", "working directory", cwd,
			    "another directory");
}

int verify_attributes(const struct verify *v)
{
	if (!v->plan->process.present)
		return 0;
	check_limits(v);
	check_oom_score(v);
	check_personality(v);
	check_cwd(v);
	return 0;
}
