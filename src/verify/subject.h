/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to src/verify: what the subjects share, and their functions. Each returns 0 when it has
 * looked (findings are told, not returned), -1 when the container could not be looked at at all.
 */
#ifndef VERIFY_SUBJECT_H
#define VERIFY_SUBJECT_H

#include <stdio.h>

#include "verify/mount_table.h"
#include "verify/verify.h"

struct verify {
	const struct plan *plan;
	const struct state *state;
	const struct verify_report *report;
	int dir;       /* of its state */
	bool trace;    /* it may be stopped for a moment */
	bool started;  /* INIT has executed its program: what start gives can be seen */
	int pidfd;     /* of INIT */
	int procfs;    /* the host's /proc, seen to be one */
	int init;      /* INIT's directory in it; bound to that process, whatever its pid becomes */
	int root;      /* INIT's root directory (O_PATH), or -1: may not be looked at */
	int root_num;  /* then errno */
	char *status;  /* INIT's status file */
	char *uid_map; /* NULL where INIT is in hull's own user namespace */
	char *gid_map;
	struct mount_table mounts; /* INIT's */
};

/* Tells a finding. */
void verify_tell(const struct verify *v, enum verify_kind kind, const char *pointer,
		 const char *subject, const char *expected, const char *found);
void verify_unchecked(const struct verify *v, const char *pointer, const char *subject,
		      const char *reason);

/* A text for verify_tell(), alive until the end of the block. */
char *verify_say(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define SAY(...) verify_say((char[512]){ 0 }, 512, __VA_ARGS__)

/* Whether two SELinux contexts are one: the kernel writes the level in a form of its own. */
bool verify_same_context(const char *asked, const char *found);

/* The value of "NAME:\t..." in the status file, up to the newline, into buf; false: no such line.
 */
bool verify_status_field(const struct verify *v, const char *name, char *buf, size_t size);

/* An id of the container as hull sees it: through INIT's own map. -1 when it isn't mapped. */
uint32_t verify_outside_uid(const struct verify *v, uint32_t id);
uint32_t verify_outside_gid(const struct verify *v, uint32_t id);

int verify_namespaces(const struct verify *v);
int verify_id_maps(const struct verify *v);	 /* and the time namespace's offsets */
int verify_ids(const struct verify *v);		 /* ids, groups, umask */
int verify_capabilities(const struct verify *v); /* the five sets, no_new_privs */
int verify_attributes(const struct verify *v);	 /* rlimits, oom score, personality, cwd */
int verify_scheduling(const struct verify *v);
void verify_memory_policy(const struct verify *v); /* part of scheduling */
int verify_seccomp(const struct verify *v);
int verify_intel_rdt(const struct verify *v);
int verify_labels(const struct verify *v);
int verify_root(struct verify *v);
int verify_masks(struct verify *v); /* masked and read-only paths: they lie on top of mounts */
int verify_devices(struct verify *v);
int verify_mounts(struct verify *v); /* after the three above, which claim their mounts */
int verify_cgroup(const struct verify *v);
void verify_limits(const struct verify *v, int cgroup); /* part of cgroup */
int verify_inside(const struct verify *v); /* names, sysctls, loopback; joins namespaces, so last */

#endif
