#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mounts, devices, masks and the root in a user namespace that root makes.

load helpers

FIRST=100000

setup() {
	common_setup
	user_namespace
	own rootfs
}

# user_namespace: container ids 0..65535 are FIRST... on the host.
user_namespace() {
	config --argjson first "$FIRST" '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $first, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
}

# own PATH...: gives what is there to the container's root.
own() {
	chown -hR $FIRST:$FIRST "$@"
}

@test "root of the user namespace gets in where the way to the root is closed to it" {
	[ "$(stat -c %a "$T")" != 755 ] || chmod 700 "$T"
	run ! setpriv --reuid $FIRST --regid $FIRST --clear-groups ls "$BUNDLE/rootfs"
	ask stat / + cat /etc/passwd
	matches '^stat /: type=dir mode=0755 owner=0:0 '
}

@test "where the way is open the root is mounted at its own place, for createContainer hooks" {
	local dir
	dir=$(mktemp -d /tmp/hull-open.XXXXXX)
	chmod 755 "$dir"
	mv rootfs "$dir/rootfs"
	config --arg p "$dir/rootfs" --arg log "$dir/rootfs/log" '.root.path = $p
		| .hooks.createContainer = [{ path: "/bin/sh",
			args: ["sh", "-c", "grep -c \" $0 \" /proc/self/mountinfo >$1", $p, $log] }]'
	inside
	output=$(cat "$dir/rootfs/log")
	rm -r "$dir"
	assert_equal "$output" 1
}

@test "the default devices are the host's nodes, bound, and work" {
	ask stat /dev/null + stat /dev/tty + write /dev/null x + open /dev/zero r + write /dev/full x + \
		mountflags /dev/null
	matches '^stat /dev/null: type=char mode=0666 .*rdev=1:3 '
	matches '^stat /dev/tty: type=char mode=0666 .*rdev=5:0 '
	has "write /dev/null: ok" "open /dev/zero r: ok" "write /dev/full: ENOSPC"
}

@test "a bind whose source is closed to root of the user namespace" {
	mkdir -p "$T/closed/src"
	echo text >"$T/closed/src/file"
	chmod 700 "$T/closed"
	mount_entry /mnt bind "$T/closed/src" bind ro
	chmod 666 "$T/closed/src/file"
	ask cat /mnt/file + open /mnt/file rw + stat /mnt/file
	has text "open /mnt/file rw: EROFS"
	matches '^stat /mnt/file: .*owner=65534:65534 '
}
