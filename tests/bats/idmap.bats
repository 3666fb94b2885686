#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone,uid0
#
# Idmapped mounts: owners as seen from inside and on the host, idmap against ridmap, kinds of file
# systems, and what is refused with which words. An ordinary user may map the ids of no mount, which
# rootless_mounts.bats says.

load helpers

setup() {
	common_setup
	mkdir "$T/src"
	# Who isn't root of the host may map the ids of his own file systems only.
	is_root_of_host || mount -t tmpfs own "$T/src"
	mkdir "$T/src/sub"
	echo text >"$T/src/file"
	chown 0:0 "$T/src" "$T/src/file"
	echo other >"$T/src/other"
	chown 5:6 "$T/src/other"
}

teardown() {
	if [ -n "${LOOP:-}" ]; then losetup -d "$LOOP"; fi
	is_root_of_host || umount "$T/src"
	common_teardown
}

have_ext4() {
	grep -qw ext4 /proc/filesystems && command -v mkfs.ext4 >/dev/null && losetup -f >/dev/null
}

# mapped DESTINATION TYPE SOURCE UID-MAP GID-MAP [OPTION...]: a map is "FS-ID HOST-ID SIZE", or
# several with commas.
mapped() {
	mount_entry "$1" "$2" "$3" "${@:6}"
	config --arg u "$4" --arg g "$5" '
		def ranges: split(",") | map(split(" ") | map(tonumber)
			| { containerID: .[0], hostID: .[1], size: .[2] });
		.mounts[-1] += { uidMappings: ($u | ranges), gidMappings: ($g | ranges) }'
}

# owners: of the host's files, so that nobody changed them.
owners() {
	(cd "$1" && find . -printf '%p %U:%G %m %C@\n' | sort)
}

# bats test_tags=old-kernel
@test "a bind mount with mappings shows the mapped owners, the host's files keep theirs" {
	owners "$T/src" >"$T/before"
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	ask stat /mnt + stat /mnt/file + stat /mnt/other
	matches '^stat /mnt: .*owner=1000:2000 '
	matches '^stat /mnt/file: .*owner=1000:2000 '
	matches '^stat /mnt/other: .*owner=1005:2006 '
	owners "$T/src" | diff "$T/before" - >&2
}

@test "what a mapped user makes inside belongs to the file system's user on the host" {
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	config '.process.user = { uid: 1003, gid: 2004 }'
	chmod 777 "$T/src"
	ask write /mnt/new x + stat /mnt/new
	matches '^stat /mnt/new: .*owner=1003:2004 '
	assert_equal "$(stat -c %u:%g "$T/src/new")" 3:4
}

@test "ids without a mapping show as the overflow ids, and they can make nothing there" {
	mapped /mnt bind "$T/src" "0 1000 1" "0 2000 1" bind idmap
	config '.process.user = { uid: 1003, gid: 2004 }'
	chmod 777 "$T/src"
	ask stat /mnt/other + open /mnt/new c
	matches '^stat /mnt/other: .*owner=65534:65534 '
	has "open /mnt/new c: EOVERFLOW"
	[ ! -e "$T/src/new" ]
}

@test "mappings without the option do the same, and several ranges work" {
	mapped /mnt bind "$T/src" "0 1000 1,5 3000 1" "0 2000 1,6 4000 1" bind
	ask stat /mnt/file + stat /mnt/other
	matches '^stat /mnt/file: .*owner=1000:2000 '
	matches '^stat /mnt/other: .*owner=3000:4000 '
}

# bats test_tags=old-kernel
@test "idmap stops at the mount itself, ridmap reaches the mounts below" {
	# Of the same file system: a tmpfs has idmapped mounts since Linux 6.3 only.
	mkdir "$T/src/below"
	echo below >"$T/src/below/file"
	mount --bind "$T/src/below" "$T/src/sub"
	mapped /one bind "$T/src" "0 1000 10" "0 2000 10" rbind idmap
	mapped /all bind "$T/src" "0 1000 10" "0 2000 10" rbind ridmap
	mapped /neither bind "$T/src" "0 1000 10" "0 2000 10" rbind
	mapped /last bind "$T/src" "0 1000 10" "0 2000 10" rbind ridmap idmap
	probe stat /one/file + stat /one/sub/file + stat /all/file + stat /all/sub/file + \
		stat /neither/sub/file + stat /last/sub/file
	run_container
	umount "$T/src/sub"
	assert_status 0
	matches '^stat /one/file: .*owner=1000:2000 '
	matches '^stat /one/sub/file: .*owner=0:0 '
	matches '^stat /all/file: .*owner=1000:2000 '
	matches '^stat /all/sub/file: .*owner=1000:2000 '
	matches '^stat /neither/sub/file: .*owner=0:0 '
	matches '^stat /last/sub/file: .*owner=0:0 '
}

@test "mappings inside of the option, as crun has them" {
	mount_entry /mnt bind "$T/src" bind "idmap=uids=0-1000-1#5-3000-2;gids=0-2000-10"
	ask stat /mnt/file + stat /mnt/other
	matches '^stat /mnt/file: .*owner=1000:2000 '
	matches '^stat /mnt/other: .*owner=3000:2006 '
}

@test "the other options of the mount are kept" {
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap ro noexec nosuid
	ask open /mnt/file rw + mountflags /mnt
	has "open /mnt/file rw: EROFS"
	matches '^mountflags /mnt: *ro nosuid noexec'
}

@test "a file is bound with its ids mapped" {
	mapped /a/file bind "$T/src/other" "0 1000 10" "0 2000 10" bind
	ask stat /a/file
	matches '^stat /a/file: type=file .*owner=1005:2006 '
}

@test "a new tmpfs with mappings: owners, mode of the directory below, size, ro, tmpcopyup" {
	mkdir -m 0751 rootfs/data
	echo copied >rootfs/data/file
	mapped /data tmpfs tmpfs "0 1000 10" "0 2000 10" idmap
	mapped /owned tmpfs tmpfs "0 1000 10" "0 2000 10" idmap uid=3 gid=4 mode=700 size=64k ro
	mapped /full tmpfs tmpfs "0 0 10" "0 0 10" idmap tmpcopyup mode=755
	config '.mounts |= map(if .destination == "/full" then .destination = "/etc" else . end)'
	echo host >rootfs/etc/copied
	ask stat /data + stat /owned + open /owned/x c + cat /etc/copied
	matches '^stat /data: type=dir mode=0751 owner=1000:2000 '
	matches '^stat /owned: type=dir mode=0700 owner=1003:2004 '
	has "open /owned/x c: EROFS" host
}

# Nobody else may mount one.
# bats test_tags=real_root
@test "a new ext4 with mappings" {
	require ext4
	truncate -s 16M "$T/disk"
	mkfs.ext4 -q -E root_owner=7:8 "$T/disk"
	LOOP=$(losetup -f --show "$T/disk")
	mapped /mnt ext4 "$LOOP" "0 1000 10" "0 2000 10" idmap
	config '.process.user = { uid: 1007, gid: 2008 }'
	ask stat /mnt + write /mnt/new x + stat /mnt/new
	matches '^stat /mnt: type=dir .*owner=1007:2008 '
	matches '^stat /mnt/new: .*owner=1007:2008 '
	mkdir "$T/look"
	mount "$LOOP" "$T/look"
	output=$(stat -c %u:%g "$T/look/new")
	umount "$T/look"
	assert_equal "$output" 7:8
}

@test "many mounts with the same mappings" {
	local i
	for i in $(seq 20); do
		mapped "/mnt$i" bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	done
	mapped /other bind "$T/src" "0 3000 10" "0 3000 10" bind idmap
	ask stat /mnt1/file + stat /mnt20/file + stat /other/file
	matches '^stat /mnt1/file: .*owner=1000:2000 '
	matches '^stat /mnt20/file: .*owner=1000:2000 '
	matches '^stat /other/file: .*owner=3000:3000 '
}

@test "no process, no namespace and no pipe of the mappings is left in the container" {
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	shell 'ls -l /proc/self/fd; ls -d /proc/[0-9]*'
	inside
	lacks user:
	assert_equal "$(grep -c '^/proc' <<<"$output")" 1
}

@test "it works for a caller that ignores SIGCHLD" {
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	probe stat /mnt/file
	output=$(bash -c 'trap "" CHLD; exec "$@"' - "$HULL" --root "$ROOT" run "$ID" </dev/null 2>&1)
	matches '^stat /mnt/file: .*owner=1000:2000 '
}

# --- refusals ---

# bats test_tags=old-kernel
@test "a file system without support is named" {
	mapped /mnt bind /proc/sys "0 1000 10" "0 2000 10" bind idmap
	run_container
	assert_fails /mounts/3 "'proc' at '/proc/sys' has no idmapped mounts"
	config 'del(.mounts[-1])'
	mapped /mnt ramfs none "0 1000 10" "0 2000 10" idmap
	run_container
	assert_fails /mounts/3 "'ramfs' at '/mnt' has no idmapped mounts"
}

@test "with ridmap the mount below without support is named" {
	mount -t ramfs below "$T/src/sub"
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" rbind ridmap
	probe stat /mnt/file
	run_container
	umount "$T/src/sub"
	assert_fails /mounts/3 "'ramfs' at '$T/src/sub' has no idmapped mounts"
}

@test "a source whose ids are mapped already is told" {
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	unshare_like_mount "$T/src" "$T/mapped"
	config --arg s "$T/mapped" '.mounts[-1].source = $s'
	run_container
	umount "$T/mapped"
	assert_fails /mounts/3 "mapped already"
}

# An idmapped mount on the host: mount(8) of Debian 12 has no such option.
unshare_like_mount() {
	mkdir -p "$2"
	python3 - "$1" "$2" <<-'END'
		import ctypes, os, struct, subprocess, sys
		libc = ctypes.CDLL(None, use_errno=True)
		def call(*args):
		    result = libc.syscall(*args)
		    assert result >= 0, (args, os.strerror(ctypes.get_errno()))
		    return result
		holder = subprocess.Popen(["unshare", "-U", "sh", "-c", "echo; read x"],
		                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		holder.stdout.readline()
		for name in ("uid_map", "gid_map"):
		    with open(f"/proc/{holder.pid}/{name}", "w") as file:
		        file.write("0 50000 100\n")
		ns = os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY)
		tree = call(428, -100, sys.argv[1].encode(), 1)
		attr = struct.pack("QQQQ", 0x100000, 0, 0, ns)
		call(442, tree, b"", 0x1000, attr, len(attr))
		call(429, tree, b"", -100, sys.argv[2].encode(), 4)
		holder.stdin.close()
		holder.wait()
	END
}

@test "check asks the host, and changes nothing" {
	mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind idmap
	run hull check
	assert_status 0
	mapped /bad bind /proc/sys "0 1000 10" "0 2000 10" bind idmap
	run hull check
	assert_fails /mounts/4 "has no idmapped mounts"
}

@test "what can't be meant is refused before anything is done" {
	local wrong
	for wrong in 'del(.mounts[3].gidMappings)' '.mounts[3].uidMappings[0].size = 0' \
		'.mounts[3].uidMappings += [{ containerID: 3, hostID: 9000, size: 4 }]' \
		'.mounts[3] |= (del(.uidMappings, .gidMappings) | .options += ["idmap"])' \
		'.mounts[3] |= (.type = "proc" | .options = ["idmap"])' \
		'.mounts[3].options = ["remount", "idmap"]' \
		'.mounts[3] |= (.type = "cgroup" | .options = ["idmap"])' \
		'.mounts[3] |= (del(.uidMappings, .gidMappings) | .options += ["idmap=uids=0-1"])'; do
		base_config >config.json
		mapped /mnt bind "$T/src" "0 1000 10" "0 2000 10" bind
		config "$wrong"
		run_container
		assert_fails /mounts/3 || {
			echo "accepted: $wrong" >&2
			return 1
		}
	done
}
