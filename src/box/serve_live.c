/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/json_tree.h"
#include "box/run_program.h"
#include "box/serve_child.h"

enum {
	PERIOD_MS = 1000,
	LIST_TIMEOUT_MS = 20000,
	/* After the last reader has gone: a page that is loaded anew finds a sample. */
	LINGER_S = 5,
};

bool live_is_stopping(struct live *live)
{
	bool stopping;

	(void)pthread_mutex_lock(&live->lock);
	stopping = live->stopping;
	(void)pthread_mutex_unlock(&live->lock);
	return stopping;
}

/* --- Samples --- */

static void release_locked(struct live_sample *sample)
{
	if (sample && --sample->references == 0)
		free(sample);
}

void live_release(struct live *live, struct live_sample *sample)
{
	(void)pthread_mutex_lock(&live->lock);
	release_locked(sample);
	(void)pthread_mutex_unlock(&live->lock);
}

/* In place of the one before; without memory that one stays. */
static void publish(struct live *live, const char *text, size_t size, bool failed)
{
	struct live_sample *sample = malloc(sizeof(*sample) + size + 1);

	if (!sample)
		return;
	*sample = (struct live_sample){ .references = 1, .failed = failed, .size = size };
	memcpy(sample->text, text, size);
	sample->text[size] = '\0';
	(void)pthread_mutex_lock(&live->lock);
	sample->number = ++live->numbers;
	release_locked(live->sample);
	live->sample = sample;
	(void)pthread_cond_broadcast(&live->changed);
	(void)pthread_mutex_unlock(&live->lock);
}

static void publish_error(struct live *live, const struct oci_error *why)
{
	struct json_text out;

	json_text_init(&out, false);
	json_text_open_object(&out, NULL);
	json_text_string(&out, "error", why->text);
	json_text_close_object(&out);
	if (!out.failed)
		publish(live, out.text, out.size, true);
	json_text_done(&out);
}

static struct timespec from_now(int ms)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

struct live_sample *live_next(struct live *live, uint64_t after, int timeout_ms)
{
	struct timespec until = from_now(timeout_ms);
	struct live_sample *sample = NULL;
	int waited = 0;

	(void)pthread_mutex_lock(&live->lock);
	while (!live->stopping && waited == 0 && (!live->sample || live->sample->number <= after))
		waited = pthread_cond_timedwait(&live->changed, &live->lock, &until);
	if (!live->stopping && live->sample && live->sample->number > after) {
		sample = live->sample;
		sample->references++;
	}
	(void)pthread_mutex_unlock(&live->lock);
	return sample;
}

void live_enter(struct live *live)
{
	(void)pthread_mutex_lock(&live->lock);
	live->readers++;
	(void)pthread_cond_broadcast(&live->changed);
	(void)pthread_mutex_unlock(&live->lock);
}

void live_leave(struct live *live)
{
	(void)pthread_mutex_lock(&live->lock);
	live->readers--;
	(void)pthread_mutex_unlock(&live->lock);
}

/* --- One sample --- */

/* The sum of all interfaces but the loopback, as /proc/PID/net/dev has them: two lines of titles,
 * then "NAME: received packets ... (8 figures) sent ...". */
static int add_up_network(char *text, uint64_t *received, uint64_t *sent)
{
	char *rest = text, *line;
	int n = 0;

	*received = *sent = 0;
	while ((line = strsep(&rest, "\n")) != NULL) {
		uint64_t in, out;
		char name[32];

		if (sscanf(line, " %31[^:]: %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, name,
			   &in, &out) != 3 ||
		    !strcmp(name, "lo"))
			continue;
		*received += in;
		*sent += out;
		n++;
	}
	return n;
}

/* Nothing for a process that is gone, or that has the host's network: that isn't the container's.
 */
static void put_network(struct json_text *out, uint64_t pid)
{
	struct oci_error ignored = { 0 };
	struct stat mine, its;
	char path[64], text[16384];
	uint64_t received, sent;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/ns/net", pid);
	if (stat(path, &its) < 0 || stat("/proc/self/ns/net", &mine) < 0 ||
	    (mine.st_ino == its.st_ino && mine.st_dev == its.st_dev))
		return;
	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/net/dev", pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text), &ignored) < 0 ||
	    add_up_network(text, &received, &sent) == 0)
		return;
	json_text_open_object(out, "network");
	json_text_uint(out, "received", received);
	json_text_uint(out, "sent", sent);
	json_text_close_object(out);
}

static const struct json_node *find_figures(const struct json_node *figures, const char *id)
{
	const struct json_node *at = figures && figures->kind == JSON_ARRAY ? figures->first : NULL;

	for (; at; at = at->next) {
		const char *other = json_tree_text(at, "id");

		if (other && !strcmp(other, id))
			return at;
	}
	return NULL;
}

static void put_container(struct json_text *out, const struct json_node *container,
			  const struct json_node *figures)
{
	const char *id = json_tree_text(container, "id");
	uint64_t pid = json_tree_uint(container, "pid", INT32_MAX, 0);
	const struct json_node *measured = id ? find_figures(figures, id) : NULL;

	json_text_open_object(out, NULL);
	for (const struct json_node *at = container->first; at; at = at->next)
		json_tree_copy(out, at->key, at);
	json_text_open_object(out, "stats");
	for (const struct json_node *at = measured ? measured->first : NULL; at; at = at->next)
		if (strcmp(at->key, "id") != 0 && strcmp(at->key, "status") != 0)
			json_tree_copy(out, at->key, at);
	if (pid > 0)
		put_network(out, pid);
	json_text_close_object(out);
	json_text_close_object(out);
}

/* list: what `hullbox ps` printed; figures: a line of `hull top`. */
static int join(struct live *live, const struct json_node *list, const struct json_node *figures,
		struct oci_error *err)
{
	struct json_text out;
	struct timespec now;
	int result;

	if (list->kind != JSON_ARRAY)
		return fail(err, "the list of containers isn't one");
	(void)clock_gettime(CLOCK_REALTIME, &now);
	json_text_init(&out, false);
	json_text_open_object(&out, NULL);
	json_text_int(&out, "time", (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	json_text_open_array(&out, "containers");
	for (const struct json_node *at = list->first; at; at = at->next)
		if (at->kind == JSON_OBJECT)
			put_container(&out, at, figures);
	json_text_close_array(&out);
	json_text_close_object(&out);
	result = json_text_check(&out, err);
	if (result == 0)
		publish(live, out.text, out.size, false);
	json_text_done(&out);
	return result;
}

static int take_sample(struct live *live, const struct child_line *line, struct oci_error *err)
{
	struct program program = { .argv = live->list, .deadline_ms = LIST_TIMEOUT_MS };
	struct program_result list = { 0 };
	struct oci_document *containers = NULL, *figures = NULL;
	int result = program_must(&program, &list, err);

	if (result == 0) {
		containers = json_tree_parse(list.output, list.output_size, err);
		figures = containers ? json_tree_parse(line->text, line->size, err) : NULL;
		result = figures ? join(live, containers->root, figures->root, err) : -1;
	}
	json_document_free(containers);
	json_document_free(figures);
	program_result_done(&list);
	return result;
}

/* --- The thread --- */

/* Waits until somebody reads. False: the end. */
static bool wait_for_readers(struct live *live)
{
	bool wanted;

	(void)pthread_mutex_lock(&live->lock);
	while (!live->stopping && live->readers == 0)
		(void)pthread_cond_wait(&live->changed, &live->lock);
	wanted = !live->stopping;
	(void)pthread_mutex_unlock(&live->lock);
	return wanted;
}

static bool has_readers(struct live *live, time_t *last)
{
	bool stopping, any;

	(void)pthread_mutex_lock(&live->lock);
	stopping = live->stopping;
	any = live->readers > 0;
	(void)pthread_mutex_unlock(&live->lock);
	if (any)
		*last = time(NULL);
	return !stopping && time(NULL) - *last <= LINGER_S;
}

/* What the measuring program says on its standard error is the reason, should it end. */
static int measure(struct live *live, struct oci_error *err)
{
	struct child child = { 0 };
	char words[256] = "";
	time_t last = time(NULL);
	int result = child_start(&child, live->measure, err);

	while (result == 0 && has_readers(live, &last)) {
		struct child_line line;

		switch (child_read(&child, JSON_MAX_SIZE, PERIOD_MS, &line, err)) {
		case CHILD_FAILED:
			result = -1;
			break;
		case CHILD_END:
			result = fail(err, "'%s' ended%s%s", live->measure[0], *words ? ": " : "",
				      words);
			break;
		case CHILD_LINE:
			if (line.stream == CHILD_STDOUT)
				result = take_sample(live, &line, err);
			else
				(void)snprintf(words, sizeof(words), "%.*s", (int)line.size,
					       line.text);
			break;
		case CHILD_NOTHING:
			break;
		}
	}
	child_stop(&child);
	return result;
}

/* A failure is told, and tried again after a while. */
static void pause_after_failure(struct live *live)
{
	struct timespec until = from_now(2 * PERIOD_MS);

	(void)pthread_mutex_lock(&live->lock);
	while (!live->stopping &&
	       pthread_cond_timedwait(&live->changed, &live->lock, &until) != ETIMEDOUT)
		;
	(void)pthread_mutex_unlock(&live->lock);
}

static void *run(void *argument)
{
	struct live *live = argument;

	while (wait_for_readers(live)) {
		struct oci_error err = { 0 };

		if (measure(live, &err) == 0)
			continue;
		publish_error(live, &err);
		pause_after_failure(live);
	}
	return NULL;
}

int live_start(struct live *live, const char *const *list, const char *const *measure_with,
	       struct oci_error *err)
{
	pthread_condattr_t attributes;

	*live = (struct live){ .list = list, .measure = measure_with };
	(void)pthread_mutex_init(&live->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&live->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	errno = pthread_create(&live->thread, NULL, run, live);
	if (errno != 0)
		return fail_sys(err, "start a thread");
	live->started = true;
	return 0;
}

void live_stop(struct live *live)
{
	if (!live->started)
		return;
	(void)pthread_mutex_lock(&live->lock);
	live->stopping = true;
	(void)pthread_cond_broadcast(&live->changed);
	(void)pthread_mutex_unlock(&live->lock);
	(void)pthread_join(live->thread, NULL);
	live->started = false;
}

void live_done(struct live *live)
{
	release_locked(live->sample);
	live->sample = NULL;
}
