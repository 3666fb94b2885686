/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The document of what `update` changed, by the tables of config.json.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "state/state.h"

#define PREPARED "." STATE_UPDATED ".prepared"

int state_updated_read(int dir, struct oci_config *updated, struct oci_error *err)
{
	memset(updated, 0, sizeof(*updated));
	if (faccessat(dir, STATE_UPDATED, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (oci_config_read_file(updated, dir, STATE_UPDATED, NULL, err) < 0)
		return fail_in(err, "the stored " STATE_UPDATED);
	return 0;
}

int state_updated_prepare(int dir, const struct oci_config *updated, struct oci_error *err)
{
	const struct oci_config whole = {
		.oci_version = updated->oci_version,
		.linux = { .present = true,
			   .resources = updated->linux.resources,
			   .intel_rdt = updated->linux.intel_rdt },
	};
	auto_free char *text = NULL;
	size_t size;

	TRY(oci_config_write(&whole, &text, &size, err));
	if (file_replace_at(dir, PREPARED, text, size, 0600, err) < 0)
		return fail_in(err, "keep the new limits");
	return 0;
}

int state_updated_commit(int dir, struct oci_error *err)
{
	if (renameat(dir, PREPARED, dir, STATE_UPDATED) < 0)
		return fail_sys(err, "keep the new limits: rename to '%s'", STATE_UPDATED);
	return 0;
}

void state_updated_cancel(int dir)
{
	(void)unlinkat(dir, PREPARED, 0); /* as if it had never been asked for */
}

int state_update_lock(int dir, struct oci_error *err)
{
	auto_fd fd = openat(dir, STATE_CONFIG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return fail_sys(err, "open the stored " STATE_CONFIG);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd_take(&fd);
	if (errno != EWOULDBLOCK)
		return fail_sys(err, "flock the stored " STATE_CONFIG);
	return fail_code(err, "update-busy", "another update of the container is under way");
}
