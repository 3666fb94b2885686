/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What CNI plugins leave when they can't remove it themselves: with the network namespace gone, or
 * killed half-way. Rules are removed in one transaction of iptables-restore, which refuses it whole
 * when somebody else has put something into a chain meanwhile. And the one rule that is hullbox's
 * own.
 */
#ifndef BOX_LEFTOVERS_H
#define BOX_LEFTOVERS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* Writes what iptables-restore must do to remove, from what iptables-save printed of the nat table,
 * a container's rules and chains: rules that the plugins marked with its id, chains that these lead
 * to, and those named after network and container. Nothing else is touched. False: there is
 * nothing to do. */
bool leftovers_rules(const char *saved, const char *network, const char *id, FILE *restore);

/* The same for the chains that the portmap plugin has for all containers, when no container is in
 * them. */
bool leftovers_common(const char *saved, FILE *restore);

/* Removes what leftovers_rules() finds, for IPv4 and, where asked for, IPv6. Without iptables there
 * is nothing. */
int leftovers_remove_rules(const char *network, const char *id, bool ipv6, struct oci_error *err);

/* Removes what leftovers_common() finds, and with `nat` the empty chains of the table nat itself,
 * which iptables makes at its first use. */
int leftovers_remove_common(bool nat, struct oci_error *err);

/* The portmap plugin lets the kernel take packets for 127.0.0.0/8 from the bridge
 * (route_localnet), for ports that are published on the loopback. Whoever sends frames of his own
 * making could reach the host's services there: a rule of the table raw drops what comes in by the
 * bridge for them. Answers of published ports carry the gateway's address there. It is found by its
 * comment: `owner` is one for each hullbox, `network` NULL stands for all of its networks.
 * `held_fd` stays open in the programs (see run_program.h). */

/* Sees to it that the rule is there. */
int leftovers_guard(const char *owner, const char *network, const char *bridge, int held_fd,
		    struct oci_error *err);

/* Removes it; with that of all networks, the empty chain of the table itself, too. Without iptables
 * there is nothing. */
int leftovers_unguard(const char *owner, const char *network, int held_fd, struct oci_error *err);

/* What iptables-restore must do for these. False: there is nothing to do. */
bool leftovers_guard_rule(const char *saved, const char *mark, const char *bridge, FILE *restore);
bool leftovers_unguard_rules(const char *saved, const char *mark, FILE *restore);

/* Removes the leases of a container in `directory` (host-local's dataDir, for one network). */
int leftovers_remove_leases(const char *directory, const char *id, struct oci_error *err);

/* What the table nat has before any container uses it. */
struct leftovers_before {
	bool nat;    /* the table has rules or chains of somebody's */
	bool common; /* the chains of the portmap plugin are there */
	bool drops;  /* forwarded packets are dropped unless a rule lets them pass */
};
/* Without iptables nothing is there. */
int leftovers_look(struct leftovers_before *before, struct oci_error *err);

#endif
