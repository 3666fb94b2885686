/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A seccomp profile that a person wrote: linux.seccomp itself, or the form that Docker and podman
 * read, where a rule may hold for some architectures, kernels or capabilities only. What isn't
 * known here is refused: it could be a condition.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "box/profile.h"
#include "box/report.h"
#include "libocispec/shape.h"

struct file_arch {
	char *architecture;
	struct oci_strings sub;
};

struct file_when {
	bool present;
	struct oci_strings caps, arches;
	char *min_kernel;
};

struct file_rule {
	char *name; /* an old way to write names with one element */
	struct oci_strings names;
	char *action;
	struct oci_maybe_uint errno_ret;
	char *errno_name, *comment;
	OCI_LIST(struct oci_seccomp_arg) args;
	struct file_when includes, excludes;
};

struct file {
	char *default_action;
	struct oci_maybe_uint default_errno_ret;
	char *default_errno;
	struct oci_strings architectures;
	OCI_LIST(struct file_arch) arch_map;
	struct oci_strings flags;
	char *listener_path, *listener_metadata;
	OCI_LIST(struct file_rule) syscalls;
};

/* clang-format off */
static SHAPE(oci_seccomp_arg,
	U32("index", oci_seccomp_arg, index, .required = true),
	U64("value", oci_seccomp_arg, value),
	U64("valueTwo", oci_seccomp_arg, value_two),
	STRING("op", oci_seccomp_arg, op, .required = true));
static SHAPE(file_arch,
	STRING("architecture", file_arch, architecture, .required = true),
	STRINGS("subArchitectures", file_arch, sub));
static SHAPE(file_when,
	STRINGS("caps", file_when, caps),
	STRINGS("arches", file_when, arches),
	STRING("minKernel", file_when, min_kernel));
static SHAPE(file_rule,
	STRING("name", file_rule, name),
	STRINGS("names", file_rule, names),
	STRING("action", file_rule, action, .required = true),
	MAYBE_UINT("errnoRet", file_rule, errno_ret, UINT32_MAX),
	STRING("errno", file_rule, errno_name),
	STRING("comment", file_rule, comment),
	LIST("args", file_rule, args, oci_seccomp_arg),
	OBJECT("includes", file_rule, includes, file_when),
	OBJECT("excludes", file_rule, excludes, file_when));
static SHAPE(file,
	STRING("defaultAction", file, default_action, .required = true),
	MAYBE_UINT("defaultErrnoRet", file, default_errno_ret, UINT32_MAX),
	STRING("defaultErrno", file, default_errno),
	STRINGS("architectures", file, architectures),
	LIST("archMap", file, arch_map, file_arch),
	STRINGS("flags", file, flags),
	STRING("listenerPath", file, listener_path),
	STRING("listenerMetadata", file, listener_metadata),
	LIST("syscalls", file, syscalls, file_rule));
/* clang-format on */

/* The machine as uname(2), as seccomp names it and as Go does. */
static const struct {
	const char *machine, *seccomp, *go;
} arches[] = {
	{ "x86_64", "SCMP_ARCH_X86_64", "amd64" },
	{ "aarch64", "SCMP_ARCH_AARCH64", "arm64" },
	{ "s390x", "SCMP_ARCH_S390X", "s390x" },
	{ "ppc64le", "SCMP_ARCH_PPC64LE", "ppc64le" },
	{ "riscv64", "SCMP_ARCH_RISCV64", "riscv64" },
};

/* What rules are compared with. */
struct host {
	const char *seccomp, *go; /* "" when the machine isn't in the list */
	unsigned major, minor;
	uint64_t capabilities;
};

static struct host ask_host(uint64_t capabilities)
{
	struct host host = { .seccomp = "", .go = "", .capabilities = capabilities };
	struct utsname name;

	if (uname(&name) < 0)
		return host;
	(void)sscanf(name.release, "%u.%u", &host.major, &host.minor);
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		if (!strcmp(arches[i].machine, name.machine)) {
			host.seccomp = arches[i].seccomp;
			host.go = arches[i].go;
		}
	return host;
}

static bool is_among(const struct oci_strings *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], word))
			return true;
	return false;
}

static bool has_capability(const struct host *host, const char *name)
{
	int number = capability_find(name);

	return number >= 0 && (host->capabilities & CAPABILITY_BIT(number));
}

static bool is_kernel_new_enough(const struct host *host, const char *min)
{
	unsigned major = 0, minor = 0;

	(void)sscanf(min, "%u.%u", &major, &minor);
	return host->major > major || (host->major == major && host->minor >= minor);
}

/* Everything that is named must be there. */
static bool is_included(const struct host *host, const struct file_when *when)
{
	for (size_t i = 0; i < when->caps.n; i++)
		if (!has_capability(host, when->caps.v[i]))
			return false;
	if (when->arches.n && !is_among(&when->arches, host->go))
		return false;
	return !when->min_kernel || is_kernel_new_enough(host, when->min_kernel);
}

/* One thing that is named is enough. */
static bool is_excluded(const struct host *host, const struct file_when *when)
{
	for (size_t i = 0; i < when->caps.n; i++)
		if (has_capability(host, when->caps.v[i]))
			return true;
	if (is_among(&when->arches, host->go))
		return true;
	return when->min_kernel && is_kernel_new_enough(host, when->min_kernel);
}

static int check_rule(const struct file_rule *rule, size_t at, struct oci_error *err)
{
	if (rule->name && rule->names.n)
		return fail_code(err, "invalid-seccomp", "/syscalls/%zu: both name and names", at);
	if (!rule->name && !rule->names.n)
		return fail_code(err, "invalid-seccomp", "/syscalls/%zu: no names", at);
	for (size_t i = 0; i < 2; i++) {
		const struct file_when *when = i ? &rule->excludes : &rule->includes;
		const char *min = when->min_kernel;
		unsigned major, minor;

		if (min && sscanf(min, "%u.%u", &major, &minor) != 2)
			return fail_code(
				err, "invalid-seccomp",
				"/syscalls/%zu/%s/minKernel: '%s' is no version such as 4.8", at,
				i ? "excludes" : "includes", min);
	}
	return 0;
}

static int add_rule(struct oci_seccomp *out, const struct file_rule *rule, struct arena *arena)
{
	struct oci_seccomp_syscall *to = &out->syscalls.v[out->syscalls.n++];

	to->names = rule->names;
	if (rule->name) {
		to->names.v = arena_array(arena, 2, sizeof(*to->names.v));
		if (!to->names.v)
			return 0; /* remembered by the arena */
		to->names.v[0] = rule->name;
		to->names.n = 1;
	}
	to->action = rule->action;
	to->errno_ret = rule->errno_ret;
	to->args.v = rule->args.v;
	to->args.n = rule->args.n;
	return 0;
}

static void take_architectures(struct oci_seccomp *out, const struct file *file,
			       const struct host *host, struct arena *arena)
{
	out->architectures = file->architectures;
	for (size_t i = 0; i < file->arch_map.n; i++) {
		const struct file_arch *arch = &file->arch_map.v[i];
		char **v;

		if (strcmp(arch->architecture, host->seccomp) != 0)
			continue;
		v = arena_array(arena, arch->sub.n + 2, sizeof(*v));
		if (!v)
			return; /* remembered by the arena */
		v[0] = arch->architecture;
		for (size_t k = 0; k < arch->sub.n; k++)
			v[k + 1] = arch->sub.v[k];
		out->architectures = (struct oci_strings){ v, arch->sub.n + 1 };
	}
}

static int take_file(struct oci_seccomp *out, const struct file *file, uint64_t capabilities,
		     struct arena *arena, struct oci_error *err)
{
	struct host host = ask_host(capabilities);

	*out = (struct oci_seccomp){
		.present = true,
		.default_action = file->default_action,
		.default_errno_ret = file->default_errno_ret,
		.flags = file->flags,
		.listener_path = file->listener_path,
		.listener_metadata = file->listener_metadata,
	};
	take_architectures(out, file, &host, arena);
	out->syscalls.v = arena_array(arena, file->syscalls.n + 1, sizeof(*out->syscalls.v));
	for (size_t i = 0; out->syscalls.v && i < file->syscalls.n; i++) {
		const struct file_rule *rule = &file->syscalls.v[i];

		TRY(check_rule(rule, i, err));
		if (is_included(&host, &rule->includes) && !is_excluded(&host, &rule->excludes))
			TRY(add_rule(out, rule, arena));
	}
	return 0;
}

int seccomp_profile_read(struct oci_seccomp *out, struct oci_document **doc, const char *text,
			 uint64_t capabilities, struct arena *arena, struct oci_error *err)
{
	struct file file = { 0 };

	TRY(report_read(&file_shape, &file, doc, text, strlen(text), "invalid-seccomp", err));
	if (take_file(out, &file, capabilities, arena, err) < 0) {
		json_document_free(*doc);
		*doc = NULL;
		return -1;
	}
	return 0;
}
