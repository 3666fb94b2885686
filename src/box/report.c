/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/report.h"

#include "base/error.h"

struct first {
	struct oci_error *err;
	const char *code;
};

/* The first finding of either kind ends it. */
static int found(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
		 unsigned column, const char *text)
{
	const struct first *first = ctx;

	(void)fail_code(first->err, first->code, "%s: %s (%u:%u)", *pointer ? pointer : "/",
			kind == OCI_NOTE ? "unknown property" : text, line, column);
	return -1;
}

int report_read(const struct shape *shape, void *out, struct oci_document **doc, const char *text,
		size_t size, const char *code, struct oci_error *err)
{
	struct oci_error own = { 0 }, ignored = { 0 };
	struct first first = { &own, code };
	struct oci_report report = { found, &first };

	if (shape_read_text(shape, out, doc, text, size, code, &report, &ignored) == 0)
		return 0;
	*err = own.text[0] ? own : ignored;
	return -1;
}
