/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * That each property of config.json arrives in its own member: everything.json gives each a value
 * of its own. Then what the specification and Go's encoders ask of the reader, reports, places,
 * files, and what is written.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libocispec/oci_config.h"
#include "libocispec/shape.h"
#include "tap.h"

static struct oci_config config;
static struct oci_error err;

/* Reads a text into `config`. */
static int take(const char *text)
{
	oci_config_close(&config);
	memset(&err, 0, sizeof(err));
	return oci_config_read(&config, text, strlen(text), NULL, &err);
}

#define IS_INT(member, expected) tap_is_int((long long)config.member, expected, "%s", #member)
#define IS_STR(member, expected) tap_is_str(config.member, expected, "%s", #member)
#define IS_SET(member, expected)                                                                   \
	tap_ok(config.member.set &&config.member.v == (expected), "%s is %s", #member, #expected)

static void check_process(void)
{
	IS_INT(process.terminal, true);
	IS_INT(process.console_size.height, 25);
	IS_INT(process.console_size.width, 80);
	IS_INT(process.user.uid, 21);
	IS_INT(process.user.gid, 22);
	IS_SET(process.user.umask, 23);
	IS_INT(process.user.additional_gids.n, 2);
	IS_INT(process.user.additional_gids.v[1], 25);
	IS_INT(process.args.n, 3);
	IS_STR(process.args.v[2], "echo \xc3\xa9\n\"x\"");
	tap_ok(!config.process.args.v[3], "args end with NULL, as execve() wants");
	IS_STR(process.env.v[1], "B=");
	IS_STR(process.cwd, "/work");
	IS_STR(process.capabilities.bounding.v[0], "CAP_A");
	IS_STR(process.capabilities.permitted.v[0], "CAP_B");
	IS_STR(process.capabilities.effective.v[0], "CAP_C");
	IS_STR(process.capabilities.inheritable.v[0], "CAP_D");
	IS_STR(process.capabilities.ambient.v[1], "CAP_F");
	IS_STR(process.rlimits.v[0].type, "RLIMIT_NOFILE");
	IS_INT(process.rlimits.v[0].soft, 31);
	IS_INT(process.rlimits.v[0].hard, 32);
	tap_ok(config.process.rlimits.v[1].hard == UINT64_MAX, "the largest uint64 is exact");
	IS_INT(process.no_new_privileges, true);
	IS_STR(process.apparmor_profile, "profile");
	IS_SET(process.oom_score_adj, -33);
	IS_STR(process.scheduler.policy, "SCHED_DEADLINE");
	IS_SET(process.scheduler.nice, -34);
	IS_SET(process.scheduler.priority, 35);
	IS_STR(process.scheduler.flags.v[1], "SCHED_FLAG_DL_OVERRUN");
	IS_SET(process.scheduler.runtime, 36);
	IS_SET(process.scheduler.deadline, 37);
	IS_SET(process.scheduler.period, 38);
	IS_STR(process.selinux_label, "label");
	IS_STR(process.io_priority.class, "IOPRIO_CLASS_BE");
	IS_SET(process.io_priority.priority, 4);
	IS_STR(process.exec_cpu_affinity.initial, "0-1");
	IS_STR(process.exec_cpu_affinity.final, "2, 3");
}

static void check_top(void)
{
	IS_STR(oci_version, "1.3.0-dev+7");
	IS_STR(root.path, "/srv/root");
	IS_INT(root.readonly, true);
	IS_INT(mounts.n, 2);
	IS_STR(mounts.v[0].destination, "/proc");
	IS_STR(mounts.v[0].source, "proc");
	IS_STR(mounts.v[0].type, "procfs");
	IS_STR(mounts.v[0].options.v[1], "ro");
	IS_INT(mounts.v[0].uid_mappings.v[0].container_id, 11);
	IS_INT(mounts.v[0].uid_mappings.v[0].host_id, 12);
	IS_INT(mounts.v[0].uid_mappings.v[0].size, 13);
	IS_INT(mounts.v[0].gid_mappings.v[0].container_id, 14);
	IS_STR(mounts.v[1].source, NULL);
	tap_ok(!config.mounts.v[1].options.v, "absent options are NULL");
	IS_STR(hostname, "host");
	IS_STR(domainname, "domain");
	IS_STR(annotations.v[0].key, "org.example/a");
	IS_STR(annotations.v[0].value, "1");
	IS_STR(annotations.v[1].value, "");
	IS_STR(hooks.prestart.v[0].path, "/h1");
	IS_STR(hooks.prestart.v[0].args.v[1], "x");
	IS_STR(hooks.prestart.v[0].env.v[0], "H=1");
	IS_SET(hooks.prestart.v[0].timeout, 41);
	IS_STR(hooks.create_runtime.v[0].path, "/h2");
	tap_ok(!config.hooks.create_runtime.v[0].env.v, "an absent env of a hook is NULL");
	tap_ok(config.hooks.create_runtime.v[1].env.v && !config.hooks.create_runtime.v[1].env.n,
	       "an empty env of a hook is empty, not absent");
	IS_STR(hooks.create_container.v[0].path, "/h3");
	IS_STR(hooks.start_container.v[0].path, "/h4");
	IS_STR(hooks.poststart.v[0].path, "/h5");
	IS_STR(hooks.poststop.v[0].path, "/h6");
}

static void check_linux(void)
{
	IS_STR(linux.namespaces.v[0].type, "pid");
	IS_STR(linux.namespaces.v[1].type, "network");
	IS_STR(linux.namespaces.v[1].path, "/run/netns/x");
	IS_INT(linux.uid_mappings.v[0].host_id, 51);
	IS_INT(linux.gid_mappings.v[0].host_id, 52);
	IS_SET(linux.time_offsets.monotonic.secs, -54);
	IS_SET(linux.time_offsets.monotonic.nanosecs, 55);
	IS_SET(linux.time_offsets.boottime.secs, 56);
	IS_SET(linux.time_offsets.boottime.nanosecs, 57);
	IS_STR(linux.devices.v[0].type, "c");
	IS_STR(linux.devices.v[0].path, "/dev/x");
	IS_SET(linux.devices.v[0].major, 61);
	IS_SET(linux.devices.v[0].minor, 62);
	IS_SET(linux.devices.v[0].file_mode, 0666);
	IS_SET(linux.devices.v[0].uid, 63);
	IS_SET(linux.devices.v[0].gid, 64);
	IS_STR(linux.net_devices.v[0].host_name, "eth0");
	IS_STR(linux.net_devices.v[0].name, "net%d");
	IS_STR(linux.net_devices.v[1].host_name, "eth1");
	IS_STR(linux.cgroups_path, "/a/b");
	IS_STR(linux.rootfs_propagation, "rslave");
	IS_STR(linux.intel_rdt.clos_id, "clos");
	IS_STR(linux.intel_rdt.schemata.v[0], "L3:0=f");
	IS_STR(linux.intel_rdt.l3_cache_schema, "L3:0=ff");
	IS_STR(linux.intel_rdt.mem_bw_schema, "MB:0=20");
	IS_INT(linux.intel_rdt.enable_monitoring, true);
	IS_STR(linux.memory_policy.mode, "MPOL_BIND");
	IS_STR(linux.memory_policy.nodes, "0-1");
	IS_STR(linux.memory_policy.flags.v[0], "MPOL_F_STATIC_NODES");
	IS_STR(linux.sysctl.v[1].key, "kernel.msgmax");
	IS_STR(linux.sysctl.v[1].value, "65536");
	IS_STR(linux.seccomp.default_action, "SCMP_ACT_ERRNO");
	IS_SET(linux.seccomp.default_errno_ret, 201);
	IS_STR(linux.seccomp.architectures.v[1], "SCMP_ARCH_AARCH64");
	IS_STR(linux.seccomp.flags.v[0], "SECCOMP_FILTER_FLAG_LOG");
	IS_STR(linux.seccomp.listener_path, "/run/listener");
	IS_STR(linux.seccomp.listener_metadata, "meta");
	IS_STR(linux.seccomp.syscalls.v[0].names.v[1], "write");
	IS_STR(linux.seccomp.syscalls.v[0].action, "SCMP_ACT_ALLOW");
	IS_SET(linux.seccomp.syscalls.v[0].errno_ret, 202);
	IS_INT(linux.seccomp.syscalls.v[0].args.v[0].index, 1);
	IS_INT(linux.seccomp.syscalls.v[0].args.v[0].value, 203);
	IS_INT(linux.seccomp.syscalls.v[0].args.v[0].value_two, 204);
	IS_STR(linux.seccomp.syscalls.v[0].args.v[0].op, "SCMP_CMP_MASKED_EQ");
	IS_STR(linux.masked_paths.v[0], "/proc/kcore");
	IS_STR(linux.readonly_paths.v[1], "/proc/irq");
	IS_STR(linux.mount_label, "mount label");
	IS_STR(linux.personality.domain, "LINUX32");
	IS_STR(linux.personality.flags.v[0], "F");
}

static void check_resources(void)
{
	IS_INT(linux.resources.devices.v[0].allow, false);
	IS_INT(linux.resources.devices.v[1].allow, true);
	IS_STR(linux.resources.devices.v[1].type, "b");
	IS_SET(linux.resources.devices.v[1].major, 71);
	IS_SET(linux.resources.devices.v[1].minor, 72);
	IS_STR(linux.resources.devices.v[1].access, "rwm");
	tap_ok(!config.linux.devices.v[1].major.set, "an absent major is not set");
	IS_SET(linux.resources.memory.limit, 81);
	IS_SET(linux.resources.memory.reservation, 82);
	IS_SET(linux.resources.memory.swap, -1);
	IS_SET(linux.resources.memory.kernel, 84);
	IS_SET(linux.resources.memory.kernel_tcp, 85);
	IS_SET(linux.resources.memory.swappiness, 86);
	IS_SET(linux.resources.memory.disable_oom_killer, true);
	IS_SET(linux.resources.memory.use_hierarchy, false);
	IS_SET(linux.resources.memory.check_before_update, true);
	IS_SET(linux.resources.cpu.shares, 91);
	IS_SET(linux.resources.cpu.quota, -92);
	IS_SET(linux.resources.cpu.burst, 93);
	IS_SET(linux.resources.cpu.period, 94);
	IS_SET(linux.resources.cpu.realtime_runtime, 95);
	IS_SET(linux.resources.cpu.realtime_period, 96);
	IS_STR(linux.resources.cpu.cpus, "0-3");
	IS_STR(linux.resources.cpu.mems, "0");
	IS_SET(linux.resources.cpu.idle, 97);
	IS_SET(linux.resources.block_io.weight, 101);
	IS_SET(linux.resources.block_io.leaf_weight, 102);
	IS_INT(linux.resources.block_io.weight_device.v[0].major, 103);
	IS_INT(linux.resources.block_io.weight_device.v[0].minor, 104);
	IS_SET(linux.resources.block_io.weight_device.v[0].weight, 105);
	IS_SET(linux.resources.block_io.weight_device.v[0].leaf_weight, 106);
	IS_INT(linux.resources.block_io.throttle_read_bps_device.v[0].major, 111);
	IS_INT(linux.resources.block_io.throttle_read_bps_device.v[0].minor, 112);
	IS_SET(linux.resources.block_io.throttle_read_bps_device.v[0].rate, 113);
	IS_SET(linux.resources.block_io.throttle_write_bps_device.v[0].rate, 123);
	IS_SET(linux.resources.block_io.throttle_read_iops_device.v[0].rate, 133);
	IS_SET(linux.resources.block_io.throttle_write_iops_device.v[0].rate, UINT64_MAX);
	IS_STR(linux.resources.hugepage_limits.v[0].page_size, "2MB");
	IS_INT(linux.resources.hugepage_limits.v[0].limit, 151);
	IS_SET(linux.resources.network.class_id, 161);
	IS_STR(linux.resources.network.priorities.v[0].name, "eth0");
	IS_INT(linux.resources.network.priorities.v[0].priority, 162);
	IS_SET(linux.resources.pids.limit, 171);
	IS_STR(linux.resources.rdma.v[0].device, "mlx5_1");
	IS_SET(linux.resources.rdma.v[0].hca_handles, 181);
	IS_SET(linux.resources.rdma.v[0].hca_objects, 182);
	IS_STR(linux.resources.unified.v[0].key, "memory.high");
	IS_STR(linux.resources.unified.v[0].value, "191");
}

/* Whether a member is as in a zeroed struct. */
static bool is_unset(const struct field *field, const char *at)
{
	static const char zeros[sizeof(struct oci_config)];
	size_t size = field->shape && field->kind == K_OBJECT ? field->shape->size : sizeof(void *);

	if (field->kind == K_BOOL)
		return !*(const bool *)(const void *)at;
	if (field->kind == K_U32)
		return !*(const uint32_t *)(const void *)at;
	return !memcmp(at, zeros, size);
}

/* The first property of the tables that everything.json leaves out, counting the others; looks into
 * the first element of lists, and into each table where it is met first. */
static const char *find_unset(const struct shape *shape, const char *base, int *count)
{
	static const struct shape *met[100];
	size_t n = 0;

	while (met[n] && met[n] != shape)
		n++;
	if (met[n])
		return NULL;
	met[n] = shape;
	for (const struct field *field = shape->fields; field->name; field++) {
		const char *at = base + field->offset, *unset = NULL;

		if (field->kind == K_SKIP_STRING || field->kind == K_SKIP_OBJECT)
			continue;
		++*count;
		if (field->kind == K_LIST || field->kind == K_MAP) {
			char *first;

			memcpy(&first, at, sizeof(first));
			unset = first ? find_unset(field->shape, first, count) : field->name;
		} else if (field->kind == K_OBJECT) {
			unset = *(const bool *)(const void *)at
					? find_unset(field->shape, at, count)
					: field->name;
		} else if (is_unset(field, at)) {
			unset = field->name;
		}
		/* False on purpose; IS_INT above looks at it. */
		if (unset && strcmp(unset, "allow") != 0)
			return unset;
	}
	return NULL;
}

static void check_everything(void)
{
	char *text = tap_slurp(tap_source("tests/cases/config/everything.json"), NULL);
	int count = 0;

	if (!tap_ok(text && !take(text), "everything.json is read"))
		printf("# %s\n", err.text);
	free(text);
	check_top();
	check_process();
	check_linux();
	check_resources();
	tap_is_str(find_unset(&oci_config_shape, (const char *)&config, &count), NULL,
		   "no property of the tables is missing in everything.json");
	tap_ok(count > 150, "there are %d properties", count);
}

static void check_absence(void)
{
	tap_ok(!take("{\"ociVersion\": \"1.0.0\"}"), "a version alone is a config");
	tap_ok(!config.root.present && !config.process.present && !config.linux.present &&
		       !config.hooks.present && !config.mounts.v && !config.annotations.v,
	       "what is absent is marked absent");
	tap_ok(!take("{\"ociVersion\": \"1.0.0\", \"linux\": {\"memoryPolicy\": {\"nodes\": \"\"},"
		     "\"cgroupsPath\": \"\", \"namespaces\": [], \"sysctl\": {}, \"resources\": "
		     "null}}"),
	       "empty values are read");
	IS_STR(linux.memory_policy.nodes, "");
	IS_STR(linux.cgroups_path, NULL);
	tap_ok(config.linux.present && !config.linux.resources.present, "null is absent");
	tap_ok(config.linux.namespaces.v && !config.linux.namespaces.n, "[] is an empty list");
	tap_ok(config.linux.sysctl.v && !config.linux.sysctl.n, "{} is an empty map");
}

static char findings[4096];
static int stop_after;

static int note_finding(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
			unsigned column, const char *text)
{
	size_t used = strlen(findings);

	(void)snprintf(findings + used, sizeof(findings) - used, "%s %s %u:%u %s\n",
		       kind == OCI_NOTE ? "note" : "invalid", pointer, line, column, text);
	return --*(int *)ctx == 0;
}

static int report(const char *text, int limit)
{
	struct oci_report to = { note_finding, &stop_after };

	oci_config_close(&config);
	memset(&err, 0, sizeof(err));
	findings[0] = '\0';
	stop_after = limit;
	return oci_config_read(&config, text, strlen(text), &to, &err);
}

static void check_place(const char *pointer, unsigned line, unsigned column)
{
	unsigned l, c;

	oci_document_place(config.doc, pointer, &l, &c);
	tap_ok(l == line && c == column, "'%s' stands at %u:%u (got %u:%u)", pointer, line, column,
	       l, c);
}

static void check_reports(void)
{
	static const char bad[] =
		"{\"x\": 1,\n\"root\": {\"readonly\": 1, \"y/z\": 2},\n"
		"\"process\": {\"args\": [1, \"a\", 2]},\n\"ociVersion\": \"1.0.0\"}";
	struct oci_config zeroed = { .doc = NULL };

	tap_is_int(report(bad, -1), -1, "a config with several faults is refused");
	tap_is_str(findings,
		   "note /x 1:2 unknown property, ignored\n"
		   "invalid /root/readonly 2:22 expected true or false, found 1\n"
		   "note /root/y~1z 2:25 unknown property, ignored\n"
		   "invalid /root/path 2:9 missing\n"
		   "invalid /process/args/0 3:22 expected a string, found 1\n"
		   "invalid /process/args/2 3:30 expected a string, found 2\n"
		   "invalid /process/cwd 3:12 missing\n",
		   "the report hears of each, in the document's order");
	tap_is_str(err.text, "/root/readonly: expected true or false, found 1 (2:22)",
		   "the error is the first of them");
	tap_ok(config.doc && config.process.present, "a report that heard all leaves the config");
	IS_STR(oci_version, "1.0.0");
	IS_STR(root.path, "");
	IS_STR(process.cwd, "");
	tap_is_int((int)config.process.args.n, 3, "with every element");
	IS_STR(process.args.v[0], "");
	IS_STR(process.args.v[1], "a");
	IS_STR(process.args.v[2], "");
	check_place("/process/args/2", 3, 30);
	tap_is_int(report(bad, 3), -1, "a report can stop");
	tap_ok(strstr(findings, "y~1z") && !strstr(findings, "/root/path"),
	       "then it hears no more");
	tap_ok(!memcmp(&config, &zeroed, sizeof(config)), "and nothing is left behind");
	tap_ok(take(bad) < 0 && !memcmp(&config, &zeroed, sizeof(config)), "nor without a report");
	tap_is_int(report(bad, 1), -1, "a report that stops at a note makes the reading fail");
	tap_is_str(err.code, "stopped", "with a code word of its own");
	tap_is_int(report("{\"ociVersion\": \"1.0.0\", \"x\": null}", -1), 0,
		   "notes alone don't refuse");
	tap_is_str(findings, "note /x 1:25 unknown property, ignored\n", "but are told");
	tap_is_int(report("{\"a\": {\"b\": 1, \"b\": 2}}", -1), -1, "bad JSON is one finding");
	tap_is_str(findings, "invalid /a/b 1:16 the key is given twice\n", "with its place");
	tap_ok(!memcmp(&config, &zeroed, sizeof(config)), "and leaves nothing behind");
}

/* Whatever the findings: what a config always has is there. */
static void check_what_is_left(void)
{
	tap_is_int(
		report("{\"mounts\": [1, {}, {\"destination\": \"\", \"options\": [null]}],"
		       "\"linux\": {\"namespaces\": [{\"type\": \"x\"}, []], \"sysctl\": {\"a\": "
		       "1},"
		       "\"seccomp\": {\"syscalls\": [{}]}, \"netDevices\": {\"e\": 1, \"\": {}}},"
		       "\"annotations\": {\"\": \"x\"}, \"hooks\": {\"poststop\": [0]},"
		       "\"process\": 1, \"root\": \"x\"}",
		       -1),
		-1, "a config in ruins is refused");
	IS_STR(oci_version, "");
	IS_STR(root.path, "");
	IS_STR(process.cwd, "");
	tap_is_int((int)config.mounts.n, 3, "lists have all their elements");
	for (size_t i = 0; i < config.mounts.n; i++)
		IS_STR(mounts.v[i].destination, "");
	IS_STR(mounts.v[2].options.v[0], "");
	IS_STR(linux.namespaces.v[0].type, "");
	IS_STR(linux.namespaces.v[1].type, "");
	IS_STR(linux.sysctl.v[0].key, "a");
	IS_STR(linux.sysctl.v[0].value, "");
	IS_STR(linux.seccomp.default_action, "");
	IS_STR(linux.seccomp.syscalls.v[0].action, "");
	IS_STR(linux.net_devices.v[0].host_name, "e");
	IS_STR(linux.net_devices.v[0].name, NULL);
	IS_STR(annotations.v[0].value, "");
	IS_STR(hooks.poststop.v[0].path, "");
}

static void check_places(void)
{
	unsigned line = 7, column = 7;

	tap_ok(!take("{\"ociVersion\": \"1.0.0\",\n \"annotations\": {\"a/b~c\": \"x\", "
		     "\"\xc3\xa9\": "
		     "\"y\"},\n \"mounts\": [{\"destination\": \"/\"},\n  {\"destination\": "
		     "\"/b\"}]}"),
	       "a config over four lines");
	check_place("", 1, 1);
	check_place("/ociVersion", 1, 16);
	check_place("/annotations/a~1b~0c", 2, 27);
	check_place("/annotations/\xc3\xa9", 2, 37);
	check_place("/mounts/1/destination", 4, 19);
	check_place("/mounts/1/options/3", 4, 3);
	check_place("/mounts/7", 3, 12);
	check_place("/mounts/x", 3, 12);
	check_place("/mounts/", 3, 12);
	check_place("/linux/devices", 1, 1);
	oci_document_place(NULL, "/root", &line, &column);
	tap_ok(!line && !column, "without a document there is no place");
}

static void check_file(const char *dir, int fd)
{
	char path[256];

	oci_config_close(&config);
	(void)close(openat(fd, "good", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	tap_is_int(oci_config_read_file(&config, fd, "good", NULL, &err), -1,
		   "an empty file is refused");
	tap_is_str(err.text, "empty: expected a JSON object (1:1)", "with a clear error");
	(void)snprintf(path, sizeof(path), "%s/good", dir);
	if (truncate(path, 4 * 1024 * 1024 + 1) < 0)
		tap_ok(false, "truncate");
	tap_is_int(oci_config_read_file(&config, fd, "good", NULL, &err), -1,
		   "a file above 4 MiB is refused");
	tap_is_str(err.text, "'good' is larger than 4194304 bytes", "before it is read");
	tap_is_str(err.code, "invalid-config", "as an invalid config");
	tap_is_int(oci_config_read_file(&config, fd, "none", NULL, &err), -1,
		   "an absent file is refused");
	tap_is_str(err.text, "open 'none': No such file or directory", "as the kernel says");
	(void)mkfifoat(fd, "fifo", 0600);
	tap_is_int(oci_config_read_file(&config, fd, "fifo", NULL, &err), -1,
		   "a fifo is refused without waiting");
	tap_is_str(err.text, "'fifo' is no regular file", "by its kind");
	tap_is_int(oci_config_read_file(&config, AT_FDCWD, dir, NULL, &err), -1,
		   "a directory is refused");
	tap_ok(!config.doc, "nothing is left behind");
	(void)unlinkat(fd, "good", 0);
	(void)unlinkat(fd, "fifo", 0);
}

static void check_files(void)
{
	char dir[] = "/tmp/test-ocispec-XXXXXX";
	int fd;

	if (!mkdtemp(dir)) {
		tap_ok(false, "a directory for files");
		return;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_file(dir, fd);
	(void)close(fd);
	(void)rmdir(dir);
}

/* A config made by a program, not by the reader. */
static void check_writing(void)
{
	char *args[] = { (char[]){ "sh" }, NULL };
	struct oci_config made = {
		.oci_version = (char[]){ "1.3.0" },
		.root = { .present = true, .path = (char[]){ "rootfs" } },
		.process = { .present = true,
			     .cwd = (char[]){ "/" },
			     .args = { args, 1 },
			     .oom_score_adj = { true, -5 } },
	};
	char *text = NULL;
	size_t size = 0;

	tap_is_int(oci_config_write(&made, &text, &size, &err), 0,
		   "a config of one's own is written");
	tap_is_str(
		text,
		"{\n\t\"ociVersion\": \"1.3.0\",\n\t\"root\": {\n\t\t\"path\": \"rootfs\"\n\t},\n"
		"\t\"process\": {\n\t\t\"args\": [\n\t\t\t\"sh\"\n\t\t],\n\t\t\"cwd\": \"/\",\n"
		"\t\t\"oomScoreAdj\": -5\n\t}\n}\n",
		"in the specification's order, without what is not set");
	tap_ok(text && size == strlen(text), "with its size");
	tap_ok(text && !take(text) && shape_equal(&oci_config_shape, &made, &config),
	       "and reads as it was");
	free(text);
	made.doc = NULL;
	oci_config_close(&made);
	tap_ok(!made.root.present, "closing a config of one's own empties it");
}

/* shape_equal() itself: a change of any text of everything.json's values must be seen. */
static void check_equality(void)
{
	char *text = tap_slurp(tap_source("tests/cases/config/everything.json"), NULL);
	struct oci_config other;
	int changed = 0, unseen = 0;

	if (!text || take(text)) {
		tap_ok(false, "everything.json is read again");
		free(text);
		return;
	}
	for (char *p = text; *p; p++) {
		char was = *p;

		/* One digit or one letter at a time: where the result is valid, it differs. */
		if ((was < '1' || was > '8') && (was < 'a' || was > 'y'))
			continue;
		*p = (char)(was + 1);
		if (!oci_config_read(&other, text, strlen(text), NULL, &err)) {
			changed++;
			if (shape_equal(&oci_config_shape, &config, &other))
				unseen++;
		}
		oci_config_close(&other);
		*p = was;
	}
	/* Letters in keys make them unknown, which is seen too; in skipped values nothing is: those
	 * of username, commandLine and windows, whose keys' change is no difference either. */
	tap_ok(changed > 500, "%d changes of one character leave a valid config", changed);
	tap_is_int(unseen,
		   (long long)strlen("usernameskippedcommandineskippedwindowsanything12"
				     "5"),
		   "all but those in skipped properties make it unequal");
	free(text);
}

int main(void)
{
	check_everything();
	check_absence();
	check_reports();
	check_what_is_left();
	check_places();
	check_files();
	check_writing();
	check_equality();
	oci_config_close(&config);
	oci_config_close(&config);
	tap_ok(!config.doc, "closing twice does no harm");
	return tap_done();
}
