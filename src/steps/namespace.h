/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Namespaces given by path, and what belongs into new ones: names, the loopback interface, sysctls.
 */
#ifndef STEPS_NAMESPACE_H
#define STEPS_NAMESPACE_H

#include "steps/run.h"

/* PARENT: opens each namespace given by path and checks that it is one of the right type. */
int namespace_open(struct run *run, struct oci_error *err);

/* STAGE: joins them; one that the process is in already is left out. The mount namespace comes
 * last, for after it no path of the host exists. INIT, cloned next, is born in all of them. */
int namespace_join(struct run *run, struct oci_error *err);

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
