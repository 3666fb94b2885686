/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the planner makes of --systemd-cgroup: names of units, properties from limits and from
 * annotations.
 */
#include <stdint.h>
#include <string.h>

#include "plan/systemd.h"
#include "plan/update.h"
#include "tests/unit/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* --- Names --- */

struct scene {
	struct oci_config config;
	struct request request;
	struct host host;
	struct plan plan;
	struct oci_error err;
};

static int ignore(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	struct oci_error *err = ctx;

	if (kind == PLAN_NOTE)
		return 0;
	(void)snprintf(err->text, sizeof(err->text), "%s: %s", pointer, text);
	return 1;
}

static int scene_plan(struct scene *s, char *path)
{
	struct plan_report report = { .found = ignore, .ctx = &s->err };
	struct planner p = { .plan = &s->plan,
			     .config = &s->config,
			     .request = &s->request,
			     .host = &s->host,
			     .report = &report,
			     .err = &s->err };

	s->request.manager = CGROUP_SYSTEMD;
	if (!s->request.id)
		s->request.id = "c1";
	s->config.linux.cgroups_path = path;
	(void)plan_systemd(&p);
	return p.refused || *s->err.text ? -1 : 0;
}

static void check_name(const char *given, const char *slice, const char *unit)
{
	struct scene s = { 0 };
	char *path = given ? strdup(given) : NULL;

	tap_ok(scene_plan(&s, path) == 0, "'%s' is a unit: %s", given ? given : "", s.err.text);
	tap_is_str(s.plan.cgroup.systemd.slice, slice, "in %s", slice);
	tap_is_str(s.plan.cgroup.systemd.unit, unit, "named %s", unit);
	plan_free(&s.plan);
	free(path);
}

static void check_bad_name(const char *given, const char *why)
{
	struct scene s = { 0 };
	char *path = strdup(given);

	tap_ok(scene_plan(&s, path) < 0 && strstr(s.err.text, why), "'%.80s' is refused: %s", given,
	       s.err.text);
	plan_free(&s.plan);
	free(path);
}

static void check_names(void)
{
	struct scene user = { .host = { .rootless = true }, .request = { .id = "a+b.c" } };
	struct scene longest = { 0 };
	char long_name[400] = ":p:";

	check_name(NULL, "system.slice", "hull-c1.scope");
	check_name("", "system.slice", "hull-c1.scope");
	check_name("a-b.slice:docker:c1", "a-b.slice", "docker-c1.scope");
	check_name("::c1", "system.slice", "c1.scope");
	check_name(":p-q:n-m", "system.slice", "p-q-n-m.scope");
	check_name("-.slice:p:n", "-.slice", "p-n.scope");
	check_name(":p:a+b@c d", "system.slice", "p-a\\x2bb\\x40c\\x20d.scope");
	check_name(":p:a\\b", "system.slice", "p-a\\x5cb.scope");
	check_name("::.a", "system.slice", "\\x2ea.scope");
	check_name(":p:\xc3\xa9", "system.slice", "p-\\xc3\\xa9.scope");
	check_name(":p:c.scope", "system.slice", "p-c.scope.scope");
	tap_ok(scene_plan(&user, NULL) == 0 && user.plan.cgroup.systemd.user, "a user's is");
	tap_is_str(user.plan.cgroup.systemd.slice, "user.slice", "in user.slice");
	tap_is_str(user.plan.cgroup.systemd.unit, "hull-a\\x2bb.c.scope",
		   "with the id in its name");
	plan_free(&user.plan);

	check_bad_name("/a/b", "slice:prefix:name");
	check_bad_name("c1", "slice:prefix:name");
	check_bad_name("a.slice:c1", "slice:prefix:name");
	check_bad_name("a.slice:b:c:d", "slice:prefix:name");
	check_bad_name("a.slice:b/c:d", "slice:prefix:name");
	check_bad_name("a.slice:b:", "no name");
	check_bad_name("a.slice:b:c.slice", "names a slice");
	check_bad_name("a:b:c", "doesn't end in .slice");
	check_bad_name(".slice:b:c", "doesn't end in .slice");
	check_bad_name("-a.slice:b:c", "each '-'");
	check_bad_name("a-.slice:b:c", "each '-'");
	check_bad_name("a--b.slice:b:c", "each '-'");
	check_bad_name("a b.slice:b:c", "no slice's name");
	check_bad_name("a\nb.slice:b:c", "no slice's name");
	memset(long_name + 3, 'x', 247);
	tap_ok(scene_plan(&longest, long_name) == 0, "a unit's name may have 255 bytes");
	plan_free(&longest.plan);
	long_name[250] = 'x';
	check_bad_name(long_name, "256 bytes");
}

/* --- Limits --- */

static struct unit_properties map(const struct plan_limit *limits, size_t n)
{
	static struct arena arena;
	struct unit_properties out;

	arena_done(&arena);
	arena = (struct arena){ 0 };
	systemd_map_limits((struct limit_list){ limits, n }, (struct limit_list){ limits, n },
			   &arena, &out);
	return out;
}

static const struct unit_property *find(struct unit_properties list, const char *name)
{
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.v[i].name, name) == 0)
			return &list.v[i];
	return NULL;
}

/* One line of one file becomes one number. */
static void check_number(const char *file, const char *value, const char *name, uint64_t number)
{
	const struct plan_limit limit = { .file = file, .value = value };
	const struct unit_property *p = find(map(&limit, 1), name);

	tap_ok(p && p->kind == UNIT_UINT64 && p->number == number, "%s '%s' is %s=%llu", file,
	       value, name, (unsigned long long)number);
}

static void check_none(const char *file, const char *value)
{
	const struct plan_limit limit = { .file = file, .value = value };

	tap_is_int((long long)map(&limit, 1).n, 0, "%s '%s' is no property", file, value);
}

static void check_mask(const char *value, const char *bytes, size_t n)
{
	const struct plan_limit limit = { .file = "cpuset.cpus", .value = value };
	const struct unit_property *p = find(map(&limit, 1), "AllowedCPUs");

	tap_ok(p && p->kind == UNIT_BYTES && p->n == n && memcmp(p->bytes, bytes, n) == 0,
	       "CPUs '%s' are a mask of %zu bytes", value, n);
}

static bool is_pair(struct unit_properties list, const char *name, size_t i, const char *path,
		    uint64_t number)
{
	const struct unit_property *p = find(list, name);

	return p && p->kind == UNIT_PAIRS && i < p->n && !strcmp(p->strings[i], path) &&
	       p->numbers[i] == number;
}

static void check_block_io(void)
{
	const struct plan_limit limits[] = {
		{ .file = "io.max", .value = "8:0 rbps=1024 wiops=5" },
		{ .file = "io.max", .value = "8:16 rbps=2048" },
		{ .file = "io.max", .value = "8:16 wbps=max" },
		{ .file = "io.weight", .value = "8:0 200" },
		{ .file = "io.weight", .value = "default 50" },
		{ .file = "io.latency", .value = "8:0 target=75" },
	};
	struct unit_properties list = map(limits, N(limits));

	tap_ok(is_pair(list, "IOReadBandwidthMax", 0, "/dev/block/8:0", 1024) &&
		       is_pair(list, "IOReadBandwidthMax", 1, "/dev/block/8:16", 2048),
	       "throttled reading is one property for all devices");
	tap_ok(is_pair(list, "IOWriteIOPSMax", 0, "/dev/block/8:0", 5) &&
		       is_pair(list, "IOWriteBandwidthMax", 0, "/dev/block/8:16", UINT64_MAX),
	       "and so is each of the others");
	tap_ok(is_pair(list, "IODeviceWeight", 0, "/dev/block/8:0", 200) &&
		       find(list, "IOWeight") && find(list, "IOWeight")->number == 50,
	       "a weight is the device's or the default");
	tap_ok(is_pair(list, "IODeviceLatencyTargetUSec", 0, "/dev/block/8:0", 75),
	       "so is a latency");
}

static void check_cpu(void)
{
	const struct plan_limit idle[] = { { .file = "cpu.weight", .value = "300" },
					   { .file = "cpu.idle", .value = "1" } };
	const struct plan_limit burst[] = { { .file = "cpu.max.burst", .value = "20000" },
					    { .file = "cpu.max", .value = "50000 100000" } };
	const struct unit_property *p = find(map(idle, 2), "CPUWeight");

	tap_ok(p && p->number == 0 && map(idle, 2).n == 1,
	       "idle is CPUWeight 0, whatever the weight");
	p = find(map(burst, 2), "CPUQuotaPerSecUSec");
	tap_ok(p && p->number == 700000, "what a burst allows in a period is allowed to the unit");
	check_number("cpu.max", "50000 100000", "CPUQuotaPerSecUSec", 500000);
	check_number("cpu.max", "50000 20000", "CPUQuotaPerSecUSec", 2500000);
	check_number("cpu.max", "50000 20000", "CPUQuotaPeriodUSec", 20000);
	check_number("cpu.max", "1001 100000", "CPUQuotaPerSecUSec", 20000);
	check_number("cpu.max", "max 100000", "CPUQuotaPerSecUSec", UINT64_MAX);
	check_number("cpu.max", "25000", "CPUQuotaPerSecUSec", 250000);
	check_number("cpu.weight", "300", "CPUWeight", 300);
	check_number("cpu.idle", "0", "CPUWeight", 100);
}

static void check_limits(void)
{
	check_number("memory.max", "1048576", "MemoryMax", 1048576);
	check_number("memory.max", "max", "MemoryMax", UINT64_MAX);
	check_number("memory.max", "0", "MemoryMax", 1);
	check_number("memory.high", "0", "MemoryHigh", 1);
	check_number("memory.high", "2M", "MemoryHigh", 2 << 20);
	check_number("memory.low", "0", "MemoryLow", 0);
	check_number("memory.min", "4k", "MemoryMin", 4096);
	check_number("memory.swap.max", "0", "MemorySwapMax", 0);
	check_number("pids.max", "7", "TasksMax", 7);
	check_number("pids.max", "0", "TasksMax", 1);
	check_number("pids.max", "max", "TasksMax", UINT64_MAX);
	check_mask("0-2,9", "\x07\x02", 2);
	check_mask("", "", 0);
	check_none("memory.max", "lots");
	check_none("cpuset.cpus", "3-1");
	check_none("io.max", "nonsense");
	check_none("hugetlb.2MB.max", "0");
	check_none("rdma.max", "mlx5_0 hca_handle=1");
	check_cpu();
	check_block_io();
	tap_ok(systemd_is_tight(&(struct unit_property){ .name = "TasksMax", .number = 1 }) &&
		       !systemd_is_tight(
			       &(struct unit_property){ .name = "TasksMax", .number = 2048 }) &&
		       systemd_is_tight(
			       &(struct unit_property){ .name = "MemoryMax", .number = 4096 }) &&
		       !systemd_is_tight(
			       &(struct unit_property){ .name = "MemoryLow", .number = 4096 }),
	       "limits that hull's own processes could hit are set when those are gone");
}

/* --- Annotations --- */

static struct arena texts;

static const struct unit_property *read_property(const char *name, const char *value,
						 struct oci_error *err)
{
	static struct unit_property p;

	*err = (struct oci_error){ 0 };
	return systemd_read_property(name, value, &texts, &p, err) == 0 ? &p : NULL;
}

/* --- An update --- */

static struct plan_limit limit(const char *file, const char *value)
{
	return (struct plan_limit){ .file = file, .value = value };
}

/* What an update tells systemd: the line at `changed` of all that the container has. */
static struct unit_properties map_one(const struct plan_limit *all, size_t n, size_t changed)
{
	static struct arena arena;
	struct unit_properties out;

	arena_done(&arena);
	arena = (struct arena){ 0 };
	systemd_map_limits((struct limit_list){ &all[changed], 1 }, (struct limit_list){ all, n },
			   &arena, &out);
	return out;
}

static void check_changed(void)
{
	const struct plan_limit all[] = {
		limit("memory.max", "4096"),	limit("cpu.max", "50000 100000"),
		limit("cpu.weight", "50"),	limit("cpu.idle", "0"),
		limit("cpu.max.burst", "500"),	limit("io.max", "8:0 rbps=5"),
		limit("io.max", "8:16 rbps=6"),
	};
	struct unit_properties list = map_one(all, N(all), 0);
	const struct unit_property *p;

	tap_ok(list.n == 1 && find(list, "MemoryMax"), "an update tells what changes, and no more");
	list = map_one(all, N(all), 4);
	p = find(list, "CPUQuotaPerSecUSec");
	tap_ok(p && p->number == 510000 && find(list, "CPUQuotaPeriodUSec") && list.n == 2,
	       "a burst that changes alone counts on top of the quota that stays");
	list = map_one(all, N(all), 1);
	p = find(list, "CPUQuotaPerSecUSec");
	tap_ok(p && p->number == 510000, "a quota with the burst that stays");
	list = map_one(all, N(all), 3);
	p = find(list, "CPUWeight");
	tap_ok(p && p->number == 50 && list.n == 1, "who is idle no more has his weight again");
	list = map_one(all, N(all), 6);
	tap_ok(list.n == 1 && is_pair(list, "IOReadBandwidthMax", 0, "/dev/block/8:16", 6) &&
		       find(list, "IOReadBandwidthMax")->n == 1,
	       "of devices only those that change");
	list = map_one(&all[4], 1, 0);
	tap_ok(list.n == 0, "a burst without a quota is nothing to systemd");
}

static bool goes_ahead(const char *file, const char *now, const char *then)
{
	struct plan_limit before = limit(file, now), after = limit(file, then);
	const struct plan_cgroup old = { .limits = &before, .n_limits = now ? 1 : 0 };

	return systemd_goes_ahead(&after, &old);
}

static void check_ahead(void)
{
	tap_ok(goes_ahead("cpuset.cpus", "0", "1"), "CPUs go ahead");
	tap_ok(goes_ahead("cpuset.mems", NULL, "1"), "nodes go ahead");
	tap_ok(goes_ahead("memory.swap.max", "0", "512"), "swap that rises goes ahead");
	tap_ok(goes_ahead("memory.swap.max", "512", "max"), "to no limit also");
	tap_ok(!goes_ahead("memory.swap.max", "512", "0"), "swap that falls doesn't");
	tap_ok(!goes_ahead("memory.swap.max", NULL, "512"), "the first limit of it doesn't");
	tap_ok(!goes_ahead("memory.max", "1", "2"), "memory doesn't");
}

static void check_update_nice(enum cgroup_manager manager, bool refused)
{
	struct oci_pair nice = { .key = strdup("cpu.weight.nice"), .value = strdup("5") };
	struct scene s = { .request = { .id = "c1", .manager = manager } };

	s.config.linux.resources.present = true;
	s.config.linux.resources.unified.v = &nice;
	s.config.linux.resources.unified.n = 1;
	tap_ok((plan_make_update(&s.plan, &s.config, &s.request, &s.host, NULL, &s.err) < 0) ==
		       refused,
	       "cpu.weight.nice below a unit (%d): %s", refused, s.err.text);
	plan_free(&s.plan);
	free(nice.key);
	free(nice.value);
}

static void check_value(const char *name, const char *value, const char *property, uint64_t number)
{
	struct oci_error err;
	const struct unit_property *p = read_property(name, value, &err);

	tap_ok(p && !strcmp(p->name, property) && p->number == number, "%s %s is %s=%llu %s", name,
	       value, property, (unsigned long long)number, err.text);
}

static void check_texts(const char *name, const char *value, const char *joined)
{
	struct oci_error err;
	const struct unit_property *p = read_property(name, value, &err);
	char got[256] = "";

	for (size_t i = 0; p && i < p->n; i++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s|", p->strings[i]);
	tap_ok(p != NULL, "%s %s is read", name, value);
	tap_is_str(got, joined, "as %s", joined);
}

static void check_bad(const char *name, const char *value, const char *why)
{
	struct oci_error err;

	tap_ok(!read_property(name, value, &err) && strstr(err.text, why), "%s %s is refused: %s",
	       name, value, err.text);
}

static void check_annotations(void)
{
	check_value("TimeoutStopUSec", "uint64 5000000", "TimeoutStopUSec", 5000000);
	check_value("TimeoutStopUSec", "5000000", "TimeoutStopUSec", 5000000);
	check_value("TimeoutStopUSec", "18446744073709551615", "TimeoutStopUSec", UINT64_MAX);
	check_value("TimeoutStopSec", "uint64 5", "TimeoutStopUSec", 5000000);
	check_value("TimeoutStopSec", "0.25", "TimeoutStopUSec", 250000);
	check_value("RuntimeMaxSec", "int32 60", "RuntimeMaxUSec", 60000000);
	check_value("KillSignal", "int32 15", "KillSignal", 15);
	check_value("DefaultDependencies", "false", "DefaultDependencies", 0);
	check_value("SendSIGHUP", " true ", "SendSIGHUP", 1);
	check_texts("Description", "'a \\'text\\' of one'", "a 'text' of one|");
	check_texts("Description", "\"it's\"", "it's|");
	check_texts("CollectMode", "'inactive'", "inactive|");
	check_texts("After", "['a.service', \"b.service\"]", "a.service|b.service|");
	check_texts("PartOf", "@as []", "");
	check_texts("Before", "[]", "");
	check_bad("TimeoutStopUSec", "'5s'", "expected a number");
	check_bad("TimeoutStopUSec", "-5", "expected a number");
	check_bad("TimeoutStopUSec", "5 5", "expected a number");
	check_bad("TimeoutStopUSec", "5x", "expected a number");
	check_bad("TimeoutStopUSec", "18446744073709551616", "expected a number");
	check_bad("TimeoutStopUSec", "", "expected a number");
	check_bad("TimeoutStopSec", "1e300", "expected a number of seconds");
	check_bad("TimeoutStopSec", "18446744073709551615", "expected a number of seconds");
	check_bad("KillSignal", "int32 3000000000", "expected a number");
	check_bad("DefaultDependencies", "yes", "expected true or false");
	check_bad("DefaultDependencies", "truefalse", "expected true or false");
	check_bad("Description", "text", "in quotes");
	check_bad("Description", "'text", "in quotes");
	check_bad("Description", "'text\\", "in quotes");
	check_bad("Description", "'a' 'b'", "in quotes");
	check_bad("After", "'a'", "expected a list");
	check_bad("After", "['a'", "expected a list");
	check_bad("After", "['a',]", "expected a list");
	check_bad("KillMode", "'none'", "expected one of: control-group mixed");
	check_bad("KillMode", "'mix'", "expected one of");
	check_bad("CollectMode", "''", "expected one of");
	check_bad("FailureAction", "'poweroff'", "allowed are After, Before");
	check_bad("Conflicts", "['ssh.service']", "allowed are");
	/* What starts other units, among which are those that turn the machine off. */
	check_bad("Wants", "['poweroff.target']", "allowed are");
	check_bad("Requires", "['poweroff.target']", "allowed are");
	check_bad("BindsTo", "['poweroff.target']", "allowed are");
	check_bad("RequiresMountsFor", "['/mnt']", "allowed are");
	check_bad("PIDs", "[1]", "allowed are");
	check_bad("MemoryMax", "uint64 1", "allowed are");
	check_bad("timeoutstopusec", "uint64 1", "allowed are");
	check_bad("TimeoutStop", "uint64 1", "allowed are");
	check_bad("TimeoutStopUUSec", "uint64 1", "allowed are");
	check_bad("Sec", "uint64 1", "allowed are");
	check_bad("", "uint64 1", "allowed are");
	arena_done(&texts);
}

int main(void)
{
	check_names();
	check_limits();
	check_changed();
	check_ahead();
	check_update_nice(CGROUP_SYSTEMD, true);
	check_update_nice(CGROUP_CGROUPFS, false);
	check_annotations();
	return tap_done();
}
