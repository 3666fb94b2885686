/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/fd.h"
#include "base/file.h"
#include "libocispec/json_text.h"
#include "state/state.h"

enum level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

/* The first four by their level. */
static const struct {
	const char *name;
	enum level level;
} levels[] = {
	{ "error", LEVEL_ERROR }, { "warning", LEVEL_WARNING }, { "info", LEVEL_INFO },
	{ "debug", LEVEL_DEBUG }, { "warn", LEVEL_WARNING },
};

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* A process has one log. */
static struct {
	const char *file;  /* NULL: stderr only */
	const char *ident; /* syslog */
	bool json;
	enum level level;
	char *warnings[16]; /* not written, for the error's line */
	size_t n_warnings;
} settings = { .level = LEVEL_WARNING };

static int set_target(const char *file, struct oci_error *err)
{
	if (!strncmp(file, "syslog:", 7)) {
		settings.ident = file + 7;
		return *settings.ident ? 0 : fail_code(err, "usage", "--log syslog: needs a name");
	}
	if (!strncmp(file, "journald:", 9))
		return fail_code(err, "usage",
				 "--log journald: is not supported; syslog:IDENT reaches journald");
	settings.file = strncmp(file, "file:", 5) ? file : file + 5;
	if (!*settings.file)
		return fail_code(err, "usage", "--log file: needs a path");
	return 0;
}

int log_set_up(const char *file, const char *format, const char *level, int debug,
	       struct oci_error *err)
{
	settings.level = file ? LEVEL_ERROR : LEVEL_WARNING;
	settings.json = format && !strcmp(format, "json");
	if (file)
		TRY(set_target(file, err));
	for (size_t i = 0; level && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(levels[i].name, level))
			settings.level = levels[i].level;
	if (debug)
		settings.level = LEVEL_DEBUG;
	return 0;
}

void log_clean(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = *text == '\n' || *text == '\t' ? ' ' : '?';
		/* U+0080 to U+009F: a terminal takes U+009B for ESC [. */
		if ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
		    (unsigned char)text[1] < 0xa0)
			text[0] = text[1] = '?';
	}
}

/* One line as JSON or text, with the newline. NULL when memory ran out. */
static char *make_line(enum level level, const char *text, const char *code, size_t *size)
{
	struct json_text line;
	char time[40];
	int length;

	state_now(time);
	if (!settings.json) {
		char *plain = NULL;

		length = asprintf(&plain, "%s %s: %s\n", time, levels[level].name, text);
		*size = length < 0 ? 0 : (size_t)length;
		return length < 0 ? NULL : plain;
	}
	json_text_init(&line, false);
	json_text_open_object(&line, NULL);
	json_text_string(&line, "msg", text);
	json_text_string(&line, "level", levels[level].name);
	json_text_string(&line, "time", time);
	if (code)
		json_text_string(&line, "code", code);
	if (code && settings.n_warnings) {
		json_text_open_array(&line, "warnings");
		for (size_t i = 0; i < settings.n_warnings; i++)
			json_text_string(&line, NULL, settings.warnings[i]);
		json_text_close_array(&line);
	}
	json_text_close_object(&line);
	if (line.failed) {
		json_text_done(&line);
		return NULL;
	}
	/* The text ends with a NUL that is not counted: the newline takes its place. */
	line.text[line.size] = '\n';
	*size = line.size + 1;
	return line.text;
}

/* O_NONBLOCK: a fifo that nobody reads must not stop a container's life. */
static int append_to_file(const char *line, size_t size, struct oci_error *err)
{
	auto_fd fd = open(settings.file,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0)
		return fail_sys(err, "open log '%s'", settings.file);
	if (file_write_all(fd, line, size, err) < 0)
		return fail_in(err, "log '%s'", settings.file);
	return 0;
}

static void to_stderr(enum level level, const char *text)
{
	static const char *const heads[] = { "", "warning: ", "", "debug: " };

	(void)fprintf(stderr, "hull: %s%s\n", heads[level], text);
}

/* With --log to its target, else to stderr. */
static void write_line(enum level level, const char *text, const char *code)
{
	struct oci_error err = { 0 };
	size_t size = 0;
	auto_free char *line = NULL;

	if (settings.ident) {
		openlog(settings.ident, LOG_PID, LOG_USER);
		syslog(priorities[level], "%s", text);
		return;
	}
	if (!settings.file && !settings.json) {
		to_stderr(level, text);
		return;
	}
	line = make_line(level, text, code, &size);
	if (!line)
		to_stderr(level, text);
	else if (!settings.file)
		(void)file_write_all(STDERR_FILENO, line, size, &err); /* nowhere left to tell */
	else if (append_to_file(line, size, &err) < 0)
		to_stderr(LEVEL_WARNING, err.text);
}

void log_error(const struct oci_error *err)
{
	char text[sizeof(err->text)];

	(void)snprintf(text, sizeof(text), "%s", err->text);
	log_clean(text);
	write_line(LEVEL_ERROR, text, err->code[0] ? err->code : "failed");
	if (settings.file || settings.ident)
		to_stderr(LEVEL_ERROR, text);
}

static void log_below_error(enum level level, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static void log_below_error(enum level level, const char *fmt, va_list args)
{
	char text[2048];

	if (level > settings.level && level != LEVEL_WARNING)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	log_clean(text);
	if (level <= settings.level)
		write_line(level, text, NULL);
	else if (settings.n_warnings < sizeof(settings.warnings) / sizeof(settings.warnings[0])) {
		char *kept = strdup(text);

		if (kept)
			settings.warnings[settings.n_warnings++] = kept;
	}
}

void log_warning(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_below_error(LEVEL_WARNING, fmt, args);
	va_end(args);
}

void log_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_below_error(LEVEL_DEBUG, fmt, args);
	va_end(args);
}
