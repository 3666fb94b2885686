/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a restart policy says after a life: whether there is another, and after how long.
 */
#include <limits.h>

#include "box/container.h"
#include "tests/unit/tap.h"

#define SECOND INT64_C(1000000000)

static struct box_options options;

static void policy(const char *word, unsigned retries)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "%s", word);
	options.restart.present = true;
	options.restart.policy = text;
	options.restart.retries = retries;
}

/* After a life of so many nanoseconds, the back-off before which was `before` ms; 0: none. */
static unsigned after(int64_t life, unsigned before)
{
	const struct box_state state = {
		.wanted = true,
		.exit_code = 1,
		.started = 1000 * SECOND,
		.finished = 1000 * SECOND + life,
		.back_off_ms = before,
	};
	unsigned ms = 0;

	return container_restarts(&options, &state, &ms) ? ms : 0;
}

static void test_back_off(void)
{
	unsigned ms = 0;

	policy("always", 0);
	for (unsigned expected = 100; expected < 60000; expected *= 2) {
		ms = after(SECOND, ms);
		tap_ok(ms == expected, "%u ms, twice as long each time", expected);
	}
	ms = after(SECOND, ms);
	tap_ok(ms == 60000, "at most a minute");
	tap_ok(after(SECOND, ms) == 60000, "and that each time");
	tap_ok(after(10 * SECOND - 1, ms) == 60000, "a life of nearly 10 s changes nothing");
	tap_ok(after(10 * SECOND, ms) == 100, "after one of 10 s it begins again");
	tap_ok(after(10 * SECOND, 100) == 100, "each time");
}

static void test_never_begun(void)
{
	const struct box_state state = {
		.wanted = true, .exit_code = 125, .finished = 1000 * SECOND, .back_off_ms = 800
	};
	unsigned ms = 0;

	tap_ok(container_restarts(&options, &state, &ms) && ms == 1600,
	       "what never began had no long life");
}

static bool restarts(int exit_code, bool wanted, unsigned n)
{
	const struct box_state state = { .wanted = wanted, .exit_code = exit_code, .restarts = n };
	unsigned ms = 0;

	return container_restarts(&options, &state, &ms);
}

static void test_policies(void)
{
	policy("no", 0);
	tap_ok(!restarts(1, true, 0), "no");
	policy("always", 0);
	tap_ok(restarts(0, true, 100) && restarts(1, true, 100), "always");
	tap_ok(!restarts(1, false, 0), "but not what somebody stopped");
	policy("on-failure", 0);
	tap_ok(!restarts(0, true, 0) && restarts(1, true, 100), "on-failure");
	policy("on-failure", 3);
	tap_ok(restarts(1, true, 2) && !restarts(1, true, 3), "on-failure:3");
}

/* Decided to be done in `left` ns, after a back-off of 800 ms, at a time when that had been. */
static unsigned left_of(int64_t left, unsigned restarts)
{
	const int64_t now = 2000 * SECOND;
	const struct box_state state = { .wanted = true,
					 .exit_code = 1,
					 .restarts = restarts,
					 .back_off_ms = 800,
					 .restart_at = now + left };
	unsigned ms = 0;

	return container_restarts_at(&options, &state, now, &ms) ? ms : UINT_MAX;
}

static void test_decided(void)
{
	struct box_state state = { .wanted = true, .exit_code = 1, .back_off_ms = 800 };
	unsigned ms = 0;

	policy("on-failure", 3);
	tap_ok(container_restarts_at(&options, &state, 2000 * SECOND, &ms) && ms == 1600,
	       "not decided yet: the next back-off");
	tap_ok(left_of(SECOND / 2, 0) == 500, "decided: what is left of its back-off");
	tap_ok(left_of(1, 0) == 1, "rather a bit longer");
	tap_ok(left_of(0, 0) == 0 && left_of(-5000 * SECOND, 0) == 0, "at once when it is over");
	tap_ok(left_of(5000 * SECOND, 0) == 800, "not longer than it was, if the clock was set");
	tap_ok(left_of(0, 3) == UINT_MAX, "not more often than on-failure:3 allows");
	policy("no", 0);
	tap_ok(left_of(0, 0) == UINT_MAX, "not with another policy since");
	policy("always", 0);
	state.wanted = false;
	state.restart_at = 1;
	tap_ok(!container_restarts_at(&options, &state, 1, &ms), "not what somebody stopped since");
}

int main(void)
{
	test_back_off();
	test_never_begun();
	test_policies();
	test_decided();
	return tap_done();
}
