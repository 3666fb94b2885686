#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every row of exec fails, before its deed and after it, and every living role is killed at every
# row: the error names the row, nothing of the process is left, and the container hasn't noticed.
# bats file_tags=everyone

load helpers

setup() {
	common_setup
	require hull_test python
}

teardown() {
	[ -z "${SINK:-}" ] || kill -KILL "$SINK" 2>/dev/null || true
	common_teardown
}

# At the other end of the sockets: takes everything, says nothing.
sink() {
	env -u HULL_TEST_MARK python3 - "$T" <<-'END' &
		import os, selectors, socket, sys
		top = sys.argv[1]
		events = selectors.DefaultSelector()
		kept = []
		for name in ("console", "pidfd", "seccomp"):
		    server = socket.socket(socket.AF_UNIX)
		    server.bind(f"{top}/{name}.sock")
		    server.listen(100)
		    events.register(server, selectors.EVENT_READ, "listener")
		while True:
		    for key, _ in events.select():
		        if key.data == "listener":
		            events.register(key.fileobj.accept()[0], selectors.EVENT_READ, "peer")
		            continue
		        data, fds, _, _ = socket.recv_fds(key.fileobj, 4096, 4)
		        # The last ones are kept, for without its master a terminal ends.
		        kept += fds
		        for fd in kept[:-20]:
		            os.close(fd)
		        kept = kept[-20:]
		        if not data:
		            events.unregister(key.fileobj)
		            key.fileobj.close()
	END
	SINK=$!
	wait_until test -S "$T/seccomp.sock"
}

# A container whose exec skips as few rows as one can.
everything() {
	sink
	mkdir -p rootfs/etc
	echo 'user:x:1000:1000::/home:/bin/sh' >rootfs/etc/passwd
	echo 'user:x:1000:' >rootfs/etc/group
	config '.process.oomScoreAdj = 500 | .linux.personality = { domain: "LINUX" }
		| .process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }]
		| .process.scheduler = { policy: "SCHED_BATCH" } | .linux.memoryPolicy = { mode: "MPOL_LOCAL" }
		| .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["chmod"], action: "SCMP_ACT_ERRNO" }] }'
	probe sleep 100
	create
	start
	PID=$(pid_of)
	cp "/proc/$PID/mountinfo" "$T/inside.before"
	OPTIONS=(--pid-file "$T/pid" --pidfd-socket "$T/pidfd.sock" -u user)
}

# Whoever is in the container besides its own process.
others() { grep -vx "$PID" "$(cgroup_of)/cgroup.procs"; }
alone() { ! others >/dev/null; }

unharmed() {
	wait_until alone || {
		echo "left in the container: $(others | while read -r p; do tr '\0' ' ' <"/proc/$p/cmdline"; done)" >&2
		return 1
	}
	[ ! -e "$T/pid" ] || {
		echo "the pid file is left" >&2
		return 1
	}
	[ "$(status_of)" = running ] && diff -u "$T/inside.before" "/proc/$PID/mountinfo" >&2 &&
		assert_no_mount
}

rows() {
	"$HULL_TEST" --root "$ROOT" exec --explain "${OPTIONS[@]}" "$ID" /bin/true | grep -v '^-' |
		sed -E 's/^  ([A-Z]+) +(.*) \((makes|to) [A-Z]+\)$/\1 \3 \2/; s/^  ([A-Z]+) +/\1 does /'
}

# All of them; in the machine, where everything is slow, each fourth.
STEP=$((HULL_TEST_SLOW > 1 ? 4 : 1))
part() { awk -v step=$STEP 'NR % step == 0'; }

whats() {
	echo before
	# What is behind the execution comes too late to undo it.
	case $1:$2 in
	to:* | *:"execute the process" | *:"see that "* | *:"reap who"*) ;;
	*) echo after ;;
	esac
}

broken() {
	echo "at '$1': $2" >&2
	printf '  status: %s\n' "$status" >&2
	printf '%s\n' "$output" | sed 's/^/  output: /' >&2
	return 1
}

faulty_exec() {
	HULL_FAULT=$1 attempt timeout 30 "$HULL_TEST" --root "$ROOT" exec "${OPTIONS[@]}" "$ID" /bin/true
}

fail_everywhere() {
	local role kind row what n=0
	while read -r role kind row; do
		for what in $(whats "$kind" "$row"); do
			faulty_exec "$row:$what"
			[ "$status" = 255 ] || broken "$row:$what" "exit status"
			[[ $output == *"$row"* ]] || broken "$row:$what" "the error doesn't name the row"
			[[ $output == *"fault injected"* ]] || broken "$row:$what" "the error doesn't tell the cause"
			unharmed || broken "$row:$what" "something is left"
			n=$((n + 1))
		done
	done < <(rows | part)
	[ $n -gt $(($1 / STEP)) ]
	echo "# $n failures injected" >&3
}

@test "each row fails before and after its deed: the error names it, nothing is left in the container" {
	everything
	fail_everywhere 60
}

@test "the same with a terminal" {
	everything
	OPTIONS+=(--tty --detach --console-socket "$T/console.sock")
	fail_everywhere 60
}

@test "what is explained is what is done" {
	everything
	rows | sed -E 's/^([A-Z]+) (does|to|makes) /\1: /' >"$T/explained"
	HULL_TRACE=$T/trace faulty_exec ""
	assert_status 0
	diff -u "$T/explained" "$T/trace" >&2
	rm -f "$T/pid"
}

# kill_everywhere ROLE N: at each row that it comes by, of which there are at least N.
kill_everywhere() {
	local role kind row n=0 unreached=0
	while read -r role kind row; do
		faulty_exec "$row:kill-$1"
		[ "$status" != 124 ] || broken "$row" hangs
		n=$((n + 1))
		if [ "$status" = 0 ]; then
			unreached=$((unreached + 1))
			rm -f "$T/pid"
		elif [ "$1" = parent ]; then
			[ "$status" = 137 ] || broken "$row" "not killed"
			rm -f "$T/pid"
		else
			[ "$status" = 255 ] || broken "$row" "exit status"
			[[ $output =~ killed|ended|gone ]] || broken "$row" "the error doesn't tell of the death"
		fi
		unharmed || broken "$row" "something is left"
	done < <(rows | part)
	echo "# $((n - unreached)) kills of $1, $unreached rows that it doesn't come by" >&3
	[ $((n - unreached)) -ge $(($2 / STEP)) ]
}

@test "PARENT is killed at each row: nothing is left in the container" {
	everything
	kill_everywhere parent 30
}

@test "STAGE is killed at each row: exec says so, nothing is left" {
	everything
	kill_everywhere stage 8
}

@test "INIT is killed at each row: exec says so, nothing is left" {
	everything
	kill_everywhere init 15
}

@test "state, list, kill and delete --force answer while exec is stopped at any of its rows" {
	local row role
	everything
	for row in "open the channel:stop-parent" "join the container's namespaces:stop-stage" \
		"find the program:stop-init"; do
		HULL_FAULT=$row "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/true >"$T/out" 2>&1 </dev/null &
		local exec=$!
		wait_until is_stopped "$exec"
		run timeout 30 "$HULL" --root "$ROOT" list --format json
		assert_status 0
		run timeout 30 "$HULL" --root "$ROOT" state "$ID"
		assert_status 0
		run timeout 30 "$HULL" --root "$ROOT" kill "$ID" 0
		assert_status 0
		run timeout 30 "$HULL" --root "$ROOT" exec "$ID" /bin/true
		assert_status 0
		kill -KILL $exec
		ended $exec
		unharmed
	done
	HULL_FAULT="find the program:stop-init" "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/true >"$T/out" 2>&1 </dev/null &
	local exec=$!
	wait_until is_stopped "$exec"
	run timeout 30 "$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
	ended $exec
	[ "$status" = 255 ]
	assert_nothing_left
}

# is_stopped PID: it or a child of it.
is_stopped() {
	local pid
	for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
		! grep -qs '^State:.T' "/proc/$pid/status" || return 0
	done
	return 1
}

@test "the container's first process dies at each step of exec: a clear error, nothing is left" {
	local row
	everything
	OPTIONS=()
	hull delete --force "$ID"
	for row in "look at the container's namespaces:stop-parent" "join the container's namespaces:stop-stage" \
		"fork into cgroup and namespaces:stop-stage" "enter the container's root:stop-stage" \
		"find the program:stop-init"; do
		create
		start
		HULL_FAULT=$row "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/echo GOT THROUGH >"$T/out" 2>&1 </dev/null &
		local exec=$!
		wait_until is_stopped "$exec"
		hull kill "$ID" KILL
		wait_status stopped "$ID"
		# shellcheck disable=SC2046 # several pids
		kill -CONT "$exec" $(cat "/proc/$exec/task/$exec/children") 2>/dev/null || true
		ended "$exec"
		output=$(cat "$T/out")
		[ "$status" = 255 ] || broken "$row" "exit status"
		[[ $output =~ "container not running"|killed|ended ]] || broken "$row" "the error"
		[[ $output != *GOT* ]] || broken "$row" "it was executed"
		hull delete "$ID"
	done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# asked_to_end SIGNAL: exec, which waits for something, gets it.
asked_to_end() {
	kill "-$1" "$EXEC"
	wait_until gone "$EXEC"
	ended "$EXEC"
	output=$(cat "$T/out")
	assert_status $((128 + $(kill -l "$1")))
	has_text "the process isn't executed: hull was asked to end by signal $(kill -l "$1")"
}

@test "a signal that asks to end ends exec while its process enters: status 128+n, nothing is left" {
	local row signal
	everything
	for row in "join the container's namespaces:stop-stage" "fork into cgroup and namespaces:stop-stage"; do
		for signal in INT TERM; do
			# A shell's background jobs ignore SIGINT.
			HULL_FAULT=$row env --default-signal=INT "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/true >"$T/out" 2>&1 </dev/null 3>&- &
			EXEC=$!
			wait_until is_stopped "$EXEC"
			asked_to_end $signal
			unharmed
		done
	done
}

@test "the same, frozen halfway, and of one that waits in a paused container for its listener" {
	everything
	HULL_FAULT="enter the container's root:stop-stage" "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/true >"$T/out" 2>&1 </dev/null 3>&- &
	EXEC=$!
	wait_until is_stopped "$EXEC"
	hull pause "$ID"
	asked_to_end TERM
	assert_equal "$(others)" ""
	hull resume "$ID"
	unharmed
	hull delete --force "$ID"
	config --arg path "$T/seccomp.sock" '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: $path,
		syscalls: [{ names: ["chmod"], action: "SCMP_ACT_NOTIFY" }] }'
	create
	start
	PID=$(pid_of)
	hull pause "$ID"
	"$HULL" --root "$ROOT" exec --ignore-paused "$ID" /bin/true >"$T/out" 2>&1 </dev/null 3>&- &
	EXEC=$!
	wait_until another
	asked_to_end TERM
	assert_equal "$(others)" ""
	hull resume "$ID"
	attempt hull exec "$ID" /bin/echo works
	assert_status 0
	has works
}

another() { [ -n "$(others)" ]; }
