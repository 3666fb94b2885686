/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/run_program.h"

/* How often it looks by itself. */
enum { WITHOUT_NOTICE_MS = 250 };

/* The numbered files there are. */
struct numbers {
	unsigned first, last; /* 0: none */
	unsigned n;
	ino_t last_inode;
};

static int look(int dir, struct numbers *numbers, struct oci_error *err)
{
	DIR *entries = fd_list(dir);
	struct dirent *entry;

	*numbers = (struct numbers){ 0 };
	if (!entries)
		return fail_sys(err, "list the log");
	while ((entry = readdir(entries)) != NULL) {
		unsigned number = isdigit((unsigned char)entry->d_name[0])
					  ? (unsigned)strtoul(entry->d_name, NULL, 10)
					  : 0;

		if (number == 0)
			continue;
		numbers->n++;
		if (!numbers->first || number < numbers->first)
			numbers->first = number;
		if (number > numbers->last) {
			numbers->last = number;
			numbers->last_inode = entry->d_ino;
		}
	}
	(void)closedir(entries);
	return 0;
}

static ino_t inode_of(int dir, const char *name)
{
	struct stat status;

	return fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_ino : 0;
}

/* Gives `name` the next number unless it has the last one. */
static int number_file(int dir, const char *name, struct oci_error *err)
{
	struct numbers numbers;
	char number[16];

	TRY(look(dir, &numbers, err));
	if (numbers.last && numbers.last_inode == inode_of(dir, name))
		return 0;
	(void)snprintf(number, sizeof(number), "%u", numbers.last + 1);
	if (linkat(dir, name, dir, number, 0) < 0)
		return fail_sys(err, "keep the log '%s'", name);
	return 0;
}

static int remove_oldest(int dir, unsigned kept, struct oci_error *err)
{
	struct numbers numbers;
	char number[16];

	for (;;) {
		TRY(look(dir, &numbers, err));
		if (numbers.n <= kept)
			return 0;
		(void)snprintf(number, sizeof(number), "%u", numbers.first);
		if (unlinkat(dir, number, 0) < 0)
			return fail_sys(err, "remove the log '%s'", number);
	}
}

/* The file that conmon will go on with. */
static int make_next(int dir, struct oci_error *err)
{
	auto_fd file = -1;

	if (faccessat(dir, "current.tmp", F_OK, 0) == 0)
		return 0;
	(void)unlinkat(dir, "next", 0); /* it has a number by now, or need not be there */
	file = openat(dir, "next", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0 || linkat(dir, "next", dir, "current.tmp", 0) < 0)
		return fail_sys(err, "make the next log");
	return 0;
}

/* After conmon went on to another file, once or oftener. */
static int arrange(int dir, unsigned kept, struct oci_error *err)
{
	/* In use before the current one, or the current one itself. */
	if (inode_of(dir, "next") && faccessat(dir, "current.tmp", F_OK, 0) < 0)
		TRY(number_file(dir, "next", err));
	TRY(number_file(dir, "current", err));
	return remove_oldest(dir, kept, err);
}

static unsigned files_of(const struct box_options *options)
{
	return options->log.max_size && options->log.max_files ? options->log.max_files : 1;
}

int watch_prepare(const struct box_record *record, const struct box_options *options,
		  struct oci_error *err)
{
	auto_fd dir = -1, file = -1;

	if (mkdirat(record->dir, "log", 0700) < 0 && errno != EEXIST)
		return fail_sys(err, "make the log's directory");
	dir = openat(record->dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_sys(err, "open the log's directory");
	file = openat(dir, "current", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return fail_sys(err, "make the log");
	if (files_of(options) == 1)
		return 0;
	TRY(arrange(dir, files_of(options), err));
	return make_next(dir, err);
}

/* --- The process --- */

/* When something new gets a name in dir, the fd that this returns has a signal. dnotify, since of
 * inotify's instances a user has 128 for all his programs, and each container needs this. -1 where
 * the kernel hasn't got it. */
static int announce_new_names(int dir)
{
	auto_fd signals = -1;
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGIO);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || fcntl(dir, F_NOTIFY, (unsigned long)(DN_CREATE | DN_MULTISHOT)) < 0)
		return -1;
	return fd_take(&signals);
}

static int watch(int dir, int monitor, unsigned kept, struct oci_error *err)
{
	auto_fd changes = announce_new_names(dir);
	struct pollfd set[] = { { changes, POLLIN, 0 }, { monitor, POLLIN, 0 } };
	struct signalfd_siginfo signal;

	do {
		TRY(arrange(dir, kept, err));
		TRY(make_next(dir, err));
		if (poll(set, 2, changes < 0 ? WITHOUT_NOTICE_MS : -1) < 0 && errno != EINTR)
			return fail_sys(err, "poll");
		while (read(changes, &signal, sizeof(signal)) > 0)
			;
	} while (!set[1].revents);
	return arrange(dir, kept, err);
}

_Noreturn static void be_watch(int dir, int monitor, unsigned kept)
{
	const int fds[] = { dir, monitor };
	struct oci_error ignored = { 0 }; /* there is nobody to tell: older logs may get lost */

	if (program_leave("hullbox-log", fds, 2, &ignored) == 0)
		(void)watch(dir, monitor, kept, &ignored);
	_exit(0);
}

int watch_begin(const struct box_home *home, const struct box_record *record,
		const struct box_options *options, struct oci_error *err)
{
	auto_fd dir = -1, monitor = -1;

	if (files_of(options) == 1)
		return 0;
	dir = openat(record->dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	monitor = life_monitor(home, record->id);
	if (dir < 0 || monitor < 0)
		return dir < 0 ? fail_sys(err, "open the log's directory") : 0;
	switch (program_fork_twice(err)) {
	case 0:
		be_watch(dir, monitor, files_of(options));
	case 1:
		return 0;
	default:
		return -1;
	}
}
