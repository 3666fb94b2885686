/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container's life: begun from its saved options, ended, begun again. Everything here is done
 * under the record's lock, and each function finds a former one that was killed half-way.
 */
#ifndef BOX_CONTAINER_H
#define BOX_CONTAINER_H

#include "box/box_options.h"
#include "box/record.h"

/* Makes a container from its options, which are saved, with the volumes that its image asks for
 * added. *record is locked. Nothing runs yet. With `to_run` it is removed by a sweep if its maker
 * dies before it has begun. */
int container_make(const struct box_home *home, struct box_options *options, bool to_run,
		   struct box_record *record, struct oci_error *err);

/* The saved options. box_options_done() ends them. */
int container_options(const struct box_record *record, struct box_options *options,
		      struct oci_error *err);

/* --userns auto: its mapping is the range that the container has, from now on, in `map`, which must
 * stay. Does nothing for other options. */
int container_choose_ids(const struct box_home *home, const struct box_record *record,
			 struct box_options *options, struct oci_id_mapping *map,
			 struct oci_error *err);

/* What begin hands back; -1: not asked for. */
struct container_life {
	int life;   /* to wait on (record.h) */
	int attach; /* connected before the process begins, so that it misses nothing */
};

/* Begins a life: network, root file system, monitor, and then the process. The record is locked,
 * its former life over. On failure nothing is left, and the state says why. */
int container_begin(const struct box_home *home, struct box_record *record,
		    const struct box_options *options, bool attach, struct container_life *begun,
		    struct oci_error *err);

/* The same by somebody's wish, not by its restart policy, which begins to count anew. What doesn't
 * begin so isn't tried again. */
int container_start(const struct box_home *home, struct box_record *record,
		    const struct box_options *options, bool attach, struct container_life *begun,
		    struct oci_error *err);

/* The life is over (nobody holds it): takes down what there is of it and writes down how it ended.
 * Nothing to do is no error; a container that runs is one ("running"). */
int container_settle(const struct box_home *home, struct box_record *record, struct oci_error *err);

/* Ends a life whose maker was killed before he had started its process: nobody will. */
int container_end_unstarted(const struct box_home *home, const struct box_record *record, int life,
			    struct oci_error *err);

/* Removes a settled container, with its layer and log. */
int container_remove(const struct box_home *home, struct box_record *record, struct oci_error *err);

/* For containers whose end nobody saw: settles them, and removes those with --rm; takes down
 * networks and directories that belong to no container. At the beginning of each command that
 * changes something. What fails is said as a warning. */
void container_sweep(const struct box_home *home);

/* What its restart policy says after a life that ended with this exit code, not counting a stop by
 * somebody: whether it begins again, and after how long (*ms). Back-off: 100 ms, doubled each time,
 * at most a minute; from the beginning again after a life of 10 s. */
bool container_restarts(const struct box_options *options, const struct box_state *state,
			unsigned *ms);

/* The same at the time `now`, of a container for which it may have been decided already, by who
 * was killed before he did it: after what is left of its back-off then. */
bool container_restarts_at(const struct box_options *options, const struct box_state *state,
			   int64_t now, unsigned *ms);

/* Whether it is removed when its life has ended: it is one with --rm, and nobody restarts it. */
bool container_is_to_go(const struct box_options *options, const struct box_state *state);

/* Whether there is a policy. */
bool container_has_policy(const struct box_options *options);

/* 125, 126 or 127, from the code of the error that container_begin() failed with. */
int container_failure_status(const struct oci_error *err);

#endif
