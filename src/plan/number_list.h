/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sets of CPUs and memory nodes, written as cpuset(7) writes them in its list format: "0-3,7". Read
 * strictly, from config.json and from the kernel's own files. And sizes, as its files of limits
 * take them.
 */
#ifndef PLAN_NUMBER_LIST_H
#define PLAN_NUMBER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* More CPUs than any kernel can be built for, and more nodes; a multiple of a long's bits. */
enum { NUMBERS = 8192, NUMBERS_LONG = 8 * (int)sizeof(unsigned long) };

/* As the kernel wants its masks: bit n%bits of word n/bits. */
struct number_set {
	unsigned long words[NUMBERS / NUMBERS_LONG];
};

static inline bool number_in(const struct number_set *set, unsigned number)
{
	return set->words[number / NUMBERS_LONG] >> (number % NUMBERS_LONG) & 1;
}

/* Adds what `text` lists to *set: numbers and ranges with commas between them, spaces around each.
 * An empty list, an empty item, a range that runs backwards, a number beyond NUMBERS and anything
 * else is an error that says what is wrong with which part. */
int number_list_read(const char *text, struct number_set *set, struct oci_error *err);

/* The first number of `set` that `other` lacks, or -1. */
int number_missing(const struct number_set *set, const struct number_set *other);

/* "max", which is UINT64_MAX, or a number of bytes with the suffixes that the kernel takes
 * (memparse), spaces around it. False for anything else. */
bool number_read_size(const char *text, uint64_t *bytes);

#endif
