/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pausing a container: its cgroup is frozen (cgroup.freeze), with all below it. The kernel holds
 * each thread where it would return to user space, so one that sits in a system call which nothing
 * can interrupt keeps the whole from being frozen; then it is thawed again and the thread named.
 */
#ifndef STEPS_FREEZE_H
#define STEPS_FREEZE_H

#include "state/state.h"

/* Freezes the cgroup and waits until all of it is (at most 10 s). stop_fd ends the wait when it has
 * something to read; -1: none. After any failure nothing stays frozen by it. Codes: "paused"
 * (it is already), "cgroup-frozen" (by a cgroup above), "cgroup-missing" (the container has no
 * cgroup), "cgroup-foreign" (one that hull didn't make holds other processes, too), "not-running"
 * (it is gone, or died meanwhile), "not-frozen" (some thread couldn't be), "interrupted". */
int freeze_container(const struct state *state, int stop_fd, struct oci_error *err);

/* Thaws it again, also where freezing was begun and never came to its end. Codes: "not-paused",
 * "cgroup-frozen" (one above is frozen, which isn't hull's to thaw: nothing is changed then),
 * "cgroup-missing", "not-running". */
int freeze_thaw(const struct state *state, struct oci_error *err);

#endif
