/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Volumes made, listed and removed. What is in them at first is volume_fill.c's.
 */
#include "box/volume.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/container.h"
#include "box/interrupt.h"
#include "box/report.h"
#include "box/tree.h"

#define FACTS_LIMIT ((size_t)64 * 1024)

struct volume_facts {
	uint32_t version;
	int64_t created;
};

/* clang-format off */
static SHAPE(volume_facts,
	U32("formatVersion", volume_facts, version, .required = true),
	I64("created", volume_facts, created));
/* clang-format on */

/* --- Names --- */

void volume_name(const char *id, const struct box_options *options, size_t i,
		 char name[VOLUME_NAME_SIZE])
{
	const struct box_volume *volume = &options->volumes.v[i];

	if (volume->anonymous)
		(void)snprintf(name, VOLUME_NAME_SIZE, "%.64s-%zu", id, i + 1); /* fits */
	else
		(void)snprintf(name, VOLUME_NAME_SIZE, "%s", volume->named ? volume->source : "");
}

int volume_check_name(const char *name, struct oci_error *err)
{
	return record_check_name(name, err) < 0 ? fail_in(err, "volume") : 0;
}

/* Whether it is called ID-N. */
static bool is_anonymous(const char *name)
{
	const char *number = name + ID_SIZE + 1;

	return strspn(name, "0123456789abcdef") == ID_SIZE && name[ID_SIZE] == '-' && *number &&
	       !number[strspn(number, "0123456789")];
}

/* --- The directory of them --- */

/* -1 with errno ENOENT and no error text when there never was a volume. */
static int try_open_volumes(const struct box_home *home)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/volumes", home->root);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Made for root alone: files with setuid are kept in it. */
static int lock_volumes(const struct box_home *home, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/volumes", home->root);
	auto_fd made = path ? tree_make_directory(path, 0700, err) : -1;
	auto_fd volumes = -1;

	if (made < 0)
		return -1;
	volumes = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (volumes < 0)
		return fail_sys(err, "open '%s'", path);
	if (interrupt_lock(volumes, LOCK_EX, err) < 0)
		return fail_in(err, "lock '%s'", path);
	return fd_take(&volumes);
}

static bool is_there(int volumes, const char *name)
{
	struct stat st;

	return fstatat(volumes, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* --- Making --- */

static int write_facts(int dir, struct oci_error *err)
{
	const struct volume_facts facts = { .version = 1, .created = record_now() };
	auto_free char *text = NULL;
	size_t size;

	TRY(shape_write(&volume_facts_shape, &facts, &text, &size, err));
	return file_replace_at(dir, "volume.json", text, size, 0600, err);
}

static int make_half(int volumes, const char *half, struct oci_error *err)
{
	auto_fd dir = -1;

	TRY(tree_remove(volumes, half, err));
	if (mkdirat(volumes, half, 0700) < 0)
		return fail_sys(err, "mkdir");
	dir = openat(volumes, half, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return fail_sys(err, "open");
	/* What the umask takes away, chmod gives. */
	if (mkdirat(dir, "_data", 0755) < 0 || fchmodat(dir, "_data", 0755, 0) < 0)
		return fail_sys(err, "mkdir _data");
	return write_facts(dir, err);
}

/* Under the lock. */
static int make(int volumes, const char *name, bool *is_new, struct oci_error *err)
{
	char half[VOLUME_NAME_SIZE + 8];
	struct oci_error second = { 0 };

	*is_new = !is_there(volumes, name);
	if (!*is_new)
		return 0;
	(void)snprintf(half, sizeof(half), ".%s.new", name);
	if (make_half(volumes, half, err) == 0) {
		if (renameat(volumes, half, volumes, name) == 0)
			return 0;
		(void)fail_sys(err, "give it its name");
	}
	(void)tree_remove(volumes, half, &second); /* the first failure is told */
	return fail_in(err, "make the volume '%s'", name);
}

int volume_create(const struct box_home *home, const char *name, bool *is_new,
		  struct oci_error *err)
{
	auto_fd volumes = -1;

	TRY(volume_check_name(name, err));
	if (is_anonymous(name))
		return fail_code(err, "usage",
				 "volume: '%s' is a name for a container's own volumes", name);
	volumes = lock_volumes(home, err);
	return volumes < 0 ? -1 : make(volumes, name, is_new, err);
}

static int remove_it(int volumes, const char *name, struct oci_error *err)
{
	char gone[VOLUME_NAME_SIZE + 8];

	(void)snprintf(gone, sizeof(gone), ".%s.gone", name);
	TRY(tree_remove(volumes, gone, err));
	if (renameat(volumes, name, volumes, gone) < 0)
		return errno == ENOENT ? 0 : fail_sys(err, "remove the volume '%s'", name);
	return tree_remove(volumes, gone, err);
}

static int make_for(const char *id, const struct box_options *options, size_t i,
		    struct volumes_made *made, struct oci_error *err)
{
	char *name = made->names[made->n];
	bool is_new;

	volume_name(id, options, i, name);
	if (!*name)
		return 0;
	TRY(volume_check_name(name, err));
	/* Another container's own may be shown, but isn't made a second time. */
	if (!options->volumes.v[i].anonymous && is_anonymous(name) &&
	    !is_there(made->volumes, name))
		return fail_code(err, "not-found", "there is no volume '%s'", name);
	TRY(make(made->volumes, name, &is_new, err));
	made->n += is_new;
	return 0;
}

int volumes_make(const struct box_home *home, const char *id, const struct box_options *options,
		 struct volumes_made *made, struct oci_error *err)
{
	bool any = false;
	int result = 0;

	*made = (struct volumes_made){ .volumes = -1 };
	for (size_t i = 0; i < options->volumes.n; i++)
		any = any || options->volumes.v[i].named;
	if (!any)
		return 0;
	made->names = calloc(options->volumes.n, sizeof(*made->names));
	if (!made->names)
		return fail_code(err, "out-of-memory", "no memory for the volumes' names");
	made->volumes = lock_volumes(home, err);
	if (made->volumes < 0)
		result = -1;
	for (size_t i = 0; result == 0 && i < options->volumes.n; i++)
		result = make_for(id, options, i, made, err);
	if (result < 0)
		volumes_made_done(made, true);
	return result;
}

void volumes_made_done(struct volumes_made *made, bool undo)
{
	struct oci_error second = { 0 }; /* the first failure is told */

	for (size_t i = 0; undo && i < made->n; i++)
		(void)remove_it(made->volumes, made->names[i], &second);
	free(made->names);
	made->names = NULL;
	made->n = 0;
	fd_drop(&made->volumes);
}

/* --- Who uses them --- */

/* Pairs of a volume's name and a container's. */
struct uses {
	struct use {
		char volume[VOLUME_NAME_SIZE];
		char container[NAME_SIZE_MAX + 1];
	} * v;
	size_t n;
};

static int add_use(struct uses *uses, const char *volume, const char *container,
		   struct oci_error *err)
{
	struct use *v = realloc(uses->v, (uses->n + 1) * sizeof(*v));

	if (!v)
		return fail_code(err, "out-of-memory", "no memory for the volumes' users");
	uses->v = v;
	(void)snprintf(v[uses->n].volume, sizeof(v->volume), "%s", volume);
	(void)snprintf(v[uses->n].container, sizeof(v->container), "%s", container);
	uses->n++;
	return 0;
}

/* A container whose options (or record) can't be read may use any volume: that is an error, unless
 * it is just being removed. */
static int add_uses(void *ctx, struct box_record *record, struct oci_error *err)
{
	struct box_options options;
	struct oci_error own = { 0 };
	int result = 0;

	if (container_options(record, &options, &own) < 0) {
		if (own.num == ENOENT)
			return 0;
		*err = own;
		return fail_in(err, "which volumes '%s' uses", record->state.name);
	}
	for (size_t i = 0; result == 0 && i < options.volumes.n; i++) {
		char name[VOLUME_NAME_SIZE];

		volume_name(record->id, &options, i, name);
		if (*name)
			result = add_use(ctx, name, record->state.name, err);
	}
	box_options_done(&options);
	return result;
}

static int find_uses(const struct box_home *home, struct uses *uses, struct oci_error *err)
{
	*uses = (struct uses){ .n = 0 };
	if (record_for_every(home, add_uses, uses, err) == 0)
		return 0;
	free(uses->v);
	uses->v = NULL;
	return -1;
}

static const char *find_user(const struct uses *uses, const char *volume)
{
	for (size_t i = 0; i < uses->n; i++)
		if (!strcmp(uses->v[i].volume, volume))
			return uses->v[i].container;
	return NULL;
}

/* --- Listing --- */

static int64_t read_created(int volumes, const char *name)
{
	auto_fd dir = openat(volumes, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct volume_facts facts = { .created = 0 };
	struct oci_document *doc = NULL;
	struct oci_error ignored = { 0 }; /* a directory that somebody made by hand has none */
	auto_free char *text = NULL;
	size_t size;

	if (dir >= 0 && file_load_at(dir, "volume.json", FACTS_LIMIT, &text, &size, &ignored) == 0)
		(void)report_read(&volume_facts_shape, &facts, &doc, text, size, "invalid-state",
				  &ignored);
	json_document_free(doc);
	return *ignored.text ? 0 : facts.created;
}

static int tell(const struct box_home *home, int volumes, const char *name, const struct uses *uses,
		volume_each *each, void *ctx, struct oci_error *err)
{
	auto_free char **users = calloc(uses->n + 1, sizeof(*users));
	auto_free char *path = box_text(err, "%s/volumes/%s/_data", home->root, name);
	struct volume volume = {
		.name = name, .path = path, .users = users, .anonymous = is_anonymous(name)
	};
	size_t n = 0;

	if (!path)
		return -1;
	if (!users)
		return fail_code(err, "out-of-memory", "no memory for the volumes' users");
	for (size_t i = 0; i < uses->n; i++)
		if (!strcmp(uses->v[i].volume, name))
			users[n++] = uses->v[i].container;
	volume.created = read_created(volumes, name);
	return each(ctx, &volume, err);
}

static int tell_all(const struct box_home *home, int volumes, const char *only,
		    const struct uses *uses, volume_each *each, void *ctx, struct oci_error *err)
{
	char **names = tree_names(volumes, err);
	int result = names ? 0 : -1;

	for (size_t i = 0; result == 0 && names[i]; i++)
		if (names[i][0] != '.' && is_there(volumes, names[i]) &&
		    (!only || !strcmp(only, names[i])))
			result = tell(home, volumes, names[i], uses, each, ctx, err);
	tree_names_free(names);
	return result;
}

static int fail_missing(const char *name, struct oci_error *err)
{
	return fail_code(err, "not-found", "there is no volume '%s'", name);
}

int volumes_list(const struct box_home *home, const char *only, volume_each *each, void *ctx,
		 struct oci_error *err)
{
	auto_fd volumes = try_open_volumes(home);
	struct uses uses;
	int result;

	if (volumes < 0 && errno != ENOENT)
		return fail_sys(err, "open '%s/volumes'", home->root);
	if (only && (volumes < 0 || !*only || *only == '.' || strchr(only, '/') ||
		     !is_there(volumes, only)))
		return fail_missing(only, err);
	if (volumes < 0)
		return 0;
	TRY(find_uses(home, &uses, err));
	result = tell_all(home, volumes, only, &uses, each, ctx, err);
	free(uses.v);
	return result;
}

/* --- Removing --- */

int volume_remove(const struct box_home *home, const char *name, struct oci_error *err)
{
	struct oci_error unnamed = { 0 };
	auto_fd volumes = -1;
	struct uses uses;
	const char *user;
	int result;

	if (volume_check_name(name, &unnamed) < 0) /* no way out of the directory */
		return fail_missing(name, err);
	volumes = lock_volumes(home, err);
	if (volumes < 0)
		return -1;
	if (!is_there(volumes, name))
		return fail_missing(name, err);
	TRY(find_uses(home, &uses, err));
	user = find_user(&uses, name);
	result = user ? fail_code(err, "in-use", "the volume '%s' is used by the container '%s'",
				  name, user)
		      : remove_it(volumes, name, err);
	free(uses.v);
	return result;
}

int volumes_prune(const struct box_home *home, void (*removed)(const char *name),
		  struct oci_error *err)
{
	auto_fd volumes = lock_volumes(home, err);
	char **names = volumes < 0 ? NULL : tree_names(volumes, err);
	struct uses uses = { .n = 0 };
	int result = names ? find_uses(home, &uses, err) : -1;

	for (size_t i = 0; result == 0 && names[i]; i++) {
		if (names[i][0] == '.' || !is_there(volumes, names[i]) ||
		    find_user(&uses, names[i]))
			continue;
		result = remove_it(volumes, names[i], err);
		if (result == 0)
			removed(names[i]);
	}
	free(uses.v);
	tree_names_free(names);
	return result;
}

/* --- Sweeping --- */

/* Nobody's without the lock being held: ".NAME.new", ".NAME.gone"; or a container's that isn't
 * there any more. */
static bool is_left(const struct box_home *home, const char *name)
{
	char path[PATH_MAX];

	if (name[0] == '.')
		return true;
	if (!is_anonymous(name))
		return false;
	(void)snprintf(path, sizeof(path), "%s/containers/%.64s", home->root, name);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

static bool is_any_left(const struct box_home *home, struct oci_error *err)
{
	auto_fd volumes = try_open_volumes(home);
	char **names = volumes < 0 ? NULL : tree_names(volumes, err);
	bool any = false;

	for (size_t i = 0; names && names[i]; i++)
		any = any || is_left(home, names[i]);
	tree_names_free(names);
	return any;
}

static int sweep_locked(const struct box_home *home, int volumes, const struct uses *uses,
			struct oci_error *err)
{
	char **names = tree_names(volumes, err);
	int result = names ? 0 : -1;

	for (size_t i = 0; result == 0 && names[i]; i++) {
		if (!is_left(home, names[i]) || find_user(uses, names[i]))
			continue;
		result = names[i][0] == '.' ? tree_remove(volumes, names[i], err)
					    : remove_it(volumes, names[i], err);
	}
	tree_names_free(names);
	return result;
}

int volumes_sweep(const struct box_home *home, struct oci_error *err)
{
	auto_fd volumes = -1;
	struct uses uses;
	int result;

	/* Looked for without the lock, which a volume that is being filled or removed may keep. */
	if (!is_any_left(home, err))
		return *err->text ? -1 : 0;
	volumes = lock_volumes(home, err);
	if (volumes < 0)
		return -1;
	TRY(find_uses(home, &uses, err));
	result = sweep_locked(home, volumes, &uses, err);
	free(uses.v);
	return result;
}
