/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/copy_apart.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"

/* Deeper than any path that the kernel takes; a container may rename what is on the way. */
#define STEPS_MAX 8192

static int look(int fd, struct statx *st, struct oci_error *err)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID, st) < 0)
		return fail_sys(err, "look at a directory above the destination");
	return 0;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

static int open_path(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Which of the directories that the container shows this one is, or NULL. */
static const char *find_shown(const struct copy_request *request, const struct statx *st)
{
	for (size_t i = 0; i < request->n_shown; i++) {
		struct oci_error gone = { 0 }; /* it isn't shown then */
		auto_fd fd = open_path(request->shown[i]);
		struct statx one;

		if (fd >= 0 && look(fd, &one, &gone) == 0 && is_same(&one, st))
			return request->shown[i];
	}
	return NULL;
}

/* Goes up from a directory as far as it is known what is above. 1: it met `what`, 0: it didn't.
 * With `request` it ends at the first that the container shows, which is *shown then. */
static int go_up(int from, const struct statx *what, const struct copy_request *request,
		 const char **shown, struct oci_error *err)
{
	auto_fd at = openat(from, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statx st, below = { 0 };

	for (unsigned i = 0; at >= 0 && i < STEPS_MAX; i++) {
		auto_fd up = -1;

		TRY(look(at, &st, err));
		if (is_same(&st, what))
			return 1;
		if (request && (*shown = find_shown(request, &st)))
			return 0;
		if (i > 0 && is_same(&st, &below) && st.stx_mnt_id == below.stx_mnt_id)
			return 0; /* the root */
		below = st;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_drop(&at);
		at = fd_take(&up); /* one who may not look there can't copy it either */
	}
	return 0;
}

static int go_up_path(const char *path, const struct statx *what, struct oci_error *err)
{
	auto_fd fd = open_path(path);

	return fd < 0 ? 0 : go_up(fd, what, NULL, NULL, err);
}

/* What is written through the container lies in its own layer, in a directory of the host that it
 * shows, or in neither (a tmpfs), which can't be told from the former. */
static int check_into(const struct copy_request *request, int target, const struct statx *what,
		      const char **shown, struct oci_error *err)
{
	int met = go_up(target, what, request, shown, err);

	if (met == 0 && *shown)
		met = go_up_path(*shown, what, err);
	else if (met == 0 && request->layer)
		met = go_up_path(request->layer, what, err);
	return met;
}

/* The layer itself, by its place among hullbox's files, is the container's root once more. */
static int check_layer(const struct copy_request *request, int of_host, struct oci_error *err)
{
	auto_fd layer = request->layer ? open_path(request->layer) : -1;
	struct statx st;

	if (layer < 0)
		return 0;
	TRY(look(layer, &st, err));
	return go_up(of_host, &st, NULL, NULL, err);
}

int copy_apart(const struct copy_request *request, int source, int target, struct oci_error *err)
{
	bool in = request->to.root >= 0;
	const char *shown = NULL;
	struct statx what;
	int met;

	TRY(look(source, &what, err));
	met = in ? check_into(request, target, &what, &shown, err)
		 : go_up(target, &what, NULL, NULL, err);
	if (met == 0 && !shown)
		met = check_layer(request, in ? source : target, err);
	if (met <= 0)
		return met;
	return fail_code(err, "into-itself",
			 "a directory can't be copied into itself, and '%s'%s lies in it",
			 request->to.path, in ? " in the container" : "");
}
