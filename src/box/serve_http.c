/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "box/json_tree.h"
#include "box/run_program.h"
#include "box/serve_child.h"
#include "box/serve_page.h"
#include "config.h"

enum {
	/* One thread each; those that were sent away take a moment to end. */
	CONNECTIONS = LOBBY_WAITING + LOBBY_ADMITTED + 32,
	WAITING_S = 10,	      /* a connection that says nothing, and hasn't shown the token */
	IDLE_S = 30,	      /* one that has */
	BODY_LIMIT = 4096,    /* no request needs one */
	REQUEST_ROOM = 32768, /* headers and all, and the buffer for an answer */
	STREAM_STEP_MS = 1000,
	QUIET_S = 15, /* then a stream says that it lives */
	ANSWER_MS = 30000,
	ACTION_MS = 120000, /* stop waits for a process */
	LINE_LIMIT = 16384,
	TAIL_MAX = 5000,
};

struct exchange {
	struct server *server;
	struct MHD_Connection *connection;
	const char *method;
	size_t body;
};

/* --- Answers --- */

static const char *const headers[][2] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	  "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cache-Control", "no-store" },
};

/* Takes the response. */
static enum MHD_Result send_response(const struct exchange *exchange, unsigned status,
				     const char *type, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		(void)MHD_add_response_header(response, headers[i][0], headers[i][1]);
	(void)MHD_add_response_header(response, "Content-Type", type);
	result = MHD_queue_response(exchange->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_json(const struct exchange *exchange, unsigned status, const char *text,
				 size_t size)
{
	return send_response(exchange, status, "application/json",
			     MHD_create_response_from_buffer(size, (void *)(uintptr_t)text,
							     MHD_RESPMEM_MUST_COPY));
}

static void put_error(struct json_text *out, const char *text)
{
	json_text_init(out, false);
	json_text_open_object(out, NULL);
	json_text_string(out, "error", text);
	json_text_close_object(out);
}

static enum MHD_Result send_error(const struct exchange *exchange, unsigned status,
				  const char *text)
{
	struct json_text out;
	enum MHD_Result result = MHD_NO;

	put_error(&out, text);
	if (!out.failed)
		result = send_json(exchange, status, out.text, out.size);
	json_text_done(&out);
	return result;
}

/* What hullbox printed as its error, without its name before it. */
static const char *own_words(const char *text)
{
	static const char own[] = "hullbox: ";

	return strncmp(text, own, sizeof(own) - 1) != 0 ? text : text + sizeof(own) - 1;
}

static enum MHD_Result send_page(const struct exchange *exchange, const struct page_file *file)
{
	return send_response(exchange, MHD_HTTP_OK, file->type,
			     MHD_create_response_from_buffer((size_t)(file->end - file->text),
							     (void *)(uintptr_t)file->text,
							     MHD_RESPMEM_PERSISTENT));
}

/* A cookie instead of the token, which goes out of the address, where others could read it. */
static enum MHD_Result sign_in(const struct exchange *exchange)
{
	const struct server *server = exchange->server;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	char cookie[256], place[GUARD_PLACE_SIZE + 2];

	if (!response)
		return MHD_NO;
	(void)snprintf(place, sizeof(place), "/%s/", server->guard.place);
	(void)snprintf(cookie, sizeof(cookie), "%s=%s; Path=%s; HttpOnly; SameSite=Strict%s",
		       server->guard.cookie, server->guard.session, place,
		       server->tls ? "; Secure" : "");
	(void)MHD_add_response_header(response, "Set-Cookie", cookie);
	(void)MHD_add_response_header(response, "Location", place);
	return send_response(exchange, MHD_HTTP_SEE_OTHER, "text/plain", response);
}

/* --- Streams --- */

struct stream {
	struct server *server;
	struct live_sample *sample; /* live: what is being sent */
	uint64_t number;
	bool of_logs;
	struct child child; /* logs */
	char words[256];    /* the last that it said on its standard error */
	bool over;
	/* What is to be sent before anything new is fetched. */
	const char *event;    /* its first line, or NULL */
	struct json_text out; /* or of its own */
	const char *text;
	size_t size, sent;
	unsigned quiet; /* steps since the last event */
};

static void stream_close(void *context)
{
	struct stream *stream = context;

	if (!stream->of_logs) {
		if (stream->sample)
			live_release(&stream->server->live, stream->sample);
		live_leave(&stream->server->live);
	}
	child_stop(&stream->child);
	json_text_done(&stream->out);
	free(stream);
}

static void set_event(struct stream *stream, const char *event, const char *text, size_t size)
{
	stream->event = event;
	stream->text = text;
	stream->size = size;
	stream->sent = 0;
	stream->quiet = 0;
}

/* An event with what is in stream->out. */
static void set_own(struct stream *stream, const char *event)
{
	if (stream->out.failed)
		stream->over = true;
	else
		set_event(stream, event, stream->out.text, stream->out.size);
}

static void fetch_sample(struct stream *stream)
{
	struct live *live = &stream->server->live;

	if (stream->sample)
		live_release(live, stream->sample);
	stream->sample = live_next(live, stream->number, STREAM_STEP_MS);
	if (stream->sample) {
		stream->number = stream->sample->number;
		set_event(stream, stream->sample->failed ? "failed" : "sample",
			  stream->sample->text, stream->sample->size);
	}
}

/* The last event: failed, for this reason, or end. */
static void set_last(struct stream *stream, const char *reason)
{
	if (reason) {
		put_error(&stream->out, reason);
	} else {
		json_text_init(&stream->out, false);
		json_text_open_object(&stream->out, NULL);
		json_text_close_object(&stream->out);
	}
	set_own(stream, reason ? "failed" : "end");
	stream->over = true;
}

/* All was read: only the status tells whether that was all there is, for the container's own
 * standard error comes by the program's. */
static void fetch_end(struct stream *stream)
{
	struct oci_error err = { 0 };
	int status = 0;
	enum child_news news = child_wait(&stream->child, STREAM_STEP_MS, &status, &err);

	if (news == CHILD_NOTHING)
		return;
	if (news == CHILD_FAILED)
		set_last(stream, err.text);
	else if (status == 0)
		set_last(stream, NULL);
	else if (WIFEXITED(status) && *stream->words)
		set_last(stream, own_words(stream->words));
	else
		set_last(stream, "hullbox failed");
}

static void fetch_line(struct stream *stream)
{
	struct oci_error err = { 0 };
	struct child_line line;
	char text[LINE_LIMIT + 1];
	enum child_news news = child_read(&stream->child, LINE_LIMIT, STREAM_STEP_MS, &line, &err);

	if (news == CHILD_NOTHING)
		return;
	json_text_done(&stream->out);
	if (news == CHILD_FAILED) {
		set_last(stream, err.text);
		return;
	}
	if (news == CHILD_END) {
		fetch_end(stream);
		return;
	}
	memcpy(text, line.text, line.size);
	text[line.size] = '\0';
	if (line.stream == CHILD_STDERR)
		(void)snprintf(stream->words, sizeof(stream->words), "%.255s", text);
	json_text_init(&stream->out, false);
	json_text_open_object(&stream->out, NULL);
	json_text_string(&stream->out, "stream", line.stream == CHILD_STDERR ? "stderr" : "stdout");
	json_text_string(&stream->out, "text", text);
	json_text_close_object(&stream->out);
	set_own(stream, "line");
}

/* "event: NAME\ndata: " TEXT "\n\n", in pieces of what there is room for. */
static size_t copy_out(struct stream *stream, char *buf, size_t room)
{
	size_t size = 0, left = stream->size - stream->sent;

	if (stream->event) {
		size = (size_t)snprintf(buf, room, "event: %s\ndata: ", stream->event);
		stream->event = NULL;
	}
	if (left > room - size)
		left = room - size;
	memcpy(buf + size, stream->text + stream->sent, left);
	stream->sent += left;
	size += left;
	if (stream->sent == stream->size && room - size >= 2) {
		memcpy(buf + size, "\n\n", 2);
		size += 2;
		stream->text = NULL;
	}
	return size;
}

/* Called by the connection's own thread, which may wait here. A step without news sends nothing
 * visible now and then, to find out whether anybody still reads. */
static ssize_t stream_read(void *context, uint64_t pos, char *buf, size_t room)
{
	struct stream *stream = context;

	(void)pos;
	if (room < 64)
		return 0;
	while (!stream->text) {
		if (stream->over || live_is_stopping(&stream->server->live))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (stream->of_logs)
			fetch_line(stream);
		else
			fetch_sample(stream);
		if (!stream->text && ++stream->quiet % QUIET_S == 0) {
			memcpy(buf, ":\n\n", 3);
			return 3;
		}
	}
	return (ssize_t)copy_out(stream, buf, room);
}

static enum MHD_Result send_stream(const struct exchange *exchange, struct stream *stream)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, REQUEST_ROOM / 2, stream_read, stream, stream_close);

	if (!response) {
		stream_close(stream);
		return MHD_NO;
	}
	return send_response(exchange, MHD_HTTP_OK, "text/event-stream", response);
}

static enum MHD_Result send_live(const struct exchange *exchange)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return MHD_NO;
	stream->server = exchange->server;
	live_enter(&exchange->server->live);
	return send_stream(exchange, stream);
}

/* --- What hullbox answers --- */

enum { WORDS_MAX = 8 };

/* argv of hullbox for these words, NULL-terminated. */
static void put_words(const struct server *server, const char *const *words, const char **argv)
{
	*argv++ = server->program;
	*argv++ = "--root";
	*argv++ = server->home->root;
	while (*words)
		*argv++ = *words++;
	*argv = NULL;
}

static enum MHD_Result send_failure(const struct exchange *exchange,
				    const struct program_result *result)
{
	size_t size = strlen(result->errors);
	const char *text = own_words(result->errors);

	if (size > 0 && result->errors[size - 1] == '\n')
		result->errors[size - 1] = '\0';
	return send_error(exchange, MHD_HTTP_CONFLICT, *text ? text : "hullbox failed");
}

/* What it printed; what is no JSON (a table, the names that an action prints) as a text in it. */
static enum MHD_Result send_printed(const struct exchange *exchange,
				    const struct program_result *result)
{
	struct oci_error ignored = { 0 };
	struct oci_document *doc = json_tree_parse(result->output, result->output_size, &ignored);
	struct json_text out;
	enum MHD_Result sent = MHD_NO;

	if (doc) {
		json_document_free(doc);
		return send_json(exchange, MHD_HTTP_OK, result->output, result->output_size);
	}
	json_text_init(&out, false);
	json_text_open_object(&out, NULL);
	json_text_string(&out, "text", result->output);
	json_text_close_object(&out);
	if (!out.failed)
		sent = send_json(exchange, MHD_HTTP_OK, out.text, out.size);
	json_text_done(&out);
	return sent;
}

/* words: of hullbox's command line. */
static enum MHD_Result send_output(const struct exchange *exchange, unsigned timeout_ms,
				   const char *const *words)
{
	const char *argv[WORDS_MAX + 4];
	struct program program = { .argv = argv, .deadline_ms = timeout_ms };
	struct program_result result = { 0 };
	struct oci_error err = { 0 };
	enum MHD_Result sent;

	put_words(exchange->server, words, argv);
	if (program_run(&program, &result, &err) < 0)
		sent = send_error(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, err.text);
	else if (result.status != 0)
		sent = send_failure(exchange, &result);
	else
		sent = send_printed(exchange, &result);
	program_result_done(&result);
	return sent;
}

static const char *argument(const struct exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool is_number(const char *text, unsigned long max)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10 &&
	       strtoul(text, NULL, 10) <= max;
}

static enum MHD_Result send_logs(const struct exchange *exchange, const char *id)
{
	const char *tail = argument(exchange, "tail") ? argument(exchange, "tail") : "200";
	const char *follow = argument(exchange, "follow");
	bool follows = follow && !strcmp(follow, "1");
	const char *words[] = {
		"logs", "--tail", tail, follows ? "--follow" : id, follows ? id : NULL, NULL
	};
	const char *argv[WORDS_MAX + 4];
	struct oci_error err = { 0 };
	struct stream *stream;

	if (!is_number(tail, TAIL_MAX))
		return send_error(exchange, MHD_HTTP_BAD_REQUEST,
				  "tail is no number from 0 to 5000");
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return MHD_NO;
	put_words(exchange->server, words, argv);
	if (child_start(&stream->child, argv, &err) < 0) {
		free(stream);
		return send_error(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, err.text);
	}
	stream->server = exchange->server;
	stream->of_logs = true;
	return send_stream(exchange, stream);
}

/* --- Routes --- */

struct route {
	const char *method;
	const char *what;	      /* behind containers/ID; "": nothing */
	const char *words[WORDS_MAX]; /* "ID" stands for it */
	unsigned timeout_ms;
};

/* clang-format off */
static const struct route routes[] = {
	{ "GET", "", { "inspect", "ID" }, ANSWER_MS },
	{ "GET", "processes", { "top", "ID" }, ANSWER_MS },
	{ "GET", "changes", { "diff", "--format", "json", "ID" }, ANSWER_MS },
	{ "POST", "start", { "start", "ID" }, ACTION_MS },
	{ "POST", "stop", { "stop", "ID" }, ACTION_MS },
	{ "POST", "restart", { "restart", "ID" }, ACTION_MS },
	{ "POST", "kill", { "kill", "ID" }, ACTION_MS },
	{ "POST", "pause", { "pause", "ID" }, ACTION_MS },
	{ "POST", "unpause", { "unpause", "ID" }, ACTION_MS },
	{ "DELETE", "", { "rm", "ID" }, ACTION_MS },
};
/* clang-format on */

/* Names and ids begin with none of what an option begins with. */
static bool is_name(const char *text, size_t size)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	enum { FIRST = sizeof(first) - 1 - 3 };

	if (size == 0 || size > 255 || !memchr(first, text[0], FIRST))
		return false;
	for (size_t i = 1; i < size; i++)
		if (!memchr(first, text[i], sizeof(first) - 1))
			return false;
	return true;
}

static enum MHD_Result follow_route(const struct exchange *exchange, const struct route *route,
				    const char *id)
{
	const char *words[WORDS_MAX + 1] = { NULL };
	const char *force = argument(exchange, "force");
	size_t n = 0;

	for (size_t i = 0; route->words[i]; i++) {
		if (!strcmp(route->words[i], "ID") && !strcmp(route->method, "DELETE") && force &&
		    !strcmp(force, "1"))
			words[n++] = "--force";
		words[n++] = strcmp(route->words[i], "ID") != 0 ? route->words[i] : id;
	}
	return send_output(exchange, route->timeout_ms, words);
}

/* rest: behind "containers/". */
static enum MHD_Result send_container(const struct exchange *exchange, const char *rest)
{
	size_t size = strcspn(rest, "/");
	const char *what = rest[size] ? rest + size + 1 : "";
	bool known = false;
	char id[256];

	if (!is_name(rest, size))
		return send_error(exchange, MHD_HTTP_NOT_FOUND, "there is no such container");
	memcpy(id, rest, size);
	id[size] = '\0';
	if (!strcmp(what, "logs") && !strcmp(exchange->method, "GET"))
		return send_logs(exchange, id);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(what, routes[i].what) != 0)
			continue;
		known = true;
		if (!strcmp(exchange->method, routes[i].method))
			return follow_route(exchange, &routes[i], id);
	}
	return known ? send_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "that isn't done with this method")
		     : send_error(exchange, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
}

static enum MHD_Result send_version(const struct exchange *exchange)
{
	static const char text[] = "{\"version\":\"" PACKAGE_VERSION "\",\"api\":1}";

	return send_json(exchange, MHD_HTTP_OK, text, sizeof(text) - 1);
}

static enum MHD_Result send_list(const struct exchange *exchange)
{
	static const char *const words[] = { "ps", "--all", "--format", "json", NULL };

	return send_output(exchange, ANSWER_MS, words);
}

static enum MHD_Result answer(const struct exchange *exchange, const char *url)
{
	static const char api[] = "/api/v1/", containers[] = "containers/";
	const struct page_file *file = page_find(url);
	bool get = !strcmp(exchange->method, "GET");
	const char *rest;

	if (file)
		return get ? send_page(exchange, file)
			   : send_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
					"the page can only be read");
	if (strncmp(url, api, sizeof(api) - 1) != 0)
		return send_error(exchange, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
	rest = url + sizeof(api) - 1;
	if (get && !strcmp(rest, "version"))
		return send_version(exchange);
	if (get && !strcmp(rest, "live"))
		return send_live(exchange);
	if (get && !strcmp(rest, "containers"))
		return send_list(exchange);
	if (!strncmp(rest, containers, sizeof(containers) - 1))
		return send_container(exchange, rest + sizeof(containers) - 1);
	return send_error(exchange, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
}

/* --- The guard --- */

static const char *header(const struct exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

/* Who has shown the token may stay longer, and isn't displaced by those who haven't. */
static bool admit(const struct exchange *exchange)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info && info->socket_context &&
	       lobby_admit(&exchange->server->lobby, info->socket_context) &&
	       MHD_set_connection_option(exchange->connection, MHD_CONNECTION_OPTION_TIMEOUT,
					 (unsigned)IDLE_S) == MHD_YES;
}

static enum MHD_Result guarded(const struct exchange *exchange, const char *url)
{
	const struct guard *guard = &exchange->server->guard;
	const char *below = guard_below(guard, url);
	struct guard_request request = {
		.method = exchange->method,
		.path = url,
		.host = header(exchange, "Host"),
		.origin = header(exchange, "Origin"),
		.site = header(exchange, "Sec-Fetch-Site"),
		.token = argument(exchange, "token"),
		.cookie = MHD_lookup_connection_value(exchange->connection, MHD_COOKIE_KIND,
						      guard->cookie),
		.authorization = header(exchange, "Authorization"),
	};

	switch (guard_check(guard, &request)) {
	case GUARD_OK:
		return admit(exchange) ? answer(exchange, below ? below : url)
				       : send_error(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
						    "there are too many connections");
	case GUARD_SIGN_IN:
		return sign_in(exchange);
	case GUARD_BAD_HOST:
		return send_error(exchange, MHD_HTTP_MISDIRECTED_REQUEST,
				  "this server isn't called so: use its address, or serve with "
				  "--name");
	case GUARD_BAD_ORIGIN:
		return send_error(exchange, MHD_HTTP_FORBIDDEN, "asked by a page of another site");
	case GUARD_NO_TOKEN:
		break;
	}
	return send_error(exchange, MHD_HTTP_UNAUTHORIZED,
			  "open the address that 'hullbox serve' printed: the token is in it");
}

/* --- libmicrohttpd --- */

/* Called first with the headers alone, then for each piece of a body, then to answer. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct exchange *exchange = *state;

	(void)version;
	(void)upload;
	if (!exchange) {
		exchange = calloc(1, sizeof(*exchange));
		*state = exchange;
		return exchange ? MHD_YES : MHD_NO;
	}
	*exchange = (struct exchange){ .server = context,
				       .connection = connection,
				       .method = method,
				       .body = exchange->body + *upload_size };
	if (*upload_size > 0) {
		*upload_size = 0;
		/* Not worth an answer: nobody's page does that. */
		return exchange->body <= BODY_LIMIT ? MHD_YES : MHD_NO;
	}
	return guarded(exchange, url);
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)connection;
	(void)code;
	heap_drop(state);
}

/* By the thread that accepts and tidies up, which closes the socket after this. */
static void come_or_go(void *context, struct MHD_Connection *connection, void **visitor,
		       enum MHD_ConnectionNotificationCode code)
{
	struct server *server = context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (code == MHD_CONNECTION_NOTIFY_STARTED && info) {
		*visitor = lobby_enter(&server->lobby, info->connect_fd);
	} else if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		lobby_leave(&server->lobby, *visitor);
		*visitor = NULL;
	}
}

int server_start(struct server *server, int socket, struct oci_error *err)
{
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			 MHD_USE_POLL | MHD_USE_ITC | (server->tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)server->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)server->key },
		{ MHD_OPTION_END, 0, NULL },
	};

	lobby_init(&server->lobby);
	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, socket,
		MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WAITING_S,
		MHD_OPTION_NOTIFY_CONNECTION, come_or_go, server,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_ROOM, MHD_OPTION_ARRAY,
		server->tls ? tls : tls + 2, MHD_OPTION_END);
	if (server->daemon)
		return 0;
	lobby_done(&server->lobby);
	return fail_code(err, "serve", "the server doesn't start%s",
			 server->tls ? ": are certificate and key a pair, in PEM?" : "");
}

void server_stop(struct server *server)
{
	if (!server->daemon)
		return;
	MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
	lobby_done(&server->lobby);
}
