/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What hull has to say besides its output: errors, warnings, debug lines. Only src/command knows
 * whom to tell. Without --log everything goes to stderr. With it, lines go to the file, and the
 * error to stderr as well. Engines decode the file as one JSON object, so at the default level it
 * gets at most one line, the error, with the earlier warnings as a member of it.
 */
#ifndef COMMAND_LOG_H
#define COMMAND_LOG_H

#include "base/error.h"

/* As given on the command line; each may be NULL. file: a path, "file:PATH" or "syslog:IDENT".
 * Nothing is opened before the first line is due. Errors: code "usage". */
int log_set_up(const char *file, const char *format, const char *level, int debug,
	       struct oci_error *err);

/* The end of a failed command: the text, and its code word ("failed" when it has none). */
void log_error(const struct oci_error *err);

void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Replaces control characters: they would let a path in a configuration write to the reader's
 * terminal. */
void log_clean(char *text);

#endif
