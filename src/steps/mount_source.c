/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PARENT's part of the mounts: detached clones of what bind mounts show of the host, with the
 * attributes that the config asks for, before anything of the container's exists. They are attached
 * in mount.c; ids are mapped in mount_idmap.c. Nothing here is looked up inside the root.
 */
#include "steps/mount_source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/sys.h"

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
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &all, sizeof(all)) < 0)
		return fail_sys(err, "mount_setattr");
	if (has_top && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &top, sizeof(top)) < 0)
		return fail_sys(err, "mount_setattr");
	return 0;
}

static int clone_source(const struct plan *plan, const struct plan_mount *m, const char *path,
			struct oci_error *err)
{
	auto_fd tree = sys_open_tree(AT_FDCWD, path,
				     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					     (m->recursive ? AT_RECURSIVE : 0));

	if (tree < 0 && errno == EINVAL)
		return fail_sys(err,
				"open_tree '%s': it can't be cloned; is it on an unbindable "
				"mount, or below one that is locked?",
				path);
	if (tree < 0)
		return fail_sys(err, "open_tree '%s'", path);
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

/* The path that PARENT clones for this mount, or NULL when INIT makes it. */
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
	for (size_t i = 0; i < plan->n_mounts; i++) {
		const struct plan_mount *m = &plan->mounts[i];
		const char *path = host_path(run, m);

		if (!path)
			continue;
		run->sources[i] = clone_source(plan, m, path, err);
		if (run->sources[i] < 0)
			return fail_in(err, "/mounts/%zu: mount '%s' at '%s'", m->index, path,
				       m->destination);
	}
	if (plan->n_masked > 0)
		return clone_null(run, err);
	return 0;
}
