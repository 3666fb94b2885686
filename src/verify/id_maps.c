/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The id maps of the container's user namespace, and the clock offsets of its time namespace. The
 * kernel lets both be written once only.
 */
#include <string.h>

#include "base/fd.h"
#include "verify/procfs.h"
#include "verify/subject.h"

enum { OFFSETS_LIMIT = 4096 };

static bool is_planned(const struct plan_id_map *plan, const struct plan_id_range *found)
{
	for (size_t i = 0; i < plan->n; i++)
		if (memcmp(&plan->ranges[i], found, sizeof(*found)) == 0)
			return true;
	return false;
}

/* The kernel may show the ranges in another order. */
static void check_map(const struct verify *v, const struct plan_id_map *plan, const char *text)
{
	struct plan_id_range found;
	size_t n = 0;
	int used;

	if (plan->n == 0 || !text)
		return; /* a joined one, of which the config says nothing */
	for (; sscanf(text, "%u %u %u%n", &found.inside, &found.outside, &found.count, &used) == 3;
	     text += used) {
		n++;
		if (!is_planned(plan, &found))
			verify_tell(v, VERIFY_DIFFERS, plan->property, "id map",
				    "the ranges of the config, no other",
				    SAY("%u from %u on are %u on the host", found.count,
					found.inside, found.outside));
	}
	if (n < plan->n)
		verify_tell(v, VERIFY_LESS, plan->property, "id map", SAY("%zu ranges", plan->n),
			    SAY("%zu", n));
}

static void check_setgroups(const struct verify *v)
{
	auto_free char *text = NULL;
	struct oci_error err = { 0 };

	if (!plan_new_ns(v->plan, NS_USER) || !v->plan->user.deny_setgroups)
		return;
	if (procfs_load(v->init, "setgroups", OFFSETS_LIMIT, &text, &err) < 0)
		verify_unchecked(v, "/linux/gidMappings", "setgroups", err.text);
	else if (strncmp(text, "deny", 4) != 0)
		verify_tell(v, VERIFY_DIFFERS, "/linux/gidMappings", "setgroups", "deny", "allow");
}

/* Lines "monotonic SECS NANOSECS". */
static void check_offset(const struct verify *v, const char *text, const char *clock)
{
	const char *pointer = SAY("/linux/timeOffsets/%s", clock);
	const char *line = strstr(text, clock);
	long long secs, asked_secs = 0;
	unsigned nanosecs, asked_nanosecs = 0;

	if (!line || sscanf(line + strlen(clock), "%lld %u", &secs, &nanosecs) != 2) {
		verify_unchecked(v, pointer, "time offset", "the kernel doesn't show it");
		return;
	}
	for (size_t i = 0; i < v->plan->n_time_offsets; i++) {
		const struct plan_time_offset *offset = &v->plan->time_offsets[i];

		if (strcmp(offset->clock, clock) != 0)
			continue;
		asked_secs = offset->secs;
		asked_nanosecs = offset->nanosecs;
	}
	if (secs != asked_secs || nanosecs != asked_nanosecs)
		verify_tell(v, VERIFY_DIFFERS, pointer, "time offset",
			    SAY("%lld s %u ns", asked_secs, asked_nanosecs),
			    SAY("%lld s %u ns", secs, nanosecs));
}

static void check_offsets(const struct verify *v)
{
	auto_free char *text = NULL;
	struct oci_error err = { 0 };

	if (!plan_new_ns(v->plan, NS_TIME))
		return;
	if (procfs_load(v->init, "timens_offsets", OFFSETS_LIMIT, &text, &err) < 0) {
		verify_unchecked(v, "/linux/timeOffsets", "time offsets", err.text);
		return;
	}
	check_offset(v, text, "monotonic");
	check_offset(v, text, "boottime");
}

int verify_id_maps(const struct verify *v)
{
	if (plan_has_ns(v->plan, NS_USER)) {
		check_map(v, &v->plan->user.uids, v->uid_map);
		check_map(v, &v->plan->user.gids, v->gid_map);
		check_setgroups(v);
	}
	check_offsets(v);
	return 0;
}
