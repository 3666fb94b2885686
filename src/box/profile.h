/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named sets of what a container may do: capabilities, a seccomp profile, hidden and read-only
 * paths, no_new_privs. `default` is what Docker's users know; `strict` is for what needs no
 * privilege at all; `none` confines nothing of these.
 */
#ifndef BOX_PROFILE_H
#define BOX_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "libocispec/oci_config.h"

enum profile_seccomp { PROFILE_SECCOMP_NONE, PROFILE_SECCOMP_DEFAULT, PROFILE_SECCOMP_STRICT };

struct profile {
	const char *name;
	uint64_t capabilities; /* one bit for each */
	enum profile_seccomp seccomp;
	bool no_new_privs;
	const char *const *masked, *const *readonly; /* NULL at the end */
};

/* NULL when there is none of that name. */
const struct profile *profile_find(const char *name);

/* The number of "CAP_KILL", -1 when hullbox knows none of that name. */
int capability_find(const char *name);
/* NULL beyond the last. */
const char *capability_name(unsigned number);
#define CAPABILITY_BIT(number) (UINT64_C(1) << (number))
#define CAPABILITIES_ALL (CAPABILITY_BIT(41) - 1)

/* linux.seccomp for a process whose capabilities are at most `capabilities`: calls that only such
 * a capability makes useful are let through with it. Memory is the arena's. */
void seccomp_profile_fill(struct oci_seccomp *out, enum profile_seccomp kind, uint64_t capabilities,
			  struct arena *arena);

/* The same from a text: either linux.seccomp of the runtime specification, or the form with
 * `archMap`, `includes` and `excludes` that Docker and podman read. *doc owns part of it and is
 * freed after use. Errors: code "invalid-seccomp", with a JSON pointer. */
int seccomp_profile_read(struct oci_seccomp *out, struct oci_document **doc, const char *text,
			 uint64_t capabilities, struct arena *arena, struct oci_error *err);

#endif
