/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the README shows: prints the program of a config.json and where it would run.
 */
#include <fcntl.h>
#include <stdio.h>

#include "oci_config.h"

int main(int argc, char **argv)
{
	struct oci_config config;
	struct oci_error err = { 0 };

	if (oci_config_read_file(&config, AT_FDCWD, argc > 1 ? argv[1] : "config.json", NULL,
				 &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (config.process.present) {
		for (size_t i = 0; i < config.process.args.n; i++)
			printf("%s ", config.process.args.v[i]);
		printf("in %s as %u:%u\n", config.process.cwd, config.process.user.uid,
		       config.process.user.gid);
	}
	for (size_t i = 0; i < config.mounts.n; i++)
		printf("mount %s\n", config.mounts.v[i].destination);
	if (config.linux.resources.memory.limit.set)
		printf("at most %lld bytes of memory\n",
		       (long long)config.linux.resources.memory.limit.v);
	oci_config_close(&config);
	return 0;
}
