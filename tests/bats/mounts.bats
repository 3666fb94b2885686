#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# mounts: every option seen from inside, alone and against its opposite; kinds, targets, sources.

load helpers

# A source directory of the host with a file, a program and a link.
make_source() {
	mkdir -p "$T/src/dir"
	echo content >"$T/src/file"
	cp "$PROBE" "$T/src/probe"
	ln -s file "$T/src/link"
}

# A file system of the caller's own: a user namespace keeps the access times of the host's mounts.
own_source() {
	mkdir "$T/src"
	mount -t tmpfs own "$T/src"
}

# bind_with OPTION...: binds the source directory to /mnt.
bind_with() {
	[ -e "$T/src" ] || make_source
	mount_entry /mnt bind "$T/src" "$@"
}

# flags_of PATH: from the output of probe mountflags, without the default relatime.
flags_of() {
	sed -n "s|^mountflags $1: *||p" <<<"$output" | sed 's/ *relatime//; s/^ //'
}

# expect_flags "FLAGS" OPTION...: flags of a bind mount made with these options.
expect_flags() {
	local flags=$1
	shift
	config '.mounts |= map(select(.destination != "/mnt"))'
	bind_with bind "$@"
	ask mountflags /mnt
	assert_equal "$* -> $(flags_of /mnt)" "$* -> $flags"
}

# --- flags of a bind mount ---

@test "a bind mount shows the host's files, and writes reach the host" {
	bind_with bind
	ask cat /mnt/file + write /mnt/new text
	has content "write /mnt/new: ok"
	assert_equal "$(cat "$T/src/new")" text
}

@test "ro forbids writing, rw allows it, the later of the two counts" {
	bind_with bind ro
	ask open /mnt/file rw + open /mnt/new c
	has "open /mnt/file rw: EROFS" "open /mnt/new c: EROFS"
	expect_flags "" rw
	expect_flags "ro" rw ro
	expect_flags "" ro rw
}

@test "noexec forbids executing, exec allows it" {
	bind_with bind noexec
	ask execute /mnt/probe
	has "execute /mnt/probe: EACCES"
	expect_flags "noexec" exec noexec
	expect_flags "" noexec exec
	ask execute /mnt/probe
	has "executed: ok"
}

@test "nodev forbids opening devices, dev allows it" {
	make_source
	make_node "$T/src/null" c 1 3
	bind_with bind nodev
	ask open /mnt/null rw
	has "open /mnt/null rw: EACCES"
	expect_flags "nodev" dev nodev
	expect_flags "" nodev dev
	ask open /mnt/null rw
	has "open /mnt/null rw: ok"
}

@test "nosuid and suid" {
	expect_flags "nosuid" nosuid
	expect_flags "nosuid" suid nosuid
	expect_flags "" nosuid suid
}

@test "nosymfollow forbids following links, symfollow allows it" {
	bind_with bind nosymfollow
	ask open /mnt/link r + open /mnt/file r
	has "open /mnt/link r: ELOOP" "open /mnt/file r: ok"
	expect_flags "nosymfollow" symfollow nosymfollow
	expect_flags "" nosymfollow symfollow
}

# bats test_tags=uid0
@test "noatime, atime, relatime, norelatime, strictatime, nostrictatime" {
	own_source
	expect_flags "noatime" noatime
	expect_flags "" noatime atime
	expect_flags "noatime" relatime noatime
	bind_has_relatime() {
		config '.mounts |= map(select(.destination != "/mnt"))'
		bind_with bind "$@"
		ask mountflags /mnt
		matches '^mountflags /mnt:.* relatime'
	}
	bind_has_relatime relatime
	bind_has_relatime noatime relatime
	bind_has_relatime strictatime nostrictatime
	config '.mounts |= map(select(.destination != "/mnt"))'
	bind_with bind strictatime
	ask mountflags /mnt
	lacks_match '^mountflags /mnt:.*(relatime|noatime)'
	umount "$T/src"
}

# bats test_tags=uid0
@test "nodiratime and diratime" {
	own_source
	expect_flags "nodiratime" nodiratime
	expect_flags "nodiratime" diratime nodiratime
	expect_flags "" nodiratime diratime
	umount "$T/src"
}

# bats test_tags=uid0
@test "several flags at once are all there, and the others stay as they were" {
	own_source
	expect_flags "ro nosuid nodev noexec noatime" ro nosuid nodev noexec noatime
	expect_flags "nosuid noexec" nosuid nodev noexec dev
	umount "$T/src"
}

# bats test_tags=uid0
@test "flags that the source's mount has on the host are kept unless the config clears them" {
	make_source
	mount --bind "$T/src" "$T/src"
	mount -o remount,bind,nosuid,nodev,ro "$T/src"
	bind_with bind
	ask mountflags /mnt
	assert_equal "$(flags_of /mnt)" "ro nosuid nodev"
	config '.mounts |= map(select(.destination != "/mnt"))'
	bind_with bind rw suid
	ask mountflags /mnt
	umount "$T/src"
	assert_equal "$(flags_of /mnt)" "nodev"
}

# bats test_tags=uid0
@test "the flags of one bind don't reach the source's mount on the host" {
	make_source
	mount --bind "$T/src" "$T/src"
	bind_with bind ro nosuid
	inside
	local options
	options=$(awk -v at="$T/src" '$5 == at { print $6 }' /proc/self/mountinfo)
	umount "$T/src"
	assert_equal "$options" rw,relatime
}

@test "defaults, async, loud, silent and the rest that change nothing are accepted on a bind" {
	expect_flags "" defaults
	expect_flags "" async loud nolazytime noiversion
	expect_flags "" silent
}

# --- binds and what is below them ---

nested_source() {
	make_source
	mount -t tmpfs nested "$T/src/dir"
	cp "$PROBE" "$T/src/dir/probe"
	echo nested >"$T/src/dir/file"
	ln -s file "$T/src/dir/link"
}

# bats test_tags=uid0
@test "bind leaves out the mounts below the source, rbind takes them along" {
	nested_source
	mount_entry /one bind "$T/src" bind
	mount_entry /all bind "$T/src" rbind
	run_with_nested ls /one/dir + cat /all/dir/file
	has nested
	lacks probe
}

# runs the probe, then takes the nested mount away whatever came of it
run_with_nested() {
	probe "$@"
	run_container
	umount "$T/src/dir"
	[ ! -e "$T/devices" ] || umount "$T/devices/dir"
	assert_status 0
}

# bats test_tags=uid0,old-kernel
@test "ro on an rbind stops at the mount itself, rro reaches the mounts below" {
	nested_source
	mount_entry /ro bind "$T/src" rbind ro
	mount_entry /rro bind "$T/src" rbind rro
	run_with_nested open /ro/x c + open /ro/dir/x c + open /rro/x c + open /rro/dir/x c
	has "open /ro/x c: EROFS" "open /ro/dir/x c: ok" "open /rro/x c: EROFS" "open /rro/dir/x c: EROFS"
}

# bats test_tags=uid0,old-kernel
@test "the recursive options reach the mounts below, and their opposites clear" {
	own_source
	nested_source
	# A node isn't a device in a file system that somebody else than the host's root made.
	mkdir -p "$T/nested" "$T/devices/dir"
	make_node "$T/nested/null" c 1 3
	mount --bind "$T/nested" "$T/devices/dir"
	mount_entry /forbidden bind "$T/devices" rbind rnodev
	mount_entry /allowed bind "$T/devices" rbind rnodev rdev
	local name
	for name in noexec nodev nosuid noatime nodiratime nosymfollow; do
		mount_entry "/$name" bind "$T/src" rbind "r$name"
	done
	mount_entry /clear bind "$T/src" rbind rro rnoexec rnodev rnosuid rrw rexec rdev rsuid
	mount_entry /symfollow bind "$T/src" rbind rnosymfollow rsymfollow
	mount_entry /strictatime bind "$T/src" rbind rstrictatime
	mount_entry /diratime bind "$T/src" rbind rnodiratime rdiratime rnoatime ratime
	mount_entry /relatime bind "$T/src" rbind rnoatime rrelatime
	run_with_nested execute /noexec/dir/probe + open /forbidden/dir/null rw + \
		open /nosymfollow/dir/link r + execute /clear/dir/probe + open /allowed/dir/null rw + \
		open /symfollow/dir/link r + mountflags /noexec/dir + mountflags /nodev/dir + \
		mountflags /nosuid/dir + mountflags /noatime/dir + mountflags /nodiratime/dir + \
		mountflags /nosymfollow/dir + mountflags /clear/dir + mountflags /strictatime/dir + \
		mountflags /diratime/dir + mountflags /relatime/dir
	has "execute /noexec/dir/probe: EACCES" "open /forbidden/dir/null rw: EACCES" \
		"open /nosymfollow/dir/link r: ELOOP" "executed: ok" "open /allowed/dir/null rw: ok" \
		"open /symfollow/dir/link r: ok"
	for name in noexec nodev nosuid noatime nodiratime nosymfollow; do
		assert_equal "$(flags_of "/$name/dir")" $name
	done
	for name in clear diratime; do
		assert_equal "$(flags_of "/$name/dir")" ""
	done
	lacks_match '^mountflags /strictatime/dir:.*(relatime|noatime)'
	matches '^mountflags /relatime/dir:.*relatime'
	umount "$T/src"
}

@test "a file is bound on a file" {
	make_source
	echo old >rootfs/target
	mount_entry /target bind "$T/src/file" bind ro
	ask cat /target + open /target rw
	has content "open /target rw: EROFS"
	assert_equal "$(cat rootfs/target)" old
}

@test "a missing target is made: a directory for a directory, a file for a file" {
	make_source
	mount_entry /a/b/c bind "$T/src" bind
	mount_entry /d/e/f bind "$T/src/file" bind
	mount_entry /g/h tmpfs tmpfs
	ask cat /a/b/c/file + cat /d/e/f + stat /a/b/c + stat /d/e/f + stat /g
	has content
	matches '^stat /a/b/c: type=dir '
	matches '^stat /d/e/f: type=file '
	matches '^stat /g: type=dir mode=0755 owner=0:0'
}

@test "a device node and a socket can be bound as files" {
	require python
	make_source
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/src/sock"
	mount_entry /run/sock bind "$T/src/sock" bind
	mount_entry /run/null bind /dev/null bind
	ask stat /run/sock + stat /run/null
	matches '^stat /run/sock: type=socket '
	matches '^stat /run/null: type=char .*rdev=1:3'
}

@test "a directory on a file, a file on a directory: errors that name the mount" {
	make_source
	mkdir rootfs/adir
	: >rootfs/afile
	mount_entry /afile bind "$T/src" bind
	run_container
	assert_fails /mounts/3 /afile directory
	config '.mounts |= map(select(.destination != "/afile"))'
	mount_entry /adir bind "$T/src/file" bind
	run_container
	assert_fails /mounts/3 /adir
}

@test "a missing source is an error that names it, and nothing is left" {
	mount_entry /mnt bind "$T/no-such-source" bind
	run_container
	assert_fails /mounts/3 "$T/no-such-source" "no such file"
	assert_nothing_left
}

@test "a relative source is taken from the bundle" {
	mkdir -p data
	echo here >data/file
	mount_entry /mnt bind data bind
	cd /
	ask cat /mnt/file
	has here
}

@test "a relative destination is taken from /" {
	make_source
	mount_entry mnt/rel bind "$T/src" bind
	ask cat /mnt/rel/file
	has content
}

@test "type none or no type with bind, and type bind without the option" {
	make_source
	config --arg s "$T/src" '.mounts += [
		{ destination: "/a", type: "none", source: $s, options: ["rbind"] },
		{ destination: "/b", source: $s, options: ["bind"] }]'
	ask cat /a/file + cat /b/file
	assert_equal "$(grep -c content <<<"$output")" 2
}

@test "mounts are made in their order, later ones may lie in earlier ones" {
	make_source
	mount_entry /mnt tmpfs tmpfs mode=755
	mount_entry /mnt/in bind "$T/src" bind
	mount_entry /mnt/in/file bind "$T/src/probe" bind
	mount_entry /over tmpfs tmpfs
	mount_entry /over bind "$T/src" bind
	ask stat /mnt/in/file + cat /over/file + ls /mnt
	has content in
	matches "^stat /mnt/in/file: .*size=$(stat -c %s "$PROBE") "
}

@test "the same host directory may be bound many times" {
	make_source
	local i
	config --arg s "$T/src" '.mounts += [range(100) |
		{ destination: "/m/\(.)", type: "bind", source: $s, options: ["bind"] }]'
	ask cat /m/0/file + cat /m/99/file
	assert_equal "$(grep -c content <<<"$output")" 2
}

# --- file systems ---

# bats test_tags=old-kernel
@test "tmpfs takes its options: size, mode, uid, gid, nr_inodes" {
	mount_entry /mnt tmpfs tmpfs size=64k mode=1750 uid=7 gid=8 nr_inodes=5 nosuid noexec
	ask stat /mnt + mountflags /mnt + mounts
	matches '^stat /mnt: type=dir mode=1750 owner=7:8'
	assert_equal "$(flags_of /mnt)" "nosuid noexec"
	mount_line /mnt | grep -q 'size=64k.*nr_inodes=5'
}

@test "access times of a new file system: each word, and the later of two" {
	local word options n=0 wanted=()
	while read -r word options; do
		# shellcheck disable=SC2086 # words
		mount_entry "/t/$n" tmpfs tmpfs $options
		wanted+=("$word")
		n=$((n + 1))
	done <<-END
		noatime noatime
		relatime noatime atime
		strict strictatime
		relatime strictatime nostrictatime
		noatime relatime noatime
		nodiratime nodiratime
		noatime noatime diratime
	END
	local i words=()
	for ((i = 0; i < n; i++)); do words+=(mountflags "/t/$i" +); done
	ask "${words[@]}" ls /t
	for ((i = 0; i < n; i++)); do
		case ${wanted[i]} in
		strict) lacks_match "^mountflags /t/$i:.*(relatime|noatime)" ;;
		*) matches "^mountflags /t/$i:.* ${wanted[i]}" ;;
		esac
	done
}

@test "tmpfs ro: the file system can't be written" {
	mount_entry /mnt tmpfs tmpfs ro
	ask open /mnt/x c + mountflags /mnt
	has "open /mnt/x c: EROFS"
}

@test "dirsync, sync, lazytime, iversion, mand and their opposites are options of the file system" {
	mount_entry /sync tmpfs tmpfs sync dirsync
	mount_entry /plain tmpfs tmpfs sync async
	mount_entry /lazy tmpfs tmpfs lazytime
	mount_entry /nolazy tmpfs tmpfs lazytime nolazytime
	mount_entry /mand tmpfs tmpfs mand nomand
	ask mounts
	mount_line /sync | grep -q ' - tmpfs tmpfs rw,sync,dirsync'
	[[ "$(mount_line /plain)" == *tmpfs* && "$(mount_line /plain)" != *sync* ]]
	mount_line /lazy | grep -q lazytime
	[[ "$(mount_line /nolazy)" == *tmpfs* && "$(mount_line /nolazy)" != *lazytime* ]]
}

@test "iversion, noiversion, loud and silent are accepted on a file system" {
	mount_entry /i tmpfs tmpfs noiversion
	mount_entry /j tmpfs tmpfs loud silent
	ask mounts
	[ -n "$(mount_line /i)" ] && [ -n "$(mount_line /j)" ]
}

@test "an unknown option goes to the file system, which refuses it by name" {
	mount_entry /mnt tmpfs tmpfs no-such-option=1
	run_container
	assert_fails /mounts/3 /mnt no-such-option
	assert_nothing_left
}

@test "an unknown file system type is an error that names it" {
	mount_entry /mnt no-such-fs none
	run_container
	assert_fails /mounts/3 no-such-fs
}

# bats test_tags=old-kernel
@test "tmpcopyup copies what is below the destination, with owners, modes and links" {
	mkdir -p rootfs/mnt/sub
	echo text >rootfs/mnt/sub/file
	chmod 4711 rootfs/mnt/sub/file
	# For an ordinary user: root of the container.
	local owner=0:0
	[ "$(id -u)" != 0 ] || owner=5:6
	[ "$(id -u)" != 0 ] || chown -R $owner rootfs/mnt/sub
	chmod 4711 rootfs/mnt/sub/file
	ln -s /etc/passwd rootfs/mnt/link
	mount_entry /mnt tmpfs tmpfs tmpcopyup
	ask cat /mnt/sub/file + stat /mnt/sub/file + readlink /mnt/link + write /mnt/sub/file more + mounts
	has text "readlink /mnt/link: /etc/passwd" "write /mnt/sub/file: ok"
	matches "^stat /mnt/sub/file: type=file mode=4711 owner=$owner"
	mount_line /mnt | grep -q tmpfs
	assert_equal "$(cat rootfs/mnt/sub/file)" text
}

@test "without tmpcopyup a tmpfs is empty" {
	mkdir -p rootfs/mnt
	: >rootfs/mnt/file
	mount_entry /mnt tmpfs tmpfs
	ask ls /mnt
	assert_equal "$output" ""
}

@test "tmpcopyup of a directory that isn't there, or isn't a tmpfs" {
	mount_entry /made tmpfs tmpfs tmpcopyup
	ask ls /made
	assert_equal "$output" ""
	config '.mounts |= map(select(.destination != "/made"))'
	mount_entry /mnt proc proc tmpcopyup
	run_container
	assert_fails tmpcopyup
}

# bats test_tags=uid0,old-kernel
@test "overlay with lower, upper and work directory" {
	require overlay
	mkdir -p "$T/o" && mount -t tmpfs none "$T/o"
	mkdir "$T/o/lower" "$T/o/upper" "$T/o/work"
	echo low >"$T/o/lower/file"
	mount_entry /mnt overlay overlay "lowerdir=$T/o/lower" "upperdir=$T/o/upper" "workdir=$T/o/work"
	probe cat /mnt/file + write /mnt/new text
	run_container
	local new
	new=$(cat "$T/o/upper/new")
	umount "$T/o"
	assert_status 0
	has low
	assert_equal "$new" text
}

@test "proc shows the container's own processes" {
	ask pids
	assert_equal "$output" "pid=1 comm=probe"
}

@test "proc without a pid namespace of its own is the host's view" {
	config '.linux.namespaces -= [{ type: "pid" }]'
	ask pids
	[ "${#lines[@]}" -gt 1 ]
}

@test "sysfs shows the network devices of the container's network namespace" {
	config '.linux.namespaces += [{ type: "network" }]'
	mount_entry /sys sysfs sysfs nosuid noexec nodev ro
	ask ls /sys/class/net + open /sys/kernel/profiling rw + mountflags /sys
	has lo "mountflags /sys: ro nosuid nodev noexec relatime"
	lacks eth0
}

@test "mqueue belongs to the container's ipc namespace" {
	require mqueue
	mount_entry /dev/mqueue mqueue mqueue nosuid noexec nodev
	ask ls /dev/mqueue + mounts
	mount_line /dev/mqueue | grep -q ' - mqueue '
	lacks_match '^HULL'
}

@test "devpts is the container's own, with ptmx usable" {
	ask ls /dev/pts + open /dev/ptmx rw + stat /dev/pts/ptmx
	has ptmx "open /dev/ptmx rw: ok"
	lacks_match '^[0-9]+$'
	matches '^stat /dev/pts/ptmx: type=char mode=0666 '
}

@test "/dev/shm can be a tmpfs" {
	mount_entry /dev/shm tmpfs shm nosuid noexec nodev mode=1777 size=64k
	ask stat /dev/shm + write /dev/shm/x y
	matches '^stat /dev/shm: type=dir mode=1777'
	has "write /dev/shm/x: ok"
}

# --- cgroup ---

# bats test_tags=old-kernel,managers
@test "a cgroup mount with a cgroup namespace shows only the container's own tree" {
	require cgroup2
	mount_entry /sys/fs/cgroup cgroup cgroup nosuid noexec nodev ro
	ask cgroup + ls /sys/fs/cgroup + cat /sys/fs/cgroup/cgroup.procs + open /sys/fs/cgroup/cgroup.procs rw
	has 0::/ 1 "open /sys/fs/cgroup/cgroup.procs rw: EROFS"
	lacks "$ID"
}

@test "a cgroup mount that isn't ro can be written, below the container's own cgroup only" {
	require cgroup2
	mount_entry /sys/fs/cgroup cgroup2 cgroup rw
	ask mkdir /sys/fs/cgroup/sub + ls /sys/fs/cgroup
	has "mkdir /sys/fs/cgroup/sub: ok" sub
}

@test "a cgroup mount without a cgroup namespace is the host's, read-only" {
	require cgroup2
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	mount_entry /sys/fs/cgroup cgroup cgroup ro
	shell 'own=$(cat /proc/self/cgroup)
		procs=/sys/fs/cgroup${own##*0::}/cgroup.procs
		exec /bin/probe cgroup + open "$procs" r + open "$procs" rw'
	inside
	matches "^0::$CGROUP_PATH/(.*-)?$ID(\\.scope/container)?\$"
	local procs
	procs=/sys/fs/cgroup$(sed -n 's/^0:://p' <<<"$output")/cgroup.procs
	has "open $procs r: ok" "open $procs rw: EROFS"
}

# bats test_tags=host
@test "the host's cgroup2 options are the same before and after" {
	cgroup2_options() {
		awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5, $NF }' \
			/proc/self/mountinfo
	}
	local before kind
	before=$(cgroup2_options)
	[ -n "$before" ]
	for kind in cgroup cgroup2; do
		config '.mounts |= map(select(.destination != "/sys/fs/cgroup"))'
		mount_entry /sys/fs/cgroup $kind cgroup ro
		inside
		assert_equal "$(cgroup2_options)" "$before"
	done
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	inside
	assert_equal "$(cgroup2_options)" "$before"
}

# --- remount ---

@test "remount changes the flags of what is mounted there" {
	bind_with bind
	mount_entry /mnt none none remount bind ro noexec
	ask mountflags /mnt + open /mnt/x c
	assert_equal "$(flags_of /mnt)" "ro noexec"
}

@test "remount of a file system changes its options" {
	mount_entry /mnt tmpfs tmpfs size=64k
	mount_entry /mnt tmpfs tmpfs remount size=128k ro
	ask mounts + open /mnt/x c
	mount_line /mnt | grep -q size=128k
	has "open /mnt/x c: EROFS"
}

@test "remount of what is no mount is an error" {
	mkdir -p rootfs/mnt
	mount_entry /mnt none none remount bind ro
	run_container
	assert_fails /mounts/3 /mnt
}

# --- propagation ---

# bats test_tags=uid0
@test "shared, slave, private, unbindable and their recursive forms are set on the mount" {
	nested_source
	local word
	for word in shared slave private unbindable rshared rslave rprivate runbindable; do
		mount_entry "/$word" bind "$T/src" rbind $word
	done
	run_with_nested mounts
	mount_line /shared | grep -q ' shared:'
	# With rbind a plain word reaches what is mounted below as well: a nested mount can't be kept
	# apart from its shared parent without cutting the parent's own peers off.
	mount_line /shared/dir | grep -q ' shared:'
	mount_line /rshared/dir | grep -q ' shared:'
	mount_line /unbindable | grep -q ' unbindable'
	mount_line /runbindable/dir | grep -q ' unbindable'
	[[ -n "$(mount_line /private)" && ! "$(mount_line /private)" =~ (shared|master): ]]
	[[ -n "$(mount_line /rprivate/dir)" && ! "$(mount_line /rprivate/dir)" =~ (shared|master): ]]
}

# bats test_tags=uid0
@test "shared: what the container mounts there appears on the host, private: it doesn't" {
	make_source
	# Where the host's root is shared, the bind would have it as a peer.
	mount --bind "$T/src" "$T/src"
	mount --make-private "$T/src"
	mount --make-shared "$T/src"
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	mount_entry /mnt bind "$T/src" rbind rshared
	probe mount tmpfs /mnt/dir + wait-signal
	create_logged
	start
	wait_until out_has waiting
	local found
	found=$(grep -c " $T/src/dir " /proc/self/mountinfo || true)
	umount "$T/src/dir" 2>/dev/null || true
	hull delete --force "$ID"
	config '.mounts[-1].options = ["rbind", "rprivate"]'
	create_logged
	start
	wait_until out_has waiting
	grep -c " $T/src/dir " /proc/self/mountinfo >"$T/count" || true
	hull delete --force "$ID"
	umount "$T/src"
	assert_equal "$found" 1
	assert_equal "$(cat "$T/count")" 0
}

# bats test_tags=uid0,old-kernel
@test "slave: what the host mounts there appears in the container, private: it doesn't" {
	make_source
	mount --bind "$T/src" "$T/src"
	mount --make-shared "$T/src"
	mount_entry /slave bind "$T/src" rbind rslave
	mount_entry /private bind "$T/src" rbind rprivate
	probe wait-signal + cat /slave/dir/late + open /private/dir/late r
	create_logged
	start
	wait_until out_has waiting
	mount -t tmpfs none "$T/src/dir"
	echo later >"$T/src/dir/late"
	hull kill "$ID" USR1
	wait_status stopped
	hull delete "$ID"
	umount "$T/src/dir" "$T/src"
	out_has later
	out_has "open /private/dir/late r: ENOENT"
}

# --- the host stays as it was ---

# bats test_tags=uid0
@test "nothing that a container mounts is seen by the host, also below a shared root" {
	make_source
	mount --bind "$BUNDLE" "$BUNDLE"
	mount --make-shared "$BUNDLE"
	cp /proc/self/mountinfo "$T/with-shared"
	mount_entry /mnt bind "$T/src" rbind
	mount_entry /tmp tmpfs tmpfs
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	diff "$T/with-shared" /proc/self/mountinfo >"$T/diff" || true
	hull delete --force "$ID"
	cd /
	umount "$BUNDLE"
	assert_equal "$(cat "$T/diff")" ""
}

# --- links in the root ---

@test "a destination that is a link inside the root is followed inside the root" {
	make_source
	mkdir -p rootfs/real
	ln -s real rootfs/relative
	mkdir rootfs/real/abs
	ln -s /real/abs rootfs/absolute
	ln -s ../../../../real rootfs/etc/up
	mount_entry /relative/one bind "$T/src" bind
	mount_entry /absolute bind "$T/src" bind
	mount_entry /etc/up/two bind "$T/src" bind
	ask cat /real/one/file + cat /real/abs/file + cat /real/two/file
	assert_equal "$(grep -c content <<<"$output")" 3
}

@test "a link that points to a host directory doesn't lead there" {
	make_source
	mkdir "$T/outside"
	ln -s "$T/outside" rootfs/escape
	ln -s "../../outside" rootfs/escape2
	mount_entry /escape/made bind "$T/src" bind
	mount_entry /escape2/made bind "$T/src/file" bind
	run_container
	assert_equal "$(ls -A "$T/outside")" ""
	assert_no_mount
}

@test "a link loop at a destination is an error" {
	make_source
	ln -s loop2 rootfs/loop1
	ln -s loop1 rootfs/loop2
	mount_entry /loop1/x bind "$T/src" bind
	run_container
	assert_fails /mounts/3 /loop1 "too many levels"
}

@test "a destination with .. stays in the root" {
	make_source
	mount_entry /../../../mnt/../mnt/x bind "$T/src" bind
	ask cat /mnt/x/file
	has content
}
