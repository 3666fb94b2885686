/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is on disk of the networks of containers, all of it below RUNTIME, which a reboot empties:
 *
 *   netns/ID                  the pinned namespace
 *   network/containers/ID.json  what container ID has, or is about to get
 *   network/locks/ID          held by who makes or removes it, and by the plugins he called
 *   network/leases/NETWORK/   of the plugin host-local
 *   network/bridge.conflist   the network `bridge`, made when its first container comes
 *   network/made.json         what the host had not, before the first container came
 *
 * The directory network/ itself is the lock of what containers share (ports, bridges, chains), held
 * while records are compared and not while plugins work: the record of a container keeps all that
 * it needs. The directory network/containers/ is the lock for the hosts files.
 */
#ifndef BOX_NETWORK_RECORD_H
#define BOX_NETWORK_RECORD_H

#include "box/cni.h"

struct network_store {
	const struct box_home *home;
	char *path;	 /* RUNTIME/network */
	int dir;	 /* the same; -1: it isn't there */
	int containers;	 /* a directory */
	char *netns_dir; /* RUNTIME/netns */
};

/* Opens it, with `make` after making what is missing; without, store->dir is -1 when nothing is
 * there. */
int network_store_open(struct network_store *store, const struct box_home *home, bool make,
		       struct oci_error *err);
void network_store_close(struct network_store *store);

/* The path of a container's pin; heap, NULL with err. */
char *network_pin_path(const struct network_store *store, const char *id, struct oci_error *err);

/* Takes a lock of a directory or file by flock(2) operation LOCK_SH or LOCK_EX, with LOCK_NB at
 * once or not at all; else it waits, at most a minute (code "busy"). Returns 1 when it is taken,
 * 0 when it is somebody else's. */
int network_lock(int fd, int operation, struct oci_error *err);

/* Another description of the same directory, to be locked; closing it unlocks. */
int network_lock_open(int dir, struct oci_error *err);

/* Takes the lock of a container: its fd, or -1; without `wait` also when it is somebody else's,
 * *busy says so. */
int network_lock_container(const struct network_store *store, const char *id, bool wait, bool *busy,
			   struct oci_error *err);
/* Removes the lock's file; the lock itself is held until its fd is closed. */
void network_unlock_container(const struct network_store *store, const char *id);

struct network_record {
	struct oci_document *doc; /* owns the texts, when it was read */
	const char *id, *name, *hostname, *directory;
	const char *kind;    /* "network", "none", "host", "container", "path" */
	const char *network; /* the network that it is in; "" */
	const char *netns;   /* "": the host's, or hull's affair */
	const char *ip;	     /* "" */
	bool pinned;	     /* netns is a pin of this container */
	bool removing;	     /* its plugins may have been called to remove it */
	struct network_port *ports;
	size_t n_ports;
	bool owns_ports;
	const struct json_node *config; /* of the network, as it was then; NULL */
	const struct json_node *result; /* NULL: not known */
};

int network_record_write(const struct network_store *store, const struct network_record *record,
			 struct oci_error *err);
/* Writes what concerns people, as an element of an array that is open. */
void network_record_tell(struct json_text *out, const struct network_record *record);

/* 1 when it is there, 0 when it isn't. */
int network_record_read(const struct network_store *store, const char *id,
			struct network_record *record, struct oci_error *err);
void network_record_done(struct network_record *record);
int network_record_remove(const struct network_store *store, const char *id, struct oci_error *err);

/* The ids of all records, sorted; heap, freed by network_ids_done(). */
struct network_ids {
	char (*v)[128];
	size_t n;
};
int network_ids_read(const struct network_store *store, struct network_ids *ids,
		     struct oci_error *err);
bool network_ids_have(const struct network_ids *ids, const char *id);
void network_ids_done(struct network_ids *ids);

#endif
