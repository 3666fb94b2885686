#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the README tells people to type is what works: its shell blocks are taken out and run in
# their order, with this build's hull and a directory of this test's own.

load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# blocks FILE: the text of all ```sh blocks.
blocks() { awk '/^```sh/ { on = 1; next } /^```/ { on = 0 } on' "$1"; }

@test "the shell blocks of the README run as they are written" {
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	blocks "$top/README.md" | sed -e "s|/tmp/first|$T/first|g" -e 's|^sudo ||' \
		-e "s|\./hull |'$HULL' --root '$ROOT' |" -e "s|^bundles/|'$top'/bundles/|" >"$T/typed"
	[ "$(wc -l <"$T/typed")" -ge 12 ]
	run bash -eu "$T/typed"
	assert_status 0
	matches '^I am process 1 on first$'
	matches 'reserve the container id'
	assert_nothing_left
}
