/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Programs that are called: what they get, what is heard of them, and how the bad ones end.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "box/run_program.h"
#include "tests/unit/tap.h"

static struct program_result result;
static struct oci_error err;

/* Runs a script by sh -c; what program_run() says. */
static int script(const char *text, const char *input, unsigned deadline_ms)
{
	const char *const argv[] = { "/bin/sh", "-c", text, NULL };
	const struct program program = { .argv = argv,
					 .input = input,
					 .input_size = input ? strlen(input) : 0,
					 .deadline_ms = deadline_ms };

	program_result_done(&result);
	err = (struct oci_error){ 0 };
	return program_run(&program, &result, &err);
}

static void test_outcome(void)
{
	tap_ok(script("echo out; echo err >&2; exit 3", NULL, 0) == 0, "it runs");
	tap_is_int(result.status, 3, "its exit status");
	tap_is_str(result.output, "out\n", "its output");
	tap_is_str(result.errors, "err\n", "its errors");
	tap_ok(script("kill -9 $$", NULL, 0) == 0 && result.status == 137, "killed: 128 + signal");
	tap_ok(script("cat", "fed", 0) == 0 && !strcmp(result.output, "fed"), "its input");
	tap_ok(script("cat", NULL, 0) == 0 && !*result.output, "no input is an empty one");
	tap_ok(script("exit 0", "nobody reads this", 0) == 0, "input that nobody reads");
	tap_ok(script("ls /proc/self/fd | wc -l", NULL, 0) == 0 && atoi(result.output) == 4,
	       "no fd of ours: 0, 1, 2 and the directory");
	tap_ok(script("head -c 3000000 /dev/zero", NULL, 0) == 0 && result.output_size == 3000000,
	       "much output");
}

static void test_failures(void)
{
	const char *const nowhere[] = { "/nowhere", NULL };
	const struct program missing = { .argv = nowhere };

	tap_ok(script("sleep 60", NULL, 50) < 0 && !strcmp(err.code, "program-deadline"),
	       "the deadline");
	tap_ok(script("sleep 60 & wait", NULL, 50) < 0, "and its children's");
	tap_ok(script("cat /dev/zero", NULL, 0) < 0 && !strcmp(err.code, "program-output"),
	       "output without end");
	tap_ok(program_run(&missing, &result, &err) < 0 && err.num == ENOENT, "no such program");
	{
		const char *const argv[] = { "/bin/sh", "-c", "echo because >&2; exit 1", NULL };
		const struct program failing = { .argv = argv };

		err = (struct oci_error){ 0 };
		tap_ok(program_must(&failing, NULL, &err) < 0 && strstr(err.text, "because"),
		       "a failure that is one for the caller says why");
	}
	program_result_done(&result);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as hullbox does */
	test_outcome();
	test_failures();
	return tap_done();
}
