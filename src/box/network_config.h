/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which networks there are: `bridge`, which hullbox makes up for the host that it finds, and those
 * that somebody has described in ROOT/networks/NAME.conflist (which may be `bridge`, too).
 */
#ifndef BOX_NETWORK_CONFIG_H
#define BOX_NETWORK_CONFIG_H

#include "box/network_record.h"

/* Reads the configuration of a network. The made-up one is kept in the store while it is in use,
 * so with `store` the caller holds its lock; with `store` NULL it isn't kept. Errors: code
 * "no-network" when there is none of that name. */
int network_config_load(struct cni_network *network, const struct box_home *home,
			const struct network_store *store, const char *name, struct oci_error *err);

/* The text of the made-up one. leases: host-local's dataDir. Heap; NULL with err. */
char *network_config_make(const char *bridge, const char *subnet, const char *leases,
			  struct oci_error *err);

/* The bridge of the made-up one: "hullbox0", and another for another root. */
void network_config_bridge(const struct box_home *home, char name[16]);

#endif
