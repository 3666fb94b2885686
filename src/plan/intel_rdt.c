/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.intelRdt: which group of the resctrl file system the container's process goes to, what is
 * written to its schemata, whether a monitoring group is made. The host is asked in
 * steps/intel_rdt.c.
 */
#include <stdio.h>
#include <string.h>

#include "plan/planner.h"

/* The kernel takes no more than a page in one write(2). */
enum { SCHEMATA_MAX = 4095 };

/* Names that the file system has itself, beside files, which nobody can make a directory of. */
static bool is_reserved(const char *name)
{
	static const char *const names[] = { ".", "..", "info", "mon_groups", "mon_data" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* closID, else the container's id; "/" is the default class, the root of the file system. */
static int plan_group(struct planner *p, struct plan_intel_rdt *out)
{
	const char *clos = p->config->linux.intel_rdt.clos_id;
	const char *pointer = clos ? "/linux/intelRdt/closID" : "/linux/intelRdt";

	out->given = clos != NULL;
	/* `hull check` has no id to plan with. */
	out->group = clos ? clos : p->request->id ? p->request->id : "ID";
	if (strcmp(out->group, "/") == 0)
		out->group = "";
	else if (is_reserved(out->group) || strpbrk(out->group, "/\n") || strlen(out->group) > 255)
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "'%s' can't be the name of a directory of resctrl",
				      planner_shown(p, out->group));
	return 0;
}

/* One line more for the kernel, which wants a newline behind each. */
static void add_line(struct planner *p, struct plan_intel_rdt *out, const char *line, size_t size)
{
	char *text;

	if (size == 0)
		return;
	text = arena_printf(&p->plan->arena, "%s%.*s\n", out->schemata ? out->schemata : "",
			    (int)size, line);
	if (text)
		out->schemata = text;
}

/* The specification: where both are given, lines of l3CacheSchema that begin with MB: give way to
 * memBwSchema. */
static void add_lines(struct planner *p, struct plan_intel_rdt *out, const char *text, bool drop_mb)
{
	while (*text) {
		size_t size = strcspn(text, "\n");

		if (!drop_mb || strncmp(text, "MB:", 3) != 0)
			add_line(p, out, text, size);
		text += size + (text[size] == '\n');
	}
}

static int check_line(struct planner *p, const char *line, size_t index)
{
	char pointer[48];

	(void)snprintf(pointer, sizeof(pointer), "/linux/intelRdt/schemata/%zu", index);
	if (strchr(line, '\n') || !strchr(line, ':') || line[0] == ':')
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "'%s' is not one line such as L3:0=ff",
				      planner_shown(p, line));
	return 0;
}

int plan_intel_rdt(struct planner *p)
{
	const struct oci_intel_rdt *in = &p->config->linux.intel_rdt;
	struct plan_intel_rdt *out = &p->plan->intel_rdt;

	if (!in->clos_id && !in->l3_cache_schema && !in->mem_bw_schema && in->schemata.n == 0 &&
	    !in->enable_monitoring)
		return 0;
	out->used = true;
	TRY(plan_group(p, out));
	if (in->l3_cache_schema)
		add_lines(p, out, in->l3_cache_schema, in->mem_bw_schema != NULL);
	if (in->mem_bw_schema)
		add_lines(p, out, in->mem_bw_schema, false);
	for (size_t i = 0; i < in->schemata.n; i++) {
		TRY(check_line(p, in->schemata.v[i], i));
		add_lines(p, out, in->schemata.v[i], false);
	}
	if (out->schemata && strlen(out->schemata) > SCHEMATA_MAX)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/intelRdt/schemata",
				   "%zu bytes altogether are more than the %d that the kernel "
				   "takes at once",
				   strlen(out->schemata), SCHEMATA_MAX));
	if (in->enable_monitoring)
		out->monitor = p->request->id ? p->request->id : "ID";
	return 0;
}
