#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
#
# Every place of the root that hull touches times every kind of thing that may lie there
# (tests/hostile/generate): nothing outside changes, nothing hangs, nothing of the host is seen.

load helpers

setup() {
	common_setup
	require python
}

export BATS_TEST_TIMEOUT=$((600 * HULL_TEST_SLOW))

# hostile GROUP [userns]: the table and the totals are printed whatever comes of it.
hostile() {
	mkdir "$T/hostile"
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" "$T/hostile"
	run "$top/tests/hostile/generate" "$HULL" "$PROBE" "$T/hostile" "$@"
	sed -n '/(r: ran/,$ s/^/# /p' <<<"$output" >&3
	assert_status 0
}

@test "hostile things at mount points" {
	hostile mounts
}

@test "hostile things in the root's own /dev and at the places of linux.devices" {
	hostile devices
}

@test "hostile things at masked and read-only paths, the working directory, passwd, the program" {
	hostile paths
}

@test "hostile things where the terminal is made" {
	hostile terminal
}

@test "hostile things where exec looks for its user, directory and program" {
	hostile exec
}

@test "hostile things at mount points, in a user namespace" {
	hostile mounts userns
}

@test "hostile things in /dev and at the places of linux.devices, in a user namespace" {
	hostile devices userns
}

@test "hostile things at masked and read-only paths and the rest, in a user namespace" {
	hostile paths userns
}

@test "hostile things where exec looks, in a user namespace" {
	hostile exec userns
}
