/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/unread.h"

#include <ctype.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

/* Where the planner's word on one property depends on another of the same object; "#" stands for
 * the same index in both. What they say holds for all that is below, too. */
static const struct {
	const char *unread, *doubtful;
} dependent[] = {
	/* The kind of a mount, by which all else is judged. */
	{ "/mounts/#/type", "/mounts/#" },
	{ "/mounts/#/options", "/mounts/#" },
	{ "/mounts/#/uidMappings", "/mounts/#/gidMappings" },
	{ "/mounts/#/gidMappings", "/mounts/#/uidMappings" },
	{ "/process/rlimits/#/hard", "/process/rlimits/#/soft" },
	{ "/process/capabilities/bounding", "/process/capabilities" },
	{ "/process/capabilities/permitted", "/process/capabilities" },
	{ "/process/capabilities/inheritable", "/process/capabilities/ambient" },
	{ "/process/scheduler/policy", "/process/scheduler" },
	{ "/process/scheduler/flags", "/process/scheduler" },
	{ "/process/scheduler/runtime", "/process/scheduler/deadline" },
	{ "/process/scheduler/deadline", "/process/scheduler/period" },
	{ "/linux/memoryPolicy/mode", "/linux/memoryPolicy" },
	{ "/linux/memoryPolicy/nodes", "/linux/memoryPolicy" },
	{ "/linux/memoryPolicy/flags", "/linux/memoryPolicy" },
	{ "/linux/resources/memory/limit", "/linux/resources/memory/swap" },
	{ "/linux/resources/cpu/idle", "/linux/resources/cpu/shares" },
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void remember(void **root, const char *pointer, size_t size)
{
	char *copy = strndup(pointer, size);
	char *const *found = copy ? tsearch(copy, root, compare) : NULL;

	if (!found || *found != copy)
		free(copy);
}

static bool remembers(void *const *root, const char *pointer)
{
	return tfind(pointer, root, compare) != NULL;
}

/* Whether `pointer` is at or below the pattern; the index goes to *index. */
static bool matches(const char *pattern, const char *pointer, unsigned long *index)
{
	for (; *pattern; pattern++) {
		char *end;

		if (*pattern != '#') {
			if (*pointer++ != *pattern)
				return false;
			continue;
		}
		*index = strtoul(pointer, &end, 10);
		if (end == pointer)
			return false;
		pointer = end;
	}
	return *pointer == '\0' || *pointer == '/';
}

static void remember_dependent(struct unread *unread, const char *pointer)
{
	for (size_t i = 0; i < sizeof(dependent) / sizeof(dependent[0]); i++) {
		const char *pattern = dependent[i].doubtful;
		const char *mark = strchrnul(pattern, '#');
		unsigned long index = 0;
		char place[96];

		if (!matches(dependent[i].unread, pointer, &index))
			continue;
		if (*mark)
			(void)snprintf(place, sizeof(place), "%.*s%lu%s", (int)(mark - pattern),
				       pattern, index, mark + 1);
		else
			(void)snprintf(place, sizeof(place), "%s", pattern);
		remember(&unread->trees, place, strlen(place));
	}
}

void unread_add(struct unread *unread, const char *pointer)
{
	const char *last = strrchr(pointer, '/');

	remember(&unread->trees, pointer, strlen(pointer));
	if (!last)
		return;
	/* A member of an object, not an element of a list: what lacks is told at the object. */
	if (last != pointer && !isdigit((unsigned char)last[1]))
		remember(&unread->nodes, pointer, (size_t)(last - pointer));
	remember_dependent(unread, pointer);
}

void unread_prepare(const struct unread *unread, struct oci_config *config)
{
	static char no_type[] = "";
	static struct oci_namespace any = { .type = no_type };

	if (!unread_explains(unread, "/linux/namespaces"))
		return;
	config->linux.namespaces.v = &any;
	config->linux.namespaces.n = 1;
}

bool unread_explains(const struct unread *unread, const char *pointer)
{
	auto_free char *part = strdup(pointer);
	char *end = part ? part + strlen(part) : NULL;

	if (remembers(&unread->nodes, pointer))
		return true;
	for (; end; end = strrchr(part, '/')) {
		*end = '\0';
		if (remembers(&unread->trees, part))
			return true;
	}
	return false;
}

void unread_free(struct unread *unread)
{
	tdestroy(unread->trees, free);
	tdestroy(unread->nodes, free);
	*unread = (struct unread){ NULL, NULL };
}
