/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whose cgroup it is: made, marked, taken into use, and later killed and removed only when it is
 * the very one that hull made. How a tree of cgroups is walked is steps/cgroup_tree.c.
 *
 * The mark is an extended attribute: the container's id and bundle on its cgroup, "parent" on a
 * parent made for one. It tells what hull made from what an engine made, also when the maker was
 * killed before it could write state.json. Root of the host keeps it where no container can write
 * it. A flock on the directory guards it from the mkdir until the container's first process is
 * inside, so that of two creators one gets it.
 */
#include "steps/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "steps/cgroup_control.h"
#include "steps/cgroup_tree.h"
#include "steps/oom.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define MARK_PARENT "parent"
#define REMOVE_MS 10000

/* Others may remove a parent again and again; each round one of us gets on. */
#define MAKE_ATTEMPTS 256
#define REMOVE_ATTEMPTS 100

/* --- Names and marks --- */

/* A path that can't name anything but a cgroup below the mount; never the mount itself. */
static bool path_is_safe(const char *path)
{
	if (*path == '\0' || *path == '/')
		return false;
	for (const char *at = path; at; at = strchr(at, '/')) {
		size_t size;

		at += at != path;
		size = strcspn(at, "/");
		if (size == 0 || strncmp(at, ".", size) == 0 || strncmp(at, "..", size) == 0)
			return false;
	}
	return true;
}

/* The mount that state.json names, or, seen from another mount namespace, where it is now. Which
 * cgroup is meant is proven by the inode afterwards. */
static int open_root(const char *mount, struct oci_error *err)
{
	auto_fd dir = open(mount, DIRECTORY);
	char other[256];
	struct statfs fs;

	if (dir >= 0 && fstatfs(dir, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return fd_take(&dir);
	fd_drop(&dir);
	if (!host_cgroup_mount(other))
		return fail_code(err, "cgroup-missing",
				 "no cgroup2 file system is mounted at '%s' or elsewhere", mount);
	dir = open(other, DIRECTORY);
	if (dir < 0)
		return fail_sys(err, "open '%s'", other);
	return fd_take(&dir);
}

/* -1 and errno when there is none. No links, no other file system, nothing above the root. */
static int open_below(int root, const char *path)
{
	struct open_how how = { .flags = DIRECTORY,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };

	if (!path_is_safe(path)) {
		errno = EINVAL;
		return -1;
	}
	return sys_openat2(root, path, &how);
}

static void mark_text(const struct state *state, char *text, size_t size)
{
	(void)snprintf(text, size, "%s\n%s", state->id, state->bundle);
}

/* A user attribute can be written by whoever may write to the directory, so also by a container
 * that was given its cgroup: it could pass a cgroup of the administrator off as hull's, to be
 * replaced by one without his limits. A trusted one takes CAP_SYS_ADMIN in the initial user
 * namespace; who has that believes no other. */
static const char *mark_name(void)
{
	uint32_t effective[2], permitted[2], inheritable[2];

	if (host_is_privileged() && sys_capget(effective, permitted, inheritable) == 0 &&
	    effective[0] & 1U << CAP_SYS_ADMIN)
		return "trusted.hull";
	return "user.hull";
}

/* Cgroups have had user attributes since Linux 5.7; where one can't be set, the cgroup counts as
 * one that hull didn't make once its inode isn't known. */
static void set_mark(int dir, const char *mark)
{
	(void)fsetxattr(dir, mark_name(), mark, strlen(mark), 0);
}

static bool has_mark(int dir)
{
	return fgetxattr(dir, mark_name(), NULL, 0) >= 0;
}

static bool mark_is(int dir, const struct state *state)
{
	char own[sizeof(((struct oci_error *)NULL)->text)], found[sizeof(own)];
	ssize_t size = fgetxattr(dir, mark_name(), found, sizeof(found) - 1);

	if (size < 0)
		return false;
	found[size] = '\0';
	mark_text(state, own, sizeof(own));
	return strcmp(own, found) == 0;
}

/* By somebody else, while hull was at work in it. */
static bool was_removed(const struct oci_error *err)
{
	return err->num == ENOENT || err->num == ENODEV;
}

/* --- Is an existing cgroup fit for a container --- */

/* Whether no process can enter what is below it but as threads of those in it. */
static bool makes_invalid(int dir)
{
	struct oci_error ignored = { 0 };
	char type[64];

	return cgroup_tree_type(dir, type, &ignored) == 0 &&
	       (strcmp(type, "threaded") == 0 || strcmp(type, "domain threaded") == 0);
}

#define OUTSIDE "let linux.cgroupsPath name a place that isn't below it"

static int fail_invalid(int dir, const char *path, struct oci_error *err)
{
	char above[PATH_MAX];

	if (!cgroup_tree_above(dir, path, makes_invalid, above, sizeof(above)))
		return fail_code(err, "cgroup-invalid",
				 "cgroup '/%s' is of type 'domain invalid': one above it, which "
				 "can't be seen from here, is for threads, so no process can enter",
				 path);
	return fail_code(err, "cgroup-invalid",
			 "cgroup '/%s' is of type 'domain invalid', so no process can enter: what "
			 "is below '/%s' is for threads (its cgroup.type isn't 'domain'): " OUTSIDE
			 ", or remove the threaded cgroups that make it so",
			 path, above);
}

static int check_type(int dir, const char *path, struct oci_error *err)
{
	char type[64];

	if (cgroup_tree_type(dir, type, err) < 0) {
		/* Nothing at all is in one that was removed meanwhile. */
		if (err->num == ENOENT && faccessat(dir, "cgroup.procs", F_OK, 0) == 0)
			return fail_code(err, "cgroup-invalid",
					 "cgroup '/%s' is a root of the cgroup tree", path);
		return -1;
	}
	if (strcmp(type, "threaded") == 0)
		return fail_code(
			err, "cgroup-invalid",
			"cgroup '/%s' is threaded: it takes threads, no processes, and can "
			"only be removed: let linux.cgroupsPath name another",
			path);
	return strcmp(type, "domain invalid") == 0 ? fail_invalid(dir, path, err) : 0;
}

static int fail_frozen(int dir, const char *path, struct oci_error *err)
{
	char above[PATH_MAX];

	if (cgroup_tree_asks_freeze(dir))
		return fail_code(err, "cgroup-frozen",
				 "cgroup '/%s' is frozen, so nothing would run in it: 0 in its "
				 "cgroup.freeze thaws it",
				 path);
	if (cgroup_tree_above(dir, path, cgroup_tree_asks_freeze, above, sizeof(above)))
		return fail_code(
			err, "cgroup-frozen",
			"cgroup '/%s' is frozen by '/%s' above it, so nothing would run in "
			"it: 0 in '/%s/cgroup.freeze' thaws them",
			path, above, above);
	return fail_code(err, "cgroup-frozen",
			 "cgroup '/%s' is frozen by one above it that can't be seen from here, so "
			 "nothing would run in it",
			 path);
}

static int check_state(int dir, const char *path, struct oci_error *err)
{
	struct cgroup_events events;
	char who[512];

	TRY(cgroup_tree_events(dir, &events, err));
	if (events.populated) {
		cgroup_tree_describe(dir, who, sizeof(who));
		return fail_code(err, "cgroup-populated", "cgroup '/%s' is in use by %s", path,
				 who);
	}
	return events.frozen ? fail_frozen(dir, path, err) : 0;
}

/* One that hands its controllers on to children takes no processes itself. */
static int check_children(int dir, const char *path, struct oci_error *err)
{
	char enabled[256];

	TRY(file_read_at(dir, "cgroup.subtree_control", enabled, sizeof(enabled), err));
	enabled[strcspn(enabled, "\n")] = '\0';
	if (*enabled)
		return fail_code(
			err, "cgroup-invalid",
			"cgroup '/%s' has controllers enabled for its children (%s), so no "
			"process can enter",
			path, enabled);
	return 0;
}

static int check_existing(int dir, const char *path, struct oci_error *err)
{
	TRY(check_type(dir, path, err));
	TRY(check_state(dir, path, err));
	return check_children(dir, path, err);
}

/* --- Intend and make --- */

static const char *mkdir_cause(int num)
{
	switch (num) {
	case EROFS:
		return " (the cgroup2 mount is read-only here; with --cgroup-manager=disabled the "
		       "container stays in the caller's cgroup)";
	case EACCES:
	case EPERM:
		return " (no right to make cgroups here: it takes root or a delegated cgroup)";
	case EAGAIN:
		return " (cgroup.max.depth or cgroup.max.descendants of one above is reached)";
	default:
		return "";
	}
}

static int fail_mkdir(const char *path, struct oci_error *err)
{
	const char *cause = mkdir_cause(errno);

	return fail_sys(err, "mkdir cgroup '/%s'%s", path, cause);
}

/* Counts in *missing how many of the path's parents there are to be made. Whether hull may do that
 * the nearest one that is there says. */
static int look_parents(int root, const char *path, unsigned *missing, struct oci_error *err)
{
	auto_free char *parent = strdup(path);
	auto_fd dir = -1;
	char *end;

	if (!parent)
		return fail_sys(err, "look at cgroup '/%s'", path);
	while (dir < 0 && (end = strrchr(parent, '/'))) {
		*end = '\0';
		dir = open_below(root, parent);
		*missing += dir < 0;
	}
	if (faccessat(dir < 0 ? root : dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return fail_mkdir(path, err);
	return 0;
}

int cgroup_intend(struct run *run, struct oci_error *err)
{
	const struct plan_cgroup *cgroup = &run->plan->cgroup;
	struct state *state = &run->state;
	auto_fd root = -1;
	auto_fd dir = -1;

	state->cgroup = state->cgroup_root = NULL;
	state->cgroup_made = false;
	state->cgroup_parents = 0;
	state->cgroup_inode = 0;
	if (!cgroup->used || cgroup->systemd.used)
		return 0;
	root = open_root(run->plan->host->cgroup_mount, err);
	if (root < 0)
		return -1;
	dir = open_below(root, cgroup->path);
	if (dir < 0 && errno != ENOENT)
		return fail_sys(err, "open cgroup '/%s'", cgroup->path);
	if (dir >= 0 && check_existing(dir, cgroup->path, err) < 0) {
		if (!was_removed(err))
			return -1;
		fd_drop(&dir);
		*err = (struct oci_error){ 0 };
	}
	TRY(cgroup_control_look(root, cgroup->path, cgroup->controllers, err));
	state->cgroup = cgroup->path;
	state->cgroup_root = run->plan->host->cgroup_mount;
	state->cgroup_made = dir < 0 || has_mark(dir);
	if (dir < 0)
		TRY(look_parents(root, cgroup->path, &state->cgroup_parents, err));
	return 0;
}

/* Goes down to the parent of the last component, making what is missing. *made counts those made
 * without a gap up from the last. Returns the parent's fd. */
static int make_parents(int root, const char *path, unsigned *made, struct oci_error *err)
{
	auto_fd at = openat(root, ".", DIRECTORY);

	if (at < 0)
		return fail_sys(err, "open the cgroup2 mount");
	for (const char *end; (end = strchr(path, '/')); path = end + 1) {
		char name[256];
		bool fresh = false;
		auto_fd next = -1;

		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - path), path);
		next = openat(at, name, DIRECTORY);
		if (next < 0 && errno == ENOENT) {
			fresh = mkdirat(at, name, 0755) == 0;
			if (!fresh && errno != EEXIST)
				return fail_mkdir(name, err);
			next = openat(at, name, DIRECTORY);
		}
		if (next < 0)
			return fail_sys(err, "open cgroup '%s'", name);
		if (fresh)
			set_mark(next, MARK_PARENT);
		if (fresh || has_mark(next))
			cgroup_control_hand_on(next);
		*made = fresh ? *made + 1 : 0;
		fd_drop(&at);
		at = fd_take(&next);
	}
	return fd_take(&at);
}

/* Removes parents upwards: `counted` of them, and beyond that those that bear hull's mark, until
 * one is in use. */
static void remove_parents(int root, const char *path, unsigned counted)
{
	auto_free char *parent = strdup(path);

	for (char *end; parent && (end = strrchr(parent, '/'));) {
		auto_fd dir = -1;

		*end = '\0';
		dir = open_below(root, parent);
		if (dir < 0 && errno == ENOENT) {
			counted -= counted > 0;
			continue;
		}
		if (dir < 0 || (counted == 0 && !has_mark(dir)))
			return;
		if (unlinkat(root, parent, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return; /* in use by others: they or nobody will remove it */
		counted -= counted > 0;
	}
}

static int lock(int dir, const char *path, struct oci_error *err)
{
	if (flock(dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return fail_code(err, "cgroup-populated",
				 "cgroup '/%s' is being taken by another container", path);
	return fail_sys(err, "lock cgroup '/%s'", path);
}

/* An existing cgroup. One that bears hull's mark is left over from a container that is stopped but
 * not deleted yet (or whose state was lost): its delete must not reach the new container, so it
 * is replaced by another one, with another inode. -1 with num ENOENT: try once more. */
static int take_existing(int parent, const char *name, const char *path, int dir,
			 struct oci_error *err)
{
	TRY(check_existing(dir, path, err));
	if (!has_mark(dir))
		return 0;
	if (cgroup_tree_remove_children(dir, err) < 0)
		return fail_in(err, "take over cgroup '/%s'", path);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_sys(err, "replace cgroup '/%s'", path);
	errno = ENOENT;
	return fail_sys(err, "replace cgroup '/%s'", path);
}

/* What a new cgroup inherits from those above it, if any is above but the root. */
static int check_new(int dir, const char *path, struct oci_error *err)
{
	if (!strchr(path, '/'))
		return 0;
	TRY(check_type(dir, path, err));
	return check_state(dir, path, err);
}

/* Makes or takes the last component; run->cgroup is open and locked then. */
static int make_last(struct run *run, int parent, const char *path, struct oci_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct state *state = &run->state;
	bool fresh = mkdirat(parent, name, 0755) == 0;
	auto_fd dir = -1;
	char mark[sizeof(err->text)];
	struct stat st;

	if (!fresh && errno != EEXIST)
		return fail_mkdir(path, err);
	dir = openat(parent, name, DIRECTORY);
	if (dir < 0)
		return fail_sys(err, "open cgroup '/%s'", path);
	TRY(lock(dir, path, err)); /* lost to another creator: theirs now, so it stays */
	if (!fresh)
		TRY(take_existing(parent, name, path, dir, err));
	if (!fresh)
		oom_count(dir, &run->oom_before); /* somebody's before */
	if (fstat(dir, &st) < 0)
		return fail_sys(err, "fstat cgroup '/%s'", path);
	if (fresh) {
		mark_text(state, mark, sizeof(mark));
		set_mark(dir, mark);
		if (check_new(dir, path, err) < 0) {
			(void)unlinkat(parent, name, AT_REMOVEDIR); /* the first error counts */
			return -1;
		}
	}
	state->cgroup_made = fresh;
	state->cgroup_inode = st.st_ino;
	run->cgroup = fd_take(&dir);
	return 0;
}

static int make_once(struct run *run, int root, const char *path, struct oci_error *err)
{
	unsigned made = 0;
	auto_fd parent = make_parents(root, path, &made, err);

	if (parent < 0 ||
	    cgroup_control_enable(root, path, run->plan->cgroup.controllers, err) < 0 ||
	    make_last(run, parent, path, err) < 0) {
		remove_parents(root, path, made);
		return -1;
	}
	run->state.cgroup_parents = made;
	return 0;
}

int cgroup_make(struct run *run, struct oci_error *err)
{
	const char *path = run->plan->cgroup.path;
	auto_fd root = -1;

	if (!run->plan->cgroup.used)
		return 0;
	if (!path_is_safe(path))
		return fail_code(err, "cgroup-invalid", "'%s' is no path of a cgroup", path);
	root = open_root(run->plan->host->cgroup_mount, err);
	if (root < 0)
		return -1;
	for (unsigned attempt = 1;; attempt++) {
		if (make_once(run, root, path, err) == 0)
			return 0;
		/* Another container's delete took a parent, or the leftover, away meanwhile. */
		if (!was_removed(err) || attempt == MAKE_ATTEMPTS)
			return -1;
		*err = (struct oci_error){ 0 };
	}
}

/* A cgroup that isn't the container's own, by its path. */
static int open_at(const char *mount, const char *path, struct oci_error *err)
{
	auto_fd root = open_root(mount, err);
	auto_fd dir = root < 0 ? -1 : open_below(root, path);

	if (root >= 0 && dir < 0)
		return fail_sys(err, "open cgroup '/%s'", path);
	return fd_take(&dir);
}

int cgroup_take(struct run *run, const char *path, struct oci_error *err)
{
	struct state *state = &run->state;
	const char *mount = run->plan->host->cgroup_mount;
	auto_fd dir = open_at(mount, path, err);
	struct stat st;

	if (dir < 0)
		return -1;
	TRY(check_existing(dir, path, err));
	if (fstat(dir, &st) < 0)
		return fail_sys(err, "fstat cgroup '/%s'", path);
	state->cgroup = path;
	state->cgroup_root = mount;
	state->cgroup_made = true;
	state->cgroup_parents = 0;
	state->cgroup_inode = st.st_ino;
	run->cgroup = fd_take(&dir);
	return 0;
}

int cgroup_inode(const struct state *state, const char *path, uint64_t *inode,
		 struct oci_error *err)
{
	auto_fd dir = open_at(state->cgroup_root, path, err);
	struct stat st;

	if (dir < 0)
		return -1;
	if (fstat(dir, &st) < 0)
		return fail_sys(err, "fstat cgroup '/%s'", path);
	*inode = st.st_ino;
	return 0;
}

/* The container's is in the scope's, which is in the slice's. */
int cgroup_open_slice(const struct state *state, struct oci_error *err)
{
	auto_free char *path = state->unit && state->cgroup ? strdup(state->cgroup) : NULL;

	for (int above = 0; path && above < 2; above++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return fail(err, "cgroup '/%s' is in no slice", state->cgroup);
		*slash = '\0';
	}
	return path ? open_at(state->cgroup_root, path, err) : -1;
}

void cgroup_undo(struct run *run)
{
	struct oci_error ignored = { 0 }; /* what made the undo necessary is what is reported */

	fd_drop(&run->cgroup);
	run->cgroup_left = cgroup_remove(&run->state, &ignored) < 0;
}

/* --- The cgroup of an existing container --- */

enum whose {
	NOBODY, /* the container has none, or it is gone */
	OURS,	/* hull made this very one for this container */
	TAKEN,	/* it was there before the container */
	OTHER,	/* something else bears its name now */
	UNSURE, /* no inode was recorded, and no mark was set: its maker was killed at once */
};

static enum whose whose_is(const struct state *state, int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return NOBODY;
	if (state->cgroup_inode)
		return st.st_ino != state->cgroup_inode ? OTHER : state->cgroup_made ? OURS : TAKEN;
	if (!state->cgroup_made)
		return TAKEN;
	if (has_mark(dir))
		return mark_is(dir, state) ? OURS : OTHER;
	return UNSURE;
}

/* Opens what state.json names: *root, *dir (-1 when there is nothing) and whose it is. */
static int open_own(const struct state *state, int *root, int *dir, enum whose *whose,
		    struct oci_error *err)
{
	*root = *dir = -1;
	*whose = NOBODY;
	if (!state->cgroup)
		return 0;
	if (!path_is_safe(state->cgroup))
		return fail_code(err, "cgroup-foreign",
				 "'%s' in the container's state is no cgroup of a container",
				 state->cgroup);
	*root = open_root(state->cgroup_root ? state->cgroup_root : "", err);
	if (*root < 0)
		return -1;
	*dir = open_below(*root, state->cgroup);
	if (*dir >= 0)
		*whose = whose_is(state, *dir);
	else if (errno != ENOENT)
		return fail_sys(err, "open cgroup '/%s'", state->cgroup);
	return 0;
}

static int refuse_foreign(const struct state *state, enum whose whose, struct oci_error *err)
{
	if (whose == TAKEN)
		return fail_code(err, "cgroup-foreign",
				 "cgroup '/%s' was there before the container: what is in it isn't "
				 "for hull to signal",
				 state->cgroup);
	return fail_code(err, "cgroup-foreign",
			 "cgroup '/%s' isn't the one that was made for the container",
			 state->cgroup);
}

int cgroup_kill(const struct state *state, struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose == NOBODY)
		return 0;
	if (whose != OURS)
		return refuse_foreign(state, whose, err);
	if (cgroup_tree_kill(dir, err) < 0)
		return fail_in(err, "kill cgroup '/%s'", state->cgroup);
	return 0;
}

/* As many pidfds as are held at once, well below the usual limit of 1024 open files. */
#define BATCH 128

static bool is_member(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int signal_members(const int *pidfds, const pid_t *batch, size_t n, const pid_t *members,
			  size_t n_members, int signal, struct oci_error *err)
{
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		if (pidfds[i] < 0 || !is_member(members, n_members, batch[i]))
			continue;
		if (sys_pidfd_send_signal(pidfds[i], signal) == 0 || errno == ESRCH || result < 0)
			continue;
		result = fail_sys(err, "signal %d to process %d", signal, (int)batch[i]);
	}
	return result;
}

/* A pid that was read may belong to another process by the time its pidfd is open. So the list is
 * read again after that: who holds the pid and is listed then is the one behind the pidfd, or the
 * one behind the pidfd is dead and no signal reaches anybody. */
static int signal_batch(int dir, const pid_t *batch, size_t n, int signal, struct oci_error *err)
{
	int pidfds[BATCH];
	auto_free pid_t *members = NULL;
	size_t n_members = 0;
	int result;

	for (size_t i = 0; i < n; i++)
		pidfds[i] = sys_pidfd_open(batch[i], 0); /* gone already: -1 */
	result = cgroup_tree_pids(dir, &members, &n_members, err);
	if (result == 0)
		result = signal_members(pidfds, batch, n, members, n_members, signal, err);
	for (size_t i = 0; i < n; i++)
		fd_drop(&pidfds[i]);
	return result;
}

static int signal_cgroup(int dir, void *ctx, struct oci_error *err)
{
	const int *signal = ctx;
	auto_free pid_t *pids = NULL;
	size_t n = 0;

	TRY(cgroup_tree_pids(dir, &pids, &n, err));
	for (size_t at = 0; at < n; at += BATCH)
		TRY(signal_batch(dir, pids + at, n - at < BATCH ? n - at : BATCH, *signal, err));
	return 0;
}

int cgroup_signal(const struct state *state, int signal, struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	if (signal == SIGKILL)
		return cgroup_kill(state, err);
	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose == NOBODY)
		return 0;
	if (whose != OURS)
		return refuse_foreign(state, whose, err);
	if (cgroup_tree_each(dir, signal_cgroup, &signal, err) < 0)
		return fail_in(err, "signal cgroup '/%s'", state->cgroup);
	return 0;
}

/* rmdir of what is empty, as far as this name still means the inode behind dir. */
static int remove_directory(int root, int dir, const char *path, struct oci_error *err)
{
	struct stat opened, named;

	if (fstat(dir, &opened) < 0)
		return fail_sys(err, "fstat cgroup '/%s'", path);
	if (fstatat(root, path, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "stat cgroup '/%s'", path);
	if (named.st_ino != opened.st_ino)
		return 0; /* another one already */
	if (unlinkat(root, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_sys(err, "remove cgroup '/%s'", path);
	return 0;
}

/* Mostly nothing is left inside, and the first rmdir does it. EBUSY: processes or child cgroups,
 * which is what `populated` and the directory show, so after the wait there is none; unless an exec
 * that is under way brings another process, or makes it once more. */
static int remove_own(int root, int dir, const char *path, struct oci_error *err)
{
	for (unsigned attempt = 1;; attempt++) {
		if (remove_directory(root, dir, path, err) == 0)
			return 0;
		if (err->num != EBUSY || attempt == REMOVE_ATTEMPTS)
			return -1;
		*err = (struct oci_error){ 0 };
		TRY(cgroup_tree_kill(dir, err));
		TRY(cgroup_tree_wait_empty(dir, REMOVE_MS, err));
		if (cgroup_tree_remove_children(dir, err) < 0 && err->num != EBUSY)
			return -1;
		*err = (struct oci_error){ 0 };
	}
}

int cgroup_remove_empty(const struct state *state, const char *path, struct oci_error *err)
{
	auto_fd root = open_root(state->cgroup_root, err);
	auto_fd dir = root < 0 ? -1 : open_below(root, path);

	if (root < 0)
		return -1;
	if (dir < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open cgroup '/%s'", path);
	return remove_own(root, dir, path, err);
}

/* Its maker was killed between mkdir and the mark. Nothing entered, so a plain rmdir must do,
 * unless a new creator is at it. */
static void remove_unsure(int root, int dir, const char *path)
{
	struct oci_error ignored = { 0 };

	if (flock(dir, LOCK_EX | LOCK_NB) == 0)
		(void)remove_directory(root, dir, path, &ignored); /* in use: not ours */
}

/* One that was there before the container: what `pause` did to it isn't left to the next one. */
static void thaw(int dir)
{
	struct oci_error ignored = { 0 }; /* it isn't hull's, so it may be gone */

	if (cgroup_tree_asks_freeze(dir))
		(void)file_write_at(dir, "cgroup.freeze", "0", &ignored);
}

int cgroup_remove(const struct state *state, struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose == OURS && remove_own(root, dir, state->cgroup, err) < 0)
		return fail_in(err, "remove cgroup '/%s'", state->cgroup);
	if (whose == TAKEN)
		thaw(dir);
	if (whose == UNSURE)
		remove_unsure(root, dir, state->cgroup);
	if (state->cgroup && state->cgroup_made)
		remove_parents(root, state->cgroup, state->cgroup_parents);
	return 0;
}

int cgroup_pids(const struct state *state, pid_t **pids, size_t *n, struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	*pids = NULL;
	*n = 0;
	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose != OURS && whose != TAKEN)
		return 0;
	if (cgroup_tree_all_pids(dir, pids, n, err) < 0) {
		free(*pids);
		*pids = NULL;
		*n = 0;
		return fail_in(err, "list cgroup '/%s'", state->cgroup);
	}
	return 0;
}

int cgroup_populated(const struct state *state, bool *populated, struct oci_error *err)
{
	struct cgroup_events events = { 0 };
	auto_fd dir = -1;

	TRY(cgroup_open(state, &dir, err));
	if (dir >= 0 && cgroup_tree_events(dir, &events, err) < 0)
		return fail_in(err, "cgroup '/%s'", state->cgroup);
	*populated = events.populated;
	return 0;
}

int cgroup_open(const struct state *state, int *fd, struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	*fd = -1;
	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose == OURS || whose == TAKEN)
		*fd = fd_take(&dir);
	return 0;
}

int cgroup_enable(const struct state *state, const struct plan_controller *controllers,
		  struct oci_error *err)
{
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose == NOBODY && state->cgroup)
		return fail_code(err, "not-running",
				 "container not running: its cgroup '/%s' is gone", state->cgroup);
	if (whose != OURS && whose != TAKEN)
		return refuse_foreign(state, whose, err);
	return cgroup_control_enable(root, state->cgroup, controllers, err);
}

/* Below the container's cgroup, whatever the path says: openat2 goes neither up nor out. */
static int open_sub(int dir, const char *sub, const struct state *state, struct oci_error *err)
{
	int fd = open_below(dir, sub);

	if (fd < 0)
		return fail_sys(err, "open cgroup '%s' below the container's, '/%s'", sub,
				state->cgroup);
	return fd;
}

/* The cgroup of a process, from "/" on, as hull's cgroup namespace has it; NULL: it can't be told.
 * buf holds the file. */
static char *path_of_process(pid_t pid, char *buf, size_t size)
{
	struct oci_error ignored;
	char path[32];
	char *line;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (file_read_at(AT_FDCWD, path, buf, size, &ignored) <= 0)
		return NULL;
	line = strncmp(buf, "0::", 3) == 0 ? buf : strstr(buf, "\n0::");
	if (!line)
		return NULL;
	line += strcspn(line, "/");
	line[strcspn(line, "\n")] = '\0';
	return *line ? line : NULL;
}

static bool same_directory(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Whether the first `length` bytes of `line` are the path of the container's cgroup, `dir`, and
 * `sub` is what is below it. Mostly the mount begins where the path does, and the inode tells.
 * Where hull sees a part of the tree only, the path may begin higher up or lower down than the
 * mount: then what follows must be there. */
static bool leads_to(int root, int dir, char *line, size_t length, const char *sub)
{
	char after = line[length];
	auto_fd found = -1;

	line[length] = '\0';
	found = open_below(root, line + 1);
	line[length] = after;
	if (found >= 0)
		return same_directory(found, dir);
	return !*sub || faccessat(dir, sub, F_OK, 0) == 0;
}

/* The cgroup of a process as a path below the container's, `dir` ("" when it is that itself); NULL
 * when it is none of those. buf holds it. The name may be in the path more than once. */
static const char *sub_of_process(pid_t pid, int root, int dir, const struct state *state,
				  char *buf, size_t size)
{
	char *line = path_of_process(pid, buf, size);
	size_t length = strlen(state->cgroup);

	for (char *at = line; at && (at = strstr(at, state->cgroup)); at++) {
		const char *sub = at + length;

		if (at == line || at[-1] != '/' || (*sub != '/' && *sub != '\0'))
			continue;
		sub += *sub == '/';
		if (leads_to(root, dir, line, (size_t)(at - line) + length, sub))
			return sub;
	}
	return NULL;
}

bool cgroup_has_process(const struct state *state, pid_t pid)
{
	struct oci_error ignored = { 0 };
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;
	char buf[8192];

	return open_own(state, &root, &dir, &whose, &ignored) == 0 && dir >= 0 &&
	       sub_of_process(pid, root, dir, state, buf, sizeof(buf));
}

/* The cgroup hands controllers on to its children: its own choice, so a further process goes to
 * where the container's own one went. That may be the cgroup itself, where the controllers are such
 * as threads can have: whether it takes a process the kernel says. */
static int open_beside_init(int root, int dir, const struct state *state, pid_t init,
			    struct oci_error *err)
{
	char buf[8192];
	const char *sub = sub_of_process(init, root, dir, state, buf, sizeof(buf));

	if (!sub)
		return fail_code(err, "cgroup-invalid",
				 "cgroup '/%s' has controllers enabled for its children, so it "
				 "takes no processes, and the container's own process is in none "
				 "of them: name one with --cgroup",
				 state->cgroup);
	return *sub ? open_sub(dir, sub, state, err) : fcntl(dir, F_DUPFD_CLOEXEC, 3);
}

static int choose_cgroup(int root, int dir, const struct state *state, const char *sub, pid_t init,
			 struct oci_error *err)
{
	char enabled[256];

	if (sub)
		return open_sub(dir, sub, state, err);
	if (file_read_at(dir, "cgroup.subtree_control", enabled, sizeof(enabled), err) < 0)
		return fail_in(err, "cgroup '/%s'", state->cgroup);
	if (enabled[0] != '\0' && enabled[0] != '\n')
		return open_beside_init(root, dir, state, init, err);
	return fcntl(dir, F_DUPFD_CLOEXEC, 3);
}

int cgroup_open_for_exec(const struct state *state, const char *sub, pid_t init, bool frozen_too,
			 struct oci_error *err)
{
	struct cgroup_events events;
	auto_fd root = -1;
	auto_fd dir = -1;
	auto_fd chosen = -1;
	enum whose whose;

	TRY(open_own(state, &root, &dir, &whose, err));
	if (whose == NOBODY)
		return fail_code(err, "not-running",
				 "container not running: its cgroup '/%s' is gone", state->cgroup);
	if (whose == OTHER)
		return refuse_foreign(state, whose, err);
	chosen = choose_cgroup(root, dir, state, sub, init, err);
	if (chosen < 0)
		return -1;
	if (frozen_too)
		return fd_take(&chosen);
	/* What is born in a frozen cgroup hangs. */
	TRY(cgroup_tree_events(chosen, &events, err));
	if (events.frozen)
		return fail_code(err, "cgroup-frozen",
				 "cgroup '/%s%s%s' is frozen: nothing would run in it",
				 state->cgroup, sub ? "/" : "", sub ? sub : "");
	return fd_take(&chosen);
}

int cgroup_frozen(const struct state *state)
{
	struct oci_error ignored = { 0 };
	struct cgroup_events events;
	auto_fd root = -1;
	auto_fd dir = -1;
	enum whose whose;

	if (open_own(state, &root, &dir, &whose, &ignored) < 0 ||
	    (whose != OURS && whose != TAKEN) || cgroup_tree_events(dir, &events, &ignored) < 0)
		return 0;
	return events.frozen;
}
