/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writes the plan's limits to the files of the container's cgroup, and puts back what was there
 * before when the kernel refuses one. What is written is decided in plan/limits.c; that the cgroup
 * has the controllers, by steps/cgroup.c.
 */
#ifndef STEPS_LIMITS_H
#define STEPS_LIMITS_H

#include "steps/run.h"

/* PARENT, before any process is in the cgroup: all limits but the late ones. */
int limits_set(struct run *run, struct oci_error *err);

/* PARENT: the late ones. pids.max counts everybody in the cgroup but refuses only new ones, so even
 * 0 lets the container's first process go on. */
int limits_set_late(struct run *run, struct oci_error *err);

/* PARENT, when no process is in the cgroup any more: puts back what the two changed in one that
 * hull didn't make. */
void limits_undo(struct run *run);

/* Frees what the two have kept for that. */
void limits_done(struct run *run);

/* The earlier content of files, as lines that bring it back. A zeroed one is empty. */
struct limits_saved {
	struct limits_line {
		char *file, *line;
	} * lines;
	size_t n;
};

/* Writes `n` limits to the files of `cgroup`, in their order but for three: memory.swap.max that
 * rises goes before memory.max, cpu.max.burst that falls before cpu.max, else they go behind it;
 * memory.max that falls goes behind all others, then memory.swap.max that falls. Adds to
 * *saved, which the caller empties, what was there before; so it may be called several times for
 * one *saved. The error names the property, the file, the value and the reason, which is looked up:
 * code "limit-refused", or "cgroup-controller" where the file doesn't exist for want of its
 * controller, or "not-running" where the cgroup was removed meanwhile. Limits that are `initial`
 * are left out where the file doesn't exist. */
int limits_write(int cgroup, const struct plan_limit *limits, size_t n, struct limits_saved *saved,
		 struct oci_error *err);

/* Whether the value is that nothing may be swapped, and the kernel has no file for it, though it
 * has the controller: one built without swap, where that is so, or an older one that was told not
 * to count it. Engines say it of each container without swap; it is as good as done. */
bool limits_no_swap(int cgroup, const char *file, const char *value);

/* Those limits for which the kernel may kill when it is told them, and what must not be written
 * before those, are moved to the end: of what they do nothing can be put back. *n_harmless is the
 * number of the others. The two parts are for one limits_write() each. The error is what can be
 * known before the first of them: more memory in use than a limit has to cover, a file that may not
 * be written. */
int limits_split(int cgroup, struct plan_limit *limits, size_t n, size_t *n_harmless,
		 struct oci_error *err);

/* Puts back what *saved holds, newest first, and empties it. What can't be put back stays. */
void limits_put_back(int cgroup, struct limits_saved *saved);

void limits_forget(struct limits_saved *saved);

#endif
