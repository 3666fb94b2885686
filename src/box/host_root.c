/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/host_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "box/overlay_ids.h"

#define BASE "host"

/* --- What a root file system has besides --- */

static const struct {
	const char *path;
	mode_t mode;
} directories[] = {
	{ "dev", 0755 },       { "etc", 0755 },	      { "home", 0755 },	   { "mnt", 0755 },
	{ "opt", 0755 },       { "proc", 0555 },      { "root", 0700 },	   { "run", 0755 },
	{ "run/lock", 0755 },  { "srv", 0755 },	      { "sys", 0555 },	   { "tmp", 01777 },
	{ "var", 0755 },       { "var/cache", 0755 }, { "var/lib", 0755 }, { "var/log", 0755 },
	{ "var/spool", 0755 }, { "var/tmp", 01777 },
};

static const struct {
	const char *path, *target;
} links[] = {
	{ "etc/mtab", "/proc/self/mounts" },
	{ "var/run", "/run" },
	{ "var/lock", "/run/lock" },
};

/* Where hullbox's own files of a container are shown (bundle_mounts.c). */
static const char *const own_files[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };

/* The host's directories of programs and libraries. */
static const char *const places[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"
};

/* Of /etc: who is who, how libraries, names, terminals and certificates are found. No file here
 * holds a secret on any distribution; a directory is listed only if none of its files does. */
static const char *const essentials[] = {
	"/etc/alternatives",
	"/etc/bash.bashrc",
	"/etc/bindresvport.blacklist",
	"/etc/ca-certificates",
	"/etc/ca-certificates.conf",
	"/etc/crypto-policies",
	"/etc/debian_version",
	"/etc/ethertypes",
	"/etc/fonts",
	"/etc/gai.conf",
	"/etc/group",
	"/etc/host.conf",
	"/etc/inputrc",
	"/etc/issue",
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/locale.alias",
	"/etc/locale.conf",
	"/etc/localtime",
	"/etc/login.defs",
	"/etc/lsb-release",
	"/etc/magic",
	"/etc/magic.mime",
	"/etc/mime.types",
	"/etc/networks",
	"/etc/nsswitch.conf",
	"/etc/os-release",
	"/etc/passwd",
	"/etc/pki/ca-trust/extracted",
	"/etc/pki/tls/cert.pem",
	"/etc/pki/tls/certs",
	"/etc/profile",
	"/etc/protocols",
	"/etc/rpc",
	"/etc/services",
	"/etc/shells",
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/etc/terminfo",
	"/etc/timezone",
	"/etc/xattr.conf",
};
#define N_ESSENTIALS (sizeof(essentials) / sizeof(essentials[0]))

static int make_directory(int base, const char *path, mode_t mode, struct oci_error *err)
{
	if (base < 0)
		return 0;
	if (mkdirat(base, path, mode) < 0) {
		if (errno == EEXIST)
			return 0;
		return fail_sys(err, "make the directory '%s' of the base", path);
	}
	if (fchmodat(base, path, mode, 0) < 0) /* past the umask */
		return fail_sys(err, "set the mode of '%s' of the base", path);
	return 0;
}

static int make_link(int base, const char *path, const char *target, struct oci_error *err)
{
	if (base >= 0 && symlinkat(target, base, path) < 0 && errno != EEXIST)
		return fail_sys(err, "make the link '%s' of the base", path);
	return 0;
}

/* A place to mount on, so that nothing of it appears in the upper layer. */
static int make_place(int base, const char *path, bool directory, struct oci_error *err)
{
	char part[PATH_MAX];
	auto_fd fd = -1;

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path - 1), path + 1);
		TRY(make_directory(base, part, 0755, err));
	}
	if (directory || base < 0)
		return make_directory(base, path + 1, 0755, err);
	fd = openat(base, path + 1, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? fail_sys(err, "make '%s' of the base", path) : 0;
}

/* --- What there is of the host --- */

/* "/usr" holds "/usr" and "/usr/bin", not "/usrx". */
static bool is_below(const char *path, const char *top)
{
	size_t size = strlen(top);

	return !strncmp(path, top, size) && (!path[size] || path[size] == '/');
}

static bool is_in_trees(const struct host_root *host, const char *path)
{
	for (size_t i = 0; i < host->n_trees; i++)
		if (is_below(path, host->trees[i]))
			return true;
	return false;
}

/* A directory is a tree; a link into /usr, as most hosts have it, the same link. */
static int plan_place(int base, const char *path, struct host_root *host, struct oci_error *err)
{
	char target[256];
	struct stat st;
	ssize_t size;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "look at the host's '%s'", path);
	if (S_ISDIR(st.st_mode)) {
		host->trees[host->n_trees++] = path;
		return make_directory(base, path + 1, 0755, err);
	}
	size = readlink(path, target, sizeof(target) - 1);
	if (size < 0)
		return 0; /* neither: nothing that a program is looked for in */
	target[size] = '\0';
	return is_below(target, "usr") || is_below(target, "/usr")
		       ? make_link(base, path + 1, target, err)
		       : 0;
}

static void show(struct host_root *host, const char *source, const char *target)
{
	host->shown[host->n_shown++] = (struct box_shown){ source, target };
}

/* A link among the essentials is taken for what it leads to, as long as that is of the trees or the
 * file itself under its own name: nobody gets at another file of /etc by it. */
static int plan_essential(int base, const char *path, struct host_root *host, struct arena *arena,
			  struct oci_error *err)
{
	auto_free char *real = realpath(path, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return 0; /* the host hasn't got it */
	if (strcmp(real, path) != 0 && !is_in_trees(host, real))
		return 0;
	TRY(make_place(base, path, S_ISDIR(st.st_mode), err));
	show(host, arena_strdup(arena, real), path);
	return 0;
}

/* Where a program of the host's would be nonsense. */
static bool is_of_the_kernel(const char *path)
{
	return is_below(path, "/proc") || is_below(path, "/sys") || is_below(path, "/dev");
}

/* A program that isn't there, or that is none, is what hull will say of it. */
static void plan_program(const char *program, struct host_root *host, struct arena *arena)
{
	auto_free char *real = program && *program == '/' ? realpath(program, NULL) : NULL;
	struct stat st;

	if (!real || is_in_trees(host, program) || is_of_the_kernel(real) || stat(real, &st) < 0 ||
	    !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return;
	show(host, arena_strdup(arena, real), arena_strdup(arena, program));
}

static int open_base(const char *dir, struct host_root *host, struct arena *arena,
		     struct oci_error *err)
{
	int base;

	host->base = arena_printf(arena, "%s/" BASE, dir);
	if (!host->base)
		return fail_code(err, "out-of-memory", "no memory for the root file system");
	if (mkdir(host->base, 0755) < 0 && errno != EEXIST)
		return fail_sys(err, "make the directory '%s'", host->base);
	base = open(host->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0 || fchmod(base, 0755) < 0) {
		(void)fail_sys(err, "open the directory '%s'", host->base);
		fd_drop(&base);
	}
	return base;
}

int host_root_plan(const char *dir, const char *program, struct host_root *host,
		   struct arena *arena, struct oci_error *err)
{
	auto_fd base = -1;

	*host = (struct host_root){ .n_trees = 0 };
	host->shown = arena_array(arena, N_ESSENTIALS + 1, sizeof(*host->shown));
	if (!host->shown)
		return fail_code(err, "out-of-memory", "no memory for the root file system");
	if (dir) {
		base = open_base(dir, host, arena, err);
		if (base < 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		TRY(make_directory(base, directories[i].path, directories[i].mode, err));
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		TRY(make_link(base, links[i].path, links[i].target, err));
	for (size_t i = 0; i < sizeof(own_files) / sizeof(own_files[0]); i++)
		TRY(make_place(base, own_files[i], false, err));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		TRY(plan_place(base, places[i], host, err));
	for (size_t i = 0; i < N_ESSENTIALS; i++)
		TRY(plan_essential(base, essentials[i], host, arena, err));
	plan_program(program, host, arena);
	return arena->failed ? fail_code(err, "out-of-memory", "no memory for the root file system")
			     : 0;
}

/* --- Mounting --- */

/* The upper directory of a tree looks as the tree does. */
static int make_upper(const char *path, const char *tree, struct oci_error *err)
{
	struct stat st;

	if (stat(tree, &st) < 0)
		return fail_sys(err, "look at the host's '%s'", tree);
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : fail_sys(err, "make the directory '%s'", path);
	if (chown(path, st.st_uid, st.st_gid) < 0 || chmod(path, st.st_mode & 07777) < 0)
		return fail_sys(err, "give '%s' its owner", path);
	return 0;
}

static int mount_tree(const char *dir, const char *tree, const struct overlay *root,
		      const struct oci_id_mapping *map, size_t n_map, struct arena *arena,
		      struct oci_error *err)
{
	const char *lower[] = { tree };
	struct overlay overlay = { .lower = lower, .n_lower = 1 };
	char *work = arena_printf(arena, "%s/work-%s", dir, tree + 1);

	overlay.merged = arena_printf(arena, "%s%s", root->merged, tree);
	if (root->upper) {
		overlay.upper = arena_printf(arena, "%s/upper%s", dir, tree);
		overlay.work = work;
	}
	if (arena->failed)
		return fail_code(err, "out-of-memory", "no memory for the root file system");
	if (root->upper) {
		TRY(make_upper(overlay.upper, tree, err));
		if (mkdir(work, 0700) < 0 && errno != EEXIST)
			return fail_sys(err, "make the directory '%s'", work);
	}
	if (n_map)
		TRY(overlay_map_ids(&overlay, dir, tree + 1, map, n_map, arena, err));
	return overlay_mount(&overlay, err);
}

int host_root_mount(const struct host_root *host, const char *dir, const struct overlay *root,
		    const struct oci_id_mapping *map, size_t n_map, struct arena *arena,
		    struct oci_error *err)
{
	for (size_t i = 0; i < host->n_trees; i++)
		if (mount_tree(dir, host->trees[i], root, map, n_map, arena, err) < 0)
			return fail_in(err, "show the host's '%s'", host->trees[i]);
	return 0;
}

/* --- A view of it --- */

/* By descriptors: what lies at its place is the container's, and may be a link. One that it has
 * replaced is its own. */
static int show_one(int root, const struct box_shown *shown, struct oci_error *err)
{
	auto_fd place = inroot_try_open_plain(root, shown->target + 1, O_PATH);
	auto_fd tree = -1;

	if (place < 0)
		return 0;
	tree = sys_open_tree(AT_FDCWD, shown->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return fail_sys(err, "open the host's '%s'", shown->source);
	if (sys_move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
		    0 &&
	    errno != ENOTDIR)
		return fail_sys(err, "show the host's '%s'", shown->source);
	return 0;
}

static int show_all(const struct host_root *host, const char *merged, struct oci_error *err)
{
	auto_fd root = open(merged, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return fail_sys(err, "open '%s'", merged);
	for (size_t i = 0; i < host->n_shown; i++)
		TRY(show_one(root, &host->shown[i], err));
	return 0;
}

static int mount_view(const char *dir, bool with_upper, struct arena *arena, struct oci_error *err)
{
	struct host_root host;
	const char *lower[1];
	struct overlay overlay = { .lower = lower, .n_lower = 1 };

	TRY(host_root_plan(dir, NULL, &host, arena, err));
	lower[0] = host.base;
	overlay.merged = arena_printf(arena, "%s/merged", dir);
	if (with_upper) {
		overlay.upper = arena_printf(arena, "%s/upper", dir);
		overlay.work = arena_printf(arena, "%s/work", dir);
	}
	if (arena->failed)
		return fail_code(err, "out-of-memory", "no memory for the root file system");
	TRY(overlay_unshare(err));
	TRY(overlay_mount(&overlay, err));
	TRY(host_root_mount(&host, dir, &overlay, NULL, 0, arena, err));
	return show_all(&host, overlay.merged, err);
}

int host_root_view(const char *dir, bool with_upper, struct oci_error *err)
{
	struct arena arena = { 0 };
	int result = mount_view(dir, with_upper, &arena, err);

	arena_done(&arena);
	return result;
}
