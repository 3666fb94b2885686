/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the planner makes of mounts, masked and read-only paths and devices: no privilege, no side
 * effect.
 */
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/sys.h"
#include "plan/mount_words.h"
#include "plan/plan.h"
#include "tests/unit/tap.h"

static char findings[8192];

static int collect(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	static const char *const names[] = { "invalid", "host", "note" };
	size_t used = strlen(findings);

	(void)ctx;
	snprintf(findings + used, sizeof(findings) - used, "%s %s: %s\n", names[kind], pointer,
		 text);
	return 0;
}

static struct plan plan;
static struct oci_config config;
static struct request request = { .id = "t", .bundle = "/b:undle" };
static struct host host = { .known_caps = ~0ULL,
			    .capabilities = ~0ULL,
			    .cgroup_mount = "/sys/fs/cgroup" };

/* Plans a config with these mounts and more of /linux; the result of plan_make(). */
static int make(const char *mounts, const char *more)
{
	const struct plan_report report = { collect, NULL };
	struct oci_error err = { 0 };
	char text[8192];

	plan_free(&plan);
	oci_config_close(&config);
	findings[0] = '\0';
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},\"mounts\":[%s],"
		 "\"linux\":{%s}}",
		 mounts, more);
	if (oci_config_read(&config, text, strlen(text), NULL, &err) < 0) {
		printf("# %s\n", err.text);
		return -2;
	}
	return plan_make(&plan, &config, &request, &host, &report, &err);
}

#define NEW_MOUNTS "\"namespaces\":[{\"type\":\"mount\"}]"

static const struct plan_mount *one(const char *mount)
{
	static const struct plan_mount nothing = { .destination = "", .type = "" };

	if (make(mount, NEW_MOUNTS) != 0 || plan.n_mounts != 1) {
		printf("# %s", findings);
		return &nothing;
	}
	return &plan.mounts[0];
}

static void finds(const char *mounts, const char *more, const char *line)
{
	bool bad = strncmp(line, "note", 4) != 0;
	int result = make(mounts, more);

	if (!tap_ok((result == -1) == bad && strstr(findings, line), "finding: %s", line))
		printf("# %d\n# %s\n", result, findings);
}

static void test_words(void)
{
	/* runtime-spec 1.3.0, config.md "Linux mount options": the MUST and the SHOULD of the table
	 */
	static const char *const words[] = {
		"async",
		"atime",
		"bind",
		"defaults",
		"dev",
		"diratime",
		"dirsync",
		"exec",
		"iversion",
		"lazytime",
		"loud",
		"noatime",
		"nodev",
		"nodiratime",
		"noexec",
		"noiversion",
		"nolazytime",
		"norelatime",
		"nostrictatime",
		"nosuid",
		"private",
		"rbind",
		"relatime",
		"remount",
		"ro",
		"rprivate",
		"rshared",
		"rslave",
		"runbindable",
		"rw",
		"shared",
		"silent",
		"slave",
		"strictatime",
		"suid",
		"sync",
		"unbindable",
		"rro",
		"rrw",
		"rnosuid",
		"rsuid",
		"rnodev",
		"rdev",
		"rnoexec",
		"rexec",
		"rnodiratime",
		"rdiratime",
		"rrelatime",
		"rnorelatime",
		"rnoatime",
		"ratime",
		"rstrictatime",
		"rnostrictatime",
		"rnosymfollow",
		"rsymfollow",
		"nosymfollow",
		"symfollow",
		"tmpcopyup",
		"mand",
		"nomand",
	};
	const char *names[128];
	size_t n = mount_word_names(names, 128);
	bool sorted = true;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		tap_ok(mount_word_find(words[i]) != NULL, "'%s' is known", words[i]);
	for (size_t i = 0; i < n; i++) {
		sorted &= i == 0 || strcmp(names[i - 1], names[i]) < 0;
		if (mount_word_find(names[i]) == NULL)
			tap_ok(false, "'%s' is listed and can't be found", names[i]);
	}
	tap_ok(sorted, "the table is sorted");
	tap_ok(mount_word_find("size=1m") == NULL, "other words are not");
}

static void test_kinds(void)
{
	const struct plan_mount *m;

	m = one("{\"destination\":\"/a//b/./c/\",\"type\":\"tmpfs\",\"source\":\"x\",\"options\":"
		"[\"size=1m\",\"huge\",\"sync\",\"ro\"]}");
	tap_is_int(m->kind, MOUNT_NEW, "a tmpfs is a new file system");
	tap_is_str(m->destination, "/a/b/c", "the destination is cleaned");
	tap_ok(m->n_options == 3 && strcmp(m->options[0].key, "size") == 0 &&
		       strcmp(m->options[0].value, "1m") == 0 &&
		       strcmp(m->options[1].key, "huge") == 0 && !m->options[1].value,
	       "unknown options are parameters in their order");
	tap_ok(m->read_only_late && m->attr_set == 0, "a read-only tmpfs is so in the end");

	m = one("{\"destination\":\"/d\",\"type\":\"ext4\",\"source\":\"/dev/x\",\"options\":"
		"[\"ro\"]}");
	tap_ok(m->n_options == 1 && strcmp(m->options[0].key, "ro") == 0 &&
		       m->attr_set == MOUNT_ATTR_RDONLY,
	       "a disk is read-only as a file system and as a mount");
	m = one("{\"destination\":\"/d\",\"type\":\"sysfs\",\"options\":[\"ro\"]}");
	tap_ok(m->n_options == 0 && m->attr_set == MOUNT_ATTR_RDONLY,
	       "sysfs, which others share, only as a mount");

	m = one("{\"destination\":\"/d\",\"source\":\"data\",\"options\":[\"rbind\",\"rslave\"]}");
	tap_is_int(m->kind, MOUNT_BIND, "rbind makes it a bind");
	tap_is_str(m->source, "/b:undle/data", "its source is relative to the bundle");
	tap_ok(m->recursive && m->propagation == MS_SLAVE && m->propagation_recursive,
	       "recursive, with its propagation");
	m = one("{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/data\",\"options\":"
		"[\"bind\",\"rshared\",\"private\"]}");
	tap_ok(!m->recursive && m->propagation == MS_PRIVATE && !m->propagation_recursive,
	       "the last propagation wins");
	m = one("{\"destination\":\"/\",\"options\":[\"remount\",\"bind\",\"nosuid\"]}");
	tap_ok(m->kind == MOUNT_REMOUNT && m->remount_bind && m->attr_set == MOUNT_ATTR_NOSUID,
	       "a remount of the root is one");
	m = one("{\"destination\":\"/cg\",\"type\":\"cgroup\",\"options\":[\"rw\"]}");
	tap_ok(m->kind == MOUNT_CGROUP && !m->read_only, "cgroup, rw asked for");
	m = one("{\"destination\":\"/cg\",\"type\":\"cgroup2\"}");
	tap_ok(m->kind == MOUNT_CGROUP && m->read_only, "cgroup, rw not asked for");
	m = one("{\"destination\":\"/o\",\"type\":\"overlay\",\"options\":[\"lowerdir=a:/b:c\\\\:d"
		"::e\",\"upperdir=u\",\"workdir=/w\",\"other=x\"]}");
	if (tap_is_int((long long)m->n_options, 4, "overlay has its options")) {
		tap_is_str(m->options[0].value, "/b\\:undle/a:/b:/b\\:undle/c\\:d::/b\\:undle/e",
			   "relative layers are the bundle's");
		tap_is_str(m->options[1].value, "/b:undle/u", "so is the upper one");
		tap_is_str(m->options[2].value, "/w", "an absolute path stays");
		tap_is_str(m->options[3].value, "x", "other values stay");
	}
}

static void attributes(const char *options, uint64_t set, uint64_t clear)
{
	char mount[512];
	const struct plan_mount *m;

	snprintf(mount, sizeof(mount),
		 "{\"destination\":\"/d\",\"source\":\"/s\",\"options\":[\"bind\",%s]}", options);
	m = one(mount);
	if (!tap_ok(m->attr_set == set && m->attr_clear == clear, "%s", options))
		printf("# set %llx clear %llx\n", (unsigned long long)m->attr_set,
		       (unsigned long long)m->attr_clear);
}

static void test_attributes(void)
{
	const uint64_t atime = MOUNT_ATTR__ATIME;
	const struct plan_mount *m;

	attributes("\"ro\"", MOUNT_ATTR_RDONLY, 0);
	attributes("\"ro\",\"rw\"", 0, MOUNT_ATTR_RDONLY);
	attributes("\"rw\",\"ro\"", MOUNT_ATTR_RDONLY, 0);
	attributes("\"noatime\"", MOUNT_ATTR_NOATIME, atime);
	attributes("\"noatime\",\"strictatime\"", MOUNT_ATTR_STRICTATIME, atime);
	attributes("\"noatime\",\"atime\"", 0, atime);
	attributes("\"strictatime\",\"atime\"", MOUNT_ATTR_STRICTATIME, atime);
	attributes("\"norelatime\"", 0, 0);
	attributes("\"nostrictatime\"", 0, atime);
	attributes("\"defaults\",\"silent\"", 0, 0);
	m = one("{\"destination\":\"/d\",\"source\":\"/"
		"s\",\"options\":[\"rbind\",\"ro\",\"nosuid\","
		"\"rrw\",\"nodev\"]}");
	tap_ok(m->attr_set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) && m->attr_clear == 0 &&
		       m->tree_clear == MOUNT_ATTR_RDONLY && m->tree_set == 0,
	       "a recursive word after a plain one takes it back");
}

static void test_findings(void)
{
	finds("{\"destination\":\"a\",\"type\":\"tmpfs\"}", NEW_MOUNTS,
	      "note /mounts/0/destination: 'a' is relative");
	finds("{\"destination\":\"/.//\",\"type\":\"tmpfs\"}", NEW_MOUNTS,
	      "invalid /mounts/0/destination: a mount on '/'");
	finds("{\"destination\":\"/a\"}", NEW_MOUNTS, "invalid /mounts/0/type: missing");
	finds("{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/x\"}", NEW_MOUNTS,
	      "invalid /mounts/0/type: 'bind' is no file system");
	finds("{\"destination\":\"/a\",\"options\":[\"bind\"]}", NEW_MOUNTS,
	      "invalid /mounts/0/source: missing");
	finds("{\"destination\":\"/a\",\"source\":\"/x\",\"options\":[\"ro\",\"bind\",\"size=1\"]}",
	      NEW_MOUNTS, "invalid /mounts/0/options/2: 'size=1' is no option of a bind mount");
	finds("{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"nosuid,nodev\"]}",
	      NEW_MOUNTS, "invalid /mounts/0/options/0: 'nosuid,nodev' is several options");
	finds("{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"\"]}", NEW_MOUNTS,
	      "invalid /mounts/0/options/0: is empty");
	finds("{\"destination\":\"/a\",\"type\":\"proc\",\"options\":[\"tmpcopyup\"]}", NEW_MOUNTS,
	      "invalid /mounts/0/options/0: tmpcopyup");
	finds("{\"destination\":\"/a\",\"type\":\"cgroup\",\"options\":[\"nsdelegate\"]}",
	      NEW_MOUNTS, "invalid /mounts/0/options/0: 'nsdelegate': a cgroup mount");
	finds("{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"ridmap\"]}", NEW_MOUNTS,
	      "invalid /mounts/0/options/0: the mount has no uidMappings");
	finds("{\"destination\":\"/a\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,"
	      "\"hostID\":1,\"size\":1}]}",
	      NEW_MOUNTS, "invalid /mounts/0/uidMappings: uidMappings and gidMappings go together");
	finds("{\"destination\":\"/a\",\"source\":\"/x\",\"options\":[\"bind\",\"sync\"]}",
	      NEW_MOUNTS, "note /mounts/0/options/1: 'sync' has no effect on a bind mount");
	finds("{\"destination\":\"/a\",\"type\":\"tmpfs\"}", "", "invalid /mounts: needs a mount");
	finds("{\"destination\":\"/a\",\"type\":\"tmpfs\"}",
	      "\"namespaces\":[{\"type\":\"mount\",\"path\":\"/proc/1/ns/mnt\"}]",
	      "host /mounts: needs a mount namespace of the container's own: one that is given by "
	      "path");
	finds("", "\"maskedPaths\":[\"/a\"]", "invalid /linux/maskedPaths: needs a mount");
	finds("", "\"readonlyPaths\":[\"/a\"]", "invalid /linux/readonlyPaths: needs a mount");
	finds("", "\"rootfsPropagation\":\"shared\"",
	      "invalid /linux/rootfsPropagation: needs a new mount namespace");
	finds("", NEW_MOUNTS ",\"maskedPaths\":[\"/a\",\"b\"]",
	      "invalid /linux/maskedPaths/1: 'b' is not absolute");
	finds("", NEW_MOUNTS ",\"readonlyPaths\":[\"//.\"]",
	      "invalid /linux/readonlyPaths/0: '/' is the root itself");
}

static void test_devices(void)
{
	tap_is_int(make("", NEW_MOUNTS), 0, "no devices asked for");
	tap_ok(plan.n_devices == 6 && plan.devices[0].is_default && plan.device_links,
	       "the default ones and the links");
	tap_is_int(make("{\"destination\":\"/dev\",\"source\":\"/dev\",\"options\":[\"rbind\"]}",
			NEW_MOUNTS ",\"devices\":[{\"type\":\"c\",\"path\":\"/dev/x\",\"major\":1,"
				   "\"minor\":3}]"),
		   0, "a /dev of the host");
	tap_ok(plan.n_devices == 1 && plan.devices[0].in_bind && !plan.device_links,
	       "has none made in it");
	tap_is_int(make("{\"destination\":\"/dev\",\"type\":\"tmpfs\"}",
			NEW_MOUNTS ",\"devices\":[{\"type\":\"u\",\"path\":\"/dev/x\",\"major\":10,"
				   "\"minor\":3,\"fileMode\":8576,\"gid\":4},"
				   "{\"type\":\"p\",\"path\":\"/dev/p\"}]"),
		   0, "devices");
	tap_ok(plan.n_devices == 8 && plan.devices[6].mode == (S_IFCHR | 0600) &&
		       plan.devices[6].number == makedev(10, 3) && plan.devices[6].gid == 4,
	       "u is c; bits of the type in fileMode are taken off");
	tap_ok(plan.devices[7].mode == (S_IFIFO | 0666),
	       "a fifo needs no numbers, 0666 by default");
#define DEVICE(text) NEW_MOUNTS ",\"devices\":[" text "]"
	finds("", DEVICE("{\"type\":\"c\",\"path\":\"/dev/x\",\"major\":1}"),
	      "invalid /linux/devices/0: minor is missing");
	finds("", DEVICE("{\"type\":\"c\",\"path\":\"/dev/x\",\"major\":-1,\"minor\":0}"),
	      "invalid /linux/devices/0/major: -1 is not in 0..4095");
	finds("", DEVICE("{\"type\":\"p\",\"path\":\"dev/x\"}"),
	      "invalid /linux/devices/0/path: 'dev/x' is not absolute");
	finds("",
	      DEVICE("{\"type\":\"p\",\"path\":\"/x\"},{\"type\":\"c\",\"path\":\"/x\",\"major\":1,"
		     "\"minor\":3}"),
	      "invalid /linux/devices/1: '/x' is a different device at /linux/devices/0");
	finds("", DEVICE("{\"type\":\"c\",\"path\":\"/dev/null\",\"major\":1,\"minor\":5}"),
	      "invalid /linux/devices/0: '/dev/null' is a different device");
	finds("", "\"devices\":[{\"type\":\"p\",\"path\":\"/x\"}]",
	      "invalid /linux/devices: needs a new mount namespace");
}

int main(void)
{
	test_words();
	test_kinds();
	test_attributes();
	test_findings();
	test_devices();
	plan_free(&plan);
	oci_config_close(&config);
	return tap_done();
}
