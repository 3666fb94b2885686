/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parsers of a cgroup's files, on a directory of ordinary files: huge numbers, unknown keys,
 * what is damaged and what isn't there, and cgroups that are named like files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "steps/cgroup_stats.h"
#include "steps/limit_cause.h"
#include "tap.h"

static int dir;

static void put(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	(void)close(fd);
}

static struct cgroup_stats look(enum stats_extent extent)
{
	struct cgroup_stats stats;
	struct oci_error err = { 0 };

	if (cgroup_stats_read(dir, extent, &stats, &err) < 0)
		abort();
	return stats;
}

static bool is(struct figure figure, uint64_t n)
{
	return figure.known && figure.n == n;
}

static void nothing_there(void)
{
	struct cgroup_stats s = look(STATS_ALL);

	tap_ok(!s.cpu.known && !s.memory.known && !s.pids.known && !s.has_io && !s.memory_stat &&
		       s.n_hugetlb == 0 && !s.cpu_pressure.some.known && !s.memory_limit.known,
	       "an empty directory: nothing is known");
	cgroup_stats_done(&s);
}

static void ordinary(void)
{
	struct cgroup_stats s;

	put("cpu.stat", "usage_usec 30\nuser_usec 20\nnew_key 7\nsystem_usec 10\nnr_periods 3\n"
			"nr_throttled 2\nthrottled_usec 1\n");
	put("memory.current", "4096\n");
	put("memory.max", "max\n");
	put("memory.peak", "18446744073709551615\n");
	put("memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 2\noom_group_kill 0\n");
	put("memory.stat", "anon 1\nfile 2\nfile_mapped 3\nsomething_new 4\n");
	put("pids.current", "7\n");
	put("pids.max", "50\n");
	put("cpu.pressure", "some avg10=0.12 avg60=1.00 avg300=100.00 total=99\n"
			    "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	put("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 later=7\n"
		       "259:1048575 rbytes=18446744073709551615\n9:1 \nloop0\n");
	put("hugetlb.2MB.current", "2097152\n");
	put("hugetlb.2MB.max", "max\n");
	put("hugetlb.2MB.events", "max 3\n");
	put("hugetlb.2MB.rsvd.current", "0\n");
	s = look(STATS_ALL);
	tap_ok(is(s.cpu, 30000) && is(s.cpu_user, 20000) && is(s.cpu_system, 10000) &&
		       is(s.periods, 3) && is(s.throttled_periods, 2) && is(s.throttled, 1000),
	       "cpu.stat: ns of us, keys in any order");
	tap_ok(is(s.memory, 4096) && is(s.memory_limit, STATS_UNLIMITED) &&
		       is(s.memory_peak, UINT64_MAX) && is(s.memory_failures, 5) &&
		       is(s.oom_kills, 2),
	       "memory: figures, max, the hugest number; oom_kill isn't oom");
	tap_ok(is(s.file_cache, 2) && s.memory_stat && strstr(s.memory_stat, "something_new"),
	       "memory.stat: file isn't file_mapped, the whole is kept");
	tap_ok(is(s.pids, 7) && is(s.pids_limit, 50) && !s.swap.known, "pids; no swap");
	tap_ok(s.cpu_pressure.some.known && strcmp(s.cpu_pressure.some.avg300, "100.00") == 0 &&
		       s.cpu_pressure.some.total == 99 && s.cpu_pressure.full.known &&
		       !s.io_pressure.some.known,
	       "pressure");
	tap_ok(s.has_io && s.n_io == 3 && is(s.io[0].read_bytes, 1) && is(s.io[0].discards, 6) &&
		       s.io[1].major == 259 && s.io[1].minor == 1048575 &&
		       is(s.io[1].read_bytes, UINT64_MAX) && !s.io[1].writes.known &&
		       !s.io[2].reads.known,
	       "io.stat: devices without figures, unknown keys and lines");
	tap_ok(s.n_hugetlb == 1 && strcmp(s.hugetlb[0].size, "2MB") == 0 &&
		       is(s.hugetlb[0].usage, 2097152) && is(s.hugetlb[0].limit, STATS_UNLIMITED) &&
		       is(s.hugetlb[0].failures, 3),
	       "hugetlb: the reserved are no size of their own");
	cgroup_stats_done(&s);
	s = look(STATS_BRIEF);
	tap_ok(is(s.memory, 4096) && is(s.pids, 7) && !s.memory_stat && s.n_hugetlb == 0,
	       "brief: without the long ones");
	cgroup_stats_done(&s);
}

static void damaged(void)
{
	struct cgroup_stats s;

	put("cpu.stat", "usage_usec 18446744073709551615\nuser_usec 18446744073709551616\n"
			"system_usec\nnr_periods x\nnr_throttled -1\nthrottled_usec 1.5\n");
	put("memory.current", "");
	put("memory.max", "maximum\n");
	put("memory.peak", " 1\n");
	put("pids.current", "1 2\n");
	put("cpu.pressure", "some avg10=0.1\"2 avg60=1.00 avg300=1.00 total=99\nfull\n");
	put("memory.pressure", "some avg10=. avg60=1.00 avg300=1.00 total=99\n");
	put("io.pressure", "some avg10=1.00 avg60=1.00 avg300=1.00 total=99999999999999999999\n");
	s = look(STATS_ALL);
	tap_ok(!s.cpu.known && !s.cpu_user.known && !s.cpu_system.known && !s.periods.known &&
		       !s.throttled_periods.known && !s.throttled.known,
	       "numbers too big, missing, or none are unknown");
	tap_ok(!s.memory.known && !s.memory_limit.known && !s.memory_peak.known && !s.pids.known,
	       "single figures likewise");
	tap_ok(!s.cpu_pressure.some.known && !s.cpu_pressure.full.known &&
		       !s.memory_pressure.some.known && !s.io_pressure.some.known,
	       "pressure of another form is unknown");
	cgroup_stats_done(&s);
}

/* A container that may write to its cgroup makes such. */
static void names_of_cgroups(void)
{
	static const char *const names[] = { "hugetlb.made.current", "hugetlb.up.current",
					     "hugetlb.made.max", "hugetlb.up.max" };
	const struct plan_limit limit = { .pointer = "/the/limit",
					  .file = "hugetlb.4MB.max",
					  .value = "0" };
	struct oci_error err = { 0 };
	struct cgroup_stats s;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mkdirat(dir, names[i], 0700) < 0)
			abort();
	s = look(STATS_ALL);
	tap_ok(s.n_hugetlb == 1 && strcmp(s.hugetlb[0].size, "2MB") == 0,
	       "a cgroup's name is no size of pages");
	cgroup_stats_done(&s);
	put("cgroup.procs", "");
	put("cgroup.controllers", "hugetlb\n");
	(void)limit_explain(dir, &limit, ENOENT, &err);
	tap_is_str(err.text,
		   "/the/limit: write '0' to hugetlb.4MB.max: No such file or directory: "
		   "this kernel has pages of 2MB",
		   "nor in the words for a size that there isn't");
}

int main(void)
{
	char path[] = "/tmp/hull-stats.XXXXXX", command[64];

	if (!mkdtemp(path))
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	nothing_there();
	ordinary();
	damaged();
	names_of_cgroups();
	(void)close(dir);
	(void)snprintf(command, sizeof(command), "rm -rf %s", path);
	if (system(command) != 0)
		return 1;
	return tap_done();
}
