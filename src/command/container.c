/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/container.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "plan/plan.h"

int container_look(const char *root, const char *id, struct container *container,
		   struct oci_error *err)
{
	auto_fd dir = state_open(root, id, err);

	*container = (struct container){ .id = id };
	if (dir < 0)
		return -1;
	if (state_load(dir, id, &container->state, err) < 0) {
		if (err->num != ENOENT)
			return fail_in(err, "container '%s'", id);
		*err = (struct oci_error){ 0 };
		container->status = state_locked(dir) ? STATUS_CREATING : STATUS_STOPPED;
		return 0;
	}
	container->status = state_status(dir, &container->state, NULL);
	if (container->status != STATUS_STOPPED)
		container->pid = container->state.pid;
	return 0;
}

void container_done(struct container *container)
{
	state_done(&container->state);
}

/* Reads /etc/passwd itself: name services need libraries that a static program lacks. */
void container_owner(const struct container *container, char *buf, size_t size)
{
	uid_t uid = container->state.owner;
	const struct passwd *entry = NULL;
	FILE *file;

	(void)snprintf(buf, size, uid == 0 ? "root" : "%u", (unsigned)uid);
	if (uid == 0)
		return;
	file = fopen("/etc/passwd", "re");
	if (!file)
		return;
	while ((entry = fgetpwent(file)) && entry->pw_uid != uid)
		;
	if (entry)
		(void)snprintf(buf, size, "%s", entry->pw_name);
	(void)fclose(file);
}

void container_write(const struct container *container, struct json_text *out)
{
	const struct state *state = &container->state;
	char owner[64];

	container_owner(container, owner, sizeof(owner));
	json_text_open_object(out, NULL);
	json_text_string(out, "ociVersion", PLAN_SPEC_VERSION);
	json_text_string(out, "id", container->id);
	json_text_int(out, "pid", container->pid);
	json_text_string(out, "status", status_names[container->status]);
	json_text_string(out, "bundle", state->bundle ? state->bundle : "");
	json_text_string(out, "rootfs", state->rootfs ? state->rootfs : "");
	if (state->created[0]) /* callers decode a time: none is better than "" */
		json_text_string(out, "created", state->created);
	if (state->annotations.n > 0) {
		json_text_open_object(out, "annotations");
		for (size_t i = 0; i < state->annotations.n; i++)
			json_text_string(out, state->annotations.v[i].key,
					 state->annotations.v[i].value);
		json_text_close_object(out);
	}
	json_text_string(out, "owner", owner);
	json_text_close_object(out);
}
