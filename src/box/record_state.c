/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/record_state.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "libocispec/json.h"

enum kind { TEXT, TIME, NUMBER, SIGNED, FLAG };

struct member {
	const char *name;
	enum kind kind;
	size_t at, size;
};

#define MEMBER(name, kind, member)                                                                 \
	{                                                                                          \
		name, kind, offsetof(struct box_state, member),                                    \
			sizeof(((struct box_state *)0)->member)                                    \
	}

static const struct member members[] = {
	MEMBER("name", TEXT, name),
	MEMBER("image", TEXT, image),
	MEMBER("command", TEXT, command),
	MEMBER("ports", TEXT, ports),
	MEMBER("created", TIME, created),
	MEMBER("started", TIME, started),
	MEMBER("finished", TIME, finished),
	MEMBER("restartAt", TIME, restart_at),
	MEMBER("lives", NUMBER, lives),
	MEMBER("restarts", NUMBER, restarts),
	MEMBER("backOffMs", NUMBER, back_off_ms),
	MEMBER("going", FLAG, going),
	MEMBER("wanted", FLAG, wanted),
	MEMBER("kept", FLAG, kept),
	MEMBER("exitCode", SIGNED, exit_code),
	MEMBER("oom", FLAG, oom),
	MEMBER("cgroup", TEXT, cgroup),
	MEMBER("ip", TEXT, ip),
	MEMBER("mac", TEXT, mac),
	MEMBER("gateway", TEXT, gateway),
	MEMBER("interface", TEXT, interface),
	MEMBER("netns", TEXT, netns),
	MEMBER("error", TEXT, error),
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static void write_member(const struct member *member, const void *at, struct json_text *out)
{
	switch (member->kind) {
	case TEXT:
		json_text_string(out, member->name, at);
		break;
	case TIME:
		json_text_int(out, member->name, *(const int64_t *)at);
		break;
	case NUMBER:
		json_text_uint(out, member->name, *(const unsigned *)at);
		break;
	case SIGNED:
		json_text_int(out, member->name, *(const int *)at);
		break;
	case FLAG:
		json_text_bool(out, member->name, *(const bool *)at);
		break;
	}
}

void state_write(const struct box_state *state, struct json_text *out)
{
	for (size_t i = 0; i < N_MEMBERS; i++)
		write_member(&members[i], (const char *)state + members[i].at, out);
}

static int read_number(const struct member *member, const struct json_node *node, void *at,
		       struct oci_error *err)
{
	bool is_integer, negative;
	uint64_t magnitude;
	int64_t value;

	if (node->kind != JSON_NUMBER || !json_integer(node, &is_integer, &negative, &magnitude) ||
	    magnitude > INT64_MAX)
		return fail_code(err, "bad-record", "/%s is no number", member->name);
	value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (member->kind == TIME)
		*(int64_t *)at = value;
	else if (member->kind == NUMBER)
		*(unsigned *)at = (unsigned)value;
	else
		*(int *)at = (int)value;
	return 0;
}

static int read_member(const struct member *member, const struct json_node *node, void *at,
		       struct oci_error *err)
{
	switch (member->kind) {
	case TEXT:
		if (node->kind != JSON_STRING)
			return fail_code(err, "bad-record", "/%s is no string", member->name);
		(void)snprintf(at, member->size, "%s", node->text);
		return 0;
	case FLAG:
		if (node->kind != JSON_TRUE && node->kind != JSON_FALSE)
			return fail_code(err, "bad-record", "/%s is no boolean", member->name);
		*(bool *)at = node->kind == JSON_TRUE;
		return 0;
	case TIME:
	case NUMBER:
	case SIGNED:
		break;
	}
	return read_number(member, node, at, err);
}

int state_read(struct box_state *state, const char *text, size_t size, struct oci_error *err)
{
	struct oci_document *doc = json_document_new(size);
	struct json_failure failure;
	int result = 0;

	*state = (struct box_state){ 0 };
	if (!doc)
		return fail_code(err, "out-of-memory", "no memory for a state");
	memcpy(doc->text, text, size);
	if (json_parse(doc, &failure) < 0)
		result = fail_code(err, "bad-record", "at byte %zu: %s", failure.at, failure.text);
	else if (doc->root->kind != JSON_OBJECT)
		result = fail_code(err, "bad-record", "no object");
	for (const struct json_node *node = result == 0 ? doc->root->first : NULL;
	     node && result == 0; node = node->next)
		for (size_t i = 0; i < N_MEMBERS && result == 0; i++)
			if (!strcmp(node->key, members[i].name))
				result = read_member(&members[i], node,
						     (char *)state + members[i].at, err);
	json_document_free(doc);
	return result;
}

int record_load(struct box_record *record, struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	if (file_load_at(record->dir, "state.json", 65536, &text, &size, err) < 0 ||
	    state_read(&record->state, text, size, err) < 0)
		return fail_in(err, "state of '%.12s'", record->id);
	return 0;
}

int record_save(const struct box_record *record, struct oci_error *err)
{
	struct json_text out;
	int result;

	json_text_init(&out, true);
	json_text_open_object(&out, NULL);
	state_write(&record->state, &out);
	json_text_close_object(&out);
	json_text_newline(&out);
	result = json_text_check(&out, err);
	if (result == 0)
		result = file_replace_at(record->dir, "state.json", out.text, out.size, 0600, err);
	json_text_done(&out);
	return result < 0 ? fail_in(err, "save the state of '%.12s'", record->id) : 0;
}
