/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Limits and devices of config.json, and what of them this host can hold.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "box/bundle_parts.h"
#include "box/rootless.h"

/* --- Controllers --- */

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* What a user was delegated has his own cgroup in it: one with processes can't hand controllers on,
 * so it is the one above. As hull finds it. */
static int find_delegated(char *path, size_t size)
{
	struct oci_error ignored = { 0 };
	char text[4096], *own, *end;
	auto_fd dir = -1;
	size_t used = strlen(path);

	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text), &ignored) < 0)
		return -1;
	own = strstr(text, "0::/");
	if (!own)
		return -1;
	own += 3;
	own[strcspn(own, "\n")] = '\0';
	end = strrchr(own, '/');
	*end = '\0';
	(void)snprintf(path + used, size - used, "%s", own);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && faccessat(dir, ".", W_OK, AT_EACCESS) == 0 &&
			       faccessat(dir, "cgroup.subtree_control", W_OK, AT_EACCESS) == 0
		       ? 0
		       : -1;
}

/* What a user's container that runs is below, wherever the caller is: TOP/hullbox/ID. */
static int find_top_of(const char *cgroup, char *path, size_t size)
{
	(void)snprintf(path, size, "%s", cgroup);
	for (int level = 0; level < 2; level++) {
		char *end = strrchr(path, '/');

		if (!end || end == path)
			return -1;
		*end = '\0';
	}
	return is_cgroup2(path) ? 0 : -1;
}

/* The cgroup below which containers' are made: the top for root, for others what is delegated. */
static int find_top(const struct bundle *b, char *path, size_t size)
{
	const char *top = is_cgroup2("/sys/fs/cgroup")		 ? "/sys/fs/cgroup"
			  : is_cgroup2("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified"
								 : NULL;

	if (!top)
		return -1;
	if (b->in->cgroup_now && rootless())
		return find_top_of(b->in->cgroup_now, path, size);
	(void)snprintf(path, size, "%s", top);
	return geteuid() == 0 && !rootless() ? 0 : find_delegated(path, size);
}

static bool host_has(const struct bundle *b, const char *controller)
{
	struct oci_error ignored = { 0 };
	char path[PATH_MAX], text[1024], *rest = text, *word;
	auto_fd dir = -1;

	if (find_top(b, path, sizeof(path)) < 0)
		return false;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || file_read_at(dir, "cgroup.controllers", text, sizeof(text), &ignored) < 0)
		return false;
	while ((word = strsep(&rest, " \n")))
		if (!strcmp(word, controller))
			return true;
	return false;
}

/* An option that was given and needs a controller. */
static int need(struct bundle *b, const char *option, const char *controller)
{
	if (host_has(b, controller))
		return 0;
	if (geteuid() == 0 && !rootless())
		return fail_code(b->err, "host",
				 "option '--%s': the controller '%s' of cgroup v2 isn't there on "
				 "this host",
				 option, controller);
	if (b->in->cgroup_now)
		return fail_code(
			b->err, "host",
			"option '--%s': the container was started where the controller "
			"'%s' of cgroup v2 isn't delegated to this user; stop it, and "
			"start it where it is: `systemd-run --user --scope -p Delegate=yes "
			"hullbox start ...`, if the unit user@.service has Delegate=%s",
			option, controller, controller);
	return fail_code(b->err, "host",
			 "option '--%s': the controller '%s' of cgroup v2 isn't delegated to this "
			 "user; where systemd has delegated it to user@.service (Delegate=%s), "
			 "`systemd-run --user --scope -p Delegate=yes hullbox ...` begins hullbox "
			 "in a cgroup that it may use",
			 option, controller, controller);
}

/* --- Limits --- */

/* A controller is enabled for the container's cgroup when something is set there, and without it
 * nobody measures what the container uses. This protects nothing, as no entry would. */
static int measure_memory(struct bundle *b)
{
	struct oci_pairs *to = &b->config.linux.resources.unified;

	if (!host_has(b, "memory"))
		return 0;
	to->v = arena_array(&b->arena, 1, sizeof(*to->v));
	if (!to->v)
		return 0; /* remembered by the arena */
	to->v[0] = (struct oci_pair){ arena_strdup(&b->arena, "memory.low"),
				      arena_strdup(&b->arena, "0") };
	to->n = 1;
	return 0;
}

static int fill_memory(struct bundle *b, const struct box_limits *in, struct oci_memory *to)
{
	if (!in->memory.set && !in->swap.set)
		return measure_memory(b);
	TRY(need(b, in->memory.set ? "memory" : "memory-swap", "memory"));
	to->present = true;
	to->limit = in->memory;
	to->swap = in->swap;
	return 0;
}

static int fill_cpu(struct bundle *b, const struct box_limits *in, struct oci_cpu *to)
{
	if (in->cpu_quota.set || in->cpu_period.set)
		TRY(need(b, "cpus", "cpu"));
	if (in->cpu_shares.set)
		TRY(need(b, "cpu-shares", "cpu"));
	if (in->cpuset)
		TRY(need(b, "cpuset-cpus", "cpuset"));
	to->present = in->cpu_quota.set || in->cpu_period.set || in->cpu_shares.set || in->cpuset;
	to->quota = in->cpu_quota;
	to->period = in->cpu_period;
	to->shares = in->cpu_shares;
	to->cpus = in->cpuset;
	return 0;
}

static int fill_pids(struct bundle *b, const struct box_limits *in, struct oci_pids *to)
{
	if (in->pids.set && in->pids.v >= 0)
		TRY(need(b, "pids", "pids"));
	to->present = true;
	to->limit = in->pids;
	if (in->pids.set)
		return 0;
	if (!host_has(b, "pids")) {
		b->in->warn("no limit of %d processes: the controller 'pids' of cgroup v2 isn't "
			    "%s",
			    BOX_DEFAULT_PIDS,
			    rootless() ? "delegated to this user" : "there on this host");
		to->present = false;
	}
	to->limit = (struct oci_maybe_int){ true, BOX_DEFAULT_PIDS };
	return 0;
}

static int fill_rates(struct bundle *b, const char *option, const box_rates *in,
		      oci_throttle_list *to)
{
	if (!in->n)
		return 0;
	TRY(need(b, option, "io"));
	b->config.linux.resources.block_io.present = true;
	to->v = arena_array(&b->arena, in->n, sizeof(*to->v));
	for (size_t i = 0; to->v && i < in->n; i++) {
		struct stat st;

		if (stat(in->v[i].device, &st) < 0)
			return fail_sys(b->err, "option '--%s': '%s'", option, in->v[i].device);
		to->v[to->n++] = (struct oci_throttle_device){
			.major = major(st.st_rdev),
			.minor = minor(st.st_rdev),
			.rate = { true, in->v[i].rate },
		};
	}
	return 0;
}

static int fill_io(struct bundle *b, const struct box_limits *in, struct oci_block_io *to)
{
	if (in->io_weight.set) {
		TRY(need(b, "io-weight", "io"));
		to->present = true;
		to->weight = in->io_weight;
	}
	TRY(fill_rates(b, "io-read-bps", &in->read_bps, &to->throttle_read_bps_device));
	TRY(fill_rates(b, "io-write-bps", &in->write_bps, &to->throttle_write_bps_device));
	TRY(fill_rates(b, "io-read-iops", &in->read_iops, &to->throttle_read_iops_device));
	return fill_rates(b, "io-write-iops", &in->write_iops, &to->throttle_write_iops_device);
}

int bundle_fill_limits(struct bundle *b)
{
	const struct box_limits *in = &b->options->limits;
	struct oci_resources *to = &b->config.linux.resources;

	to->present = true;
	TRY(fill_memory(b, in, &to->memory));
	TRY(fill_cpu(b, in, &to->cpu));
	TRY(fill_pids(b, in, &to->pids));
	return fill_io(b, in, &to->block_io);
}

/* "nofile" of "RLIMIT_NOFILE" by its number; the specification has the names. */
static int rlimit_number(const char *type)
{
	static const struct {
		const char *type;
		int number;
	} rows[] = {
		{ "RLIMIT_AS", RLIMIT_AS },	      { "RLIMIT_CORE", RLIMIT_CORE },
		{ "RLIMIT_CPU", RLIMIT_CPU },	      { "RLIMIT_DATA", RLIMIT_DATA },
		{ "RLIMIT_FSIZE", RLIMIT_FSIZE },     { "RLIMIT_LOCKS", RLIMIT_LOCKS },
		{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
		{ "RLIMIT_NICE", RLIMIT_NICE },	      { "RLIMIT_NOFILE", RLIMIT_NOFILE },
		{ "RLIMIT_NPROC", RLIMIT_NPROC },     { "RLIMIT_RSS", RLIMIT_RSS },
		{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },   { "RLIMIT_RTTIME", RLIMIT_RTTIME },
		{ "RLIMIT_STACK", RLIMIT_STACK },     { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].type, type))
			return rows[i].number;
	return -1;
}

/* CAP_SYS_RESOURCE in the host's user namespace, where hard limits are raised. */
static bool may_raise(void)
{
	uint32_t effective[2], permitted[2], inheritable[2];

	return sys_capget(effective, permitted, inheritable) == 0 &&
	       (effective[0] & UINT32_C(1) << 24);
}

int bundle_fill_rlimits(struct bundle *b)
{
	const struct box_limits *in = &b->options->limits;

	for (size_t i = 0; i < in->rlimits.n && !may_raise(); i++) {
		const struct oci_rlimit *limit = &in->rlimits.v[i];
		int number = rlimit_number(limit->type);
		struct rlimit own;

		if (number < 0 || getrlimit((__rlimit_resource_t)number, &own) < 0 ||
		    own.rlim_max >= limit->hard)
			continue;
		return fail_code(b->err, "host",
				 "option '--ulimit': %s: a hard limit above the caller's own, "
				 "%llu, needs CAP_SYS_RESOURCE, which hullbox hasn't",
				 limit->type, (unsigned long long)own.rlim_max);
	}
	b->config.process.rlimits.v = in->rlimits.v;
	b->config.process.rlimits.n = in->rlimits.n;
	return 0;
}

/* --- Devices --- */

static int add_device(struct bundle *b, const struct box_device *in)
{
	struct oci_device *to = &b->config.linux.devices.v[b->config.linux.devices.n];
	struct oci_device_rule *rule;
	struct stat st;

	if (stat(in->source, &st) < 0)
		return fail_sys(b->err, "option '--device': '%s'", in->source);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return fail_code(b->err, "usage", "option '--device': '%s' is no device",
				 in->source);
	*to = (struct oci_device){
		.type = arena_strdup(&b->arena, S_ISCHR(st.st_mode) ? "c" : "b"),
		.path = arena_strdup(&b->arena, in->target),
		.major = { true, major(st.st_rdev) },
		.minor = { true, minor(st.st_rdev) },
		.file_mode = { true, st.st_mode & 07777 },
	};
	if (bundle_is_mapped(b, false, st.st_uid) && bundle_is_mapped(b, true, st.st_gid)) {
		to->uid = (struct oci_maybe_uint){ true, st.st_uid };
		to->gid = (struct oci_maybe_uint){ true, st.st_gid };
	}
	b->config.linux.devices.n++;
	rule = &b->config.linux.resources.devices.v[b->config.linux.resources.devices.n++];
	*rule = (struct oci_device_rule){
		.allow = true,
		.type = to->type,
		.major = to->major,
		.minor = to->minor,
		.access = in->access,
	};
	return 0;
}

/* Denied is what isn't allowed; hull adds what every container has. */
int bundle_fill_devices(struct bundle *b)
{
	size_t n = b->options->devices.n;
	struct oci_resources *to = &b->config.linux.resources;

	to->present = true;
	to->devices.v = arena_array(&b->arena, n + 1, sizeof(*to->devices.v));
	b->config.linux.devices.v =
		arena_array(&b->arena, n + 1, sizeof(*b->config.linux.devices.v));
	if (!to->devices.v || !b->config.linux.devices.v)
		return 0; /* remembered by the arena */
	to->devices.n = 1;
	to->devices.v[0].access = arena_strdup(&b->arena, "rwm");
	for (size_t i = 0; i < n; i++)
		TRY(add_device(b, &b->options->devices.v[i]));
	return 0;
}
