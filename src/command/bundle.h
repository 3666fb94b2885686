/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a command line to a plan: what create, run and check have in common. The first two share
 * their options, too.
 */
#ifndef COMMAND_BUNDLE_H
#define COMMAND_BUNDLE_H

#include "command/command.h"
#include "plan/plan.h"

struct create_options {
	const char *bundle;
	const char *config;
	const char *pid_file;
	const char *console_socket;
	const char *pidfd_socket;
	unsigned preserve_fds;
	bool no_pivot;
	bool no_new_keyring;
	bool explain;
	bool detach; /* run */
	bool keep;   /* run */
};

/* clang-format off */
#define CREATE_TO(member) offsetof(struct create_options, member), NULL
#define CREATE_OPTIONS \
	{ 'b', "bundle", "DIR", "the bundle's directory (default: the current one)", \
		OPTION_TEXT, CREATE_TO(bundle) }, \
	{ 'f', "config", "FILE", "the configuration (default: config.json in the bundle)", \
		OPTION_TEXT, CREATE_TO(config) }, \
	{ 0, "pid-file", "FILE", "write the process's pid to FILE", OPTION_TEXT, \
		CREATE_TO(pid_file) }, \
	{ 0, "console-socket", "SOCKET", "send the terminal's master to this unix socket", \
		OPTION_TEXT, CREATE_TO(console_socket) }, \
	{ 0, "pidfd-socket", "SOCKET", "send a pidfd of the process to this unix socket", \
		OPTION_TEXT, CREATE_TO(pidfd_socket) }, \
	{ 0, "preserve-fds", "N", "pass on N more file descriptors, from 3", OPTION_COUNT, \
		CREATE_TO(preserve_fds) }, \
	{ 0, "no-pivot", NULL, "change the root without pivot_root(2), for a root on a\n" \
		"ramdisk; weaker", OPTION_FLAG, CREATE_TO(no_pivot) }, \
	{ 0, "no-new-keyring", NULL, "keep the caller's session keyring", OPTION_FLAG, \
		CREATE_TO(no_new_keyring) }, \
	{ 0, "no-subreaper", NULL, "accepted; hull is no subreaper", OPTION_NOTHING, 0, NULL }, \
	{ 0, "explain", NULL, "print the steps for this bundle, '-' before those that it\n" \
		"skips, and do nothing", OPTION_FLAG, CREATE_TO(explain) }
/* clang-format on */

/* Everything that a plan points to; on the caller's stack, not to be copied. */
struct bundle {
	struct request request;
	struct oci_config config;
	struct host host;
	struct plan plan;
	char *path; /* the request's strings */
	char *config_path;
	char *pid_file;
	char *console_socket;
	char *pidfd_socket;
	char *config_text;
};

/* Fills the request from the command line and the environment. id may be NULL (check). */
int bundle_request(struct bundle *bundle, const struct globals *globals,
		   const struct create_options *given, const char *id, struct oci_error *err);

/* Reads config.json; errors say which file, which property, which line. */
int bundle_read(struct bundle *bundle, struct oci_error *err);

/* Looks at the host and makes the plan; notes become warnings. */
int bundle_plan(struct bundle *bundle, struct oci_error *err);

/* What create and run begin and end with: protects hull's binary, checks the id, makes the request,
 * and has `go` do the rest with it. */
int bundle_command(const struct call *call,
		   int (*go)(struct bundle *bundle, const struct create_options *given,
			     struct oci_error *err),
		   struct oci_error *err);

/* Frees all of it. Accepts a zeroed one. */
void bundle_done(struct bundle *bundle);

#endif
