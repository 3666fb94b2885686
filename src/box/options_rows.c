/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line of `run` and `create`. What the words mean is box_options.c's.
 */
#include "box/box_options.h"

#define TEXT(letter, name, argument, member, help)                                                 \
	{                                                                                          \
		letter, name, argument, help, OPTION_TEXT, offsetof(struct box_words, member),     \
			NULL                                                                       \
	}
#define LIST(letter, name, argument, member, help)                                                 \
	{                                                                                          \
		letter, name, argument, help, OPTION_LIST, offsetof(struct box_words, member),     \
			NULL                                                                       \
	}
#define FLAG(letter, name, member, help)                                                           \
	{                                                                                          \
		letter, name, NULL, help, OPTION_FLAG, offsetof(struct box_words, member), NULL    \
	}

/* clang-format off */
const struct option_row box_options_rows[] = {
	/* The root file system: exactly one of the first four. */
	TEXT(0, "rootfs", "DIR", rootfs, "the root file system, used as it is"),
	LIST(0, "layer", "DIR|TAR", layers, "a layer of it, the lowest first; may be repeated"),
	TEXT(0, "image", "LAYOUT[:REF]", image,
	     "an OCI image layout, a directory or an archive, or the name\nof an imported image"),
	FLAG(0, "host", host, "the host's own programs and libraries, read-only, without its\n"
	     "homes and secrets"),
	FLAG(0, "ephemeral", ephemeral, "with --rootfs: what is written is thrown away"),
	FLAG(0, "read-only", read_only, "the container can't write to its root file system"),

	/* The container. */
	TEXT(0, "name", "NAME", name, "a name for the container (default: one is made up)"),
	FLAG('d', "detach", detach, "run in the background and print the container's id"),
	FLAG('i', "interactive", interactive, "pass the standard input on"),
	FLAG('t', "tty", tty, "give the container a terminal"),
	{ 0, "detach-keys", "KEYS", "with --tty: keys that leave the terminal, '': none (default:\nctrl-p,ctrl-q)",
	  OPTION_ANY, offsetof(struct box_words, detach_keys), NULL },
	FLAG(0, "rm", remove, "remove the container when it has ended"),
	FLAG(0, "init", init, "begin with a small init that forwards signals and reaps\nzombies"),
	TEXT(0, "restart", "POLICY", restart, "no, on-failure[:N] or always (default: no)"),
	TEXT(0, "stop-signal", "SIGNAL", stop_signal, "what `stop` sends first (default: SIGTERM)"),
	LIST('l', "label", "KEY=VALUE", labels, "kept with the container, for people and programs"),
	TEXT(0, "health-cmd", "COMMAND", health_cmd,
	     "a shell command run in the container that fails when the\ncontainer isn't well"),
	TEXT(0, "health-interval", "TIME", health_interval, "the time between two (default: 30s)"),
	TEXT(0, "health-timeout", "TIME", health_timeout, "how long one may take (default: 30s)"),
	TEXT(0, "health-retries", "N", health_retries,
	     "so many failures in a row mean unhealthy (default: 3)"),
	TEXT(0, "health-start-period", "TIME", health_start,
	     "failures don't count before that (default: none)"),
	TEXT(0, "health-start-interval", "TIME", health_start_interval,
	     "the time between two in the start period (default: 5s)"),
	FLAG(0, "no-healthcheck", no_health, "run no health check, whatever the image says"),
	TEXT(0, "log-max-size", "SIZE", log_max_size,
	     "begin a new log file at this size (default: 10m)"),
	TEXT(0, "log-max-files", "N", log_max_files, "keep so many log files (default: 3)"),
	FLAG(0, "config", config, "print the config.json that would be run, and stop"),

	/* Its process. */
	{ 0, "entrypoint", "PROGRAM", "run PROGRAM instead of the image's entry point; '': none",
	  OPTION_ANY, offsetof(struct box_words, entrypoint), NULL },
	LIST('e', "env", "NAME[=VALUE]", env,
	     "an environment variable; without a value the caller's"),
	LIST(0, "env-file", "FILE", env_files, "a file of such lines; # begins a comment"),
	TEXT('w', "workdir", "DIR", cwd, "the working directory (default: the image's, or /)"),
	TEXT('u', "user", "USER[:GROUP]", user,
	     "names of the container or numbers (default: the image's, or 0)"),
	LIST(0, "ulimit", "NAME=SOFT[:HARD]", ulimits, "a resource limit of each process: nofile=1024"),

	/* Files. */
	LIST('v', "volume", "[SOURCE:]TARGET[:OPTIONS]", volumes,
	     "show a directory or file of the host, or a named volume, at\n"
	     "TARGET; options are ro, nocopy and mount options, by commas"),
	LIST(0, "tmpfs", "TARGET[:OPTIONS]", tmpfs, "a file system in memory: /tmp:size=64m,mode=1777"),
	LIST(0, "device", "PATH[:TARGET[:rwm]]", devices, "a device of the host"),
	TEXT(0, "shm-size", "SIZE", shm_size, "of /dev/shm (default: 64m)"),

	/* Limits. */
	TEXT('m', "memory", "SIZE", memory, "memory"),
	TEXT(0, "memory-swap", "SIZE", memory_swap, "memory and swap together; -1: no limit of swap"),
	TEXT(0, "cpus", "N", cpus, "processors, such as 1.5"),
	TEXT(0, "cpu-shares", "N", cpu_shares, "share of the processors, from 2 to 262144 (usual: 1024)"),
	TEXT(0, "cpu-quota", "US", cpu_quota, "microseconds of processor time in each period"),
	TEXT(0, "cpu-period", "US", cpu_period, "microseconds of a period (default: 100000)"),
	TEXT(0, "cpuset-cpus", "LIST", cpuset, "only these processors: 0-3,8"),
	TEXT(0, "pids", "N", pids, "processes and threads; -1: no limit (default: 1024)"),
	TEXT(0, "io-weight", "N", io_weight, "share of the disks, from 10 to 1000 (usual: 100)"),
	LIST(0, "io-read-bps", "DEVICE:RATE", read_bps, "bytes read from a device in a second: /dev/sda:10m"),
	LIST(0, "io-write-bps", "DEVICE:RATE", write_bps, "bytes written"),
	LIST(0, "io-read-iops", "DEVICE:RATE", read_iops, "reads in a second"),
	LIST(0, "io-write-iops", "DEVICE:RATE", write_iops, "writes in a second"),

	/* Network. */
	TEXT(0, "net", "NETWORK", net,
	     "bridge, none, host, a network's name, container:NAME or\nns:PATH (default: bridge; for users other than root user, by\nslirp4netns or pasta, or else none)"),
	LIST('p', "publish", "[IP:]HOST:PORT[/udp]", ports, "a port of the host that leads to one of the container's"),
	TEXT(0, "hostname", "NAME", hostname, "the container's name for itself (default: its short id)"),
	LIST(0, "dns", "ADDRESS", dns, "a name server (default: the host's)"),
	LIST(0, "add-host", "NAME:ADDRESS", hosts, "a line of /etc/hosts"),

	/* Confinement. */
	TEXT(0, "security-profile", "NAME", profile,
	     "strict, default or none: capabilities, system calls, hidden\npaths (default: default)"),
	LIST(0, "cap-add", "CAPABILITY", cap_add, "one more capability, or ALL"),
	LIST(0, "cap-drop", "CAPABILITY", cap_drop, "one capability less, or ALL"),
	TEXT(0, "seccomp", "FILE", seccomp, "a seccomp profile of your own, or 'unconfined'"),
	TEXT(0, "userns", "host|auto|MAP", userns,
	     "ids of users: the host's, a range of its own, or\nINSIDE:OUTSIDE:COUNT[,...] (default: host)"),
	LIST(0, "sysctl", "KEY=VALUE", sysctls, "a sysctl of the container's namespaces"),
	OPTIONS_END,
};
/* clang-format on */
