/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/restart.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/record.h"
#include "box/run_program.h"
#include "box/tree.h"

static void path_of(const struct box_home *home, const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/restarts/%s", home->runtime, name);
}

/* What it is called until it is renamed. */
static void new_name(const char *id, char name[ID_SIZE + 8])
{
	(void)snprintf(name, ID_SIZE + 8, "%s.new", id);
}

/* The directory, made where it isn't there. */
static int open_made(const struct box_home *home, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/restarts", home->runtime);

	return path ? tree_make_directory(path, 0700, err) : -1;
}

int restart_announce(const struct box_home *home, const char *id, struct oci_error *err)
{
	auto_fd dir = open_made(home, err);
	auto_fd file = -1;
	char name[ID_SIZE + 8];

	if (dir < 0)
		return -1;
	new_name(id, name);
	(void)unlinkat(dir, name, 0); /* of one that was killed here */
	file = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* In one step: there is no moment at which nothing is to be done. */
	if (file < 0 || fd_lock(file, F_OFD_SETLK, F_WRLCK) < 0 || renameat(dir, name, dir, id) < 0)
		return fail_sys(err, "make '%s/restarts/%s'", home->runtime, id);
	return fd_take(&file);
}

void restart_begun(int *held)
{
	/* Not by writing: this needs no space. */
	if (*held >= 0)
		(void)!ftruncate(*held, 1);
	restart_release(held);
}

void restart_forget(const struct box_home *home, const char *id)
{
	char path[PATH_MAX], name[ID_SIZE + 8];

	path_of(home, id, path);
	(void)unlink(path); /* who finds one that stays decides once more, and the same */
	new_name(id, name);
	path_of(home, name, path);
	(void)unlink(path);
}

bool restart_is_open(const struct box_home *home, const char *id)
{
	char path[PATH_MAX];

	path_of(home, id, path);
	return access(path, F_OK) == 0;
}

int restart_claim(const struct box_home *home, const char *id, int *held, struct oci_error *err)
{
	auto_fd dir = open_made(home, err);
	auto_fd file = dir < 0 ? -1 : openat(dir, id, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (dir < 0)
		return -1;
	if (file < 0)
		return fail_sys(err, "open '%s/restarts/%s'", home->runtime, id);
	if (fd_lock(file, F_OFD_SETLK, F_WRLCK) < 0)
		return errno == EAGAIN || errno == EACCES
			       ? 0
			       : fail_sys(err, "lock '%s/restarts/%s'", home->runtime, id);
	*held = fd_take(&file);
	return 1;
}

void restart_release(int *held)
{
	if (*held >= 0)
		(void)fd_lock(*held, F_OFD_SETLK, F_UNLCK); /* also for a child that has it */
	fd_drop(held);
}

/* --- Going on for who was killed --- */

static bool is_abandoned(const struct box_home *home, const char *id)
{
	char path[PATH_MAX];
	auto_fd file = -1, life = -1;
	struct stat status;

	path_of(home, id, path);
	file = open(path, O_RDWR | O_CLOEXEC);
	/* In this order: who releases it has said before whether it has begun. */
	if (file < 0 || fd_lock(file, F_OFD_GETLK, F_WRLCK) != 0 || fstat(file, &status) < 0)
		return false;
	if (status.st_size == 0)
		return true;
	life = life_open(home, id);
	return life < 0 || !life_is_held(home, id, life);
}

/* As conmon calls it: who looks at processes finds one like the other. */
static void go_on(const struct box_home *home, const char *id)
{
	struct oci_error ignored = { 0 }; /* the next command finds it again */
	auto_free char *self = home_self(&ignored);
	char lives[32];
	const char *const argv[] = { self, "--root", home->root, "exited", lives, id, NULL };
	struct box_record record;

	if (record_open(home, id, &record, &ignored) < 0 && strcmp(ignored.code, "not-found") != 0)
		return;
	(void)snprintf(lives, sizeof(lives), "--lives=%u", record.state.lives);
	record_close(&record);
	if (self && fork() == 0) {
		(void)execv(self, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
}

typedef void each_abandoned(const struct box_home *home, const char *id);

/* Whether there was any. Without `each` it stops at the first. */
static bool for_abandoned(const struct box_home *home, each_abandoned *each)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	path_of(home, "", path);
	dir = opendir(path);
	while (dir && (each || !found) && (entry = readdir(dir)))
		if (strlen(entry->d_name) == ID_SIZE && is_abandoned(home, entry->d_name)) {
			found = true;
			if (each)
				each(home, entry->d_name);
		}
	if (dir)
		(void)closedir(dir);
	return found;
}

void restart_resume(const struct box_home *home)
{
	struct oci_error err = { 0 };

	if (!for_abandoned(home, NULL))
		return;
	switch (program_fork_twice(&err)) {
	case 0:
		if (program_leave("hullbox-restart", NULL, 0, &err) == 0)
			(void)for_abandoned(home, go_on);
		_exit(0);
	case 1:
		return;
	default:
		box_warn("restart what nobody watches any more: %s", err.text);
	}
}
