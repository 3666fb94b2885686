/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may ask the dashboard: each way in, and each way that must stay shut.
 */
#include <stdio.h>
#include <string.h>

#include "box/serve_guard.h"
#include "tests/unit/tap.h"

static struct guard guard;
static char bearer[128], below[64];

/* A page of the server's own, with the cookie, as a browser asks. */
static struct guard_request own_page(const char *method)
{
	return (struct guard_request){ .method = method,
				       .path = below,
				       .host = "127.0.0.1:8600",
				       .origin = strcmp(method, "GET") != 0
							 ? "http://127.0.0.1:8600"
							 : NULL,
				       .site = "same-origin",
				       .cookie = guard.session };
}

static void tokens(void)
{
	struct guard other;
	struct oci_error err = { 0 };
	struct guard_request request = own_page("GET");
	char wrong[GUARD_TOKEN_SIZE];

	tap_ok(guard_init(&other, 8601, NULL, &err) == 0 && strcmp(other.token, guard.token) != 0,
	       "no two servers have the same token");
	tap_ok(strlen(guard.token) == 64 && strspn(guard.token, "0123456789abcdef") == 64,
	       "a token has 256 bits");
	tap_ok(strcmp(other.cookie, guard.cookie) != 0,
	       "servers at other ports have other cookies");
	tap_ok(guard_check(&guard, &request) == GUARD_OK, "the cookie lets in");
	request.cookie = NULL;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "nothing: no");
	request.cookie = "";
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "an empty cookie: no");
	(void)snprintf(wrong, sizeof(wrong), "%s", guard.session);
	wrong[63] = wrong[63] == '0' ? '1' : '0';
	request.cookie = wrong;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "the last digit is looked at");
	request.cookie = other.session;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "another server's cookie: no");
	request.cookie = guard.token;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "the token is no cookie");
	request = own_page("GET");
	(void)snprintf(bearer, sizeof(bearer), "Bearer %s", guard.session);
	request.cookie = NULL;
	request.authorization = bearer;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "the cookie is no bearer");
	(void)snprintf(bearer, sizeof(bearer), "Bearer %s", guard.token);
	request.authorization = NULL;
	request.token = guard.session;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "and doesn't sign in");
}

/* A browser sends a cookie to every port: this one only below a path that nobody else knows. */
static void places(void)
{
	static const struct {
		const char *before;
		int digits; /* of the place */
		const char *after;
	} bad[] = { { "", 0, "" },    { "/", 0, "" },	 { "/", 0, "api/v1/live" },
		    { "/", 31, "/" }, { "/", 32, "" },	 { "/", 32, "0/" },
		    { "", 32, "/" },  { "/a/", 32, "/" } };
	struct guard other;
	struct oci_error err = { 0 };
	struct guard_request request = own_page("GET");
	char path[128], wrong[GUARD_PLACE_SIZE];

	tap_ok(guard_init(&other, 8600, NULL, &err) == 0 && strcmp(other.place, guard.place) != 0,
	       "no two servers have the same place");
	tap_ok(strlen(guard.place) == 32 && strspn(guard.place, "0123456789abcdef") == 32,
	       "a place has 128 bits");
	tap_ok(strcmp(guard.session, guard.token) != 0, "the cookie isn't the token");
	(void)snprintf(path, sizeof(path), "/%s/api/v1/live", guard.place);
	tap_ok(guard_below(&guard, path) && !strcmp(guard_below(&guard, path), "/api/v1/live"),
	       "what is below the place");
	(void)snprintf(path, sizeof(path), "/%s/", guard.place);
	tap_ok(guard_below(&guard, path) && !strcmp(guard_below(&guard, path), "/"), "its top");
	(void)snprintf(wrong, sizeof(wrong), "%s", guard.place);
	wrong[31] = wrong[31] == '0' ? '1' : '0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%.*s%s", bad[i].before, bad[i].digits,
			       guard.place, bad[i].after);
		request.path = path;
		tap_ok(!guard_below(&guard, path) &&
			       guard_check(&guard, &request) == GUARD_NO_TOKEN,
		       "the cookie at '%sPLACE[%d]%s': no", bad[i].before, bad[i].digits,
		       bad[i].after);
	}
	(void)snprintf(path, sizeof(path), "/%s/", wrong);
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "the place's last digit counts");
	(void)snprintf(path, sizeof(path), "/%s/", other.place);
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "another server's place: no");
	request = own_page("GET");
	request.cookie = NULL;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "the place alone: no");
}

static void other_ways(void)
{
	struct guard_request request = own_page("GET");

	request.cookie = NULL;
	request.site = "none";
	request.token = guard.token;
	request.path = "/";
	tap_ok(guard_check(&guard, &request) == GUARD_SIGN_IN, "the printed address signs in");
	request.method = "POST";
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "but nothing is done by it");
	request.token = NULL;
	request.site = NULL;
	request.authorization = bearer;
	tap_ok(guard_check(&guard, &request) == GUARD_OK, "a program sends the token as a bearer");
	request.authorization = "Bearer x";
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "a wrong bearer: no");
	request.authorization = guard.token;
	tap_ok(guard_check(&guard, &request) == GUARD_NO_TOKEN, "a bearer without its word: no");
}

static void hosts(void)
{
	static const char *const good[] = { "127.0.0.1:8600",  "127.0.0.1",  "localhost:8600",
					    "LOCALHOST",       "[::1]:8600", "192.0.2.7:80",
					    "box.example:8600" };
	static const char *const bad[] = { "evil.example:8600",
					   "127.0.0.1.evil.example",
					   "localhost.evil.example",
					   "",
					   ":8600",
					   "[::1",
					   "127.0.0.1:8600x",
					   "127.0.0.1:8600:1",
					   "[evil.example]",
					   "box.example.",
					   "box.example@evil.example" };
	struct guard_request request = own_page("GET");

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		request.host = good[i];
		tap_ok(guard_check(&guard, &request) == GUARD_OK, "called '%s': yes", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		request.host = bad[i];
		tap_ok(guard_check(&guard, &request) == GUARD_BAD_HOST, "called '%s': no", bad[i]);
	}
	request.host = NULL;
	tap_ok(guard_check(&guard, &request) == GUARD_BAD_HOST, "not called at all: no");
	request.authorization = bearer;
	tap_ok(guard_check(&guard, &request) == GUARD_BAD_HOST, "a bearer doesn't change that");
}

static void origins(void)
{
	static const char *const bad[] = { "http://evil.example",
					   "null",
					   "http://127.0.0.1:8601",
					   "http://127.0.0.1:8600.evil.example",
					   "",
					   "file://127.0.0.1:8600" };
	struct guard_request request = own_page("POST");

	tap_ok(guard_check(&guard, &request) == GUARD_OK, "the own page may do things");
	request.origin = "https://127.0.0.1:8600";
	tap_ok(guard_check(&guard, &request) == GUARD_OK, "behind TLS too");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		request.origin = bad[i];
		tap_ok(guard_check(&guard, &request) == GUARD_BAD_ORIGIN, "from '%s': no", bad[i]);
	}
	request.origin = NULL;
	tap_ok(guard_check(&guard, &request) == GUARD_OK, "the browser's word for it does");
	request.site = NULL;
	tap_ok(guard_check(&guard, &request) == GUARD_BAD_ORIGIN,
	       "a cookie alone does nothing: any page could have sent it");
	request = own_page("GET");
	request.site = "cross-site";
	tap_ok(guard_check(&guard, &request) == GUARD_BAD_ORIGIN, "nor does another site read");
	request.site = "same-site";
	tap_ok(guard_check(&guard, &request) == GUARD_BAD_ORIGIN, "or another server of this host");
	request.site = "none";
	tap_ok(guard_check(&guard, &request) == GUARD_OK, "a person may");
}

int main(void)
{
	static const char *names_v[] = { "box.example" };
	struct option_list names = { names_v, 1 };
	struct oci_error err = { 0 };

	tap_ok(guard_init(&guard, 8600, &names, &err) == 0, "a guard");
	(void)snprintf(bearer, sizeof(bearer), "Bearer %s", guard.token);
	(void)snprintf(below, sizeof(below), "/%s/api/v1/containers", guard.place);
	tokens();
	places();
	other_ways();
	hosts();
	origins();
	return tap_done();
}
