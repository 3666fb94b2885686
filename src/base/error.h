/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Short names for the error functions of libocispec, and the one macro that returns.
 * Rules: add context where you know something the callee did not; arguments of fail_sys are plain
 * values; a second failure during undo never replaces the first; what is deliberately ignored is
 * cast to void and says why.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "libocispec/oci_error.h"

#define fail oci_fail
#define fail_code oci_fail_code
#define fail_sys oci_fail_sys
#define fail_in oci_fail_in

/* Passes a failure on to the caller when there is nothing to add. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			return -1;                                                                 \
	} while (0)

#endif
