/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What `run` and `create` are asked for: the rows of their command line, the checked result as a
 * struct, and that struct as JSON on disk. What is saved suffices to start the container again:
 * paths are absolute, the environment and a seccomp profile are in it as they were.
 *
 * Here is decided what a value means and whether it makes sense by itself. What depends on the root
 * file system (a user's name) and on the host at the time of a start is bundle.c's.
 */
#ifndef BOX_BOX_OPTIONS_H
#define BOX_BOX_OPTIONS_H

#include "base/arena.h"
#include "base/options.h"
#include "libocispec/oci_config.h"

/* Of the saved form. A reader refuses every other. */
#define BOX_OPTIONS_VERSION 1

/* The limit on processes that a container has when none is asked for. */
#define BOX_DEFAULT_PIDS 1024
#define BOX_DEFAULT_SHM_SIZE (UINT64_C(64) << 20)

/* Where the root file system comes from. */
struct box_source {
	bool present;
	char *kind; /* "rootfs", "layers", "image" or "host" */
	/* rootfs: one directory; layers: directories and tar archives, the lowest first; image: one
	 * reference, "/DIR[:REF]" or the name of an imported image. */
	struct oci_strings from;
	bool ephemeral; /* rootfs: below an upper layer that is thrown away */
};

struct box_volume {
	char *source; /* a path of the host, or a volume's name; NULL when anonymous */
	char *target;
	bool named;
	bool anonymous;		    /* named, after the container (volume.h) */
	struct oci_strings options; /* words of mount options, as given */
};

struct box_tmpfs {
	char *target;
	struct oci_strings options;
};

struct box_device {
	char *source, *target;
	char *access; /* of "rwm" */
};

struct box_rate {
	char *device; /* the path of a block device */
	uint64_t rate;
};
typedef OCI_LIST(struct box_rate) box_rates;

/* What is unset isn't limited; but for pids, where unset means BOX_DEFAULT_PIDS. */
struct box_limits {
	bool present;
	struct oci_maybe_int memory; /* bytes */
	struct oci_maybe_int swap;   /* bytes of memory and swap together; -1: no limit */
	struct oci_maybe_uint cpu_shares;
	struct oci_maybe_int cpu_quota; /* us in each period */
	struct oci_maybe_uint cpu_period;
	char *cpuset;
	struct oci_maybe_int pids; /* -1: no limit */
	struct oci_maybe_uint io_weight;
	box_rates read_bps, write_bps, read_iops, write_iops;
	OCI_LIST(struct oci_rlimit) rlimits;
};

struct box_port {
	char *address; /* of the host, IPv4; NULL: every one */
	uint32_t host, container;
	char *protocol; /* "tcp" or "udp" */
};

struct box_host_name {
	char *name;
	char *address;
};

struct box_net {
	bool present;
	char *kind;	/* "bridge", "none", "host", "named", "container", "ns" */
	char *other;	/* named: the network; container: its name, as given; ns: the path */
	char *other_id; /* container: its id; NULL when it wasn't there when this one was made */
	OCI_LIST(struct box_port) ports;
	struct oci_strings dns;
	OCI_LIST(struct box_host_name) hosts;
};

struct box_security {
	bool present;
	char *profile;			      /* "strict", "default", "none" */
	struct oci_strings cap_add, cap_drop; /* "CAP_KILL", or "ALL" */
	char *seccomp; /* the text of a profile; "unconfined"; NULL: the security profile's */
	char *userns;  /* "host", "auto", "map" */
	OCI_LIST(struct oci_id_mapping)
	mappings; /* map: for users and groups alike; auto: as
		   * chosen when the container was created */
};

struct box_health {
	bool present;
	bool disabled; /* whatever the image says */
	char *command; /* for sh -c; NULL: the image's */
	uint64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
	uint32_t retries; /* here and before, 0: the image's, else the default (health.h) */
};

struct box_restart {
	bool present;
	char *policy;	  /* "no", "on-failure", "always" */
	uint32_t retries; /* on-failure: at most so many; 0: no limit */
};

struct box_log {
	bool present;
	uint64_t max_size; /* bytes of one file */
	uint32_t max_files;
};

struct box_options {
	struct oci_document *doc; /* read from a file: owns what is pointed to */
	struct arena arena;	  /* else this does */

	uint32_t version;
	char *name; /* NULL: none was given */
	struct box_source source;
	struct oci_strings command; /* empty: the image's */
	char *entrypoint;	    /* NULL: the image's; "": none */
	struct oci_strings env;	    /* what was given, over the image's */
	char *cwd;		    /* NULL: the image's, else / */
	char *user;		    /* USER[:GROUP], names or numbers; NULL: the image's, else 0 */
	char *hostname;		    /* NULL: the short id */
	bool tty, interactive, init, read_only, remove;
	char *detach_keys; /* detach_keys.h; NULL: the usual */
	char *stop_signal; /* NULL: the image's, else SIGTERM */
	struct box_restart restart;
	struct box_health health;
	struct box_log log;
	OCI_LIST(struct box_volume) volumes;
	OCI_LIST(struct box_tmpfs) tmpfs;
	OCI_LIST(struct box_device) devices;
	uint64_t shm_size;
	struct oci_pairs sysctls;
	struct oci_pairs labels;
	struct box_limits limits;
	struct box_net net;
	struct box_security security;
};

/* The values of the command line, as they are written there. */
struct box_words {
	const char *name, *rootfs, *image, *entrypoint, *cwd, *user, *hostname;
	struct option_list layers, env, env_files, volumes, tmpfs, devices, ulimits, sysctls,
		labels;
	bool host, ephemeral, tty, interactive, init, read_only, remove;
	const char *detach_keys, *stop_signal, *restart, *shm_size;
	const char *health_cmd, *health_interval, *health_timeout, *health_start, *health_retries,
		*health_start_interval;
	bool no_health;
	const char *log_max_size, *log_max_files;
	const char *memory, *memory_swap, *cpus, *cpu_shares, *cpu_quota, *cpu_period, *cpuset;
	const char *pids, *io_weight;
	struct option_list read_bps, write_bps, read_iops, write_iops;
	const char *net;
	struct option_list ports, dns, hosts;
	const char *profile, *seccomp, *userns;
	struct option_list cap_add, cap_drop;
	/* Of the call, not of the container: not saved. */
	bool detach, config;
};

/* The rows of `run` and `create` for a struct of values that begins with a struct box_words. */
extern const struct option_row box_options_rows[];

/* Puts *options together from the command line: `command` is what stands behind the options. Reads
 * what the words name (env files, a seccomp profile, the caller's environment for `-e NAME`) and
 * looks whether files of the host that they name are there; changes nothing. Errors (code "usage")
 * name the option, the value and what is wrong with it. */
int box_options_make(struct box_options *options, const struct box_words *words,
		     const char *const *command, size_t n_command, struct oci_error *err);

/* What two values together forbid, and what no single row can see. box_options_make() and
 * box_options_read() have called it already; whoever changes an option calls it again. */
int box_options_check(const struct box_options *options, struct oci_error *err);

/* The saved form, indented, a newline last; *text is malloc'ed. */
int box_options_write(const struct box_options *options, char **text, size_t *size,
		      struct oci_error *err);

/* Reads the saved form strictly: an unknown property, another version or a value that the command
 * line would refuse is an error (code "invalid-options"), with its JSON pointer. */
int box_options_read(struct box_options *options, const char *text, size_t size,
		     struct oci_error *err);

/* Frees what the options hold. Accepts zeroed ones. */
void box_options_done(struct box_options *options);

#endif
