/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A container's network as its options want it.
 */
#ifndef BOX_CONTAINER_NET_H
#define BOX_CONTAINER_NET_H

#include "box/box_options.h"
#include "box/record.h"

/* Makes it and writes into the state what it is. What was set on the host is said on stderr. */
int container_net_up(const struct box_home *home, struct box_record *record,
		     const struct box_options *options, struct oci_error *err);

/* For --net user: a pipe, of which the monitor holds ends[1]. Else both are -1. */
int container_net_pipe(const struct box_options *options, int ends[2], struct oci_error *err);

/* The container is created and not started: what can be made only now. monitor_end: ends[0]. */
int container_net_join(const struct box_home *home, struct box_record *record,
		       const struct box_options *options, int monitor_end, struct oci_error *err);

/* Takes it down; nothing there is no error. */
int container_net_down(const struct box_home *home, struct box_record *record,
		       struct oci_error *err);

/* Takes down the networks of containers that don't run. */
int container_net_sweep(const struct box_home *home, struct oci_error *err);

#endif
