/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Decides the mounts: what each entry of /mounts is (a new file system, a bind, a remount, the
 * cgroup tree), what its options mean, and whether they go together; then masked and read-only
 * paths and the root's propagation. The words are in mount_words.c, the deeds in steps/mount.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "plan/mount_idmap.h"
#include "plan/mount_words.h"
#include "plan/planner.h"

#define ATIME MOUNT_ATTR__ATIME

/* One entry while its options are read. */
struct reading {
	const struct oci_mount *in;
	struct plan_mount *out;
	struct plan_fs_option *options; /* out->options before it is const */
	bool bind, remount;
	bool writable; /* the last of ro and rw was rw */
	struct idmap_words idmap;
	char pointer[64];
};

static const char *option_pointer(struct reading *r, size_t i, char buf[96])
{
	(void)snprintf(buf, 96, "%s/options/%zu", r->pointer, i);
	return buf;
}

/* "/a//b/./c/" -> "/a/b/c"; ".." stays behind a name, for only the look-up inside the root knows
 * what it means there. In the root it is the root. */
static const char *clean_path(struct planner *p, const char *path)
{
	char *clean = arena_zalloc(&p->plan->arena, strlen(path) + 2);
	size_t used = 0;

	if (!clean)
		return "/";
	while (*path) {
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length > 0 && !(length == 1 && path[0] == '.') &&
		    !(used == 0 && length == 2 && strncmp(path, "..", 2) == 0)) {
			clean[used++] = '/';
			memcpy(clean + used, path, length);
			used += length;
		}
		path += length;
	}
	if (used == 0)
		clean[used] = '/';
	return clean;
}

static const char *from_bundle(struct planner *p, const char *path)
{
	if (path[0] == '/')
		return path;
	return arena_printf(&p->plan->arena, "%s/%s", p->request->bundle, path);
}

/* Attributes: what a word sets it no longer clears, and the reverse, so that the last one wins. The
 * kernel wants the access time modes, which share bits, cleared as a whole. */
static bool attribute(const struct mount_word *word, uint64_t *set, uint64_t *clear)
{
	uint64_t adds = word->set;

	if (word->undoes_atime) {
		bool chosen = (*clear & ATIME) != 0;

		if (chosen && (*set & ATIME) != word->set)
			return false; /* another mode was asked for, and this word doesn't speak of
					 it */
		if (!chosen && word->set == MOUNT_ATTR_RELATIME)
			return false; /* norelatime: the kernel's default is relatime, mount(8) too
				       */
		adds = MOUNT_ATTR_RELATIME;
	}
	*set = (*set & ~word->clear) | adds;
	*clear = (*clear & ~adds) | word->clear;
	return true;
}

/* A recursive word speaks of the top mount too: what plain words said of the same is void. */
static void tree_attribute(const struct mount_word *word, struct plan_mount *m)
{
	uint64_t mask = word->set | word->clear;

	if (!attribute(word, &m->tree_set, &m->tree_clear))
		return;
	m->attr_set &= ~mask;
	m->attr_clear &= ~mask;
}

/* File systems without a device behind them: "ro" is the mount's alone. Several mounts may share
 * one instance (sysfs), and a tmpfs has to be filled first. */
static bool is_virtual(const char *type)
{
	static const char *const types[] = { "bpf",	   "configfs", "debugfs",   "devpts",
					     "efivarfs",   "fusectl",  "hugetlbfs", "mqueue",
					     "overlay",	   "proc",     "pstore",    "ramfs",
					     "securityfs", "sysfs",    "tmpfs",	    "tracefs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i], type) == 0)
			return true;
	}
	return false;
}

/* "lowerdir=a:/b" -> "BUNDLE/a:/b"; "\:" is a colon of a name. */
static const char *layers_from_bundle(struct planner *p, const char *value)
{
	const char *bundle = p->request->bundle;
	size_t n_layers = 1;
	char *out;
	size_t used = 0;

	for (const char *c = value; *c; c++)
		n_layers += *c == ':';
	out = arena_zalloc(&p->plan->arena,
			   strlen(value) + n_layers * (2 * strlen(bundle) + 1) + 1);
	if (!out)
		return value;
	for (bool start = true; *value; value++) {
		if (start && *value != '/' && *value != ':') {
			for (const char *c = bundle; *c; c++) {
				if (*c == ':' || *c == '\\')
					out[used++] = '\\';
				out[used++] = *c;
			}
			out[used++] = '/';
		}
		start = *value == ':';
		if (*value == '\\' && value[1] != '\0')
			out[used++] = *value++;
		out[used++] = *value;
	}
	return out;
}

static const char *option_value(struct planner *p, const struct reading *r, const char *key,
				const char *value)
{
	if (!r->in->type || strcmp(r->in->type, "overlay") != 0)
		return value;
	if (strcmp(key, "lowerdir") == 0)
		return layers_from_bundle(p, value);
	if (strcmp(key, "upperdir") == 0 || strcmp(key, "workdir") == 0)
		return from_bundle(p, value);
	return value;
}

/* mount(8) and other runtimes want a SELinux context, which may have commas in it, in quotation
 * marks; mount(2) takes them off, fsconfig(2) doesn't. */
static const char *unquoted(struct planner *p, const char *key, const char *value)
{
	size_t length = value ? strlen(value) : 0;

	if (!strstr(key, "context") || length < 2 || value[0] != '"' || value[length - 1] != '"')
		return value;
	return arena_printf(&p->plan->arena, "%.*s", (int)length - 2, value + 1);
}

static void add_parameter(struct planner *p, struct reading *r, const char *option)
{
	struct plan_fs_option *added = &r->options[r->out->n_options++];
	const char *equals = strchr(option, '=');

	if (!equals) {
		added->key = option;
		return;
	}
	added->key = arena_printf(&p->plan->arena, "%.*s", (int)(equals - option), option);
	if (added->key)
		added->value = unquoted(p, added->key, option_value(p, r, added->key, equals + 1));
}

/* "nosuid,nodev" in one string: mount(8)'s way of writing, not config.json's. */
static bool is_several_words(const char *option)
{
	char first[32];
	size_t length = strcspn(option, ",");

	if (option[length] == '\0' || length >= sizeof(first))
		return false;
	memcpy(first, option, length);
	first[length] = '\0';
	return mount_word_find(first) != NULL;
}

static int unknown_option(struct planner *p, struct reading *r, size_t i, const char *option)
{
	char where[96];

	option_pointer(r, i, where);
	if (option[0] == '\0')
		return planner_refuse(p, PLAN_INVALID, where, "is empty");
	if (option[0] == '=')
		return planner_refuse(p, PLAN_INVALID, where, "'%s' has no name before the '='",
				      planner_shown(p, option));
	if (is_several_words(option))
		return planner_refuse(p, PLAN_INVALID, where,
				      "'%s' is several options in one string, give each its own",
				      planner_shown(p, option));
	switch (r->out->kind) {
	case MOUNT_NEW:
		add_parameter(p, r, option);
		return 0;
	case MOUNT_REMOUNT:
		if (!r->out->remount_bind) {
			add_parameter(p, r, option);
			return 0;
		}
		return planner_refuse(p, PLAN_INVALID, where,
				      "'%s' is no option of a mount, and a remount with bind "
				      "doesn't reach the file system",
				      planner_shown(p, option));
	case MOUNT_CGROUP:
		return planner_refuse(p, PLAN_INVALID, where,
				      "'%s': a cgroup mount takes no parameters, for they would "
				      "be the whole host's",
				      planner_shown(p, option));
	case MOUNT_BIND:
		break;
	}
	return planner_refuse(p, PLAN_INVALID, where, "'%s' is no option of a bind mount",
			      planner_shown(p, option));
}

static bool has_file_system(const struct plan_mount *m)
{
	return m->kind == MOUNT_NEW || (m->kind == MOUNT_REMOUNT && !m->remount_bind);
}

static int known_option(struct planner *p, struct reading *r, size_t i,
			const struct mount_word *word)
{
	struct plan_mount *m = r->out;
	char where[96];

	option_pointer(r, i, where);
	if ((word->set | word->clear) & MOUNT_ATTR_RDONLY &&
	    (word->kind == WORD_ATTR || word->kind == WORD_TREE))
		r->writable = word->set == 0;
	switch (word->kind) {
	case WORD_ATTR:
		(void)attribute(word, &m->attr_set, &m->attr_clear); /* no matter if it did */
		break;
	case WORD_TREE:
		tree_attribute(word, m);
		break;
	case WORD_SUPER:
		if (r->remount && strcmp(word->name, "dirsync") == 0)
			planner_note(p, where, "dirsync can't be changed once it is mounted");
		else if (has_file_system(m))
			r->options[m->n_options++].key = word->name;
		else
			planner_note(p, where, "'%s' has no effect on a %s", word->name,
				     r->bind ? "bind mount" : "cgroup mount");
		break;
	case WORD_LEGACY:
		m->legacy = has_file_system(m);
		m->legacy_flags = (m->legacy_flags & ~word->clear) | word->set;
		if (!m->legacy)
			planner_note(p, where, "'%s' has no effect on a %s", word->name,
				     r->bind ? "bind mount" : "cgroup mount");
		break;
	case WORD_PROPAGATION:
		m->propagation = word->set;
		m->propagation_recursive = word->recursive;
		break;
	case WORD_COPY_UP:
		if (m->kind != MOUNT_NEW || strcmp(m->type, "tmpfs") != 0)
			return planner_refuse(p, PLAN_INVALID, where,
					      "tmpcopyup is an option of a new tmpfs only");
		m->copy_up = true;
		break;
	case WORD_BIND: /* read by choose_kind() */
	case WORD_REMOUNT:
	case WORD_IDMAP: /* by read_options() */
	case WORD_NOTHING:
		break;
	}
	return 0;
}

static int read_options(struct planner *p, struct reading *r)
{
	for (size_t i = 0; i < r->in->options.n; i++) {
		const char *option = r->in->options.v[i];
		const struct mount_word *word = mount_word_find(option);

		if (mount_idmap_word(option, i, &r->idmap))
			continue;
		if (word)
			TRY(known_option(p, r, i, word));
		else
			TRY(unknown_option(p, r, i, option));
	}
	return 0;
}

/* What kind of mount it is depends on three words and the type. */
static int choose_kind(struct planner *p, struct reading *r)
{
	struct plan_mount *m = r->out;
	const char *type = r->in->type;
	char where[96];

	for (size_t i = 0; i < r->in->options.n; i++) {
		const struct mount_word *word = mount_word_find(r->in->options.v[i]);

		if (word && word->kind == WORD_BIND) {
			r->bind = true;
			m->recursive = word->recursive;
		}
		r->remount |= word && word->kind == WORD_REMOUNT;
	}
	(void)snprintf(where, sizeof(where), "%s/type", r->pointer);
	m->type = type;
	m->kind = MOUNT_NEW;
	if (r->remount) {
		m->kind = MOUNT_REMOUNT;
		m->remount_bind = r->bind;
	} else if (r->bind) {
		m->kind = MOUNT_BIND;
	} else if (!type || type[0] == '\0') {
		return planner_refuse(p, PLAN_INVALID, where,
				      "missing, and no bind, rbind or remount among the options");
	} else if (strcmp(type, "bind") == 0 || strcmp(type, "none") == 0) {
		return planner_refuse(p, PLAN_INVALID, where,
				      "'%s' is no file system; a bind mount has bind or rbind "
				      "among its options",
				      planner_shown(p, type));
	} else if (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0) {
		m->kind = MOUNT_CGROUP;
	}
	return 0;
}

static int read_destination(struct planner *p, struct reading *r)
{
	const char *given = r->in->destination;
	char where[96];

	(void)snprintf(where, sizeof(where), "%s/destination", r->pointer);
	if (given[0] == '\0')
		return planner_refuse(p, PLAN_INVALID, where, "is empty");
	if (given[0] != '/')
		planner_note(p, where, "'%s' is relative, which is deprecated: taken from '/'",
			     planner_shown(p, given));
	r->out->destination = clean_path(p, given);
	if (strcmp(r->out->destination, "/") == 0 && !r->remount)
		return planner_refuse(p, PLAN_INVALID, where,
				      "a mount on '/' would hide the root file system, which "
				      "/root/path names");
	return 0;
}

static int read_source(struct planner *p, struct reading *r)
{
	const char *source = r->in->source;
	char where[96];

	(void)snprintf(where, sizeof(where), "%s/source", r->pointer);
	r->out->source = source;
	if (r->out->kind != MOUNT_BIND)
		return 0;
	if (!source || source[0] == '\0')
		return planner_refuse(p, PLAN_INVALID, where, "missing, a bind mount needs one");
	r->out->source = from_bundle(p, source);
	return 0;
}

/* A new mount has nothing below it, so recursive words are plain ones there. */
static void settle_new(struct reading *r)
{
	struct plan_mount *m = r->out;
	uint64_t mask = m->attr_set | m->attr_clear;

	m->attr_set |= m->tree_set & ~mask;
	m->attr_clear |= m->tree_clear & ~mask;
	m->tree_set = 0;
	m->tree_clear = 0;
	if (m->kind != MOUNT_NEW || !(m->attr_set & MOUNT_ATTR_RDONLY))
		return;
	if (!is_virtual(m->type)) {
		r->options[m->n_options++].key = "ro";
	} else if (strcmp(m->type, "tmpfs") == 0) {
		m->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		m->read_only_late = true;
	}
}

/* linux.mountLabel, unless an option of this mount says otherwise. */
static void add_label(struct planner *p, struct reading *r)
{
	struct plan_mount *m = r->out;

	if (!p->plan->mount_label)
		return;
	for (size_t i = 0; i < m->n_options; i++)
		if (strstr(r->options[i].key, "context")) /* rootcontext, fscontext, ... */
			return;
	switch (plan_labels_mount(m->type)) {
	case LABEL_BY_OPTION:
		r->options[m->n_options].key = "context";
		r->options[m->n_options++].value = p->plan->mount_label;
		break;
	case LABEL_BY_XATTR:
		m->root_label = p->plan->mount_label;
		break;
	case LABEL_NEVER:
		break;
	}
}

/* In a user namespace a new one of these takes a namespace that belongs to it too. Where that is
 * the runtime's own, a bind of the host's shows no more and no less; parameters it can't have. */
static void choose_stand_in(struct planner *p, struct reading *r)
{
	static const struct {
		const char *type, *path;
		enum plan_ns_type of;
	} kinds[] = { { "proc", "/proc", NS_PID },
		      { "sysfs", "/sys", NS_NET },
		      { "mqueue", "/dev/mqueue", NS_IPC } };
	const struct plan *plan = p->plan;

	if (!plan_has_ns(plan, NS_USER) && !p->host->nested)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		/* sysfs shows devices of a network namespace, and else what is everybody's. */
		bool fits = kinds[i].of == NS_NET ? !plan_new_ns(plan, NS_NET)
						  : !plan_has_ns(plan, kinds[i].of);

		if (strcmp(r->out->type, kinds[i].type) != 0 || !fits || r->out->n_options > 0)
			continue;
		r->out->stand_in = kinds[i].path;
		if (plan_new_ns(plan, NS_USER))
			planner_note(p, r->pointer,
				     "the %s namespace isn't the user namespace's, so '%s' of the "
				     "host is bound instead of a new %s",
				     plan_ns_kinds[kinds[i].of].name, kinds[i].path, kinds[i].type);
	}
}

static int settle_cgroup(struct planner *p, struct reading *r)
{
	char where[96];

	settle_new(r);
	r->out->read_only = !r->writable;
	if (plan_has_ns(p->plan, NS_CGROUP) || p->host->cgroup_mount[0] != '\0')
		return 0;
	(void)snprintf(where, sizeof(where), "%s/type", r->pointer);
	return planner_refuse(p, PLAN_HOST, where, "this host has no cgroup2 mount to show");
}

/* uid= and gid= of file systems made inside are ids of the container. */
static int check_owner_options(struct planner *p, const struct reading *r)
{
	for (size_t i = 0; i < r->in->options.n; i++) {
		const char *option = r->in->options.v[i];
		char where[96], *end;
		unsigned long long id;

		if (strncmp(option, "uid=", 4) != 0 && strncmp(option, "gid=", 4) != 0)
			continue;
		id = strtoull(option + 4, &end, 0);
		if (option[4] < '0' || option[4] > '9' || *end || id >= UINT32_MAX)
			continue; /* the kernel says what it thinks of it */
		(void)snprintf(where, sizeof(where), "%s/options/%zu", r->pointer, i);
		if (option[0] == 'u')
			TRY(planner_check_uid(p, where, (uint32_t)id));
		else
			TRY(planner_check_gid(p, where, (uint32_t)id));
	}
	return 0;
}

static int plan_mount(struct planner *p, size_t index, struct plan_mount *out)
{
	struct reading r = { .in = &p->config->mounts.v[index], .out = out };
	size_t n_options = r.in->options.n + 2; /* ro and context are added at the end */

	(void)snprintf(r.pointer, sizeof(r.pointer), "/mounts/%zu", index);
	out->index = index;
	r.options = arena_array(&p->plan->arena, n_options, sizeof(*r.options));
	if (!r.options)
		return 0; /* the arena remembers */
	out->options = r.options;
	TRY(choose_kind(p, &r));
	TRY(read_destination(p, &r));
	TRY(read_source(p, &r));
	if (!out->type)
		out->type = "";
	TRY(read_options(p, &r));
	TRY(plan_mount_idmap(p, index, &r.idmap, out));
	if (out->idmap != IDMAP_NONE) {
		p->plan->idmapped = true;
		p->plan->idmapped_new |= out->kind == MOUNT_NEW;
	}
	if (out->kind == MOUNT_NEW) {
		if (out->idmap == IDMAP_NONE)
			TRY(check_owner_options(p, &r));
		settle_new(&r);
		choose_stand_in(p, &r);
		add_label(p, &r);
	}
	if (out->kind == MOUNT_CGROUP)
		return settle_cgroup(p, &r);
	return 0;
}

static int plan_root_propagation(struct planner *p)
{
	const char *given = p->config->linux.rootfs_propagation;
	const struct mount_word *word;

	if (!given || given[0] == '\0')
		return 0;
	word = mount_word_find(given);
	if (!word || word->kind != WORD_PROPAGATION)
		return planner_refuse(p, PLAN_INVALID, "/linux/rootfsPropagation",
				      "'%s' is not one of private, shared, slave, unbindable and "
				      "their r-forms",
				      given);
	p->plan->root_propagation = word->set;
	p->plan->root_propagation_recursive = word->recursive;
	return 0;
}

/* Masked and read-only paths: absolute, and not the root itself. */
static int check_paths(struct planner *p, const struct oci_strings *paths, const char *name,
		       const char *instead)
{
	for (size_t i = 0; i < paths->n; i++) {
		char where[64];

		(void)snprintf(where, sizeof(where), "/linux/%s/%zu", name, i);
		if (paths->v[i][0] != '/')
			TRY(planner_refuse(p, PLAN_INVALID, where, "'%s' is not absolute",
					   planner_shown(p, paths->v[i])));
		else if (strcmp(clean_path(p, paths->v[i]), "/") == 0)
			TRY(planner_refuse(p, PLAN_INVALID, where, "'/' is the root itself%s",
					   instead));
	}
	return 0;
}

/* Without a mount namespace of the container's own each of these would change the host; in one
 * given by path they would pile up on what its owner has there. */
static int refuse_without_namespace(struct planner *p)
{
	bool joined = plan_has_ns(p->plan, NS_MOUNT);
	enum plan_finding kind = joined ? PLAN_HOST : PLAN_INVALID;
	const char *why =
		joined ? "needs a mount namespace of the container's own: one that is given by "
			 "path stays as its owner made it"
		       : "needs a mount namespace, else the host's own mounts would change";
	const struct oci_config *c = p->config;

	if (c->mounts.n > 0)
		TRY(planner_refuse(p, kind, "/mounts", "%s", why));
	if (c->linux.masked_paths.n > 0)
		TRY(planner_refuse(p, kind, "/linux/maskedPaths", "%s", why));
	if (c->linux.readonly_paths.n > 0)
		TRY(planner_refuse(p, kind, "/linux/readonlyPaths", "%s", why));
	return 0;
}

/* The root is a mount of the container's own only in a new mount namespace. */
static int refuse_root_options(struct planner *p)
{
	static const char why[] =
		"needs a new mount namespace, where the root is a mount of its own";

	if (p->config->root.readonly)
		TRY(planner_refuse(p, PLAN_INVALID, "/root/readonly", "%s", why));
	if (p->plan->root_propagation != 0)
		TRY(planner_refuse(p, PLAN_INVALID, "/linux/rootfsPropagation", "%s", why));
	return 0;
}

int plan_mounts(struct planner *p)
{
	const struct oci_config *c = p->config;
	struct plan *plan = p->plan;
	struct plan_mount *mounts =
		arena_array(&plan->arena, c->mounts.n, sizeof(struct plan_mount));

	TRY(plan_root_propagation(p));
	if (!plan_new_ns(plan, NS_MOUNT)) {
		TRY(refuse_without_namespace(p));
		TRY(refuse_root_options(p));
	}
	plan->idmaps = arena_array(&plan->arena, c->mounts.n, sizeof(struct plan_idmap));
	if (!mounts || !plan->idmaps)
		return 0; /* the arena remembers */
	plan->root_readonly = c->root.readonly;
	plan->mounts = mounts;
	for (size_t i = 0; i < c->mounts.n; i++)
		TRY(plan_mount(p, i, &mounts[i]));
	plan->n_mounts = c->mounts.n;
	TRY(check_paths(p, &c->linux.masked_paths, "maskedPaths", ""));
	TRY(check_paths(p, &c->linux.readonly_paths, "readonlyPaths",
			", which /root/readonly speaks of"));
	plan->masked_paths = c->linux.masked_paths.v;
	plan->n_masked = c->linux.masked_paths.n;
	plan->readonly_paths = c->linux.readonly_paths.v;
	plan->n_readonly = c->linux.readonly_paths.n;
	return 0;
}
