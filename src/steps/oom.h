/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Memory that ran out, in words: a SIGKILL from nowhere, or a call that had no memory, is told with
 * the limit that made it so.
 */
#ifndef STEPS_OOM_H
#define STEPS_OOM_H

#include "steps/run.h"

/* The cgroup's counts, all below it included; unseen and 0 where it has no memory controller. */
void oom_count(int cgroup, struct oom_count *count);

/* START and exec: counts in the container's cgroup, which may have seen anything by now, and in the
 * slice above its scope. `open` is that cgroup or another one, or -1. PARENT too, in a scope, when
 * the limits are set and no process is in it yet. */
void oom_begin(struct run *run, int open);

/* PARENT and START, after a failure and before the cgroup is removed: when the new process died
 * (code "init-died") and the kernel killed one in its cgroup since run->oom_before was counted, err
 * says so, code "memory-limit", with `when` behind it. To an error with num ENOMEM it adds the
 * limit, when that was reached since. Other errors stay as they are. Where systemd has removed the
 * scope meanwhile, the slice's counts stand for the container's, and err says "most probably". */
void oom_explain(struct run *run, const char *when, struct oci_error *err);

#endif
