/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * INIT's own: nothing here allocates.
 */
#include "steps/process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "steps/caller.h"
#include "steps/label.h"
#include "steps/passwd.h"
#include "steps/seccomp.h"

int process_make_cwd(struct run *run, struct oci_error *err)
{
	const char *cwd = run->plan->process.cwd;
	auto_fd dir = inroot_try_open(run->rootfs, cwd, O_PATH | O_DIRECTORY);

	if (dir >= 0)
		return 0;
	if (errno != ENOENT)
		return fail_sys(err, "/process/cwd: open '%s'", cwd);
	dir = inroot_make_directory(run->rootfs, cwd, 0755, err);
	return dir < 0 ? fail_in(err, "/process/cwd") : 0;
}

int process_enter_cwd(struct run *run, struct oci_error *err)
{
	char path[PATH_MAX];
	const char *cwd = run->plan->process.cwd;
	auto_fd dir = inroot_try_open(run->rootfs, cwd, O_PATH | O_DIRECTORY);

	if (dir < 0)
		return fail_sys(err, "/process/cwd: open '%s'", cwd);
	if (fchdir(dir) < 0)
		return fail_sys(err, "/process/cwd: chdir '%s'", cwd);
	/* The kernel's own word, which begins with '/' only below the root. */
	if (!getcwd(path, sizeof(path)) || path[0] != '/')
		return fail(err, "/process/cwd: '%s' isn't inside the container's root", cwd);
	return 0;
}

/* In a user namespace that was made without privilege setgroups(2) is forbidden: the caller's
 * groups stay, as the planner has noted. */
static int set_groups(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;
	const struct plan_process *process = &plan->process;

	if (sys_setgroups(process->n_gids, process->gids) == 0)
		return 0;
	run->groups_kept = errno == EPERM && process->n_gids == 0 &&
			   (plan_has_ns(plan, NS_USER) || plan->host->setgroups_denied);
	if (run->groups_kept)
		return 0;
	return fail_sys(err, "/process/user: setgroups of %zu groups", process->n_gids);
}

int process_take_real_ids(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;

	TRY(set_groups(run, err));
	if (sys_setresgid(process->gid, (gid_t)-1, (gid_t)-1) < 0)
		return fail_sys(err, "/process/user/gid: setresgid(%u, -1, -1)", process->gid);
	if (sys_setresuid(process->uid, (uid_t)-1, (uid_t)-1) < 0)
		return fail_sys(err, "/process/user/uid: setresuid(%u, -1, -1)", process->uid);
	return 0;
}

int process_restore_real_ids(struct run *run, struct oci_error *err)
{
	(void)run;
	if (sys_setresuid(geteuid(), (uid_t)-1, (uid_t)-1) < 0)
		return fail_sys(err, "setresuid to the effective id");
	if (sys_setresgid(getegid(), (gid_t)-1, (gid_t)-1) < 0)
		return fail_sys(err, "setresgid to the effective id");
	return 0;
}

/* 0: path can be executed by the real ids; else -1 with errno (EISDIR for a directory). */
static int try_program(const char *path)
{
	struct stat st;

	bool seen = stat(path, &st) == 0;

	/* What the user may enter need not be open to INIT, when it has given privilege up. */
	if (!seen && errno != EACCES)
		return -1;
	if (seen && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (seen && !S_ISREG(st.st_mode)) {
		errno = EACCES;
		return -1;
	}
	return access(path, X_OK);
}

static int tell_program(const char *name, int num, struct oci_error *err)
{
	char reason[64];

	if (num == EISDIR)
		return fail_code(err, "program-not-executable",
				 "exec: \"%s\": is a directory: permission denied", name);
	/* In lower case, as callers look for it. */
	(void)snprintf(reason, sizeof(reason), "%s", strerror(num));
	if (reason[0] >= 'A' && reason[0] <= 'Z')
		reason[0] = (char)(reason[0] | 0x20);
	return fail_code(err,
			 num == ENOENT || num == ENOTDIR ? "program-not-found"
							 : "program-not-executable",
			 "exec: \"%s\": %s", name, reason);
}

int process_find_program(struct run *run, struct oci_error *err)
{
	const char *name = run->plan->process.args[0];
	const char *at = run->plan->process.path;
	size_t room = sizeof(run->program);
	int refused = 0;

	if (strlen(name) >= room)
		return fail_code(err, "program-not-found", "exec: a name of %zu bytes: %s",
				 strlen(name), "File name too long");
	if (strchr(name, '/')) {
		memcpy(run->program, name, strlen(name) + 1);
		return try_program(name) < 0 ? tell_program(name, errno, err) : 0;
	}
	for (; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		int length = (int)strcspn(at, ":");
		/* An empty element is the working directory, as in execvp(3). */
		int used = snprintf(run->program, room, "%.*s%s%s", length, at, length ? "/" : "./",
				    name);

		if (used < 0 || (size_t)used >= room)
			continue;
		if (try_program(run->program) == 0)
			return 0;
		if (errno == EACCES)
			refused = EACCES;
	}
	if (refused)
		return tell_program(name, refused, err);
	return fail_code(err, "program-not-found",
			 "exec: \"%s\": executable file not found in $PATH%s", name,
			 run->plan->process.path ? "" : " (/process/env has no PATH)");
}

static void add_env(struct run *run, char *entry)
{
	const struct plan_process *process = &run->plan->process;
	size_t n = process->n_env;

	/* INIT's own copy of the plan; the planner left PLAN_ENV_ROOM places. */
	while (process->env[n])
		n++;
	process->env[n] = entry;
}

int process_find_home(struct run *run, struct oci_error *err)
{
	(void)err;
	if (!passwd_home(run->rootfs, run->proc, run->plan->process.uid, run->home,
			 sizeof(run->home)))
		(void)snprintf(run->home, sizeof(run->home), "HOME=/");
	add_env(run, run->home);
	return 0;
}

int process_set_personality(struct run *run, struct oci_error *err)
{
	if (personality(run->plan->process.personality) < 0)
		return fail_sys(err, "/linux/personality: personality(0x%lx)",
				run->plan->process.personality);
	return 0;
}

int process_set_no_new_privs(struct run *run, struct oci_error *err)
{
	(void)run;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_NO_NEW_PRIVS)");
	return 0;
}

static void halves(uint64_t set, uint32_t out[2])
{
	out[0] = (uint32_t)set;
	out[1] = (uint32_t)(set >> 32);
}

int process_drop_bounding(struct run *run, struct oci_error *err)
{
	uint64_t known = run->plan->host->known_caps;
	uint64_t keep = run->plan->process.caps.bounding;

	if (run->bounding_dropped)
		return 0;
	/* Needs CAP_SETPCAP, so it comes before the ids change. */
	for (int cap = 0; cap < 64; cap++) {
		uint64_t bit = UINT64_C(1) << cap;

		if (!(known & bit) || (keep & bit))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return fail_sys(err, "prctl(PR_CAPBSET_DROP, %d)", cap);
	}
	run->bounding_dropped = true;
	return 0;
}

int process_change_ids(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	bool changes = geteuid() != process->uid || getegid() != process->gid;

	(void)umask(process->umask);
	/* Else leaving uid 0 would empty the permitted set before it can be chosen. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_KEEPCAPS)");
	TRY(set_groups(run, err));
	if (sys_setresgid(process->gid, process->gid, process->gid) < 0)
		return fail_sys(err, "/process/user/gid: setresgid %u", process->gid);
	if (sys_setresuid(process->uid, process->uid, process->uid) < 0)
		return fail_sys(err, "/process/user/uid: setresuid %u", process->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_KEEPCAPS)");
	/* Where fs.suid_dumpable is 1 the change made it so, for all processes of that user. */
	if (changes && prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail_sys(err, "prctl(PR_SET_DUMPABLE)");
	return 0;
}

/* What INIT holds besides the plan's capabilities up to execve(2). That looks at the inheritable,
 * bounding and ambient sets only (capabilities(7)), so these vanish with it. */
static uint64_t until_execve(const struct plan *plan)
{
	return filter_needs_admin(plan) ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
}

static int set_capabilities(const struct plan_capabilities *caps, uint64_t besides,
			    struct oci_error *err)
{
	uint32_t effective[2], permitted[2], inheritable[2];

	halves(caps->effective | besides, effective);
	halves(caps->permitted | besides, permitted);
	halves(caps->inheritable, inheritable);
	if (sys_capset(effective, permitted, inheritable) < 0)
		return fail_sys(err, "/process/capabilities: capset");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail_sys(err, "prctl(PR_CAP_AMBIENT_CLEAR_ALL)");
	for (int cap = 0; cap < 64; cap++) {
		if (!(caps->ambient & (UINT64_C(1) << cap)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return fail_sys(err,
					"/process/capabilities/ambient: "
					"prctl(PR_CAP_AMBIENT_RAISE, %d)",
					cap);
	}
	return 0;
}

int process_set_capabilities(struct run *run, struct oci_error *err)
{
	return set_capabilities(&run->plan->process.caps, until_execve(run->plan), err);
}

int process_shed_but(struct run *run, uint64_t besides, struct oci_error *err)
{
	const struct plan_capabilities *caps = &run->plan->process.caps;
	const uint64_t later =
		UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETPCAP |
		(run->plan->process.scheduler.late ? UINT64_C(1) << CAP_SYS_NICE : 0);
	/* Inheritable ones have to be permitted at the time they are chosen. */
	uint64_t keep =
		(caps->permitted | caps->inheritable | later | besides | until_execve(run->plan)) &
		run->plan->capabilities;
	uint32_t kept[2];
	uint32_t none[2] = { 0, 0 };

	/* Who may trace it could make it execute a program as uid 0, which would get all of this
	 * set. */
	if (run->plan->capabilities & UINT64_C(1) << CAP_SETPCAP)
		TRY(process_drop_bounding(run, err));
	if (!run->plan->process.present)
		keep = 0; /* it will never be started */
	halves(keep, kept);
	if (sys_capset(kept, kept, none) < 0)
		return fail_sys(err, "capset");
	return 0;
}

int process_shed(struct run *run, struct oci_error *err)
{
	return process_shed_but(run, 0, err);
}

static int differs(const char *what, unsigned long long is, unsigned long long should,
		   struct oci_error *err)
{
	return fail_code(err, "confinement-differs",
			 "the kernel says that %s is 0x%llx where the plan says 0x%llx", what, is,
			 should);
}

static int read_back_ids(const struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	uid_t uid[3];
	gid_t gid[3];
	gid_t groups[256];
	int n;

	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return fail_sys(err, "getresuid, getresgid");
	for (int i = 0; i < 3; i++) {
		if (uid[i] != process->uid)
			return differs("the user id", uid[i], process->uid, err);
		if (gid[i] != process->gid)
			return differs("the group id", gid[i], process->gid, err);
	}
	if (run->groups_kept)
		return 0;
	n = getgroups(0, NULL);
	if (n < 0)
		return fail_sys(err, "getgroups");
	/* The kernel sorts them; a number that is right and members that are all wanted will do. */
	if ((size_t)n != process->n_gids)
		return differs("the number of groups", (unsigned)n, process->n_gids, err);
	if (n > 256 || getgroups(256, groups) < 0)
		return 0;
	for (int i = 0; i < n; i++) {
		size_t k = 0;

		while (k < process->n_gids && process->gids[k] != groups[i])
			k++;
		if (k == process->n_gids)
			return differs("a supplementary group", groups[i], 0, err);
	}
	return 0;
}

static int read_back_capabilities(const struct plan *plan, uint64_t besides, struct oci_error *err)
{
	const struct plan_capabilities *caps = &plan->process.caps;
	uint32_t effective[2], permitted[2], inheritable[2];
	uint64_t bounding = 0, ambient = 0;
	uint64_t is[3];

	if (sys_capget(effective, permitted, inheritable) < 0)
		return fail_sys(err, "capget");
	is[0] = effective[0] | (uint64_t)effective[1] << 32;
	is[1] = permitted[0] | (uint64_t)permitted[1] << 32;
	is[2] = inheritable[0] | (uint64_t)inheritable[1] << 32;
	if (is[0] != (caps->effective | besides))
		return differs("the effective capability set", is[0], caps->effective, err);
	if (is[1] != (caps->permitted | besides))
		return differs("the permitted capability set", is[1], caps->permitted, err);
	if (is[2] != caps->inheritable)
		return differs("the inheritable capability set", is[2], caps->inheritable, err);
	/* Of the bounding set only what should be gone can be wrong, and only what is permitted and
	 * inheritable can be ambient (capabilities(7)). All these calls take a quarter of the time
	 * that reading /proc/self/status does, which INIT may not even have. */
	for (int cap = 0; cap < 64; cap++) {
		uint64_t bit = UINT64_C(1) << cap;

		if ((plan->host->known_caps & ~caps->bounding & bit) &&
		    prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			bounding |= bit;
		if ((is[1] & is[2] & bit) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			ambient |= bit;
	}
	if (bounding)
		return differs("what should be gone from the bounding capability set", bounding, 0,
			       err);
	if (ambient != caps->ambient)
		return differs("the ambient capability set", ambient, caps->ambient, err);
	return 0;
}

/* All but the labels, which a hook doesn't get. */
static int read_back(const struct run *run, uint64_t besides, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;
	int nnp = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

	TRY(read_back_ids(run, err));
	TRY(read_back_capabilities(run->plan, besides, err));
	/* A caller with no_new_privs can't be rid of it, so only its absence is a difference. */
	if (process->no_new_privs && nnp != 1)
		return differs("no_new_privs", (unsigned)nnp, 1, err);
	return 0;
}

int process_confine(struct run *run, struct oci_error *err)
{
	if (run->plan->process.no_new_privs)
		TRY(process_set_no_new_privs(run, err));
	TRY(process_drop_bounding(run, err));
	TRY(process_change_ids(run, err));
	/* No filter is loaded for it. */
	TRY(set_capabilities(&run->plan->process.caps, 0, err));
	return read_back(run, 0, err);
}

int process_read_back(struct run *run, struct oci_error *err)
{
	TRY(read_back(run, until_execve(run->plan), err));
	return label_read_back(run, err);
}

/* execve(2) says ENOENT for a missing interpreter too: finds out which one, without trusting the
 * file's content further than the error text. */
static int tell_interpreter(const char *program, struct oci_error *err)
{
	auto_fd fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char buf[256];
	ssize_t got = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	char *at = buf + 2;

	if (got > 2 && memcmp(buf, "#!", 2) == 0) {
		buf[got] = '\0';
		at += strspn(at, " \t");
		at[strcspn(at, " \t\n\r")] = '\0';
		return fail_code(err, "program-not-found",
				 "exec: \"%s\": no such file or directory: its interpreter '%s' is "
				 "missing",
				 program, at);
	}
	if (got > 4 && memcmp(buf, "\177ELF", 4) == 0)
		return fail_code(err, "program-not-found",
				 "exec: \"%s\": no such file or directory: it is there, but not "
				 "the dynamic loader that it names",
				 program);
	return tell_program(program, ENOENT, err);
}

static int tell_too_big(const struct plan_process *process, struct oci_error *err)
{
	size_t total = 0, largest = 0;
	const char *biggest = "";

	for (size_t i = 0; process->args[i]; i++)
		total += strlen(process->args[i]) + 1;
	for (size_t i = 0; process->env[i]; i++) {
		size_t size = strlen(process->env[i]) + 1;

		total += size;
		if (size > largest) {
			largest = size;
			biggest = process->env[i];
		}
	}
	return fail_code(err, "program-not-executable",
			 "exec: arguments and environment of %zu bytes are too long; the largest "
			 "variable is '%.*s' with %zu bytes",
			 total, (int)strcspn(biggest, "="), biggest, largest);
}

static void announce_fds(struct run *run)
{
	if (!run->plan->process.listen_fds)
		return;
	(void)snprintf(run->listen_pid, sizeof(run->listen_pid), "LISTEN_PID=%d", getpid());
	add_env(run, run->listen_pid);
}

int process_get_ready(struct run *run, struct oci_error *err)
{
	announce_fds(run);
	caller_reset_signals();
	return fd_cloexec_from(3 + run->plan->process.preserve_fds, err);
}

int process_execute(struct run *run, struct oci_error *err)
{
	const struct plan_process *process = &run->plan->process;

	(void)execve(run->program, process->args, process->env);
	if (errno == ENOENT)
		return tell_interpreter(run->program, err);
	if (errno == E2BIG)
		return tell_too_big(process, err);
	if ((errno == EPERM || errno == EACCES) && process->selinux_label && process->no_new_privs)
		return fail_code(err, "label-refused",
				 "exec: \"%s\": %s: with noNewPrivileges the SELinux policy must "
				 "allow nnp_transition to '%.200s' (/process/selinuxLabel)",
				 process->args[0],
				 errno == EPERM ? "operation not permitted" : "permission denied",
				 process->selinux_label);
	return tell_program(process->args[0], errno, err);
}
