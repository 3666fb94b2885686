/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Annotations org.systemd.property.NAME: further properties of the container's unit. Whoever writes
 * config.json may pass on what a user of an engine asked for, and a property of a unit can do much
 * (FailureAction turns the machine off, Conflicts stops other units, and so does whatever starts
 * one: Wants=poweroff.target): so only those of the list below are let through, each with values of
 * its type. Values are in GVariant's text form.
 */
#include "plan/systemd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct allowed {
	const char *name;
	enum unit_kind kind;
	const char *words; /* STRING: the values that there are, blanks between them; or NULL */
};

/* clang-format off */
static const struct allowed list[] = {
	{ "After",                      UNIT_STRINGS, NULL },
	{ "Before",                     UNIT_STRINGS, NULL },
	{ "CPUAccounting",              UNIT_BOOL,    NULL },
	{ "CollectMode",                UNIT_STRING,  "inactive inactive-or-failed" },
	{ "DefaultDependencies",        UNIT_BOOL,    NULL },
	{ "Description",                UNIT_STRING,  NULL },
	{ "Documentation",              UNIT_STRINGS, NULL },
	{ "IOAccounting",               UNIT_BOOL,    NULL },
	{ "IPAccounting",               UNIT_BOOL,    NULL },
	{ "KillMode",                   UNIT_STRING,  "control-group mixed" }, /* all of it is killed */
	{ "KillSignal",                 UNIT_INT32,   NULL },
	{ "ManagedOOMMemoryPressure",   UNIT_STRING,  "auto kill" },
	{ "ManagedOOMPreference",       UNIT_STRING,  "none avoid omit" },
	{ "ManagedOOMSwap",             UNIT_STRING,  "auto kill" },
	{ "MemoryAccounting",           UNIT_BOOL,    NULL },
	{ "OOMPolicy",                  UNIT_STRING,  "continue stop kill" },
	{ "PartOf",                     UNIT_STRINGS, NULL },
	{ "Requisite",                  UNIT_STRINGS, NULL },
	{ "RuntimeMaxUSec",             UNIT_UINT64,  NULL },
	{ "SendSIGHUP",                 UNIT_BOOL,    NULL },
	{ "TasksAccounting",            UNIT_BOOL,    NULL },
	{ "TimeoutStopUSec",            UNIT_UINT64,  NULL },
};
/* clang-format on */

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* --- Values --- */

struct value_text {
	const char *at;
	struct arena *arena;
};

static void skip_blanks(struct value_text *in)
{
	in->at += strspn(in->at, " \t");
}

static bool take_char(struct value_text *in, char c)
{
	skip_blanks(in);
	if (*in->at != c)
		return false;
	in->at++;
	return true;
}

/* A word such as "uint64", and the blanks behind it. */
static bool take_word(struct value_text *in, const char *word)
{
	size_t size = strlen(word);

	skip_blanks(in);
	if (strncmp(in->at, word, size) != 0 || (in->at[size] != ' ' && in->at[size] != '\0'))
		return false;
	in->at += size;
	skip_blanks(in);
	return true;
}

/* 'text' or "text"; a backslash takes the next character as it is, \n and \t as in C. */
static const char *take_string(struct value_text *in)
{
	char quote, *text, *out;

	skip_blanks(in);
	quote = *in->at;
	if (quote != '\'' && quote != '"')
		return NULL;
	out = text = arena_take(in->arena, strlen(in->at));
	if (!text)
		return NULL;
	for (in->at++; *in->at && *in->at != quote; in->at++) {
		if (*in->at != '\\') {
			*out++ = *in->at;
			continue;
		}
		in->at++;
		if (*in->at == '\0')
			return NULL;
		*out++ = *in->at == 'n' ? '\n' : *in->at == 't' ? '\t' : *in->at;
	}
	*out = '\0';
	return take_char(in, quote) ? text : NULL;
}

static bool at_end(struct value_text *in)
{
	skip_blanks(in);
	return *in->at == '\0';
}

static int read_bool(struct value_text *in, struct unit_property *p)
{
	p->number = take_word(in, "true");
	return p->number || take_word(in, "false") ? 0 : -1;
}

static int read_text(struct value_text *in, struct unit_property *p)
{
	p->strings = arena_array(in->arena, 1, sizeof(*p->strings));
	if (!p->strings)
		return 0; /* the arena remembers */
	p->strings[0] = take_string(in);
	p->n = 1;
	return p->strings[0] ? 0 : -1;
}

static int read_texts(struct value_text *in, struct unit_property *p)
{
	(void)take_word(in, "@as");
	if (!take_char(in, '['))
		return -1;
	p->strings = arena_array(in->arena, SYSTEMD_ITEMS_MAX, sizeof(*p->strings));
	if (!p->strings)
		return 0;
	if (take_char(in, ']'))
		return 0;
	do {
		if (p->n == SYSTEMD_ITEMS_MAX)
			return -1;
		p->strings[p->n] = take_string(in);
		if (!p->strings[p->n++])
			return -1;
	} while (take_char(in, ','));
	return take_char(in, ']') ? 0 : -1;
}

/* The type may stand in front. It is of no account: the property has its own. */
static void skip_type(struct value_text *in)
{
	static const char *const types[] = { "byte",   "int16", "uint16", "int32", "uint32",
					     "handle", "int64", "uint64", "double" };

	for (size_t i = 0; i < N(types); i++)
		if (take_word(in, types[i]))
			return;
}

/* With `seconds` the value counts those, and may have a fraction; the property microseconds. */
static int read_number(struct value_text *in, bool seconds, uint64_t max, struct unit_property *p)
{
	char *end;

	skip_type(in);
	if (*in->at < '0' || *in->at > '9')
		return -1;
	errno = 0;
	if (seconds && in->at[strspn(in->at, "0123456789")] == '.') {
		double given = strtod(in->at, &end) * 1e6;

		if (!(given >= 0 && given < 1e18))
			return -1;
		p->number = (uint64_t)given;
	} else {
		p->number = strtoull(in->at, &end, 10);
		if (seconds && p->number > UINT64_MAX / 1000000)
			return -1;
		p->number *= seconds ? 1000000 : 1;
	}
	in->at = end;
	return errno || p->number > max ? -1 : 0;
}

static int read_value(struct value_text *in, bool seconds, struct unit_property *p)
{
	switch (p->kind) {
	case UNIT_BOOL:
		return read_bool(in, p);
	case UNIT_STRING:
		return read_text(in, p);
	case UNIT_STRINGS:
		return read_texts(in, p);
	case UNIT_INT32:
		return read_number(in, seconds, INT32_MAX, p);
	case UNIT_UINT32:
		return read_number(in, seconds, UINT32_MAX, p);
	case UNIT_UINT64:
		return read_number(in, seconds, UINT64_MAX, p);
	case UNIT_BYTES:
	case UNIT_PAIRS:
	case UNIT_KINDS:
		break;
	}
	return -1;
}

static const char *expected(enum unit_kind kind, bool seconds)
{
	switch (kind) {
	case UNIT_BOOL:
		return "true or false";
	case UNIT_STRING:
		return "a text in quotes: 'text'";
	case UNIT_STRINGS:
		return "a list of texts in quotes: ['a', 'b']";
	case UNIT_INT32:
	case UNIT_UINT32:
	case UNIT_UINT64:
		return seconds ? "a number of seconds" : "a number, as in uint64 5000000";
	case UNIT_BYTES:
	case UNIT_PAIRS:
	case UNIT_KINDS:
		break;
	}
	return "another type";
}

/* --- Names --- */

static int fail_unknown(const char *name, struct oci_error *err)
{
	char all[1024];
	size_t used = 0;

	for (size_t i = 0; i < N(list); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 list[i].name);
	return fail_code(
		err, "invalid-config",
		"'%.64s' is no property of a unit that a config.json may set; allowed are %s "
		"(and ...Sec for ...USec)",
		name, all);
}

/* NAMESec stands for NAMEUSec with a value in seconds, as in files of units. */
static const struct allowed *find(const char *name, bool *seconds)
{
	size_t size = strlen(name);

	*seconds = size > 4 && strcmp(name + size - 3, "Sec") == 0 && name[size - 4] != 'U';
	for (size_t i = 0; i < N(list); i++) {
		if (!*seconds && strcmp(list[i].name, name) == 0)
			return &list[i];
		if (*seconds && strncmp(list[i].name, name, size - 3) == 0 &&
		    strcmp(list[i].name + size - 3, "USec") == 0)
			return &list[i];
	}
	return NULL;
}

static int check_word(const struct allowed *row, const char *value, struct oci_error *err)
{
	const char *at = row->words;
	size_t size = strlen(value);

	for (; at && *at; at += strcspn(at, " "), at += *at == ' ')
		if (strcspn(at, " ") == size && strncmp(at, value, size) == 0)
			return 0;
	return at ? fail_code(err, "invalid-config", "'%.64s' isn't allowed; expected one of: %s",
			      value, row->words)
		  : 0;
}

int systemd_read_property(const char *name, const char *value, struct arena *arena,
			  struct unit_property *out, struct oci_error *err)
{
	struct value_text in = { .at = value, .arena = arena };
	bool seconds;
	const struct allowed *row = find(name, &seconds);

	if (!row)
		return fail_unknown(name, err);
	*out = (struct unit_property){ .name = row->name, .kind = row->kind };
	if (read_value(&in, seconds, out) < 0 || !at_end(&in))
		return fail_code(err, "invalid-config", "expected %s, found: %.64s",
				 expected(row->kind, seconds), value);
	if (row->kind == UNIT_STRING && !arena->failed)
		return check_word(row, out->strings[0], err);
	return 0;
}
