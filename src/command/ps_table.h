/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's ps(1), of whose lines those of some pids are shown.
 */
#ifndef COMMAND_PS_TABLE_H
#define COMMAND_PS_TABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Runs ps with n_args arguments (none: -ef) and hull's environment without LD_*, and prints its
 * first line and those with one of the pids, which are sorted, in the column PID. Its own
 * complaints go to the standard error. It has a minute; more than 64 MiB of output is an error. */
int ps_table(const char *const *args, size_t n_args, const pid_t *pids, size_t n,
	     struct oci_error *err);

#endif
