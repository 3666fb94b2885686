# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What bats files of hullbox load besides helpers.bash: a root of its own for each test, and after it
# the demand that nothing is left of its containers.
#
#   $BOX  its --root      $HULLBOX  the program      $BASE  a root file system (not to be changed)

: "${HULLBOX:=$top/hullbox}"
have_hullbox() { [ -x "$HULLBOX" ]; }
have_conmon() { command -v conmon >/dev/null; }

setup() {
	require hullbox || return
	common_setup || return
	BOX=$T/box
	BASE=$SHARED/rootfs
	# conmon gets as its arguments what the test can find it by. hull by itself: hullbox gives the path of
	# the cgroup, which systemd's manager has none of.
	export HULLBOX_ROOT=$BOX HULLBOX_RUNTIME=$T/boxrun HULLBOX_HULL=$HULL_ITSELF
}

hullbox() {
	"$HULLBOX" "$@"
}

# box_run ARGUMENT...: runs a command in the shared root file system, whose changes are thrown away,
# without a network; $output is what it printed (both streams), $status how it ended.
box_run() {
	attempt timeout --foreground -k 5 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral "$@"
	output=$(grep -v "^hullbox: warning: no limit of 1024 processes" <<<"$output") || true
}

# box_start NAME ARGUMENT...: one in the background, with a layer of its own.
box_start() {
	attempt timeout --foreground -k 5 60 "$HULLBOX" run -d --net none --layer "$BASE" --name "$@"
	assert_status 0
}

# In the background until it is stopped; ends with 9 when it is asked to. It says so when it is ready.
IDLE='trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
# is_ready NAME [LIVES]: its log holds what earlier lives said, too.
is_ready() { [ "$(hullbox logs "$1" 2>/dev/null | grep -c ready)" -ge "${2:-1}" ]; }
box_idle() {
	box_start "$@" -- /bin/sh -c "$IDLE"
	wait_until is_ready "$1"
}

# box_state NAME FIELD
box_state() {
	hullbox inspect "$1" | jq -r ".[0].$2"
}

is_box_status() { [ "$(box_state "$2" status)" = "$1" ]; }

# assert_table: in $output every cell begins where its column's heading does, after two spaces. Of headings that are one word.
assert_table() {
	awk 'NR == 1 { heads = $0 }
		{ for (i = 3; i <= length(heads); i++)
			if (substr(heads, i - 1, 2) ~ /^ [^ ]/ && substr($0, i - 2, 3) !~ /^  [^ ]/) exit 1 }' <<<"$output" || {
		say_output "expected a table"
		return 1
	}
}

# --- The dashboard's server ---

# serve [OPTION...]: at a port that is free; $URL is where, $TOKEN the secret.
serve() {
	# No later process of the test shall hold its pipe.
	"$HULLBOX" serve --listen 127.0.0.1:0 "$@" >"$T/url" 2>"$T/serve.err" 3>&- &
	SERVER=$!
	wait_until test -s "$T/url"
	URL=$(sed 's|/?token=.*||' "$T/url")
	TOKEN=$(sed 's|.*/?token=||' "$T/url")
}

# ask [CURL-OPTION...] PATH: the status on the first line, then the body.
ask() {
	local path=${*: -1}
	run --separate-stderr curl -s --max-time 20 -o "$T/body" -w '%{http_code}\n' "${@:1:$#-1}" "$URL$path"
	touch "$T/body"
	output+=$'\n'$(cat "$T/body")
	rm "$T/body"
}

with_token() { ask -H "Authorization: Bearer $TOKEN" "$@"; }

# One sample of the stream, when its figures are there: .cpuPercent needs two.
live_sample() {
	curl -sN --max-time 60 -H "Authorization: Bearer $TOKEN" "$URL/api/v1/live" | grep -m 1 "^data: .*cpuPercent" |
		sed 's/^data: //'
}

# --- Afterwards ---

# What processes of this test's conmon, hull and hullbox there are.
box_processes() {
	local file pid
	for file in $(grep -lasE -e "$T/box" /proc/[0-9]*/cmdline); do
		pid=${file#/proc/}
		pid=${pid%/cmdline}
		is_zombie "$pid" || is_ours "$pid" || echo "$pid $(tr '\0' ' ' <"$file" 2>/dev/null)"
	done
}
# Twice: one that was forked while the first look went on isn't seen by it, though its parent may be gone by then.
no_box_process() { [ -z "$(box_processes)" ] && [ -z "$(box_processes)" ]; }

assert_box_empty() {
	local left failed=0
	wait_until no_box_process || {
		box_processes >&2
		failed=1
	}
	left=$(find "$T/box/containers" "$T/box/names" "$T/boxrun/containers" "$T/boxrun/restarts" "$T/boxrun/hull" "$T/boxrun/netns" \
		"$T/boxrun/network/containers" -mindepth 1 -not -path '*/.seccomp*' 2>/dev/null | head)
	[ -z "$left" ] || {
		printf 'left of containers:\n%s\n' "$left" >&2
		failed=1
	}
	left=$(find $CGROUP/hullbox -mindepth 1 -maxdepth 1 -type d 2>/dev/null | grep -F -f <(cat "$T/box.ids" 2>/dev/null) || true)
	[ -z "$left" ] || {
		printf 'cgroups left:\n%s\n' "$left" >&2
		failed=1
	}
	return $failed
}

teardown() {
	box_teardown
}

box_teardown() {
	local id failed=0
	[ -n "${T:-}" ] || return 0
	[ -z "${SERVER:-}" ] || { kill -KILL "$SERVER" && wait "$SERVER"; } 2>/dev/null || true
	cd / || return
	if [ -d "$T/box" ]; then
		hullbox ps -aq --no-trunc >"$T/box.ids" || failed=1
		while read -r id; do
			hullbox rm -f "$id" >/dev/null || failed=1
		done <"$T/box.ids"
		assert_box_empty || failed=1
		rmdir "$CGROUP/hullbox" 2>/dev/null || true
	fi
	common_teardown || failed=1
	return $failed
}
