/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tables of config.json, one row per property in the order of the specification, and the
 * functions of oci_config.h. What a table cannot say (two properties that depend on each other,
 * what a host can do) is not the reader's business but its caller's.
 */
#include "oci_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shape.h"

static const char code_word[] = "invalid-config";

/* Checks: NULL when the string is fine, else what is expected. */

/* Behind a list of identifiers with dots between ("rc.1+213" leaves "+213"); NULL without one. */
static const char *skip_identifiers(const char *p)
{
	for (;; p++) {
		size_t size = strspn(p, "0123456789-abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (!size)
			return NULL;
		p += size;
		if (*p != '.')
			return p;
	}
}

/* "1.0.2-dev", "1.3.0+build.5": https://semver.org, which the specification demands. */
static const char *check_version(const char *value)
{
	static const char expected[] = "a version such as 1.0.2 or 1.3.0-dev";
	const char *p = value;

	for (int i = 0; i < 3; i++) {
		size_t digits = strspn(p, "0123456789");

		if (!digits || (digits > 1 && *p == '0'))
			return expected;
		p += digits;
		if (i < 2 && *p++ != '.')
			return expected;
	}
	if (*p == '-')
		p = skip_identifiers(p + 1);
	if (p && *p == '+')
		p = skip_identifiers(p + 1);
	return p && !*p ? NULL : expected;
}

static const char *check_absolute(const char *value)
{
	return value[0] == '/' ? NULL : "an absolute path";
}

static const char *check_rlimit(const char *value)
{
	static const char prefix[] = "RLIMIT_";
	size_t size = sizeof(prefix) - 1;
	const char *name = strncmp(value, prefix, size) ? "" : value + size;

	if (*name && !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return NULL;
	return "RLIMIT_ and capital letters";
}

static const char *check_page_size(const char *value)
{
	const char *unit = value + strspn(value, "0123456789");

	if (value[0] >= '1' && value[0] <= '9' && *unit && strchr("KMG", *unit) &&
	    !strcmp(unit + 1, "B"))
		return NULL;
	return "a page size such as 64KB, 2MB or 1GB";
}

static const char *check_mem_bw(const char *value)
{
	return !strncmp(value, "MB:", 3) && !strchr(value, '\n') ? NULL
								 : "one line that begins with MB:";
}

static const char *check_cpu_list(const char *value)
{
	return value[strspn(value, "0123456789, -")] ? "a list of CPUs such as 0-3,7" : NULL;
}

/* Word lists. */

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *const namespace_types[] = { "pid",  "network", "mount", "ipc", "uts",
					       "user", "cgroup",  "time",  NULL };

/* The recursive forms are not in the specification; engines send them and runtimes take them. */
static const char *const propagations[] = { "private",	  "shared",	 "slave",
					    "unbindable", "rprivate",	 "rshared",
					    "rslave",	  "runbindable", NULL };

static const char *const scheduler_policies[] = { "SCHED_OTHER",    "SCHED_FIFO", "SCHED_RR",
						  "SCHED_BATCH",    "SCHED_ISO",  "SCHED_IDLE",
						  "SCHED_DEADLINE", NULL };

static const char *const scheduler_flags[] = {
	"SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",
	"SCHED_FLAG_DL_OVERRUN",     "SCHED_FLAG_KEEP_POLICY",
	"SCHED_FLAG_KEEP_PARAMS",    "SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX", NULL
};

static const char *const memory_modes[] = { "MPOL_DEFAULT",    "MPOL_BIND",
					    "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
					    "MPOL_PREFERRED",  "MPOL_PREFERRED_MANY",
					    "MPOL_LOCAL",      NULL };

static const char *const memory_flags[] = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
					    "MPOL_F_STATIC_NODES", NULL };

static const char *const seccomp_actions[] = { "SCMP_ACT_KILL",	       "SCMP_ACT_KILL_PROCESS",
					       "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
					       "SCMP_ACT_ERRNO",       "SCMP_ACT_TRACE",
					       "SCMP_ACT_ALLOW",       "SCMP_ACT_LOG",
					       "SCMP_ACT_NOTIFY",      NULL };

static const char *const seccomp_archs[] = {
	"SCMP_ARCH_X86",	 "SCMP_ARCH_X86_64",	  "SCMP_ARCH_X32",     "SCMP_ARCH_ARM",
	"SCMP_ARCH_AARCH64",	 "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",    "SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",	 "SCMP_ARCH_MIPS64N32",	  "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",	  "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_S390",	 "SCMP_ARCH_S390X",	  "SCMP_ARCH_SH",      "SCMP_ARCH_SHEB",
	"SCMP_ARCH_PARISC",	 "SCMP_ARCH_PARISC64",	  "SCMP_ARCH_RISCV64", NULL
};

static const char *const seccomp_flags[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					     "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
					     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };

static const char *const seccomp_operators[] = { "SCMP_CMP_NE",	       "SCMP_CMP_LT", "SCMP_CMP_LE",
						 "SCMP_CMP_EQ",	       "SCMP_CMP_GE", "SCMP_CMP_GT",
						 "SCMP_CMP_MASKED_EQ", NULL };

/* clang-format off */

#define REQUIRED .required = true

static SHAPE(oci_id_mapping,
	U32("containerID", oci_id_mapping, container_id, REQUIRED),
	U32("hostID",      oci_id_mapping, host_id,      REQUIRED),
	U32("size",        oci_id_mapping, size,         REQUIRED));

static SHAPE(oci_root,
	STRING("path",   oci_root, path, REQUIRED),
	BOOL("readonly", oci_root, readonly));

static SHAPE(oci_mount,
	STRING("destination", oci_mount, destination, REQUIRED),
	STRING("source",      oci_mount, source),
	STRING("type",        oci_mount, type),
	STRINGS("options",    oci_mount, options),
	LIST("uidMappings",   oci_mount, uid_mappings, oci_id_mapping),
	LIST("gidMappings",   oci_mount, gid_mappings, oci_id_mapping));

/* process */

static SHAPE(oci_console_size,
	U64("height", oci_console_size, height, REQUIRED),
	U64("width",  oci_console_size, width,  REQUIRED));

static SHAPE(oci_user,
	U32("uid",             oci_user, uid),
	U32("gid",             oci_user, gid),
	MAYBE_UINT("umask",    oci_user, umask, UINT32_MAX),
	U32S("additionalGids", oci_user, additional_gids),
	SKIP_STRING("username"));

static SHAPE(oci_capabilities,
	STRINGS("bounding",    oci_capabilities, bounding),
	STRINGS("permitted",   oci_capabilities, permitted),
	STRINGS("effective",   oci_capabilities, effective),
	STRINGS("inheritable", oci_capabilities, inheritable),
	STRINGS("ambient",     oci_capabilities, ambient));

static SHAPE(oci_rlimit,
	STRING("type", oci_rlimit, type, REQUIRED, .check = check_rlimit),
	U64("soft",    oci_rlimit, soft, REQUIRED),
	U64("hard",    oci_rlimit, hard, REQUIRED));

static SHAPE(oci_scheduler,
	STRING("policy",       oci_scheduler, policy, REQUIRED, .words = scheduler_policies),
	MAYBE_INT("nice",      oci_scheduler, nice,     INT32_MIN, INT32_MAX),
	MAYBE_INT("priority",  oci_scheduler, priority, INT32_MIN, INT32_MAX),
	STRINGS("flags",       oci_scheduler, flags, .words = scheduler_flags),
	MAYBE_UINT("runtime",  oci_scheduler, runtime,  UINT64_MAX),
	MAYBE_UINT("deadline", oci_scheduler, deadline, UINT64_MAX),
	MAYBE_UINT("period",   oci_scheduler, period,   UINT64_MAX));

static SHAPE(oci_io_priority,
	STRING("class",       oci_io_priority, class, REQUIRED,
	       .words = WORDS("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")),
	MAYBE_INT("priority", oci_io_priority, priority, INT32_MIN, INT32_MAX));

static SHAPE(oci_exec_cpu_affinity,
	STRING("initial", oci_exec_cpu_affinity, initial, .check = check_cpu_list),
	STRING("final",   oci_exec_cpu_affinity, final,   .check = check_cpu_list));

static SHAPE(oci_process,
	BOOL("terminal",          oci_process, terminal),
	OBJECT("consoleSize",     oci_process, console_size, oci_console_size),
	OBJECT("user",            oci_process, user, oci_user),
	STRINGS("args",           oci_process, args),
	STRINGS("env",            oci_process, env),
	STRING("cwd",             oci_process, cwd, REQUIRED, .check = check_absolute),
	OBJECT("capabilities",    oci_process, capabilities, oci_capabilities),
	LIST("rlimits",           oci_process, rlimits, oci_rlimit, .unique = "type"),
	BOOL("noNewPrivileges",   oci_process, no_new_privileges),
	STRING("apparmorProfile", oci_process, apparmor_profile),
	/* Beyond these the kernel refuses. */
	MAYBE_INT("oomScoreAdj",  oci_process, oom_score_adj, -1000, 1000),
	OBJECT("scheduler",       oci_process, scheduler, oci_scheduler),
	STRING("selinuxLabel",    oci_process, selinux_label),
	OBJECT("ioPriority",      oci_process, io_priority, oci_io_priority),
	OBJECT("execCPUAffinity", oci_process, exec_cpu_affinity, oci_exec_cpu_affinity),
	SKIP_STRING("commandLine"));

/* hooks */

static SHAPE(oci_hook,
	STRING("path",       oci_hook, path, REQUIRED, .check = check_absolute),
	STRINGS("args",      oci_hook, args),
	STRINGS("env",       oci_hook, env),
	MAYBE_INT("timeout", oci_hook, timeout, 1, INT32_MAX));

static SHAPE(oci_hooks,
	LIST("prestart",        oci_hooks, prestart,         oci_hook),
	LIST("createRuntime",   oci_hooks, create_runtime,   oci_hook),
	LIST("createContainer", oci_hooks, create_container, oci_hook),
	LIST("startContainer",  oci_hooks, start_container,  oci_hook),
	LIST("poststart",       oci_hooks, poststart,        oci_hook),
	LIST("poststop",        oci_hooks, poststop,         oci_hook));

/* linux */

static SHAPE(oci_namespace,
	STRING("type", oci_namespace, type, REQUIRED, .words = namespace_types),
	STRING("path", oci_namespace, path));

static SHAPE(oci_time_offset,
	MAYBE_INT("secs",      oci_time_offset, secs, INT64_MIN, INT64_MAX),
	MAYBE_UINT("nanosecs", oci_time_offset, nanosecs, UINT32_MAX));

static SHAPE(oci_time_offsets,
	OBJECT("monotonic", oci_time_offsets, monotonic, oci_time_offset),
	OBJECT("boottime",  oci_time_offsets, boottime,  oci_time_offset));

static SHAPE(oci_device,
	STRING("type",         oci_device, type, REQUIRED, .words = WORDS("c", "b", "u", "p")),
	STRING("path",         oci_device, path, REQUIRED),
	MAYBE_INT("major",     oci_device, major, INT64_MIN, INT64_MAX),
	MAYBE_INT("minor",     oci_device, minor, INT64_MIN, INT64_MAX),
	/* The schema ends at 0777; engines send what stat() says, the type of the file included. */
	MAYBE_UINT("fileMode", oci_device, file_mode, 0177777),
	MAYBE_UINT("uid",      oci_device, uid, UINT32_MAX),
	MAYBE_UINT("gid",      oci_device, gid, UINT32_MAX));

static SHAPE(oci_net_device,
	STRING("name", oci_net_device, name));

static SHAPE(oci_device_rule,
	BOOL("allow",      oci_device_rule, allow, REQUIRED),
	STRING("type",     oci_device_rule, type),
	MAYBE_INT("major", oci_device_rule, major, INT64_MIN, INT64_MAX),
	MAYBE_INT("minor", oci_device_rule, minor, INT64_MIN, INT64_MAX),
	STRING("access",   oci_device_rule, access));

static SHAPE(oci_memory,
	MAYBE_INT("limit",              oci_memory, limit,       INT64_MIN, INT64_MAX),
	MAYBE_INT("reservation",        oci_memory, reservation, INT64_MIN, INT64_MAX),
	MAYBE_INT("swap",               oci_memory, swap,        INT64_MIN, INT64_MAX),
	MAYBE_INT("kernel",             oci_memory, kernel,      INT64_MIN, INT64_MAX),
	MAYBE_INT("kernelTCP",          oci_memory, kernel_tcp,  INT64_MIN, INT64_MAX),
	MAYBE_UINT("swappiness",        oci_memory, swappiness,  UINT64_MAX),
	MAYBE_BOOL("disableOOMKiller",  oci_memory, disable_oom_killer),
	MAYBE_BOOL("useHierarchy",      oci_memory, use_hierarchy),
	MAYBE_BOOL("checkBeforeUpdate", oci_memory, check_before_update));

static SHAPE(oci_cpu,
	MAYBE_UINT("shares",         oci_cpu, shares, UINT64_MAX),
	MAYBE_INT("quota",           oci_cpu, quota, INT64_MIN, INT64_MAX),
	MAYBE_UINT("burst",          oci_cpu, burst, UINT64_MAX),
	MAYBE_UINT("period",         oci_cpu, period, UINT64_MAX),
	MAYBE_INT("realtimeRuntime", oci_cpu, realtime_runtime, INT64_MIN, INT64_MAX),
	MAYBE_UINT("realtimePeriod", oci_cpu, realtime_period, UINT64_MAX),
	STRING("cpus",               oci_cpu, cpus),
	STRING("mems",               oci_cpu, mems),
	MAYBE_INT("idle",            oci_cpu, idle, INT64_MIN, INT64_MAX));

static SHAPE(oci_weight_device,
	I64("major",             oci_weight_device, major, REQUIRED),
	I64("minor",             oci_weight_device, minor, REQUIRED),
	MAYBE_UINT("weight",     oci_weight_device, weight, UINT16_MAX),
	MAYBE_UINT("leafWeight", oci_weight_device, leaf_weight, UINT16_MAX));

static SHAPE(oci_throttle_device,
	I64("major",       oci_throttle_device, major, REQUIRED),
	I64("minor",       oci_throttle_device, minor, REQUIRED),
	MAYBE_UINT("rate", oci_throttle_device, rate, UINT64_MAX));

static SHAPE(oci_block_io,
	MAYBE_UINT("weight",            oci_block_io, weight, UINT16_MAX),
	MAYBE_UINT("leafWeight",        oci_block_io, leaf_weight, UINT16_MAX),
	LIST("weightDevice",            oci_block_io, weight_device, oci_weight_device),
	LIST("throttleReadBpsDevice",   oci_block_io, throttle_read_bps_device, oci_throttle_device),
	LIST("throttleWriteBpsDevice",  oci_block_io, throttle_write_bps_device, oci_throttle_device),
	LIST("throttleReadIOPSDevice",  oci_block_io, throttle_read_iops_device, oci_throttle_device),
	LIST("throttleWriteIOPSDevice", oci_block_io, throttle_write_iops_device, oci_throttle_device));

static SHAPE(oci_hugepage_limit,
	STRING("pageSize", oci_hugepage_limit, page_size, REQUIRED, .check = check_page_size),
	U64("limit",       oci_hugepage_limit, limit, REQUIRED));

static SHAPE(oci_network_priority,
	STRING("name",  oci_network_priority, name, REQUIRED),
	U32("priority", oci_network_priority, priority, REQUIRED));

static SHAPE(oci_network,
	MAYBE_UINT("classID", oci_network, class_id, UINT32_MAX),
	LIST("priorities",    oci_network, priorities, oci_network_priority));

static SHAPE(oci_pids,
	MAYBE_INT("limit", oci_pids, limit, INT64_MIN, INT64_MAX, REQUIRED));

static SHAPE(oci_rdma,
	MAYBE_UINT("hcaHandles", oci_rdma, hca_handles, UINT32_MAX),
	MAYBE_UINT("hcaObjects", oci_rdma, hca_objects, UINT32_MAX));

static SHAPE(oci_resources,
	LIST("devices",        oci_resources, devices, oci_device_rule),
	OBJECT("memory",       oci_resources, memory, oci_memory),
	OBJECT("cpu",          oci_resources, cpu, oci_cpu),
	OBJECT("blockIO",      oci_resources, block_io, oci_block_io),
	LIST("hugepageLimits", oci_resources, hugepage_limits, oci_hugepage_limit),
	OBJECT("network",      oci_resources, network, oci_network),
	OBJECT("pids",         oci_resources, pids, oci_pids),
	MAP("rdma",            oci_resources, rdma, oci_rdma),
	PAIRS("unified",       oci_resources, unified));

static SHAPE(oci_seccomp_arg,
	U32("index",    oci_seccomp_arg, index, REQUIRED),
	U64("value",    oci_seccomp_arg, value, REQUIRED),
	U64("valueTwo", oci_seccomp_arg, value_two),
	STRING("op",    oci_seccomp_arg, op, REQUIRED, .words = seccomp_operators));

static SHAPE(oci_seccomp_syscall,
	STRINGS("names",       oci_seccomp_syscall, names, REQUIRED),
	STRING("action",       oci_seccomp_syscall, action, REQUIRED, .words = seccomp_actions),
	MAYBE_UINT("errnoRet", oci_seccomp_syscall, errno_ret, UINT32_MAX),
	LIST("args",           oci_seccomp_syscall, args, oci_seccomp_arg));

static SHAPE(oci_seccomp,
	STRING("defaultAction",       oci_seccomp, default_action, REQUIRED, .words = seccomp_actions),
	MAYBE_UINT("defaultErrnoRet", oci_seccomp, default_errno_ret, UINT32_MAX),
	STRINGS("architectures",      oci_seccomp, architectures, .words = seccomp_archs),
	STRINGS("flags",              oci_seccomp, flags, .words = seccomp_flags),
	STRING("listenerPath",        oci_seccomp, listener_path),
	STRING("listenerMetadata",    oci_seccomp, listener_metadata),
	LIST("syscalls",              oci_seccomp, syscalls, oci_seccomp_syscall));

static SHAPE(oci_intel_rdt,
	STRING("closID",          oci_intel_rdt, clos_id),
	STRINGS("schemata",       oci_intel_rdt, schemata),
	STRING("l3CacheSchema",   oci_intel_rdt, l3_cache_schema),
	STRING("memBwSchema",     oci_intel_rdt, mem_bw_schema, .check = check_mem_bw),
	BOOL("enableMonitoring",  oci_intel_rdt, enable_monitoring));

static SHAPE(oci_memory_policy,
	STRING("mode",   oci_memory_policy, mode, .words = memory_modes),
	STRING("nodes",  oci_memory_policy, nodes, .keep_empty = true),
	STRINGS("flags", oci_memory_policy, flags, .words = memory_flags));

static SHAPE(oci_personality,
	STRING("domain", oci_personality, domain, .words = WORDS("LINUX", "LINUX32")),
	STRINGS("flags", oci_personality, flags));

static SHAPE(oci_linux,
	LIST("namespaces",          oci_linux, namespaces, oci_namespace, .unique = "type"),
	LIST("uidMappings",         oci_linux, uid_mappings, oci_id_mapping),
	LIST("gidMappings",         oci_linux, gid_mappings, oci_id_mapping),
	OBJECT("timeOffsets",       oci_linux, time_offsets, oci_time_offsets),
	LIST("devices",             oci_linux, devices, oci_device),
	MAP("netDevices",           oci_linux, net_devices, oci_net_device),
	STRING("cgroupsPath",       oci_linux, cgroups_path),
	STRING("rootfsPropagation", oci_linux, rootfs_propagation, .words = propagations),
	OBJECT("resources",         oci_linux, resources, oci_resources),
	OBJECT("intelRdt",          oci_linux, intel_rdt, oci_intel_rdt),
	OBJECT("memoryPolicy",      oci_linux, memory_policy, oci_memory_policy),
	PAIRS("sysctl",             oci_linux, sysctl),
	OBJECT("seccomp",           oci_linux, seccomp, oci_seccomp),
	STRINGS("maskedPaths",      oci_linux, masked_paths),
	STRINGS("readonlyPaths",    oci_linux, readonly_paths),
	STRING("mountLabel",        oci_linux, mount_label),
	OBJECT("personality",       oci_linux, personality, oci_personality));

SHAPE(oci_config,
	STRING("ociVersion",  oci_config, oci_version, REQUIRED, .check = check_version),
	OBJECT("root",        oci_config, root, oci_root),
	LIST("mounts",        oci_config, mounts, oci_mount),
	OBJECT("process",     oci_config, process, oci_process),
	STRING("hostname",    oci_config, hostname),
	STRING("domainname",  oci_config, domainname),
	OBJECT("hooks",       oci_config, hooks, oci_hooks),
	PAIRS("annotations",  oci_config, annotations),
	OBJECT("linux",       oci_config, linux, oci_linux),
	/* Other platforms': known, so no unknown properties, but nothing for Linux to do. */
	SKIP_OBJECT("solaris"),
	SKIP_OBJECT("windows"),
	SKIP_OBJECT("vm"),
	SKIP_OBJECT("zos"),
	SKIP_OBJECT("freebsd"));

/* clang-format on */

int oci_config_read(struct oci_config *config, const char *text, size_t size,
		    const struct oci_report *report, struct oci_error *err)
{
	memset(config, 0, sizeof(*config));
	return shape_read_text(&oci_config_shape, config, &config->doc, text, size, code_word,
			       report, err);
}

/* Opens a regular file; anything else could block, or never end. */
static int open_file(int dir, const char *path, size_t *size, struct oci_error *err)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return oci_fail_sys(err, "open '%s'", path);
	if (fstat(fd, &st) < 0) {
		(void)oci_fail_sys(err, "stat '%s'", path);
	} else if (!S_ISREG(st.st_mode)) {
		(void)oci_fail_code(err, code_word, "'%s' is no regular file", path);
	} else if ((uintmax_t)st.st_size > JSON_MAX_SIZE) {
		(void)oci_fail_code(err, code_word, "'%s' is larger than %zu bytes", path,
				    JSON_MAX_SIZE);
	} else {
		*size = (size_t)st.st_size;
		return fd;
	}
	(void)close(fd);
	return -1;
}

/* Fills the document's text; a file that shrank meanwhile makes it shorter. */
static int read_text(int fd, const char *path, struct oci_document *doc, struct oci_error *err)
{
	size_t got = 0;

	while (got < doc->size) {
		ssize_t n = read(fd, doc->text + got, doc->size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return oci_fail_sys(err, "read '%s'", path);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	doc->text[got] = '\0';
	doc->size = got;
	return 0;
}

/* The document of a file, its text filled in; NULL with err. */
static struct oci_document *load(int dir, const char *path, struct oci_error *err)
{
	struct oci_document *doc;
	size_t size = 0;
	int fd = open_file(dir, path, &size, err);
	int result;

	if (fd < 0)
		return NULL;
	doc = json_document_new(size);
	result = doc ? read_text(fd, path, doc, err)
		     : oci_fail_code(err, "out-of-memory", "read '%s': out of memory", path);
	(void)close(fd);
	if (result == 0)
		return doc;
	json_document_free(doc);
	return NULL;
}

int oci_config_read_file(struct oci_config *config, int dir, const char *path,
			 const struct oci_report *report, struct oci_error *err)
{
	struct oci_document *doc;
	int result;

	memset(config, 0, sizeof(*config));
	doc = load(dir, path, err);
	if (!doc)
		return -1;
	/* From here on the document is shape_read()'s to free, or the config's. */
	result = shape_read(&oci_config_shape, config, &doc, code_word, report, err);
	config->doc = doc;
	return result;
}

int oci_process_read_file(struct oci_process_file *file, int dir, const char *path,
			  struct oci_error *err)
{
	struct oci_document *doc;
	int result;

	memset(file, 0, sizeof(*file));
	doc = load(dir, path, err);
	if (!doc)
		return -1;
	result = shape_read(&oci_process_shape, &file->process, &doc, code_word, NULL, err);
	file->doc = doc;
	file->process.present = result == 0;
	return result;
}

void oci_process_close(struct oci_process_file *file)
{
	json_document_free(file->doc);
	memset(file, 0, sizeof(*file));
}

int oci_resources_read(struct oci_resources_file *file, const char *text, size_t size,
		       struct oci_error *err)
{
	int result;

	memset(file, 0, sizeof(*file));
	result = shape_read_text(&oci_resources_shape, &file->resources, &file->doc, text, size,
				 code_word, NULL, err);
	file->resources.present = result == 0;
	return result;
}

void oci_resources_close(struct oci_resources_file *file)
{
	json_document_free(file->doc);
	memset(file, 0, sizeof(*file));
}

int oci_config_write(const struct oci_config *config, char **text, size_t *size,
		     struct oci_error *err)
{
	return shape_write(&oci_config_shape, config, text, size, err);
}

void oci_config_close(struct oci_config *config)
{
	json_document_free(config->doc);
	memset(config, 0, sizeof(*config));
}

void oci_document_place(const struct oci_document *doc, const char *pointer, unsigned *line,
			unsigned *column)
{
	*line = 0;
	*column = 0;
	if (doc)
		json_place(doc, json_find(doc, pointer)->at, line, column);
}
