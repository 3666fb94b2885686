/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Networks by the Container Network Interface: a network is a list of plugins, programs that get
 * their part of the configuration and the result of the one before them. What is read here follows
 * the specification, versions 0.4.0 and 1.0.0; nothing here knows what a plugin does.
 */
#ifndef BOX_CNI_H
#define BOX_CNI_H

#include <limits.h>

#include "box/json_tree.h"
#include "box/network.h"

/* A network's configuration ("NAME.conflist"), checked for what the order of calls needs. */
struct cni_network {
	struct oci_document *doc; /* NULL: somebody else's */
	const struct json_node *root;
	const char *name;
	const char *version;
	const struct json_node *plugins; /* the first */
};

/* Reads a configuration. Errors name what is wrong with it. */
int cni_network_parse(struct cni_network *network, const char *text, size_t size,
		      struct oci_error *err);
/* The same from a document that outlives it. */
int cni_network_read(struct cni_network *network, const struct json_node *root,
		     struct oci_error *err);
/* Accepts a zeroed one. */
void cni_network_done(struct cni_network *network);

/* One container's part in a network. */
struct cni_attachment {
	const char *id;
	const char *netns;     /* "" when it is gone */
	const char *interface; /* as it is called in the container */
	const struct network_port *ports;
	size_t n_ports;
	int held_fd; /* kept open in the plugins: the container's lock */
};

/* Writes what a plugin reads: its own part, name and version of the network, the ports when it says
 * that it can publish some, and the result of the one before (NULL: none). */
void cni_plugin_config(struct json_text *out, const struct cni_network *network,
		       const struct json_node *plugin, const struct cni_attachment *attachment,
		       const struct json_node *previous);

/* Attaches: every plugin's ADD in turn. *result is what the last one answered, to be kept for
 * cni_remove(). Errors: the plugin's own words. What was done until then must be removed. */
int cni_add(const struct cni_network *network, const struct cni_attachment *attachment,
	    struct oci_document **result, struct oci_error *err);

/* Detaches: every plugin's DEL, the last one first, whatever fails on the way; the error is the
 * first one. result: of cni_add(), NULL when it isn't known. */
int cni_remove(const struct cni_network *network, const struct cni_attachment *attachment,
	       const struct json_node *result, struct oci_error *err);

/* What a result says of the container's interface. Texts that aren't there are "". */
struct cni_addresses {
	char interface[16], ip[16], gateway[16], mac[18];
	unsigned prefix;
	char outside[16]; /* the other end of its cable, on the host */
};
void cni_addresses_read(const struct json_node *result, struct cni_addresses *addresses);

/* Whether there is an address of IPv6 in it. Without a result there may be. */
bool cni_may_have_ipv6(const struct json_node *result);

/* The name of the bridge that the network's plugin `bridge` makes; NULL when it has none. */
const char *cni_bridge(const struct cni_network *network);

/* Whether all that its plugins make can be found and removed without them (leftovers.h). */
bool cni_is_known(const struct cni_network *network);

/* Whether a plugin of the network says that it can publish ports. */
bool cni_can_publish(const struct cni_network *network);

#endif
