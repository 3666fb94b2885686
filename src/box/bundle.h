/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * config.json from what was asked for: made anew at each start, since names of users, numbers of
 * devices and what the host can hold belong to that moment.
 */
#ifndef BOX_BUNDLE_H
#define BOX_BUNDLE_H

#include "box/box_options.h"

/* What an image's config says of its process. Everything may be absent. */
struct box_image {
	struct oci_strings entrypoint, command, env;
	char *cwd, *user, *stop_signal;
};

/* A file or directory of the host that the container sees, read-only, at `target`. */
struct box_shown {
	const char *source, *target;
};

struct box_bundle_input {
	const char *id;	  /* 64 hexadecimal digits */
	const char *root; /* root.path: the mounted root file system */
	int root_fd;	  /* the same, opened, for users' names */
	/* The network namespace's path for the kinds bridge, container and ns; NULL otherwise. */
	const char *netns;
	/* Files shown at /etc/hosts, /etc/resolv.conf and /etc/hostname; NULL: the root's own. */
	const char *hosts, *resolv_conf, *hostname;
	const char *volumes; /* the directory of the named volumes; each is NAME/_data there */
	bool only_looks;     /* they needn't be there: nothing is begun */
	const char *cgroup;  /* linux.cgroupsPath */
	/* The directory of the cgroup that the container has already, "" where it has none of its
	 * own; NULL: it doesn't run. */
	const char *cgroup_now;
	const char *init;	       /* the program for --init */
	const struct box_image *image; /* NULL: none */
	const struct box_shown *shown; /* further ones */
	size_t n_shown;
	/* Told what a default asks for and the host hasn't. */
	void (*warn)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
};

/* The text of config.json, malloc'ed. What the host can't hold is left out with a warning where it
 * is a default, and refused where it was given; errors name the option. Codes: "usage", "no-user",
 * "host". Changes nothing. */
int box_bundle_text(const struct box_options *options, const struct box_bundle_input *in,
		    char **text, size_t *size, struct oci_error *err);

/* The text of one that has nothing but linux.resources, without devices and rates of disks: limits
 * for a container that runs. Nothing else of the options is looked at, for the host and the
 * container's files may have changed since it was started. Of the input it is cgroup_now and warn
 * that count. Errors as above. */
int box_bundle_limits(const struct box_options *options, const struct box_bundle_input *in,
		      char **text, size_t *size, struct oci_error *err);

/* Writes the whole as config.json below the directory, replacing an older one in one step. */
int box_bundle_write(const struct box_options *options, const struct box_bundle_input *in, int dir,
		     struct oci_error *err);

/* What is run, in two parts, either of which may be empty: the entry point, and the command behind
 * it. Another entry point than the image's, or none at all (""), isn't given the image's command.
 * The parts are what was given; image NULL: none. */
void box_command_line(const struct box_options *options, const struct box_image *image,
		      struct oci_strings parts[2]);

/* The signal that `stop` sends first: --stop-signal, the image's, else SIGTERM. */
int box_stop_signal(const struct box_options *options, const struct box_image *image);

#endif
