/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container's network: made before its process starts, gone when it is gone. What one has is
 * written to RUNTIME/network/containers/ID.json before the first thing is made and removed after
 * the last one is gone, so that whoever dies half-way leaves enough for network_down() or
 * network_sweep() of the next command. The plugins (cni.h) do the work; this is the order of it.
 */
#ifndef BOX_NETWORK_H
#define BOX_NETWORK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box/home.h"

/* --- What is asked for --- */

enum network_kind {
	NETWORK_NAMED,	   /* bridge, or one of ROOT/networks/NAME.conflist */
	NETWORK_NONE,	   /* a namespace of its own with only the loopback */
	NETWORK_HOST,	   /* the host's */
	NETWORK_CONTAINER, /* that of another container */
	NETWORK_PATH,	   /* a namespace that a path leads to */
};

struct network_choice {
	enum network_kind kind;
	const char *other; /* network's name, container's full id, path; else NULL */
};

/* [IP:]HOST:CONTAINER[/udp] */
struct network_port {
	const char *ip; /* an IPv4 address of the host; NULL: all of them */
	uint16_t host;
	uint16_t container;
	bool udp;
};

struct network_host {
	const char *name, *ip;
};

struct network_request {
	const struct box_home *home;
	const char *id;	      /* 64 hex digits */
	const char *name;     /* others reach it by name, host name, and the short id */
	const char *hostname; /* may be NULL */
	const char
		*directory; /* of the container: hosts, resolv.conf and hostname are made there */
	struct network_choice net;
	const struct network_port *ports;
	size_t n_ports;
	const char *const *dns; /* addresses; none: what the host has */
	size_t n_dns;
	const struct network_host *hosts; /* that are added to /etc/hosts */
	size_t n_hosts;
};

/* --- What there is --- */

enum { NETWORK_NOTES = 4 };

struct network_result {
	/* To be given to hull; "": none. With `own`, hull makes a new one. */
	char netns[PATH_MAX];
	bool own;
	char interface[16]; /* in the container; "" when it has none but the loopback, or the host's
			     */
	char ip[16];
	char gateway[16];
	char mac[18];
	/* What was set on the host, or may be in the way: for a person to read. */
	char notes[NETWORK_NOTES][320];
	int n_notes;
};

/* Makes it all, and the files hosts, resolv.conf, hostname in the container's directory. What a
 * former life of this container left is taken down first. On failure nothing is left. */
int network_up(const struct network_request *request, struct network_result *result,
	       struct oci_error *err);

/* Takes down what there is of `id`, from what is on disk, whoever died before; nothing is no error.
 * Errors: something is left, and will be tried again by the next one. */
int network_down(const struct box_home *home, const char *id, struct oci_error *err);

/* Says whether a container may have a network: it runs, was created, or somebody is just making or
 * removing it (whose lock is held). */
typedef bool network_is_alive(void *ctx, const char *id);

/* Takes down what is left of containers that aren't alive, and mends the host's files of those that
 * are. Cheap when there is nothing. Tries all; the error is the first one. */
int network_sweep(const struct box_home *home, network_is_alive *is_alive, void *ctx,
		  struct oci_error *err);

/* After a rename: the new name is known to others. */
int network_rename(const struct box_home *home, const char *id, const char *name,
		   struct oci_error *err);

#endif
