/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The example of libocispec's README is example.c, compiles, and prints what the README's reader
 * would expect.
 */
#include <unistd.h>

#include "tap.h"

int example_main(int argc, char **argv);
#define main example_main
#include "libocispec/example.c"
#undef main

/* What the example prints for a config, by way of a file in place of stdout and stderr. */
static char *run_example(const char *config, int *status)
{
	char path[] = "/tmp/test-ocispec-XXXXXX", name[] = "example", *text;
	char *args[] = { name, strdup(config), NULL };
	int fd = mkstemp(path), out = dup(1), errors = dup(2);

	(void)fflush(stdout);
	(void)dup2(fd, 1);
	(void)dup2(fd, 2);
	*status = example_main(2, args);
	(void)fflush(stdout);
	(void)dup2(out, 1);
	(void)dup2(errors, 2);
	(void)close(fd);
	(void)close(out);
	(void)close(errors);
	text = tap_slurp(path, NULL);
	(void)unlink(path);
	free(args[1]);
	return text;
}

int main(void)
{
	char *readme = tap_slurp(tap_source("libocispec/README.md"), NULL);
	char *source = tap_slurp(tap_source("libocispec/example.c"), NULL);
	char *text;
	int status;

	tap_ok(readme && source && strstr(readme, source), "the README shows example.c as it is");
	text = run_example(tap_source("tests/cases/config/everything.json"), &status);
	tap_is_int(status, 0, "the example reads a config");
	tap_is_str(text,
		   "sh -c echo \xc3\xa9\n\"x\" in /work as 21:22\nmount /proc\nmount /tmp\n"
		   "at most 81 bytes of memory\n",
		   "and prints what is in it");
	free(text);
	text = run_example(tap_source("tests/cases/config/root-readonly-string.json"), &status);
	tap_is_int(status, 1, "it fails with a bad one");
	tap_is_str(text, "/root/readonly: expected true or false, found a string (3:36)\n",
		   "and says why");
	free(text);
	free(readme);
	free(source);
	return tap_done();
}
