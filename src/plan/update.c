/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Merges limits, by a table of the scalars and a function for each kind of list.
 */
#include "plan/update.h"

#include <string.h>

#include "plan/limits.h"
#include "plan/planner.h"
#include "plan/systemd.h"

#define RESOURCES "/linux/resources"
#define N(array) (sizeof(array) / sizeof((array)[0]))

enum kind { KIND_INT, KIND_UINT, KIND_BOOL, KIND_TEXT };

#define AT(member) offsetof(struct oci_resources, member)

/* clang-format off */
static const struct {
	const char *pointer;
	size_t offset;
	enum kind kind;
	bool zero_is_nothing;
} scalars[] = {
	{ RESOURCES "/memory/limit",             AT(memory.limit),               KIND_INT, true },
	{ RESOURCES "/memory/reservation",       AT(memory.reservation),         KIND_INT, false },
	{ RESOURCES "/memory/swap",              AT(memory.swap),                KIND_INT, true },
	{ RESOURCES "/memory/kernel",            AT(memory.kernel),              KIND_INT, true },
	{ RESOURCES "/memory/kernelTCP",         AT(memory.kernel_tcp),          KIND_INT, true },
	{ RESOURCES "/memory/swappiness",        AT(memory.swappiness),          KIND_UINT, false },
	{ RESOURCES "/memory/disableOOMKiller",  AT(memory.disable_oom_killer),  KIND_BOOL, false },
	{ RESOURCES "/memory/useHierarchy",      AT(memory.use_hierarchy),       KIND_BOOL, false },
	{ RESOURCES "/memory/checkBeforeUpdate", AT(memory.check_before_update), KIND_BOOL, false },
	{ RESOURCES "/cpu/shares",               AT(cpu.shares),                 KIND_UINT, true },
	{ RESOURCES "/cpu/quota",                AT(cpu.quota),                  KIND_INT, true },
	{ RESOURCES "/cpu/burst",                AT(cpu.burst),                  KIND_UINT, false },
	{ RESOURCES "/cpu/period",               AT(cpu.period),                 KIND_UINT, true },
	{ RESOURCES "/cpu/realtimeRuntime",      AT(cpu.realtime_runtime),       KIND_INT, true },
	{ RESOURCES "/cpu/realtimePeriod",       AT(cpu.realtime_period),        KIND_UINT, true },
	{ RESOURCES "/cpu/cpus",                 AT(cpu.cpus),                   KIND_TEXT, true },
	{ RESOURCES "/cpu/mems",                 AT(cpu.mems),                   KIND_TEXT, true },
	{ RESOURCES "/cpu/idle",                 AT(cpu.idle),                   KIND_INT, false },
	{ RESOURCES "/blockIO/weight",           AT(block_io.weight),            KIND_UINT, true },
	{ RESOURCES "/blockIO/leafWeight",       AT(block_io.leaf_weight),       KIND_UINT, true },
	{ RESOURCES "/network/classID",          AT(network.class_id),           KIND_UINT, true },
	{ RESOURCES "/pids/limit",               AT(pids.limit),                 KIND_INT, false },
};
/* clang-format on */

struct merge {
	struct arena *arena;
	const struct oci_resources *old, *change;
	struct oci_resources *merged;
	struct update_named *named;
};

static void name(struct merge *m, const char *pointer)
{
	/* Scalars and entries of lists were counted before. */
	if (pointer && m->named->pointers)
		m->named->pointers[m->named->n++] = pointer;
}

/* --- Scalars --- */

static void merge_int(struct merge *m, size_t row)
{
	const char *change = (const char *)m->change + scalars[row].offset;
	char *merged = (char *)m->merged + scalars[row].offset;
	const struct oci_maybe_int *value = (const void *)change;

	if (!value->set || (value->v == 0 && scalars[row].zero_is_nothing))
		return;
	memcpy(merged, value, sizeof(*value));
	name(m, scalars[row].pointer);
}

static void merge_uint(struct merge *m, size_t row)
{
	const char *change = (const char *)m->change + scalars[row].offset;
	char *merged = (char *)m->merged + scalars[row].offset;
	const struct oci_maybe_uint *value = (const void *)change;

	if (!value->set || (value->v == 0 && scalars[row].zero_is_nothing))
		return;
	memcpy(merged, value, sizeof(*value));
	name(m, scalars[row].pointer);
}

static void merge_bool(struct merge *m, size_t row)
{
	const char *change = (const char *)m->change + scalars[row].offset;
	char *merged = (char *)m->merged + scalars[row].offset;
	const struct oci_maybe_bool *value = (const void *)change;

	if (!value->set)
		return;
	memcpy(merged, value, sizeof(*value));
	name(m, scalars[row].pointer);
}

static void merge_text(struct merge *m, size_t row)
{
	const char *change = (const char *)m->change + scalars[row].offset;
	char *merged = (char *)m->merged + scalars[row].offset;
	char *const *value = (const void *)change;

	if (!*value || !**value)
		return;
	memcpy(merged, value, sizeof(*value));
	name(m, scalars[row].pointer);
}

static void merge_scalars(struct merge *m)
{
	static void (*const by_kind[])(struct merge *, size_t) = { merge_int, merge_uint,
								   merge_bool, merge_text };

	for (size_t row = 0; row < N(scalars); row++)
		by_kind[scalars[row].kind](m, row);
	m->merged->present = true;
	m->merged->memory.present |= m->change->memory.present;
	m->merged->cpu.present |= m->change->cpu.present;
	m->merged->block_io.present |= m->change->block_io.present;
	m->merged->network.present |= m->change->network.present;
	m->merged->pids.present |= m->change->pids.present;
}

/* What one property's change means for another that isn't named. */
static void merge_consequences(struct merge *m)
{
	const struct oci_resources *change = m->change;

	if (change->memory.limit.set && change->memory.limit.v == -1 &&
	    m->merged->memory.swap.set && m->old->memory.swap.set &&
	    (!change->memory.swap.set || change->memory.swap.v == 0))
		m->merged->memory.swap.v = -1;
	if (change->cpu.idle.set && change->cpu.idle.v == 1 &&
	    (!change->cpu.shares.set || change->cpu.shares.v == 0))
		m->merged->cpu.shares.set = false;
}

/* --- Lists --- */

/* Copies the old entries of a list to the merged one, with room for those of the change. Returns
 * from the caller when there is nothing to change. */
#define BEGIN_LIST(m, list)                                                                        \
	do {                                                                                       \
		if ((m)->change->list.n == 0)                                                      \
			return;                                                                    \
		(m)->merged->list.v =                                                              \
			arena_array((m)->arena, (m)->old->list.n + (m)->change->list.n,            \
				    sizeof(*(m)->old->list.v));                                    \
		(m)->merged->list.n = 0;                                                           \
		if (!(m)->merged->list.v)                                                          \
			return;                                                                    \
		if ((m)->old->list.n > 0)                                                          \
			memcpy((m)->merged->list.v, (m)->old->list.v,                              \
			       (m)->old->list.n * sizeof(*(m)->old->list.v));                      \
		(m)->merged->list.n = (m)->old->list.n;                                            \
	} while (0)

/* Each entry of the change takes the place of the one that `same` (by a and b) finds, or the end.
 * What it doesn't say itself `keep` takes over from the one that was there. */
#define MERGE_LIST(m, list, same, keep, ...)                                                       \
	do {                                                                                       \
		BEGIN_LIST(m, list);                                                               \
		for (size_t i = 0; i < (m)->change->list.n; i++) {                                 \
			size_t at = 0;                                                             \
			while (at < (m)->merged->list.n &&                                         \
			       !same(&(m)->merged->list.v[at], &(m)->change->list.v[i]))           \
				at++;                                                              \
			(m)->merged->list.v[at] = (m)->change->list.v[i];                          \
			if (at == (m)->merged->list.n)                                             \
				(m)->merged->list.n++;                                             \
			else if (at < (m)->old->list.n)                                            \
				keep(&(m)->merged->list.v[at], &(m)->old->list.v[at]);             \
			name(m, __VA_ARGS__);                                                      \
		}                                                                                  \
	} while (0)

#define KEEP_NOTHING(entry, before) ((void)0)
#define KEEP(entry, before, member)                                                                \
	((entry)->member = (entry)->member.set ? (entry)->member : (before)->member)

#define SAME_DEVICE(a, b) ((a)->major == (b)->major && (a)->minor == (b)->minor)

static void merge_weights(struct merge *m)
{
#define KEEP_WEIGHTS(entry, before)                                                                \
	do {                                                                                       \
		KEEP(entry, before, weight);                                                       \
		KEEP(entry, before, leaf_weight);                                                  \
	} while (0)
	MERGE_LIST(m, block_io.weight_device, SAME_DEVICE, KEEP_WEIGHTS,
		   arena_printf(m->arena, RESOURCES "/blockIO/weightDevice/%zu", at));
}

static void merge_read_bps(struct merge *m)
{
	MERGE_LIST(m, block_io.throttle_read_bps_device, SAME_DEVICE, KEEP_NOTHING,
		   arena_printf(m->arena, RESOURCES "/blockIO/throttleReadBpsDevice/%zu", at));
}

static void merge_write_bps(struct merge *m)
{
	MERGE_LIST(m, block_io.throttle_write_bps_device, SAME_DEVICE, KEEP_NOTHING,
		   arena_printf(m->arena, RESOURCES "/blockIO/throttleWriteBpsDevice/%zu", at));
}

static void merge_read_iops(struct merge *m)
{
	MERGE_LIST(m, block_io.throttle_read_iops_device, SAME_DEVICE, KEEP_NOTHING,
		   arena_printf(m->arena, RESOURCES "/blockIO/throttleReadIOPSDevice/%zu", at));
}

static void merge_write_iops(struct merge *m)
{
	MERGE_LIST(m, block_io.throttle_write_iops_device, SAME_DEVICE, KEEP_NOTHING,
		   arena_printf(m->arena, RESOURCES "/blockIO/throttleWriteIOPSDevice/%zu", at));
}

static bool same_size(struct arena *arena, const char *a, const char *b)
{
	a = limit_page_size(arena, a);
	b = limit_page_size(arena, b);
	return a && b && strcmp(a, b) == 0;
}

static void merge_hugepages(struct merge *m)
{
#define SAME_SIZE(a, b) same_size(m->arena, (a)->page_size, (b)->page_size)
	MERGE_LIST(m, hugepage_limits, SAME_SIZE, KEEP_NOTHING,
		   arena_printf(m->arena, RESOURCES "/hugepageLimits/%zu", at));
}

static const char *pointer_to(struct merge *m, const char *prefix, const char *key)
{
	struct plan plan = { .arena = *m->arena };
	struct planner p = { .plan = &plan };
	const char *pointer = planner_pointer(&p, prefix, key);

	*m->arena = plan.arena;
	return pointer;
}

static void merge_rdma(struct merge *m)
{
#define SAME_NAME(a, b) (strcmp((a)->device, (b)->device) == 0)
#define KEEP_LIMITS(entry, before)                                                                 \
	do {                                                                                       \
		KEEP(entry, before, hca_handles);                                                  \
		KEEP(entry, before, hca_objects);                                                  \
	} while (0)
	MERGE_LIST(m, rdma, SAME_NAME, KEEP_LIMITS,
		   pointer_to(m, RESOURCES "/rdma/", m->change->rdma.v[i].device));
}

static void merge_priorities(struct merge *m)
{
#define SAME_INTERFACE(a, b) (strcmp((a)->name, (b)->name) == 0)
	MERGE_LIST(m, network.priorities, SAME_INTERFACE, KEEP_NOTHING, NULL);
	name(m, RESOURCES "/network/priorities");
}

static void merge_unified(struct merge *m)
{
#define SAME_KEY(a, b) (strcmp((a)->key, (b)->key) == 0)
	MERGE_LIST(m, unified, SAME_KEY, KEEP_NOTHING,
		   pointer_to(m, RESOURCES "/unified/", m->change->unified.v[i].key));
}

static void merge_devices(struct merge *m)
{
	if (m->change->devices.n == 0)
		return;
	m->merged->devices = m->change->devices;
	name(m, RESOURCES "/devices");
}

static size_t count_named(const struct oci_resources *change)
{
	const struct oci_block_io *io = &change->block_io;

	return N(scalars) + io->weight_device.n + io->throttle_read_bps_device.n +
	       io->throttle_write_bps_device.n + io->throttle_read_iops_device.n +
	       io->throttle_write_iops_device.n + change->hugepage_limits.n + change->rdma.n +
	       change->unified.n + 2; /* devices, priorities */
}

void update_merge(struct arena *arena, const struct oci_resources *old,
		  const struct oci_resources *change, struct oci_resources *merged,
		  struct update_named *named)
{
	struct merge m = { arena, old, change, merged, named };

	*merged = *old;
	named->n = 0;
	named->pointers = arena_array(arena, count_named(change), sizeof(*named->pointers));
	merge_scalars(&m);
	merge_consequences(&m);
	merge_devices(&m);
	merge_weights(&m);
	merge_read_bps(&m);
	merge_write_bps(&m);
	merge_read_iops(&m);
	merge_write_iops(&m);
	merge_hugepages(&m);
	merge_priorities(&m);
	merge_rdma(&m);
	merge_unified(&m);
}

bool update_names(const struct update_named *named, const char *pointer)
{
	for (size_t i = 0; i < named->n; i++)
		if (strcmp(named->pointers[i], pointer) == 0)
			return true;
	return false;
}

bool update_changes(const struct plan_limit *limit, const struct plan_cgroup *before,
		    const struct update_named *named)
{
	if (update_names(named, limit->pointer))
		return true;
	for (size_t i = 0; i < before->n_limits; i++)
		if (strcmp(before->limits[i].file, limit->file) == 0 &&
		    strcmp(before->limits[i].value, limit->value) == 0)
			return false;
	return true;
}

static int plan_update(struct planner *p)
{
	p->plan->cgroup.used = p->request->manager != CGROUP_DISABLED;
	p->plan->cgroup.absence = p->request->absence;
	TRY(plan_resources(p));
	return p->request->manager == CGROUP_SYSTEMD ? plan_systemd_check(p) : 0;
}

int plan_make_update(struct plan *plan, const struct oci_config *config,
		     const struct request *request, const struct host *host,
		     const struct plan_report *report, struct oci_error *err)
{
	return planner_make(plan, config, request, host, report, plan_update, err);
}
