/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a cgroup has used, by the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst): read
 * once each, at most one open per file. What the kernel doesn't measure here, because a controller
 * isn't there, or doesn't say in a form that is known, is unknown and never 0.
 */
#ifndef STEPS_CGROUP_STATS_H
#define STEPS_CGROUP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define STATS_UNLIMITED UINT64_MAX /* the file says "max" */

struct figure {
	bool known;
	uint64_t n;
};

/* One line of a pressure file (Documentation/accounting/psi.rst). */
struct pressure_line {
	bool known;
	char avg10[8], avg60[8], avg300[8]; /* per cent: "0.12", checked to be such a number */
	uint64_t total;			    /* us */
};

struct pressure {
	struct pressure_line some, full;
};

struct stats_io {
	unsigned major, minor;
	struct figure read_bytes, written_bytes, discarded_bytes, reads, writes, discards;
};

struct stats_hugetlb {
	char size[16]; /* "2MB" */
	struct figure usage, limit, failures;
};

struct cgroup_stats {
	struct figure cpu, cpu_user, cpu_system;			  /* ns */
	struct figure periods, throttled_periods, throttled;		  /* the last in ns */
	struct figure memory, memory_limit, memory_peak, memory_failures; /* bytes, and events */
	struct figure swap, swap_limit;					  /* bytes */
	struct figure file_cache;					  /* bytes */
	struct figure oom_kills;
	struct figure pids, pids_limit;
	struct pressure cpu_pressure, memory_pressure, io_pressure;
	char *memory_stat; /* the whole file, or NULL */
	bool has_io;	   /* io.stat is there; a device is in it once it was used */
	struct stats_io *io;
	size_t n_io;
	struct stats_hugetlb *hugetlb;
	size_t n_hugetlb;
};

enum stats_extent {
	STATS_BRIEF, /* what `hull top` shows: without memory_stat, hugetlb, events */
	STATS_ALL,
};

/* Reads the cgroup that `dir` has open. A cgroup that is removed meanwhile is no error, what could
 * not be read any more is unknown. Fails without memory only. Free with cgroup_stats_done(), which
 * takes a zeroed one, too. */
int cgroup_stats_read(int dir, enum stats_extent extent, struct cgroup_stats *stats,
		      struct oci_error *err);
void cgroup_stats_done(struct cgroup_stats *stats);

/* The value of the line "NAME NUMBER" of a keyed file's text. */
struct figure cgroup_stats_keyed(const char *text, const char *name);

#endif
