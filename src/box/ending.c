/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/ending.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "box/attach.h"
#include "box/command.h"
#include "box/container_base.h"
#include "box/monitor.h"
#include "box/restart.h"

/* What a container wrote before its end goes to who is attached, as long as he takes it. */
#define DRAIN_SECONDS 3

/* The record is locked, the life over. */
static int settle_and_remove(const struct box_home *home, struct box_record *record, bool *removed,
			     struct oci_error *err)
{
	struct box_options options;
	int result = container_settle(home, record, err);

	*removed = false;
	if (result < 0 || container_options(record, &options, err) < 0)
		return -1;
	if (container_is_to_go(&options, &record->state)) {
		*removed = true;
		result = container_remove(home, record, err);
	}
	box_options_done(&options);
	return result;
}

/* Somebody may have begun another life by now, which is none of ours. */
static int settle(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	struct oci_error own = { 0 };
	bool removed;
	int result = record_lock(record, false, &own);

	if (result == 0)
		result = settle_and_remove(home, record, &removed, &own);
	record_unlock(record);
	if (result == 0 || !strcmp(own.code, "not-found") || !strcmp(own.code, "running"))
		return 0;
	*err = own;
	return -1;
}

int ending_wait(const struct box_home *home, struct box_record *record, int life,
		struct oci_error *err)
{
	int exit_code;

	TRY(life_wait(home, record->id, life, err));
	TRY(settle(home, record, err));
	/* In the file that was there before: the record may be gone or live again. */
	exit_code = life_exit_code(life);
	if (exit_code < 0)
		return fail(err, "how '%s' ended is not known: who cleaned up after it was killed",
			    record->state.name);
	return exit_code;
}

int ending_follow(const struct box_home *home, struct box_record *record, int life,
		  struct oci_error *err)
{
	int exit_code = ending_wait(home, record, life, err);

	if (exit_code == 128 + SIGKILL && record->state.oom)
		(void)fprintf(stderr, "hullbox: '%s' was killed: its memory limit was reached\n",
			      record->state.name);
	return exit_code;
}

/* --- Stopping --- */

int ending_unwant(const struct box_home *home, struct box_record *record, struct oci_error *unsaved,
		  struct oci_error *err)
{
	int result;

	TRY(record_lock(record, false, err));
	record->state.wanted = false;
	record->state.restart_at = 0;
	result = record_save(record, unsaved);
	if (result < 0)
		restart_forget(home, record->id);
	record_unlock(record);
	return result < 0 ? 1 : 0;
}

int ending_keep(struct box_record *record, bool keep, struct oci_error *err)
{
	struct box_options options;
	int result;

	TRY(record_lock(record, false, err));
	result = container_options(record, &options, err);
	if (result == 0) {
		if (options.remove && record->state.kept != keep) {
			record->state.kept = keep;
			result = record_save(record, err);
		}
		box_options_done(&options);
	}
	record_unlock(record);
	return result;
}

static int stop_signal(const struct box_record *record, struct oci_error *err)
{
	struct image_config config = { 0 };
	struct box_image image;
	struct box_options options;
	int has_image, number;

	TRY(container_options(record, &options, err));
	has_image = container_base_image(record, &config, &image, err);
	number = has_image < 0 ? -1 : box_stop_signal(&options, has_image ? &image : NULL);
	box_options_done(&options);
	image_config_close(&config);
	return number;
}

static int send_signal(const struct box_home *home, const struct box_record *record, int number,
		       struct oci_error *err)
{
	struct oci_error own = { 0 };
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", number);
	if (monitor_hull(home, NULL, &own, "kill", record->id, text, NULL) == 0 ||
	    strstr(own.text, "not running") || strstr(own.text, "does not exist"))
		return 0;
	*err = own;
	return -1;
}

/* Whether the monitor ended in time. */
static bool ends_within(int monitor, unsigned seconds)
{
	struct timespec now;
	int64_t end, left;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end = (now.tv_sec + (int64_t)seconds) * 1000 + now.tv_nsec / 1000000;
	for (;;) {
		struct pollfd set = { monitor, POLLIN, 0 };

		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		left = end - (int64_t)now.tv_sec * 1000 - now.tv_nsec / 1000000;
		if (left < 0)
			return false;
		if (poll(&set, 1, left > 1000000 ? 1000000 : (int)left) > 0)
			return true;
	}
}

static int stop_it(const struct box_home *home, struct box_record *record, unsigned seconds,
		   struct oci_error *err)
{
	auto_fd monitor = life_monitor(home, record->id);
	int number = stop_signal(record, err);
	struct oci_error ignored = { 0 }; /* it need not be paused */

	if (number < 0)
		return -1;
	if (monitor < 0)
		return 0;
	if (seconds > 0) {
		TRY(send_signal(home, record, number, err));
		if (record_status(home, record) == BOX_PAUSED)
			(void)monitor_hull(home, NULL, &ignored, "resume", record->id, NULL);
		if (ends_within(monitor, seconds))
			return 0;
	}
	TRY(send_signal(home, record, SIGKILL, err));
	if (!ends_within(monitor, DRAIN_SECONDS) && attach_cut_off(monitor))
		box_warn("an attached process took no more of what '%s' wrote, and was cut off",
			 record->state.name);
	return 0;
}

/* The life is held. What was begun and not started belongs to nobody, for who does that has the
 * record locked; what still makes it may not know a signal yet. */
static int end_life(const struct box_home *home, struct box_record *record, int life,
		    unsigned seconds, struct oci_error *err)
{
	if (record->state.going && !record->state.started)
		return container_end_unstarted(home, record, life, err);
	return stop_it(home, record, seconds, err);
}

int ending_for_removal(const struct box_home *home, struct box_record *record,
		       struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* no life begins again of what is gone */
	auto_fd life = -1;

	(void)ending_unwant(home, record, &ignored, &ignored);
	life = life_open(home, record->id);
	if (life < 0 || !life_is_held(home, record->id, life))
		return 0;
	TRY(end_life(home, record, life, 0, err));
	return life_wait(home, record->id, life, err);
}

static int stop_and_wait(const struct box_home *home, struct box_record *record, unsigned seconds,
			 struct oci_error *err)
{
	auto_fd life = life_open(home, record->id);

	if (life < 0)
		return 0;
	if (life_is_held(home, record->id, life))
		TRY(end_life(home, record, life, seconds, err));
	return ending_wait(home, record, life, err) < 0 ? -1 : 0;
}

/* What fills the disk is what somebody wants to stop: it ends even where that can't be written.
 * What its restart policy owes is forgotten then, which needs no room. */
int ending_stop(const struct box_home *home, struct box_record *record, unsigned seconds,
		struct oci_error *err)
{
	struct oci_error unsaved = { 0 };
	int unwanted = ending_unwant(home, record, &unsaved, err);

	if (unwanted < 0)
		return -1;
	TRY(stop_and_wait(home, record, seconds, err));
	if (unwanted == 0)
		return 0;
	unsaved = (struct oci_error){ 0 }; /* there may be room by now */
	unwanted = ending_unwant(home, record, &unsaved, err);
	if (unwanted == 1)
		*err = unsaved;
	return unwanted == 0 || !strcmp(err->code, "not-found") ? 0 : -1;
}

/* --- After the end --- */

static void sleep_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) < 0)
		;
}

/* Who waits until he begins a container again. */
struct waiting {
	unsigned lives; /* the life that he follows */
	unsigned ms;	/* how long */
	int held;	/* restart.h */
};

/* The record is locked, the life settled, and nobody else waits. 1: it begins again after w->ms,
 * which was decided now or by one who was killed since. */
static int decide(const struct box_home *home, struct box_record *record, struct waiting *w,
		  struct oci_error *err)
{
	struct box_state *state = &record->state;
	int64_t now = record_now();
	struct box_options options;
	bool again;

	TRY(container_options(record, &options, err));
	again = container_restarts_at(&options, state, now, &w->ms);
	box_options_done(&options);
	if (again && !state->restart_at) {
		state->back_off_ms = w->ms;
		state->restart_at = now + (int64_t)w->ms * 1000000;
		TRY(record_save(record, err));
	} else if (!again && state->restart_at) {
		state->restart_at = 0;
		TRY(record_save(record, err));
	}
	if (!again)
		restart_forget(home, record->id);
	return again;
}

/* The record is locked and the life over. 1: this process begins the next one, after w->ms. */
static int plan_restart(const struct box_home *home, struct box_record *record, struct waiting *w,
			struct oci_error *err)
{
	bool removed;
	int claimed;

	TRY(settle_and_remove(home, record, &removed, err));
	if (removed)
		return 0;
	restart_release(&w->held);
	claimed = restart_claim(home, record->id, &w->held, err);
	return claimed == 1 ? decide(home, record, w, err) : claimed;
}

/* Begins the next life, unless somebody did something with it meanwhile. A beginning that fails
 * counts as a life that did. 1: try again after w->ms. */
static int begin_again(const struct box_home *home, struct box_record *record, struct waiting *w,
		       struct oci_error *err)
{
	struct container_life begun;
	struct box_options options;
	int result;

	if (record->state.lives != w->lives)
		return 0;
	result = decide(home, record, w, err);
	if (result != 1)
		return result;
	TRY(container_options(record, &options, err));
	record->state.restarts++;
	result = container_begin(home, record, &options, false, &begun, err);
	fd_drop(&begun.life);
	box_options_done(&options);
	if (result == 0)
		return 0;
	w->lives = record->state.lives;
	return plan_restart(home, record, w, err);
}

/* Locks the record when its life number `lives` is over: 1. 0: there has been another since. */
static int lock_after(const struct box_home *home, struct box_record *record, unsigned lives,
		      struct oci_error *err)
{
	for (;;) {
		auto_fd life = -1;

		TRY(record_lock(record, false, err));
		if (record->state.lives != lives)
			return 0;
		life = life_open(home, record->id);
		if (life < 0 || !life_is_held(home, record->id, life))
			return 1;
		if (!record->state.started) {
			TRY(container_end_unstarted(home, record, life, err));
			return 1;
		}
		record_unlock(record);
		TRY(life_wait(home, record->id, life, err));
	}
}

int ending_exited(const struct box_home *home, const char *id, unsigned lives,
		  struct oci_error *err)
{
	struct waiting w = { .lives = lives, .held = -1 };
	struct box_record record;
	int result;

	if (record_open(home, id, &record, err) < 0) {
		if (!strcmp(err->code, "not-found") && !record_is_there(home, id))
			restart_forget(home, id);
		return -1;
	}
	result = lock_after(home, &record, lives, err);
	if (result == 1)
		result = plan_restart(home, &record, &w, err);
	while (result == 1) {
		record_unlock(&record);
		sleep_ms(w.ms);
		result = record_lock(&record, false, err);
		if (result == 0)
			result = begin_again(home, &record, &w, err);
	}
	restart_release(&w.held); /* while the record is locked */
	record_close(&record);
	return result;
}
