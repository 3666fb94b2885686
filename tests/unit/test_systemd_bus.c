/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hull-systemd's side of D-Bus against a bus that this test plays, systemd and strangers on it
 * included: what comes late, from somebody else, in another order, or never.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "systemd/bus.h"
#include "tests/unit/tap.h"

#define BUS "org.freedesktop.DBus"
#define SYSTEMD "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define JOB OBJECT "/job/7"
#define UNIT_PATH OBJECT "/unit/x_2escope"
#define FIRST ":1.1"  /* systemd */
#define SECOND ":1.2" /* systemd, executed anew */
#define OTHER ":1.66" /* somebody else */

static char folder[] = "/tmp/hull-bus-test.XXXXXX";
static char address[64];

/* --- The bus, in a process of its own --- */

/* Answers a call. `n` counts the calls of this member, from 1. */
typedef void (*part)(sd_bus_message *call, const char *member, int n);

static void check(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "the bus of the test: %s\n", strerror(-r));
		_exit(1);
	}
}

static void send_from(sd_bus_message *m, const char *sender)
{
	check(sd_bus_message_set_sender(m, sender));
	check(sd_bus_send(sd_bus_message_get_bus(m), m, NULL));
	check(sd_bus_flush(sd_bus_message_get_bus(m)));
	sd_bus_message_unref(m);
}

static void answer(sd_bus_message *call, const char *type, const char *text)
{
	sd_bus_message *m;

	check(sd_bus_message_new_method_return(call, &m));
	if (type)
		check(sd_bus_message_append(m, type, text));
	send_from(m, FIRST);
}

static void refuse(sd_bus_message *call, const char *name)
{
	check(sd_bus_reply_method_errorf(call, name, "the test says so"));
}

static sd_bus_message *signal_of(sd_bus_message *call, const char *object, const char *interface,
				 const char *member)
{
	sd_bus_message *m;

	check(sd_bus_message_new_signal(sd_bus_message_get_bus(call), &m, object, interface,
					member));
	return m;
}

static void say_job(sd_bus_message *call, const char *sender, const char *job, const char *result)
{
	sd_bus_message *m = signal_of(call, OBJECT, MANAGER, "JobRemoved");

	check(sd_bus_message_append(m, "uoss", 7, job, "x.scope", result));
	send_from(m, sender);
}

static void say_removed(sd_bus_message *call, const char *sender)
{
	sd_bus_message *m = signal_of(call, OBJECT, MANAGER, "UnitRemoved");

	check(sd_bus_message_append(m, "so", "x.scope", UNIT_PATH));
	send_from(m, sender);
}

static void say_owner(sd_bus_message *call, const char *sender, const char *before,
		      const char *after)
{
	sd_bus_message *m = signal_of(call, "/org/freedesktop/DBus", BUS, "NameOwnerChanged");

	check(sd_bus_message_append(m, "sss", SYSTEMD, before, after));
	send_from(m, sender);
}

static void nap(int ms)
{
	(void)nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
			NULL);
}

/* For so long nothing may come from the other end. */
static void expect_silence(sd_bus_message *call, int ms)
{
	struct pollfd end = { .fd = sd_bus_get_fd(sd_bus_message_get_bus(call)), .events = POLLIN };

	check(poll(&end, 1, ms) == 0 ? 0 : -EPROTO);
}

struct show {
	part play;
	char members[16][32];
	int counts[16];
};

static int count_call(struct show *show, const char *member)
{
	int i = 0;

	while (i < 15 && *show->members[i] && strcmp(show->members[i], member) != 0)
		i++;
	(void)snprintf(show->members[i], sizeof(show->members[i]), "%s", member);
	return ++show->counts[i];
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct show *show = userdata;
	const char *member = sd_bus_message_get_member(m);

	(void)error;
	if (sd_bus_message_is_method_call(m, NULL, NULL) <= 0)
		return 0;
	if (strcmp(member, "Hello") == 0)
		answer(m, "s", ":1.9");
	else if (strcmp(member, "AddMatch") != 0)
		show->play(m, member, count_call(show, member));
	return 1;
}

static _Noreturn void serve(int listener, part play)
{
	struct show show = { .play = play };
	sd_bus *bus;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), r;

	check(sd_bus_new(&bus));
	check(sd_bus_set_fd(bus, fd, fd));
	check(sd_bus_set_server(bus, 1,
				SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0)));
	check(sd_bus_set_trusted(bus, 1));
	check(sd_bus_add_filter(bus, NULL, on_call, &show));
	check(sd_bus_start(bus));
	for (;;) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		if (r < 0)
			_exit(0); /* the client has gone */
	}
}

static pid_t open_bus(part play)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/bus", folder);
	if (bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(listener, 1) < 0)
		exit(1);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		serve(listener, play);
	(void)close(listener);
	return pid;
}

static void close_bus(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)unlink(address + strlen("unix:path="));
}

/* --- The helper's end --- */

static const struct systemd_request start = { .verb = SYSTEMD_START,
					      .unit = "x.scope",
					      .slice = "a.slice",
					      .description = "a test",
					      .cgroup_mount = "/nowhere",
					      .deadline_ms = 20000 };

/* Either instance is at the address of the test. The deadline begins when it has been reached,
 * which takes long on a busy host, unless that is what is asked for. */
static int ask(part play, const struct systemd_request *request,
	       int (*what)(struct bus *, const struct systemd_request *, struct oci_error *),
	       struct oci_error *err)
{
	pid_t pid = open_bus(play);
	struct systemd_request reach = *request;
	struct bus bus = { 0 };
	int result;

	*err = (struct oci_error){ 0 };
	if (request->verb != SYSTEMD_REACH)
		reach.deadline_ms = 30000;
	bus_begin(&bus, &reach);
	result = bus_reach(&bus, request->user, err);
	if (result == 0 && request->verb != SYSTEMD_REACH) {
		bus_begin(&bus, request);
		result = what(&bus, request, err);
	}
	bus_close(&bus);
	close_bus(pid);
	return result;
}

static void check_good(part play, const struct systemd_request *request,
		       int (*what)(struct bus *, const struct systemd_request *,
				   struct oci_error *),
		       const char *text)
{
	struct oci_error err;

	tap_ok(ask(play, request, what, &err) == 0, "%s %s", text, err.text);
}

static void check_bad(part play, const struct systemd_request *request,
		      int (*what)(struct bus *, const struct systemd_request *, struct oci_error *),
		      const char *code, const char *words, const char *text)
{
	struct oci_error err;

	tap_ok(ask(play, request, what, &err) < 0, "%s", text);
	tap_is_str(err.code, code, "with its code");
	tap_ok(strstr(err.text, words) != NULL, "and its words: %s", err.text);
}

/* --- Who says it --- */

static bool common(sd_bus_message *call, const char *member)
{
	if (strcmp(member, "GetNameOwner") == 0)
		answer(call, "s", FIRST);
	else if (strcmp(member, "Subscribe") == 0)
		answer(call, NULL, NULL);
	else
		return false;
	return true;
}

static void strangers_jobs(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (common(call, member))
		return;
	answer(call, "o", JOB);
	say_job(call, OTHER, JOB, "failed");
	say_owner(call, OTHER, FIRST, OTHER);
	say_job(call, OTHER, JOB, "failed");
	say_job(call, FIRST, OBJECT "/job/8", "failed");
	say_job(call, FIRST, JOB, "done");
}

static void executed_anew(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (common(call, member))
		return;
	answer(call, "o", JOB);
	say_owner(call, BUS, FIRST, "");
	say_owner(call, BUS, "", SECOND);
	say_job(call, FIRST, JOB, "failed");
	say_job(call, SECOND, JOB, "done");
}

/* As a user's bus may be for a moment. */
static void comes_late(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (strcmp(member, "GetNameOwner") == 0) {
		refuse(call, BUS ".Error.NameHasNoOwner");
		nap(200);
		say_owner(call, OTHER, "", OTHER);
		say_owner(call, BUS, "", FIRST);
		return;
	}
	answer(call, "o", JOB);
	say_job(call, OTHER, JOB, "failed");
	say_job(call, FIRST, JOB, "done");
}

static void never_there(sd_bus_message *call, const char *member, int n)
{
	(void)member;
	(void)n;
	refuse(call, BUS ".Error.NameHasNoOwner");
}

static void check_senders(void)
{
	struct systemd_request brief = start;

	check_good(strangers_jobs, &start, bus_start_scope,
		   "what somebody else says about a job isn't believed");
	check_good(executed_anew, &start, bus_start_scope,
		   "a systemd that executes itself anew is known by its new name");
	check_good(comes_late, &start, bus_start_scope,
		   "a systemd that comes after its bus is waited for");
	brief.verb = SYSTEMD_REACH;
	brief.deadline_ms = 1000;
	check_bad(never_there, &brief, bus_start_scope, "systemd-unreachable",
		  "there is no systemd", "a bus without systemd is an error");
}

/* --- Answers that are none --- */

static void job_fails(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (common(call, member))
		return;
	answer(call, "o", JOB);
	say_job(call, FIRST, JOB, "dependency");
}

/* As when the system's systemd doesn't move a session's process for the user's. */
static void doesnt_take_it(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (common(call, member))
		return;
	answer(call, "o", JOB);
	say_job(call, FIRST, JOB, "failed");
}

static void answers_late(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (common(call, member))
		return;
	nap(400);
	answer(call, "o", JOB);
	nap(400);
	say_job(call, FIRST, JOB, "done");
}

static void never_answers(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	(void)common(call, member);
}

static void never_done(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (!common(call, member))
		answer(call, "o", JOB);
}

static void silent(sd_bus_message *call, const char *member, int n)
{
	(void)call;
	(void)member;
	(void)n;
}

static void leaves(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (!common(call, member))
		refuse(call, BUS ".Error.NoReply");
}

static void denies(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (!common(call, member))
		refuse(call, BUS ".Error.AccessDenied");
}

static void hangs_up(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (!common(call, member))
		_exit(0);
}

static void check_failures(void)
{
	struct systemd_request brief = start, users = start;

	check_bad(job_fails, &start, bus_start_scope, "systemd-failed",
		  "job '" JOB "' for unit 'x.scope' ended with result 'dependency'",
		  "a job that fails is an error that names job, unit and result");
	users.user = true;
	check_bad(doesnt_take_it, &users, bus_start_scope, "systemd-failed",
		  "systemd-run --user --scope hull",
		  "a user's scope that can't take hull in says what to do");
	check_good(answers_late, &start, bus_start_scope, "a systemd that is slow is waited for");
	/* What comes before has to be answered in that time, on a busy host too. */
	brief.deadline_ms = 2000;
	check_bad(never_answers, &brief, bus_start_scope, "timeout",
		  "systemd didn't answer within 2.000 s: StartTransientUnit of unit 'x.scope'",
		  "one that never answers is an error in time");
	check_bad(never_done, &brief, bus_start_scope, "timeout",
		  "job '" JOB "' for unit 'x.scope' isn't done after 2.000 s",
		  "so is a job that is never done");
	brief.verb = SYSTEMD_REACH;
	brief.deadline_ms = 1000;
	check_bad(silent, &brief, bus_start_scope, "timeout", "GetNameOwner",
		  "and a bus that says nothing");
	check_bad(leaves, &start, bus_start_scope, "systemd-failed", "systemd left the bus",
		  "a systemd that has gone isn't called slow");
	check_bad(denies, &start, bus_start_scope, "systemd-failed",
		  "systemd doesn't let this user do it", "a denial says so");
	check_bad(hangs_up, &start, bus_start_scope, "systemd-failed", "unit 'x.scope'",
		  "the end of the bus is an error");
}

/* --- A name that is taken --- */

static void answer_state(sd_bus_message *call, const char *state)
{
	sd_bus_message *m;

	check(sd_bus_message_new_method_return(call, &m));
	check(sd_bus_message_append(m, "v", "s", state));
	send_from(m, FIRST);
}

/* Dead, and kept for somebody to look at: gone once it is forgotten. */
static void failed_before(sd_bus_message *call, const char *member, int n)
{
	static bool forgotten;

	if (common(call, member))
		return;
	if (strcmp(member, "StartTransientUnit") == 0 && !forgotten)
		refuse(call, SYSTEMD ".UnitExists");
	else if (strcmp(member, "StartTransientUnit") == 0) {
		answer(call, "o", JOB);
		say_job(call, FIRST, JOB, "done");
	} else if (strcmp(member, "GetUnit") == 0 && forgotten)
		refuse(call, SYSTEMD ".NoSuchUnit");
	else if (strcmp(member, "GetUnit") == 0)
		answer(call, "o", UNIT_PATH);
	else if (strcmp(member, "Get") == 0 && n == 1)
		answer_state(call, ""); /* ControlGroup */
	else if (strcmp(member, "Get") == 0)
		answer_state(call, "failed");
	else if (strcmp(member, "ResetFailedUnit") == 0) {
		forgotten = true;
		answer(call, NULL, NULL);
		say_removed(call, FIRST);
	}
}

static void alive(sd_bus_message *call, const char *member, int n)
{
	if (common(call, member))
		return;
	if (strcmp(member, "StartTransientUnit") == 0)
		refuse(call, SYSTEMD ".UnitExists");
	else if (strcmp(member, "GetUnit") == 0)
		answer(call, "o", UNIT_PATH);
	else if (strcmp(member, "Get") == 0)
		answer_state(call, n == 1 ? "" : "active");
	else
		check(-EPROTO); /* it is neither stopped nor forgotten */
}

/* --- The end --- */

/* Whoever asks again too soon hears that it is still there. */
static void reloads(sd_bus_message *call, const char *member, int n)
{
	if (common(call, member))
		return;
	if (strcmp(member, "GetUnit") == 0 && n == 3) {
		refuse(call, SYSTEMD ".NoSuchUnit");
	} else if (strcmp(member, "GetUnit") == 0) {
		answer(call, "o", UNIT_PATH);
	} else if (strcmp(member, "Get") == 0) {
		answer_state(call, "active");
		nap(150);
		say_removed(call, FIRST);
	} else {
		check(-EPROTO);
	}
}

static void strangers_ends(sd_bus_message *call, const char *member, int n)
{
	if (common(call, member))
		return;
	if (strcmp(member, "GetUnit") == 0 && n == 1) {
		answer(call, "o", UNIT_PATH);
	} else if (strcmp(member, "GetUnit") == 0) {
		refuse(call, n == 2 ? SYSTEMD ".NoSuchUnit" : BUS ".Error.Failed");
	} else if (strcmp(member, "Get") == 0) {
		answer_state(call, "active");
		say_removed(call, OTHER);
		expect_silence(call, 300);
		say_removed(call, FIRST);
	} else {
		check(-EPROTO);
	}
}

/* How long the wait for a unit's end took. */
static long end_takes(part play, struct oci_error *err)
{
	struct systemd_request request = start;
	struct timespec begin, end;

	request.verb = SYSTEMD_END;
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	if (ask(play, &request, bus_end, err) < 0)
		return -1;
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
}

static void check_ends(void)
{
	struct oci_error err;
	long took;

	check_good(failed_before, &start, bus_start_scope,
		   "a unit that has failed is cleared away");
	check_bad(alive, &start, bus_start_scope, "cgroup-populated", "unit 'x.scope' is in use",
		  "one that lives is left alone");
	took = end_takes(reloads, &err);
	tap_ok(took >= 280, "a unit that daemon-reload loads again isn't gone yet (%ld ms) %s",
	       took, err.text);
	took = end_takes(strangers_ends, &err);
	tap_ok(took >= 0, "what somebody else says of its end isn't believed (%ld ms) %s", took,
	       err.text);
}

/* --- Properties --- */

static void has_values(sd_bus_message *call, const char *member, int n)
{
	sd_bus_message *m;

	(void)n;
	if (common(call, member))
		return;
	if (strcmp(member, "GetUnit") == 0) {
		answer(call, "o", UNIT_PATH);
		return;
	}
	check(sd_bus_message_new_method_return(call, &m));
	check(sd_bus_message_open_container(m, 'a', "{sv}"));
	check(sd_bus_message_append(m, "{sv}", "Slice", "s", "a.slice"));
	check(sd_bus_message_append(m, "{sv}", "MemoryMax", "t", UINT64_C(4096)));
	check(sd_bus_message_append(m, "{sv}", "AllowedCPUs", "ay", 2, 1, 2));
	check(sd_bus_message_append(m, "{sv}", "IOReadBandwidthMax", "a(st)", 2, "/dev/a",
				    UINT64_C(5), "/dev/b", UINT64_C(6)));
	check(sd_bus_message_append(m, "{sv}", "IOWriteBandwidthMax", "a(st)", 0));
	check(sd_bus_message_append(m, "{sv}", "TasksMax", "s", "many"));
	check(sd_bus_message_close_container(m));
	send_from(m, FIRST);
}

static struct arena texts;
static struct unit_properties got; /* in the arena */

static int get(struct bus *bus, const struct systemd_request *request, struct oci_error *err)
{
	return bus_get(bus, request, &texts, &got, err);
}

static void no_unit(sd_bus_message *call, const char *member, int n)
{
	(void)n;
	if (!common(call, member))
		refuse(call, SYSTEMD ".NoSuchUnit");
}

static void check_values(void)
{
	struct unit_property wanted[] = {
		{ .name = "AllowedCPUs", .kind = UNIT_BYTES },
		{ .name = "IOReadBandwidthMax", .kind = UNIT_PAIRS },
		{ .name = "IOWriteBandwidthMax", .kind = UNIT_PAIRS },
		{ .name = "MemoryMax", .kind = UNIT_UINT64 },
		{ .name = "Unheard", .kind = UNIT_UINT64 },
	};
	struct unit_property other = { .name = "TasksMax", .kind = UNIT_UINT64 };
	struct systemd_request request = start;

	request.properties = (struct unit_properties){ wanted, 5 };
	check_good(has_values, &request, get, "properties of a unit are read");
	tap_ok(got.n == 4 && !strcmp(got.v[0].name, "MemoryMax") && got.v[0].number == 4096,
	       "those that are wanted and there: numbers");
	tap_ok(got.n == 4 && got.v[1].n == 2 && !memcmp(got.v[1].bytes, "\1\2", 2), "masks");
	tap_ok(got.n == 4 && got.v[2].n == 2 && !strcmp(got.v[2].strings[1], "/dev/b") &&
		       got.v[2].numbers[1] == 6 && got.v[3].n == 0,
	       "and lists of devices");
	request.properties = (struct unit_properties){ &other, 1 };
	check_bad(has_values, &request, get, "systemd-failed", "GetAll of unit 'x.scope'",
		  "one of another kind is an error");
	check_bad(no_unit, &request, get, "not-running", "no unit 'x.scope'",
		  "a unit that isn't there has none");
	arena_done(&texts);
}

/* --- A deadline for every call --- */

static const char *mute; /* what is never answered */
static part otherwise;

static void answers_but_one(sd_bus_message *call, const char *member, int n)
{
	if (strcmp(member, mute) != 0)
		otherwise(call, member, n);
}

static void check_mute(const char *member, part play, const struct systemd_request *request,
		       int (*what)(struct bus *, const struct systemd_request *,
				   struct oci_error *))
{
	struct systemd_request brief = *request;
	struct timespec begin, end;
	struct oci_error err;
	int result;

	brief.deadline_ms = request->verb == SYSTEMD_REACH ? 1000 : 300;
	mute = member;
	otherwise = play;
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	result = ask(answers_but_one, &brief, what, &err);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	tap_ok(result < 0 && !strcmp(err.code, "timeout") && strstr(err.text, "unit 'x.scope'"),
	       "%s that isn't answered is a time-out: %s", member, err.text);
	tap_ok((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 < 20000,
	       "in time");
}

static void check_deadlines(void)
{
	struct unit_property memory = { .name = "MemoryMax", .kind = UNIT_UINT64 };
	struct systemd_request request = start;

	check_mute("StartTransientUnit", failed_before, &start, bus_start_scope);
	check_mute("Subscribe", failed_before, &start, bus_start_scope);
	check_mute("Get", failed_before, &start, bus_start_scope);
	check_mute("GetUnit", failed_before, &start, bus_start_scope);
	check_mute("ResetFailedUnit", failed_before, &start, bus_start_scope);
	request.verb = SYSTEMD_REACH;
	check_mute("GetNameOwner", failed_before, &request, bus_start_scope);
	request.verb = SYSTEMD_GET;
	check_mute("Subscribe", reloads, &start, bus_end);
	check_mute("GetUnit", reloads, &start, bus_end);
	request.properties = (struct unit_properties){ &memory, 1 };
	check_mute("GetUnit", has_values, &request, get);
	check_mute("GetAll", has_values, &request, get);
	check_mute("SetUnitProperties", has_values, &request, bus_set);
	check_mute("Ping", has_values, &request, bus_set);
	arena_done(&texts);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder))
		exit(1);
	(void)snprintf(address, sizeof(address), "unix:path=%s/bus", folder);
	(void)setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	(void)setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	check_senders();
	check_failures();
	check_ends();
	check_values();
	check_deadlines();
	(void)rmdir(folder);
	return tap_done();
}
