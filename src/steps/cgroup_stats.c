/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/cgroup_stats.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* io.stat has a line for each device, memory.stat some 70 lines. */
enum { FILE_ROOM = 64 * 1024 };

/* A file's text in buf, or NULL: it isn't there, or can't be read. The kernel makes the whole text
 * for the first read(2), so another one that finds the end would tell nothing. */
static const char *load(int dir, const char *name, char buf[FILE_ROOM])
{
	auto_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return NULL;
	do
		got = read(fd, buf, FILE_ROOM - 1);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return NULL;
	buf[got] = '\0';
	return buf;
}

/* Digits up to `ends` or the text's end; more than 64 bits are no number. */
static struct figure number(const char *text, const char *ends)
{
	struct figure none = { .known = false }, figure = { .known = true };
	char *end;

	if (!isdigit((unsigned char)*text))
		return none;
	errno = 0;
	figure.n = strtoull(text, &end, 10);
	return errno == 0 && (*end == '\0' || strchr(ends, *end)) ? figure : none;
}

static struct figure figure_of(const char *text)
{
	if (!text)
		return (struct figure){ .known = false };
	if (strcmp(text, "max\n") == 0 || strcmp(text, "max") == 0)
		return (struct figure){ .known = true, .n = STATS_UNLIMITED };
	return number(text, "\n");
}

static struct figure read_figure(int dir, const char *name, char buf[FILE_ROOM])
{
	return figure_of(load(dir, name, buf));
}

struct figure cgroup_stats_keyed(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return number(line + length + 1, "\n");
	}
	return (struct figure){ .known = false };
}

static struct figure thousand(struct figure figure)
{
	figure.known = figure.known && figure.n <= UINT64_MAX / 1000;
	figure.n *= 1000;
	return figure;
}

static void read_cpu(int dir, struct cgroup_stats *stats, char buf[FILE_ROOM])
{
	const char *text = load(dir, "cpu.stat", buf);

	stats->cpu = thousand(cgroup_stats_keyed(text, "usage_usec"));
	stats->cpu_user = thousand(cgroup_stats_keyed(text, "user_usec"));
	stats->cpu_system = thousand(cgroup_stats_keyed(text, "system_usec"));
	stats->periods = cgroup_stats_keyed(text, "nr_periods");
	stats->throttled_periods = cgroup_stats_keyed(text, "nr_throttled");
	stats->throttled = thousand(cgroup_stats_keyed(text, "throttled_usec"));
}

/* "NAME=12.34 " at *at: into the text of a number; false for anything else. */
static bool read_average(const char **at, const char *name, char out[8])
{
	size_t length = strlen(name), digits, size;

	if (strncmp(*at, name, length) != 0)
		return false;
	*at += length;
	digits = strspn(*at, "0123456789");
	size = digits;
	if ((*at)[digits] == '.')
		size += 1 + strspn(*at + digits + 1, "0123456789");
	if (digits == 0 || size == digits + 1 || size >= 8 || (*at)[size] != ' ')
		return false;
	memcpy(out, *at, size);
	out[size] = '\0';
	*at += size + 1;
	return true;
}

static void read_pressure_line(const char *text, const char *name, struct pressure_line *line)
{
	const char *at = text ? strstr(text, name) : NULL;
	struct figure total;

	if (!at || (at != text && at[-1] != '\n'))
		return;
	at += strlen(name);
	if (!read_average(&at, "avg10=", line->avg10) ||
	    !read_average(&at, "avg60=", line->avg60) ||
	    !read_average(&at, "avg300=", line->avg300) || strncmp(at, "total=", 6) != 0)
		return;
	total = number(at + 6, "\n ");
	line->known = total.known;
	line->total = total.n;
}

static void read_pressure(int dir, const char *name, struct pressure *pressure, char buf[FILE_ROOM])
{
	const char *text = load(dir, name, buf);

	read_pressure_line(text, "some ", &pressure->some);
	read_pressure_line(text, "full ", &pressure->full);
}

static void read_memory(int dir, enum stats_extent extent, struct cgroup_stats *stats,
			char buf[FILE_ROOM])
{
	const char *events;

	stats->memory = read_figure(dir, "memory.current", buf);
	stats->memory_limit = read_figure(dir, "memory.max", buf);
	if (extent == STATS_BRIEF)
		return;
	stats->memory_peak = read_figure(dir, "memory.peak", buf);
	stats->swap = read_figure(dir, "memory.swap.current", buf);
	stats->swap_limit = read_figure(dir, "memory.swap.max", buf);
	events = load(dir, "memory.events", buf);
	stats->memory_failures = cgroup_stats_keyed(events, "max");
	stats->oom_kills = cgroup_stats_keyed(events, "oom_kill");
}

static int read_memory_stat(int dir, struct cgroup_stats *stats, char buf[FILE_ROOM],
			    struct oci_error *err)
{
	const char *text = load(dir, "memory.stat", buf);

	if (!text)
		return 0;
	stats->file_cache = cgroup_stats_keyed(text, "file");
	stats->memory_stat = strdup(text);
	return stats->memory_stat ? 0 : fail_sys(err, "memory for memory.stat");
}

/* "8:0 rbytes=1 wbytes=2 ...", in any order and with names that aren't known. */
static void read_device(char *line, struct stats_io *io)
{
	static const struct {
		const char *name;
		size_t offset;
	} names[] = {
		{ "rbytes=", offsetof(struct stats_io, read_bytes) },
		{ "wbytes=", offsetof(struct stats_io, written_bytes) },
		{ "dbytes=", offsetof(struct stats_io, discarded_bytes) },
		{ "rios=", offsetof(struct stats_io, reads) },
		{ "wios=", offsetof(struct stats_io, writes) },
		{ "dios=", offsetof(struct stats_io, discards) },
	};
	char *rest = NULL;

	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strncmp(word, names[i].name, strlen(names[i].name)) == 0)
				*(struct figure *)((char *)io + names[i].offset) =
					number(word + strlen(names[i].name), "");
}

static int read_io(int dir, struct cgroup_stats *stats, char buf[FILE_ROOM], struct oci_error *err)
{
	const char *there = load(dir, "io.stat", buf);
	char *rest = NULL;

	stats->has_io = there != NULL;
	for (char *line = there ? strtok_r(buf, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct stats_io io = { .major = 0 };
		struct stats_io *more;
		int used = 0;

		if (sscanf(line, "%u:%u %n", &io.major, &io.minor, &used) != 2 || used == 0)
			continue;
		more = realloc(stats->io, (stats->n_io + 1) * sizeof(*more));
		if (!more)
			return fail_sys(err, "memory for io.stat");
		stats->io = more;
		read_device(line + used, &io);
		stats->io[stats->n_io++] = io;
	}
	return 0;
}

static int add_hugetlb(int dir, const char *size, struct cgroup_stats *stats, char buf[FILE_ROOM],
		       struct oci_error *err)
{
	struct stats_hugetlb *more =
		realloc(stats->hugetlb, (stats->n_hugetlb + 1) * sizeof(*more));
	struct stats_hugetlb *new;
	char name[64];

	if (!more)
		return fail_sys(err, "memory for hugetlb");
	stats->hugetlb = more;
	new = &more[stats->n_hugetlb++];
	*new = (struct stats_hugetlb){ .size = "" };
	(void)snprintf(new->size, sizeof(new->size), "%s", size);
	(void)snprintf(name, sizeof(name), "hugetlb.%s.current", new->size);
	new->usage = read_figure(dir, name, buf);
	(void)snprintf(name, sizeof(name), "hugetlb.%s.max", new->size);
	new->limit = read_figure(dir, name, buf);
	(void)snprintf(name, sizeof(name), "hugetlb.%s.events", new->size);
	new->failures = cgroup_stats_keyed(load(dir, name, buf), "max");
	return 0;
}

/* Which sizes of pages there are, only the names of the files say; a directory is a cgroup, to
 * which a container gives whatever name it likes. */
static int read_hugetlb(int dir, struct cgroup_stats *stats, char buf[FILE_ROOM],
			struct oci_error *err)
{
	DIR *list = fd_list(dir);
	struct dirent *entry;
	int result = 0;

	if (!list)
		return 0;
	while (result == 0 && (entry = readdir(list))) {
		char size[16], end[16];

		if (entry->d_type != DT_DIR &&
		    sscanf(entry->d_name, "hugetlb.%15[^.].%15s", size, end) == 2 &&
		    strcmp(end, "current") == 0)
			result = add_hugetlb(dir, size, stats, buf, err);
	}
	(void)closedir(list); /* was only read */
	return result;
}

static int read_all(int dir, enum stats_extent extent, struct cgroup_stats *stats,
		    char buf[FILE_ROOM], struct oci_error *err)
{
	read_cpu(dir, stats, buf);
	read_pressure(dir, "cpu.pressure", &stats->cpu_pressure, buf);
	read_pressure(dir, "memory.pressure", &stats->memory_pressure, buf);
	read_pressure(dir, "io.pressure", &stats->io_pressure, buf);
	read_memory(dir, extent, stats, buf);
	stats->pids = read_figure(dir, "pids.current", buf);
	stats->pids_limit = read_figure(dir, "pids.max", buf);
	TRY(read_io(dir, stats, buf, err));
	if (extent == STATS_BRIEF)
		return 0;
	TRY(read_memory_stat(dir, stats, buf, err));
	return read_hugetlb(dir, stats, buf, err);
}

int cgroup_stats_read(int dir, enum stats_extent extent, struct cgroup_stats *stats,
		      struct oci_error *err)
{
	auto_free char *buf = malloc(FILE_ROOM);

	*stats = (struct cgroup_stats){ .has_io = false };
	if (!buf)
		return fail_sys(err, "memory for figures");
	if (read_all(dir, extent, stats, buf, err) < 0) {
		cgroup_stats_done(stats);
		return -1;
	}
	return 0;
}

void cgroup_stats_done(struct cgroup_stats *stats)
{
	free(stats->memory_stat);
	free(stats->io);
	free(stats->hugetlb);
	*stats = (struct cgroup_stats){ .has_io = false };
}
