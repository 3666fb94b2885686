#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox: a restart policy is kept when conmon, or who waits to begin the next life, is killed: the next
# command goes on with it, whichever it is.

load helpers
load box

setup_file() {
	may_take 120
}

# Without hullbox, any call of which would go on with what was killed.
saved() { sed -nE 's/^[[:space:]]*"'"$1"'": *"?([^",]*)"?,?$/\1/p' "$T/box/containers/$CID/state.json"; }
is_saved() { [ "$(saved "$1")" = "$2" ]; }
change_saved() {
	local dir=$T/box/containers/$CID
	sed -E 's/("'"$1"'": *)[0-9]+/\1'"$2"'/' "$dir/state.json" >"$dir/changed"
	mv "$dir/changed" "$dir/state.json"
}
begin() {
	require conmon
	box_idle "$ID" "$@"
	CID=$(box_state "$ID" id)
}

mark() { echo "$T/boxrun/restarts/$CID"; }
is_decided() { [ ! -e "$(mark)" ]; }
is_claimed() { grep -q "OFDLCK.*:$(stat -c %i "$(mark)") " /proc/locks; }

# Those that would begin it again: as conmon calls them. (Who keeps a log was forked by such a one.)
waiters() {
	local file pid
	for file in $(grep -las "$CID" /proc/[0-9]*/cmdline); do
		pid=${file#/proc/}
		pid=${pid%/cmdline}
		grep -qsx hullbox "/proc/$pid/comm" && tr '\0' ' ' 2>/dev/null <"$file" | grep -q " exited --lives=[0-9]* $CID" &&
			echo "$pid"
	done
	true
}
nobody_waits() { [ -z "$(waiters)" ]; }
one_waits() { [[ $(waiters) =~ ^[0-9]+$ ]] && is_claimed; }
is_gone() { ! kill -0 "$1" 2>/dev/null || is_zombie "$1"; }
kill_waiter() {
	local pid
	wait_until one_waits
	pid=$(waiters)
	kill -KILL "$pid"
	wait_until is_gone "$pid"
}

# Its life ends, and the next one is a minute away.
end_with_long_back_off() {
	change_saved backOffMs 40000
	change_saved started 4000000000000000000 # not a long life, however slow this is
	hullbox kill -s TERM "$ID"
	wait_until is_saved going false
	is_planned() { [ "$(saved restartAt)" != 0 ]; }
	wait_until is_planned
}

kill_conmon() {
	local conmon
	conmon=$(cat "$T/boxrun/containers/$CID/conmon.pid")
	kill -KILL "$conmon"
	wait_until is_gone "$conmon"
}

has_begun() { [ "$(hullbox logs "$ID" | grep -c ready)" = "$1" ]; }

at_once() {
	local n pids=()
	for n in 1 2 3 4; do
		"$HULLBOX" "$@" >/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
}

lives_on() { is_saved lives "$1" && is_saved going true && nobody_waits && [ "$(saved started)" != 0 ]; }
is_over() { is_saved going false && nobody_waits && is_decided; }

@test "box restart policy: who waits is killed: the next ps goes on with what is left of the back-off, once" {
	local at
	begin --restart always
	end_with_long_back_off
	kill_waiter
	at=$(saved restartAt)
	output=$(hullbox ps -a)
	matches "^${CID:0:12}  $ID +restarting"
	wait_until one_waits
	assert_equal "$(saved restartAt) $(saved backOffMs) $(saved lives)" "$at 60000 1"
	kill_waiter
	change_saved restartAt 1
	at_once ps
	wait_until lives_on 2
	assert_equal "$(saved restarts)" 1
	wait_until has_begun 2
	assert_equal "$(box_state "$ID" status) $(box_state "$ID" lives)" "running 2"
}

@test "box restart policy: conmon is killed, with its container or before it: the next ps begins the next life, once" {
	local pid conmon
	begin --restart always
	pid=$(box_state "$ID" pid)
	kill_conmon
	at_once ps
	wait_until lives_on 2
	is_gone "$pid"
	assert_equal "$(saved restarts) $(saved exitCode)" "1 137"
	pid=$(box_state "$ID" pid)
	conmon=$(cat "$T/boxrun/containers/$CID/conmon.pid")
	kill -STOP "$conmon"
	kill -KILL "$pid"
	kill_conmon
	at_once inspect "$ID"
	wait_until lives_on 3
	assert_equal "$(saved restarts) $(box_state "$ID" status)" "2 running"
}

@test "box restart policy: on-failure:N isn't exceeded by killing conmon" {
	begin --restart on-failure:1
	kill_conmon
	hullbox ps
	wait_until lives_on 2
	kill_conmon
	hullbox ps
	wait_until is_over
	at_once ps
	assert_equal "$(saved lives) $(saved restarts) $(saved exitCode)" "2 1 137"
	assert_equal "$(box_state "$ID" status)" stopped
	nobody_waits
}

@test "box restart policy: what somebody stopped or killed stays so, whoever was killed" {
	local conmon lives
	begin --restart always
	conmon=$(cat "$T/boxrun/containers/$CID/conmon.pid")
	kill -STOP "$conmon"
	hullbox kill "$ID"
	kill_conmon
	at_once ps
	wait_until is_over
	assert_equal "$(saved lives) $(saved wanted)" "1 false"
	hullbox start "$ID"
	wait_until has_begun 2
	end_with_long_back_off
	kill_waiter
	change_saved restartAt 1
	hullbox stop -t 0 "$ID" # before or after somebody has begun the next life
	wait_until is_over
	lives=$(saved lives)
	at_once ps
	nobody_waits
	assert_equal "$(saved lives) $(box_state "$ID" status)" "$lives stopped"
}

@test "box restart policy: who begins the next life is killed half-way: the next ps begins another" {
	local hull=$HULL_ITSELF waiter
	cat >"$T/slow-hull" <<-END
		#!/bin/sh
		case " \$* " in *" start "*)
			if [ -e "$T/hold" ]; then
				: >"$T/held"
				while [ -e "$T/hold" ]; do sleep 0.05; done
				exit 1
			fi ;;
		esac
		exec "$hull" "\$@"
	END
	chmod +x "$T/slow-hull"
	export HULLBOX_HULL=$T/slow-hull
	begin --restart always
	: >"$T/hold"
	hullbox kill -s TERM "$ID"
	wait_until test -e "$T/held"
	wait_until one_waits
	waiter=$(waiters)
	hullbox ps # finds that somebody does it
	assert_equal "$(waiters)" "$waiter"
	kill_waiter
	rm "$T/hold"
	at_once ps
	wait_until lives_on 3
	assert_equal "$(saved restarts) $(box_state "$ID" status)" "2 running"
}

@test "box restart policy: rm -f meanwhile leaves nothing" {
	local n pid
	for n in 1 2 3; do
		begin --restart always
		end_with_long_back_off
		kill_waiter
		change_saved restartAt 1
		"$HULLBOX" ps >/dev/null 3>&- &
		pid=$!
		hullbox rm -f "$ID"
		wait "$pid"
		assert_box_empty
	done
	# As if it had been killed in between.
	: >"$(mark)"
	hullbox ps
	wait_until is_decided
}

@test "box restart policy: what restart finds running again keeps its policy, whoever is killed then" {
	cat >"$T/late-hull" <<-END
		#!/bin/sh
		"$HULL_ITSELF" "\$@" || exit
		case " \$* " in
		*" kill "*)
			HULLBOX_HULL=$HULL_ITSELF "$T/begin" >/dev/null 2>&1 3>&- ;;
		esac
	END
	cat >"$T/begin" <<-END
		#!/bin/sh
		until "$HULLBOX" ps -a | grep -q "$ID .*stopped"; do sleep 0.05; done
		exec "$HULLBOX" start "$ID"
	END
	chmod +x "$T/late-hull" "$T/begin"
	begin --restart always
	HULLBOX_HULL=$T/late-hull attempt hullbox restart "$ID"
	assert_status 1
	has_text "is running"
	assert_equal "$(saved lives) $(saved going)" "2 true"
	test -e "$(mark)"
	kill_conmon
	hullbox ps
	wait_until lives_on 3
}
