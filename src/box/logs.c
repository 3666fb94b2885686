/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/logs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"

#define SECOND INT64_C(1000000000)

/* --- Times --- */

/* The digits of a fraction as nanoseconds. */
static const char *parse_fraction(const char *text, int64_t *ns)
{
	int64_t unit = SECOND / 10;

	if (*text != '.')
		return text;
	for (text++; isdigit((unsigned char)*text); text++, unit /= 10)
		*ns += (*text - '0') * unit;
	return text;
}

/* "Z", "+01:00", or nothing for UTC. */
static bool parse_offset(const char *text, int64_t *ns)
{
	int hours, minutes, used = 0;

	if (!*text || !strcmp(text, "Z"))
		return true;
	if ((*text != '+' && *text != '-') ||
	    sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used])
		return false;
	*ns -= (*text == '+' ? 1 : -1) * (int64_t)(hours * 60 + minutes) * 60 * SECOND;
	return true;
}

static bool parse_date(const char *text, int64_t *ns)
{
	struct tm at = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &at);

	if (!rest) {
		at = (struct tm){ 0 };
		rest = strptime(text, "%Y-%m-%d", &at);
		if (!rest || *rest)
			return false;
	}
	*ns = (int64_t)timegm(&at) * SECOND;
	return parse_offset(parse_fraction(rest, ns), ns);
}

static bool parse_number(const char *text, int64_t *ns)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	char *end;
	long long number;
	const char *unit, *rest;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || number > INT32_MAX * 4LL)
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit && !end[1]) {
		*ns = record_now() - number * seconds[unit - units] * SECOND;
		return true;
	}
	*ns = number * SECOND;
	rest = parse_fraction(end, ns);
	return !*rest;
}

int logs_parse_time(const char *text, int64_t *ns, struct oci_error *err)
{
	if (parse_date(text, ns) || parse_number(text, ns))
		return 0;
	return fail_code(err, "usage",
			 "'%s' is no time: 2026-01-31T12:00:00Z, 1790000000 or 10m (ago)", text);
}

/* --- Files --- */

struct segment {
	unsigned number;
	ino_t inode;
};

static int by_number(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* The numbered files, the oldest first. */
static int list_segments(int dir, struct segment **segments, size_t *n, struct oci_error *err)
{
	DIR *entries = fd_list(dir);
	struct dirent *entry;

	*segments = NULL;
	*n = 0;
	if (!entries)
		return fail_sys(err, "list the log");
	while ((entry = readdir(entries)) != NULL) {
		struct segment *more;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		more = realloc(*segments, (*n + 1) * sizeof(*more));
		if (!more) {
			(void)closedir(entries);
			return fail_code(err, "out-of-memory", "no memory for the log");
		}
		*segments = more;
		more[(*n)++] = (struct segment){ (unsigned)atoi(entry->d_name), entry->d_ino };
	}
	(void)closedir(entries);
	if (*n)
		qsort(*segments, *n, sizeof(**segments), by_number);
	return 0;
}

/* What is read: one file after the other. */
struct reader {
	const struct logs_request *request;
	int dir;
	int file;    /* -1: none is open */
	ino_t inode; /* of it */
	char *text;  /* what was read and isn't whole lines yet */
	size_t used, room;
	int64_t skip;  /* lines that --tail leaves out */
	bool counting; /* only counts */
	int64_t lines;
	struct {
		bool inside; /* of a line whose beginning was printed or left out */
		bool left_out;
	} streams[2];
};

static void close_reader(struct reader *reader)
{
	fd_drop(&reader->file);
	fd_drop(&reader->dir);
	free(reader->text);
	reader->text = NULL;
}

/* What is open stays so where that fails. */
static int open_file(struct reader *reader, const char *name)
{
	auto_fd file = openat(reader->dir, name, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (file < 0 || fstat(file, &status) < 0)
		return -1;
	fd_drop(&reader->file);
	reader->file = fd_take(&file);
	reader->inode = status.st_ino;
	return 0;
}

/* More was written since than is kept. */
static bool is_removed(int file)
{
	struct stat status;

	return fstat(file, &status) == 0 && status.st_nlink == 0;
}

/* Which of the numbered files comes after the one that is open, or is the oldest there still is; n:
 * none of them. */
static size_t find_next(const struct reader *reader, const struct segment *segments, size_t n)
{
	size_t at = 0;

	if (reader->file < 0)
		return 0;
	while (at < n && segments[at].inode != reader->inode)
		at++;
	return at < n ? at + 1 : is_removed(reader->file) ? 0 : n;
}

/* The file that comes after the one that is open (the oldest one if none is), which may be
 * `current`. 1: there is one, and it is open now; 0: none; AGAIN: who keeps the log was at work
 * meanwhile. */
enum { AGAIN = 2 };

static int look_for_next(struct reader *reader, struct oci_error *err)
{
	auto_free struct segment *segments = NULL;
	struct stat current;
	char name[16];
	size_t n, at;

	TRY(list_segments(reader->dir, &segments, &n, err));
	at = find_next(reader, segments, n);
	if (at < n) {
		(void)snprintf(name, sizeof(name), "%u", segments[at].number);
		return open_file(reader, name) == 0 ? 1 : errno == ENOENT ? AGAIN : 0;
	}
	if (fstatat(reader->dir, "current", &current, 0) < 0 ||
	    (reader->file >= 0 && current.st_ino == reader->inode) ||
	    (n > 0 && segments[n - 1].inode == current.st_ino))
		return 0;
	return open_file(reader, "current") == 0;
}

/* As above, but for AGAIN. */
static int next_file(struct reader *reader, struct oci_error *err)
{
	int result;

	do
		result = look_for_next(reader, err);
	while (result == AGAIN);
	return result;
}

/* --- Lines --- */

/* line: with its NUL, without the newline. */
static void take_line(struct reader *reader, char *line, size_t size)
{
	const struct logs_request *request = reader->request;
	char *stream = memchr(line, ' ', size);
	char *kind = stream ? strchr(stream + 1, ' ') : NULL;
	char *text = kind ? strchr(kind + 1, ' ') : NULL;
	int64_t time = 0;
	bool begins, is_error;
	FILE *out;

	if (!text)
		return; /* not conmon's */
	*stream++ = *kind++ = *text++ = '\0';
	is_error = !strcmp(stream, "stderr");
	begins = !reader->streams[is_error].inside;
	reader->streams[is_error].inside = *kind == 'P';
	if (begins) {
		reader->lines++;
		reader->streams[is_error].left_out =
			reader->lines <= reader->skip ||
			(request->since && parse_date(line, &time) && time < request->since);
	}
	if (reader->counting || reader->streams[is_error].left_out)
		return;
	out = is_error ? stderr : stdout;
	if (begins && request->timestamps)
		(void)fprintf(out, "%s ", line);
	(void)fwrite(text, 1, size - (size_t)(text - line), out);
	if (!reader->streams[is_error].inside)
		(void)fputc('\n', out);
}

static void take_lines(struct reader *reader)
{
	size_t at = 0;
	char *newline;

	while ((newline = memchr(reader->text + at, '\n', reader->used - at)) != NULL) {
		*newline = '\0';
		take_line(reader, reader->text + at, (size_t)(newline - reader->text) - at);
		at = (size_t)(newline - reader->text) + 1;
	}
	memmove(reader->text, reader->text + at, reader->used - at);
	reader->used -= at;
}

/* To the end of the file as it is now. */
static int drain(struct reader *reader, struct oci_error *err)
{
	ssize_t size;

	do {
		if (reader->room - reader->used < 65536) {
			char *text = realloc(reader->text, reader->room + 131072);

			if (!text)
				return fail_code(err, "out-of-memory", "no memory for the log");
			reader->text = text;
			reader->room += 131072;
		}
		size = read(reader->file, reader->text + reader->used,
			    reader->room - reader->used - 1);
		if (size < 0 && errno != EINTR)
			return fail_sys(err, "read the log");
		if (size > 0) {
			reader->used += (size_t)size;
			take_lines(reader);
		}
	} while (size != 0);
	return 0;
}

static int drain_all(struct reader *reader, struct oci_error *err)
{
	int more;

	if (reader->file >= 0)
		TRY(drain(reader, err));
	while ((more = next_file(reader, err)) == 1)
		TRY(drain(reader, err));
	return more;
}

/* How many lines there are. */
static int count(const struct reader *like, int64_t *lines, struct oci_error *err)
{
	struct reader reader = *like;
	int result;

	reader.counting = true;
	reader.dir = openat(like->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = reader.dir < 0 ? fail_sys(err, "open the log") : drain_all(&reader, err);
	*lines = reader.lines;
	close_reader(&reader);
	return result;
}

static int flush(struct oci_error *err)
{
	return fflush(stdout) < 0 || fflush(stderr) < 0 ? fail_sys(err, "write the log") : 0;
}

/* How often it looks by itself, when nobody tells it. */
enum { WITHOUT_NOTICE_MS = 250 };

/* Until the monitor is gone and all is read. */
static int follow(struct reader *reader, int monitor, struct oci_error *err)
{
	auto_fd events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char place[64], ignored[4096];
	bool ended = monitor < 0;

	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d", reader->dir);
	/* Others may use up what instances the user has. */
	if (events >= 0 &&
	    inotify_add_watch(events, place, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		fd_drop(&events);
	for (;;) {
		struct pollfd set[] = { { events, POLLIN, 0 }, { monitor, POLLIN, 0 } };

		TRY(drain_all(reader, err));
		TRY(flush(err));
		if (ended)
			return 0;
		if (poll(set, 2, events < 0 ? WITHOUT_NOTICE_MS : -1) < 0 && errno != EINTR)
			return fail_sys(err, "poll");
		while (read(events, ignored, sizeof(ignored)) > 0)
			;
		ended = set[1].revents != 0;
	}
}

int logs_print(const struct box_home *home, const struct box_record *record,
	       const struct logs_request *request, struct oci_error *err)
{
	struct reader reader = { .request = request, .file = -1 };
	auto_fd monitor = request->follow ? life_monitor(home, record->id) : -1;
	int result = 0;

	reader.dir = openat(record->dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reader.dir < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "open the log");
	if (request->tail >= 0) {
		result = count(&reader, &reader.skip, err);
		reader.skip = reader.skip > request->tail ? reader.skip - request->tail : 0;
	}
	if (result == 0)
		result = request->follow ? follow(&reader, monitor, err) : drain_all(&reader, err);
	if (result == 0)
		result = flush(err);
	close_reader(&reader);
	return result;
}
