/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See bus.h. What is asked of systemd is in org.freedesktop.systemd1(5).
 */
#include "systemd/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "systemd/scope.h"
#include "systemd/value.h"

#define BUS "org.freedesktop.DBus"
#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT "org.freedesktop.systemd1.Unit"
#define SCOPE "org.freedesktop.systemd1.Scope"
#define NO_SUCH_UNIT "org.freedesktop.systemd1.NoSuchUnit"
#define UNIT_EXISTS "org.freedesktop.systemd1.UnitExists"

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

/* An emptied scope is gone within milliseconds; then somebody has to help. */
#define GRACE_US (3 * 1000 * 1000)

static void message_drop(sd_bus_message **m)
{
	*m = sd_bus_message_unref(*m);
}

#define auto_message __attribute__((cleanup(message_drop))) sd_bus_message *
#define auto_error __attribute__((cleanup(sd_bus_error_free))) sd_bus_error

/* --- Time --- */

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* At least 1: to libsystemd 0 means its own idea of a timeout. */
static uint64_t left_us(const struct bus *bus, uint64_t until)
{
	uint64_t now = now_us();

	if (until > bus->deadline)
		until = bus->deadline;
	return until > now ? until - now : 1;
}

static bool is_over(const struct bus *bus, uint64_t until)
{
	return left_us(bus, until) <= 1;
}

void bus_begin(struct bus *bus, const struct systemd_request *request)
{
	bus->unit = request->unit;
	bus->deadline_ms = request->deadline_ms;
	bus->deadline = now_us() + request->deadline_ms * (uint64_t)1000;
	bus->job[0] = bus->result[0] = '\0';
	bus->unit_removed = false;
}

/* --- Errors --- */

static int fail_late(const struct bus *bus, const char *what, struct oci_error *err)
{
	return fail_code(err, "timeout", "systemd didn't answer within %u.%03u s: %s of unit '%s'",
			 bus->deadline_ms / 1000, bus->deadline_ms % 1000, what, bus->unit);
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; name && *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* `number` is what libsystemd returned. */
static int fail_call(const struct bus *bus, const char *what, int number, const sd_bus_error *error,
		     struct oci_error *err)
{
	static const char *const left[] = { SD_BUS_ERROR_NO_REPLY, NULL };
	static const char *const denied[] = { SD_BUS_ERROR_ACCESS_DENIED,
					      SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
					      NULL };

	/* Of the two words for that, the bus itself says this one at once, when systemd has gone.
	 */
	if (is_one_of(error->name, left) && !is_over(bus, UINT64_MAX))
		return fail_code(err, "systemd-failed",
				 "systemd left the bus before it answered (is it executing itself "
				 "anew?): %s of unit '%s'",
				 what, bus->unit);
	if (number == -ETIMEDOUT)
		return fail_late(bus, what, err);
	if (!error->name)
		return fail_code(err, "systemd-failed", "%s of unit '%s': %s", what, bus->unit,
				 strerror(-number));
	if (strcmp(error->name, NO_SUCH_UNIT) == 0)
		return fail_code(err, "not-running", "%s: systemd has no unit '%s'", what,
				 bus->unit);
	return fail_code(err, "systemd-failed", "%s of unit '%s': %s (%s)%s", what, bus->unit,
			 error->message ? error->message : "no message", error->name,
			 is_one_of(error->name, denied) ? ": systemd doesn't let this user do it"
							: "");
}

static int fail_build(const char *what, int number, struct oci_error *err)
{
	return fail_code(err, "systemd-failed", "%s: make the message: %s", what,
			 strerror(-number));
}

/* --- What signals say --- */

static void take_owner(struct bus *bus, const char *name)
{
	(void)snprintf(bus->owner, sizeof(bus->owner), "%s", name);
}

/* Matches choose what the bus sends to all, but anybody on it may send this connection a signal of
 * whatever name. The sender is the bus's own word. */
static bool is_from(sd_bus_message *m, const char *name)
{
	const char *sender = sd_bus_message_get_sender(m);

	return *name && sender && strcmp(sender, name) == 0;
}

static void hear_systemd(struct bus *bus, sd_bus_message *m)
{
	const char *job, *unit, *result;
	uint32_t id;

	if (sd_bus_message_is_signal(m, MANAGER, "JobRemoved") > 0) {
		if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) >= 0 &&
		    strcmp(job, bus->job) == 0)
			(void)snprintf(bus->result, sizeof(bus->result), "%s", result);
	} else if (sd_bus_message_is_signal(m, MANAGER, "UnitRemoved") > 0) {
		if (sd_bus_message_read(m, "s", &unit) >= 0 && strcmp(unit, bus->unit) == 0)
			bus->unit_removed = true;
	}
}

/* systemd that executes itself anew (daemon-reexec) has another name then. */
static void hear_bus(struct bus *bus, sd_bus_message *m)
{
	const char *name, *before, *after;

	if (sd_bus_message_is_signal(m, BUS, "NameOwnerChanged") > 0 &&
	    sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 &&
	    strcmp(name, SERVICE) == 0)
		take_owner(bus, after);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;

	(void)error;
	if (is_from(m, bus->owner))
		hear_systemd(bus, m);
	else if (is_from(m, BUS))
		hear_bus(bus, m);
	return 0;
}

/* --- Waiting for signals --- */

/* The bus takes requests in their order, so nothing of what follows is missed. Not by libsystemd's
 * own way, which has no match for a text behind an argument that is none. */
static int add_match(struct bus *bus, const char *match, struct oci_error *err)
{
	int r = sd_bus_call_method_async(bus->connection, NULL, BUS, "/org/freedesktop/DBus", BUS,
					 "AddMatch", NULL, NULL, "s", match);

	return r < 0 ? fail_build("AddMatch", r, err) : 0;
}

/* Only those of this unit: on a busy host the bus would wake each helper for all the others'. */
static int listen_to(struct bus *bus, const char *signal, int argument, struct oci_error *err)
{
	char match[512];

	(void)snprintf(match, sizeof(match),
		       "type='signal',sender='" SERVICE "',path='" OBJECT "',interface='" MANAGER
		       "',member='%s',arg%d='%s'",
		       signal, argument, bus->unit);
	return add_match(bus, match, err);
}

/* Until *done says so: 1, or at `until` 0. */
static int wait_for(struct bus *bus, bool (*done)(const struct bus *bus), uint64_t until,
		    struct oci_error *err)
{
	while (!done(bus)) {
		int r = sd_bus_process(bus->connection, NULL);

		if (r == 0 && is_over(bus, until))
			return 0;
		if (r == 0)
			r = sd_bus_wait(bus->connection, left_us(bus, until));
		if (r < 0 && r != -EINTR)
			return fail_code(err, "systemd-failed",
					 "the connection to systemd was lost: %s", strerror(-r));
	}
	return 1;
}

static bool job_done(const struct bus *bus)
{
	return bus->result[0];
}

static bool unit_gone(const struct bus *bus)
{
	return bus->unit_removed;
}

/* --- The connection --- */

/* As in addresses of the D-Bus specification: what isn't plain is %XX. */
static int escape_path(const char *path, char *out, size_t size)
{
	size_t used = 0;

	for (; *path; path++) {
		bool plain = strchr("-_/.*", *path) || (*path >= '0' && *path <= '9') ||
			     (*path >= 'A' && *path <= 'Z') || (*path >= 'a' && *path <= 'z');

		if (used + 4 > size)
			return -1;
		used += (size_t)snprintf(out + used, size - used, plain ? "%c" : "%%%02x",
					 (unsigned char)*path);
	}
	return used ? 0 : -1;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* The helper gets these variables from hull, which leaves out those that don't count. */
static int find_address(bool user, char *address, size_t size, struct oci_error *err)
{
	const char *given = variable(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
	const char *runtime = variable("XDG_RUNTIME_DIR");
	char path[512];

	if (given || !user) {
		if (strlen(given ? given : SYSTEM_BUS) >= size)
			return fail_code(err, "systemd-unreachable",
					 "the bus's address is too long");
		(void)snprintf(address, size, "%s", given ? given : SYSTEM_BUS);
		return 0;
	}
	if (!runtime)
		return fail_code(
			err, "systemd-unreachable",
			"no bus of this user's systemd is known: neither "
			"DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set (log in through "
			"systemd, or as root: loginctl enable-linger USER; without systemd: "
			"--cgroup-manager cgroupfs)");
	if (escape_path(runtime, path, sizeof(path)) < 0)
		return fail_code(err, "systemd-unreachable", "XDG_RUNTIME_DIR is too long");
	(void)snprintf(address, size, "unix:path=%s/bus", path);
	return 0;
}

static int fail_connect(const char *address, bool user, const char *why, struct oci_error *err)
{
	return fail_code(
		err, "systemd-unreachable",
		"connect to the %s bus at '%s': %s (is systemd running here%s? without it: "
		"--cgroup-manager cgroupfs)",
		user ? "user's" : "system", address, why,
		user ? ", with an instance for this user" : "");
}

static int wait_ready(struct bus *bus, const char *address, bool user, struct oci_error *err)
{
	for (;;) {
		int r = sd_bus_process(bus->connection, NULL);

		if (r >= 0 && sd_bus_is_ready(bus->connection) > 0)
			return 0;
		if (r == 0 && is_over(bus, UINT64_MAX))
			return fail_connect(address, user, "no answer in time", err);
		if (r == 0)
			r = sd_bus_wait(bus->connection, left_us(bus, UINT64_MAX));
		if (r < 0 && r != -EINTR)
			return fail_connect(address, user, strerror(-r), err);
	}
}

static int connect_bus(struct bus *bus, bool user, struct oci_error *err)
{
	char address[1024];
	int r;

	TRY(find_address(user, address, sizeof(address), err));
	r = sd_bus_new(&bus->connection);
	if (r >= 0)
		r = sd_bus_set_address(bus->connection, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus->connection, 1);
	if (r >= 0)
		r = sd_bus_add_filter(bus->connection, NULL, on_message, bus);
	if (r >= 0)
		r = sd_bus_start(bus->connection);
	if (r < 0)
		return fail_connect(address, user, strerror(-r), err);
	return wait_ready(bus, address, user, err);
}

/* Asked of the bus, which has the answer without troubling systemd. */
static int ask_owner(struct bus *bus, struct oci_error *err)
{
	static const char *const none[] = { SD_BUS_ERROR_NAME_HAS_NO_OWNER, NULL };
	auto_error error = SD_BUS_ERROR_NULL;
	auto_message call = NULL;
	auto_message reply = NULL;
	const char *owner;
	int r = sd_bus_message_new_method_call(bus->connection, &call, BUS, "/org/freedesktop/DBus",
					       BUS, "GetNameOwner");

	if (r >= 0)
		r = sd_bus_message_append(call, "s", SERVICE);
	if (r < 0)
		return fail_build("GetNameOwner", r, err);
	r = sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), &error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "s", &owner);
	if (r >= 0)
		take_owner(bus, owner);
	return r < 0 && !is_one_of(error.name, none)
		       ? fail_call(bus, "GetNameOwner", r, &error, err)
		       : 0;
}

static bool systemd_there(const struct bus *bus)
{
	return bus->owner[0];
}

/* A user's bus is started by whoever comes first, and systemd follows: so it may take a moment. The
 * match goes first, so that no change of the name's owner is missed. */
static int see_systemd(struct bus *bus, bool user, struct oci_error *err)
{
	int there;

	TRY(add_match(bus,
		      "type='signal',sender='" BUS "',interface='" BUS
		      "',member='NameOwnerChanged',arg0='" SERVICE "'",
		      err));
	TRY(ask_owner(bus, err));
	there = wait_for(bus, systemd_there, now_us() + GRACE_US, err);
	if (there == 0)
		return fail_code(err, "systemd-unreachable",
				 "there is no systemd on the %s bus (without it: --cgroup-manager "
				 "cgroupfs)",
				 user ? "user's" : "system");
	return there < 0 ? -1 : 0;
}

int bus_reach(struct bus *bus, bool user, struct oci_error *err)
{
	if (bus->connection)
		return 0;
	bus->user = user;
	TRY(connect_bus(bus, user, err));
	return see_systemd(bus, user, err);
}

void bus_close(struct bus *bus)
{
	bus->connection = sd_bus_close_unref(bus->connection);
}

/* --- Calls --- */

/* A method of the manager whose arguments are strings; NULL ends them. The result is libsystemd's,
 * with *error filled. */
static int call_manager(struct bus *bus, const char *method, sd_bus_error *error,
			sd_bus_message **reply, const char *first, const char *second)
{
	auto_message call = NULL;
	int r = sd_bus_message_new_method_call(bus->connection, &call, SERVICE, OBJECT, MANAGER,
					       method);

	if (r >= 0 && first)
		r = sd_bus_message_append(call, "s", first);
	if (r >= 0 && second)
		r = sd_bus_message_append(call, "s", second);
	if (r < 0)
		return r;
	return sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), error, reply);
}

static bool is_gone(const sd_bus_error *error)
{
	static const char *const gone[] = { NO_SUCH_UNIT, SD_BUS_ERROR_UNKNOWN_OBJECT, NULL };

	return is_one_of(error->name, gone);
}

/* "active", "failed", ... as systemd calls it; "" when it has no such unit. */
static int unit_state(struct bus *bus, char *state, size_t size, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	auto_message reply = NULL;
	auto_message call = NULL;
	auto_message value = NULL;
	const char *path, *text;
	int r = call_manager(bus, "GetUnit", &error, &reply, bus->unit, NULL);

	*state = '\0';
	if (r < 0)
		return is_gone(&error) ? 0 : fail_call(bus, "GetUnit", r, &error, err);
	r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus->connection, &call, SERVICE, path,
						   BUS ".Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_append(call, "ss", UNIT, "ActiveState");
	if (r >= 0)
		r = sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), &error, &value);
	if (r >= 0)
		r = sd_bus_message_read(value, "v", "s", &text);
	if (r < 0)
		return is_gone(&error) ? 0 : fail_call(bus, "ActiveState", r, &error, err);
	(void)snprintf(state, size, "%s", text);
	return 0;
}

/* --- Waiting for a unit's end --- */

static int listen_to_end(struct bus *bus, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	int r;

	TRY(listen_to(bus, "UnitRemoved", 0, err));
	r = call_manager(bus, "Subscribe", &error, NULL, NULL, NULL);
	return r < 0 ? fail_call(bus, "Subscribe", r, &error, err) : 0;
}

/* A method that is of no use when the unit went meanwhile. */
static int nudge(struct bus *bus, const char *method, const char *mode, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	int r = call_manager(bus, method, &error, NULL, bus->unit, mode);

	return r < 0 && !is_gone(&error) ? fail_call(bus, method, r, &error, err) : 0;
}

/* 1 when the unit is gone, 0 at `until`; *state is what it was. A failed one is forgotten first: it
 * would stay where it was made by somebody who wants to see it. That it was removed systemd also
 * says of each unit that daemon-reload loads again, so it is asked once more. */
static int wait_gone(struct bus *bus, uint64_t until, char *state, size_t size,
		     struct oci_error *err)
{
	int said;

	for (;;) {
		bus->unit_removed = false;
		TRY(unit_state(bus, state, size, err));
		if (*state == '\0')
			return 1;
		if (strcmp(state, "failed") == 0)
			TRY(nudge(bus, "ResetFailedUnit", NULL, err));
		said = wait_for(bus, unit_gone, until, err);
		if (said <= 0)
			return said;
	}
}

static int fail_stays(const struct bus *bus, const char *state, struct oci_error *err)
{
	return fail_code(err, "timeout", "unit '%s' is still there (%s) after %u.%03u s", bus->unit,
			 state, bus->deadline_ms / 1000, bus->deadline_ms % 1000);
}

/* Only a directory of that inode is known to be the container's: without one, or with "" for the
 * mount's root, which in a cgroup namespace has its processes, too, nothing is. */
static bool is_ours(const struct systemd_request *request)
{
	return request->cgroup && *request->cgroup && request->inode &&
	       scope_look(request->cgroup_mount, request->cgroup, request->inode) != SCOPE_GONE;
}

/* A unit that hull asked for and never heard of again isn't stopped either: it begins with the
 * helper as its only process, and ends with it. */
int bus_end(struct bus *bus, const struct systemd_request *request, struct oci_error *err)
{
	char state[32];
	int gone;

	TRY(listen_to_end(bus, err));
	gone = wait_gone(bus, now_us() + GRACE_US, state, sizeof(state), err);
	if (gone != 0)
		return gone < 0 ? -1 : 0;
	if (is_ours(request)) {
		TRY(nudge(bus, "StopUnit", "replace", err));
	} else {
		TRY(unit_state(bus, state, sizeof(state), err));
		/* Another scope has its name by now, or one that nobody can tell to be the
		 * container's. */
		if (strcmp(state, "deactivating") != 0 && strcmp(state, "failed") != 0)
			return 0;
	}
	gone = wait_gone(bus, bus->deadline, state, sizeof(state), err);
	if (gone == 0)
		return fail_stays(bus, state, err);
	return gone < 0 ? -1 : 0;
}

/* --- Starting a scope --- */

static bool is_given(const struct unit_properties *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return true;
	return false;
}

/* PIDs 0 is the sender: right also for one whom systemd knows by another pid. What failed isn't
 * kept for somebody to look at, unless config.json wants that. */
static int append_own(sd_bus_message *m, const struct systemd_request *request)
{
	int r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Slice", "s", request->slice, "Delegate",
				      "b", 1, "PIDs", "au", 1, (uint32_t)0);

	if (r >= 0 && !is_given(&request->properties, "Description"))
		r = sd_bus_message_append(m, "(sv)", "Description", "s", request->description);
	if (r >= 0 && !is_given(&request->properties, "CollectMode"))
		r = sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
	return r;
}

static int build_start(struct bus *bus, const struct systemd_request *request,
		       sd_bus_message **call)
{
	int r = sd_bus_message_new_method_call(bus->connection, call, SERVICE, OBJECT, MANAGER,
					       "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(*call, "ss", request->unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(*call, SD_BUS_TYPE_ARRAY, "(sv)");
	if (r >= 0)
		r = append_own(*call, request);
	if (r >= 0)
		r = value_append_all(*call, &request->properties);
	if (r >= 0)
		r = sd_bus_message_close_container(*call);
	if (r >= 0)
		r = sd_bus_message_append(*call, "a(sa(sv))", 0); /* no other units with it */
	return r;
}

/* 1: the job is queued, 0: a unit of that name is there. */
static int queue_start(struct bus *bus, const struct systemd_request *request,
		       struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	auto_message call = NULL;
	auto_message reply = NULL;
	const char *job;
	int r = build_start(bus, request, &call);

	if (r < 0)
		return fail_build("StartTransientUnit", r, err);
	r = sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), &error, &reply);
	if (r < 0 && error.name && strcmp(error.name, UNIT_EXISTS) == 0)
		return 0;
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job);
	if (r < 0)
		return fail_call(bus, "StartTransientUnit", r, &error, err);
	(void)snprintf(bus->job, sizeof(bus->job), "%s", job);
	return 1;
}

/* Whoever comes from a session is taken into a unit of a user's systemd by the system's, if at all.
 */
static int fail_job(const struct bus *bus, struct oci_error *err)
{
	const char *option = bus->user ? "--user " : "";

	return fail_code(err, "systemd-failed",
			 "job '%s' for unit '%s' ended with result '%s' (systemctl %sstatus %s, "
			 "journalctl may know more%s)",
			 bus->job, bus->unit, bus->result, option, bus->unit,
			 bus->user && strcmp(bus->result, "failed") == 0
				 ? "; if it couldn't take hull's process in: systemd-run --user "
				   "--scope hull ..."
				 : "");
}

static int wait_job(struct bus *bus, struct oci_error *err)
{
	int done = wait_for(bus, job_done, bus->deadline, err);

	if (done < 0)
		return -1;
	if (done == 0)
		return fail_code(err, "timeout",
				 "job '%s' for unit '%s' isn't done after %u.%03u s", bus->job,
				 bus->unit, bus->deadline_ms / 1000, bus->deadline_ms % 1000);
	if (strcmp(bus->result, "done") != 0)
		return fail_job(bus, err);
	return 0;
}

/* The cgroup of a unit that exists, as systemd tells it; "" when it has none. */
static int unit_cgroup(struct bus *bus, char *path, size_t size, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	auto_free char *object = NULL;
	auto_free char *text = NULL;
	int r = sd_bus_path_encode(OBJECT "/unit", bus->unit, &object);

	*path = '\0';
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus->connection, left_us(bus, UINT64_MAX));
	if (r >= 0)
		r = sd_bus_get_property_string(bus->connection, SERVICE, object, SCOPE,
					       "ControlGroup", &error, &text);
	if (r < 0)
		return is_gone(&error) ? 0 : fail_call(bus, "ControlGroup", r, &error, err);
	(void)snprintf(path, size, "%s", text);
	return 0;
}

/* The unit's state is asked for last: systemd takes a cgroup away and calls the unit dead in one
 * go, so one that lives without a cgroup to be seen has it where hull can't look. */
static int refuse_used(struct bus *bus, const struct systemd_request *request,
		       struct oci_error *err)
{
	enum scope_presence presence = SCOPE_GONE;
	char state[32], path[1024];

	TRY(unit_cgroup(bus, path, sizeof(path), err));
	if (*path)
		presence = scope_look(request->cgroup_mount, path + 1, 0);
	if (presence == SCOPE_IN_USE)
		return fail_code(err, "cgroup-populated",
				 "unit '%s' is in use: there are processes in its cgroup '%s'",
				 bus->unit, path);
	if (presence == SCOPE_EMPTY)
		return 0;
	TRY(unit_state(bus, state, sizeof(state), err));
	if (strcmp(state, "active") != 0 && strcmp(state, "activating") != 0)
		return 0;
	return fail_code(err, "cgroup-populated",
			 "unit '%s' is in use: it is %s, and whether there are processes in its "
			 "cgroup '%s' can't be seen from here",
			 bus->unit, state, path);
}

/* What has the name is dead and only remembered, or just ending, or alive: then it is no leftover.
 */
static int clear_leftover(struct bus *bus, const struct systemd_request *request,
			  struct oci_error *err)
{
	char state[32];
	int gone;

	TRY(listen_to_end(bus, err));
	TRY(refuse_used(bus, request, err));
	gone = wait_gone(bus, now_us() + GRACE_US, state, sizeof(state), err);
	if (gone == 0) {
		/* By now it may be another one. */
		TRY(refuse_used(bus, request, err));
		TRY(nudge(bus, "StopUnit", "replace", err));
		gone = wait_gone(bus, bus->deadline, state, sizeof(state), err);
	}
	if (gone == 0)
		return fail_stays(bus, state, err);
	return gone < 0 ? -1 : 0;
}

int bus_start_scope(struct bus *bus, const struct systemd_request *request, struct oci_error *err)
{
	int queued;

	TRY(bus_reach(bus, request->user, err));
	TRY(listen_to(bus, "JobRemoved", 2, err));
	queued = queue_start(bus, request, err);
	if (queued == 0) {
		TRY(clear_leftover(bus, request, err));
		queued = queue_start(bus, request, err);
	}
	if (queued == 0)
		return fail_code(err, "cgroup-populated",
				 "unit '%s' is in use: another one of that name was made meanwhile",
				 bus->unit);
	return queued < 0 ? -1 : wait_job(bus, err);
}

/* Of a unit that isn't loaded, systemd would make up the values. */
static int get_all(struct bus *bus, sd_bus_message **values, sd_bus_error *error)
{
	auto_message reply = NULL;
	auto_message call = NULL;
	const char *path;
	int r = call_manager(bus, "GetUnit", error, &reply, bus->unit, NULL);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus->connection, &call, SERVICE, path,
						   BUS ".Properties", "GetAll");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", SCOPE);
	return r < 0 ? r
		     : sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), error, values);
}

int bus_get(struct bus *bus, const struct systemd_request *request, struct arena *arena,
	    struct unit_properties *out, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	auto_message values = NULL;
	int r;

	TRY(bus_reach(bus, request->user, err));
	r = get_all(bus, &values, &error);
	if (r >= 0)
		r = value_read_wanted(values, &request->properties, arena, out);
	return r < 0 ? fail_call(bus, "GetAll", r, &error, err) : 0;
}

/* systemd answers first and writes then, before it takes the next call: so this one's answer says
 * that the files are written. */
static int wait_written(struct bus *bus, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	auto_message call = NULL;
	int r = sd_bus_message_new_method_call(bus->connection, &call, SERVICE, OBJECT, BUS ".Peer",
					       "Ping");

	if (r >= 0)
		r = sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), &error, NULL);
	return r < 0 ? fail_call(bus, "Ping", r, &error, err) : 0;
}

int bus_set(struct bus *bus, const struct systemd_request *request, struct oci_error *err)
{
	auto_error error = SD_BUS_ERROR_NULL;
	auto_message call = NULL;
	int r;

	TRY(bus_reach(bus, request->user, err));
	r = sd_bus_message_new_method_call(bus->connection, &call, SERVICE, OBJECT, MANAGER,
					   "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(call, "sb", request->unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "(sv)");
	if (r >= 0)
		r = value_append_all(call, &request->properties);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	if (r < 0)
		return fail_build("SetUnitProperties", r, err);
	r = sd_bus_call(bus->connection, call, left_us(bus, UINT64_MAX), &error, NULL);
	return r < 0 ? fail_call(bus, "SetUnitProperties", r, &error, err) : wait_written(bus, err);
}
