/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Namespaces given by path, and what belongs into new ones: names, the loopback interface, sysctls.
 */
#ifndef STEPS_NAMESPACE_H
#define STEPS_NAMESPACE_H

#include "steps/run.h"

/* PARENT: opens each namespace given by path and checks that it is one of the right type. */
int namespace_open(struct run *run, struct oci_error *err);

/* STAGE: joins them; one that the process is in already is left out. What the caller's privilege
 * doesn't reach is joined with that of the user namespace, if one is given. INIT, cloned next, is
 * born in all of them. */
int namespace_join(struct run *run, struct oci_error *err);

/* STAGE: a new user namespace, for a time namespace that it has to own. */
int namespace_make_user(struct run *run, struct oci_error *err);

/* STAGE: a new time namespace for its children, with the offsets: once a process is in it they
 * can't be changed any more. */
int namespace_make_time(struct run *run, struct oci_error *err);

/* INIT, root of its user namespace: a new ipc namespace. Made together with the user namespace the
 * root of its message queues would belong to an id that isn't mapped. */
int namespace_make_ipc(struct run *run, struct oci_error *err);

/* INIT in a new network namespace: brings up "lo". */
int namespace_loopback(struct run *run, struct oci_error *err);

/* INIT: sethostname(2), setdomainname(2). */
int namespace_names(struct run *run, struct oci_error *err);

/* PARENT: a procfs instance for hull's own writes (sysctl), never one that a container could have
 * mounted over. */
int namespace_open_proc(struct run *run, struct oci_error *err);

/* INIT: linux.sysctl through run->proc. */
int namespace_sysctls(struct run *run, struct oci_error *err);

#endif
