/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named volumes: directories that outlive the containers which use them.
 *
 *   ROOT/volumes/NAME/_data         what containers see
 *   ROOT/volumes/NAME/volume.json   when it was made
 *   ROOT/volumes/NAME/_data.new     what fills it while it is copied: garbage to the next
 *   ROOT/volumes/NAME/_data.full    the same, whole: the next goes on moving it into _data
 *   ROOT/volumes/.NAME.new, .gone   half-made and half-removed ones: garbage
 *
 * The lock of ROOT/volumes is for whoever makes or removes volumes, and is held until the container
 * that uses a new one is on disk: so a volume in use is always seen to be. The lock of a volume is
 * for whoever fills it.
 *
 * A volume without a name of its own (`-v PATH`) is called ID-N after its container, and goes with
 * it.
 */
#ifndef BOX_VOLUME_H
#define BOX_VOLUME_H

#include "box/box_options.h"
#include "box/container_root.h"
#include "box/record.h"

#define VOLUME_NAME_SIZE (NAME_SIZE_MAX + 1)

/* What a container's volume of that number is called; "" when a path of the host is shown. */
void volume_name(const char *id, const struct box_options *options, size_t i,
		 char name[VOLUME_NAME_SIZE]);

/* Whether this may be a volume's name: as a container's. */
int volume_check_name(const char *name, struct oci_error *err);

/* --- For containers --- */

struct volumes_made {
	int volumes; /* ROOT/volumes, locked; -1: the container has none */
	char (*names)[VOLUME_NAME_SIZE];
	size_t n;
};

/* Makes those volumes of a container that aren't there. Until volumes_made_done() nobody removes
 * any. */
int volumes_make(const struct box_home *home, const char *id, const struct box_options *options,
		 struct volumes_made *made, struct oci_error *err);
/* undo: the container isn't made after all; those that volumes_make() made go. */
void volumes_made_done(struct volumes_made *made, bool undo);

/* Fills those that are empty from the directories of the same paths in the container's base, with
 * owners, modes and extended attributes; once in a container's time. In its mount namespace, before
 * its root is mounted. Links are followed inside the base alone. */
int volumes_fill(const struct box_home *home, const struct box_record *record,
		 const struct box_options *options, const struct container_root *root,
		 struct oci_error *err);

/* Removes what is half-made or half-removed, and volumes without a name whose container is gone.
 * Cheap where there is none. */
int volumes_sweep(const struct box_home *home, struct oci_error *err);

/* --- For people --- */

struct volume {
	const char *name;
	char *path;	 /* of _data */
	int64_t created; /* nanoseconds since 1970, 0: not known */
	bool anonymous;
	char **users; /* names of the containers that use it, NULL last */
};

/* Makes one. *is_new: it wasn't there before. */
int volume_create(const struct box_home *home, const char *name, bool *is_new,
		  struct oci_error *err);

/* Calls `each` for all, in the order of their names, or for one. Error: "not-found". */
typedef int volume_each(void *ctx, const struct volume *volume, struct oci_error *err);
int volumes_list(const struct box_home *home, const char *only, volume_each *each, void *ctx,
		 struct oci_error *err);

/* Removes one that no container uses, not even a stopped one. Errors: "not-found", "in-use". */
int volume_remove(const struct box_home *home, const char *name, struct oci_error *err);

/* Removes all that no container uses, and calls `removed` for each. */
int volumes_prune(const struct box_home *home, void (*removed)(const char *name),
		  struct oci_error *err);

#endif
