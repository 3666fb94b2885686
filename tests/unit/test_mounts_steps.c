/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file system steps on the real kernel: a plan from config.json text, a child in new namespaces
 * that runs the steps, and checks made from inside the container. Everything happens in a mount
 * namespace of the test's own, on a tmpfs. Needs root: without it the one check says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "steps/device.h"
#include "steps/mask.h"
#include "steps/mount.h"
#include "steps/mount_source.h"
#include "steps/rootfs.h"
#include "tests/unit/tap.h"

#define BASE "/tmp/hull-test-mounts"
#define ROOT BASE "/rootfs"

static FILE *told; /* what the child says to the test: "1 sentence" or "0 sentence" */

__attribute__((format(printf, 2, 3))) static bool say(bool good, const char *fmt, ...)
{
	va_list args;

	fprintf(told, "%d ", good);
	va_start(args, fmt);
	vfprintf(told, fmt, args);
	va_end(args);
	fprintf(told, "\n");
	return good;
}

/* ---- a container of namespaces and mounts, without a process of its own ---- */

static bool without_mknod; /* as in a user namespace, or behind a device filter */

static int drop_mknod(struct oci_error *err)
{
	uint32_t effective[2], permitted[2], inheritable[2];

	if (sys_capget(effective, permitted, inheritable) < 0)
		return fail_sys(err, "capget");
	effective[0] &= ~(1U << CAP_MKNOD);
	if (sys_capset(effective, permitted, inheritable) < 0)
		return fail_sys(err, "capset");
	return 0;
}

static int enter(struct run *run, struct oci_error *err)
{
	TRY(rootfs_isolate(run, err));
	TRY(rootfs_attach(run, err));
	TRY(mount_all(run, err));
	if (without_mknod)
		TRY(drop_mknod(err));
	TRY(device_make_all(run, err));
	TRY(device_links(run, err));
	TRY(rootfs_pivot(run, err));
	TRY(mount_finish(run, err));
	TRY(mask_paths(run, err));
	TRY(mask_readonly_paths(run, err));
	TRY(rootfs_propagate(run, err));
	return rootfs_readonly(run, err);
}

static pid_t fork_into(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };

	return sys_clone3(&args);
}

/* Runs the steps for a config and `inside` in the container. *err gets what failed in whichever
 * process; what the child says becomes checks. */
static void contain_in(const char *namespaces, bool no_pivot, const char *mounts, const char *more,
		       void (*inside)(void), struct oci_error *err)
{
	static struct plan plan;
	static struct run run;
	struct host host = { .known_caps = ~0ULL, .capabilities = ~0ULL };
	struct request request = { .id = "t", .bundle = BASE, .no_pivot = no_pivot };
	struct oci_config config;
	char text[16384], line[2000];
	int channel[2];
	FILE *hear;
	pid_t pid;
	uint64_t flags = 0;

	*err = (struct oci_error){ 0 };
	(void)host_cgroup_mount(host.cgroup_mount); /* "" is what a host without cgroup2 has */
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},"
		 "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}%s%s],"
		 "\"linux\":{\"namespaces\":[%s]%s%s}}",
		 mounts[0] ? "," : "", mounts, namespaces, more[0] ? "," : "", more);
	plan = (struct plan){ 0 };
	run_init(&run, &plan);
	if (oci_config_read(&config, text, strlen(text), NULL, err) < 0 ||
	    plan_make(&plan, &config, &request, &host, NULL, err) < 0)
		goto done;
	if (rootfs_open(&run, err) < 0 || mount_open_sources(&run, err) < 0)
		goto done;
	for (int i = 0; i < NS_TYPES; i++)
		flags |= plan.namespaces[i].how == NS_NEW ? (uint64_t)plan_ns_kinds[i].flag : 0;
	if (pipe2(channel, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	pid = fork_into(flags);
	if (pid == 0) {
		close(channel[0]);
		told = fdopen(channel[1], "w");
		if (enter(&run, err) < 0)
			fprintf(told, "E%s\n", err->text);
		else if (inside)
			inside();
		fclose(told);
		_exit(0);
	}
	close(channel[1]);
	hear = fdopen(channel[0], "r");
	while (fgets(line, sizeof(line), hear)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'E')
			snprintf(err->text, sizeof(err->text), "%s", line + 1);
		else
			tap_ok(line[0] == '1', "%s", line + 2);
	}
	fclose(hear);
	waitpid(pid, NULL, 0);
done:
	run_done(&run);
	plan_free(&plan);
	oci_config_close(&config);
}

#define ALL_NS                                                                                     \
	"{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"ipc\"},"                              \
	"{\"type\":\"network\"},{\"type\":\"uts\"},{\"type\":\"cgroup\"}"

static void contain(const char *mounts, const char *more, void (*inside)(void),
		    struct oci_error *err)
{
	contain_in(ALL_NS, false, mounts, more, inside, err);
}

/* Expects it to work. */
static void inside(const char *what, const char *mounts, const char *more, void (*check)(void))
{
	struct oci_error err;

	contain(mounts, more, check, &err);
	tap_ok(err.text[0] == '\0', "%s: it runs %s", what, err.text);
}

/* Expects an error with all of these pieces, separated by '|'. */
static void refused(const char *what, const char *mounts, const char *more, const char *pieces)
{
	struct oci_error err;
	char copy[512];
	bool good = true;

	contain(mounts, more, NULL, &err);
	snprintf(copy, sizeof(copy), "%s", pieces);
	for (char *rest = copy, *piece; (piece = strsep(&rest, "|"));)
		good &= strstr(err.text, piece) != NULL;
	if (!tap_ok(good && err.text[0], "%s: the error says %s", what, pieces))
		printf("# got: %s\n", err.text);
}

/* ---- looking from inside ---- */

/* The mountinfo line of the topmost mount at `path`: from its options on. "" when there is none. */
static const char *mount_line(const char *path)
{
	static char found[1024];
	char line[1024], point[512];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int at = 0;

	found[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*d %*d %*s %*s %511s %n", point, &at) == 1 &&
		    strcmp(point, path) == 0)
			snprintf(found, sizeof(found), "%s", line + at);
	}
	if (f)
		fclose(f);
	return found;
}

/* Is `word` among the comma-separated options of the mount (or, super, of its file system)? */
static bool has_option(const char *path, const char *word, bool super)
{
	char copy[1024];
	char *list = copy;

	snprintf(copy, sizeof(copy), "%s", mount_line(path));
	if (super)
		list = strrchr(copy, ' ') ? strrchr(copy, ' ') + 1 : copy;
	else
		copy[strcspn(copy, " ")] = '\0';
	for (char *piece; (piece = strsep(&list, ","));) {
		if (strcmp(piece, word) == 0)
			return true;
	}
	return false;
}

static bool can_make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- options of one mount, alone and with their opposites ---- */

static struct {
	const char *options; /* ...,"private" stands before them */
	const char *expect;  /* options that show, '!' before those that must not, '@' super */
} option_cases[] = {
	{ "\"ro\"", "ro" },
	{ "\"ro\",\"rw\"", "rw !ro" },
	{ "\"rw\",\"ro\"", "ro" },
	{ "\"defaults\"", "rw relatime" },
	{ "\"nosuid\"", "nosuid" },
	{ "\"nosuid\",\"suid\"", "!nosuid" },
	{ "\"suid\",\"nosuid\"", "nosuid" },
	{ "\"nodev\"", "nodev" },
	{ "\"nodev\",\"dev\"", "!nodev" },
	{ "\"noexec\"", "noexec" },
	{ "\"noexec\",\"exec\"", "!noexec" },
	{ "\"nodiratime\"", "nodiratime" },
	{ "\"nodiratime\",\"diratime\"", "!nodiratime" },
	{ "\"noatime\"", "noatime" },
	{ "\"noatime\",\"atime\"", "relatime !noatime" },
	{ "\"strictatime\"", "!relatime !noatime" },
	{ "\"strictatime\",\"nostrictatime\"", "relatime" },
	{ "\"strictatime\",\"relatime\"", "relatime" },
	{ "\"relatime\",\"noatime\"", "noatime !relatime" },
	{ "\"noatime\",\"norelatime\"", "noatime" },
	{ "\"relatime\",\"norelatime\"", "relatime" },
	{ "\"nosymfollow\"", "nosymfollow" },
	{ "\"nosymfollow\",\"symfollow\"", "!nosymfollow" },
	{ "\"rro\"", "ro" },
	{ "\"rro\",\"rrw\"", "rw" },
	{ "\"rro\",\"rw\"", "rw" },
	{ "\"rw\",\"rro\"", "ro" },
	{ "\"rnosuid\",\"rnodev\",\"rnoexec\",\"rnodiratime\",\"rnoatime\",\"rnosymfollow\"",
	  "nosuid nodev noexec nodiratime noatime nosymfollow" },
	{ "\"nosuid\",\"nodev\",\"noexec\",\"nodiratime\",\"noatime\",\"nosymfollow\","
	  "\"rsuid\",\"rdev\",\"rexec\",\"rdiratime\",\"ratime\",\"rsymfollow\"",
	  "!nosuid !nodev !noexec !nodiratime !noatime !nosymfollow" },
	{ "\"rstrictatime\"", "!relatime !noatime" },
	{ "\"rstrictatime\",\"rnostrictatime\"", "relatime" },
	{ "\"rnoatime\",\"rrelatime\",\"rnorelatime\"", "relatime" },
	{ "\"silent\",\"loud\",\"noiversion\",\"nolazytime\",\"async\",\"nomand\"", "rw" },
};

/* Only for new file systems: flags of the file system itself. */
static struct {
	const char *options, *expect;
} super_cases[] = {
	{ "\"sync\"", "@sync" },
	{ "\"sync\",\"async\"", "!@sync" },
	{ "\"dirsync\"", "@dirsync" },
	{ "\"lazytime\"", "@lazytime" },
	{ "\"lazytime\",\"nolazytime\"", "!@lazytime" },
	{ "\"iversion\",\"nosuid\",\"noatime\",\"sync\"", "nosuid noatime @sync" },
	{ "\"mand\",\"nomand\"", "rw" },
	{ "\"size=64k\",\"nr_inodes=10\",\"ro\"", "ro @size=64k @nr_inodes=10" },
};

static const char *expected, *expected_of;

static void check_options(void)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", expected);
	for (char *rest = copy, *word; (word = strsep(&rest, " "));) {
		bool absent = word[0] == '!';
		bool super = word[absent] == '@';
		const char *name = word + absent + super;

		if (!say(has_option("/t", name, super) != absent, "%s: %s is %s", expected_of, name,
			 absent ? "not there" : "there"))
			say(false, "  (%s)", mount_line("/t"));
	}
}

static void test_options(void)
{
	char mounts[1024];

	for (size_t i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++) {
		expected = option_cases[i].expect;
		expected_of = option_cases[i].options;
		snprintf(mounts, sizeof(mounts),
			 "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[%s]}",
			 expected_of);
		inside("tmpfs", mounts, "", check_options);
		snprintf(mounts, sizeof(mounts),
			 "{\"destination\":\"/t\",\"source\":\"source\",\"options\":[\"bind\",%s]}",
			 expected_of);
		inside("bind", mounts, "", check_options);
		snprintf(mounts, sizeof(mounts),
			 "{\"destination\":\"/t\",\"type\":\"tmpfs\"},"
			 "{\"destination\":\"/t\",\"options\":[\"remount\",\"bind\",%s]}",
			 expected_of);
		inside("remount,bind", mounts, "", check_options);
	}
	for (size_t i = 0; i < sizeof(super_cases) / sizeof(super_cases[0]); i++) {
		expected = super_cases[i].expect;
		expected_of = super_cases[i].options;
		snprintf(mounts, sizeof(mounts),
			 "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[%s]}",
			 expected_of);
		inside("tmpfs", mounts, "", check_options);
		snprintf(mounts, sizeof(mounts),
			 "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"nosuid\"]},"
			 "{\"destination\":\"/t\",\"options\":[\"remount\",%s]}",
			 expected_of);
		if (strcmp(expected, "@dirsync") == 0)
			expected = "!@dirsync"; /* the kernel can't change it; a note says so */
		inside("remount", mounts, "", check_options);
	}
}

/* ---- binds ---- */

static void check_dangling(void)
{
	say(access("/dangling-target/x", F_OK) == 0,
	    "what a dangling link names is made inside the root");
}

static void check_binds(void)
{
	say(access("/dir/inner/file", F_OK) == 0, "rbind shows what is mounted below the source");
	say(access("/flat/inner/file", F_OK) != 0, "bind doesn't");
	say(access("/file", F_OK) == 0, "a file is bound on a new file");
	say(can_make("/dir/a") == false, "ro of rbind makes the top read-only");
	say(can_make("/dir/inner/a"), "ro of rbind leaves what is below writable");
	say(!can_make("/all/inner/a"), "rro reaches what is below");
	say(!can_make("/all/a"), "rro reaches the top");
	say(can_make("/link/way/x"), "a destination through a link inside the root is followed");
	say(access("/real/way/x", F_OK) == 0, "... to where the link leads in the root");
	say(strstr(mount_line("/dir"), "shared:") == NULL &&
		    strstr(mount_line("/dir"), "master:") == NULL,
	    "a bind is private unless asked otherwise");
	say(strstr(mount_line("/shared"), "shared:") != NULL, "rshared shows");
	say(strstr(mount_line("/slave"), "master:") != NULL &&
		    strstr(mount_line("/slave"), "shared:") == NULL,
	    "rslave shows");
	say(strstr(mount_line("/unb"), "unbindable") != NULL, "unbindable shows");
	mkdir("/shared/event", 0755);
	say(mount("x", "/shared/event", "tmpfs", 0, NULL) == 0, "a mount below a shared one");
	say(strstr(mount_line("/slave/event"), "tmpfs") != NULL, "... arrives at the slave");
	say(access("/", W_OK) == 0 && strcmp(mount_line("/"), "") != 0, "the root is there");
}

static void test_binds(void)
{
	static const char mounts[] =
		"{\"destination\":\"/dir\",\"source\":\"source\",\"options\":[\"rbind\",\"ro\"]},"
		"{\"destination\":\"/flat\",\"type\":\"none\",\"source\":\"" BASE
		"/source\",\"options\":[\"bind\"]},"
		"{\"destination\":\"/file\",\"source\":\"source/file\",\"options\":[\"bind\"]},"
		"{\"destination\":\"all\",\"source\":\"source\",\"options\":[\"rbind\",\"rro\"]},"
		"{\"destination\":\"/shared\",\"source\":\"shared\",\"options\":[\"rbind\","
		"\"rshared\"]},"
		"{\"destination\":\"/slave\",\"source\":\"shared\",\"options\":[\"rbind\","
		"\"rslave\"]},"
		"{\"destination\":\"/unb\",\"source\":\"shared\",\"options\":[\"bind\","
		"\"unbindable\"]},"
		"{\"destination\":\"/link/way\",\"type\":\"tmpfs\"}";

	inside("binds", mounts, "", check_binds);
	tap_ok(access(BASE "/shared/event", F_OK) == 0, "the shared mount is the host's");
	tap_ok(strstr(mount_line(BASE "/shared/event"), "tmpfs") != NULL,
	       "what is mounted on a shared bind arrives on the host");
	umount2(BASE "/shared/event", MNT_DETACH);
	refused("a missing source",
		"{\"destination\":\"/x\",\"source\":\"nowhere\",\"options\":[\"bind\"]}", "",
		"/mounts/1|open_tree|nowhere|No such file");
	refused("a file on a directory",
		"{\"destination\":\"/real\",\"source\":\"source/file\",\"options\":[\"bind\"]}", "",
		"/mounts/1|move_mount|director");
	refused("a destination that leads to the root",
		"{\"destination\":\"/toroot\",\"source\":\"source\",\"options\":[\"bind\"]}", "",
		"/mounts/1|root itself");
	refused("a loop", "{\"destination\":\"/loop/x\",\"type\":\"tmpfs\"}", "",
		"/mounts/1|symbolic links");
	inside("a dangling link", "{\"destination\":\"/dangling/x\",\"type\":\"tmpfs\"}", "",
	       check_dangling);
	tap_ok(access("/dangling-target", F_OK) != 0,
	       "nothing was made on the host where a dangling link points");
}

/* ---- file systems ---- */

static void check_filesystems(void)
{
	struct stat st;

	say(stat("/dev/pts", &st) == 0 && strstr(mount_line("/dev/pts"), "gid=5"), "devpts gid=5");
	say(strstr(mount_line("/dev/mqueue"), "mqueue") != NULL, "mqueue");
	say(has_option("/sys", "ro", false), "sysfs is read-only");
	say(!has_option("/sys", "ro", true), "... by its mount, not by the shared file system");
	say(strstr(mount_line("/sys/fs/cgroup"), "cgroup2") != NULL, "cgroup2 in a cgroup ns");
	say(has_option("/sys/fs/cgroup", "ro", false), "... read-only as asked");
	say(stat("/old", &st) == 0 && (st.st_mode & 07777) == 0751,
	    "a tmpfs without mode= takes that of its place (0%o)", st.st_mode & 07777);
	say(stat("/fresh", &st) == 0 && (st.st_mode & 07777) == 01777,
	    "on a new place it has the kernel's default (0%o)", st.st_mode & 07777);
	say(strstr(mount_line("/over"), "overlay") != NULL, "overlay");
	say(access("/over/from-lower", F_OK) == 0 && access("/over/from-upper", F_OK) == 0,
	    "relative layers are found in the bundle");
	say(can_make("/over/new"), "the overlay is writable");
	say(access("/long/from-lower", F_OK) == 0, "options longer than 255 bytes work");
	say(has_option("/long", "nosuid", false), "... with the mount's attributes");
	say(access("/proc/1/stat", F_OK) == 0 && access("/proc/2/stat", F_OK) != 0,
	    "/proc shows the pid namespace only");
}

static void test_filesystems(void)
{
	char mounts[8192], lower[1024] = "lower";
	char cgroup[256], before[1024];

	for (int i = 0; i < 20; i++) {
		char more[64];

		snprintf(more, sizeof(more), ":lower%d", i);
		strcat(lower, more);
		snprintf(more, sizeof(more), BASE "/lower%d", i);
		mkdir(more, 0755);
	}
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":"
		 "[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
		 "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"options\":[\"nosuid\","
		 "\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
		 "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\"},"
		 "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"options\":[\"nosuid\",\"ro\"]},"
		 "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"ro\"]},"
		 "{\"destination\":\"/old\",\"type\":\"tmpfs\"},"
		 "{\"destination\":\"/fresh\",\"type\":\"tmpfs\"},"
		 "{\"destination\":\"/over\",\"type\":\"overlay\",\"options\":[\"lowerdir=lower\","
		 "\"upperdir=upper\",\"workdir=work\"]},"
		 "{\"destination\":\"/long\",\"type\":\"overlay\",\"options\":[\"nosuid\","
		 "\"lowerdir=%s\"]}",
		 lower);
	(void)host_cgroup_mount(cgroup);
	snprintf(before, sizeof(before), "%s", mount_line(cgroup));
	inside("file systems", mounts, "", check_filesystems);
	tap_is_str(mount_line(cgroup), before, "the host's cgroup2 options are as before");
	refused("a bad value",
		"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"size=abc\"]}", "",
		"/mounts/1: mount tmpfs at '/t': fsconfig size=abc: tmpfs: Bad value for 'size'");
	refused("an unknown parameter",
		"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"nosuch\"]}", "",
		"/mounts/1|fsconfig nosuch|Unknown parameter 'nosuch'");
	refused("an unknown type", "{\"destination\":\"/t\",\"type\":\"nosuchfs\"}", "",
		"/mounts/1|fsopen|nosuchfs");
	refused("a remount of nothing",
		"{\"destination\":\"/real\",\"options\":[\"remount\",\"ro\"]}", "",
		"/mounts/1|remount|/real|nothing is mounted there");
}

/* ---- tmpcopyup ---- */

static void check_copy_up(void)
{
	struct stat st;
	char buf[64] = "";
	int fd;

	say(stat("/full/sub/file", &st) == 0 && st.st_size == 5, "a file is copied");
	say(st.st_uid == 12 && st.st_gid == 34, "... with its owner");
	say((st.st_mode & 07777) == 04750, "... with its mode (0%o)", st.st_mode & 07777);
	say(st.st_mtim.tv_sec == 1000000000, "... with its time");
	say(getxattr("/full/sub/file", "trusted.t", buf, sizeof(buf)) == 3, "... with its xattrs");
	say(lstat("/full/link", &st) == 0 && S_ISLNK(st.st_mode), "a link stays a link");
	say(readlink("/full/link", buf, sizeof(buf)) == 14 &&
		    memcmp(buf, "/etc/host-only", 14) == 0,
	    "... with its target");
	say(lstat("/full/fifo", &st) == 0 && S_ISFIFO(st.st_mode), "a fifo stays a fifo");
	say(stat("/full/sub", &st) == 0 && (st.st_mode & 07777) == 02711,
	    "a directory keeps its mode");
	say(stat("/full", &st) == 0 && (st.st_mode & 07777) == 0700, "so does the top");
	fd = open("/full/sub/new", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	say(fd >= 0, "the copy is writable");
	say(!can_make("/full-ro/new") && access("/full-ro/sub/file", F_OK) == 0,
	    "with ro it is filled, then read-only");
	say(stat("/full/mounted", &st) == 0 && access("/full/mounted/file", F_OK) != 0,
	    "what is mounted below is not copied");
}

static void test_copy_up(void)
{
	struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	int fd;

	mkdir(ROOT "/full", 0700);
	mkdir(ROOT "/full/mounted", 0755);
	mkdir(ROOT "/full/sub", 0755);
	fd = open(ROOT "/full/sub/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	tap_ok(write(fd, "hello", 5) == 5 && fchown(fd, 12, 34) == 0 && fchmod(fd, 04750) == 0 &&
		       fsetxattr(fd, "trusted.t", "abc", 3, 0) == 0 && futimens(fd, times) == 0,
	       "something to copy");
	close(fd);
	chmod(ROOT "/full/sub", 02711);
	tap_ok(symlink("/etc/host-only", ROOT "/full/link") == 0 &&
		       mkfifo(ROOT "/full/fifo", 0600) == 0,
	       "links and fifos");
	inside("tmpcopyup",
	       "{\"destination\":\"/full/mounted\",\"source\":\"source\",\"options\":[\"bind\"]},"
	       "{\"destination\":\"/full-ro\",\"source\":\"rootfs/full\",\"options\":[\"bind\"]},"
	       "{\"destination\":\"/full-ro\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\","
	       "\"ro\"]},"
	       "{\"destination\":\"/full\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}",
	       "", check_copy_up);
	tap_ok(access(ROOT "/full/sub/new", F_OK) != 0, "the original is not written to");
	tap_ok(access(ROOT "/full/sub/file", F_OK) == 0, "the original stays");
}

/* ---- devices and links ---- */

static void is_node(const char *path, mode_t type, unsigned nr_major, unsigned nr_minor,
		    mode_t mode, uid_t uid)
{
	struct stat st = { 0 };

	if (say(lstat(path, &st) == 0, "%s exists", path))
		say((st.st_mode & S_IFMT) == type &&
			    (type == S_IFIFO || st.st_rdev == makedev(nr_major, nr_minor)) &&
			    (st.st_mode & 07777) == mode && st.st_uid == uid,
		    "%s is what was asked for (0%o %u:%u %u)", path, st.st_mode, major(st.st_rdev),
		    minor(st.st_rdev), st.st_uid);
}

static void is_link(const char *path, const char *target)
{
	char buf[128] = "";

	say(readlink(path, buf, sizeof(buf) - 1) > 0 && strcmp(buf, target) == 0, "%s -> %s", path,
	    target);
}

static void check_devices(void)
{
	struct stat st;

	is_node("/dev/null", S_IFCHR, 1, 3, 0666, 0);
	is_node("/dev/zero", S_IFCHR, 1, 5, 0666, 0);
	is_node("/dev/full", S_IFCHR, 1, 7, 0666, 0);
	is_node("/dev/random", S_IFCHR, 1, 8, 0666, 0);
	is_node("/dev/urandom", S_IFCHR, 1, 9, 0666, 0);
	is_node("/dev/tty", S_IFCHR, 5, 0, 0666, 0);
	is_node("/dev/disk", S_IFBLK, 7, 200, 0640, 5);
	is_node("/opt/deep/dir/fifo", S_IFIFO, 0, 0, 0666, 0);
	is_node("/dev/unbuffered", S_IFCHR, 10, 229, 0600, 0);
	is_link("/dev/fd", "/proc/self/fd");
	is_link("/dev/stdin", "/proc/self/fd/0");
	is_link("/dev/stdout", "/proc/self/fd/1");
	is_link("/dev/stderr", "/proc/self/fd/2");
	is_link("/dev/ptmx", "pts/ptmx");
	if (access("/proc/kcore", F_OK) == 0)
		is_link("/dev/core", "/proc/kcore");
	say(lstat("/setgid/node", &st) == 0 && st.st_gid == 0,
	    "a directory's set-group-id bit doesn't give the node its group");
}

static void check_bound_devices(void)
{
	is_node("/dev/null", S_IFCHR, 1, 3, 0666, 0);
	say(strstr(mount_line("/dev/null"), " - ") != NULL, "the host's node is bound");
	is_node("/dev/zero", S_IFCHR, 1, 5, 0666, 0);
	is_node("/dev/fifo", S_IFIFO, 0, 0, 0600, 0);
}

#define DEV_TMPFS "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"mode=755\"]}"

static void test_devices(void)
{
	mkdir(ROOT "/setgid", 0755);
	tap_ok(chown(ROOT "/setgid", 0, 77) == 0 && chmod(ROOT "/setgid", 02755) == 0 &&
		       mknod(ROOT "/same", S_IFCHR | 0600, makedev(1, 3)) == 0 &&
		       mknod(ROOT "/other", S_IFCHR | 0600, makedev(1, 5)) == 0 &&
		       symlink("/same", ROOT "/alias") == 0,
	       "nodes that are there before");
	inside("devices", DEV_TMPFS,
	       "\"devices\":[{\"type\":\"b\",\"path\":\"/dev/disk\",\"major\":7,\"minor\":200,"
	       "\"fileMode\":416,\"uid\":5,\"gid\":6},"
	       "{\"type\":\"p\",\"path\":\"/opt/deep/dir/fifo\"},"
	       "{\"type\":\"c\",\"path\":\"/setgid/node\",\"major\":1,\"minor\":3},"
	       "{\"type\":\"c\",\"path\":\"/same\",\"major\":1,\"minor\":3},"
	       "{\"type\":\"u\",\"path\":\"/dev/unbuffered\",\"major\":10,\"minor\":229,"
	       "\"fileMode\":8576}]",
	       check_devices);
	without_mknod = true;
	inside("devices without mknod", DEV_TMPFS,
	       "\"devices\":[{\"type\":\"c\",\"path\":\"/dev/zero\",\"major\":1,\"minor\":5},"
	       "{\"type\":\"p\",\"path\":\"/dev/fifo\",\"fileMode\":384}]",
	       check_bound_devices);
	refused("a node that the host doesn't have", DEV_TMPFS,
		"\"devices\":[{\"type\":\"b\",\"path\":\"/dev/nosuch\",\"major\":4000,"
		"\"minor\":77}]",
		"/linux/devices/0|/dev/nosuch|mknodat|/dev/block/4000:77|not permitted");
	without_mknod = false;
	refused("a different node", DEV_TMPFS,
		"\"devices\":[{\"type\":\"c\",\"path\":\"/other\",\"major\":1,\"minor\":3}]",
		"/linux/devices/0|'/other'|a different character device, 1:5, is there");
	refused("a link at the path", DEV_TMPFS,
		"\"devices\":[{\"type\":\"c\",\"path\":\"/alias\",\"major\":1,\"minor\":3}]",
		"/linux/devices/0|'/alias'|a symbolic link is there");
	refused("a device in a bound /dev",
		"{\"destination\":\"/dev\",\"source\":\"source\",\"options\":[\"bind\"]}",
		"\"devices\":[{\"type\":\"c\",\"path\":\"/dev/nosuch\",\"major\":1,\"minor\":3}]",
		"/linux/devices/0|/dev/nosuch|directory of the host");
	inside("a bound /dev",
	       "{\"destination\":\"/dev\",\"source\":\"source\",\"options\":[\"bind\"]}", "", NULL);
	tap_ok(access(BASE "/source/null", F_OK) != 0 && access(BASE "/source/fd", F_OK) != 0,
	       "nothing is made in a /dev that is bound from the host");
}

/* ---- a hostile root ---- */

static void check_absolute(void)
{
	struct stat st;

	say(stat(BASE "/evil/n", &st) == 0 && S_ISCHR(st.st_mode) &&
		    access(BASE "/evil/x", F_OK) == 0,
	    "what an absolute link names is made inside the root");
}

static void check_hostile(void)
{
	struct stat st;

	say(lstat("/evil/null", &st) == 0 && S_ISCHR(st.st_mode),
	    "/dev as a link to / . . /evil is followed inside the root only");
}

static void test_hostile(void)
{
	struct stat before, after;

	mkdir(BASE "/evil", 0755);
	mkdir(ROOT "/evil", 0755);
	(void)rename(ROOT "/dev", ROOT "/dev-before"); /* it has nodes by now */
	tap_ok(stat(BASE "/evil", &before) == 0 &&
		       symlink("../../../../../../../../evil", ROOT "/dev") == 0 &&
		       symlink(BASE "/evil", ROOT "/out") == 0,
	       "a root with links that lead out");
	inside("a link at /dev", "", "", check_hostile);
	/* The absolute link names a path that isn't in the root: it is made inside. */
	inside("an absolute link", "{\"destination\":\"/out/x\",\"type\":\"tmpfs\"}",
	       "\"devices\":[{\"type\":\"c\",\"path\":\"/out/n\",\"major\":1,\"minor\":3}]",
	       check_absolute);
	tap_ok(stat(BASE "/evil", &after) == 0 && after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
		       after.st_ctim.tv_nsec == before.st_ctim.tv_nsec && after.st_nlink == 2,
	       "the directory outside is untouched");
	unlink(ROOT "/dev");
	refused("a mount in procfs", "{\"destination\":\"/proc/self/attr\",\"type\":\"tmpfs\"}", "",
		"/mounts/1|procfs");
	refused("a mount on procfs", "{\"destination\":\"/proc\",\"type\":\"tmpfs\"}", "",
		"/mounts/1|procfs");
	tap_ok(symlink("/proc/sys", ROOT "/hidden") == 0, "a link into procfs");
	refused("a mount behind a link into procfs",
		"{\"destination\":\"/hidden\",\"type\":\"tmpfs\"}", "", "/mounts/1|procfs");
	refused("a magic link", "{\"destination\":\"/proc/self/root/x\",\"type\":\"tmpfs\"}", "",
		"/mounts/1|symbolic links");
	inside("proc files that may be covered",
	       "{\"destination\":\"/proc/uptime\",\"source\":\"source/"
	       "file\",\"options\":[\"bind\"]}",
	       "", NULL);
	inside("procfs once more", "{\"destination\":\"/proc\",\"type\":\"proc\"}", "", NULL);
}

/* ---- masks ---- */

static void check_masks(void)
{
	struct stat st;
	char c;
	int fd = open("/proc/timer_list", O_RDONLY | O_CLOEXEC);

	say(fd < 0 || read(fd, &c, 1) == 0, "a masked file is empty");
	say(stat("/secret", &st) == 0 && st.st_rdev == makedev(1, 3), "it is the null device");
	say(chmod("/secret", 0) < 0 && errno == EROFS, "whose mode can't be changed");
	fd = open("/secret", O_WRONLY | O_CLOEXEC);
	say(fd >= 0 && write(fd, "x", 1) == 1, "and takes what is written");
	say(access("/hiding/inner", F_OK) != 0, "a masked directory is empty");
	say(!can_make("/hiding/x") && errno == EROFS, "and read-only");
	say(access("/hiding2/inner", F_OK) != 0, "so is a second one");
	say(!can_make("/frozen/x") && errno == EROFS, "a read-only path is");
	say(!can_make("/frozen/tmp/x") && errno == EROFS, "with what is mounted below it");
	say(has_option("/frozen", "nosuid", false) == false, "attributes of the mount stay");
	say(has_option("/frozen/tmp", "nodev", false), "of those below too");
	say(can_make("/x"), "the root stays writable");
	fd = open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC);
	say(fd < 0 && errno == EROFS, "/proc/sys is read-only");
	say(has_option("/ro-tmpfs", "ro", false), "a read-only tmpfs is read-only in the end");
	say(access("/ro-tmpfs/below", F_OK) == 0,
	    "and has the mount point that a later mount needed");
}

static void check_shared(void)
{
	say(strstr(mount_line("/"), "shared:") != NULL, "rootfsPropagation shared shows");
	say(strstr(mount_line("/t"), "shared:") == NULL, "... on the root only");
}

static void check_rshared(void)
{
	say(strstr(mount_line("/t"), "shared:") != NULL, "rshared reaches mounts");
	say(strstr(mount_line("/p"), "shared:") == NULL,
	    "but those with a propagation of their own");
}

static void check_unbindable(void)
{
	say(strstr(mount_line("/"), "unbindable") != NULL, "rootfsPropagation unbindable shows");
	say(!can_make("/frozen/x"), "with read-only paths");
}

static void check_slave(void)
{
	say(strstr(mount_line("/"), "master:") != NULL, "rootfsPropagation slave shows");
}

static void check_private(void)
{
	say(strstr(mount_line("/"), "master:") == NULL &&
		    strstr(mount_line("/"), "shared:") == NULL,
	    "the root is private by default");
}

static void test_masks(void)
{
	struct stat st;

	mkdir(ROOT "/hiding", 0755);
	mkdir(ROOT "/hiding/inner", 0755);
	mkdir(ROOT "/hiding2", 0755);
	mkdir(ROOT "/hiding2/inner", 0755);
	mkdir(ROOT "/frozen", 0755);
	mkdir(ROOT "/frozen/tmp", 0755);
	close(open(ROOT "/secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	inside("masks",
	       "{\"destination\":\"/frozen/tmp\",\"type\":\"tmpfs\",\"options\":[\"nodev\"]},"
	       "{\"destination\":\"/ro-tmpfs\",\"type\":\"tmpfs\",\"options\":[\"ro\"]},"
	       "{\"destination\":\"/ro-tmpfs/below\",\"type\":\"tmpfs\"}",
	       "\"maskedPaths\":[\"/secret\",\"/nowhere\",\"/secret/nowhere\",\"/hiding\","
	       "\"/hiding2\",\"/proc/timer_list\"],"
	       "\"readonlyPaths\":[\"/frozen\",\"/proc/sys\",\"/nowhere\"]",
	       check_masks);
	tap_ok(stat("/dev/null", &st) == 0 && (st.st_mode & 07777) == 0666,
	       "the host's null device is as before");
	inside("default", "", "", check_private);
	inside("shared", "{\"destination\":\"/t\",\"type\":\"tmpfs\"}",
	       "\"rootfsPropagation\":\"shared\"", check_shared);
	inside("rshared",
	       "{\"destination\":\"/t\",\"type\":\"tmpfs\"},"
	       "{\"destination\":\"/p\",\"type\":\"tmpfs\",\"options\":[\"private\"]}",
	       "\"rootfsPropagation\":\"rshared\"", check_rshared);
	inside("unbindable", "",
	       "\"rootfsPropagation\":\"unbindable\",\"readonlyPaths\":[\"/frozen\"]",
	       check_unbindable);
	inside("slave", "", "\"rootfsPropagation\":\"slave\"", check_slave);
}

/* ---- other shapes ---- */

static void check_no_pivot(void)
{
	say(access("/real", F_OK) == 0 && access(ROOT, F_OK) != 0, "--no-pivot enters the root");
	say(chdir("..") == 0 && access("real", F_OK) == 0, "and .. leads nowhere else");
}

static void check_host_cgroups(void)
{
	say(strstr(mount_line("/cg"), "cgroup2") != NULL, "a cgroup mount without a cgroup ns");
	say(has_option("/cg", "ro", false), "... is a read-only clone of the host's");
}

static void test_shapes(void)
{
	struct oci_error err;

	contain_in(ALL_NS, true, "", "", check_no_pivot, &err);
	tap_ok(err.text[0] == '\0', "--no-pivot runs %s", err.text);
	contain_in("{\"type\":\"mount\"},{\"type\":\"pid\"}", false,
		   "{\"destination\":\"/cg\",\"type\":\"cgroup\",\"options\":[\"nosuid\"]}", "",
		   check_host_cgroups, &err);
	tap_ok(err.text[0] == '\0', "no cgroup namespace: it runs %s", err.text);
	contain_in("{\"type\":\"pid\"}", false, "", "", NULL, &err);
	tap_ok(strstr(err.text, "/mounts: needs a mount namespace") != NULL,
	       "mounts without a mount namespace are refused");
}

/* ---- what a usual container costs: information only ---- */

#define USUAL                                                                                      \
	DEV_TMPFS                                                                                  \
	",{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"options\":[\"nosuid\"]},"            \
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"options\":[\"mode=1777\"]},"           \
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\"},"                                   \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"options\":[\"ro\"]},"                      \
	"{\"destination\":\"/run\",\"type\":\"tmpfs\"},"                                           \
	"{\"destination\":\"/mnt\",\"source\":\"source\",\"options\":[\"rbind\",\"ro\"]}"

#define USUAL_PATHS                                                                                \
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","         \
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/"              \
	"sched_debug\","                                                                           \
	"\"/sys/firmware\",\"/proc/scsi\"],\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\","         \
	"\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]"

static void set_up(void)
{
	static const char *const directories[] = {
		ROOT,		ROOT "/real",  ROOT "/dev",   BASE "/source", BASE "/source/inner",
		BASE "/shared", BASE "/lower", BASE "/upper", BASE "/work",   ROOT "/old",
		ROOT "/proc",	NULL
	};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		abort();
	mkdir(BASE, 0700);
	if (mount("test", BASE, "tmpfs", 0, "mode=755") < 0)
		abort();
	for (size_t i = 0; directories[i]; i++)
		mkdir(directories[i], 0755);
	chmod(ROOT "/old", 0751);
	if (mount("inner", BASE "/source/inner", "tmpfs", 0, NULL) < 0 ||
	    mount(BASE "/shared", BASE "/shared", NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, BASE "/shared", NULL, MS_SHARED, NULL) < 0 ||
	    mount(NULL, BASE, NULL, MS_SHARED, NULL) < 0)
		abort();
	close(open(BASE "/source/inner/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(open(BASE "/source/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(open(BASE "/lower/from-lower", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(open(BASE "/upper/from-upper", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	if (symlink("/real", ROOT "/link") < 0 || symlink("loop", ROOT "/loop") < 0 ||
	    symlink("/dangling-target", ROOT "/dangling") < 0 || symlink("/", ROOT "/toroot") < 0)
		abort();
}

int main(void)
{
	if (geteuid() != 0) {
		tap_skip("mounts need root");
		return tap_done();
	}
	set_up();
	test_options();
	test_binds();
	test_filesystems();
	test_copy_up();
	test_devices();
	test_hostile();
	test_masks();
	test_shapes();
	inside("a usual container", USUAL, USUAL_PATHS, NULL);
	umount2(BASE, MNT_DETACH);
	rmdir(BASE);
	return tap_done();
}
