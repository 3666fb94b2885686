/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/cni.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "box/run_program.h"
#include "libocispec/utf8.h"

/* Of one plugin; it calls others, and waits for the locks of other calls. */
enum { PLUGIN_MS = 60000, MOST_PLUGINS = 32 };

static const char default_version[] = "1.0.0";

/* --- The configuration --- */

/* A name that goes into paths, rules and comments: what the specification allows. */
static bool is_name(const char *name)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (!name || !*name || strlen(name) > 64 || !strchr(first, *name))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
	       strlen(name);
}

static int check_plugins(const struct cni_network *network, struct oci_error *err)
{
	int n = 0;

	for (const struct json_node *at = network->plugins; at; at = at->next, n++) {
		const char *type = json_tree_text(at, "type");

		if (!is_name(type))
			return fail(err, "/plugins/%d/type: expected the name of a plugin", n);
		if (n == MOST_PLUGINS)
			return fail(err, "/plugins: more than %d are too many", MOST_PLUGINS);
	}
	return 0;
}

int cni_network_read(struct cni_network *network, const struct json_node *root,
		     struct oci_error *err)
{
	*network = (struct cni_network){ .root = root,
					 .name = json_tree_text(root, "name"),
					 .version = json_tree_text(root, "cniVersion"),
					 .plugins = json_tree_array(root, "plugins") };
	if (!network->version)
		network->version = default_version;
	if (!is_name(network->name))
		return fail(err, "/name: expected a name of letters, digits, '_', '.' and '-'");
	if (!network->plugins)
		return fail(err, "/plugins: expected an array of plugins");
	return check_plugins(network, err);
}

int cni_network_parse(struct cni_network *network, const char *text, size_t size,
		      struct oci_error *err)
{
	struct oci_document *doc = json_tree_parse(text, size, err);

	*network = (struct cni_network){ 0 };
	if (!doc)
		return -1;
	if (cni_network_read(network, doc->root, err) == 0) {
		network->doc = doc;
		return 0;
	}
	json_document_free(doc);
	*network = (struct cni_network){ 0 };
	return -1;
}

void cni_network_done(struct cni_network *network)
{
	json_document_free(network->doc);
	*network = (struct cni_network){ 0 };
}

const char *cni_bridge(const struct cni_network *network)
{
	for (const struct json_node *at = network->plugins; at; at = at->next) {
		const char *name = json_tree_text(at, "bridge");

		if (!strcmp(json_tree_text(at, "type"), "bridge"))
			return name ? name : "cni0"; /* the plugin's own default */
	}
	return NULL;
}

bool cni_is_known(const struct cni_network *network)
{
	for (const struct json_node *at = network->plugins; at; at = at->next) {
		const char *type = json_tree_text(at, "type");
		const char *ipam = json_tree_text(json_tree_member(at, "ipam"), "type");

		if (strcmp(type, "bridge") != 0 && strcmp(type, "portmap") != 0)
			return false;
		if (ipam && strcmp(ipam, "host-local") != 0)
			return false;
	}
	return true;
}

static bool publishes(const struct json_node *plugin)
{
	const struct json_node *can =
		json_tree_member(json_tree_member(plugin, "capabilities"), "portMappings");

	return can && can->kind == JSON_TRUE;
}

bool cni_can_publish(const struct cni_network *network)
{
	for (const struct json_node *at = network->plugins; at; at = at->next)
		if (publishes(at))
			return true;
	return false;
}

static void put_ports(struct json_text *out, const struct cni_attachment *attachment)
{
	json_text_open_object(out, "runtimeConfig");
	json_text_open_array(out, "portMappings");
	for (size_t i = 0; i < attachment->n_ports; i++) {
		const struct network_port *port = &attachment->ports[i];

		json_text_open_object(out, NULL);
		json_text_int(out, "hostPort", port->host);
		json_text_int(out, "containerPort", port->container);
		json_text_string(out, "protocol", port->udp ? "udp" : "tcp");
		if (port->ip)
			json_text_string(out, "hostIP", port->ip);
		json_text_close_object(out);
	}
	json_text_close_array(out);
	json_text_close_object(out);
}

/* What is the caller's to say, whatever the file says. */
static bool is_callers(const char *key)
{
	static const char *const keys[] = { "name", "cniVersion", "capabilities", "runtimeConfig",
					    "prevResult" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

void cni_plugin_config(struct json_text *out, const struct cni_network *network,
		       const struct json_node *plugin, const struct cni_attachment *attachment,
		       const struct json_node *previous)
{
	json_text_open_object(out, NULL);
	json_text_string(out, "cniVersion", network->version);
	json_text_string(out, "name", network->name);
	for (const struct json_node *at = plugin->first; at; at = at->next)
		if (!is_callers(at->key))
			json_tree_copy(out, at->key, at);
	if (attachment->n_ports && publishes(plugin))
		put_ports(out, attachment);
	if (previous)
		json_tree_copy(out, "prevResult", previous);
	json_text_close_object(out);
}

/* --- One call --- */

/* What a plugin finds in its environment. Its own helpers are looked up in PATH, and those for
 * firewalls are seldom in a user's. */
struct environment {
	char *v[8];
};

static int make_environment(struct environment *env, const char *command,
			    const struct cni_attachment *attachment, struct oci_error *err)
{
	const char *path = getenv("PATH"), *plugins = getenv("CNI_PATH");
	int n = 0;

	env->v[n++] = box_text(err, "CNI_COMMAND=%s", command);
	env->v[n++] = box_text(err, "CNI_CONTAINERID=%s", attachment->id);
	env->v[n++] = box_text(err, "CNI_NETNS=%s", attachment->netns);
	env->v[n++] = box_text(err, "CNI_IFNAME=%s", attachment->interface);
	env->v[n++] = box_text(err, "CNI_PATH=%s",
			       plugins && *plugins ? plugins : "/usr/lib/cni:/opt/cni/bin");
	env->v[n++] = box_text(err, "PATH=%s%s/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
			       path ? path : "", path && *path ? ":" : "");
	env->v[n++] = box_text(err, "LC_ALL=C");
	for (int i = 0; i < n; i++)
		if (!env->v[i])
			return -1;
	return 0;
}

static void drop_environment(struct environment *env)
{
	for (size_t i = 0; i < sizeof(env->v) / sizeof(env->v[0]); i++)
		heap_drop(&env->v[i]);
}

/* A plugin tells of its failure in JSON on its standard output; one that can't, by what it said
 * elsewhere. */
static int tell_failure(const char *type, const char *command, const struct program_result *output,
			struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	struct oci_document *doc = NULL;
	const char *message, *details;
	char end[1100];

	if (output->output_size)
		doc = json_tree_parse(output->output, output->output_size, &ignored);
	message = doc ? json_tree_text(doc->root, "msg") : NULL;
	details = doc ? json_tree_text(doc->root, "details") : NULL;
	if (message) {
		utf8_show(end, sizeof(end), message, strlen(message));
		(void)fail_code(err, "network", "plugin '%s' %s: %s%s%.600s", type, command, end,
				details ? ": " : "", details ? details : "");
	} else {
		utf8_show(end, sizeof(end), output->errors, strcspn(output->errors, "\n"));
		(void)fail_code(err, "network", "plugin '%s' %s: exit status %d%s%s", type, command,
				output->status, *end ? ": " : "", end);
	}
	json_document_free(doc);
	return -1;
}

/* *answer: what it printed, NULL when nothing; it may be a NULL pointer. */
static int call_with(const char *program, const char *type, const char *command,
		     const struct json_text *config, struct environment *env,
		     const struct cni_attachment *attachment, struct oci_document **answer,
		     struct oci_error *err)
{
	const char *const args[] = { program, NULL };
	struct program call = { .argv = args,
				.env = (const char *const *)env->v,
				.input = config->text,
				.input_size = config->size,
				.deadline_ms = PLUGIN_MS,
				.held_fd = attachment->held_fd };
	struct program_result output;
	int result = 0;

	if (program_run(&call, &output, err) < 0)
		return fail_in(err, "plugin '%s' %s", type, command);
	if (output.status != 0)
		result = tell_failure(type, command, &output, err);
	if (result == 0 && answer) {
		*answer = json_tree_parse(output.output, output.output_size, err);
		if (!*answer || (*answer)->root->kind != JSON_OBJECT)
			result = fail_in(err, "plugin '%s' %s answers no JSON object", type,
					 command);
	}
	program_result_done(&output);
	return result;
}

static int call_plugin(const struct cni_network *network, const struct json_node *plugin,
		       const char *command, const struct cni_attachment *attachment,
		       const struct json_node *previous, struct oci_document **answer,
		       struct oci_error *err)
{
	const char *type = json_tree_text(plugin, "type");
	auto_free char *program = home_cni_plugin(type, err);
	struct environment env = { 0 };
	struct json_text config;
	int result;

	if (!program)
		return fail_in(err, "network '%s': plugin", network->name);
	json_text_init(&config, false);
	cni_plugin_config(&config, network, plugin, attachment, previous);
	result = json_text_check(&config, err);
	if (result == 0)
		result = make_environment(&env, command, attachment, err);
	if (result == 0)
		result = call_with(program, type, command, &config, &env, attachment, answer, err);
	drop_environment(&env);
	json_text_done(&config);
	return result < 0 ? fail_in(err, "network '%s'", network->name) : 0;
}

/* --- All of them --- */

int cni_add(const struct cni_network *network, const struct cni_attachment *attachment,
	    struct oci_document **result, struct oci_error *err)
{
	struct oci_document *last = NULL;

	for (const struct json_node *at = network->plugins; at; at = at->next) {
		struct oci_document *answer = NULL;

		if (call_plugin(network, at, "ADD", attachment, last ? last->root : NULL, &answer,
				err) < 0) {
			json_document_free(answer);
			json_document_free(last);
			return -1;
		}
		json_document_free(last);
		last = answer;
	}
	*result = last;
	return 0;
}

int cni_remove(const struct cni_network *network, const struct cni_attachment *attachment,
	       const struct json_node *result, struct oci_error *err)
{
	const struct json_node *plugins[MOST_PLUGINS];
	int n = 0, status = 0;

	for (const struct json_node *at = network->plugins; at && n < MOST_PLUGINS; at = at->next)
		plugins[n++] = at;
	while (n-- > 0) {
		struct oci_error failure = { 0 };

		if (call_plugin(network, plugins[n], "DEL", attachment, result, NULL, &failure) ==
		    0)
			continue;
		if (status == 0)
			*err = failure;
		status = -1;
	}
	return status;
}

/* --- What a result says --- */

static void take_text(char *out, size_t room, const char *text)
{
	*out = '\0';
	if (text && strlen(text) < room)
		memcpy(out, text, strlen(text) + 1);
}

/* The first IPv4 address: it has a prefix, "10.91.0.2/20". */
static void read_ip(const struct json_node *ip, struct cni_addresses *addresses)
{
	const char *address = json_tree_text(ip, "address");
	const char *slash = address ? strchr(address, '/') : NULL;
	struct in_addr binary;
	char text[16];

	if (!slash || (size_t)(slash - address) >= sizeof(text))
		return;
	memcpy(text, address, (size_t)(slash - address));
	text[slash - address] = '\0';
	if (inet_pton(AF_INET, text, &binary) != 1)
		return;
	memcpy(addresses->ip, text, sizeof(text));
	addresses->prefix = (unsigned)strtoul(slash + 1, NULL, 10);
	take_text(addresses->gateway, sizeof(addresses->gateway), json_tree_text(ip, "gateway"));
}

void cni_addresses_read(const struct json_node *result, struct cni_addresses *addresses)
{
	const struct json_node *at;

	*addresses = (struct cni_addresses){ 0 };
	for (at = json_tree_array(result, "interfaces"); at; at = at->next) {
		const char *name = json_tree_text(at, "name"), *mac = json_tree_text(at, "mac");
		const char *sandbox = json_tree_text(at, "sandbox");

		if (sandbox && *sandbox && !*addresses->interface) {
			take_text(addresses->interface, sizeof(addresses->interface), name);
			take_text(addresses->mac, sizeof(addresses->mac), mac);
		} else if (!sandbox || !*sandbox) {
			/* The bridge comes before the cable. */
			take_text(addresses->outside, sizeof(addresses->outside), name);
		}
	}
	for (at = json_tree_array(result, "ips"); at && !*addresses->ip; at = at->next)
		read_ip(at, addresses);
}

bool cni_may_have_ipv6(const struct json_node *result)
{
	for (const struct json_node *at = json_tree_array(result, "ips"); at; at = at->next) {
		const char *address = json_tree_text(at, "address");

		if (address && strchr(address, ':'))
			return true;
	}
	return !result;
}
