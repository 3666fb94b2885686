/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A network for a user without privilege (--net user): a program that carries what the container
 * sends into its network namespace by the host's own sockets: slirp4netns, or pasta where that is
 * the one that is installed. It begins between `hull create`, which makes the namespace, and `hull
 * start`. It ends when the container's monitor does, since that holds the other end of a pipe of
 * its.
 */
#ifndef BOX_USER_NET_H
#define BOX_USER_NET_H

#include <stdbool.h>
#include <sys/types.h>

#include "box/box_options.h"
#include "box/record.h"

/* The name server inside, which asks the host's. */
#define USER_NET_DNS "10.0.2.3"
#define USER_NET_GATEWAY "10.0.2.2"

/* Whether one of them is installed. */
bool user_net_is_there(void);

/* Begins it for the container whose first process is `pid`, publishes the ports, and notes in the
 * state what the container's address is. `monitor_end`: what the monitor holds the writing end of.
 * Returns when the network is ready. On failure user_net_down() takes down what there is. Errors:
 * "not-installed", "network". */
int user_net_up(const struct box_home *home, struct box_record *record,
		const struct box_options *options, pid_t pid, int monitor_end,
		struct oci_error *err);

/* Ends it and waits until it is gone, whether or not it was there. */
int user_net_down(const struct box_home *home, const struct box_record *record,
		  struct oci_error *err);

#endif
