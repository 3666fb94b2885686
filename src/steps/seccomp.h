/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The container's seccomp filter on its way: made or found by PARENT, kept beside state.json for
 * exec, loaded by INIT as its last deed before execve(2), its listener handed on by START.
 *
 * Not named seccomp_*: those names are libseccomp's.
 */
#ifndef STEPS_SECCOMP_H
#define STEPS_SECCOMP_H

#include "steps/run.h"

/* PARENT, changes nothing: run->filter from the cache in the state root, else compiled. A flag that
 * this kernel lacks is refused here. Code "unsupported" when the kernel can't. */
int filter_prepare(struct run *run, struct oci_error *err);

/* PARENT: the copy in the container's directory (STATE_SECCOMP), by which exec gets the very same
 * filter; and a newly compiled one goes into the cache. That the cache can't be written is no
 * failure. */
int filter_keep(struct run *run, struct oci_error *err);

/* exec's PARENT: run->filter from run->state_dir. state.json says whether there is one, so that its
 * absence is an error and never "no filter". */
int filter_fetch(struct run *run, struct oci_error *err);

/* START, before INIT is told to go on: connects to listenerPath, so that nothing runs where nobody
 * listens. */
int filter_connect(struct run *run, struct oci_error *err);

/* Loads run->filter into the calling process: INIT's last deed, for nothing that the filter could
 * forbid may follow but execve(2). Without no_new_privs it needs CAP_SYS_ADMIN, which
 * process_set_capabilities() leaves for it and execve(2) takes. With a listener its descriptor's
 * number is in run->notify_number. */
int filter_load(struct run *run, struct oci_error *err);

/* START: takes the listener's descriptor out of INIT (pidfd_getfd(2)) and hands it, with the
 * container process state, to the connection that filter_connect() made. */
int filter_hand_on(struct run *run, struct oci_error *err);

/* START: reads from outside that the process has a filter; a difference is an error, code
 * "confinement-differs". One that has ended already can't be asked. */
int filter_see(struct run *run, struct oci_error *err);

/* Must the process keep CAP_SYS_ADMIN until its filter is loaded? */
bool filter_needs_admin(const struct plan *plan);

/* Those flags out of `flags` that this kernel takes. */
unsigned filter_known_flags(unsigned flags);

/* Whether the kernel knows an action (SECCOMP_RET_*). */
bool filter_knows_action(uint32_t action);

/* That of the libseccomp in use, as "2.5.4"; static. */
const char *filter_library_version(void);

/* From the profile to classic BPF, with libseccomp and hull's prologue (steps/seccomp_compile.c).
 * The filter's code is on the heap. */
int filter_compile(const struct plan_seccomp *seccomp, struct filter *filter,
		   struct oci_error *err);

/* verify: is `filter` among the `n` that the container's first process has? Stops that process for
 * the moment of the look (steps/seccomp_trace.c). Needs CAP_SYS_ADMIN in the initial user namespace
 * and a caller without a filter of its own: the error says what is missing. */
int filter_traced(const struct state *state, const struct filter *filter, unsigned long n,
		  bool *found, struct oci_error *err);

#endif
