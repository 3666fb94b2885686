/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What bind mounts show of the host, as detached clones with the attributes that the config asks
 * for, before anything of the container's exists: by PARENT, whom no mapped id keeps from a path,
 * or by INIT where PARENT isn't privileged over its own mount namespace. They are attached in
 * mount.c; ids are mapped in mount_idmap.c. Nothing here is looked up inside the root.
 */
#include "steps/mount_source.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/sys.h"
#include "steps/mount_flags.h"
#include "steps/spawn.h"

enum { INITIAL_CGROUP_NS = 0xeffffffb }; /* inode of the host's own: PROC_CGROUP_INIT_INO */

uint64_t mount_propagation(const struct plan *plan, const struct plan_mount *m)
{
	if (m->propagation != 0)
		return m->propagation;
	if (plan->root_propagation == MS_SHARED || plan->root_propagation == MS_SLAVE)
		return MS_SLAVE;
	return MS_PRIVATE;
}

/* One call does it all for a single mount; with rbind the plain options are the top mount's alone.
 */
static int set_attributes(int tree, const struct plan *plan, const struct plan_mount *m,
			  struct oci_error *err)
{
	struct mount_attr all = { .attr_set = m->tree_set,
				  .attr_clr = m->tree_clear,
				  .propagation = mount_propagation(plan, m) };
	struct mount_attr top = { .attr_set = m->attr_set, .attr_clr = m->attr_clear };
	bool has_top = (m->attr_set | m->attr_clear) != 0;

	if (m->kind == MOUNT_CGROUP && m->read_only)
		top.attr_set |= MOUNT_ATTR_RDONLY;
	if (!m->recursive) {
		/* What the tree words say of an attribute, plain words no longer do, and the
		 * reverse wins: they come later. */
		uint64_t mask = top.attr_set | top.attr_clr;

		top.attr_set |= all.attr_set & ~mask;
		top.attr_clr |= all.attr_clr & ~mask;
		top.propagation = all.propagation;
		all = top;
		has_top = false;
	}
	TRY(mount_flags_set(tree, true, &all, err));
	if (has_top)
		return mount_flags_set(tree, false, &top, err);
	return 0;
}

/* In place of a new file system: the same flags, but down to the mounts below, which a new one
 * wouldn't have, and none taken back. */
static int set_stand_in(int tree, const struct plan *plan, const struct plan_mount *m,
			struct oci_error *err)
{
	struct mount_attr all = { .attr_set = m->attr_set,
				  .propagation = mount_propagation(plan, m) };

	if (m->attr_clear & MOUNT_ATTR__ATIME)
		all.attr_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	return mount_flags_set(tree, true, &all, err);
}

static int fail_clone(const char *path, bool recursive, struct oci_error *err)
{
	auto_fd all = -1;

	(void)fail_sys(err, "open_tree '%s'", path);
	if (err->num != EINVAL)
		return -1;
	if (!recursive)
		all = sys_open_tree(AT_FDCWD, path,
				    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (all >= 0)
		return fail(err,
			    "open_tree '%s': Invalid argument: mounts below it are locked, for "
			    "they come from a mount namespace with more privilege: use rbind",
			    path);
	return fail(err,
		    "open_tree '%s': Invalid argument: it can't be cloned; is it on an unbindable "
		    "mount, or below one that is locked?",
		    path);
}

static int clone_source(const struct plan *plan, const struct plan_mount *m, const char *path,
			struct oci_error *err)
{
	bool recursive = m->recursive || m->stand_in;
	auto_fd tree =
		sys_open_tree(AT_FDCWD, path,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));

	if (tree < 0)
		return fail_clone(path, recursive, err);
	if (m->stand_in)
		TRY(set_stand_in(tree, plan, m, err));
	else
		TRY(set_attributes(tree, plan, m, err));
	return fd_take(&tree);
}

/* A cgroup mount is a new one only in a cgroup namespace that isn't the host's first: a new mount
 * from there would reset the options of the host's hierarchy (nsdelegate, ...). */
static bool shows_host_cgroups(const struct run *run)
{
	struct stat st;

	if (plan_new_ns(run->plan, NS_CGROUP))
		return false;
	if (!plan_has_ns(run->plan, NS_CGROUP))
		return true;
	return stat(run->plan->namespaces[NS_CGROUP].path, &st) < 0 ||
	       st.st_ino == INITIAL_CGROUP_NS;
}

/* The path that is cloned for this mount, or NULL when INIT makes it. */
static const char *host_path(const struct run *run, const struct plan_mount *m)
{
	if (m->kind == MOUNT_BIND)
		return m->source;
	if (m->kind == MOUNT_CGROUP && shows_host_cgroups(run))
		return run->plan->host->cgroup_mount;
	return NULL;
}

/* What covers masked files. Read-only: a chmod in the container must not reach the host's node. */
static int clone_null(struct run *run, struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NOEXEC,
				   .propagation = MS_PRIVATE };
	auto_fd tree = sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat st;

	if (tree < 0)
		return fail_sys(err, "open_tree '/dev/null'");
	if (fstat(tree, &st) < 0)
		return fail_sys(err, "fstat '/dev/null'");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return fail(err, "'/dev/null' of the host is not the null device (1:3)");
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr '/dev/null'");
	run->null_tree = fd_take(&tree);
	return 0;
}

/* A file system of the type that it stands for, and its root: else there is none, and the kernel's
 * refusal of a new one is the last word. */
static bool may_stand_in(const struct plan_mount *m, int tree)
{
	static const struct {
		const char *type;
		long magic;
		ino_t root; /* 0: any */
	} kinds[] = {
		{ "proc", PROC_SUPER_MAGIC, 1 },
		{ "sysfs", SYSFS_MAGIC, 1 },
		{ "mqueue", 0x19800202, 0 }, /* MQUEUE_MAGIC of the kernel's ipc/mqueue.c */
	};
	struct statfs fs;
	struct stat st;

	if (tree < 0 || fstatfs(tree, &fs) < 0 || fstat(tree, &st) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(m->type, kinds[i].type) == 0)
			return fs.f_type == kinds[i].magic &&
			       (kinds[i].root == 0 || st.st_ino == kinds[i].root);
	return false;
}

static int open_stand_in(struct run *run, size_t i)
{
	const struct plan_mount *m = &run->plan->mounts[i];
	struct oci_error ignored = { 0 }; /* without one, the kernel's own refusal is told */
	auto_fd tree = clone_source(run->plan, m, m->stand_in, &ignored);

	if (may_stand_in(m, tree))
		run->sources[i] = fd_take(&tree);
	return 0;
}

static int open_one(struct run *run, size_t i, struct oci_error *err)
{
	const struct plan_mount *m = &run->plan->mounts[i];
	const char *path = host_path(run, m);

	if (run->sources[i] >= 0)
		return 0;
	if (m->stand_in)
		return open_stand_in(run, i);
	if (!path)
		return 0;
	run->sources[i] = clone_source(run->plan, m, path, err);
	if (run->sources[i] < 0)
		return fail_in(err, "/mounts/%zu: mount '%s' at '%s'", m->index, path,
			       m->destination);
	return 0;
}

static int open_all(struct run *run, struct oci_error *err)
{
	for (size_t i = 0; i < run->plan->n_mounts; i++)
		TRY(open_one(run, i, err));
	if (run->plan->n_masked > 0 && run->null_tree < 0)
		return clone_null(run, err);
	return 0;
}

bool mount_left_to_init(const struct plan *plan)
{
	auto_fd tree = -1;

	if (!plan_has_ns(plan, NS_USER) && !plan->host->nested)
		return false;
	tree = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 && errno == EPERM;
}

/* With the rights of a user namespace without ids: where those don't suffice INIT's may, which
 * has the lent ids. */
static int try_each(void *ctx, struct oci_error *err)
{
	struct run *run = ctx;

	for (size_t i = 0; i < run->plan->n_mounts; i++) {
		struct oci_error trial = { 0 };

		if (open_one(run, i, &trial) == 0 || trial.num == EACCES)
			continue;
		*err = trial;
		return -1;
	}
	return 0;
}

/* What INIT would fail at is known before anything is made, and to `hull check`. */
static int try_all(struct run *run, struct oci_error *err)
{
	struct oci_error failed = { 0 };
	bool made;

	if (spawn_helper(run, CLONE_NEWUSER | CLONE_NEWNS, SPAWN_HELPER_S, try_each, &made,
			 &failed) == 0 ||
	    !made)
		return 0; /* that there can be no such namespace is for the fork to tell */
	*err = failed;
	return -1;
}

int mount_open_sources(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;

	if (plan->n_mounts > 0) {
		run->sources = malloc(plan->n_mounts * sizeof(*run->sources));
		if (!run->sources)
			return fail_sys(err, "malloc");
	}
	for (size_t i = 0; i < plan->n_mounts; i++)
		run->sources[i] = -1;
	if (!mount_left_to_init(plan))
		return open_all(run, err);
	TRY(try_all(run, err));
	for (size_t i = 0; i < plan->n_mounts; i++)
		if (plan->mounts[i].idmap != IDMAP_NONE)
			return fail_code(err, "unsupported",
					 "/mounts/%zu: mapping the ids of a mount needs "
					 "CAP_SYS_ADMIN in the user namespace that hull's mount "
					 "namespace belongs to",
					 i);
	return 0;
}

int mount_open_rest(struct run *run, struct oci_error *err)
{
	return open_all(run, err);
}
