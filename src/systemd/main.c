/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hull-systemd: hull's way to systemd. A program of its own, so that hull loads no libsystemd; hull
 * starts it with one end of a socket and nothing else, asks, and is answered (message.h). It is the
 * process that a new scope begins with, for systemd makes none that is empty, and goes once the
 * container is in. When hull dies it dies.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "systemd/bus.h"
#include "systemd/message.h"
#include "systemd/scope.h"

static int act(struct bus *bus, const struct systemd_request *request, struct arena *arena,
	       struct systemd_reply *reply, struct oci_error *err)
{
	switch (request->verb) {
	case SYSTEMD_REACH:
		return bus_reach(bus, request->user, err);
	case SYSTEMD_START:
		TRY(bus_start_scope(bus, request, err));
		return scope_prepare(request->cgroup_mount, request->unit, reply->text,
				     sizeof(reply->text), err);
	case SYSTEMD_GET:
		return bus_get(bus, request, arena, &reply->properties, err);
	case SYSTEMD_SET:
		return bus_set(bus, request, err);
	case SYSTEMD_END:
		TRY(bus_reach(bus, request->user, err));
		return bus_end(bus, request, err);
	case SYSTEMD_RELEASE:
	case SYSTEMD_VERBS:
		break;
	}
	return 0;
}

static void put_error(struct systemd_reply *reply, const struct oci_error *err)
{
	reply->failed = true;
	reply->properties.n = 0;
	reply->num = err->num;
	(void)snprintf(reply->code, sizeof(reply->code), "%s", err->code);
	(void)snprintf(reply->text, sizeof(reply->text), "%s", err->text);
}

/* One request. False: it was the last one, or hull is gone. */
static bool serve(struct bus *bus, struct arena *arena)
{
	struct systemd_request request = { 0 };
	struct systemd_reply reply = { 0 };
	struct oci_error err = { 0 };
	int got = systemd_receive_request(SYSTEMD_HELPER_FD, &request, arena, &err);

	if (got == 0)
		return false;
	reply.verb = request.verb;
	if (got > 0)
		bus_begin(bus, &request);
	if (got < 0 || act(bus, &request, arena, &reply, &err) < 0)
		put_error(&reply, &err);
	if (systemd_send_reply(SYSTEMD_HELPER_FD, &reply, &err) < 0)
		return false;
	return !reply.failed && request.verb != SYSTEMD_RELEASE;
}

int main(void)
{
	struct bus bus = { 0 };
	struct arena arena = { 0 };
	int type = 0;
	socklen_t size = sizeof(type);
	bool more = true;

	if (getsockopt(SYSTEMD_HELPER_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_SEQPACKET) {
		(void)fputs(SYSTEMD_HELPER
			    ": a part of hull, called by hull --systemd-cgroup; of no "
			    "use by itself\n",
			    stderr);
		return 2;
	}
	while (more)
		more = serve(&bus, &arena);
	bus_close(&bus);
	arena_done(&arena);
	return 0;
}
