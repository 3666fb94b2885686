/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The state and the features document: every member arrives, is written, and reads the same.
 */
#include "libocispec/oci_state.h"
#include "libocispec/shape.h"
#include "tap.h"

static struct oci_error err;

static void check_state(void)
{
	static const char text[] =
		"{\n\t\"ociVersion\": \"1.3.0\",\n\t\"id\": \"c1\",\n\t\"status\": \"running\",\n"
		"\t\"pid\": 4422,\n\t\"bundle\": \"/b\",\n\t\"annotations\": {\n\t\t\"k\": "
		"\"v\"\n\t}\n}\n";
	struct oci_state state;
	char *written = NULL;
	size_t size;

	tap_is_int(oci_state_read(&state, text, strlen(text), NULL, &err), 0, "a state is read");
	tap_is_str(state.oci_version, "1.3.0", "ociVersion");
	tap_is_str(state.id, "c1", "id");
	tap_is_str(state.status, "running", "status");
	tap_ok(state.pid.set && state.pid.v == 4422, "pid");
	tap_is_str(state.bundle, "/b", "bundle");
	tap_is_str(state.annotations.v[0].value, "v", "annotations");
	tap_is_int(oci_state_write(&state, &written, &size, &err), 0, "it is written");
	tap_is_str(written, text, "as it was");
	free(written);
	oci_state_close(&state);
	tap_ok(!state.doc && !state.id, "closing empties it");
}

static void check_state_error(const char *text, const char *expected)
{
	struct oci_state state;

	memset(&err, 0, sizeof(err));
	(void)oci_state_read(&state, text, strlen(text), NULL, &err);
	tap_is_str(err.text, expected, "refused: %s", expected);
	oci_state_close(&state);
}

static const char features_text[] =
	"{\n\"ociVersionMin\": \"1.0.0\", \"ociVersionMax\": \"1.3.0\",\n"
	"\"hooks\": [\"prestart\"], \"mountOptions\": [\"ro\", \"rw\"],\n"
	"\"annotations\": {\"a\": \"b\"}, \"potentiallyUnsafeConfigAnnotations\": [\"x.\"],\n"
	"\"linux\": {\"namespaces\": [\"pid\"], \"capabilities\": [\"CAP_KILL\"],\n"
	"\"cgroup\": {\"v1\": false, \"v2\": true, \"systemd\": false, \"systemdUser\": true, "
	"\"rdma\": true},\n"
	"\"seccomp\": {\"enabled\": true, \"actions\": [\"1\"], \"operators\": [\"2\"], "
	"\"archs\": [\"3\"], \"knownFlags\": [\"4\"], \"supportedFlags\": [\"5\"]},\n"
	"\"apparmor\": {\"enabled\": true}, \"selinux\": {\"enabled\": false},\n"
	"\"intelRdt\": {\"enabled\": false, \"schemata\": true, \"monitoring\": false},\n"
	"\"memoryPolicy\": {\"modes\": [\"6\"], \"flags\": [\"7\"]},\n"
	"\"mountExtensions\": {\"idmap\": {\"enabled\": true}}, \"netDevices\": {\"enabled\": "
	"true}}\n}";

#define IS_BOOL(member, value)                                                                     \
	tap_ok(f.member.set &&f.member.v == (value), "%s is %s", #member, #value)

static void check_features(void)
{
	struct oci_features f, again;
	char *written = NULL;
	size_t size = 0;

	if (oci_features_read(&f, features_text, strlen(features_text), NULL, &err) < 0) {
		tap_ok(false, "features are read: %s", err.text);
		return;
	}
	tap_is_str(f.oci_version_min, "1.0.0", "ociVersionMin");
	tap_is_str(f.oci_version_max, "1.3.0", "ociVersionMax");
	tap_is_str(f.hooks.v[0], "prestart", "hooks");
	tap_is_str(f.mount_options.v[1], "rw", "mountOptions");
	tap_is_str(f.annotations.v[0].key, "a", "annotations");
	tap_is_str(f.potentially_unsafe_config_annotations.v[0], "x.", "unsafe annotations");
	tap_is_str(f.linux.namespaces.v[0], "pid", "namespaces");
	tap_is_str(f.linux.capabilities.v[0], "CAP_KILL", "capabilities");
	IS_BOOL(linux.cgroup.v1, false);
	IS_BOOL(linux.cgroup.v2, true);
	IS_BOOL(linux.cgroup.systemd, false);
	IS_BOOL(linux.cgroup.systemd_user, true);
	IS_BOOL(linux.cgroup.rdma, true);
	IS_BOOL(linux.seccomp.enabled, true);
	tap_is_str(f.linux.seccomp.actions.v[0], "1", "actions");
	tap_is_str(f.linux.seccomp.operators.v[0], "2", "operators");
	tap_is_str(f.linux.seccomp.archs.v[0], "3", "archs");
	tap_is_str(f.linux.seccomp.known_flags.v[0], "4", "knownFlags");
	tap_is_str(f.linux.seccomp.supported_flags.v[0], "5", "supportedFlags");
	IS_BOOL(linux.apparmor.enabled, true);
	IS_BOOL(linux.selinux.enabled, false);
	IS_BOOL(linux.intel_rdt.enabled, false);
	IS_BOOL(linux.intel_rdt.schemata, true);
	IS_BOOL(linux.intel_rdt.monitoring, false);
	tap_is_str(f.linux.memory_policy.modes.v[0], "6", "modes");
	tap_is_str(f.linux.memory_policy.flags.v[0], "7", "flags");
	IS_BOOL(linux.mount_extensions.idmap.enabled, true);
	IS_BOOL(linux.net_devices.enabled, true);
	tap_ok(!oci_features_write(&f, &written, &size, &err) &&
		       !oci_features_read(&again, written, size, NULL, &err) &&
		       shape_equal(&oci_features_shape, &f, &again),
	       "features written and read again say the same");
	tap_ok(written && strstr(written, "\"systemdUser\": true") &&
		       strstr(written, "\"v1\": false"),
	       "false is written when it was set");
	free(written);
	oci_features_close(&again);
	oci_features_close(&f);
	tap_ok(!f.doc, "closing empties it");
}

int main(void)
{
	struct oci_features features;

	check_state();
	check_state_error("{\"ociVersion\": \"1.0\", \"id\": \"\"}",
			  "/id: must not be empty (1:29)");
	check_state_error("{\"ociVersion\": \"1.0\", \"id\": \"a\", \"bundle\": \"/\"}",
			  "/status: missing (1:1)");
	check_state_error("{\"ociVersion\": \"1.0\", \"id\": \"a\", \"bundle\": \"/\", "
			  "\"status\": \"stopped\", \"pid\": -1}",
			  "/pid: -1 is not in 0..2147483647 (1:77)");
	check_state_error("[]", "expected an object, found an array (1:1)");
	tap_is_str(err.code, "invalid-state", "the code word of a state");
	check_features();
	tap_is_int(oci_features_read(&features, "{}", 2, NULL, &err), -1, "{} is no features");
	tap_is_str(err.text, "/ociVersionMin: missing (1:1)", "it names what is missing");
	tap_is_str(err.code, "invalid-features", "the code word of features");
	return tap_done();
}
