/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tables of the state and the features document, and the functions of oci_state.h. Words in
 * them are not checked against lists: a runtime may name states of its own, and a newer runtime
 * knows more flags and architectures than these tables could.
 */
#include "oci_state.h"

#include <string.h>

#include "shape.h"

/* clang-format off */

SHAPE(oci_state,
	STRING("ociVersion", oci_state, oci_version, .required = true),
	STRING("id",         oci_state, id,          .required = true),
	STRING("status",     oci_state, status,      .required = true),
	MAYBE_INT("pid",     oci_state, pid, 0, INT32_MAX),
	STRING("bundle",     oci_state, bundle,      .required = true),
	PAIRS("annotations", oci_state, annotations));

static SHAPE(oci_features_cgroup,
	MAYBE_BOOL("v1",          oci_features_cgroup, v1),
	MAYBE_BOOL("v2",          oci_features_cgroup, v2),
	MAYBE_BOOL("systemd",     oci_features_cgroup, systemd),
	MAYBE_BOOL("systemdUser", oci_features_cgroup, systemd_user),
	MAYBE_BOOL("rdma",        oci_features_cgroup, rdma));

static SHAPE(oci_features_seccomp,
	MAYBE_BOOL("enabled",     oci_features_seccomp, enabled),
	STRINGS("actions",        oci_features_seccomp, actions),
	STRINGS("operators",      oci_features_seccomp, operators),
	STRINGS("archs",          oci_features_seccomp, archs),
	STRINGS("knownFlags",     oci_features_seccomp, known_flags),
	STRINGS("supportedFlags", oci_features_seccomp, supported_flags));

static SHAPE(oci_features_enabled,
	MAYBE_BOOL("enabled", oci_features_enabled, enabled));

static SHAPE(oci_features_intel_rdt,
	MAYBE_BOOL("enabled",    oci_features_intel_rdt, enabled),
	MAYBE_BOOL("schemata",   oci_features_intel_rdt, schemata),
	MAYBE_BOOL("monitoring", oci_features_intel_rdt, monitoring));

static SHAPE(oci_features_memory_policy,
	STRINGS("modes", oci_features_memory_policy, modes),
	STRINGS("flags", oci_features_memory_policy, flags));

static SHAPE(oci_features_mount_extensions,
	OBJECT("idmap", oci_features_mount_extensions, idmap, oci_features_enabled));

static SHAPE(oci_features_linux,
	STRINGS("namespaces",     oci_features_linux, namespaces),
	STRINGS("capabilities",   oci_features_linux, capabilities),
	OBJECT("cgroup",          oci_features_linux, cgroup, oci_features_cgroup),
	OBJECT("seccomp",         oci_features_linux, seccomp, oci_features_seccomp),
	OBJECT("apparmor",        oci_features_linux, apparmor, oci_features_enabled),
	OBJECT("selinux",         oci_features_linux, selinux, oci_features_enabled),
	OBJECT("intelRdt",        oci_features_linux, intel_rdt, oci_features_intel_rdt),
	OBJECT("memoryPolicy",    oci_features_linux, memory_policy, oci_features_memory_policy),
	OBJECT("mountExtensions", oci_features_linux, mount_extensions, oci_features_mount_extensions),
	OBJECT("netDevices",      oci_features_linux, net_devices, oci_features_enabled));

SHAPE(oci_features,
	STRING("ociVersionMin", oci_features, oci_version_min, .required = true),
	STRING("ociVersionMax", oci_features, oci_version_max, .required = true),
	STRINGS("hooks",        oci_features, hooks),
	STRINGS("mountOptions", oci_features, mount_options),
	PAIRS("annotations",    oci_features, annotations),
	STRINGS("potentiallyUnsafeConfigAnnotations", oci_features, potentially_unsafe_config_annotations),
	OBJECT("linux",         oci_features, linux, oci_features_linux));

/* clang-format on */

int oci_state_read(struct oci_state *state, const char *text, size_t size,
		   const struct oci_report *report, struct oci_error *err)
{
	memset(state, 0, sizeof(*state));
	return shape_read_text(&oci_state_shape, state, &state->doc, text, size, "invalid-state",
			       report, err);
}

int oci_state_write(const struct oci_state *state, char **text, size_t *size, struct oci_error *err)
{
	return shape_write(&oci_state_shape, state, text, size, err);
}

void oci_state_close(struct oci_state *state)
{
	json_document_free(state->doc);
	memset(state, 0, sizeof(*state));
}

int oci_features_read(struct oci_features *features, const char *text, size_t size,
		      const struct oci_report *report, struct oci_error *err)
{
	memset(features, 0, sizeof(*features));
	return shape_read_text(&oci_features_shape, features, &features->doc, text, size,
			       "invalid-features", report, err);
}

int oci_features_write(const struct oci_features *features, char **text, size_t *size,
		       struct oci_error *err)
{
	return shape_write(&oci_features_shape, features, text, size, err);
}

void oci_features_close(struct oci_features *features)
{
	json_document_free(features->doc);
	memset(features, 0, sizeof(*features));
}
