/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the command line asks for, as values: filled by src/command, read by the planner. Paths are
 * absolute. Strings live as long as argv or the command that made them.
 */
#ifndef PLAN_REQUEST_H
#define PLAN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

struct oci_process;

/* What `exec` asks for besides: whose process it is, and what differs from the container's own. */
struct request_exec {
	const struct oci_process *process; /* --process, or NULL: the container's own */
	const char *const *args;	   /* the command, NULL-terminated; NULL with --process */
	bool terminal;
	unsigned short rows, columns; /* of the caller's terminal, 0: unknown */
	const char *cwd;	      /* or NULL */
	const char *user;	      /* UID[:GID] or names, or NULL */
	const char *const *env;	      /* NAME=VALUE, replaces what the container has of that name */
	size_t n_env;
	const char *const *gids; /* numbers, commas between them */
	size_t n_gids;
	const char *const *caps;
	size_t n_caps;
	bool no_new_privs;
	const char *apparmor;	/* or NULL */
	const char *label;	/* SELinux's, or NULL */
	const char *sub_cgroup; /* below the container's, or NULL */
	bool has_cgroup;	/* the container has one */
	bool filtered;		/* its process has a seccomp filter, which is in its directory */
	bool filter_notifies;	/* with a listener */
	bool paused;		/* it is frozen, and --ignore-paused was given */
};

struct request {
	const char *id;
	const char *bundle;	 /* absolute, links resolved */
	const char *config_path; /* config.json, or what --config names */
	const char *config_text; /* its bytes, for the copy in the state directory */
	size_t config_size;
	const char *state_root;	    /* --root or the default */
	const char *pid_file;	    /* or NULL */
	const char *console_socket; /* or NULL */
	const char *pidfd_socket;   /* or NULL */
	enum cgroup_manager manager;
	const char *absence;   /* update only: why the container has no cgroup (plan.h) */
	unsigned preserve_fds; /* fds 3 .. 3+n-1 go to the container */
	bool no_pivot;
	bool no_new_keyring;
	bool run;			 /* run: START is played by the same process */
	bool detach;			 /* run and exec */
	bool keep;			 /* run only: state stays after the process ended */
	const struct request_exec *exec; /* exec only, else NULL */
	/* From the caller's environment; NULL when unset. */
	const char *listen_fds;
	const char *notify_socket;
};

#endif
