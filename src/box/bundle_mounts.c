/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mounts of config.json: those that every container has, hullbox's own files, then what was
 * asked for. One asked for at the place of another replaces it; parents come before what lies in
 * them, whatever order they were given in.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "box/bundle_parts.h"
#include "box/rootless.h"
#include "box/volume.h"

#define OPTIONS_MAX 8

struct row {
	const char *target, *type, *source;
	const char *options[OPTIONS_MAX + 1];
};

/* clang-format off */
static const struct row rows[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts",
		{ "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};
/* A new sysfs shows a network namespace, which has to belong to the container's user namespace. */
static const struct row borrowed_sys = {
	"/sys", "none", "/sys", { "rbind", "rslave", "nosuid", "noexec", "nodev", "rro" }
};
/* clang-format on */

/* The group of terminals, where it is mapped. */
#define TTY_GROUP 5

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static struct oci_mount *find_mount(struct bundle *b, const char *target)
{
	for (size_t i = 0; i < b->config.mounts.n; i++)
		if (!strcmp(b->config.mounts.v[i].destination, target))
			return &b->config.mounts.v[i];
	return NULL;
}

/* Room was made by bundle_fill_mounts(). */
static struct oci_mount *add_mount(struct bundle *b, const char *target, const char *type,
				   const char *source)
{
	struct oci_mount *mount = find_mount(b, target);

	if (!mount)
		mount = &b->config.mounts.v[b->config.mounts.n++];
	*mount = (struct oci_mount){
		.destination = arena_strdup(&b->arena, target),
		.type = arena_strdup(&b->arena, type),
		.source = arena_strdup(&b->arena, source),
	};
	return mount;
}

static void add_options(struct bundle *b, struct oci_mount *mount, const char *const *words)
{
	for (; *words; words++)
		bundle_add_word(b, &mount->options, arena_strdup(&b->arena, *words));
}

static void add_row(struct bundle *b, const struct row *row)
{
	bool own_net = !bundle_is(b->options->net.kind, "host") && !b->in->netns;
	struct oci_mount *mount;

	if (!strcmp(row->target, "/sys") && (b->has_userns || rootless()) && !own_net)
		row = &borrowed_sys;
	mount = add_mount(b, row->target, row->type, row->source);
	add_options(b, mount, row->options);
	if (!strcmp(row->target, "/dev/pts") && bundle_is_mapped(b, true, TTY_GROUP))
		bundle_add_word(b, &mount->options, arena_printf(&b->arena, "gid=%d", TTY_GROUP));
	if (!strcmp(row->target, "/dev/shm"))
		bundle_add_word(b, &mount->options,
				arena_printf(&b->arena, "size=%llu",
					     (unsigned long long)b->options->shm_size));
}

/* A file of hullbox's own. Names of users are of no matter in it: everybody may read it. */
static void show_file(struct bundle *b, const char *source, const char *target, bool writable)
{
	static const char *const options[] = { "bind", "rprivate", "nosuid", "nodev", NULL };
	struct oci_mount *mount;

	if (!source)
		return;
	mount = add_mount(b, target, "bind", source);
	add_options(b, mount, options);
	if (!writable)
		bundle_add_word(b, &mount->options, arena_strdup(&b->arena, "ro"));
}

static bool has_word(const struct oci_strings *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], word))
			return true;
	return false;
}

static bool names_propagation(const struct oci_strings *options)
{
	for (size_t i = 0; i < options->n; i++)
		if (strstr(options->v[i], "private") || strstr(options->v[i], "slave") ||
		    strstr(options->v[i], "shared"))
			return true;
	return false;
}

/* Read-only and the like hold for what is mounted below the source as well: the tree is shown, so
 * the tree is confined. */
static const char *whole_tree(const char *word)
{
	static const char *const words[][2] = {
		{ "ro", "rro" },	   { "rw", "rrw" },
		{ "nosuid", "rnosuid" },   { "suid", "rsuid" },
		{ "nodev", "rnodev" },	   { "dev", "rdev" },
		{ "noexec", "rnoexec" },   { "exec", "rexec" },
		{ "noatime", "rnoatime" }, { "nosymfollow", "rnosymfollow" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i][0]))
			return words[i][1];
	return word;
}

static int add_volume(struct bundle *b, size_t i)
{
	const struct box_volume *volume = &b->options->volumes.v[i];
	const char *source = volume->source;
	char name[VOLUME_NAME_SIZE];
	struct oci_mount *mount;
	struct stat st;

	volume_name(b->in->id, b->options, i, name);
	if (*name)
		source = arena_printf(&b->arena, "%s/%s/_data", b->in->volumes, name);
	if (!source)
		return 0; /* remembered by the arena */
	if (!(*name && b->in->only_looks) && stat(source, &st) < 0) {
		(void)fail_sys(b->err, "option '--volume': '%s'", source);
		(void)snprintf(b->err->code, sizeof(b->err->code), "usage");
		return -1;
	}
	mount = add_mount(b, volume->target, "bind", source);
	bundle_add_word(b, &mount->options, arena_strdup(&b->arena, "rbind"));
	if (!names_propagation(&volume->options))
		bundle_add_word(b, &mount->options, arena_strdup(&b->arena, "rprivate"));
	/* Devices of a shown directory are the host's. */
	if (!has_word(&volume->options, "dev"))
		bundle_add_word(b, &mount->options, arena_strdup(&b->arena, "rnodev"));
	for (size_t k = 0; k < volume->options.n; k++)
		if (strcmp(volume->options.v[k], "nocopy") != 0) /* volume_fill.c's */
			bundle_add_word(b, &mount->options,
					arena_strdup(&b->arena, whole_tree(volume->options.v[k])));
	/* An ordinary user may map no ids of file systems. */
	if (b->has_userns && geteuid() == 0)
		bundle_add_word(b, &mount->options, arena_strdup(&b->arena, "ridmap"));
	return 0;
}

static void add_tmpfs(struct bundle *b, const struct box_tmpfs *tmpfs)
{
	static const char *const options[] = { "nosuid", "nodev", "noexec", NULL };
	struct oci_mount *mount = add_mount(b, tmpfs->target, "tmpfs", "tmpfs");

	add_options(b, mount, options);
	for (size_t i = 0; i < tmpfs->options.n; i++)
		bundle_add_word(b, &mount->options, tmpfs->options.v[i]);
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

/* Parents first, else as they were. */
static void sort_mounts(struct oci_mount *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct oci_mount one = v[i];
		size_t at = i;

		for (; at > 0 && depth(v[at - 1].destination) > depth(one.destination); at--)
			v[at] = v[at - 1];
		v[at] = one;
	}
}

int bundle_fill_mounts(struct bundle *b)
{
	const struct box_options *options = b->options;
	const struct box_bundle_input *in = b->in;
	size_t room = N_ROWS + 4 + in->n_shown + options->volumes.n + options->tmpfs.n;

	b->config.mounts.v = arena_array(&b->arena, room, sizeof(*b->config.mounts.v));
	if (!b->config.mounts.v)
		return 0; /* remembered by the arena */
	for (size_t i = 0; i < N_ROWS; i++)
		add_row(b, &rows[i]);
	show_file(b, in->hosts, "/etc/hosts", !options->read_only);
	show_file(b, in->resolv_conf, "/etc/resolv.conf", !options->read_only);
	show_file(b, in->hostname, "/etc/hostname", !options->read_only);
	for (size_t i = 0; i < in->n_shown; i++)
		show_file(b, in->shown[i].source, in->shown[i].target, false);
	if (options->init && !in->init)
		return fail_code(b->err, "host",
				 "option '--init': the program hullbox-init is "
				 "not installed");
	if (options->init)
		show_file(b, in->init, BUNDLE_INIT, false);
	for (size_t i = 0; i < options->volumes.n; i++)
		TRY(add_volume(b, i));
	for (size_t i = 0; i < options->tmpfs.n; i++)
		add_tmpfs(b, &options->tmpfs.v[i]);
	if (!b->arena.failed)
		sort_mounts(b->config.mounts.v, b->config.mounts.n);
	return 0;
}
