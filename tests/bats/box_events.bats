#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox events: what is told of containers, to whom, and that nothing of it is lost.

load helpers
load box

setup_file() {
	may_take 120
}

teardown() {
	[ -z "${FOLLOWERS:-}" ] || { kill -KILL $FOLLOWERS && wait $FOLLOWERS; } 2>/dev/null
	box_teardown
}

# ACTION[/DETAIL] of each event up to now.
past() {
	hullbox events --no-follow --format json |
		jq -r '[.action, .exitCode, .signal, .oldName, .health | values] | map(tostring) | join("/")'
}

# follow FILE [OPTION...]: in the background, and it has begun to.
follow() {
	"$HULLBOX" events --format json "${@:2}" >"$T/$1" 2>&1 3>&- &
	FOLLOWERS+=" $!"
	wait_until is_following "$!"
}
# It has read, or skipped, what was there.
is_following() {
	local fd
	for fd in "/proc/$1/fd/"*; do
		[[ $(readlink "$fd") != */events/current ]] ||
			! grep -q '^pos:[[:space:]]*[1-9]' "/proc/$1/fdinfo/${fd##*/}" || return 0
	done
	return 1
}
has_lines() { [ "$(wc -l <"$T/$2")" -ge "$1" ]; }

@test "box events: a container's life, each deed once and in order" {
	require conmon
	box_idle "$ID" --health-cmd true --health-interval 50ms
	is_told() { past | grep -qx "$1"; }
	wait_until is_told health_status/healthy
	hullbox pause "$ID"
	hullbox unpause "$ID"
	hullbox kill -s HUP "$ID"
	hullbox stop -t 0 "$ID"
	hullbox start "$ID"
	hullbox restart -t 0 "$ID"
	hullbox stop -t 0 "$ID"
	hullbox stop -t 0 "$ID"
	hullbox rename "$ID" "${ID}b"
	hullbox rm "${ID}b"
	assert_equal "$(past | grep -v '^health_status' | paste -sd' ')" "create start pause unpause kill/HUP die/137 stop start die/137 stop start restart die/137 stop rename/$ID destroy"
	output=$(hullbox events --no-follow --filter event=die --filter event=rename --filter container="${ID}b")
	assert_equal "$(wc -l <<<"$output")" 1
	matches "^20[0-9-]+T[0-9:]+\.[0-9]{9}Z  rename +[0-9a-f]{12}  ${ID}b  oldName=$ID\$"
	attempt hullbox events --filter color=red
	assert_status 2
	has_text "'color=red'"
}

@test "box events: who follows hears of what happens from then on, up to --until" {
	hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/true
	follow one
	follow two --filter event=destroy
	follow all --since 1h --filter event=create --filter container="$ID"
	hullbox create --net none --layer "$BASE" --name "${ID}b" -- /bin/true
	hullbox rm "${ID}b"
	wait_until has_lines 2 one
	wait_until has_lines 1 two
	wait_until has_lines 1 all
	assert_equal "$(jq -r '"\(.action)/\(.name)"' "$T/one" "$T/two" "$T/all" | paste -sd' ')" \
		"create/${ID}b destroy/${ID}b destroy/${ID}b create/$ID"
	run timeout 20 "$HULLBOX" events --since 1h --until 2020-01-01T00:00:00Z
	assert_status 0
	assert_equal "$output" ""
	run timeout 20 "$HULLBOX" events --since 1h --until "$(($(date +%s) + 1))" --format json
	assert_status 0
	assert_equal "$(jq -r .action <<<"$output" | paste -sd' ')" "create create destroy"
}

# rename_often NAME N: 2 N events, the container has its name again.
rename_often() {
	local i
	for i in $(seq "$2"); do
		hullbox rename "$1" "$1.x" && hullbox rename "$1.x" "$1" || return
	done
}

@test "box events: a full file makes place for another, and who follows misses nothing" {
	local name other all
	# About half of what is written below: the file is full once.
	export HULLBOX_MAX_EVENT_BYTES=8000
	for name in "${ID}a" "${ID}b"; do
		hullbox create --net none --layer "$BASE" --name "$name" -- /bin/true
	done
	follow one
	follow two
	# Two writers at once.
	rename_often "${ID}a" 12 3>&- &
	other=$!
	rename_often "${ID}b" 12
	wait "$other"
	[ -s "$BOX/events/previous" ]
	all=$(for i in $(seq 12); do printf '%s\n' "${ID}a" "${ID}a.x" "${ID}b" "${ID}b.x"; done | sort)
	wait_until has_lines 48 one
	wait_until has_lines 48 two
	assert_equal "$(jq -r .oldName "$T/one" | sort)" "$all"
	cmp "$T/one" "$T/two"
	# What was half-written by somebody who was killed isn't told, and spoils nothing.
	printf '\n{"time": 1, "action": "cre' >>"$BOX/events/current"
	hullbox rename "${ID}a" "${ID}c"
	wait_until has_lines 49 one
	assert_equal "$(tail -n 1 "$T/one" | jq -r .name)" "${ID}c"
	past >/dev/null
	# However much happens, two files are kept.
	export HULLBOX_MAX_EVENT_BYTES=600
	rename_often "${ID}b" 6
	# The last of them may have filled `current`: one more makes another.
	unset HULLBOX_MAX_EVENT_BYTES
	hullbox rename "${ID}b" "${ID}d"
	assert_equal "$(ls "$BOX/events" | paste -sd' ')" "current previous"
	[ "$(cat "$BOX"/events/* | wc -c)" -lt 4000 ]
}

@test "box events: nobody's disk is so full, nor a directory so odd, that a deed fails for its event" {
	mkdir -p "$BOX/events/current"
	attempt hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/true
	assert_status 0
	has_text "warning: write an event"
	rmdir "$BOX/events/current"
}
