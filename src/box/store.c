/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "box/interrupt.h"
#include "box/tree.h"

static int make_at(int dir, const char *name, struct oci_error *err)
{
	int fd;

	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return fail_sys(err, "mkdir '%s'", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail_sys(err, "open '%s'", name) : fd;
}

static int make_all(struct store *store, struct oci_error *err)
{
	static const char *const in_layers[] = { "sha256", "known", "tmp" };

	store->layers = make_at(store->root, "layers", err);
	TRY(store->layers);
	store->images = make_at(store->root, "images", err);
	TRY(store->images);
	for (size_t i = 0; i < sizeof(in_layers) / sizeof(in_layers[0]); i++) {
		auto_fd fd = make_at(store->layers, in_layers[i], err);

		TRY(fd);
	}
	{
		auto_fd fd = make_at(store->images, "sha256", err);

		TRY(fd);
	}
	return 0;
}

/* Asks the kernel: only CAP_SYS_ADMIN over the whole machine may set these. */
static int find_xattrs(struct store *store, struct oci_error *err)
{
	if (fsetxattr(store->layers, "trusted.hullbox", "", 0, 0) == 0)
		return 0;
	if (errno != EPERM)
		return fail_sys(err,
				"layers: set the extended attribute 'trusted.hullbox'; the file "
				"system must have such");
	store->user_xattrs = true;
	if (fsetxattr(store->layers, "user.hullbox", "", 0, 0) < 0)
		return fail_sys(err, "layers: set the extended attribute 'user.hullbox'; the file "
				     "system must have such");
	return 0;
}

int store_open(struct store *store, const char *root, struct oci_error *err)
{
	*store = (struct store){ .root = -1, .layers = -1, .images = -1 };
	if (snprintf(store->path, sizeof(store->path), "%s", root) >= PATH_MAX - 128)
		return fail(err, "'%.100s...' is too long for a root directory", root);
	store->root = tree_make_directory(root, 0700, err);
	if (store->root >= 0 && make_all(store, err) == 0 && find_xattrs(store, err) == 0)
		return 0;
	store_close(store);
	return fail_in(err, "the store in '%s'", root);
}

void store_close(struct store *store)
{
	fd_drop(&store->root);
	fd_drop(&store->layers);
	fd_drop(&store->images);
}

static int lock_file(const struct store *store, const char *name, int how, struct oci_error *err)
{
	auto_fd fd = openat(store->layers, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail_sys(err, "open '%s/layers/%s'", store->path, name);
	if (interrupt_lock(fd, how, err) < 0)
		return fail_in(err, "lock '%s/layers/%s'", store->path, name);
	return fd_take(&fd);
}

int store_open_temporary(const struct store *store, struct oci_error *err)
{
	return make_at(store->layers, "tmp", err);
}

static int remove_leftovers(const struct store *store, struct oci_error *err)
{
	auto_fd tmp = store_open_temporary(store, err);
	char **names;
	int done = 0;

	TRY(tmp);
	names = tree_names(tmp, err);
	if (!names)
		return -1;
	for (size_t i = 0; names[i] && done == 0; i++)
		done = tree_remove(tmp, names[i], err);
	tree_names_free(names);
	return done < 0 ? fail_in(err, "remove what was left in '%s/layers/tmp'", store->path) : 0;
}

int store_lock(const struct store *store, struct oci_error *err)
{
	auto_fd lock = lock_file(store, "lock", LOCK_EX, err);

	TRY(lock);
	TRY(remove_leftovers(store, err));
	return fd_take(&lock);
}

int store_use(const struct store *store, bool alone, struct oci_error *err)
{
	return lock_file(store, "use.lock", alone ? LOCK_EX : LOCK_SH, err);
}

int store_sweep(const struct store *store, struct oci_error *err)
{
	auto_fd lock = lock_file(store, "lock", LOCK_EX | LOCK_NB, err);

	if (lock < 0 && err->num == EWOULDBLOCK)
		return 0;
	TRY(lock);
	return remove_leftovers(store, err);
}

int store_make_temporary(const struct store *store, char name[32], struct oci_error *err)
{
	auto_fd tmp = store_open_temporary(store, err);
	unsigned i = 0;

	TRY(tmp);
	do {
		(void)snprintf(name, 32, "%u", i++); /* always fits */
	} while (mkdirat(tmp, name, 0700) < 0 && errno == EEXIST);
	{
		int fd = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		return fd < 0 ? fail_sys(err, "make '%s/layers/tmp/%s'", store->path, name) : fd;
	}
}

bool digest_is_valid(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && strlen(digest) == DIGEST_SIZE - 1 &&
	       strspn(digest + 7, "0123456789abcdef") == 64;
}

const char *digest_hex(const char *digest)
{
	return digest + 7;
}
