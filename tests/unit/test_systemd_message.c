/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The messages between hull and hull-systemd: what goes in comes out, and what isn't such a message
 * is refused, whatever it is. Then hull against helpers that misbehave: programs that this test
 * writes, called as hull calls its own.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "steps/systemd_helper.h"
#include "systemd/message.h"
#include "tests/unit/tap.h"

static int ends[2];

static void open_pair(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		exit(1);
}

static void close_pair(void)
{
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* --- There and back --- */

static struct unit_property properties[] = {
	{ .name = "Delegate", .kind = UNIT_BOOL, .number = 1 },
	{ .name = "Description",
	  .kind = UNIT_STRING,
	  .strings = (const char *[]){ "a text" },
	  .n = 1 },
	{ .name = "After", .kind = UNIT_STRINGS, .strings = (const char *[]){ "a", "" }, .n = 2 },
	{ .name = "Wants", .kind = UNIT_STRINGS },
	{ .name = "KillSignal", .kind = UNIT_INT32, .number = 9 },
	{ .name = "MemoryMax", .kind = UNIT_UINT64, .number = UINT64_MAX },
	{ .name = "AllowedCPUs", .kind = UNIT_BYTES, .bytes = (const uint8_t *)"\x05\x80", .n = 2 },
	{ .name = "IOReadBandwidthMax",
	  .kind = UNIT_PAIRS,
	  .strings = (const char *[]){ "/dev/block/8:0", "/dev/block/8:16" },
	  .numbers = (const uint64_t[]){ 1, 2 },
	  .n = 2 },
};
enum { N_PROPERTIES = sizeof(properties) / sizeof(properties[0]) };

static bool same_property(const struct unit_property *a, const struct unit_property *b)
{
	if (strcmp(a->name, b->name) || a->kind != b->kind || a->number != b->number ||
	    a->n != b->n)
		return false;
	if (a->kind == UNIT_BYTES)
		return memcmp(a->bytes, b->bytes, a->n) == 0;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->strings[i], b->strings[i]))
			return false;
		if (a->kind == UNIT_PAIRS && a->numbers[i] != b->numbers[i])
			return false;
	}
	return true;
}

static void check_request(void)
{
	const struct systemd_request out = { .verb = SYSTEMD_START,
					     .user = true,
					     .deadline_ms = 1234,
					     .unit = "hull-c1.scope",
					     .slice = "a-b.slice",
					     .description = "hull container c1",
					     .cgroup_mount = "/sys/fs/cgroup",
					     .cgroup = "a.slice/a-b.slice/hull-c1.scope",
					     .inode = UINT64_C(1) << 40,
					     .properties = { properties, N_PROPERTIES } };
	struct systemd_request in;
	struct oci_error err = { 0 };
	struct arena arena = { 0 };
	bool same = true;

	open_pair();
	tap_ok(systemd_send_request(ends[0], &out, &err) == 0, "a request is sent");
	tap_is_int(systemd_receive_request(ends[1], &in, &arena, &err), 1, "and received");
	tap_ok(in.verb == out.verb && in.user && in.deadline_ms == 1234 && in.inode == out.inode,
	       "with its numbers");
	tap_ok(!strcmp(in.unit, out.unit) && !strcmp(in.slice, out.slice) &&
		       !strcmp(in.description, out.description) &&
		       !strcmp(in.cgroup_mount, out.cgroup_mount) && !strcmp(in.cgroup, out.cgroup),
	       "with its texts");
	for (size_t i = 0; i < N_PROPERTIES; i++)
		same &= in.properties.n == N_PROPERTIES &&
			same_property(&in.properties.v[i], &properties[i]);
	tap_ok(same, "with properties of every kind");
	(void)close(ends[0]);
	tap_is_int(systemd_receive_request(ends[1], &in, &arena, &err), 0,
		   "the end of the other side is no request and no error");
	(void)close(ends[1]);
	arena_done(&arena);
}

static void check_too_much(void)
{
	static char long_text[SYSTEMD_MESSAGE_MAX];
	struct unit_property many[SYSTEMD_PROPERTIES_MAX + 1];
	struct systemd_request request = { .verb = SYSTEMD_START, .unit = long_text };
	struct oci_error err = { 0 };

	memset(long_text, 'x', sizeof(long_text) - 1);
	open_pair();
	tap_ok(systemd_send_request(ends[0], &request, &err) < 0 &&
		       !strcmp(err.code, "systemd-failed"),
	       "a request that is too long isn't sent");
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = properties[0];
	request.unit = "x.scope";
	request.properties = (struct unit_properties){ many, SYSTEMD_PROPERTIES_MAX + 1 };
	tap_ok(systemd_send_request(ends[0], &request, &err) < 0,
	       "nor one with too many properties");
	close_pair();
}

static void check_reply(void)
{
	struct systemd_reply out = { .verb = SYSTEMD_END, .failed = true, .num = ENOENT }, in;
	struct oci_error err = { 0 };

	(void)strcpy(out.code, "timeout");
	(void)strcpy(out.text, "two\nlines\x1b[0m");
	open_pair();
	tap_ok(systemd_send_reply(ends[1], &out, &err) == 0 &&
		       systemd_receive_reply(ends[0], &in, NULL, &err) == 1 &&
		       in.verb == SYSTEMD_END && in.failed && in.num == ENOENT &&
		       !strcmp(in.code, "timeout"),
	       "a reply goes there and back");
	tap_is_str(in.text, "two lines [0m", "its control characters are blanks");
	memset(out.text, 'y', sizeof(out.text) - 1);
	tap_ok(systemd_send_reply(ends[1], &out, &err) == 0 &&
		       systemd_receive_reply(ends[0], &in, NULL, &err) == 1 &&
		       strlen(in.text) == sizeof(in.text) - 1,
	       "the longest text fits");
	close_pair();
}

static void check_reply_properties(void)
{
	const struct systemd_reply out = { .verb = SYSTEMD_GET,
					   .properties = { properties, N_PROPERTIES } };
	struct systemd_reply in = { 0 };
	struct oci_error err = { 0 };
	struct arena arena = { 0 };
	bool same = true;

	open_pair();
	tap_ok(systemd_send_reply(ends[1], &out, &err) == 0 &&
		       systemd_receive_reply(ends[0], &in, &arena, &err) == 1,
	       "a reply may have properties");
	for (size_t i = 0; i < N_PROPERTIES; i++)
		same &= in.properties.n == N_PROPERTIES &&
			same_property(&in.properties.v[i], &properties[i]);
	tap_ok(same, "of every kind");
	tap_ok(systemd_send_reply(ends[1], &out, &err) == 0 &&
		       systemd_receive_reply(ends[0], &in, NULL, &err) < 0,
	       "but not where none were asked for");
	close_pair();
	arena_done(&arena);
}

/* --- What is no message --- */

/* Sends bytes; whether each side refuses them with an error. */
static void check_bad(const void *bytes, size_t size, const char *what)
{
	struct systemd_request request;
	struct systemd_reply reply;
	struct oci_error err = { 0 };
	struct arena arena = { 0 };

	open_pair();
	(void)!send(ends[0], bytes, size, 0);
	(void)!send(ends[1], bytes, size, 0);
	tap_ok(systemd_receive_request(ends[1], &request, &arena, &err) < 0 && *err.text,
	       "%s is no request", what);
	tap_ok(systemd_receive_reply(ends[0], &reply, NULL, &err) < 0, "%s is no reply", what);
	close_pair();
	arena_done(&arena);
}

static size_t good_request(uint8_t *at, size_t room)
{
	const struct systemd_request request = { .verb = SYSTEMD_START,
						 .unit = "x.scope",
						 .properties = { properties, N_PROPERTIES } };
	struct oci_error err = { 0 };
	ssize_t got;

	open_pair();
	if (systemd_send_request(ends[0], &request, &err) < 0)
		exit(1);
	got = recv(ends[1], at, room, 0);
	close_pair();
	return got < 0 ? 0 : (size_t)got;
}

/* Cut anywhere, or with any byte changed, it is an error or another request, never a fault. */
static void check_mangled(void)
{
	static uint8_t good[4096], bad[4096];
	size_t size = good_request(good, sizeof(good)), refused = 0;

	for (size_t cut = 1; cut < size; cut++) {
		struct systemd_request request;
		struct oci_error err = { 0 };
		struct arena arena = { 0 };

		open_pair();
		(void)!send(ends[0], good, cut, 0);
		refused += systemd_receive_request(ends[1], &request, &arena, &err) < 0;
		close_pair();
		arena_done(&arena);
	}
	tap_is_int((long long)refused, (long long)size - 1, "cut at any place it is refused");
	for (size_t i = 0; i < size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct systemd_request request;
			struct oci_error err = { 0 };
			struct arena arena = { 0 };

			memcpy(bad, good, size);
			bad[i] ^= (uint8_t)(1u << bit);
			open_pair();
			(void)!send(ends[0], bad, size, 0);
			(void)systemd_receive_request(ends[1], &request, &arena, &err);
			close_pair();
			arena_done(&arena);
		}
	tap_ok(true, "%zu requests with a wrong bit are read without a fault", 8 * size);
}

static void check_bad_messages(void)
{
	static uint8_t much[SYSTEMD_MESSAGE_MAX + 100];
	uint8_t head[64] = { 'h', 'u', 'l', 'l', 99 };
	struct oci_error err = { 0 };
	struct systemd_reply reply;

	check_bad("", 1, "a NUL");
	check_bad("hello, this is something else", 29, "another program's text");
	check_bad(much, sizeof(much), "a message that is too long");
	open_pair();
	(void)!send(ends[1], head, sizeof(head), 0);
	tap_ok(systemd_receive_reply(ends[0], &reply, NULL, &err) < 0 &&
		       strstr(err.text, "different versions"),
	       "a message of another version says so");
	close_pair();
	check_mangled();
}

/* --- Helpers that misbehave --- */

static char folder[] = "/tmp/hull-systemd-test.XXXXXX";

static void write_helper(const char *script)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/" SYSTEMD_HELPER, folder);
	file = fopen(path, "we");
	if (!file)
		exit(1);
	(void)fputs(script, file);
	(void)fclose(file);
	(void)chmod(path, 0755);
}

/* What comes of asking a helper that is this script. */
static void check_helper(const char *script, const char *code, const char *text, const char *what)
{
	const struct systemd_request request = { .verb = SYSTEMD_REACH,
						 .unit = "x.scope",
						 .deadline_ms = 200 };
	struct systemd_helper helper = SYSTEMD_NO_HELPER;
	struct systemd_reply reply;
	struct oci_error err = { 0 };
	int result;

	write_helper(script);
	result = systemd_helper_start(&helper, &err);
	if (result == 0)
		result = systemd_helper_ask(&helper, &request, &reply, NULL, &err);
	tap_ok(result < 0, "%s is a failure", what);
	tap_is_str(err.code, code, "with its code");
	tap_ok(strstr(err.text, text) != NULL, "and its words: %s", err.text);
	systemd_helper_kill(&helper);
	tap_ok(helper.pid == 0 && helper.sock == -1 && helper.pidfd == -1, "nothing of it is left");
}

static void check_helpers(void)
{
	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		exit(1);
	(void)setenv("HULL_LIBEXEC", folder, 1);
	check_helper("#!/bin/sh\nexit 3\n", "systemd-failed", "exit status 3",
		     "a helper that ends");
	check_helper("#!/bin/sh\nkill -9 $$\n", "systemd-failed", "signal 9",
		     "a helper that is killed");
	check_helper("#!/nowhere/sh\n", "systemd-missing", "couldn't be executed",
		     "a helper that can't be executed");
	check_helper("#!/bin/sh\nexec sleep 60\n", "timeout", "said nothing",
		     "a helper that says nothing");
	check_helper("#!/bin/sh\nprintf rubbish >&3; exec sleep 60\n", "systemd-failed",
		     "isn't one of", "a helper that talks rubbish");
	/* The reply of another verb: SYSTEMD_END, with the text "x" and no properties. */
	check_helper("#!/bin/sh\npython3 -c 'import os; os.write(3, "
		     "b\"hull\\2\\0\\0\\0\\6\\0\\0\\0\" + bytes(36) + "
		     "b\"\\2\\0\\0\\0x\\0\" + bytes(4))'; exec sleep 60\n",
		     "systemd-failed", "another question", "a helper that answers something else");
	{
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/" SYSTEMD_HELPER, folder);
		(void)unlink(path);
	}
	{
		struct systemd_helper helper = SYSTEMD_NO_HELPER;
		struct oci_error err = { 0 };

		tap_ok(systemd_helper_start(&helper, &err) < 0 &&
			       !strcmp(err.code, "systemd-missing") && strstr(err.text, folder),
		       "a helper that isn't there is named: %s", err.text);
	}
	(void)rmdir(folder);
}

/* Its descriptors are its socket and /dev/null, and it has no other environment. */
static void check_inheritance(void)
{
	const struct systemd_request request = { .verb = SYSTEMD_REACH, .deadline_ms = 5000 };
	struct systemd_helper helper = SYSTEMD_NO_HELPER;
	struct systemd_reply reply;
	struct oci_error err = { 0 };
	char path[512];
	char *seen;

	(void)strcpy(folder, "/tmp/hull-systemd-test.XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		exit(1);
	(void)setenv("HULL_LIBEXEC", folder, 1);
	(void)setenv("LD_DEBUG", "none", 1);
	(void)setenv("XDG_RUNTIME_DIR", "/run/here", 1);
	(void)snprintf(path, sizeof(path),
		       "#!/bin/bash\nexec >%s/seen\nfor fd in 0 2 3 4 5 6 7 8 9; do\n"
		       "printf \"$fd \"; readlink /proc/$$/fd/$fd || echo; done; tr '\\0' '\\n' "
		       "</proc/$$/environ\n",
		       folder);
	write_helper(path);
	{
		/* What happens to be open without close-on-exec in hull. */
		int other = dup(0), result = systemd_helper_start(&helper, &err);

		if (result == 0)
			(void)systemd_helper_ask(&helper, &request, &reply, NULL, &err);
		(void)close(other);
	}
	systemd_helper_kill(&helper);
	(void)unsetenv("LD_DEBUG");
	(void)snprintf(path, sizeof(path), "%s/seen", folder);
	seen = tap_slurp(path, NULL);
	tap_ok(seen && strncmp(seen, "0 /dev/null\n2 /dev/null\n3 socket:", 33) == 0,
	       "the helper has /dev/null and its socket");
	tap_ok(seen && strstr(seen, "\n4 \n5 \n6 \n7 \n8 \n9 \n") != NULL, "and nothing else");
	tap_ok(seen && strstr(seen, "XDG_RUNTIME_DIR=/run/here") && !strstr(seen, "LD_DEBUG") &&
		       !strstr(seen, "HOME="),
	       "of the environment it has where the buses are: %s", seen ? seen : "(nothing)");
	free(seen);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/" SYSTEMD_HELPER, folder);
	(void)unlink(path);
	(void)rmdir(folder);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_DFL);
	check_request();
	check_too_much();
	check_reply();
	check_reply_properties();
	check_bad_messages();
	check_helpers();
	check_inheritance();
	return tap_done();
}
