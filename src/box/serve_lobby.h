/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is connected to the dashboard's server. Whoever hasn't shown the token waits, and where too
 * many do, the one that waits longest is sent away: connections of those who don't know the token
 * never keep out those who do.
 */
#ifndef BOX_SERVE_LOBBY_H
#define BOX_SERVE_LOBBY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	LOBBY_WAITING = 32,  /* so many may wait */
	LOBBY_ADMITTED = 64, /* so many have shown the token */
};

struct visitor {
	struct visitor *before, *after; /* of those who wait, by age */
	int socket;
	enum { VISITOR_WAITS, VISITOR_ADMITTED, VISITOR_SENT_AWAY } state;
};

struct lobby {
	pthread_mutex_t lock;
	struct visitor *oldest, *newest;
	size_t waiting, admitted;
};

void lobby_init(struct lobby *lobby);

/* A new connection, which waits; whom it displaces finds its socket shut down. The socket stays the
 * caller's, open until lobby_leave(). NULL: no memory. */
struct visitor *lobby_enter(struct lobby *lobby, int socket);

/* It has shown the token; again for each request. False: there are too many, or it was sent away
 * already. */
bool lobby_admit(struct lobby *lobby, struct visitor *visitor);

/* The connection is over; frees the visitor. Accepts NULL. */
void lobby_leave(struct lobby *lobby, struct visitor *visitor);

/* Nobody is there any more. */
void lobby_done(struct lobby *lobby);

#endif
