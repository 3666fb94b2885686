/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/hosts.h"
#include "box/leftovers.h"
#include "box/link.h"
#include "box/netns.h"
#include "box/network_config.h"
#include "box/network_record.h"
#include "box/rootless.h"

static const char interface_name[] = "eth0";
static const char made_file[] = "made.json";
static const char kept_file[] = "bridge.conflist";

/* One call of network_up(), network_down(), network_sweep(). */
struct work {
	struct network_store store;
	const struct network_request *request;
	struct network_result *result;
	int lock;	  /* of the container */
	char network[80]; /* of the container whose network is shared */
	char hostname[256];
};

/* --- Names in words --- */

static const char *kind_word(enum network_kind kind)
{
	static const char *const words[] = { [NETWORK_NAMED] = "network",
					     [NETWORK_NONE] = "none",
					     [NETWORK_HOST] = "host",
					     [NETWORK_CONTAINER] = "container",
					     [NETWORK_PATH] = "path" };

	return words[kind];
}

__attribute__((format(printf, 2, 3))) static void note(struct network_result *result,
						       const char *fmt, ...)
{
	va_list args;

	if (result->n_notes == NETWORK_NOTES)
		return;
	va_start(args, fmt);
	(void)vsnprintf(result->notes[result->n_notes++], sizeof(result->notes[0]), fmt, args);
	va_end(args);
}

static void take(char *out, size_t room, const char *text)
{
	(void)snprintf(out, room, "%s", text ? text : "");
}

/* --- Hosts files --- */

/* The lines for one container, in the file of every container of its network. */
static void put_host_line(FILE *out, const struct network_record *record)
{
	(void)fprintf(out, "%s\t%s", record->ip, record->name);
	if (record->hostname && *record->hostname && strcmp(record->hostname, record->name) != 0 &&
	    (strlen(record->hostname) != 12 || strncmp(record->hostname, record->id, 12) != 0))
		(void)fprintf(out, " %s", record->hostname);
	(void)fprintf(out, " %.12s\n", record->id);
}

/* Calls `each` for every record that can be read; what can't be is somebody's who is being
 * removed, or for the sweep to complain about. */
typedef void each_record(void *ctx, const struct network_record *record);

static int for_each_record(const struct network_store *store, each_record *each, void *ctx,
			   struct oci_error *err)
{
	struct network_ids ids;

	if (network_ids_read(store, &ids, err) < 0) {
		network_ids_done(&ids);
		return -1;
	}
	for (size_t i = 0; i < ids.n; i++) {
		struct oci_error ignored = { 0 };
		struct network_record record;

		if (network_record_read(store, ids.v[i], &record, &ignored) <= 0)
			continue;
		each(ctx, &record);
		network_record_done(&record);
	}
	network_ids_done(&ids);
	return 0;
}

struct hosts_pass {
	const char *network;
	FILE *out; /* where lines are put together */
	const char *lines;
	char spoilt[128]; /* the name of a container whose file couldn't be written */
	struct oci_error failure;
};

static bool is_reachable(const struct network_record *record, const char *network)
{
	return *record->ip && !record->removing && !strcmp(record->network, network);
}

static void gather_line(void *ctx, const struct network_record *record)
{
	struct hosts_pass *pass = ctx;

	if (is_reachable(record, pass->network))
		put_host_line(pass->out, record);
}

static void update_file(void *ctx, const struct network_record *record)
{
	struct hosts_pass *pass = ctx;
	struct oci_error failure = { 0 };
	auto_fd dir = -1;

	if (!is_reachable(record, pass->network) || !*record->directory)
		return;
	dir = open(record->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || hosts_update(dir, pass->lines, &failure) == 0)
		return; /* without a directory there is no container any more */
	take(pass->spoilt, sizeof(pass->spoilt), record->name);
	pass->failure = failure;
}

/* Tells all containers of a network of each other. A file that can't be written is no failure: its
 * container may see to that (by running it as a program, by a lease), and would keep all others
 * from starting. It is noted in `told`, which may be NULL. */
static int update_hosts(const struct network_store *store, const char *network,
			struct network_result *told, struct oci_error *err)
{
	auto_fd lock = network_lock_open(store->containers, err);
	struct hosts_pass pass = { .network = network };
	auto_free char *lines = NULL;
	size_t size;
	int result;

	if (lock < 0 || network_lock(lock, LOCK_EX, err) < 0)
		return -1;
	pass.out = open_memstream(&lines, &size);
	if (!pass.out)
		return fail_code(err, "out-of-memory", "no memory for the names of containers");
	result = for_each_record(store, gather_line, &pass, err);
	if (fclose(pass.out) != 0 && result == 0)
		result = fail_code(err, "out-of-memory", "no memory for the names of containers");
	pass.lines = lines;
	if (result == 0)
		result = for_each_record(store, update_file, &pass, err);
	if (told && *pass.spoilt)
		note(told, "container '%s' isn't told of the others: %.150s", pass.spoilt,
		     pass.failure.text);
	return result;
}

/* --- What the first container changes, and the last one takes along --- */

struct made {
	bool nat, common;
	struct oci_document *doc; /* of the file; owns the names */
	const struct json_node *bridges;
};

static int made_write(const struct network_store *store, const struct made *made,
		      const char *more_network, const char *more_bridge, const char *less,
		      struct oci_error *err)
{
	struct json_text out;
	int result;

	json_text_init(&out, true);
	json_text_open_object(&out, NULL);
	json_text_bool(&out, "nat", made->nat);
	json_text_bool(&out, "common", made->common);
	json_text_open_array(&out, "bridges");
	for (const struct json_node *at = made->bridges; at; at = at->next)
		if (!less || strcmp(less, json_tree_text(at, "network")) != 0)
			json_tree_copy(&out, NULL, at);
	if (more_network) {
		json_text_open_object(&out, NULL);
		json_text_string(&out, "network", more_network);
		json_text_string(&out, "bridge", more_bridge);
		json_text_close_object(&out);
	}
	json_text_close_array(&out);
	json_text_close_object(&out);
	json_text_newline(&out);
	result = json_text_check(&out, err);
	if (result == 0)
		result = file_replace_at(store->dir, made_file, out.text, out.size, 0600, err);
	json_text_done(&out);
	return result;
}

/* False when there is none, or it can't be understood: then nothing was made. */
static bool made_read(const struct network_store *store, struct made *made)
{
	struct oci_error ignored = { 0 };
	const struct json_node *nat, *common;

	*made = (struct made){ .doc = json_tree_load(store->dir, made_file, &ignored) };
	if (!made->doc)
		return false;
	nat = json_tree_member(made->doc->root, "nat");
	common = json_tree_member(made->doc->root, "common");
	made->nat = nat && nat->kind == JSON_TRUE;
	made->common = common && common->kind == JSON_TRUE;
	made->bridges = json_tree_array(made->doc->root, "bridges");
	for (const struct json_node *at = made->bridges; at; at = at->next)
		if (!json_tree_text(at, "network") || !json_tree_text(at, "bridge"))
			made->bridges = NULL; /* not ours: `at` stays valid */
	return true;
}

/* Before plugins are called, with the exclusive lock: what isn't there yet will be theirs. */
static int remember_host(struct work *work, const char *network, const struct cni_network *config,
			 struct oci_error *err)
{
	const char *bridge = cni_bridge(config);
	struct leftovers_before before;
	struct made made;
	int result = 0;
	bool known = made_read(&work->store, &made);

	if (!known) {
		TRY(leftovers_look(&before, err));
		made.nat = !before.nat;
		made.common = !before.common;
		if (before.drops)
			note(work->result,
			     "this host's firewall drops forwarded packets (policy of the chain "
			     "FORWARD): unless a rule of yours allows it, containers don't reach "
			     "the outside; its rules stay as they are");
	}
	if (bridge && !link_is_there(bridge))
		result = made_write(&work->store, &made, network, bridge, network, err);
	else if (!known)
		result = made_write(&work->store, &made, NULL, NULL, NULL, err);
	json_document_free(made.doc);
	return result;
}

struct count {
	const char *network;
	size_t of_network, of_any;
};

static void count_record(void *ctx, const struct network_record *record)
{
	struct count *count = ctx;

	if (strcmp(record->kind, "network") != 0)
		return;
	count->of_any++;
	if (!strcmp(record->network, count->network))
		count->of_network++;
}

/* What host-local keeps of a network, apart from leases. */
static void remove_leases(const struct network_store *store, const char *config_name)
{
	static const char *const files[] = { "lock", "last_reserved_ip.0" };
	struct oci_error ignored = { 0 };
	auto_free char *path = box_text(&ignored, "leases/%s", config_name);
	auto_fd dir = -1;

	if (path)
		dir = openat(store->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlinkat(dir, files[i], 0);
	(void)unlinkat(store->dir, path, AT_REMOVEDIR); /* a lease keeps it */
}

static int rest_of_network(const struct network_store *store, struct made *made,
			   const char *network, struct oci_error *err)
{
	for (const struct json_node *at = made->bridges; at; at = at->next) {
		if (strcmp(json_tree_text(at, "network"), network) != 0)
			continue;
		TRY(link_remove_bridge(json_tree_text(at, "bridge"), NULL, err));
		TRY(made_write(store, made, NULL, NULL, network, err));
	}
	return 0;
}

/* Takes away what is left when the last container of a network is gone, and of all. Who comes
 * meanwhile waits for the lock, or has his record already. */
static int rest(const struct network_store *store, const char *network, const char *config_name,
		struct oci_error *err)
{
	auto_fd lock = network_lock_open(store->dir, err);
	struct count count = { .network = network };
	char owner[16];
	struct made made;
	int result;

	if (lock < 0 || network_lock(lock, LOCK_EX, err) < 0)
		return -1;
	TRY(for_each_record(store, count_record, &count, err));
	if (count.of_network > 0)
		return 0;
	network_config_bridge(store->home, owner);
	TRY(leftovers_unguard(owner, count.of_any > 0 ? network : NULL, lock, err));
	(void)made_read(store, &made); /* none: killed before anything was made */
	result = rest_of_network(store, &made, network, err);
	remove_leases(store, config_name);
	if (!strcmp(network, "bridge"))
		(void)unlinkat(store->dir, kept_file, 0);
	if (result == 0 && count.of_any == 0) {
		if (made.common)
			result = leftovers_remove_common(made.nat, err);
		if (result == 0) {
			(void)unlinkat(store->dir, made_file, 0);
			/* Of writers who were killed. */
			(void)unlinkat(store->dir, ".made.json.new", 0);
			(void)unlinkat(store->dir, ".bridge.conflist.new", 0);
		}
	}
	json_document_free(made.doc);
	return result;
}

/* --- Down --- */

/* What the plugins couldn't, or may not have done. */
static int remove_leftovers(const struct network_store *store, const struct network_record *record,
			    const struct cni_network *config, struct oci_error *err)
{
	auto_free char *leases = box_text(err, "%s/leases/%s", store->path, config->name);
	const char *bridge = cni_bridge(config);
	struct cni_addresses addresses;
	bool attached = false;

	if (!leases)
		return -1;
	TRY(leftovers_remove_rules(config->name, record->id, cni_may_have_ipv6(record->result),
				   err));
	TRY(leftovers_remove_leases(leases, record->id, err));
	cni_addresses_read(record->result, &addresses);
	if (bridge && *addresses.outside)
		TRY(link_is_attached(addresses.outside, bridge, &attached, err));
	return attached ? link_remove(addresses.outside, err) : 0;
}

static int detach(struct work *work, struct network_record *record, struct oci_error *err)
{
	struct cni_attachment attachment = { .id = record->id,
					     .netns = "",
					     .interface = interface_name,
					     .ports = record->ports,
					     .n_ports = record->n_ports,
					     .held_fd = work->lock };
	struct cni_network config;
	int result;

	TRY(cni_network_read(&config, record->config, err));
	record->removing = true;
	TRY(network_record_write(&work->store, record, err));
	if (netns_is_there(record->netns))
		attachment.netns = record->netns;
	result = cni_remove(&config, &attachment, record->result, err);
	/* Where there is nothing that they know how to remove, plugins are content. That of the
	 * bridge finds its rules by the addresses that the interface has, which a container with
	 * CAP_NET_ADMIN may have changed; and it may have been stopped in the middle before. */
	if (result < 0 && !cni_is_known(&config))
		return -1;
	*err = (struct oci_error){ 0 };
	return remove_leftovers(&work->store, record, &config, err);
}

/* Others are told before the record goes, so that no name stays for an address that is free. */
static int take_down_record(struct work *work, struct network_record *record, struct oci_error *err)
{
	bool in_network = !strcmp(record->kind, "network");

	if (in_network && record->config)
		TRY(detach(work, record, err));
	record->removing = true;
	if (*record->network && *record->ip) {
		struct oci_error ignored = { 0 }; /* of a file that some other container spoilt */

		TRY(network_record_write(&work->store, record, err));
		(void)update_hosts(&work->store, record->network, NULL, &ignored);
	}
	if (record->pinned)
		TRY(netns_unpin(record->netns, err));
	TRY(network_record_remove(&work->store, record->id, err));
	if (in_network)
		return rest(&work->store, record->network,
			    record->config ? json_tree_text(record->config, "name")
					   : record->network,
			    err);
	return 0;
}

/* With the container's lock. */
static int take_down(struct work *work, const char *id, struct oci_error *err)
{
	struct network_record record;
	auto_free char *pin = network_pin_path(&work->store, id, err);
	int result;

	if (!pin)
		return -1;
	result = network_record_read(&work->store, id, &record, err);
	if (result > 0) {
		result = take_down_record(work, &record, err);
		network_record_done(&record);
	}
	if (result < 0)
		return fail_in(err, "take down the network of container %.12s", id);
	/* Those without a record. */
	TRY(network_record_remove(&work->store, id, err));
	return netns_unpin(pin, err);
}

static int take_down_and_unlock(struct work *work, const char *id, struct oci_error *err)
{
	int result = take_down(work, id, err);

	if (result == 0)
		network_unlock_container(&work->store, id);
	fd_drop(&work->lock);
	return result;
}

int network_down(const struct box_home *home, const char *id, struct oci_error *err)
{
	struct work work = { .lock = -1 };
	int result = network_store_open(&work.store, home, false, err);
	bool busy;

	if (result == 0 && work.store.dir >= 0) {
		work.lock = network_lock_container(&work.store, id, true, &busy, err);
		result = work.lock < 0 ? -1 : take_down_and_unlock(&work, id, err);
	}
	network_store_close(&work.store);
	return result;
}

/* --- Up: a network's --- */

struct port_search {
	const struct network_request *request;
	const struct network_port *port; /* that is taken */
	char by[128];
};

static bool ports_clash(const struct network_port *a, const struct network_port *b)
{
	bool any = !a->ip || !b->ip || !strcmp(a->ip, "0.0.0.0") || !strcmp(b->ip, "0.0.0.0");

	return a->host == b->host && a->udp == b->udp && (any || !strcmp(a->ip, b->ip));
}

static void search_port(void *ctx, const struct network_record *record)
{
	struct port_search *search = ctx;

	if (!strcmp(record->id, search->request->id))
		return;
	for (size_t i = 0; i < search->request->n_ports; i++)
		for (size_t k = 0; k < record->n_ports && !search->port; k++)
			if (ports_clash(&search->request->ports[i], &record->ports[k])) {
				search->port = &search->request->ports[i];
				take(search->by, sizeof(search->by), record->name);
			}
}

/* A rule would take the port away from a program of the host that listens on it. */
static int check_unused(const struct network_port *port, struct oci_error *err)
{
	auto_fd sock = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port->host) };
	int on = 1;

	if (sock < 0)
		return fail_sys(err, "socket");
	if (port->ip && inet_pton(AF_INET, port->ip, &address.sin_addr) != 1)
		return fail_code(err, "usage", "publish: '%s' is no address of IPv4", port->ip);
	if (!port->udp) /* what closed connections left doesn't count */
		(void)setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return fail_code(err, "port-in-use",
				 "publish port %s%s%u/%s: a program of this host has it",
				 port->ip ? port->ip : "", port->ip ? ":" : "", port->host,
				 port->udp ? "udp" : "tcp");
	return fail_sys(err, "publish port %s%s%u/%s: bind", port->ip ? port->ip : "",
			port->ip ? ":" : "", port->host, port->udp ? "udp" : "tcp");
}

static int check_ports(struct work *work, const struct cni_network *config, struct oci_error *err)
{
	const struct network_request *request = work->request;
	struct port_search search = { .request = request };

	if (request->n_ports == 0)
		return 0;
	if (!cni_can_publish(config))
		return fail_code(err, "network",
				 "network '%s' can't publish ports: none of its plugins has the "
				 "capability portMappings",
				 request->net.other);
	for (size_t i = 0; i < request->n_ports; i++)
		for (size_t k = 0; k < i; k++)
			if (ports_clash(&request->ports[i], &request->ports[k]))
				return fail_code(err, "usage", "port %u/%s is published twice",
						 request->ports[i].host,
						 request->ports[i].udp ? "udp" : "tcp");
	TRY(for_each_record(&work->store, search_port, &search, err));
	if (search.port)
		return fail_code(err, "port-in-use",
				 "port %u/%s is published by container '%s' already",
				 search.port->host, search.port->udp ? "udp" : "tcp", search.by);
	for (size_t i = 0; i < request->n_ports; i++)
		TRY(check_unused(&request->ports[i], err));
	return 0;
}

/* Before the bridge is there. A kernel that isn't told otherwise drops these packets itself: only
 * published ports can't be had without the rule. */
static int guard(struct work *work, const char *network, const struct cni_network *config, int lock,
		 struct oci_error *err)
{
	const char *bridge = cni_bridge(config);
	char owner[16];

	network_config_bridge(work->store.home, owner);
	if (!bridge || leftovers_guard(owner, network, bridge, lock, err) == 0)
		return 0;
	if (work->request->n_ports > 0)
		return fail_in(err, "network '%s'", network);
	*err = (struct oci_error){ 0 };
	return 0;
}

/* Writes down what will be made: from then on nobody takes away what containers share. */
static int intend(struct work *work, struct network_record *record, struct cni_network *config,
		  struct oci_error *err)
{
	auto_fd lock = network_lock_open(work->store.dir, err);

	if (lock < 0 || network_lock(lock, LOCK_EX, err) < 0)
		return -1;
	TRY(network_config_load(config, work->store.home, &work->store, record->network, err));
	TRY(check_ports(work, config, err));
	TRY(remember_host(work, record->network, config, err));
	record->config = config->root;
	TRY(network_record_write(&work->store, record, err));
	return guard(work, record->network, config, lock, err);
}

static bool forwards(void)
{
	struct oci_error ignored = { 0 };
	char text[8];

	return file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", text, sizeof(text),
			    &ignored) > 0 &&
	       *text == '1';
}

/* Asks the plugins. portmap makes the chains that all ports share without asking whether another
 * portmap just did; when it did, they are there for the next try. */
static int add(const struct cni_network *config, const struct cni_attachment *attachment,
	       struct oci_document **answer, struct oci_error *err)
{
	enum { TRIES = 8 };

	for (int i = 1;; i++) {
		struct oci_error ignored = { 0 };
		struct oci_error failure = { 0 };

		if (cni_add(config, attachment, answer, &failure) == 0)
			return 0;
		if (i == TRIES || !attachment->n_ports || !strstr(failure.text, "File exists") ||
		    cni_remove(config, attachment, NULL, &ignored) < 0) {
			*err = failure;
			return -1;
		}
	}
}

static int attach(struct work *work, struct network_record *record,
		  const struct cni_network *config, struct oci_error *err)
{
	struct cni_attachment attachment = { .id = record->id,
					     .netns = record->netns,
					     .interface = interface_name,
					     .ports = record->ports,
					     .n_ports = record->n_ports,
					     .held_fd = work->lock };
	struct network_result *result = work->result;
	struct oci_document *answer = NULL;
	struct cni_addresses addresses;
	bool forwarded = forwards();
	int status;

	TRY(netns_pin(record->netns, err));
	TRY(add(config, &attachment, &answer, err));
	cni_addresses_read(answer->root, &addresses);
	if (!forwarded && forwards())
		note(result, "forwarding of IPv4 packets was off on this host and is on now, for "
			     "the container's sake (net.ipv4.ip_forward=1); it stays so");
	take(result->interface, sizeof(result->interface), addresses.interface);
	take(result->ip, sizeof(result->ip), addresses.ip);
	take(result->gateway, sizeof(result->gateway), addresses.gateway);
	take(result->mac, sizeof(result->mac), addresses.mac);
	record->ip = result->ip;
	record->result = answer->root;
	status = network_record_write(&work->store, record, err);
	record->result = NULL;
	json_document_free(answer);
	return status;
}

static int up_network(struct work *work, struct network_record *record, struct oci_error *err)
{
	struct cni_network config = { 0 };
	int result = intend(work, record, &config, err);

	if (result == 0)
		result = attach(work, record, &config, err);
	record->config = NULL;
	cni_network_done(&config);
	return result;
}

/* --- Up: the others --- */

static int up_none(struct work *work, struct network_record *record, struct oci_error *err)
{
	/* Who can't mount leaves the namespace to hull. */
	record->pinned = geteuid() == 0 && !rootless();
	if (!record->pinned) {
		record->netns = "";
		work->result->own = true;
	}
	TRY(network_record_write(&work->store, record, err));
	return record->pinned ? netns_pin(record->netns, err) : 0;
}

/* The other's addresses are this one's, and so are its names. */
static int up_with_container(struct work *work, struct network_record *record,
			     struct oci_error *err)
{
	struct network_result *result = work->result;
	struct network_record other;
	struct cni_addresses addresses;
	int found = network_record_read(&work->store, record->network, &other, err);

	if (found < 0)
		return -1;
	if (found == 0 || other.removing) {
		network_record_done(&other);
		return fail_code(err, "network",
				 "container %.12s has no network to share: it doesn't run",
				 record->network);
	}
	take(work->network, sizeof(work->network), other.network);
	take(result->netns, sizeof(result->netns), other.netns);
	take(result->ip, sizeof(result->ip), other.ip);
	cni_addresses_read(other.result, &addresses);
	take(result->interface, sizeof(result->interface), addresses.interface);
	take(result->gateway, sizeof(result->gateway), addresses.gateway);
	take(result->mac, sizeof(result->mac), addresses.mac);
	record->netns = result->netns;
	record->network = work->network;
	record->ip = result->ip;
	if (!*other.netns)
		found = fail_code(err, "network",
				  "the network of container '%s' has no path by which it could be "
				  "shared: it is %s",
				  other.name,
				  strcmp(other.kind, "host") == 0 ? "the host's (--net host)"
								  : "its own alone");
	else
		found = network_record_write(&work->store, record, err);
	network_record_done(&other);
	return found;
}

static int up_kind(struct work *work, struct network_record *record, struct oci_error *err)
{
	const struct network_choice *net = &work->request->net;

	switch (net->kind) {
	case NETWORK_NAMED:
		if (geteuid() != 0 || rootless())
			return fail_code(err, "privilege",
					 "a network with a bridge needs root; for others there are "
					 "--net none and host");
		record->network = net->other;
		record->pinned = true;
		return up_network(work, record, err);
	case NETWORK_NONE:
		return up_none(work, record, err);
	case NETWORK_HOST:
		record->netns = "";
		return network_record_write(&work->store, record, err);
	case NETWORK_PATH:
		TRY(netns_check(net->other, err));
		record->netns = net->other;
		return network_record_write(&work->store, record, err);
	case NETWORK_CONTAINER:
		record->network = net->other;
		return up_with_container(work, record, err);
	}
	return fail(err, "unknown kind of network");
}

/* --- Up: files --- */

/* The lines of --add-host; a container that nobody knows has at least its own name. */
static char *own_hosts(const struct work *work, struct oci_error *err)
{
	const struct network_request *request = work->request;
	enum network_kind kind = request->net.kind;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		(void)fail_code(err, "out-of-memory", "no memory for 'hosts'");
		return NULL;
	}
	if (!*work->result->ip && kind != NETWORK_HOST)
		(void)fprintf(out, "127.0.1.1\t%s\n", work->hostname);
	for (size_t i = 0; i < request->n_hosts; i++)
		(void)fprintf(out, "%s\t%s\n", request->hosts[i].ip, request->hosts[i].name);
	if (fclose(out) != 0) {
		free(text);
		(void)fail_code(err, "out-of-memory", "no memory for 'hosts'");
		return NULL;
	}
	return text;
}

static int make_files(struct work *work, struct oci_error *err)
{
	const struct network_request *request = work->request;
	auto_fd dir = open(request->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *hosts = own_hosts(work, err);
	bool host = request->net.kind == NETWORK_HOST, left_out;

	if (!hosts)
		return -1;
	if (dir < 0)
		return fail_sys(err, "open '%s'", request->directory);
	TRY(host ? hosts_copy(dir, hosts, err) : hosts_create(dir, hosts, err));
	TRY(resolv_create(dir, request->dns, request->n_dns, !host, &left_out, err));
	if (left_out && request->net.kind == NETWORK_NAMED)
		note(work->result, "this host's name server is on its loopback, where containers "
				   "don't reach it: give one with --dns");
	return hostname_create(dir, work->hostname, err);
}

/* --- Up --- */

static int make_all(struct work *work, struct oci_error *err)
{
	const struct network_request *request = work->request;
	auto_free char *pin = network_pin_path(&work->store, request->id, err);
	struct network_record record = { .id = request->id,
					 .name = request->name,
					 .hostname = work->hostname,
					 .directory = request->directory,
					 .kind = kind_word(request->net.kind),
					 .network = "",
					 .netns = pin,
					 .ip = "" };

	if (!pin)
		return -1;
	record.ports = (struct network_port *)(uintptr_t)request->ports;
	record.n_ports = request->n_ports;
	if (request->n_ports && request->net.kind != NETWORK_NAMED)
		return fail_code(err, "usage",
				 "ports can only be published from a network with a "
				 "bridge, not with --net %s",
				 record.kind);
	TRY(up_kind(work, &record, err));
	if (record.netns != work->result->netns)
		take(work->result->netns, sizeof(work->result->netns), record.netns);
	TRY(make_files(work, err));
	if (!*work->result->ip)
		return 0;
	return update_hosts(&work->store, record.network, work->result, err);
}

static int up(struct work *work, struct oci_error *err)
{
	const char *id = work->request->id;
	struct oci_error failure = { 0 }, ignored = { 0 };
	bool busy;

	if (work->request->hostname && *work->request->hostname)
		take(work->hostname, sizeof(work->hostname), work->request->hostname);
	else
		(void)snprintf(work->hostname, sizeof(work->hostname), "%.12s", id);
	work->lock = network_lock_container(&work->store, id, true, &busy, err);
	if (work->lock < 0 || take_down(work, id, err) < 0)
		return -1;
	if (make_all(work, &failure) == 0)
		return 0;
	/* What can't be taken down has its record, and is tried again by the next command. */
	(void)take_down_and_unlock(work, id, &ignored);
	*err = failure;
	return fail_in(err, "the network of container '%s'", work->request->name);
}

int network_up(const struct network_request *request, struct network_result *result,
	       struct oci_error *err)
{
	struct work work = { .request = request, .result = result, .lock = -1 };
	int status;

	*result = (struct network_result){ 0 };
	status = network_store_open(&work.store, request->home, true, err);
	if (status == 0)
		status = up(&work, err);
	fd_drop(&work.lock);
	network_store_close(&work.store);
	return status;
}

/* --- Sweep --- */

struct sweep {
	struct work work;
	network_is_alive *is_alive;
	void *ctx;
	struct oci_error *err;
	bool failed;
};

static void keep_first(struct sweep *sweep, const struct oci_error *failure)
{
	if (!sweep->failed)
		*sweep->err = *failure;
	sweep->failed = true;
}

/* Whoever holds the lock is at work on it. Asked once more with the lock: it may just have been
 * started. */
static void sweep_one(struct sweep *sweep, const char *id)
{
	struct oci_error failure = { 0 };
	bool busy;

	if (sweep->is_alive(sweep->ctx, id))
		return;
	sweep->work.lock = network_lock_container(&sweep->work.store, id, false, &busy, &failure);
	if (busy)
		return;
	if (sweep->work.lock < 0) {
		keep_first(sweep, &failure);
		return;
	}
	if (sweep->is_alive(sweep->ctx, id))
		fd_drop(&sweep->work.lock);
	else if (take_down_and_unlock(&sweep->work, id, &failure) < 0)
		keep_first(sweep, &failure);
}

/* Files named after containers that have no record. */
static void sweep_directory(struct sweep *sweep, const char *path, const struct network_ids *known)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !network_ids_have(known, entry->d_name))
			sweep_one(sweep, entry->d_name);
	if (dir)
		(void)closedir(dir);
}

/* Of who was killed before he had written down what he would make. */
static bool is_left(const struct network_store *store)
{
	static const char *const files[] = { "bridge.conflist", ".bridge.conflist.new",
					     ".made.json.new" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (faccessat(store->dir, files[i], F_OK, 0) == 0)
			return true;
	return false;
}

/* Of networks whose last container went while somebody else was at work, or whose end was not
 * lived to see. */
static void sweep_rest(struct sweep *sweep)
{
	struct oci_error failure = { 0 };
	const struct network_store *store = &sweep->work.store;
	struct made made;

	if (!made_read(store, &made) && !is_left(store))
		return;
	for (const struct json_node *at = made.bridges; at; at = at->next) {
		const char *network = json_tree_text(at, "network");
		const char *name =
			!strcmp(network, "bridge") ? json_tree_text(at, "bridge") : network;

		if (rest(store, network, name, &failure) < 0)
			keep_first(sweep, &failure);
	}
	if (!made.bridges) {
		char bridge[16];

		network_config_bridge(store->home, bridge);
		if (rest(store, "bridge", bridge, &failure) < 0)
			keep_first(sweep, &failure);
	}
	json_document_free(made.doc);
}

static void sweep_all(struct sweep *sweep)
{
	struct oci_error failure = { 0 };
	struct network_store *store = &sweep->work.store;
	auto_free char *locks = box_text(&failure, "%s/locks", store->path);
	struct network_ids ids;

	if (network_ids_read(store, &ids, &failure) < 0)
		keep_first(sweep, &failure);
	for (size_t i = 0; i < ids.n; i++)
		sweep_one(sweep, ids.v[i]);
	sweep_directory(sweep, store->netns_dir, &ids);
	if (locks)
		sweep_directory(sweep, locks, &ids);
	network_ids_done(&ids);
	sweep_rest(sweep);
}

int network_sweep(const struct box_home *home, network_is_alive *is_alive, void *ctx,
		  struct oci_error *err)
{
	struct sweep sweep = {
		.work = { .lock = -1 }, .is_alive = is_alive, .ctx = ctx, .err = err
	};
	int result = network_store_open(&sweep.work.store, home, false, err);

	if (result == 0 && sweep.work.store.dir >= 0)
		sweep_all(&sweep);
	network_store_close(&sweep.work.store);
	return sweep.failed ? -1 : result;
}

/* --- Rename --- */

int network_rename(const struct box_home *home, const char *id, const char *name,
		   struct oci_error *err)
{
	struct network_store store;
	struct network_record record = { 0 };
	int result = network_store_open(&store, home, false, err);
	auto_fd lock = -1;
	bool busy;

	if (result == 0 && store.dir >= 0) {
		lock = network_lock_container(&store, id, true, &busy, err);
		result = lock < 0 ? -1 : network_record_read(&store, id, &record, err);
	}
	if (result > 0) {
		record.name = name;
		result = network_record_write(&store, &record, err);
		if (result == 0 && *record.network && *record.ip)
			result = update_hosts(&store, record.network, NULL, err);
	}
	network_record_done(&record);
	network_store_close(&store);
	return result < 0 ? -1 : 0;
}
