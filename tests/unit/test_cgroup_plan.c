/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the planner makes of linux.cgroupsPath and linux.resources: paths, refusals with their
 * pointers, notes, and whether there is a device filter. The configs are structs; the text of
 * config.json is tests/cases' subject. One real look at this host at the end.
 */
#include <stdint.h>
#include <string.h>

#include "base/fd.h"
#include "plan/limits.h"
#include "plan/planner.h"
#include "tests/unit/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Everything that one planning said, one finding per line: "host /linux/...: text". */
struct heard {
	char text[8192];
};

static int hear(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	static const char *const names[] = { "invalid", "host", "note" };
	struct heard *heard = ctx;
	size_t used = strlen(heard->text);

	(void)snprintf(heard->text + used, sizeof(heard->text) - used, "%s %s: %s\n", names[kind],
		       pointer, text);
	return 0;
}

struct scene {
	struct oci_config config;
	struct request request;
	struct host host;
	struct plan plan;
	struct heard heard;
	struct oci_error err;
	bool refused;
};

static struct scene scene_new(void)
{
	return (struct scene){ .request = { .id = "c1", .manager = CGROUP_CGROUPFS },
			       .host = { .cgroup_mount = "/sys/fs/cgroup" } };
}

/* Plans with a report, as `hull check` does. */
static void scene_plan(struct scene *s)
{
	struct plan_report report = { .found = hear, .ctx = &s->heard };
	struct planner p = { .plan = &s->plan,
			     .config = &s->config,
			     .request = &s->request,
			     .host = &s->host,
			     .report = &report,
			     .err = &s->err };

	s->config.linux.resources.present = true;
	(void)plan_cgroup(&p); /* with a report the findings are the result */
	s->refused = p.refused;
}

static bool heard(const struct scene *s, const char *text)
{
	bool found = strstr(s->heard.text, text) != NULL;

	if (!found)
		printf("# expected: %s\n# heard: %s\n", text, s->heard.text);
	return found;
}

/* --- The path --- */

static void check_path(char *given, const char *expected)
{
	struct scene s = scene_new();

	s.config.linux.cgroups_path = given;
	scene_plan(&s);
	tap_ok(!s.refused && s.plan.cgroup.used && s.plan.cgroup.path &&
		       strcmp(s.plan.cgroup.path, expected) == 0,
	       "cgroupsPath %s is the cgroup '%s'", given ? given : "(none)", expected);
	plan_free(&s.plan);
}

static void check_bad_path(char *given, const char *why)
{
	struct scene s = scene_new();

	s.config.linux.cgroups_path = given;
	scene_plan(&s);
	tap_ok(s.refused && heard(&s, "invalid /linux/cgroupsPath: ") && heard(&s, why),
	       "cgroupsPath '%.*s' is refused: %s", (int)strcspn(given, "\n"), given, why);
	plan_free(&s.plan);
}

static void check_paths(void)
{
	static char long_name[400] = "/a/";

	check_path(NULL, "c1");
	check_path((char[]){ "/user/c1" }, "user/c1");
	check_path((char[]){ "user/c1" }, "user/c1");
	check_path((char[]){ "/a.slice/b:c" }, "a.slice/b:c");
	check_path((char[]){ "/..a/b.." }, "..a/b..");
	check_bad_path((char[]){ "/" }, "root of the cgroup tree");
	check_bad_path((char[]){ "/a/../b" }, "'.' or '..'");
	check_bad_path((char[]){ ".." }, "'.' or '..'");
	check_bad_path((char[]){ "/a/./b" }, "'.' or '..'");
	check_bad_path((char[]){ "//a" }, "empty component");
	check_bad_path((char[]){ "/a//b" }, "empty component");
	check_bad_path((char[]){ "/a/" }, "empty component");
	check_bad_path((char[]){ "/a\nb" }, "control character");
	check_bad_path((char[]){ "system.slice:hull:c1" }, "--systemd-cgroup");
	check_bad_path((char[]){ ":hull:c1" }, "--systemd-cgroup");
	memset(long_name + 3, 'x', 256);
	check_bad_path(long_name, "more than 255 bytes");
}

static void check_managers(void)
{
	struct scene s = scene_new();

	s.request.manager = CGROUP_DISABLED;
	s.host.cgroup_mount[0] = '\0';
	scene_plan(&s);
	tap_ok(!s.refused && !s.plan.cgroup.used && s.plan.cgroup.n_filter == 0,
	       "with the manager disabled there is no cgroup and no filter, nor a need of cgroup2");
	tap_is_str(s.heard.text, "", "and nothing to say when config.json has no device rules");
	plan_free(&s.plan);

	s = scene_new();
	s.host.cgroup_mount[0] = '\0';
	scene_plan(&s);
	tap_ok(s.refused && heard(&s, "host /linux/cgroupsPath: no cgroup2"),
	       "a host without cgroup2 is refused");
	plan_free(&s.plan);
}

/* --- Limits --- */

static void check_nothing(void)
{
	struct scene s = scene_new();
	struct oci_resources *r = &s.config.linux.resources;
	struct oci_pair pairs[] = { { (char[]){ "memory.max" }, (char[]){ "max" } },
				    { (char[]){ "memory.high" }, (char[]){ "max" } } };
	struct oci_weight_device weight = { 8, 0, { 0 }, { 0 } };
	struct oci_throttle_device throttle = { 8, 0, { 0 } };
	struct oci_rdma rdma = { .device = (char[]){ "mlx5" } };

	r->memory.limit = r->memory.reservation = r->memory.swap = (struct oci_maybe_int){ 1, -1 };
	r->memory.kernel = r->memory.kernel_tcp = (struct oci_maybe_int){ 1, -1 };
	r->memory.use_hierarchy = r->memory.disable_oom_killer = (struct oci_maybe_bool){ 1, 0 };
	r->memory.check_before_update = (struct oci_maybe_bool){ 1, 1 };
	r->cpu.shares = (struct oci_maybe_uint){ 1, 1024 };
	r->cpu.quota = (struct oci_maybe_int){ 1, -1 };
	r->cpu.period = (struct oci_maybe_uint){ 1, 50000 };
	r->cpu.burst = (struct oci_maybe_uint){ 1, 0 };
	r->cpu.idle = (struct oci_maybe_int){ 1, 0 };
	r->cpu.cpus = r->cpu.mems = (char[]){ "" };
	r->block_io.weight = (struct oci_maybe_uint){ 1, 0 };
	r->block_io.weight_device.v = &weight;
	r->block_io.weight_device.n = 1;
	r->block_io.throttle_read_bps_device.v = &throttle;
	r->block_io.throttle_read_bps_device.n = 1;
	r->rdma.v = &rdma;
	r->rdma.n = 1;
	r->pids.limit = (struct oci_maybe_int){ 1, -1 };
	r->unified.v = pairs;
	r->unified.n = N(pairs);
	scene_plan(&s);
	tap_ok(!s.refused, "values that ask for nothing are accepted");
	tap_is_str(s.heard.text, "", "and nothing is said about them");
	plan_free(&s.plan);

	s = scene_new();
	s.config.linux.resources.cpu.shares = (struct oci_maybe_uint){ 1, 0 };
	s.config.linux.resources.cpu.quota = (struct oci_maybe_int){ 1, 0 };
	s.config.linux.resources.memory.reservation = (struct oci_maybe_int){ 1, 0 };
	scene_plan(&s);
	tap_ok(!s.refused, "0 shares, a quota of 0 and a reservation of 0 ask for nothing");
	plan_free(&s.plan);
}

static const struct plan_limit *find_limit(const struct plan *plan, const char *pointer)
{
	for (size_t i = 0; i < plan->cgroup.n_limits; i++)
		if (strcmp(plan->cgroup.limits[i].pointer, pointer) == 0)
			return &plan->cgroup.limits[i];
	return NULL;
}

static bool needs_controller(const struct plan *plan, const char *file)
{
	const struct plan_controller *c = plan->cgroup.controllers;

	for (; c && c->name; c++)
		if (strlen(c->name) == strcspn(file, ".") &&
		    strncmp(c->name, file, strlen(c->name)) == 0)
			return true;
	return false;
}

/* One limit set by a statement: it is planned as this line of this file, for which the controller
 * is needed. */
#define CHECK_LIMIT(where, expected_file, expected_value, ...)                                     \
	do {                                                                                       \
		struct scene s = scene_new();                                                      \
		struct oci_resources *r = &s.config.linux.resources;                               \
		const struct plan_limit *limit;                                                    \
		__VA_ARGS__;                                                                       \
		scene_plan(&s);                                                                    \
		limit = find_limit(&s.plan, "/linux/resources" where);                             \
		tap_ok(!s.refused && limit && strcmp(limit->file, expected_file) == 0 &&           \
			       strcmp(limit->value, expected_value) == 0 && !limit->initial &&     \
			       needs_controller(&s.plan, expected_file),                           \
		       "%s: '%s' for %s", where, expected_value, expected_file);                   \
		plan_free(&s.plan);                                                                \
	} while (0)

#define INT(value) ((struct oci_maybe_int){ true, value })
#define UINT(value) ((struct oci_maybe_uint){ true, value })

static void check_scalars(void)
{
	CHECK_LIMIT("/memory/limit", "memory.max", "67108864", r->memory.limit = INT(67108864));
	CHECK_LIMIT("/memory/limit", "memory.max", "0", r->memory.limit = INT(0));
	CHECK_LIMIT("/memory/reservation", "memory.low", "1", r->memory.reservation = INT(1));
	CHECK_LIMIT("/memory/swap", "memory.swap.max", "5", r->memory.limit = INT(67108864),
		    r->memory.swap = INT(67108869));
	CHECK_LIMIT("/cpu/shares", "cpu.weight", "59", r->cpu.shares = UINT(512));
	CHECK_LIMIT("/cpu/quota", "cpu.max", "50000 100000", r->cpu.quota = INT(50000));
	CHECK_LIMIT("/cpu/quota", "cpu.max", "50000 1000000", r->cpu.quota = INT(50000),
		    r->cpu.period = UINT(1000000));
	CHECK_LIMIT("/cpu/burst", "cpu.max.burst", "1", r->cpu.burst = UINT(1));
	CHECK_LIMIT("/cpu/cpus", "cpuset.cpus", "0-1", r->cpu.cpus = (char[]){ "0-1" });
	CHECK_LIMIT("/cpu/mems", "cpuset.mems", "0", r->cpu.mems = (char[]){ "0" });
	CHECK_LIMIT("/cpu/idle", "cpu.idle", "1", r->cpu.idle = INT(1));
	CHECK_LIMIT("/blockIO/weight", "io.weight", "910", r->block_io.weight = UINT(100));
	CHECK_LIMIT("/pids/limit", "pids.max", "50", r->pids.limit = INT(50));
	CHECK_LIMIT("/pids/limit", "pids.max", "0", r->pids.limit = INT(0));
	CHECK_LIMIT("/pids/limit", "pids.max", "4194304", r->pids.limit = INT(4194304));
}

static void check_lists(void)
{
	struct oci_weight_device weight[] = { { 8, 0, { 0 }, { 0 } }, { 8, 16, UINT(500), { 0 } } };
	struct oci_throttle_device throttle = { 8, 0, UINT(1048576) };
	struct oci_hugepage_limit huge = { (char[]){ "2MB" }, 0 };
	struct oci_rdma rdma = { (char[]){ "a/b" }, UINT(3), UINT(4) };
	struct oci_pair pair = { (char[]){ "memory.max" }, (char[]){ "1000000" } };
	struct oci_pair odd = { (char[]){ "no.such~one" }, (char[]){ "x" } };

	CHECK_LIMIT("/blockIO/weightDevice/1", "io.weight", "8:16 4950",
		    r->block_io.weight_device.v = weight, r->block_io.weight_device.n = N(weight));
	CHECK_LIMIT("/blockIO/throttleReadBpsDevice/0", "io.max", "8:0 rbps=1048576",
		    r->block_io.throttle_read_bps_device.v = &throttle,
		    r->block_io.throttle_read_bps_device.n = 1);
	CHECK_LIMIT("/blockIO/throttleWriteBpsDevice/0", "io.max", "8:0 wbps=1048576",
		    r->block_io.throttle_write_bps_device.v = &throttle,
		    r->block_io.throttle_write_bps_device.n = 1);
	CHECK_LIMIT("/blockIO/throttleReadIOPSDevice/0", "io.max", "8:0 riops=1048576",
		    r->block_io.throttle_read_iops_device.v = &throttle,
		    r->block_io.throttle_read_iops_device.n = 1);
	CHECK_LIMIT("/blockIO/throttleWriteIOPSDevice/0", "io.max", "8:0 wiops=1048576",
		    r->block_io.throttle_write_iops_device.v = &throttle,
		    r->block_io.throttle_write_iops_device.n = 1);
	CHECK_LIMIT("/hugepageLimits/0", "hugetlb.2MB.max", "0", r->hugepage_limits.v = &huge,
		    r->hugepage_limits.n = 1);
	CHECK_LIMIT("/rdma/a~1b", "rdma.max", "a/b hca_handle=3 hca_object=4", r->rdma.v = &rdma,
		    r->rdma.n = 1);
	CHECK_LIMIT("/unified/memory.max", "memory.max", "1000000", r->unified.v = &pair,
		    r->unified.n = 1);
	CHECK_LIMIT("/unified/no.such~0one", "no.such~one", "x", r->unified.v = &odd,
		    r->unified.n = 1);
}

/* Values of the formula, worked out with 60 digits. */
static void check_weights(void)
{
	static const struct {
		uint64_t given;
		unsigned weight;
	} shares[] = {
		{ 1, 1 },	   { 2, 1 },
		{ 3, 2 },	   { 4, 2 },
		{ 10, 4 },	   { 100, 17 },
		{ 102, 17 },	   { 200, 29 },
		{ 256, 35 },	   { 512, 59 },
		{ 1000, 99 },	   { 1023, 100 },
		{ 1024, 100 },	   { 1025, 101 },
		{ 2000, 170 },	   { 2048, 174 },
		{ 4096, 303 },	   { 8192, 532 },
		{ 10000, 627 },	   { 32768, 1681 },
		{ 65536, 3023 },   { 100000, 4340 },
		{ 131072, 5478 },  { 262143, 10000 },
		{ 262144, 10000 }, { UINT64_MAX, 10000 },
	};

	for (size_t i = 0; i < N(shares); i++)
		tap_ok(limit_cpu_weight(shares[i].given) == shares[i].weight,
		       "%llu shares are a weight of %u, found %u",
		       (unsigned long long)shares[i].given, shares[i].weight,
		       limit_cpu_weight(shares[i].given));
	for (uint64_t n = 2; n < 262144; n++)
		if (limit_cpu_weight(n) > limit_cpu_weight(n + 1))
			tap_ok(false, "more shares are less weight: %llu", (unsigned long long)n);
	tap_ok(limit_io_weight(10) == 1 && limit_io_weight(1000) == 10000,
	       "the ends of the scale of blkio are those of io.weight");
	tap_ok(limit_io_weight(500) == 4950, "and what is between is in proportion");
}

static void check_page_size(const char *given, const char *expected)
{
	struct arena arena = { 0 };

	tap_is_str(limit_page_size(&arena, given), expected, "the kernel's name of %s", given);
	arena_done(&arena);
}

static void check_page_sizes(void)
{
	check_page_size("2MB", "2MB");
	check_page_size("64KB", "64KB");
	check_page_size("2048KB", "2MB");
	check_page_size("1048576KB", "1GB");
	check_page_size("1024MB", "1GB");
	check_page_size("1025MB", "1025MB");
	check_page_size("16GB", "16GB");
}

static void check_v1(void)
{
	static const char *const pointers[] = {
		"/memory/kernel",	"/memory/kernelTCP",	    "/memory/swappiness",
		"/memory/useHierarchy", "/memory/disableOOMKiller", "/cpu/realtimeRuntime",
		"/cpu/realtimePeriod",	"/blockIO/leafWeight",	    "/blockIO/weightDevice/0",
		"/network/classID",	"/network/priorities",
	};
	struct scene s = scene_new();
	struct oci_resources *r = &s.config.linux.resources;
	struct oci_weight_device weight = { 8, 0, { 0 }, UINT(10) };
	struct oci_network_priority priority = { (char[]){ "eth0" }, 5 };

	r->memory.kernel = r->memory.kernel_tcp = INT(1000000);
	r->memory.swappiness = UINT(0);
	r->memory.use_hierarchy = r->memory.disable_oom_killer = (struct oci_maybe_bool){ 1, 1 };
	r->cpu.realtime_runtime = INT(5);
	r->cpu.realtime_period = UINT(5);
	r->block_io.leaf_weight = UINT(10);
	r->block_io.weight_device.v = &weight;
	r->block_io.weight_device.n = 1;
	r->network.class_id = UINT(1);
	r->network.priorities.v = &priority;
	r->network.priorities.n = 1;
	scene_plan(&s);
	tap_ok(!s.refused, "what only cgroup v1 has isn't refused");
	for (size_t i = 0; i < N(pointers); i++) {
		char line[128];

		(void)snprintf(line, sizeof(line), "note /linux/resources%s: ", pointers[i]);
		tap_ok(heard(&s, line), "but noted: %s", pointers[i]);
	}
	plan_free(&s.plan);

	s = scene_new();
	s.config.linux.resources.memory.limit = INT(-2);
	scene_plan(&s);
	tap_ok(s.refused && heard(&s, "invalid /linux/resources/memory/limit: -2"),
	       "-2 is no limit at all");
	plan_free(&s.plan);
}

static void check_stops(void)
{
	struct scene s = scene_new();
	struct planner p = { .plan = &s.plan,
			     .config = &s.config,
			     .request = &s.request,
			     .host = &s.host,
			     .err = &s.err };

	s.config.linux.resources.present = true;
	s.request.manager = CGROUP_DISABLED;
	s.config.linux.resources.pids.limit = INT(5);
	tap_ok(plan_cgroup(&p) == -1 && strcmp(s.err.code, "unsupported") == 0 &&
		       strstr(s.err.text, "/linux/resources/pids/limit: ") == s.err.text,
	       "create stops at the first refusal, with its pointer");
	plan_free(&s.plan);
}

/* --- Device rules --- */

static void check_bad_rule(const struct oci_device_rule *rule, const char *expected)
{
	struct scene s = scene_new();
	struct oci_device_rule copy = *rule;

	s.config.linux.resources.devices.v = &copy;
	s.config.linux.resources.devices.n = 1;
	scene_plan(&s);
	tap_ok(s.refused && heard(&s, expected), "refused: %s", expected);
	plan_free(&s.plan);
}

static void check_rules(void)
{
	struct oci_device_rule deny = { .allow = false, .access = (char[]){ "rwm" } };
	struct oci_device_rule bad_type = { .type = (char[]){ "x" } };
	struct oci_device_rule bad_major = { .major = INT(-2) };
	struct oci_device_rule bad_minor = { .minor = INT(4294967296) };
	struct oci_device_rule bad_access = { .access = (char[]){ "rx" } };
	struct scene s = scene_new();
	size_t without;

	scene_plan(&s);
	without = s.plan.cgroup.n_filter;
	tap_ok(without > 0 && s.plan.cgroup.filter,
	       "no rule at all: a filter all the same, for the default devices only");
	plan_free(&s.plan);

	s = scene_new();
	s.config.linux.resources.devices.v = &deny;
	s.config.linux.resources.devices.n = 1;
	scene_plan(&s);
	tap_is_int((long long)s.plan.cgroup.n_filter, (long long)without,
		   "which is the same as what engines write, 'deny all'");
	plan_free(&s.plan);

	check_bad_rule(&bad_type, "invalid /linux/resources/devices/0/type: ");
	check_bad_rule(&bad_major, "invalid /linux/resources/devices/0/major: ");
	check_bad_rule(&bad_minor, "invalid /linux/resources/devices/0/minor: ");
	check_bad_rule(&bad_access, "invalid /linux/resources/devices/0/access: ");

	s = scene_new();
	s.host.rootless = s.host.cgroup_may = true;
	s.config.linux.resources.devices.v = &deny;
	s.config.linux.resources.devices.n = 1;
	scene_plan(&s);
	tap_ok(!s.refused && s.plan.cgroup.n_filter == 0 &&
		       heard(&s, "note /linux/resources/devices: left out"),
	       "without root of the host the rules are left out with a note");
	plan_free(&s.plan);

	s = scene_new();
	s.request.manager = CGROUP_DISABLED;
	s.config.linux.resources.devices.v = &deny;
	s.config.linux.resources.devices.n = 1;
	scene_plan(&s);
	tap_ok(!s.refused && s.plan.cgroup.n_filter == 0 &&
		       heard(&s, "note /linux/resources/devices: left out"),
	       "with the manager disabled as well");
	plan_free(&s.plan);
}

static void check_host(void)
{
	struct host host;
	struct oci_error err = { 0 };

	tap_ok(host_look(&host, &err) == 0, "this host is new enough %s", err.text);
	tap_ok((host.known_caps & 0x1ffffffffff) == 0x1ffffffffff &&
		       (host.capabilities & ~host.known_caps) == 0,
	       "its capabilities are known: %llx, own %llx", (unsigned long long)host.known_caps,
	       (unsigned long long)host.capabilities);
	tap_ok(host.cgroup_mount[0] == '\0' ||
		       host.cgroup_hybrid == (strcmp(host.cgroup_mount, "/sys/fs/cgroup") != 0),
	       "cgroup2 is at '%s'", host.cgroup_mount);
}

int main(void)
{
	check_paths();
	check_managers();
	check_nothing();
	check_scalars();
	check_lists();
	check_weights();
	check_page_sizes();
	check_v1();
	check_stops();
	check_rules();
	check_host();
	return tap_done();
}
