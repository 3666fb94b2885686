#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ps: the processes of a container, on created, running, paused and stopped ones, as a list and as the
# lines of ps(1).
# bats file_tags=everyone,vm

load helpers

# The pids that ps prints, on one line.
pids() {
	hull ps --format json "$ID" | jq -c .
}

has_processes() {
	[ "$(pids | jq length)" = "$1" ]
}

@test "ps shows the process that waits for start" {
	probe sleep
	create
	assert_equal "$(pids)" "[$(pid_of)]"
	run hull ps "$ID" -o pid
	assert_status 0
	assert_equal "$(echo $output)" "PID $(pid_of)"
}

@test "ps shows every process of a running container, and no other" {
	shell 'sleep 1000 & sleep 1000 & wait'
	create
	start
	wait_until has_processes 3
	assert_equal "$(pids | jq -c sort)" \
		"$(sort -n "$(cgroup_of)/cgroup.procs" | jq -cs .)"
}

@test "ps of a stopped container is an empty list" {
	args /bin/true
	create
	start
	wait_status stopped "$ID"
	assert_equal "$(pids)" "[]"
	run hull ps -f table "$ID" -o pid
	assert_status 0
	assert_equal "${output// /}" PID
}

@test "ps of a paused container shows its processes" {
	shell 'sleep 1000 & wait'
	create
	start
	wait_until has_processes 2
	hull pause "$ID"
	run hull ps "$ID" -o pid,comm
	hull resume "$ID"
	assert_status 0
	assert_equal "$(sed 1d <<<"$output" | wc -l)" 2
}

has_sleepers() {
	[ "$(hull ps "$ID" -o pid,comm | grep -c sleep)" = "$1" ]
}

# with_like_named_cgroups: a container with four cgroups below its own, a process in each. The kernel
# has the same hash for "ao" and "bd", and thereby the same one for all of these.
with_like_named_cgroups() {
	local name
	args /bin/sleep 1000
	create
	start
	SLEEPERS=
	for name in aoao aobd bdao bdbd; do
		mkdir "$(cgroup_of)/$name"
		sleep 1000 3>&- &
		SLEEPERS+=" $!"
		echo $! >"$(cgroup_of)/$name/cgroup.procs"
	done
}

# bats test_tags=old-kernel
@test "cgroups whose names have the same hash: ps lists what is in each, once" {
	with_like_named_cgroups
	attempt timeout --foreground -k 5 20 "$HULL" --root "$ROOT" ps --format json "$ID"
	assert_status 0
	assert_equal "$(jq -c sort <<<"$output")" "$(echo "$(pid_of)" $SLEEPERS | jq -cs sort)"
}

# bats test_tags=old-kernel
@test "cgroups whose names have the same hash: kill --all reaches what is in each" {
	local signal pid cgroup
	for signal in TERM KILL; do
		with_like_named_cgroups
		cgroup=$(cgroup_of)
		attempt timeout --foreground -k 5 20 "$HULL" --root "$ROOT" kill --all "$ID" $signal
		assert_status 0
		for pid in $SLEEPERS; do
			wait "$pid" || assert_equal $? $((128 + $(kill -l $signal)))
		done
		hull kill "$ID" KILL || true
		wait_status stopped
		attempt hull kill --all "$ID" $signal
		assert_fails "container not running"
		hull delete "$ID"
		[ ! -e "$cgroup" ]
	done
}

# --- the lines of ps(1) ---

# pids_in COLUMN: of the lines of the output, sorted.
pids_in() {
	awk -v c="$1" 'NR > 1 { print $c }' <<<"$output" | sort -n | jq -cs .
}

sleepers() {
	shell 'sleep 1000 & sleep 1000 & wait'
	create
	start
	wait_until has_processes 3
	# Who has just been forked has the shell's name still.
	wait_until has_sleepers 2
	expected=$(pids | jq -c sort)
}

@test "ps prints what the host's ps -ef says of the container's processes, and its heading" {
	local expected
	sleepers
	run hull ps "$ID"
	assert_status 0
	matches '^UID +PID +PPID '
	assert_equal "$(pids_in 2)" "$expected"
	diff <(ps -ef | grep -E "^[^ ]+ +($(jq -r 'map(tostring) | join("|")' <<<"$expected")) " | awk '{ print $2, $8 }') \
		<(sed 1d <<<"$output" | awk '{ print $2, $8 }') >&2
}

@test "everything after the id is for ps, whatever hull's own options are" {
	local expected column options
	sleepers
	while read -r column options; do
		# shellcheck disable=SC2086 # several words
		run hull ps "$ID" $options
		assert_status 0
		assert_equal "$options: $(pids_in "$column")" "$options: $expected"
	done <<-'END'
		2 aux
		1 ax -o pid,args
		1 -e -o pid
		2 -e -o ppid,pid
		2 -e -f
		1 -A --format pid,tty,time
		4 -el
	END
	run hull ps --format table -- "$ID" -e -o rss,pid
	assert_equal "$(pids_in 2)" "$expected"
	run hull ps "$ID" --version
	assert_fails PID
}

@test "a column before the pid may hold spaces and numbers, or be too long" {
	local expected
	config '.process.args = ["/bin/sh", "-c", "printf \"1 2 3 x\" >/proc/self/comm; read x </dev/ptmx"]'
	create
	start
	wait_until comm_is "1 2 3 x"
	expected="[$(pid_of)]"
	run hull ps "$ID" -e -o comm,pid
	assert_status 0
	assert_equal "$(sed 1d <<<"$output" | awk '{ print $NF }' | jq -cs .)" "$expected"
	run hull ps "$ID" -e -o comm,pid,comm
	assert_equal "$(sed 1d <<<"$output" | wc -l)" 1
}

comm_is() { [ "$(cat "/proc/$(pid_of)/comm")" = "$1" ]; }

@test "ps(1) without a column PID, failing, missing or endless: an error that says so" {
	mkdir "$T/bin"
	probe sleep
	create
	run hull ps "$ID" -e -o comm
	assert_fails "no column PID"
	run hull ps "$ID" -e -o pid=
	assert_fails "no column PID"
	run hull ps "$ID" --no-such-option
	assert_fails "exit status 1"
	PATH=$T/none run "$HULL" --root "$ROOT" ps "$ID"
	assert_fails "can't be executed"
	PATH=$T/none run "$HULL" --root "$ROOT" ps -f json "$ID"
	assert_equal "$output" "[$(pid_of)]"
	printf '#!/bin/sh\nexec /usr/bin/yes PID\n' >"$T/bin/ps"
	chmod +x "$T/bin/ps"
	PATH=$T/bin run "$HULL" --root "$ROOT" ps "$ID"
	assert_fails "more than 64 MiB"
	printf '#!/bin/sh\nkill -9 $$\n' >"$T/bin/ps"
	PATH=$T/bin:$PATH run "$HULL" --root "$ROOT" ps "$ID"
	assert_fails "signal 9"
	run hull ps -f json "$ID" -ef
	assert_fails "format 'table'"
}

@test "ps(1) gets hull's environment without LD_*, and none of hull's descriptors" {
	mkdir "$T/bin"
	cat >"$T/bin/ps" <<-'END'
		#!/bin/sh
		echo "PID $*"
		env | grep -E '^(LD_|KEPT)' >&2
		ls /proc/self/fd >&2
	END
	chmod +x "$T/bin/ps"
	probe sleep
	create
	PATH=$T/bin:$PATH LD_X=1 KEPT=2 run "$HULL" --root "$ROOT" ps "$ID" 7>&1
	has "PID -ef" KEPT=2
	lacks LD_X
	# 3 is that of ls
	lacks_match '^[4-9]$'
}

# --- no cgroup of its own ---

# bats test_tags=uid0
@test "ps of a container without a cgroup: those in its pid namespace and below, and no others" {
	shell 'sleep 1000 & unshare -p -f sleep 1000 & wait'
	attempt hull --cgroup-manager disabled create --bundle "$BUNDLE" "$ID"
	assert_status 0
	assert_equal "$(pids)" "[$(pid_of)]"
	config '.process.args = ["/bin/sleep", "1000"]'
	attempt hull --cgroup-manager disabled create --bundle "$BUNDLE" "${ID}x"
	assert_status 0
	start
	wait_until has_processes 2
	nsenter -t "$(pid_of)" -p unshare -p -f sleep 1000 >/dev/null 2>&1 3>&- &
	# nsenter's child (in the namespace: unshare) and that one's, in a namespace below
	wait_until has_sleepers 2
	wait_until has_processes 4
	run hull ps "$ID" -o pid,comm
	assert_status 0
	lacks_match "^ *$(pid_of "${ID}x") "
	hull delete --force "$ID"
	hull delete --force "${ID}x"
	wait $! || true
}

@test "ps of a container without cgroup and pid namespace is an error, and prints no list" {
	config '.linux.namespaces -= [{ type: "pid" }]'
	args /bin/sh -c 'sleep 1000'
	attempt hull --cgroup-manager disabled create --bundle "$BUNDLE" "$ID"
	assert_status 0
	run hull ps "$ID"
	assert_fails "can't be told from others"
	lacks PPID
}

@test "ps of an unknown container says that it does not exist" {
	run hull ps nobody
	assert_fails "does not exist"
}
