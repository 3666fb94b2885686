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

enum { GUARD_TOKEN_SIZE = 65 };

struct guard {
	char token[GUARD_TOKEN_SIZE];
	char cookie[32]; /* its name: cookies don't know ports, so the port is in it */
	const struct option_list *names; /* by which the server may be called, besides addresses */
};

/* What of a request matters here; NULL: wasn't sent. */
struct guard_request {
	const char *method;
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

/* A new random token; the cookie's name from the port. */
int guard_init(struct guard *guard, unsigned port, const struct option_list *names,
	       struct oci_error *err);

enum guard_answer guard_check(const struct guard *guard, const struct guard_request *request);

#endif
