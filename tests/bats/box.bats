#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox's command line: what belongs to no command.

load helpers
load box

@test "box: --version says which it is" {
	run hullbox --version
	assert_status 0
	matches '^hullbox version [0-9]'
}

@test "box: --help lists the commands, help COMMAND says more, and mistakes have status 2" {
	run hullbox --help
	assert_status 0
	has "Commands:"
	run hullbox
	assert_status 2
	has_text "no command is given"
	run hullbox nonsense
	assert_status 2
	has_text "there is no command 'nonsense'"
	run hullbox help nonsense
	assert_status 2
	run hullbox --nonsense
	assert_status 2
	has_text "unknown option '--nonsense'"
}

@test "box: output that can't be written is an error" {
	run sh -c '"$1" --version >/dev/full' sh "$HULLBOX"
	assert_status 1
	has_text "No space left"
}
