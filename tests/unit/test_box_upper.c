/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Upper layers: what they change, and that a layer written from one and unpacked again is the same.
 * Whiteouts and user.overlay.* need no privilege, so this runs for everybody.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/copy.h"
#include "box/overlay_marks.h"
#include "box/tree.h"
#include "box/unpack.h"
#include "box/upper.h"
#include "tests/unit/tap.h"

static char top[] = "/tmp/test_box_upper.XXXXXX";
static int top_fd;

static const char *path_of(const char *name)
{
	static char paths[8][4096];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static void make_dir(const char *name)
{
	if (mkdirat(top_fd, name, 0755) < 0)
		exit(1);
}

static void make_file(const char *name, const char *text)
{
	int fd = openat(top_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(1);
	(void)close(fd);
}

static void make_whiteout(const char *name)
{
	if (mknodat(top_fd, name, S_IFCHR, OVERLAY_WHITEOUT) < 0)
		exit(1);
}

static void make_opaque(const char *name)
{
	if (setxattr(path_of(name), "user.overlay.opaque", "y", 1, 0) < 0)
		exit(1);
}

static char told[4096];

static int tell(void *data, char kind, const char *path)
{
	size_t used = strlen(told);

	(void)data;
	(void)snprintf(told + used, sizeof(told) - used, "%c %s\n", kind, path);
	return 0;
}

static void check_changes(void)
{
	const char *lowers[2] = { path_of("middle"), path_of("lower") };
	struct upper_view view = {
		.upper = path_of("upper"), .lowers = lowers, .n_lowers = 2, .user_xattrs = true
	};
	struct oci_error err = { 0 };

	told[0] = '\0';
	if (upper_changes(&view, tell, NULL, &err) < 0)
		tap_is_str(err.text, "", "the changes can be read");
	tap_is_str(told,
		   "A /again\n"	   /* the middle layer had deleted the lower's */
		   "C /dir\n"	   /* something in it */
		   "D /dir/gone\n" /* of the lower layer */
		   "D /dir/mid\n"  /* of the middle layer */
		   "A /dir/new\n"
		   "C /file\n"
		   "C /opaque\n"
		   "D /opaque/a\n" /* not named in the upper layer at all */
		   "C /opaque/b\n"
		   "D /opaque/sub\n"
		   "C /was\n" /* a directory, now a file */
		   "A /zdir\n"
		   "A /zdir/in\n",
		   "added, changed and deleted are told apart through two layers");
}

static void make_layers(void)
{
	make_dir("lower");
	make_dir("lower/dir");
	make_file("lower/dir/gone", "x");
	make_file("lower/dir/kept", "x");
	make_file("lower/file", "x");
	make_file("lower/again", "x");
	make_dir("lower/opaque");
	make_file("lower/opaque/a", "x");
	make_file("lower/opaque/b", "x");
	make_dir("lower/opaque/sub");
	make_file("lower/opaque/sub/c", "x");
	make_dir("lower/was");
	make_dir("lower/hidden");
	make_file("lower/hidden/x", "x");
	make_dir("middle");
	make_dir("middle/dir");
	make_file("middle/dir/mid", "x");
	make_whiteout("middle/again");
	make_dir("middle/hidden");
	make_opaque("middle/hidden");
	make_dir("upper");
	make_dir("upper/dir");
	make_whiteout("upper/dir/gone");
	make_whiteout("upper/dir/mid");
	make_whiteout("upper/dir/never");
	make_file("upper/dir/new", "new");
	make_file("upper/file", "changed");
	make_file("upper/again", "again");
	make_dir("upper/opaque");
	make_opaque("upper/opaque");
	make_file("upper/opaque/b", "b");
	make_file("upper/was", "now a file");
	make_dir("upper/zdir");
	make_file("upper/zdir/in", "in");
}

/* --- Written and unpacked again --- */

static int write_layer(const char *name, enum archive_compression compression,
		       struct archive_digests *digests, struct oci_error *err)
{
	auto_fd fd = openat(top_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		exit(1);
	return upper_write(path_of("upper"), true, fd, compression, digests, err);
}

static int unpack_layer(const char *tar, const char *name, struct archive_digests *digests,
			struct oci_error *err)
{
	const struct unpack_options options = { .owners = geteuid() == 0, .user_xattrs = true };
	const struct archive_limits limits = { .bytes = 1 << 24, .entries = 1000 };
	auto_fd fd = openat(top_fd, tar, O_RDONLY | O_CLOEXEC);
	struct archive_in *in = archive_in_open(fd, &limits, err);
	auto_fd dir = -1;
	bool has_devices;
	int done;

	if (!in)
		return -1;
	make_dir(name);
	dir = openat(top_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	done = unpack_tar(in, dir, &options, &has_devices, err);
	if (done == 0)
		done = archive_in_finish(in, digests, err);
	archive_in_close(in);
	return done;
}

static void check_round_trip(void)
{
	static const char compare[] =
		"cd \"$1\" && list() { cd \"$1\" && find . ! -type c -printf '%p %y %m %U:%G %T@ "
		"%l\\n' | "
		"LC_ALL=C sort && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2 && "
		"stat -c '%h' hard; cd ..; } && [ \"$(list upper)\" = \"$(list again)\" ]";
	struct archive_digests one, two, three, read_back;
	struct oci_error err = { 0 };
	char command[sizeof(compare) + 256];
	char value[8];

	make_file("upper/\xc3\xbcn\xff\n", "a name of any bytes");
	if (linkat(top_fd, "upper/file", top_fd, "upper/hard", 0) < 0 ||
	    symlinkat("/etc/passwd", top_fd, "upper/link") < 0 ||
	    mkfifoat(top_fd, "upper/pipe", 0600) < 0 ||
	    fchmodat(top_fd, "upper/zdir/in", 04755, 0) < 0 ||
	    setxattr(path_of("upper/zdir/in"), "user.note", "kept", 4, 0) < 0)
		exit(1);
	tap_is_int(write_layer("one.tar", ARCHIVE_PLAIN, &one, &err), 0, "a layer is written: %s",
		   err.text);
	tap_is_int(write_layer("two.tar.gz", ARCHIVE_GZIP, &two, &err), 0, "compressed, too: %s",
		   err.text);
	tap_is_int(write_layer("three.tar.zst", ARCHIVE_ZSTD, &three, &err), 0, "by zstd: %s",
		   err.text);
	tap_is_str(two.tar, one.tar, "the same layer gives the same bytes");
	tap_is_str(three.tar, one.tar, "whatever compresses them");
	tap_is_str(one.blob, one.tar, "uncompressed both digests are one");
	tap_is_int(unpack_layer("two.tar.gz", "again", &read_back, &err), 0,
		   "it can be unpacked: %s", err.text);
	tap_is_str(read_back.blob, two.blob, "the reader finds the blob's digest that was told");
	tap_is_str(read_back.tar, two.tar, "and the tar's");
	(void)snprintf(command, sizeof(command), "set -- %s; %s", top, compare);
	tap_ok(system(command) == 0, "names, kinds, modes, owners, times, links, content are kept");
	tap_is_int(getxattr(path_of("again/opaque"), "user.overlay.opaque", value, sizeof(value)),
		   1, "opaque directories stay opaque");
	tap_is_int(getxattr(path_of("again/zdir/in"), "user.note", value, sizeof(value)), 4,
		   "attributes are kept");
}

static void check_refusals(void)
{
	struct archive_digests digests;
	struct oci_error err = { 0 };

	make_file("upper/zdir/.wh.x", "");
	tap_is_int(write_layer("bad.tar", ARCHIVE_PLAIN, &digests, &err), -1,
		   "a name that would be a whiteout is refused");
	tap_ok(strstr(err.text, "the file 'zdir/.wh.x': a layer can't hold") != NULL,
	       "and named: %s", err.text);
	(void)unlinkat(top_fd, "upper/zdir/.wh.x", 0);
	memset(&err, 0, sizeof(err));
	if (setxattr(path_of("upper/zdir"), "user.overlay.redirect", "/x", 2, 0) < 0)
		exit(1);
	tap_is_int(write_layer("bad.tar", ARCHIVE_PLAIN, &digests, &err), -1,
		   "so is what points to another directory: %s", err.text);
	(void)removexattr(path_of("upper/zdir"), "user.overlay.redirect");
}

/* --- Copying --- */

static int copy(const char *from, bool out, const char *to, struct oci_error *err)
{
	auto_fd root = openat(top_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy_request request = {
		.from = { out ? root : -1, from },
		.to = { out ? -1 : root, to },
		.owner_uid = geteuid(),
		.owner_gid = getegid(),
	};

	memset(err, 0, sizeof(*err));
	return copy_tree(&request, err);
}

static void check_file(const char *name, const char *expected, const char *sentence)
{
	struct oci_error err = { 0 };
	char text[64] = "";

	if (file_read_at(top_fd, name, text, sizeof(text), &err) < 0)
		(void)snprintf(text, sizeof(text), "(none)");
	tap_is_str(text, expected, "%s", sentence);
}

static void check_copying(void)
{
	struct oci_error err;
	struct stat st = { 0 };

	make_dir("root");
	make_dir("root/etc");
	make_dir("host");
	make_dir("outside");
	make_file("outside/secret", "secret");
	make_file("host/file", "from the host");
	make_file("root/etc/conf", "from inside");
	if (symlinkat("/etc", top_fd, "root/link") < 0 ||
	    symlinkat(path_of("outside"), top_fd, "root/out") < 0 ||
	    symlinkat("../../../../../../../../../..", top_fd, "root/up") < 0 ||
	    symlinkat("../outside/secret", top_fd, "root/leak") < 0 ||
	    fchmodat(top_fd, "root/etc/conf", 04755, 0) < 0)
		exit(1);
	tap_is_int(copy(path_of("host/file"), false, "/etc/new", &err), 0, "in, by a new name: %s",
		   err.text);
	check_file("root/etc/new", "from the host", "is there");
	tap_is_int(copy(path_of("host/file"), false, "/link", &err), 0,
		   "in, through a link of the container's: %s", err.text);
	check_file("root/etc/file", "from the host", "is where the link leads inside");
	tap_is_int(copy(path_of("host/file"), false, "/out/new", &err), -1,
		   "a link that leads out leads nowhere inside: %s", err.text);
	tap_is_int(copy(path_of("host/file"), false, "/leak", &err), 0,
		   "a link as the last component is replaced: %s", err.text);
	check_file("outside/secret", "secret", "and what it led to isn't touched");
	tap_is_int(copy("/up/etc/conf", true, path_of("host/conf"), &err), 0,
		   "upwards stays inside: %s", err.text);
	check_file("host/conf", "from inside", "out");
	tap_ok(fstatat(top_fd, "host/conf", &st, 0) == 0 && (st.st_mode & 07777) == 0755,
	       "setuid is dropped with the owner");
	tap_is_int(copy("/out/secret", true, path_of("host/stolen"), &err), -1,
		   "nothing of the host is read: %s", err.text);
	tap_is_int(copy("/etc", true, path_of("host"), &err), 0, "a directory into one: %s",
		   err.text);
	check_file("host/etc/conf", "from inside", "is below it");
	make_dir("host/flat");
	tap_is_int(copy("/etc/.", true, path_of("host/flat"), &err), 0, "its content: %s",
		   err.text);
	check_file("host/flat/conf", "from inside", "without it");
	/* A container that made a link where the host has a directory of the same name. */
	make_dir("host/merge");
	make_dir("root/merge");
	if (symlinkat(path_of("outside"), top_fd, "host/merge/d") < 0)
		exit(1);
	make_dir("root/merge/d");
	make_file("root/merge/d/secret", "evil");
	tap_is_int(copy("/merge/.", true, path_of("host/merge"), &err), -1,
		   "a link of the host's isn't followed in a tree: %s", err.text);
	check_file("outside/secret", "secret", "nothing was written through it");
	if (mkfifoat(top_fd, "root/etc/pipe", 0600) < 0)
		exit(1);
	tap_is_int(copy("/etc/pipe", true, path_of("host/p"), &err), -1, "a fifo hangs nobody: %s",
		   err.text);
	tap_is_int(copy("/none", true, path_of("host/p"), &err), -1, "nothing there: %s", err.text);
	tap_is_str(err.code, "not-found", "has a code of its own");
}

int main(void)
{
	struct oci_error err = { 0 };

	if (!mkdtemp(top))
		return 1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)umask(022);
	make_layers();
	check_changes();
	check_round_trip();
	check_refusals();
	check_copying();
	(void)close(top_fd);
	top_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree_remove(top_fd, top + strlen("/tmp/"), &err) < 0)
		tap_is_str(err.text, "", "all can be removed");
	(void)close(top_fd);
	return tap_done();
}
