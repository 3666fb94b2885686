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

@test "new proc, mqueue, devpts, tmpfs and cgroup belong to the container's ids" {
	mount_entry /tmp tmpfs tmpfs nosuid uid=1000 gid=1001 mode=1770
	mount_entry /dev/mqueue mqueue mqueue nosuid noexec nodev
	mount_entry /sys/fs/cgroup cgroup2 cgroup ro
	mkdir -p rootfs/sys/fs/cgroup
	ask stat /tmp + mounts + ids + stat /proc/1 + stat /dev/pts/ptmx + ls /dev/mqueue + \
		open /tmp/x c + ls /sys/fs/cgroup
	matches '^stat /tmp: type=dir mode=1770 owner=1000:1001 '
	matches '^stat /dev/pts/ptmx: .*owner=0:0 '
	has "open /tmp/x c: ok"
	[[ $(mount_line /proc) == *" - proc proc rw" ]]
	[[ $(mount_line /sys/fs/cgroup) == *" / /sys/fs/cgroup ro"*" - cgroup2 "* ]]
}

@test "a new sysfs with a new network namespace, else the host's, with the flags asked for" {
	mount_entry /sys sysfs sysfs ro nosuid noexec nodev
	config '.linux.namespaces += [{ type: "network" }]'
	ask mounts + ls /sys/class/net
	[[ $(mount_line /sys) == *" / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs "* ]]
	has lo
	assert_equal "$(grep -c ' /sys/' <<<"$output")" 0
	config '.linux.namespaces |= map(select(.type != "network"))'
	ask mounts + open /sys/kernel/uevent_helper rw
	[[ $(mount_line /sys) == *" / /sys ro,nosuid,nodev,noexec,relatime - sysfs "* ]]
	# what the host has mounted below came along, as narrow
	local line
	while read -r line; do
		[[ $line == *" ro,nosuid,nodev,noexec,"* ]] || {
			say_output "wider: $line"
			return 1
		}
	done < <(grep ' - ' <<<"$output" | grep ' /sys/')
	run hull check
	has_text "/mounts/3" "bound instead of a new sysfs"
}

@test "the host's proc and mqueue with shared namespaces, an error where they would show others" {
	mount_entry /dev/mqueue mqueue mqueue
	config '.linux.namespaces |= map(select(.type != "pid" and .type != "ipc"))
		| .linux.sysctl = {}'
	probe mounts + readlink /proc/self
	run_where_mqueue_is
	[[ $(mount_line /proc) == *" - proc "* ]]
	[[ $(mount_line /dev/mqueue) == *" - mqueue "* ]]
	[ "$(sed -n 's|^readlink /proc/self: ||p' <<<"$output")" -gt 1 ]
	# parameters can't be given to the host's
	config '.mounts[0].options = ["hidepid=2"]'
	run_container
	assert_fails /mounts/0 "a pid namespace that belongs to the user namespace"
}

# A host that has mqueue mounted: this one may not.
run_where_mqueue_is() {
	run unshare -m --propagation private sh -c '
		mount -t tmpfs dev /dev && mkdir /dev/mqueue && mount -t mqueue mqueue /dev/mqueue &&
		for n in null:3 zero:5 full:7 random:8 urandom:9; do
			mknod -m 666 /dev/${n%:*} c 1 ${n#*:} || exit
		done
		mknod -m 666 /dev/tty c 5 0 && exec "$@"' - "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
}

@test "the container may not make what is asked for: which and why" {
	mount_entry /mnt ramfs none
	ask stat /mnt
	config '.mounts[-1] |= (.type = "ext4" | .source = "/dev/null")'
	run_container
	assert_fails /mounts/3 "'ext4' can't be made inside of a user namespace"
	config '.mounts[-1] |= (.type = "tmpfs" | .options = ["uid=70000"])'
	run_container
	assert_fails /mounts/3/options/0 "isn't mapped"
}

@test "idmap without mappings is as the container's user namespace: owners are the container's own" {
	mkdir "$T/src"
	echo text >"$T/src/file"
	chown 5:6 "$T/src/file"
	find "$T/src" -printf '%p %U:%G %m %C@\n' >"$T/before"
	mount_entry /mnt bind "$T/src" bind idmap
	mount_entry /data tmpfs tmpfs idmap uid=7 gid=8 mode=750
	ask stat /mnt + stat /mnt/file + stat /data
	matches '^stat /mnt: .*owner=0:0 '
	matches '^stat /mnt/file: .*owner=5:6 '
	matches '^stat /data: .*mode=0750 owner=7:8 '
	find "$T/src" -printf '%p %U:%G %m %C@\n' | diff "$T/before" - >&2
	ask write /mnt/new x
	assert_equal "$(stat -c %u:%g "$T/src/new")" 0:0
}

@test "idmap in a user namespace that is joined takes that one's mappings" {
	mkdir "$T/src"
	chown 5:6 "$T/src"
	args /bin/sleep 100
	create
	config --arg p "/proc/$(pid_of)/ns/user" '.linux.namespaces |= map(if .type == "user"
		then .path = $p else . end) | del(.linux.uidMappings, .linux.gidMappings)'
	mount_entry /mnt bind "$T/src" bind idmap
	mount_entry /tmp tmpfs tmpfs
	probe stat /mnt + stat /tmp + stat /dev/null + write /dev/null x
	run timeout 60 "$HULL" --root "$ROOT" run "${ID}x" </dev/null
	assert_status 0
	matches '^stat /mnt: .*owner=5:6 '
	matches '^stat /tmp: .*owner=0:0 '
	has "write /dev/null: ok"
}

@test "an inline mapping with @ counts from the container's ids" {
	mkdir "$T/src"
	mount_entry /mnt bind "$T/src" bind "idmap=uids=@0-20-1;gids=@0-30-1"
	ask stat /mnt
	matches '^stat /mnt: .*owner=20:30 '
}

@test "masked and read-only paths, a read-only root" {
	mkdir rootfs/secret
	echo text | tee rootfs/secret/file >rootfs/masked
	own rootfs
	config '.root.readonly = true | .linux.maskedPaths = ["/secret", "/masked", "/proc/version"]
		| .linux.readonlyPaths = ["/proc/sys", "/etc"]'
	ask ls /secret + stat /masked + stat /proc/version + mountflags /proc/sys + \
		open /etc/new c + open /new c
	lacks file
	matches '^stat /masked: type=char .*rdev=1:3 '
	matches '^stat /proc/version: type=char .*rdev=1:3 '
	matches '^mountflags /proc/sys: *ro'
	has "open /etc/new c: EROFS" "open /new c: EROFS"
}

@test "propagation: a slave root receives the host's mounts, a private one doesn't" {
	mkdir "$T/src" "$T/src/sub"
	mount -t tmpfs shared "$T/src"
	mount --make-shared "$T/src"
	mkdir "$T/src/sub"
	mount_entry /mnt bind "$T/src" rbind rslave
	mount_entry /private bind "$T/src" rbind rprivate
	shell 'until grep -q go /go; do :; done; cat /mnt/sub/file; cat /private/sub/file; echo done'
	echo wait >rootfs/go
	create_logged
	start
	mount -t tmpfs late "$T/src/sub"
	echo text >"$T/src/sub/file"
	echo go >rootfs/go
	wait_until out_has done || true
	umount "$T/src/sub" "$T/src"
	output=$(cat "$T/out")
	has text
	matches "/private/sub/file.*No such file"
}

# --- devices ---

@test "linux.devices: the host's node by number, its owner and mode untouched" {
	stat -c '%n %u:%g %a %t:%T %Z' /dev/null /dev/zero /dev/full >"$T/before"
	config '.linux.devices = [
		{ path: "/dev/other-name", type: "c", major: 1, minor: 7, uid: 3, gid: 4 },
		{ path: "/srv/zero", type: "c", major: 1, minor: 5, fileMode: 438 },
		{ path: "/srv/fifo", type: "p", uid: 5, gid: 6, fileMode: 384 }]'
	ask write /dev/other-name x + open /srv/zero rw + stat /srv/fifo
	has "write /dev/other-name: ENOSPC" "open /srv/zero rw: ok"
	matches '^stat /srv/fifo: type=fifo mode=0600 owner=5:6 '
	stat -c '%n %u:%g %a %t:%T %Z' /dev/null /dev/zero /dev/full | diff "$T/before" - >&2
	run hull check
	has_text "/linux/devices/0: in a user namespace" "keeps its owner"
}

@test "linux.devices: a mode that gives less than the host's node, or no such node, is an error" {
	config '.linux.devices = [{ path: "/dev/zeroes", type: "c", major: 1, minor: 5, fileMode: 384 }]'
	run_container
	assert_fails /linux/devices/0 "mode 0666" "fileMode 0600"
	config '.linux.devices = [{ path: "/dev/nothing", type: "c", major: 240, minor: 77 }]'
	run_container
	assert_fails /linux/devices/0 "the host has no such node"
}

@test "a second container with the same root finds the places of its devices and binds again" {
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	config '.linux.devices = [{ path: "/srv/zero", type: "c", major: 1, minor: 5 }]'
	local run
	for run in 1 2; do
		ask stat /dev/null + write /dev/full x + open /srv/zero r
		matches '^stat /dev/null: type=char .*rdev=1:3 '
		has "write /dev/full: ENOSPC" "open /srv/zero r: ok"
	done
	# what isn't empty is the image's
	echo something >rootfs/srv/zero
	run_container
	assert_fails /linux/devices/0 "a regular file is there"
}

@test "a terminal: /dev/console is the container's own" {
	require python
	config '.process.terminal = true | .process.user = { uid: 7, gid: 8 }'
	probe tty + stat /dev/console + echo done
	"$top/tests/helpers/console-socket" "$T/console" "$T/out" >&2 &
	local console=$!
	wait_until test -S "$T/console"
	attempt hull create --console-socket "$T/console" "$ID"
	assert_status 0
	start
	wait_until out_has done
	kill $console 2>/dev/null || true # it ends with the terminal
	output=$(cat "$T/out")
	matches '^stat /dev/console: type=char .*owner=7:.* rdev=136:0'
}

# --- without a mount namespace, and what stays refused ---

@test "no mount namespace: the root is entered by chroot" {
	chmod 755 "$T" "$BUNDLE"
	config '.mounts = [] | .linux.namespaces |= map(select(.type != "mount"))'
	ask stat / + stat /bin
	matches '^stat /: type=dir .*owner=0:0 '
}

@test "owners of the root's files stay as they are" {
	(cd rootfs && find . -printf '%p %U:%G %m\n' | sort) >"$T/before"
	config '.mounts |= map(select(.destination != "/dev/pts"))'
	mkdir "$T/empty"
	ask stat /dev/null
	(cd rootfs && find . -printf '%p %U:%G %m\n' | sort) | diff "$T/before" - >&2
}

@test "a root whose owner isn't mapped: what is there works, what would be made is an error" {
	chown -hR 0:0 rootfs
	ask stat /
	matches '^stat /: .*owner=65534:65534 '
	mount_entry /not/there tmpfs tmpfs
	run_container
	assert_fails /mounts/3 "owner isn't mapped" "make the directory '/not'"
	[ ! -e rootfs/not ]
}

@test "an overlay inside of the user namespace" {
	require overlay
	local dir
	dir=$(mktemp -d /tmp/hull-open.XXXXXX)
	chmod 755 "$dir"
	mount -t tmpfs layers "$dir"
	mkdir "$dir/lower" "$dir/upper" "$dir/work"
	echo text >"$dir/lower/file"
	own "$dir"
	mount_entry /mnt overlay overlay "lowerdir=$dir/lower" "upperdir=$dir/upper" \
		"workdir=$dir/work" userxattr
	probe cat /mnt/file + write /mnt/new x + stat /mnt/new
	run_container
	stat -c 'host %u:%g' "$dir/upper/new" >>"$T/host" || true
	umount "$dir"
	rmdir "$dir"
	assert_status 0
	has text
	matches '^stat /mnt/new: .*owner=0:0 '
	assert_equal "$(cat "$T/host")" "host $FIRST:$FIRST"
}

@test "remount changes flags of what was mounted before" {
	mount_entry /tmp tmpfs tmpfs
	mount_entry /tmp none none remount ro nosuid size=100k
	mount_entry /dev none none remount bind noexec
	ask mountflags /tmp + mountflags /dev + open /tmp/x c
	matches '^mountflags /tmp: *ro nosuid'
	matches '^mountflags /dev: *nosuid noexec'
	has "open /tmp/x c: EROFS"
}

@test "nosuid, nodev and the like can be cleared for a source of the host's by root" {
	mkdir "$T/src"
	mount -t tmpfs -o nosuid,nodev,noexec source "$T/src"
	mount_entry /mnt bind "$T/src" bind suid exec
	probe mountflags /mnt
	run_container
	umount "$T/src"
	assert_status 0
	matches '^mountflags /mnt: *nodev'
	lacks noexec
}

# What only the host may take back: root of the container's user namespace has CAP_SYS_ADMIN there.
@test "CAP_SYS_ADMIN in the container takes off nothing that covers a source, and no flag of the host's" {
	mkdir -p "$T/src/sub" "$T/ro" "$T/asked" rootfs/{src,ro,asked,data/sub}
	echo below >"$T/src/sub/hidden"
	echo below >rootfs/data/sub/hidden
	chmod 777 "$T/ro" "$T/asked"
	mount_entry /src bind "$T/src" rbind
	mount_entry /ro bind "$T/ro" bind
	mount_entry /asked bind "$T/asked" bind ro
	mount_entry /null bind /dev/null bind unbindable ro
	touch rootfs/null
	config '.process.capabilities[] += ["CAP_SYS_ADMIN"]'
	shell 'for m in /src/sub /data/sub; do ls $m; umount $m && echo off $m; ls $m; done
		for m in /ro /asked; do
			mount -o remount,bind,rw $m && echo back $m; touch $m/file && echo written $m
		done
		mount -t tmpfs none /mnt && umount /mnt && echo able; true'
	run unshare -m --propagation private sh -c '
		mount -t tmpfs none "$0/src/sub" && touch "$0/src/sub/cover" &&
		mount -t tmpfs none "$0/bundle/rootfs/data/sub" && touch "$0/bundle/rootfs/data/sub/cover" &&
		mount --bind "$0/ro" "$0/ro" && mount -o remount,bind,ro "$0/ro" && exec "$@"
		' "$T" "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
	has able
	assert_equal "$(grep -cx cover <<<"$output")" 4
	assert_equal "$(grep -cE '^(off|back|written|hidden)' <<<"$output")" 0
}

@test "--no-pivot enters the root, too, whether its place was let through or not" {
	probe stat / + mounts + write /dev/full x
	run timeout 60 "$HULL" --root "$ROOT" run --no-pivot "$ID" </dev/null
	assert_status 0
	matches '^stat /: .*owner=0:0 '
	has "write /dev/full: ENOSPC"
	OPEN=$(mktemp -d /tmp/hull-open.XXXXXX)
	chmod 755 "$OPEN"
	mv rootfs "$OPEN/rootfs"
	config --arg p "$OPEN/rootfs" '.root.path = $p'
	run timeout 60 "$HULL" --root "$ROOT" run --no-pivot "$ID" </dev/null
	rm -r "$OPEN"
	assert_status 0
	matches '^stat /: .*owner=0:0 '
}

@test "verify finds such a container as its config says" {
	config '.linux.maskedPaths = ["/proc/version"] | .linux.readonlyPaths = ["/proc/sys"]
		| .linux.namespaces |= map(select(.type != "pid")) | .root.readonly = true'
	mkdir "$T/src"
	mount_entry /mnt bind "$T/src" bind idmap ro
	mount_entry /data tmpfs tmpfs idmap mode=755 ro
	mount_entry /sys sysfs sysfs ro nosuid
	args /bin/sleep 50
	create
	start
	run hull verify "$ID"
	assert_status 0
	lacks differs
}
