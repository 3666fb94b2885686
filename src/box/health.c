/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/container_base.h"
#include "box/report.h"

#define NS_PER_MS UINT64_C(1000000)
#define FILE_MAX_SIZE ((size_t)1 << 20)

/* --- What is to be checked --- */

static bool is_given(const struct box_health *given)
{
	return given->interval_ms || given->timeout_ms || given->start_period_ms ||
	       given->start_interval_ms || given->retries;
}

static void use_shell(struct health *health, char *text)
{
	static char shell[] = "/bin/sh", option[] = "-c";

	health->words[0] = shell;
	health->words[1] = option;
	health->words[2] = text;
	health->command = (struct oci_strings){ health->words, 3 };
}

/* Its first word says what the others are. 1: a command; 0: none. */
static int use_image(const struct image_health *image, struct health *health, struct oci_error *err)
{
	const char *kind = image && image->test.n ? image->test.v[0] : "NONE";

	if (!strcmp(kind, "NONE"))
		return 0;
	if (!strcmp(kind, "CMD-SHELL") && image->test.n == 2) {
		use_shell(health, image->test.v[1]);
		return 1;
	}
	if (!strcmp(kind, "CMD") && image->test.n > 1) {
		health->command = (struct oci_strings){ image->test.v + 1, image->test.n - 1 };
		return 1;
	}
	return fail_code(err, "usage",
			 "the image's health check '%.100s' with %zu words is none that hullbox "
			 "knows: option '--no-healthcheck' does without it",
			 kind, image->test.n - 1);
}

static uint64_t choose(uint64_t given, uint64_t image_ns, uint64_t otherwise)
{
	if (given)
		return given;
	if (!image_ns)
		return otherwise;
	return image_ns < NS_PER_MS ? 1 : image_ns / NS_PER_MS;
}

int health_plan(const struct box_options *options, const struct image_health *image,
		struct health *health, struct oci_error *err)
{
	static char starting[] = "starting";
	const struct box_health *given = &options->health;
	const struct image_health none = { .present = false };
	int has = 1;

	*health = (struct health){ .status = starting };
	if (given->disabled)
		return 0;
	if (given->command)
		use_shell(health, given->command);
	else
		has = use_image(image, health, err);
	if (has == 0 && is_given(given))
		return fail_code(err, "usage",
				 "options '--health-...' have no use without --health-cmd: the "
				 "image has no health check");
	image = image ? image : &none;
	health->interval_ms = choose(given->interval_ms, image->interval, 30000);
	health->timeout_ms = choose(given->timeout_ms, image->timeout, 30000);
	health->start_period_ms = choose(given->start_period_ms, image->start_period, 0);
	health->start_interval_ms = choose(given->start_interval_ms, image->start_interval, 5000);
	health->retries = given->retries ? given->retries : image->retries ? image->retries : 3;
	return has;
}

/* --- What came of it --- */

static char *judge(const struct health *before, const struct health_result *result, uint32_t streak)
{
	static char healthy[] = "healthy", unhealthy[] = "unhealthy";

	if (result->exit_code == 0)
		return healthy;
	return streak >= before->retries ? unhealthy : before->status;
}

void health_add(const struct health *before, const struct health_result *result, bool young,
		struct health *after, struct health_result room[HEALTH_LOG_MAX])
{
	size_t dropped = before->log.n < HEALTH_LOG_MAX ? 0 : before->log.n + 1 - HEALTH_LOG_MAX;
	size_t n = before->log.n - dropped;
	bool forgiven = young && !strcmp(before->status, "starting");

	*after = *before;
	if (n)
		memcpy(room, before->log.v + dropped, n * sizeof(*room));
	room[n++] = *result;
	after->log.v = room;
	after->log.n = n;
	if (result->exit_code == 0)
		after->failing_streak = 0;
	else if (!forgiven && after->failing_streak < UINT32_MAX)
		after->failing_streak++;
	after->status = judge(before, result, after->failing_streak);
}

/* --- On disk --- */

static const char *const statuses[] = { "starting", "healthy", "unhealthy", NULL };

/* clang-format off */
static SHAPE(health_result,
	I64("start", health_result, start, .required = true),
	I64("end", health_result, end, .required = true),
	I64("exitCode", health_result, exit_code, .required = true),
	STRING("output", health_result, output, .keep_empty = true));
static SHAPE(health,
	STRING("status", health, status, .required = true, .words = statuses),
	U32("failingStreak", health, failing_streak, .required = true),
	U32("lives", health, lives, .required = true),
	STRINGS("command", health, command, .required = true),
	U64("intervalMs", health, interval_ms, .required = true, .min = 1),
	U64("timeoutMs", health, timeout_ms, .required = true, .min = 1),
	U64("startPeriodMs", health, start_period_ms, .required = true),
	U64("startIntervalMs", health, start_interval_ms, .required = true, .min = 1),
	U32("retries", health, retries, .required = true, .min = 1),
	LIST("log", health, log, health_result));
/* clang-format on */

int health_read(int dir, struct health *health, struct oci_document **doc, struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	*health = (struct health){ .lives = 0 };
	*doc = NULL;
	TRY(file_load_at(dir, "health.json", FILE_MAX_SIZE, &text, &size, err));
	return report_read(&health_shape, health, doc, text, size, "bad-record", err);
}

int health_write(int dir, const struct health *health, struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	TRY(shape_write(&health_shape, health, &text, &size, err));
	return file_replace_at(dir, "health.json", text, size, 0600, err);
}

int health_prepare(const struct box_record *record, const struct box_options *options,
		   struct oci_error *err)
{
	struct image_config config = { 0 };
	struct box_image image;
	struct health health;
	int result = container_base_image(record, &config, &image, err);

	if (result < 0)
		return -1;
	result = health_plan(options, result ? &config.config.health : NULL, &health, err);
	health.lives = record->state.lives;
	if (result == 0 && unlinkat(record->dir, "health.json", 0) < 0 && errno != ENOENT)
		result = fail_sys(err, "remove '%s'", "health.json");
	else if (result == 1 && health_write(record->dir, &health, err) < 0)
		result = -1;
	image_config_close(&config);
	return result;
}
