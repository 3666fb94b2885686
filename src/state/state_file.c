/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * state.json, by a table as config.json is.
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "libocispec/shape.h"
#include "state/state.h"

enum { STATE_LIMIT = 8 * 1024 * 1024 };

/* The same content with the types that tables know. */
struct state_file {
	struct oci_maybe_uint format;
	char *id;
	char *bundle;
	char *rootfs;
	char *created;
	struct oci_maybe_uint owner;
	struct oci_maybe_int pid;
	struct oci_maybe_uint pid_start;
	char *boot_id;
	char *cgroup;
	char *cgroup_absence;
	char *cgroup_root;
	bool cgroup_made;
	struct oci_maybe_uint cgroup_parents;
	struct oci_maybe_uint cgroup_inode;
	char *unit;
	bool unit_user;
	struct oci_maybe_uint unit_inode;
	char *rdt_root;
	char *rdt_group;
	bool rdt_group_made;
	char *rdt_monitor;
	bool has_process;
	bool hooks_start;
	bool hooks_poststart;
	bool hooks_poststop;
	bool notify;
	bool seccomp;
	bool seccomp_notify;
	bool own_pid_ns;
	bool keeps_keyring;
	struct oci_pairs annotations;
};

/* clang-format off */
static SHAPE(state_file,
	MAYBE_UINT("format", state_file, format, UINT32_MAX),
	STRING("id", state_file, id, .required = true),
	STRING("bundle", state_file, bundle, .required = true),
	STRING("rootfs", state_file, rootfs),
	STRING("created", state_file, created),
	MAYBE_UINT("owner", state_file, owner, UINT32_MAX),
	MAYBE_INT("pid", state_file, pid, 0, INT32_MAX),
	MAYBE_UINT("pidStart", state_file, pid_start, UINT64_MAX),
	STRING("bootId", state_file, boot_id, .required = true),
	STRING("cgroup", state_file, cgroup),
	STRING("cgroupAbsence", state_file, cgroup_absence),
	STRING("cgroupRoot", state_file, cgroup_root),
	BOOL("cgroupMade", state_file, cgroup_made),
	MAYBE_UINT("cgroupParents", state_file, cgroup_parents, 4096),
	MAYBE_UINT("cgroupInode", state_file, cgroup_inode, UINT64_MAX),
	STRING("systemdUnit", state_file, unit),
	BOOL("systemdUser", state_file, unit_user),
	MAYBE_UINT("systemdInode", state_file, unit_inode, UINT64_MAX),
	STRING("rdtRoot", state_file, rdt_root),
	STRING("rdtGroup", state_file, rdt_group, .keep_empty = true),
	BOOL("rdtGroupMade", state_file, rdt_group_made),
	STRING("rdtMonitor", state_file, rdt_monitor),
	BOOL("hasProcess", state_file, has_process),
	BOOL("startContainerHooks", state_file, hooks_start),
	BOOL("poststartHooks", state_file, hooks_poststart),
	BOOL("poststopHooks", state_file, hooks_poststop),
	BOOL("notify", state_file, notify),
	BOOL("seccomp", state_file, seccomp),
	BOOL("seccompNotify", state_file, seccomp_notify),
	BOOL("ownPidNamespace", state_file, own_pid_ns),
	BOOL("keepsKeyring", state_file, keeps_keyring),
	PAIRS("annotations", state_file, annotations));
/* clang-format on */

static struct oci_maybe_uint number(uint64_t v)
{
	return (struct oci_maybe_uint){ .set = true, .v = v };
}

/* The tables read into char *, and writing only reads it. */
static char *loose(const char *text)
{
	char *same;

	memcpy(&same, &text, sizeof(same));
	return same;
}

int state_write(int dir, const struct state *state, struct oci_error *err)
{
	struct state_file file = {
		.format = number(STATE_FORMAT),
		.id = loose(state->id),
		.bundle = loose(state->bundle),
		.rootfs = loose(state->rootfs),
		.created = state->created[0] ? loose(state->created) : NULL,
		.owner = number(state->owner),
		.pid = { .set = true, .v = state->pid },
		.pid_start = number(state->pid_start),
		.boot_id = loose(state->boot_id),
		.cgroup = loose(state->cgroup),
		.cgroup_absence = loose(state->cgroup_absence),
		.cgroup_root = loose(state->cgroup_root),
		.cgroup_made = state->cgroup_made,
		.cgroup_parents = number(state->cgroup_parents),
		.cgroup_inode = number(state->cgroup_inode),
		.unit = loose(state->unit),
		.unit_user = state->unit_user,
		.unit_inode = number(state->unit_inode),
		.rdt_root = loose(state->rdt_root),
		.rdt_group = loose(state->rdt_group),
		.rdt_group_made = state->rdt_group_made,
		.rdt_monitor = loose(state->rdt_monitor),
		.has_process = state->has_process,
		.hooks_start = state->hooks_start,
		.hooks_poststart = state->hooks_poststart,
		.hooks_poststop = state->hooks_poststop,
		.notify = state->notify,
		.seccomp = state->seccomp,
		.seccomp_notify = state->seccomp_notify,
		.own_pid_ns = state->own_pid_ns,
		.keeps_keyring = state->keeps_keyring,
		.annotations = state->annotations,
	};
	auto_free char *text = NULL;
	size_t size;

	TRY(shape_write(&state_file_shape, &file, &text, &size, err));
	return file_replace_at(dir, STATE_FILE, text, size, 0600, err);
}

static void take(struct state *state, const struct state_file *file)
{
	*state = (struct state){
		.doc = state->doc,
		.id = file->id,
		.bundle = file->bundle,
		.rootfs = file->rootfs ? file->rootfs : "",
		.owner = (uid_t)file->owner.v,
		.pid = (pid_t)file->pid.v,
		.pid_start = file->pid_start.v,
		.cgroup = file->cgroup,
		.cgroup_absence = file->cgroup_absence,
		.cgroup_root = file->cgroup_root,
		.cgroup_made = file->cgroup_made,
		.cgroup_parents = (unsigned)file->cgroup_parents.v,
		.cgroup_inode = file->cgroup_inode.v,
		.unit = file->unit,
		.unit_user = file->unit_user,
		.unit_inode = file->unit_inode.v,
		.rdt_root = file->rdt_root,
		.rdt_group = file->rdt_group,
		.rdt_group_made = file->rdt_group_made,
		.rdt_monitor = file->rdt_monitor,
		.has_process = file->has_process,
		.hooks_start = file->hooks_start,
		.hooks_poststart = file->hooks_poststart,
		.hooks_poststop = file->hooks_poststop,
		.notify = file->notify,
		.seccomp = file->seccomp,
		.seccomp_notify = file->seccomp_notify,
		.own_pid_ns = file->own_pid_ns,
		.keeps_keyring = file->keeps_keyring,
		.annotations = file->annotations,
	};
	(void)snprintf(state->created, sizeof(state->created), "%s",
		       file->created ? file->created : "");
	(void)snprintf(state->boot_id, sizeof(state->boot_id), "%s", file->boot_id);
}

static int check_id(struct state *state, const char *id, struct oci_error *err)
{
	char found[256];

	if (!id || strcmp(state->id, id) == 0)
		return 0;
	(void)snprintf(found, sizeof(found), "%s", state->id);
	state_done(state);
	return fail_code(err, "state-foreign",
			 "the " STATE_FILE " of '%s' is that of container '%s': its directory was "
			 "renamed or copied; rename it back, or remove the copy by hand",
			 id, found);
}

int state_load(int dir, const char *id, struct state *state, struct oci_error *err)
{
	struct state_file file = { .id = NULL };
	auto_free char *text = NULL;
	size_t size;

	*state = (struct state){ .id = NULL };
	if (file_load_at(dir, STATE_FILE, STATE_LIMIT, &text, &size, err) < 0) {
		if (err->num == ENOENT)
			(void)snprintf(err->code, sizeof(err->code), "half-created");
		return -1;
	}
	if (shape_read_text(&state_file_shape, &file, &state->doc, text, size, "state-broken", NULL,
			    err) < 0)
		return fail_in(err, STATE_FILE);
	if (file.format.v != STATE_FORMAT) {
		state_done(state);
		return fail_code(err, "state-format",
				 STATE_FILE " has format %llu, this hull knows %d: use the hull "
					    "that made the container",
				 (unsigned long long)file.format.v, STATE_FORMAT);
	}
	take(state, &file);
	return check_id(state, id, err);
}

void state_done(struct state *state)
{
	json_document_free(state->doc);
	*state = (struct state){ .id = NULL };
}
