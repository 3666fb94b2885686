/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is hostile is refused, never mended: a link in the way to an entry, a directory that becomes
 * something else, a device. Directories get their owner, mode and times at the end, since what is
 * made in them would change their times, and a mode could lock its maker out.
 */
#include "box/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "box/overlay_marks.h"

/* Of what is kept until the end. */
#define MAX_KEPT ((size_t)256 * 1024 * 1024)

/* A directory as it shall be at the end. */
struct later {
	char *path;
	size_t order; /* of two for one path the second holds */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	struct tar_xattr *xattrs; /* one piece of memory with all they point to */
	size_t n_xattrs;
};

struct unpack {
	int root;
	const struct unpack_options *options;
	struct archive_in *in;
	int parent; /* of the entry before: directories stay directories, so it is still that */
	char *parent_path;
	struct later *later;
	size_t n_later, room_later, kept;
	bool has_devices;
};

/* The descriptor of a directory of the tree, made where it lacks; -1 with err. */
static int open_directory(struct unpack *un, char *path, struct oci_error *err)
{
	int fd = inroot_try_open_plain(un->root, path, O_RDONLY | O_DIRECTORY);
	char *slash;

	if (fd >= 0)
		return fd;
	if (errno == ELOOP || errno == ENOTDIR)
		return fail_code(
			err, "hostile-archive",
			"leads through '%.500s', which is no directory but a link or a file", path);
	if (errno != ENOENT)
		return fail_sys(err, "open the directory '%.500s'", path);
	slash = strrchr(path, '/');
	if (slash) {
		auto_fd parent = -1;

		*slash = '\0';
		parent = open_directory(un, path, err);
		*slash = '/';
		if (parent < 0)
			return -1;
		if (mkdirat(parent, slash + 1, 0755) < 0)
			return fail_sys(err, "mkdir '%.500s'", path);
		return inroot_try_open_plain(parent, slash + 1, O_RDONLY | O_DIRECTORY);
	}
	if (mkdirat(un->root, path, 0755) < 0)
		return fail_sys(err, "mkdir '%.500s'", path);
	return inroot_try_open_plain(un->root, path, O_RDONLY | O_DIRECTORY);
}

/* Opens the parent of a path and tells the last component. The descriptor is un's. */
static int open_parent(struct unpack *un, char *path, char **name, struct oci_error *err)
{
	char *slash = strrchr(path, '/');
	const char *parent = slash ? path : ".";
	int fd;

	*name = slash ? slash + 1 : path;
	if (slash)
		*slash = '\0';
	if (un->parent_path && strcmp(un->parent_path, parent) == 0) {
		fd = un->parent;
	} else {
		char *copy = strdup(parent);

		fd = copy ? open_directory(un, copy, err) : fail_sys(err, "memory for a name");
		if (fd >= 0) {
			fd_drop(&un->parent);
			free(un->parent_path);
			un->parent = fd;
			un->parent_path = copy;
		} else {
			free(copy);
		}
	}
	if (slash)
		*slash = '/';
	return fd;
}

/* What has the name already: its type bits, 0 for nothing. */
static int type_at(int dir, const char *name, mode_t *type, bool *is_whiteout,
		   struct oci_error *err)
{
	struct stat st;

	*type = 0;
	*is_whiteout = false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "fstatat");
	*type = st.st_mode & S_IFMT;
	*is_whiteout = overlay_is_whiteout(&st);
	return 0;
}

/* Makes room for something that is no directory. An archive that was appended to names a file
 * twice, and the later one holds; a directory that turns into something else is a trick. */
static int clear_name(int dir, const char *name, struct oci_error *err)
{
	mode_t type;
	bool is_whiteout;

	TRY(type_at(dir, name, &type, &is_whiteout, err));
	if (type == S_IFDIR)
		return fail_code(err, "hostile-archive",
				 "was a directory before and would become something else");
	if (type != 0 && unlinkat(dir, name, 0) < 0)
		return fail_sys(err, "remove the earlier one");
	return 0;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What becomes of an extended attribute. */
enum fate { KEEP, LEAVE_OUT, REFUSE };

static enum fate fate_of(const char *name, const struct unpack_options *options)
{
	static const struct {
		const char *prefix;
		enum fate fate;
	} rules[] = {
		/* What an overlay left in its upper layer, of no meaning elsewhere ... */
		{ "trusted.overlay.origin", LEAVE_OUT },
		{ "trusted.overlay.impure", LEAVE_OUT },
		{ "trusted.overlay.nlink", LEAVE_OUT },
		{ "trusted.overlay.upper", LEAVE_OUT },
		{ "trusted.overlay.uuid", LEAVE_OUT },
		{ "user.overlay.origin", LEAVE_OUT },
		{ "user.overlay.impure", LEAVE_OUT },
		{ "user.overlay.nlink", LEAVE_OUT },
		{ "user.overlay.upper", LEAVE_OUT },
		{ "user.overlay.uuid", LEAVE_OUT },
		/* ... and what would make it show something else than the layer's files. */
		{ "trusted.overlay.", REFUSE },
		{ "user.overlay.", REFUSE },
		{ "user.", KEEP },
		{ "system.posix_acl_", KEEP },
		{ "trusted.", KEEP },
		{ "security.capability", KEEP },
		/* The host's policy gives those, not an archive. */
		{ "security.selinux", LEAVE_OUT },
		{ "security.ima", LEAVE_OUT },
		{ "security.evm", LEAVE_OUT },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!starts_with(name, rules[i].prefix))
			continue;
		if (rules[i].fate == KEEP && !options->owners && !starts_with(name, "user."))
			return LEAVE_OUT; /* a caller without privilege can't set them */
		return rules[i].fate;
	}
	return REFUSE;
}

static int check_xattrs(const struct unpack *un, const struct tar_entry *entry,
			struct oci_error *err)
{
	for (size_t i = 0; i < entry->n_xattrs; i++)
		if (fate_of(entry->xattrs[i].name, un->options) == REFUSE)
			return fail_code(
				err, "hostile-archive",
				"has the extended attribute '%.100s', which no layer may set",
				entry->xattrs[i].name);
	return 0;
}

static int set_xattrs(const struct unpack *un, int fd, const struct tar_xattr *xattrs, size_t n,
		      struct oci_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct tar_xattr *one = &xattrs[i];

		if (fate_of(one->name, un->options) == LEAVE_OUT)
			continue;
		if (fsetxattr(fd, one->name, one->value, one->size, 0) < 0)
			return fail_sys(err, "set the extended attribute '%.100s'", one->name);
	}
	return 0;
}

/* Links, fifos and devices can't be opened for this; the name is the one just made, in a directory
 * that is ours alone. */
static int set_xattrs_at(const struct unpack *un, int dir, const char *name,
			 const struct tar_entry *entry, struct oci_error *err)
{
	char path[64 + 256];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name); /* NAME_MAX fits */
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct tar_xattr *one = &entry->xattrs[i];

		if (fate_of(one->name, un->options) == LEAVE_OUT)
			continue;
		if (lsetxattr(path, one->name, one->value, one->size, 0) < 0)
			return fail_sys(err, "set the extended attribute '%.100s'", one->name);
	}
	return 0;
}

static mode_t permissions(mode_t mode)
{
	return mode & 07777;
}

/* In a user namespace an id may have no number. */
static int owner_failed(uid_t uid, gid_t gid, struct oci_error *err)
{
	return errno == EINVAL ? fail_sys(err,
					  "chown to %u:%u, which are more than /etc/subuid and "
					  "/etc/subgid lend to this user",
					  uid, gid)
			       : fail_sys(err, "chown to %u:%u", uid, gid);
}

static int give(const struct unpack *un, int dir, const char *name, uid_t uid, gid_t gid,
		struct oci_error *err)
{
	const uint32_t *own = un->options->own;

	if (!un->options->owners)
		return 0;
	if (own && uid == own[0])
		uid = 0;
	if (own && gid == own[1])
		gid = 0;
	return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0
		       ? owner_failed(uid, gid, err)
		       : 0;
}

/* Owner first, for a change of it takes setuid and file capabilities away. */
static int finish_fd(const struct unpack *un, int fd, mode_t mode, uid_t uid, gid_t gid,
		     struct timespec mtime, const struct tar_xattr *xattrs, size_t n_xattrs,
		     struct oci_error *err)
{
	struct timespec times[2] = { mtime, mtime };

	if (un->options->plain)
		return 0;
	TRY(give(un, fd, "", uid, gid, err));
	TRY(set_xattrs(un, fd, xattrs, n_xattrs, err));
	if (fchmod(fd, permissions(mode)) < 0)
		return fail_sys(err, "chmod to 0%o", permissions(mode));
	if (futimens(fd, times) < 0)
		return fail_sys(err, "set the time");
	return 0;
}

static int finish_name(const struct unpack *un, int dir, const char *name,
		       const struct tar_entry *entry, struct oci_error *err)
{
	struct timespec times[2] = { entry->mtime, entry->mtime };

	TRY(give(un, dir, name, entry->uid, entry->gid, err));
	TRY(set_xattrs_at(un, dir, name, entry, err));
	if (entry->kind != TAR_SYMLINK && fchmodat(dir, name, permissions(entry->mode), 0) < 0)
		return fail_sys(err, "chmod to 0%o", permissions(entry->mode));
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "set the time");
	return 0;
}

static int write_piece(int fd, const char *data, size_t size, int64_t offset, struct oci_error *err)
{
	while (size > 0) {
		ssize_t written = pwrite(fd, data, size, offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail_sys(err, "write");
		data += written;
		size -= (size_t)written;
		offset += written;
	}
	return 0;
}

static int make_file(struct unpack *un, int dir, const char *name, const struct tar_entry *entry,
		     struct oci_error *err)
{
	auto_fd fd = -1;
	const void *data;
	int64_t offset;
	size_t size;
	int got;

	TRY(clear_name(dir, name, err));
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_sys(err, "make the file");
	while ((got = archive_in_data(un->in, &data, &size, &offset, err)) > 0)
		TRY(write_piece(fd, data, size, offset, err));
	if (got < 0)
		return -1;
	if (ftruncate(fd, entry->size) < 0) /* a hole at the end */
		return fail_sys(err, "ftruncate to %lld bytes", (long long)entry->size);
	return finish_fd(un, fd, entry->mode, entry->uid, entry->gid, entry->mtime, entry->xattrs,
			 entry->n_xattrs, err);
}

static int make_hard_link(struct unpack *un, int dir, const char *name,
			  const struct tar_entry *entry, struct oci_error *err)
{
	auto_fd from = -1;
	auto_free char *target = strdup(entry->target);
	char *slash, *from_name;
	mode_t type;
	bool is_whiteout;

	if (!target)
		return fail_sys(err, "memory for a name");
	slash = strrchr(target, '/');
	from_name = slash ? slash + 1 : target;
	if (slash)
		*slash = '\0';
	from = inroot_try_open_plain(un->root, slash ? target : ".", O_PATH | O_DIRECTORY);
	if (from < 0 && (errno == ELOOP || errno == ENOTDIR))
		return fail_code(err, "hostile-archive",
				 "is a hard link through '%.500s', which is no directory", target);
	if (from < 0 && errno != ENOENT)
		return fail_sys(err, "open '%.500s'", target);
	type = 0;
	is_whiteout = false;
	if (from >= 0)
		TRY(type_at(from, from_name, &type, &is_whiteout, err));
	if (type == 0 || type == S_IFDIR || is_whiteout)
		return fail_code(err, "hostile-archive",
				 "is a hard link to '%.500s', which is no file before it in the "
				 "archive",
				 entry->target);
	if (strcmp(entry->path, entry->target) == 0)
		return 0;
	TRY(clear_name(dir, name, err));
	/* Without AT_SYMLINK_FOLLOW: a link's own name, never what it leads to. */
	if (linkat(from, from_name, dir, name, 0) < 0)
		return fail_sys(err, "link to '%.500s'", entry->target);
	return 0;
}

static int make_device(struct unpack *un, int dir, const char *name, const struct tar_entry *entry,
		       struct oci_error *err)
{
	if (!un->options->devices)
		return fail_code(err, "device-in-layer",
				 "is a device (%s %u:%u); layers with "
				 "devices are taken with --allow-devices only",
				 S_ISCHR(entry->mode) ? "character" : "block", major(entry->device),
				 minor(entry->device));
	if (S_ISCHR(entry->mode) && entry->device == OVERLAY_WHITEOUT)
		return fail_code(err, "hostile-archive",
				 "is the device 0:0, which an overlay takes for a whiteout");
	TRY(clear_name(dir, name, err));
	un->has_devices = true;
	if (mknodat(dir, name, (entry->mode & S_IFMT) | 0600, entry->device) < 0)
		return fail_sys(err, "mknod %u:%u", major(entry->device), minor(entry->device));
	return finish_name(un, dir, name, entry, err);
}

static int make_other(struct unpack *un, int dir, const char *name, const struct tar_entry *entry,
		      struct oci_error *err)
{
	TRY(clear_name(dir, name, err));
	if (entry->kind == TAR_SYMLINK && symlinkat(entry->target, dir, name) < 0)
		return fail_sys(err, "make the link");
	if (entry->kind == TAR_FIFO && mknodat(dir, name, S_IFIFO | 0600, 0) < 0)
		return fail_sys(err, "make the fifo");
	return finish_name(un, dir, name, entry, err);
}

/* --- Directories --- */

static int grow_later(struct unpack *un, struct oci_error *err)
{
	size_t room = un->room_later ? un->room_later * 2 : 256;
	struct later *more;

	if (un->n_later < un->room_later)
		return 0;
	more = realloc(un->later, room * sizeof(*more));
	if (!more)
		return fail_sys(err, "memory for directories");
	un->later = more;
	un->room_later = room;
	return 0;
}

/* A copy of a list of attributes in one piece of memory. */
static struct tar_xattr *copy_xattrs(const struct tar_entry *entry, size_t *total)
{
	struct tar_xattr *copy;
	char *at;

	*total = entry->n_xattrs * sizeof(*copy);
	for (size_t i = 0; i < entry->n_xattrs; i++)
		*total += strlen(entry->xattrs[i].name) + 1 + entry->xattrs[i].size;
	copy = malloc(*total + 1);
	if (!copy)
		return NULL;
	at = (char *)(copy + entry->n_xattrs);
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct tar_xattr *one = &entry->xattrs[i];
		size_t name_size = strlen(one->name) + 1;

		memcpy(at, one->name, name_size);
		copy[i].name = at;
		at += name_size;
		if (one->size > 0)
			memcpy(at, one->value, one->size);
		copy[i].value = at;
		copy[i].size = one->size;
		at += one->size;
	}
	return copy;
}

static int keep_for_later(struct unpack *un, const struct tar_entry *entry, struct oci_error *err)
{
	struct later *later;
	size_t size;

	if (un->options->plain)
		return 0;
	TRY(grow_later(un, err));
	later = &un->later[un->n_later];
	*later = (struct later){ .path = strdup(entry->path),
				 .order = un->n_later,
				 .mode = entry->mode,
				 .uid = entry->uid,
				 .gid = entry->gid,
				 .mtime = entry->mtime,
				 .xattrs = copy_xattrs(entry, &size),
				 .n_xattrs = entry->n_xattrs };
	un->n_later++;
	if (!later->path || !later->xattrs)
		return fail_sys(err, "memory for directories");
	un->kept += sizeof(*later) + strlen(later->path) + size + 64;
	if (un->kept > MAX_KEPT)
		return fail_code(err, "archive-too-big",
				 "what is known of directories takes more than %zu bytes",
				 MAX_KEPT);
	return 0;
}

static int mark_opaque(const struct unpack *un, int fd, struct oci_error *err)
{
	if (fsetxattr(fd, overlay_opaque_name(un->options->user_xattrs), "y", 1, 0) < 0)
		return fail_sys(err, "mark the directory opaque");
	return 0;
}

static int make_directory(struct unpack *un, const struct tar_entry *entry, struct oci_error *err)
{
	auto_fd fd = -1;
	bool was_whiteout;
	mode_t type;
	char *name;
	int dir;

	if (strcmp(entry->path, ".") == 0)
		return keep_for_later(un, entry, err);
	dir = open_parent(un, entry->path, &name, err);
	if (dir < 0)
		return -1;
	TRY(type_at(dir, name, &type, &was_whiteout, err));
	if (type != 0 && type != S_IFDIR && !was_whiteout)
		return fail_code(err, "hostile-archive",
				 "was something else before and would become a directory");
	if (was_whiteout && unlinkat(dir, name, 0) < 0)
		return fail_sys(err, "remove the whiteout");
	if (type != S_IFDIR && mkdirat(dir, name, 0700) < 0)
		return fail_sys(err, "mkdir");
	if (was_whiteout) {
		/* What lower layers have under this name stays hidden. */
		fd = inroot_try_open_plain(dir, name, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return fail_sys(err, "open the directory");
		TRY(mark_opaque(un, fd, err));
	}
	return keep_for_later(un, entry, err);
}

/* Deeper paths first, of equal paths the later one first. */
static int deepest_first(const void *a, const void *b)
{
	const struct later *one = a, *two = b;
	int order = strcmp(two->path, one->path);

	if (order != 0)
		return order;
	return one->order < two->order ? 1 : -1;
}

static int finish_directories(struct unpack *un, struct oci_error *err)
{
	if (un->n_later > 0)
		qsort(un->later, un->n_later, sizeof(*un->later), deepest_first);
	for (size_t i = 0; i < un->n_later; i++) {
		const struct later *later = &un->later[i];
		auto_fd fd = -1;
		char shown[160];

		if (i > 0 && strcmp(later->path, un->later[i - 1].path) == 0)
			continue;
		fd = inroot_try_open_plain(un->root, later->path, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return fail_sys(err, "the entry '%s': open",
					archive_shown(later->path, shown));
		if (finish_fd(un, fd, later->mode, later->uid, later->gid, later->mtime,
			      later->xattrs, later->n_xattrs, err) < 0)
			return fail_in(err, "the entry '%s'", archive_shown(later->path, shown));
	}
	return 0;
}

/* --- Whiteouts --- */

/* A whiteout is about lower layers only, wherever in the archive it stands. */
static int make_whiteout(int dir, const char *name, const struct unpack *un, struct oci_error *err)
{
	auto_fd fd = -1;
	bool is_whiteout;
	mode_t type;

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail_code(err, "hostile-archive", "is a whiteout of no name");
	TRY(type_at(dir, name, &type, &is_whiteout, err));
	if (type == S_IFDIR) {
		fd = inroot_try_open_plain(dir, name, O_RDONLY | O_DIRECTORY);
		return fd < 0 ? fail_sys(err, "open '%.200s'", name) : mark_opaque(un, fd, err);
	}
	if (type == 0 && mknodat(dir, name, S_IFCHR, OVERLAY_WHITEOUT) < 0)
		return fail_sys(err, "make the whiteout");
	return 0;
}

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."

static bool has_component(const char *path, const char *prefix, bool last_too)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (starts_with(at, prefix) && (last_too || strchr(at, '/')))
			return true;
	}
	return false;
}

static int make_marker(struct unpack *un, int dir, const char *name, const struct tar_entry *entry,
		       struct oci_error *err)
{
	if (entry->kind != TAR_FILE)
		return fail_code(err, "hostile-archive", "is a whiteout, but no plain file");
	if (strcmp(name, WHITEOUT_META ".opq") == 0)
		return mark_opaque(un, dir, err);
	return make_whiteout(dir, name + strlen(WHITEOUT), un, err);
}

/* --- All --- */

static int make_in_parent(struct unpack *un, const struct tar_entry *entry, struct oci_error *err)
{
	char *name;
	int dir;

	if (strcmp(entry->path, ".") == 0)
		return fail_code(err, "hostile-archive", "is the root itself, but no directory");
	dir = open_parent(un, entry->path, &name, err);
	if (dir < 0)
		return -1;
	if (!un->options->plain && starts_with(name, WHITEOUT))
		return make_marker(un, dir, name, entry, err);
	switch (entry->kind) {
	case TAR_FILE:
		return make_file(un, dir, name, entry, err);
	case TAR_HARD_LINK:
		return make_hard_link(un, dir, name, entry, err);
	case TAR_DEVICE:
		return make_device(un, dir, name, entry, err);
	case TAR_SYMLINK:
	case TAR_FIFO:
	case TAR_DIRECTORY:
		break;
	}
	return make_other(un, dir, name, entry, err);
}

static int make_entry(struct unpack *un, const struct tar_entry *entry, struct oci_error *err)
{
	if (un->options->plain) {
		if (entry->kind != TAR_FILE && entry->kind != TAR_DIRECTORY)
			return fail_code(err, "hostile-archive",
					 "is neither a file nor a directory");
	} else {
		TRY(check_xattrs(un, entry, err));
		/* Aufs kept books under such names. They say nothing of the layer. */
		if (has_component(entry->path, WHITEOUT_META, true) &&
		    !has_component(entry->path, WHITEOUT_META ".opq", true))
			return 0;
		if (has_component(entry->path, WHITEOUT, false))
			return fail_code(err, "hostile-archive", "lies in a whiteout");
		if (entry->kind == TAR_HARD_LINK && has_component(entry->target, WHITEOUT, true))
			return fail_code(err, "hostile-archive", "is a hard link to a whiteout");
	}
	if (entry->kind == TAR_DIRECTORY &&
	    (un->options->plain || !has_component(entry->path, WHITEOUT, true)))
		return make_directory(un, entry, err);
	return make_in_parent(un, entry, err);
}

static void unpack_done(struct unpack *un)
{
	for (size_t i = 0; i < un->n_later; i++) {
		free(un->later[i].path);
		free(un->later[i].xattrs);
	}
	free(un->later);
	free(un->parent_path);
	fd_drop(&un->parent);
}

static int unpack_all(struct unpack *un, struct oci_error *err)
{
	struct tar_entry entry;
	char shown[160];
	int got;

	while ((got = archive_in_next(un->in, &entry, err)) > 0) {
		(void)archive_shown(entry.path, shown);
		if (make_entry(un, &entry, err) < 0)
			return fail_in(err, "the entry '%s'", shown);
	}
	return got < 0 ? -1 : finish_directories(un, err);
}

int unpack_tar(struct archive_in *in, int root, const struct unpack_options *options,
	       bool *has_devices, struct oci_error *err)
{
	struct unpack un = { .root = root, .options = options, .in = in, .parent = -1 };
	mode_t before = umask(0);
	int done = unpack_all(&un, err);

	(void)umask(before); /* cannot fail */
	*has_devices = un.has_devices;
	unpack_done(&un);
	return done;
}
