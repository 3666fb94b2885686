/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/image_volumes.h"

#include <string.h>

/* Without doubled slashes, and none at the end. */
static void clean(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++)
		if (*from != '/' || (from[1] != '/' && from[1]))
			*to++ = *from;
	*to = '\0';
}

/* Both are clean. */
static bool is_at_or_below(const char *path, const char *top)
{
	size_t size = strlen(top);

	return !strncmp(path, top, size) && (path[size] == '/' || !path[size]);
}

static bool is_own(const char *path)
{
	return is_at_or_below(path, "/proc") || is_at_or_below(path, "/sys") ||
	       is_at_or_below(path, "/dev");
}

/* A target of the command line's. */
static bool covers(struct arena *arena, const char *target, const char *path)
{
	char *top = arena_strdup(arena, target);

	if (!top)
		return false; /* remembered by the arena */
	clean(top);
	return is_at_or_below(path, top);
}

/* given: so many of the volumes are the command line's, the others the image's own: one of those
 * may lie in another. */
static bool is_covered(struct box_options *options, size_t given, const char *path)
{
	for (size_t i = 0; i < options->volumes.n; i++)
		if (i < given ? covers(&options->arena, options->volumes.v[i].target, path)
			      : !strcmp(options->volumes.v[i].target, path))
			return true;
	for (size_t i = 0; i < options->tmpfs.n; i++)
		if (covers(&options->arena, options->tmpfs.v[i].target, path))
			return true;
	return false;
}

static int make_room(struct box_options *options, size_t n, struct oci_error *err)
{
	struct box_volume *v = arena_array(&options->arena, options->volumes.n + n, sizeof(*v));

	if (!v)
		return fail_code(err, "out-of-memory", "no memory for the image's volumes");
	if (options->volumes.n)
		memcpy(v, options->volumes.v, options->volumes.n * sizeof(*v));
	options->volumes.v = v;
	return 0;
}

int image_volumes_add(const struct image_config *config, struct box_options *options,
		      void (*ignored)(const char *path), struct oci_error *err)
{
	size_t given = options->volumes.n, n = config->config.volumes.n;

	if (!n)
		return 0;
	TRY(make_room(options, n, err));
	for (size_t i = 0; i < n; i++) {
		char *path = arena_strdup(&options->arena, config->config.volumes.v[i].key);

		if (!path)
			break;
		clean(path);
		if (is_own(path))
			ignored(path);
		else if (!is_covered(options, given, path))
			options->volumes.v[options->volumes.n++] = (struct box_volume){
				.target = path, .named = true, .anonymous = true
			};
	}
	return options->arena.failed
		       ? fail_code(err, "out-of-memory", "no memory for the image's volumes")
		       : 0;
}
