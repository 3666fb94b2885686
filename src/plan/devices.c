/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Decides which device nodes are made: the default ones of the specification, then linux.devices.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "plan/planner.h"

/* runtime-spec, config-linux.md "Default Devices"; console and ptmx are made elsewhere. */
static const struct {
	const char *path;
	unsigned major, minor;
} defaults[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 },	   { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

#define N_DEFAULTS (sizeof(defaults) / sizeof(defaults[0]))

/* dev_t of the kernel: 12 bits of major, 20 of minor. */
enum { MAJOR_MAX = (1 << 12) - 1, MINOR_MAX = (1 << 20) - 1 };

/* The last mount whose destination is `path` or above it; NULL: none, the root itself. By the words
 * of the paths only: links can make it wrong, and then it says no more than the paths do. */
static const struct plan_mount *mount_above(const struct plan *plan, const char *path)
{
	for (size_t i = plan->n_mounts; i > 0; i--) {
		const struct plan_mount *m = &plan->mounts[i - 1];
		size_t length = m->destination ? strlen(m->destination) : 0;

		if (length > 1 && m->kind != MOUNT_REMOUNT &&
		    strncmp(path, m->destination, length) == 0 &&
		    (path[length] == '/' || path[length] == '\0'))
			return m;
	}
	return NULL;
}

/* The host's directory shows there: by a bind, or as devtmpfs, of which there is only one. */
static bool is_below_bind(const struct plan *plan, const char *path)
{
	const struct plan_mount *m = mount_above(plan, path);

	return m && (m->kind == MOUNT_BIND ||
		     (m->kind == MOUNT_NEW && strcmp(m->type, "devtmpfs") == 0));
}

static int check_number(struct planner *p, const char *pointer, const char *name,
			const struct oci_maybe_int *given, int64_t max, bool needed)
{
	char where[96];

	(void)snprintf(where, sizeof(where), "%s/%s", pointer, name);
	if (!given->set)
		return needed ? planner_refuse(p, PLAN_INVALID, pointer,
					       "%s is missing, a character or block device needs "
					       "one",
					       name)
			      : 0;
	if (given->v < 0 || given->v > max)
		return planner_refuse(p, PLAN_INVALID, where, "%lld is not in 0..%lld",
				      (long long)given->v, (long long)max);
	return 0;
}

static int check_duplicate(struct planner *p, const char *pointer, const struct plan_device *device,
			   const struct plan_device *before)
{
	for (const struct plan_device *d = before; d < device; d++) {
		if (strcmp(d->path, device->path) != 0)
			continue;
		if ((d->mode & S_IFMT) == (device->mode & S_IFMT) && d->number == device->number)
			return 0;
		if (d->is_default)
			return planner_refuse(p, PLAN_INVALID, pointer,
					      "'%s' is a different device by the specification: "
					      "the character device %u:%u",
					      d->path, major(d->number), minor(d->number));
		return planner_refuse(p, PLAN_INVALID, pointer,
				      "'%s' is a different device at /linux/devices/%zu",
				      planner_shown(p, d->path), d->index);
	}
	return 0;
}

static int read_type(struct planner *p, const char *pointer, const struct oci_device *in,
		     mode_t *type)
{
	char where[96];

	(void)snprintf(where, sizeof(where), "%s/type", pointer);
	if (strcmp(in->type, "c") == 0 || strcmp(in->type, "u") == 0)
		*type = S_IFCHR;
	else if (strcmp(in->type, "b") == 0)
		*type = S_IFBLK;
	else if (strcmp(in->type, "p") == 0)
		*type = S_IFIFO;
	else
		return planner_refuse(p, PLAN_INVALID, where, "'%s' is not one of c, b, u, p",
				      planner_shown(p, in->type));
	return 0;
}

/* Whether a node can be made there: "/dev/" and "/dev/.." can only be directories. */
static bool names_an_entry(const char *path)
{
	const char *last = strrchr(path, '/') + 1;

	return *last && strcmp(last, ".") != 0 && strcmp(last, "..") != 0;
}

static int plan_device(struct planner *p, size_t index, struct plan_device *out)
{
	const struct oci_device *in = &p->config->linux.devices.v[index];
	mode_t type = S_IFCHR;
	bool numbered;
	char pointer[64], where[96];

	(void)snprintf(pointer, sizeof(pointer), "/linux/devices/%zu", index);
	(void)snprintf(where, sizeof(where), "%s/path", pointer);
	if (in->path[0] != '/')
		TRY(planner_refuse(p, PLAN_INVALID, where, "'%s' is not absolute",
				   planner_shown(p, in->path)));
	else if (!names_an_entry(in->path))
		TRY(planner_refuse(p, PLAN_INVALID, where,
				   "'%s' names a directory, not a file in one",
				   planner_shown(p, in->path)));
	TRY(read_type(p, pointer, in, &type));
	numbered = type != S_IFIFO;
	TRY(check_number(p, pointer, "major", &in->major, MAJOR_MAX, numbered));
	TRY(check_number(p, pointer, "minor", &in->minor, MINOR_MAX, numbered));
	(void)snprintf(where, sizeof(where), "%s/fileMode", pointer);
	/* podman writes the type's bits too */
	if (in->file_mode.set && in->file_mode.v > (S_IFMT | 07777))
		TRY(planner_refuse(p, PLAN_INVALID, where, "%llu (0%llo) is no file mode",
				   (unsigned long long)in->file_mode.v,
				   (unsigned long long)in->file_mode.v));
	*out = (struct plan_device){
		.path = in->path,
		.mode = type | (in->file_mode.set ? in->file_mode.v & 07777 : 0666),
		.number = numbered ? makedev((unsigned)in->major.v, (unsigned)in->minor.v) : 0,
		.uid = in->uid.set ? (uid_t)in->uid.v : 0,
		.gid = in->gid.set ? (gid_t)in->gid.v : 0,
		.mode_given = in->file_mode.set,
		.in_bind = is_below_bind(p->plan, in->path),
		.index = index,
	};
	return 0;
}

static int check_owner(struct planner *p, const char *pointer, const struct plan_device *device)
{
	char where[96];

	(void)snprintf(where, sizeof(where), "%s/uid", pointer);
	TRY(planner_check_uid(p, where, device->uid));
	(void)snprintf(where, sizeof(where), "%s/gid", pointer);
	return planner_check_gid(p, where, device->gid);
}

/* A default device that linux.devices names too is the config's: it may want another mode or owner.
 * Whether it is the same device is check_duplicate's question. */
static bool config_names(const struct planner *p, size_t i)
{
	for (size_t k = 0; k < p->config->linux.devices.n; k++) {
		const struct oci_device *device = &p->config->linux.devices.v[k];

		if (strcmp(device->path, defaults[i].path) == 0 &&
		    (strcmp(device->type, "c") == 0 || strcmp(device->type, "u") == 0) &&
		    device->major.v == defaults[i].major && device->minor.v == defaults[i].minor)
			return true;
	}
	return false;
}

/* None where /dev is a bind of the host's: what is there is the host's, and stays. */
static size_t add_defaults(const struct planner *p, struct plan_device *out)
{
	size_t n = 0;

	if (is_below_bind(p->plan, "/dev"))
		return 0;
	for (size_t i = 0; i < N_DEFAULTS; i++) {
		if (is_below_bind(p->plan, defaults[i].path) || config_names(p, i))
			continue;
		out[n++] = (struct plan_device){
			.path = defaults[i].path,
			.mode = S_IFCHR | 0666,
			.number = makedev(defaults[i].major, defaults[i].minor),
			.is_default = true,
			.index = i,
		};
	}
	return n;
}

int plan_devices(struct planner *p)
{
	size_t n_given = p->config->linux.devices.n;
	struct plan *plan = p->plan;
	struct plan_device *list =
		arena_array(&plan->arena, n_given + N_DEFAULTS, sizeof(struct plan_device));
	size_t n;

	if (!plan_new_ns(plan, NS_MOUNT)) {
		if (n_given == 0)
			return 0;
		return planner_refuse(p, PLAN_INVALID, "/linux/devices",
				      "needs a new mount namespace, else the nodes would stay "
				      "when the container is gone");
	}
	if (!list)
		return 0; /* the arena remembers */
	plan->device_links = !is_below_bind(plan, "/dev");
	n = add_defaults(p, list);
	for (size_t i = 0; i < n_given; i++) {
		char pointer[64];

		TRY(plan_device(p, i, &list[n]));
		if (!list[n].path)
			continue; /* refused */
		(void)snprintf(pointer, sizeof(pointer), "/linux/devices/%zu", i);
		TRY(check_owner(p, pointer, &list[n]));
		if ((plan_has_ns(plan, NS_USER) || p->host->nested) && !S_ISFIFO(list[n].mode) &&
		    (list[n].uid != 0 || list[n].gid != 0))
			planner_note(p, pointer,
				     "in a user namespace this is the host's node, bound, which "
				     "keeps its owner");
		TRY(check_duplicate(p, pointer, &list[n], list));
		n++;
	}
	plan->devices = list;
	plan->n_devices = n;
	return 0;
}
