/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where hullbox keeps things and finds programs, by environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What two spellings of one root would do: take each other's containers for ended. */
static void test_spellings(void)
{
	static const char *const spellings[] = { "root/", "/root", "./root/.", "root/../root",
						 "link" };
	char base[] = "/tmp/hull-box-home-XXXXXX", path[64];
	struct box_home home, other;
	struct oci_error err = { 0 };

	if (!tap_ok(mkdtemp(base) && chdir(base) == 0, "a directory"))
		return;
	tap_ok(home_find(&home, "root", &err) == 0, "one that isn't there yet, from here");
	(void)snprintf(path, sizeof(path), "%s/root/", base);
	tap_ok(home_find(&other, path, &err) == 0 && !strcmp(home.runtime, other.runtime),
	       "another spelling of it");
	home_done(&other);
	tap_ok(home_find(&other, "new/../root", &err) < 0 && strstr(err.text, "'..'"),
	       "what can't be known is refused: %s", err.text);
	tap_ok(mkdir("root", 0700) == 0 && symlink("root", "link") == 0, "it is there");
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", base, spellings[i]);
		tap_ok(home_find(&other, path, &err) == 0 && !strcmp(home.root, other.root) &&
			       !strcmp(home.runtime, other.runtime),
		       "%s is %s", path, other.root);
		home_done(&other);
	}
	home_done(&home);
	/* The usual one by its name has the runtime directory that it has without. */
	(void)setenv("XDG_DATA_HOME", base, 1);
	(void)unsetenv("HULLBOX_ROOT");
	(void)snprintf(path, sizeof(path), "%s//hullbox/", geteuid() == 0 ? "/var/lib" : base);
	tap_ok(home_find(&home, NULL, &err) == 0 && home_find(&other, path, &err) == 0 &&
		       !strcmp(home.runtime, other.runtime),
	       "the usual root, spelled out");
	home_done(&home);
	home_done(&other);
	(void)unlink("link");
	(void)rmdir("root");
	(void)rmdir(base);
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
	(void)setenv("XDG_RUNTIME_DIR", "/tmp", 1);
	test_spellings();
	test_directories();
	test_programs();
	return tap_done();
}
