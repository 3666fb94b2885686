#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=slow,vm
#
# The hostile root that changes while hull works on it (tests/hostile/race).

load helpers

race() {
	mkdir "$T/race"
	run "$top/tests/hostile/race" "$HULL" "$PROBE" "$T/race" "${RACES:-1000}" "$@"
	echo "# ${lines[-1]}" >&3
	assert_status 0
}

@test "1,000 containers while their root's directories are exchanged with links out of it" {
	require python
	race
}

@test "1,000 times exec by a user's name while the root's directories are exchanged with links out of it" {
	require python
	race exec
}
