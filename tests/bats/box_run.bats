#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox run and what becomes of the command: streams, exit status, isolation, what is left.

load helpers
load box

setup_file() {
	may_take 120
}

@test "box run: output and exit status are the command's" {
	require conmon
	attempt timeout 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- \
		/bin/sh -c 'echo out; echo err >&2; exit 3'
	assert_status 3
	has out err
	run --separate-stderr timeout 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- \
		/bin/sh -c 'echo out; echo err >&2'
	assert_status 0
	assert_equal "$output" out
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *err* ]]
}

@test "box run: as fast as it may end, status and output are there, twenty times" {
	local n
	for n in $(seq 20); do
		box_run --rm -- /bin/sh -c "echo $n; exit $n"
		assert_status "$n"
		has "$n"
	done
}

@test "box run: much output arrives whole" {
	timeout 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- \
		/bin/sh -c 'seq 1 200000' >"$T/numbers" 2>/dev/null </dev/null
	seq 1 200000 >"$T/expected"
	cmp "$T/numbers" "$T/expected"
}

@test "box run: killed by a signal is 128 + its number" {
	box_start "$ID" -- /bin/sleep 100
	hullbox kill "$ID"
	run hullbox wait "$ID"
	assert_equal "$output" 137
}

@test "box run: 127 for no such command, 126 for one that can't be executed, 125 for hullbox" {
	box_run --rm -- /nowhere
	assert_status 127
	has_text "/nowhere" "no such file"
	box_run --rm -- /etc
	assert_status 126
	has_text "/etc"
	attempt hullbox run --net none --rootfs "$T/nowhere" -- /bin/true
	assert_status 125
	has_text "$T/nowhere"
	attempt hullbox run --nonsense
	assert_status 125
	attempt env HULLBOX_CONMON=/nowhere "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral -- /bin/true
	assert_status 125
	has_text conmon
	attempt env HULLBOX_HULL=/bin/false "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral -- /bin/true
	assert_status 125
	# Nothing is kept of what never ran.
	assert_equal "$(HULLBOX_HULL=$HULL_ITSELF hullbox ps -aq)" ""
}

@test "box run: its processes only, PID 1 the command, its own host name and root" {
	box_run --rm --hostname mine -- /bin/sh -c 'ps; cat /proc/sys/kernel/hostname; ls /; echo $$'
	assert_status 0
	has mine 1
	assert_equal "$(grep -c '^ *[0-9]* root' <<<"$output")" 2
	lacks "$T"
}

@test "box run: the standard input with -i, none without" {
	output=$(echo typed | timeout 60 "$HULLBOX" run -i --net none --rootfs "$BASE" --ephemeral --rm -- /bin/cat 2>/dev/null)
	assert_equal "$output" typed
	output=$(echo typed | timeout 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- /bin/cat 2>/dev/null)
	assert_equal "$output" ""
	seq 1 100000 >"$T/expected"
	timeout 60 "$HULLBOX" run -i --net none --rootfs "$BASE" --ephemeral --rm -- /bin/cat \
		<"$T/expected" >"$T/numbers" 2>/dev/null
	cmp "$T/numbers" "$T/expected"
}

@test "box run: signals go to the command" {
	"$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --name "$ID" -- /bin/sh -c "$IDLE" \
		>"$T/out" 2>/dev/null </dev/null &
	local pid=$!
	wait_until out_has ready
	kill -TERM $pid
	ended $pid
	assert_status 9
}

@test "box run --rootfs: used as it is; --ephemeral: not changed, and what was written is gone" {
	cp -a "$BASE" "$T/rootfs"
	attempt hullbox run --net none --rootfs "$T/rootfs" --rm -- /bin/touch /made
	assert_status 0
	[ -e "$T/rootfs/made" ]
	attempt hullbox run --net none --rootfs "$T/rootfs" --ephemeral --name "$ID" -- /bin/sh -c 'ls /made /again; touch /again; rm /made'
	assert_status 0
	has_text "/made" "/again: No such file"
	[ -e "$T/rootfs/made" ] && [ ! -e "$T/rootfs/again" ]
	attempt hullbox start -a "$ID"
	has_text "/again: No such file"
}

@test "box run --layer: the upper wins, the layers stay, what is written stays with the container" {
	mkdir -p "$T/upper/etc"
	echo upper >"$T/upper/etc/which"
	box_start "$ID" --layer "$T/upper" -- /bin/sh -c 'cat /etc/which; echo more >>/etc/which; cat /etc/which; rm -f /bin/wc'
	hullbox wait "$ID"
	output=$(hullbox logs "$ID")
	has upper more
	assert_equal "$(cat "$T/upper/etc/which")" upper
	[ -e "$BASE/bin/wc" ]
	# Started again it finds what it wrote.
	hullbox start -a "$ID" >"$T/again" 2>/dev/null </dev/null
	assert_equal "$(grep -c more "$T/again")" 3
}

@test "box run: two from one base don't see each other's changes, and the base has none" {
	box_idle "$ID"
	box_idle "${ID}x"
	hullbox exec "$ID" /bin/touch /mine
	attempt hullbox exec "${ID}x" /bin/ls /mine
	assert_fails "No such file"
	[ ! -e "$BASE/mine" ]
}

@test "box run: the host's mount table has no entry of it" {
	box_idle "$ID"
	# But for the pin of its network namespace.
	diff -u "$T/mounts.before" <(grep -v "$T/boxrun/netns/" /proc/self/mountinfo)
	# Inside it is an overlay, in a namespace that is only its own.
	attempt hullbox exec "$ID" /bin/cat /proc/self/mounts
	matches '^[^ ]+ / overlay '
	has_text redirect_dir=nofollow
}

@test "box run -d: a name is used once, ids may be short" {
	box_idle "$ID"
	attempt hullbox run -d --net none --layer "$BASE" --name "$ID" -- /bin/true
	assert_status 125
	has_text "'$ID' is in use"
	local id
	id=$(box_state "$ID" id)
	assert_equal "${#id}" 64
	assert_equal "$(box_state "${id:0:12}" name)" "$ID"
	attempt hullbox inspect nonsense
	assert_status 1
	has_text "no such container: nonsense"
	attempt hullbox run -d --net none --layer "$BASE" --name 'a/b' -- /bin/true
	assert_status 125
}

@test "box run --rm: gone when it has ended, by itself" {
	box_start "$ID" --rm -- /bin/sleep 0.2
	no_container() { [ -z "$(hullbox ps -aq)" ]; }
	wait_until no_container
	assert_box_empty
}

@test "box attach: Ctrl-P Ctrl-Q leaves the terminal, typed at once or one by one, a Ctrl-P alone arrives, and who comes back can type" {
	box_start "$ID" -it -- /bin/sh -c 'echo ready; while read -r line; do [ "$line" != "$(printf "a\020b")" ] || echo matched; done'
	wait_until is_ready "$ID"
	cat >"$T/type" <<-'END'
		import os, pty, select, sys, termios, time
		end = time.monotonic() + 50
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], sys.argv[1:])
		seen = b""
		def until(text):
		    global seen
		    while text not in seen:
		        if not select.select([fd], [], [], end - time.monotonic())[0]:
		            sys.exit("nothing of %r in %r" % (text, seen))
		        seen += os.read(fd, 4096)
		# Before that Ctrl-Q is the terminal's own.
		while termios.tcgetattr(fd)[3] & termios.ICANON:
		    if time.monotonic() > end:
		        sys.exit("the terminal isn't raw")
		    time.sleep(0.01)
		# Behind what an earlier one left in the line.
		os.write(fd, b"\na\x10b\n")
		until(b"matched")
		seen = b""
		if os.environ["HOW"] == "once":
		    os.write(fd, b"x\x10\x11")
		else:
		    # The container's terminal shows what it gets: the x, and a ^P if that were passed on.
		    os.write(fd, b"x\x10")
		    until(b"x")
		    os.write(fd, b"\x11")
		until(b"goes on")
		if b"^P" in seen:
		    sys.exit("the key was passed on: %r" % seen)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	for how in once apart; do
		HOW=$how attempt timeout --foreground -k 5 60 python3 "$T/type" "$HULLBOX" attach "$ID"
		assert_status 0
		is_box_status running "$ID"
	done
}

@test "box attach: --detach-keys are the keys that leave the terminal, the container's or the call's; an empty list is none" {
	cat >"$T/type" <<-'END'
		import os, pty, select, sys, termios, time
		end = time.monotonic() + 50
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[2], sys.argv[2:])
		while termios.tcgetattr(fd)[3] & termios.ICANON:
		    if time.monotonic() > end:
		        sys.exit("the terminal isn't raw")
		    time.sleep(0.01)
		for keys, text in eval(sys.argv[1]):
		    seen = b""
		    os.write(fd, keys)
		    while text not in seen:
		        if not select.select([fd], [], [], end - time.monotonic())[0]:
		            sys.exit("nothing of %r in %r" % (text, seen))
		        seen += os.read(fd, 4096)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	type_to() { attempt timeout --foreground -k 5 60 python3 "$T/type" "$1" "$HULLBOX" "${@:2}"; }
	box_start "$ID" -it --detach-keys ctrl-x,q -- /bin/sh -c \
		'echo ready; while read -r line; do [ "$line" != end ] || exit 3; [ "$line" != "$(printf "\\030q")" ] || echo matched; echo "got $line"; done'
	wait_until is_ready "$ID"
	assert_equal "$(box_state "$ID" config.detachKeys)" ctrl-x,q
	# The usual ones are keys as others now, and so is the first of the new ones alone.
	type_to '[(b"\x10\x11a\n", b"got"), (b"\x18b\n", b"got"), (b"\x18\x18q", b"goes on")]' attach "$ID"
	assert_status 0
	is_box_status running "$ID"
	type_to '[(b"\nc\n", b"got c"), (b"\x1d", b"goes on")]' attach --detach-keys 'ctrl-]' "$ID"
	assert_status 0
	type_to '[(b"\x18q\n", b"matched"), (b"\x10\x11\n", b"got"), (b"end\n", b"end")]' attach --detach-keys= "$ID"
	assert_status 3
	type_to '[(b"x\n", b"got x"), (b"%", b"goes on")]' start -a --detach-keys=% "$ID"
	assert_status 0
	is_box_status running "$ID"
	run hullbox attach --detach-keys ctrl-p,,ctrl-q "$ID"
	assert_status 2
	has_text "'ctrl-p,,ctrl-q' isn't a list of at most 16 keys"
	run hullbox start --detach-keys x "$ID"
	assert_status 2
	has_text "without --attach"
	box_idle plain
	run hullbox attach --detach-keys x plain
	assert_status 2
	has_text "the container has no terminal"
}

@test "box run -it: a terminal, its size, and the status" {
	require script
	output=$(script -qec "stty rows 41 cols 132; $HULLBOX run -it --net none --rootfs $BASE --ephemeral --rm -- \
		/bin/sh -c 'tty; n=0; until [ \"\$(stty size)\" = \"41 132\" ] || [ \$((n += 1)) -gt 200 ]; do sleep 0.05; done; stty size; exit 5'" \
		/dev/null </dev/null) || status=$?
	assert_equal "$status" 5
	has_text /dev/pts/0 "41 132"
	attempt hullbox run -it --net none --rootfs "$BASE" --ephemeral --rm -- /bin/true
	assert_status 125
	has_text "needs a terminal"
}
