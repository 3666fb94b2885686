/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The root and the mounts: each planned one must be what a look-up of its destination meets, of the
 * right file system or source, with the flags and the propagation that were asked for; and there
 * should be no others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "plan/mount_words.h"
#include "verify/place.h"

#define ATIME MOUNT_ATTR__ATIME

enum { EXTRA_MAX = 64 }; /* mounts without an explanation that are told one by one */

static const struct {
	uint64_t flag;
	const char *word;
} flags[] = {
	{ MOUNT_ATTR_RDONLY, "ro" },
	{ MOUNT_ATTR_NOSUID, "nosuid" },
	{ MOUNT_ATTR_NODEV, "nodev" },
	{ MOUNT_ATTR_NOEXEC, "noexec" },
	{ MOUNT_ATTR_NODIRATIME, "nodiratime" },
	{ MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
};

/* What was asked of one mount, all words and remounts counted together. */
struct asked {
	uint64_t set, clear;
	uint64_t tree_set; /* of what is below it, too */
	uint64_t propagation;
};

static void ask(struct asked *asked, uint64_t set, uint64_t clear)
{
	asked->set = (asked->set & ~clear) | set;
	asked->clear = (asked->clear & ~set) | clear;
}

static bool has_flag(const struct mount_entry *entry, uint64_t flag, const char *word)
{
	return flag == MOUNT_ATTR_RDONLY ? mount_is_readonly(entry)
					 : mount_option(entry->options, word);
}

static const char *atime_word(uint64_t attributes)
{
	if ((attributes & ATIME) == MOUNT_ATTR_NOATIME)
		return "noatime";
	return (attributes & ATIME) == MOUNT_ATTR_STRICTATIME ? "strictatime" : "relatime";
}

static const char *atime_of(const struct mount_entry *entry)
{
	if (mount_option(entry->options, "noatime"))
		return "noatime";
	return mount_option(entry->options, "relatime") ? "relatime" : "strictatime";
}

static void check_flags(const struct verify *v, const char *pointer, const char *subject,
			const struct asked *asked, const struct mount_entry *entry)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bool found = has_flag(entry, flags[i].flag, flags[i].word);

		if ((asked->set & flags[i].flag) && !found)
			verify_tell(v, VERIFY_DIFFERS, pointer, subject, flags[i].word,
				    SAY("%s, without %s", entry->options, flags[i].word));
		if ((asked->clear & flags[i].flag) && found)
			verify_tell(v, VERIFY_LESS, pointer, subject,
				    SAY("without %s", flags[i].word), entry->options);
	}
	if ((asked->clear & ATIME) && strcmp(atime_word(asked->set), atime_of(entry)) != 0)
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, atime_word(asked->set),
			    atime_of(entry));
}

static bool parent_is_shared(const struct verify *v, const struct mount_entry *entry)
{
	const struct mount_entry *parent = mount_table_find(&v->mounts, entry->parent);

	return parent && parent != entry && mount_is_shared(parent);
}

static const char *propagation_text(char buf[64], const struct mount_entry *entry)
{
	bool slave = mount_is_slave(entry);

	(void)snprintf(buf, 64, "%s%s%s",
		       mount_is_unbindable(entry) ? "unbindable"
		       : mount_is_shared(entry)	  ? "shared"
		       : slave			  ? ""
						  : "private",
		       slave && mount_is_shared(entry) ? ", " : "", slave ? "slave" : "");
	return buf;
}

/* A slave of what isn't shared is private. What lies on a shared mount is shared unless the config
 * says otherwise. */
static void check_propagation(const struct verify *v, const char *pointer, const char *subject,
			      uint64_t asked, bool inherits, const struct mount_entry *entry)
{
	bool shared = mount_is_shared(entry), slave = mount_is_slave(entry);
	const char *expected = "private";
	char found[64];
	bool more = false, less = false;

	switch (asked) {
	case MS_SHARED:
		expected = "shared";
		less = !shared;
		break;
	case MS_SLAVE:
		expected = "slave";
		more = shared && !(inherits && parent_is_shared(v, entry));
		break;
	case MS_UNBINDABLE:
		expected = "unbindable";
		more = !mount_is_unbindable(entry);
		break;
	default:
		more = (shared && !(inherits && parent_is_shared(v, entry))) || slave;
	}
	if (more || less)
		verify_tell(v, more ? VERIFY_DIFFERS : VERIFY_LESS, pointer, subject, expected,
			    propagation_text(found, entry));
}

static void check_root_identity(const struct verify *v, const struct place *place)
{
	struct stat st;

	if (v->plan->namespaces[NS_MOUNT].how == NS_JOINED)
		verify_unchecked(v, "/root/path", "root",
				 "it was looked up in a mount namespace given by path");
	else if (stat(v->plan->rootfs, &st) < 0)
		verify_unchecked(v, "/root/path", "root",
				 SAY("'%s' can't be looked at any more: %s", v->plan->rootfs,
				     strerror(errno)));
	else if (st.st_dev != place->dev || st.st_ino != place->ino)
		verify_tell(v, VERIFY_DIFFERS, "/root/path", "root",
			    SAY("the directory '%s'", v->plan->rootfs), "another directory");
}

int verify_root(struct verify *v)
{
	const struct plan *plan = v->plan;
	struct place place;

	if (v->root < 0 || place_of(v, v->root, &place) < 0) {
		verify_unchecked(v, "/root", "root",
				 SAY("the process's root can't be looked at: %s",
				     strerror(v->root < 0 ? v->root_num : errno)));
		return 0;
	}
	check_root_identity(v, &place);
	if (!plan_new_ns(plan, NS_MOUNT))
		return 0;
	if (!place.is_mount || !place.mount) {
		verify_tell(v, VERIFY_DIFFERS, "/root/path", "root", "a mount of its own",
			    "a directory in another mount (chroot)");
		return 0;
	}
	place.mount->claimed = true;
	if (plan->root_readonly && !mount_is_readonly(place.mount))
		verify_tell(v, VERIFY_DIFFERS, "/root/readonly", "root", "read-only",
			    "it can be written to");
	if (!plan->root_readonly && mount_option(place.mount->options, "ro"))
		verify_tell(v, VERIFY_LESS, "/root/readonly", "root", "writable", "read-only");
	check_propagation(v, "/linux/rootfsPropagation", "root", plan->root_propagation, false,
			  place.mount);
	return 0;
}

static bool same_number(const char *a, size_t a_size, const char *b, size_t b_size)
{
	char text[2][32];
	unsigned long long value[2];

	if (a_size >= sizeof(text[0]) || b_size >= sizeof(text[1]))
		return false;
	(void)snprintf(text[0], sizeof(text[0]), "%.*s", (int)a_size, a);
	(void)snprintf(text[1], sizeof(text[1]), "%.*s", (int)b_size, b);
	for (int i = 0; i < 2; i++) {
		char *end;

		value[i] = strtoull(text[i], &end, 10);
		if (end == text[i])
			return false;
		if (*end == 'k' || *end == 'K')
			value[i] <<= 10;
		else if (*end == 'm' || *end == 'M')
			value[i] <<= 20;
		else if (*end == 'g' || *end == 'G')
			value[i] <<= 30;
		else if (*end)
			return false;
	}
	/* The kernel rounds up to whole pages. */
	return value[0] == value[1] ||
	       (value[0] < value[1] && value[1] - value[0] < 65536 && value[1] % 1024 == 0);
}

static bool is_id(const char *key)
{
	return strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0;
}

/* Ids are the container's in the config, and the initial user namespace's in the mount table. */
static const char *outside_value(const struct verify *v, const char *key, const char *value,
				 char buf[16])
{
	char *end;
	unsigned long id = strtoul(value, &end, 10);

	if (!is_id(key) || *end || id > UINT32_MAX)
		return value;
	(void)snprintf(buf, 16, "%u",
		       key[0] == 'u' ? verify_outside_uid(v, (uint32_t)id)
				     : verify_outside_gid(v, (uint32_t)id));
	return buf;
}

/* An SELinux context: the mount table shows it in quotation marks, with commas in them. */
static void check_context(const struct verify *v, const char *pointer, const char *subject,
			  const struct plan_fs_option *option, const struct mount_entry *entry)
{
	size_t size = 0;
	const char *found = mount_option_value(entry->super, option->key, &size);
	char context[4096];

	if (!found) {
		verify_tell(v, VERIFY_DIFFERS, pointer, subject,
			    SAY("%s=%s", option->key, option->value),
			    "the mount has no such label");
		return;
	}
	if (*found == '"')
		size = strcspn(++found, "\"");
	(void)snprintf(context, sizeof(context), "%.*s", (int)size, found);
	if (!verify_same_context(option->value, context))
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, option->value, context);
}

/* What takes no context as a parameter has it on its root. */
static void check_root_label(const struct verify *v, const struct plan_mount *m,
			     const char *subject, const struct place *place)
{
	char path[32], label[4096];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", place->fd);
	size = getxattr(path, "security.selinux", label, sizeof(label) - 1);
	if (size < 0) {
		verify_unchecked(v, "/linux/mountLabel", subject, strerror(errno));
		return;
	}
	label[size] = '\0';
	if (!verify_same_context(m->root_label, label))
		verify_tell(v, VERIFY_DIFFERS, "/linux/mountLabel", subject, m->root_label, label);
}

/* Parameters are compared where the mount table shows them the same way. */
static void check_parameter(const struct verify *v, const char *pointer, const char *subject,
			    const struct plan_fs_option *option, const struct mount_entry *entry)
{
	const char *key = option->key, *value = option->value, *found;
	char number[16];
	size_t size = 0;

	if (!value) {
		if (!mount_option(entry->super, key) && strcmp(key, "newinstance") != 0)
			verify_unchecked(v, pointer, subject,
					 SAY("the mount table doesn't show '%s'", key));
		return;
	}
	if (strstr(key, "context")) {
		check_context(v, pointer, subject, option, entry);
		return;
	}
	if (is_id(key) && v->plan->host->nested) {
		verify_unchecked(v, pointer, subject,
				 SAY("the mount table shows '%s' as an id of the initial user "
				     "namespace, which hull isn't in",
				     key));
		return;
	}
	value = outside_value(v, key, value, number);
	found = mount_option_value(entry->super, key, &size);
	if (!found) {
		verify_unchecked(v, pointer, subject,
				 SAY("the mount table doesn't show '%s=%s'", key, value));
		return;
	}
	/* Octal modes with or without a 0 before them. */
	if (same_number(value, strlen(value), found, size) ||
	    (strlen(value) == size && memcmp(value, found, size) == 0))
		return;
	if (strspn(value, "0123456789kKmMgG") == strlen(value))
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, SAY("%s=%s", key, value),
			    SAY("%s=%.*s", key, (int)size, found));
	else
		verify_unchecked(v, pointer, subject,
				 SAY("'%s=%s' is shown as '%.*s'", key, value, (int)size, found));
}

static void check_parameters(const struct verify *v, const struct plan_mount *m,
			     const char *subject, const struct mount_entry *entry)
{
	for (size_t i = 0; i < m->n_options; i++)
		check_parameter(v, SAY("/mounts/%zu/options", m->index), subject, &m->options[i],
				entry);
}

static void check_idmap(const struct verify *v, const struct plan_mount *m, const char *subject,
			const struct mount_entry *entry, const struct place *place)
{
	const char *pointer = SAY("/mounts/%zu/uidMappings", m->index);
	bool found = mount_option(entry->options, "idmapped");

	if (m->idmap != IDMAP_NONE && !found)
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, "idmapped", "not idmapped");
	else if (m->idmap != IDMAP_NONE && entry == place->mount)
		verify_mount_idmap(v, m, subject, place);
	else if (m->idmap != IDMAP_NONE)
		verify_unchecked(v, pointer, subject, "another mount lies on top of it");
	else if (found && m->kind != MOUNT_BIND)
		verify_tell(v, VERIFY_DIFFERS, pointer, subject, "not idmapped", "idmapped");
}

/* "fuse.sshfs" is shown for the type fuse, too. */
static bool same_type(const char *asked, const char *found)
{
	size_t length = strcspn(asked, ".");

	return strncmp(asked, found, length) == 0 &&
	       (found[length] == '\0' || found[length] == '.');
}

static void check_source(const struct verify *v, const struct plan_mount *m, const char *subject,
			 const struct place *place)
{
	const char *pointer = SAY("/mounts/%zu/source", m->index);
	struct stat st;

	if (stat(m->source, &st) < 0)
		verify_unchecked(
			v, pointer, subject,
			SAY("'%s' can't be looked at any more: %s", m->source, strerror(errno)));
	else if (st.st_dev != place->dev || st.st_ino != place->ino)
		verify_tell(v, VERIFY_DIFFERS, pointer, subject,
			    SAY("'%s' of the host (device %lx, inode %lu)", m->source,
				(unsigned long)st.st_dev, (unsigned long)st.st_ino),
			    SAY("device %lx, inode %lu", (unsigned long)place->dev,
				(unsigned long)place->ino));
}

static uint64_t propagation_of(const struct plan *plan, const struct plan_mount *m)
{
	if (m->propagation != 0)
		return m->propagation;
	if (plan->root_propagation_recursive &&
	    (plan->root_propagation == MS_SHARED || plan->root_propagation == MS_UNBINDABLE))
		return plan->root_propagation;
	if (m->kind == MOUNT_BIND &&
	    (plan->root_propagation == MS_SHARED || plan->root_propagation == MS_SLAVE))
		return MS_SLAVE;
	return MS_PRIVATE;
}

/* The mount's own words, then those of the remounts after it that mean the same mount. */
static struct asked asked_of(const struct verify *v, size_t i, const struct mount_entry *entry)
{
	const struct plan *plan = v->plan;
	const struct plan_mount *m = &plan->mounts[i];
	struct asked asked = { .propagation = propagation_of(plan, m) };

	ask(&asked, m->tree_set, m->tree_clear);
	ask(&asked, m->attr_set, m->attr_clear);
	asked.tree_set = m->tree_set;
	if (m->read_only_late)
		asked.set |= MOUNT_ATTR_RDONLY;
	if (m->kind == MOUNT_CGROUP && m->read_only &&
	    !(plan_new_ns(plan, NS_CGROUP) && plan->cgroup.used))
		asked.set |= MOUNT_ATTR_RDONLY;
	for (size_t k = i + 1; k < plan->n_mounts; k++) {
		const struct plan_mount *later = &plan->mounts[k];
		struct place place;

		if (later->kind != MOUNT_REMOUNT ||
		    place_look(v, later->destination, false, &place) < 0)
			continue;
		if (place.mount == entry) {
			ask(&asked, later->tree_set, later->tree_clear);
			ask(&asked, later->attr_set, later->attr_clear);
			asked.tree_set |= later->tree_set;
			if (later->propagation != 0)
				asked.propagation = later->propagation;
		}
		place_done(&place);
	}
	return asked;
}

/* An entry that `place` shows, or that lies directly under it at the same place and is free still:
 * several mounts on one destination are claimed from the top. */
static struct mount_entry *free_entry(const struct verify *v, const struct place *place)
{
	struct mount_entry *entry = place->mount;

	while (entry && entry->claimed) {
		struct mount_entry *below = mount_table_find(&v->mounts, entry->parent);

		if (!below || below == entry || strcmp(below->point, entry->point) != 0)
			return NULL;
		entry = below;
	}
	return entry;
}

static void check_mount(struct verify *v, size_t i)
{
	const struct plan_mount *m = &v->plan->mounts[i];
	const char *pointer = SAY("/mounts/%zu", m->index);
	const char *subject = SAY("mount at '%s'", m->destination);
	const char *type = m->kind == MOUNT_CGROUP ? "cgroup2" : m->type;
	struct mount_entry *entry;
	struct asked asked;
	struct place place;

	if (place_look(v, m->destination, false, &place) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			verify_tell(v, VERIFY_DIFFERS, pointer, subject, "a mount",
				    "there is no such path");
		else
			verify_unchecked(v, pointer, subject, strerror(errno));
		return;
	}
	entry = place.is_mount ? free_entry(v, &place) : NULL;
	if (!place.is_mount) {
		verify_tell(v, VERIFY_DIFFERS, pointer, subject,
			    SAY("a mount of %s", m->kind == MOUNT_BIND ? m->source : type),
			    "nothing is mounted there");
	} else if (entry) {
		entry->claimed = true;
		/* the host's /sys in place of a new one is a bind, too */
		entry->tree = m->kind == MOUNT_BIND || m->stand_in;
		asked = asked_of(v, i, entry);
		if (m->kind != MOUNT_BIND && !same_type(type, entry->type))
			verify_tell(v, VERIFY_DIFFERS, SAY("%s/type", pointer), subject, type,
				    entry->type);
		if (m->kind == MOUNT_BIND && entry == place.mount)
			check_source(v, m, subject, &place);
		if (m->kind == MOUNT_NEW && same_type(type, entry->type))
			check_parameters(v, m, subject, entry);
		if (m->root_label && entry == place.mount)
			check_root_label(v, m, subject, &place);
		check_flags(v, SAY("%s/options", pointer), subject, &asked, entry);
		check_idmap(v, m, subject, entry, &place);
		check_propagation(v, SAY("%s/options", pointer), subject, asked.propagation,
				  m->propagation == 0, entry);
	}
	place_done(&place);
}

/* The nearest mount above it that was asked for. */
static const struct mount_entry *claimed_above(const struct verify *v,
					       const struct mount_entry *entry)
{
	for (int depth = 0; depth < 256; depth++) {
		const struct mount_entry *parent = mount_table_find(&v->mounts, entry->parent);

		if (!parent || parent == entry)
			return NULL;
		if (parent->claimed)
			return parent;
		entry = parent;
	}
	return NULL;
}

/* Something else is at its place by now, or over it. */
static bool is_hidden(const struct verify *v, const struct mount_entry *entry, char point[4096])
{
	struct place place;
	bool hidden;

	if (!mount_point_text(entry, point, 4096) || place_look(v, point, true, &place) < 0)
		return true;
	hidden = place.mount != entry;
	place_done(&place);
	return hidden;
}

/* What the host has mounted below the root directory comes with it. */
static bool came_with_root(const struct verify *v, int host_root, const char *point)
{
	auto_fd fd = host_root < 0 ? -1 : inroot_try_open(host_root, point, O_PATH | O_NOFOLLOW);
	struct place place;
	struct stat st;
	bool same;

	if (fd < 0 || fstat(fd, &st) < 0 || place_look(v, point, true, &place) < 0)
		return false;
	same = st.st_dev == place.dev && st.st_ino == place.ino;
	place_done(&place);
	return same;
}

/* Those that are hull's without being in /mounts. */
static bool is_hulls(const struct verify *v, const char *point)
{
	return (v->plan->process.terminal && strcmp(point, "/dev/console") == 0) ||
	       (v->plan->notify && strcmp(point, PLAN_NOTIFY_INSIDE) == 0);
}

static bool has_hooks(const struct plan *plan)
{
	return plan->hooks[HOOK_PRESTART].n + plan->hooks[HOOK_CREATE_RUNTIME].n +
		       plan->hooks[HOOK_CREATE_CONTAINER].n >
	       0;
}

/* Mounts that no entry of /mounts explains. With CAP_SYS_ADMIN the container may have made them,
 * with hooks the engine. */
static void check_extra(const struct verify *v)
{
	bool may = (v->plan->process.caps.bounding & (UINT64_C(1) << 21 /* CAP_SYS_ADMIN */)) ||
		   has_hooks(v->plan);
	auto_fd root = open(v->plan->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t told = 0, looked = 0;
	char point[4096];

	for (size_t i = 0; i < v->mounts.n && looked < 4096; i++) {
		const struct mount_entry *entry = &v->mounts.v[i];
		const struct mount_entry *above;

		if (entry->claimed)
			continue;
		looked++;
		above = claimed_above(v, entry);
		if (above && (above->tree || mount_is_slave(above) || mount_is_shared(above)))
			continue; /* came with a bind, or from the host */
		if (is_hidden(v, entry, point) || is_hulls(v, point) ||
		    came_with_root(v, root, point))
			continue;
		if (told++ < EXTRA_MAX)
			verify_tell(v, may ? VERIFY_OWN : VERIFY_DIFFERS, "/mounts",
				    "further mount", "no mount that the config doesn't name",
				    SAY("%s at '%s'", entry->type, point));
	}
	if (told > EXTRA_MAX || looked == 4096)
		verify_tell(v, may ? VERIFY_OWN : VERIFY_DIFFERS, "/mounts", "further mounts",
			    "no mount that the config doesn't name",
			    SAY("%zu more",
				looked == 4096 ? v->mounts.n - EXTRA_MAX : told - EXTRA_MAX));
}

/* What the recursive options ask of the mounts that came with a bind. */
static void check_trees(const struct verify *v, size_t i)
{
	const struct plan_mount *m = &v->plan->mounts[i];
	struct place top;

	if (m->kind != MOUNT_BIND || m->tree_set == 0 ||
	    place_look(v, m->destination, false, &top) < 0)
		return;
	for (size_t k = 0; k < v->mounts.n && top.mount; k++) {
		const struct mount_entry *entry = &v->mounts.v[k];
		struct asked asked = { .set = m->tree_set & ~(uint64_t)ATIME };

		if (!entry->claimed && claimed_above(v, entry) == top.mount)
			check_flags(v, SAY("/mounts/%zu/options", m->index),
				    SAY("mount at '%s', below '%s'", entry->point, m->destination),
				    &asked, entry);
	}
	place_done(&top);
}

int verify_mounts(struct verify *v)
{
	const struct plan *plan = v->plan;

	if (!plan_new_ns(plan, NS_MOUNT) || v->root < 0)
		return 0;
	/* From the last one: it lies on top where several have one destination. */
	for (size_t i = plan->n_mounts; i > 0; i--)
		if (plan->mounts[i - 1].kind != MOUNT_REMOUNT)
			check_mount(v, i - 1);
	for (size_t i = 0; i < plan->n_mounts; i++)
		check_trees(v, i);
	check_extra(v);
	return 0;
}
