/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox diff` and `commit`: a container's own layer looked at and kept.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/container.h"
#include "box/container_base.h"
#include "box/host_root.h"
#include "box/interrupt.h"
#include "box/layout_write.h"
#include "box/record.h"
#include "box/rootless.h"
#include "box/store.h"
#include "box/table_out.h"
#include "box/upper.h"
#include "libocispec/json_text.h"
#include "libocispec/utf8.h"

/* A container with its layers. */
struct opened {
	struct box_record record;
	struct box_options options;
	char **lowers; /* the topmost first */
	size_t n_lowers;
	bool has_image;
	struct image_config image;
	struct box_image process; /* the same, as a bundle takes it */
	bool user_xattrs;	  /* as its overlay is mounted (overlay.c) */
	char *upper;
	bool from_host; /* --host: it has no layers below that are its own */
};

static int open_layers(const struct box_call *call, struct opened *opened, struct oci_error *err)
{
	int there;

	TRY(container_options(&opened->record, &opened->options, err));
	if (!strcmp(opened->options.source.kind, "rootfs") && !opened->options.source.ephemeral)
		return fail_code(err, "not-supported",
				 "the container has no layer of its own: it works in its root file "
				 "system itself");
	if (faccessat(opened->record.dir, "upper", F_OK, 0) < 0)
		return fail_code(err, "not-supported", "the container has never been started");
	TRY(container_base_paths(call->home, &opened->record, &opened->lowers, &opened->n_lowers,
				 err));
	there = container_base_image(&opened->record, &opened->image, &opened->process, err);
	TRY(there);
	opened->has_image = there > 0;
	opened->from_host = !strcmp(opened->options.source.kind, "host");
	opened->user_xattrs = geteuid() != 0 || rootless();
	opened->upper = record_path(call->home, &opened->record, "upper", err);
	return opened->upper ? 0 : -1;
}

/* Nobody removes what is read, or throws it away for another life. */
static int hold(struct box_record *record, struct oci_error *err)
{
	int result;

	TRY(record_lock(record, false, err));
	result = record_hold(record, err);
	record_unlock(record);
	return result;
}

/* Opens the container, does something with its layers, closes it. */
static int with_layers(const struct box_call *call, bool holds,
		       int (*run)(const struct box_call *call, const struct opened *opened,
				  struct oci_error *err),
		       struct oci_error *err)
{
	struct opened opened = { .record = BOX_RECORD_NONE };
	int done;

	TRY(record_open(call->home, call->operands[0], &opened.record, err));
	done = holds ? hold(&opened.record, err) : 0;
	if (done == 0)
		done = open_layers(call, &opened, err);
	if (done == 0)
		done = run(call, &opened, err);
	free(opened.upper);
	container_base_paths_free(opened.lowers, opened.n_lowers);
	image_config_close(&opened.image);
	box_options_done(&opened.options);
	record_close(&opened.record);
	return done;
}

/* --- diff --- */

struct diff_values {
	const char *format;
};

/* clang-format off */
static const struct option_row diff_options[] = {
	{ 0, "format", "FORMAT", "'table' (default) or 'json'", OPTION_WORD,
		offsetof(struct diff_values, format), "table|json" },
	OPTIONS_END,
};
/* clang-format on */

/* A container chose the names: what would steer a terminal is shown as octal. */
static int print_change(void *data, char kind, const char *path)
{
	(void)data;
	(void)printf("%c ", kind);
	for (const char *at = path; *at != '\0';) {
		size_t step = utf8_sequence(at, strlen(at));
		unsigned char c = (unsigned char)*at;
		/* Behind 0xc2 there are control characters, too. */
		bool high = c == 0xc2 && (unsigned char)at[1] < 0xa0;

		if (!step || c < ' ' || c == 0x7f || c == '\\' || high) {
			(void)printf("\\%03o", c);
			step = 1;
		} else {
			(void)fwrite(at, 1, step, stdout);
		}
		at += step;
	}
	(void)putchar('\n');
	return 0;
}

static int add_change(void *data, char kind, const char *path)
{
	const char text[2] = { kind, '\0' };

	json_text_open_object(data, NULL);
	json_text_string(data, "kind", text);
	json_text_string(data, "path", path);
	json_text_close_object(data);
	return 0;
}

static int diff_json(const struct upper_view *view, struct oci_error *err)
{
	struct list_out list;

	list_out_begin(&list, NULL, "json", false);
	return list_out_end(&list, upper_changes(view, add_change, &list.json, err), err);
}

static int diff_layers(const struct box_call *call, const struct opened *opened,
		       const char *const *lowers, size_t n_lowers, struct oci_error *err)
{
	const struct diff_values *values = call->options;
	const struct upper_view view = { .upper = opened->upper,
					 .lowers = lowers,
					 .n_lowers = n_lowers,
					 .user_xattrs = opened->user_xattrs };

	if (values->format && !strcmp(values->format, "json"))
		return diff_json(&view, err);
	return upper_changes(&view, print_change, NULL, err);
}

/* The host's directories, put together as the container has them, are one layer. */
static int diff_host(const struct box_call *call, const struct opened *opened,
		     struct oci_error *err)
{
	auto_free char *dir = record_path(call->home, &opened->record, "", err);
	auto_free char *merged = record_path(call->home, &opened->record, "merged", err);
	const char *const lowers[] = { merged };

	if (!dir || !merged)
		return -1;
	TRY(host_root_view(dir, false, err));
	return diff_layers(call, opened, lowers, 1, err);
}

static int diff(const struct box_call *call, const struct opened *opened, struct oci_error *err)
{
	if (opened->from_host)
		return diff_host(call, opened, err);
	return diff_layers(call, opened, (const char *const *)opened->lowers, opened->n_lowers,
			   err);
}

static int run_diff(const struct box_call *call, struct oci_error *err)
{
	return with_layers(call, false, diff, err);
}

const struct box_command command_diff = {
	.name = "diff",
	.operands = "CONTAINER",
	.summary = "List what a container changed in its files",
	.text = "A: added; C: changed, or something in a directory; D: deleted.",
	.options = diff_options,
	.options_size = sizeof(struct diff_values),
	.n_required = 1,
	.n_allowed = 1,
	.run = run_diff,
};

/* --- commit --- */

struct commit_values {
	const char *compress;
	bool layout;
};

/* clang-format off */
static const struct option_row commit_options[] = {
	{ 0, "layout", NULL, "write an OCI image layout of all its layers, not a tar of its own", OPTION_FLAG,
		offsetof(struct commit_values, layout), NULL },
	{ 0, "compress", "HOW", "'gzip' (default of layouts), 'zstd' or 'none' (default of tars)", OPTION_WORD,
		offsetof(struct commit_values, compress), "gzip|zstd|none" },
	OPTIONS_END,
};
/* clang-format on */

static enum archive_compression compression_of(const struct commit_values *values)
{
	if (!values->compress)
		return values->layout ? ARCHIVE_GZIP : ARCHIVE_PLAIN;
	if (!strcmp(values->compress, "gzip"))
		return ARCHIVE_GZIP;
	return !strcmp(values->compress, "zstd") ? ARCHIVE_ZSTD : ARCHIVE_PLAIN;
}

/* Written beside it first, so that the file is whole or isn't there. */
static int commit_tar(const struct box_call *call, const struct opened *opened,
		      struct oci_error *err)
{
	const char *path = call->operands[1];
	struct archive_digests digests;
	char temporary[PATH_MAX];
	auto_fd fd = -1;
	int done;

	if (snprintf(temporary, sizeof(temporary), "%s.%d.new", path, (int)getpid()) >= PATH_MAX)
		return fail(err, "'%.100s...' is too long for a path", path);
	interrupt_catch();
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_sys(err, "make '%s'", temporary);
	done = upper_write(opened->upper, opened->user_xattrs, fd, compression_of(call->options),
			   &digests, err);
	if (done == 0 && fsync(fd) < 0)
		done = fail_sys(err, "write '%s'", path);
	if (done == 0)
		done = interrupt_check(err);
	if (done == 0 && rename(temporary, path) < 0)
		done = fail_sys(err, "write '%s'", path);
	if (done == 0)
		(void)printf("sha256:%s\n", digests.tar);
	else
		(void)unlink(temporary); /* the first failure is told */
	return done;
}

/* The layers of its base, as they came where the store has kept that, and its own. */
static int write_layout(const struct opened *opened, const struct base_layer *base, size_t n_base,
			struct layout_request *request, struct oci_error *err)
{
	auto_free struct layout_layer *layers = calloc(n_base + 1, sizeof(*layers));
	char manifest[DIGEST_SIZE];

	if (!layers)
		return fail_sys(err, "memory for layers");
	for (size_t i = 0; i < n_base; i++)
		layers[i] = (struct layout_layer){ .directory = base[i].path,
						   .fd = base[i].fd,
						   .blob = base[i].blob,
						   .diff_id = base[i].digest };
	layers[n_base] = (struct layout_layer){ .directory = opened->upper, .fd = -1 };
	request->layers = layers;
	request->n_layers = n_base + 1;
	interrupt_catch();
	TRY(layout_write(request, manifest, err));
	(void)printf("%s\n", manifest);
	return 0;
}

static int commit_layout(const struct box_call *call, const struct opened *opened,
			 struct oci_error *err)
{
	auto_free char *path = strdup(call->operands[1]), *config = NULL;
	struct layout_request request = {
		.user_xattrs = opened->user_xattrs,
		.compression = compression_of(call->options),
		.ref = "",
	};
	struct base_layer *base = NULL;
	size_t n_base = 0;
	char *colon;
	int done;

	if (!path)
		return fail_sys(err, "memory for a path");
	/* The directory isn't there yet, so the first colon behind its last slash parts the two. */
	colon = strchr(strrchr(path, '/') ? strrchr(path, '/') : path, ':');
	if (colon) {
		*colon = '\0';
		request.ref = colon + 1;
	}
	request.path = path;
	if (opened->has_image) {
		config = container_base_config(&opened->record, &request.base_size, err);
		if (!config)
			return -1;
		request.base = config;
	}
	done = container_base_layers(call->home, &opened->record, &base, &n_base, err);
	if (done == 0)
		done = write_layout(opened, base, n_base, &request, err);
	container_base_layers_free(base, n_base);
	return done;
}

static int commit(const struct box_call *call, const struct opened *opened, struct oci_error *err)
{
	const struct commit_values *values = call->options;

	if (values->layout && opened->from_host)
		return fail_code(err, "not-supported",
				 "an image of a container made with --host would be of the host's "
				 "own files; without --layout what it wrote is kept");
	return values->layout ? commit_layout(call, opened, err) : commit_tar(call, opened, err);
}

static int run_commit(const struct box_call *call, struct oci_error *err)
{
	return with_layers(call, true, commit, err);
}

const struct box_command command_commit = {
	.name = "commit",
	.operands = "CONTAINER TAR|LAYOUT[:REF]",
	.summary = "Keep what a container changed as a layer or an image",
	.text = "Writes its own layer as a tar for --layer and prints its digest; with --layout a "
		"new\n"
		"image layout of all its layers, those of its image as they came, with its "
		"image's\n"
		"configuration, and prints the manifest's digest. Of a running container the files "
		"are taken as they are found:\n"
		"pause it first.",
	.options = commit_options,
	.options_size = sizeof(struct commit_values),
	.n_required = 2,
	.n_allowed = 2,
	.run = run_commit,
};
