#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox's health checks: what runs in the container, what becomes of it, and who runs it.

load helpers
load box

setup_file() {
	may_take 120
}

# check NAME OPTION...: one in the background that is well as long as it has a file /well.
WELL='echo looking; test -e /well'
check() {
	box_idle "$1" --health-cmd "$WELL" --health-interval 100ms "${@:2}"
}
inside() { hullbox exec "$1" /bin/sh -c "$2"; }
health() { box_state "$1" "health.$2"; }
is_health() { [ "$(health "$2" status)" = "$1" ]; }
is_streak() { [ "$(health "$2" failingStreak)" -ge "$1" ]; }
is_watched() { [ "$(health "$1" 'watcher // 0')" -gt 0 ]; }
has_results() { [ "$(health "$2" 'log | length')" -ge "$1" ]; }
# watchers: the pids of all processes that check a container of this test.
watchers() {
	local lock pid
	for lock in "$T"/boxrun/containers/*/health; do
		[ ! -s "$lock" ] || pid=$(cat "$lock")
		[ -z "${pid:-}" ] || [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != hullbox-health ] || echo "$pid"
	done
}
# is_ended COMMAND NAME: all of the command, for a pid may have any digits.
is_ended() { ! hullbox top "$2" | grep -q "$1"; }
is_gone() { ! kill -0 "$1" 2>/dev/null || is_zombie "$1"; }

@test "box health: starting, healthy, unhealthy, healthy again, as the check in the container says" {
	require conmon
	check "$ID" --health-start-period 1h --health-start-interval 100ms --health-retries 2
	assert_equal "$(health "$ID" status)" starting
	wait_until has_results 3 "$ID"
	# Failures in the start period don't count.
	assert_equal "$(health "$ID" status)/$(health "$ID" failingStreak)" starting/0
	inside "$ID" ': >/well'
	wait_until is_health healthy "$ID"
	inside "$ID" 'rm /well'
	wait_until is_health unhealthy "$ID"
	[ "$(health "$ID" failingStreak)" -ge 2 ]
	output=$(hullbox ps)
	matches " running .* \(unhealthy\) "
	assert_equal "$(hullbox ps --format json | jq -r '.[0].health.status')" unhealthy
	wait_until has_results 5 "$ID"
	assert_equal "$(health "$ID" 'log[-1].output')/$(health "$ID" 'log[-1].exitCode')" looking/1
	inside "$ID" ': >/well'
	wait_until is_health healthy "$ID"
	assert_equal "$(health "$ID" failingStreak)" 0
	assert_equal "$(health "$ID" 'log | length')" 5
	hullbox stop "$ID"
	assert_equal "$(health "$ID" watched)" false
	assert_equal "$(watchers)" ""
}

@test "box health: nothing is known before the first interval is over; without a check there is nothing" {
	box_idle "$ID" --health-cmd true
	assert_equal "$(health "$ID" status)" starting
	assert_equal "$(health "$ID" 'log | length')" 0
	assert_equal "$(health "$ID" intervalMs)/$(health "$ID" timeoutMs)/$(health "$ID" retries)" 30000/30000/3
	wait_until is_watched "$ID"
	box_idle "${ID}x"
	assert_equal "$(health "${ID}x" status)" null
	[ ! -e "$T/boxrun/containers/$(box_state "${ID}x" id)/health" ]
	attempt hullbox create --net none --layer "$BASE" --no-healthcheck --health-cmd true -- /bin/true
	assert_status 2
	has_text "'--no-healthcheck' contradicts --health-cmd"
	attempt hullbox create --net none --layer "$BASE" --health-cmd '' -- /bin/true
	assert_status 2
}

@test "box health: a check that takes too long is killed, with what it started, and counts as a failure" {
	box_idle "$ID" --health-interval 50ms --health-timeout 2s --health-retries 1 \
		--health-cmd 'test ! -e /go || exit 0; sleep 7777 & sleep 7777'
	wait_until is_health unhealthy "$ID"
	assert_equal "$(health "$ID" 'log[0].exitCode')" -1
	output=$(health "$ID" 'log[0].output')
	has_text "longer than its 2000 ms"
	inside "$ID" ': >/go'
	wait_until is_health healthy "$ID"
	wait_until is_ended "sleep 7777" "$ID"
}

@test "box health: its output is kept up to 4096 bytes, and who keeps it open isn't waited for" {
	box_idle "$ID" --health-interval 50ms --health-cmd 'sleep 60 & seq 100000'
	wait_until has_results 1 "$ID"
	assert_equal "$(health "$ID" 'log[0].exitCode')" 0
	assert_equal "$(health "$ID" 'log[0].output | length')" 4096
	assert_equal "$(health "$ID" 'log[0].output' | sed -n 100p)" 100
}

@test "box health: each life begins anew, with one who checks, and none after it" {
	local first second
	check "$ID" --restart always
	inside "$ID" ': >/well'
	wait_until is_health healthy "$ID"
	first=$(watchers)
	assert_equal "$(health "$ID" watcher)" "$first"
	# The container may end, and kill it, before it has ended by itself.
	inside "$ID" 'rm /well; kill 1' || [ $? = 137 ]
	is_second() { [ "$(box_state "$ID" restarts)" = 1 ] && is_watched "$ID" && is_box_status running "$ID"; }
	wait_until is_second
	wait_until is_gone "$first"
	second=$(watchers)
	assert_equal "$(health "$ID" watcher)" "$second"
	wait_until is_health unhealthy "$ID"
	hullbox stop "$ID"
	wait_until is_gone "$second"
	hullbox start "$ID"
	wait_until is_health unhealthy "$ID"
	hullbox rm -f "$ID"
	assert_equal "$(watchers)" ""
}

@test "box health: when nobody checks any more ps says so, and the next command finds somebody" {
	local watcher streak other
	box_idle "$ID" --health-interval 50ms --health-retries 1 \
		--health-cmd 'test -e /wait || exit 1; echo $$ >/waits; sleep 7777'
	wait_until is_health unhealthy "$ID"
	wait_until is_streak 3 "$ID"
	inside "$ID" ': >/wait'
	wait_until inside "$ID" 'test -s /waits'
	watcher=$(watchers)
	kill -KILL "$watcher"
	wait_until is_gone "$watcher"
	output=$(hullbox ps)
	has_text "(unhealthy, nobody checks)"
	assert_equal "$(health "$ID" watched)/$(health "$ID" watcher)" false/null
	streak=$(health "$ID" failingStreak)
	[ "$streak" -ge 3 ]
	inside "$ID" 'rm /wait'
	# Any of them: there is only one afterwards, and the check that nobody waited for is ended.
	hullbox start "$ID" 3>&- &
	other=$!
	hullbox start "$ID" 3>&-
	wait "$other"
	wait_until is_watched "$ID"
	assert_equal "$(watchers | wc -l)" 1
	wait_until is_streak $((streak + 1)) "$ID"
	wait_until is_ended "sleep 7777" "$ID"
}

@test "box health: who checks ends with the monitor, however that ends" {
	local watcher
	check "$ID"
	wait_until is_watched "$ID"
	watcher=$(watchers)
	kill -KILL "$(cat "$T"/boxrun/containers/*/conmon.pid)"
	wait_until is_gone "$watcher"
	hullbox rm -f "$ID"
}

@test "box health: a paused container isn't checked" {
	box_idle "$ID" --health-interval 20ms --health-retries 1 --health-cmd true
	wait_until is_health healthy "$ID"
	hullbox pause "$ID"
	# A check would fail: nothing can be executed in it.
	sleep 1
	assert_equal "$(health "$ID" status)/$(health "$ID" failingStreak)" healthy/0
	hullbox unpause "$ID"
	last=$(date +%s%N)
	is_later() { [ "$(health "$ID" 'log[-1].start')" -gt "$last" ]; }
	wait_until is_later
}

@test "box health: a program that isn't there is a failure that says so" {
	box_idle "$ID" --health-interval 50ms --health-retries 1 --health-cmd 'exec /nowhere/at-all'
	wait_until is_health unhealthy "$ID"
	output=$(health "$ID" 'log[0].output')
	has_text /nowhere/at-all
}

# image NAME HEALTHCHECK: a layout $T/NAME of the shared root file system; HEALTHCHECK is Python.
image() {
	[ -e "$T/root.tar" ] || tar -C "$BASE" -cf "$T/root.tar" .
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/helpers python3 - "$T/$1" "$T/root.tar" <<-END
		import sys
		from oci_layout import *
		l = Layout(sys.argv[1])
		l.add(l.image([open(sys.argv[2], "rb").read()], {"Cmd": ["/bin/sh", "-c", "echo ready; sleep 1000"],
			"Healthcheck": $2}), "v1")
		l.save()
	END
}
box_run_image() {
	attempt timeout --foreground -k 5 60 "$HULLBOX" run -d --net none --name "$@"
	assert_status 0
}

@test "box health: an image's check, what is asked for over it, and none" {
	image app '{"Test": ["CMD", "/bin/sh", "-c", "echo of the image"], "Interval": 50000000, "Retries": 7}'
	box_run_image "$ID" --image "$T/app"
	wait_until is_health healthy "$ID"
	assert_equal "$(health "$ID" 'log[0].output')" "of the image"
	assert_equal "$(health "$ID" retries)" 7
	hullbox stop -t 0 "$ID"
	box_run_image "${ID}b" --health-retries 2 --health-cmd 'echo mine' --image "$T/app"
	wait_until is_health healthy "${ID}b"
	assert_equal "$(health "${ID}b" 'log[0].output')/$(health "${ID}b" retries)" mine/2
	box_run_image "${ID}c" --no-healthcheck --image "$T/app"
	assert_equal "$(health "${ID}c" status)" null
	# It goes with what is committed.
	hullbox commit --layout "$ID" "$T/copy:v1"
	grep -qF '"Healthcheck":{"Test":["CMD","/bin/sh","-c","echo of the image"],"Interval":50000000,"Retries":7}' \
		"$T"/copy/blobs/sha256/*
}
