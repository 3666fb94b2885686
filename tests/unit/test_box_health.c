/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a health check is made of, and what its results make of a container.
 */
#include <string.h>

#include "box/health.h"
#include "tap.h"

static char *cmd_shell[] = { (char[]){ "CMD-SHELL" }, (char[]){ "curl localhost" } };
static char *cmd[] = { (char[]){ "CMD" }, (char[]){ "curl" }, (char[]){ "-f" } };
static char *none[] = { (char[]){ "NONE" } };
static char *odd[] = { (char[]){ "CMD-SHELL" }, (char[]){ "a" }, (char[]){ "b" } };

#define OF_IMAGE(words)                                                                            \
	{                                                                                          \
		.present = true, .test = { words, sizeof(words) / sizeof(words[0]) }               \
	}

static void test_plan(void)
{
	struct box_options options = { .doc = NULL };
	struct image_health image = OF_IMAGE(cmd_shell);
	struct oci_error err = { 0 };
	struct health health;

	tap_is_int(health_plan(&options, NULL, &health, &err), 0, "no check");
	tap_is_int(health_plan(&options, &image, &health, &err), 1, "the image's");
	tap_is_str(health.command.v[0], "/bin/sh", "by a shell");
	tap_is_str(health.command.v[2], "curl localhost", "its words");
	tap_is_int((long long)health.interval_ms, 30000, "default interval");
	tap_is_int((long long)health.timeout_ms, 30000, "default timeout");
	tap_is_int((long long)health.start_period_ms, 0, "default start period");
	tap_is_int((long long)health.start_interval_ms, 5000, "default start interval");
	tap_is_int(health.retries, 3, "default retries");
	tap_is_str(health.status, "starting", "nothing is known yet");

	image.interval = 1500000000;
	image.timeout = 1; /* ns */
	image.retries = 7;
	options.health.present = true;
	options.health.timeout_ms = 250;
	tap_is_int(health_plan(&options, &image, &health, &err), 1, "both");
	tap_is_int((long long)health.interval_ms, 1500, "the image's interval");
	tap_is_int((long long)health.timeout_ms, 250, "the option's timeout");
	tap_is_int(health.retries, 7, "the image's retries");
	options.health.timeout_ms = 0;
	tap_is_int(health_plan(&options, &image, &health, &err), 1, "the image's alone");
	tap_is_int((long long)health.timeout_ms, 1, "never nothing");

	options.health.command = (char[]){ "true" };
	tap_is_int(health_plan(&options, &image, &health, &err), 1, "the option's command");
	tap_is_str(health.command.v[2], "true", "goes before");
	options.health.disabled = true;
	tap_is_int(health_plan(&options, &image, &health, &err), 0, "--no-healthcheck");
}

static void test_image_kinds(void)
{
	struct box_options options = { .doc = NULL };
	struct image_health direct = OF_IMAGE(cmd), off = OF_IMAGE(none), bad = OF_IMAGE(odd),
			    empty = { .present = true, .interval = 5 };
	struct oci_error err = { 0 };
	struct health health;

	tap_is_int(health_plan(&options, &direct, &health, &err), 1, "CMD");
	tap_is_int((long long)health.command.n, 2, "its words without a shell");
	tap_is_str(health.command.v[0], "curl", "the program");
	tap_is_int(health_plan(&options, &off, &health, &err), 0, "NONE");
	tap_is_int(health_plan(&options, &empty, &health, &err), 0, "no test");
	tap_is_int(health_plan(&options, &bad, &health, &err), -1, "another kind");
	tap_ok(strstr(err.text, "--no-healthcheck") != NULL, "says what to do");
	options.health.interval_ms = 5;
	tap_is_int(health_plan(&options, &off, &health, &err), -1, "an interval of nothing");
	tap_ok(strstr(err.text, "--health-cmd") != NULL, "says what lacks");
}

/* Before and after each result: its exit status, whether it began in the start period. */
static const struct {
	const char *what;
	int exit_code;
	bool young;
	const char *status;
	unsigned streak;
} steps[] = {
	{ "a failure in the start period", 1, true, "starting", 0 },
	{ "another", HEALTH_TIMED_OUT, true, "starting", 0 },
	{ "a success in it", 0, true, "healthy", 0 },
	{ "then failures count", 1, true, "healthy", 1 },
	{ "each of them", HEALTH_TIMED_OUT, false, "healthy", 2 },
	{ "a success forgives all", 0, false, "healthy", 0 },
	{ "one", 1, false, "healthy", 1 },
	{ "two", 2, false, "healthy", 2 },
	{ "three in a row", 3, false, "unhealthy", 3 },
	{ "and more", 1, false, "unhealthy", 4 },
	{ "until one succeeds", 0, false, "healthy", 0 },
};

static void test_results(void)
{
	static struct health_result rooms[2][HEALTH_LOG_MAX];
	struct health health = { .status = (char[]){ "starting" }, .retries = 3 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct health_result result = { .start = (int64_t)i,
						      .exit_code = steps[i].exit_code };
		struct health after;

		health_add(&health, &result, steps[i].young, &after, rooms[i % 2]);
		tap_is_str(after.status, steps[i].status, "%s: status", steps[i].what);
		tap_is_int(after.failing_streak, steps[i].streak, "%s: streak", steps[i].what);
		tap_is_int((long long)after.log.n, (long long)(i < 5 ? i + 1 : 5), "%s: log",
			   steps[i].what);
		tap_is_int((long long)after.log.v[after.log.n - 1].start, (long long)i,
			   "%s: is the last of it", steps[i].what);
		health = after;
	}
	tap_is_int((long long)health.log.v[0].start, 6, "the oldest ones are gone");
}

static void test_never_well(void)
{
	struct health_result room[HEALTH_LOG_MAX];
	const struct health_result bad = { .exit_code = 1 };
	struct health health = { .status = (char[]){ "starting" }, .retries = 1 }, after;

	health_add(&health, &bad, false, &after, room);
	tap_is_str(after.status, "unhealthy", "from starting to unhealthy");
}

int main(void)
{
	test_plan();
	test_image_kinds();
	test_results();
	test_never_well();
	return tap_done();
}
