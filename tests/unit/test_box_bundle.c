/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * config.json as it is made of options: what an image adds and options replace, the order of
 * mounts, namespaces and mappings of each kind of network and user namespace, and that libocispec
 * reads back what was written. What needs a container is in tests/bats/box_options.bats.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "box/bundle.h"
#include "tests/unit/tap.h"

/* What libocispec's structs hold is never constant. */
#define TEXT(text) ((char[]){ text })
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char top[] = "/tmp/test_box_bundle.XXXXXX";

static void ignore(const char *fmt, ...)
{
	(void)fmt;
}

/* What the command line makes, as config.json read back. */
static int make(struct oci_config *config, const struct box_image *image, const char *netns,
		const char *const *argv, struct oci_error *err)
{
	struct box_bundle_input in = { .id = ID,
				       .root = top,
				       .netns = netns,
				       .hosts = "/etc/hosts",
				       .volumes = "/volumes",
				       .cgroup = "/hullbox/" ID,
				       .init = "/init",
				       .image = image,
				       .warn = ignore };
	struct box_options options;
	struct box_words words;
	int argc = 0, used = 0, result = -1;
	char *text;
	size_t size;

	memset(&words, 0, sizeof(words));
	while (argv[argc])
		argc++;
	if (options_parse_before(box_options_rows, &words, argc, (char *const *)(uintptr_t)argv,
				 &used, err) == OPTIONS_DONE)
		result =
			box_options_make(&options, &words, argv + used, (size_t)(argc - used), err);
	options_free(box_options_rows, &words);
	if (result < 0)
		return -1;
	in.root_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	result = box_bundle_text(&options, &in, &text, &size, err);
	(void)close(in.root_fd);
	box_options_done(&options);
	if (result == 0) {
		result = oci_config_read(config, text, size, NULL, err);
		free(text);
	}
	return result;
}

#define MAKE(config, image, netns, err, ...)                                                       \
	make(config, image, netns, (const char *[]){ "--rootfs", top, __VA_ARGS__, NULL }, err)

static const char *joined(const struct oci_strings *list)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, list->v[i]);
	}
	return text;
}

static const struct oci_mount *find_mount(const struct oci_config *config, const char *target)
{
	for (size_t i = 0; i < config->mounts.n; i++)
		if (!strcmp(config->mounts.v[i].destination, target))
			return &config->mounts.v[i];
	return NULL;
}

static const struct oci_namespace *find_namespace(const struct oci_config *config, const char *type)
{
	for (size_t i = 0; i < config->linux.namespaces.n; i++)
		if (!strcmp(config->linux.namespaces.v[i].type, type))
			return &config->linux.namespaces.v[i];
	return NULL;
}

static void test_image(void)
{
	char *entry[] = { TEXT("/entry"), TEXT("-x"), NULL }, *command[] = { TEXT("serve"), NULL };
	char *env[] = { TEXT("PATH=/image"), TEXT("A=image"), TEXT("B=image"), NULL };
	const struct box_image image = {
		.entrypoint = { entry, 2 },
		.command = { command, 1 },
		.env = { env, 3 },
		.cwd = TEXT("/work"),
		.user = TEXT("12:13"),
	};
	struct oci_config config;
	struct oci_error err = { 0 };

	if (tap_ok(MAKE(&config, &image, NULL, &err, "--net=none", "-e", "A=given", "one", "two") ==
			   0,
		   "options over an image")) {
		tap_is_str(joined(&config.process.args), "/entry -x one two",
			   "the image's entry point stands before a command");
		tap_is_str(joined(&config.process.env),
			   "PATH=/image HOSTNAME=0123456789ab A=given "
			   "B=image",
			   "options go before the image's environment, that before the usual one");
		tap_is_str(config.process.cwd, "/work", "the image's directory");
		tap_is_int(config.process.user.uid, 12, "the image's user");
		tap_is_int(config.process.user.gid, 13, "the image's group");
		oci_config_close(&config);
	}
	if (tap_ok(MAKE(&config, &image, NULL, &err, "--net=none", "--entrypoint=/mine", "-w", "/",
			"-u", "5", "--init") == 0,
		   "options instead of an image's")) {
		tap_is_str(joined(&config.process.args), "/dev/init -- /mine",
			   "another entry point isn't given the image's command");
		tap_is_int(config.process.user.uid, 5, "another user");
		tap_is_str(find_mount(&config, "/dev/init")->source, "/init", "init is shown");
		oci_config_close(&config);
	}
}

static void test_mounts(void)
{
	struct oci_config config;
	struct oci_error err = { 0 };
	char volume[64];
	size_t outer = 0, inner = 0;

	(void)snprintf(volume, sizeof(volume), "%s:/a/b/c", top);
	if (!tap_ok(MAKE(&config, NULL, NULL, &err, "--net=none", "-v", volume, "--tmpfs=/a",
			 "--tmpfs=/dev/shm", "--tmpfs=/etc/hosts", "true") == 0,
		    "mounts out of order")) {
		printf("# %s\n", err.text);
		return;
	}
	for (size_t i = 0; i < config.mounts.n; i++) {
		outer = strcmp(config.mounts.v[i].destination, "/a") ? outer : i;
		inner = strcmp(config.mounts.v[i].destination, "/a/b/c") ? inner : i;
	}
	tap_ok(outer < inner, "what lies in another comes after it");
	tap_is_str(joined(&find_mount(&config, "/a/b/c")->options), "rbind rprivate rnodev",
		   "a volume is private and without devices");
	tap_is_str(find_mount(&config, "/etc/hosts")->type, "tmpfs",
		   "what is asked for replaces a file of hullbox's");
	tap_is_str(joined(&find_mount(&config, "/dev/shm")->options), "nosuid nodev noexec",
		   "and a usual mount");
	oci_config_close(&config);
	if (tap_ok(MAKE(&config, NULL, NULL, &err, "--net=none", "-v", "nothing:/x", "true") < 0 &&
			   strstr(err.text, "'/volumes/nothing/_data'"),
		   "a volume that isn't there is refused"))
		return;
	printf("# %s\n", err.text);
}

static void test_namespaces(void)
{
	struct oci_config config;
	struct oci_error err = { 0 };

	if (tap_ok(MAKE(&config, NULL, NULL, &err, "--net=host", "true") == 0, "--net host")) {
		tap_ok(!find_namespace(&config, "network"), "has no network namespace");
		tap_ok(!find_namespace(&config, "user"), "nor a user namespace");
		oci_config_close(&config);
	}
	if (tap_ok(MAKE(&config, NULL, "/run/ns", &err, "--net=bridge", "true") == 0, "a bridge")) {
		tap_is_str(find_namespace(&config, "network")->path, "/run/ns", "has it by path");
		tap_is_str(find_mount(&config, "/sys")->type, "sysfs", "and a sysfs of its own");
		tap_is_str(config.linux.cgroups_path, "/hullbox/" ID, "the cgroup");
		oci_config_close(&config);
	}
	if (tap_ok(MAKE(&config, NULL, "/run/ns", &err, "--userns=0:100000:3", "true") == 0,
		   "ids of a map")) {
		tap_is_int(config.linux.gid_mappings.v[0].host_id, 100000, "are the groups' too");
		tap_ok(find_namespace(&config, "user") != NULL, "in a user namespace");
		tap_is_str(find_mount(&config, "/sys")->type, "none",
			   "a network that belongs to another one shows the host's sysfs");
		tap_ok(!strstr(joined(&find_mount(&config, "/dev/pts")->options), "gid=5"),
		       "terminals belong to no group that isn't mapped");
		oci_config_close(&config);
	}
	tap_ok(MAKE(&config, NULL, NULL, &err, "--userns=auto", "true") < 0 &&
		       (geteuid() != 0 || !strcmp(err.code, "no-ids")),
	       "auto without a range is refused, never run without one");
}

static void test_stop_signal(void)
{
	const struct box_image image = { .stop_signal = TEXT("SIGUSR1") };
	struct box_options options = { .stop_signal = NULL };

	tap_is_int(box_stop_signal(&options, NULL), 15, "SIGTERM stops");
	tap_is_int(box_stop_signal(&options, &image), 10, "or what the image says");
	options.stop_signal = TEXT("9");
	tap_is_int(box_stop_signal(&options, &image), 9, "or what the options say");
}

int main(void)
{
	if (!mkdtemp(top))
		return 1;
	test_image();
	test_mounts();
	if (geteuid() == 0)
		test_namespaces();
	test_stop_signal();
	(void)rmdir(top);
	return tap_done();
}
