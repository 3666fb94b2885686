/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "box/first_names.h"
#include "box/interrupt.h"
#include "box/overlay_marks.h"
#include "box/tree.h"
#include "box/upper.h"

#define WHITEOUT ".wh."
#define NAMES_ROOM ((size_t)64 * 1024)
#define MAX_XATTRS 128

struct writing {
	struct archive_out *out;
	bool user_xattrs;
	void *names;	     /* first_names.h */
	char path[PATH_MAX]; /* of the current entry, "" for the root, without a leading slash */
	char *xattr_names;   /* NAMES_ROOM */
	struct tar_xattr xattrs[MAX_XATTRS];
	char *values[MAX_XATTRS];
	size_t n_xattrs;
	unsigned depth; /* of directories */
	char piece[64 * 1024];
};

static void forget_xattrs(struct writing *writing)
{
	for (size_t i = 0; i < writing->n_xattrs; i++)
		heap_drop(&writing->values[i]);
	writing->n_xattrs = 0;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether a layer carries an attribute: what unpacking it takes. */
static int check_xattr(const struct writing *writing, const char *name, bool *carried,
		       struct oci_error *err)
{
	const char *own = writing->user_xattrs ? "user.overlay." : "trusted.overlay.";

	*carried = false;
	if (starts_with(name, own)) {
		const char *rest = name + strlen(own);

		if (strcmp(rest, "redirect") == 0 || strcmp(rest, "metacopy") == 0)
			return fail(err,
				    "the overlay's attribute '%s' says that the layer isn't "
				    "complete by itself",
				    name);
		return 0;
	}
	*carried = (starts_with(name, "user.") && !starts_with(name, "user.overlay.")) ||
		   (starts_with(name, "trusted.") && !starts_with(name, "trusted.overlay.")) ||
		   starts_with(name, "system.posix_acl_") ||
		   strcmp(name, "security.capability") == 0;
	return 0;
}

static int take_xattr(struct writing *writing, const char *path, const char *name,
		      struct oci_error *err)
{
	bool carried;
	ssize_t size;
	char *value;

	TRY(check_xattr(writing, name, &carried, err));
	if (!carried)
		return 0;
	if (writing->n_xattrs == MAX_XATTRS)
		return fail(err, "more than %d extended attributes", MAX_XATTRS);
	value = malloc(NAMES_ROOM);
	if (!value)
		return fail_sys(err, "memory for extended attributes");
	size = lgetxattr(path, name, value, NAMES_ROOM);
	writing->values[writing->n_xattrs] = value;
	writing->xattrs[writing->n_xattrs++] = (struct tar_xattr){
		.name = name, .value = value, .size = size < 0 ? 0 : (size_t)size
	};
	return size < 0 ? fail_sys(err, "read the extended attribute '%s'", name) : 0;
}

/* By the descriptor of the directory and one name in it, never followed. */
static int take_xattrs(struct writing *writing, int dir, const char *name, struct oci_error *err)
{
	char path[64 + NAME_MAX + 1];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name); /* fits */
	size = llistxattr(path, writing->xattr_names, NAMES_ROOM);
	if (size < 0)
		return fail_sys(err, "list the extended attributes");
	for (const char *at = writing->xattr_names; at < writing->xattr_names + size;
	     at += strlen(at) + 1)
		TRY(take_xattr(writing, path, at, err));
	return 0;
}

static int write_content(struct writing *writing, int dir, const char *name,
			 const struct stat *expected, struct oci_error *err)
{
	auto_fd place = inroot_try_open_plain(dir, name, O_PATH | O_NOFOLLOW);
	auto_fd fd = place < 0 ? -1 : inroot_read_regular(place);
	int64_t left = expected->st_size;
	struct stat st;

	if (fd < 0 && (place < 0 || errno != EINVAL))
		return fail_sys(err, "open");
	if (fd >= 0 && fstat(fd, &st) < 0)
		return fail_sys(err, "fstat");
	if (fd < 0 || st.st_ino != expected->st_ino)
		return fail(err, "it was replaced while it was read");
	while (left > 0) {
		size_t wanted = left < (int64_t)sizeof(writing->piece) ? (size_t)left
								       : sizeof(writing->piece);
		ssize_t got;

		TRY(interrupt_check(err));
		got = read(fd, writing->piece, wanted);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_sys(err, "read");
		if (got == 0)
			return fail(err, "it shrank while it was read");
		TRY(archive_out_data(writing->out, writing->piece, (size_t)got, err));
		left -= got;
	}
	return 0;
}

/* An empty file that stands for a whiteout or an opaque directory. */
static int write_marker(struct writing *writing, const char *path, struct oci_error *err)
{
	struct tar_entry entry = { .kind = TAR_FILE, .mode = S_IFREG | 0600 };
	auto_free char *copy = strdup(path);

	if (!copy)
		return fail_sys(err, "memory for a name");
	(void)writing;
	entry.path = copy;
	return archive_out_entry(writing->out, &entry, err);
}

static int write_whiteout(struct writing *writing, const char *name, struct oci_error *err)
{
	char path[PATH_MAX + 8];
	int parent = (int)(strlen(writing->path) - strlen(name));

	(void)snprintf(path, sizeof(path), "%.*s" WHITEOUT "%s", parent, writing->path, name);
	return write_marker(writing, path, err);
}

static int fill(struct writing *writing, int dir, const char *name, const struct stat *st,
		char target[PATH_MAX], struct tar_entry *entry, struct oci_error *err)
{
	const char *first = NULL;
	ssize_t size;

	*entry = (struct tar_entry){ .path = writing->path,
				     .mode = st->st_mode,
				     .uid = st->st_uid,
				     .gid = st->st_gid,
				     .device = st->st_rdev,
				     .mtime = st->st_mtim,
				     .size = st->st_size,
				     .kind = S_ISREG(st->st_mode)    ? TAR_FILE
					     : S_ISDIR(st->st_mode)  ? TAR_DIRECTORY
					     : S_ISLNK(st->st_mode)  ? TAR_SYMLINK
					     : S_ISFIFO(st->st_mode) ? TAR_FIFO
								     : TAR_DEVICE };
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1)
		TRY(first_names_find(&writing->names, st, writing->path, &first, err));
	if (first) {
		entry->kind = TAR_HARD_LINK;
		(void)snprintf(target, PATH_MAX, "%s", first);
		entry->target = target;
		return 0;
	}
	if (entry->kind == TAR_SYMLINK) {
		size = readlinkat(dir, name, target, PATH_MAX - 1);
		if (size < 0)
			return fail_sys(err, "readlink");
		target[size] = '\0';
		entry->target = target;
	}
	TRY(take_xattrs(writing, dir, name, err));
	entry->xattrs = writing->xattrs;
	entry->n_xattrs = writing->n_xattrs;
	return 0;
}

static int write_directory(struct writing *writing, int fd, struct oci_error *err);

static int write_children(struct writing *writing, int dir, const char *name, struct oci_error *err)
{
	auto_fd fd = inroot_try_open_plain(dir, name, O_RDONLY | O_DIRECTORY);
	char path[PATH_MAX + 24];
	int done;

	if (fd < 0)
		return fail_sys(err, "open");
	if (overlay_is_opaque(fd, writing->user_xattrs)) {
		(void)snprintf(path, sizeof(path), "%s/" WHITEOUT WHITEOUT ".opq", writing->path);
		TRY(write_marker(writing, path, err));
	}
	writing->depth++;
	done = write_directory(writing, fd, err);
	writing->depth--;
	return done;
}

static int write_one(struct writing *writing, int dir, const char *name, struct oci_error *err)
{
	struct tar_entry entry;
	char target[PATH_MAX];
	struct stat st;
	int done;

	TRY(interrupt_check(err));
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "look at it");
	if (overlay_is_whiteout(&st))
		return write_whiteout(writing, name, err);
	if (starts_with(name, WHITEOUT))
		return fail(err, "a layer can't hold a name that begins with '" WHITEOUT "'");
	if (S_ISSOCK(st.st_mode)) /* a tar has none; who listened there is gone */
		return 0;
	done = fill(writing, dir, name, &st, target, &entry, err);
	if (done == 0)
		done = archive_out_entry(writing->out, &entry, err);
	forget_xattrs(writing);
	if (done == 0 && entry.kind == TAR_FILE)
		done = write_content(writing, dir, name, &st, err);
	if (done == 0 && entry.kind == TAR_DIRECTORY)
		done = write_children(writing, dir, name, err);
	return done;
}

static int write_directory(struct writing *writing, int fd, struct oci_error *err)
{
	char **names = tree_names(fd, err);
	size_t used = strlen(writing->path);
	int done = names ? 0 : -1;

	for (size_t i = 0; done == 0 && names[i]; i++) {
		char shown[160];

		if (used + strlen(names[i]) + 2 > sizeof(writing->path)) {
			errno = ENAMETOOLONG;
			done = fail_sys(err, "below '%s'", archive_shown(writing->path, shown));
			break;
		}
		(void)sprintf(writing->path + used, used ? "/%s" : "%s", names[i]);
		done = writing->depth < TREE_MAX_DEPTH
			       ? write_one(writing, fd, names[i], err)
			       : fail(err, "more than %d directories deep", TREE_MAX_DEPTH - 1);
		/* The innermost name is told once. */
		if (done < 0 && strncmp(err->text, "the file '", 10) != 0)
			(void)fail_in(err, "the file '%s'", archive_shown(writing->path, shown));
		writing->path[used] = '\0';
	}
	tree_names_free(names);
	return done;
}

static int write_all(struct writing *writing, const char *directory, struct oci_error *err)
{
	auto_fd fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char root[] = ".";
	struct tar_entry entry = { .kind = TAR_DIRECTORY, .path = root };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_sys(err, "open '%s'", directory);
	entry.mode = st.st_mode;
	entry.uid = st.st_uid;
	entry.gid = st.st_gid;
	entry.mtime = st.st_mtim;
	TRY(archive_out_entry(writing->out, &entry, err));
	if (overlay_is_opaque(fd, writing->user_xattrs))
		TRY(write_marker(writing, WHITEOUT WHITEOUT ".opq", err));
	return write_directory(writing, fd, err);
}

int upper_write(const char *directory, bool user_xattrs, int fd,
		enum archive_compression compression, struct archive_digests *digests,
		struct oci_error *err)
{
	auto_free struct writing *writing = calloc(1, sizeof(*writing));
	auto_free char *xattr_names = malloc(NAMES_ROOM);
	int done;

	if (!writing || !xattr_names)
		return fail_sys(err, "memory for a layer's writer");
	writing->user_xattrs = user_xattrs;
	writing->xattr_names = xattr_names;
	writing->out = archive_out_open(fd, compression, err);
	if (!writing->out)
		return -1;
	done = write_all(writing, directory, err);
	if (done == 0)
		done = archive_out_finish(writing->out, digests, err);
	archive_out_close(writing->out);
	first_names_free(&writing->names);
	return done;
}
