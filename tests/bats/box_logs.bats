#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox logs: what a container wrote, in bounded files, followed over their changes.

load helpers
load box

setup_file() {
	may_take 120
}

@test "box logs: both streams, to two; --tail; --timestamps; --since" {
	# What stands in the log in which order is for conmon to say: it reads two pipes.
	box_start "$ID" -- /bin/sh -c 'echo one; echo two >&2; until [ -e /go ]; do sleep 0.05; done
		printf three; sleep 0.1; printf "%s" " more"; echo; echo four'
	has_logged() { hullbox logs "$ID" 2>&1 | grep -qx "$1"; }
	wait_until has_logged one
	wait_until has_logged two
	# The container may end, and kill it, before it has ended by itself.
	hullbox exec "$ID" /bin/touch /go || [ $? = 137 ]
	hullbox wait "$ID"
	run --separate-stderr hullbox logs "$ID"
	assert_equal "$output" $'one\nthree more\nfour'
	# shellcheck disable=SC2154 # set by run
	assert_equal "$stderr" two
	assert_equal "$(hullbox logs --tail 1 "$ID")" four
	assert_equal "$(hullbox logs --tail 2 "$ID")" $'three more\nfour'
	assert_equal "$(hullbox logs --tail 0 "$ID" 2>&1)" ""
	output=$(hullbox logs -t "$ID")
	matches '^20[0-9-]+T[0-9:]+\.[0-9]+\+00:00 four$'
	assert_equal "$(hullbox logs --since 1h "$ID" 2>/dev/null | wc -l)" 3
	is_old() { [ -z "$(hullbox logs --since 1s "$ID" 2>&1)" ]; }
	wait_until is_old
	attempt hullbox logs --since nonsense "$ID"
	assert_status 2
	attempt hullbox logs --tail -1 "$ID"
	assert_status 2
}

@test "box logs -f: what comes, to the container's end" {
	box_start "$ID" -- /bin/sh -c 'echo first; until [ -e /go ]; do sleep 0.05; done; echo last'
	timeout 60 "$HULLBOX" logs -f "$ID" >"$T/out" 2>&1 </dev/null &
	local pid=$!
	wait_until out_has first
	# The container may end, and kill it, before it has ended by itself.
	hullbox exec "$ID" /bin/touch /go || [ $? = 137 ]
	ended $pid
	assert_status 0
	assert_equal "$(cat "$T/out")" $'first\nlast'
	assert_equal "$(timeout 10 "$HULLBOX" logs -f "$ID")" $'first\nlast'
}

@test "box run --log-max-size --log-max-files: so much and no more, the newest of it in order" {
	box_start "$ID" --log-max-size 16k --log-max-files 3 -- \
		/bin/sh -c 'i=0; while [ $i -lt 150 ]; do seq $((i * 20)) $((i * 20 + 19)); i=$((i + 1)); sleep 0.01; done'
	hullbox wait "$ID"
	local dir size
	dir=$(echo "$BOX"/containers/*/log)
	size=$(du -bc "$dir"/[0-9]* | awk 'END { print $1 }')
	[ "$size" -le $((3 * 16384)) ]
	# The third file is whole: two of them couldn't hold this.
	[ "$size" -gt $((2 * 16384)) ]
	hullbox logs "$ID" >"$T/numbers"
	seq "$(head -n 1 "$T/numbers")" 2999 | cmp - "$T/numbers"
	[ "$(wc -l <"$T/numbers")" -gt 500 ]
}

has_number() { grep -qx "$1" "$T/numbers"; }

@test "box logs -f: over many changes of the file nothing is lost" {
	local n pid
	mkdir "$T/go"
	# Who reads may be behind by what is kept and no more: each 500 lines are about one file.
	box_start "$ID" --log-max-size 16k --log-max-files 3 -v "$T/go:/go" -- /bin/sh -c 'i=0; while [ $i -lt 150 ]; do
		until [ -e /go/$((i / 25)) ]; do sleep 0.02; done
		seq $((i * 20)) $((i * 20 + 19)); i=$((i + 1)); sleep 0.01; done'
	timeout 60 "$HULLBOX" logs -f "$ID" >"$T/numbers" 2>/dev/null </dev/null &
	pid=$!
	for n in 0 1 2 3 4 5; do
		touch "$T/go/$n"
		wait_until has_number $((n * 500 + 499))
	done
	ended $pid
	assert_status 0
	seq 0 2999 | cmp - "$T/numbers"
}

@test "box logs -f: who is behind by more than what is kept goes on with the oldest there is" {
	local pid
	box_start "$ID" --log-max-size 16k --log-max-files 3 -- /bin/sh -c 'echo first; until [ -e /go ]; do sleep 0.05; done
		i=0; while [ $i -lt 150 ]; do seq $((i * 20)) $((i * 20 + 19)); i=$((i + 1)); sleep 0.01; done
		until [ -e /end ]; do sleep 0.05; done'
	"$HULLBOX" logs -f "$ID" >"$T/numbers" 2>/dev/null </dev/null 3>&- &
	pid=$!
	wait_until has_number first
	kill -STOP $pid
	hullbox exec "$ID" /bin/touch /go
	has_logged() { hullbox logs "$ID" | grep -qx "$1"; }
	wait_until has_logged 2999
	kill -CONT $pid
	wait_until has_number 2999
	# The container may end, and kill it, before it has ended by itself.
	hullbox exec "$ID" /bin/touch /end || [ $? = 137 ]
	ended $pid
	assert_status 0
	# The rest of the file that it had open, then what is kept: nothing twice, and in order.
	sed -i 1d "$T/numbers"
	[ "$(wc -l <"$T/numbers")" -lt 3000 ]
	sort -nuc "$T/numbers"
	seq 2500 2999 | cmp - <(tail -n 500 "$T/numbers")
}

@test "box logs: a container takes none of the few inotify instances, and -f works without one" {
	box_start "$ID" -- /bin/sh -c 'echo first; until [ -e /go ]; do sleep 0.05; done; echo last'
	watcher() { find /proc/[0-9]*/fd -lname "$BOX/containers/*/log" 2>/dev/null | grep -o '^/proc/[0-9]*' | grep -m 1 .; }
	# Who has just been forked is called as its parent yet.
	is_watching() { [ "$(cat "$(watcher)/comm")" = hullbox-log ]; }
	wait_until is_watching
	assert_equal "$(find "$(watcher)/fd" -lname '*inotify*' | wc -l)" 0
	# This limit is the user namespace's own; that below fs/inotify would be the host's.
	timeout 60 unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"' sh \
		"$HULLBOX" logs -f "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	local pid=$!
	wait_until out_has first
	# The container may end, and kill it, before it has ended by itself.
	hullbox exec "$ID" /bin/touch /go || [ $? = 137 ]
	ended $pid
	assert_status 0
	assert_equal "$(cat "$T/out")" $'first\nlast'
}

@test "box run --log-max-files 1: one file" {
	box_start "$ID" --log-max-size 4k --log-max-files 1 -- /bin/sh -c 'seq 1 2000'
	hullbox wait "$ID"
	assert_equal "$(cd "$BOX"/containers/*/log && ls)" current
	[ "$(stat -c %s "$BOX"/containers/*/log/current)" -le 8192 ]
	assert_equal "$(hullbox logs --tail 1 "$ID")" 2000
}
