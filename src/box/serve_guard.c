/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_guard.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* Hexadecimal digits, as many as there is room for. */
static int put_secret(char *text, size_t room, struct oci_error *err)
{
	unsigned char secret[(GUARD_TOKEN_SIZE - 1) / 2];
	size_t size = (room - 1) / 2;

	/* So few bytes come whole. */
	if (getrandom(secret, size, 0) != (ssize_t)size)
		return fail_sys(err, "getrandom");
	for (size_t i = 0; i < size; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", secret[i]);
	return 0;
}

int guard_init(struct guard *guard, unsigned port, const struct option_list *names,
	       struct oci_error *err)
{
	TRY(put_secret(guard->token, sizeof(guard->token), err));
	TRY(put_secret(guard->session, sizeof(guard->session), err));
	TRY(put_secret(guard->place, sizeof(guard->place), err));
	(void)snprintf(guard->cookie, sizeof(guard->cookie), "hullbox_%u", port);
	guard->names = names;
	return 0;
}

/* Takes as long for a wrong one as for the right one. */
static bool is_secret(const char *secret, size_t size, const char *text)
{
	unsigned differs = 0;

	for (size_t i = 0; i < size; i++)
		differs |= (unsigned char)(text[i] ^ secret[i]);
	return differs == 0;
}

static bool is_token(const char *secret, const char *text)
{
	return text && strlen(text) == GUARD_TOKEN_SIZE - 1 &&
	       is_secret(secret, GUARD_TOKEN_SIZE - 1, text);
}

const char *guard_below(const struct guard *guard, const char *path)
{
	const size_t size = GUARD_PLACE_SIZE - 1;

	if (path[0] != '/' || strnlen(path + 1, size) < size ||
	    !is_secret(guard->place, size, path + 1) || path[1 + size] != '/')
		return NULL;
	return path + 1 + size;
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
	if (is_token(guard->token, bearer(request)))
		return GUARD_OK;
	if (is_reading(request->method) && is_token(guard->token, request->token))
		return GUARD_SIGN_IN;
	/* Elsewhere no browser of ours sends it. */
	if (!guard_below(guard, request->path) || !is_token(guard->session, request->cookie))
		return GUARD_NO_TOKEN;
	if (!is_reading(request->method) && !request->origin && !same_site)
		return GUARD_BAD_ORIGIN;
	/* "none": typed by the person, or from a bookmark. */
	if (request->site && !same_site && strcmp(request->site, "none") != 0)
		return GUARD_BAD_ORIGIN;
	return GUARD_OK;
}
