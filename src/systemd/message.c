/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See message.h. Numbers are the machine's own, for both ends are on it; a text is its length and
 * its bytes with the NUL, so that what was received can be used where it lies.
 */
#include "systemd/message.h"

#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#define MAGIC 0x6c6c7568u /* "hull" */

struct writer {
	uint8_t at[SYSTEMD_MESSAGE_MAX];
	size_t size;
	bool full;
};

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad; /* what was asked for isn't there */
	struct arena *arena;
};

/* --- Writing --- */

static void put(struct writer *w, const void *data, size_t size)
{
	if (w->full || size > sizeof(w->at) - w->size) {
		w->full = true;
		return;
	}
	if (size)
		memcpy(w->at + w->size, data, size);
	w->size += size;
}

static void put_u32(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void put_u64(struct writer *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

static void put_text(struct writer *w, const char *text)
{
	size_t size = strlen(text ? text : "") + 1;

	put_u32(w, size > SYSTEMD_MESSAGE_MAX ? UINT32_MAX : (uint32_t)size);
	put(w, text ? text : "", size);
}

static void put_head(struct writer *w, uint32_t kind)
{
	put_u32(w, MAGIC);
	put_u32(w, SYSTEMD_VERSION);
	put_u32(w, kind);
}

static void put_property(struct writer *w, const struct unit_property *p)
{
	put_text(w, p->name);
	put_u32(w, p->kind);
	put_u64(w, p->number);
	put_u32(w, (uint32_t)p->n);
	if (p->kind == UNIT_BYTES)
		put(w, p->bytes, p->n);
	for (size_t i = 0; p->kind != UNIT_BYTES && i < p->n; i++) {
		put_text(w, p->strings[i]);
		if (p->kind == UNIT_PAIRS)
			put_u64(w, p->numbers[i]);
	}
}

static void put_properties(struct writer *w, const struct unit_properties *list)
{
	w->full |= list->n > SYSTEMD_PROPERTIES_MAX;
	put_u32(w, (uint32_t)list->n);
	for (size_t i = 0; !w->full && i < list->n; i++) {
		w->full |= list->v[i].n > SYSTEMD_ITEMS_MAX;
		put_property(w, &list->v[i]);
	}
}

/* --- Reading --- */

static void take(struct reader *r, void *data, size_t size)
{
	if (r->bad || size > r->left) {
		r->bad = true;
		memset(data, 0, size);
		return;
	}
	memcpy(data, r->at, size);
	r->at += size;
	r->left -= size;
}

static uint32_t take_u32(struct reader *r)
{
	uint32_t v;

	take(r, &v, sizeof(v));
	return v;
}

static uint64_t take_u64(struct reader *r)
{
	uint64_t v;

	take(r, &v, sizeof(v));
	return v;
}

static const void *take_bytes(struct reader *r, size_t size)
{
	void *copy;

	if (r->bad || size > r->left) {
		r->bad = true;
		return NULL;
	}
	copy = arena_array(r->arena, size ? size : 1, 1);
	if (copy)
		take(r, copy, size);
	return copy;
}

/* "" where there is none. */
static const char *take_text(struct reader *r)
{
	uint32_t size = take_u32(r);
	const char *text = size ? take_bytes(r, size) : NULL;

	if (!text || text[size - 1] != '\0' || strlen(text) != size - 1)
		r->bad = true;
	return r->bad ? "" : text;
}

static bool take_head(struct reader *r, uint32_t *kind, uint32_t *version)
{
	bool magic = take_u32(r) == MAGIC;

	*version = take_u32(r);
	*kind = take_u32(r);
	return magic && !r->bad;
}

static void take_property(struct reader *r, struct unit_property *p)
{
	uint64_t *numbers = NULL;

	p->name = take_text(r);
	p->kind = take_u32(r);
	p->number = take_u64(r);
	p->n = take_u32(r);
	if (p->kind < UNIT_BOOL || p->kind >= UNIT_KINDS || p->n > SYSTEMD_ITEMS_MAX)
		r->bad = true;
	if (p->kind == UNIT_STRING && p->n != 1)
		r->bad = true;
	if (r->bad)
		return;
	if (p->kind == UNIT_BYTES) {
		p->bytes = take_bytes(r, p->n);
		return;
	}
	p->strings = arena_array(r->arena, p->n + 1, sizeof(*p->strings));
	numbers = arena_array(r->arena, p->n + 1, sizeof(*numbers));
	p->numbers = numbers;
	for (size_t i = 0; p->strings && numbers && !r->bad && i < p->n; i++) {
		p->strings[i] = take_text(r);
		if (p->kind == UNIT_PAIRS)
			numbers[i] = take_u64(r);
	}
}

static void take_properties(struct reader *r, struct unit_properties *list)
{
	list->n = take_u32(r);
	if (list->n > SYSTEMD_PROPERTIES_MAX)
		r->bad = true;
	if (r->bad)
		list->n = 0;
	list->v = arena_array(r->arena, list->n + 1, sizeof(*list->v));
	for (size_t i = 0; list->v && !r->bad && i < list->n; i++)
		take_property(r, &list->v[i]);
}

/* --- Messages --- */

static int send_written(int sock, const struct writer *w, struct oci_error *err)
{
	if (w->full)
		return fail_code(err, "systemd-failed",
				 "a message to or from " SYSTEMD_HELPER " is longer than %d bytes",
				 SYSTEMD_MESSAGE_MAX);
	return fd_send(sock, w->at, w->size, -1, err);
}

int systemd_send_request(int sock, const struct systemd_request *request, struct oci_error *err)
{
	static struct writer w;

	w.size = 0;
	w.full = false;
	put_head(&w, request->verb);
	put_u32(&w, request->user);
	put_u32(&w, request->deadline_ms);
	put_text(&w, request->unit);
	put_text(&w, request->slice);
	put_text(&w, request->description);
	put_text(&w, request->cgroup_mount);
	put_text(&w, request->cgroup);
	put_u64(&w, request->inode);
	put_properties(&w, &request->properties);
	return send_written(sock, &w, err);
}

/* 1: a message of our version with its kind, 0: the other side is gone. One byte more than there
 * may be is asked for: a longer one must not pass as one that was cut. */
static int receive(int sock, uint8_t *at, size_t room, struct reader *r, uint32_t *kind,
		   struct oci_error *err)
{
	ssize_t got = fd_receive(sock, at, room, NULL, err);
	uint32_t version;

	if (got < 0 && err->num == ECONNRESET)
		return 0;
	if (got <= 0)
		return (int)got;
	r->at = at;
	r->left = (size_t)got;
	if ((size_t)got == room || !take_head(r, kind, &version))
		return fail_code(err, "systemd-failed",
				 "a message that isn't one of " SYSTEMD_HELPER "'s");
	if (version != SYSTEMD_VERSION)
		return fail_code(err, "systemd-failed",
				 SYSTEMD_HELPER " and hull are of different versions (%u and %d): "
						"install both from one build",
				 version, SYSTEMD_VERSION);
	return 1;
}

int systemd_receive_request(int sock, struct systemd_request *request, struct arena *arena,
			    struct oci_error *err)
{
	static uint8_t at[SYSTEMD_MESSAGE_MAX + 1];
	struct reader r = { .arena = arena };
	uint32_t verb = 0;
	int got = receive(sock, at, sizeof(at), &r, &verb, err);

	if (got <= 0)
		return got;
	request->verb = verb;
	request->user = take_u32(&r) == 1;
	request->deadline_ms = take_u32(&r);
	request->unit = take_text(&r);
	request->slice = take_text(&r);
	request->description = take_text(&r);
	request->cgroup_mount = take_text(&r);
	request->cgroup = take_text(&r);
	request->inode = take_u64(&r);
	take_properties(&r, &request->properties);
	if (arena->failed)
		return fail_code(err, "out-of-memory", "no memory for a request");
	if (r.bad || r.left || verb < SYSTEMD_REACH || verb >= SYSTEMD_VERBS)
		return fail_code(err, "systemd-failed", "a request that can't be read");
	return 1;
}

int systemd_send_reply(int sock, const struct systemd_reply *reply, struct oci_error *err)
{
	static struct writer w;

	w.size = 0;
	w.full = false;
	put_head(&w, reply->verb);
	put_u32(&w, reply->failed);
	put_u32(&w, (uint32_t)reply->num);
	put(&w, reply->code, sizeof(reply->code));
	put_text(&w, reply->text);
	put_properties(&w, &reply->properties);
	return send_written(sock, &w, err);
}

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
}

static void take_reply(struct reader *r, struct systemd_reply *reply)
{
	const char *text;

	reply->failed = take_u32(r) != 0;
	reply->num = (int)take_u32(r);
	take(r, reply->code, sizeof(reply->code));
	text = take_text(r);
	r->bad |= strlen(text) >= sizeof(reply->text);
	if (!r->bad)
		memcpy(reply->text, text, strlen(text) + 1);
	take_properties(r, &reply->properties);
	r->bad |= r->left != 0;
	clean(reply->code, sizeof(reply->code));
	clean(reply->text, sizeof(reply->text));
}

int systemd_receive_reply(int sock, struct systemd_reply *reply, struct arena *arena,
			  struct oci_error *err)
{
	static uint8_t at[SYSTEMD_MESSAGE_MAX + 1];
	struct arena own = { 0 };
	struct reader r = { .arena = arena ? arena : &own };
	uint32_t verb = 0;
	bool failed;
	int got = receive(sock, at, sizeof(at), &r, &verb, err);

	if (got <= 0)
		return got;
	memset(reply, 0, sizeof(*reply));
	reply->verb = verb;
	take_reply(&r, reply);
	r.bad |= !arena && reply->properties.n > 0;
	failed = r.arena->failed;
	arena_done(&own);
	if (failed)
		return fail_code(err, "out-of-memory", "no memory for a reply");
	if (r.bad)
		return fail_code(err, "systemd-failed", "a reply that can't be read");
	return 1;
}
