/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * struct box_state as JSON, by one table for both ways.
 */
#ifndef BOX_RECORD_STATE_H
#define BOX_RECORD_STATE_H

#include "box/record.h"
#include "libocispec/json_text.h"

/* Writes its members into an object that is open. */
void state_write(const struct box_state *state, struct json_text *out);

/* Reads one; text is changed. What is missing is zero; what is of another kind is an error. */
int state_read(struct box_state *state, const char *text, size_t size, struct oci_error *err);

#endif
