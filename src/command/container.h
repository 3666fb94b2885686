/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container as `state` and `list` show it: what its state.json says, with the status that the
 * kernel gives. Looking never waits for anybody.
 */
#ifndef COMMAND_CONTAINER_H
#define COMMAND_CONTAINER_H

#include "libocispec/json_text.h"
#include "state/state.h"

struct container {
	const char *id;
	struct state state;
	enum status status;
	pid_t pid; /* 0 when it is stopped */
};

/* Looks at ROOT/ID. A directory without state.json is a container that is being created, or one
 * whose creator or deleter was killed half-way, which is shown as stopped. Unknown: code
 * "no-container". */
int container_look(const char *root, const char *id, struct container *container,
		   struct oci_error *err);
void container_done(struct container *container);

/* The name of its owner, or the number in digits. */
void container_owner(const struct container *container, char *buf, size_t size);

/* Appends the object that engines decode: the state of the specification (runtime.md) with
 * rootfs, created and owner. */
void container_write(const struct container *container, struct json_text *out);

#endif
