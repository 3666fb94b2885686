/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every NAME.json of tests/cases/config (or of the directories given) against NAME.expected: the
 * exact error, or "accepted". Without an .expected the file must be accepted. What is accepted is
 * written and read again and must say the same.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "libocispec/oci_config.h"
#include "libocispec/shape.h"
#include "tap.h"

static bool survives_writing(const struct oci_config *config)
{
	struct oci_config again = { 0 };
	struct oci_error err = { 0 };
	char *text = NULL;
	size_t size = 0;
	bool same;

	if (oci_config_write(config, &text, &size, &err) < 0 ||
	    oci_config_read(&again, text, size, NULL, &err) < 0)
		printf("# %s\n", err.text);
	same = again.doc && shape_equal(&oci_config_shape, config, &again);
	free(text);
	oci_config_close(&again);
	return same;
}

static void run_case(const char *dir, const char *name)
{
	size_t stem = strlen(name) - strlen(".json");
	char path[8192];
	struct oci_config config;
	struct oci_error err = { 0 };
	char *expected;
	bool accepted;

	(void)snprintf(path, sizeof(path), "%s/%.*s.expected", dir, (int)stem, name);
	expected = tap_slurp(path, NULL);
	if (expected)
		expected[strcspn(expected, "\n")] = '\0';
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	accepted = !oci_config_read_file(&config, AT_FDCWD, path, NULL, &err);
	tap_is_str(accepted ? "accepted" : err.text, expected ? expected : "accepted", "%.*s",
		   (int)stem, name);
	if (accepted)
		tap_ok(survives_writing(&config), "%.*s: written and read again it says the same",
		       (int)stem, name);
	else
		tap_is_str(err.code, "invalid-config", "%.*s: the code word", (int)stem, name);
	free(expected);
	oci_config_close(&config);
}

static int is_case(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 5 && !strcmp(entry->d_name + size - 5, ".json");
}

static void run_directory(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_case, alphasort);

	tap_ok(n > 0, "%s holds cases", dir);
	for (int i = 0; i < n; i++) {
		run_case(dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_directory(argv[i]);
	if (argc == 1) {
		run_directory(tap_source("tests/cases/config"));
		run_directory(tap_source("tests/cases/real"));
	}
	return tap_done();
}
