/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Strict reading: where libocispec's reader lets unknown properties pass, since its specification
 * says so, what hullbox itself saved or what confines a container has none.
 */
#ifndef BOX_REPORT_H
#define BOX_REPORT_H

#include "libocispec/shape.h"

/* As shape_read_text(), but an unknown property is an error as well: "POINTER: unknown property
 * (LINE:COLUMN)". */
int report_read(const struct shape *shape, void *out, struct oci_document **doc, const char *text,
		size_t size, const char *code, struct oci_error *err);

#endif
