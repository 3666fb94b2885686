/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dashboard's server: its page, the JSON under /api/v1, and the streams. What is asked of a
 * container is asked of hullbox itself, by its command line, so that the page can do what a person
 * at a terminal can, in the same way and with the same errors.
 */
#ifndef BOX_SERVE_HTTP_H
#define BOX_SERVE_HTTP_H

#include "box/home.h"
#include "box/serve_guard.h"
#include "box/serve_live.h"
#include "box/serve_lobby.h"

struct server {
	const struct box_home *home;
	const char *program; /* hullbox itself */
	struct guard guard;
	struct live live;
	struct lobby lobby;
	bool tls;
	const char *certificate, *key; /* PEM texts, for tls */
	struct MHD_Daemon *daemon;
};

/* Serves from now on, by threads, on a listening socket, which it takes. The guard and live are
 * ready. Errors: code "serve". */
int server_start(struct server *server, int socket, struct oci_error *err);

/* Ends all connections and waits for their threads; live_stop() comes before. Accepts one that
 * never started. */
void server_stop(struct server *server);

#endif
