/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Command lines of `run`: what each mistake is told, what good ones become, that the saved form
 * reads back as the same, and that a file changed by hand is refused like the command line.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "box/box_options.h"
#include "box/value.h"
#include "tests/unit/tap.h"

#define ARGUMENTS_MAX 12

/* Parses "--option", "value", ..., "--", "command"; a NULL ends it. */
static int make(struct box_options *options, const char *const *argv, struct oci_error *err)
{
	struct box_words words;
	int argc = 0, used = 0, result = -1;

	memset(&words, 0, sizeof(words));
	while (argv[argc])
		argc++;
	if (options_parse_before(box_options_rows, &words, argc, (char *const *)(uintptr_t)argv,
				 &used, err) == OPTIONS_DONE)
		result = box_options_make(options, &words, argv + used, (size_t)(argc - used), err);
	options_free(box_options_rows, &words);
	return result;
}

/* Behind `--rootfs /` and before the command `true`. */
static const struct {
	const char *argv[ARGUMENTS_MAX];
	const char *expected; /* of the error's text */
} mistakes[] = {
	{ { "--memory", "1q" }, "option '--memory': '1q' isn't a number of bytes" },
	{ { "--memory", "" }, "empty" },
	{ { "--memory", "4k" }, "option '--memory': '4k': that is too little" },
	{ { "--memory", "-5" }, "option '--memory': '-5' isn't a number of bytes" },
	{ { "--memory", "99999999999g" }, "option '--memory'" },
	{ { "--memory-swap", "1g" }, "give --memory too" },
	{ { "--memory", "2g", "--memory-swap", "1g" }, "is less than --memory" },
	{ { "--cpus", "0" }, "option '--cpus': '0' isn't a number of processors" },
	{ { "--cpus", "many" }, "option '--cpus': 'many'" },
	{ { "--cpus", "1", "--cpu-quota", "5000" }, "'--cpus' and '--cpu-quota'" },
	{ { "--cpu-period", "10" }, "from 1000 to 1000000" },
	{ { "--cpu-quota", "0" }, "option '--cpu-quota': '0'" },
	{ { "--cpu-shares", "1" }, "from 2 to 262144" },
	{ { "--cpuset-cpus", "3-1" }, "option '--cpuset-cpus': '3-1' isn't a list" },
	{ { "--pids", "0" }, "option '--pids': '0' isn't a whole number from 1" },
	{ { "--pids", "x" }, "option '--pids': 'x'" },
	{ { "--io-weight", "5" }, "option '--io-weight': '5'" },
	{ { "--io-read-bps", "/dev/null:1m" }, "the file is no block device" },
	{ { "--io-read-bps", "1m" }, "isn't DEVICE:RATE" },
	{ { "--io-write-iops", "/nonexistent:5" }, "No such file" },
	{ { "--ulimit", "nofiles=3" }, "isn't a resource limit" },
	{ { "--ulimit", "nofile" }, "isn't NAME=SOFT[:HARD]" },
	{ { "--ulimit", "nofile=5:3" }, "the soft limit is above the hard one" },
	{ { "--ulimit", "nofile=5:x" }, "'x' isn't a number or 'unlimited'" },
	{ { "--ulimit", "nofile=5", "--ulimit", "NOFILE=6" }, "was given before" },
	{ { "-v", "tmp" }, "isn't SOURCE:TARGET[:OPTIONS] or TARGET" },
	{ { "-v", "/" }, "the target is the root itself" },
	{ { "-v", "/tmp:/x:nocopy" }, "'nocopy' is for named volumes" },
	{ { "-v", "/nonexistent:/x" },
	  "option '--volume': '/nonexistent': can't be used: No such" },
	{ { "-v", "/tmp:x" }, "'x' isn't an absolute path" },
	{ { "-v", "/tmp:/" }, "the target is the root itself" },
	{ { "-v", "/tmp:/a/../etc" }, "isn't a path without '.' and '..'" },
	{ { "-v", "/tmp:/x:rx" }, "there is no option 'rx'" },
	{ { "-v", "/tmp:/x:z" }, "aren't relabelled" },
	{ { "-v", ".x:/x" }, "neither a path nor the name of a volume" },
	{ { "-v", "/tmp:/x", "--tmpfs", "/x" }, "'/x' is the target of two mounts" },
	{ { "--tmpfs", "tmp" }, "'tmp' isn't an absolute path" },
	{ { "--tmpfs", "/tmp:size" }, "there is no option 'size'" },
	{ { "--device", "/dev/nonexistent" }, "No such file" },
	{ { "--device", "/etc/passwd" }, "the file is no device" },
	{ { "--device", "/dev/null:/dev/x:q" }, "isn't made of r, w and m" },
	{ { "-e", "=3" }, "isn't NAME=VALUE or NAME" },
	{ { "-e", "X=\xff" }, "isn't valid UTF-8" },
	{ { "--env-file", "/nonexistent" }, "option '--env-file'" },
	{ { "-w", "tmp" }, "option '--workdir': 'tmp' isn't an absolute path" },
	{ { "-u", "a:b:c" }, "isn't USER or USER:GROUP" },
	{ { "-u", ":" }, "isn't USER or USER:GROUP" },
	{ { "--hostname", "-x" }, "isn't a host name" },
	{ { "--name", "../x" }, "isn't a name" },
	{ { "--stop-signal", "SIGNOTHING" }, "isn't a signal" },
	{ { "-t", "--detach-keys", "ctrl-p," }, "'ctrl-p,' isn't a list of at most 16 keys" },
	{ { "-t", "--detach-keys", "quit" }, "'quit' isn't a list of" },
	{ { "--detach-keys", "ctrl-x" }, "'--detach-keys' has no use without --tty" },
	{ { "--restart", "sometimes" }, "isn't no, on-failure" },
	{ { "--restart", "on-failure:0" }, "isn't no, on-failure" },
	{ { "--restart", "always:3" }, "isn't no, on-failure" },
	{ { "--rm", "--restart", "always" }, "option '--rm' contradicts --restart=always" },
	{ { "--health-interval", "5s" }, "has no use without --health-cmd" },
	{ { "--health-cmd", "x", "--health-interval", "5x" }, "isn't a span of time" },
	{ { "--health-cmd", "x", "--health-retries", "0" }, "from 1 to 1000" },
	{ { "--log-max-size", "5" }, "that is too little" },
	{ { "--log-max-files", "0" }, "from 1 to 1000" },
	{ { "--shm-size", "0" }, "that is too little" },
	{ { "-l", "=x" }, "isn't KEY=VALUE" },
	{ { "--sysctl", "kernel.panic=1" }, "it would change the host" },
	{ { "--sysctl", "net.ipv4.ip_forward" }, "isn't KEY=VALUE" },
	{ { "--sysctl", "net.ipv4.ip_forward=1", "--net", "host" }, "with --net host" },
	{ { "--net", "container:" }, "option '--net'" },
	{ { "--net", "ns:/nonexistent" }, "No such file" },
	{ { "--net", "a/b" }, "isn't bridge, none, host" },
	{ { "-p", "80" }, "isn't [IP:]HOST:PORT" },
	{ { "-p", "0:80" }, "isn't [IP:]HOST:PORT" },
	{ { "-p", "80:65536" }, "isn't [IP:]HOST:PORT" },
	{ { "-p", "1.2.3:80:80" }, "isn't [IP:]HOST:PORT" },
	{ { "-p", "80:80/sctp" }, "isn't [IP:]HOST:PORT" },
	{ { "-p", "80:80", "--net", "none" }, "needs a network such as bridge" },
	{ { "--dns", "example" }, "isn't an IP address" },
	{ { "--add-host", "x=1.2.3.4" }, "isn't NAME:ADDRESS" },
	{ { "--add-host", "x:1.2.3" }, "isn't NAME:ADDRESS" },
	{ { "--security-profile", "lax" }, "isn't strict, default or none" },
	{ { "--cap-add", "flying" }, "isn't a capability" },
	{ { "--cap-drop", "CAP_" }, "isn't a capability" },
	{ { "--seccomp", "/nonexistent" }, "option '--seccomp'" },
	{ { "--seccomp", "/etc/passwd" }, "option '--seccomp': '/etc/passwd'" },
	{ { "--userns", "0:1" }, "isn't host, auto or" },
	{ { "--userns", "0:1:0" }, "isn't host, auto or" },
	{ { "--userns", "0:4294967290:10" }, "ends beyond the highest id" },
	{ { "--userns", "0:1000:10,5:5000:10" }, "overlap" },
	{ { "--layer", "/tmp" }, "only one of --rootfs" },
	{ { "--host" }, "only one of --rootfs" },
	{ { NULL }, NULL },
};

static void test_mistakes(void)
{
	for (size_t i = 0; mistakes[i].expected; i++) {
		const char *argv[ARGUMENTS_MAX + 4] = { "--rootfs", "/" };
		struct box_options options;
		struct oci_error err = { 0 };
		int n = 2;

		for (int k = 0; mistakes[i].argv[k]; k++)
			argv[n++] = mistakes[i].argv[k];
		argv[n] = "true";
		if (!tap_ok(make(&options, argv, &err) < 0 &&
				    (!strcmp(err.code, "usage") ||
				     !strcmp(err.code, "invalid-seccomp")) &&
				    strstr(err.text, mistakes[i].expected),
			    "%s %s is refused: %s", mistakes[i].argv[0],
			    mistakes[i].argv[1] ? mistakes[i].argv[1] : "", mistakes[i].expected))
			printf("# said: %s: %s\n", err.code, err.text);
	}
}

static void test_sources(void)
{
	static const struct {
		const char *argv[6];
		const char *expected;
	} lines[] = {
		{ { "true" }, "there is no root file system" },
		{ { "--rootfs", "/" }, "there is no command to run" },
		{ { "--rootfs", "/nonexistent", "true" }, "No such file" },
		{ { "--rootfs", "/etc/passwd", "true" }, "isn't a directory" },
		{ { "--layer", "/nonexistent", "true" }, "No such file" },
		{ { "--layer", "/", "--ephemeral", "true" }, "goes with --rootfs" },
		{ { "--rootfs", "/", "--", "" }, "the command is empty" },
	};
	struct box_options options;
	struct oci_error err = { 0 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!tap_ok(make(&options, lines[i].argv, &err) < 0 &&
				    strstr(err.text, lines[i].expected),
			    "%s is refused: %s", lines[i].argv[0], lines[i].expected))
			printf("# said: %s\n", err.text);
	tap_ok(make(&options, (const char *[]){ "--image", "/layout:1", NULL }, &err) == 0 &&
		       !strcmp(options.source.from.v[0], "/layout:1") && !options.command.n,
	       "an image needs no command");
	box_options_done(&options);
}

/* Every option at once. */
static const char *const everything[] = {
	"--rootfs",
	"/",
	"--ephemeral",
	"--read-only",
	"--name",
	"web",
	"-i",
	"-t",
	"--detach-keys",
	"ctrl-x,y",
	"--init",
	"--restart=on-failure:3",
	"--stop-signal=RTMIN+3",
	"-l",
	"a=b=c",
	"-l",
	"d",
	"--health-cmd=true",
	"--health-interval=1m30s",
	"--health-timeout=1.5s",
	"--health-retries=5",
	"--health-start-period=500ms",
	"--log-max-size=1m",
	"--log-max-files=2",
	"--entrypoint=/bin/sh",
	"-e",
	"A=1",
	"-e",
	"A=2",
	"-e",
	"BOX_TEST",
	"-e",
	"BOX_UNSET",
	"-w",
	"/tmp",
	"-u",
	"www-data:33",
	"--ulimit=nofile=10:unlimited",
	"-v",
	"/tmp:/data:ro,noexec",
	"-v",
	"cache:/cache",
	"--tmpfs=/scratch:size=1m,mode=700",
	"--device=/dev/null:/dev/nothing:r",
	"--device=/dev/zero:rw",
	"--shm-size=1.5m",
	"-m",
	"1g",
	"--memory-swap=-1",
	"--cpus=1.5",
	"--cpu-shares=512",
	"--cpuset-cpus=0,2-3",
	"--pids=50",
	"--io-weight=200",
	"--net=bridge",
	"-p",
	"127.0.0.1:8080:80",
	"-p",
	"53:53/udp",
	"--hostname=here",
	"--dns=1.1.1.1",
	"--dns=::1",
	"--add-host=db:10.0.0.1",
	"--add-host=six:fe80::1",
	"--security-profile=strict",
	"--cap-add=net_admin",
	"--cap-add=CAP_KILL",
	"--cap-drop=all",
	"--userns=0:100000:1000,1000:200000:5",
	"--sysctl=net.ipv4.ip_forward=1",
	"--",
	"echo",
	"-n",
	"x",
	NULL,
};

static void test_values(const struct box_options *o)
{
	tap_is_int(o->limits.memory.v, INT64_C(1) << 30, "1g is 2^30");
	tap_is_int(o->limits.swap.v, -1, "-1 is no limit of swap");
	tap_is_int(o->limits.cpu_quota.v, 150000, "1.5 processors are 150 ms of 100 ms");
	tap_is_int(o->limits.pids.v, 50, "50 processes");
	tap_is_int((long long)o->shm_size, 1572864, "1.5m");
	tap_is_int((long long)o->health.interval_ms, 90000, "1m30s");
	tap_is_int((long long)o->health.timeout_ms, 1500, "1.5s");
	tap_is_int((long long)o->health.start_period_ms, 500, "500ms");
	tap_is_int(o->restart.retries, 3, "on-failure:3");
	tap_is_str(o->restart.policy, "on-failure", "its policy");
	tap_is_int((long long)o->env.n, 2, "a variable that the caller hasn't is left out");
	tap_is_str(o->env.v[0], "A=2", "the last value of a variable counts");
	tap_is_str(o->env.v[1], "BOX_TEST=from outside", "a bare name takes the caller's value");
	tap_is_str(o->labels.v[0].value, "b=c", "a label's value may have a =");
	tap_is_str(o->labels.v[1].value, "", "a label needs no value");
	tap_is_int((long long)o->limits.rlimits.v[0].soft, 10, "the soft limit");
	tap_ok(o->limits.rlimits.v[0].hard == UINT64_MAX, "unlimited is 2^64 - 1");
	tap_is_str(o->volumes.v[0].options.v[1], "noexec", "a volume's options");
	tap_ok(o->volumes.v[1].named, "a bare word is a volume's name");
	tap_is_str(o->devices.v[1].target, "/dev/zero", "a device keeps its path");
	tap_is_str(o->devices.v[1].access, "rw", "PATH:ACCESS is understood");
	tap_is_str(o->net.ports.v[0].address, "127.0.0.1", "a port's address");
	tap_is_str(o->net.ports.v[1].protocol, "udp", "a port's protocol");
	tap_is_str(o->net.hosts.v[1].address, "fe80::1", "IPv6 in --add-host");
	tap_is_str(o->security.cap_add.v[0], "CAP_NET_ADMIN", "capabilities in any spelling");
	tap_is_str(o->security.cap_drop.v[0], "ALL", "all of them");
	tap_is_int(o->security.mappings.v[1].host_id, 200000, "the second range");
	tap_is_str(o->command.v[1], "-n", "options of the command are its own");
}

/* The saved form with one text replaced by another; NULL when that isn't in it. */
static char *changed(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out = at ? malloc(strlen(text) + strlen(to) + 1) : NULL;

	if (out)
		(void)sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

static const struct {
	const char *from, *to, *expected;
} tampered[] = {
	{ "\"version\": 1", "\"version\": 2", "/version: 2 is a version" },
	{ "\"version\": 1,", "", "/version: missing" },
	{ "\"ctrl-x,y\"", "\"ctrl-xy\"", "/detachKeys: expected a list" },
	{ "\"tty\": true", "\"tty\": false", "has no use without --tty" },
	{ "\"readOnly\"", "\"readonly\"", "/readonly: unknown property" },
	{ "\"readOnly\": true", "\"readOnly\": \"yes\"", "/readOnly: expected true or false" },
	{ "\"pids\": 50", "\"pids\": 50.5", "/limits/pids" },
	{ "\"memory\": 1073741824", "\"memory\": 5", "/limits/memory" },
	{ "\"/data\"", "\"data\"", "/volumes/0/target: expected an absolute path" },
	{ "\"/cache\"", "\"/data\"", "the target of two mounts" },
	{ "\"strict\"", "\"lax\"", "/security/profile" },
	{ "\"CAP_KILL\"", "\"CAP_FLY\"", "/security/capAdd/1: expected a capability" },
	{ "\"A=2\"", "\"A\"", "/env/0: expected NAME=VALUE" },
	{ "\"rootfs\"", "\"layers\"", "goes with --rootfs" },
	{ "\"host\": 8080", "\"host\": 0", "/net/ports/0/host" },
	{ "\"net.ipv4.ip_forward\"", "\"kernel.panic\"", "would change the host" },
	{ "\"RTMIN+3\"", "\"RTMIN+99\"", "/stopSignal: expected a signal" },
};

/* What could be written and not be read again would be a container for ever. */
static void test_too_much(const struct box_options *options)
{
	struct box_options large = *options;
	struct oci_error err = { 0 };
	char *text = NULL, *word = malloc((size_t)3 << 20);
	char *words[] = { word, word };
	size_t size;

	if (!tap_ok(word != NULL, "memory"))
		return;
	memset(word, 'x', ((size_t)3 << 20) - 1);
	word[((size_t)3 << 20) - 1] = '\0';
	large.command.v = words;
	large.command.n = 1;
	tap_ok(box_options_write(&large, &text, &size, &err) == 0, "3 MiB of them");
	free(text);
	large.command.n = 2;
	tap_ok(box_options_write(&large, &text, &size, &err) < 0 &&
		       strstr(err.text, "at most 4194304 can be kept"),
	       "not 6: %s", err.text);
	free(word);
}

static void test_saved(const struct box_options *options)
{
	struct box_options again;
	struct oci_error err = { 0 };
	char *text, *second = NULL;
	size_t size, second_size;

	test_too_much(options);
	if (!tap_ok(box_options_write(options, &text, &size, &err) == 0, "options are written"))
		return;
	if (tap_ok(box_options_read(&again, text, size, &err) == 0, "and read again")) {
		tap_ok(box_options_write(&again, &second, &second_size, &err) == 0 &&
			       !strcmp(text, second),
		       "as the same");
		test_values(&again);
		box_options_done(&again);
	} else {
		printf("# %s\n", err.text);
	}
	for (size_t i = 0; i < sizeof(tampered) / sizeof(tampered[0]); i++) {
		char *other = changed(text, tampered[i].from, tampered[i].to);

		if (!tap_ok(other && box_options_read(&again, other, strlen(other), &err) < 0 &&
				    strstr(err.text, tampered[i].expected) &&
				    !strcmp(err.code, "invalid-options"),
			    "%s instead of %s is refused", tampered[i].to, tampered[i].from))
			printf("# said: %s\n", other ? err.text : "not in the text");
		free(other);
	}
	free(second);
	free(text);
}

static void test_env_file(void)
{
	char path[] = "/tmp/test_box_options.XXXXXX";
	int fd = mkstemp(path);
	const char *argv[] = { "--rootfs", "/", "-e", "B=given", "--env-file", path, "true", NULL };
	static const char text[] = "# comment\n\nA=1\r\n  B=file\nBOX_TEST\nC=a b # c\n";
	struct box_options options;
	struct oci_error err = { 0 };

	if (fd < 0 || file_write_all(fd, text, strlen(text), &err) < 0 ||
	    !tap_ok(make(&options, argv, &err) == 0, "an env file is read"))
		return;
	(void)close(fd);
	tap_is_int((long long)options.env.n, 4, "comments and empty lines are none");
	tap_is_str(options.env.v[0], "A=1", "a carriage return isn't part of a value");
	tap_is_str(options.env.v[1], "B=given", "-e goes before the file");
	tap_is_str(options.env.v[2], "BOX_TEST=from outside", "a bare name takes the caller's");
	tap_is_str(options.env.v[3], "C=a b # c", "a # inside a line is part of the value");
	box_options_done(&options);
	(void)unlink(path);
}

static void test_single_values(void)
{
	uint64_t number;
	int64_t quota;

	tap_ok(!value_size("0", &number) && number == 0, "0 is a size");
	tap_ok(!value_size("1KiB", &number) && number == 1024, "KiB");
	tap_ok(!value_size("2kb", &number) && number == 2048, "kb");
	tap_ok(!value_size(".5g", &number) && number == UINT64_C(1) << 29, ".5g");
	tap_ok(value_size("1.5", &number) != NULL, "half a byte is none");
	tap_ok(value_size("1.g.", &number) != NULL, "two points are none");
	tap_ok(value_size("18446744073709551616", &number) != NULL, "2^64 doesn't wrap");
	tap_ok(!value_duration("2", &number) && number == 2000, "a bare number is of seconds");
	tap_ok(value_duration("0", &number) != NULL, "no time at all is none");
	tap_ok(value_duration("25h", &number) != NULL, "more than a day is none");
	tap_ok(!value_cpus("0.01", 100000, &quota) && quota == 1000, "the least of a processor");
	tap_ok(value_cpus("0.009", 100000, &quota) != NULL, "less is none");
	tap_ok(value_cpus("0.01", 10000, &quota) != NULL, "nor in a shorter period");
}

int main(void)
{
	struct box_options options;
	struct oci_error err = { 0 };

	(void)setenv("BOX_TEST", "from outside", 1);
	(void)unsetenv("BOX_UNSET");
	test_mistakes();
	test_sources();
	if (tap_ok(make(&options, everything, &err) == 0, "every option at once")) {
		test_saved(&options);
		box_options_done(&options);
	} else {
		printf("# %s\n", err.text);
	}
	test_env_file();
	test_single_values();
	return tap_done();
}
