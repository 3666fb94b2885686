/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One root, one runtime directory: what runs is known by its files there, so that whoever looks in
 * another one would take it for ended, and begin or remove it a second time.
 */
#ifndef BOX_RUNTIME_CLAIM_H
#define BOX_RUNTIME_CLAIM_H

#include "box/home.h"

/* Notes in ROOT/runtime that what begins now lives in home->runtime. */
int runtime_claim(const struct box_home *home, struct oci_error *err);

/* Refuses a home whose containers live in another runtime directory since the machine booted, as
 * long as there is one. Errors: "other-runtime". */
int runtime_check(const struct box_home *home, struct oci_error *err);

#endif
