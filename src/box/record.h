/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Containers on disk: ROOT/containers/ID/ with the saved options, the state and what belongs to it,
 * ROOT/names/NAME -> ID, and RUNTIME/containers/ID/ while it runs.
 *
 * `lock` is for whoever changes a container; it ends with its holder. A life goes on as long as the
 * monitor does: from before the upper layer is mounted until the monitor is gone. What a container
 * ended with is written into the file `life` itself, so that who waits for it learns that even when
 * the container has been removed by then. The monitor is known by its pid and its command line; and
 * the file is locked by who makes it and by what the monitor inherits, which tells of the moments
 * before its pid is written. (conmon closes what it inherited before it writes the exit code.)
 */
#ifndef BOX_RECORD_H
#define BOX_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box/home.h"

enum { ID_SIZE = 64, SHORT_ID_SIZE = 12, NAME_SIZE_MAX = 128 };

enum box_status { BOX_CREATED, BOX_RUNNING, BOX_PAUSED, BOX_STOPPED };
extern const char *const box_status_names[];

/* state.json. Times are nanoseconds since 1970, 0: never. */
struct box_state {
	char name[NAME_SIZE_MAX + 1];
	char image[256];   /* what it is made from, for people */
	char command[256]; /* the same */
	char ports[512];   /* the published ones: "0.0.0.0:8080->80/tcp, ..." */
	int64_t created, started, finished;
	int64_t restart_at;   /* when the restart policy begins it anew; 0: it won't */
	unsigned lives;	      /* how often it was begun */
	unsigned restarts;    /* by its policy, since somebody started it */
	unsigned back_off_ms; /* before the last of these */
	bool going;	      /* begun and not yet settled */
	bool wanted;	      /* nobody has stopped it since it was started */
	bool kept;	      /* --rm doesn't remove it: who restarts it has ended it */
	int exit_code;	      /* of the last life; -1: none has ended */
	bool oom;	      /* killed by its memory limit */
	char cgroup[512];     /* directory of its cgroup, "" when not known */
	char ip[64], mac[24], gateway[64], interface[16], netns[256];
	char error[512]; /* why the last start failed, or "" */
};

struct box_record {
	char id[ID_SIZE + 1];
	int dir;  /* ROOT/containers/ID */
	int lock; /* held when >= 0 */
	struct box_state state;
};

#define BOX_RECORD_NONE                                                                            \
	{                                                                                          \
		.dir = -1, .lock = -1                                                              \
	}

/* --- One container --- */

/* Makes ROOT/containers/ID.new with a lock, for record_publish() after all is written. */
int record_make(const struct box_home *home, struct box_record *record, struct oci_error *err);

/* Gives it its name (record->state.name; an empty one gets one of its own) and its place. Error:
 * "name-in-use". After that a crash leaves a container, before it leftovers for sweep. */
int record_publish(const struct box_home *home, struct box_record *record, struct oci_error *err);

/* Whether it is being made, between the two. */
bool record_is_unpublished(const struct box_home *home, const char *id);

/* Opens the container that `word` names: its name, its id, or the beginning of its id; with its
 * state. Errors: "not-found", "ambiguous". */
int record_open(const struct box_home *home, const char *word, struct box_record *record,
		struct oci_error *err);

/* Whether there is a container with this id, or one is being made. */
bool record_is_there(const struct box_home *home, const char *id);

/* Takes the lock (waits for it) and reads the state anew. Error: "not-found" when it has been
 * removed meanwhile. With `now` it doesn't wait: error "busy". */
int record_lock(struct box_record *record, bool now, struct oci_error *err);
void record_unlock(struct box_record *record);

/* For who reads or writes its files for long, and calls it under the lock, which he may release
 * then: a life may end meanwhile, but none begins, nor is the container removed, until he calls
 * record_close(). */
int record_hold(const struct box_record *record, struct oci_error *err);

/* Waits until nobody does that; under the lock. */
int record_wait_for_holders(const struct box_record *record, struct oci_error *err);

/* Writes state.json, under the lock. */
int record_save(const struct box_record *record, struct oci_error *err);

/* Reads it. */
int record_load(struct box_record *record, struct oci_error *err);

/* Another name, under the lock. Error: "name-in-use". */
int record_rename(const struct box_home *home, struct box_record *record, const char *name,
		  struct oci_error *err);

/* Removes it with its name, under the lock; it must be settled. What can't be removed now (an
 * error) is found by the next sweep. */
int record_remove(const struct box_home *home, struct box_record *record, struct oci_error *err);

/* Releases what it holds; accepts BOX_RECORD_NONE. */
void record_close(struct box_record *record);

/* Paths, on the heap: ROOT/containers/ID/NAME, RUNTIME/containers/ID/NAME. */
char *record_path(const struct box_home *home, const struct box_record *record, const char *name,
		  struct oci_error *err);
char *record_runtime_path(const struct box_home *home, const struct box_record *record,
			  const char *name, struct oci_error *err);

/* --- Life --- */

/* Makes the runtime directory only: a container that is to be run at once, and that a sweep removes
 * if its maker dies before that. */
int life_announce(const struct box_home *home, const struct box_record *record,
		  struct oci_error *err);

/* Makes the runtime directory and in it a new file `life`, locked: its fd, which the monitor
 * inherits. The old life must be over and settled. */
int life_begin(const struct box_home *home, const struct box_record *record, struct oci_error *err);

/* Opens it for waiting or reading: -1 without an error text when there is none (errno ENOENT). */
int life_open(const struct box_home *home, const char *id);

/* The monitor of the container: a pidfd, -1 when there is none (no error text). */
int life_monitor(const struct box_home *home, const char *id);

/* Whether it goes on. */
bool life_is_held(const struct box_home *home, const char *id, int life);

/* Whether it ends within about half a second. */
bool life_ends_soon(const struct box_home *home, const char *id, int life);

/* Waits for its end. -1 with errno EINTR for a signal. */
int life_wait(const struct box_home *home, const char *id, int life, struct oci_error *err);

/* What settling writes and who waits reads: the exit code; -1 when it isn't there yet. */
int life_write(int life, int exit_code, struct oci_error *err);
int life_exit_code(int life);

/* The runtime directory goes, with the life in it. */
int life_remove(const struct box_home *home, const char *id, struct oci_error *err);

/* --- All of them --- */

/* As the kernel says, without a lock. */
enum box_status record_status(const struct box_home *home, const struct box_record *record);

/* Calls `each` with an opened record for every container, the newest first. A container that goes
 * meanwhile is left out, and so is one whose record can't be read. */
typedef int record_each(void *ctx, struct box_record *record, struct oci_error *err);
int record_for_all(const struct box_home *home, record_each *each, void *ctx,
		   struct oci_error *err);

/* The same for who may only act when he knows of all containers: -1 when the record of one that is
 * there can't be read, and says of which; as a rule before the first call. */
int record_for_every(const struct box_home *home, record_each *each, void *ctx,
		     struct oci_error *err);

/* The ids that have a runtime directory: what runs or has to be settled. */
typedef int record_each_id(void *ctx, const char *id, struct oci_error *err);
int record_for_going(const struct box_home *home, record_each_id *each, void *ctx,
		     struct oci_error *err);

/* Removes what is half-made or half-removed and nobody works at. */
int record_sweep(const struct box_home *home, struct oci_error *err);

/* Whether this may be a name: letters, digits, "_.-", the first a letter or digit. */
int record_check_name(const char *name, struct oci_error *err);

/* Now, in nanoseconds since 1970. */
int64_t record_now(void);

#endif
