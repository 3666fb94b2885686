/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/network_config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/link.h"

static const char kept[] = "bridge.conflist";

/* For another root the runtime directory ends with "roots/HASH": see home_find(). */
static const char *root_hash(const struct box_home *home)
{
	const char *slash = strrchr(home->runtime, '/');
	static const char roots[] = "/roots";
	size_t before = slash ? (size_t)(slash - home->runtime) : 0;

	if (before < sizeof(roots) - 1 || strlen(slash + 1) != 16 ||
	    memcmp(slash - (sizeof(roots) - 1), roots, sizeof(roots) - 1) != 0)
		return NULL;
	return slash + 1;
}

void network_config_bridge(const struct box_home *home, char name[16])
{
	const char *hash = root_hash(home);

	if (hash)
		(void)snprintf(name, 16, "hullbox-%.7s", hash);
	else
		(void)snprintf(name, 16, "hullbox0");
}

static void put_ipam(struct json_text *out, const char *subnet, const char *leases)
{
	json_text_open_object(out, "ipam");
	json_text_string(out, "type", "host-local");
	json_text_string(out, "dataDir", leases);
	json_text_open_array(out, "ranges");
	json_text_open_array(out, NULL);
	json_text_open_object(out, NULL);
	json_text_string(out, "subnet", subnet);
	json_text_close_object(out);
	json_text_close_array(out);
	json_text_close_array(out);
	json_text_open_array(out, "routes");
	json_text_open_object(out, NULL);
	json_text_string(out, "dst", "0.0.0.0/0");
	json_text_close_object(out);
	json_text_close_array(out);
	json_text_close_object(out);
}

char *network_config_make(const char *bridge, const char *subnet, const char *leases,
			  struct oci_error *err)
{
	struct json_text out;

	json_text_init(&out, true);
	json_text_open_object(&out, NULL);
	json_text_string(&out, "cniVersion", "1.0.0");
	/* In comments and names of rules, beside those of other users of the plugins. */
	json_text_string(&out, "name", bridge);
	json_text_open_array(&out, "plugins");
	json_text_open_object(&out, NULL);
	json_text_string(&out, "type", "bridge");
	json_text_string(&out, "bridge", bridge);
	json_text_bool(&out, "isGateway", true);
	json_text_bool(&out, "ipMasq", true);
	/* A container reaches its own published port by the host's address. */
	json_text_bool(&out, "hairpinMode", true);
	put_ipam(&out, subnet, leases);
	json_text_close_object(&out);
	json_text_open_object(&out, NULL);
	json_text_string(&out, "type", "portmap");
	json_text_bool(&out, "snat", true);
	json_text_open_object(&out, "capabilities");
	json_text_bool(&out, "portMappings", true);
	json_text_close_object(&out);
	json_text_close_object(&out);
	json_text_close_array(&out);
	json_text_close_object(&out);
	json_text_newline(&out);
	if (json_text_check(&out, err) < 0) {
		json_text_done(&out);
		return NULL;
	}
	return out.text;
}

/* The range that the bridge has if it is there, else one that the host has no route to. */
static int choose_subnet(const struct box_home *home, const char *bridge, char text[32],
			 struct oci_error *err)
{
	const char *hash = root_hash(home);
	unsigned start = hash ? (unsigned)strtoul(hash + 8, NULL, 16) % 256 : 0;
	struct subnet *used = NULL, own, found;
	size_t n = 0;
	bool good;

	TRY(link_routes(bridge, &used, &n, &own, err));
	good = own.prefix > 0 || subnet_pick(used, n, start, &found);
	free(used);
	if (!good)
		return fail_code(
			err, "network",
			"no range of addresses is free for the network 'bridge': the host "
			"has routes to all of 10.91.0.0 to 10.106.255.255; describe one in "
			"%s/networks/bridge.conflist",
			home->root);
	subnet_print(own.prefix > 0 ? &own : &found, text);
	return 0;
}

static int make_up(struct cni_network *network, const struct box_home *home,
		   const struct network_store *store, struct oci_error *err)
{
	auto_free char *leases = box_text(err, "%s/network/leases", home->runtime);
	auto_free char *text = NULL;
	char bridge[16], subnet[32];

	if (!leases)
		return -1;
	network_config_bridge(home, bridge);
	TRY(choose_subnet(home, bridge, subnet, err));
	text = network_config_make(bridge, subnet, leases, err);
	if (!text)
		return -1;
	TRY(cni_network_parse(network, text, strlen(text), err));
	if (store && file_replace_at(store->dir, kept, text, strlen(text), 0644, err) < 0) {
		cni_network_done(network);
		return fail_in(err, "keep the network 'bridge'");
	}
	return 0;
}

/* 1 when there is such a file. */
static int load_file(struct cni_network *network, const char *path, struct oci_error *err)
{
	struct oci_document *doc = json_tree_load(AT_FDCWD, path, err);

	if (!doc && err->num == ENOENT) {
		*err = (struct oci_error){ 0 };
		return 0;
	}
	if (!doc)
		return -1;
	if (cni_network_read(network, doc->root, err) < 0) {
		json_document_free(doc);
		*network = (struct cni_network){ 0 };
		return fail_in(err, "'%s'", path);
	}
	network->doc = doc;
	return 1;
}

int network_config_load(struct cni_network *network, const struct box_home *home,
			const struct network_store *store, const char *name, struct oci_error *err)
{
	auto_free char *described = box_text(err, "%s/networks/%s.conflist", home->root, name);
	auto_free char *in_use = box_text(err, "%s/network/%s", home->runtime, kept);
	int found;

	*network = (struct cni_network){ 0 };
	if (!described || !in_use)
		return -1;
	if (strchr(name, '/') || *name == '.')
		return fail_code(err, "no-network", "'%s' is no name of a network", name);
	found = load_file(network, described, err);
	if (found == 0 && !strcmp(name, "bridge"))
		found = load_file(network, in_use, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (!strcmp(name, "bridge"))
		return make_up(network, home, store, err);
	return fail_code(err, "no-network",
			 "there is no network '%s': `hullbox network ls` shows which there are; "
			 "others are described in '%s'",
			 name, described);
}
