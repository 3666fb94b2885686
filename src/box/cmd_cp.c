/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox cp`: files into a container's root and out of it, running or stopped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/container.h"
#include "box/container_base.h"
#include "box/copy.h"
#include "box/host_root.h"
#include "box/interrupt.h"
#include "box/monitor.h"
#include "box/overlay.h"
#include "box/record.h"
#include "box/volume.h"

struct cp_values {
	bool archive;
};

/* clang-format off */
static const struct option_row cp_options[] = {
	{ 'a', "archive", NULL, "keep owners, and with them setuid and setgid", OPTION_FLAG,
		offsetof(struct cp_values, archive), NULL },
	OPTIONS_END,
};
/* clang-format on */

static int open_directory(const char *path, struct oci_error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail_sys(err, "open '%s'", path) : fd;
}

/* Its own layer upon those below, read-only where nothing goes in. */
static int mount_layers(const struct box_call *call, const struct box_record *record,
			const char *dir, bool writes, struct oci_error *err)
{
	auto_free char *upper = box_text(err, "%s/upper", dir);
	auto_free char *work = box_text(err, "%s/work", dir);
	auto_free char *merged = box_text(err, "%s/merged", dir);
	auto_free const char **lower = NULL;
	char **lowers = NULL;
	size_t n_lowers = 0;
	struct overlay overlay = { .merged = merged };
	int done;

	if (!upper || !work || !merged)
		return -1;
	done = container_base_paths(call->home, record, &lowers, &n_lowers, err);
	lower = calloc(n_lowers + 2, sizeof(*lower));
	if (done == 0 && !lower)
		done = fail_sys(err, "memory for layers");
	if (done == 0) {
		lower[0] = upper;
		memcpy(lower + 1, lowers, n_lowers * sizeof(*lower));
		overlay.lower = writes ? lower + 1 : lower;
		overlay.n_lower = writes ? n_lowers : n_lowers + 1;
		overlay.upper = writes ? upper : NULL;
		overlay.work = writes ? work : NULL;
		done = overlay_unshare(err);
	}
	if (done == 0)
		done = overlay_mount(&overlay, err);
	container_base_paths_free(lowers, n_lowers);
	return done;
}

/* A stopped container's root, mounted for this process alone. The record's lock keeps it from being
 * started meanwhile. */
static int open_mounted(const struct box_call *call, const struct box_record *record, bool host,
			bool writes, struct oci_error *err)
{
	auto_free char *dir = record_path(call->home, record, "", err);
	auto_free char *merged = record_path(call->home, record, "merged", err);

	if (!dir || !merged)
		return -1;
	if (faccessat(record->dir, "upper", F_OK, 0) < 0)
		return fail_code(err, "not-supported", "the container has never been started");
	TRY(host ? host_root_view(dir, true, err) : mount_layers(call, record, dir, writes, err));
	return open_directory(merged, err);
}

static int open_stopped(const struct box_call *call, const struct box_record *record,
			const struct box_source *source, bool writes, struct oci_error *err)
{
	if (!strcmp(source->kind, "rootfs") && !source->ephemeral)
		return open_directory(source->from.v[0], err);
	return open_mounted(call, record, !strcmp(source->kind, "host"), writes, err);
}

/* Of one that runs the files are seen from outside of its user namespace. What its ids are there
 * its options tell: what /proc says of a process it could have changed. */
static int open_running(const struct box_call *call, const struct box_record *record,
			struct box_options *options, struct copy_request *request,
			struct oci_id_mapping *claimed, struct oci_error *err)
{
	TRY(container_choose_ids(call->home, record, options, claimed, err));
	request->map = options->security.mappings.v;
	request->n_map = options->security.mappings.n;
	return monitor_open_root(call->home, record, err);
}

/* One that runs may be stopped meanwhile; what it was goes on to be there, and no other life begins
 * upon the same layer. */
static int open_root(const struct box_call *call, struct box_record *record,
		     struct box_options *options, struct copy_request *request,
		     struct oci_id_mapping *claimed, bool writes, struct oci_error *err)
{
	enum box_status status;
	int fd;

	TRY(record_lock(record, false, err));
	TRY(record_hold(record, err));
	status = record_status(call->home, record);
	if (status != BOX_RUNNING && status != BOX_PAUSED)
		return open_stopped(call, record, &options->source, writes, err);
	fd = open_running(call, record, options, request, claimed, err);
	record_unlock(record);
	return fd;
}

/* CONTAINER:PATH, where no slash comes before the colon; NULL for a path of the host. */
static const char *inner_path(const char *operand, char name[256])
{
	const char *colon = strchr(operand, ':');
	size_t size = colon ? (size_t)(colon - operand) : 0;

	if (!colon || size == 0 || size >= 256 || memchr(operand, '/', size))
		return NULL;
	memcpy(name, operand, size);
	name[size] = '\0';
	return colon + 1;
}

/* What of the host is written to through the container. */
static int find_shown(const struct box_call *call, const struct box_record *record,
		      struct box_options *options, struct copy_request *request,
		      struct oci_error *err)
{
	const struct box_source *source = &options->source;
	const char **shown = arena_array(&options->arena, options->volumes.n + 1, sizeof(*shown));

	for (size_t i = 0; shown && i < options->volumes.n; i++) {
		char name[VOLUME_NAME_SIZE];

		volume_name(record->id, options, i, name);
		shown[request->n_shown++] =
			*name ? arena_printf(&options->arena, "%s/volumes/%s/_data",
					     call->home->root, name)
			      : options->volumes.v[i].source;
	}
	if (!strcmp(source->kind, "rootfs") && !source->ephemeral) {
		if (shown)
			shown[request->n_shown++] = source->from.v[0];
	} else {
		request->layer = arena_printf(&options->arena, "%s/containers/%s/upper",
					      call->home->root, record->id);
	}
	request->shown = shown;
	return options->arena.failed ? fail_code(err, "out-of-memory", "no memory for paths") : 0;
}

static int copy(const struct box_call *call, struct box_record *record, const char *from,
		const char *to, struct oci_error *err)
{
	const struct cp_values *values = call->options;
	struct copy_request request = { .archive = values->archive };
	struct oci_id_mapping claimed;
	struct box_options options;
	auto_fd root = -1;
	int done;

	TRY(container_options(record, &options, err));
	root = open_root(call, record, &options, &request, &claimed, to != NULL, err);
	request.from = (struct copy_side){ from ? root : -1, from ? from : call->operands[0] };
	request.to = (struct copy_side){ from ? -1 : root, from ? call->operands[1] : to };
	request.owner_uid = from ? geteuid() : 0;
	request.owner_gid = from ? getegid() : 0;
	if (root >= 0)
		interrupt_catch(); /* not before: it may have waited for the record's lock */
	done = root < 0 ? -1 : find_shown(call, record, &options, &request, err);
	if (done == 0)
		done = copy_tree(&request, err);
	box_options_done(&options);
	return done;
}

static int run_cp(const struct box_call *call, struct oci_error *err)
{
	struct box_record record = BOX_RECORD_NONE;
	char name[256];
	const char *from = inner_path(call->operands[0], name);
	const char *to = from ? NULL : inner_path(call->operands[1], name);
	int done;

	if (!from && !to)
		return fail_code(err, "usage", "cp: one of the two must be CONTAINER:PATH");
	TRY(record_open(call->home, name, &record, err));
	done = copy(call, &record, from, to, err);
	record_close(&record);
	return done;
}

const struct box_command command_cp = {
	.name = "cp",
	.operands = "CONTAINER:PATH PATH | PATH CONTAINER:PATH",
	.summary = "Copy files out of a container or into it",
	.text = "A path that ends in /. means what is in the directory. Links are copied as "
		"links;\n"
		"those of the container lead nowhere outside of it. Files get the caller as "
		"owner,\n"
		"in the container root, and lose setuid and setgid; --archive keeps both.",
	.options = cp_options,
	.options_size = sizeof(struct cp_values),
	.n_required = 2,
	.n_allowed = 2,
	.run = run_cp,
};
