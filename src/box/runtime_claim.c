/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/runtime_claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"

#define BOOT_ID_SIZE 36

struct claim {
	char boot_id[BOOT_ID_SIZE + 1];
	char runtime[PATH_MAX];
};

static int read_boot_id(char id[BOOT_ID_SIZE + 1], struct oci_error *err)
{
	return file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, BOOT_ID_SIZE + 1,
			    err) < 0
		       ? -1
		       : 0;
}

/* "BOOT-ID PATH\n"; false when there is none, which is no failure. */
static bool read_claim(const struct box_home *home, struct claim *claim)
{
	auto_fd root = open(home->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[sizeof(*claim) + 2];
	struct oci_error ignored = { 0 };
	ssize_t size = root < 0 ? -1 : file_read_at(root, "runtime", text, sizeof(text), &ignored);

	if (size <= BOOT_ID_SIZE + 2 || text[size - 1] != '\n' ||
	    (size_t)size - BOOT_ID_SIZE - 2 >= sizeof(claim->runtime))
		return false;
	text[size - 1] = '\0';
	memcpy(claim->boot_id, text, BOOT_ID_SIZE);
	claim->boot_id[BOOT_ID_SIZE] = '\0';
	memcpy(claim->runtime, text + BOOT_ID_SIZE + 1, (size_t)size - BOOT_ID_SIZE - 1);
	return true;
}

int runtime_claim(const struct box_home *home, struct oci_error *err)
{
	auto_fd root = -1;
	auto_free char *text = NULL;
	struct claim claim;
	char boot_id[BOOT_ID_SIZE + 1];

	TRY(read_boot_id(boot_id, err));
	if (read_claim(home, &claim) && !strcmp(claim.boot_id, boot_id) &&
	    !strcmp(claim.runtime, home->runtime))
		return 0;
	root = open(home->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail_sys(err, "open '%s'", home->root);
	text = box_text(err, "%s %s\n", boot_id, home->runtime);
	return text ? file_replace_at(root, "runtime", text, strlen(text), 0600, err) : -1;
}

static DIR *list_lives(const char *runtime)
{
	char path[PATH_MAX + sizeof("/containers")];

	(void)snprintf(path, sizeof(path), "%s/containers", runtime);
	return opendir(path);
}

static bool is_same(DIR *one, DIR *other)
{
	struct stat a, b;

	return one && other && fstat(dirfd(one), &a) == 0 && fstat(dirfd(other), &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool has_entry(DIR *list)
{
	const struct dirent *entry;

	while (list && (entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return true;
	return false;
}

int runtime_check(const struct box_home *home, struct oci_error *err)
{
	struct claim claim;
	char boot_id[BOOT_ID_SIZE + 1];
	DIR *theirs, *ours;
	bool lives_elsewhere;

	if (!read_claim(home, &claim) || !strcmp(claim.runtime, home->runtime))
		return 0;
	TRY(read_boot_id(boot_id, err));
	if (strcmp(claim.boot_id, boot_id) != 0)
		return 0;
	theirs = list_lives(claim.runtime);
	ours = list_lives(home->runtime);
	lives_elsewhere = !is_same(theirs, ours) && has_entry(theirs);
	if (theirs)
		(void)closedir(theirs);
	if (ours)
		(void)closedir(ours);
	if (!lives_elsewhere)
		return 0;
	return fail_code(err, "other-runtime",
			 "the containers of '%s' were started with the runtime directory '%s', "
			 "and this call has '%s': with another HULLBOX_RUNTIME%s they can't be "
			 "seen to run",
			 home->root, claim.runtime, home->runtime,
			 geteuid() == 0 ? "" : " or XDG_RUNTIME_DIR");
}
