/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Part of the helper: properties of a unit to and from D-Bus. Results are libsystemd's: a negative
 * errno, or not.
 */
#ifndef SYSTEMD_VALUE_H
#define SYSTEMD_VALUE_H

#include <systemd/sd-bus.h>

#include "base/arena.h"
#include "systemd/message.h"

/* Appends them as the items of an array "(sv)". */
int value_append_all(sd_bus_message *m, const struct unit_properties *list);

/* Reads an array "{sv}" of all properties of an object. Those that *wanted names go to *out, with
 * their values, in the arena; what the object hasn't is left out. -EBADMSG: one is of another kind
 * than is wanted. */
int value_read_wanted(sd_bus_message *m, const struct unit_properties *wanted, struct arena *arena,
		      struct unit_properties *out);

#endif
