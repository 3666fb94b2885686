/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The limits of linux.resources, one row per property: where it stands in the struct, the file of
 * cgroup v2 that holds it, and which values ask for nothing because they are what the kernel does
 * anyway. Until limits are written to those files, any other value is refused: a container never
 * runs with less confinement than its config names. Device rules are in plan/cgroup.c.
 */
#include "plan/limits.h"

#include <string.h>

#define RESOURCES "/linux/resources"

enum limit_kind {
	LIMIT_INT,  /* struct oci_maybe_int */
	LIMIT_UINT, /* struct oci_maybe_uint */
	LIMIT_BOOL, /* struct oci_maybe_bool */
	LIMIT_TEXT, /* char *, NULL or "" for nothing */
};

enum limit_version {
	LIMIT_V2,
	LIMIT_V1_ONLY, /* no counterpart in cgroup v2: a note (engines still send some of them) */
};

struct limit {
	const char *pointer; /* below /linux/resources */
	size_t offset;	     /* in struct oci_resources */
	enum limit_kind kind;
	enum limit_version version;
	const char *file; /* of the cgroup; NULL for what has none */
	const char *unit; /* of the value in config.json */
	/* Values that ask for nothing. */
	int64_t nothing[2];
};

#define AT(member) offsetof(struct oci_resources, member)

/* clang-format off */
static const struct limit limits[] = {
	/* -1 is "no limit". A reservation of 0 protects nothing. */
	{ "/memory/limit",            AT(memory.limit),              LIMIT_INT,  LIMIT_V2, "memory.max",      "bytes", { -1, -1 } },
	{ "/memory/reservation",      AT(memory.reservation),        LIMIT_INT,  LIMIT_V2, "memory.low",      "bytes", { -1, 0 } },
	{ "/memory/swap",             AT(memory.swap),               LIMIT_INT,  LIMIT_V2, "memory.swap.max", "bytes", { -1, -1 } },
	{ "/memory/kernel",           AT(memory.kernel),             LIMIT_INT,  LIMIT_V1_ONLY, NULL, "bytes", { -1, 0 } },
	{ "/memory/kernelTCP",        AT(memory.kernel_tcp),         LIMIT_INT,  LIMIT_V1_ONLY, NULL, "bytes", { -1, 0 } },
	{ "/memory/swappiness",       AT(memory.swappiness),         LIMIT_UINT, LIMIT_V1_ONLY, NULL, "percent", { 60, 60 } },
	{ "/memory/disableOOMKiller", AT(memory.disable_oom_killer), LIMIT_BOOL, LIMIT_V1_ONLY, NULL, NULL, { 0, 0 } },
	{ "/memory/useHierarchy",     AT(memory.use_hierarchy),      LIMIT_BOOL, LIMIT_V1_ONLY, NULL, NULL, { 0, 0 } },
	/* checkBeforeUpdate guards a later lowering of the limit: nothing at create. */

	/* 1024 shares are the kernel's weight of 100. The period alone limits nothing: it counts with
	 * the quota, in whose file it stands. */
	{ "/cpu/shares",          AT(cpu.shares),           LIMIT_UINT, LIMIT_V2, "cpu.weight",    "shares", { 0, 1024 } },
	{ "/cpu/quota",           AT(cpu.quota),            LIMIT_INT,  LIMIT_V2, "cpu.max",       "microseconds", { -1, 0 } },
	{ "/cpu/burst",           AT(cpu.burst),            LIMIT_UINT, LIMIT_V2, "cpu.max.burst", "microseconds", { 0, 0 } },
	{ "/cpu/realtimeRuntime", AT(cpu.realtime_runtime), LIMIT_INT,  LIMIT_V1_ONLY, NULL, "microseconds", { -1, 0 } },
	{ "/cpu/realtimePeriod",  AT(cpu.realtime_period),  LIMIT_UINT, LIMIT_V1_ONLY, NULL, "microseconds", { 0, 0 } },
	{ "/cpu/cpus",            AT(cpu.cpus),             LIMIT_TEXT, LIMIT_V2, "cpuset.cpus",   NULL, { 0, 0 } },
	{ "/cpu/mems",            AT(cpu.mems),             LIMIT_TEXT, LIMIT_V2, "cpuset.mems",   NULL, { 0, 0 } },
	{ "/cpu/idle",            AT(cpu.idle),             LIMIT_INT,  LIMIT_V2, "cpu.idle",      NULL, { 0, 0 } },

	{ "/blockIO/weight",     AT(block_io.weight),      LIMIT_UINT, LIMIT_V2, "io.weight", "10 to 1000", { 0, 0 } },
	{ "/blockIO/leafWeight", AT(block_io.leaf_weight), LIMIT_UINT, LIMIT_V1_ONLY, NULL, "10 to 1000", { 0, 0 } },

	{ "/network/classID", AT(network.class_id), LIMIT_UINT, LIMIT_V1_ONLY, NULL, NULL, { 0, 0 } },

	/* 0 is a limit like any other: no further process. */
	{ "/pids/limit", AT(pids.limit), LIMIT_INT, LIMIT_V2, "pids.max", "processes", { -1, -1 } },
};

static const struct {
	const char *pointer;
	size_t offset;
	const char *file, *key;
} throttles[] = {
	{ "/blockIO/throttleReadBpsDevice",   AT(block_io.throttle_read_bps_device),   "io.max", "rbps" },
	{ "/blockIO/throttleWriteBpsDevice",  AT(block_io.throttle_write_bps_device),  "io.max", "wbps" },
	{ "/blockIO/throttleReadIOPSDevice",  AT(block_io.throttle_read_iops_device),  "io.max", "riops" },
	{ "/blockIO/throttleWriteIOPSDevice", AT(block_io.throttle_write_iops_device), "io.max", "wiops" },
};
/* clang-format on */

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int refuse_limit(struct planner *p, const char *pointer, const char *file)
{
	return planner_refuse(p, PLAN_HOST, pointer,
			      "limits are not implemented yet (this one belongs in %s), so the "
			      "container isn't run without it",
			      planner_shown(p, file));
}

static void note_v1(struct planner *p, const char *pointer)
{
	planner_note(p, pointer, "exists only in cgroup v1: ignored");
}

/* Whether the value is absent or one that asks for nothing. */
static bool asks_nothing(const struct limit *limit, const void *value)
{
	const struct oci_maybe_uint *number = value;
	const struct oci_maybe_int *integer = value;
	const struct oci_maybe_bool *flag = value;
	char *const *text = value;

	switch (limit->kind) {
	case LIMIT_INT:
		return !integer->set || integer->v == limit->nothing[0] ||
		       integer->v == limit->nothing[1];
	case LIMIT_UINT:
		return !number->set || number->v == (uint64_t)limit->nothing[0] ||
		       number->v == (uint64_t)limit->nothing[1];
	case LIMIT_BOOL:
		return !flag->set || !flag->v;
	case LIMIT_TEXT:
		return !*text || **text == '\0';
	}
	return false;
}

static int plan_limit(struct planner *p, const struct limit *limit)
{
	const char *base = (const char *)&p->config->linux.resources;
	const void *value = base + limit->offset;
	const char *pointer;

	if (asks_nothing(limit, value))
		return 0;
	pointer = arena_printf(&p->plan->arena, RESOURCES "%s", limit->pointer);
	if (!pointer)
		return 0; /* the arena remembers */
	if (limit->kind == LIMIT_INT) {
		int64_t number = ((const struct oci_maybe_int *)value)->v;

		if (number < -1)
			return planner_refuse(p, PLAN_INVALID, pointer,
					      "%lld is no limit: expected -1 (none), 0 or more %s",
					      (long long)number, limit->unit ? limit->unit : "");
	}
	if (limit->version == LIMIT_V1_ONLY) {
		note_v1(p, pointer);
		return 0;
	}
	return refuse_limit(p, pointer, limit->file);
}

static int plan_weights(struct planner *p)
{
	const struct oci_block_io *io = &p->config->linux.resources.block_io;

	for (size_t i = 0; i < io->weight_device.n; i++) {
		const struct oci_weight_device *weight = &io->weight_device.v[i];
		const char *pointer =
			arena_printf(&p->plan->arena, RESOURCES "/blockIO/weightDevice/%zu", i);

		if (!pointer)
			return 0;
		if (weight->leaf_weight.set && weight->leaf_weight.v != 0)
			note_v1(p, pointer);
		if (weight->weight.set && weight->weight.v != 0)
			TRY(refuse_limit(p, pointer, "io.weight"));
	}
	return 0;
}

static int plan_throttles(struct planner *p)
{
	const char *base = (const char *)&p->config->linux.resources;

	for (size_t row = 0; row < N(throttles); row++) {
		const void *at = base + throttles[row].offset;
		const oci_throttle_list *list = at;

		for (size_t i = 0; i < list->n; i++) {
			const char *pointer;

			if (!list->v[i].rate.set)
				continue;
			pointer = arena_printf(&p->plan->arena, RESOURCES "%s/%zu",
					       throttles[row].pointer, i);
			if (!pointer)
				return 0;
			TRY(refuse_limit(p, pointer, throttles[row].file));
		}
	}
	return 0;
}

static int plan_hugepages(struct planner *p)
{
	const struct oci_resources *resources = &p->config->linux.resources;

	for (size_t i = 0; i < resources->hugepage_limits.n; i++) {
		const char *size = resources->hugepage_limits.v[i].page_size;
		const char *pointer =
			arena_printf(&p->plan->arena, RESOURCES "/hugepageLimits/%zu", i);
		const char *file = arena_printf(&p->plan->arena, "hugetlb.%s.max", size);

		if (!pointer || !file)
			return 0;
		TRY(refuse_limit(p, pointer, file));
	}
	return 0;
}

static int plan_rdma(struct planner *p)
{
	const struct oci_resources *resources = &p->config->linux.resources;

	for (size_t i = 0; i < resources->rdma.n; i++) {
		const struct oci_rdma *rdma = &resources->rdma.v[i];
		const char *pointer;

		if (!rdma->hca_handles.set && !rdma->hca_objects.set)
			continue;
		pointer = planner_pointer(p, RESOURCES "/rdma/", rdma->device);
		if (!pointer)
			return 0;
		TRY(refuse_limit(p, pointer, "rdma.max"));
	}
	return 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* "max" in a file named so is what the kernel starts with. */
static int plan_unified(struct planner *p)
{
	const struct oci_pairs *unified = &p->config->linux.resources.unified;

	for (size_t i = 0; i < unified->n; i++) {
		const char *file = unified->v[i].key, *value = unified->v[i].value;
		const char *pointer;

		if (strcmp(value, "max") == 0 &&
		    (ends_with(file, ".max") || ends_with(file, ".high")))
			continue;
		pointer = planner_pointer(p, RESOURCES "/unified/", file);
		if (!pointer)
			return 0;
		TRY(refuse_limit(p, pointer, file));
	}
	return 0;
}

int plan_limits(struct planner *p)
{
	const struct oci_resources *resources = &p->config->linux.resources;

	if (!resources->present)
		return 0;
	for (size_t i = 0; i < N(limits); i++)
		TRY(plan_limit(p, &limits[i]));
	if (resources->network.priorities.n > 0)
		note_v1(p, RESOURCES "/network/priorities");
	TRY(plan_weights(p));
	TRY(plan_throttles(p));
	TRY(plan_hugepages(p));
	TRY(plan_rdma(p));
	TRY(plan_unified(p));
	return 0;
}
