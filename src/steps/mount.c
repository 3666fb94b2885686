/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * INIT's part of the mounts of config.json: makes what isn't a clone of the host's (those are
 * PARENT's, mount_source.c), looks each destination up inside the root (base/inroot.h) and attaches
 * by fd. File systems are made in filesystem.c; what the options mean was decided in
 * plan/mounts.c. No path is looked up twice, and no mount table is read.
 */
#include "steps/mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "steps/copy_up.h"
#include "steps/filesystem.h"
#include "steps/mount_flags.h"
#include "steps/mount_source.h"

enum { PROC_ROOT = 1 }; /* inode of the root of every procfs: PROC_ROOT_INO */

/* The root of the container's cgroup namespace is the cgroup that hull put it into. */
static bool shows_own_cgroup(const struct plan *plan)
{
	return plan_new_ns(plan, NS_CGROUP) && plan->cgroup.used;
}

struct place {
	struct run *run;
	dev_t root_dev;
	ino_t root_ino;
	bool any_shared; /* then what is mounted may turn shared, and has to be set back */
};

static bool is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Files of procfs that may be covered: what containers of containers' tools (lxcfs) replace. All
 * else there decides what processes are and may do, so it stays the kernel's. */
static bool may_cover(const char *destination)
{
	static const char *const files[] = { "cpuinfo",	 "diskstats",
					     "loadavg",	 "meminfo",
					     "slabinfo", "stat",
					     "swaps",	 "sys/crypto/fips_enabled",
					     "uptime",	 "sys/kernel/ns_last_pid" };

	if (strncmp(destination, "/proc/", 6) != 0)
		return false;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(destination + 6, files[i]) == 0)
			return true;
	}
	return false;
}

/* Where links led decides, not the words of the destination. `tree` may be -1: a new mount. */
static int check_target(const struct place *place, const struct plan_mount *m, int target, int tree,
			struct oci_error *err)
{
	struct stat st;

	if (fstat(target, &st) < 0)
		return fail_sys(err, "fstat");
	if (st.st_dev == place->root_dev && st.st_ino == place->root_ino)
		return fail(err, "the destination is the root itself (by a link?)");
	if (!is_procfs(target))
		return 0;
	if (st.st_ino == PROC_ROOT && (tree >= 0 ? is_procfs(tree) : strcmp(m->type, "proc") == 0))
		return 0;
	if (st.st_ino != PROC_ROOT && may_cover(m->destination))
		return 0;
	return fail(err, "the destination is part of procfs, which only a procfs may cover as a "
			 "whole, and only a few files of it otherwise");
}

/* Opens the destination, made when missing: a file for the clone of a file. */
static int open_target(const struct place *place, const struct plan_mount *m, int tree,
		       bool *existed, struct oci_error *err)
{
	int root = place->run->rootfs;
	auto_fd target = inroot_try_open(root, m->destination, O_PATH);
	struct stat st = { .st_mode = S_IFDIR };

	*existed = target >= 0;
	if (target < 0 && errno != ENOENT)
		return fail_sys(err, "openat2 '%s' in the root", m->destination);
	if (target < 0) {
		if (tree >= 0 && fstat(tree, &st) < 0)
			return fail_sys(err, "fstat the source");
		if (S_ISDIR(st.st_mode))
			target = inroot_make_directory(root, m->destination, 0755, err);
		else
			target = inroot_make_file(root, m->destination, err);
		if (target < 0)
			return -1;
	}
	TRY(check_target(place, m, target, tree, err));
	return fd_take(&target);
}

static int move_to(int tree, int target, struct oci_error *err)
{
	struct stat from, to;

	if (sys_move_mount(tree, "", target, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	(void)fail_sys(err, "move_mount");
	if (fstat(tree, &from) == 0 && fstat(target, &to) == 0 &&
	    S_ISDIR(from.st_mode) != S_ISDIR(to.st_mode))
		return fail(err,
			    "move_mount: %s: the source is %s directory, the destination is %s",
			    strerror(err->num), S_ISDIR(from.st_mode) ? "a" : "no",
			    S_ISDIR(to.st_mode) ? "one" : "not");
	return -1;
}

static int set_propagation(int mounted, const struct plan_mount *m, struct oci_error *err)
{
	struct mount_attr attr = { .propagation = m->propagation };
	unsigned flags = AT_EMPTY_PATH | (m->propagation_recursive ? AT_RECURSIVE : 0);

	if (sys_mount_setattr(mounted, "", flags, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr the propagation");
	return 0;
}

/* Attaches and, where it isn't so already, sets the propagation: a mount on a shared one becomes
 * shared. */
static int attach(const struct place *place, const struct plan_mount *m, int tree, int target,
		  struct oci_error *err)
{
	bool fresh = m->kind == MOUNT_NEW || m->kind == MOUNT_CGROUP;

	TRY(move_to(tree, target, err));
	if (m->propagation != 0 && (place->any_shared || (fresh && m->propagation != MS_PRIVATE)))
		return set_propagation(tree, m, err);
	return 0;
}

/* Attaches what was cloned of the host. */
static int attach_source(const struct place *place, const struct plan_mount *m, int *source,
			 int target, struct oci_error *err)
{
	auto_fd tree = fd_take(source);

	TRY(check_target(place, m, target, tree, err));
	return attach(place, m, tree, target, err);
}

static int mount_source(const struct place *place, const struct plan_mount *m, int *source,
			struct oci_error *err)
{
	auto_fd tree = fd_take(source);
	bool existed;
	auto_fd target = open_target(place, m, tree, &existed, err);

	if (target < 0)
		return -1;
	return attach(place, m, tree, target, err);
}

/* A tmpfs without "mode=" looks as the directory did that it covers. */
static const char *inherited_mode(const struct plan_mount *m, int target, char text[8])
{
	struct stat st;

	if (strcmp(m->type, "tmpfs") != 0)
		return NULL;
	for (size_t i = 0; i < m->n_options; i++) {
		if (strcmp(m->options[i].key, "mode") == 0)
			return NULL;
	}
	if (fstat(target, &st) < 0 || !S_ISDIR(st.st_mode))
		return NULL;
	(void)snprintf(text, 8, "%o", st.st_mode & 07777);
	return text;
}

/* Overlay mounts with long lists of layers: mount(2) puts them in place without giving an fd, so
 * the destination is looked up once more and must be another file system by now. */
static int mount_long(const struct place *place, const struct plan_mount *m, int target,
		      struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = m->attr_set,
				   .attr_clr = m->attr_clear,
				   .propagation = mount_propagation(place->run->plan, m) };
	struct stat below, now;
	auto_fd mounted = -1;

	TRY(filesystem_mount_long(m, target, err));
	mounted = inroot_open(place->run->rootfs, m->destination, O_PATH, err);
	if (mounted < 0)
		return -1;
	if (fstat(target, &below) < 0 || fstat(mounted, &now) < 0)
		return fail_sys(err, "fstat");
	if (below.st_dev == now.st_dev)
		return fail(err, "the destination changed while it was mounted on");
	if (sys_mount_setattr(mounted, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return fail_sys(err, "mount_setattr");
	return 0;
}

/* What to do about an EPERM for a new file system. */
static int explain_forbidden(const struct plan *plan, const struct plan_mount *m,
			     struct oci_error *err)
{
	static const struct {
		const char *type, *needs;
		enum plan_ns_type of;
	} kinds[] = {
		{ "proc", "a pid namespace", NS_PID },
		{ "sysfs", "a network namespace", NS_NET },
		{ "mqueue", "an ipc namespace", NS_IPC },
		{ "cgroup2", "a cgroup namespace", NS_CGROUP },
	};
	bool nested = plan->host->nested;

	if (err->num != EPERM || (!plan_has_ns(plan, NS_USER) && !nested))
		return -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(m->type, kinds[i].type) != 0)
			continue;
		if (plan_new_ns(plan, kinds[i].of))
			return fail_in(err,
				       "a new %s isn't permitted while the one that hull sees is "
				       "covered in parts, as an outer container's masked paths do "
				       "(run that one without them)",
				       m->type);
		return fail_in(err, "a new %s takes %s that belongs to the user namespace", m->type,
			       kinds[i].needs);
	}
	return fail_in(err,
		       "file system '%s' can't be made inside of a user namespace: mount it on "
		       "the host and bind it",
		       m->type);
}

/* What a new file system gets before and after it is in its place. *tree goes to *late when it has
 * to be made read-only later. */
static int put_new(const struct place *place, const struct plan_mount *m, int *tree, int target,
		   bool existed, int *late, struct oci_error *err)
{
	if (m->copy_up && existed && copy_up(target, *tree, err) < 0)
		return fail_in(err, "tmpcopyup");
	TRY(attach(place, m, *tree, target, err));
	if (m->legacy)
		TRY(filesystem_legacy(m, *tree, err));
	if (m->read_only_late)
		*late = fd_take(tree);
	return 0;
}

static int mount_new(const struct place *place, const struct plan_mount *m, int *source,
		     struct oci_error *err)
{
	bool existed;
	auto_fd target = open_target(place, m, -1, &existed, err);
	char mode[8];
	auto_fd tree = -1;

	if (target < 0)
		return -1;
	if (filesystem_is_long(m))
		return mount_long(place, m, target, err);
	tree = filesystem_make(m, existed ? inherited_mode(m, target, mode) : NULL, err);
	if (tree < 0 && err->num == EPERM && *source >= 0) {
		/* The kernel's rule for new ones; the plan says that the host's does as well. */
		*err = (struct oci_error){ 0 };
		return attach_source(place, m, source, target, err);
	}
	if (tree < 0)
		return explain_forbidden(place->run->plan, m, err);
	return put_new(place, m, &tree, target, existed, source, err);
}

/* A file system that PARENT made, because its ids are mapped. Its mode could not be inherited
 * there, and a detached mount's root is writable for whoever its owner is mapped to. */
static int mount_idmapped(const struct place *place, const struct plan_mount *m, int *source,
			  struct oci_error *err)
{
	auto_fd tree = fd_take(source);
	bool existed;
	auto_fd target = -1;
	char text[8];
	const char *mode;

	if (tree < 0)
		return fail(err, "it wasn't made with its ids mapped");
	target = open_target(place, m, tree, &existed, err);
	if (target < 0)
		return -1;
	mode = existed ? inherited_mode(m, target, text) : NULL;
	if (mode) {
		auto_fd root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (root < 0 || fchmod(root, (mode_t)strtoul(mode, NULL, 8)) < 0)
			return fail_sys(err,
					"give it the mode of the directory that it covers, "
					"%s (mode=%s among its options is another way)",
					mode, mode);
	}
	return put_new(place, m, &tree, target, existed, source, err);
}

static int mount_change(const struct place *place, const struct plan_mount *m,
			struct oci_error *err)
{
	struct mount_attr all = { .attr_set = m->tree_set, .attr_clr = m->tree_clear };
	struct mount_attr top = { .attr_set = m->attr_set, .attr_clr = m->attr_clear };
	auto_fd mounted = inroot_open(place->run->rootfs, m->destination, O_PATH, err);

	if (mounted < 0)
		return -1;
	/* Also the question whether it is a mount at all, when there is nothing to set. */
	if (mount_flags_set(mounted, false, &top, err) < 0) {
		if (err->num == EINVAL)
			return fail_in(err, "nothing is mounted there, or the options don't go "
					    "together");
		return -1;
	}
	if ((m->tree_set | m->tree_clear) != 0) {
		TRY(mount_flags_set(mounted, true, &all, err));
		TRY(mount_flags_set(mounted, false, &top, err));
	}
	if (m->n_options > 0)
		TRY(filesystem_change(m, mounted, err));
	if (m->legacy)
		TRY(filesystem_legacy(m, mounted, err));
	if (m->propagation != 0)
		return set_propagation(mounted, m, err);
	return 0;
}

static int mount_one(const struct place *place, const struct plan_mount *m, int *source,
		     struct oci_error *err)
{
	struct plan_mount cgroup;

	if (m->idmap != IDMAP_NONE && !place->run->ids_mapped)
		return fail(err, "its ids were not mapped");
	switch (m->kind) {
	case MOUNT_BIND:
		return mount_source(place, m, source, err);
	case MOUNT_CGROUP:
		if (*source >= 0)
			return mount_source(place, m, source, err);
		cgroup = *m;
		cgroup.type = "cgroup2"; /* "cgroup" says version 1, which hull doesn't mount */
		/* A namespace that is joined, or made around the caller's own cgroup, shows
		 * others'. */
		if (m->read_only && !shows_own_cgroup(place->run->plan))
			cgroup.attr_set |= MOUNT_ATTR_RDONLY;
		return mount_new(place, &cgroup, source, err);
	case MOUNT_REMOUNT:
		return mount_change(place, m, err);
	case MOUNT_NEW:
		break;
	}
	if (m->idmap != IDMAP_NONE)
		return mount_idmapped(place, m, source, err);
	return mount_new(place, m, source, err);
}

static const char *name_of(const struct plan_mount *m)
{
	if (m->kind == MOUNT_REMOUNT)
		return "remount";
	return m->kind == MOUNT_BIND ? m->source : m->type;
}

/* The usual cause when nothing can be made in the root. */
static struct oci_error *hint_at_owner(const struct stat *root, const struct plan *plan,
				       struct oci_error *err)
{
	enum { OVERFLOW_ID = 65534 }; /* kernel.overflowuid, as everybody has it */

	if (err->num == EACCES && plan_has_ns(plan, NS_USER) && root->st_uid == OVERFLOW_ID)
		(void)fail_in(err, "the root file system's owner isn't mapped in the user "
				   "namespace, so nothing can be made there");
	return err;
}

int mount_all(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;
	struct place place = { .run = run };
	struct stat root;

	if (fstat(run->rootfs, &root) < 0)
		return fail_sys(err, "fstat the root");
	place.root_dev = root.st_dev;
	place.root_ino = root.st_ino;
	for (size_t i = 0; i < plan->n_mounts; i++)
		place.any_shared |= plan->mounts[i].propagation == MS_SHARED;
	for (size_t i = 0; i < plan->n_mounts; i++) {
		const struct plan_mount *m = &plan->mounts[i];

		if (mount_one(&place, m, &run->sources[i], err) < 0)
			return fail_in(hint_at_owner(&root, plan, err), "/mounts/%zu: %s%s at '%s'",
				       m->index, m->kind == MOUNT_REMOUNT ? "" : "mount ",
				       name_of(m), m->destination);
	}
	return 0;
}

int mount_finish(struct run *run, struct oci_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < run->plan->n_mounts; i++) {
		const struct plan_mount *m = &run->plan->mounts[i];

		if (!m->read_only_late)
			continue;
		if (sys_mount_setattr(run->sources[i], "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			return fail_sys(err, "/mounts/%zu: make '%s' read-only: mount_setattr",
					m->index, m->destination);
		fd_drop(&run->sources[i]);
	}
	return 0;
}
