/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Limits in the files of a cgroup: written, checked, and put back. Why the kernel refused one is
 * looked up in steps/limit_cause.c.
 */
#include "steps/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "plan/number_list.h"
#include "steps/cgroup.h"
#include "steps/limit_cause.h"
#include "steps/oom.h"

/* No file of limits is longer: io.max has some 60 bytes per device. */
#define FILE_ROOM 16384

/* --- What was there before --- */

static int keep_line(struct limits_saved *saved, const char *file, const char *line,
		     struct oci_error *err)
{
	struct limits_line *more = realloc(saved->lines, (saved->n + 1) * sizeof(*saved->lines));

	if (!more)
		return fail_code(err, "out-of-memory", "no memory for the earlier limits");
	saved->lines = more;
	more[saved->n] = (struct limits_line){ strdup(file), strdup(line) };
	if (!more[saved->n].file || !more[saved->n].line) {
		free(more[saved->n].file);
		free(more[saved->n].line);
		return fail_code(err, "out-of-memory", "no memory for the earlier limits");
	}
	saved->n++;
	return 0;
}

/* What a file with a line per device has for a device that it doesn't list. */
static const char *unlisted(const char *file)
{
	static const char *const rows[][2] = {
		{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
		{ "rdma.max", "hca_handle=max hca_object=max" },
		{ "io.weight", "default" },
		{ "io.bfq.weight", "default" },
		{ "io.latency", "target=max" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(file, rows[i][0]) == 0)
			return rows[i][1];
	return NULL;
}

/* The line of `content` that begins with the key (a device, a resource) that `value` begins with,
 * or NULL. */
static const char *find_key(const char *content, const char *value)
{
	size_t key = strcspn(value, " ");

	for (const char *at = content; value[key] && *at; at += *at == '\n') {
		if (strncmp(at, value, key + 1) == 0)
			return at;
		at += strcspn(at, "\n");
	}
	return NULL;
}

/* The line of `content` for the device that `value` begins with ("8:0 rbps=1"). */
static int keep_device(struct limits_saved *saved, const char *file, const char *content,
		       const char *value, struct oci_error *err)
{
	const char *at = find_key(content, value);
	char line[512];

	if (at)
		(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	else
		(void)snprintf(line, sizeof(line), "%.*s %s", (int)strcspn(value, " "), value,
			       unlisted(file));
	return keep_line(saved, file, line, err);
}

/* Setting bfq's usual weight takes the weights of devices away, which iocost's leaves. */
static bool takes_devices(const char *file, const char *value)
{
	return strcmp(file, "io.bfq.weight") == 0 && !strchr(value, ':');
}

/* All lines but the first, so that they are put back behind that. */
static int keep_devices(struct limits_saved *saved, const char *file, const char *content,
			struct oci_error *err)
{
	char line[512];

	for (const char *at = strchr(content, '\n'); at && at[1]; at = strchr(at + 1, '\n')) {
		(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
		TRY(keep_line(saved, file, line, err));
	}
	return 0;
}

/* The file's content becomes what a write would bring back. */
static int keep(int cgroup, const char *file, const char *value, struct limits_saved *saved,
		struct oci_error *err)
{
	char content[FILE_ROOM];
	struct oci_error ignored = { 0 };

	/* One that can only be written holds nothing. */
	if (file_read_at(cgroup, file, content, sizeof(content), &ignored) < 0)
		return 0;
	/* misc.max and dmem.max have a line for each resource, too, and list them all. */
	if (find_key(content, value) || (strchr(value, ' ') && unlisted(file)))
		return keep_device(saved, file, content, value, err);
	if (takes_devices(file, value))
		TRY(keep_devices(saved, file, content, err));
	content[strcspn(content, "\n")] = '\0';
	/* An empty write(2) would be none. */
	return keep_line(saved, file, *content ? content : "\n", err);
}

void limits_forget(struct limits_saved *saved)
{
	for (size_t i = 0; i < saved->n; i++) {
		free(saved->lines[i].file);
		free(saved->lines[i].line);
	}
	free(saved->lines);
	*saved = (struct limits_saved){ 0 };
}

/* 0, or -1 with errno. The kernel takes a line by one write(2). */
static int put(int cgroup, const char *file, const char *line)
{
	auto_fd fd = openat(cgroup, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	ssize_t written;

	if (fd < 0)
		return -1;
	do
		written = write(fd, line, strlen(line));
	while (written < 0 && errno == EINTR);
	return written < 0 ? -1 : 0;
}

/* A cpuset with processes can't be emptied any more (ENOSPC): it gets all that the cgroup above
 * has. */
static void put_back_line(int cgroup, const struct limits_line *line)
{
	struct oci_error ignored = { 0 };
	char above[64], content[FILE_ROOM];

	/* What made it necessary is what is reported. */
	if (put(cgroup, line->file, line->line) == 0 || errno != ENOSPC ||
	    strcmp(line->line, "\n") != 0)
		return;
	(void)snprintf(above, sizeof(above), "../%s.effective", line->file);
	if (file_read_at(cgroup, above, content, sizeof(content), &ignored) > 0)
		(void)put(cgroup, line->file, content);
}

void limits_put_back(int cgroup, struct limits_saved *saved)
{
	while (saved->n > 0) {
		struct limits_line *line = &saved->lines[--saved->n];

		put_back_line(cgroup, line);
		free(line->file);
		free(line->line);
	}
	limits_forget(saved);
}

/* --- Checks around the write --- */

static int64_t read_number(int cgroup, const char *file)
{
	char content[64];
	struct oci_error ignored = { 0 };

	if (file_read_at(cgroup, file, content, sizeof(content), &ignored) <= 0)
		return -1;
	return strtoll(content, NULL, 10);
}

static int check_cover(int cgroup, const struct plan_limit *limit, struct oci_error *err)
{
	int64_t used = limit->must_cover ? read_number(cgroup, "memory.current") : -1;
	int64_t value = strtoll(limit->value, NULL, 10);

	if (used <= value)
		return 0;
	return fail_code(err, "limit-refused",
			 "%s: %lld bytes are in use, more than the limit of %lld "
			 "(checkBeforeUpdate asks for this refusal)",
			 limit->pointer, (long long)used, (long long)value);
}

/* Where nothing of what was asked for is to be had, the kernel takes the value and gives the
 * container all that the cgroup above has. */
static int check_cpuset(int cgroup, const struct plan_limit *limit, struct oci_error *err)
{
	struct number_set asked = { 0 }, given = { 0 };
	struct oci_error ignored = { 0 };
	char file[64], content[FILE_ROOM];

	if (strcmp(limit->file, "cpuset.cpus") != 0 && strcmp(limit->file, "cpuset.mems") != 0)
		return 0;
	(void)snprintf(file, sizeof(file), "%s.effective", limit->file);
	if (file_read_at(cgroup, file, content, sizeof(content), err) < 0)
		return limit_cgroup_gone(cgroup) ? limit_explain_gone(limit, err)
						 : fail_in(err, "%s", limit->pointer);
	content[strcspn(content, "\n")] = '\0';
	if (number_list_read(limit->value, &asked, &ignored) < 0 ||
	    number_list_read(content, &given, &ignored) < 0 || number_missing(&given, &asked) < 0)
		return 0;
	return fail_code(err, "limit-refused",
			 "%s: %s has none of '%s': the cgroup above has '%s', and the kernel would "
			 "give the container all of that",
			 limit->pointer, limit->file, limit->value, content);
}

/* --- Writing --- */

bool limits_no_swap(int cgroup, const char *file, const char *value)
{
	return strcmp(file, "memory.swap.max") == 0 && strcmp(value, "0") == 0 &&
	       faccessat(cgroup, file, F_OK, 0) < 0 && errno == ENOENT &&
	       faccessat(cgroup, "memory.max", F_OK, 0) == 0;
}

static int write_file(int cgroup, const char *file, const char *value, struct limits_saved *saved,
		      struct oci_error *err)
{
	size_t before = saved->n;

	/* An idle cgroup loses its weight, and gets the usual one when it is idle no more. */
	if (strcmp(file, "cpu.idle") == 0)
		TRY(keep(cgroup, "cpu.weight", "", saved, err));
	TRY(keep(cgroup, file, value, saved, err));
	if (put(cgroup, file, value) == 0) {
		for (size_t i = before; takes_devices(file, value) && i + 1 < saved->n; i++)
			(void)put(cgroup, file, saved->lines[i].line); /* gone, if it fails */
		return 0;
	}
	err->num = errno;
	while (saved->n > before) {
		saved->n--;
		free(saved->lines[saved->n].file);
		free(saved->lines[saved->n].line);
	}
	errno = err->num;
	return -1;
}

static int write_limit(int cgroup, const struct plan_limit *limit, struct limits_saved *saved,
		       struct oci_error *err)
{
	int num = 0;

	if (write_file(cgroup, limit->file, limit->value, saved, err) < 0) {
		if (err->code[0])
			return -1; /* no memory */
		num = err->num;
	}
	if (num == ENOENT && (limit->initial || limits_no_swap(cgroup, limit->file, limit->value)))
		return limit_cgroup_gone(cgroup) ? limit_explain_gone(limit, err) : 0;
	if (num && !limit->either)
		return limit_explain(cgroup, limit, num, err);
	if (limit->other && write_file(cgroup, limit->other, limit->other_value, saved, err) < 0) {
		if (err->code[0])
			return -1;
		/* Where the kernel hasn't the second file, or its scheduler isn't the device's. */
		if (num)
			return limit_explain(cgroup, limit, num, err);
		if (err->num != ENOENT && !limit->either)
			return limit_explain_other(cgroup, limit, err->num, err);
	}
	*err = (struct oci_error){ 0 };
	return check_cpuset(cgroup, limit, err);
}

/* --- Their order --- */

/* Where the limit of one file counts against another's, the first of them is widened before the
 * other is lowered. Memory that the new limit has no room for is taken from the processes that
 * have it before write(2) returns, by killing them if need be; nothing brings them back, so that
 * goes behind all that may still be refused. It is to be swapped rather than killed for, so swap is
 * lowered behind that, which by itself takes nothing away. */
enum turn { FIRST, USUAL, LAST, KILLING, BEHIND_IT };

/* What isn't there, and a value that the kernel won't understand, have the usual turn: that is
 * where they are refused. */
static enum turn turn_of(int cgroup, const struct plan_limit *limit)
{
	/* A quota may never be below the burst. */
	bool burst = strcmp(limit->file, "cpu.max.burst") == 0;
	bool swap = strcmp(limit->file, "memory.swap.max") == 0;
	bool memory = strcmp(limit->file, "memory.max") == 0;
	struct oci_error ignored = { 0 };
	char content[64];
	uint64_t now, then;

	if ((!burst && !swap && !memory) ||
	    file_read_at(cgroup, limit->file, content, sizeof(content), &ignored) <= 0 ||
	    !number_read_size(content, &now) || !number_read_size(limit->value, &then))
		return USUAL;
	if (burst)
		return then < now ? FIRST : LAST;
	if (swap)
		return then > now ? FIRST : BEHIND_IT;
	return then < now ? KILLING : USUAL;
}

/* Several lines for one file stay in their order. */
static void keep_together(const struct plan_limit *limits, enum turn *turns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t other = 0; other < n; other++)
			if (turns[other] < turns[i] &&
			    strcmp(limits[other].file, limits[i].file) == 0)
				turns[other] = turns[i];
}

/* One that may not be written is found out before another one kills. */
static int check_writable(int cgroup, const struct plan_limit *limit, struct oci_error *err)
{
	auto_fd fd = openat(cgroup, limit->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	return fd < 0 ? limit_explain(cgroup, limit, errno, err) : 0;
}

/* Fills `turns`, after all that can be refused without a write was looked at. */
static int choose_turns(int cgroup, const struct plan_limit *limits, enum turn *turns, size_t n,
			struct oci_error *err)
{
	for (size_t i = 0; i < n; i++) {
		TRY(check_cover(cgroup, &limits[i], err));
		turns[i] = turn_of(cgroup, &limits[i]);
	}
	keep_together(limits, turns, n);
	for (size_t i = 0; i < n; i++)
		if (turns[i] >= KILLING)
			TRY(check_writable(cgroup, &limits[i], err));
	return 0;
}

int limits_split(int cgroup, struct plan_limit *limits, size_t n, size_t *n_harmless,
		 struct oci_error *err)
{
	auto_free enum turn *turns = calloc(n + 1, sizeof(*turns));
	auto_free struct plan_limit *killing = calloc(n + 1, sizeof(*killing));
	size_t n_killing = 0;

	if (!turns || !killing)
		return fail_code(err, "out-of-memory", "no memory for the order of limits");
	TRY(choose_turns(cgroup, limits, turns, n, err));
	*n_harmless = 0;
	for (size_t i = 0; i < n; i++)
		if (turns[i] >= KILLING)
			killing[n_killing++] = limits[i];
		else
			limits[(*n_harmless)++] = limits[i];
	if (n_killing > 0)
		memcpy(limits + *n_harmless, killing, n_killing * sizeof(*killing));
	return 0;
}

static int write_turn(int cgroup, const struct plan_limit *limits, const enum turn *turns, size_t n,
		      enum turn turn, struct limits_saved *saved, struct oci_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (turns[i] == turn)
			TRY(write_limit(cgroup, &limits[i], saved, err));
	return 0;
}

int limits_write(int cgroup, const struct plan_limit *limits, size_t n, struct limits_saved *saved,
		 struct oci_error *err)
{
	auto_free enum turn *turns = calloc(n + 1, sizeof(*turns));

	if (!turns)
		return fail_code(err, "out-of-memory", "no memory for the order of limits");
	TRY(choose_turns(cgroup, limits, turns, n, err));
	for (enum turn turn = FIRST; turn <= BEHIND_IT; turn++)
		TRY(write_turn(cgroup, limits, turns, n, turn, saved, err));
	return 0;
}

/* --- The rows --- */

/* What the kernel begins with is there already, unless the cgroup was somebody's before. */
static int set(struct run *run, bool late, struct oci_error *err)
{
	const struct plan_cgroup *plan = &run->plan->cgroup;
	auto_free struct plan_limit *limits = calloc(plan->n_limits + 1, sizeof(*limits));
	struct limits_saved own = { 0 };
	struct limits_saved *saved = &own;
	size_t n = 0;
	int result;

	if (!limits)
		return fail_code(err, "out-of-memory", "no memory for the limits");
	for (size_t i = 0; i < plan->n_limits; i++)
		if (plan->limits[i].late == late &&
		    !(plan->limits[i].initial && run->state.cgroup_made))
			limits[n++] = plan->limits[i];
	if (!run->state.cgroup_made && !run->earlier_limits) {
		run->earlier_limits = calloc(1, sizeof(*run->earlier_limits));
		if (!run->earlier_limits)
			return fail_code(err, "out-of-memory", "no memory for the earlier limits");
	}
	/* What hull made goes with all its limits. */
	if (!run->state.cgroup_made)
		saved = run->earlier_limits;
	result = limits_write(run->cgroup, limits, n, saved, err);
	limits_forget(&own);
	return result;
}

void limits_undo(struct run *run)
{
	if (run->earlier_limits && run->cgroup >= 0)
		limits_put_back(run->cgroup, run->earlier_limits);
}

void limits_done(struct run *run)
{
	if (run->earlier_limits)
		limits_forget(run->earlier_limits);
	free(run->earlier_limits);
	run->earlier_limits = NULL;
}

int limits_set(struct run *run, struct oci_error *err)
{
	/* What systemd has no property for (huge pages, rdma, misc) it neither hands on nor takes
	 * away. */
	if (run->state.unit)
		TRY(cgroup_enable(&run->state, run->plan->cgroup.controllers, err));
	TRY(set(run, false, err));
	if (run->state.unit)
		oom_begin(run, run->cgroup);
	return 0;
}

int limits_set_late(struct run *run, struct oci_error *err)
{
	return set(run, true, err);
}
