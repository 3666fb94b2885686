/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * conmon, one for each container that runs: it calls hull, keeps the container's pipes or terminal,
 * writes its log, waits for its end and then calls `hullbox exited`. It lives in the caller's mount
 * namespace. The container's root file system is mounted in another one, which a helper process
 * makes and keeps until hull has created the container: conmon's runtime is `hullbox enter`, which
 * goes there and becomes hull. So the mount is gone with the container's last process.
 */
#ifndef BOX_MONITOR_H
#define BOX_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "box/record.h"

struct monitor_request {
	const struct box_home *home;
	const struct box_record *record; /* locked, its life not begun */
	bool terminal;			 /* a terminal instead of pipes */
	bool interactive;		 /* a standard input */
	int kept;			 /* an fd that the monitor holds open until its end; -1 */
	uint64_t log_max_size;		 /* bytes; 0: no limit */
	/* Called in the new mount namespace, one after the other: mounts the root file system;
	 * writes config.json into the bundle. A process of its own: what it changes in memory is
	 * lost. */
	int (*mount)(void *ctx, struct oci_error *err);
	int (*prepare)(void *ctx, int bundle, struct oci_error *err);
	void *ctx;
};

/* Begins a life and creates the container; its process waits for monitor_start(). Returns an open
 * `life` to wait on. On failure nothing is left; hull's code words say why ("program-not-found").
 */
int monitor_create(const struct monitor_request *request, struct oci_error *err);

/* `hull start`. */
int monitor_start(const struct box_home *home, const struct box_record *record,
		  struct oci_error *err);

/* The life is over, the record locked: takes the exit code, removes what hull has of the container
 * (killing what the monitor left alone) and the life. 137 when the monitor died before it could
 * say. Idempotent; any part may have been done by one who was killed. */
int monitor_end(const struct box_home *home, const struct box_record *record, int *exit_code,
		bool *oom, struct oci_error *err);

/* Before another life: what monitor_end() left for one who has to do it again. */
void monitor_forget(const struct box_record *record);

/* The container's first process; 0 when there is none. */
pid_t monitor_container_pid(const struct box_home *home, const struct box_record *record);

/* The root directory of that process, an O_PATH fd: of no other that its number was given to
 * meanwhile. */
int monitor_open_root(const struct box_home *home, const struct box_record *record,
		      struct oci_error *err);

/* hull with hullbox's own --root: arguments follow, NULL last. The output is in *output (heap) if
 * that isn't NULL. Errors have hull's code and words. */
int monitor_hull(const struct box_home *home, char **output, struct oci_error *err, ...)
	__attribute__((sentinel));

/* argv for executing hull so: "hull --root RUNTIME/hull"; heap, each text too. NULL with err. */
/* hull's line of JSON: {"msg": ..., "code": ...}, as an error with its code; returns -1. */
int monitor_hull_error(const char *line, struct oci_error *err);

char **monitor_hull_argv(const struct box_home *home, const char *const *more,
			 struct oci_error *err);
void monitor_free_argv(char **argv);

#endif
