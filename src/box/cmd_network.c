/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hullbox network ls` and `network inspect`: which networks there are, how they are made, and
 * which containers are in them. Changes nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/command.h"
#include "box/link.h"
#include "box/network_config.h"
#include "box/table_out.h"

static const char ending[] = ".conflist";

/* Those that no file describes: root's, and any other caller's. */
enum { N_FIXED = 3 };
static const char *const fixed[2][N_FIXED] = {
	{ "bridge", "host", "none" },
	{ "user", "host", "none" },
};

/* --- What is known of one --- */

static const char *const *fixed_names(void)
{
	return fixed[geteuid() != 0];
}

static bool is_fixed(const char *name)
{
	for (size_t i = 0; i < N_FIXED; i++)
		if (!strcmp(name, fixed_names()[i]))
			return true;
	return false;
}

static bool has_config(const char *name)
{
	return !strcmp(name, "bridge") || !is_fixed(name);
}

/* Whether a container is in the network of that name. Who shares a network is in it, too. */
static bool is_in(const struct network_record *record, const char *name)
{
	if (record->removing)
		return false;
	if (has_config(name))
		return !strcmp(record->network, name);
	return !strcmp(record->kind, name);
}

/* Writes the containers of a network, if `out` isn't NULL; returns how many there are. */
static int tell_containers(const struct box_home *home, const char *name, struct json_text *out,
			   struct oci_error *err)
{
	struct network_store store;
	struct network_ids ids = { 0 };
	int count = 0, result = network_store_open(&store, home, false, err);

	if (result == 0 && store.dir >= 0)
		result = network_ids_read(&store, &ids, err);
	for (size_t i = 0; result == 0 && i < ids.n; i++) {
		struct oci_error gone = { 0 };
		struct network_record record;

		if (network_record_read(&store, ids.v[i], &record, &gone) <= 0)
			continue;
		if (is_in(&record, name)) {
			count++;
			if (out)
				network_record_tell(out, &record);
		}
		network_record_done(&record);
	}
	network_ids_done(&ids);
	network_store_close(&store);
	return result < 0 ? -1 : count;
}

/* The first range of addresses of the network, "" when its plugins don't say. */
static const char *find_subnet(const struct cni_network *network)
{
	for (const struct json_node *at = network->plugins; at; at = at->next) {
		const struct json_node *ipam = json_tree_member(at, "ipam");
		const struct json_node *set = json_tree_array(ipam, "ranges");
		const char *subnet = json_tree_text(ipam, "subnet");

		if (!subnet && set && set->kind == JSON_ARRAY)
			subnet = json_tree_text(set->first, "subnet");
		if (subnet)
			return subnet;
	}
	return "";
}

/* --- ls --- */

/* What ls shows of one network. */
struct row {
	const char *name, *type, *subnet, *bridge;
	int containers;
	const char *problem; /* NULL: none */
};

/* What is wrong with one stands behind the last column, which few need. */
static void add_row(struct table_out *table, const struct row *row)
{
	table_out_cell(table, "%s", row->name);
	table_out_cell(table, "%s", row->type);
	table_out_cell(table, "%s", *row->subnet ? row->subnet : "-");
	table_out_cell(table, "%s", *row->bridge ? row->bridge : "-");
	table_out_cell(table, "%d%s%s", row->containers, row->problem ? "  " : "",
		       row->problem ? row->problem : "");
}

static void write_row(struct json_text *out, const struct row *row)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "name", row->name);
	json_text_string(out, "type", row->type);
	json_text_string(out, "subnet", *row->subnet ? row->subnet : NULL);
	json_text_string(out, "bridge", *row->bridge ? row->bridge : NULL);
	json_text_int(out, "containers", row->containers);
	if (row->problem)
		json_text_string(out, "problem", row->problem);
	json_text_close_object(out);
}

/* A file that can't be understood doesn't hide the others. */
static int list_one(const struct box_home *home, const char *name, struct list_out *list,
		    struct oci_error *err)
{
	struct row row = { .name = name, .type = name, .subnet = "", .bridge = "" };
	struct cni_network network = { 0 };
	struct oci_error problem = { 0 };

	row.containers = tell_containers(home, name, NULL, err);
	if (row.containers < 0)
		return -1;
	if (has_config(name)) {
		row.type = "-";
		if (network_config_load(&network, home, NULL, name, &problem) < 0) {
			row.problem = problem.text;
		} else {
			row.type = json_tree_text(network.plugins, "type");
			row.subnet = find_subnet(&network);
			row.bridge = cni_bridge(&network) ? cni_bridge(&network) : "";
		}
	}
	if (list->kind == LIST_JSON)
		write_row(&list->json, &row);
	else
		add_row(&list->table, &row);
	cni_network_done(&network);
	return 0;
}

static int list_described(const struct box_home *home, struct list_out *list, struct oci_error *err)
{
	auto_free char *path = box_text(err, "%s/networks", home->root);
	struct dirent **entries = NULL;
	int n = path ? scandir(path, &entries, NULL, alphasort) : -1, result = 0;

	if (!path)
		return -1;
	for (int i = 0; i < n; i++) {
		size_t size = strlen(entries[i]->d_name), tail = sizeof(ending) - 1;
		char *name = entries[i]->d_name;

		if (result == 0 && name[0] != '.' && size > tail &&
		    !strcmp(name + size - tail, ending)) {
			name[size - tail] = '\0';
			if (!is_fixed(name))
				result = list_one(home, name, list, err);
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

struct ls_values {
	const char *format;
};

/* clang-format off */
static const struct option_row ls_options[] = {
	{ 0, "format", "FORMAT", "table or json", OPTION_WORD, offsetof(struct ls_values, format), "table|json" },
	OPTIONS_END,
};
/* clang-format on */

static int list_all(const struct box_home *home, struct list_out *list, struct oci_error *err)
{
	for (size_t i = 0; i < N_FIXED; i++)
		TRY(list_one(home, fixed_names()[i], list, err));
	return list_described(home, list, err);
}

static int run_ls(const struct box_call *call, struct oci_error *err)
{
	static const char *const headings[] = { "NAME",	  "TYPE",	"ADDRESSES",
						"BRIDGE", "CONTAINERS", NULL };
	const struct ls_values *values = call->options;
	struct list_out list;

	list_out_begin(&list, headings, values->format, false);
	return list_out_end(&list, list_all(call->home, &list, err), err);
}

/* --- inspect --- */

/* 1, 0, or -1 when it isn't known. */
static int read_switch(const char *path)
{
	struct oci_error ignored = { 0 };
	char text[8];

	if (file_read_at(AT_FDCWD, path, text, sizeof(text), &ignored) < 1)
		return -1;
	return *text == '1';
}

static void tell_host(struct json_text *out, const struct cni_network *network)
{
	const char *bridge = cni_bridge(network);
	int forwards = read_switch("/proc/sys/net/ipv4/ip_forward");

	json_text_open_object(out, "host");
	if (bridge) {
		json_text_string(out, "bridge", bridge);
		json_text_bool(out, "isThere", link_is_there(bridge));
	}
	if (forwards >= 0)
		json_text_bool(out, "forwardsIPv4", forwards == 1);
	json_text_close_object(out);
}

static int inspect_one(const struct box_home *home, const char *name, struct json_text *out,
		       struct oci_error *err)
{
	struct cni_network network = { 0 };
	int result;

	if (has_config(name))
		TRY(network_config_load(&network, home, NULL, name, err));
	json_text_open_object(out, NULL);
	json_text_string(out, "name", name);
	if (network.doc) {
		tell_host(out, &network);
		json_tree_copy(out, "config", network.root);
	}
	json_text_open_array(out, "containers");
	result = tell_containers(home, name, out, err);
	json_text_close_array(out);
	json_text_close_object(out);
	cni_network_done(&network);
	return result < 0 ? -1 : 0;
}

static int run_inspect(const struct box_call *call, struct oci_error *err)
{
	struct list_out list;
	int result = 0;

	list_out_begin(&list, NULL, "json", false);
	for (size_t i = 0; result == 0 && i < call->n_operands; i++)
		result = inspect_one(call->home, call->operands[i], &list.json, err);
	return list_out_end(&list, result, err);
}

static const struct option_row inspect_options[] = { OPTIONS_END };

const struct box_command command_network_ls = {
	.name = "network ls",
	.operands = "",
	.summary = "List networks",
	.options = ls_options,
	.options_size = sizeof(struct ls_values),
	.as_caller = true,
	.run = run_ls,
};

const struct box_command command_network_inspect = {
	.name = "network inspect",
	.operands = "NETWORK...",
	.summary = "Show how networks are made, and who is in them, as JSON",
	.options = inspect_options,
	.n_required = 1,
	.n_allowed = ANY_NUMBER,
	.as_caller = true,
	.run = run_inspect,
};
