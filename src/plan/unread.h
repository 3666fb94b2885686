/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the reader refused, for a planner that goes on nevertheless to show every problem: it can't
 * tell a property that is absent from one that couldn't be read, so some of what it finds then is
 * the reader's finding once more, or follows from it. Only `hull check` plans such a config.
 */
#ifndef PLAN_UNREAD_H
#define PLAN_UNREAD_H

#include <stdbool.h>

#include "libocispec/oci_config.h"

/* Zeroed is empty. */
struct unread {
	void *trees; /* of tsearch(3): what lies there or below */
	void *nodes; /* exactly there */
};

/* Remembers the pointer of an OCI_INVALID finding. Without memory it is forgotten, and then the
 * planner may say the same again. */
void unread_add(struct unread *unread, const char *pointer);

/* Before planning: namespaces that can't be read could be any, so nothing lacks one. */
void unread_prepare(const struct unread *unread, struct oci_config *config);

/* Whether a finding of the planner at `pointer` says nothing new: the property or what holds it was
 * refused, or a member of that very object was, or one that it depends on. */
bool unread_explains(const struct unread *unread, const char *pointer);

void unread_free(struct unread *unread);

#endif
