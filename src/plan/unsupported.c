/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Properties that hull reads and can't act on yet: refused, never ignored, so that no container
 * runs weaker than its config says. A value that asks for nothing is fine. As a property comes to
 * be implemented, its row here goes.
 */
#include <string.h>

#include "plan/planner.h"

static bool intel_rdt(const struct oci_config *c)
{
	const struct oci_intel_rdt *rdt = &c->linux.intel_rdt;

	return rdt->clos_id || rdt->schemata.n > 0 || rdt->l3_cache_schema || rdt->mem_bw_schema ||
	       rdt->enable_monitoring;
}

static const struct {
	const char *pointer;
	bool (*asked)(const struct oci_config *);
} unsupported[] = {
	{ "/linux/intelRdt", intel_rdt },
};

int plan_unsupported(struct planner *p)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (unsupported[i].asked(p->config))
			TRY(planner_refuse(p, PLAN_HOST, unsupported[i].pointer,
					   "is not implemented yet, so the container isn't run "
					   "without it"));
	return 0;
}
