/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All containers with their figures, once a second, for as long as somebody looks: one thread that
 * joins what `hullbox ps` knows, what `hull top` measures, and the network's counters. What isn't
 * measured is left out of the sample, so that nobody takes it for 0.
 */
#ifndef BOX_SERVE_LIVE_H
#define BOX_SERVE_LIVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box/home.h"

/* What readers get: a JSON text, or why there is none. Counted; never changed. */
struct live_sample {
	unsigned references;
	uint64_t number;
	bool failed; /* text: { "error": ... } */
	size_t size;
	char text[];
};

struct live {
	const char *const *list; /* argv of `hullbox ps` and of `hull top`; NULL-terminated */
	const char *const *measure;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what is below */
	pthread_cond_t changed;
	bool stopping;
	unsigned readers;
	struct live_sample *sample; /* the newest, or NULL */
	uint64_t numbers;
};

/* Starts the thread. list and measure are borrowed until live_stop(). */
int live_start(struct live *live, const char *const *list, const char *const *measure,
	       struct oci_error *err);

/* Ends it; readers get NULL from now on. Accepts a zeroed one. */
void live_stop(struct live *live);

/* Frees the rest, when no reader is left. */
void live_done(struct live *live);

/* A reader comes, a reader goes: with none, nothing is measured. */
void live_enter(struct live *live);
void live_leave(struct live *live);

/* A sample newer than number `after`, waited for at most timeout_ms. NULL: none came, or the end
 * (live_is_stopping()). */
struct live_sample *live_next(struct live *live, uint64_t after, int timeout_ms);
void live_release(struct live *live, struct live_sample *sample);

bool live_is_stopping(struct live *live);

#endif
