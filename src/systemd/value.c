/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/value.h"

#include <errno.h>
#include <string.h>

/* --- To D-Bus --- */

static int append(sd_bus_message *m, const struct unit_property *p)
{
	int r = 0;

	switch (p->kind) {
	case UNIT_BOOL:
		return sd_bus_message_append(m, "v", "b", (int)(p->number != 0));
	case UNIT_STRING:
		return sd_bus_message_append(m, "v", "s", p->strings[0]);
	case UNIT_INT32:
		return sd_bus_message_append(m, "v", "i", (int32_t)p->number);
	case UNIT_UINT32:
		return sd_bus_message_append(m, "v", "u", (uint32_t)p->number);
	case UNIT_UINT64:
		return sd_bus_message_append(m, "v", "t", p->number);
	case UNIT_STRINGS:
	case UNIT_PAIRS:
	case UNIT_BYTES:
		break;
	case UNIT_KINDS:
		return -EINVAL;
	}
	if (p->kind == UNIT_BYTES) {
		r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "ay");
		if (r >= 0)
			r = sd_bus_message_append_array(m, 'y', p->bytes, p->n);
		return r < 0 ? r : sd_bus_message_close_container(m);
	}
	r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT,
					  p->kind == UNIT_PAIRS ? "a(st)" : "as");
	if (r >= 0)
		r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY,
						  p->kind == UNIT_PAIRS ? "(st)" : "s");
	for (size_t i = 0; r >= 0 && i < p->n; i++)
		r = p->kind == UNIT_PAIRS
			    ? sd_bus_message_append(m, "(st)", p->strings[i], p->numbers[i])
			    : sd_bus_message_append(m, "s", p->strings[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int value_append_all(sd_bus_message *m, const struct unit_properties *list)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < list->n; i++) {
		r = sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, "sv");
		if (r >= 0)
			r = sd_bus_message_append(m, "s", list->v[i].name);
		if (r >= 0)
			r = append(m, &list->v[i]);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
	}
	return r;
}

/* --- From D-Bus --- */

static int read_bytes(sd_bus_message *m, struct arena *arena, struct unit_property *p)
{
	const void *bytes = NULL;
	size_t size = 0;
	int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, "ay");
	uint8_t *copy;

	if (r >= 0)
		r = sd_bus_message_read_array(m, 'y', &bytes, &size);
	if (r < 0)
		return r;
	copy = arena_array(arena, size + 1, 1);
	if (!copy)
		return -ENOMEM;
	if (size)
		memcpy(copy, bytes, size);
	p->bytes = copy;
	p->n = size;
	return sd_bus_message_exit_container(m);
}

static int read_pairs(sd_bus_message *m, struct arena *arena, struct unit_property *p)
{
	const char *text;
	uint64_t number, *numbers = arena_array(arena, SYSTEMD_ITEMS_MAX, sizeof(*numbers));
	int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, "a(st)");

	p->strings = arena_array(arena, SYSTEMD_ITEMS_MAX, sizeof(*p->strings));
	p->numbers = numbers;
	if (!p->strings || !numbers)
		return -ENOMEM;
	if (r >= 0)
		r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "(st)");
	while (r >= 0 && (r = sd_bus_message_read(m, "(st)", &text, &number)) > 0) {
		if (p->n == SYSTEMD_ITEMS_MAX)
			return -E2BIG;
		p->strings[p->n] = arena_strdup(arena, text);
		if (!p->strings[p->n])
			return -ENOMEM;
		numbers[p->n++] = number;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Kinds that limits have; the others are never asked for. */
static int read_value(sd_bus_message *m, struct arena *arena, struct unit_property *p)
{
	int r = -EBADMSG;

	if (p->kind == UNIT_UINT64)
		r = sd_bus_message_read(m, "v", "t", &p->number);
	else if (p->kind == UNIT_BYTES)
		r = read_bytes(m, arena, p);
	else if (p->kind == UNIT_PAIRS)
		r = read_pairs(m, arena, p);
	return r == -ENXIO ? -EBADMSG : r;
}

static const struct unit_property *find(const struct unit_properties *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

static int read_entry(sd_bus_message *m, const struct unit_properties *wanted, struct arena *arena,
		      struct unit_properties *out)
{
	const struct unit_property *like;
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	like = find(wanted, name);
	if (!like || out->n == wanted->n)
		return sd_bus_message_skip(m, "v");
	out->v[out->n] = (struct unit_property){ .name = like->name, .kind = like->kind };
	return read_value(m, arena, &out->v[out->n++]);
}

int value_read_wanted(sd_bus_message *m, const struct unit_properties *wanted, struct arena *arena,
		      struct unit_properties *out)
{
	int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}");

	*out = (struct unit_properties){ .v = arena_array(arena, wanted->n + 1, sizeof(*out->v)) };
	if (!out->v)
		return -ENOMEM;
	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
		r = read_entry(m, wanted, arena, out);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}
