/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* For ": " and the longest that strerror() says, in any language. */
#define ERRNO_ROOM 256

int oci_fail(struct oci_error *err, const char *fmt, ...)
{
	va_list args;

	err->num = 0;
	va_start(args, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -1;
}

int oci_fail_code(struct oci_error *err, const char *code, const char *fmt, ...)
{
	va_list args;

	err->num = 0;
	(void)snprintf(err->code, sizeof(err->code), "%s", code);
	va_start(args, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -1;
}

int oci_fail_sys(struct oci_error *err, const char *fmt, ...)
{
	int num = errno;
	size_t used;
	va_list args;

	err->num = num;
	va_start(args, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	used = strlen(err->text);
	/* The errno's words are never what is cut off. */
	if (used > sizeof(err->text) - ERRNO_ROOM)
		used = sizeof(err->text) - ERRNO_ROOM;
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(num));
	return -1;
}

int oci_fail_in(struct oci_error *err, const char *fmt, ...)
{
	char head[sizeof(err->text)];
	size_t used;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(head, sizeof(head), fmt, args);
	va_end(args);
	used = strlen(head);
	/* What is cut off is the end of the context, never the cause, which stands last. */
	if (used > sizeof(head) / 2)
		used = sizeof(head) / 2;
	(void)snprintf(head + used, sizeof(head) - used, ": %.*s", (int)(sizeof(head) - used - 3),
		       err->text);
	memcpy(err->text, head, sizeof(head));
	return -1;
}
