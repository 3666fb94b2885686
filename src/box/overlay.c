/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "box/rootless.h"

int overlay_unshare(struct oci_error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return fail_sys(err, "make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail_sys(err, "make the host's mounts slaves in it");
	return 0;
}

/* The option's own reason, which the kernel writes to the context. */
static int failed(int fs, const char *what, const char *value, struct oci_error *err)
{
	int num = errno;
	char words[256] = "";
	ssize_t size = read(fs, words, sizeof(words) - 1);

	if (size > 0)
		words[size] = '\0';
	words[strcspn(words, "\n")] = '\0';
	errno = num;
	return size > 0 ? fail_sys(err, "overlay: %s=%.300s (%s)", what, value, words)
			: fail_sys(err, "overlay: %s=%.300s", what, value);
}

static int set(int fs, const char *key, const char *value, struct oci_error *err)
{
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return failed(fs, key, value, err);
	return 0;
}

/* A colon or backslash in a path separates nothing. */
static char *escape(const char *path, char *at, const char *end)
{
	for (; *path; path++) {
		if (end - at < 3)
			return NULL;
		if (strchr(":\\,", *path))
			*at++ = '\\';
		*at++ = *path;
	}
	*at = '\0';
	return at;
}

/* lowerdir=A:B:C. */
static int set_lower(int fs, const struct overlay *overlay, struct oci_error *err)
{
	/* What mount(2) took in one page; the new call's limit for one value is 256 bytes, and
	 * "lowerdir+" (Linux 6.5) takes one each time. */
	for (size_t i = 0; i < overlay->n_lower; i++)
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", overlay->lower[i], 0) < 0)
			return failed(fs, "lowerdir+", overlay->lower[i], err);
	return 0;
}

static const char *const settings[][2] = {
	{ "index", "off" },
	{ "metacopy", "off" },
	{ "redirect_dir", "nofollow" },
	{ "xino", "off" },
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* Kernels since 6.5: no limit on the length of all paths together. */
static int mount_new(const struct overlay *overlay, struct oci_error *err)
{
	auto_fd fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	auto_fd tree = -1;

	if (fs < 0)
		return fail_sys(err, "fsopen overlay");
	TRY(set(fs, "source", "hullbox", err));
	TRY(set_lower(fs, overlay, err));
	if (overlay->upper) {
		TRY(set(fs, "upperdir", overlay->upper, err));
		TRY(set(fs, "workdir", overlay->work, err));
	}
	for (size_t i = 0; i < N_SETTINGS; i++)
		TRY(set(fs, settings[i][0], settings[i][1], err));
	if (rootless() && sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		return failed(fs, "userxattr", "", err);
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return failed(fs, "upperdir", overlay->upper ? overlay->upper : "", err);
	tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (tree < 0)
		return fail_sys(err, "fsmount overlay");
	if (sys_move_mount(tree, "", AT_FDCWD, overlay->merged, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail_sys(err, "mount the overlay on '%s'", overlay->merged);
	return 0;
}

/* Before 6.5: all in one page. */
static int mount_old(const struct overlay *overlay, struct oci_error *err)
{
	char options[4096], *at = options;
	const char *end = options + sizeof(options) - 128;
	bool fits = true;

	at += sprintf(at, "index=off,metacopy=off,redirect_dir=nofollow,xino=off%s,lowerdir=",
		      rootless() ? ",userxattr" : "");
	for (size_t i = 0; fits && i < overlay->n_lower; i++) {
		if (i > 0)
			*at++ = ':';
		at = escape(overlay->lower[i], at, end);
		fits = at != NULL;
	}
	if (fits && overlay->upper) {
		at += sprintf(at, ",upperdir=");
		at = escape(overlay->upper, at, end);
		fits = at != NULL;
		at = fits ? at + sprintf(at, ",workdir=") : NULL;
		fits = fits && escape(overlay->work, at, end);
	}
	if (!fits)
		return fail_code(
			err, "too-many-layers",
			"the paths of %zu layers don't fit into one mount before Linux 6.5",
			overlay->n_lower);
	if (mount("hullbox", overlay->merged, "overlay", 0, options) < 0)
		return fail_sys(err, "mount an overlay on '%s'", overlay->merged);
	return 0;
}

int overlay_mount(const struct overlay *overlay, struct oci_error *err)
{
	struct oci_error newer = { 0 };

	if (!overlay->upper && overlay->n_lower == 1) {
		if (mount(overlay->lower[0], overlay->merged, NULL, MS_BIND | MS_REC, NULL) < 0)
			return fail_sys(err, "bind '%s' to '%s'", overlay->lower[0],
					overlay->merged);
		return 0;
	}
	if (mount_new(overlay, &newer) == 0)
		return 0;
	if (newer.num == EINVAL && strstr(newer.text, "lowerdir+"))
		return mount_old(overlay, err);
	*err = newer;
	return -1;
}
