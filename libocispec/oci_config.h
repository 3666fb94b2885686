/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.json of the OCI runtime specification 1.3.0 as structs: one member per property, in the
 * order of the specification, with its names. What is optional says so: strings and lists by NULL
 * and n == 0, scalars by `set`, objects by `present`. Everything lives in the document's arena and
 * goes with oci_config_close(); nothing is freed one by one.
 */
#ifndef OCI_CONFIG_H
#define OCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci_error.h"

#undef linux /* gnu17 predefines it as 1; here it is a property's name */

struct oci_maybe_bool {
	bool set;
	bool v;
};
struct oci_maybe_int {
	bool set;
	int64_t v;
};
struct oci_maybe_uint {
	bool set;
	uint64_t v;
};

/* A list of strings; v has a NULL behind the last, so that it serves execve(). NULL when n is 0
 * and the property is absent; an empty list that is present has v != NULL. */
struct oci_strings {
	char **v;
	size_t n;
};

/* A map from string to string, in the document's order. */
struct oci_pair {
	char *key;
	char *value;
};
struct oci_pairs {
	struct oci_pair *v;
	size_t n;
};

/* The layout of every list of objects: LIST(struct oci_mount) mounts. */
#define OCI_LIST(type)                                                                             \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t n;                                                                          \
	}

struct oci_id_mapping {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct oci_root {
	bool present;
	char *path;
	bool readonly;
};

struct oci_mount {
	char *destination;
	char *source;
	char *type;
	struct oci_strings options;
	OCI_LIST(struct oci_id_mapping) uid_mappings;
	OCI_LIST(struct oci_id_mapping) gid_mappings;
};

struct oci_console_size {
	bool present;
	uint64_t height;
	uint64_t width;
};

struct oci_user {
	bool present;
	uint32_t uid;
	uint32_t gid;
	struct oci_maybe_uint umask;
	OCI_LIST(uint32_t) additional_gids;
};

struct oci_capabilities {
	bool present;
	struct oci_strings bounding;
	struct oci_strings permitted;
	struct oci_strings effective;
	struct oci_strings inheritable;
	struct oci_strings ambient;
};

struct oci_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft;
	uint64_t hard;
};

struct oci_io_priority {
	bool present;
	char *class;
	struct oci_maybe_int priority;
};

struct oci_scheduler {
	bool present;
	char *policy;
	struct oci_maybe_int nice;
	struct oci_maybe_int priority;
	struct oci_strings flags;
	struct oci_maybe_uint runtime;
	struct oci_maybe_uint deadline;
	struct oci_maybe_uint period;
};

struct oci_exec_cpu_affinity {
	bool present;
	char *initial;
	char *final;
};

struct oci_process {
	bool present;
	bool terminal;
	struct oci_console_size console_size;
	struct oci_user user;
	struct oci_strings args;
	struct oci_strings env;
	char *cwd;
	struct oci_capabilities capabilities;
	OCI_LIST(struct oci_rlimit) rlimits;
	bool no_new_privileges;
	char *apparmor_profile;
	struct oci_maybe_int oom_score_adj;
	struct oci_scheduler scheduler;
	char *selinux_label;
	struct oci_io_priority io_priority;
	struct oci_exec_cpu_affinity exec_cpu_affinity;
};

struct oci_hook {
	char *path;
	struct oci_strings args;
	struct oci_strings env; /* env.v == NULL: absent; n == 0 with v: an empty environment */
	struct oci_maybe_int timeout; /* seconds, at least 1 */
};

typedef OCI_LIST(struct oci_hook) oci_hook_list;

struct oci_hooks {
	bool present;
	oci_hook_list prestart;
	oci_hook_list create_runtime;
	oci_hook_list create_container;
	oci_hook_list start_container;
	oci_hook_list poststart;
	oci_hook_list poststop;
};

struct oci_namespace {
	char *type; /* "pid", "network", ... */
	char *path; /* NULL: a new one */
};

struct oci_device {
	char *type; /* "c", "b", "u", "p" */
	char *path;
	struct oci_maybe_int major;
	struct oci_maybe_int minor;
	struct oci_maybe_uint file_mode;
	struct oci_maybe_uint uid;
	struct oci_maybe_uint gid;
};

struct oci_net_device {
	char *host_name; /* the map's key */
	char *name;
};

struct oci_device_rule {
	bool allow;
	char *type;
	struct oci_maybe_int major;
	struct oci_maybe_int minor;
	char *access;
};

struct oci_memory {
	bool present;
	struct oci_maybe_int limit;
	struct oci_maybe_int reservation;
	struct oci_maybe_int swap;
	struct oci_maybe_int kernel;
	struct oci_maybe_int kernel_tcp;
	struct oci_maybe_uint swappiness;
	struct oci_maybe_bool disable_oom_killer;
	struct oci_maybe_bool use_hierarchy;
	struct oci_maybe_bool check_before_update;
};

struct oci_cpu {
	bool present;
	struct oci_maybe_uint shares;
	struct oci_maybe_int quota;
	struct oci_maybe_uint burst;
	struct oci_maybe_uint period;
	struct oci_maybe_int realtime_runtime;
	struct oci_maybe_uint realtime_period;
	char *cpus;
	char *mems;
	struct oci_maybe_int idle;
};

struct oci_weight_device {
	int64_t major;
	int64_t minor;
	struct oci_maybe_uint weight;
	struct oci_maybe_uint leaf_weight;
};

struct oci_throttle_device {
	int64_t major;
	int64_t minor;
	struct oci_maybe_uint rate;
};

typedef OCI_LIST(struct oci_throttle_device) oci_throttle_list;

struct oci_block_io {
	bool present;
	struct oci_maybe_uint weight;
	struct oci_maybe_uint leaf_weight;
	OCI_LIST(struct oci_weight_device) weight_device;
	oci_throttle_list throttle_read_bps_device;
	oci_throttle_list throttle_write_bps_device;
	oci_throttle_list throttle_read_iops_device;
	oci_throttle_list throttle_write_iops_device;
};

struct oci_hugepage_limit {
	char *page_size; /* "2MB" */
	uint64_t limit;
};

struct oci_network_priority {
	char *name;
	uint32_t priority;
};

struct oci_network {
	bool present;
	struct oci_maybe_uint class_id;
	OCI_LIST(struct oci_network_priority) priorities;
};

struct oci_pids {
	bool present;
	struct oci_maybe_int limit;
};

struct oci_rdma {
	char *device; /* the map's key */
	struct oci_maybe_uint hca_handles;
	struct oci_maybe_uint hca_objects;
};

struct oci_resources {
	bool present;
	OCI_LIST(struct oci_device_rule) devices;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_block_io block_io;
	OCI_LIST(struct oci_hugepage_limit) hugepage_limits;
	struct oci_network network;
	struct oci_pids pids;
	OCI_LIST(struct oci_rdma) rdma;
	struct oci_pairs unified;
};

struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value;
	uint64_t value_two;
	char *op;
};

struct oci_seccomp_syscall {
	struct oci_strings names;
	char *action;
	struct oci_maybe_uint errno_ret;
	OCI_LIST(struct oci_seccomp_arg) args;
};

struct oci_seccomp {
	bool present;
	char *default_action;
	struct oci_maybe_uint default_errno_ret;
	struct oci_strings architectures;
	struct oci_strings flags;
	char *listener_path;
	char *listener_metadata;
	OCI_LIST(struct oci_seccomp_syscall) syscalls;
};

struct oci_time_offset {
	bool present;
	struct oci_maybe_int secs;
	struct oci_maybe_uint nanosecs;
};

struct oci_time_offsets {
	bool present;
	struct oci_time_offset monotonic;
	struct oci_time_offset boottime;
};

struct oci_intel_rdt {
	bool present;
	char *clos_id;
	struct oci_strings schemata;
	char *l3_cache_schema;
	char *mem_bw_schema;
	bool enable_monitoring;
};

struct oci_memory_policy {
	bool present;
	char *mode;
	char *nodes;
	struct oci_strings flags;
};

struct oci_personality {
	bool present;
	char *domain;
	struct oci_strings flags;
};

struct oci_linux {
	bool present;
	OCI_LIST(struct oci_namespace) namespaces;
	OCI_LIST(struct oci_id_mapping) uid_mappings;
	OCI_LIST(struct oci_id_mapping) gid_mappings;
	struct oci_time_offsets time_offsets;
	OCI_LIST(struct oci_device) devices;
	OCI_LIST(struct oci_net_device) net_devices;
	char *cgroups_path;
	char *rootfs_propagation;
	struct oci_resources resources;
	struct oci_intel_rdt intel_rdt;
	struct oci_memory_policy memory_policy;
	struct oci_pairs sysctl;
	struct oci_seccomp seccomp;
	struct oci_strings masked_paths;
	struct oci_strings readonly_paths;
	char *mount_label;
	struct oci_personality personality;
};

struct oci_config {
	struct oci_document *doc; /* the source: places of properties, and the arena */
	char *oci_version;
	struct oci_root root;
	OCI_LIST(struct oci_mount) mounts;
	struct oci_process process;
	char *hostname;
	char *domainname;
	struct oci_hooks hooks;
	struct oci_pairs annotations;
	struct oci_linux linux;
};

/* What a reader found. NOTE: an unknown key, ignored as the specification demands. */
enum oci_finding { OCI_INVALID, OCI_NOTE };

/* Told each finding in the document's order; returns 0 to go on and hear of the next, anything
 * else to stop. `pointer` is a JSON pointer ("/mounts/3/options/1"), line and column count from 1.
 */
struct oci_report {
	int (*found)(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
		     unsigned column, const char *text);
	void *ctx;
};

/* Reads the text of a config.json (`size` bytes, not NUL-terminated). With report NULL the first
 * invalid property ends it with `err` filled: "POINTER: expected WHAT, found WHAT (LINE:COLUMN)",
 * code "invalid-config". With a report every finding is told, and the result is 0 when none was
 * OCI_INVALID, else -1 (err: the first). Text that is no JSON at all (or breaks the limits: 4 MiB,
 * depth 64, NUL, duplicate keys, invalid UTF-8) is always one error. Zeroes *config first, and
 * leaves it zeroed when it fails, but for one case: a report that heard of every finding leaves
 * config->doc set and in *config whatever could be read, to look there for further faults. Such a
 * config must be closed and never carried out. What is invalid is absent in it; strings that are
 * required (and elements of lists and maps of strings) are "" then, never NULL. A report that stops
 * the reading makes it fail (code "stopped" when nothing was invalid until there). An optional
 * property that is null, or an optional string that is empty, is absent (Go's encoders write both),
 * but linux.memoryPolicy.nodes keeps "". Specification: config.md; features.md of the same for what
 * may be unknown. */
int oci_config_read(struct oci_config *config, const char *text, size_t size,
		    const struct oci_report *report, struct oci_error *err);

/* The same from a regular file below the directory fd (AT_FDCWD works), bounded before it is read.
 */
int oci_config_read_file(struct oci_config *config, int dir, const char *path,
			 const struct oci_report *report, struct oci_error *err);

/* Writes what is set, in the order of the specification, indented with tabs. *text is malloc'ed. */
int oci_config_write(const struct oci_config *config, char **text, size_t *size,
		     struct oci_error *err);

/* Frees all that the config holds. Accepts a zeroed one. */
void oci_config_close(struct oci_config *config);

/* A `process` object by itself, as engines hand it over for a further process. */
struct oci_process_file {
	struct oci_document *doc;
	struct oci_process process;
};

/* Reads a regular file that holds nothing but a process object. Limits, errors and what is zeroed
 * are those of oci_config_read_file() without a report; pointers begin at that object ("/args/0").
 */
int oci_process_read_file(struct oci_process_file *file, int dir, const char *path,
			  struct oci_error *err);
void oci_process_close(struct oci_process_file *file);

/* A linux.resources object by itself, as engines hand it over to change limits. */
struct oci_resources_file {
	struct oci_document *doc;
	struct oci_resources resources;
};

/* Reads a text that holds nothing but a resources object. Limits, errors and what is zeroed are
 * those of oci_config_read() without a report; pointers begin at that object ("/memory/limit"). */
int oci_resources_read(struct oci_resources_file *file, const char *text, size_t size,
		       struct oci_error *err);
void oci_resources_close(struct oci_resources_file *file);

/* Where the value at `pointer` stands in the source; for a pointer to something absent, its
 * nearest ancestor that is there. line and column count from 1; both are 0 when doc is NULL, as in
 * a config that was not read from a text. */
void oci_document_place(const struct oci_document *doc, const char *pointer, unsigned *line,
			unsigned *column);

#endif
