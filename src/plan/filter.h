/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A compiled seccomp filter outside libseccomp: the prologue that hull puts in front, the text that
 * says what it was made from, and the file that holds it. All of it pure: no system call.
 */
#ifndef PLAN_FILTER_H
#define PLAN_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/plan.h"

/* Classic BPF, for seccomp(2). */
struct filter {
	struct sock_filter *code; /* on the heap */
	size_t n;		  /* at most BPF_MAXINSNS */
	unsigned flags;		  /* SECCOMP_FILTER_FLAG_* to load it with */
};

void filter_free(struct filter *filter);

/* --- The prologue: system calls newer than the profile --- */

/* Numbers FROM..TO of one architecture (AUDIT_ARCH_*), both included, that are answered ENOSYS. */
struct filter_range {
	uint32_t arch;
	uint32_t from, to;
};

/* The range of architecture `token` (libseccomp's) behind the newest number that the profile
 * knows, `newest`. What lies beyond the ordinary numbers isn't touched: x32's own (512 and up),
 * ARM's private ones, the x32 bit of an x86_64 that has no x32. false: there is none. */
bool filter_newer(uint32_t token, uint32_t newest, struct filter_range *range);

/* Is `number` of architecture `token` one of the ordinary ones that filter_newer() counts by? */
bool filter_ordinary(uint32_t token, uint32_t number);

enum { FILTER_RANGES = 32, FILTER_STUB_ROOM = 6 * FILTER_RANGES };

/* Writes the prologue to code[FILTER_STUB_ROOM]; it falls through to what follows for everything
 * but the ranges. Returns its length. */
size_t filter_stub(const struct filter_range *ranges, size_t n, struct sock_filter *code);

/* --- The key: all that goes into the filter, as text --- */

/* What of this host and build matters besides the profile. */
struct filter_maker {
	unsigned library[3]; /* libseccomp's version */
	unsigned level;	     /* its API level: what the kernel can do */
	uint32_t native;     /* architecture, libseccomp's token */
};

/* On the heap, *size bytes. NULL without memory. */
char *filter_key(const struct plan_seccomp *seccomp, const struct filter_maker *maker,
		 size_t *size);

/* A short name for it; two keys may share one. */
uint64_t filter_key_name(const char *key, size_t size);

/* --- The file --- */

enum { FILTER_KEY_LIMIT = 1 << 20, FILTER_FILE_LIMIT = FILTER_KEY_LIMIT + (64 << 10) };

/* The content of a file that holds filter and key (key_size may be 0). NULL without memory. */
char *filter_encode(const struct filter *filter, const char *key, size_t key_size, size_t *size);

/* Reads such a content: whole, of this format, with a right checksum, of exactly this key. The code
 * is copied to the heap. */
int filter_decode(const char *text, size_t size, const char *key, size_t key_size,
		  struct filter *filter, struct oci_error *err);

#endif
