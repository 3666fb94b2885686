#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# podman without root: an ordinary user's podman makes a user namespace with newuidmap and calls hull as
# uid 0 of it. Only for that caller (tests/helpers/run-as user); the other modes leave the tests out.
# bats file_tags=everyone

load helpers
load engine

setup() {
	common_setup || return
	require cgroup2 podman || return
	podman_setup
}

teardown() {
	local failed=0
	[ -z "${T:-}" ] || podman_teardown || failed=1
	common_teardown || failed=1
	return $failed
}

# bats test_tags=only_user
@test "an ordinary user's podman: run, run -d, exec with and without a terminal, logs, rm" {
	attempt pod_run -d --rm=false -- sh -c 'cat /proc/self/uid_map; grep -E "^(Seccomp|CapEff):" /proc/self/status
		echo ready; sleep 1000'
	assert_status 0
	wait_until is_log ready
	output=$(podman logs "$ID" 2>&1)
	matches "^ *0 +$(id -u) +1$"
	matches "^ *1 +$HULL_TEST_LENT +65536$"
	matches '^Seccomp:[[:space:]]+2$'
	verifies_clean
	attempt podman exec "$ID" sh -c 'id; exit 7'
	assert_status 7
	has_text "uid=0(root)"
	attempt podman exec -t --user 5 "$ID" sh -c 'id; test -t 1 && echo terminal'
	assert_status 0
	has_text "uid=5" terminal
	attempt podman rm -f -t 0 "$ID"
	assert_status 0
}

# From within podman's user and mount namespaces, as hull was called; its mounts are in no others.
verifies_clean() {
	local id
	id=$(podman inspect --format '{{.Id}}' "$ID")
	attempt podman unshare "$HULL" --root "$RUNTIMES" verify "$id"
	assert_status 0
	lacks_match '^(differs|less|own):'
	matches '^unchecked: /linux/seccomp: seccomp filter: '
}
