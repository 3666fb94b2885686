/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lines for files of the container's cgroup once more as properties of its unit, which stands
 * above that cgroup: so systemd, which writes the unit's files whenever it likes, always writes
 * what is asked for, and what counts among siblings (weights) counts where the siblings are.
 * systemd.resource-control(5) says what each property is.
 */
#include "plan/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/number_list.h"

/* Below these a limit can hit the helper, STAGE, or hooks that INIT forks while it is set up. */
enum { TIGHT_TASKS = 128 };
#define TIGHT_MEMORY ((uint64_t)16 << 20)

/* systemd writes the quota down in whole percent of a CPU. */
enum { PERCENT_US = 10000 };

struct mapping {
	struct arena *arena;
	struct unit_properties *out;
	struct limit_list all;
};

static struct unit_property *property_of(struct mapping *m, const char *name, enum unit_kind kind)
{
	struct unit_property *p;

	for (size_t i = 0; i < m->out->n; i++)
		if (strcmp(m->out->v[i].name, name) == 0)
			return &m->out->v[i];
	p = &m->out->v[m->out->n++];
	*p = (struct unit_property){ .name = name, .kind = kind };
	return p;
}

static void add_number(struct mapping *m, const char *name, uint64_t number)
{
	property_of(m, name, UNIT_UINT64)->number = number;
}

static void map_size(struct mapping *m, const char *name, const char *value)
{
	uint64_t number;

	if (number_read_size(value, &number))
		add_number(m, name, number);
}

/* systemd has no 0. The container's own cgroup has. */
static void map_above_0(struct mapping *m, const char *name, const char *value)
{
	uint64_t number;

	if (number_read_size(value, &number))
		add_number(m, name, number ? number : 1);
}

static const struct plan_limit *other_limit(const struct mapping *m, const char *file)
{
	for (size_t i = 0; i < m->all.n; i++)
		if (strcmp(m->all.v[i].file, file) == 0)
			return &m->all.v[i];
	return NULL;
}

/* 0 is systemd's word for cpu.idle, which overrules the weight. */
static void map_cpu_weight(struct mapping *m, const char *name, const char *value)
{
	const struct plan_limit *idle = other_limit(m, "cpu.idle");
	uint64_t number;

	if (idle && strcmp(idle->value, "1") == 0)
		add_number(m, name, 0);
	else if (number_read_size(value, &number))
		add_number(m, name, number);
}

static void map_cpu_idle(struct mapping *m, const char *name, const char *value)
{
	const struct plan_limit *weight = other_limit(m, "cpu.weight");

	if (strcmp(value, "1") == 0)
		add_number(m, name, 0);
	else /* without one, the kernel's default, which it goes back to */
		map_cpu_weight(m, name, weight ? weight->value : "100");
}

/* "QUOTA PERIOD" in microseconds, as time per second. What a burst allows on top is allowed here in
 * each period. */
static void map_cpu_max(struct mapping *m, const char *name, const char *value)
{
	const struct plan_limit *burst = other_limit(m, "cpu.max.burst");
	uint64_t quota, extra = 0, period = 100000;
	char first[32];

	if (sscanf(value, "%31s %lu", first, &period) < 1 || period == 0 ||
	    !number_read_size(first, &quota))
		return;
	if (quota != UINT64_MAX) {
		if (burst && number_read_size(burst->value, &extra))
			quota += extra;
		if (quota > UINT64_MAX / 2000000)
			return;
		quota = (quota * 1000000 + period - 1) / period;
		quota = (quota + PERCENT_US - 1) / PERCENT_US * PERCENT_US;
	}
	add_number(m, name, quota);
	add_number(m, "CPUQuotaPeriodUSec", period);
}

/* One that changes alone changes what the quota is here. */
static void map_cpu_burst(struct mapping *m, const char *name, const char *value)
{
	const struct plan_limit *quota = other_limit(m, "cpu.max");

	(void)value;
	if (quota)
		map_cpu_max(m, name, quota->value);
}

/* A list of CPUs or nodes as a mask. An empty one takes the restriction back. */
static void map_cpuset(struct mapping *m, const char *name, const char *value)
{
	struct number_set *set = arena_zalloc(m->arena, sizeof(*set));
	struct oci_error ignored = { 0 };
	struct unit_property *p;
	uint8_t *bytes;
	size_t n = 0;

	if (!set || (*value && number_list_read(value, set, &ignored) < 0))
		return;
	bytes = arena_array(m->arena, NUMBERS / 8, 1);
	if (!bytes)
		return;
	for (unsigned i = 0; i < NUMBERS; i++)
		if (number_in(set, i)) {
			bytes[i / 8] |= (uint8_t)(1u << i % 8);
			n = i / 8 + 1;
		}
	p = property_of(m, name, UNIT_BYTES);
	p->bytes = bytes;
	p->n = n;
}

/* --- Block devices: "MAJOR:MINOR ..." --- */

/* systemd wants a path; its own for a number is a link that udev makes. */
static const char *device_path(struct mapping *m, const char *line)
{
	size_t size = strspn(line, "0123456789:");

	if (size == 0 || (line[size] != ' ' && line[size] != '\0'))
		return NULL;
	return arena_printf(m->arena, "/dev/block/%.*s", (int)size, line);
}

/* At most as many pairs as there are limits. */
static void add_pair(struct mapping *m, const char *name, const char *path, uint64_t number)
{
	struct unit_property *p = property_of(m, name, UNIT_PAIRS);
	uint64_t *numbers;

	if (!p->strings) {
		p->strings = arena_array(m->arena, m->all.n, sizeof(*p->strings));
		p->numbers = arena_array(m->arena, m->all.n, sizeof(*p->numbers));
	}
	if (!p->strings || !p->numbers || p->n == m->all.n)
		return;
	memcpy(&numbers, &p->numbers, sizeof(numbers)); /* ours still */
	p->strings[p->n] = path;
	numbers[p->n++] = number;
}

static void map_io_weight(struct mapping *m, const char *name, const char *value)
{
	const char *path = device_path(m, value), *number = strchr(value, ' ');
	uint64_t weight;

	if (number && number_read_size(number + 1, &weight)) {
		if (strncmp(value, "default ", 8) == 0)
			add_number(m, name, weight);
		else if (path)
			add_pair(m, "IODeviceWeight", path, weight);
	} else if (!number && number_read_size(value, &weight))
		add_number(m, name, weight);
}

static void map_io_max(struct mapping *m, const char *name, const char *value)
{
	static const struct {
		const char *key, *property;
	} keys[] = {
		{ " rbps=", "IOReadBandwidthMax" },
		{ " wbps=", "IOWriteBandwidthMax" },
		{ " riops=", "IOReadIOPSMax" },
		{ " wiops=", "IOWriteIOPSMax" },
	};
	const char *path = device_path(m, value);

	(void)name;
	for (size_t i = 0; path && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *at = strstr(value, keys[i].key);
		char word[32];
		uint64_t number;

		if (at && sscanf(at + strlen(keys[i].key), "%31s", word) == 1 &&
		    number_read_size(word, &number))
			add_pair(m, keys[i].property, path, number);
	}
}

static void map_io_latency(struct mapping *m, const char *name, const char *value)
{
	const char *path = device_path(m, value), *at = strstr(value, " target=");
	uint64_t number;

	if (path && at && number_read_size(at + strlen(" target="), &number))
		add_pair(m, name, path, number);
}

static const struct {
	const char *file;
	void (*map)(struct mapping *m, const char *name, const char *value);
	const char *property;
} rows[] = {
	{ "memory.max", map_above_0, "MemoryMax" },
	{ "memory.high", map_above_0, "MemoryHigh" },
	{ "memory.low", map_size, "MemoryLow" },
	{ "memory.min", map_size, "MemoryMin" },
	{ "memory.swap.max", map_size, "MemorySwapMax" },
	{ "cpu.weight", map_cpu_weight, "CPUWeight" },
	{ "cpu.idle", map_cpu_idle, "CPUWeight" },
	{ "cpu.max", map_cpu_max, "CPUQuotaPerSecUSec" },
	{ "cpu.max.burst", map_cpu_burst, "CPUQuotaPerSecUSec" },
	{ "cpuset.cpus", map_cpuset, "AllowedCPUs" },
	{ "cpuset.mems", map_cpuset, "AllowedMemoryNodes" },
	{ "io.weight", map_io_weight, "IOWeight" },
	{ "io.max", map_io_max, NULL },
	{ "io.latency", map_io_latency, "IODeviceLatencyTargetUSec" },
	{ "pids.max", map_above_0, "TasksMax" },
};

void systemd_map_limits(struct limit_list limits, struct limit_list all, struct arena *arena,
			struct unit_properties *out)
{
	struct mapping m = { .arena = arena, .out = out, .all = all };

	*out = (struct unit_properties){ .v = arena_array(arena, 4 * limits.n + 2,
							  sizeof(*out->v)) };
	for (size_t i = 0; out->v && i < limits.n; i++)
		for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
			if (strcmp(limits.v[i].file, rows[row].file) == 0)
				rows[row].map(&m, rows[row].property, limits.v[i].value);
}

static const char *value_of(const struct plan_cgroup *plan, const char *file)
{
	for (size_t i = 0; i < plan->n_limits; i++)
		if (strcmp(plan->limits[i].file, file) == 0)
			return plan->limits[i].value;
	return "max";
}

bool systemd_goes_ahead(const struct plan_limit *limit, const struct plan_cgroup *before)
{
	uint64_t now, then;

	if (strcmp(limit->file, "cpuset.cpus") == 0 || strcmp(limit->file, "cpuset.mems") == 0)
		return true;
	return strcmp(limit->file, "memory.swap.max") == 0 &&
	       number_read_size(value_of(before, limit->file), &now) &&
	       number_read_size(limit->value, &then) && then > now;
}

bool systemd_is_tight(const struct unit_property *property)
{
	if (strcmp(property->name, "TasksMax") == 0)
		return property->number < TIGHT_TASKS;
	if (strcmp(property->name, "MemoryMax") == 0 || strcmp(property->name, "MemoryHigh") == 0)
		return property->number < TIGHT_MEMORY;
	return false;
}
