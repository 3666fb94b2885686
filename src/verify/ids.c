/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Users, groups and the umask of INIT. A program that was started as root may go on as somebody
 * else, as daemons do: that is less than was asked for, anything else is a difference.
 */
#include <stdlib.h>
#include <string.h>

#include "verify/subject.h"

enum { IDS = 4 }; /* real, effective, saved, file system */

static bool read_ids(const struct verify *v, const char *name, unsigned ids[IDS])
{
	char field[128];

	return verify_status_field(v, name, field, sizeof(field)) &&
	       sscanf(field, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == IDS;
}

static void check_ids(const struct verify *v, const char *pointer, const char *subject,
		      uint32_t asked, uint32_t expected, const unsigned found[IDS])
{
	bool differs = false, dropped = false;

	for (int i = 0; i < IDS; i++) {
		if (found[i] == expected)
			continue;
		dropped = true;
		/* Only who was root may have become somebody else by its own right. */
		differs |= asked != 0;
	}
	if (dropped)
		verify_tell(v, differs ? VERIFY_DIFFERS : VERIFY_LESS, pointer, subject,
			    v->uid_map ? SAY("%u (%u on the host)", asked, expected)
				       : SAY("%u", asked),
			    SAY("real %u, effective %u, saved %u, file system %u%s", found[0],
				found[1], found[2], found[3], v->uid_map ? " on the host" : ""));
}

static bool asked_for(const struct verify *v, unsigned long group)
{
	const struct plan_process *process = &v->plan->process;

	for (size_t i = 0; i < process->n_gids; i++)
		if (verify_outside_gid(v, process->gids[i]) == group)
			return true;
	return false;
}

/* Every group it has was asked for, or is its main group by now; and none is missing. */
static void check_groups(const struct verify *v, const unsigned gids[IDS])
{
	const struct plan_process *process = &v->plan->process;
	const char *at = strstr(v->status, "\nGroups:");
	unsigned long extra = 0;
	size_t n = 0, n_extra = 0;

	if (!at)
		return;
	at += strlen("\nGroups:");
	while (at += strspn(at, " \t"), *at >= '0' && *at <= '9') {
		char *end;
		unsigned long group = strtoul(at, &end, 10);

		at = end;
		if (asked_for(v, group)) {
			n++;
		} else if (group != gids[1]) {
			extra = group;
			n_extra++;
		}
	}
	if (n_extra > 0)
		verify_tell(v, VERIFY_DIFFERS, "/process/user/additionalGids",
			    "supplementary groups",
			    SAY("the %zu groups of the config, no other", process->n_gids),
			    SAY("%zu others, such as %lu", n_extra, extra));
	else if (n < process->n_gids)
		verify_tell(v, VERIFY_LESS, "/process/user/additionalGids", "supplementary groups",
			    SAY("%zu groups", process->n_gids), SAY("%zu of them", n));
}

static void check_umask(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;
	char field[32];
	unsigned found;

	if (!verify_status_field(v, "Umask", field, sizeof(field)) ||
	    sscanf(field, "%o", &found) != 1)
		return;
	if (found != process->umask)
		verify_tell(v, VERIFY_OWN, "/process/user/umask", "umask",
			    SAY("%04o", (unsigned)process->umask), SAY("%04o", found));
}

int verify_ids(const struct verify *v)
{
	const struct plan_process *process = &v->plan->process;
	unsigned uids[IDS], gids[IDS];

	if (!process->present)
		return 0;
	if (!v->started) {
		verify_unchecked(v, "/process/user", "ids",
				 "the process gets its user, groups and umask at start");
		return 0;
	}
	if (!read_ids(v, "Uid", uids) || !read_ids(v, "Gid", gids)) {
		verify_unchecked(v, "/process/user", "ids", "the status file doesn't show them");
		return 0;
	}
	check_ids(v, "/process/user/uid", "user", process->uid, verify_outside_uid(v, process->uid),
		  uids);
	check_ids(v, "/process/user/gid", "group", process->gid,
		  verify_outside_gid(v, process->gid), gids);
	check_groups(v, gids);
	check_umask(v);
	return 0;
}
