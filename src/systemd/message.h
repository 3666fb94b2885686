/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What hull and its helper hull-systemd say to each other, over one SOCK_SEQPACKET pair: a message
 * per datagram, typed, versioned, bounded. hull asks, the helper answers each with one reply. The
 * helper alone speaks D-Bus; a container has no way to either of them, but both sides check what
 * they get all the same, for either may be of another version.
 */
#ifndef SYSTEMD_MESSAGE_H
#define SYSTEMD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* The name of the program, and the descriptor on which it finds its socket. */
#define SYSTEMD_HELPER "hull-systemd"
#define SYSTEMD_HELPER_FD 3

enum {
	SYSTEMD_VERSION = 2,
	SYSTEMD_MESSAGE_MAX = 64 * 1024,
	SYSTEMD_PROPERTIES_MAX = 128, /* of one unit */
	SYSTEMD_ITEMS_MAX = 1024,     /* of one property */
};

/* The D-Bus types of a property's value. */
enum unit_kind {
	UNIT_BOOL = 1, /* b */
	UNIT_STRING,   /* s */
	UNIT_STRINGS,  /* as */
	UNIT_INT32,    /* i */
	UNIT_UINT32,   /* u */
	UNIT_UINT64,   /* t; UINT64_MAX is systemd's "infinity" */
	UNIT_BYTES,    /* ay: a mask, the lowest byte first */
	UNIT_PAIRS,    /* a(st): a path and a number */
	UNIT_KINDS
};

/* A property of a systemd unit. */
struct unit_property {
	const char *name; /* "MemoryMax" */
	enum unit_kind kind;
	uint64_t number;	 /* BOOL, INT32 (two's complement), UINT32, UINT64 */
	const char **strings;	 /* STRING: one; STRINGS, PAIRS */
	const uint64_t *numbers; /* PAIRS */
	const uint8_t *bytes;	 /* BYTES */
	size_t n;		 /* of strings, pairs or bytes */
};

struct unit_properties {
	struct unit_property *v;
	size_t n;
};

enum systemd_verb {
	SYSTEMD_REACH = 1, /* is there a systemd that answers? */
	SYSTEMD_START,	   /* make the scope; the reply's text is its cgroup, "/a.slice/x.scope" */
	SYSTEMD_RELEASE,   /* the container is in: leave the scope and end */
	SYSTEMD_GET,	   /* the reply's properties are the request's, with the unit's values */
	SYSTEMD_SET,	   /* SetUnitProperties, at run time only */
	SYSTEMD_END,	   /* wait until the unit is gone, stop it if it stays */
	SYSTEMD_VERBS
};

struct systemd_request {
	enum systemd_verb verb;
	bool user; /* the caller's instance of systemd, not the system's */
	uint32_t deadline_ms;
	const char *unit;		   /* "hull-c1.scope" */
	const char *slice;		   /* START */
	const char *description;	   /* START */
	const char *cgroup_mount;	   /* START, END: where cgroup2 is mounted */
	const char *cgroup;		   /* END: the scope's, below the mount, if known */
	uint64_t inode;			   /* END: of that directory, 0: not known */
	struct unit_properties properties; /* START, SET; GET: their values don't count */
};

struct systemd_reply {
	enum systemd_verb verb; /* of the request that it answers */
	bool failed;
	int num;       /* errno */
	char code[28]; /* a code word of hull(1), or "" */
	char text[2016];
	struct unit_properties properties; /* GET */
};

/* Sends a request: 0, or -1 with err (too long: code "systemd-failed"). */
int systemd_send_request(int sock, const struct systemd_request *request, struct oci_error *err);

/* Receives one; what it points to is in the arena. 1: there, 0: the other side is gone, -1: err,
 * for a message that isn't one. */
int systemd_receive_request(int sock, struct systemd_request *request, struct arena *arena,
			    struct oci_error *err);

int systemd_send_reply(int sock, const struct systemd_reply *reply, struct oci_error *err);

/* 1, 0 or -1 as above. The text is terminated, its control characters are blanks. Properties are in
 * the arena; without one there may be none. */
int systemd_receive_reply(int sock, struct systemd_reply *reply, struct arena *arena,
			  struct oci_error *err);

#endif
