/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may ask the dashboard's server. Its token is a secret that the person has from the printed
 * address; a page of another site, or a name that an attacker's DNS points here, must not be able
 * to use the browser that holds it.
 */
#ifndef BOX_SERVE_GUARD_H
#define BOX_SERVE_GUARD_H

#include "base/error.h"
#include "base/options.h"

enum { GUARD_TOKEN_SIZE = 65, GUARD_PLACE_SIZE = 33 };

/* A browser sends a cookie to every port of the host, to servers of others too. So the cookie is
 * for one path alone, which nobody else knows, and holds a secret that is good for nothing but
 * that: the token isn't in it. */
struct guard {
	char token[GUARD_TOKEN_SIZE];	 /* of the printed address, and a program's bearer */
	char session[GUARD_TOKEN_SIZE];	 /* the cookie's value */
	char place[GUARD_PLACE_SIZE];	 /* "/PLACE/" is the cookie's path */
	char cookie[32];		 /* its name, with the port */
	const struct option_list *names; /* by which the server may be called, besides addresses */
};

/* What of a request matters here; NULL: wasn't sent. */
struct guard_request {
	const char *method;
	const char *path;	   /* as it was asked for */
	const char *host;	   /* Host */
	const char *origin;	   /* Origin */
	const char *site;	   /* Sec-Fetch-Site */
	const char *token;	   /* the argument `token` of the address */
	const char *cookie;	   /* the value of the cookie */
	const char *authorization; /* Authorization */
};

enum guard_answer {
	GUARD_OK,
	GUARD_SIGN_IN, /* the token is in the address: into a cookie with it, and away from there */
	GUARD_BAD_HOST,	  /* a name that isn't this server's (DNS rebinding) */
	GUARD_BAD_ORIGIN, /* asked by a page of another site */
	GUARD_NO_TOKEN,
};

/* New random secrets; the cookie's name from the port. */
int guard_init(struct guard *guard, unsigned port, const struct option_list *names,
	       struct oci_error *err);

/* What is behind "/PLACE" in a path below "/PLACE/"; NULL when it isn't there. */
const char *guard_below(const struct guard *guard, const char *path);

enum guard_answer guard_check(const struct guard *guard, const struct guard_request *request);

#endif
