/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The other two documents of the specification that a runtime writes: the state (runtime.md) and
 * the features (features.md, features-linux.md).
 */
#ifndef OCI_STATE_H
#define OCI_STATE_H

#include "oci_config.h"

struct oci_state {
	struct oci_document *doc;
	char *oci_version;
	char *id;
	char *status;
	struct oci_maybe_int pid;
	char *bundle;
	struct oci_pairs annotations;
};

int oci_state_read(struct oci_state *state, const char *text, size_t size,
		   const struct oci_report *report, struct oci_error *err);
int oci_state_write(const struct oci_state *state, char **text, size_t *size,
		    struct oci_error *err);
void oci_state_close(struct oci_state *state);

struct oci_features_cgroup {
	bool present;
	struct oci_maybe_bool v1, v2, systemd, systemd_user, rdma;
};

struct oci_features_seccomp {
	bool present;
	struct oci_maybe_bool enabled;
	struct oci_strings actions, operators, archs, known_flags, supported_flags;
};

/* What has nothing to say but whether it is there. */
struct oci_features_enabled {
	bool present;
	struct oci_maybe_bool enabled;
};

struct oci_features_intel_rdt {
	bool present;
	struct oci_maybe_bool enabled, schemata, monitoring;
};

struct oci_features_memory_policy {
	bool present;
	struct oci_strings modes, flags;
};

struct oci_features_mount_extensions {
	bool present;
	struct oci_features_enabled idmap;
};

struct oci_features_linux {
	bool present;
	struct oci_strings namespaces;
	struct oci_strings capabilities;
	struct oci_features_cgroup cgroup;
	struct oci_features_seccomp seccomp;
	struct oci_features_enabled apparmor, selinux;
	struct oci_features_intel_rdt intel_rdt;
	struct oci_features_memory_policy memory_policy;
	struct oci_features_mount_extensions mount_extensions;
	struct oci_features_enabled net_devices;
};

struct oci_features {
	struct oci_document *doc;
	char *oci_version_min;
	char *oci_version_max;
	struct oci_strings hooks;
	struct oci_strings mount_options;
	struct oci_pairs annotations;
	struct oci_strings potentially_unsafe_config_annotations;
	struct oci_features_linux linux;
};

int oci_features_read(struct oci_features *features, const char *text, size_t size,
		      const struct oci_report *report, struct oci_error *err);
int oci_features_write(const struct oci_features *features, char **text, size_t *size,
		       struct oci_error *err);
void oci_features_close(struct oci_features *features);

#endif
