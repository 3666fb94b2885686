/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "box/overlay_marks.h"
#include "box/tree.h"
#include "box/upper.h"

struct walk {
	const struct upper_view *view;
	int upper;
	int *lowers;
	int (*tell)(void *data, char kind, const char *path);
	void *data;
	char path[PATH_MAX]; /* of the current entry, "" for the root, else "/..." */
};

/* The lower layers that a directory of the merged tree is made of, by number, the topmost first. */
struct parts {
	unsigned short *v;
	size_t n;
};

static const char *relative(const char *path)
{
	return path[0] == '\0' ? "." : path + 1;
}

/* What the layers below show at a path whose parent consists of `parent`: false for nothing. Where
 * it is a directory, *merged (room for all of them) becomes what it consists of. -1 with err. */
static int look_below(const struct walk *walk, const struct parts *parent, struct parts *merged,
		      struct oci_error *err)
{
	bool found = false;

	merged->n = 0;
	for (size_t i = 0; i < parent->n; i++) {
		int lower = walk->lowers[parent->v[i]];
		auto_fd fd =
			inroot_try_open_plain(lower, relative(walk->path), O_PATH | O_NOFOLLOW);
		auto_fd directory = -1;
		struct stat st;

		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			continue;
		if (fd < 0 || fstat(fd, &st) < 0)
			return fail_sys(err, "look at '%s' in a lower layer", walk->path);
		if (overlay_is_whiteout(&st))
			break;
		if (!S_ISDIR(st.st_mode)) {
			found = found || merged->n == 0;
			break;
		}
		found = true;
		merged->v[merged->n++] = parent->v[i];
		directory =
			inroot_try_open_plain(lower, relative(walk->path), O_RDONLY | O_DIRECTORY);
		if (directory < 0)
			return fail_sys(err, "open '%s' in a lower layer", walk->path);
		if (overlay_is_opaque(directory, walk->view->user_xattrs))
			break;
	}
	return found;
}

static int tell(struct walk *walk, char kind, struct oci_error *err)
{
	if (walk->tell(walk->data, kind, walk->path) < 0)
		return fail(err, "tell the change of '%s'", walk->path);
	return 0;
}

static int walk_directory(struct walk *walk, int fd, const struct parts *below, bool is_opaque,
			  struct oci_error *err);

static int walk_entry(struct walk *walk, int dir, const char *name, const struct parts *below,
		      bool is_opaque, struct oci_error *err)
{
	struct parts merged = { .v = calloc(walk->view->n_lowers + 1, sizeof(*merged.v)) };
	auto_free void *owned = merged.v;
	static const struct parts nothing;
	auto_fd fd = -1;
	struct stat st;
	int found;

	if (!owned)
		return fail_sys(err, "memory for layers");
	found = look_below(walk, below, &merged, err);
	TRY(found);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return fail_sys(err, "look at '%s'", walk->path);
		/* A name of the lower layers in an opaque directory; else it was just removed. */
		return found && is_opaque ? tell(walk, 'D', err) : 0;
	}
	if (overlay_is_whiteout(&st))
		return found ? tell(walk, 'D', err) : 0;
	TRY(tell(walk, found ? 'C' : 'A', err));
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = inroot_try_open_plain(dir, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fail_sys(err, "open '%s'", walk->path);
	is_opaque = overlay_is_opaque(fd, walk->view->user_xattrs);
	return walk_directory(walk, fd, found ? &merged : &nothing, is_opaque, err);
}

/* Adds the names that the lower layers have in a directory to a list of names. */
static int add_lower_names(const struct walk *walk, const struct parts *below, char ***names,
			   struct oci_error *err)
{
	size_t n = 0;

	while ((*names)[n])
		n++;
	for (size_t i = 0; i < below->n; i++) {
		auto_fd fd = inroot_try_open_plain(walk->lowers[below->v[i]], relative(walk->path),
						   O_RDONLY | O_DIRECTORY);
		char **more = fd < 0 ? NULL : tree_names(fd, err), **all;
		size_t n_more = 0;

		if (!more)
			return fd < 0 ? fail_sys(err, "open '%s' in a lower layer", walk->path)
				      : -1;
		while (more[n_more])
			n_more++;
		all = realloc(*names, (n + n_more + 1) * sizeof(*all));
		if (!all) {
			tree_names_free(more);
			return fail_sys(err, "memory for names");
		}
		memcpy(all + n, more, (n_more + 1) * sizeof(*all));
		free(more);
		*names = all;
		n += n_more;
	}
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int walk_names(struct walk *walk, int fd, char **names, const struct parts *below,
		      bool is_opaque, struct oci_error *err)
{
	size_t used = strlen(walk->path), n = 0;
	int done = 0;

	while (names[n])
		n++;
	if (n > 1)
		qsort(names, n, sizeof(*names), by_bytes);
	for (size_t i = 0; i < n && done == 0; i++) {
		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		if (used + strlen(names[i]) + 2 > sizeof(walk->path)) {
			errno = ENAMETOOLONG;
			return fail_sys(err, "below '%.200s...'", walk->path);
		}
		(void)sprintf(walk->path + used, "/%s", names[i]);
		done = walk_entry(walk, fd, names[i], below, is_opaque, err);
		walk->path[used] = '\0';
	}
	return done;
}

static int walk_directory(struct walk *walk, int fd, const struct parts *below, bool is_opaque,
			  struct oci_error *err)
{
	char **names = tree_names(fd, err);
	int done = names ? 0 : -1;

	if (done == 0 && is_opaque)
		done = add_lower_names(walk, below, &names, err);
	if (done == 0)
		done = walk_names(walk, fd, names, below, is_opaque, err);
	tree_names_free(names);
	return done;
}

static int walk_all(struct walk *walk, struct oci_error *err)
{
	const struct upper_view *view = walk->view;
	struct parts all = { .v = calloc(view->n_lowers + 1, sizeof(*all.v)) };
	auto_free void *owned = all.v;

	if (!owned)
		return fail_sys(err, "memory for layers");
	walk->upper = open(view->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (walk->upper < 0)
		return fail_sys(err, "open '%s'", view->upper);
	for (size_t i = 0; i < view->n_lowers; i++) {
		walk->lowers[i] = open(view->lowers[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (walk->lowers[i] < 0)
			return fail_sys(err, "open the lower layer '%s'", view->lowers[i]);
		all.v[all.n++] = (unsigned short)i;
	}
	return walk_directory(walk, walk->upper, &all, false, err);
}

int upper_changes(const struct upper_view *view,
		  int (*tell_one)(void *data, char kind, const char *path), void *data,
		  struct oci_error *err)
{
	struct walk walk = { .view = view, .upper = -1, .tell = tell_one, .data = data };
	int done;

	walk.lowers = malloc((view->n_lowers + 1) * sizeof(*walk.lowers));
	if (!walk.lowers)
		return fail_sys(err, "memory for layers");
	for (size_t i = 0; i < view->n_lowers; i++)
		walk.lowers[i] = -1;
	done = walk_all(&walk, err);
	fd_drop(&walk.upper);
	for (size_t i = 0; i < view->n_lowers; i++)
		fd_drop(&walk.lowers[i]);
	free(walk.lowers);
	return done;
}
