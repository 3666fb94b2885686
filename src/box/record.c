/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/record.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "box/interrupt.h"
#include "box/record_state.h"
#include "box/runtime_claim.h"
#include "box/tree.h"

const char *const box_status_names[] = { "created", "running", "paused", "stopped" };

int64_t record_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* can't fail for this clock */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int open_made(const char *path, struct oci_error *err)
{
	auto_fd made = tree_make_directory(path, 0700, err);
	int fd = made < 0 ? -1 : openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return made >= 0 && fd < 0 ? fail_sys(err, "open '%s'", path) : fd;
}

/* ROOT/NAME, made when missing. */
static int open_in_root(const struct box_home *home, const char *name, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/%s", home->root, name);

	return path ? open_made(path, err) : -1;
}

/* Names come and go under this one. */
static int lock_names(const struct box_home *home, int *names, struct oci_error *err)
{
	*names = open_in_root(home, "names", err);
	if (*names < 0)
		return -1;
	return interrupt_lock(*names, LOCK_EX, err) < 0 ? fail_in(err, "lock the names") : 0;
}

char *record_path(const struct box_home *home, const struct box_record *record, const char *name,
		  struct oci_error *err)
{
	return box_text(err, "%s/containers/%s%s%s", home->root, record->id, *name ? "/" : "",
			name);
}

char *record_runtime_path(const struct box_home *home, const struct box_record *record,
			  const char *name, struct oci_error *err)
{
	return box_text(err, "%s/containers/%s%s%s", home->runtime, record->id, *name ? "/" : "",
			name);
}

/* --- Making and naming --- */

static int make_id(char id[ID_SIZE + 1], struct oci_error *err)
{
	unsigned char bytes[ID_SIZE / 2];

	do {
		if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
			return fail_sys(err, "getrandom");
		for (size_t i = 0; i < sizeof(bytes); i++)
			(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
		/* A short id of digits only would be taken for a number by who reads it. */
	} while (strspn(id, "0123456789") >= SHORT_ID_SIZE);
	return 0;
}

int record_check_name(const char *name, struct oci_error *err)
{
	size_t size = strlen(name);
	bool good = size > 0 && size <= NAME_SIZE_MAX && isalnum((unsigned char)name[0]);

	for (size_t i = 0; i < size; i++)
		good = good && (isalnum((unsigned char)name[i]) || strchr("_.-", name[i])) &&
		       (unsigned char)name[i] < 128;
	return good ? 0
		    : fail_code(err, "usage",
				"'%.130s' can't be a name: letters, digits, '_', '.' and '-', the "
				"first a letter or digit, at most %d of them",
				name, NAME_SIZE_MAX);
}

/* Also while it is being removed: its lock may have been the first file of it to go. */
static bool is_removed(const struct box_record *record)
{
	char gone[ID_SIZE + 16];
	struct stat status;

	(void)snprintf(gone, sizeof(gone), "../%s.gone", record->id);
	return fstatat(record->dir, gone, &status, AT_SYMLINK_NOFOLLOW) == 0 ||
	       fstat(record->dir, &status) < 0 || status.st_nlink == 0;
}

int record_lock(struct box_record *record, bool now, struct oci_error *err)
{
	if (is_removed(record))
		return fail_code(err, "not-found", "it has been removed");
	if (record->lock < 0)
		record->lock = openat(record->dir, "lock", O_RDWR | O_CLOEXEC);
	/* It was made with the directory: without it that is being removed. */
	if (record->lock < 0)
		return errno == ENOENT ? fail_code(err, "not-found", "it has been removed")
				       : fail_sys(err, "open its lock");
	if (interrupt_lock(record->lock, LOCK_EX | (now ? LOCK_NB : 0), err) < 0) {
		if (err->num == EWOULDBLOCK) {
			*err = (struct oci_error){ 0 };
			(void)fail_code(err, "busy", "another command works at it");
		} else {
			(void)fail_in(err, "lock it");
		}
		fd_drop(&record->lock);
		return -1;
	}
	if (is_removed(record))
		return record_unlock(record), fail_code(err, "not-found", "it has been removed");
	if (record_load(record, err) == 0)
		return 0;
	record_unlock(record);
	return -1;
}

void record_unlock(struct box_record *record)
{
	fd_drop(&record->lock);
}

static int lock_directory(int dir, int how, struct oci_error *err)
{
	return interrupt_lock(dir, how, err) < 0 ? fail_in(err, "lock the container's directory")
						 : 0;
}

int record_hold(const struct box_record *record, struct oci_error *err)
{
	return lock_directory(record->dir, LOCK_SH, err);
}

int record_wait_for_holders(const struct box_record *record, struct oci_error *err)
{
	auto_fd dir = openat(record->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? fail_sys(err, "open the container's directory")
		       : lock_directory(dir, LOCK_EX, err);
}

/* 1 when it was made, 0 when a sweep took it before it was locked. */
static int try_make(const struct box_home *home, int containers, struct box_record *record,
		    struct oci_error *err)
{
	char name[ID_SIZE + 8];
	struct stat lock;

	TRY(make_id(record->id, err));
	(void)snprintf(name, sizeof(name), "%s.new", record->id);
	if (mkdirat(containers, name, 0700) < 0)
		return fail_sys(err, "make '%s/containers/%s'", home->root, name);
	record->dir = openat(containers, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (record->dir < 0)
		return fail_sys(err, "open '%s/containers/%s'", home->root, name);
	record->lock = openat(record->dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (record->lock < 0 || flock(record->lock, LOCK_EX) < 0 || fstat(record->lock, &lock) < 0)
		return fail_sys(err, "lock '%s/containers/%s'", home->root, name);
	return lock.st_nlink > 0;
}

int record_make(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	auto_fd containers = open_in_root(home, "containers", err);
	int made = containers < 0 ? -1 : 0;

	*record = (struct box_record)BOX_RECORD_NONE;
	record->state.exit_code = -1;
	record->state.created = record_now();
	/* Till the record's own lock is held: a sweep leaves it alone. */
	if (made == 0 && interrupt_lock(containers, LOCK_SH, err) < 0)
		made = fail_in(err, "lock '%s/containers'", home->root);
	while (made == 0) {
		record_close(record);
		made = try_make(home, containers, record, err);
	}
	if (made < 0)
		record_close(record);
	return made < 0 ? -1 : 0;
}

static int open_id(const struct box_home *home, const char *id, struct box_record *record,
		   struct oci_error *err);

/* Whether the name's link leads to a container that is there and is called so; else it was left by
 * a removal or a renaming that was killed, and is removed. */
static bool name_is_used(const struct box_home *home, int names, const char *name)
{
	char target[ID_SIZE + 2];
	ssize_t size = readlinkat(names, name, target, sizeof(target) - 1);
	struct oci_error why = { 0 };
	struct box_record record;
	bool used;

	if (size < 0)
		return errno != ENOENT;
	target[size] = '\0';
	if (open_id(home, target, &record, &why) == 0) {
		used = !strcmp(record.state.name, name);
		record_close(&record);
	} else {
		used = strcmp(why.code, "not-found") != 0;
	}
	if (!used)
		(void)unlinkat(names, name, 0); /* else symlinkat() says it */
	return used;
}

static int take_name(const struct box_home *home, int names, const char *id, const char *name,
		     struct oci_error *err)
{
	if (name_is_used(home, names, name))
		return fail_code(err, "name-in-use", "the name '%s' is in use", name);
	if (symlinkat(id, names, name) < 0)
		return fail_sys(err, "take the name '%s'", name);
	return 0;
}

/* On the disk, for when the power fails: a name without what it means would be in nobody's power.
 * What replaces it later file systems order by themselves. */
static int keep_files(const struct box_record *record, struct oci_error *err)
{
	static const char *const names[] = { "config.json", "state.json" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		auto_fd file = openat(record->dir, names[i], O_RDONLY | O_CLOEXEC);

		if (file < 0 && errno == ENOENT)
			continue;
		if (file < 0 || fdatasync(file) < 0)
			return fail_sys(err, "keep '%s'", names[i]);
	}
	return 0;
}

int record_publish(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	auto_fd containers = open_in_root(home, "containers", err);
	auto_fd names = -1;
	char name[ID_SIZE + 8];
	struct box_state *state = &record->state;

	if (containers < 0)
		return -1;
	TRY(lock_names(home, &names, err));
	if (!*state->name)
		(void)snprintf(state->name, sizeof(state->name), "box-%.8s", record->id);
	TRY(record_check_name(state->name, err));
	if (name_is_used(home, names, state->name))
		return fail_code(err, "name-in-use", "the name '%s' is in use", state->name);
	TRY(record_save(record, err));
	TRY(keep_files(record, err));
	(void)snprintf(name, sizeof(name), "%s.new", record->id);
	if (renameat(containers, name, containers, record->id) < 0)
		return fail_sys(err, "rename '%s/containers/%s'", home->root, name);
	if (take_name(home, names, record->id, state->name, err) == 0)
		return 0;
	/* Not one without a name (a full disk): a sweep takes what isn't published. */
	(void)renameat(containers, record->id, containers, name);
	return -1;
}

bool record_is_unpublished(const struct box_home *home, const char *id)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/containers/%s.new", home->root, id);
	return access(path, F_OK) == 0;
}

int record_rename(const struct box_home *home, struct box_record *record, const char *name,
		  struct oci_error *err)
{
	char old[NAME_SIZE_MAX + 1];
	auto_fd names = -1;

	TRY(record_check_name(name, err));
	TRY(lock_names(home, &names, err));
	TRY(take_name(home, names, record->id, name, err));
	(void)snprintf(old, sizeof(old), "%s", record->state.name);
	(void)snprintf(record->state.name, sizeof(record->state.name), "%s", name);
	if (record_save(record, err) < 0) {
		(void)unlinkat(names, name, 0); /* the failure is told */
		(void)snprintf(record->state.name, sizeof(record->state.name), "%s", old);
		return -1;
	}
	(void)unlinkat(names, old, 0); /* a link that stays is replaced when its name is taken */
	return 0;
}

/* What keeps the logs (watch.h) ends with the monitor, but not before it: for a moment it may put a
 * file into a directory that is being emptied. */
static int remove_gone(int containers, const char *name, struct oci_error *err)
{
	const struct timespec pause = { 0, 20000000 };

	for (int tries = 0; tries < 10; tries++) {
		*err = (struct oci_error){ 0 };
		if (tree_remove(containers, name, err) == 0)
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return -1;
}

/* Half-removed things are called ID.gone. */
int record_remove(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	auto_fd containers = open_in_root(home, "containers", err);
	auto_fd names = -1;
	char gone[ID_SIZE + 8], target[ID_SIZE + 1];

	if (containers < 0)
		return -1;
	TRY(lock_names(home, &names, err));
	(void)snprintf(gone, sizeof(gone), "%s.gone", record->id);
	if (renameat(containers, record->id, containers, gone) < 0)
		return fail_sys(err, "rename '%s/containers/%s'", home->root, record->id);
	if (*record->state.name &&
	    readlinkat(names, record->state.name, target, sizeof(target)) == ID_SIZE &&
	    !memcmp(target, record->id, ID_SIZE))
		(void)unlinkat(names, record->state.name, 0); /* as in record_rename() */
	fd_drop(&names);
	return remove_gone(containers, gone, err);
}

void record_close(struct box_record *record)
{
	fd_drop(&record->lock);
	fd_drop(&record->dir);
}

/* --- Finding --- */

static bool is_id(const char *text, size_t size)
{
	return strlen(text) == size && strspn(text, "0123456789abcdef") == size;
}

static int open_id(const struct box_home *home, const char *id, struct box_record *record,
		   struct oci_error *err)
{
	auto_free char *path = NULL;

	*record = (struct box_record)BOX_RECORD_NONE;
	(void)snprintf(record->id, sizeof(record->id), "%s", id);
	path = record_path(home, record, "", err);
	if (!path)
		return -1;
	record->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (record->dir < 0)
		return errno == ENOENT ? fail_code(err, "not-found", "no such container: %s", id)
				       : fail_sys(err, "open '%s'", path);
	if (record_load(record, err) == 0)
		return 0;
	record_close(record);
	return -1;
}

/* What an id that begins like this is called in full. */
static int complete_id(const struct box_home *home, const char *begin, char id[ID_SIZE + 1],
		       struct oci_error *err)
{
	auto_fd fd = open_in_root(home, "containers", err);
	DIR *containers = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int found = 0;

	if (!containers)
		return fd < 0 ? -1 : fail_sys(err, "list the containers");
	(void)fd_take(&fd); /* closedir() closes it */
	while ((entry = readdir(containers)) != NULL)
		if (is_id(entry->d_name, ID_SIZE) &&
		    !strncmp(entry->d_name, begin, strlen(begin)) && found++ == 0)
			(void)snprintf(id, ID_SIZE + 1, "%.64s", entry->d_name);
	(void)closedir(containers);
	if (found > 1)
		return fail_code(err, "ambiguous", "%d containers have an id that begins with '%s'",
				 found, begin);
	return found ? 0 : fail_code(err, "not-found", "no such container: %s", begin);
}

int record_open(const struct box_home *home, const char *word, struct box_record *record,
		struct oci_error *err)
{
	auto_fd names = -1;
	char id[ID_SIZE + 1];
	ssize_t size;

	*record = (struct box_record)BOX_RECORD_NONE;
	if (is_id(word, ID_SIZE))
		return open_id(home, word, record, err);
	if (!*word || strchr(word, '/') || word[0] == '.')
		return fail_code(err, "not-found", "no such container: %s", word);
	names = open_in_root(home, "names", err);
	if (names < 0)
		return -1;
	size = readlinkat(names, word, id, ID_SIZE);
	if (size == ID_SIZE) {
		id[size] = '\0';
		TRY(open_id(home, id, record, err));
		if (!strcmp(record->state.name, word))
			return 0;
		record_close(record); /* a link that a renaming left */
	}
	if (!is_id(word, strlen(word)))
		return fail_code(err, "not-found", "no such container: %s", word);
	TRY(complete_id(home, word, id, err));
	return open_id(home, id, record, err);
}

/* --- Life --- */

/* RUNTIME/containers/ID, made when missing. */
static int open_life_directory(const struct box_home *home, const struct box_record *record,
			       struct oci_error *err)
{
	auto_free char *path = record_runtime_path(home, record, "", err);

	if (!path)
		return -1;
	TRY(runtime_claim(home, err));
	return open_made(path, err);
}

int life_announce(const struct box_home *home, const struct box_record *record,
		  struct oci_error *err)
{
	auto_fd dir = open_life_directory(home, record, err);

	return dir < 0 ? -1 : 0;
}

int life_begin(const struct box_home *home, const struct box_record *record, struct oci_error *err)
{
	auto_fd dir = open_life_directory(home, record, err);
	auto_fd life = -1;

	if (dir < 0)
		return -1;
	/* Locked before it has its name: nobody who waits for its end may find it free. */
	life = openat(dir, "life.new", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (life < 0 || fd_lock(life, F_OFD_SETLK, F_WRLCK) < 0 ||
	    renameat2(dir, "life.new", dir, "life", RENAME_NOREPLACE) < 0)
		return fail_sys(err, "begin a life of '%.12s'", record->id);
	return fd_take(&life);
}

int life_open(const struct box_home *home, const char *id)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/containers/%s/life", home->runtime, id);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Asked as a reader: who waits for its end has a reader's lock for a moment. */
static bool is_locked(int life)
{
	return fd_lock(life, F_OFD_GETLK, F_RDLCK) == 1;
}

/* Whether this process is conmon for that container: it was called with `-c ID`. */
static bool is_monitor(pid_t pid, const char *id)
{
	char path[64], line[4096];
	struct oci_error ignored = { 0 }; /* a process that is gone isn't it */
	auto_fd proc = -1;
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size = proc < 0 ? -1 : file_read_at(proc, "cmdline", line, sizeof(line), &ignored);
	for (ssize_t at = 0; at + 4 + ID_SIZE < size; at += (ssize_t)strlen(line + at) + 1)
		if (!strcmp(line + at, "-c") && !strcmp(line + at + 3, id))
			return true;
	return false;
}

int life_monitor(const struct box_home *home, const char *id)
{
	char path[PATH_MAX], text[32];
	auto_fd file = -1, monitor = -1;
	ssize_t size;
	int pid;

	(void)snprintf(path, sizeof(path), "%s/containers/%s/conmon.pid", home->runtime, id);
	file = open(path, O_RDONLY | O_CLOEXEC);
	size = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	if (size <= 0)
		return -1;
	text[size] = '\0';
	pid = atoi(text);
	monitor = pid > 0 ? sys_pidfd_open(pid, 0) : -1;
	/* Looked at when the pidfd is there, so that both are of one process. */
	return monitor >= 0 && is_monitor(pid, id) ? fd_take(&monitor) : -1;
}

bool life_is_held(const struct box_home *home, const char *id, int life)
{
	auto_fd monitor = -1;

	if (is_locked(life))
		return true;
	monitor = life_monitor(home, id);
	return monitor >= 0;
}

bool life_ends_soon(const struct box_home *home, const char *id, int life)
{
	for (int i = 0; i < 10; i++) {
		auto_fd monitor = life_monitor(home, id);
		struct pollfd set = { monitor, POLLIN, 0 };

		if (monitor < 0 && !is_locked(life))
			return true;
		/* It tells of itself a moment after its beginning: until then this waits for no fd.
		 */
		(void)poll(&set, 1, 50);
	}
	return false;
}

/* Whether no other life has begun since. Asked after its monitor was looked for, this tells whose
 * that is. */
static bool is_current(const struct box_home *home, const char *id, int life)
{
	auto_fd current = life_open(home, id);
	struct stat a, b;

	return current >= 0 && fstat(current, &a) == 0 && fstat(life, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int life_wait(const struct box_home *home, const char *id, int life, struct oci_error *err)
{
	auto_fd monitor = -1;
	struct pollfd set;

	if (fd_lock(life, F_OFD_SETLKW, F_RDLCK) < 0)
		return fail_sys(err, "wait for its end");
	(void)fd_lock(life, F_OFD_SETLK, F_UNLCK); /* others wait for the same */
	monitor = life_monitor(home, id);
	set = (struct pollfd){ monitor, POLLIN, 0 };
	if (monitor >= 0 && is_current(home, id, life) && poll(&set, 1, -1) < 0)
		return fail_sys(err, "wait for its monitor's end");
	return 0;
}

int life_write(int life, int exit_code, struct oci_error *err)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%d\n", exit_code);

	return pwrite(life, text, (size_t)size, 0) == size ? 0
							   : fail_sys(err, "write its exit code");
}

int life_exit_code(int life)
{
	char text[16];
	ssize_t size = pread(life, text, sizeof(text) - 1, 0);

	if (size <= 0)
		return -1;
	text[size] = '\0';
	return atoi(text);
}

int life_remove(const struct box_home *home, const char *id, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/containers", home->runtime);
	auto_fd dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0)
		return path && errno == ENOENT ? 0 : fail_sys(err, "open the runtime directory");
	return tree_remove(dir, id, err);
}

/* --- All of them --- */

static bool is_frozen(const char *cgroup)
{
	auto_fd dir = *cgroup ? open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct oci_error ignored = { 0 }; /* a cgroup that is gone isn't frozen */
	char events[128];

	return dir >= 0 &&
	       file_read_at(dir, "cgroup.events", events, sizeof(events), &ignored) > 0 &&
	       strstr(events, "frozen 1");
}

bool record_is_there(const struct box_home *home, const char *id)
{
	static const char *const endings[] = { ".new", "" };
	char path[PATH_MAX];

	/* In the order in which it gets them, so that one that is published meanwhile is seen. */
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/containers/%s%s", home->root, id,
			       endings[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

enum box_status record_status(const struct box_home *home, const struct box_record *record)
{
	auto_fd life = -1;

	if (record->state.lives == 0)
		return BOX_CREATED;
	if (!record->state.going)
		return BOX_STOPPED;
	life = life_open(home, record->id);
	if (life < 0 || !life_is_held(home, record->id, life))
		return BOX_STOPPED;
	return is_frozen(record->state.cgroup) ? BOX_PAUSED : BOX_RUNNING;
}

struct found {
	int64_t created;
	char id[ID_SIZE + 1];
};

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->created < y->created ? 1 : x->created > y->created ? -1 : strcmp(x->id, y->id);
}

static int list_ids(const char *path, struct found **found, size_t *n, struct oci_error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t room = 0;

	*found = NULL;
	*n = 0;
	if (!dir)
		return errno == ENOENT ? 0 : fail_sys(err, "list '%s'", path);
	while ((entry = readdir(dir)) != NULL) {
		if (!is_id(entry->d_name, ID_SIZE))
			continue;
		if (*n == room) {
			struct found *more =
				realloc(*found, (room = 2 * room + 16) * sizeof(*more));

			if (!more) {
				(void)closedir(dir);
				return fail_code(err, "out-of-memory", "no memory for a list");
			}
			*found = more;
		}
		(*found)[*n].created = 0;
		(void)snprintf((*found)[(*n)++].id, ID_SIZE + 1, "%.64s", entry->d_name);
	}
	(void)closedir(dir);
	return 0;
}

/* 0 when it is gone, or can't be read and `strict` is false: its user learns why. */
static int open_found(const struct box_home *home, const char *id, bool strict,
		      struct box_record *record, struct oci_error *err)
{
	struct oci_error why = { 0 };

	if (open_id(home, id, record, &why) == 0)
		return 1;
	if (!strict || strcmp(why.code, "not-found") == 0 || !record_is_there(home, id))
		return 0;
	*err = why;
	return fail_in(err, "the container in '%s/containers/%s'", home->root, id);
}

static int for_all(const struct box_home *home, bool strict, record_each *each, void *ctx,
		   struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/containers", home->root);
	auto_free struct found *found = NULL;
	size_t n = 0, n_opened = 0;
	int result = 0;

	if (!path)
		return -1;
	TRY(list_ids(path, &found, &n, err));
	for (size_t i = 0; i < n; i++) {
		struct box_record record;
		int opened = open_found(home, found[i].id, strict, &record, err);

		if (opened < 0)
			return -1;
		if (!opened)
			continue;
		found[n_opened].created = record.state.created;
		memmove(found[n_opened++].id, found[i].id, ID_SIZE + 1);
		record_close(&record);
	}
	if (n_opened)
		qsort(found, n_opened, sizeof(*found), by_age);
	for (size_t i = 0; result == 0 && i < n_opened; i++) {
		struct box_record record;

		result = open_found(home, found[i].id, strict, &record, err);
		if (result <= 0)
			continue;
		result = each(ctx, &record, err);
		record_close(&record);
	}
	return result;
}

int record_for_all(const struct box_home *home, record_each *each, void *ctx, struct oci_error *err)
{
	return for_all(home, false, each, ctx, err);
}

int record_for_every(const struct box_home *home, record_each *each, void *ctx,
		     struct oci_error *err)
{
	return for_all(home, true, each, ctx, err);
}

int record_for_going(const struct box_home *home, record_each_id *each, void *ctx,
		     struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/containers", home->runtime);
	auto_free struct found *found = NULL;
	size_t n = 0;
	int result = 0;

	if (!path)
		return -1;
	TRY(list_ids(path, &found, &n, err));
	for (size_t i = 0; result == 0 && i < n; i++)
		result = each(ctx, found[i].id, err);
	return result;
}

/* "ID.gone.3" is what tree_remove() moved out of "ID.gone". */
static bool is_moved(const char *name)
{
	return !strncmp(name + ID_SIZE, ".gone.", 6);
}

/* One of ID.new, ID.gone: nobody's unless its lock is held. While one is being made, and its lock
 * may not be there or not be held yet, they are left to the next sweep. */
static int sweep_one(int containers, const char *name, struct oci_error *err)
{
	auto_fd alone = openat(containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_fd dir = openat(containers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd lock = -1;

	if (is_moved(name)) /* a directory of the container's own, whatever a lock in it may be */
		return tree_remove(containers, name, err);
	if (alone < 0 || dir < 0 || flock(alone, LOCK_EX | LOCK_NB) < 0)
		return 0; /* or somebody else removes it */
	lock = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (lock >= 0)
		fd_drop(&alone); /* nobody waits until all its files are gone */
	return tree_remove(containers, name, err);
}

int record_sweep(const struct box_home *home, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/containers", home->root);
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	int result = 0;

	if (!dir)
		return path && errno == ENOENT ? 0 : fail_sys(err, "list the containers");
	while ((entry = readdir(dir)) != NULL) {
		size_t size = strlen(entry->d_name);

		if (size > ID_SIZE &&
		    (!strcmp(entry->d_name + ID_SIZE, ".new") ||
		     !strcmp(entry->d_name + ID_SIZE, ".gone") || is_moved(entry->d_name)) &&
		    sweep_one(dirfd(dir), entry->d_name, err) < 0)
			result = -1;
	}
	(void)closedir(dir);
	return result;
}
