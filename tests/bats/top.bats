#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# top: all containers with their figures, as a table, as JSON, and on a terminal, which is as it was
# however the command ends.

# bats file_tags=everyone
load helpers

sleeping() {
	shell 'sleep 1000'
	create "$1"
	start "$1"
}

# samples N...: top's JSON in the background, $TOP; arrays go to $T/top.
samples() {
	"$HULL" --root "$ROOT" top --format json -i 50ms >"$T/top" 2>"$T/top.err" 3>&- </dev/null &
	TOP=$!
}

last_has() { tail -n 1 "$T/top" | jq -e "$1" >/dev/null 2>&1; }

busy_one_first() {
	run hull top
	[ "$status" = 0 ] && [[ ${lines[1]} =~ ^$ID\ +running\ +[1-9] ]]
}

busy_by_json() {
	run hull top --once --format json
	jq -e '.[0].cpuPercent > 5' <<<"$output" >/dev/null
}

@test "a busy container, one that sleeps, a created, a paused and a stopped one, in one table" {
	shell 'while :; do :; done'
	create
	start
	sleeping "${ID}p"
	echo 1 >"$(cgroup_of "${ID}p")/cgroup.freeze"
	wait_status paused "${ID}p"
	create "${ID}c"
	args /bin/true
	create "${ID}s"
	start "${ID}s"
	wait_status stopped "${ID}s"
	# On a busy host it may not get a turn in each sample.
	wait_until busy_one_first
	assert_equal "${#lines[@]}" 5
	matches "^ID +STATUS +CPU% +MEMORY +LIMIT +PIDS"
	matches "^${ID}p +paused +0\\.0 "
	matches "^${ID}c +created +"
	matches "^${ID}s +stopped +- +- +- +- "
	wait_until busy_by_json
	assert_equal "${#lines[@]}" 1
	assert_equal "$(jq -c 'map(.status)' <<<"$output")" '["running","created","paused","stopped"]'
	jq -e '.[0].cpuTotal > 0 and .[2].cpuPercent == 0 and .[3].cpuPercent == null' <<<"$output" >/dev/null
	# what this host can't measure is absent
	jq -e --argjson there "$([ -e "$(cgroup_of)/pids.current" ] && echo true || echo false)" \
		'all(.[:3][]; (.pids.current != null) == $there)' <<<"$output" >/dev/null
	echo 0 >"$(cgroup_of "${ID}p")/cgroup.freeze"
}

@test "nothing there, no cgroup, a number of samples, bad options" {
	run hull top
	assert_status 0
	assert_equal "${#lines[@]}" 1
	shell 'sleep 1000'
	attempt hull --cgroup-manager disabled create "$ID"
	assert_status 0
	run hull top -n 3 -i 20ms --format json
	assert_status 0
	assert_equal "${#lines[@]}" 3
	assert_equal "$(jq -c '.[] | [.id, .status, .cpuTotal]' <<<"${lines[2]}")" "[\"$ID\",\"created\",null]"
	run hull top -i 0
	assert_fails interval
	run hull top "$ID"
	assert_fails
}

@test "containers come and go while it runs" {
	samples
	wait_until last_has '. == []'
	sleeping "$ID"
	wait_until last_has "map(.id) == [\"$ID\"] and .[0].cpuPercent != null"
	hull delete --force "$ID"
	wait_until last_has '. == []'
	# Another of the same name isn't compared with the one before.
	sleeping "$ID"
	wait_until last_has "map(.id) == [\"$ID\"]"
	kill "$TOP"
	ended "$TOP"
	assert_equal "$(jq -c 'select(any(.[]; .cpuPercent != null and .cpuPercent < 0))' "$T/top")" ""
	assert_equal "$(cat "$T/top.err")" ""
}

# on_terminal WAY: top on a pseudo-terminal, ended by a key, Ctrl-C, or a signal; prints facts.
on_terminal() {
	python3 - "$1" "$HULL" "$ROOT" "$ID" <<-'END'
		import fcntl, os, pty, re, select, signal, struct, sys, termios
		way, hull, root, name = sys.argv[1:]
		master, slave = pty.openpty()
		def size(rows, columns):
		    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
		size(10, 200)
		before = termios.tcgetattr(slave)
		child = os.fork()
		if child == 0:
		    os.setsid()
		    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
		    for fd in range(3):
		        os.dup2(slave, fd)
		    os.execv(hull, [hull, "--root", root, "top", "-i", "1h"])
		seen = b""
		def until(what):
		    global seen
		    while not re.search(what, seen, re.S):
		        if not select.select([master], [], [], 20)[0]:
		            sys.exit(f"waited in vain for {what}: {seen}")
		        seen += os.read(master, 65536)
		until(rb"\x1b\[\?1049h.*" + name.encode() + rb" +running.*\x1b\[J")
		print("raw", not termios.tcgetattr(slave)[3] & termios.ICANON)
		seen = b""
		size(10, 20)
		until(rb"\x1b\[H.*\x1b\[J")
		print("longest", max(len(re.sub(rb"\x1b\[[0-9?]*[A-Za-z]", b"", line).strip(b"\r")) for line in seen.split(b"\n")))
		if way.startswith("key:"):
		    os.write(master, bytes([int(way[4:])]))
		else:
		    os.kill(child, getattr(signal, way))
		status = os.waitpid(child, 0)[1]
		until(rb"\x1b\[\?1049l")
		print("restored", termios.tcgetattr(slave) == before, b"\x1b[?25h" in seen)
		print("status", os.waitstatus_to_exitcode(status))
	END
}

@test "on a terminal: a screen of its own, drawn anew when the window changes, put back by q, Ctrl-C and signals" {
	require python
	local way
	sleeping "$ID"
	for way in key:113 key:3; do
		run on_terminal "$way"
		assert_status 0
		has "raw True" "longest 20" "restored True True" "status 0"
	done
	for way in SIGTERM SIGHUP; do
		run on_terminal "$way"
		assert_status 0
		has "raw True" "restored True True"
		matches '^status -(15|1)$'
	done
}

# The rounds are the longest part of it: MANY makes them fewer (tools/run-tests).
# bats test_tags=real_root
@test "hundreds of containers: each is in the table and in each array, with few descriptors" {
	local many=${MANY:-200} i n
	args /bin/probe wait-signal
	for ((i = 1; i <= many; i++)); do
		hull create --bundle "$BUNDLE" "$ID-$i" </dev/null >>"$T/created" 2>&1
	done
	hull start "$ID-1"
	hull start "$ID-2"
	echo 1 >"$(cgroup_of "$ID-2")/cgroup.freeze"
	wait_status paused "$ID-2"
	run bash -c 'ulimit -n 24; exec "$@"' bash "$HULL" --root "$ROOT" top -n 2 -i 50ms --format json
	assert_status 0
	assert_equal "${#lines[@]}" 2
	for n in 0 1; do
		assert_equal "$(jq -c '[length, (map(.id) | unique | length), (map(select(.cpuTotal == null)) | length)]' <<<"${lines[n]}")" "[$many,$many,0]"
		assert_equal "$(jq -c 'map(.status) | group_by(.) | map([.[0], length]) | add' <<<"${lines[n]}")" \
			"[\"created\",$((many - 2)),\"paused\",1,\"running\",1]"
	done
	run bash -c 'ulimit -n 24; exec "$@"' bash "$HULL" --root "$ROOT" top --once
	assert_status 0
	assert_equal "${#lines[@]}" $((many + 1))
	for ((i = 1; i <= many; i++)); do
		n=created
		[ $i != 1 ] || n=running
		[ $i != 2 ] || n=paused
		[[ $output == *$'\n'"$ID-$i "*([!$'\n'])" $n "* ]] || {
			say_output "no line for $i"
			return 1
		}
	done
	echo 0 >"$(cgroup_of "$ID-2")/cgroup.freeze"
}

# What a processor has taken in advance it may give back between the two looks.
tells_figures() {
	run hull top --once --format json
	jq -e --argjson m "$(cat "$(cgroup_of)/memory.current")" --argjson p "$(cat "$(cgroup_of)/pids.current")" '.[0]
		| .memory.limit == 67108864 and .pids == { current: $p, limit: 50 } and .io.read >= 0
			and .pressure.memory >= 0 and (.memory.usage - $m | fabs) <= $m / 20' <<<"$output" >/dev/null
}

# bats test_tags=vm-only
@test "figures of memory, processes, I/O and limits are the cgroup's" {
	config '.linux.resources.memory.limit = 67108864 | .linux.resources.pids.limit = 50'
	sleeping "$ID"
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused "$ID"
	wait_until tells_figures
	run hull top
	matches "^$ID +paused +0\\.0 +[0-9.]+[KM] +64\\.0M +$(cat "$(cgroup_of)/pids.current") "
	echo 0 >"$(cgroup_of)/cgroup.freeze"
}
