/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/json_tree.h"
#include "box/tree.h"

#define FILE_SIZE ((off_t)1 << 20) /* of `current`, and of `previous` */
#define LOOK_MS 200		   /* where nothing tells of changes */
#define LINE_MAX_SIZE ((size_t)65536)

static int open_directory(const struct box_home *home, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/events", home->root);
	auto_fd made = path ? tree_make_directory(path, 0700, err) : -1;
	int dir = made < 0 ? -1 : openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return made >= 0 && dir < 0 ? fail_sys(err, "open '%s'", path) : dir;
}

static int lock(int dir, struct oci_error *err)
{
	while (flock(dir, LOCK_SH) < 0)
		if (errno != EINTR)
			return fail_sys(err, "lock the events");
	return 0;
}

/* --- Writing --- */

/* Smaller ones are for tests. */
static off_t size_max(void)
{
	const char *text = getenv("HULLBOX_MAX_EVENT_BYTES");
	long long size = text ? strtoll(text, NULL, 10) : 0;

	return size > 0 ? size : FILE_SIZE;
}

/* Not now where somebody else is at the files: who writes next does it. The lock changes hands, so
 * the size is looked at under it. */
static void rotate(int dir)
{
	struct stat status;

	if (flock(dir, LOCK_EX | LOCK_NB) == 0 && fstatat(dir, "current", &status, 0) == 0 &&
	    status.st_size >= size_max())
		(void)renameat(dir, "current", dir, "previous"); /* else it grows */
}

static int append(int dir, const char *text, size_t size, struct oci_error *err)
{
	auto_fd file = -1;
	struct stat status;
	ssize_t written;

	TRY(lock(dir, err));
	file = openat(dir, "current", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0)
		return fail_sys(err, "open 'events/current'");
	written = write(file, text, size);
	if (written < 0 || (size_t)written != size)
		return fail_sys(err, "write to 'events/current'");
	if (fstat(file, &status) == 0 && status.st_size >= size_max())
		rotate(dir);
	return 0;
}

static void begin(struct json_text *out, const struct box_record *record, const char *action)
{
	json_text_init(out, false);
	json_text_open_object(out, NULL);
	json_text_int(out, "time", record_now());
	json_text_string(out, "action", action);
	json_text_string(out, "id", record->id);
	json_text_string(out, "name", record->state.name);
	json_text_string(out, "image", record->state.image);
}

static void end(const struct box_home *home, struct json_text *out)
{
	struct oci_error err = { 0 };
	auto_fd dir = open_directory(home, &err);
	auto_free char *line = NULL;

	json_text_close_object(out);
	if (dir >= 0 && json_text_check(out, &err) == 0)
		line = box_text(&err, "\n%s\n", out->text);
	if (!line || append(dir, line, strlen(line), &err) < 0)
		box_warn("write an event: %s", err.text);
	json_text_done(out);
}

void event_write(const struct box_home *home, const struct box_record *record, const char *action)
{
	struct json_text out;

	begin(&out, record, action);
	end(home, &out);
}

void event_write_text(const struct box_home *home, const struct box_record *record,
		      const char *action, const char *key, const char *text)
{
	struct json_text out;

	begin(&out, record, action);
	json_text_string(&out, key, text);
	end(home, &out);
}

void event_write_number(const struct box_home *home, const struct box_record *record,
			const char *action, const char *key, int64_t number)
{
	struct json_text out;

	begin(&out, record, action);
	json_text_int(&out, key, number);
	end(home, &out);
}

/* --- Which ones --- */

static const char *const filter_keys[] = { "container", "event", "image" };

#define N_KEYS (sizeof(filter_keys) / sizeof(filter_keys[0]))

/* Which of the keys it has; N_KEYS: none. *value is what follows. */
static size_t key_of(const char *filter, const char **value)
{
	size_t size = strcspn(filter, "=");

	*value = filter + size + 1;
	for (size_t i = 0; filter[size] && i < N_KEYS; i++)
		if (strlen(filter_keys[i]) == size && !strncmp(filter, filter_keys[i], size))
			return i;
	return N_KEYS;
}

int events_check_filters(const struct option_list *filters, struct oci_error *err)
{
	const char *value;

	for (size_t i = 0; i < filters->n; i++)
		if (key_of(filters->v[i], &value) == N_KEYS)
			return fail_code(err, "usage",
					 "option '--filter' expects container=, event= or image= "
					 "and a value, found '%s'",
					 filters->v[i]);
	return 0;
}

static bool is(const char *text, const char *value)
{
	return text && !strcmp(text, value);
}

/* A name, an id, or its beginning. */
static bool is_container(const struct json_node *event, const char *value)
{
	const char *id = json_tree_text(event, "id");

	return is(json_tree_text(event, "name"), value) ||
	       (id && *value && !strncmp(id, value, strlen(value)));
}

static bool passes(const struct events_request *request, const struct json_node *event)
{
	bool asked[N_KEYS] = { false }, met[N_KEYS] = { false };
	int64_t time = (int64_t)json_tree_uint(event, "time", INT64_MAX, 0);

	if (time < request->since || (request->until && time > request->until))
		return false;
	for (size_t i = 0; i < request->filters->n; i++) {
		const char *value;
		size_t key = key_of(request->filters->v[i], &value);

		asked[key] = true;
		if (key == 0)
			met[key] |= is_container(event, value);
		else if (key == 1)
			met[key] |= is(json_tree_text(event, "action"), value);
		else
			met[key] |= is(json_tree_text(event, "image"), value);
	}
	for (size_t i = 0; i < N_KEYS; i++)
		if (asked[i] && !met[i])
			return false;
	return true;
}

/* --- Printing --- */

/* "2026-01-31T12:00:00.123456789Z" */
static const char *time_text(int64_t ns, char text[64])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char date[32];

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, 64, "%s.%09dZ", date, (int)(ns % 1000000000));
	return text;
}

/* Nothing of what was written down can be a control character of a terminal's. */
static void print_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)putchar((unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i]);
}

static void print_row(const struct json_node *event)
{
	static const char *const known[] = { "time", "action", "id", "name", "image" };
	const char *action = json_tree_text(event, "action"), *id = json_tree_text(event, "id");
	const char *name = json_tree_text(event, "name");
	char text[64];

	(void)printf("%s  %-13.32s  %.12s  ",
		     time_text((int64_t)json_tree_uint(event, "time", INT64_MAX, 0), text),
		     action ? action : "", id ? id : "");
	print_text(name ? name : "", name ? strlen(name) : 0);
	for (const struct json_node *at = event->first; at; at = at->next) {
		bool is_known = false;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known |= !strcmp(at->key, known[i]);
		if (is_known || (at->kind != JSON_STRING && at->kind != JSON_NUMBER))
			continue;
		(void)printf("  %s=", at->key);
		print_text(at->text, at->size);
	}
	(void)putchar('\n');
}

/* One line of a file, which is changed. What isn't an event is left out: half of one. */
static void print_line(const struct events_request *request, char *line, size_t size)
{
	struct oci_error ignored = { 0 };
	struct oci_document *doc = size ? json_tree_parse(line, size, &ignored) : NULL;

	if (doc && doc->root->kind == JSON_OBJECT && passes(request, doc->root)) {
		if (request->table) {
			print_row(doc->root);
		} else {
			(void)fwrite(line, 1, size, stdout);
			(void)putchar('\n');
		}
	}
	json_document_free(doc);
}

/* --- Reading --- */

/* What is read of one file; what there is of its last line is kept until the rest comes. */
struct reader {
	int file; /* -1: not open */
	char line[LINE_MAX_SIZE];
	size_t used;
};

static void print_lines(const struct events_request *request, struct reader *reader)
{
	char *at = reader->line, *end = reader->line + reader->used, *newline;

	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		print_line(request, at, (size_t)(newline - at));
		at = newline + 1;
	}
	reader->used = (size_t)(end - at);
	if (reader->used == sizeof(reader->line)) /* nobody writes such a one */
		reader->used = 0;
	memmove(reader->line, at, reader->used);
}

/* To the end of what there is now. */
static int print_rest(const struct events_request *request, struct reader *reader,
		      struct oci_error *err)
{
	ssize_t size;

	while (reader->file >= 0) {
		size = read(reader->file, reader->line + reader->used,
			    sizeof(reader->line) - reader->used);
		if (size < 0 && errno != EINTR)
			return fail_sys(err, "read the events");
		if (size == 0)
			break;
		if (size > 0)
			reader->used += (size_t)size;
		print_lines(request, reader);
	}
	return fflush(stdout) != 0 ? fail_sys(err, "write to the standard output") : 0;
}

static bool is_same(int file, const struct stat *other)
{
	struct stat status;

	return file >= 0 && fstat(file, &status) == 0 && status.st_ino == other->st_ino &&
	       status.st_dev == other->st_dev;
}

static int open_file(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_CLOEXEC);
}

/* The files after the one that is being read; -1 where there is none. No writer works meanwhile at
 * what isn't `current` any more. */
static int open_next(int dir, const struct reader *reader, int *previous, int *current,
		     struct oci_error *err)
{
	struct stat status;

	*previous = *current = -1;
	TRY(lock(dir, err));
	if (fstatat(dir, "current", &status, 0) < 0 || !is_same(reader->file, &status)) {
		if (fstatat(dir, "previous", &status, 0) == 0 && !is_same(reader->file, &status))
			*previous = open_file(dir, "previous");
		*current = open_file(dir, "current");
	}
	(void)flock(dir, LOCK_UN);
	return 0;
}

static int go_to(const struct events_request *request, struct reader *reader, int file,
		 struct oci_error *err)
{
	if (file < 0)
		return 0;
	fd_drop(&reader->file);
	reader->file = file;
	reader->used = 0;
	return print_rest(request, reader, err);
}

/* All that there is by now and wasn't there before. */
static int print_new(const struct events_request *request, int dir, struct reader *reader,
		     struct oci_error *err)
{
	int previous, current, result;

	TRY(open_next(dir, reader, &previous, &current, err));
	/* If there is another one, nothing comes to this one any more: this is all of it. */
	result = print_rest(request, reader, err);
	if (result == 0)
		result = go_to(request, reader, fd_take(&previous), err);
	if (result == 0)
		result = go_to(request, reader, fd_take(&current), err);
	fd_drop(&previous);
	fd_drop(&current);
	return result;
}

/* None of the past: where `current` ends now is the beginning. */
static int skip(int dir, struct reader *reader, struct oci_error *err)
{
	reader->file = openat(dir, "current", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (reader->file < 0 || lseek(reader->file, 0, SEEK_END) < 0)
		return fail_sys(err, "open 'events/current'");
	return 0;
}

/* Waits for a change, the time, or the end of who reads. False: it is over. A user has only so many
 * inotify instances: without one it looks again after a while. */
static bool wait_for_more(const struct events_request *request, int changes)
{
	struct pollfd set[] = { { changes, POLLIN, 0 }, { STDOUT_FILENO, 0, 0 } };
	int64_t left = request->until ? (request->until - record_now()) / 1000000 + 1 : INT_MAX;
	int64_t most = changes < 0 ? LOOK_MS : INT_MAX;
	char events[4096];

	if (left <= 0)
		return false;
	(void)poll(set, 2, (int)(left < most ? left : most));
	while (changes >= 0 && read(changes, events, sizeof(events)) > 0)
		;
	return !(set[1].revents & (POLLERR | POLLHUP));
}

int events_print(const struct box_home *home, const struct events_request *request,
		 struct oci_error *err)
{
	auto_free struct reader *reader = calloc(1, sizeof(*reader));
	auto_fd dir = open_directory(home, err), changes = -1;
	char place[64];
	int result;

	if (dir < 0 || !reader)
		return dir < 0 ? -1 : fail_code(err, "out-of-memory", "no memory for events");
	reader->file = -1;
	changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", dir);
	if (changes >= 0 &&
	    inotify_add_watch(changes, place, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		fd_drop(&changes);
	result = request->since < 0 ? skip(dir, reader, err) : 0;
	do {
		if (result == 0)
			result = print_new(request, dir, reader, err);
	} while (result == 0 && request->follow && wait_for_more(request, changes));
	fd_drop(&reader->file);
	return result;
}
