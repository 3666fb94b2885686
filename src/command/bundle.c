/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "command/log.h"
#include "sequence/sequence.h"
#include "state/state.h"

/* What the reader takes at most. */
#define CONFIG_LIMIT ((size_t)4 * 1024 * 1024)

static int absolute(const char *given, char **heap, const char **target, struct oci_error *err)
{
	if (!given)
		return 0;
	*heap = path_absolute(given, err);
	*target = *heap;
	return *heap ? 0 : -1;
}

static enum cgroup_manager manager(const struct globals *globals)
{
	const char *name = globals->cgroup_manager;

	if (name && !strcmp(name, "disabled"))
		return CGROUP_DISABLED;
	if (globals->systemd_cgroup || (name && !strcmp(name, "systemd")))
		return CGROUP_SYSTEMD;
	return CGROUP_CGROUPFS;
}

/* An empty variable counts as unset. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int find_paths(struct bundle *bundle, const struct create_options *given,
		      struct oci_error *err)
{
	struct request *request = &bundle->request;
	const char *path = given->bundle ? given->bundle : ".";

	bundle->path = realpath(path, NULL);
	if (!bundle->path)
		return fail_sys(err, "bundle '%s'", path);
	request->bundle = bundle->path;
	if (given->config)
		TRY(absolute(given->config, &bundle->config_path, &request->config_path, err));
	else if (asprintf(&bundle->config_path, "%s/config.json", bundle->path) < 0)
		return fail_code(err, "out-of-memory", "no memory for a path");
	request->config_path = bundle->config_path;
	TRY(absolute(given->pid_file, &bundle->pid_file, &request->pid_file, err));
	TRY(absolute(given->console_socket, &bundle->console_socket, &request->console_socket,
		     err));
	return absolute(given->pidfd_socket, &bundle->pidfd_socket, &request->pidfd_socket, err);
}

int bundle_request(struct bundle *bundle, const struct globals *globals,
		   const struct create_options *given, const char *id, struct oci_error *err)
{
	struct request *request = &bundle->request;

	memset(bundle, 0, sizeof(*bundle));
	request->id = id;
	request->state_root = globals_root(globals, err);
	if (!request->state_root)
		return -1;
	request->manager = manager(globals);
	request->preserve_fds = given->preserve_fds;
	request->no_pivot = given->no_pivot;
	request->no_new_keyring = given->no_new_keyring;
	request->detach = given->detach;
	request->keep = given->keep;
	request->listen_fds = environment("LISTEN_FDS");
	request->notify_socket = environment("NOTIFY_SOCKET");
	return find_paths(bundle, given, err);
}

/* Its own copy of the text is kept: the reader changes what it is given, and the state directory
 * gets the file byte for byte. */
int bundle_read(struct bundle *bundle, struct oci_error *err)
{
	struct request *request = &bundle->request;
	const char *path = request->config_path;

	if (file_load_at(AT_FDCWD, path, CONFIG_LIMIT, &bundle->config_text, &request->config_size,
			 err) < 0)
		return -1;
	request->config_text = bundle->config_text;
	if (oci_config_read(&bundle->config, request->config_text, request->config_size, NULL,
			    err) < 0)
		return fail_in(err, "%s", path);
	return 0;
}

/* Errors of the planner begin with a pointer: says where in the file that is. */
static int fail_at_place(const struct bundle *bundle, struct oci_error *err)
{
	char pointer[512];
	size_t size = strcspn(err->text, ":"), used = strlen(err->text);
	unsigned line, column;

	if (err->text[0] != '/' || size >= sizeof(pointer))
		return -1;
	memcpy(pointer, err->text, size);
	pointer[size] = '\0';
	oci_document_place(bundle->config.doc, pointer, &line, &column);
	(void)snprintf(err->text + used, sizeof(err->text) - used, " (%u:%u)", line, column);
	return fail_in(err, "%s", bundle->request.config_path);
}

/* As without a report, the first refusal ends it; but notes are not lost. */
static int found(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	const struct bundle *bundle = ctx;
	unsigned line, column;

	if (kind != PLAN_NOTE)
		return 1;
	oci_document_place(bundle->config.doc, pointer, &line, &column);
	log_warning("%s: %s: %s (%u:%u)", bundle->request.config_path, pointer, text, line, column);
	return 0;
}

int bundle_plan(struct bundle *bundle, struct oci_error *err)
{
	struct plan_report report = { found, bundle };

	TRY(host_look(&bundle->host, err));
	if (plan_asks_labels(&bundle->config))
		host_look_labels(&bundle->host);
	if (plan_make(&bundle->plan, &bundle->config, &bundle->request, &bundle->host, &report,
		      err) < 0)
		return fail_at_place(bundle, err);
	return 0;
}

int bundle_command(const struct call *call,
		   int (*go)(struct bundle *bundle, const struct create_options *given,
			     struct oci_error *err),
		   struct oci_error *err)
{
	const struct create_options *given = call->options;
	const char *id = call->operands[0];
	struct bundle bundle = { 0 };
	int result;

	TRY(sequence_protect_binary(call->argv, err));
	(void)umask(022); /* directories made in the container's root: not by the caller's habits */
	TRY(state_check_id(id, err));
	result = bundle_request(&bundle, call->globals, given, id, err);
	if (result == 0)
		result = go(&bundle, given, err);
	bundle_done(&bundle);
	return result;
}

void bundle_done(struct bundle *bundle)
{
	plan_free(&bundle->plan);
	oci_config_close(&bundle->config);
	free(bundle->path);
	free(bundle->config_path);
	free(bundle->pid_file);
	free(bundle->console_socket);
	free(bundle->pidfd_socket);
	free(bundle->config_text);
	memset(bundle, 0, sizeof(*bundle));
}
