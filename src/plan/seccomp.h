/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The words of linux.seccomp and what the kernel means by them: for the planner, which takes them,
 * and for `hull features`, which lists them.
 */
#ifndef PLAN_SECCOMP_H
#define PLAN_SECCOMP_H

#include <stdint.h>

struct plan_seccomp_word {
	const char *name;
	uint32_t value;
};

/* Each ends with a row without name. */
extern const struct plan_seccomp_word plan_seccomp_actions[];	/* SECCOMP_RET_* without data */
extern const struct plan_seccomp_word plan_seccomp_operators[]; /* enum scmp_compare */
extern const struct plan_seccomp_word plan_seccomp_flags[];	/* SECCOMP_FILTER_FLAG_* */

/* Names of the specification, "SCMP_ARCH_X86_64", ending with NULL; not every libseccomp knows
 * each. */
extern const char *const plan_seccomp_archs[];

/* libseccomp's token of such a name, 0 when it doesn't know it. */
uint32_t plan_seccomp_arch(const char *name);

#endif
