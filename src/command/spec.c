/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull spec`: a config.json to begin with. Put together as the struct that the reader would make
 * of it, so that what is written is valid by construction.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "command/command.h"
#include "command/document.h"
#include "plan/plan.h"

struct spec_options {
	const char *bundle;
	const char *config;
	bool rootless;
};

static const struct option_row options[] = {
	{ 'b', "bundle", "DIR", "the directory to write to (default: the current one)", OPTION_TEXT,
	  offsetof(struct spec_options, bundle), NULL },
	{ 'f', "config", "FILE",
	  "the file's name (default: config.json); '-' is the standard\noutput", OPTION_TEXT,
	  offsetof(struct spec_options, config), NULL },
	{ 0, "rootless", NULL,
	  "for an ordinary user: with a user namespace in which that user\n"
	  "is root, and the host's network",
	  OPTION_FLAG, offsetof(struct spec_options, rootless), NULL },
	OPTIONS_END,
};

static const char *const args[] = { "sh" };
static const char *const env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"
};
static const char *const capabilities[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
static const char *const masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
};
static const char *const readonly_paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					      "/proc/sysrq-trigger" };

#define MOUNT_OPTIONS_MAX 6

struct mount_row {
	const char *destination, *type, *source;
	const char *options[MOUNT_OPTIONS_MAX + 1];
};

/* clang-format off */
static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts",
		{ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};
/* A user without the network namespace may not mount a new sysfs; its one group may not own
 * terminals. */
static const struct mount_row rootless_sys = {
	"/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" }
};
static const struct mount_row rootless_pts = {
	"/dev/pts", "devpts", "devpts",
	{ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" }
};
/* clang-format on */

#define N_MOUNTS (sizeof(mounts) / sizeof(mounts[0]))

static void fill_mount(struct oci_mount *mount, const struct mount_row *row, struct arena *arena)
{
	size_t n = 0;

	while (row->options[n])
		n++;
	mount->destination = arena_strdup(arena, row->destination);
	mount->type = arena_strdup(arena, row->type);
	mount->source = arena_strdup(arena, row->source);
	mount->options = document_strings(arena, row->options, n);
}

static void fill_mounts(struct oci_config *config, bool rootless, struct arena *arena)
{
	config->mounts.v = arena_array(arena, N_MOUNTS, sizeof(*config->mounts.v));
	if (!config->mounts.v)
		return;
	config->mounts.n = N_MOUNTS;
	for (size_t i = 0; i < N_MOUNTS; i++) {
		const struct mount_row *row = &mounts[i];

		if (rootless && !strcmp(row->destination, rootless_sys.destination))
			row = &rootless_sys;
		else if (rootless && !strcmp(row->destination, rootless_pts.destination))
			row = &rootless_pts;
		fill_mount(&config->mounts.v[i], row, arena);
	}
}

static void fill_process(struct oci_process *process, struct arena *arena)
{
	struct oci_rlimit *limit = arena_array(arena, 1, sizeof(*limit));

	process->present = true;
	process->terminal = true;
	process->user.present = true;
	process->args = DOCUMENT_STRINGS(arena, args);
	process->env = DOCUMENT_STRINGS(arena, env);
	process->cwd = arena_strdup(arena, "/");
	process->capabilities.present = true;
	process->capabilities.bounding = DOCUMENT_STRINGS(arena, capabilities);
	process->capabilities.permitted = DOCUMENT_STRINGS(arena, capabilities);
	process->capabilities.effective = DOCUMENT_STRINGS(arena, capabilities);
	process->no_new_privileges = true;
	if (!limit)
		return;
	*limit = (struct oci_rlimit){ arena_strdup(arena, "RLIMIT_NOFILE"), 1024, 1024 };
	process->rlimits.v = limit;
	process->rlimits.n = 1;
}

static void fill_namespaces(struct oci_linux *to, bool rootless, struct arena *arena)
{
	static const enum plan_ns_type types[] = { NS_PID,   NS_IPC,	NS_UTS,
						   NS_MOUNT, NS_CGROUP, NS_NET };
	size_t n = sizeof(types) / sizeof(types[0]);
	struct oci_namespace *list = arena_array(arena, n, sizeof(*list));

	if (!list)
		return;
	for (size_t i = 0; i < n; i++) {
		/* Without a network namespace of its own a user's container reaches the network. */
		enum plan_ns_type type = rootless && types[i] == NS_NET ? NS_USER : types[i];

		list[i].type = arena_strdup(arena, plan_ns_kinds[type].name);
	}
	to->namespaces.v = list;
	to->namespaces.n = n;
}

static void fill_mappings(struct oci_linux *to, struct arena *arena)
{
	struct oci_id_mapping *map = arena_array(arena, 2, sizeof(*map));

	if (!map)
		return;
	map[0] = (struct oci_id_mapping){ 0, geteuid(), 1 };
	map[1] = (struct oci_id_mapping){ 0, getegid(), 1 };
	to->uid_mappings.v = &map[0];
	to->gid_mappings.v = &map[1];
	to->uid_mappings.n = to->gid_mappings.n = 1;
}

/* Devices are allowed one by one: first of all, none. */
static void fill_devices(struct oci_linux *to, struct arena *arena)
{
	struct oci_device_rule *rule = arena_array(arena, 1, sizeof(*rule));

	if (!rule)
		return;
	rule->access = arena_strdup(arena, "rwm");
	to->resources.present = true;
	to->resources.devices.v = rule;
	to->resources.devices.n = 1;
}

static int fill(struct oci_config *config, bool rootless, struct arena *arena,
		struct oci_error *err)
{
	config->oci_version = arena_strdup(arena, PLAN_SPEC_VERSION);
	config->root.present = true;
	config->root.path = arena_strdup(arena, "rootfs");
	config->root.readonly = true;
	config->hostname = arena_strdup(arena, "hull");
	fill_process(&config->process, arena);
	fill_mounts(config, rootless, arena);
	config->linux.present = true;
	fill_namespaces(&config->linux, rootless, arena);
	if (rootless)
		fill_mappings(&config->linux, arena);
	else
		fill_devices(&config->linux, arena);
	config->linux.masked_paths = DOCUMENT_STRINGS(arena, masked_paths);
	config->linux.readonly_paths = DOCUMENT_STRINGS(arena, readonly_paths);
	if (arena->failed)
		return fail_code(err, "out-of-memory", "no memory for the configuration");
	return 0;
}

/* Never replaces a file: it may be somebody's work. */
static int write_new(const char *directory, const char *name, const char *text, size_t size,
		     struct oci_error *err)
{
	auto_fd dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd file = -1;

	if (dir < 0)
		return fail_sys(err, "bundle '%s'", directory);
	file = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0 && errno == EEXIST)
		return fail_code(err, "exists", "'%s/%s' exists already, and is left as it is",
				 directory, name);
	if (file < 0)
		return fail_sys(err, "write '%s/%s'", directory, name);
	if (file_write_all(file, text, size, err) < 0) {
		(void)unlinkat(dir, name, 0); /* the first failure is the one to tell */
		return fail_in(err, "write '%s/%s'", directory, name);
	}
	return 0;
}

static int spec(const struct call *call, struct oci_error *err)
{
	const struct spec_options *given = call->options;
	const char *name = given->config ? given->config : "config.json";
	struct oci_config config = { 0 };
	struct arena arena = { 0 };
	auto_free char *text = NULL;
	size_t size;
	int result;

	result = fill(&config, given->rootless, &arena, err);
	if (result == 0)
		result = oci_config_write(&config, &text, &size, err);
	arena_done(&arena);
	TRY(result);
	if (strcmp(name, "-") != 0)
		return write_new(given->bundle ? given->bundle : ".", name, text, size, err);
	(void)fwrite(text, 1, size, stdout); /* main.c looks whether that worked */
	return 0;
}

const struct command spec_command = {
	.name = "spec",
	.operands = "",
	.summary = "Write a config.json to begin with",
	.text = "The bundle also needs a root file system, in the directory rootfs.",
	.options = options,
	.options_size = sizeof(struct spec_options),
	.run = spec,
};
