#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# process.terminal: over a console socket, and in the foreground on a terminal of the caller's.
# bats file_tags=everyone

load helpers

setup() {
	common_setup
	require python
	config '.process.terminal = true'
}

teardown() {
	[ -z "${CONSOLE:-}" ] || kill "$CONSOLE" 2>/dev/null || true
	common_teardown
}

# console [INPUT]: a receiver at $T/console; what the container writes gets into $T/out.
console() {
	rm -f "$T/console" "$T/out" "$T/out.meta"
	"$top/tests/helpers/console-socket" "$T/console" "$T/out" "$@" >&2 &
	CONSOLE=$!
	wait_until test -S "$T/console"
}

create_on_console() {
	console "${@}"
	attempt hull create --console-socket "$T/console" "$ID"
	assert_status 0
}

out_matches() { grep -qE -- "$1" "$T/out"; }

# --- console socket ---

@test "the terminal's master comes over the console socket, one fd and at least one byte" {
	probe echo done
	create_on_console
	wait_until test -s "$T/out.meta"
	start
	wait_until out_has done
	grep -qE '^fds=1 bytes=[1-9][0-9]* tty=True$' "$T/out.meta"
}

@test "standard streams are the terminal, it is the controlling one, and /dev/console is it" {
	probe tty + stat /dev/console + readlink /proc/self/fd/0 + echo done
	create_on_console
	start
	wait_until out_has done
	out_matches '^tty0=1 name=/dev/(pts/0|console) '
	out_matches '^tty1=1 '
	out_matches '^tty2=1 '
	out_has controlling=ok
	out_has foreground=1
	out_matches '^stat /dev/console: type=char .*rdev=136:0'
}

@test "consoleSize is the size of the terminal" {
	config '.process.consoleSize = { height: 33, width: 121 }'
	probe tty + echo done
	create_on_console
	start
	wait_until out_has done
	out_has size=33x121
}

@test "the terminal belongs to the container's user" {
	config '.process.user = { uid: 1000, gid: 1000 } | del(.process.capabilities)'
	probe tty + open /dev/console rw + open /dev/tty rw + echo done
	create_on_console
	start
	wait_until out_has done
	out_matches '^tty0=1 name=[^ ]* owner=1000:5 mode=0620'
	out_has "open /dev/tty rw: ok"
	out_has "open /dev/console rw: ok"
}

@test "what is typed reaches the process" {
	probe read + echo done
	create_on_console $'typed words\n'
	start
	wait_until out_has done
	out_has "read=typed words"
}

@test "nothing but the terminal is open inside, and no fd of the host's pty" {
	probe fds + echo done
	create_on_console
	start
	wait_until out_has done
	assert_equal "$(grep -c ^fd= "$T/out")" 3
	assert_equal "$(grep -c 'fd=. type=char uid=0 rdev=136:0' "$T/out")" 3
}

@test "the terminal is the container's own devpts', not the host's" {
	probe ls /dev/pts + echo done
	create_on_console
	start
	wait_until out_has done
	out_has 0
	out_has ptmx
}

@test "a console socket that isn't there is an error before anything is made" {
	attempt hull create --console-socket "$T/nobody" "$ID"
	assert_fails "$T/nobody"
	assert_nothing_left
}

@test "create of a terminal needs a console socket" {
	attempt hull create "$ID"
	assert_fails terminal console
	assert_nothing_left
}

@test "a symbolic link at /dev/console or /dev/ptmx of the root leads nowhere" {
	config '.mounts |= map(select(.destination != "/dev"))'
	: >"$T/victim"
	chmod 600 "$T/victim"
	local before
	before=$(stat -c '%a %u %g %s %Z' "$T/victim")
	ln -s "../../../victim" rootfs/dev/console
	ln -s "$T/victim" rootfs/dev/ptmx
	probe tty
	console
	attempt hull create --console-socket "$T/console" "$ID"
	assert_equal "$(stat -c '%a %u %g %s %Z' "$T/victim")" "$before"
}

# --- foreground ---

# on_terminal COMMAND...: runs it on a terminal of its own. What is written to $T/keys is typed; that
# never ends, for script would type an end-of-file of its own.
on_terminal() {
	require script || return
	local words
	printf -v words '%q ' "$@"
	[ -p "$T/keys" ] || mkfifo "$T/keys"
	SHELL=/bin/sh timeout -k 5 40 script -qefc "stty rows 24 cols 80; $words" "$T/typescript" \
		>"$T/screen" 2>&1 <>"$T/keys"
}

@test "run in the foreground: a terminal inside, the exit status outside" {
	probe tty + exit 5
	run on_terminal "$HULL" --root "$ROOT" run "$ID"
	assert_status 5
	tr -d '\r' <"$T/typescript" >"$T/out"
	out_matches '^tty0=1 '
	out_has controlling=ok
}

@test "run in the foreground: the window's size is the caller's" {
	probe tty
	run on_terminal "$HULL" --root "$ROOT" run "$ID"
	tr -d '\r' <"$T/typescript" >"$T/out"
	out_has size=24x80
}

@test "run in the foreground: a change of the window's size is followed" {
	probe wait-resize 1
	cat >"$T/session" <<-END
		#!/bin/sh
		tty >$T/tty
		exec "$HULL" --root "$ROOT" run "$ID"
	END
	chmod 755 "$T/session"
	on_terminal "$T/session" &
	local pid=$!
	wait_until grep -q size=24x80 "$T/typescript"
	stty -F "$(cat "$T/tty")" rows 40
	wait $pid
	grep -q size=40x80 "$T/typescript"
}

@test "run in the foreground: the caller's terminal is as before, whatever happens" {
	cat >"$T/session" <<-END
		#!/bin/sh
		stty -a >$T/before
		"$HULL" --root "$ROOT" run "$ID"
		stty -a >$T/after-exit
		"$HULL" --root "$ROOT" run --bundle $T/broken "$ID"
		stty -a >$T/after-error
		"$HULL" --root "$ROOT" run --bundle $T/endless "$ID" &
		pid=\$!
		n=0
		until "$HULL" --root "$ROOT" state "$ID" 2>/dev/null | grep -q running; do
			sleep 0.1
			n=\$((n + 1))
			[ \$n -lt 100 ] || break
		done
		kill -TERM \$pid
		wait \$pid
		stty -a >$T/after-signal
	END
	chmod 755 "$T/session"
	cp -a "$BUNDLE" "$T/broken"
	cp -a "$BUNDLE" "$T/endless"
	probe exit 3
	BUNDLE=$T/broken args /no/such/program
	# Long enough to be seen running; process 1 without a handler isn't ended by the signal.
	BUNDLE=$T/endless probe sleep "$HULL_TEST_SLOW"
	run on_terminal "$T/session"
	assert_file_equal "$T/before" "$T/after-exit"
	assert_file_equal "$T/before" "$T/after-error"
	assert_file_equal "$T/before" "$T/after-signal"
}

@test "run in the foreground: Ctrl-C goes to the process in the container" {
	shell 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.1; done'
	on_terminal "$HULL" --root "$ROOT" run "$ID" &
	local pid=$!
	wait_until grep -q ready "$T/typescript"
	printf '\003' >"$T/keys"
	ended $pid
	assert_status 9
	grep -q interrupted "$T/typescript"
}

@test "run with terminal but without a terminal of the caller's still gives the process one" {
	probe tty
	run timeout 20 "$HULL" --root "$ROOT" run "$ID" </dev/null
	if [ "$status" = 0 ]; then
		has_text "tty0=1 "
	else
		assert_fails terminal
	fi
}

@test "much output on a terminal arrives whole" {
	shell 'seq 20000'
	on_terminal "$HULL" --root "$ROOT" run "$ID"
	assert_equal "$(tr -d '\r' <"$T/typescript" | grep -cE '^[0-9]+$')" 20000
}
