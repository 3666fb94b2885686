/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The namespaces: which ones INIT is in, and to which user namespace those that were made for it
 * belong, for its owner is who may do things in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "verify/subject.h"

struct ns_identity {
	dev_t dev;
	ino_t ino;
};

static int identity_of(int process, const char *type, struct ns_identity *id)
{
	char name[32];
	struct stat st;

	/* A link that the kernel leads to the namespace itself. */
	(void)snprintf(name, sizeof(name), "ns/%s", type);
	if (fstatat(process, name, &st, 0) < 0)
		return -1;
	*id = (struct ns_identity){ st.st_dev, st.st_ino };
	return 0;
}

static bool same(const struct ns_identity *a, const struct ns_identity *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static void joined(const struct verify *v, int type, const char *pointer,
		   const struct ns_identity *found)
{
	const struct plan_namespace *ns = &v->plan->namespaces[type];
	const struct plan_ns_kind *kind = &plan_ns_kinds[type];
	struct ns_identity named;
	struct stat st;

	if (stat(ns->path, &st) < 0) {
		verify_unchecked(
			v, pointer, "namespace",
			SAY("'%s' can't be looked at any more: %s", ns->path, strerror(errno)));
		return;
	}
	named = (struct ns_identity){ st.st_dev, st.st_ino };
	if (!same(&named, found))
		verify_tell(v, VERIFY_DIFFERS, pointer, "namespace",
			    SAY("the %s namespace that '%s' names, %s:[%lu]", kind->name, ns->path,
				kind->proc, (unsigned long)named.ino),
			    SAY("%s:[%lu]", kind->proc, (unsigned long)found->ino));
}

/* The user namespace that owns the namespace `type` of INIT must be INIT's own. */
static void owner(const struct verify *v, int type, const char *pointer)
{
	const struct plan_ns_kind *kind = &plan_ns_kinds[type];
	struct ns_identity own;
	char name[32];
	auto_fd ns = -1, user = -1;
	struct stat st;

	(void)snprintf(name, sizeof(name), "ns/%s", kind->proc);
	ns = openat(v->init, name, O_RDONLY | O_CLOEXEC);
	user = ns < 0 ? -1 : ioctl(ns, NS_GET_USERNS);
	if (user < 0 || fstat(user, &st) < 0 || identity_of(v->init, "user", &own) < 0) {
		verify_unchecked(v, pointer, "namespace owner",
				 SAY("its user namespace can't be asked for: %s", strerror(errno)));
		return;
	}
	if (st.st_ino != own.ino)
		verify_tell(v, VERIFY_DIFFERS, pointer, "namespace owner",
			    SAY("a %s namespace that belongs to the container's user namespace, "
				"user:[%lu]",
				kind->name, (unsigned long)own.ino),
			    SAY("it belongs to user:[%lu]", (unsigned long)st.st_ino));
}

static void check(const struct verify *v, int type, const struct ns_identity *found,
		  const struct ns_identity *hulls)
{
	const struct plan_namespace *ns = &v->plan->namespaces[type];
	const struct plan_ns_kind *kind = &plan_ns_kinds[type];
	char pointer[64];

	(void)snprintf(pointer, sizeof(pointer), "/linux/namespaces/%zu", ns->index);
	switch (ns->how) {
	case NS_SHARED:
		if (!same(found, hulls))
			verify_tell(v, VERIFY_OWN, "/linux/namespaces", "namespace",
				    SAY("the %s namespace that hull is in, %s:[%lu]", kind->name,
					kind->proc, (unsigned long)hulls->ino),
				    SAY("%s:[%lu]", kind->proc, (unsigned long)found->ino));
		break;
	case NS_NEW:
		if (same(found, hulls))
			verify_tell(v, VERIFY_DIFFERS, pointer, "namespace",
				    SAY("a %s namespace of its own", kind->name),
				    SAY("the one that hull is in, %s:[%lu]", kind->proc,
					(unsigned long)found->ino));
		else if (type != NS_USER)
			owner(v, type, pointer);
		break;
	case NS_JOINED:
		joined(v, type, pointer, found);
		break;
	}
}

int verify_namespaces(const struct verify *v)
{
	auto_fd self = openat(v->procfs, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int type = 0; type < NS_TYPES; type++) {
		const struct plan_ns_kind *kind = &plan_ns_kinds[type];
		struct ns_identity found = { 0 }, hulls = { 0 };

		if (identity_of(self, kind->proc, &hulls) < 0 && errno == ENOENT)
			continue; /* this kernel has no such namespaces */
		if (hulls.ino == 0 || identity_of(v->init, kind->proc, &found) < 0)
			verify_unchecked(v, "/linux/namespaces", "namespace",
					 SAY("the %s namespace can't be looked at: %s", kind->name,
					     strerror(errno)));
		else
			check(v, type, &found, &hulls);
	}
	return 0;
}
