/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What only a member of a namespace is shown: host and domain name, sysctls, the loopback. This
 * process joins the namespaces (not the container's mounts: sysctls are read in the host's /proc,
 * which answers for the reader's namespaces), so it is the last subject.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "base/fd.h"
#include "verify/procfs.h"
#include "verify/subject.h"

enum { SYSCTL_LIMIT = 64 * 1024 };

/* Joins INIT's namespace if the plan has one of this type; through its user namespace where hull
 * has no right to it from outside. */
static int join(const struct verify *v, int flags)
{
	if (flags == 0 || setns(v->pidfd, flags) == 0)
		return 0;
	if (errno != EPERM || !plan_has_ns(v->plan, NS_USER))
		return -1;
	return setns(v->pidfd, flags | CLONE_NEWUSER);
}

static void check_name(const struct verify *v, const char *pointer, const char *asked,
		       const char *found)
{
	if (asked && strcmp(asked, found) != 0)
		verify_tell(v, VERIFY_DIFFERS, pointer, pointer + 1, asked, found);
}

static void check_names(const struct verify *v)
{
	struct utsname names;

	if ((!v->plan->hostname && !v->plan->domainname) || uname(&names) < 0)
		return;
	check_name(v, "/hostname", v->plan->hostname, names.nodename);
	check_name(v, "/domainname", v->plan->domainname, names.domainname);
}

/* Equal but for the amount of white space, which the kernel chooses. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		size_t a_size, b_size;

		a += strspn(a, " \t\n");
		b += strspn(b, " \t\n");
		a_size = strcspn(a, " \t\n");
		b_size = strcspn(b, " \t\n");
		if (a_size != b_size || memcmp(a, b, a_size) != 0)
			return false;
		if (a_size == 0)
			return true;
		a += a_size;
		b += b_size;
	}
}

static void check_sysctl(const struct verify *v, const struct plan_sysctl *sysctl)
{
	const char *pointer = SAY("/linux/sysctl/%s", sysctl->key);
	const char *path = SAY("sys/%s", sysctl->path);
	auto_free char *found = NULL;
	struct oci_error err = { 0 };

	if (procfs_load(v->procfs, path, SYSCTL_LIMIT, &found, &err) < 0) {
		verify_unchecked(v, pointer, "sysctl", err.text);
		return;
	}
	found[strcspn(found, "\n")] = '\0';
	if (!same_words(sysctl->value, found))
		verify_tell(v, VERIFY_DIFFERS, pointer, "sysctl", sysctl->value, found);
}

static void check_loopback(const struct verify *v)
{
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	if (sock < 0 || ioctl(sock, SIOCGIFFLAGS, &request) < 0)
		verify_unchecked(v, "/linux/namespaces", "loopback", strerror(errno));
	else if (!(request.ifr_flags & IFF_UP))
		verify_tell(v, VERIFY_LESS, "/linux/namespaces", "loopback", "up", "down");
}

/* The container may take down or rename what it was given, so what isn't there is less. */
static void check_net_devices(const struct verify *v)
{
	for (size_t i = 0; i < v->plan->n_net_devices; i++) {
		const struct plan_net_device *device = &v->plan->net_devices[i];

		if (device->numbered)
			verify_unchecked(v, device->pointer, "network device",
					 "which number the kernel gave it isn't kept");
		else if (if_nametoindex(device->name) == 0)
			verify_tell(v, VERIFY_LESS, device->pointer, "network device", device->name,
				    "no device of this name");
	}
}

static void check_sysctls(const struct verify *v, int type, bool joined)
{
	for (size_t i = 0; i < v->plan->n_sysctls; i++) {
		const struct plan_sysctl *sysctl = &v->plan->sysctls[i];

		if ((int)sysctl->holder != type)
			continue;
		if (joined)
			check_sysctl(v, sysctl);
		else
			verify_unchecked(v, SAY("/linux/sysctl/%s", sysctl->key), "sysctl",
					 "its namespace can't be joined to look");
	}
}

int verify_inside(const struct verify *v)
{
	/* The user namespace is last: it gives privilege in itself and takes all others. */
	static const int types[] = { NS_UTS, NS_IPC, NS_NET, NS_USER };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int type = types[i];
		bool joined;

		if (!plan_has_ns(v->plan, type))
			continue;
		if (type == NS_USER && v->plan->n_sysctls == 0)
			continue;
		joined = join(v, plan_ns_kinds[type].flag) == 0;
		if (!joined && type != NS_USER)
			verify_unchecked(v, "/linux/namespaces", "namespace",
					 SAY("the %s namespace can't be joined to look: %s",
					     plan_ns_kinds[type].name, strerror(errno)));
		if (joined && type == NS_UTS)
			check_names(v);
		if (joined && type == NS_NET && plan_new_ns(v->plan, NS_NET))
			check_loopback(v);
		if (joined && type == NS_NET)
			check_net_devices(v);
		check_sysctls(v, type, joined);
	}
	return 0;
}
