#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox: containers in the background, from their creation to their removal, and their restarts.

load helpers
load box

setup_file() {
	may_take 120
}

@test "box: created, running, paused, running, stopped" {
	require conmon
	attempt hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/sh -c "$IDLE"
	assert_status 0
	assert_equal "$(box_state "$ID" status)" created
	hullbox start "$ID"
	assert_equal "$(box_state "$ID" status)" running
	wait_until is_ready "$ID"
	hullbox pause "$ID"
	assert_equal "$(box_state "$ID" status)" paused
	grep -q 'frozen 1' "$(box_state "$ID" cgroup)/cgroup.events"
	hullbox unpause "$ID"
	assert_equal "$(box_state "$ID" status)" running
	hullbox stop "$ID"
	assert_equal "$(box_state "$ID" status)" stopped
	assert_equal "$(box_state "$ID" exitCode)" 9
}

@test "box ps: what runs; -a all; -q ids; json" {
	box_idle "$ID"
	attempt hullbox create --net none --layer "$BASE" --name "${ID}x" -- /bin/true
	output=$(hullbox ps)
	matches "^[0-9a-f]{12}  $ID +running "
	lacks "${ID}x"
	output=$(hullbox ps -a)
	matches "^[0-9a-f]{12}  ${ID}x +created "
	assert_equal "$(hullbox ps -aq | wc -l)" 2
	assert_equal "$(hullbox ps -a --format json | jq -r '.[] | select(.name == "'"$ID"'") | .status')" running
	assert_equal "$(hullbox ps --format json | jq length)" 1
}

@test "box stop: SIGTERM, and SIGKILL when the time is over; a paused one too" {
	box_idle "$ID"
	hullbox stop "$ID"
	assert_equal "$(box_state "$ID" exitCode)" 9
	box_start "${ID}x" -- /bin/sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	wait_until is_ready "${ID}x"
	hullbox stop -t 1 "${ID}x"
	assert_equal "$(box_state "${ID}x" exitCode)" 137
	hullbox start "$ID"
	wait_until is_ready "$ID" 2
	hullbox pause "$ID"
	hullbox stop "$ID"
	assert_equal "$(box_state "$ID" exitCode)" 9
}

@test "box restart: the same configuration and files, another life" {
	box_idle "$ID" -e ANSWER=42
	hullbox exec "$ID" /bin/sh -c 'echo kept >/kept'
	hullbox restart "$ID"
	output=$(hullbox exec "$ID" /bin/sh -c 'cat /kept; echo $ANSWER')
	has kept 42
	assert_equal "$(box_state "$ID" lives)" 2
}

@test "box rm: not one that runs, but with -f" {
	box_idle "$ID"
	attempt hullbox rm "$ID"
	assert_status 1
	has_text running
	hullbox rm -f "$ID"
	assert_box_empty
}

@test "box exec: in the container, its exit status, its input" {
	box_idle "$ID"
	attempt hullbox exec -e WHO=me -w /bin "$ID" /bin/sh -c 'echo $WHO; pwd; ps; exit 7'
	assert_status 7
	has me /bin
	has_text "sleep 0.05" "trap"
	output=$(echo typed | hullbox exec -i "$ID" /bin/cat)
	assert_equal "$output" typed
	output=$(echo typed | hullbox exec "$ID" /bin/cat)
	assert_equal "$output" ""
	hullbox stop "$ID"
	attempt hullbox exec "$ID" /bin/true
	assert_status 125
	has_text "isn't running"
}

@test "box exec: files and terminals of the caller stay outside; what goes through arrives whole and in order" {
	local of n
	box_idle "$ID"
	of='for n in 0 1 2; do readlink /proc/self/fd/$n; done'
	echo secret >"$T/log"
	"$HULLBOX" exec -i "$ID" /bin/sh -c "$of" <"$T/log" >>"$T/log" 2>&1
	run cat "$T/log"
	matches '^secret$'
	assert_equal "$(grep -c '^pipe:' "$T/log")" 3
	# A terminal: what it shows is the command's, and no more.
	run script -qec "$HULLBOX exec -i $ID /bin/sh -c '$of'" /dev/null </dev/null
	assert_equal "$(grep -c '^pipe:' <<<"$output")" 3
	# Both in one file, in order, one file for each, and more than a pipe holds.
	"$HULLBOX" exec "$ID" /bin/sh -c 'for n in 1 2 3 4; do echo $n; echo e$n >&2; done' >"$T/both" 2>&1
	assert_equal "$(paste -sd' ' "$T/both")" "1 e1 2 e2 3 e3 4 e4"
	"$HULLBOX" exec "$ID" /bin/sh -c 'echo one; echo two >&2' >"$T/one" 2>"$T/two"
	assert_equal "$(cat "$T/one") $(cat "$T/two")" "one two"
	head -c 3000000 /dev/urandom >"$T/much"
	"$HULLBOX" exec -i "$ID" /bin/sh -c 'cat; echo end >&2' <"$T/much" >"$T/much.out" 2>"$T/two"
	cmp "$T/much" "$T/much.out"
	assert_equal "$(cat "$T/two")" end
	# Who reads no further, and who leaves somebody behind, is waited for no longer than that.
	attempt timeout 60 "$HULLBOX" exec -i "$ID" /bin/sh -c 'read line; echo got' <"$T/much"
	assert_status 0
	attempt timeout 60 "$HULLBOX" exec "$ID" /bin/sh -c 'while :; do sleep 0.05; done & echo begun' >"$T/one"
	assert_status 0
	# What can't be written is said.
	"$HULLBOX" exec "$ID" /bin/echo text >/dev/full 2>"$T/two"
	grep -q "output is lost: write: No space" "$T/two"
	# Of its own accord it has nothing, and one that can't begin is still told of.
	"$HULLBOX" exec -d "$ID" /bin/sh -c "{ $of; } >/streams; echo done >/done" >"$T/one"
	is_done() { hullbox exec "$ID" /bin/cat /done >/dev/null 2>&1; }
	wait_until is_done
	assert_equal "$(hullbox exec "$ID" /bin/cat /streams | paste -sd' ')" "/dev/null /streams /dev/null"
	attempt hullbox exec -d "$ID" /bin/nothing
	assert_status 127
	has_text "hullbox: " "/bin/nothing"
}

@test "box exec: 125, 126 and 127 are hullbox's, 255 the command's; signals reach the command" {
	box_idle "$ID"
	attempt hullbox exec "$ID" /bin/sh -c 'exit 255'
	assert_status 255
	assert_equal "$output" ""
	attempt hullbox exec "$ID" /bin/nothing
	assert_status 127
	has_text nothing
	attempt hullbox exec "$ID" nothing
	assert_status 127
	hullbox exec "$ID" /bin/sh -c 'echo text >/plain'
	attempt hullbox exec "$ID" /plain
	assert_status 126
	has_text "ermission denied"
	attempt hullbox exec -u nobody-of-that-name "$ID" /bin/true
	assert_status 125
	attempt hullbox exec -d "$ID" /bin/nothing
	assert_status 127
	attempt hullbox exec "$ID" /bin/sh -c 'kill -9 $$'
	assert_status 137
	"$HULLBOX" exec "$ID" /bin/sh -c 'trap "exit 9" TERM; echo ready >/exec-ready; while :; do sleep 0.05; done' &
	pid=$!
	is_exec_ready() { hullbox exec "$ID" /bin/sh -c 'read l </exec-ready' 2>/dev/null; }
	wait_until is_exec_ready
	kill "$pid"
	attempt wait "$pid"
	assert_status 9
}

@test "box kill, wait: signals by name, the status when it ends and after" {
	box_idle "$ID"
	hullbox wait "$ID" >"$T/waited" 2>&1 &
	local pid=$!
	hullbox kill -s TERM "$ID"
	ended $pid
	assert_status 0
	assert_equal "$(cat "$T/waited")" 9
	assert_equal "$(hullbox wait "$ID")" 9
	attempt hullbox kill "$ID"
	assert_status 1
}

@test "box: of several containers one that fails doesn't keep the others from it, and each failure says whose it is" {
	attempt hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/sh -c 'exit 7'
	attempt hullbox create --net none --layer "$BASE" --name "${ID}bad" -- /nowhere
	attempt hullbox create --net none --layer "$BASE" --name "${ID}x" -- /bin/sh -c "$IDLE"
	run --separate-stderr hullbox start "${ID}none" "$ID" "${ID}bad" "${ID}x"
	assert_status 1
	assert_equal "$output" "$(printf '%s\n' "$ID" "${ID}x")"
	assert_equal "$(grep -c "^hullbox: no such container: ${ID}none$" <<<"$stderr")" 1
	assert_equal "$(grep -c "^hullbox: .*'${ID}bad'.*/nowhere" <<<"$stderr")" 1
	wait_until is_ready "${ID}x"
	wait_until is_box_status stopped "$ID"
	# What hull says of one that doesn't run has its id alone.
	run --separate-stderr hullbox pause "$ID" "${ID}none" "${ID}x"
	assert_status 1
	assert_equal "$output" "${ID}x"
	assert_equal "$(grep -c "^hullbox: .*'$ID'" <<<"$stderr")" 1
	assert_equal "$(grep -c "^hullbox: no such container: ${ID}none$" <<<"$stderr")" 1
	run --separate-stderr hullbox unpause "${ID}none" "${ID}x"
	assert_status 1
	assert_equal "$output" "${ID}x"
	run --separate-stderr hullbox kill -s TERM "$ID" "${ID}x"
	assert_status 1
	assert_equal "$output" "${ID}x"
	assert_equal "$(grep -c "^hullbox: .*'$ID'" <<<"$stderr")" 1
	run --separate-stderr hullbox wait "${ID}none" "$ID" "${ID}bad" "${ID}x"
	assert_status 1
	assert_equal "$output" "$(printf '%s\n' 7 127 9)"
	assert_equal "$(grep -c "^hullbox: no such container: ${ID}none$" <<<"$stderr")" 1
	# An option is judged once, before anything is done.
	run --separate-stderr hullbox stop -t never "$ID" "${ID}x"
	assert_status 2
	assert_equal "$(grep -c "^hullbox: .*--time" <<<"$stderr")" 1
	run --separate-stderr hullbox rm "${ID}none" "$ID" "${ID}x"
	assert_status 1
	assert_equal "$output" "$(printf '%s\n' "$ID" "${ID}x")"
}

@test "box rename, prune" {
	box_idle "$ID"
	hullbox rename "$ID" "${ID}x"
	assert_equal "$(box_state "${ID}x" status)" running
	attempt hullbox inspect "${ID}x" "$ID"
	assert_status 1
	lacks '[' '[{'
	box_start "$ID" -- /bin/true
	hullbox wait "$ID"
	attempt hullbox rename "${ID}x" "$ID"
	assert_status 1
	hullbox prune
	assert_equal "$(hullbox ps -a --format json | jq -r '.[].name')" "${ID}x"
}

lives_are() { [ "$(box_state "$2" lives)" -ge "$1" ]; }

@test "box restart: one with --rm stays with what it wrote, also where it can't be started again" {
	mkdir "$T/layer"
	box_idle "$ID" --layer "$T/layer" --rm
	hullbox exec "$ID" /bin/busybox touch /written
	hullbox restart "$ID"
	assert_equal "$(box_state "$ID" status) $(box_state "$ID" lives)" "running 2"
	hullbox exec "$ID" /bin/busybox test -e /written
	attempt hullbox restart -t nonsense "$ID"
	assert_status 2
	mv "$T/layer" "$T/elsewhere"
	attempt hullbox restart "$ID"
	assert_status 1
	wait_until no_box_process
	assert_equal "$(box_state "$ID" status)" stopped
	mv "$T/elsewhere" "$T/layer"
	hullbox restart "$ID"
	hullbox exec "$ID" /bin/busybox test -e /written
	hullbox stop "$ID"
	attempt hullbox inspect "$ID"
	assert_status 1
}

@test "box run --restart=on-failure:N: N times, later each time; not after success or stop" {
	box_start "$ID" --restart on-failure:2 -- /bin/sh -c 'exit 3'
	wait_until lives_are 3 "$ID"
	wait_until is_box_status stopped "$ID"
	wait_until no_box_process
	assert_equal "$(box_state "$ID" restarts)" 2
	assert_equal "$(box_state "$ID" backOffMs)" 200
	box_start "${ID}x" --restart on-failure -- /bin/true
	hullbox wait "${ID}x"
	wait_until no_box_process
	assert_equal "$(box_state "${ID}x" lives)" 1
}

@test "box run --restart=always: again and again, with its files, until it is stopped" {
	box_start "$ID" --restart always -- /bin/sh -c 'echo x >>/lives; wc -l </lives; sleep 0.05'
	wait_until lives_are 3 "$ID"
	hullbox stop "$ID"
	local n
	n=$(box_state "$ID" lives)
	wait_until no_box_process
	assert_equal "$(box_state "$ID" lives)" "$n"
	assert_equal "$(box_state "$ID" status)" stopped
	output=$(hullbox logs "$ID")
	has 1 2 3
}

# As after a loss of power: all of it is gone at once, and so is the runtime directory.
lose_power() {
	local pid ids pids file
	ids=$(ls "$T/boxrun/containers")
	pids=$(for file in $T/boxrun/containers/*/conmon.pid $T/boxrun/containers/*/pid; do echo "$(cat "$file")"; done)
	for pid in $pids; do
		kill -STOP "$pid"
	done
	for pid in $pids; do
		kill -KILL "$pid"
	done
	wait_until no_box_process
	for file in $ids; do
		"$HULL" --root "$T/boxrun/hull" delete --force "$file"
	done
	umount "$T"/boxrun/netns/*
	rm -rf "$T/boxrun"
}

@test "box start --restartable: what ran and has a restart policy" {
	box_idle "$ID" --restart always
	box_idle "${ID}x"
	lose_power
	hullbox ps # begins nothing after that
	hullbox start --restartable
	assert_equal "$(box_state "$ID" status)" running
	assert_equal "$(box_state "${ID}x" status)" stopped
}

@test "box start --restartable: not what had come to its end, nor is a loss of power a failure" {
	box_start "${ID}done" --restart on-failure -- /bin/true
	hullbox wait "${ID}done"
	box_start "${ID}gaveup" --restart on-failure:1 -- /bin/false
	gave_up() { [ "$(box_state "${ID}gaveup" lives) $(box_state "${ID}gaveup" going)" = "2 false" ]; }
	wait_until gave_up
	box_idle "$ID" --restart on-failure:1
	kill -KILL "$(box_state "$ID" pid)"
	has_begun_again() { [ "$(box_state "$ID" restarts)" = 1 ] && [ "$(box_state "$ID" started)" != 0 ]; }
	wait_until has_begun_again
	lose_power
	output=$(hullbox start --restartable)
	assert_equal "$output" "$(box_state "$ID" id)"
	assert_equal "$(box_state "$ID" status)" running
}

@test "box start --restartable: one that can't be started is a failure, when the others have been" {
	mkdir "$T/layer"
	box_idle "${ID}x" --layer "$T/layer" --restart always
	box_idle "$ID" --restart always
	lose_power
	rmdir "$T/layer"
	attempt hullbox start --restartable
	assert_status 1
	has_text "start '${ID}x': " "1 could not be started"
	assert_equal "$(box_state "$ID" status) $(box_state "${ID}x" status)" "running stopped"
}

@test "box start: options that mean nothing together are refused" {
	local words
	for words in "--restartable $ID" "--restartable -a" "--restartable -i" "-i $ID"; do
		# shellcheck disable=SC2086 # two words
		attempt hullbox start $words
		assert_status 2
		lacks "no such container"
	done
}

@test "box start --restartable: who shares a network begins after whom he shares it with" {
	box_idle "$ID" --restart always
	attempt hullbox run -d --net "container:$ID" --layer "$BASE" --restart always --name "${ID}x" -- /bin/sh -c "$IDLE"
	assert_status 0
	wait_until is_ready "${ID}x"
	lose_power
	hullbox start --restartable
	assert_equal "$(box_state "$ID" status) $(box_state "${ID}x" status)" "running running"
}

@test "box run --net container: the container that was meant is meant by its sharer later, too, whatever it is called" {
	local word
	box_idle "$ID"
	for word in "$ID" "$(box_state "$ID" id | cut -c 1-7)"; do
		attempt hullbox run -d --net "container:$word" --layer "$BASE" --name "${ID}x" -- /bin/sh -c "$IDLE"
		assert_status 0
		wait_until is_ready "${ID}x"
		assert_equal "$(box_state "${ID}x" config.net.other)" "$word"
		assert_equal "$(box_state "${ID}x" config.net.otherId)" "$(box_state "$ID" id)"
		hullbox rename "$ID" "${ID}new"
		# Another with the old name is another one.
		attempt hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/true
		assert_status 0
		hullbox stop "${ID}x"
		attempt hullbox start "${ID}x"
		assert_status 0
		wait_until is_ready "${ID}x" 2
		assert_equal "$(readlink "/proc/$(box_state "${ID}x" pid)/ns/net")" "$(readlink "/proc/$(box_state "${ID}new" pid)/ns/net")"
		hullbox rm -f "${ID}x" "$ID"
		hullbox rename "${ID}new" "$ID"
	done
	# One that isn't there yet is looked for later.
	attempt hullbox create --net "container:${ID}later" --layer "$BASE" --name "${ID}x" -- /bin/sh -c "$IDLE"
	assert_status 0
	hullbox rename "$ID" "${ID}later"
	hullbox start "${ID}x"
	hullbox rm -f "${ID}x"
	attempt hullbox create --net "container:${ID}later" --layer "$BASE" --name "${ID}x" -- /bin/sh -c "$IDLE"
	hullbox rm -f "${ID}later"
	run hullbox start "${ID}x"
	assert_status 1
	has_text "container '${ID}later', whose network" "there no longer"
}

@test "box: a loss of power: the next command settles what ran, and removes what has --rm" {
	box_idle "$ID"
	box_idle "${ID}x" --rm
	box_idle "${ID}y"
	lose_power
	attempt hullbox wait "$ID"
	assert_status 0
	assert_equal "$output" 137
	assert_equal "$(hullbox ps -a --format json | jq -r 'sort_by(.name) | .[] | .name, .going')" "$ID
false
${ID}y
false"
	hullbox events --no-follow --filter event=die --filter "container=${ID}y" | grep -q "exitCode=137"
}

# conmon waits for who is attached, as one does whose terminal is stopped, and sees no end of the container.
@test "box stop, rm -f: an attached process that reads no more is cut off" {
	local attached command
	for command in "stop -t 0" "rm -f"; do
		box_start "$ID" -- /bin/sh -c 'while :; do echo "$0"; done' "$(printf '%01000d' 0)"
		"$HULLBOX" attach "$ID" >/dev/null 2>&1 3>&- &
		attached=$!
		wait_until is_attached "$attached"
		kill -STOP "$attached"
		wait_until is_stuck "$(cat "$T"/boxrun/containers/*/conmon.pid)"
		# shellcheck disable=SC2086 # words
		attempt timeout 60 "$HULLBOX" $command "$ID"
		assert_status 0
		has_text "an attached process took no more of what '$ID' wrote, and was cut off"
		kill -KILL "$attached"
		wait "$attached" || true
		[ "$command" = "rm -f" ] || assert_equal "$(box_state "$ID" exitCode)" 137
		hullbox rm -f "$ID" 2>/dev/null || true
	done
	assert_box_empty
}
is_attached() { grep -qs sigmask "/proc/$1/fdinfo/"*; }
is_stuck() { [[ $(cat "/proc/$1/stack") == *unix_*send* ]]; }

# With another one nothing could be seen to run: a second life would begin on the same files.
@test "box: another runtime directory is refused while something runs in the one before" {
	local pid
	box_idle "$ID" --rm
	pid=$(box_state "$ID" pid)
	for command in prune ps "start $ID" "rm -f $ID"; do
		# shellcheck disable=SC2086 # words
		HULLBOX_RUNTIME=$T/other attempt hullbox $command
		assert_fails "with the runtime directory '$T/boxrun', and this call has '$T/other'"
	done
	HULLBOX_RUNTIME=$T/boxrun/. attempt hullbox --root "$BOX/../${BOX##*/}/" prune
	assert_status 0
	kill -0 "$pid"
	assert_equal "$(box_state "$ID" status)" running
	hullbox stop -t 0 "$ID"
	HULLBOX_RUNTIME=$T/other hullbox ps
}

@test "box run: options of more than a megabyte are read again" {
	local n i words=()
	for ((n = 0; n < 12; n++)); do
		words+=("$(printf "%0100000d" 0)")
	done
	box_start "$ID" -- /bin/sh -c 'sleep 600' "${words[@]}"
	[ "$(hullbox inspect "$ID" | wc -c)" -gt 1200000 ]
	hullbox stop -t 0 "$ID"
	hullbox start "$ID"
	hullbox rm -f "$ID"
	assert_box_empty
}

@test "box: conmon killed: the next command cleans up" {
	local pid conmon
	box_idle "$ID"
	pid=$(box_state "$ID" pid)
	conmon=$(cat "$T"/boxrun/containers/*/conmon.pid)
	kill -KILL "$conmon"
	wait_until is_zombie "$conmon"
	hullbox create --net none --layer "$BASE" --name "${ID}x" -- /bin/true
	wait_until is_zombie "$pid"
	assert_equal "$(box_state "$ID" status)" stopped
	assert_equal "$(box_state "$ID" exitCode)" 137
	assert_equal "$(ls "$T/boxrun/containers")" ""
	hullbox start "$ID"
	assert_equal "$(box_state "$ID" status)" running
}

@test "box run: hullbox killed at any point: the next command finds the rest" {
	local n pid delay
	for n in $(seq "${HULLBOX_KILLS:-30}"); do
		delay=0.$(printf %03d $((RANDOM % 250)))
		command timeout -s KILL "$delay" "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- \
			/bin/sleep 0.1 >/dev/null 2>&1 </dev/null || true
	done
	# What was started goes on to its end; what wasn't is taken down by this:
	hullbox prune
	sleep 0.3
	hullbox prune
	nothing() { hullbox prune && [ -z "$(hullbox ps -aq)" ]; }
	wait_until nothing
	assert_box_empty
}

@test "box: one that is being removed is gone, also when its lock went first" {
	local id
	hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/true
	id=$(box_state "$ID" id)
	# Who has found it waits for its lock; its remover renames it, and begins with that.
	exec 7<"$BOX/containers/$id/lock"
	flock 7
	"$HULLBOX" rm "$ID" >"$T/out" 2>&1 7<&- 3>&- &
	local pid=$!
	waits() { grep -q "FLOCK.*WRITE.*:$(stat -c %i "$BOX/containers/$id/lock") " <(grep -e '->' /proc/locks); }
	wait_until waits
	mv "$BOX/containers/$id" "$BOX/containers/$id.gone"
	rm "$BOX/containers/$id.gone/lock" "$BOX/names/$ID"
	exec 7<&-
	ended $pid
	cat "$T/out"
	assert_status 0
	hullbox prune
	assert_box_empty
}

@test "box: what somebody makes is left alone, and what nobody makes any more is removed" {
	local new
	new=$BOX/containers/$(printf '%064x' 1).new
	mkdir -p "$new"
	flock -s "$BOX/containers" "$HULLBOX" prune
	[ -d "$new" ]
	touch "$new/lock"
	flock "$new/lock" "$HULLBOX" prune
	[ -d "$new" ]
	rm "$new/lock"
	hullbox prune
	[ ! -e "$new" ]
}

@test "box: conmon, hull and hullbox killed at random: the next commands find the rest" {
	local n pids pid
	for n in $(seq "${HULLBOX_KILLS:-20}"); do
		"$HULLBOX" run -d --net none --layer "$BASE" --rm -- /bin/sleep 0.5 >/dev/null 2>&1 </dev/null &
		sleep "0.$(printf %03d $((RANDOM % 200)))"
		pids=$(box_processes | awk '{ print $1 }' | shuf -n 1)
		for pid in $pids; do
			kill -KILL "$pid" 2>/dev/null || true
		done
		wait $! || true
	done
	nothing() { hullbox prune >/dev/null && [ -z "$(hullbox ps -aq)" ]; }
	wait_until nothing
	assert_box_empty
}

@test "box: hullbox is killed while hull makes the container, which goes on: rm -f and stop end it all the same" {
	local pid command
	cat >"$T/slow-hull" <<-END
		#!/bin/sh
		case " \$* " in *" create "* | *" delete "* | *" kill "*) echo " \$* " >>"$T/calls" ;; esac
		case " \$* " in *" create "*) while [ ! -e "$T/go" ]; do sleep 0.05; done ;; esac
		exec "$HULL_ITSELF" "\$@"
	END
	chmod 755 "$T/slow-hull"
	export HULLBOX_HULL=$T/slow-hull
	for command in "rm -f" "stop -t 1"; do
		rm -f "$T/go" "$T/calls"
		"$HULLBOX" run --net none --layer "$BASE" --name "$ID" -- /bin/sleep 100 >/dev/null 2>&1 </dev/null 3>&- &
		pid=$!
		wait_until grep -qs " create " "$T/calls"
		kill -KILL $pid
		wait $pid || true
		# shellcheck disable=SC2086 # two or three words
		hullbox $command "$ID" >"$T/out" 2>&1 3>&- &
		pid=$!
		wait_until grep -qE " (delete|kill) " "$T/calls"
		touch "$T/go"
		ended $pid
		assert_status 0
		[ "$command" = "rm -f" ] || hullbox rm "$ID"
		assert_box_empty
	done
}

# conmon reads then what hull may have said, from what the container's process holds open, too.
@test "box: hull is killed when it has made the container: run says so, and nothing is left" {
	printf '#!/bin/sh\ncase " $* " in *" create "*) %q "$@" && kill -KILL $$ ;; esac\nexec %q "$@"\n' \
		"$HULL_ITSELF" "$HULL_ITSELF" >"$T/killed-hull"
	chmod 755 "$T/killed-hull"
	HULLBOX_HULL=$T/killed-hull attempt hullbox run -d --net none --layer "$BASE" --name "$ID" -- /bin/sleep 100
	assert_status 125
	has_text "hull was killed when the container was made"
	HULLBOX_HULL=$T/killed-hull attempt hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/sleep 100
	assert_status 0
	HULLBOX_HULL=$T/killed-hull attempt hullbox start "$ID"
	assert_status 1
	assert_equal "$(box_state "$ID" status)" stopped
	hullbox start "$ID"
	assert_equal "$(box_state "$ID" status)" running
	hullbox rm -f "$ID"
	assert_box_empty
}

# For when the power fails.
@test "box create: what a container means is on the disk before its name is taken" {
	require strace
	attempt strace -f -y -o "$T/trace" -e trace=fdatasync,renameat,renameat2,symlinkat \
		"$HULLBOX" create --net none --layer "$BASE" --name "$ID" -- /bin/true
	assert_status 0
	output=$(sed -nE 's/.* (fdatasync)\([0-9]+<.*\/([a-z]+\.json)>\).*= 0$/\1 \2/p
		s/.* rename[^"]*"[0-9a-f]{64}\.new", .*= 0$/publish/p
		s/.* symlinkat\(.*'"$ID"'"\) = 0$/name/p' "$T/trace" | paste -sd' ')
	assert_equal "$output" "fdatasync config.json fdatasync state.json publish name"
}

@test "box rm: of one in its back-off ends that" {
	box_start "$ID" --restart always -- /bin/sh -c 'exit 1'
	wait_until lives_are 4 "$ID"
	wait_until is_box_status stopped "$ID"
	hullbox rm -f "$ID"
	assert_box_empty
}

# The process has taken its place: a new container's directory, or an opened lock.
is_making() { compgen -G "$BOX/containers/*.new" >/dev/null; }
opened_lock() {
	[ "$(cat "/proc/$1/comm")" = "${HULLBOX##*/}" ] && readlink "/proc/$1/fd/"* 2>/dev/null | grep -q "containers/[0-9a-f]*/lock"
}
has_lives() { [ "$(box_state "$1" lives 2>/dev/null)" = "$2" ]; }

# begin ARGUMENT...: hullbox in the background, with no signal ignored as bash has it, and without the
# test's own open lock (holder): PID.
begin() {
	env --default-signal=HUP,INT,QUIT,TERM "$HULLBOX" "$@" >"$T/out" 2>"$T/err" </dev/null 3>&- {holder}>&- &
	PID=$!
}

# cancelled_by SIGNAL: $PID ends by it, at once, and says so.
cancelled_by() {
	kill -s USR1 "$PID" # which is for the command
	kill -s "$1" "$PID"
	status=0
	wait "$PID" || status=$?
	assert_equal "$status" $((128 + $(kill -l "$1")))
	output=$(cat "$T/err")
	has_text "interrupted by signal $(kill -l "$1")"
}

# Nothing is there of a container, without a sweep; no layer is half-made.
nothing_made() {
	assert_equal "$(find "$BOX/containers" "$BOX/names" "$T/boxrun/containers" "$BOX/layers/tmp" -mindepth 1 2>/dev/null)" ""
	[ ! -e "$T/data/ran" ]
}

@test "box run: a signal cancels it as long as it waits for a lock, and nothing is left of it" {
	require conmon
	ulimit -c 0
	local signal holder
	mkdir "$T/data"
	tar -C "$BASE" -cf "$T/base.tar" .
	hullbox image ls >/dev/null
	mkdir -p "$BOX/layers"
	exec {holder}>"$BOX/layers/lock"
	flock "$holder"
	for signal in HUP INT QUIT TERM; do
		begin run --net none --layer "$T/base.tar" -v "$T/data:/data" -- /bin/touch /data/ran
		wait_until is_making
		cancelled_by "$signal"
		nothing_made
	done
	# Who ignores it ignores it.
	(trap '' HUP && exec "$HULLBOX" run --net none --layer "$T/base.tar" -- /bin/sh -c 'sleep 0.3; echo ran' >"$T/out" 2>&1 3>&- {holder}>&-) &
	PID=$!
	wait_until is_making
	kill -HUP $PID
	exec {holder}>&-
	wait $PID || [ $? = 129 ] # it is passed on
	[ "$(hullbox ps -aq | wc -l)" = 1 ]
	hullbox rm "$(hullbox ps -aq)"
}

@test "box run: a signal cancels it while it unpacks, and nothing is left of it" {
	require conmon strace
	local signal
	mkdir "$T/data" "$T/big"
	cp -a "$BASE/." "$T/big"
	dd if=/dev/urandom of="$T/big/big" bs=1M count=16 status=none
	tar -C "$T/big" -cf "$T/big.tar" .
	for signal in HUP INT TERM; do
		attempt env --default-signal=HUP,INT,TERM strace -o "$T/trace" -e trace=pwrite64,write \
			-e "inject=pwrite64,write:signal=SIG$signal:when=30" \
			"$HULLBOX" run --net none --layer "$T/big.tar" -v "$T/data:/data" -- /bin/touch /data/ran
		assert_status $((128 + $(kill -l "$signal")))
		has_text "interrupted by signal"
		nothing_made
	done
}

@test "box run: a signal cancels it while a volume is filled, and as long as its command hasn't begun" {
	require conmon
	local holder
	mkdir -p "$T/data" "$T/layer/data"
	echo one >"$T/layer/data/file"
	hullbox volume create filled
	exec {holder}<"$BOX/volumes/filled"
	flock "$holder"
	begin run --net none --name one --layer "$BASE" --layer "$T/layer" -v filled:/data -v "$T/data:/mnt" -- /bin/touch /mnt/ran
	wait_until has_lives one 1
	cancelled_by INT
	nothing_made
	exec {holder}<&-
	assert_equal "$(ls -A "$BOX/volumes/filled/_data")" ""

	cat >"$T/hull" <<-END
	#!/bin/sh
	case " \$* " in
	*" create "*) until [ -s "$T/pid" ]; do sleep 0.05; done; kill -TERM "\$(cat "$T/pid")" ;;
	esac
	exec "$HULLBOX_HULL" "\$@"
	END
	chmod 755 "$T/hull"
	HULLBOX_HULL=$T/hull begin run --net none --layer "$BASE" -v "$T/data:/mnt" -- /bin/touch /mnt/ran
	echo "$PID" >"$T/pid"
	status=0
	wait "$PID" || status=$?
	assert_equal "$status" 143
	nothing_made
}

@test "box start -a: a signal cancels it as long as it waits for the container" {
	require conmon
	local holder id
	hullbox create --net none --rootfs "$BASE" --ephemeral --name one -- /bin/true
	id=$(hullbox ps -aq --no-trunc)
	exec {holder}<"$BOX/containers/$id/lock"
	flock "$holder"
	begin start -a one
	wait_until opened_lock "$PID"
	cancelled_by TERM
	exec {holder}<&-
	assert_equal "$(box_state one lives) $(box_state one status)" "0 created"
	# As cp does, which reads a stopped one's files.
	exec {holder}<"$BOX/containers/$id"
	flock "$holder"
	begin start -a one
	wait_until opened_lock "$PID"
	cancelled_by INT
	exec {holder}<&-
	assert_equal "$(box_state one lives)" 0
	attempt hullbox start -a one
	assert_status 0
}
