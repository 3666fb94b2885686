/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mappings of an idmapped mount: the mount table says only that there are some, statmount(2)
 * which (Linux 6.15).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/sys.h"
#include "verify/place.h"

/* 340 ranges of three numbers, twice, and some room. */
enum { ANSWER_SIZE = 64 * 1024, RANGES = 340 };

struct range {
	unsigned inside, outside, count;
};

struct map {
	struct range v[RANGES];
	size_t n;
};

static bool unique_id(int fd, uint64_t *id)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  SYS_STATX_MNT_ID_UNIQUE, &st) < 0 ||
	    !(st.stx_mask & SYS_STATX_MNT_ID_UNIQUE))
		return false;
	*id = st.stx_mnt_id;
	return true;
}

/* The kernel's answer, on the heap; NULL where it has none. */
static struct sys_statmount *ask(const struct verify *v, int fd)
{
	struct sys_mnt_id_req request = { .size = sizeof(request),
					  .param = SYS_STATMOUNT_UIDMAP | SYS_STATMOUNT_GIDMAP };
	auto_fd ns = openat(v->init, "ns/mnt", O_RDONLY | O_CLOEXEC);
	struct sys_statmount *answer;

	if (ns < 0 || ioctl(ns, SYS_NS_GET_MNTNS_ID, &request.mnt_ns_id) < 0 ||
	    !unique_id(fd, &request.mnt_id))
		return NULL;
	answer = calloc(1, ANSWER_SIZE + 1);
	if (answer && (sys_statmount(&request, answer, ANSWER_SIZE) < 0 ||
		       (answer->mask & request.param) != request.param)) {
		free(answer);
		return NULL;
	}
	return answer;
}

static void add_range(struct map *map, const char *text)
{
	struct range *range = &map->v[map->n];

	if (map->n < RANGES &&
	    sscanf(text, "%u %u %u", &range->inside, &range->outside, &range->count) == 3)
		map->n++;
}

/* As statmount(2) gives it: one text for each range, behind each other. */
static void read_answer(struct map *map, const struct sys_statmount *answer, uint32_t offset,
			uint32_t n)
{
	const char *at = (const char *)(answer + 1), *end = (const char *)answer + ANSWER_SIZE;

	map->n = 0;
	if (offset > (size_t)(end - at))
		return;
	for (at += offset; n > 0 && at < end; n--, at += strlen(at) + 1)
		add_range(map, at);
}

/* As uid_map has it, and the plan: lines. */
static void read_lines(struct map *map, const char *text)
{
	map->n = 0;
	while (text && *text) {
		add_range(map, text);
		text = strchr(text, '\n');
		text += text ? 1 : 0;
	}
}

static const struct range *missing(const struct map *map, const struct map *other)
{
	for (size_t i = 0; i < map->n; i++) {
		bool found = false;

		for (size_t k = 0; k < other->n && !found; k++)
			found = memcmp(&map->v[i], &other->v[k], sizeof(map->v[i])) == 0;
		if (!found)
			return &map->v[i];
	}
	return NULL;
}

static const char *say_range(char buf[64], const struct range *range)
{
	if (!range)
		return strcpy(buf, "no further range");
	(void)snprintf(buf, 64, "%u from %u on are %u", range->count, range->inside,
		       range->outside);
	return buf;
}

static void compare(const struct verify *v, const char *pointer, const char *subject,
		    const struct map *asked, const struct map *found)
{
	const struct range *lacks = missing(asked, found), *extra = missing(found, asked);
	char expected[64], got[64];

	if (lacks || extra)
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, say_range(expected, lacks),
			    say_range(got, extra));
}

void verify_mount_idmap(const struct verify *v, const struct plan_mount *m, const char *subject,
			const struct place *place)
{
	const char *uids = v->uid_map, *gids = v->gid_map; /* IDMAP_JOINED: those of its user ns */
	auto_free struct sys_statmount *answer = ask(v, place->fd);
	struct map asked, found;

	if (m->idmap == IDMAP_OWN) {
		uids = v->plan->idmaps[m->idmap_index].uid_map;
		gids = v->plan->idmaps[m->idmap_index].gid_map;
	}
	if (!answer) {
		verify_unchecked(v, SAY("/mounts/%zu/uidMappings", m->index), subject,
				 "which mappings it has, this kernel doesn't say (statmount, Linux "
				 "6.15)");
		return;
	}
	read_lines(&asked, uids);
	read_answer(&found, answer, answer->uidmap, answer->uidmap_n);
	compare(v, SAY("/mounts/%zu/uidMappings", m->index), subject, &asked, &found);
	read_lines(&asked, gids);
	read_answer(&found, answer, answer->gidmap, answer->gidmap_n);
	compare(v, SAY("/mounts/%zu/gidMappings", m->index), subject, &asked, &found);
}
