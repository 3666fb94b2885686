/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The limits: what the files of the cgroup say, beside what config.json, or the last update, asked
 * for. The kernel writes values in its own way (rounded to pages, "max", a line for each device),
 * so they are compared as what they mean.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "plan/number_list.h"
#include "steps/limits.h"
#include "verify/subject.h"

/* No file of limits is longer: io.max has some 60 bytes per device. */
#define FILE_ROOM 16384

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* What the kernel counts in, in bytes: the file's limit is rounded down to it. */
static unsigned long long unit_of(const char *file)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long size;
	const char *unit;

	if (starts_with(file, "memory."))
		return (unsigned long long)sysconf(_SC_PAGESIZE);
	if (!starts_with(file, "hugetlb."))
		return 1;
	size = strtoull(file + strlen("hugetlb."), &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	return unit && size ? size << 10 * (unit - units + 1) : 1;
}

/* A whole number or "max" (false where it is neither). "max" is more than any number; so is what
 * the kernel can't count, and shows as "max". */
static bool read_amount(const char *text, unsigned long long unit, unsigned long long *amount)
{
	char *end;

	if (strcmp(text, "max") == 0) {
		*amount = UINT64_MAX;
		return true;
	}
	*amount = strtoull(text, &end, 10);
	if (end == text || *end)
		return false;
	*amount -= *amount % unit;
	if (unit > 1 && *amount >= INT64_MAX - INT64_MAX % unit)
		*amount = UINT64_MAX;
	return true;
}

/* One value alone: as a number, as a list of CPUs or nodes, or letter by letter. */
static enum verify_kind compare_value(const char *file, const char *asked, const char *found,
				      bool *same)
{
	unsigned long long unit = unit_of(file), a, b;
	struct number_set left = { 0 }, right = { 0 };
	struct oci_error ignored = { 0 };

	*same = strcmp(asked, found) == 0;
	if (*same)
		return VERIFY_DIFFERS;
	if (starts_with(file, "cpuset.cpus") || starts_with(file, "cpuset.mems")) {
		*same = number_list_read(asked, &left, &ignored) == 0 &&
			number_list_read(found, &right, &ignored) == 0 &&
			number_missing(&left, &right) < 0 && number_missing(&right, &left) < 0;
		return VERIFY_DIFFERS;
	}
	if (!read_amount(asked, unit, &a) || !read_amount(found, unit, &b))
		return VERIFY_DIFFERS;
	*same = a == b;
	/* Less than it may have isn't weaker than asked. */
	return b < a && (ends_with(file, ".max") || ends_with(file, ".high")) ? VERIFY_LESS
									      : VERIFY_DIFFERS;
}

/* Whether `line`, "rbps=1 wbps=max", has the word, which is not a part of another one. */
static bool has_word(const char *line, const char *word, size_t size)
{
	while (*line) {
		size_t length = strcspn(line, " ");

		if (length == size && memcmp(line, word, size) == 0)
			return true;
		line += length;
		line += strspn(line, " ");
	}
	return false;
}

/* All words of "rbps=1 riops=max". What the kernel doesn't list has no limit. */
static bool has_words(const char *line, const char *words)
{
	while (*words) {
		size_t size = strcspn(words, " ");
		bool none = size > 4 && strncmp(words + size - 4, "=max", 4) == 0;

		if (!(none && *line == '\0') && !has_word(line, words, size))
			return false;
		words += size;
		words += strspn(words, " ");
	}
	return true;
}

/* The rest of the line that begins with `key` and a space, into buf; "" when there is none. */
static void find_line(const char *content, const char *key, size_t size, char *buf, size_t room)
{
	*buf = '\0';
	for (const char *at = content; *at; at += *at == '\n') {
		size_t length = strcspn(at, "\n");

		if (length > size && strncmp(at, key, size) == 0 && at[size] == ' ') {
			(void)snprintf(buf, room, "%.*s", (int)(length - size - 1), at + size + 1);
			return;
		}
		at += length;
	}
}

/* Files with a line for each device, "8:0 rbps=1" or, for those with a usual value, "default 100".
 */
static bool is_by_device(const char *file)
{
	return strcmp(file, "io.max") == 0 || strcmp(file, "rdma.max") == 0 ||
	       strcmp(file, "io.weight") == 0 || strcmp(file, "io.bfq.weight") == 0 ||
	       strcmp(file, "io.latency") == 0;
}

static enum verify_kind compare(const char *file, const char *asked, char *content, char *found,
				size_t room, bool *same)
{
	size_t key = strcspn(asked, " ");

	if (!is_by_device(file)) {
		content[strcspn(content, "\n")] = '\0';
		(void)snprintf(found, room, "%s", content);
		/* "max", without the period that stays as it is. */
		if (strcmp(file, "cpu.max") == 0 && !strchr(asked, ' '))
			found[strcspn(found, " ")] = '\0';
		return compare_value(file, asked, found, same);
	}
	if (asked[key]) {
		find_line(content, asked, key, found, room);
		*same = has_words(found, asked + key + 1);
	} else {
		find_line(content, "default", strlen("default"), found, room);
		*same = strcmp(found, asked) == 0;
	}
	return VERIFY_DIFFERS;
}

/* What of "8:0 rbps=1" or "8:0 100" says for what the value is; nothing of a usual one, "100". */
static size_t key_size(const char *value)
{
	size_t size = strcspn(value, "=");

	if (value[size])
		return size;
	size = strcspn(value, " ");
	return value[size] ? size : 0;
}

/* A later entry for the same file (and device) is what counts: unified has several lines. */
static bool is_overwritten(const struct plan_cgroup *plan, size_t index)
{
	const struct plan_limit *limit = &plan->limits[index];
	size_t key = is_by_device(limit->file) ? key_size(limit->value) : 0;

	for (size_t i = index + 1; i < plan->n_limits; i++)
		if (strcmp(plan->limits[i].file, limit->file) == 0 &&
		    (!is_by_device(limit->file) || key_size(plan->limits[i].value) == key) &&
		    strncmp(plan->limits[i].value, limit->value, key) == 0)
			return true;
	return false;
}

/* NO_FILE: there is none. NO_LINE: none for this device, which wasn't told. */
enum look { NO_FILE, NO_LINE, LOOKED };

static enum look check_file(const struct verify *v, int cgroup, const struct plan_limit *limit,
			    const char *file, const char *asked)
{
	char content[FILE_ROOM], found[FILE_ROOM];
	struct oci_error err = { 0 };
	enum verify_kind kind;
	bool same;

	if (file_read_at(cgroup, file, content, sizeof(content), &err) < 0) {
		if (err.num == ENOENT)
			return NO_FILE;
		verify_unchecked(v, limit->pointer, file, err.text);
		return LOOKED;
	}
	kind = compare(file, asked, content, found, sizeof(found), &same);
	/* A device's weight is in the file of the scheduler that rules it. */
	if (limit->either && !*found)
		return NO_LINE;
	if (!same)
		verify_tell(v, kind, limit->pointer, file, asked, *found ? found : "nothing");
	return LOOKED;
}

static void check_limit(const struct verify *v, int cgroup, const struct plan_limit *limit)
{
	enum look look = check_file(v, cgroup, limit, limit->file, limit->value), other = NO_FILE;

	if (limit->other)
		other = check_file(v, cgroup, limit, limit->other, limit->other_value);
	if (look == LOOKED || other == LOOKED)
		return;
	/* What asks for nothing has it also without the controller. */
	if (look == NO_LINE || other == NO_LINE)
		verify_tell(v, VERIFY_DIFFERS, limit->pointer, limit->file, limit->value,
			    "nothing");
	else if (!limit->initial && !limits_no_swap(cgroup, limit->file, limit->value))
		verify_tell(v, VERIFY_DIFFERS, limit->pointer, limit->file, limit->value,
			    "no such file: the cgroup hasn't got the controller any more");
}

void verify_limits(const struct verify *v, int cgroup)
{
	const struct plan_cgroup *plan = &v->plan->cgroup;

	for (size_t i = 0; i < plan->n_limits; i++)
		if (!is_overwritten(plan, i))
			check_limit(v, cgroup, &plan->limits[i]);
}
