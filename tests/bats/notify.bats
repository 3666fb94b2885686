#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# NOTIFY_SOCKET: the container gets one of hull's, READY goes on to the caller's.
# bats file_tags=everyone

load helpers

# A service manager's socket at $T/manager; each datagram becomes a line in $T/told.
manager() {
	require python || return
	python3 - "$T/manager" "$T/told" <<-'END' &
		import socket, sys
		path, told = sys.argv[1:]
		server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		server.bind("\0" + path[1:] if path[0] == "@" else path)
		open(told, "w").close()
		while True:
		    data = server.recv(4096).decode()
		    with open(told, "a") as out:
		        out.write(data.replace("\n", " ").strip() + "\n")
	END
	MANAGER=$!
	wait_until test -e "$T/told"
	export NOTIFY_SOCKET=$T/manager
}

teardown() {
	[ -z "${MANAGER:-}" ] || kill "$MANAGER" 2>/dev/null || true
	unset NOTIFY_SOCKET
	common_teardown
}

told() { grep -q -- "$1" "$T/told"; }

@test "READY=1 from inside goes on to the caller's socket, with the pid of the process" {
	manager
	probe notify READY=1 + wait-signal
	create_logged
	timeout 20 "$HULL" --root "$ROOT" start "$ID"
	wait_until told READY=1
	told "MAINPID=$(pid_of)"
	wait_until out_has waiting
	out_has notify=ok
}

@test "the socket in the container isn't the caller's" {
	manager
	probe notify READY=1
	create_logged
	timeout 20 "$HULL" --root "$ROOT" start "$ID"
	wait_status stopped
	grep -q '^notify_socket=/' "$T/out"
	! grep -qF "notify_socket=$T/manager" "$T/out"
}

@test "a process that never says READY ends the wait by ending" {
	manager
	args /bin/true
	create
	run timeout 20 "$HULL" --root "$ROOT" start "$ID"
	assert_status 0
	! told READY=1
}

@test "everybody in the container may write to its socket, whatever the caller's umask, and it stays that" {
	manager
	probe wait-signal
	create_logged
	(umask 077 && exec "$HULL" --root "$ROOT" start "$ID" >/dev/null 2>&1) 3>&- &
	wait_until test -S "$ROOT/$ID/notify/socket"
	assert_equal "$(stat -c %a "$ROOT/$ID/notify/socket")" 666
	# Before its program runs a death is a failure of start.
	wait_until out_has waiting
	hull kill "$ID" KILL
	ended $!
	assert_status 0
}

@test "run relays too" {
	manager
	probe notify READY=1 + wait-signal
	timeout 20 "$HULL" --root "$ROOT" run "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	wait_until told READY=1
	wait_until out_has waiting
	out_has notify=ok
	hull kill "$ID" USR1
	ended $!
	assert_status 0
}

@test "somebody who keeps writing to the container's socket doesn't outlast its process" {
	require python strace
	manager
	probe wait-signal
	create_logged
	# Slow at reading, so that there is always more by then.
	timeout 30 strace -qq -o /dev/null -e trace=recvfrom -e inject=recvfrom:delay_enter=10000 \
		"$HULL" --root "$ROOT" start "$ID" >/dev/null 2>&1 3>&- &
	local start=$! noise
	wait_until test -S "$ROOT/$ID/notify/socket"
	wait_until out_has waiting
	python3 - "$ROOT/$ID/notify/socket" "$T/writes" <<-'END' 3>&- &
		import os, socket, sys
		os.chdir(os.path.dirname(sys.argv[1]))
		sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		sock.connect("socket")
		for _ in range(5):
		    sock.send(b"STATUS=busy")
		open(sys.argv[2], "w").write("writes")
		while True:
		    try:
		        sock.send(b"STATUS=busy")
		    except OSError:
		        break
	END
	noise=$!
	wait_until test -s "$T/writes"
	hull kill "$ID" KILL
	ended $start
	kill "$noise" 2>/dev/null || true
	assert_status 0
}

@test "who relays for a run doesn't hold the container's directory, whose lock would outlive the run" {
	manager
	probe wait-signal
	"$HULL" --root "$ROOT" run "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	local run=$! child fd
	wait_until out_has waiting
	# The container's process and the relay.
	wait_until has_children 2 $run
	for child in $(pgrep -P $run); do
		[ "$child" != "$(pid_of)" ] || continue
		for fd in /proc/"$child"/fd/*; do
			[ "$(readlink "$fd")" != "$ROOT/$ID" ]
		done
	done
	hull kill "$ID" USR1
	ended $run
	assert_status 0
}

has_children() { [ "$(pgrep -c -P "$2")" = "$1" ]; }

@test "without NOTIFY_SOCKET the container has none" {
	ask notify READY=1
	has notify_socket=none notify=ENOENT
}

@test "a NOTIFY_SOCKET in the config that nobody proxies is left as it is" {
	config '.process.env += ["NOTIFY_SOCKET=/mine"]'
	ask env
	has NOTIFY_SOCKET=/mine
}
