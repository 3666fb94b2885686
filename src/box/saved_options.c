/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Options as a document on disk, and what options forbid each other. Words and ranges of single
 * values stand in the tables, so that a file that was changed by hand is judged as the command line
 * is.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "box/box_options.h"
#include "box/detach_keys.h"
#include "box/profile.h"
#include "box/report.h"
#include "box/rootless.h"
#include "box/value.h"
#include "libocispec/json.h"

static const char *const source_kinds[] = { "rootfs", "layers", "image", "host", NULL };
static const char *const net_kinds[] = { "bridge",    "none", "host", "named",
					 "container", "ns",   "user", NULL };
static const char *const protocols[] = { "tcp", "udp", NULL };
static const char *const policies[] = { "no", "on-failure", "always", NULL };
static const char *const profile_names[] = { "strict", "default", "none", NULL };
static const char *const userns_kinds[] = { "host", "auto", "map", NULL };

/* clang-format off */
static SHAPE(box_source,
	STRING("kind", box_source, kind, .required = true, .words = source_kinds),
	STRINGS("from", box_source, from),
	BOOL("ephemeral", box_source, ephemeral));
static SHAPE(box_volume,
	STRING("source", box_volume, source),
	STRING("target", box_volume, target, .required = true, .check = value_is_absolute),
	BOOL("named", box_volume, named),
	BOOL("anonymous", box_volume, anonymous),
	STRINGS("options", box_volume, options));
static SHAPE(box_tmpfs,
	STRING("target", box_tmpfs, target, .required = true, .check = value_is_absolute),
	STRINGS("options", box_tmpfs, options));
static SHAPE(box_device,
	STRING("source", box_device, source, .required = true, .check = value_is_absolute),
	STRING("target", box_device, target, .required = true, .check = value_is_absolute),
	STRING("access", box_device, access, .required = true, .check = value_is_access));
static SHAPE(box_rate,
	STRING("device", box_rate, device, .required = true, .check = value_is_absolute),
	U64("rate", box_rate, rate, .required = true));
static SHAPE(oci_rlimit,
	STRING("type", oci_rlimit, type, .required = true, .check = value_is_rlimit),
	U64("soft", oci_rlimit, soft, .required = true),
	U64("hard", oci_rlimit, hard, .required = true));
static SHAPE(box_limits,
	MAYBE_INT("memory", box_limits, memory, 1 << 20, INT64_MAX),
	MAYBE_INT("swap", box_limits, swap, -1, INT64_MAX),
	MAYBE_UINT("cpuShares", box_limits, cpu_shares, 262144),
	MAYBE_INT("cpuQuota", box_limits, cpu_quota, 1000, INT64_MAX / 1000),
	MAYBE_UINT("cpuPeriod", box_limits, cpu_period, 1000000),
	STRING("cpuset", box_limits, cpuset, .check = value_is_list),
	MAYBE_INT("pids", box_limits, pids, -1, 4194304),
	MAYBE_UINT("ioWeight", box_limits, io_weight, 1000),
	LIST("readBps", box_limits, read_bps, box_rate),
	LIST("writeBps", box_limits, write_bps, box_rate),
	LIST("readIops", box_limits, read_iops, box_rate),
	LIST("writeIops", box_limits, write_iops, box_rate),
	LIST("rlimits", box_limits, rlimits, oci_rlimit, .unique = "type"));
#define PORT(text, member)                                                                         \
	SHAPE_ROW(text, K_U32, box_port, member, uint32_t, .required = true, .min = 1, .max = 65535)
static SHAPE(box_port,
	STRING("address", box_port, address, .check = value_is_address),
	PORT("host", host),
	PORT("container", container),
	STRING("protocol", box_port, protocol, .required = true, .words = protocols));
static SHAPE(box_host_name,
	STRING("name", box_host_name, name, .required = true, .check = value_is_hostname),
	STRING("address", box_host_name, address, .required = true, .check = value_is_address));
static SHAPE(box_net,
	STRING("kind", box_net, kind, .required = true, .words = net_kinds),
	STRING("other", box_net, other),
	STRING("otherId", box_net, other_id, .check = value_is_name),
	LIST("ports", box_net, ports, box_port),
	STRINGS("dns", box_net, dns, .check = value_is_address),
	LIST("hosts", box_net, hosts, box_host_name));
static SHAPE(oci_id_mapping,
	U32("containerID", oci_id_mapping, container_id, .required = true),
	U32("hostID", oci_id_mapping, host_id, .required = true),
	U32("size", oci_id_mapping, size, .required = true, .min = 1));
static SHAPE(box_security,
	STRING("profile", box_security, profile, .required = true, .words = profile_names),
	STRINGS("capAdd", box_security, cap_add, .check = value_is_capability),
	STRINGS("capDrop", box_security, cap_drop, .check = value_is_capability),
	STRING("seccomp", box_security, seccomp),
	STRING("userns", box_security, userns, .required = true, .words = userns_kinds),
	LIST("mappings", box_security, mappings, oci_id_mapping));
#define SPAN(text, member)                                                                         \
	SHAPE_ROW(text, K_U64, box_health, member, uint64_t, .max = UINT64_C(24) * 3600 * 1000)
static SHAPE(box_health,
	BOOL("disabled", box_health, disabled),
	STRING("command", box_health, command),
	SPAN("intervalMs", interval_ms),
	SPAN("timeoutMs", timeout_ms),
	SPAN("startPeriodMs", start_period_ms),
	SPAN("startIntervalMs", start_interval_ms),
	U32("retries", box_health, retries));
static SHAPE(box_restart,
	STRING("policy", box_restart, policy, .required = true, .words = policies),
	U32("retries", box_restart, retries));
static SHAPE(box_log,
	U64("maxSize", box_log, max_size, .required = true, .min = 4096),
	U32("maxFiles", box_log, max_files, .required = true, .min = 1));

static SHAPE(box_options,
	U32("version", box_options, version, .required = true),
	STRING("name", box_options, name, .check = value_is_name),
	OBJECT("source", box_options, source, box_source, .required = true),
	STRINGS("command", box_options, command),
	STRING("entrypoint", box_options, entrypoint, .keep_empty = true),
	STRINGS("env", box_options, env, .check = value_is_variable),
	STRING("workdir", box_options, cwd, .check = value_is_absolute),
	STRING("user", box_options, user, .check = value_is_user),
	STRING("hostname", box_options, hostname, .check = value_is_hostname),
	BOOL("tty", box_options, tty),
	BOOL("interactive", box_options, interactive),
	BOOL("init", box_options, init),
	BOOL("readOnly", box_options, read_only),
	BOOL("remove", box_options, remove),
	STRING("detachKeys", box_options, detach_keys, .check = detach_keys_check, .keep_empty = true),
	STRING("stopSignal", box_options, stop_signal, .check = value_is_signal),
	OBJECT("restart", box_options, restart, box_restart),
	OBJECT("health", box_options, health, box_health),
	OBJECT("log", box_options, log, box_log, .required = true),
	LIST("volumes", box_options, volumes, box_volume),
	LIST("tmpfs", box_options, tmpfs, box_tmpfs),
	LIST("devices", box_options, devices, box_device),
	U64("shmSize", box_options, shm_size, .required = true, .min = 4096),
	PAIRS("sysctls", box_options, sysctls),
	PAIRS("labels", box_options, labels),
	OBJECT("limits", box_options, limits, box_limits, .required = true),
	OBJECT("net", box_options, net, box_net, .required = true),
	OBJECT("security", box_options, security, box_security, .required = true));
/* clang-format on */

/* --- What forbids what --- */

static bool is(const char *word, const char *other)
{
	return word && !strcmp(word, other);
}

static int check_source(const struct box_options *options, struct oci_error *err)
{
	const struct box_source *source = &options->source;
	bool one = is(source->kind, "rootfs") || is(source->kind, "image");

	if (source->ephemeral && !is(source->kind, "rootfs"))
		return fail_code(err, "usage",
				 "option '--ephemeral' goes with --rootfs: elsewhere "
				 "what is written never reaches the base");
	if (one ? source->from.n != 1 : is(source->kind, "host") ? source->from.n : !source->from.n)
		return fail_code(err, "usage", "the root file system '%s' comes from %zu places",
				 source->kind, source->from.n);
	if (!options->command.n && !(options->entrypoint && *options->entrypoint) &&
	    (options->entrypoint || !is(source->kind, "image")))
		return fail_code(err, "usage", "there is no command to run");
	return 0;
}

static int check_life(const struct box_options *options, struct oci_error *err)
{
	bool restarts = options->restart.present && !is(options->restart.policy, "no");

	if (options->detach_keys && !options->tty)
		return fail_code(err, "usage", "option '--detach-keys' has no use without --tty");
	if (options->remove && restarts)
		return fail_code(err, "usage",
				 "option '--rm' contradicts --restart=%s: what is removed can't "
				 "be started again",
				 options->restart.policy);
	return 0;
}

static int check_limits(const struct box_limits *limits, struct oci_error *err)
{
	if (limits->swap.set && limits->swap.v >= 0 && !limits->memory.set)
		return fail_code(err, "usage",
				 "option '--memory-swap' is a limit of memory and swap together: "
				 "give --memory too");
	if (limits->swap.set && limits->swap.v >= 0 && limits->swap.v < limits->memory.v)
		return fail_code(err, "usage",
				 "option '--memory-swap': '%lld' is less than --memory, which it "
				 "includes",
				 (long long)limits->swap.v);
	for (size_t i = 0; i < limits->rlimits.n; i++)
		if (limits->rlimits.v[i].soft > limits->rlimits.v[i].hard)
			return fail_code(err, "usage", "%s: the soft limit is above the hard one",
					 limits->rlimits.v[i].type);
	return 0;
}

static int check_volumes(const struct box_options *options, struct oci_error *err)
{
	for (size_t i = 0; i < options->volumes.n; i++) {
		const struct box_volume *volume = &options->volumes.v[i];
		const char *source = volume->source ? volume->source : "";
		bool good = volume->anonymous ? volume->named && !volume->source
			    : volume->named   ? !value_is_name(source)
					      : *source == '/';

		if (!good)
			return fail_code(err, "usage",
					 "option '--volume': '%s': the source is neither a path "
					 "nor the name of a volume",
					 source);
	}
	return 0;
}

/* Two mounts at one place: the second would hide the first. */
static int check_targets(const struct box_options *options, struct oci_error *err)
{
	size_t n = options->volumes.n + options->tmpfs.n;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			size_t nv = options->volumes.n;
			const char *a = i < nv ? options->volumes.v[i].target
					       : options->tmpfs.v[i - nv].target;
			const char *b = k < nv ? options->volumes.v[k].target
					       : options->tmpfs.v[k - nv].target;

			if (!strcmp(a, b))
				return fail_code(err, "usage",
						 "option '--%s': '%s' is the target of two mounts",
						 i < nv ? "volume" : "tmpfs", a);
		}
	return 0;
}

static int check_net(const struct box_options *options, struct oci_error *err)
{
	const struct box_net *net = &options->net;
	bool other = is(net->kind, "container") || is(net->kind, "ns") || is(net->kind, "named");

	if (other != (net->other != NULL))
		return fail_code(err, "usage", "option '--net': '%s' %s", net->kind,
				 other ? "names nothing" : "takes no name");
	if (net->ports.n && !is(net->kind, "bridge") && !is(net->kind, "named") &&
	    !is(net->kind, "user"))
		return fail_code(
			err, "usage",
			"option '--publish' needs a network such as %s, not '%s': there is no "
			"network of the container's own to lead to",
			rootless() ? "user, with slirp4netns or pasta installed" : "bridge",
			net->kind);
	for (size_t i = 0; i < options->sysctls.n; i++) {
		const char *key = options->sysctls.v[i].key;
		const char *why = value_is_sysctl(key);

		if (why)
			return fail_code(err, "usage", "option '--sysctl': '%s' isn't %s", key,
					 why);
		if (is(net->kind, "host") && !strncmp(key, "net.", 4))
			return fail_code(err, "usage",
					 "option '--sysctl': '%s' would change the host with "
					 "--net host",
					 key);
	}
	return 0;
}

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

static int check_security(const struct box_options *options, struct oci_error *err)
{
	const struct box_security *security = &options->security;
	const char *text = security->seccomp;
	struct oci_document *doc = NULL;
	struct arena arena = { 0 };
	struct oci_seccomp seccomp;
	int result = 0;

	if (is(security->userns, "map") && !security->mappings.n)
		return fail_code(err, "usage", "option '--userns' maps nothing");
	for (size_t i = 0; i < security->mappings.n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct oci_id_mapping *a = &security->mappings.v[i];
			const struct oci_id_mapping *b = &security->mappings.v[k];

			if (overlap(a->container_id, a->size, b->container_id, b->size) ||
			    overlap(a->host_id, a->size, b->host_id, b->size))
				return fail_code(err, "usage",
						 "option '--userns': %u:%u:%u and %u:%u:%u overlap",
						 b->container_id, b->host_id, b->size,
						 a->container_id, a->host_id, a->size);
		}
	if (text && !is(text, "unconfined"))
		result = seccomp_profile_read(&seccomp, &doc, text, 0, &arena, err);
	json_document_free(doc);
	arena_done(&arena);
	return result;
}

int box_options_check(const struct box_options *options, struct oci_error *err)
{
	TRY(check_source(options, err));
	TRY(check_life(options, err));
	TRY(check_limits(&options->limits, err));
	TRY(check_volumes(options, err));
	TRY(check_targets(options, err));
	TRY(check_net(options, err));
	return check_security(options, err);
}

/* --- On disk --- */

int box_options_write(const struct box_options *options, char **text, size_t *size,
		      struct oci_error *err)
{
	TRY(shape_write(&box_options_shape, options, text, size, err));
	if (*size <= JSON_MAX_SIZE)
		return 0;
	heap_drop(text);
	return fail_code(
		err, "usage",
		"the options, with the command, its environment and a seccomp profile, are "
		"%zu bytes: at most %zu can be kept",
		*size, JSON_MAX_SIZE);
}

static int judge(const struct box_options *options, struct oci_error *err)
{
	if (options->version != BOX_OPTIONS_VERSION)
		return fail_code(err, "invalid-options",
				 "/version: %u is a version that this hullbox doesn't read (it "
				 "reads %d)",
				 options->version, BOX_OPTIONS_VERSION);
	if (box_options_check(options, err) < 0) {
		(void)snprintf(err->code, sizeof(err->code), "invalid-options");
		return -1;
	}
	return 0;
}

int box_options_read(struct box_options *options, const char *text, size_t size,
		     struct oci_error *err)
{
	struct oci_document *doc = NULL;

	*options = (struct box_options){ .doc = NULL };
	TRY(report_read(&box_options_shape, options, &doc, text, size, "invalid-options", err));
	options->doc = doc;
	if (judge(options, err) < 0) {
		box_options_done(options);
		return -1;
	}
	return 0;
}
