/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/network_record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"

enum { LOCK_WAIT_MS = 60000, LOCK_PAUSE_MS = 5 };

static const char ending[] = ".json";

/* --- Directories --- */

/* Opens a directory below another; with `make` makes it first. -1 and errno. */
static int open_directory(int dir, const char *name, bool make, mode_t mode)
{
	if (make && mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* RUNTIME and what is above it. */
static int make_runtime(const char *path, struct oci_error *err)
{
	auto_free char *copy = strdup(path);

	if (!copy)
		return fail_code(err, "out-of-memory", "no memory for a path");
	for (char *at = copy + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return fail_sys(err, "make the directory '%s'", copy);
		*at = '/';
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return fail_sys(err, "make the directory '%s'", path);
	return 0;
}

int network_store_open(struct network_store *store, const struct box_home *home, bool make,
		       struct oci_error *err)
{
	auto_fd locks = -1, leases = -1, pins = -1;

	*store = (struct network_store){ .home = home, .dir = -1, .containers = -1 };
	store->path = box_text(err, "%s/network", home->runtime);
	store->netns_dir = box_text(err, "%s/netns", home->runtime);
	if (!store->path || !store->netns_dir)
		return -1;
	if (make)
		TRY(make_runtime(home->runtime, err));
	store->dir = open_directory(AT_FDCWD, store->path, make, 0700);
	if (store->dir < 0)
		return !make && errno == ENOENT ? 0 : fail_sys(err, "open '%s'", store->path);
	store->containers = open_directory(store->dir, "containers", true, 0700);
	locks = open_directory(store->dir, "locks", true, 0700);
	leases = open_directory(store->dir, "leases", true, 0700);
	pins = open_directory(AT_FDCWD, store->netns_dir, true, 0755);
	if (store->containers < 0 || locks < 0 || leases < 0 || pins < 0)
		return fail_sys(err, "make the directories below '%s'", home->runtime);
	return 0;
}

void network_store_close(struct network_store *store)
{
	heap_drop(&store->path);
	heap_drop(&store->netns_dir);
	fd_drop(&store->dir);
	fd_drop(&store->containers);
}

char *network_pin_path(const struct network_store *store, const char *id, struct oci_error *err)
{
	return box_text(err, "%s/%s", store->netns_dir, id);
}

/* --- Locks --- */

int network_lock(int fd, int operation, struct oci_error *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };

	for (int waited = 0;; waited += LOCK_PAUSE_MS) {
		if (flock(fd, operation | LOCK_NB) == 0)
			return 1;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_sys(err, "flock");
		if (operation & LOCK_NB)
			return 0;
		if (waited >= LOCK_WAIT_MS)
			return fail_code(
				err, "busy",
				"another hullbox, or a plugin that it called, is at work on "
				"the network for more than %d s",
				LOCK_WAIT_MS / 1000);
		(void)nanosleep(&pause, NULL);
	}
}

int network_lock_open(int dir, struct oci_error *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail_sys(err, "open the directory of a lock") : fd;
}

int network_lock_container(const struct network_store *store, const char *id, bool wait, bool *busy,
			   struct oci_error *err)
{
	auto_free char *name = box_text(err, "locks/%s", id);

	*busy = false;
	if (!name)
		return -1;
	for (;;) {
		auto_fd fd =
			openat(store->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat there;
		int taken;

		if (fd < 0)
			return fail_sys(err, "open '%s/%s'", store->path, name);
		taken = network_lock(fd, LOCK_EX | (wait ? 0 : LOCK_NB), err);
		if (taken < 0)
			return fail_in(err, "container %.12s", id);
		*busy = taken == 0;
		if (*busy)
			return -1;
		if (fstat(fd, &there) == 0 && there.st_nlink > 0)
			return fd_take(&fd);
		/* Removed by the one who had it: the next file of that name is the lock. */
	}
}

void network_unlock_container(const struct network_store *store, const char *id)
{
	struct oci_error ignored = { 0 };
	auto_free char *name = box_text(&ignored, "locks/%s", id);

	if (name)
		(void)unlinkat(store->dir, name, 0); /* a file that stays does no harm */
}

/* --- Records --- */

static void write_ports(struct json_text *out, const struct network_record *record)
{
	json_text_open_array(out, "ports");
	for (size_t i = 0; i < record->n_ports; i++) {
		json_text_open_object(out, NULL);
		if (record->ports[i].ip)
			json_text_string(out, "ip", record->ports[i].ip);
		json_text_int(out, "host", record->ports[i].host);
		json_text_int(out, "container", record->ports[i].container);
		json_text_bool(out, "udp", record->ports[i].udp);
		json_text_close_object(out);
	}
	json_text_close_array(out);
}

static void write_json(struct json_text *out, const struct network_record *record)
{
	json_text_open_object(out, NULL);
	json_text_int(out, "format", 1);
	json_text_string(out, "id", record->id);
	json_text_string(out, "name", record->name);
	if (record->hostname)
		json_text_string(out, "hostname", record->hostname);
	json_text_string(out, "directory", record->directory);
	json_text_string(out, "kind", record->kind);
	json_text_string(out, "network", record->network);
	json_text_string(out, "netns", record->netns);
	json_text_string(out, "ip", record->ip);
	json_text_bool(out, "pinned", record->pinned);
	json_text_bool(out, "removing", record->removing);
	write_ports(out, record);
	if (record->config)
		json_tree_copy(out, "config", record->config);
	if (record->result)
		json_tree_copy(out, "result", record->result);
	json_text_close_object(out);
	json_text_newline(out);
}

void network_record_tell(struct json_text *out, const struct network_record *record)
{
	struct cni_addresses addresses;

	cni_addresses_read(record->result, &addresses);
	json_text_open_object(out, NULL);
	json_text_string(out, "id", record->id);
	json_text_string(out, "name", record->name);
	json_text_string(out, "ip", *record->ip ? record->ip : NULL);
	json_text_string(out, "mac", *addresses.mac ? addresses.mac : NULL);
	json_text_string(out, "netns", *record->netns ? record->netns : NULL);
	write_ports(out, record);
	json_text_close_object(out);
}

static char *record_name(const char *id, struct oci_error *err)
{
	return box_text(err, "%s%s", id, ending);
}

int network_record_write(const struct network_store *store, const struct network_record *record,
			 struct oci_error *err)
{
	auto_free char *name = record_name(record->id, err);
	struct json_text out;
	int result;

	if (!name)
		return -1;
	json_text_init(&out, true);
	write_json(&out, record);
	result = json_text_check(&out, err);
	if (result == 0)
		result = file_replace_at(store->containers, name, out.text, out.size, 0600, err);
	json_text_done(&out);
	return result < 0 ? fail_in(err, "write the network of container %.12s", record->id) : 0;
}

static bool is_true(const struct json_node *root, const char *key)
{
	const struct json_node *member = json_tree_member(root, key);

	return member && member->kind == JSON_TRUE;
}

static int read_ports(struct network_record *record, struct oci_error *err)
{
	const struct json_node *first = json_tree_array(record->doc->root, "ports"), *at;
	size_t n = 0;

	for (at = first; at; at = at->next)
		n++;
	record->ports = calloc(n + 1, sizeof(*record->ports));
	record->owns_ports = true;
	if (!record->ports)
		return fail_code(err, "out-of-memory", "no memory for ports");
	for (at = first; at; at = at->next)
		record->ports[record->n_ports++] = (struct network_port){
			.ip = json_tree_text(at, "ip"),
			.host = (uint16_t)json_tree_uint(at, "host", UINT16_MAX, 0),
			.container = (uint16_t)json_tree_uint(at, "container", UINT16_MAX, 0),
			.udp = is_true(at, "udp"),
		};
	return 0;
}

static const char *text_or_empty(const struct json_node *root, const char *key)
{
	const char *text = json_tree_text(root, key);

	return text ? text : "";
}

static int read_json(struct network_record *record, const char *id, struct oci_error *err)
{
	const struct json_node *root = record->doc->root;

	record->id = text_or_empty(root, "id");
	record->name = text_or_empty(root, "name");
	record->hostname = json_tree_text(root, "hostname");
	record->directory = text_or_empty(root, "directory");
	record->kind = text_or_empty(root, "kind");
	record->network = text_or_empty(root, "network");
	record->netns = text_or_empty(root, "netns");
	record->ip = text_or_empty(root, "ip");
	record->pinned = is_true(root, "pinned");
	record->removing = is_true(root, "removing");
	record->config = json_tree_member(root, "config");
	record->result = json_tree_member(root, "result");
	if (json_tree_uint(root, "format", 1, 0) != 1)
		return fail(err, "/format: this hullbox reads format 1 only");
	if (strcmp(record->id, id) != 0)
		return fail(err, "/id: expected '%s'", id);
	return read_ports(record, err);
}

int network_record_read(const struct network_store *store, const char *id,
			struct network_record *record, struct oci_error *err)
{
	auto_free char *name = record_name(id, err);

	*record = (struct network_record){ 0 };
	if (!name)
		return -1;
	record->doc = json_tree_load(store->containers, name, err);
	if (!record->doc && err->num == ENOENT) {
		*err = (struct oci_error){ 0 };
		return 0;
	}
	if (record->doc && read_json(record, id, err) == 0)
		return 1;
	network_record_done(record);
	return fail_in(err, "read '%s/containers/%s'", store->path, name);
}

void network_record_done(struct network_record *record)
{
	json_document_free(record->doc);
	if (record->owns_ports)
		free(record->ports);
	*record = (struct network_record){ 0 };
}

int network_record_remove(const struct network_store *store, const char *id, struct oci_error *err)
{
	auto_free char *name = record_name(id, err);
	auto_free char *unfinished = box_text(err, ".%s%s.new", id, ending);

	if (!name || !unfinished)
		return -1;
	(void)unlinkat(store->containers, unfinished, 0); /* of a writer who was killed */
	if (unlinkat(store->containers, name, 0) < 0 && errno != ENOENT)
		return fail_sys(err, "remove '%s/containers/%s'", store->path, name);
	return 0;
}

/* --- All of them --- */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int add_id(struct network_ids *ids, size_t *room, const char *name, size_t size,
		  struct oci_error *err)
{
	if (ids->n == *room) {
		size_t more = *room ? 2 * *room : 64;
		char(*grown)[128] = realloc(ids->v, more * sizeof(*grown));

		if (!grown)
			return fail_code(err, "out-of-memory",
					 "no memory for a list of containers");
		ids->v = grown;
		*room = more;
	}
	memcpy(ids->v[ids->n], name, size);
	ids->v[ids->n++][size] = '\0';
	return 0;
}

int network_ids_read(const struct network_store *store, struct network_ids *ids,
		     struct oci_error *err)
{
	DIR *dir = fd_list(store->containers);
	struct dirent *entry;
	size_t room = 0;
	int result = 0;

	*ids = (struct network_ids){ 0 };
	if (!dir)
		return fail_sys(err, "open '%s/containers'", store->path);
	while (result == 0 && (entry = readdir(dir))) {
		size_t size = strlen(entry->d_name), tail = sizeof(ending) - 1;

		if (entry->d_name[0] != '.' && size > tail && size - tail < sizeof(ids->v[0]) &&
		    !strcmp(entry->d_name + size - tail, ending))
			result = add_id(ids, &room, entry->d_name, size - tail, err);
	}
	(void)closedir(dir);
	if (result == 0 && ids->n)
		qsort(ids->v, ids->n, sizeof(ids->v[0]), compare_ids);
	return result;
}

bool network_ids_have(const struct network_ids *ids, const char *id)
{
	return ids->n && bsearch(id, ids->v, ids->n, sizeof(ids->v[0]), compare_ids);
}

void network_ids_done(struct network_ids *ids)
{
	free(ids->v);
	*ids = (struct network_ids){ 0 };
}
