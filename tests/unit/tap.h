/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What unit tests print: TAP, one line per check, whose text is a sentence about what holds. A test
 * is a plain program: checks, then `return tap_done();`. Needs nothing of the project.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failures;

__attribute__((format(printf, 2, 0))) static inline void tap_say(bool good, const char *fmt,
								 va_list args)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	vprintf(fmt, args);
	printf("\n");
	if (!good)
		tap_failures++;
}

/* One check. The sentence is a printf() format. Returns `good`. */
__attribute__((format(printf, 2, 3))) static inline bool tap_ok(bool good, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_say(good, fmt, args);
	va_end(args);
	return good;
}

/* Checks that two strings are equal (NULL equals only NULL), and shows both when they aren't. */
__attribute__((format(printf, 3, 4))) static inline bool
tap_is_str(const char *got, const char *expected, const char *fmt, ...)
{
	bool good = got && expected ? !strcmp(got, expected) : got == expected;
	va_list args;

	va_start(args, fmt);
	tap_say(good, fmt, args);
	va_end(args);
	if (!good)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
		       expected ? expected : "(null)");
	return good;
}

/* The same for integers. */
__attribute__((format(printf, 3, 4))) static inline bool
tap_is_int(long long got, long long expected, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_say(got == expected, fmt, args);
	va_end(args);
	if (got != expected)
		printf("#      got: %lld\n# expected: %lld\n", got, expected);
	return got == expected;
}

/* Ends a test that cannot run here; counts as skipped, which MUST_RUN=1 turns into a failure. */
__attribute__((format(printf, 1, 2))) static inline void tap_skip(const char *fmt, ...)
{
	va_list args;

	printf("ok %d - # SKIP ", ++tap_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* Prints the plan; the result is the program's exit status. */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return fflush(stdout) || tap_failures ? 1 : 0;
}

/* A file of the source tree ("tests/cases/config"), found from where this header was compiled; the
 * tests run in the directory they were built in. Valid until the next but three calls. */
static inline const char *tap_source(const char *path)
{
	static const char tail[] = "tests/unit/tap.h";
	static char paths[4][4096];
	static int turn;
	char *out = paths[turn++ % 4];
	int top = (int)(strlen(__FILE__) - strlen(tail));

	(void)snprintf(out, sizeof(paths[0]), "%.*s%s", top > 0 ? top : 0, __FILE__, path);
	return out;
}

/* The whole of a file, NUL-terminated, malloc'ed; NULL when it cannot be read. */
static inline char *tap_slurp(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	size_t room = 1 << 16, got = 0;
	char *text = file ? malloc(room) : NULL;

	while (text) {
		size_t n = fread(text + got, 1, room - got - 1, file);

		got += n;
		if (!n)
			break;
		if (room - got < 2) {
			char *grown = realloc(text, room *= 2);

			if (!grown)
				free(text);
			text = grown;
		}
	}
	if (file)
		(void)fclose(file);
	if (text)
		text[got] = '\0';
	if (size)
		*size = got;
	return text;
}

#endif
