#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ps: the processes of a container, on created, running and stopped ones.

load helpers

# The pids that ps prints, on one line.
pids() {
	hull ps --format json "$ID" | jq -c .
}

has_processes() {
	[ "$(pids | jq length)" = "$1" ]
}

@test "ps shows the process that waits for start" {
	probe sleep
	create
	assert_equal "$(pids)" "[$(pid_of)]"
	run hull ps "$ID"
	assert_status 0
	assert_equal "$output" "PID"$'\n'"$(pid_of)"
}

@test "ps shows every process of a running container, and no other" {
	shell 'sleep 1000 & sleep 1000 & wait'
	create
	start
	wait_until has_processes 3
	assert_equal "$(pids | jq -c sort)" \
		"$(sort -n "$CGROUP/$ID/cgroup.procs" | jq -cs .)"
}

@test "ps of a stopped container is an empty list" {
	args /bin/true
	create
	start
	wait_status stopped "$ID"
	assert_equal "$(pids)" "[]"
	run hull ps -f table "$ID"
	assert_equal "$output" PID
}

@test "ps of a container without a cgroup of its own is an error, and prints no list" {
	args /bin/sh -c 'sleep 1000'
	attempt hull --cgroup-manager disabled create --bundle "$BUNDLE" "$ID"
	assert_status 0
	run hull ps "$ID"
	assert_fails "has no cgroup"
}

@test "ps of an unknown container says that it does not exist" {
	run hull ps nobody
	assert_fails "does not exist"
}
