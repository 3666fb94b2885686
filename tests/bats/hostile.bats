#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every place of the root that hull touches times every kind of thing that may lie there
# (tests/hostile/generate): nothing outside changes, nothing hangs, nothing of the host is seen.

load helpers

setup() {
	common_setup
	require python
}

# The totals are printed whatever comes of it.
hostile() {
	mkdir "$T/hostile"
	run "$top/tests/hostile/generate" "$HULL" "$PROBE" "$T/hostile" "$1"
	echo "# $1: ${lines[-1]}" >&3
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
