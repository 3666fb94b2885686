/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The memory policy of INIT. The kernel tells it to the process alone, but shows the policy of each
 * of its mappings in numa_maps (numa(7)), and that is the process's where the mapping has none of
 * its own: so the stack's is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "plan/scheduling.h"
#include "verify/procfs.h"
#include "verify/subject.h"

#define POLICY "/linux/memoryPolicy"

/* 65530 mappings (vm.max_map_count) with short names. */
enum { MAPS_LIMIT = 32 * 1024 * 1024, MODE_PREFERRED = 1, MODE_LOCAL = 4 };

/* By the kernel's numbers (mm/mempolicy.c). One that begins like another comes with it. */
static const char *const modes[] = {
	"default", "prefer", "bind", "interleave", "local", "prefer (many)", "weighted interleave"
};

/* What the line "ADDRESS POLICY stack ..." says, such as "bind=static:0-1", in place; NULL: it
 * isn't there. Spaces in names of files are escaped by the kernel. */
static char *stack_policy(char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *policy = strchr(line, ' '), *end = strstr(line, " stack");

		if (!policy || !end || end <= policy || (end[6] != ' ' && end[6] != '\0'))
			continue;
		*end = '\0';
		return policy + 1;
	}
	return NULL;
}

static int mode_of(const char *policy)
{
	size_t length = strcspn(policy, "=:");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strlen(modes[i]) == length && strncmp(modes[i], policy, length) == 0)
			return (int)i;
	return -1;
}

/* The kernel leaves out the nodes that the cpuset doesn't allow, and renumbers relative ones. */
static bool same_nodes(const struct plan_memory_policy *asked, const char *policy)
{
	const char *list = strchr(policy, ':');
	struct number_set found = { { 0 } };
	struct oci_error ignored = { 0 };

	if (asked->flags & MEMORY_RELATIVE_NODES)
		return true;
	if (!list || !asked->nodes)
		return !list && !asked->nodes;
	return number_list_read(list + 1, &found, &ignored) == 0 &&
	       number_missing(&found, asked->nodes) < 0;
}

static bool same_flags(int asked, const char *policy)
{
	const char *flags = strchr(policy, '=');

	return !(asked & MEMORY_STATIC_NODES) == !(flags && strstr(flags, "static")) &&
	       !(asked & MEMORY_RELATIVE_NODES) == !(flags && strstr(flags, "relative"));
}

void verify_memory_policy(const struct verify *v)
{
	const struct plan_memory_policy *asked = &v->plan->process.memory_policy;
	int mode = asked->mode == MODE_PREFERRED && !asked->nodes ? MODE_LOCAL : asked->mode;
	auto_free char *text = NULL;
	struct oci_error err = { 0 };
	const char *policy;

	if (procfs_load(v->init, "numa_maps", MAPS_LIMIT, &text, &err) < 0) {
		verify_unchecked(v, POLICY, "memory policy", err.text);
		return;
	}
	policy = stack_policy(text);
	if (!policy || mode_of(policy) < 0 || mode >= (int)(sizeof(modes) / sizeof(modes[0])))
		verify_unchecked(v, POLICY, "memory policy",
				 "numa_maps doesn't show that of the process's stack");
	else if (mode_of(policy) != mode || !same_flags(asked->flags, policy) ||
		 !same_nodes(asked, policy))
		verify_tell(v, VERIFY_OWN, POLICY, "memory policy",
			    SAY("%s%s", modes[mode],
				asked->nodes ? " of the nodes that config.json lists" : ""),
			    policy);
}
