/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_guard.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

int guard_init(struct guard *guard, unsigned port, const struct option_list *names,
	       struct oci_error *err)
{
	unsigned char secret[(GUARD_TOKEN_SIZE - 1) / 2];

	/* So few bytes come whole. */
	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return fail_sys(err, "getrandom");
	for (size_t i = 0; i < sizeof(secret); i++)
		(void)snprintf(guard->token + 2 * i, 3, "%02x", secret[i]);
	(void)snprintf(guard->cookie, sizeof(guard->cookie), "hullbox_%u", port);
	guard->names = names;
	return 0;
}

/* Takes as long for a wrong token as for the right one. */
static bool is_token(const struct guard *guard, const char *text)
{
	unsigned differs = 0;

	if (!text || strlen(text) != GUARD_TOKEN_SIZE - 1)
		return false;
	for (size_t i = 0; i < GUARD_TOKEN_SIZE - 1; i++)
		differs |= (unsigned char)(text[i] ^ guard->token[i]);
	return differs == 0;
}

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* The host of "host", "host:port", "[v6]", "[v6]:port". False when it is none of them. */
static bool split_host(const char *text, char *host, size_t room)
{
	bool bracket = *text == '[';
	size_t size = strcspn(text + bracket, bracket ? "]" : ":");
	const char *rest = text + bracket + size;

	if (bracket && *rest++ != ']')
		return false;
	if (size == 0 || size >= room || (*rest != '\0' && *rest != ':') ||
	    (*rest == ':' && strspn(rest + 1, "0123456789") != strlen(rest + 1)))
		return false;
	memcpy(host, text + bracket, size);
	host[size] = '\0';
	return true;
}

/* Rebinding needs a name: no DNS can make an address lead elsewhere. */
static bool is_own_host(const struct guard *guard, const char *text)
{
	char host[256];

	if (!text || !split_host(text, host, sizeof(host)))
		return false;
	if (is_address(host) || !strcasecmp(host, "localhost"))
		return true;
	for (size_t i = 0; guard->names && i < guard->names->n; i++)
		if (!strcasecmp(host, guard->names->v[i]))
			return true;
	return false;
}

/* An origin is a scheme and what Host says. Browsers send it with all that may change something. */
static bool is_own_origin(const char *origin, const char *host)
{
	const char *rest = strstr(origin, "://");

	if (!rest || (strncmp(origin, "http:", 5) != 0 && strncmp(origin, "https:", 6) != 0))
		return false;
	return !strcasecmp(rest + 3, host);
}

static bool is_reading(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static const char *bearer(const struct guard_request *request)
{
	if (!request->authorization || strncasecmp(request->authorization, "Bearer ", 7) != 0)
		return NULL;
	return request->authorization + 7;
}

enum guard_answer guard_check(const struct guard *guard, const struct guard_request *request)
{
	bool same_site = request->site && !strcmp(request->site, "same-origin");

	if (!is_own_host(guard, request->host))
		return GUARD_BAD_HOST;
	if (request->origin && !is_own_origin(request->origin, request->host))
		return GUARD_BAD_ORIGIN;
	/* No browser adds it by itself: who sends it knows the token. */
	if (is_token(guard, bearer(request)))
		return GUARD_OK;
	if (is_reading(request->method) && is_token(guard, request->token))
		return GUARD_SIGN_IN;
	if (!is_token(guard, request->cookie))
		return GUARD_NO_TOKEN;
	if (!is_reading(request->method) && !request->origin && !same_site)
		return GUARD_BAD_ORIGIN;
	/* "none": typed by the person, or from a bookmark. */
	if (request->site && !same_site && strcmp(request->site, "none") != 0)
		return GUARD_BAD_ORIGIN;
	return GUARD_OK;
}
