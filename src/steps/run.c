/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/run.h"

#include "base/fd.h"
#include "steps/cgroup_owner.h"
#include "steps/limits.h"
#include "steps/net_device.h"

void run_init(struct run *run, const struct plan *plan)
{
	*run = (struct run){ .plan = plan,
			     .state_dir = -1,
			     .proc = -1,
			     .apparmor_attr = -1,
			     .selinux_attr = -1,
			     .cgroup = -1,
			     .device_filter = -1,
			     .earlier_filter = -1,
			     .rootfs = -1,
			     .root_tree = -1,
			     .null_tree = -1,
			     .notify_tree = -1,
			     .notify_socket = -1,
			     .console_socket = -1,
			     .time_offsets = -1,
			     .container_pidfd = -1,
			     .start_listener = -1,
			     .terminal_master = -1,
			     .filter_listener = -1,
			     .notify_number = -1,
			     .systemd = SYSTEMD_NO_HELPER,
			     .channel = -1,
			     .channel_child = -1,
			     .init_pidfd = -1,
			     .stage_pidfd = -1 };
	for (int type = 0; type < NS_TYPES; type++)
		run->ns_fd[type] = -1;
}

const char *run_new_process(const struct run *run)
{
	return run->plan->request->exec ? "the new process" : "the container's first process";
}

void run_forget(struct run *run)
{
	int *fds[] = { &run->rootfs,	  &run->root_tree,     &run->null_tree,
		       &run->notify_tree, &run->apparmor_attr, &run->selinux_attr };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fd_drop(fds[i]);
	for (size_t i = 0; run->sources && i < run->plan->n_mounts; i++)
		fd_drop(&run->sources[i]);
}

void run_done(struct run *run)
{
	int *fds[] = { &run->state_dir,	      &run->proc,
		       &run->cgroup,	      &run->rootfs,
		       &run->notify_tree,     &run->notify_socket,
		       &run->null_tree,	      &run->console_socket,
		       &run->start_listener,  &run->channel,
		       &run->channel_child,   &run->init_pidfd,
		       &run->stage_pidfd,     &run->terminal_master,
		       &run->apparmor_attr,   &run->selinux_attr,
		       &run->filter_listener, &run->root_tree,
		       &run->container_pidfd, &run->device_filter,
		       &run->earlier_filter,  &run->time_offsets };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fd_drop(fds[i]);
	for (int type = 0; type < NS_TYPES; type++)
		fd_drop(&run->ns_fd[type]);
	for (size_t i = 0; run->sources && i < run->plan->n_mounts; i++)
		fd_drop(&run->sources[i]);
	free(run->sources);
	run->sources = NULL;
	filter_free(&run->filter);
	free(run->filter_key);
	run->filter_key = NULL;
	limits_done(run);
	cgroup_owner_done(run);
	net_device_done(run);
	systemd_helper_kill(&run->systemd);
}
