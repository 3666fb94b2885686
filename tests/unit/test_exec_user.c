/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exec --user: what is a number, what is a name, and what is refused; then names in passwd and
 * group files as an attacker would write them. A number is never looked up, and no mistake in a
 * file ever ends in uid 0.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/plan.h"
#include "steps/passwd.h"
#include "tests/unit/tap.h"

static const struct {
	const char *text;
	bool good;
	const char *name;
	uid_t uid;
	bool has_group;
	const char *group;
	gid_t gid;
} spellings[] = {
	{ "0", true, NULL, 0, false, NULL, 0 },
	{ "1", true, NULL, 1, false, NULL, 0 },
	{ "1000:1001", true, NULL, 1000, true, NULL, 1001 },
	{ "007", true, NULL, 7, false, NULL, 0 },
	{ "4294967294:4294967294", true, NULL, 4294967294U, true, NULL, 4294967294U },
	{ "4294967295", false, NULL, 0, false, NULL, 0 },
	{ "4294967296", false, NULL, 0, false, NULL, 0 },
	{ "1:4294967295", false, NULL, 0, false, NULL, 0 },
	{ "1:4294967296", false, NULL, 0, false, NULL, 0 },
	{ "18446744073709551616", false, NULL, 0, false, NULL, 0 },
	{ "18446744073709551617", false, NULL, 0, false, NULL, 0 },
	{ "99999999999999999999999999", false, NULL, 0, false, NULL, 0 },
	{ "", false, NULL, 0, false, NULL, 0 },
	{ ":", false, NULL, 0, false, NULL, 0 },
	{ ":5", false, NULL, 0, false, NULL, 0 },
	{ "5:", false, NULL, 0, false, NULL, 0 },
	{ "1:2:3", false, NULL, 0, false, NULL, 0 },
	{ "-1", false, NULL, 0, false, NULL, 0 },
	{ "+1", false, NULL, 0, false, NULL, 0 },
	{ " 1", false, NULL, 0, false, NULL, 0 },
	{ "1 ", false, NULL, 0, false, NULL, 0 },
	{ "1\n", false, NULL, 0, false, NULL, 0 },
	{ "0x10", false, NULL, 0, false, NULL, 0 },
	{ "1e3", false, NULL, 0, false, NULL, 0 },
	{ "1.0", false, NULL, 0, false, NULL, 0 },
	{ "1user", false, NULL, 0, false, NULL, 0 },
	{ "a b", false, NULL, 0, false, NULL, 0 },
	{ "a\nroot", false, NULL, 0, false, NULL, 0 },
	{ "../root", false, NULL, 0, false, NULL, 0 },
	{ "\xd9\xa1", false, NULL, 0, false, NULL, 0 }, /* an arabic-indic digit one */
	{ "user", true, "user", 0, false, NULL, 0 },
	{ "_apt", true, "_apt", 0, false, NULL, 0 },
	{ "user.name-2", true, "user.name-2", 0, false, NULL, 0 },
	{ "host$", true, "host$", 0, false, NULL, 0 },
	{ "user:group", true, "user", 0, true, "group", 0 },
	{ "user:5", true, "user", 0, true, NULL, 5 },
	{ "5:group", true, NULL, 5, true, "group", 0 },
	{ "user:-5", false, NULL, 0, false, NULL, 0 },
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_spellings(void)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct arena arena = { 0 };
		struct oci_error err = { 0 };
		struct plan_user user;
		int result = plan_parse_user(&user, spellings[i].text, &arena, &err);

		if (spellings[i].good)
			tap_ok(result == 0 && same_text(user.name, spellings[i].name) &&
				       user.uid == spellings[i].uid &&
				       user.has_group == spellings[i].has_group &&
				       same_text(user.group, spellings[i].group) &&
				       user.gid == spellings[i].gid,
			       "'%s' is understood", spellings[i].text);
		else
			tap_ok(result < 0 && strcmp(err.code, "usage") == 0,
			       "spelling %zu is refused", i);
		arena_done(&arena);
	}
}

static char top[] = "/tmp/test-exec-user-XXXXXX";

static void write_file(const char *name, const char *text, size_t size)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/etc/%s", top, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, size) != (ssize_t)size)
		exit(1);
	(void)close(fd);
}

static struct plan plan;

/* Looks NAME[:GROUP] up in the files; what is found in plan.process. */
static int look_up(const char *name, const char *group, struct oci_error *err)
{
	static struct run run; /* the groups that are found stand in it */
	int result;

	plan = (struct plan){ .process = { .user_name = name,
					   .group_name = group,
					   .users_groups = name && !group,
					   .uid = 77,
					   .gid = 78 } };
	run = (struct run){ .plan = &plan, .own_process = &plan.process, .proc = -1 };
	run.rootfs = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*err = (struct oci_error){ 0 };
	result = passwd_find_user(&run, err);
	(void)close(run.rootfs);
	return result;
}

static void found(const char *name, uid_t uid, gid_t gid)
{
	struct oci_error err;
	int result = look_up(name, NULL, &err);

	tap_ok(result == 0 && plan.process.uid == uid && plan.process.gid == gid,
	       "'%s' is %u:%u (%d, %u:%u %s)", name, uid, gid, result, plan.process.uid,
	       plan.process.gid, err.text);
}

static void refused(const char *name, const char *group, const char *what)
{
	struct oci_error err;
	int result = look_up(name, group, &err);

	tap_ok(result < 0 && strcmp(err.code, "no-user") == 0 && plan.process.uid == 77 &&
		       plan.process.uid != 0,
	       "%s: refused (%s)", what, err.text);
}

#define FILE_OF(name, text) write_file(name, text, sizeof(text) - 1)

static void test_passwd(void)
{
	FILE_OF("passwd", "root:x:0:0::/root:/bin/sh\n"
			  "1:x:0:0::/:\n"
			  "# comment\n\n:x:0:0::/:\nuse:x:1:1::/:\n"
			  "user:x:1000:1001:A user:/home/user:/bin/sh\n"
			  "user:x:0:0::/:\n"
			  "short\nfew:x:5\nminus:x:-1:0::/:\nhigh:x:4294967296:0::/:\n"
			  "none:x:4294967295:0::/:\nempty:x::0::/:\nhex:x:0x0:0::/:\n"
			  "blank:x: 0:0::/:\ngroupless:x:5:::/:\nbig:x:18446744073709551616:0::/:\n"
			  "last:x:12:13");
	FILE_OF("group",
		"root:x:0:\nstaff:x:50:user,other\nuser:x:1001:user\nx:x:51:user2\n"
		"bad:x:-1:user\naudio:x:63:a,user\nhigh:x:4294967296:user\nlast:x:64:user");
	found("root", 0, 0);
	found("user", 1000, 1001);
	tap_ok(plan.process.n_gids == 4 && plan.process.gids[0] == 50 &&
		       plan.process.gids[1] == 1001 && plan.process.gids[2] == 63 &&
		       plan.process.gids[3] == 64,
	       "the groups that list the user, and no other");
	found("use", 1, 1);
	found("last", 12, 13);
	refused("nobody", NULL, "a user that isn't there");
	refused("short", NULL, "an entry of a name alone");
	refused("few", NULL, "an entry without a group");
	refused("minus", NULL, "uid -1");
	refused("high", NULL, "uid 2^32");
	refused("big", NULL, "uid 2^64");
	refused("none", NULL, "uid 2^32-1");
	refused("empty", NULL, "no uid");
	refused("hex", NULL, "uid 0x0");
	refused("blank", NULL, "uid ' 0'");
	refused("groupless", NULL, "no gid");
	refused(NULL, "nogroup", "a group that isn't there");
	refused(NULL, "bad", "gid -1");
	refused(NULL, "high", "gid 2^32");
}

static void test_group(void)
{
	struct oci_error err;

	tap_ok(look_up("user", "staff", &err) == 0 && plan.process.uid == 1000 &&
		       plan.process.gid == 50 && plan.process.n_gids == 0,
	       "a group that is given is the only one");
	tap_ok(look_up(NULL, "staff", &err) == 0 && plan.process.uid == 77 &&
		       plan.process.gid == 50,
	       "a group for a number");
}

/* A line longer than the buffer whose tail looks like an entry. */
static void test_long_lines(void)
{
	enum { LONG = 40 * 1024 };
	char *text = malloc(LONG + 200);

	if (!text)
		exit(1);
	for (size_t size = 16 * 1024 - 3; size < 16 * 1024 + 3; size++) {
		memset(text, 'a', LONG);
		(void)sprintf(text + size, "user:x:0:0::/:\nuser:x:1000:1001::/:\n");
		write_file("passwd", text, strlen(text));
		found("user", 1000, 1001);
	}
	memset(text, 'a', LONG);
	write_file("passwd", text, LONG);
	refused("user", NULL, "a file without a newline");
	memset(text, 0, LONG);
	memcpy(text + 100, "\nuser:x:1000:1001::/:\n", 22);
	write_file("passwd", text, LONG);
	found("user", 1000, 1001);
	free(text);
}

static void path_of(char path[64], const char *name)
{
	(void)snprintf(path, 64, "%s/etc/%s", top, name);
	(void)unlink(path);
}

static void test_kinds(void)
{
	char path[64], outside[64];
	int fd;

	path_of(path, "passwd");
	refused("user", NULL, "no file");
	if (mkfifo(path, 0644) < 0)
		exit(1);
	refused("user", NULL, "a fifo");
	path_of(path, "passwd");
	if (mkdir(path, 0755) < 0)
		exit(1);
	refused("user", NULL, "a directory");
	(void)rmdir(path);
	(void)snprintf(outside, sizeof(outside), "%s.outside", top);
	fd = open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "user:x:0:0::/:\n", 15) != 15 || symlink(outside, path) < 0)
		exit(1);
	(void)close(fd);
	refused("user", NULL, "a link to a file outside the root");
	(void)unlink(outside);
	path_of(path, "passwd");
	if (symlink("/proc/self/fd/0", path) < 0)
		exit(1);
	refused("user", NULL, "a link to /proc/self/fd");
	path_of(path, "passwd");
	if (symlink("passwd", path) < 0)
		exit(1);
	refused("user", NULL, "a link to itself");
	path_of(path, "passwd");
	if (symlink("/dev/zero", path) < 0)
		exit(1);
	refused("user", NULL, "a link to a device of the host");
	path_of(path, "passwd");
	FILE_OF("real", "user:x:1000:1001::/:\n");
	if (symlink("/etc/real", path) < 0)
		exit(1);
	found("user", 1000, 1001);
}

static void remove_all(void)
{
	static const char *const names[] = { "passwd", "group", "real" };
	char path[64];

	for (size_t i = 0; i < 3; i++)
		path_of(path, names[i]);
	(void)snprintf(path, sizeof(path), "%s/etc", top);
	(void)rmdir(path);
	(void)rmdir(top);
}

int main(void)
{
	char etc[64];

	test_spellings();
	if (!mkdtemp(top))
		return 1;
	(void)snprintf(etc, sizeof(etc), "%s/etc", top);
	if (mkdir(etc, 0755) < 0)
		return 1;
	test_passwd();
	test_group();
	test_long_lines();
	test_kinds();
	remove_all();
	return tap_done();
}
