/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/sequence: the form of the tables that say the order.
 *
 * The baton rule: only the holder acts; a PASS hands the baton over. So the printed order is the
 * executed order, and no two processes ever change the same thing at once.
 */
#ifndef SEQUENCE_TABLE_H
#define SEQUENCE_TABLE_H

#include "steps/run.h"

/* PARENT: the command. STAGE: short-lived, joins namespaces given by path. INIT: becomes the
 * container's process. START: the later start command; in `run` PARENT plays it. */
enum role { PARENT, STAGE, INIT, START };
extern const char *const role_names[];

enum kind {
	DO,
	FORK, /* `who` makes `to`; run() returns the child's pid, 0 in the child */
	PASS, /* `who` sends, `to` receives: the baton, INIT's pid, at most one fd */
	TELL, /* a word to `to`: `who` keeps the baton, and goes on though nobody hears it */
	JOIN, /* a later command takes the role `who` and meets `to` */
	EXEC, /* as DO, never to return; to the role `to` the end of the channel is the good news */
};

struct row {
	enum kind kind;
	enum role who, to;
	const char *what;		   /* --explain, error context, name for fault tests */
	bool (*when)(const struct plan *); /* NULL: always */
	int (*run)(struct run *, struct oci_error *);
	void (*undo)(struct run *); /* in PARENT, newest first */
	int (*meet)(struct run *,
		    struct oci_error *); /* JOIN: the deed of `to`, at the same time */
	bool looks; /* changes nothing anywhere: `hull check` does it too, to ask the host */
	bool (*patient)(const struct plan *); /* PASS, TELL, EXEC: the receiver waits without limit,
						 for hooks */
	bool plain; /* PASS: INIT is under its seccomp filter, with read and write only */
	/* EXEC: nobody waits for the end of the channel, for the process may be frozen */
	bool (*unheard)(const struct plan *);
	int *(*carries)(struct run *); /* PASS: this fd goes with it, where it isn't -1 */
};

/* create and run (up to the JOIN: create; from it on: start); ends with a row without `what`. */
extern const struct row create_rows[];

/* exec: a further process for a running container. */
extern const struct row exec_rows[];

/* Acts as `me` from row `from` on. PARENT returns at the JOIN, or goes on as START in `run`; START
 * returns at the end; STAGE and INIT never return. -1: it failed, and everything was undone that
 * this process has to undo. */
int rows_act(const struct row *table, struct run *run, enum role me, size_t from,
	     struct oci_error *err);

/* The index of the JOIN row. */
size_t rows_join(const struct row *table);

/* Does this row belong to what the plan's command does? */
bool row_applies(const struct row *row, const struct plan *plan);

#endif
