/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull features`: made from the tables that do the work, so that it can't promise what isn't
 * there. What is refused until it is implemented is not listed, or not enabled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>

#include "base/fd.h"
#include "command/command.h"
#include "command/document.h"
#include "config.h"
#include "libocispec/oci_state.h"
#include "plan/mount_words.h"
#include "plan/plan.h"
#include "plan/scheduling.h"
#include "plan/seccomp.h"
#include "steps/seccomp.h"

static const struct option_row options[] = { OPTIONS_END };

static const struct oci_maybe_bool yes = { true, true };
static const struct oci_maybe_bool no = { true, false };
#ifdef HULL_SYSTEMD
static const struct oci_maybe_bool systemd = { true, true };
#else
static const struct oci_maybe_bool systemd = { true, false };
#endif

static void name_hooks(struct oci_features *features, struct arena *arena)
{
	features->hooks = document_strings(arena, plan_hook_names, HOOK_KINDS);
}

static void name_mount_options(struct oci_features *features, struct arena *arena)
{
	const char *names[256];
	size_t max = sizeof(names) / sizeof(names[0]);
	size_t n = mount_word_names(names, max);

	features->mount_options = document_strings(arena, names, n < max ? n : max);
}

static void name_namespaces(struct oci_features_linux *features, struct arena *arena)
{
	const char *names[NS_TYPES];
	size_t n = 0;

	for (int type = 0; type < NS_TYPES; type++)
		names[n++] = plan_ns_kinds[type].name;
	features->namespaces = document_strings(arena, names, n);
}

/* Those that the kernel knows, under the names that the planner takes. */
static void name_capabilities(struct oci_features_linux *features, struct arena *arena,
			      uint64_t known)
{
	char buffers[64][40];
	const char *names[64];
	size_t n = 0;

	for (int number = 0; number < 64; number++) {
		char *name = known & (UINT64_C(1) << number) ? cap_to_name(number) : NULL;

		/* A number that this libcap has no name for comes back in digits. */
		if (name && name[0] == 'c') {
			size_t i = 0;

			for (; name[i] && i < sizeof(buffers[n]) - 1; i++)
				buffers[n][i] = (char)(name[i] == '_' ? '_' : name[i] - 'a' + 'A');
			buffers[n][i] = '\0';
			names[n] = buffers[n];
			n++;
		}
		(void)cap_free(name);
	}
	features->capabilities = document_strings(arena, names, n);
}

static struct oci_strings name_words(struct arena *arena, const struct plan_word *words)
{
	const char *names[16];
	size_t n = 0;

	for (; words->name && n < sizeof(names) / sizeof(names[0]); words++)
		names[n++] = words->name;
	return document_strings(arena, names, n);
}

/* What the tables have and kernel and libseccomp can. */
static void name_seccomp(struct oci_features_seccomp *seccomp, struct arena *arena)
{
	const char *names[32];
	size_t n = 0;

	*seccomp = (struct oci_features_seccomp){ .present = true, .enabled = yes };
	for (const struct plan_seccomp_word *action = plan_seccomp_actions; action->name; action++)
		if (filter_knows_action(action->value))
			names[n++] = action->name;
	seccomp->actions = document_strings(arena, names, n);
	n = 0;
	for (const struct plan_seccomp_word *op = plan_seccomp_operators; op->name; op++)
		names[n++] = op->name;
	seccomp->operators = document_strings(arena, names, n);
	n = 0;
	for (size_t i = 0; plan_seccomp_archs[i]; i++)
		if (plan_seccomp_arch(plan_seccomp_archs[i]))
			names[n++] = plan_seccomp_archs[i];
	seccomp->archs = document_strings(arena, names, n);
	n = 0;
	for (const struct plan_seccomp_word *flag = plan_seccomp_flags; flag->name; flag++)
		names[n++] = flag->name;
	seccomp->known_flags = document_strings(arena, names, n);
	n = 0;
	for (const struct plan_seccomp_word *flag = plan_seccomp_flags; flag->name; flag++)
		if (filter_known_flags(flag->value))
			names[n++] = flag->name;
	seccomp->supported_flags = document_strings(arena, names, n);
}

/* Under the name that other runtimes give it. */
static void name_library(struct oci_features *features, struct arena *arena)
{
	static const char key[] = "io.github.seccomp.libseccomp.version";
	struct oci_pair *pair = arena_array(arena, 1, sizeof(*pair));

	if (!pair)
		return;
	pair->key = arena_strdup(arena, key);
	pair->value = arena_strdup(arena, filter_library_version());
	features->annotations = (struct oci_pairs){ pair, 1 };
}

static int look(struct oci_features *features, struct arena *arena, struct oci_error *err)
{
	struct host host;

	TRY(host_look(&host, err));
	features->oci_version_min = arena_strdup(arena, "1.0.0");
	features->oci_version_max = arena_strdup(arena, PLAN_SPEC_VERSION);
	name_hooks(features, arena);
	name_mount_options(features, arena);
	name_library(features, arena);
	features->linux.present = true;
	name_namespaces(&features->linux, arena);
	name_capabilities(&features->linux, arena, host.known_caps);
	features->linux.cgroup = (struct oci_features_cgroup){ .present = true,
							       .v1 = no,
							       .v2 = yes,
							       .systemd = systemd,
							       .systemd_user = systemd,
							       .rdma = no };
	name_seccomp(&features->linux.seccomp, arena);
	features->linux.apparmor = (struct oci_features_enabled){ true, yes };
	features->linux.selinux = (struct oci_features_enabled){ true, yes };
	features->linux.intel_rdt = (struct oci_features_intel_rdt){
		.present = true, .enabled = yes, .schemata = yes, .monitoring = yes
	};
	features->linux.memory_policy = (struct oci_features_memory_policy){
		.present = true,
		.modes = name_words(arena, plan_memory_modes),
		.flags = name_words(arena, plan_memory_flags),
	};
	features->linux.mount_extensions.present = true;
	features->linux.mount_extensions.idmap = (struct oci_features_enabled){ true, yes };
	features->linux.net_devices = (struct oci_features_enabled){ true, yes };
	if (arena->failed)
		return fail_code(err, "out-of-memory", "no memory for the features");
	return 0;
}

static int features_run(const struct call *call, struct oci_error *err)
{
	struct oci_features features = { 0 };
	struct arena arena = { 0 };
	auto_free char *text = NULL;
	size_t size;
	int result;

	(void)call;
	result = look(&features, &arena, err);
	if (result == 0)
		result = oci_features_write(&features, &text, &size, err);
	arena_done(&arena);
	TRY(result);
	(void)printf("%s%s", text, size > 0 && text[size - 1] == '\n' ? "" : "\n");
	return 0;
}

const struct command features_command = {
	.name = "features",
	.operands = "",
	.summary = "Print what this build supports, as the specification's features document",
	.options = options,
	.run = features_run,
};
