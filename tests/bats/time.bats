#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Time namespaces: new with offsets, joined by path, together with a new user namespace; refused
# where offsets would have no effect. Seen from inside by clock_gettime(2) and /proc/uptime.
# bats file_tags=everyone

load helpers

setup() {
	common_setup
	config '.linux.namespaces += [{ type: "time" }]'
}

teardown() {
	[ -z "${HOLDER:-}" ] || kill -KILL "$HOLDER" 2>/dev/null || true
	common_teardown
}

ns_of() { sed -n "s/^$1=//p" <<<"$output"; }
host_ns() { stat -L -c %i "/proc/${2:-self}/ns/$1"; }
is_comm() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

# The host's clocks in whole seconds.
host_clock() {
	python3 -c "import time; print(int(time.clock_gettime(time.CLOCK_$1)))"
}

# inside_clock NAME: from the output of "probe time".
inside_clock() { sed -n "s/^$1=\([0-9]*\).*/\1/p" <<<"$output"; }

# ahead NAME BEFORE OFFSET: the container's clock is the host's at that time plus the offset, and
# hasn't gone on for more than a test may last.
ahead() {
	local now
	now=$(inside_clock "$1")
	[ "$now" -ge $(($2 + $3)) ] && [ "$now" -le $(($2 + $3 + 200)) ] || {
		say_output "$1 was $2 outside, offset $3"
		return 1
	}
}

@test "offsets move the clocks inside, and only there" {
	local monotonic boottime
	config '.linux.timeOffsets = { monotonic: { secs: 86400 }, boottime: { secs: 604800, nanosecs: 5 } }'
	monotonic=$(host_clock MONOTONIC)
	boottime=$(host_clock BOOTTIME)
	ask time + cat /proc/uptime + cat /proc/self/timens_offsets + ns
	ahead monotonic "$monotonic" 86400
	ahead boottime "$boottime" 604800
	matches '^monotonic +86400 +0$'
	matches '^boottime +604800 +5$'
	[ "$(ns_of time)" != "$(host_ns time)" ]
	[ "$(awk 'NF == 2 && $1 ~ /^[0-9.]+$/ { print int($1) }' <<<"$output")" -ge $((boottime + 604800)) ]
	[ "$(host_clock BOOTTIME)" -lt $((boottime + 86400)) ]
}

@test "an offset below zero, and nanoseconds" {
	local monotonic
	monotonic=$(host_clock MONOTONIC)
	config --argjson s "$((100 - monotonic))" '.linux.timeOffsets = { monotonic: { secs: $s, nanosecs: 999999999 } }'
	ask time + cat /proc/self/timens_offsets
	ahead monotonic "$monotonic" $((100 - monotonic))
	matches "^monotonic +$((100 - monotonic)) +999999999$"
	matches '^boottime +0 +0$'
}

@test "a clock that would be below zero is refused with its name" {
	config '.linux.timeOffsets = { boottime: { secs: -4611686018 } }'
	run_container
	assert_fails /linux/timeOffsets/boottime "below zero"
	assert_nothing_left
}

@test "a time namespace without offsets" {
	ask ns + cat /proc/self/timens_offsets
	[ "$(ns_of time)" != "$(host_ns time)" ]
	matches '^monotonic +0 +0$'
}

@test "the process can't change the offsets" {
	config '.process.capabilities |= with_entries(.value += ["CAP_SYS_TIME"])'
	ask write /proc/self/timens_offsets "monotonic 5 0"
	lacks_match '=ok$'
	matches 'EACCES|EPERM'
}

@test "with the host's mount and pid namespaces" {
	config '.linux.namespaces |= map(select(.type == "time" or .type == "user")) | .mounts = []
		| del(.hostname) | .linux.timeOffsets = { monotonic: { secs: 86400 } }'
	local monotonic
	monotonic=$(host_clock MONOTONIC)
	ask time
	ahead monotonic "$monotonic" 86400
}

@test "create and start, kill and delete" {
	config '.linux.timeOffsets = { monotonic: { secs: 1000000 } }'
	probe wait-signal
	create_logged
	assert_equal "$(status_of)" created
	start
	wait_until out_has waiting
	assert_equal "$(status_of)" running
	hull kill "$ID" KILL
	wait_status stopped
	hull delete "$ID"
}

@test "a time namespace joined by path has the offsets that it has" {
	local monotonic
	config '.linux.timeOffsets = { monotonic: { secs: 86400 } }'
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	config --arg p "/proc/$(pid_of)/ns/" 'del(.linux.timeOffsets) | .linux.namespaces |= map(
		if .type == "time" or .type == "user" then .path = $p + .type else . end)
		| del(.linux.uidMappings, .linux.gidMappings)'
	probe time + ns
	monotonic=$(host_clock MONOTONIC)
	run hull run "${ID}x" </dev/null
	assert_status 0
	ahead monotonic "$monotonic" 86400
	assert_equal "$(ns_of time)" "$(host_ns time "$(pid_of)")"
}

@test "offsets and a joined time namespace are refused" {
	config '.linux.timeOffsets = { monotonic: { secs: 1 } }
		| .linux.namespaces |= map(if .type == "time" then .path = "/proc/self/ns/time" else . end)'
	run_container
	assert_fails /linux/timeOffsets/monotonic "new time namespace"
}

# bats test_tags=real_root
@test "with a new user namespace, which owns it" {
	local monotonic
	config '.linux.timeOffsets = { monotonic: { secs: 86400 } }
		| .linux.namespaces += [{ type: "user" }, { type: "network" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" 2>/dev/null || true
	probe time + ids + wait-signal
	monotonic=$(host_clock MONOTONIC)
	create_logged
	start
	wait_until out_has waiting
	output=$(cat "$T/out")
	ahead monotonic "$monotonic" 86400
	has uid=0,0,0
	run python3 - "$(pid_of)" <<-'END'
		import fcntl, os, sys
		NS_GET_USERNS = 0xb701
		own = os.stat(f"/proc/{sys.argv[1]}/ns/user").st_ino
		fd = os.open(f"/proc/{sys.argv[1]}/ns/time", os.O_RDONLY)
		print("own" if os.fstat(fcntl.ioctl(fd, NS_GET_USERNS)).st_ino == own else "foreign")
	END
	has own
}

# bats test_tags=real_root
@test "with a new user namespace and network and cgroup namespaces joined" {
	unshare -n -C sleep 300 &
	HOLDER=$!
	wait_until is_comm $HOLDER sleep
	config --arg p "/proc/$HOLDER/ns/" '.linux.timeOffsets = { monotonic: { secs: 86400 } }
		| .linux.namespaces = [{ type: "time" }, { type: "user" }, { type: "pid" }, { type: "mount" },
			{ type: "ipc" }, { type: "uts" }, { type: "network", path: ($p + "net") },
			{ type: "cgroup", path: ($p + "cgroup") }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" 2>/dev/null || true
	ask ns + ids + cat /proc/self/timens_offsets
	has uid=0,0,0
	matches '^monotonic +86400 +0$'
	assert_equal "$(ns_of net)" "$(host_ns net $HOLDER)"
	assert_equal "$(ns_of cgroup)" "$(host_ns cgroup $HOLDER)"
}

@test "offsets in a user namespace that is joined" {
	local monotonic
	probe wait-signal
	[ "${HULL_TEST_AS:-root}" = user ] || config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 10000, size: 5000 }]
		| .linux.gidMappings = .linux.uidMappings'
	config '.linux.namespaces -= [{ type: "time" }]'
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" 2>/dev/null || true
	create_logged
	start
	wait_until out_has waiting
	config --arg p "/proc/$(pid_of)/ns/user" '.linux.timeOffsets = { monotonic: { secs: 86400 } }
		| .linux.namespaces |= map(if .type == "user" then .path = $p else . end) + [{ type: "time" }]
		| del(.linux.uidMappings, .linux.gidMappings)'
	probe time + ns
	monotonic=$(host_clock MONOTONIC)
	run hull run "${ID}x" </dev/null
	assert_status 0
	ahead monotonic "$monotonic" 86400
}
