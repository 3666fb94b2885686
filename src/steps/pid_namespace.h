/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The processes of a container that has no cgroup of its own: those in its pid namespace and in
 * the ones below that. In the caller's cgroup there are others, who are none of hull's business.
 */
#ifndef STEPS_PID_NAMESPACE_H
#define STEPS_PID_NAMESPACE_H

#include <sys/types.h>

#include "state/state.h"

/* *pids (to be freed, also after an error) and *n: by the numbers that the caller knows them by, in
 * no order. The container's first process lives. Code "cgroup-missing": the container has no pid
 * namespace of its own either, so its processes can't be told from others. */
int pid_namespace_pids(const struct state *state, pid_t **pids, size_t *n, struct oci_error *err);

/* Sends the signal to each of them, and to no other that has got a number meanwhile. `pidfd` is the
 * container's first process. Who is born meanwhile may be missed. Code "not-running": that one has
 * ended. */
int pid_namespace_signal(const struct state *state, int pidfd, int signal, struct oci_error *err);

#endif
