/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resolver against a root full of links, in a temporary directory; needs no privilege. After
 * everything, what lies outside is as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "tests/unit/tap.h"

static char base[] = "/tmp/hull-inroot-XXXXXX";
static int root;

/* What an fd is, by inode: the same as this path on the host? */
static bool is_path(int fd, const char *below_base)
{
	char path[PATH_MAX];
	struct stat a, b;

	snprintf(path, sizeof(path), "%s/%s", base, below_base);
	return fd >= 0 && fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static void opens(const char *path, const char *expected)
{
	struct oci_error err = { 0 };
	auto_fd fd = inroot_open(root, path, O_PATH, &err);

	tap_ok(is_path(fd, expected), "'%s' is %s %s", path, expected, err.text);
}

static void opens_not(const char *path, int num)
{
	struct oci_error err = { 0 };
	auto_fd fd = inroot_open(root, path, O_PATH, &err);

	tap_ok(fd < 0 && err.num == num && strstr(err.text, path), "'%s': %s", path, strerror(num));
}

static void test_open(void)
{
	auto_fd none = -1;

	opens("/", "root");
	opens("", "root");
	opens("..", "root");
	opens("/../../../..", "root");
	opens("a/b", "root/a/b");
	opens("/a/../a/b/.", "root/a/b");
	opens("/up", "root");
	opens("/abs/b", "root/a/b");
	opens("/outside", "root/a"); /* the link says /../../a */
	opens_not("/host", ENOENT);
	opens_not("/loop", ELOOP);
	opens_not("/file/x", ENOTDIR);
	none = inroot_try_open(root, "/link-to-file", O_PATH | O_NOFOLLOW);
	tap_ok(is_path(none, "root/link-to-file"), "O_NOFOLLOW gives the link itself");
	opens("/link-to-file", "root/file");
}

/* A regular file is opened, anything else is told without being opened: the fifo would wait. */
static void test_read_regular(void)
{
	char text[8] = "";
	auto_fd place = inroot_try_open(root, "/link-to-file", O_PATH);
	auto_fd fd = inroot_read_regular(place);

	tap_ok(fd >= 0 && read(fd, text, sizeof(text)) >= 0, "a regular file is read");
	tap_ok((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY && fcntl(fd, F_GETFD) == FD_CLOEXEC,
	       "and no more than read");
	for (size_t i = 0; i < 2; i++) {
		auto_fd other = inroot_try_open(root, i ? "/fifo" : "/a", O_PATH);

		errno = 0;
		tap_ok(other >= 0 && inroot_read_regular(other) == -1 && errno == EINVAL,
		       "%s is refused", i ? "a fifo" : "a directory");
	}
}

static void test_make(void)
{
	struct oci_error err = { 0 };
	char name[256];
	struct stat st;
	auto_fd fd = -1;

	(void)umask(077);
	fd = inroot_make_directory(root, "/new/deep/dir", 0751, &err);
	tap_ok(is_path(fd, "root/new/deep/dir"), "directories are made %s", err.text);
	tap_ok(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0751, "with the mode, umask aside");
	fd_drop(&fd);
	fd = inroot_make_directory(root, "/abs/../new2/./x/", 0755, &err);
	tap_ok(is_path(fd, "root/new2/x"), "through links and ..");
	fd_drop(&fd);
	fd = inroot_make_directory(root, "up/up/../../new3", 0755, &err);
	tap_ok(is_path(fd, "root/new3"), "never above the root");
	fd_drop(&fd);
	fd = inroot_make_directory(root, "/dangling/sub", 0755, &err);
	tap_ok(is_path(fd, "root/not/there/sub"), "what a dangling link names is made %s",
	       err.text);
	fd_drop(&fd);
	fd = inroot_make_directory(root, "/a/dangling-up/sub", 0755, &err);
	tap_ok(is_path(fd, "root/not/here/sub"), "one with .. as well, in the root %s", err.text);
	fd_drop(&fd);
	fd = inroot_make_directory(root, "/host/sub", 0755, &err);
	tap_ok(fd >= 0 && access("outside/sub", F_OK) < 0,
	       "nor does one that names a directory of the host lead there");
	fd_drop(&fd);
	fd = inroot_make_directory(root, "/circle-1/sub", 0755, &err);
	tap_ok(fd < 0 && err.num == ELOOP, "dangling links in a circle are an error");
	fd = inroot_make_directory(root, "/file", 0755, &err);
	tap_ok(fd < 0 && err.num == ENOTDIR, "so is a file");
	fd = inroot_make_directory(root, "/file/x/y", 0755, &err);
	tap_ok(fd < 0 && err.num == ENOTDIR, "and a file on the way");

	fd = inroot_make_file(root, "/new4/dir/f", &err);
	tap_ok(is_path(fd, "root/new4/dir/f"), "a file is made");
	tap_ok(fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | 0644), "regular, 0644");
	fd_drop(&fd);
	fd = inroot_make_file(root, "/link-to-file", &err);
	tap_ok(is_path(fd, "root/file"), "an existing one is opened, through a link");
	fd_drop(&fd);
	fd = inroot_make_file(root, "/fifo", &err);
	tap_ok(is_path(fd, "root/fifo"), "a fifo doesn't block");
	fd_drop(&fd);
	fd = inroot_make_file(root, "/a", &err);
	tap_ok(fd < 0 && err.num == EISDIR, "a directory is an error");
	fd = inroot_make_file(root, "/dangling-file", &err);
	tap_ok(is_path(fd, "root/new7/f"), "what a dangling link names is made %s", err.text);
	fd_drop(&fd);

	fd = inroot_make_parent(root, "/new5/dir/name", name, &err);
	tap_ok(is_path(fd, "root/new5/dir") && strcmp(name, "name") == 0, "parent and name");
	fd_drop(&fd);
	fd = inroot_make_parent(root, "name", name, &err);
	tap_ok(is_path(fd, "root") && strcmp(name, "name") == 0, "the root is a parent");
	fd_drop(&fd);
	fd = inroot_make_parent(root, "/up/outside/n", name, &err);
	tap_ok(is_path(fd, "root/a"), "parents through links stay inside");
	for (const char *const *bad = (const char *const[]){ "", "/", "/a/", "/a/.", "..", NULL };
	     *bad; bad++) {
		auto_fd none = inroot_make_parent(root, *bad, name, &err);

		tap_ok(none < 0, "'%s' has no name", *bad);
	}
}

int main(void)
{
	struct stat before, after;
	char target[PATH_MAX];

	if (!mkdtemp(base) || chdir(base) < 0 || mkdir("root", 0755) < 0 ||
	    mkdir("outside", 0755) < 0 || mkdir("root/a", 0755) < 0 || mkdir("root/a/b", 0755) < 0)
		return 99;
	snprintf(target, sizeof(target), "%s/outside", base);
	if (symlink(target, "root/host") < 0 || symlink("/../../a", "root/outside") < 0 ||
	    symlink("..", "root/up") < 0 || symlink("/a", "root/abs") < 0 ||
	    symlink("loop", "root/loop") < 0 || symlink("file", "root/link-to-file") < 0 ||
	    symlink("/not/there", "root/dangling") < 0 ||
	    symlink("../../../../not/here", "root/a/dangling-up") < 0 ||
	    symlink("circle-2/x", "root/circle-1") < 0 ||
	    symlink("/circle-1/y", "root/circle-2") < 0 ||
	    symlink("new7/f", "root/dangling-file") < 0 || mkfifo("root/fifo", 0600) < 0 ||
	    close(open("root/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) < 0)
		return 99;
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (stat("outside", &before) < 0)
		return 99;
	test_open();
	test_read_regular();
	test_make();
	tap_ok(stat("outside", &after) == 0 && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec &&
		       before.st_ctim.tv_sec == after.st_ctim.tv_sec,
	       "nothing was made outside");
	tap_ok(access("/not/there", F_OK) < 0 && access("not", F_OK) < 0,
	       "nor where dangling links would lead on the host");
	tap_ok(access("new", F_OK) < 0 && access("new3", F_OK) < 0, "nor beside the root");
	close(root);
	snprintf(target, sizeof(target), "rm -rf '%s'", base);
	return system(target) == 0 ? tap_done() : 99;
}
