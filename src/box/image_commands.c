/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/image_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "box/image.h"
#include "box/table_out.h"
#include "libocispec/json_text.h"

/* clang-format off */
#define PLATFORM_HELP "take the image for this platform (default: this machine's)"
#define DEVICES_HELP "take layers that have devices in them"
/* clang-format on */

static int with_store(const struct box_call *call,
		      int (*run)(const struct box_call *call, const struct store *store,
				 struct oci_error *err),
		      struct oci_error *err)
{
	struct store store;
	int done;

	TRY(store_open(&store, call->home->root, err));
	done = run(call, &store, err);
	store_close(&store);
	return done;
}

/* --- import --- */

struct import_options {
	const char *platform;
	bool devices;
};

/* clang-format off */
static const struct option_row import_rows[] = {
	{ 0, "platform", "OS/ARCH[/VARIANT]", PLATFORM_HELP, OPTION_TEXT,
		offsetof(struct import_options, platform), NULL },
	{ 0, "allow-devices", NULL, DEVICES_HELP, OPTION_FLAG,
		offsetof(struct import_options, devices), NULL },
	OPTIONS_END,
};
/* clang-format on */

static int import(const struct box_call *call, const struct store *store, struct oci_error *err)
{
	const struct import_options *options = call->options;
	const struct image_request request = { .source = call->operands[0],
					       .platform = options->platform,
					       .devices = options->devices };
	struct stored_image image;

	TRY(image_import(store, &request, call->n_operands > 1 ? call->operands[1] : NULL, &image,
			 err));
	(void)printf("%s\n", image.name);
	stored_image_done(&image);
	return 0;
}

static int run_import(const struct box_call *call, struct oci_error *err)
{
	return with_store(call, import, err);
}

const struct box_command command_image_import = {
	.name = "image import",
	.operands = "LAYOUT[:REF] [NAME]",
	.summary = "Take an image from an OCI image layout",
	.text = "LAYOUT is a directory or a tar of one; REF names one of its images. Every file "
		"is\n"
		"verified by its size and digest, and each layer is unpacked once, for all images\n"
		"that have it. Prints the image's name: NAME, or one made from LAYOUT and REF.",
	.options = import_rows,
	.options_size = sizeof(struct import_options),
	.n_required = 1,
	.n_allowed = 2,
	.run = run_import,
};

/* --- ls --- */

struct ls_options {
	const char *format;
};

/* clang-format off */
static const struct option_row ls_rows[] = {
	{ 0, "format", "FORMAT", "'table' (default) or 'json'", OPTION_WORD,
		offsetof(struct ls_options, format), "table|json" },
	OPTIONS_END,
};
/* clang-format on */

static void write_record(struct json_text *out, const struct image_record *record)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "name", record->name);
	json_text_string(out, "id", record->id);
	json_text_string(out, "manifest", record->manifest);
	json_text_uint(out, "size", record->size);
	json_text_int(out, "imported", record->imported);
	json_text_open_array(out, "layers");
	for (size_t i = 0; i < record->layers.n; i++)
		json_text_string(out, NULL, record->layers.v[i]);
	json_text_close_array(out);
	json_text_close_object(out);
}

/* "12.3 MiB" */
static void size_text(uint64_t size, char out[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)size;
	size_t unit = 0;

	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	(void)snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_row(struct table_out *table, const struct image_record *record)
{
	char size[32], imported[32] = "?";
	time_t when = (time_t)record->imported;
	struct tm local;

	size_text(record->size, size);
	if (localtime_r(&when, &local))
		(void)strftime(imported, sizeof(imported), "%Y-%m-%d %H:%M", &local);
	table_out_cell(table, "%s", record->name);
	table_out_cell(table, "%.12s", digest_is_valid(record->id) ? digest_hex(record->id) : "?");
	table_out_cell(table, "%zu", record->layers.n);
	table_out_cell(table, "%s", size);
	table_out_cell(table, "%s", imported);
}

static int list_one(void *ctx, const struct image_record *record)
{
	struct list_out *list = ctx;

	if (list->kind == LIST_JSON)
		write_record(&list->json, record);
	else
		add_row(&list->table, record);
	return 0;
}

static int ls(const struct box_call *call, const struct store *store, struct oci_error *err)
{
	static const char *const headings[] = { "NAME", "ID", "LAYERS", "SIZE", "IMPORTED", NULL };
	const struct ls_options *options = call->options;
	struct list_out list;

	list_out_begin(&list, headings, options->format, false);
	return list_out_end(&list, image_records_each(store, list_one, &list, err), err);
}

static int run_ls(const struct box_call *call, struct oci_error *err)
{
	return with_store(call, ls, err);
}

const struct box_command command_image_ls = {
	.name = "image ls",
	.operands = "",
	.summary = "List the images that were imported",
	.options = ls_rows,
	.options_size = sizeof(struct ls_options),
	.as_caller = true,
	.run = run_ls,
};

/* --- inspect --- */

static const struct option_row no_rows[] = { OPTIONS_END };

static void write_strings(struct json_text *out, const char *key, const struct oci_strings *in)
{
	json_text_open_array(out, key);
	for (size_t i = 0; i < in->n; i++)
		json_text_string(out, NULL, in->v[i]);
	json_text_close_array(out);
}

static void write_keys(struct json_text *out, const char *key, const struct image_key *keys,
		       size_t n)
{
	json_text_open_array(out, key);
	for (size_t i = 0; i < n; i++)
		json_text_string(out, NULL, keys[i].key);
	json_text_close_array(out);
}

static void write_image(struct json_text *out, const struct stored_image *image)
{
	const struct image_process *process = &image->config.config;

	json_text_open_object(out, NULL);
	json_text_string(out, "name", image->name);
	json_text_string(out, "id", image->id);
	json_text_string(out, "manifest", image->manifest);
	json_text_uint(out, "size", image->size);
	json_text_string(out, "os", image->config.os);
	json_text_string(out, "architecture", image->config.architecture);
	json_text_string(out, "created", image->config.created);
	json_text_string(out, "user", process->user);
	json_text_string(out, "workingDir", process->working_dir);
	json_text_string(out, "stopSignal", process->stop_signal);
	write_strings(out, "entrypoint", &process->entrypoint);
	write_strings(out, "cmd", &process->cmd);
	write_strings(out, "env", &process->env);
	write_keys(out, "exposedPorts", process->exposed_ports.v, process->exposed_ports.n);
	write_keys(out, "volumes", process->volumes.v, process->volumes.n);
	json_text_open_object(out, "labels");
	for (size_t i = 0; i < process->labels.n; i++)
		json_text_string(out, process->labels.v[i].key, process->labels.v[i].value);
	json_text_close_object(out);
	write_strings(out, "layers", &image->config.rootfs.diff_ids);
	json_text_close_object(out);
	json_text_newline(out);
}

static int inspect(const struct box_call *call, const struct store *store, struct oci_error *err)
{
	const struct image_request request = { .source = call->operands[0] };
	struct stored_image image;
	struct json_text out;
	int done;

	TRY(image_find(store, request.source, &image, err));
	json_text_init(&out, true);
	write_image(&out, &image);
	done = json_text_check(&out, err);
	if (done == 0)
		(void)fputs(out.text, stdout);
	json_text_done(&out);
	stored_image_done(&image);
	return done;
}

static int run_inspect(const struct box_call *call, struct oci_error *err)
{
	return with_store(call, inspect, err);
}

const struct box_command command_image_inspect = {
	.name = "image inspect",
	.operands = "IMAGE",
	.summary = "Print what an image says of itself, as JSON",
	.options = no_rows,
	.n_required = 1,
	.n_allowed = 1,
	.as_caller = true,
	.run = run_inspect,
};

/* --- rm, prune --- */

static int rm_one(const struct box_call *call, void *ctx, const char *word, struct oci_error *err)
{
	char name[IMAGE_NAME_MAX + 8];

	(void)call;
	TRY(image_remove(ctx, word, name, err));
	(void)printf("%s\n", name);
	return 0;
}

static int rm(const struct box_call *call, const struct store *store, struct oci_error *err)
{
	struct store own = *store;

	return box_each(call, &own, rm_one, err);
}

static int run_rm(const struct box_call *call, struct oci_error *err)
{
	return with_store(call, rm, err);
}

const struct box_command command_image_rm = {
	.name = "image rm",
	.operands = "IMAGE...",
	.summary = "Remove images",
	.text = "Layers that another image or a container needs stay.",
	.options = no_rows,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_rm,
};

static int prune(const struct box_call *call, const struct store *store, struct oci_error *err)
{
	uint64_t freed;
	char size[32];
	size_t n;

	(void)call;
	TRY(layer_collect(store, NULL, 0, &n, &freed, err));
	size_text(freed, size);
	(void)printf("removed %zu layer%s, %s\n", n, n == 1 ? "" : "s", size);
	return 0;
}

static int run_prune(const struct box_call *call, struct oci_error *err)
{
	return with_store(call, prune, err);
}

const struct box_command command_image_prune = {
	.name = "image prune",
	.operands = "",
	.summary = "Remove layers that no image and no container needs",
	.text = "Layers that were given as tar files to containers which are gone are such.",
	.options = no_rows,
	.run = run_prune,
};

/* --- unpack --- */

static int unpack_one(const struct box_call *call, void *ctx, const char *tar,
		      struct oci_error *err)
{
	const struct import_options *options = call->options;
	const struct store *store = ctx;
	auto_fd use = store_use(store, false, err);
	char digest[DIGEST_SIZE];
	struct layer_facts facts;

	TRY(use);
	TRY(layer_from_tar(store, tar, options->devices, digest, err));
	if (layer_find(store, digest, true, &facts, err) <= 0)
		return -1;
	(void)printf("%s %s\n", digest, facts.path);
	return 0;
}

static int unpack(const struct box_call *call, const struct store *store, struct oci_error *err)
{
	struct store own = *store;

	return box_each(call, &own, unpack_one, err);
}

static int run_unpack(const struct box_call *call, struct oci_error *err)
{
	return with_store(call, unpack, err);
}

/* clang-format off */
static const struct option_row unpack_rows[] = {
	{ 0, "allow-devices", NULL, DEVICES_HELP, OPTION_FLAG,
		offsetof(struct import_options, devices), NULL },
	OPTIONS_END,
};
/* clang-format on */

const struct box_command command_image_unpack = {
	.name = "image unpack",
	.operands = "TAR...",
	.summary = "Unpack layers ahead of the containers that use them",
	.text = "What `run --layer TAR` would do. Prints each layer's digest and its directory, "
		"which "
		"is\nnever to be changed.",
	.options = unpack_rows,
	.options_size = sizeof(struct import_options),
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_unpack,
};
