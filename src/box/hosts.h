/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files of a container's /etc that say how others are reached: hosts, resolv.conf, hostname.
 * They are mounted into the container one by one, so they are changed in place, and a container may
 * have written to them.
 */
#ifndef BOX_HOSTS_H
#define BOX_HOSTS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* What hosts begins with: the loopback's names; `text` is what follows it, or "". The lines for
 * containers come later, by hosts_update(). */
int hosts_create(int dir, const char *text, struct oci_error *err);

/* Copies the host's own file (for a container in the host's network), and adds `text`. */
int hosts_copy(int dir, const char *text, struct oci_error *err);

/* Replaces the lines that hullbox keeps, and leaves what the container has added; lines: "" or
 * whole ones. A file that isn't there any more, or was made too long to be read, is left as it is.
 */
int hosts_update(int dir, const char *lines, struct oci_error *err);

/* Puts a new text together from the old one of a file: the part between the marks is replaced, or
 * added at the end. NULL when memory ran out; free() ends it. */
char *hosts_merge(const char *old, const char *lines);

/* Makes resolv.conf from `servers` or, when n is 0, from what the host has; search domains and
 * options are the host's in any case. Name servers on the host's loopback can't be reached from
 * another network namespace: with `own` they are left out, and the file behind systemd-resolved's
 * is taken where there is one. *left_out: no name server remains for that reason. */
int resolv_create(int dir, const char *const *servers, size_t n, bool own, bool *left_out,
		  struct oci_error *err);

/* The same from the text of the host's file. */
void resolv_write(FILE *out, const char *text, const char *const *servers, size_t n, bool own,
		  bool *left_out);

/* Makes hostname. */
int hostname_create(int dir, const char *name, struct oci_error *err);

#endif
