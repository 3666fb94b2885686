/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Command lines from tables: the same rows parse the options and print the help, so that neither
 * can say what the other doesn't. Every table knows -h and --help besides its rows. Names are
 * matched whole: an abbreviation that works today would change its meaning with the next option.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum option_kind {
	OPTION_FLAG,	/* bool; --name=false takes it back */
	OPTION_TEXT,	/* const char *, points into argv */
	OPTION_ANY,	/* the same, which may be empty */
	OPTION_WORD,	/* the same, one of `words` */
	OPTION_COUNT,	/* unsigned, decimal */
	OPTION_LIST,	/* struct option_list; each time that it is given adds one */
	OPTION_NOTHING, /* accepted because callers give it; asks for nothing that isn't so anyway
			 */
};

struct option_row {
	char letter;	      /* 0: none */
	const char *name;     /* without the dashes; NULL: only the letter */
	const char *argument; /* what the help calls it; NULL: takes none */
	const char *help;     /* NULL: a second spelling, not in the help */
	enum option_kind kind;
	size_t target;	   /* offset in the command's struct of values */
	const char *words; /* OPTION_WORD: "table|json" */
};

/* The arguments of an option that may be given several times, in their order. */
struct option_list {
	const char **v; /* heap; the strings point into argv */
	size_t n;
};

/* Ends a table. */
#define OPTIONS_END                                                                                \
	{                                                                                          \
		.letter = 0, .name = NULL                                                          \
	}

/* Where the operands go: the caller gives the room, `n` is how many there are. */
struct operands {
	const char **v; /* the strings point into argv */
	size_t n, room;
};

enum options_result { OPTIONS_FAILED = -1, OPTIONS_DONE = 0, OPTIONS_HELP = 1 };

/* Parses argv[0..argc-1] (the command's name not among them) into `values`. Options may stand
 * before, between and after the operands; what follows `--` is an operand, and more of them than
 * there is room for are an error. Errors have the code "usage". */
enum options_result options_parse(const struct option_row *rows, void *values, int argc,
				  char *const argv[], struct operands *operands,
				  struct oci_error *err);

/* The same for options that end at the first operand: *used says how many of argv belonged to
 * them, a `--` included. */
enum options_result options_parse_before(const struct option_row *rows, void *values, int argc,
					 char *const argv[], int *used, struct oci_error *err);

/* Frees the lists in `values`. */
void options_free(const struct option_row *rows, void *values);

/* Prints one line (or a few) for each row that has a help text, and one for --help. */
void options_print(const struct option_row *rows, FILE *out);

#endif
