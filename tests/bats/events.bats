#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# events: figures in the envelope that callers know, and what happens at the moment that it does.

# bats file_tags=everyone
load helpers

# follow [OPTION...]: in the background, lines go to $T/events; its pid is $FOLLOWER.
follow() {
	"$HULL" --root "$ROOT" events "$@" "$ID" >"$T/events" 2>"$T/events.err" 3>&- </dev/null &
	FOLLOWER=$!
	wait_until seen stats 1
}

# seen TYPE N: so many lines of this type, at least.
seen() { [ "$(jq -r .type "$T/events" | grep -cx "$1")" -ge "$2" ]; }

figures() { hull events --stats "$ID" | jq -ce "$1"; }

# bats test_tags=vm
@test "events --stats: one line, in the envelope; what isn't measured here is absent; created, running, paused" {
	local n=0 state
	shell 'sleep 1000'
	create
	for state in created running paused; do
		[ $state != running ] || start
		if [ $state = paused ]; then
			echo 1 >"$(cgroup_of)/cgroup.freeze"
			wait_status paused "$ID"
		fi
		run hull events --stats "$ID"
		assert_status 0
		assert_equal "${#lines[@]}" 1
		assert_equal "$(jq -c '[.type, .id, (.data | type)]' <<<"$output")" "[\"stats\",\"$ID\",\"object\"]"
		jq -e '[.data[] | type] | unique == ["object"]' <<<"$output" >/dev/null
		jq -e '.data.cpu.usage.total > 0 and .data.cpu.usage.kernel >= 0 and .data.cpu.usage.user >= 0' <<<"$output" >/dev/null
		for file in memory.current:.data.memory.usage.usage memory.max:.data.memory.usage.limit \
			memory.peak:.data.memory.usage.max pids.current:.data.pids.current io.stat:.data.blkio.ioServicedRecursive \
			cpu.pressure:.data.cpu.psi.some.total; do
			jq -e --argjson there "$(cat "$(cgroup_of)/${file%%:*}" >/dev/null 2>&1 && echo true || echo false)" \
				"(${file#*:} != null) == \$there" <<<"$output" >/dev/null || { say_output "$file"; return 1; }
			n=$((n + 1))
		done
	done
	assert_equal "$n" 18
	echo 0 >"$(cgroup_of)/cgroup.freeze"
}

@test "what there is no figure for: stopped, unknown, half-made, without a cgroup, a bad interval" {
	args /bin/true
	create
	start
	wait_status stopped "$ID"
	run hull events "$ID"
	assert_fails "is stopped"
	run hull events --stats nobody
	assert_fails "does not exist"
	mkdir "$ROOT/${ID}h"
	run hull events --stats "${ID}h"
	assert_fails "is stopped"
	rmdir "$ROOT/${ID}h"
	local interval
	for interval in 0 5ms 5x s -1s 1m2 25h ''; do
		run hull events --interval="$interval" "$ID"
		assert_fails "interval"
	done
	shell 'sleep 1000'
	attempt hull --cgroup-manager disabled create "${ID}x"
	assert_status 0
	run hull events --stats "${ID}x"
	assert_fails "without a cgroup" "cgroup-manager"
}

@test "a container that is being created is told as that, with --stats and without" {
	config --arg t "$T" '.hooks.createRuntime = [{ path: "/bin/sh",
		args: ["sh", "-c", "echo >\($t)/waits; while [ ! -e \($t)/go ]; do sleep 0.05; done"] }]'
	"$HULL" --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	local creator=$!
	wait_until test -e "$T/waits"
	run timeout 30 "$HULL" --root "$ROOT" events --stats "$ID"
	assert_fails "is being created"
	run timeout 30 "$HULL" --root "$ROOT" events "$ID"
	assert_fails "is being created"
	touch "$T/go"
	ended $creator
	assert_status 0
}

# bats test_tags=vm
@test "freeze, thaw and exit are told when they happen, and exit is the last" {
	shell 'sleep 1000'
	create
	start
	follow --interval 1h
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_until seen freeze 1
	echo 0 >"$(cgroup_of)/cgroup.freeze"
	wait_until seen thaw 1
	hull kill "$ID" KILL
	ended "$FOLLOWER"
	assert_status 0
	assert_equal "$(jq -r .type "$T/events" | xargs)" "stats freeze thaw exit"
	assert_equal "$(jq -r .id "$T/events" | sort -u)" "$ID"
	assert_equal "$(cat "$T/events.err")" ""
}

@test "figures come by the interval, and a reader that goes away ends it" {
	shell 'sleep 1000'
	create
	start
	follow --interval 30ms
	wait_until seen stats 4
	kill "$FOLLOWER"
	ended "$FOLLOWER"
	assert_equal "$status" 143
	run timeout 20 bash -c '"$0" --root "$1" events --interval 20ms "$2" | head -n 2 | jq -r .type' "$HULL" "$ROOT" "$ID"
	has stats
}

@test "processor time is what the cgroup says, and goes up" {
	local before
	shell 'while :; do :; done'
	create
	start
	before=$(figures .data.cpu.usage.total)
	wait_until more_than "$before"
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused "$ID"
	# It counts as frozen a moment before it has left the processor.
	wait_until is_measured
	echo 0 >"$(cgroup_of)/cgroup.freeze"
}

is_measured() {
	assert_equal "$(figures .data.cpu.usage.total)" \
		"$(awk '$1 == "usage_usec" { print $2 * 1000 }' OFMT=%.0f "$(cgroup_of)/cpu.stat")"
}
more_than() { [ "$(figures .data.cpu.usage.total)" -gt "$1" ]; }

@test "--stats opens few files" {
	require strace
	shell 'sleep 1000'
	create
	strace -f -e trace=openat -o "$T/strace" "$HULL" --root "$ROOT" events --stats "$ID"
	[ "$(grep -c "memory\\.\|cpu\\.\|pids\\.\|io\\.\|hugetlb\\." "$T/strace")" -le 30 ]
}

# bats test_tags=vm-only
@test "a process killed for want of memory is told as oom, and figures are the cgroup's within 5 %" {
	local file value mine
	config '.linux.resources.memory.limit = 33554432 | .linux.resources.pids.limit = 50'
	shell 'trap "sh -c \"x=aaaaaaaaaaaaaaaa; while :; do x=\\\$x\\\$x; done\"; echo hog \$?" USR1
		head -c 8388608 /dev/zero >/dev/shm/kept 2>/dev/null || head -c 8388608 /dev/zero >/dev/kept
		echo ready; while :; do sleep 0.1; done'
	create_logged
	start
	wait_until out_has ready
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused "$ID"
	for file in memory.current:.data.memory.usage.usage memory.max:.data.memory.usage.limit pids.current:.data.pids.current \
		pids.max:.data.pids.limit; do
		value=$(cat "$(cgroup_of)/${file%%:*}")
		mine=$(figures "${file#*:}")
		awk -v a="$value" -v b="$mine" 'BEGIN { exit !(b > 0 && a - b <= a / 20 && b - a <= a / 20) }' ||
			{ echo "$file: $value, events says $mine" >&2; return 1; }
	done
	assert_equal "$(figures .data.memory.usage.limit)" 33554432
	jq -e '.data.memory.raw.shmem >= 8388608' <<<"$(hull events --stats "$ID")" >/dev/null
	echo 0 >"$(cgroup_of)/cgroup.freeze"
	follow --interval 1h
	hull kill "$ID" USR1
	wait_until seen oom 1
	wait_until grep -q hog "$T/out"
	hull kill "$ID" KILL
	ended "$FOLLOWER"
	assert_status 0
	assert_equal "$(jq -r .type "$T/events" | tail -n 1)" exit
}
