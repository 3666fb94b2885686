/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The plan: everything that create and start will do, decided before the first side effect. Made
 * by pure code from config.json, the request and the facts of this host; const afterwards. Every
 * process of hull reads it (children inherit it by fork), none parses or decides again.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "libocispec/oci_config.h"
#include "plan/host.h"
#include "plan/number_list.h"
#include "plan/request.h"
#include "systemd/message.h"

/* In the order in which namespaces given by path are joined (user first matters only to those who
 * own it; mount last, since after it no host path exists). */
enum plan_ns_type {
	NS_USER,
	NS_PID,
	NS_NET,
	NS_IPC,
	NS_UTS,
	NS_CGROUP,
	NS_TIME,
	NS_MOUNT,
	NS_TYPES
};

struct plan_namespace {
	enum { NS_SHARED, NS_NEW, NS_JOINED } how; /* NS_SHARED: the runtime's own */
	const char *path;			   /* NS_JOINED */
	size_t index;				   /* of linux.namespaces, for error texts */
};

/* config.json says so at /linux/namespaces/N/type; clone flag and name of each type */
struct plan_ns_kind {
	const char *name; /* "network" */
	const char *proc; /* name in /proc/PID/ns: "net" */
	int flag;	  /* CLONE_NEWNET */
};
extern const struct plan_ns_kind plan_ns_kinds[NS_TYPES];

/* One parameter of a new file system: fsconfig(2) with value, or as a flag when value is NULL. */
struct plan_fs_option {
	const char *key;
	const char *value;
};

enum plan_mount_kind {
	MOUNT_NEW,     /* a file system made with fsopen(2) */
	MOUNT_BIND,    /* a clone of what `source` names on the host */
	MOUNT_REMOUNT, /* changes what is mounted at the destination */
	MOUNT_CGROUP,  /* type cgroup or cgroup2: the container's view of the cgroup tree */
};

/* Ids that mounts show instead of those on the file system: the texts of a user namespace's uid_map
 * and gid_map, "ON-THE-FILE-SYSTEM ON-THE-HOST HOW-MANY" lines. */
struct plan_idmap {
	const char *uid_map;
	const char *gid_map;
};

struct plan_mount {
	size_t index; /* /mounts/INDEX, for error texts */
	enum plan_mount_kind kind;
	const char *destination; /* inside the container, from "/" */
	const char *source; /* MOUNT_BIND: absolute host path; MOUNT_NEW: the "source" parameter */
	const char *type;   /* MOUNT_NEW, e.g. "tmpfs" */
	const char *stand_in; /* MOUNT_NEW: the host's, bound where the kernel forbids a new one */
	bool recursive;	      /* rbind */
	bool remount_bind;    /* MOUNT_REMOUNT together with bind: flags of the mount only */
	bool read_only;	     /* MOUNT_CGROUP: others' cgroups are shown read-only: rw isn't asked */
	bool read_only_late; /* MOUNT_NEW: read-only once the devices below it are made */
	uint64_t attr_set;   /* MOUNT_ATTR_* of this mount */
	uint64_t attr_clear;
	uint64_t tree_set; /* the recursive options (rro, rnosuid, ...), AT_RECURSIVE */
	uint64_t tree_clear;
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0: as the root's
			       */
	bool propagation_recursive;
	enum {
		IDMAP_NONE,
		IDMAP_OWN,    /* plan->idmaps[idmap_index] */
		IDMAP_JOINED, /* of the user namespace that is given by path */
	} idmap;
	bool idmap_recursive; /* ridmap */
	size_t idmap_index;
	bool copy_up;		/* tmpcopyup */
	const char *root_label; /* MOUNT_NEW: SELinux label to give to its root, or NULL */
	bool legacy; /* iversion or noiversion is asked for, which only mount(2) knows: */
	unsigned long legacy_flags;	      /* MS_I_VERSION or 0 */
	const struct plan_fs_option *options; /* parameters of the file system, in their order */
	size_t n_options;
};

struct plan_device {
	const char *path; /* inside the container */
	mode_t mode;	  /* S_IFCHR, S_IFBLK or S_IFIFO, with the permissions */
	dev_t number;
	uid_t uid; /* inside the container's user namespace */
	gid_t gid;
	bool is_default; /* not in config.json */
	bool mode_given; /* by fileMode */
	bool in_bind;	 /* below a bind of a host directory: must exist, is never made there */
	size_t index;	 /* /linux/devices/INDEX */
};

struct plan_rlimit {
	int resource;
	uint64_t soft, hard; /* RLIM_INFINITY for unlimited */
	size_t index;
};

struct plan_capabilities {
	bool given; /* false: config.json names none, all sets are empty for safety */
	uint64_t bounding, permitted, effective, inheritable, ambient;
};

/* process.scheduler in the numbers of sched_setattr(2). */
struct plan_scheduler {
	bool present;
	bool late; /* not before the startContainer hooks ran, and by INIT */
	uint32_t policy;
	uint32_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* ns */
};

/* linux.memoryPolicy in the numbers of set_mempolicy(2). */
struct plan_memory_policy {
	bool present;
	int mode;
	int flags;
	const struct number_set *nodes; /* NULL: none */
};

enum { PLAN_ENV_ROOM = 5 };

/* The version of the specification that hull's documents follow. */
#define PLAN_SPEC_VERSION "1.3.0"

/* Where the container finds the directory of the NOTIFY_SOCKET proxy, and the socket in it. */
#define PLAN_NOTIFY_INSIDE "/run/hull-notify"

/* What one process in the container gets: the container's own or an exec'd one. */
struct plan_process {
	bool present;
	char *const *args; /* NULL-terminated, at least one */
	char **env;	   /* final but for what INIT adds: HOME, LISTEN_PID */
	size_t n_env;	   /* env has PLAN_ENV_ROOM places behind them, zeroed */
	const char *path;  /* the value of PATH that args[0] is searched in, or NULL */
	bool needs_home;   /* env has no HOME */
	const char *cwd;
	uid_t uid;
	gid_t gid;
	const gid_t *gids;
	size_t n_gids;
	/* exec -u NAME[:GROUP]: looked up inside the container, then in uid, gid and gids; or NULL.
	 */
	const char *user_name, *group_name;
	bool users_groups; /* exec -u NAME without GROUP: the group ids are the user's, too */
	mode_t umask;
	struct plan_capabilities caps;
	const struct plan_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privs;
	const char *apparmor_profile; /* or NULL: none asked for */
	const char *apparmor_command; /* what is written for it: "exec NAME" or "stack NAME" */
	const char *selinux_label;    /* or NULL */
	bool has_oom_score_adj;
	int oom_score_adj;
	bool has_personality;
	unsigned long personality;
	struct plan_scheduler scheduler;
	bool has_io_priority;
	int io_priority;       /* as ioprio_set(2) takes it: class and level */
	bool schedules_itself; /* sets these two itself: PARENT hasn't the right to */
	const struct number_set *initial_cpus; /* process.execCPUAffinity, for exec; or NULL */
	const struct number_set *final_cpus;
	struct plan_memory_policy memory_policy;
	bool terminal;
	unsigned short rows, columns; /* 0: not given */
	unsigned preserve_fds;
	unsigned listen_fds; /* of the preserved, how many are announced; 0 none */
};

struct plan_hook {
	const char *path;
	char *const *args;
	char *const *env; /* NULL: hull's own without LD_* */
	int timeout_ms;	  /* -1: none */
	size_t index;
};

enum plan_hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_KINDS
};
extern const char *const plan_hook_names[HOOK_KINDS]; /* "prestart", "createRuntime", ... */

struct plan_hooks {
	const struct plan_hook *list;
	size_t n;
};

struct plan_sysctl {
	const char *key;  /* as in config.json */
	const char *path; /* below /proc/sys */
	const char *value;
	enum plan_ns_type holder; /* the namespace that it belongs to */
};

/* A condition on one argument of a system call, for libseccomp. */
struct plan_seccomp_arg {
	uint32_t index;
	uint32_t op; /* enum scmp_compare */
	uint64_t value, value_two;
};

/* The calls of one entry of linux.seccomp.syscalls, under conditions that must all hold: an entry
 * with alternatives on one argument becomes several of these. */
struct plan_seccomp_rule {
	const struct oci_strings *names;
	uint32_t action; /* SECCOMP_RET_* with its data */
	const struct plan_seccomp_arg *args;
	size_t n_args;
	size_t index; /* /linux/seccomp/syscalls/INDEX */
};

struct plan_seccomp {
	bool present;
	uint32_t default_action;
	const uint32_t *archs; /* libseccomp's tokens; the native one counts always */
	size_t n_archs;
	const struct plan_seccomp_rule *rules;
	size_t n_rules;
	unsigned flags; /* SECCOMP_FILTER_FLAG_*, without NEW_LISTENER */
	bool notify;	/* some rule asks the listener */
	const char *listener_path;
	const char *listener_metadata; /* or NULL */
};

/* An interface of the host that is moved into the container's network namespace. */
struct plan_net_device {
	const char *host_name;
	const char *name;    /* in the container: host_name, a new one, or one that ends in "%d" */
	bool numbered;	     /* it ends in "%d": the kernel puts the number */
	const char *pointer; /* "/linux/netDevices/eth0" */
};

/* One line for one file of the container's cgroup (linux.resources without its device rules). */
struct plan_limit {
	const char *file;    /* "memory.max" */
	const char *value;   /* the line, without its newline: "1048576", "8:0 rbps=1024" */
	const char *pointer; /* what asks for it: "/linux/resources/memory/limit" */
	/* A second file of the same limit, written too where the kernel has it: "io.bfq.weight",
	 * "hugetlb.2MB.rsvd.max"; or NULL. With `either` it will do where `file` doesn't exist. */
	const char *other, *other_value;
	bool either;
	/* What the kernel begins with: asks for no controller, and is written only where the file
	 * exists and could hold something else (a cgroup that hull didn't make, update). */
	bool initial;
	bool late;	 /* pids.max counts the clone: not before INIT exists and STAGE is gone */
	bool must_cover; /* memory.checkBeforeUpdate: refused when more is in use already */
};

/* A controller that the cgroup must have, thus each one above it must hand on. */
struct plan_controller {
	const char *name;    /* "memory"; NULL ends a list */
	const char *pointer; /* the first property that needs it */
};

/* The unit that the systemd cgroup manager makes. */
struct plan_systemd {
	bool used;
	bool user;	   /* by the caller's own instance of systemd, not the system's */
	const char *unit;  /* "hull-c1.scope" */
	const char *slice; /* "system.slice" */
	struct unit_properties properties;
	struct unit_properties late; /* limits so tight that hull's own processes must be gone */
};

struct plan_cgroup {
	bool used; /* false: the caller's cgroup stays */
	/* Why it stays, a word that is kept with the container: "disabled" by the caller,
	 * "undelegated", "unmounted" or "read-only" cgroup2; NULL when one is used. */
	const char *absence;
	const char *path; /* below the cgroup2 mount, no leading '/': "user/c1"; NULL: systemd's to
			   * say */
	bool given;	  /* its owner becomes process.user.uid */
	struct plan_systemd systemd;
	const struct plan_limit *limits; /* in the order in which they are written */
	size_t n_limits;
	const struct plan_controller *controllers; /* NULL: none */
	/* The device filter, BPF instructions of a BPF_PROG_TYPE_CGROUP_DEVICE program; n 0: none.
	 */
	const struct bpf_insn *filter;
	size_t n_filter;
};

/* For people: why there is none. `later`: told of a container that is there, by what was kept of
 * it, with what to do. NULL is a container of an older hull, which kept nothing. */
const char *plan_cgroup_absence(const char *absence, bool later);

/* `count` ids from `inside` on are those from `outside` on in hull's own user namespace. */
struct plan_id_range {
	uint32_t inside, outside, count;
};

/* How an id map comes into /proc/PID/uid_map or gid_map. */
enum plan_map_writer {
	MAP_WRITE,  /* hull writes it: privileged, or the caller's own id alone */
	MAP_HELPER, /* newuidmap or newgidmap does, by what /etc/subuid or subgid allows */
};

struct plan_id_map {
	const char *property; /* "/linux/uidMappings" */
	const struct plan_id_range *ranges;
	size_t n;
	const char *text; /* one line each, as the kernel wants them */
	enum plan_map_writer writer;
};

/* The container's user namespace. One that is joined has maps only where config.json tells them,
 * and then they must be its own. */
struct plan_user_ns {
	struct plan_id_map uids, gids;
	bool deny_setgroups; /* for an unprivileged writer the kernel wants that first */
	uid_t uid;	     /* what INIT is in it while it sets the container up: 0 or the first */
	gid_t gid;
};

/* One of the two clocks with an offset (timens_offsets). */
struct plan_time_offset {
	const char *clock; /* "monotonic" */
	int64_t secs;
	uint32_t nanosecs;
};

/* linux.intelRdt. */
struct plan_intel_rdt {
	bool used;
	const char *group;    /* below the root of resctrl; "": the root, the default class */
	bool given;	      /* closID names it; else it is the container's own */
	const char *schemata; /* lines, each with its newline; NULL: none */
	const char *monitor;  /* the name below the group's mon_groups, or NULL */
};

struct plan {
	struct arena arena;
	const struct request *request;
	const struct oci_config *config;
	const struct host *host;

	struct plan_namespace namespaces[NS_TYPES];
	bool joins; /* at least one namespace is given by path: STAGE is needed */
	struct plan_user_ns user;
	uint64_t capabilities; /* what INIT holds when it begins: all of a user namespace's, or
				* hull's own */
	struct plan_time_offset time_offsets[2];
	size_t n_time_offsets;
	bool by_chroot; /* exec: the container has no mount namespace made for it */

	const char *rootfs; /* absolute host path */
	bool root_readonly;
	uint64_t root_propagation; /* MS_*, without MS_REC */
	bool root_propagation_recursive;
	const struct plan_mount *mounts;
	size_t n_mounts;
	const char *mount_label;   /* SELinux context of new file systems, or NULL */
	struct plan_idmap *idmaps; /* of mounts: each distinct pair once */
	size_t n_idmaps;
	bool idmapped;			   /* some mount is */
	bool idmapped_new;		   /* and is a new file system */
	const struct plan_device *devices; /* the defaults, then linux.devices */
	size_t n_devices;
	bool device_links; /* /dev/fd, stdin, stdout, stderr, ptmx: with a mount namespace */
	char *const *masked_paths;
	size_t n_masked;
	char *const *readonly_paths;
	size_t n_readonly;

	const char *hostname; /* NULL: unchanged */
	const char *domainname;
	const struct plan_sysctl *sysctls;
	size_t n_sysctls;
	const struct plan_net_device *net_devices; /* numbered ones last: they take what is left */
	size_t n_net_devices;

	struct plan_process process;
	struct plan_hooks hooks[HOOK_KINDS];
	struct plan_cgroup cgroup;
	struct plan_seccomp seccomp;
	struct plan_intel_rdt intel_rdt;

	bool notify;		 /* NOTIFY_SOCKET is proxied */
	const char *annotations; /* "{...}" JSON text or NULL */
	/* The state document that hooks read: HEAD status `"[,"pid":N]` TAIL. NULL without hooks.
	 */
	const char *hook_state_head; /* {"ociVersion":...,"id":...,"status":" */
	const char *hook_state_tail; /* ,"bundle":...} */
};

static inline bool plan_new_ns(const struct plan *plan, enum plan_ns_type type)
{
	return plan->namespaces[type].how == NS_NEW;
}

static inline bool plan_has_ns(const struct plan *plan, enum plan_ns_type type)
{
	return plan->namespaces[type].how != NS_SHARED;
}

static inline bool plan_joined_ns(const struct plan *plan, enum plan_ns_type type)
{
	return plan->namespaces[type].how == NS_JOINED;
}

/* INIT can't be born into these: STAGE goes first. */
static inline bool plan_has_stage(const struct plan *plan)
{
	return plan->joins || plan_new_ns(plan, NS_TIME);
}

/* The time namespace belongs to the user namespace, and who isn't privileged outside of it can only
 * make one inside: then STAGE makes both, and INIT is born into them. */
static inline bool plan_stage_makes_user(const struct plan *plan)
{
	return plan_new_ns(plan, NS_USER) && plan_new_ns(plan, NS_TIME);
}

/* For exec into a paused container: nothing that is born there runs, and nobody waits for it, until
 * the container goes on. */
static inline bool plan_stays_frozen(const struct plan *plan)
{
	return plan->request->exec && plan->request->exec->paused;
}

/* STAGE is born in the container's cgroup when it joins a cgroup namespace before it forks: who is
 * in that may not clone into a cgroup outside of it, where cgroup2 is mounted with nsdelegate
 * (ENOENT), as systemd does. And when it comes into a user namespace, where root's privilege over a
 * cgroup of somebody else's is gone (EACCES). For exec not in a frozen one, in which nothing that
 * is born ever runs. */
static inline bool plan_stage_in_cgroup(const struct plan *plan)
{
	if (plan->request->exec)
		return !plan_stays_frozen(plan);
	return plan_joined_ns(plan, NS_CGROUP) || plan_joined_ns(plan, NS_USER) ||
	       plan_stage_makes_user(plan);
}

/* Whether the id maps cover an id of the container. True where the maps aren't known. */
static inline bool plan_id_mapped(const struct plan_id_map *map, uint32_t id)
{
	for (size_t i = 0; i < map->n; i++)
		if (id >= map->ranges[i].inside &&
		    id - map->ranges[i].inside < map->ranges[i].count)
			return true;
	return map->n == 0;
}

/* The three kinds of line that `hull check` prints. */
enum plan_finding { PLAN_INVALID, PLAN_HOST, PLAN_NOTE };

struct plan_report {
	int (*found)(void *ctx, enum plan_finding kind, const char *pointer, const char *text);
	void *ctx;
};

/* Decides everything. With report NULL (create) the first PLAN_INVALID or PLAN_HOST finding ends it
 * with err filled ("POINTER: why"); notes are dropped unless `report` is given. With a report each
 * finding is told and the result is -1 when one of the first two kinds was among them. The plan
 * keeps pointers to config, request and host, which must outlive it. What a reader with a report
 * left of a config that it refused can be planned to find more (see plan/unread.h), not to carry it
 * out. */
int plan_make(struct plan *plan, const struct oci_config *config, const struct request *request,
	      const struct host *host, const struct plan_report *report, struct oci_error *err);

/* Whether the config asks for a label, so that host_look_labels() is needed before plan_make(). */
bool plan_asks_labels(const struct oci_config *config);

/* The plan of `exec`: plan->process is what request->exec asks for, with what it leaves open taken
 * from `config`, the container's own as it was created; the namespaces are to be joined. Errors
 * name pointers below /process, or options (code "usage"). */
int plan_make_exec(struct plan *plan, const struct oci_config *config,
		   const struct request *request, const struct host *host,
		   const struct plan_report *report, struct oci_error *err);

/* UID[:GID] or NAME[:GROUP] of exec's --user. */
struct plan_user {
	const char *name;  /* NULL: uid is a number that was given */
	const char *group; /* NULL: gid is, or no group was given */
	uid_t uid;
	gid_t gid;
	bool has_group;
};

/* Numbers are decimal digits and nothing else, at most 4294967294; what isn't one must look like a
 * name (a letter or '_' first), so that no number is ever looked up. -1: err, code "usage". The
 * names are in the arena. */
int plan_parse_user(struct plan_user *user, const char *text, struct arena *arena,
		    struct oci_error *err);

/* Only the hooks and the annotations, for start and delete of an existing container. */
int plan_make_hooks(struct plan *plan, const struct oci_config *config,
		    const struct request *request, struct oci_error *err);

/* Frees what hangs on the plan. Accepts a zeroed one. */
void plan_free(struct plan *plan);

#endif
