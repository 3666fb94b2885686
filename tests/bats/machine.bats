#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=machine
#
# The virtual machine that other tests run in (tests/vm/run): what it promises, and that the host
# isn't touched by it. Runs on the host.

load helpers

export BATS_TEST_TIMEOUT=900

setup() {
	common_setup
	mkdir "$T/tmp"
	export TMPDIR=$T/tmp
}

teardown() {
	assert_equal "$(ls -A "$T/tmp")" ''
	common_teardown
}

# machine [OPTION...] -- COMMAND...: $status, $T/out, $T/err; $output is both.
machine() {
	status=0
	"$top/tests/vm/run" "$@" >"$T/out" 2>"$T/err" </dev/null || status=$?
	output=$(tr -d '\0' <"$T/out"; tr -d '\0' <"$T/err")
}

# The shell script on standard input, in a machine with these options.
script() {
	cat >"$T/script"
	machine "$@" -- bash -eu "$T/script"
}

@test "the machine passes on the command's status, its arguments and its directory" {
	mkdir "$T/a b"
	cd "$T/a b"
	machine -- sh -c 'printf "<%s>" "$PWD" "$@"; exit 7' sh one 'two  "words"' '$three' ''
	assert_status 7
	assert_equal "$(cat "$T/out")" "<$T/a b><one><two  \"words\"><\$three><>"
	assert_equal "$(cat "$T/err")" ''
}

@test "a signal that ends the machine's command is told as a shell does" {
	machine -- sh -c 'kill -TERM $$'
	assert_status 143
	machine -s -u -- sh -c 'kill -TERM $$'
	assert_status 143
}

@test "the machine passes on the command's two outputs byte for byte, each by itself" {
	head -c 1000000 /dev/urandom >"$T/first"
	head -c 300001 /dev/urandom >"$T/second"
	machine -- sh -c 'cat "$1" && cat "$2" >&2' sh "$T/first" "$T/second"
	assert_status 0
	cmp "$T/out" "$T/first"
	cmp "$T/err" "$T/second"
}

@test "a command in the machine that takes too long ends with status 124" {
	local seconds=10
	# A busy host may need all of that for the boot.
	while :; do
		machine -t $seconds -- sh -c 'echo begun; exec sleep 1000'
		assert_status 124
		has "run: the machine was not done after $seconds seconds"
		[ ! -s "$T/out" ] || break
		[ $((seconds *= 3)) -lt 300 ]
	done
	has begun
}

@test "a machine that dies ends with status 125 and the last words of its kernel" {
	# Time for the word to get out of a machine that a busy host gives little.
	machine -- sh -c 'echo begun; sleep 10; echo c >/proc/sysrq-trigger; sleep 60'
	assert_status 125
	has begun
	has_text "Kernel panic - not syncing: sysrq triggered crash"
}

@test "a machine that doesn't boot ends with status 125 and the last words of its kernel" {
	machine -k rdinit=/nothing -- true
	assert_status 125
	has_text "Kernel panic" "run: the machine ended without telling the command's exit status"
	machine -s -k systemd.unit=nothing.service -- true
	assert_status 125
	has_text nothing.service
	# As where it can't be emulated at all.
	mkdir "$T/bin"
	printf '#!/bin/sh\necho no such machine >&2\nexit 1\n' >"$T/bin/qemu-system-x86_64"
	chmod 755 "$T/bin/qemu-system-x86_64"
	PATH=$T/bin:$PATH machine -- true
	assert_status 125
	has_text "no such machine"
}

@test "a machine whose caller is told to end leaves nothing" {
	"$top/tests/vm/run" -- sh -c 'echo begun; sleep 1000' >"$T/out" 2>&1 </dev/null &
	local caller=$!
	wait_until grep -qx begun "$T/out"
	kill "$caller"
	ended "$caller"
	assert_status 130
}

@test "what the machine writes, the host doesn't see" {
	echo before >"$T/file"
	script <<-END
		echo after >"$T/file"
		cat "$T/file"
		rm -r "$BUNDLE"
		echo x >/etc/hull-machine
		mount -t tmpfs none /mnt
		ip link add hull-machine type dummy
		mkdir /sys/fs/cgroup/hull-machine
		hostname
	END
	assert_status 0
	has after machine
	assert_equal "$(cat "$T/file")" before
	[ -d "$BUNDLE" ]
	[ ! -e /etc/hull-machine ]
	[ ! -e /sys/class/net/hull-machine ]
	[ ! -e "$CGROUP/hull-machine" ]
}

@test "two machines at once don't meet" {
	local pids=() name
	for name in one two; do
		"$top/tests/vm/run" -- sh -c 'echo "$1" >/etc/name; mkdir "$TMPDIR/$1"; sleep 3
			cat /etc/name; ls "$TMPDIR"; [ "$1" = one ]' sh $name >"$T/$name" 2>&1 </dev/null &
		pids+=($!)
	done
	ended "${pids[0]}"
	assert_status 0
	ended "${pids[1]}"
	assert_status 1
	for name in one two; do
		assert_equal "$(grep -vx lost+found "$T/$name" | tr '\n' ' ')" "$name $name "
	done
}

@test "the machine has every controller of cgroup v2, and AppArmor" {
	script <<-'END'
		cat /sys/fs/cgroup/cgroup.subtree_control
		grep -o apparmor /sys/kernel/security/lsm
		mkdir /sys/fs/cgroup/small
		echo 20M >/sys/fs/cgroup/small/memory.max
		echo $BASHPID >/sys/fs/cgroup/small/cgroup.procs
		head -c 100M /dev/zero | tail -c 100M || echo killed
		grep oom_kill /sys/fs/cgroup/small/memory.events
	END
	assert_status 0
	has "cpuset cpu io memory hugetlb pids rdma misc" apparmor killed "oom_kill 1"
}

# What a user of either kind has: ids, and a cgroup in which controllers can be given on.
user_facts='
	id -un
	cat /proc/1/comm
	cgroup=/sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)
	[ -n "$delegated" ] || delegated=${cgroup%/*}
	mkdir "$delegated/own"
	echo $$ >"$delegated/own/cgroup.procs"
	for controller in $(cat "$delegated/cgroup.controllers"); do
		echo "+$controller" >"$delegated/cgroup.subtree_control"
	done
	mkdir "$delegated/new"
	echo 12M >"$delegated/new/memory.max"
	cat "$delegated/new/memory.max" "$delegated/cgroup.controllers"
	unshare -U sleep 100 &
	until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do :; done
	newuidmap $! 0 2000 1 1 100000 65535
	cat /proc/$!/uid_map
	kill $!
	echo x >"$XDG_RUNTIME_DIR/file"
	! echo x >/sys/fs/cgroup/cgroup.subtree_control || echo "is root"
'

@test "the machine's unprivileged user has ids to lend and a cgroup of its own" {
	script -u <<<"delegated= $user_facts"
	assert_status 0
	has somebody busybox 12582912 "cpuset cpu io memory hugetlb pids rdma misc"
	matches '^ +1 +100000 +65535$'
	lacks "is root"
}

@test "the machine with systemd has it as process 1, with D-Bus and logind" {
	script -s <<-'END'
		cat /proc/1/comm
		systemd-run --scope --quiet -p MemoryMax=12M sh -c \
			'cat "/sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)/memory.max"'
		busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager ListSessions
		systemctl --failed --no-legend | sed 's/^/failed: /'
	END
	assert_status 0
	has systemd 12582912 "a(susso) 0"
	lacks failed:
}

@test "the machine's user with systemd has a session, a manager, a bus and a scope of its own" {
	script -s -u <<-END
		delegated=/sys/fs/cgroup\$(sed s/0::// /proc/self/cgroup)
		$user_facts
		echo "\$XDG_RUNTIME_DIR \$XDG_SESSION_CLASS \$XDG_SESSION_TYPE"
		loginctl show-user somebody -p Linger -p State
		systemctl --user is-system-running --wait
		busctl --user call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
			org.freedesktop.systemd1.Manager GetUnitByPID u \$\$
	END
	assert_status 0
	has somebody systemd 12582912 "/run/user/2000 user tty" "Linger=yes" "State=active" running
	matches '^ +1 +100000 +65535$'
	matches '^o "/org/freedesktop/systemd1/unit/run_.*scope"$'
	lacks "is root"
}

@test "a job that leaves a cgroup in the machine fails and names it" {
	cd "$top"
	machine -- tests/helpers/no-cgroup-left sh -c 'mkdir /sys/fs/cgroup/a /sys/fs/cgroup/b && rmdir /sys/fs/cgroup/b'
	assert_status 1
	has 'left in the cgroup tree: /sys/fs/cgroup/a, with 0 processes'
	machine -- tests/helpers/no-cgroup-left sh -c 'mkdir /sys/fs/cgroup/b; rmdir /sys/fs/cgroup/b; exit 7'
	assert_status 7
}

@test "the machine has Debian 12's own kernel, too" {
	machine -K 6.1 -- sh -c 'uname -r; cat /sys/fs/cgroup/cgroup.controllers'
	assert_status 0
	matches '^6\.1\.'
	has "cpuset cpu io memory hugetlb pids rdma misc"
	machine -K 5.1 -- true
	assert_status 125
}
