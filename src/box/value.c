/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Single values of options. Nothing here knows which option it is for.
 */
#include "box/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/signals.h"
#include "box/profile.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_character(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The part behind a decimal point as billionths: "5" is 500000000. More digits than nine are cut
 * off. Moves *at behind it. */
static uint64_t read_fraction(const char **at)
{
	uint64_t billionths = 0, place = 100000000;

	for (; is_digit(**at); (*at)++) {
		billionths += place * (uint64_t)(**at - '0');
		place /= 10;
	}
	return billionths;
}

/* "12", "12.5", ".5" as a whole number and billionths; false when no digit is there or the number
 * is beyond `max`. */
static bool read_decimal(const char **at, uint64_t max, uint64_t *whole, uint64_t *billionths)
{
	const char *begin = *at;
	size_t digits;

	*whole = *billionths = 0;
	for (; is_digit(**at); (*at)++) {
		*whole = *whole * 10 + (uint64_t)(**at - '0');
		if (*whole > max) /* far below what would overflow */
			return false;
	}
	digits = (size_t)(*at - begin);
	if (**at == '.') {
		(*at)++;
		digits += is_digit(**at);
		*billionths = read_fraction(at);
	}
	return digits > 0;
}

/* How far "k", "KB", "KiB" and so on shift a number; -1: no such unit. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *letter;

	if (!*unit || !strcasecmp(unit, "b"))
		return 0;
	letter = strchr(letters, *unit | 0x20);
	if (!letter ||
	    (unit[1] && strcasecmp(unit + 1, "b") != 0 && strcasecmp(unit + 1, "ib") != 0))
		return -1;
	return 10 * (int)(letter - letters + 1);
}

const char *value_size(const char *text, uint64_t *bytes)
{
	static const char expected[] = "a number of bytes, such as 512m or 1.5g (units b, k, m, g "
				       "and t, powers of 1024)";
	const char *at = text;
	uint64_t whole, billionths, scale;
	int shift;

	if (!read_decimal(&at, UINT64_C(1) << 60, &whole, &billionths))
		return expected;
	shift = unit_shift(at);
	if (shift < 0 || (!shift && billionths))
		return expected;
	scale = UINT64_C(1) << shift;
	if (whole > (UINT64_C(1) << 62) / scale)
		return "a size that can be: it is beyond 4 EiB";
	*bytes = whole * scale + (uint64_t)((unsigned __int128)billionths * scale / 1000000000);
	return NULL;
}

const char *value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (!is_digit(*text) || *end || errno)
		return "a whole number";
	if (*number < min)
		return "large enough";
	if (*number > max)
		return "small enough";
	return NULL;
}

/* Milliseconds of one unit; its length in *size. 0: there is no such unit. */
static uint64_t unit_of_time(const char *text, size_t *size)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		*size = strlen(units[i].name);
		if (!strncmp(text, units[i].name, *size))
			return units[i].ms;
	}
	*size = 0;
	return *text ? 0 : 1000;
}

const char *value_duration(const char *text, uint64_t *ms)
{
	static const char expected[] = "a span of time from 1ms to 24h, such as 500ms or 1m30s";
	const uint64_t day = UINT64_C(24) * 3600 * 1000;

	*ms = 0;
	do {
		uint64_t whole, billionths, unit;
		size_t size;

		if (!read_decimal(&text, day, &whole, &billionths))
			return expected;
		unit = unit_of_time(text, &size);
		if (!unit)
			return expected;
		*ms += whole * unit + billionths * unit / 1000000000;
		if (*ms > day)
			return expected;
		text += size;
	} while (*text);
	return *ms ? NULL : expected;
}

const char *value_cpus(const char *text, uint64_t period, int64_t *quota)
{
	static const char expected[] = "a number of processors from 0.01 on, such as 1.5";
	uint64_t whole, billionths;

	if (!read_decimal(&text, 65536, &whole, &billionths) || *text)
		return expected;
	*quota = (int64_t)(whole * period + billionths * period / 1000000000);
	if ((uint64_t)*quota < period / 100)
		return expected;
	return *quota < 1000 ? "enough: a quota is at least 1000 us" : NULL;
}

const char *value_is_absolute(const char *text)
{
	const char *at = text;

	if (*text != '/')
		return "an absolute path";
	while (at) {
		size_t size = strcspn(++at, "/");

		if ((size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.'))
			return "a path without '.' and '..'";
		at = strchr(at, '/');
	}
	return NULL;
}

const char *value_is_name(const char *text)
{
	static const char expected[] =
		"a name: letters, digits, '_', '.' and '-', at most 128, the "
		"first a letter or a digit";

	if (!is_word_character(text[0]) || strlen(text) > 128)
		return expected;
	for (; *text; text++)
		if (!is_word_character(*text) && !strchr("_.-", *text))
			return expected;
	return NULL;
}

const char *value_is_hostname(const char *text)
{
	static const char expected[] = "a host name: at most 64 letters, digits, '-' and '.', with "
				       "neither of those two at an end";
	size_t size = strlen(text);

	if (!size || size > 64 || !is_word_character(text[0]) || !is_word_character(text[size - 1]))
		return expected;
	for (; *text; text++)
		if (!is_word_character(*text) && !strchr("-.", *text))
			return expected;
	return NULL;
}

const char *value_is_list(const char *text)
{
	static const char expected[] = "a list of numbers and ranges such as 0-3,8";
	long next = 0;

	for (;;) {
		char *end;
		long first, last;

		if (!is_digit(*text))
			return expected;
		first = last = strtol(text, &end, 10);
		if (*end == '-' && is_digit(end[1]))
			last = strtol(end + 1, &end, 10);
		if (first < next || last < first || last > 65535)
			return expected;
		if (!*end)
			return NULL;
		if (*end != ',')
			return expected;
		next = last + 1;
		text = end + 1;
	}
}

const char *value_is_address(const char *text)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
		return NULL;
	return "an IP address";
}

const char *value_is_capability(const char *text)
{
	return !strcmp(text, "ALL") || capability_find(text) >= 0
		       ? NULL
		       : "a capability such as CAP_NET_ADMIN, or ALL";
}

const char *value_is_access(const char *text)
{
	size_t size = strlen(text);

	if (!size || strspn(text, "rwm") != size)
		return "made of r, w and m";
	for (; *text; text++)
		if (strchr(text + 1, *text))
			return "made of r, w and m, each once";
	return NULL;
}

const char *value_is_variable(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && equals != text ? NULL : "NAME=VALUE";
}

const char *value_is_signal(const char *text)
{
	return signal_parse(text) > 0 ? NULL
				      : "a signal: a number, or a name such as SIGTERM or RTMIN+3";
}

const char *value_is_rlimit(const char *text)
{
	static const char *const names[] = {
		"AS",	"CORE",	  "CPU",   "DATA", "FSIZE",  "LOCKS",  "MEMLOCK",    "MSGQUEUE",
		"NICE", "NOFILE", "NPROC", "RSS",  "RTPRIO", "RTTIME", "SIGPENDING", "STACK",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(text, "RLIMIT_", 7) && !strcmp(text + 7, names[i]))
			return NULL;
	return "a resource limit of setrlimit(2), such as nofile or nproc";
}

const char *value_is_sysctl(const char *text)
{
	/* ipc_namespaces(7), and what a network namespace holds as a whole. */
	static const char *const keys[] = {
		"kernel.msgmax", "kernel.msgmnb",	   "kernel.msgmni",
		"kernel.sem",	 "kernel.shmall",	   "kernel.shmmax",
		"kernel.shmmni", "kernel.shm_rmid_forced", "kernel.domainname",
	};

	if (!strncmp(text, "net.", 4) || !strncmp(text, "fs.mqueue.", 10))
		return strstr(text, "..") ? "the name of a sysctl" : NULL;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(text, keys[i]))
			return NULL;
	return "a sysctl of the container's own (net., fs.mqueue., kernel.sem, kernel.msg.. or "
	       "kernel.shm..): it would change the host";
}

static bool is_user_word(const char *text, size_t size)
{
	if (!size || size > 32 || text[0] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_word_character(text[i]) && !strchr("_.-$", text[i]))
			return false;
	return true;
}

const char *value_is_user(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : strlen(text);

	if (!is_user_word(text, size) || (colon && !is_user_word(colon + 1, strlen(colon + 1))))
		return "USER or USER:GROUP, by names or numbers";
	return NULL;
}
