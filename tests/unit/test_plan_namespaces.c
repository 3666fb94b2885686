/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Namespaces given by path, from the plan to the opened fd: what is no namespace, of another type,
 * missing, or the runtime's own, where names and sysctls would be the host's. As root also that
 * another namespace is accepted with the same plan.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "steps/namespace.h"
#include "tests/unit/tap.h"

/* Plans a config whose linux.namespaces has one entry, and opens it. `property` is what else the
 * config has. The error's text, "" when all is well. */
static const char *open_namespace(const char *type, const char *path, const char *property)
{
	static struct oci_error err;
	static const struct host host = { .cgroup_mount = "/sys/fs/cgroup" };
	static const struct request request = { .id = "c1", .bundle = "/b" };
	struct oci_config config;
	struct plan plan = { .n_mounts = 0 };
	struct run run;
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"linux\":{"
		       "\"namespaces\":[{\"type\":\"%s\",\"path\":\"%s\"}]%s",
		       type, path, property[0] ? property : "}}");
	err = (struct oci_error){ 0 };
	if (oci_config_read(&config, text, strlen(text), NULL, &err) < 0 ||
	    plan_make(&plan, &config, &request, &host, NULL, &err) < 0) {
		tap_ok(false, "the plan: %s", err.text);
		return "";
	}
	run_init(&run, &plan);
	if (namespace_open(&run, &err) == 0)
		err.text[0] = '\0';
	run_done(&run);
	plan_free(&plan);
	oci_config_close(&config);
	return err.text;
}

/* Each closes the object `linux` and the whole. */
#define HOSTNAME "},\"hostname\":\"box\"}"
#define SYSCTL(key) ",\"sysctl\":{\"" key "\":\"1\"}}}"

static void check_own(void)
{
	tap_is_str(open_namespace("network", "/proc/self/ns/net", ""), "",
		   "hull's own namespace may be named when nothing is changed in it");
	tap_is_str(open_namespace("uts", "/proc/self/ns/uts", HOSTNAME),
		   "/hostname: would change the host: '/proc/self/ns/uts' "
		   "(/linux/namespaces/0/path) is the uts namespace of the runtime itself",
		   "but not with a host name");
	tap_ok(strstr(open_namespace("network", "/proc/self/ns/net", SYSCTL("net.ipv4.ip_forward")),
		      "/linux/sysctl: would change the host"),
	       "nor with a net sysctl");
	tap_ok(strstr(open_namespace("ipc", "/proc/self/ns/ipc", SYSCTL("kernel.msgmax")),
		      "is the ipc namespace of the runtime itself"),
	       "nor with an ipc one");
	tap_ok(strstr(open_namespace("uts", "/proc/self/ns/uts", SYSCTL("kernel.domainname")),
		      "is the uts namespace of the runtime itself"),
	       "nor with kernel.domainname");
}

static void check_wrong(void)
{
	tap_is_str(open_namespace("network", "/proc/self/ns/uts", ""),
		   "/linux/namespaces/0/path: '/proc/self/ns/uts' is not a network namespace",
		   "a namespace of another type");
	tap_is_str(open_namespace("network", "/dev/null", ""),
		   "/linux/namespaces/0/path: '/dev/null' is not a namespace", "no namespace");
	tap_is_str(open_namespace("network", "/nonexistent", ""),
		   "/linux/namespaces/0/path: open network namespace '/nonexistent': No such file "
		   "or directory",
		   "none there");
}

/* A process in namespaces of its own lends them. */
static void check_other(void)
{
	char path[64], byte;
	int ready[2];
	pid_t pid;

	if (geteuid() != 0) {
		tap_skip("making namespaces needs root");
		return;
	}
	if (pipe2(ready, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(ready[1], unshare(CLONE_NEWUTS | CLONE_NEWNET) == 0 ? "y" : "n", 1);
		for (;;)
			(void)pause();
	}
	tap_ok(read(ready[0], &byte, 1) == 1 && byte == 'y', "a process with its own namespaces");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
	tap_is_str(open_namespace("uts", path, HOSTNAME), "", "a host name in them is fine");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	tap_is_str(open_namespace("network", path, SYSCTL("net.ipv4.ip_forward")), "",
		   "and so is a sysctl");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

int main(void)
{
	check_own();
	check_wrong();
	check_other();
	return tap_done();
}
