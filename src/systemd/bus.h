/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Part of the helper: the connection to systemd over its bus, by libsystemd. Each call and each
 * wait ends at one deadline. Errors have the code "systemd-unreachable" (no bus, or no systemd on
 * it), "timeout" or "systemd-failed", and name the call and the unit.
 */
#ifndef SYSTEMD_BUS_H
#define SYSTEMD_BUS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/error.h"
#include "systemd/message.h"

struct bus {
	sd_bus *connection;
	bool user;	      /* it is that of a user's systemd */
	const char *unit;     /* whose signals are listened to */
	uint64_t deadline;    /* microseconds of CLOCK_MONOTONIC */
	uint32_t deadline_ms; /* for error texts */
	char job[128];	      /* the path of the job that is waited for, or "" */
	char result[32];      /* what became of it, or "" */
	char owner[64];	      /* systemd's unique name on the bus, "" while it has none */
	bool unit_removed;    /* a signal said so */
};

/* Begins the time that the next request may take. */
void bus_begin(struct bus *bus, const struct systemd_request *request);

/* Connects where that hasn't been done, and sees that systemd is there. */
int bus_reach(struct bus *bus, bool user, struct oci_error *err);

/* Makes and starts the scope of the request with this very process in it, and waits for the job. A
 * leftover of that name is cleared away; one that is in use is code "cgroup-populated". */
int bus_start_scope(struct bus *bus, const struct systemd_request *request, struct oci_error *err);

/* The unit's values of the request's properties, in the arena; what this systemd doesn't have is
 * left out. No such unit: code "not-running". */
int bus_get(struct bus *bus, const struct systemd_request *request, struct arena *arena,
	    struct unit_properties *out, struct oci_error *err);

/* SetUnitProperties, at run time only; the unit's files have them by then. No such unit: code
 * "not-running". */
int bus_set(struct bus *bus, const struct systemd_request *request, struct oci_error *err);

/* Waits until the unit is gone. One that stays although nothing of the container is left in it is
 * stopped, as far as the request's cgroup and inode prove it to be the container's. Another one
 * that has its name by now is left alone. */
int bus_end(struct bus *bus, const struct systemd_request *request, struct oci_error *err);

void bus_close(struct bus *bus);

#endif
