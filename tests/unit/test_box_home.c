/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where hullbox keeps things and finds programs, by environment.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "box/home.h"
#include "tests/unit/tap.h"

static void test_directories(void)
{
	struct box_home home, other;
	struct oci_error err = { 0 };

	(void)setenv("HULLBOX_ROOT", "/tmp/somewhere", 1);
	tap_ok(home_find(&home, NULL, &err) == 0 && !strcmp(home.root, "/tmp/somewhere"),
	       "$HULLBOX_ROOT is the root");
	tap_ok(home_find(&other, "/tmp/elsewhere", &err) == 0 &&
		       !strcmp(other.root, "/tmp/elsewhere"),
	       "--root goes before it");
	tap_ok(strcmp(home.runtime, other.runtime) != 0, "two roots share no runtime directory");
	home_done(&home);
	(void)setenv("HULLBOX_RUNTIME", "/tmp/run", 1);
	tap_ok(home_find(&home, NULL, &err) == 0 && !strcmp(home.runtime, "/tmp/run"),
	       "$HULLBOX_RUNTIME is the runtime directory");
	home_done(&home);
	home_done(&other);
	(void)unsetenv("HULLBOX_ROOT");
}

static void test_programs(void)
{
	struct oci_error err = { 0 };
	char *path;

	(void)setenv("HULLBOX_CONMON", "/bin/sh", 1);
	path = home_conmon(&err);
	tap_is_str(path, "/bin/sh", "$HULLBOX_CONMON is conmon");
	free(path);
	(void)setenv("HULLBOX_CONMON", "/nowhere", 1);
	path = home_conmon(&err);
	tap_ok(!path && !strcmp(err.code, "not-installed"), "one that isn't there is said");
	free(path);
	(void)setenv("CNI_PATH", "/nowhere:relative:/bin", 1);
	path = home_cni_plugin("sh", &err);
	tap_is_str(path, "/bin/sh", "$CNI_PATH is a list");
	free(path);
}

int main(void)
{
	test_directories();
	test_programs();
	return tap_done();
}
