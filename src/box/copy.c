/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/copy.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "box/copy_apart.h"
#include "box/first_names.h"
#include "box/interrupt.h"
#include "box/overlay_marks.h"
#include "box/tree.h"

#define XATTRS_ROOM ((size_t)64 * 1024)

struct copying {
	const struct copy_request *request;
	uint32_t effective[2], permitted[2], inheritable[2]; /* capabilities, for be_inside() */
	unsigned depth;					     /* of directories */
	/* Of copy_directory_whole() alone. */
	struct copy_room *room; /* else NULL */
	int top;		/* where it is copied to */
	char path[PATH_MAX];	/* of the current entry from there; "": it is too long for one */
	void *names;		/* first_names.h */
	char piece[128 * 1024];
};

/* --- Where --- */

static int open_side(const struct copy_side *side, const char *path, int flags)
{
	if (side->root >= 0)
		return inroot_try_open(side->root, path, flags);
	return open(path[0] ? path : ".", flags | O_CLOEXEC);
}

static int fail_side(struct oci_error *err, const struct copy_side *side, const char *path)
{
	const char *where = side->root >= 0 ? " in the container" : "";

	if (errno == ENOENT)
		return fail_code(err, "not-found", "'%s'%s: there is no such file or directory",
				 path, where);
	return fail_sys(err, "open '%s'%s", path, where);
}

/* A place: a directory and a name in it. Parts a path without changing what it means: only its last
 * component stays out of the look-up. */
struct place {
	int dir;
	char name[NAME_MAX + 1]; /* "." for the directory itself */
};

static int find_place(const struct copy_side *side, struct place *place, struct oci_error *err)
{
	char path[PATH_MAX];
	size_t size = strlen(side->path);
	char *slash;

	if (size >= sizeof(path))
		return fail(err, "'%.100s...' is too long for a path", side->path);
	while (size > 1 && side->path[size - 1] == '/')
		size--;
	memcpy(path, side->path, size);
	path[size] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(place->name, sizeof(place->name), "%.255s", slash ? slash + 1 : path);
	if (place->name[0] == '\0' || strcmp(place->name, ".") == 0 ||
	    strcmp(place->name, "..") == 0) {
		strcpy(place->name, ".");
	} else if (slash) {
		slash[1] = '\0';
	} else {
		strcpy(path, side->root >= 0 ? "/" : ".");
	}
	place->dir = open_side(side, path, O_RDONLY | O_DIRECTORY);
	return place->dir < 0 ? fail_side(err, side, path) : 0;
}

/* --- Whose --- */

static bool goes_in_mapped(const struct copying *copying)
{
	return copying->request->n_map && copying->request->to.root >= 0;
}

/* The other side's number of an id. */
static bool translate(const struct copy_request *request, uint32_t *id)
{
	bool in = request->to.root >= 0;

	for (size_t i = 0; i < request->n_map; i++) {
		const struct oci_id_mapping *map = &request->map[i];
		uint32_t from = in ? map->container_id : map->host_id;
		uint32_t to = in ? map->host_id : map->container_id;

		if (*id >= from && *id - from < map->size) {
			*id = to + (*id - from);
			return true;
		}
	}
	return false;
}

static int choose_owner(const struct copying *copying, const struct stat *st, uint32_t *uid,
			uint32_t *gid, struct oci_error *err)
{
	const struct copy_request *request = copying->request;
	uint32_t *const ids[] = { uid, gid };

	*uid = request->archive ? st->st_uid : request->owner_uid;
	*gid = request->archive ? st->st_gid : request->owner_gid;
	if (!request->n_map || (!goes_in_mapped(copying) && !request->archive))
		return 0; /* the host's own */
	/* What comes out and is none of the container's belongs to somebody of the host's. */
	for (int group = 0; group < 2; group++)
		if (!translate(request, ids[group]) && goes_in_mapped(copying))
			return fail_code(err, "id-mapping",
					 "the container's map of ids has no %s %u",
					 group ? "group" : "user", *ids[group]);
	return 0;
}

/* A file system or mount with the container's ids takes nothing new from one whom it has no number
 * for, though he is the host's root: so somebody of the container's makes it. Capabilities, which
 * the kernel would take away for that, are kept: what he may do is the caller's. */
static void be_inside(const struct copying *copying)
{
	if (!goes_in_mapped(copying))
		return;
	/* The kernel tells no failure of these; what is made then fails or gets its owner later. */
	(void)setfsgid(copying->request->map[0].host_id);
	(void)setfsuid(copying->request->map[0].host_id);
	(void)sys_capset(copying->effective, copying->permitted, copying->inheritable);
}

/* Keeps errno. */
static void be_oneself(const struct copying *copying)
{
	int num = errno;

	if (!goes_in_mapped(copying))
		return;
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	errno = num;
}

/* --- One file --- */

static int take_bytes(struct copy_room *room, size_t n, struct oci_error *err)
{
	if (room && n > room->limits.bytes - room->bytes)
		return fail_code(err, "too-big",
				 "all that fills the container's volumes is more than %llu bytes "
				 "(HULLBOX_MAX_LAYER_BYTES)",
				 (unsigned long long)room->limits.bytes);
	if (room)
		room->bytes += n;
	return 0;
}

static int take_entry(struct copy_room *room, struct oci_error *err)
{
	if (room && ++room->entries > room->limits.entries)
		return fail_code(err, "too-big",
				 "all that fills the container's volumes is more than %llu files "
				 "(HULLBOX_MAX_LAYER_ENTRIES)",
				 (unsigned long long)room->limits.entries);
	return 0;
}

/* From where both stand: how much; 0 at the end. */
static ssize_t copy_piece(struct copying *copying, int from, int to, off_t most,
			  struct oci_error *err)
{
	size_t size = sizeof(copying->piece);
	ssize_t got;

	if (most < (off_t)size)
		size = (size_t)most;
	do {
		TRY(interrupt_check(err));
		got = read(from, copying->piece, size);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail_sys(err, "read");
	TRY(take_bytes(copying->room, (size_t)got, err));
	TRY(file_write_all(to, copying->piece, (size_t)got, err));
	return got;
}

/* Files of the kernel's own don't say how long they are. One that does was empty and has grown. */
static int copy_unsized(struct copying *copying, int from, int to, struct oci_error *err)
{
	struct stat st = { .st_size = 0 };
	ssize_t got = 1;

	while (got > 0 && st.st_size == 0) {
		got = copy_piece(copying, from, to, sizeof(copying->piece), err);
		if (got > 0 && fstat(from, &st) < 0)
			got = fail_sys(err, "look at it");
	}
	return got < 0 ? -1 : 0;
}

/* The next data at or behind *at, before `size`: to *end. Without any there is a hole at the end.
 * Whatever a file system answers, it comes nearer to the end. */
static bool find_data(int from, off_t size, off_t *at, off_t *end)
{
	off_t found = lseek(from, *at, SEEK_DATA);

	if (found < 0 && errno == ENXIO)
		return false;
	if (found > *at)
		*at = found;
	found = lseek(from, *at, SEEK_HOLE);
	*end = found > *at && found < size ? found : size;
	return *at < size;
}

/* 1; 0 when the file ended before: it shrank, or never was as long as it says. */
static int copy_data(struct copying *copying, int from, int to, off_t at, off_t end,
		     struct oci_error *err)
{
	if (lseek(from, at, SEEK_SET) < 0 || lseek(to, at, SEEK_SET) < 0)
		return fail_sys(err, "seek");
	while (at < end) {
		ssize_t got = copy_piece(copying, from, to, end - at, err);

		if (got <= 0)
			return (int)got;
		at += got;
	}
	return 1;
}

static int copy_content(struct copying *copying, int from, int to, off_t size,
			struct oci_error *err)
{
	struct stat st;

	if (size == 0)
		return copy_unsized(copying, from, to, err);
	for (off_t at = 0, end; find_data(from, size, &at, &end); at = end) {
		int whole = copy_data(copying, from, to, at, end, err);

		if (whole <= 0)
			return whole;
	}
	if (fstat(from, &st) < 0)
		return fail_sys(err, "look at it");
	/* It may end in a hole, or be shorter by now. */
	if (ftruncate(to, st.st_size < size ? st.st_size : size) < 0)
		return fail_sys(err, "set the size");
	return 0;
}

static mode_t kept_mode(const struct copying *copying, mode_t mode)
{
	return mode & (copying->request->archive ? 07777 : 01777);
}

static int finish(const struct copying *copying, int fd, const struct stat *st,
		  struct oci_error *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	uint32_t uid, gid;

	TRY(choose_owner(copying, st, &uid, &gid, err));
	if (fchown(fd, uid, gid) < 0)
		return fail_sys(err, "chown to %u:%u", uid, gid);
	if (fchmod(fd, kept_mode(copying, st->st_mode)) < 0)
		return fail_sys(err, "chmod");
	if (futimens(fd, times) < 0)
		return fail_sys(err, "set the time");
	return 0;
}

/* --- What else there is of a file --- */

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Labels are the host's to give, an overlay's marks would mean something else elsewhere. */
static bool is_carried(const char *name)
{
	if (begins(name, "user.overlay.") || begins(name, "trusted.overlay."))
		return false;
	return begins(name, "user.") || (begins(name, "trusted.") && geteuid() == 0) ||
	       begins(name, "system.posix_acl_") ||
	       (!strcmp(name, "security.capability") && geteuid() == 0);
}

static int copy_xattr(int from, int to, const char *name, char *value, struct oci_error *err)
{
	ssize_t size = fgetxattr(from, name, value, XATTRS_ROOM);

	if (size < 0 || fsetxattr(to, name, value, (size_t)size, 0) < 0)
		return fail_sys(err, "copy the extended attribute '%s'", name);
	return 0;
}

static int copy_xattrs(int from, int to, struct oci_error *err)
{
	auto_free char *names = malloc(2 * XATTRS_ROOM);
	ssize_t size = names ? flistxattr(from, names, XATTRS_ROOM) : -1;

	if (size < 0 && names && errno == ENOTSUP)
		return 0; /* the file system has none */
	if (size < 0)
		return fail_sys(err, "list the extended attributes");
	for (const char *at = names; at < names + size; at += strlen(at) + 1)
		if (is_carried(at))
			TRY(copy_xattr(from, to, at, names + XATTRS_ROOM, err));
	return 0;
}

/* Changing the owner takes capabilities away, so they come after it; times come last. */
static int finish_whole(const struct copying *copying, int from, int to, const struct stat *st,
			struct oci_error *err)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };

	TRY(finish(copying, to, st, err));
	TRY(copy_xattrs(from, to, err));
	return futimens(to, times) < 0 ? fail_sys(err, "set the time") : 0;
}

static int finish_as(const struct copying *copying, int from, int to, const struct stat *st,
		     struct oci_error *err)
{
	return copying->room ? finish_whole(copying, from, to, st, err)
			     : finish(copying, to, st, err);
}

static int copy_special(const struct copying *copying, const struct stat *st, int to_dir,
			const char *to, struct oci_error *err)
{
	const struct copy_request *request = copying->request;
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };

	if (mknodat(to_dir, to, st->st_mode, st->st_rdev) < 0)
		return fail_sys(err, "make the special file");
	if (fchownat(to_dir, to, request->archive ? st->st_uid : (uid_t)request->owner_uid,
		     request->archive ? st->st_gid : (gid_t)request->owner_gid,
		     AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "chown");
	if (fchmodat(to_dir, to, st->st_mode & 07777, 0) < 0)
		return fail_sys(err, "chmod");
	(void)utimensat(to_dir, to, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* Whether the file is there under another name, and could get this one. Where not, as when it has
 * as many as it can have, it is copied once more. */
static int link_to_first(struct copying *copying, const struct stat *st, int to_dir, const char *to,
			 struct oci_error *err)
{
	const char *first = NULL;

	if (!copying->room || st->st_nlink < 2 || copying->path[0] == '\0')
		return 0;
	TRY(first_names_find(&copying->names, st, copying->path, &first, err));
	return first && linkat(copying->top, first, to_dir, to, 0) == 0;
}

/* Written under a name of its own first: who reads the old file sees the old or the new one. */
static int copy_file(struct copying *copying, int from_dir, const char *from, int to_dir,
		     const char *to, struct oci_error *err)
{
	auto_fd place = inroot_try_open_plain(from_dir, from, O_PATH | O_NOFOLLOW);
	auto_fd source = place < 0 ? -1 : inroot_read_regular(place);
	auto_fd target = -1;
	char temporary[64];
	struct stat st;

	if (place >= 0 && source < 0 && errno == EINVAL)
		return fail(err, "it was replaced meanwhile");
	if (source < 0 || fstat(source, &st) < 0)
		return fail_sys(err, "open");
	(void)snprintf(temporary, sizeof(temporary), ".hullbox-cp.%d", (int)getpid());
	(void)unlinkat(to_dir, temporary, 0); /* of one with this pid that was killed */
	be_inside(copying);
	target = openat(to_dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	be_oneself(copying);
	if (target < 0)
		return fail_sys(err, "make the file");
	if (copy_content(copying, source, target, st.st_size, err) == 0 &&
	    finish_as(copying, source, target, &st, err) == 0) {
		int renamed;

		be_inside(copying);
		renamed = renameat(to_dir, temporary, to_dir, to);
		be_oneself(copying);
		if (renamed == 0)
			return 0;
		(void)fail_sys(err, "replace what was there");
	}
	(void)unlinkat(to_dir, temporary, 0); /* the first failure is told */
	return -1;
}

static int copy_link(const struct copying *copying, int from_dir, const char *from,
		     const struct stat *st, int to_dir, const char *to, struct oci_error *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t size = readlinkat(from_dir, from, target, sizeof(target) - 1);
	uint32_t uid, gid;
	int made;

	if (size < 0)
		return fail_sys(err, "readlink");
	target[size] = '\0';
	TRY(choose_owner(copying, st, &uid, &gid, err));
	if (unlinkat(to_dir, to, 0) < 0 && errno != ENOENT)
		return fail_sys(err, "replace what was there");
	be_inside(copying);
	made = symlinkat(target, to_dir, to);
	be_oneself(copying);
	if (made < 0)
		return fail_sys(err, "make the link");
	if (fchownat(to_dir, to, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "chown to %u:%u", uid, gid);
	(void)utimensat(to_dir, to, times,
			AT_SYMLINK_NOFOLLOW); /* not every file system has them */
	return 0;
}

/* --- Trees --- */

static int copy_entry(struct copying *copying, int from_dir, const char *from, int to_dir,
		      const char *to, struct oci_error *err);

/* Adds a name to the path, which had `used` characters. */
static void enter(struct copying *copying, size_t used, const char *name)
{
	size_t room = sizeof(copying->path) - used;

	if (used == 0 || snprintf(copying->path + used, room, "/%s", name) >= (int)room)
		copying->path[0] = '\0';
}

static int copy_names(struct copying *copying, int from, int to, struct oci_error *err)
{
	char **names = tree_names(from, err);
	size_t used = strlen(copying->path);
	char first = copying->path[0];
	int done = names ? 0 : -1;

	for (size_t i = 0; done == 0 && names[i]; i++) {
		enter(copying, used, names[i]);
		done = copy_entry(copying, from, names[i], to, names[i], err);
		if (done < 0 && strncmp(err->text, "the file '", 10) != 0)
			(void)fail_in(err, "the file '%.255s'", names[i]);
		copying->path[0] = first;
		copying->path[used] = '\0';
	}
	tree_names_free(names);
	return done;
}

static int copy_directory(struct copying *copying, int from_dir, const char *from, int to_dir,
			  const char *to, struct oci_error *err)
{
	auto_fd source = inroot_try_open_plain(from_dir, from, O_RDONLY | O_DIRECTORY);
	auto_fd target = -1;
	bool is_new;
	struct stat st;

	if (source < 0 || fstat(source, &st) < 0)
		return fail_sys(err, "open");
	if (copying->depth == TREE_MAX_DEPTH)
		return fail(err, "more than %d directories deep", TREE_MAX_DEPTH);
	be_inside(copying);
	is_new = mkdirat(to_dir, to, 0700) == 0;
	be_oneself(copying);
	if (!is_new && errno != EEXIST)
		return fail_sys(err, "mkdir");
	target = inroot_try_open_plain(to_dir, to, O_RDONLY | O_DIRECTORY);
	if (target < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fail(err, "a directory can't replace what is there");
	if (target < 0)
		return fail_sys(err, "open the target");
	copying->depth++;
	TRY(copy_names(copying, source, target, err));
	copying->depth--;
	return is_new ? finish_as(copying, source, target, &st, err) : 0;
}

static int copy_entry(struct copying *copying, int from_dir, const char *from, int to_dir,
		      const char *to, struct oci_error *err)
{
	struct stat st, there;
	int linked;

	TRY(interrupt_check(err));
	TRY(take_entry(copying->room, err));
	if (fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(err, "look at it");
	if (S_ISDIR(st.st_mode))
		return copy_directory(copying, from_dir, from, to_dir, to, err);
	if (copying->room && (overlay_is_whiteout(&st) || S_ISSOCK(st.st_mode)))
		return 0;
	if (copying->room && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return copy_special(copying, &st, to_dir, to, err);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return fail_code(err, "not-supported", "it is a device, a fifo or a socket");
	if (fstatat(to_dir, to, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode))
		return fail(err, "a file can't replace the directory that is there");
	if (S_ISLNK(st.st_mode))
		return copy_link(copying, from_dir, from, &st, to_dir, to, err);
	linked = link_to_first(copying, &st, to_dir, to, err);
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	return copy_file(copying, from_dir, from, to_dir, to, err);
}

/* --- The call --- */

static bool ends_with_dot(const char *path)
{
	size_t size = strlen(path);

	return strcmp(path, ".") == 0 || (size >= 2 && strcmp(path + size - 2, "/.") == 0);
}

static int check_apart(const struct copying *copying, const struct place *from, int target,
		       struct oci_error *err)
{
	auto_fd source = inroot_try_open_plain(from->dir, from->name, O_PATH | O_DIRECTORY);

	/* What is no directory, or none that may be opened, the copying itself finds out. */
	return source < 0 ? 0 : copy_apart(copying->request, source, target, err);
}

/* What the source is called where it goes into a directory. The container's own root has no name.
 */
static int copy_into(struct copying *copying, const struct place *from, int directory,
		     struct oci_error *err)
{
	auto_fd source = -1;

	TRY(check_apart(copying, from, directory, err));
	if (strcmp(from->name, ".") != 0)
		return copy_entry(copying, from->dir, from->name, directory, from->name, err);
	source = inroot_try_open_plain(from->dir, ".", O_RDONLY | O_DIRECTORY);
	return source < 0 ? fail_sys(err, "open") : copy_names(copying, source, directory, err);
}

static int copy_to_name(struct copying *copying, const struct place *from, struct oci_error *err)
{
	const struct copy_side *to = &copying->request->to;
	struct place place = { .dir = -1 };
	int done;

	if (to->path[0] != '\0' && to->path[strlen(to->path) - 1] == '/' &&
	    strcmp(from->name, ".") != 0) {
		struct stat st;

		if (fstatat(from->dir, from->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode)) {
			errno = ENOENT;
			return fail_side(err, to, to->path);
		}
	}
	TRY(find_place(to, &place, err));
	done = check_apart(copying, from, place.dir, err);
	if (done == 0)
		done = copy_entry(copying, from->dir, from->name, place.dir, place.name, err);
	fd_drop(&place.dir);
	return done;
}

static int copy_from(struct copying *copying, const struct place *from, struct oci_error *err)
{
	const struct copy_request *request = copying->request;
	struct stat st;
	auto_fd directory = -1;

	if (fstatat(from->dir, from->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_side(err, &request->from, request->from.path);
	directory = open_side(&request->to, request->to.path, O_RDONLY | O_DIRECTORY);
	if (directory >= 0)
		return copy_into(copying, from, directory, err);
	if (errno != ENOENT && errno != ENOTDIR)
		return fail_side(err, &request->to, request->to.path);
	return copy_to_name(copying, from, err);
}

int copy_tree(const struct copy_request *request, struct oci_error *err)
{
	auto_free struct copying *copying = calloc(1, sizeof(*copying));
	struct place from = { .dir = -1 };
	mode_t before;
	int done;

	if (!copying)
		return fail_sys(err, "memory for copying");
	copying->request = request;
	if (sys_capget(copying->effective, copying->permitted, copying->inheritable) < 0)
		return fail_sys(err, "capget");
	TRY(find_place(&request->from, &from, err));
	if (ends_with_dot(request->from.path))
		strcpy(from.name, ".");
	before = umask(0);
	done = copy_from(copying, &from, err);
	(void)umask(before); /* cannot fail */
	fd_drop(&from.dir);
	return done < 0 ? fail_in(err, "copy '%s'", request->from.path) : 0;
}

/* Only root can give files away. */
static void begin_whole(struct copying *copying, struct copy_request *request,
			struct copy_room *room)
{
	*request = (struct copy_request){ .archive = geteuid() == 0,
					  .owner_uid = geteuid(),
					  .owner_gid = getegid() };
	copying->request = request;
	copying->room = room;
}

int copy_directory_whole(int from, int to_dir, const char *to, struct copy_room *room,
			 struct oci_error *err)
{
	auto_free struct copying *copying = calloc(1, sizeof(*copying));
	struct copy_request request;
	mode_t before;
	int done;

	if (!copying)
		return fail_sys(err, "memory for copying");
	begin_whole(copying, &request, room);
	copying->top = to_dir;
	(void)snprintf(copying->path, sizeof(copying->path), "%s", to);
	before = umask(0);
	done = copy_directory(copying, from, ".", to_dir, to, err);
	first_names_free(&copying->names);
	(void)umask(before); /* cannot fail */
	return done;
}

int copy_attributes(int from, int to, struct oci_error *err)
{
	auto_free struct copying *copying = calloc(1, sizeof(*copying));
	struct copy_request request;
	struct stat st;

	if (!copying)
		return fail_sys(err, "memory for copying");
	begin_whole(copying, &request, NULL);
	if (fstat(from, &st) < 0)
		return fail_sys(err, "look at the directory");
	return finish_whole(copying, from, to, &st, err);
}
