/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/record.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/unix_socket.h"
#include "steps/cgroup.h"
#include "steps/intel_rdt.h"

int record_caller_fds(struct run *run, struct oci_error *err)
{
	unsigned n = run->plan->process.preserve_fds;

	for (unsigned fd = 3; fd < 3 + n; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return fail_code(err, "invalid-fds",
					 "%u fds are to be passed on (--preserve-fds, LISTEN_FDS), "
					 "but fd %u is not open",
					 n, fd);
	return fd_cloexec_from(3 + n, err);
}

int record_reserve(struct run *run, struct oci_error *err)
{
	const struct request *request = run->plan->request;

	run->state_dir = state_reserve(request->state_root, request->id, err);
	return run->state_dir < 0 ? -1 : 0;
}

/* Of a container that was created: with the poststop hooks, which run when all is undone, unless a
 * delete has come in between. */
static void remove_state(struct run *run)
{
	const struct request *request = run->plan->request;
	struct oci_error ignored = { 0 };

	if (run->recorded && state_take_hooks(run->state_dir))
		state_hooks_ran(run->state_dir);
	else
		run->deleted = run->recorded;
	(void)state_remove_opened(request->state_root, request->id, run->state_dir, &ignored);
}

void record_release(struct run *run)
{
	/* Only its own: when reserving failed the directory is somebody else's, and so it may be
	 * after a `delete --force` that came in between. */
	if (run->state_dir < 0)
		return;
	if (!run->cgroup_left)
		remove_state(run);
	fd_drop(&run->state_dir);
}

/* The directory is known by its fd, but whoever has to make room on a disk wants its path. */
static int write_state(const struct run *run, struct oci_error *err)
{
	const struct request *request = run->plan->request;

	if (state_write(run->state_dir, &run->state, err) < 0)
		return fail_in(err, "'%s/%s'", request->state_root, request->id);
	return 0;
}

int record_intent(struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;
	struct state *state = &run->state;

	state->id = plan->request->id;
	state->bundle = plan->request->bundle;
	state->rootfs = plan->rootfs;
	state->owner = geteuid();
	state->has_process = plan->process.present;
	state->hooks_start = plan->hooks[HOOK_START_CONTAINER].n > 0;
	state->hooks_poststart = plan->hooks[HOOK_POSTSTART].n > 0;
	state->hooks_poststop = plan->hooks[HOOK_POSTSTOP].n > 0;
	state->notify = plan->notify;
	state->seccomp = plan->seccomp.present;
	state->seccomp_notify = plan->seccomp.notify;
	state->keeps_keyring = plan->request->no_new_keyring;
	state->own_pid_ns = plan_new_ns(plan, NS_PID);
	state->annotations = plan->config->annotations;
	state->cgroup_absence = plan->cgroup.absence;
	state->unit = plan->cgroup.systemd.used ? plan->cgroup.systemd.unit : NULL;
	state->unit_user = plan->cgroup.systemd.user;
	TRY(state_boot_id(state->boot_id, err));
	intel_rdt_intend(run);
	return write_state(run, err);
}

int record_cgroup(struct run *run, struct oci_error *err)
{
	return write_state(run, err);
}

int record_config(struct run *run, struct oci_error *err)
{
	auto_fd fd =
		openat(run->state_dir, STATE_CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const struct request *request = run->plan->request;

	if (fd < 0)
		return fail_sys(err, "make '%s/%s/" STATE_CONFIG "'", request->state_root,
				request->id);
	if (file_write_all(fd, request->config_text, request->config_size, err) < 0)
		return fail_in(err, "'%s/%s/" STATE_CONFIG "'", request->state_root, request->id);
	return 0;
}

int record_created(struct run *run, struct oci_error *err)
{
	struct state *state = &run->state;

	state->pid = run->init_pid;
	if (state_process_stat(run->init_pid, NULL, NULL, &state->pid_start) < 0)
		return fail_code(err, "init-died", "the container's first process is gone");
	state_now(state->created);
	TRY(write_state(run, err));
	run->recorded = true;
	/* It has a status of its own now, and `run` has hooks to wait for: a delete that comes
	 * meanwhile takes the lock for the poststop ones. */
	state_unlock(run->state_dir);
	return 0;
}

/* Opens the directory of `path`; name points into buf, which holds a copy of path. */
static int open_parent(const char *path, char buf[PATH_MAX], const char **name,
		       struct oci_error *err)
{
	char copy[PATH_MAX];
	int dir;

	if (strlen(path) >= PATH_MAX)
		return fail(err, "--pid-file: '%.60s...' is too long", path);
	memcpy(buf, path, strlen(path) + 1);
	memcpy(copy, path, strlen(path) + 1);
	*name = basename(buf);
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail_sys(err, "--pid-file: open the directory of '%s'", path);
	return dir;
}

int record_pid_file(struct run *run, struct oci_error *err)
{
	const char *path = run->plan->request->pid_file;
	const char *name = NULL;
	char buf[PATH_MAX], text[16];
	auto_fd dir = open_parent(path, buf, &name, err);

	if (dir < 0)
		return -1;
	(void)snprintf(text, sizeof(text), "%d", run->init_pid);
	if (file_replace_at(dir, name, text, strlen(text), 0644, err) < 0)
		return fail_in(err, "--pid-file '%s'", path);
	run->pid_file_written = true;
	return 0;
}

void record_remove_pid_file(struct run *run)
{
	if (run->pid_file_written)
		(void)unlink(run->plan->request->pid_file);
}

int record_send_pidfd(struct run *run, struct oci_error *err)
{
	const char *path = run->plan->request->pidfd_socket;
	auto_fd sock = unix_socket_connect(path, err);

	if (sock < 0 || fd_send(sock, "pidfd", 5, run->init_pidfd, err) < 0)
		return fail_in(err, "--pidfd-socket");
	return 0;
}
