/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order of create, start and run, on one page. A reader who wants to know what happens when
 * reads here; what a row does is in the step of that name. ARCHITECTURE.md says which facts about
 * the kernel decide the order.
 */
#include <stddef.h>

#include "sequence/table.h"
#include "steps/caller.h"
#include "steps/cgroup.h"
#include "steps/cgroup_owner.h"
#include "steps/device.h"
#include "steps/device_filter.h"
#include "steps/enter.h"
#include "steps/hook.h"
#include "steps/idmap.h"
#include "steps/intel_rdt.h"
#include "steps/label.h"
#include "steps/limits.h"
#include "steps/mask.h"
#include "steps/mount.h"
#include "steps/mount_idmap.h"
#include "steps/mount_lock.h"
#include "steps/mount_source.h"
#include "steps/namespace.h"
#include "steps/net_device.h"
#include "steps/notify.h"
#include "steps/passwd.h"
#include "steps/process.h"
#include "steps/record.h"
#include "steps/rootfs.h"
#include "steps/scheduling.h"
#include "steps/seccomp.h"
#include "steps/spawn.h"
#include "steps/start_socket.h"
#include "steps/systemd.h"
#include "steps/terminal.h"

static bool joins(const struct plan *p)
{
	return p->joins;
}

static bool stage(const struct plan *p)
{
	return plan_has_stage(p);
}

static bool stage_not(const struct plan *p)
{
	return !plan_has_stage(p);
}

static bool has_user(const struct plan *p)
{
	return plan_has_ns(p, NS_USER);
}

static bool new_user(const struct plan *p)
{
	return plan_new_ns(p, NS_USER);
}

static bool stage_makes_user(const struct plan *p)
{
	return plan_stage_makes_user(p);
}

/* config.json says what the maps of a joined user namespace are. */
static bool told_maps(const struct plan *p)
{
	return plan_joined_ns(p, NS_USER) && p->user.uids.n + p->user.gids.n > 0;
}

static bool new_time(const struct plan *p)
{
	return plan_new_ns(p, NS_TIME);
}

static bool late_ipc(const struct plan *p)
{
	return has_user(p) && plan_new_ns(p, NS_IPC);
}

static bool new_mounts(const struct plan *p)
{
	return plan_new_ns(p, NS_MOUNT);
}

static bool mounts_of_user(const struct plan *p)
{
	return new_mounts(p) && (has_user(p) || (p->host && p->host->nested));
}

static bool joins_mounts(const struct plan *p)
{
	return p->namespaces[NS_MOUNT].how == NS_JOINED;
}

static bool joins_mounts_not(const struct plan *p)
{
	return !joins_mounts(p);
}

static bool new_network(const struct plan *p)
{
	return plan_new_ns(p, NS_NET);
}

static bool net_devices(const struct plan *p)
{
	return p->n_net_devices > 0;
}

static bool names(const struct plan *p)
{
	return p->hostname || p->domainname;
}

static bool sysctls(const struct plan *p)
{
	return p->n_sysctls > 0;
}

static bool oom_score(const struct plan *p)
{
	return p->process.present && p->process.has_oom_score_adj;
}

/* INIT has it from STAGE, whom nobody without privilege may touch once it has joined. */
static bool oom_score_early(const struct plan *p)
{
	return oom_score(p) && stage(p);
}

static bool oom_score_late(const struct plan *p)
{
	return oom_score(p) && !stage(p);
}

static bool labels(const struct plan *p)
{
	return p->process.apparmor_profile || p->process.selinux_label;
}

static bool writes_proc(const struct plan *p)
{
	return labels(p) || sysctls(p) || oom_score(p) || new_user(p) || told_maps(p) ||
	       p->n_time_offsets > 0 || p->idmapped;
}

static bool idmapped(const struct plan *p)
{
	return p->idmapped;
}

static bool idmapped_new(const struct plan *p)
{
	return p->idmapped_new;
}

static bool has_cgroup(const struct plan *p)
{
	return p->cgroup.used;
}

static bool by_systemd(const struct plan *p)
{
	return p->cgroup.used && p->cgroup.systemd.used;
}

static bool by_systemd_not(const struct plan *p)
{
	return p->cgroup.used && !p->cgroup.systemd.used;
}

static bool late_properties(const struct plan *p)
{
	return by_systemd(p) && p->cgroup.systemd.late.n > 0;
}

static bool gives_cgroup(const struct plan *p)
{
	return p->cgroup.used && p->cgroup.given;
}

static bool device_filter(const struct plan *p)
{
	return p->cgroup.used && p->cgroup.n_filter > 0;
}

/* Also with late ones alone: what those changed is put back by the early row, when nobody is left
 * in the cgroup. */
static bool has_limits(const struct plan *p)
{
	return p->cgroup.n_limits > 0;
}

static bool late_limits(const struct plan *p)
{
	for (size_t i = 0; i < p->cgroup.n_limits; i++)
		if (p->cgroup.limits[i].late)
			return true;
	return false;
}

static bool notify(const struct plan *p)
{
	return p->notify;
}

static bool created_first(const struct plan *p)
{
	return !p->request->run;
}

/* Without privilege: who has CAP_SYS_PTRACE where hull began may look at any process in there. */
static bool created_by_user(const struct plan *p)
{
	return created_first(p) && p->host && p->host->rootless && p->host->euid != 0;
}

static bool pid_file(const struct plan *p)
{
	return p->request->pid_file;
}

static bool pidfd_socket(const struct plan *p)
{
	return p->request->pidfd_socket;
}

static bool keyring(const struct plan *p)
{
	return !p->request->no_new_keyring;
}

static bool labels_keyring(const struct plan *p)
{
	return keyring(p) && p->process.selinux_label;
}

static bool process(const struct plan *p)
{
	return p->process.present;
}

static bool terminal(const struct plan *p)
{
	return p->process.present && p->process.terminal;
}

static bool terminal_not(const struct plan *p)
{
	return p->process.present && !p->process.terminal;
}

static bool console(const struct plan *p)
{
	return terminal(p) && p->request->console_socket;
}

static bool rlimits(const struct plan *p)
{
	return p->process.present && p->process.n_rlimits > 0;
}

static bool home(const struct plan *p)
{
	return p->process.present && p->process.needs_home;
}

static bool set_personality(const struct plan *p)
{
	return p->process.present && p->process.has_personality;
}

static bool intel_rdt(const struct plan *p)
{
	return p->intel_rdt.used;
}

static bool memory_policy(const struct plan *p)
{
	return p->process.present && p->process.memory_policy.present;
}

static bool schedules(const struct plan *p)
{
	return p->process.present && (p->process.scheduler.present || p->process.has_io_priority);
}

static bool scheduled(const struct plan *p)
{
	return schedules(p) && !p->process.schedules_itself;
}

static bool schedules_itself(const struct plan *p)
{
	return schedules(p) && p->process.schedules_itself;
}

static bool no_new_privs(const struct plan *p)
{
	return p->process.present && p->process.no_new_privs;
}

static bool filtered(const struct plan *p)
{
	return p->process.present && p->seccomp.present;
}

static bool filter_asks(const struct plan *p)
{
	return filtered(p) && p->seccomp.notify;
}

static bool masked(const struct plan *p)
{
	return p->n_masked > 0;
}

static bool readonly_paths(const struct plan *p)
{
	return p->n_readonly > 0;
}

static bool readonly_root(const struct plan *p)
{
	return p->root_readonly;
}

static bool prestart(const struct plan *p)
{
	return p->hooks[HOOK_PRESTART].n > 0;
}

static bool create_runtime(const struct plan *p)
{
	return p->hooks[HOOK_CREATE_RUNTIME].n > 0;
}

static bool create_container(const struct plan *p)
{
	return p->hooks[HOOK_CREATE_CONTAINER].n > 0;
}

static bool start_container(const struct plan *p)
{
	return p->hooks[HOOK_START_CONTAINER].n > 0;
}

static bool poststart(const struct plan *p)
{
	return p->hooks[HOOK_POSTSTART].n > 0;
}

/* INIT must wait for PARENT in the middle of its work. */
static bool meets_mounted(const struct plan *p)
{
	return prestart(p) || create_runtime(p) || terminal(p);
}

/* exec into a paused container doesn't wait for it to go on. */
static bool stays_frozen(const struct plan *p)
{
	return plan_stays_frozen(p);
}

static bool initial_affinity(const struct plan *p)
{
	return p->process.initial_cpus;
}

static bool final_affinity(const struct plan *p)
{
	return p->process.final_cpus;
}

static bool exec_affinity(const struct plan *p)
{
	return initial_affinity(p) || final_affinity(p);
}

static bool user_names(const struct plan *p)
{
	return p->process.user_name || p->process.group_name;
}

static bool looks_up(const struct plan *p)
{
	return user_names(p) || home(p);
}

static bool exec_writes_proc(const struct plan *p)
{
	return labels(p) || oom_score(p) || looks_up(p);
}

/* With a user namespace nobody in the container can take over what hull brings in, for its memory
 * belongs to the one outside; and who has no privilege can't open this for another process. */
static bool labels_by_init(const struct plan *p)
{
	return labels(p) && has_user(p);
}

/* Else the process is born without a procfs of the host. */
static bool labels_by_parent(const struct plan *p)
{
	return labels(p) && !has_user(p);
}

static bool drops_proc(const struct plan *p)
{
	return looks_up(p) && !labels_by_init(p);
}

static int *terminal_master(struct run *run)
{
	return &run->terminal_master;
}

static bool exec_sees_filter(const struct plan *p)
{
	return filtered(p) && !stays_frozen(p);
}

static bool has_user_not(const struct plan *p)
{
	return !has_user(p);
}

static bool stays_frozen_not(const struct plan *p)
{
	return !stays_frozen(p);
}

/* A DO row has its deed done by `who`; `to` is of no meaning there. */
#define ROW(k, by, other, text, ...)                                                               \
	{                                                                                          \
		.kind = (k), .who = (by), .to = (other), .what = (text), __VA_ARGS__               \
	}

/* clang-format off */
const struct row create_rows[] = {
	/* Nothing on the host changes in these: what can be refused is refused here. */
	ROW(DO,   PARENT, PARENT, "mark inherited fds close-on-exec",       .run = record_caller_fds),
	ROW(DO,   PARENT, PARENT, "open the root file system",              .when = joins_mounts_not, .run = rootfs_open, .looks = true),
	ROW(DO,   PARENT, PARENT, "open mount sources",                     .when = new_mounts, .run = mount_open_sources, .looks = true),
	ROW(DO,   PARENT, PARENT, "open namespaces given by path",          .when = joins, .run = namespace_open, .looks = true),
	ROW(DO,   PARENT, PARENT, "find the RDT class of service",          .when = intel_rdt, .run = intel_rdt_find, .looks = true),
	ROW(DO,   PARENT, PARENT, "try the memory policy",                  .when = memory_policy, .run = scheduling_look_memory, .looks = true),
	ROW(DO,   PARENT, PARENT, "check the id mappings",                  .when = new_user, .run = idmap_check, .looks = true),
	ROW(DO,   PARENT, PARENT, "find network devices",                   .when = net_devices, .run = net_device_find, .looks = true),
	ROW(DO,   PARENT, PARENT, "open a private procfs",                  .when = writes_proc, .run = namespace_open_proc, .looks = true),
	ROW(DO,   PARENT, PARENT, "ask for the security labels",            .when = labels, .run = label_look, .looks = true),
	ROW(DO,   PARENT, PARENT, "label the session keyring to come",      .when = labels_keyring, .run = label_keys),
	ROW(DO,   PARENT, PARENT, "make idmapped file systems",             .when = idmapped_new, .run = mount_idmap_make),
	ROW(DO,   PARENT, PARENT, "map ids of mounts",                      .when = idmapped, .run = mount_idmap_all, .looks = true),
	/* After the mapping, for which they have to be detached and never were attached. */
	ROW(DO,   PARENT, PARENT, "lock the host's mounts",                 .when = mounts_of_user, .run = mount_lock),
	ROW(DO,   PARENT, PARENT, "connect the console socket",             .when = console, .run = terminal_connect),
	ROW(DO,   PARENT, PARENT, "prepare the seccomp filter",             .when = filtered, .run = filter_prepare, .looks = true),
	ROW(DO,   PARENT, PARENT, "reach systemd",                          .when = by_systemd, .run = systemd_reach, .looks = true),

	/* From here on something is left when PARENT is killed; state.json knows it first. */
	ROW(DO,   PARENT, PARENT, "reserve the container id",               .run = record_reserve, .undo = record_release),
	ROW(DO,   PARENT, PARENT, "look at the cgroup",                     .when = has_cgroup, .run = cgroup_intend, .looks = true),
	ROW(DO,   PARENT, PARENT, "record what will be made",               .run = record_intent),
	ROW(DO,   PARENT, PARENT, "copy config.json",                       .run = record_config),
	ROW(DO,   PARENT, PARENT, "keep the seccomp filter",                .when = filtered, .run = filter_keep),
	ROW(DO,   PARENT, PARENT, "make the cgroup",                        .when = by_systemd_not, .run = cgroup_make, .undo = cgroup_undo),
	ROW(DO,   PARENT, PARENT, "have systemd make the scope",            .when = by_systemd, .run = systemd_make, .undo = systemd_undo),
	ROW(DO,   PARENT, PARENT, "record the scope's cgroup",              .when = by_systemd, .run = record_cgroup),
	ROW(DO,   PARENT, PARENT, "set limits",                             .when = has_limits, .run = limits_set, .undo = limits_undo),
	ROW(DO,   PARENT, PARENT, "attach the device filter",               .when = device_filter, .run = device_filter_attach, .undo = device_filter_undo),
	ROW(DO,   PARENT, PARENT, "make the RDT class of service",          .when = intel_rdt, .run = intel_rdt_make, .undo = intel_rdt_undo),
	ROW(DO,   PARENT, PARENT, "make the notify directory",              .when = notify, .run = notify_prepare, .undo = notify_undo),
	ROW(DO,   PARENT, PARENT, "bind the start socket",                  .when = created_first, .run = start_socket_bind),
	ROW(DO,   PARENT, PARENT, "open the channel",                       .run = spawn_channel),

	ROW(FORK, PARENT, STAGE,  "fork to join namespaces",                .when = stage, .run = spawn_stage, .undo = spawn_kill_stage),
	ROW(DO,   PARENT, PARENT, "set the oom score early",                .when = oom_score_early, .run = caller_set_oom_score),
	ROW(PASS, PARENT, STAGE,  "join",                                   .when = stage),
	ROW(DO,   STAGE,  STAGE,  "join namespaces given by path",          .when = joins, .run = namespace_join),
	/* After the joins, which take the caller's privilege; the time namespace belongs to it. */
	ROW(DO,   STAGE,  STAGE,  "make the user namespace",                .when = stage_makes_user, .run = namespace_make_user),
	ROW(DO,   STAGE,  STAGE,  "make the time namespace",                .when = new_time, .run = namespace_make_time),
	ROW(FORK, STAGE,  INIT,   "fork into the other namespaces",         .when = stage, .run = spawn_init, .undo = spawn_kill_init),
	ROW(PASS, STAGE,  PARENT, "the first process exists",               .when = stage),
	ROW(DO,   PARENT, PARENT, "take over the first process",            .when = stage, .run = spawn_stage_ended),
	ROW(FORK, PARENT, INIT,   "fork into cgroup and namespaces",        .when = stage_not, .run = spawn_init, .undo = spawn_kill_init),
	/* It has kept the scope from ending for want of processes; now INIT does. */
	ROW(DO,   PARENT, PARENT, "release the scope's keeper",             .when = by_systemd, .run = systemd_release),
	ROW(DO,   PARENT, PARENT, "enter the RDT class of service",         .when = intel_rdt, .run = intel_rdt_enter),
	/* While INIT waits, still open to its creator's looks: what it can't do itself. */
	ROW(DO,   PARENT, PARENT, "set the oom score",                      .when = oom_score_late, .run = caller_set_oom_score),
	ROW(DO,   PARENT, PARENT, "write the id maps",                      .when = new_user, .run = idmap_write),
	ROW(DO,   PARENT, PARENT, "compare the id maps",                    .when = told_maps, .run = idmap_compare),
	ROW(DO,   PARENT, PARENT, "give the cgroup to the process's user",  .when = gives_cgroup, .run = cgroup_owner_set, .undo = cgroup_owner_undo),
	/* By PARENT: in a user namespace INIT has no say over the host's. Undone before INIT is, with which
	 * the kernel would end a new namespace and the virtual devices in it. */
	ROW(DO,   PARENT, PARENT, "move network devices",                   .when = net_devices, .run = net_device_move, .undo = net_device_return),
	ROW(PASS, PARENT, INIT,   "set up the container"),

	ROW(DO,   INIT,   INIT,   "become root of the user namespace",      .when = has_user, .run = idmap_become),
	ROW(DO,   INIT,   INIT,   "make the ipc namespace",                 .when = late_ipc, .run = namespace_make_ipc),
	ROW(DO,   INIT,   INIT,   "reset what the caller passed on",        .run = caller_reset),
	ROW(DO,   INIT,   INIT,   "set the memory policy",                  .when = memory_policy, .run = scheduling_set_memory_policy),
	ROW(DO,   INIT,   INIT,   "join a new session keyring",             .when = keyring, .run = caller_new_keyring),
	ROW(DO,   INIT,   INIT,   "bring up the loopback",                  .when = new_network, .run = namespace_loopback),
	ROW(DO,   INIT,   INIT,   "set host and domain name",               .when = names, .run = namespace_names),
	ROW(DO,   INIT,   INIT,   "open the root in the joined mounts",     .when = joins_mounts, .run = rootfs_open),
	ROW(DO,   INIT,   INIT,   "keep mounts from the host",              .when = new_mounts, .run = rootfs_isolate),
	ROW(DO,   INIT,   INIT,   "open the other mount sources",           .when = mounts_of_user, .run = mount_open_rest),
	ROW(DO,   INIT,   INIT,   "attach the root file system",            .when = new_mounts, .run = rootfs_attach),
	ROW(DO,   INIT,   INIT,   "mount everything",                       .when = new_mounts, .run = mount_all),
	ROW(DO,   INIT,   INIT,   "attach the notify directory",            .when = notify, .run = notify_attach),
	ROW(DO,   INIT,   INIT,   "make device nodes",                      .when = new_mounts, .run = device_make_all),
	ROW(DO,   INIT,   INIT,   "make device links",                      .when = new_mounts, .run = device_links),
	ROW(DO,   INIT,   INIT,   "open the terminal",                      .when = terminal, .run = terminal_open),
	ROW(DO,   INIT,   INIT,   "give standard streams to the user",      .when = terminal_not, .run = terminal_own_streams),
	ROW(DO,   INIT,   INIT,   "make the working directory",             .when = process, .run = process_make_cwd),
	ROW(PASS, INIT,   PARENT, "mounted, not yet pivoted",               .when = meets_mounted, .carries = terminal_master),
	ROW(DO,   PARENT, PARENT, "send the terminal",                      .when = console, .run = terminal_send),
	ROW(DO,   PARENT, PARENT, "run prestart hooks",                     .when = prestart, .run = hook_prestart),
	ROW(DO,   PARENT, PARENT, "run createRuntime hooks",                .when = create_runtime, .run = hook_create_runtime),
	ROW(PASS, PARENT, INIT,   "the runtime's hooks are done",           .when = meets_mounted),
	ROW(DO,   INIT,   INIT,   "run createContainer hooks",              .when = create_container, .run = hook_create_container),
	ROW(DO,   INIT,   INIT,   "finish read-only mounts",                .when = new_mounts, .run = mount_finish),
	ROW(DO,   INIT,   INIT,   "pivot into the root",                    .run = rootfs_pivot),
	ROW(DO,   INIT,   INIT,   "write sysctls",                          .when = sysctls, .run = namespace_sysctls),
	ROW(DO,   INIT,   INIT,   "mask paths",                             .when = masked, .run = mask_paths),
	ROW(DO,   INIT,   INIT,   "make paths read-only",                   .when = readonly_paths, .run = mask_readonly_paths),
	ROW(DO,   INIT,   INIT,   "make the root read-only",                .when = readonly_root, .run = rootfs_readonly),
	ROW(DO,   INIT,   INIT,   "set the root's propagation",             .when = new_mounts, .run = rootfs_propagate),
	ROW(DO,   INIT,   INIT,   "open the label's attribute",             .when = labels, .run = label_open),
	ROW(DO,   INIT,   INIT,   "let go of the host",                     .run = spawn_let_go),
	ROW(DO,   INIT,   INIT,   "enter the working directory",            .when = process, .run = process_enter_cwd),
	ROW(DO,   INIT,   INIT,   "take the user's real ids",               .when = process, .run = process_take_real_ids),
	ROW(DO,   INIT,   INIT,   "find the program",                       .when = process, .run = process_find_program),
	ROW(DO,   INIT,   INIT,   "find HOME",                              .when = home, .run = process_find_home),
	/* By INIT, whose pid START compares; before create returns, for start may follow at once. */
	ROW(DO,   INIT,   INIT,   "listen for start",                       .when = created_first, .run = start_socket_listen),
	ROW(DO,   INIT,   INIT,   "take the real ids back",                 .when = process, .run = process_restore_real_ids),
	ROW(DO,   INIT,   INIT,   "shed what start won't need",              .run = process_shed),
	ROW(DO,   INIT,   INIT,   "outlive the creator",                    .run = spawn_outlive),
	ROW(DO,   INIT,   INIT,   "let its creator look at it",             .when = created_by_user, .run = spawn_let_look),
	ROW(PASS, INIT,   PARENT, "ready",                                  .patient = create_container),
	/* pids.max counts the clones of STAGE and INIT, and the forks of createContainer hooks, which are the
	 * host's. What is the container's own, startContainer hooks too, comes after. */
	ROW(DO,   PARENT, PARENT, "limit the number of processes",          .when = late_limits, .run = limits_set_late),
	ROW(DO,   PARENT, PARENT, "set the scope's tight limits",           .when = late_properties, .run = systemd_set_late),
	ROW(DO,   PARENT, PARENT, "raise resource limits",                  .when = rlimits, .run = caller_raise_rlimits),
	ROW(DO,   PARENT, PARENT, "set scheduling and I/O priority",        .when = scheduled, .run = scheduling_set),
	ROW(DO,   PARENT, PARENT, "write the pid file",                     .when = pid_file, .run = record_pid_file, .undo = record_remove_pid_file),
	ROW(DO,   PARENT, PARENT, "send the pidfd",                         .when = pidfd_socket, .run = record_send_pidfd),
	ROW(DO,   PARENT, PARENT, "record the container as created",        .run = record_created),
	ROW(PASS, PARENT, INIT,   "created",                                .when = created_first),

	ROW(JOIN, START,  INIT,   "meet at the start socket",               .when = created_first, .run = start_socket_connect, .meet = start_socket_wait),
	ROW(DO,   START,  START,  "bind the notify socket",                 .when = notify, .run = notify_bind),
	ROW(DO,   START,  START,  "connect to the seccomp listener",        .when = filter_asks, .run = filter_connect),
	ROW(PASS, START,  INIT,   "start"),
	ROW(DO,   INIT,   INIT,   "run startContainer hooks",               .when = start_container, .run = hook_start_container),
	ROW(DO,   INIT,   INIT,   "set its own scheduling and I/O priority", .when = schedules_itself, .run = scheduling_set_own),
	/* Not before: with few fds left INIT could neither accept START nor run hooks. */
	ROW(DO,   INIT,   INIT,   "lower resource limits",                  .when = rlimits, .run = caller_lower_rlimits),
	/* Privilege goes from here on, each row while what the next ones need is still held. */
	ROW(DO,   INIT,   INIT,   "set the personality",                    .when = set_personality, .run = process_set_personality),
	/* For execve only, so hooks are past; under no_new_privs the kernel compares at that time. */
	ROW(DO,   INIT,   INIT,   "set the security label",                 .when = labels, .run = label_set),
	ROW(DO,   INIT,   INIT,   "set no_new_privs",                       .when = no_new_privs, .run = process_set_no_new_privs),
	ROW(DO,   INIT,   INIT,   "drop the bounding set",                  .when = process, .run = process_drop_bounding),
	ROW(DO,   INIT,   INIT,   "change to the user's ids",               .when = process, .run = process_change_ids),
	ROW(DO,   INIT,   INIT,   "set capabilities",                       .when = process, .run = process_set_capabilities),
	ROW(DO,   INIT,   INIT,   "read the confinement back",              .when = process, .run = process_read_back),
	ROW(DO,   INIT,   INIT,   "get ready to execute",                   .when = process, .run = process_get_ready),
	/* A death before this is known as one, whoever reaps INIT and however fast. */
	ROW(TELL, INIT,   START,  "about to execute",                       .when = process, .patient = start_container),
	/* From here on INIT makes no system call that a profile may forbid but execve(2). */
	ROW(DO,   INIT,   INIT,   "load the seccomp filter",                .when = filtered, .run = filter_load),
	ROW(PASS, INIT,   START,  "the filter is loaded",                   .when = filter_asks, .plain = true),
	ROW(DO,   START,  START,  "hand the seccomp listener on",           .when = filter_asks, .run = filter_hand_on),
	ROW(PASS, START,  INIT,   "somebody listens",                       .when = filter_asks, .plain = true),
	ROW(EXEC, INIT,   START,  "execute the process",                    .when = process, .run = process_execute),
	ROW(DO,   START,  START,  "see that it was executed",               .when = process, .run = spawn_see_executed),
	ROW(DO,   START,  START,  "see that its filter is there",           .when = filtered, .run = filter_see),
	ROW(DO,   START,  START,  "run poststart hooks",                    .when = poststart, .run = hook_poststart),
	ROW(DO,   START,  START,  "pass READY on",                          .when = notify, .run = notify_relay),
	{ .what = NULL },
};

/* One process more in a container that runs. Until STAGE has joined, everything happens outside;
 * what comes after is done inside, by processes that hold nothing of the host any more. */
const struct row exec_rows[] = {
	ROW(DO,   PARENT, PARENT, "mark inherited fds close-on-exec",       .run = record_caller_fds),
	ROW(DO,   PARENT, PARENT, "look at the container's namespaces",     .run = enter_look),
	ROW(DO,   PARENT, PARENT, "open the container's cgroup",            .when = has_cgroup, .run = enter_open_cgroup),
	ROW(DO,   PARENT, PARENT, "open a private procfs",                  .when = exec_writes_proc, .run = namespace_open_proc),
	ROW(DO,   PARENT, PARENT, "ask for the security labels",            .when = labels, .run = label_look),
	ROW(DO,   PARENT, PARENT, "label the session keyring to come",      .when = labels_keyring, .run = label_keys),
	ROW(DO,   PARENT, PARENT, "fetch the seccomp filter",               .when = filtered, .run = filter_fetch),
	ROW(DO,   PARENT, PARENT, "connect to the seccomp listener",        .when = filter_asks, .run = filter_connect),
	ROW(DO,   PARENT, PARENT, "try the memory policy",                  .when = memory_policy, .run = scheduling_look_memory),
	ROW(DO,   PARENT, PARENT, "ask whether the CPUs are online",        .when = exec_affinity, .run = scheduling_look_cpus),
	ROW(DO,   PARENT, PARENT, "connect the console socket",             .when = console, .run = terminal_connect),
	ROW(DO,   PARENT, PARENT, "open the channel",                       .run = spawn_channel),

	ROW(DO,   PARENT, PARENT, "go to the initial CPUs",                 .when = initial_affinity, .run = scheduling_initial_affinity),
	/* Into the container's cgroup, whose namespace it joins: from outside of that it may not clone into
	 * the cgroup any more (nsdelegate). So CAP_SYS_ADMIN has done its work before INIT is born. */
	ROW(FORK, PARENT, STAGE,  "fork to join namespaces",                .run = spawn_stage, .undo = spawn_kill_stage),
	/* While STAGE is still outside, where an unprivileged caller may write it; INIT inherits it. */
	ROW(DO,   PARENT, PARENT, "set the oom score",                      .when = oom_score, .run = caller_set_oom_score),
	ROW(PASS, PARENT, STAGE,  "join"),
	/* By STAGE and not by the process itself: the container sees what is born in its pid namespace, and
	 * by then nothing of the host must be in it. The terminal too, for INIT may be born frozen. */
	ROW(DO,   STAGE,  STAGE,  "join the container's namespaces",        .run = enter_join),
	ROW(DO,   STAGE,  STAGE,  "enter the container's root",             .run = enter_root),
	ROW(DO,   STAGE,  STAGE,  "let go of what the process won't need",  .run = enter_let_go),
	ROW(DO,   STAGE,  STAGE,  "look the user up",                       .when = user_names, .run = passwd_find_user),
	ROW(DO,   STAGE,  STAGE,  "open the terminal",                      .when = terminal, .run = terminal_open_inside),
	ROW(DO,   STAGE,  STAGE,  "give standard streams to the user",      .when = terminal_not, .run = terminal_own_streams),
	ROW(DO,   STAGE,  STAGE,  "enter the working directory",            .run = process_enter_cwd),
	ROW(DO,   STAGE,  STAGE,  "find HOME",                              .when = home, .run = process_find_home),
	ROW(DO,   STAGE,  STAGE,  "let go of the procfs",                   .when = drops_proc, .run = enter_drop_proc),
	/* With a user namespace of its own there is nothing in it that the container hasn't itself. */
	ROW(DO,   STAGE,  STAGE,  "shed what the process won't need",       .when = has_user_not, .run = enter_shed),
	ROW(FORK, STAGE,  INIT,   "fork into cgroup and namespaces",        .run = spawn_init, .undo = spawn_kill_init),
	ROW(PASS, STAGE,  PARENT, "the process exists",                     .carries = terminal_master),
	/* And reap STAGE, which counts for pids.max until then. */
	ROW(DO,   PARENT, PARENT, "take over the process",                  .run = spawn_stage_ended),
	ROW(DO,   PARENT, PARENT, "enter the RDT class of service",         .when = intel_rdt, .run = intel_rdt_enter),
	ROW(DO,   PARENT, PARENT, "send the terminal",                      .when = console, .run = terminal_send),
	ROW(DO,   PARENT, PARENT, "raise resource limits",                  .when = rlimits, .run = caller_raise_rlimits),
	ROW(DO,   PARENT, PARENT, "set scheduling and I/O priority",        .when = scheduled, .run = scheduling_set),
	ROW(DO,   PARENT, PARENT, "write the pid file",                     .when = pid_file, .run = record_pid_file, .undo = record_remove_pid_file),
	ROW(DO,   PARENT, PARENT, "send the pidfd",                         .when = pidfd_socket, .run = record_send_pidfd),
	ROW(DO,   PARENT, PARENT, "open the process's label attribute",     .when = labels_by_parent, .run = label_open_for),
	ROW(PASS, PARENT, INIT,   "become the process",                     .carries = label_attribute),

	ROW(DO,   INIT,   INIT,   "join the container's cgroup namespace",  .when = stays_frozen, .run = enter_join_cgroup),
	ROW(DO,   INIT,   INIT,   "open the label's attribute",             .when = labels_by_init, .run = label_open),
	ROW(DO,   INIT,   INIT,   "let go of the host",                     .run = spawn_let_go),
	ROW(DO,   INIT,   INIT,   "become root of the user namespace",      .when = has_user, .run = idmap_become),
	ROW(DO,   INIT,   INIT,   "reset what the caller passed on",        .run = caller_reset),
	ROW(DO,   INIT,   INIT,   "go to the final CPUs",                   .when = final_affinity, .run = scheduling_final_affinity),
	ROW(DO,   INIT,   INIT,   "join a new session keyring",             .when = keyring, .run = caller_new_keyring),
	ROW(DO,   INIT,   INIT,   "set the memory policy",                  .when = memory_policy, .run = scheduling_set_memory_policy),
	ROW(DO,   INIT,   INIT,   "control the terminal",                   .when = terminal, .run = terminal_control),
	ROW(DO,   INIT,   INIT,   "take the user's real ids",               .run = process_take_real_ids),
	ROW(DO,   INIT,   INIT,   "find the program",                       .run = process_find_program),
	ROW(DO,   INIT,   INIT,   "take the real ids back",                 .run = process_restore_real_ids),
	/* As in the table above. */
	ROW(DO,   INIT,   INIT,   "set its own scheduling and I/O priority", .when = schedules_itself, .run = scheduling_set_own),
	ROW(DO,   INIT,   INIT,   "lower resource limits",                  .when = rlimits, .run = caller_lower_rlimits),
	ROW(DO,   INIT,   INIT,   "set the personality",                    .when = set_personality, .run = process_set_personality),
	ROW(DO,   INIT,   INIT,   "set the security label",                 .when = labels, .run = label_set),
	ROW(DO,   INIT,   INIT,   "set no_new_privs",                       .when = no_new_privs, .run = process_set_no_new_privs),
	ROW(DO,   INIT,   INIT,   "drop the bounding set",                  .run = process_drop_bounding),
	ROW(DO,   INIT,   INIT,   "change to the user's ids",               .run = process_change_ids),
	ROW(DO,   INIT,   INIT,   "set capabilities",                       .run = process_set_capabilities),
	ROW(DO,   INIT,   INIT,   "read the confinement back",              .run = process_read_back),
	ROW(DO,   INIT,   INIT,   "outlive hull",                           .run = spawn_outlive),
	ROW(DO,   INIT,   INIT,   "get ready to execute",                   .run = process_get_ready),
	ROW(DO,   INIT,   INIT,   "load the seccomp filter",                .when = filtered, .run = filter_load),
	ROW(PASS, INIT,   PARENT, "the filter is loaded",                   .when = filter_asks, .plain = true, .patient = stays_frozen),
	ROW(DO,   PARENT, PARENT, "hand the seccomp listener on",           .when = filter_asks, .run = filter_hand_on),
	ROW(PASS, PARENT, INIT,   "somebody listens",                       .when = filter_asks, .plain = true),
	ROW(EXEC, INIT,   PARENT, "execute the process",                    .run = process_execute, .unheard = stays_frozen),
	ROW(DO,   PARENT, PARENT, "see that it was executed",               .when = stays_frozen_not, .run = spawn_see_executed),
	ROW(DO,   PARENT, PARENT, "see that its filter is there",           .when = exec_sees_filter, .run = filter_see),
	{ .what = NULL },
};
/* clang-format on */
