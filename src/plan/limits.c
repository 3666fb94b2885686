/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The limits of linux.resources as lines for the files of cgroup v2. Properties made for cgroup v1
 * are translated here; steps/limits.c only writes. A value that asks for nothing, because the
 * kernel begins with it, stays in the list as `initial`, so that it can take back an earlier one.
 * Device rules are in plan/cgroup.c.
 */
#include "plan/limits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "plan/number_list.h"

#define RESOURCES "/linux/resources"
#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The kernel's own bounds of cpu.max, in microseconds (kernel/sched/core.c), and of pids.max. */
#define PERIOD_MIN 1000
#define PERIOD_MAX 1000000
#define PERIOD_INITIAL 100000
#define QUOTA_MIN 1000
#define PIDS_MOST 4194304
#define SHARES_INITIAL 1024
/* Of device numbers, as dev_t has them in the kernel. */
#define MAJOR_MOST 4095
#define MINOR_MOST 1048575

struct limits {
	struct planner *p;
	struct plan_limit *list;
	size_t n, room;
	size_t n_typed;		  /* those that don't come from `unified` */
	struct plan_limit no_one; /* what add() gives when memory ran out */
};

#define text(l, ...) arena_printf(&(l)->p->plan->arena, __VA_ARGS__)

static bool make_room(struct limits *l)
{
	size_t room = l->room ? 2 * l->room : 16;
	struct plan_limit *more;

	if (l->n < l->room)
		return true;
	more = arena_array(&l->p->plan->arena, room, sizeof(*more));
	if (!more)
		return false;
	if (l->n > 0)
		memcpy(more, l->list, l->n * sizeof(*more));
	l->list = more;
	l->room = room;
	return true;
}

/* The new entry, to be completed; never NULL (the arena remembers when memory ran out). */
static struct plan_limit *add(struct limits *l, const char *file, const char *value,
			      const char *pointer)
{
	if (!file || !value || !pointer || !make_room(l))
		return &l->no_one;
	l->list[l->n] = (struct plan_limit){ .file = file, .value = value, .pointer = pointer };
	return &l->list[l->n++];
}

/* A number, or "max" for -1, which is what the kernel begins with. */
static struct plan_limit *add_number(struct limits *l, const char *file, int64_t value,
				     const char *pointer)
{
	bool none = value == -1;
	struct plan_limit *limit =
		add(l, file, none ? "max" : text(l, "%lld", (long long)value), pointer);

	limit->initial = none;
	return limit;
}

static int refuse_below(struct limits *l, int64_t value, const char *unit, const char *pointer)
{
	return planner_refuse(l->p, PLAN_INVALID, pointer,
			      "%lld is no limit: expected -1 (none), 0 or more %s",
			      (long long)value, unit);
}

/* --- Memory --- */

#define LIMIT RESOURCES "/memory/limit"
#define SWAP RESOURCES "/memory/swap"

/* memory.swap of config.json is memory and swap together, cgroup v2's is swap alone. 0 is what
 * engines send for "not given". */
static int plan_swap(struct limits *l, const struct oci_memory *memory)
{
	const struct oci_maybe_int *swap = &memory->swap, *limit = &memory->limit;

	if (!swap->set || swap->v == 0)
		return 0;
	if (swap->v < -1)
		return refuse_below(l, swap->v, "bytes", SWAP);
	if (swap->v == -1) {
		add_number(l, "memory.swap.max", -1, SWAP);
		return 0;
	}
	if (!limit->set || limit->v < 0)
		return planner_refuse(l->p, PLAN_INVALID, SWAP,
				      "it is memory and swap together, which can't be limited "
				      "without a limit of memory (%s)",
				      LIMIT);
	if (swap->v < limit->v)
		return planner_refuse(l->p, PLAN_INVALID, SWAP,
				      "it is memory and swap together, so %lld can't be less than "
				      "the limit of memory, %lld",
				      (long long)swap->v, (long long)limit->v);
	add_number(l, "memory.swap.max", swap->v - limit->v, SWAP);
	return 0;
}

static int plan_memory(struct limits *l)
{
	static const char reservation[] = RESOURCES "/memory/reservation";
	const struct oci_memory *memory = &l->p->config->linux.resources.memory;

	if (memory->limit.set && memory->limit.v < -1)
		TRY(refuse_below(l, memory->limit.v, "bytes", LIMIT));
	else if (memory->limit.set)
		add_number(l, "memory.max", memory->limit.v, LIMIT)->must_cover =
			memory->limit.v >= 0 && memory->check_before_update.set &&
			memory->check_before_update.v;
	if (memory->reservation.set && memory->reservation.v < -1)
		TRY(refuse_below(l, memory->reservation.v, "bytes", reservation));
	else if (memory->reservation.set) {
		/* Nothing is protected: that, not "max", is memory.low's beginning. */
		int64_t low = memory->reservation.v == -1 ? 0 : memory->reservation.v;

		add_number(l, "memory.low", low, reservation)->initial = low == 0;
	}
	return plan_swap(l, memory);
}

/* --- CPU --- */

static double log2_of(double x)
{
	double result = 0;

	for (; x >= 2; x /= 2)
		result++;
	for (double bit = 0.5; bit > 1e-15; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

unsigned limit_cpu_weight(uint64_t shares)
{
	unsigned low = 1, high = 10000;
	double l, exponent;

	if (shares <= 2)
		return low;
	if (shares >= 262144)
		return high;
	l = log2_of((double)shares);
	/* The power of two that the result is the ceiling of; what is exact must stay it. */
	exponent = ((l * l + 125 * l) / 612 - 7.0 / 34) * log2_of(10) - 1e-9;
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (log2_of(middle) >= exponent)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

#define CPU RESOURCES "/cpu"

/* An idle cgroup has no weight: the kernel refuses cpu.weight there. */
static int plan_shares(struct limits *l, const struct oci_cpu *cpu)
{
	bool idle = cpu->idle.set && cpu->idle.v == 1;

	if (cpu->idle.set && cpu->idle.v != 0 && cpu->idle.v != 1)
		TRY(planner_refuse(l->p, PLAN_INVALID, CPU "/idle",
				   "%lld is neither 0 nor 1 (SCHED_IDLE for the whole cgroup)",
				   (long long)cpu->idle.v));
	else if (cpu->idle.set)
		add(l, "cpu.idle", idle ? "1" : "0", CPU "/idle")->initial = !idle;
	if (!cpu->shares.set || cpu->shares.v == 0)
		return 0;
	if (idle && cpu->shares.v == SHARES_INITIAL)
		return 0;
	if (idle)
		return planner_refuse(l->p, PLAN_INVALID, CPU "/shares",
				      "an idle cgroup (%s/idle) has no weight: one of the two",
				      CPU);
	add(l, "cpu.weight", text(l, "%u", limit_cpu_weight(cpu->shares.v)), CPU "/shares")
		->initial = cpu->shares.v == SHARES_INITIAL;
	return 0;
}

/* Only with a quota does the period count, so only then is it refused. */
static int check_quota(struct limits *l, const struct oci_cpu *cpu)
{
	if (cpu->quota.v < -1)
		return refuse_below(l, cpu->quota.v, "microseconds", CPU "/quota");
	if (cpu->quota.v < QUOTA_MIN)
		return planner_refuse(l->p, PLAN_HOST, CPU "/quota",
				      "the kernel takes no quota below %d microseconds, not %lld",
				      QUOTA_MIN, (long long)cpu->quota.v);
	if (cpu->burst.set && cpu->burst.v > (uint64_t)cpu->quota.v)
		return planner_refuse(l->p, PLAN_HOST, CPU "/burst",
				      "the kernel takes no burst above the quota, %lld "
				      "microseconds, not %llu",
				      (long long)cpu->quota.v, (unsigned long long)cpu->burst.v);
	return 0;
}

/* Quota and period share a file. A period alone limits nothing. A quota of 0 is what engines send
 * for "not given". */
static int plan_quota(struct limits *l, const struct oci_cpu *cpu)
{
	bool quota = cpu->quota.set && cpu->quota.v != 0 && cpu->quota.v != -1;
	bool none = cpu->quota.set && cpu->quota.v == -1;
	bool period_given = cpu->period.set && cpu->period.v != 0;
	uint64_t period = period_given ? cpu->period.v : PERIOD_INITIAL;
	bool fits = period >= PERIOD_MIN && period <= PERIOD_MAX;

	if (quota)
		TRY(check_quota(l, cpu));
	if (quota && !fits)
		return planner_refuse(l->p, PLAN_HOST, CPU "/period",
				      "the kernel takes periods of %d to %d microseconds, not %llu",
				      PERIOD_MIN, PERIOD_MAX, (unsigned long long)period);
	if (quota)
		add(l, "cpu.max",
		    text(l, "%lld %llu", (long long)cpu->quota.v, (unsigned long long)period),
		    CPU "/quota");
	else if (none || (period_given && fits))
		add(l, "cpu.max",
		    text(l, "max %llu", (unsigned long long)(fits ? period : PERIOD_INITIAL)),
		    none ? CPU "/quota" : CPU "/period")
			->initial = true;
	if (cpu->burst.set)
		add(l, "cpu.max.burst", text(l, "%llu", (unsigned long long)cpu->burst.v),
		    CPU "/burst")
			->initial = cpu->burst.v == 0;
	return 0;
}

static int plan_cpuset(struct limits *l, const char *file, const char *list, const char *pointer)
{
	struct number_set set = { 0 };
	struct oci_error why = { 0 };

	if (!list || *list == '\0')
		return 0;
	if (number_list_read(list, &set, &why) < 0)
		return planner_refuse(l->p, PLAN_INVALID, pointer, "%s", why.text);
	add(l, file, list, pointer);
	return 0;
}

static int plan_cpu(struct limits *l)
{
	const struct oci_cpu *cpu = &l->p->config->linux.resources.cpu;

	TRY(plan_shares(l, cpu));
	TRY(plan_quota(l, cpu));
	TRY(plan_cpuset(l, "cpuset.cpus", cpu->cpus, CPU "/cpus"));
	return plan_cpuset(l, "cpuset.mems", cpu->mems, CPU "/mems");
}

/* --- Block devices --- */

#define BLOCK_IO RESOURCES "/blockIO"

unsigned limit_io_weight(uint64_t weight)
{
	return (unsigned)(1 + (weight - 10) * 9999 / 990);
}

/* Two schedulers know weights, each by its own file: io.weight is iocost's, io.bfq.weight bfq's.
 * Which one rules a device is the host's choice, so both are told. */
static int plan_weight(struct limits *l, uint64_t weight, const char *device, const char *pointer)
{
	struct plan_limit *limit;

	if (weight == 0)
		return 0;
	if (weight < 10 || weight > 1000)
		return planner_refuse(l->p, PLAN_INVALID, pointer,
				      "%llu is no weight: expected 10 to 1000",
				      (unsigned long long)weight);
	limit = add(l, "io.weight", text(l, "%s%u", device, limit_io_weight(weight)), pointer);
	limit->other = "io.bfq.weight";
	limit->other_value = text(l, "%s%llu", device, (unsigned long long)weight);
	limit->either = true;
	return 0;
}

static int check_device(struct limits *l, int64_t major, int64_t minor, const char *pointer)
{
	if (major >= 0 && major <= MAJOR_MOST && minor >= 0 && minor <= MINOR_MOST)
		return 0;
	return planner_refuse(l->p, PLAN_INVALID, pointer, "%lld:%lld is no device number",
			      (long long)major, (long long)minor);
}

static int plan_weights(struct limits *l)
{
	const struct oci_block_io *io = &l->p->config->linux.resources.block_io;

	if (io->weight.set)
		TRY(plan_weight(l, io->weight.v, "", BLOCK_IO "/weight"));
	for (size_t i = 0; i < io->weight_device.n; i++) {
		const struct oci_weight_device *weight = &io->weight_device.v[i];
		const char *pointer = text(l, BLOCK_IO "/weightDevice/%zu", i);
		const char *device =
			text(l, "%lld:%lld ", (long long)weight->major, (long long)weight->minor);

		if (!pointer || !device)
			return 0;
		TRY(check_device(l, weight->major, weight->minor, pointer));
		if (weight->leaf_weight.set && weight->leaf_weight.v != 0)
			planner_note(l->p, pointer, "exists only in cgroup v1: ignored");
		if (weight->weight.set)
			TRY(plan_weight(l, weight->weight.v, device, pointer));
	}
	return 0;
}

/* One line for each rate; the kernel keeps the device's other ones. A rate of 0 is v1's word for
 * no limit, which v2 would refuse. */
static int plan_throttle(struct limits *l, const struct oci_throttle_device *device,
			 const char *key, const char *pointer)
{
	const char *head =
		text(l, "%lld:%lld %s", (long long)device->major, (long long)device->minor, key);
	bool none = !device->rate.set || device->rate.v == 0;

	if (!device->rate.set || !pointer || !head)
		return 0;
	TRY(check_device(l, device->major, device->minor, pointer));
	add(l, "io.max",
	    none ? text(l, "%s=max", head)
		 : text(l, "%s=%llu", head, (unsigned long long)device->rate.v),
	    pointer)
		->initial = none;
	return 0;
}

static int plan_throttles(struct limits *l)
{
	const struct oci_block_io *io = &l->p->config->linux.resources.block_io;
	const struct {
		const char *name, *key;
		const oci_throttle_list *list;
	} rows[] = {
		{ "throttleReadBpsDevice", "rbps", &io->throttle_read_bps_device },
		{ "throttleWriteBpsDevice", "wbps", &io->throttle_write_bps_device },
		{ "throttleReadIOPSDevice", "riops", &io->throttle_read_iops_device },
		{ "throttleWriteIOPSDevice", "wiops", &io->throttle_write_iops_device },
	};

	for (size_t row = 0; row < N(rows); row++)
		for (size_t i = 0; i < rows[row].list->n; i++)
			TRY(plan_throttle(l, &rows[row].list->v[i], rows[row].key,
					  text(l, BLOCK_IO "/%s/%zu", rows[row].name, i)));
	return 0;
}

/* --- Huge pages, RDMA, processes --- */

const char *limit_page_size(struct arena *arena, const char *size)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long number = strtoull(size, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (!unit || strcmp(end + 1, "B") != 0)
		return size;
	for (; unit[1] && number >= 1024 && number % 1024 == 0; unit++)
		number /= 1024;
	return arena_printf(arena, "%llu%cB", number, *unit);
}

static bool has_file(const struct limits *l, const char *file)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].file, file) == 0)
			return true;
	return false;
}

/* Page faults are limited by one file, reservations by another, which newer kernels have. */
static int plan_hugepages(struct limits *l)
{
	const struct oci_resources *resources = &l->p->config->linux.resources;

	for (size_t i = 0; i < resources->hugepage_limits.n; i++) {
		const struct oci_hugepage_limit *limit = &resources->hugepage_limits.v[i];
		const char *size = limit_page_size(&l->p->plan->arena, limit->page_size);
		const char *pointer = text(l, RESOURCES "/hugepageLimits/%zu", i);
		const char *file = text(l, "hugetlb.%s.max", size ? size : "");
		const char *value = text(l, "%llu", (unsigned long long)limit->limit);
		struct plan_limit *added;

		if (!file || !pointer)
			return 0;
		if (has_file(l, file)) {
			TRY(planner_refuse(l->p, PLAN_INVALID, pointer,
					   "pages of %s have a limit already",
					   planner_shown(l->p, size)));
			continue;
		}
		added = add(l, file, value, pointer);
		added->other = text(l, "hugetlb.%s.rsvd.max", size);
		added->other_value = value;
	}
	return 0;
}

static const char *rdma_fault(const char *device)
{
	if (*device == '\0')
		return "names no device";
	for (const char *c = device; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 127)
			return "has a space or control character";
	return NULL;
}

static int plan_rdma(struct limits *l)
{
	const struct oci_resources *resources = &l->p->config->linux.resources;

	for (size_t i = 0; i < resources->rdma.n; i++) {
		const struct oci_rdma *rdma = &resources->rdma.v[i];
		const char *pointer = planner_pointer(l->p, RESOURCES "/rdma/", rdma->device);
		const char *fault = rdma_fault(rdma->device);
		const char *handles = "", *objects = "";

		if ((!rdma->hca_handles.set && !rdma->hca_objects.set) || !pointer)
			continue;
		if (fault) {
			TRY(planner_refuse(l->p, PLAN_INVALID, pointer, "%s", fault));
			continue;
		}
		if (rdma->hca_handles.set)
			handles = text(l, " hca_handle=%llu",
				       (unsigned long long)rdma->hca_handles.v);
		if (rdma->hca_objects.set)
			objects = text(l, " hca_object=%llu",
				       (unsigned long long)rdma->hca_objects.v);
		if (handles && objects)
			add(l, "rdma.max",
			    arena_printf(&l->p->plan->arena, "%s%s%s", rdma->device, handles,
					 objects),
			    pointer);
	}
	return 0;
}

/* 0 is a limit like any other: no further process. Above what the kernel can count nothing is
 * limited, and it would refuse the number. */
static int plan_pids(struct limits *l)
{
	static const char pointer[] = RESOURCES "/pids/limit";
	const struct oci_maybe_int *limit = &l->p->config->linux.resources.pids.limit;

	if (!limit->set)
		return 0;
	if (limit->v < -1)
		return refuse_below(l, limit->v, "processes", pointer);
	add_number(l, "pids.max", limit->v > PIDS_MOST ? -1 : limit->v, pointer);
	return 0;
}

/* --- unified --- */

/* What hull itself rules by, or what would take the cgroup out of its hands. */
static bool is_hulls_own(const char *file)
{
	return strncmp(file, "cgroup.", 7) == 0 && strcmp(file, "cgroup.max.depth") != 0 &&
	       strcmp(file, "cgroup.max.descendants") != 0;
}

/* NULL, or what is wrong with the name of a file. */
static const char *file_fault(const char *file)
{
	size_t prefix = strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (strchr(file, '/'))
		return "names no file of a cgroup: it has a '/'";
	if (prefix == 0 || file[prefix] != '.' || file[prefix + 1] == '\0')
		return "names no file of a cgroup: expected CONTROLLER.NAME";
	if (strlen(file) > NAME_MAX)
		return "names no file of a cgroup: it is too long";
	for (const char *c = file; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 127)
			return "names no file of a cgroup: it has a space or control character";
	if (is_hulls_own(file))
		return "is a file that hull itself rules the cgroup by";
	return NULL;
}

static bool ends_with(const char *whole, const char *end)
{
	size_t n = strlen(whole), n_end = strlen(end);

	return n >= n_end && strcmp(whole + n - n_end, end) == 0;
}

/* The typed property that writes the same file, or NULL. */
static struct plan_limit *typed_limit(struct limits *l, const char *file)
{
	for (size_t i = 0; i < l->n_typed; i++) {
		struct plan_limit *limit = &l->list[i];

		if (strcmp(limit->file, file) == 0 ||
		    (limit->other && limit->other_value && strcmp(limit->other, file) == 0))
			return limit;
	}
	return NULL;
}

static void add_unified(struct limits *l, const char *file, const char *line, size_t size,
			const char *pointer)
{
	const char *value = text(l, "%.*s", (int)size, line);

	/* "max" in a file named so is what the kernel begins with. */
	add(l, file, value, pointer)->initial =
		value && strcmp(value, "max") == 0 &&
		(ends_with(file, ".max") || ends_with(file, ".high"));
}

/* The kernel takes one line by one write(2). */
static int plan_unified_lines(struct limits *l, const char *file, const char *value,
			      const char *pointer)
{
	bool some = false;

	for (const char *line = value; *line;) {
		size_t size = strcspn(line, "\n");

		if (size > 0)
			add_unified(l, file, line, size, pointer);
		some |= size > 0;
		line += size + (line[size] == '\n');
	}
	if (!some)
		return planner_refuse(l->p, PLAN_INVALID, pointer, "has no value to write");
	return 0;
}

/* It only said that there is no limit. */
static void drop_typed(struct limits *l, struct plan_limit *typed)
{
	size_t behind = (size_t)(l->list + l->n - (typed + 1));

	memmove(typed, typed + 1, behind * sizeof(*typed));
	l->n--;
	l->n_typed--;
}

static int plan_unified_file(struct limits *l, const char *file, const char *value)
{
	const char *pointer = planner_pointer(l->p, RESOURCES "/unified/", file);
	const char *fault = file_fault(file);
	struct plan_limit *typed = typed_limit(l, file);
	const char *written = NULL;

	if (!pointer)
		return 0;
	if (fault)
		return planner_refuse(l->p, PLAN_INVALID, pointer, "%s", fault);
	if (typed)
		written = strcmp(typed->file, file) == 0 ? typed->value : typed->other_value;
	if (typed && strcmp(value, written) == 0)
		return 0;
	if (typed && !typed->initial)
		return planner_refuse(l->p, PLAN_INVALID, pointer,
				      "'%s' contradicts %s, which is '%s' in the same file",
				      planner_shown(l->p, value), typed->pointer, written);
	if (typed)
		drop_typed(l, typed);
	return plan_unified_lines(l, file, value, pointer);
}

static int plan_unified(struct limits *l)
{
	const struct oci_pairs *unified = &l->p->config->linux.resources.unified;

	l->n_typed = l->n;
	for (size_t i = 0; i < unified->n; i++)
		TRY(plan_unified_file(l, unified->v[i].key, unified->v[i].value));
	return 0;
}

/* --- What only cgroup v1 had --- */

static void note_v1(struct planner *p, bool given, const char *pointer)
{
	if (given)
		planner_note(p, pointer, "exists only in cgroup v1: ignored");
}

static bool above(const struct oci_maybe_int *value, int64_t nothing)
{
	return value->set && value->v > nothing;
}

/* Engines still send some of them, mostly with values that ask for nothing. */
static void note_all_v1(struct planner *p)
{
	const struct oci_resources *r = &p->config->linux.resources;
	const struct oci_memory *memory = &r->memory;
	const struct oci_cpu *cpu = &r->cpu;

	note_v1(p, above(&memory->kernel, 0), RESOURCES "/memory/kernel");
	note_v1(p, above(&memory->kernel_tcp, 0), RESOURCES "/memory/kernelTCP");
	note_v1(p, memory->swappiness.set && memory->swappiness.v != 60,
		RESOURCES "/memory/swappiness");
	note_v1(p, memory->disable_oom_killer.set && memory->disable_oom_killer.v,
		RESOURCES "/memory/disableOOMKiller");
	note_v1(p, memory->use_hierarchy.set && memory->use_hierarchy.v,
		RESOURCES "/memory/useHierarchy");
	note_v1(p, above(&cpu->realtime_runtime, 0), CPU "/realtimeRuntime");
	note_v1(p, cpu->realtime_period.set && cpu->realtime_period.v != 0, CPU "/realtimePeriod");
	note_v1(p, r->block_io.leaf_weight.set && r->block_io.leaf_weight.v != 0,
		BLOCK_IO "/leafWeight");
	note_v1(p, r->network.class_id.set && r->network.class_id.v != 0,
		RESOURCES "/network/classID");
	note_v1(p, r->network.priorities.n > 0, RESOURCES "/network/priorities");
}

/* Below -1 isn't even a value of cgroup v1. */
static int check_v1(struct limits *l)
{
	const struct oci_resources *r = &l->p->config->linux.resources;
	const struct {
		const struct oci_maybe_int *value;
		const char *unit, *pointer;
	} rows[] = {
		{ &r->memory.kernel, "bytes", RESOURCES "/memory/kernel" },
		{ &r->memory.kernel_tcp, "bytes", RESOURCES "/memory/kernelTCP" },
		{ &r->cpu.realtime_runtime, "microseconds", CPU "/realtimeRuntime" },
	};

	for (size_t i = 0; i < N(rows); i++)
		if (rows[i].value->set && rows[i].value->v < -1)
			TRY(refuse_below(l, rows[i].value->v, rows[i].unit, rows[i].pointer));
	return 0;
}

/* --- All of them --- */

/* The controllers behind what asks for something, each once. */
static void plan_controllers(struct limits *l)
{
	struct plan_controller *list = arena_array(&l->p->plan->arena, l->n + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < l->n && list; i++) {
		const struct plan_limit *limit = &l->list[i];
		const char *name = text(l, "%.*s", (int)strcspn(limit->file, "."), limit->file);
		size_t at = 0;

		if (!name || limit->initial || strcmp(name, "cgroup") == 0)
			continue;
		while (at < n && strcmp(list[at].name, name) != 0)
			at++;
		if (at == n)
			list[n++] = (struct plan_controller){ name, limit->pointer };
	}
	l->p->plan->cgroup.controllers = n > 0 ? list : NULL;
}

/* Without a cgroup of its own the container would run without the limit. */
static int refuse_all(struct limits *l)
{
	const char *absence = l->p->plan->cgroup.absence;
	bool later = !absence || l->p->request->absence; /* it is there: an update */
	const char *before = "";

	for (size_t i = 0; i < l->n; i++) {
		const struct plan_limit *limit = &l->list[i];

		if (limit->initial || strcmp(limit->pointer, before) == 0)
			continue;
		before = limit->pointer;
		TRY(planner_refuse(l->p, PLAN_HOST, limit->pointer,
				   "the container %s no cgroup of its own (%s), so this limit "
				   "can't be set",
				   later ? "has" : "gets", plan_cgroup_absence(absence, later)));
	}
	return 0;
}

/* Puts the late ones behind the others, each kind in its order. */
static void sort_late(struct limits *l)
{
	struct plan_limit *sorted = arena_array(&l->p->plan->arena, l->n + 1, sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return;
	for (size_t i = 0; i < l->n; i++)
		l->list[i].late = strcmp(l->list[i].file, "pids.max") == 0;
	for (int late = 0; late < 2; late++)
		for (size_t i = 0; i < l->n; i++)
			if (l->list[i].late == late)
				sorted[n++] = l->list[i];
	l->list = sorted;
}

int plan_limits(struct planner *p)
{
	struct limits l = { .p = p };

	if (!p->config->linux.resources.present)
		return 0;
	note_all_v1(p);
	TRY(check_v1(&l));
	TRY(plan_memory(&l));
	TRY(plan_cpu(&l));
	TRY(plan_weights(&l));
	TRY(plan_throttles(&l));
	TRY(plan_hugepages(&l));
	TRY(plan_rdma(&l));
	TRY(plan_pids(&l));
	TRY(plan_unified(&l));
	sort_late(&l);
	if (!p->plan->cgroup.used)
		return refuse_all(&l);
	plan_controllers(&l);
	p->plan->cgroup.limits = l.list;
	p->plan->cgroup.n_limits = l.n;
	return 0;
}
