#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# root: read-only, propagation, where it may be and where not; what of the host is left in sight.

load helpers

@test "the container sees its root, and nothing of the host's files" {
	: >"$T/host-file"
	ask ls / + open "$T/host-file" r + ls / + mounts
	has bin etc proc
	has "open $T/host-file r: ENOENT"
	# Every line of the mount table is the container's own; in a user namespace the default devices are
	# mounts, too.
	assert_equal "$(grep ' - ' <<<"$output" | grep -cvE ' /dev/(null|zero|full|random|urandom|tty) ')" 4
}

@test "a read-only root can't be written, the mounts in it can" {
	config '.root.readonly = true'
	mount_entry /tmp tmpfs tmpfs
	ask open /x c + mkdir /y + open /tmp/x c + mountflags / + write /dev/null z
	has "open /x c: EROFS" "mkdir /y: EROFS" "open /tmp/x c: ok" "write /dev/null: ok"
	matches "^mountflags /: ro"
	[ -w "$BUNDLE/rootfs" ]
}

@test "a root that isn't read-only can be written, and the bundle sees it" {
	ask write /x text
	assert_equal "$(cat rootfs/x)" text
}

@test "the path may be absolute" {
	mv rootfs "$T/elsewhere"
	config --arg p "$T/elsewhere" '.root.path = $p'
	ask ls /
	has bin
}

@test "a root that is a symbolic link is followed" {
	mv rootfs real
	ln -s real rootfs
	ask ls /
	has bin
}

@test "a path with .. and slashes too many works" {
	config '.root.path = ".//../bundle/./rootfs/"'
	ask ls /
	has bin
}

# bats test_tags=uid0
@test "a root that is a mount of its own works, with what is mounted below it" {
	mount --bind rootfs rootfs
	mount -t tmpfs none rootfs/mnt
	echo below >rootfs/mnt/file
	probe cat /mnt/file
	run_container
	umount rootfs/mnt rootfs
	assert_status 0
	has below
}

@test "a missing root, a file in its place, no root at all: errors at /root" {
	config '.root.path = "missing"'
	run_container
	assert_fails /root/path missing "no such file"
	: >afile
	config '.root.path = "afile"'
	run_container
	assert_fails /root/path afile "not a directory"
	config 'del(.root)'
	run_container
	assert_fails /root
	config '.root = {}'
	run_container
	assert_fails /root/path
	assert_nothing_left
}

@test "the host's / as root works read-only" {
	config '.root = { path: "/", readonly: true } | .mounts = [{ destination: "/proc", type: "proc", source: "proc" }]
		| .process.args = ["/bin/sh", "-c", "echo $$; touch /x"]'
	run_container
	has 1
	has_text "Read-only file system"
	assert_no_mount
}

@test "linux.rootfsPropagation shared, slave, private, unbindable" {
	local word
	for word in shared slave private unbindable rshared rslave rprivate runbindable; do
		config --arg w "$word" '.linux.rootfsPropagation = $w'
		ask mounts
		case $word in
		shared | rshared) mount_line / | grep -q ' shared:' ;;
		unbindable | runbindable) mount_line / | grep -q ' unbindable ' ;;
		*) [[ -n "$(mount_line /)" && ! "$(mount_line /)" =~ ' 'shared: ]] ;;
		esac || {
			say_output "propagation $word"
			return 1
		}
	done
}

# bats test_tags=uid0
@test "slave: what the host mounts below the root arrives, private: it doesn't" {
	mount --bind "$BUNDLE" "$BUNDLE"
	mount --make-shared "$BUNDLE"
	cd "$BUNDLE"
	mkdir -p rootfs/mnt/late
	probe wait-signal + ls /mnt/late
	local word
	for word in rslave rprivate; do
		config --arg w $word '.linux.rootfsPropagation = $w'
		create_logged
		start
		wait_until out_has waiting
		mount -t tmpfs none rootfs/mnt/late
		: >rootfs/mnt/late/arrived
		hull kill "$ID" USR1
		wait_status stopped
		hull delete "$ID"
		cp "$T/out" "$T/out.$word"
		umount rootfs/mnt/late
	done
	cd /
	umount "$BUNDLE"
	grep -qx arrived "$T/out.rslave"
	! grep -qx arrived "$T/out.rprivate"
}

@test "an unknown propagation is an error" {
	config '.linux.rootfsPropagation = "sideways"'
	run_container
	assert_fails /linux/rootfsPropagation
}

@test "--no-pivot: the root is entered without pivot_root, and the host isn't in sight" {
	: >"$T/host-file"
	probe ls / + open "$T/host-file" r + cwd + open /../../../../etc/hostname r
	run hull run --no-pivot "$ID" </dev/null
	assert_status 0
	has bin "open $T/host-file r: ENOENT" cwd=/
}

# bats test_tags=uid0
@test "a root on a shared mount propagates nothing to the host" {
	mount -t tmpfs none "$T/root-home" 2>/dev/null || { mkdir "$T/root-home" && mount -t tmpfs none "$T/root-home"; }
	mount --make-shared "$T/root-home"
	cp -a rootfs "$T/root-home/rootfs"
	config --arg p "$T/root-home/rootfs" '.root.path = $p'
	cp /proc/self/mountinfo "$T/now"
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	diff "$T/now" /proc/self/mountinfo >"$T/diff" || true
	hull delete --force "$ID"
	umount "$T/root-home"
	assert_equal "$(cat "$T/diff")" ""
}
