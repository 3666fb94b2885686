/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From the planned profile to classic BPF: the only place that builds with libseccomp.
 */
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "steps/seccomp.h"

static void release(scmp_filter_ctx *context)
{
	if (*context)
		seccomp_release(*context);
}

#define auto_context __attribute__((cleanup(release))) scmp_filter_ctx

/* libseccomp returns -errno. */
static int fail_library(struct oci_error *err, int result, const char *what)
{
	errno = -result;
	return fail_sys(err, "/linux/seccomp: libseccomp: %s", what);
}

static int set_up(scmp_filter_ctx context, const struct plan_seccomp *seccomp,
		  struct oci_error *err)
{
	int result;

	/* hull sets it itself, or must not. */
	result = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
	/* A call of an architecture that isn't listed ends the process, not only the thread: the
	 * others would wait for it for ever. */
	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A binary tree: a few comparisons for each call instead of hundreds. */
	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result < 0)
		return fail_library(err, result, "seccomp_attr_set");
	for (size_t i = 0; i < seccomp->n_archs; i++) {
		result = seccomp_arch_add(context, seccomp->archs[i]);
		/* One of the other byte order (EDOM) can't be this machine's: no call is lost. */
		if (result < 0 && result != -EEXIST && result != -EDOM)
			return fail_library(err, result, "seccomp_arch_add");
	}
	return 0;
}

static int add_name(scmp_filter_ctx context, const struct plan_seccomp_rule *rule, size_t at,
		    struct oci_error *err)
{
	const char *name = rule->names->v[at];
	int number = seccomp_syscall_resolve_name(name);
	struct scmp_arg_cmp args[6];
	int result;

	if (number == __NR_SCMP_ERROR)
		return 0; /* the planner has noted it */
	for (size_t i = 0; i < rule->n_args; i++)
		args[i] = (struct scmp_arg_cmp){ .arg = rule->args[i].index,
						 .op = (enum scmp_compare)rule->args[i].op,
						 .datum_a = rule->args[i].value,
						 .datum_b = rule->args[i].value_two };
	result =
		seccomp_rule_add_array(context, rule->action, number, (unsigned)rule->n_args, args);
	if (result == 0)
		return 0;
	if (result == -EEXIST)
		return fail_code(err, "invalid-config",
				 "/linux/seccomp/syscalls/%zu/names/%zu: '%s' stands already with "
				 "the same conditions and another action",
				 rule->index, at, name);
	errno = -result;
	return fail_sys(err, "/linux/seccomp/syscalls/%zu/names/%zu: '%s': seccomp_rule_add_array",
			rule->index, at, name);
}

static int add_rules(scmp_filter_ctx context, const struct plan_seccomp *seccomp,
		     struct oci_error *err)
{
	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct plan_seccomp_rule *rule = &seccomp->rules[i];

		/* It says what holds anyway; libseccomp doesn't take that (EACCES). */
		if (rule->action == seccomp->default_action)
			continue;
		for (size_t k = 0; k < rule->names->n; k++)
			TRY(add_name(context, rule, k, err));
	}
	return 0;
}

/* The newest ordinary system call of architecture `token` that the profile names; -1: none. */
static int newest(const struct plan_seccomp *seccomp, uint32_t token)
{
	int max = -1;

	for (size_t i = 0; i < seccomp->n_rules; i++) {
		const struct oci_strings *names = seccomp->rules[i].names;

		for (size_t k = 0; k < names->n; k++) {
			int number = seccomp_syscall_resolve_name_arch(token, names->v[k]);

			/* Below 0 are libseccomp's names for calls that this one lacks. */
			if (number > max && filter_ordinary(token, (uint32_t)number))
				max = number;
		}
	}
	return max;
}

/* Only where what isn't named gets an errno: whoever asks for a kill has no fall-back in mind. */
static size_t find_newer(scmp_filter_ctx context, const struct plan_seccomp *seccomp,
			 struct filter_range ranges[FILTER_RANGES])
{
	uint32_t native = seccomp_arch_native();
	size_t n = 0;

	if ((seccomp->default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		return 0;
	for (size_t i = 0; i <= seccomp->n_archs && n < FILTER_RANGES; i++) {
		uint32_t token = i == 0 ? native : seccomp->archs[i - 1];
		bool again = i > 0 && token == native;
		int max;

		for (size_t k = 1; k < i; k++)
			again |= seccomp->archs[k - 1] == token;
		if (again || seccomp_arch_exist(context, token) != 0)
			continue;
		max = newest(seccomp, token);
		if (max >= 0 && filter_newer(token, (uint32_t)max, &ranges[n]))
			n++;
	}
	return n;
}

/* libseccomp 2.5 writes to a descriptor only. */
static int export(scmp_filter_ctx context, struct filter *filter, size_t n_stub,
		  struct oci_error *err)
{
	auto_fd file = memfd_create("filter", MFD_CLOEXEC);
	int result = file < 0 ? -errno : seccomp_export_bpf(context, file);
	struct stat st;
	size_t n;

	if (result < 0)
		return fail_library(err, result, "seccomp_export_bpf");
	if (fstat(file, &st) < 0)
		return fail_sys(err, "fstat of the filter");
	n = (size_t)st.st_size / sizeof(*filter->code);
	if (n == 0 || n + n_stub > BPF_MAXINSNS)
		return fail_code(err, "unsupported",
				 "/linux/seccomp: the filter has %zu instructions, the kernel "
				 "takes %d: name fewer architectures or conditions",
				 n + n_stub, BPF_MAXINSNS);
	filter->code = calloc(n + n_stub, sizeof(*filter->code));
	if (!filter->code)
		return fail_code(err, "out-of-memory", "no memory for the filter");
	if (pread(file, filter->code + n_stub, (size_t)st.st_size, 0) != st.st_size)
		return fail_sys(err, "read the filter");
	filter->n = n + n_stub;
	return 0;
}

int filter_compile(const struct plan_seccomp *seccomp, struct filter *filter, struct oci_error *err)
{
	auto_context context = seccomp_init(seccomp->default_action);
	struct filter_range ranges[FILTER_RANGES];
	struct sock_filter stub[FILTER_STUB_ROOM];
	size_t n_stub;

	*filter = (struct filter){ .flags = seccomp->flags };
	if (!context)
		return fail(err, "/linux/seccomp/defaultAction: libseccomp can't make a filter "
				 "with it on this kernel");
	TRY(set_up(context, seccomp, err));
	TRY(add_rules(context, seccomp, err));
	n_stub = filter_stub(ranges, find_newer(context, seccomp, ranges), stub);
	if (export(context, filter, n_stub, err) < 0) {
		filter_free(filter);
		return -1;
	}
	memcpy(filter->code, stub, n_stub * sizeof(*stub));
	return 0;
}
