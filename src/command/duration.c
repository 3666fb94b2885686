/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/duration.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *unit;
	double ms;
} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 } };

/* One "NUMBER UNIT" at *at; 0 where it is none. */
static double read_part(const char **at)
{
	size_t digits = strspn(*at, "0123456789"), size = digits;
	char *end;
	double value;

	if ((*at)[size] == '.')
		size += 1 + strspn(*at + size + 1, "0123456789");
	if (digits == 0 || size > 15)
		return 0;
	value = strtod(*at, &end);
	*at += size;
	if (end != *at)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i].unit);

		if (strncmp(*at, units[i].unit, length) == 0 && !isalpha((*at)[length])) {
			*at += length;
			return value * units[i].ms;
		}
	}
	return 0;
}

static double read_all(const char *text)
{
	double sum = 0;

	if (*text && text[strspn(text, "0123456789")] == '\0')
		return strtod(text, NULL) * 1000;
	while (*text) {
		double part = read_part(&text);

		if (part <= 0)
			return 0;
		sum += part;
	}
	return sum;
}

int interval_parse(const char *text, int otherwise, struct oci_error *err)
{
	double ms;

	if (!text)
		return otherwise;
	ms = read_all(text);
	if (ms >= INTERVAL_MIN_MS && ms <= INTERVAL_MAX_MS)
		return (int)ms;
	return fail_code(err, "usage",
			 "the interval '%s' isn't a time from 10ms to 24h, such as 500ms, 5s or 1m",
			 text);
}

int64_t now_in_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int left_until(int64_t then)
{
	int64_t left = then - now_in_ms();

	return left < 0 ? 0 : (int)left;
}
