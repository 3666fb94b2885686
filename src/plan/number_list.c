/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/number_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SPACES " \t\n\v\f\r"

/* Digits at *at, which it steps over; -1 without any or beyond what a set holds. */
static int take_number(const char **at)
{
	const char *from = *at;
	int number = 0;

	for (; isdigit((unsigned char)**at); ++*at) {
		number = 10 * number + (**at - '0');
		if (number >= NUMBERS)
			return -1;
	}
	return *at == from ? -1 : number;
}

static void skip_spaces(const char **at)
{
	while (**at == ' ')
		++*at;
}

static int wrong(const char *item, const char *why, struct oci_error *err)
{
	return fail(err, "'%.*s': %s", (int)strcspn(item, ","), item, why);
}

/* One number or range at *at, up to the comma or the end behind it. */
static int take_item(const char **at, struct number_set *set, struct oci_error *err)
{
	const char *item = *at;
	int first, last;

	skip_spaces(at);
	if (**at == ',' || **at == '\0')
		return fail(err, "an item of the list is empty");
	first = last = take_number(at);
	if (first >= 0 && **at == '-') {
		++*at;
		last = take_number(at);
	}
	skip_spaces(at);
	if (first < 0 || last < 0 || (**at != ',' && **at != '\0'))
		return wrong(item, "neither a number up to 8191 nor a range such as 0-3", err);
	if (last < first)
		return wrong(item, "the range runs backwards", err);
	for (int n = first; n <= last; n++)
		set->words[n / NUMBERS_LONG] |= 1UL << (n % NUMBERS_LONG);
	return 0;
}

int number_list_read(const char *text, struct number_set *set, struct oci_error *err)
{
	for (;; text++) {
		TRY(take_item(&text, set, err));
		if (*text == '\0')
			return 0;
	}
}

int number_missing(const struct number_set *set, const struct number_set *other)
{
	for (unsigned n = 0; n < NUMBERS; n++)
		if (number_in(set, n) && !number_in(other, n))
			return (int)n;
	return -1;
}

bool number_read_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "kmgtpe";
	const char *suffix;
	char *end;

	text += strspn(text, SPACES);
	if (strncmp(text, "max", 3) == 0) {
		*bytes = UINT64_MAX;
		return text[3 + strspn(text + 3, SPACES)] == '\0';
	}
	if (*text < '0' || *text > '9')
		return false;
	*bytes = strtoull(text, &end, 0);
	suffix = *end ? strchr(suffixes, *end | 0x20) : NULL;
	if (suffix) {
		*bytes <<= 10 * (suffix - suffixes + 1);
		end++;
	}
	return end[strspn(end, SPACES)] == '\0';
}
