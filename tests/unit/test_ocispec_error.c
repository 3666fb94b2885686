/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The error value: what each function sets and keeps, and what is cut when it gets long.
 */
#include <errno.h>

#include "libocispec/oci_error.h"
#include "tap.h"

static void check_story(void)
{
	struct oci_error err = { 0 };

	tap_is_int(oci_fail_code(&err, "no-such", "'%s' is none", "x"), -1, "failing gives -1");
	tap_is_str(err.text, "'x' is none", "the text is formatted");
	tap_is_str(err.code, "no-such", "the code is kept");
	errno = ENOENT;
	tap_is_int(oci_fail_sys(&err, "open '%s'", "/x"), -1, "so does a system call's failure");
	tap_is_str(err.text, "open '/x': No such file or directory", "which says why");
	tap_is_int(err.num, ENOENT, "and keeps errno");
	tap_is_str(err.code, "no-such", "without touching the code");
	tap_is_int(oci_fail_in(&err, "mount %d", 3), -1, "so does adding context");
	tap_is_str(err.text, "mount 3: open '/x': No such file or directory", "which stands first");
	tap_is_int(err.num, ENOENT, "and keeps errno");
	(void)oci_fail(&err, "no");
	tap_ok(err.num == 0 && !strcmp(err.text, "no"), "a verdict of one's own has no errno");
}

static void check_length(void)
{
	struct oci_error err = { 0 };
	char text[4096];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = EACCES;
	(void)oci_fail_sys(&err, "%s", text);
	tap_ok(strstr(err.text, ": Permission denied") != NULL,
	       "however long the text, the reason is in it");
	(void)oci_fail(&err, "the cause");
	(void)oci_fail_in(&err, "%s", text);
	tap_ok(strlen(err.text) < sizeof(err.text) && strstr(err.text, "xx: the cause"),
	       "however long the context, the cause is behind it");
	(void)oci_fail_code(&err, text, "%s", text);
	tap_ok(strlen(err.code) == sizeof(err.code) - 1 && strlen(err.text) == sizeof(err.text) - 1,
	       "what is too long is cut");
}

int main(void)
{
	check_story();
	check_length();
	return tap_done();
}
