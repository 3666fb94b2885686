/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/container_net.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/command.h"
#include "box/monitor.h"
#include "box/network.h"
#include "box/rootless.h"
#include "box/user_net.h"

/* Lists that the request points to, and the id of the other container. */
struct lists {
	struct network_port *ports;
	struct network_host *hosts;
	char other[ID_SIZE + 1];
	char path[64]; /* of its namespace */
	bool is_user;  /* the network is a user's (user_net.h) */
};

static int open_other(const struct box_home *home, const struct box_net *net,
		      struct box_record *other, struct oci_error *err)
{
	struct oci_error own = { 0 };

	if (!net->other_id)
		return record_open(home, net->other, other, err);
	if (record_open(home, net->other_id, other, &own) == 0)
		return 0;
	if (!strcmp(own.code, "not-found"))
		return fail_code(err, "not-found",
				 "container '%s', whose network it was made to share, is there no "
				 "longer: its id was %s",
				 net->other, net->other_id);
	*err = own;
	return -1;
}

static int choose(const struct box_home *home, const struct box_net *net, struct lists *lists,
		  struct network_choice *choice, struct oci_error *err)
{
	struct box_record other;
	pid_t pid;

	choice->other = net->other;
	/* hull makes the namespace, and user_net.c what is behind it. */
	if (!strcmp(net->kind, "none") || !strcmp(net->kind, "user"))
		choice->kind = NETWORK_NONE;
	else if (!strcmp(net->kind, "host"))
		choice->kind = NETWORK_HOST;
	else if (!strcmp(net->kind, "ns"))
		choice->kind = NETWORK_PATH;
	else if (!strcmp(net->kind, "container"))
		choice->kind = NETWORK_CONTAINER;
	else if (!strcmp(net->kind, "named"))
		choice->kind = NETWORK_NAMED;
	else
		*choice = (struct network_choice){ NETWORK_NAMED, "bridge" };
	if (choice->kind != NETWORK_CONTAINER)
		return 0;
	TRY(open_other(home, net, &other, err));
	(void)snprintf(lists->other, sizeof(lists->other), "%s", other.id);
	pid = monitor_container_pid(home, &other);
	lists->is_user = !strcmp(other.state.gateway, USER_NET_GATEWAY);
	record_close(&other);
	choice->other = lists->other;
	/* Nothing of a user's is pinned: the namespace is that of the other's process. */
	if (!rootless() || pid <= 0)
		return 0;
	(void)snprintf(lists->path, sizeof(lists->path), "/proc/%d/ns/net", (int)pid);
	*choice = (struct network_choice){ NETWORK_PATH, lists->path };
	return 0;
}

static int make_lists(const struct box_net *net, struct lists *lists, struct oci_error *err)
{
	lists->ports = calloc(net->ports.n + 1, sizeof(*lists->ports));
	lists->hosts = calloc(net->hosts.n + 1, sizeof(*lists->hosts));
	if (!lists->ports || !lists->hosts)
		return fail_code(err, "out-of-memory", "no memory for the network");
	for (size_t i = 0; i < net->ports.n; i++) {
		const struct box_port *port = &net->ports.v[i];

		lists->ports[i] = (struct network_port){ port->address, (uint16_t)port->host,
							 (uint16_t)port->container,
							 !strcmp(port->protocol, "udp") };
	}
	for (size_t i = 0; i < net->hosts.n; i++)
		lists->hosts[i] =
			(struct network_host){ net->hosts.v[i].name, net->hosts.v[i].address };
	return 0;
}

static void keep(struct box_state *state, const struct network_result *result)
{
	(void)snprintf(state->netns, sizeof(state->netns), "%.255s", result->netns);
	(void)snprintf(state->ip, sizeof(state->ip), "%s", result->ip);
	(void)snprintf(state->mac, sizeof(state->mac), "%s", result->mac);
	(void)snprintf(state->gateway, sizeof(state->gateway), "%s", result->gateway);
	(void)snprintf(state->interface, sizeof(state->interface), "%s", result->interface);
	for (int i = 0; i < result->n_notes; i++)
		(void)fprintf(stderr, "hullbox: %s\n", result->notes[i]);
}

static bool is_user_net(const struct box_options *options)
{
	return !strcmp(options->net.kind, "user");
}

int container_net_up(const struct box_home *home, struct box_record *record,
		     const struct box_options *options, struct oci_error *err)
{
	const struct box_net *net = &options->net;
	const char *const user_dns[] = { USER_NET_DNS };
	auto_free char *directory = record_path(home, record, "", err);
	struct lists lists = { 0 };
	struct network_result done;
	struct network_request request = {
		.home = home,
		.id = record->id,
		.name = record->state.name,
		.hostname = options->hostname,
		.directory = directory,
		.n_ports = is_user_net(options) ? 0 : net->ports.n,
		.dns = (const char *const *)net->dns.v,
		.n_dns = net->dns.n,
		.n_hosts = net->hosts.n,
	};
	int result = directory ? make_lists(net, &lists, err) : -1;

	if (result == 0)
		result = choose(home, net, &lists, &request.net, err);
	lists.is_user = lists.is_user || is_user_net(options);
	if (lists.is_user && !request.n_dns) {
		request.dns = user_dns;
		request.n_dns = 1;
	}
	request.ports = lists.ports;
	request.hosts = lists.hosts;
	if (result == 0)
		result = network_up(&request, &done, err);
	if (result == 0)
		keep(&record->state, &done);
	free(lists.ports);
	free(lists.hosts);
	return result;
}

int container_net_pipe(const struct box_options *options, int ends[2], struct oci_error *err)
{
	ends[0] = ends[1] = -1;
	if (is_user_net(options) && pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	return 0;
}

int container_net_join(const struct box_home *home, struct box_record *record,
		       const struct box_options *options, int monitor_end, struct oci_error *err)
{
	if (!is_user_net(options))
		return 0;
	if (user_net_up(home, record, options, monitor_container_pid(home, record), monitor_end,
			err) < 0)
		return fail_in(err, "the network of container '%s'", record->state.name);
	return 0;
}

int container_net_down(const struct box_home *home, struct box_record *record,
		       struct oci_error *err)
{
	struct box_state *state = &record->state;

	TRY(user_net_down(home, record, err));
	TRY(network_down(home, record->id, err));
	state->netns[0] = state->ip[0] = state->mac[0] = state->gateway[0] = '\0';
	state->interface[0] = '\0';
	return 0;
}

/* What runs, and what somebody works at, may have one. */
static bool may_have(void *ctx, const char *id)
{
	const struct box_home *home = ctx;
	struct oci_error gone = { 0 };
	struct box_record record;
	auto_fd life = life_open(home, id);
	bool may = life >= 0 && life_is_held(home, id, life);

	if (may || record_open(home, id, &record, &gone) < 0)
		return may;
	may = record_lock(&record, true, &gone) < 0 && !strcmp(gone.code, "busy");
	record_close(&record);
	return may;
}

int container_net_sweep(const struct box_home *home, struct oci_error *err)
{
	struct box_home copy = *home;

	return network_sweep(home, may_have, &copy, err);
}
