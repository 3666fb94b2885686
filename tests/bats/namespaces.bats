#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.namespaces: each type new, joined by path, absent; what is refused.
# bats file_tags=everyone

load helpers

namespaces() {
	config '.linux.namespaces = ($ARGS.positional | map({ type: . }))
		+ [.linux.namespaces[] | select(.type == "user")]' --args -- "$@"
}

# ns_of NAME: from the output of "probe ns".
ns_of() {
	sed -n "s/^$1=//p" <<<"$output"
}

host_ns() {
	stat -L -c %i "/proc/self/ns/$1"
}

# holder UNSHARE-OPTION...: a process in new namespaces; $HOLDER is its pid.
holder() {
	unshare "$@" sleep 300 &
	HOLDER=$!
	wait_until is_comm $HOLDER sleep
}

is_comm() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

teardown() {
	[ -z "${HOLDER:-}" ] || kill -KILL "$HOLDER" 2>/dev/null || true
	common_teardown
}

# join TYPE PATH: in place of the entry of that type.
join() {
	config --arg t "$1" --arg p "$2" \
		'.linux.namespaces |= (map(select(.type != $t)) + [{ type: $t, path: $p }])'
}

@test "each namespace asked for is new, those not asked for are the runtime's" {
	config 'del(.hostname)'
	local set name
	declare -A file=([pid]=pid [mount]=mnt [ipc]=ipc [uts]=uts [network]=net [cgroup]=cgroup)
	for set in "mount" "mount pid" "mount network" "mount ipc" "mount uts" "mount cgroup" \
		"mount pid network ipc uts cgroup"; do
		# shellcheck disable=SC2086 # a list
		namespaces $set
		ask ns
		for name in pid mount ipc uts network cgroup; do
			if [[ " $set " == *" $name "* ]]; then
				[ "$(ns_of "${file[$name]}")" != "$(host_ns "${file[$name]}")" ] || {
					say_output "$name is not new, though asked for with: $set"
					return 1
				}
			else
				assert_equal "$name of '$set': $(ns_of "${file[$name]}")" \
					"$name of '$set': $(host_ns "${file[$name]}")"
			fi
		done
		[ "${HULL_TEST_AS:-}" = user ] || assert_equal "$(ns_of user)" "$(host_ns user)"
	done
}

@test "a new pid namespace: the process is number 1 and sees only its own" {
	ask pid + pids
	has pid=1 ppid=0 "pid=1 comm=probe"
	assert_equal "$(grep -c comm= <<<"$output")" 1
}

@test "no pid namespace: the process has the pid that state tells" {
	namespaces mount
	config 'del(.hostname)'
	probe pid + wait-signal
	create_logged
	start
	wait_until out_has waiting
	out_has "pid=$(pid_of)"
}

@test "a new network namespace has nothing but loopback, and that is up" {
	config '.linux.namespaces += [{ type: "network" }]'
	ask netdev
	has "netdev=lo up=1 running=1"
	lacks eth
}

@test "a new uts namespace takes hostname and domainname, the host keeps its own" {
	local before
	before=$(hostname)
	config '.hostname = "inner.example" | .domainname = "nis.example"'
	ask names
	has hostname=inner.example domainname=nis.example
	assert_equal "$(hostname)" "$before"
}

@test "hostname and domainname need a uts namespace" {
	namespaces pid mount
	run_container
	assert_fails /hostname uts
	config 'del(.hostname) | .domainname = "x"'
	run_container
	assert_fails /domainname uts
}

@test "a new ipc namespace hides the host's message queues" {
	local id
	id=$(ipcmk -Q | grep -o '[0-9]*$')
	shell 'wc -l </proc/sysvipc/msg'
	run_container
	ipcrm -q "$id"
	assert_status 0
	has 1
}

# bats test_tags=real_root
@test "a new cgroup namespace has the container's cgroup as its root" {
	ask cgroup
	has 0::/
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	ask cgroup
	if by_systemd; then
		has "0::/system.slice/hull-$ID.scope/container"
	else
		has "0::/$ID"
	fi
}

# --- joined by path ---

# bats test_tags=uid0
@test "a network namespace is joined by path and not changed" {
	holder -n
	join network "/proc/$HOLDER/ns/net"
	ask ns + netdev
	assert_equal "$(ns_of net)" "$(stat -L -c %i "/proc/$HOLDER/ns/net")"
	has "netdev=lo up=0 running=0"
}

# bats test_tags=uid0
@test "uts and ipc namespaces are joined by path" {
	holder -u -i
	join uts "/proc/$HOLDER/ns/uts"
	join ipc "/proc/$HOLDER/ns/ipc"
	config 'del(.hostname)'
	ask ns
	assert_equal "$(ns_of uts)" "$(stat -L -c %i "/proc/$HOLDER/ns/uts")"
	assert_equal "$(ns_of ipc)" "$(stat -L -c %i "/proc/$HOLDER/ns/ipc")"
}

# bats test_tags=uid0
@test "hostname is set in a joined uts namespace" {
	holder -u
	join uts "/proc/$HOLDER/ns/uts"
	ask names
	has hostname=box
	assert_equal "$(nsenter -u -t "$HOLDER" hostname)" box
}

# bats test_tags=uid0
@test "a cgroup namespace is joined by path" {
	holder -C
	join cgroup "/proc/$HOLDER/ns/cgroup"
	ask ns
	assert_equal "$(ns_of cgroup)" "$(stat -L -c %i "/proc/$HOLDER/ns/cgroup")"
}

# Where cgroup2 is mounted with nsdelegate (not so on every host) nobody in it could clone into the
# container's cgroup, which is not below its root.
# bats test_tags=vm,uid0
@test "another container's cgroup namespace is joined by path" {
	shell 'sleep 1000'
	create
	join cgroup "/proc/$(pid_of)/ns/cgroup"
	probe ns
	run hull run "${ID}x" </dev/null
	assert_status 0
	assert_equal "$(ns_of cgroup)" "$(stat -L -c %i "/proc/$(pid_of)/ns/cgroup")"
}

# bats test_tags=uid0
@test "a pid namespace is joined by path: not process 1, and the other's processes are seen" {
	probe echo ready + wait-signal
	create_logged
	start
	wait_until out_has waiting
	join pid "/proc/$(pid_of)/ns/pid"
	probe ns + pid + pids
	run hull run "${ID}x" </dev/null
	assert_status 0
	lacks_match "^pid=1$"
	has "pid=1 comm=probe"
	assert_equal "$(grep -c "comm=probe" <<<"$output")" 2
}

# bats test_tags=uid0
@test "a container in a joined pid namespace is killed and deleted alone" {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	join pid "/proc/$(pid_of)/ns/pid"
	create "${ID}x"
	start "${ID}x"
	wait_status running "${ID}x"
	hull delete --force "${ID}x"
	assert_equal "$(status_of)" running
}

# bats test_tags=uid0
@test "a mount namespace is joined by path: the root is opened there, by chroot" {
	holder -m --propagation private
	local rootfs=$BUNDLE/rootfs
	nsenter -m -t "$HOLDER" mount -t tmpfs inner "$rootfs"
	mkdir -p "$T/fill" && nsenter -m -t "$HOLDER" cp -a "$SHARED/rootfs/bin" "$rootfs/"
	nsenter -m -t "$HOLDER" sh -c "mkdir $rootfs/proc && echo inner >$rootfs/mark"
	join mount "/proc/$HOLDER/ns/mnt"
	config '.mounts = [] | del(.hostname)'
	ask cat /mark + cwd + ls /
	has inner cwd=/ mark
	lacks etc
}

# bats test_tags=uid0
@test "what would change a joined mount namespace's host is refused" {
	holder -m
	join mount "/proc/$HOLDER/ns/mnt"
	config '.mounts = [] | .linux.maskedPaths = ["/proc/keys"]'
	run_container
	assert_fails /linux/maskedPaths
}

@test "a namespace that the runtime is in already can be joined" {
	join network /proc/self/ns/net
	join ipc "/proc/$$/ns/ipc"
	ask ns
	assert_equal "$(ns_of net)" "$(host_ns net)"
	assert_equal "$(ns_of ipc)" "$(host_ns ipc)"
}

# bats test_tags=uid0
@test "a bind mount of a namespace file is as good as one in /proc" {
	holder -n
	: >"$T/netns"
	mount --bind "/proc/$HOLDER/ns/net" "$T/netns"
	join network "$T/netns"
	probe ns
	run_container
	umount "$T/netns"
	assert_status 0
	assert_equal "$(ns_of net)" "$(stat -L -c %i "/proc/$HOLDER/ns/net")"
}

# --- refused ---

@test "a path to a namespace of another type is an error" {
	join network /proc/self/ns/ipc
	run_container
	assert_fails /linux/namespaces network /proc/self/ns/ipc
	assert_nothing_left
}

@test "a path to something that is no namespace is an error" {
	: >"$T/file"
	join network "$T/file"
	run_container
	assert_fails /linux/namespaces "$T/file"
	mkfifo "$T/fifo"
	join network "$T/fifo"
	run_container
	assert_fails /linux/namespaces "$T/fifo"
}

@test "a relative path of a namespace is an error" {
	join network proc/self/ns/net
	run_container
	assert_fails /linux/namespaces absolute
}

@test "a missing path is an error that names it" {
	join network /proc/0/ns/net
	run_container
	assert_fails /linux/namespaces /proc/0/ns/net "no such file"
}

@test "duplicate types are an error, also with equal paths" {
	config '.linux.namespaces += [{ type: "pid" }]'
	run_container
	assert_fails /linux/namespaces pid
	config '.linux.namespaces = [{ type: "network", path: "/proc/self/ns/net" },
		{ type: "network", path: "/proc/self/ns/net" }]'
	run_container
	assert_fails /linux/namespaces network
}

@test "an unknown type is an error" {
	config '.linux.namespaces += [{ type: "nosuch" }]'
	run_container
	assert_fails /linux/namespaces nosuch
}

# --- without a mount namespace ---

@test "no mount namespace: a chroot, and nothing mounted anywhere" {
	namespaces pid
	config '.mounts = [] | del(.hostname)'
	ask ls / + cwd
	has bin etc cwd=/
	assert_no_mount
}

@test "no mount namespace: what would change the host's mounts is refused, each by name" {
	namespaces pid
	config 'del(.hostname)'
	run_container
	assert_fails /mounts
	config '.mounts = [] | .root.readonly = true'
	run_container
	assert_fails /root/readonly
	config 'del(.root.readonly) | .linux.maskedPaths = ["/etc"]'
	run_container
	assert_fails /linux/maskedPaths
	config 'del(.linux.maskedPaths) | .linux.readonlyPaths = ["/etc"]'
	run_container
	assert_fails /linux/readonlyPaths
	config 'del(.linux.readonlyPaths) | .linux.rootfsPropagation = "shared"'
	run_container
	assert_fails /linux/rootfsPropagation
	assert_no_mount
}

# bats test_tags=uid0
@test "no namespaces at all: still a root of its own, and deleted as any other" {
	config '.linux.namespaces = [] | .mounts = [] | del(.hostname)'
	probe ls / + fork 2 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	out_has bin
	hull delete --force "$ID"
	assert_nothing_left
}

# bats test_tags=uid0
@test "no linux object at all works as no namespaces" {
	config 'del(.linux) | .mounts = [] | del(.hostname)'
	ask ls /
	has bin
}
