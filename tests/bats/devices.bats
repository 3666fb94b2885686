#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone,vm
#
# Device nodes, their links, linux.devices, and the device filter of linux.resources.devices.

load helpers

device_rules() {
	config --argjson rules "$1" '.linux.resources.devices = $rules'
}

# In a user namespace the nodes are the host's, bound, whose root isn't mapped.
NODE_OWNER=65534:65534
! is_root_of_host || NODE_OWNER=0:0

@test "the default devices and links are there and work" {
	ask stat /dev/null + stat /dev/zero + stat /dev/full + stat /dev/random + stat /dev/urandom + \
		stat /dev/tty + readlink /dev/fd + readlink /dev/stdin + readlink /dev/stdout + \
		readlink /dev/stderr + readlink /dev/ptmx + write /dev/null x + write /dev/full x + \
		open /dev/zero r + open /dev/random r
	matches "^stat /dev/null: type=char mode=0666 owner=$NODE_OWNER rdev=1:3 "
	matches "^stat /dev/zero: type=char mode=0666 owner=$NODE_OWNER rdev=1:5 "
	matches "^stat /dev/full: type=char mode=0666 owner=$NODE_OWNER rdev=1:7 "
	matches "^stat /dev/random: type=char mode=0666 owner=$NODE_OWNER rdev=1:8 "
	matches "^stat /dev/urandom: type=char mode=0666 owner=$NODE_OWNER rdev=1:9 "
	matches "^stat /dev/tty: type=char mode=0666 owner=$NODE_OWNER rdev=5:0 "
	has "readlink /dev/fd: /proc/self/fd" "readlink /dev/stdin: /proc/self/fd/0" \
		"readlink /dev/stdout: /proc/self/fd/1" "readlink /dev/stderr: /proc/self/fd/2" \
		"readlink /dev/ptmx: pts/ptmx" "write /dev/null: ok" "write /dev/full: ENOSPC" \
		"open /dev/zero r: ok" "open /dev/random r: ok"
}

@test "nothing of the host's /dev is visible" {
	shell 'ls /dev'
	inside
	local name
	for name in $output; do
		[[ " null zero full random urandom tty fd stdin stdout stderr ptmx pts core console shm mqueue " \
			== *" $name "* ]] || {
			say_output "unexpected in /dev: $name"
			return 1
		}
	done
}

@test "default devices are made in the root's own /dev when nothing is mounted there" {
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	ask stat /dev/null + readlink /dev/fd
	matches "^stat /dev/null: type=char mode=0666 owner=$NODE_OWNER rdev=1:3 "
	# and they are no reason for an error the second time
	ask stat /dev/null
}

# --- linux.devices ---

# bats test_tags=old-kernel
@test "linux.devices makes nodes and fifos anywhere in the root" {
	config '.linux.devices = [
		{ path: "/srv/deep/noise", type: "c", major: 1, minor: 9, fileMode: 438 },
		{ path: "/run/fifo", type: "p", fileMode: 420, uid: 7, gid: 8 },
		{ path: "/dev/unbuffered", type: "u", major: 1, minor: 5 } ]'
	ask stat /srv/deep/noise + stat /run/fifo + stat /dev/unbuffered + open /srv/deep/noise r
	matches '^stat /srv/deep/noise: type=char mode=0666 .* rdev=1:9 '
	matches '^stat /run/fifo: type=fifo mode=0644 owner=7:8 '
	matches '^stat /dev/unbuffered: type=char mode=0666 .* rdev=1:5 '
	has "open /srv/deep/noise r: ok"
}

# Others can't make nodes: theirs are the host's, with its modes and owners (rootless_mounts.bats).
# bats test_tags=real_root
@test "linux.devices makes nodes with mode and owner" {
	config '.linux.devices = [
		{ path: "/srv/deep/noise", type: "c", major: 1, minor: 9, fileMode: 292, uid: 7, gid: 8 },
		{ path: "/dev/block", type: "b", major: 7, minor: 200, fileMode: 384 },
		{ path: "/run/fifo", type: "p", fileMode: 438 },
		{ path: "/dev/unbuffered", type: "u", major: 1, minor: 5 } ]'
	ask stat /srv/deep/noise + stat /dev/block + stat /run/fifo + stat /dev/unbuffered
	matches '^stat /srv/deep/noise: type=char mode=0444 owner=7:8 rdev=1:9 '
	matches '^stat /dev/block: type=block mode=0600 owner=0:0 rdev=7:200 '
	matches '^stat /run/fifo: type=fifo mode=0666 owner=0:0 '
	matches '^stat /dev/unbuffered: type=char mode=0666 owner=0:0 rdev=1:5 '
}

@test "the caller's umask has no say in a device's mode" {
	config '.linux.devices = [{ path: "/dev/x", type: "c", major: 1, minor: 3, fileMode: 438 },
		{ path: "/dev/fifo", type: "p", fileMode: 511 }]'
	probe stat /dev/x + stat /dev/null + stat /dev/fifo
	run bash -c 'umask 077; exec "$@" </dev/null' bash "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	matches '^stat /dev/x: type=char mode=0666 '
	matches '^stat /dev/fifo: type=fifo mode=0777 '
	matches '^stat /dev/null: type=char mode=0666 '
}

@test "an existing node that is the same is fine, a different one is an error that says what is there" {
	config '.linux.devices = [{ path: "/srv/dev", type: "c", major: 1, minor: 3, fileMode: 438 }]'
	mkdir -p rootfs/srv
	make_node rootfs/srv/dev c 1 3
	ask write /srv/dev x
	has "write /srv/dev: ok"
	rm rootfs/srv/dev
	make_node rootfs/srv/dev c 1 5
	run_container
	assert_fails /linux/devices/0 /srv/dev 1:5
	rm rootfs/srv/dev
	make_node rootfs/srv/dev b 1 3
	run_container
	assert_fails /linux/devices/0 /srv/dev
	rm rootfs/srv/dev
	echo keep >rootfs/srv/dev
	run_container
	assert_fails /linux/devices/0 /srv/dev
	assert_equal "$(cat rootfs/srv/dev)" keep
	rm rootfs/srv/dev
	ln -s /etc/passwd rootfs/srv/dev
	run_container
	assert_fails /linux/devices/0 /srv/dev
}

# bats test_tags=real_root
@test "linux.devices may name a default device with another mode" {
	config '.linux.devices = [{ path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 420, uid: 5 }]'
	ask stat /dev/null
	matches '^stat /dev/null: type=char mode=0644 owner=5:0 rdev=1:3'
}

@test "a device without the numbers it needs, of an unknown type, or with a relative path is an error" {
	config '.linux.devices = [{ path: "/dev/x", type: "c" }]'
	run_container
	assert_fails /linux/devices/0
	config '.linux.devices = [{ path: "/dev/x", type: "q", major: 1, minor: 1 }]'
	run_container
	assert_fails /linux/devices/0/type
	config '.linux.devices = [{ path: "dev/x", type: "c", major: 1, minor: 1 }]'
	run_container
	assert_fails /linux/devices/0/path absolute
}

# --- the filter ---
# /dev/fuse is the device of the tests: opening it needs no capability and does nothing by itself.
# Only the host's root may load a filter; in anybody else's containers no device can be made.

@test "without a rule a disk of the host can be neither made nor opened as soon as rules deny it" {
	require cgroup2 disk
	local disk
	read -ra disk <<<"$(host_disk)"
	device_rules '[{ "allow": false, "access": "rwm" }]'
	mount_entry /n tmpfs tmpfs mode=755
	ask mknod /n/disk b "${disk[@]}" + open /n/disk r + open /n/disk w
	lacks "open /n/disk r: ok" "open /n/disk w: ok"
	matches '^open /n/disk r: (EPERM|ENOENT)'
	# Who may load no filter is told that there is none.
	is_root_of_host || has_text "/linux/resources/devices: left out: a device filter needs root of the host"
}

# bats test_tags=host
@test "a container without any device rules can't open the host's disk either" {
	require cgroup2 disk
	local disk
	read -ra disk <<<"$(host_disk)"
	mount_entry /n tmpfs tmpfs mode=755
	ask mknod /n/disk b "${disk[@]}" + open /n/disk r + open /n/disk w
	lacks "open /n/disk r: ok" "open /n/disk w: ok"
	matches '^open /n/disk r: (EPERM|ENOENT)'
}

# bats test_tags=real_root
@test "a disk's node that is in the root file system can't be opened" {
	require cgroup2 disk
	local disk
	read -ra disk <<<"$(host_disk)"
	mknod rootfs/disk b "${disk[@]}"
	device_rules '[{ "allow": false, "access": "rwm" }]'
	ask open /disk r + open /disk w
	has "open /disk r: EPERM" "open /disk w: EPERM"
	device_rules '[]'
	ask open /disk r
	has "open /disk r: EPERM"
}

# bats test_tags=host,real_root,old-kernel,managers
@test "a rule allows exactly the device and the access that it names" {
	require cgroup2 fuse
	device_rules '[{ "allow": false, "access": "rwm" },
		{ "allow": true, "type": "c", "major": 10, "minor": 229, "access": "r" }]'
	mknod rootfs/fuse c 10 229
	mknod rootfs/fuse2 c 10 228
	mknod rootfs/block b 10 229
	ask open /fuse r + open /fuse w + open /fuse2 r + open /block r
	has "open /fuse r: ok" "open /fuse w: EPERM" "open /fuse2 r: EPERM" "open /block r: EPERM"
}

# bats test_tags=real_root
@test "rules act in their order, the later ones win" {
	require cgroup2 fuse
	mknod rootfs/fuse c 10 229
	device_rules '[{ "allow": false, "access": "rwm" },
		{ "allow": true, "type": "c", "major": 10, "access": "rw" },
		{ "allow": false, "type": "c", "major": 10, "minor": 229, "access": "w" }]'
	ask open /fuse r + open /fuse w
	has "open /fuse r: ok" "open /fuse w: EPERM"
	device_rules '[{ "allow": false, "type": "c", "major": 10, "minor": 229, "access": "w" },
		{ "allow": true, "access": "rwm" }]'
	ask open /fuse r + open /fuse w
	has "open /fuse r: ok" "open /fuse w: ok"
}

# bats test_tags=real_root
@test "wildcards: any minor, any major, type a" {
	require cgroup2 fuse
	mknod rootfs/fuse c 10 229
	device_rules '[{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 10, "access": "r" }]'
	ask open /fuse r
	has "open /fuse r: ok"
	device_rules '[{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "minor": 229, "access": "r" }]'
	ask open /fuse r
	has "open /fuse r: ok"
	device_rules '[{ "allow": true, "type": "a", "access": "rwm" }]'
	ask open /fuse r
	has "open /fuse r: ok"
}

@test "the default devices stay usable whatever the rules deny" {
	require cgroup2
	device_rules '[{ "allow": false, "access": "rwm" }]'
	ask open /dev/null rw + open /dev/zero r + open /dev/full w + open /dev/random r + \
		open /dev/urandom r + open /dev/ptmx rw + mknod /dev/new c 1 3
	has "open /dev/null rw: ok" "open /dev/zero r: ok" "open /dev/full w: ok" "open /dev/random r: ok" \
		"open /dev/urandom r: ok" "open /dev/ptmx rw: ok"
	! is_root_of_host || has "mknod /dev/new: ok"
}

# bats test_tags=real_root
@test "linux.devices alone doesn't open a device that the rules deny" {
	require cgroup2 fuse
	config '.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438 }]'
	device_rules '[{ "allow": false, "access": "rwm" }]'
	ask stat /dev/fuse + open /dev/fuse r
	matches '^stat /dev/fuse: type=char '
	has "open /dev/fuse r: EPERM"
}

# bats test_tags=real_root,managers
@test "processes that the container makes later are filtered too" {
	require cgroup2 fuse
	mknod rootfs/fuse c 10 229
	device_rules '[{ "allow": false, "access": "rwm" }]'
	shell '(/bin/probe open /fuse r); sh -c "sh -c \"/bin/probe open /fuse w\""'
	inside
	has "open /fuse r: EPERM" "open /fuse w: EPERM"
}

# bats test_tags=real_root
@test "the filter is in force before startContainer hooks run" {
	require cgroup2 fuse
	mknod rootfs/fuse c 10 229
	device_rules '[{ "allow": false, "access": "rwm" }]'
	config '.hooks.startContainer = [{ path: "/bin/sh", args: ["sh", "-c", "/bin/probe open /fuse r >/hook.out"] }]'
	inside
	assert_equal "$(cat rootfs/hook.out)" "open /fuse r: EPERM"
}

@test "an unknown access or type in a rule is an error" {
	device_rules '[{ "allow": true, "access": "rx" }]'
	run_container
	assert_fails /linux/resources/devices/0/access
	device_rules '[{ "allow": true, "type": "z", "access": "r" }]'
	run_container
	assert_fails /linux/resources/devices/0/type
}

# bats test_tags=real_root
@test "a hundred rules in one filter" {
	require cgroup2 fuse
	mknod rootfs/fuse c 10 229
	config '.linux.resources.devices = [{ allow: false, access: "rwm" }] + [range(100) |
		{ allow: true, type: "c", major: (200 + .), minor: 1, access: "rw" }]
		+ [{ allow: true, type: "c", major: 10, minor: 229, access: "r" }]'
	ask open /fuse r + open /fuse w
	has "open /fuse r: ok" "open /fuse w: EPERM"
}
