/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Compares a container that exists with what its config asked for, from outside: the plan, made
 * once more from the stored config.json, against what the kernel says of INIT. One file per
 * subject. The container is hostile: nothing here takes its word, trusts a path of its own, reads
 * without a bound or changes anything. What is found is told to a callback; who prints it is
 * src/command/verify.c, which also sees to it that a look-up that hangs is ended.
 */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include "plan/plan.h"
#include "state/state.h"

enum verify_kind {
	VERIFY_DIFFERS, /* more permissive than asked, or other than asked */
	VERIFY_LESS,	/* less than asked: privilege given up, a stricter setting */
	VERIFY_OWN,	/* other than asked, in what the config lets the container change itself */
	VERIFY_UNCHECKED, /* can't be seen from outside; `found` says why */
};
extern const char *const verify_kinds[]; /* "differs", "less", "own", "unchecked" */

/* One finding. Fixed size, so that it crosses a socket in one message. Texts may hold anything that
 * the container chose, control characters too: whoever prints them cleans them. */
struct verify_finding {
	enum verify_kind kind;
	char pointer[256]; /* of config.json */
	char subject[64];
	char expected[512]; /* "" with VERIFY_UNCHECKED */
	char found[512];
};

struct verify_report {
	void (*found)(void *ctx, const struct verify_finding *finding);
	void *ctx;
};

/* What the stored files of a container say: its state, its config.json and the plan of it. */
struct verify_stored {
	struct state state;
	struct request request;
	struct oci_config config;
	struct oci_config updated; /* whose limits config has, if there were any updates */
	struct host host;
	struct plan plan;
};

/* Reads the state directory `dir` and makes the plan as create did: the request is what state.json
 * remembers of it, and hull is taken to hold every capability, for who verifies may hold others
 * than who created. Free it with verify_stored_done() in any case. */
int verify_stored(struct verify_stored *stored, int dir, const char *root, const char *id,
		  struct oci_error *err);
void verify_stored_done(struct verify_stored *stored);

/* Compares. Joins namespaces of the container (uts, ipc, network; user where it must) for the last
 * part, so it is for a process of its own that ends afterwards and isn't dumpable. With `trace` the
 * container's first process is stopped for a moment, for what only a tracer is shown. 0 when all
 * was looked at, whatever was found; -1 with err when it couldn't be done, code "not-running" when
 * the container is neither created, running nor paused, or ends meanwhile. */
int verify_container(const struct verify_stored *stored, int dir, bool trace,
		     const struct verify_report *report, struct oci_error *err);

#endif
