/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/sequence: what test builds add to the runner (configure --enable-fault-injection).
 *
 * HULL_FAULT="ROW:WHAT" in the environment, WHAT one of `before` and `after` (the row's deed fails
 * before or after it was done), `kill-ROLE` and `stop-ROLE` (that role sends itself SIGKILL or
 * SIGSTOP when it gets to the row). HULL_TRACE=FILE: a line "ROLE: ROW" is added for each row that
 * is executed. HULL_SKIP="ROW;ROW": deeds are left out, to see whether the read-back notices.
 */
#ifndef SEQUENCE_FAULT_H
#define SEQUENCE_FAULT_H

#include "sequence/table.h"

#ifdef HULL_FAULT_INJECTION

/* Opens the trace file while the host's paths can be reached. */
void fault_prepare(void);
/* Every role at every row that it gets to, its own or not. */
void fault_reach(const struct row *row, enum role me);
/* 0, or -1 where the fault is asked for. */
int fault_before(const struct row *row, struct oci_error *err);
int fault_after(const struct row *row, struct oci_error *err);
bool fault_skips(const struct row *row);

#else

static inline void fault_prepare(void)
{
}

static inline void fault_reach(const struct row *row, enum role me)
{
	(void)row;
	(void)me;
}

static inline int fault_before(const struct row *row, struct oci_error *err)
{
	(void)row;
	(void)err;
	return 0;
}

static inline int fault_after(const struct row *row, struct oci_error *err)
{
	(void)row;
	(void)err;
	return 0;
}

static inline bool fault_skips(const struct row *row)
{
	(void)row;
	return false;
}

#endif
#endif
