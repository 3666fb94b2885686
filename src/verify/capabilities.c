/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The five capability sets and no_new_privs of INIT. execve(2) computes the sets
 * anew (capabilities(7)), so what the config gives is computed by the same rule first.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "verify/subject.h"

enum { SETS = 5 };

static const struct {
	const char *field, *name, *pointer;
} sets[SETS] = {
	{ "CapBnd", "bounding", "/process/capabilities/bounding" },
	{ "CapPrm", "permitted", "/process/capabilities/permitted" },
	{ "CapEff", "effective", "/process/capabilities/effective" },
	{ "CapInh", "inheritable", "/process/capabilities/inheritable" },
	{ "CapAmb", "ambient", "/process/capabilities/ambient" },
};

/* What a program without file capabilities has after execve(2), in the order of sets[]. Root's
 * gains are cut down to what it had where no_new_privs is set. */
static void after_execve(const struct plan_process *process, uint64_t expected[SETS])
{
	const struct plan_capabilities *caps = &process->caps;
	uint64_t permitted = caps->ambient;

	if (process->uid == 0) {
		permitted = caps->bounding | caps->inheritable;
		if (process->no_new_privs)
			permitted &= caps->permitted;
		permitted |= caps->ambient;
	}
	expected[0] = caps->bounding;
	expected[1] = permitted;
	expected[2] = permitted;
	expected[3] = caps->inheritable;
	expected[4] = caps->ambient;
}

/* "CAP_KILL, CAP_CHOWN", or "none". */
static const char *names_of(uint64_t set, char *buf, size_t size)
{
	size_t used = 0;

	(void)snprintf(buf, size, "none");
	for (int cap = 0; cap < 64; cap++) {
		char *name;
		char number[16];

		if (!(set & (UINT64_C(1) << cap)))
			continue;
		name = cap_to_name(cap);
		(void)snprintf(number, sizeof(number), "%d", cap);
		if (used + 40 > size) {
			(void)snprintf(buf + used, size - used, ", ...");
			cap_free(name);
			break;
		}
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 name ? name : number);
		cap_free(name);
	}
	for (char *c = buf; *c; c++)
		if (*c >= 'a' && *c <= 'z' && strcmp(buf, "none") != 0)
			*c = (char)(*c - 'a' + 'A');
	return buf;
}

static void check_set(const struct verify *v, int set, uint64_t expected, uint64_t found)
{
	uint64_t more = found & ~expected, less = expected & ~found;
	char names[400];

	if (more)
		verify_tell(v, VERIFY_DIFFERS, sets[set].pointer, SAY("%s set", sets[set].name),
			    SAY("%016llx", (unsigned long long)expected),
			    SAY("%016llx, more by %s", (unsigned long long)found,
				names_of(more, names, sizeof(names))));
	else if (less)
		verify_tell(v, VERIFY_LESS, sets[set].pointer, SAY("%s set", sets[set].name),
			    SAY("%016llx", (unsigned long long)expected),
			    SAY("%016llx, without %s", (unsigned long long)found,
				names_of(less, names, sizeof(names))));
}

static void check_no_new_privs(const struct verify *v)
{
	bool asked = v->plan->process.no_new_privs;
	char field[16];
	bool found;

	if (!verify_status_field(v, "NoNewPrivs", field, sizeof(field))) {
		verify_unchecked(v, "/process/noNewPrivileges", "no_new_privs",
				 "the status file doesn't show it");
		return;
	}
	found = strcmp(field, "1") == 0;
	if (asked != found)
		verify_tell(v, asked ? VERIFY_DIFFERS : VERIFY_LESS, "/process/noNewPrivileges",
			    "no_new_privs", asked ? "set" : "not set", found ? "set" : "not set");
}

int verify_capabilities(const struct verify *v)
{
	uint64_t expected[SETS];

	if (!v->plan->process.present)
		return 0;
	if (!v->started) {
		verify_unchecked(v, "/process/capabilities", "capabilities",
				 "the process gets its capabilities and no_new_privs at start");
		return 0;
	}
	after_execve(&v->plan->process, expected);
	for (int set = 0; set < SETS; set++) {
		char field[32];

		if (verify_status_field(v, sets[set].field, field, sizeof(field)))
			check_set(v, set, expected[set], strtoull(field, NULL, 16));
		else
			verify_unchecked(v, sets[set].pointer, "capabilities",
					 "the status file doesn't show this set");
	}
	check_no_new_privs(v);
	return 0;
}
