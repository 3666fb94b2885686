/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox volume create`, `ls`, `inspect` and `rm`.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "box/command.h"
#include "box/container.h"
#include "box/table_out.h"
#include "box/volume.h"
#include "libocispec/json_text.h"

static const struct option_row no_options[] = { OPTIONS_END };

/* --- create --- */

static int make_up_name(char name[VOLUME_NAME_SIZE], struct oci_error *err)
{
	unsigned char bytes[8];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return fail_sys(err, "getrandom");
	strcpy(name, "vol-");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(name + 4 + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int run_create(const struct box_call *call, struct oci_error *err)
{
	char made_up[VOLUME_NAME_SIZE];
	const char *name = call->n_operands ? call->operands[0] : made_up;
	bool is_new;

	if (!call->n_operands)
		TRY(make_up_name(made_up, err));
	TRY(volume_create(call->home, name, &is_new, err));
	(void)printf("%s\n", name);
	return 0;
}

const struct box_command command_volume_create = {
	.name = "volume create",
	.operands = "[NAME]",
	.summary = "Make a volume, a directory that outlives containers",
	.text = "`run -v NAME:PATH` makes one, too. One that is there stays as it is. Prints its "
		"name.",
	.options = no_options,
	.n_allowed = 1,
	.run = run_create,
};

/* --- ls --- */

struct ls_values {
	bool quiet, unused;
	const char *format;
};

static const struct option_row ls_options[] = {
	{ 'q', "quiet", NULL, "print the names only", OPTION_FLAG,
	  offsetof(struct ls_values, quiet), NULL },
	{ 0, "unused", NULL, "only those that no container uses", OPTION_FLAG,
	  offsetof(struct ls_values, unused), NULL },
	{ 0, "format", "FORMAT", "table (default) or json", OPTION_WORD,
	  offsetof(struct ls_values, format), "table|json" },
	OPTIONS_END,
};

struct listing {
	const struct ls_values *values;
	struct list_out out;
};

static void write_volume(struct json_text *out, const struct volume *volume)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "name", volume->name);
	json_text_string(out, "path", volume->path);
	json_text_int(out, "created", volume->created);
	json_text_bool(out, "anonymous", volume->anonymous);
	json_text_open_array(out, "usedBy");
	for (size_t i = 0; volume->users[i]; i++)
		json_text_string(out, NULL, volume->users[i]);
	json_text_close_array(out);
	json_text_close_object(out);
}

/* "-" or "one" or "one and 3 more". */
static void add_users(struct table_out *table, const struct volume *volume)
{
	size_t n = 0;

	while (volume->users[n])
		n++;
	if (n == 0)
		table_out_cell(table, "-");
	else if (n == 1)
		table_out_cell(table, "%s", volume->users[0]);
	else
		table_out_cell(table, "%s and %zu more", volume->users[0], n - 1);
}

static int list_one(void *ctx, const struct volume *volume, struct oci_error *err)
{
	struct listing *listing = ctx;
	struct table_out *table = &listing->out.table;
	char age[32];

	(void)err;
	if (listing->values->unused && volume->users[0])
		return 0;
	if (listing->out.kind == LIST_NAMES) {
		(void)printf("%s\n", volume->name);
	} else if (listing->out.kind == LIST_JSON) {
		write_volume(&listing->out.json, volume);
	} else {
		table_out_cell(table, "%s", volume->name);
		if (volume->created)
			table_out_cell(table, "%s ago",
				       table_out_age(record_now() - volume->created, age));
		else
			table_out_cell(table, "-");
		add_users(table, volume);
	}
	return 0;
}

static int run_ls(const struct box_call *call, struct oci_error *err)
{
	static const char *const headings[] = { "NAME", "CREATED", "USED BY", NULL };
	const struct ls_values *values = call->options;
	struct listing listing = { .values = values };

	list_out_begin(&listing.out, headings, values->format, values->quiet);
	return list_out_end(&listing.out, volumes_list(call->home, NULL, list_one, &listing, err),
			    err);
}

const struct box_command command_volume_ls = {
	.name = "volume ls",
	.operands = "",
	.summary = "List volumes and who uses them",
	.options = ls_options,
	.options_size = sizeof(struct ls_values),
	.run = run_ls,
};

/* --- inspect --- */

static int inspect_one(void *ctx, const struct volume *volume, struct oci_error *err)
{
	(void)err;
	write_volume(ctx, volume);
	return 0;
}

static int run_inspect(const struct box_call *call, struct oci_error *err)
{
	struct list_out list;
	int result = 0;

	list_out_begin(&list, NULL, "json", false);
	for (size_t i = 0; result == 0 && i < call->n_operands; i++)
		result = volumes_list(call->home, call->operands[i], inspect_one, &list.json, err);
	return list_out_end(&list, result, err);
}

const struct box_command command_volume_inspect = {
	.name = "volume inspect",
	.operands = "VOLUME...",
	.summary = "Print where volumes are and who uses them, as JSON",
	.options = no_options,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_inspect,
};

/* --- rm --- */

struct rm_values {
	bool force;
};

static const struct option_row rm_options[] = {
	{ 'f', "force", NULL, "a volume that isn't there is no failure", OPTION_FLAG,
	  offsetof(struct rm_values, force), NULL },
	OPTIONS_END,
};

static int rm_one(const struct box_call *call, void *ctx, const char *name, struct oci_error *err)
{
	const struct rm_values *values = call->options;

	(void)ctx;
	if (volume_remove(call->home, name, err) == 0)
		(void)printf("%s\n", name);
	else if (!values->force || strcmp(err->code, "not-found") != 0)
		return -1;
	return 0;
}

static int run_rm(const struct box_call *call, struct oci_error *err)
{
	container_sweep(call->home); /* one with --rm that nobody saw end uses nothing */
	return box_each(call, NULL, rm_one, err);
}

const struct box_command command_volume_rm = {
	.name = "volume rm",
	.operands = "VOLUME...",
	.summary = "Remove volumes with what is in them",
	.text = "None that a container uses, not even a stopped one: remove that first.",
	.options = rm_options,
	.options_size = sizeof(struct rm_values),
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.run = run_rm,
};
