/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The classes of resctrl: what hull wrote, and whether INIT is where it was put. Only root of the
 * host can change either.
 */
#include "steps/intel_rdt.h"

#include "verify/subject.h"

#define RDT "/linux/intelRdt"

int verify_intel_rdt(const struct verify *v)
{
	const struct state *state = v->state;
	struct intel_rdt_found found;
	struct oci_error err = { 0 };
	const char *group = state->rdt_group;

	if (!v->plan->intel_rdt.used)
		return 0;
	if (!state->rdt_root || !group) {
		verify_unchecked(v, RDT, "RDT class of service",
				 "state.json doesn't say which it is in");
		return 0;
	}
	if (intel_rdt_look(state, &v->plan->intel_rdt, state->pid, &found, &err) < 0) {
		verify_unchecked(v, RDT, "RDT class of service", err.text);
		return 0;
	}
	if (!found.group)
		verify_tell(v, VERIFY_DIFFERS, RDT "/closID", "RDT class of service",
			    SAY("'%s'", group), "it isn't there any more");
	else if (!found.member)
		verify_tell(v, VERIFY_DIFFERS, RDT "/closID", "RDT class of service",
			    SAY("the process is in '%s'", group), "it is not");
	if (found.line[0])
		verify_tell(v, VERIFY_DIFFERS, RDT "/schemata", "RDT schemata", found.line,
			    SAY("that of '%s' is another", group));
	if (found.group && state->rdt_monitor && !found.monitored)
		verify_tell(v, VERIFY_LESS, RDT "/enableMonitoring", "RDT monitoring group",
			    SAY("the process is in '%s'", state->rdt_monitor), "it is not");
	return 0;
}
