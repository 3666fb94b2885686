#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=real_root
#
# Layers from tars that nobody vouches for: what is kept of them, what is refused, and that neither
# a race nor a death half-way leaves anything that could be taken for whole.

load helpers
load box

setup_file() {
	may_take 300
}

# tar_with NAME: Python on stdin writes the tar $T/NAME; `add(name, kind, data, **more)` adds one.
tar_with() {
	{
		cat <<-'END'
			import io, os, sys, tarfile
			from tarfile import REGTYPE, DIRTYPE, SYMTYPE, LNKTYPE, FIFOTYPE, CHRTYPE, PAX_FORMAT, TarInfo
			tar = tarfile.open(sys.argv[1], "w:" + os.environ.get("COMPRESSION", ""), format=PAX_FORMAT)
			def add(name, kind=REGTYPE, data=b"", **more):
			    info = TarInfo(name)
			    info.type, info.size, info.mode = kind, len(data), 0o755 if kind == DIRTYPE else 0o644
			    for key, value in more.items(): setattr(info, key, value)
			    tar.addfile(info, io.BytesIO(data))
		END
		cat
		echo 'tar.close()'
	} | python3 - "$T/$1"
}

# unpack NAME [OPTION...]: as a layer. DIFF is its directory, DIGEST its digest.
unpack() {
	run hullbox image unpack "${@:2}" "$T/$1"
	assert_status 0
	DIGEST=${output%% *} DIFF=${output#* }
	# shellcheck disable=SC2153
	[ -d "$DIFF" ]
}

assert_store_empty() {
	assert_equal "$(ls -A "$BOX/layers/sha256" "$BOX/layers/tmp")" "$(printf '%s:\n\n%s:' "$BOX/layers/sha256" "$BOX/layers/tmp")"
}

@test "layers: hostile archives are refused with the entry's name, and nothing outside changes" {
	require python
	mkdir "$T/hostile"
	run "$top/tests/hostile/layers" "$HULLBOX" "$T/hostile" refused
	echo "# $output" >&3
	assert_status 0
}

@test "layers: archives of random tricks change nothing outside" {
	require python
	mkdir "$T/hostile"
	run "$top/tests/hostile/layers" "$HULLBOX" "$T/hostile" random 1 100
	echo "# $output" >&3
	assert_status 0
}

@test "layers: owners, modes, times, links and every kind of file are kept" {
	require python
	tar_with all.tar <<-'END'
		add("bin", DIRTYPE, mode=0o2755, uid=10, gid=20, mtime=1000000000)
		add("bin/su", data=b"program", mode=0o4755, uid=0, gid=5, mtime=1234567890.5)
		add("bin/hard", LNKTYPE, linkname="./bin/su")
		add("sticky", DIRTYPE, mode=0o1777, mtime=5)
		add("locked", DIRTYPE, mode=0o000, uid=99, mtime=6)
		add("locked/f", data=b"x", mode=0o000)
		add("abs", SYMTYPE, linkname="/etc/passwd", uid=7, gid=8, mtime=9)
		add("up", SYMTYPE, linkname="../../../../etc")
		add("pipe", FIFOTYPE, mode=0o640, uid=3, mtime=11)
		add("./a//b/./c", data=b"deep")
		add("new\nline", data=b"n")
		add("ümläut", data=b"u")
		add("big", data=b"z" * 300000)
		add(".", DIRTYPE, mode=0o711, uid=1, gid=2, mtime=77)
	END
	unpack all.tar
	cd "$DIFF"
	assert_equal "$(stat -c '%n %F %a %u:%g %.Y' . bin bin/su sticky locked abs pipe)" "$(
		cat <<-'END'
			. directory 711 1:2 77.000000000
			bin directory 2755 10:20 1000000000.000000000
			bin/su regular file 4755 0:5 1234567890.500000000
			sticky directory 1777 0:0 5.000000000
			locked directory 0 99:0 6.000000000
			abs symbolic link 777 7:8 9.000000000
			pipe fifo 640 3:0 11.000000000
		END
	)"
	assert_equal "$(stat -c %i:%h bin/su)" "$(stat -c %i:%h bin/hard)"
	assert_equal "$(readlink abs) $(readlink up)" "/etc/passwd ../../../../etc"
	assert_equal "$(cat a/b/c) $(cat $'new\nline') $(cat ümläut) $(stat -c %s big)" "deep n u 300000"
	assert_equal "$(stat -c %a "$BOX/layers")" 700
}

@test "layers: extended attributes, file capabilities and access control lists are kept" {
	require python
	tar_with xattrs.tar <<-'END'
		capability = b"\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0".decode("latin-1")
		add("ping", data=b"x", uid=1, mode=0o755, pax_headers={"SCHILY.xattr.security.capability": capability})
		add("dir", DIRTYPE, pax_headers={"SCHILY.xattr.user.note": "hello", "SCHILY.xattr.trusted.note": "t",
		    "SCHILY.xattr.user.overlay.origin": "left out", "SCHILY.xattr.security.selinux": "left out",
		    "SCHILY.acl.default": "user::rwx,group::r-x,other::---,user:lisa:rw-:502,mask::rwx"})
		add("dir/made", data=b"after the directory", mode=0o644)
		add("shared", mode=0o640, pax_headers={"SCHILY.acl.access": "user::rw-,user:lisa:r--:502,group::r--,mask::r--,other::---"})
	END
	unpack xattrs.tar
	run python3 - "$DIFF" <<-'END'
		import os, sys
		os.chdir(sys.argv[1])
		for name in ("ping", "dir", "dir/made", "shared"):
		    print(name, oct(os.stat(name).st_mode), {n: os.getxattr(name, n).hex() for n in sorted(os.listxattr(name))})
	END
	assert_status 0
	has "ping 0o100755 {'security.capability': '0100000200040000000000000000000000000000'}"
	has "dir 0o40755 {'system.posix_acl_default': '0200000001000700ffffffff02000600f601000004000500ffffffff10000700ffffffff20000000ffffffff', 'trusted.note': '74', 'user.note': '68656c6c6f'}"
	# The default list of its directory, kept for the container, hasn't changed what was unpacked.
	has "dir/made 0o100644 {}"
	has "shared 0o100640 {'system.posix_acl_access': '0200000001000600ffffffff02000400f601000004000400ffffffff10000400ffffffff20000000ffffffff'}"
}

@test "layers: whiteouts become the overlay's, wherever in the archive they stand" {
	require python
	require overlay
	tar_with lower.tar <<-'END'
		for name in ("gone", "d/gone", "d/kept", "opaque/old", "back/old", "back2/old", "file"): add(name, data=b"lower")
	END
	tar_with upper.tar <<-'END'
		add(".wh.gone"); add("d/.wh.gone")
		add("opaque/new", data=b"upper"); add("opaque/.wh..wh..opq")
		add(".wh.back"); add("back", DIRTYPE); add("back/new")
		add("back2", DIRTYPE); add("back2/new"); add(".wh.back2")
		add(".wh.file"); add("file", data=b"upper")
		add(".wh..wh.plnk", DIRTYPE); add(".wh..wh.plnk/1.2"); add(".wh..wh.aufs")
	END
	unpack lower.tar
	lower=$DIFF
	unpack upper.tar
	mkdir "$T/merged"
	run unshare -m --propagation private sh -c 'mount -t overlay -o "lowerdir=$1:$2" none "$3" && cd "$3" && find . -type f | LC_ALL=C sort | tr "\n" " "; cat file' \
		sh "$DIFF" "$lower" "$T/merged"
	assert_status 0
	assert_equal "$output" "./back/new ./back2/new ./d/kept ./file ./opaque/new upper"
}

@test "layers: a whiteout of everything hides the layers below" {
	require python
	tar_with all.tar <<-'END'
		add(".wh..wh..opq"); add("only")
	END
	unpack all.tar
	grep -q '"opaque": true' "$DIFF/../layer.json"
}

@test "layers: what is named twice is as the last says" {
	require python
	tar_with twice.tar <<-'END'
		add("f", data=b"first", mode=0o600); add("h", LNKTYPE, linkname="f"); add("f", data=b"second", mode=0o640)
		add("d", DIRTYPE, mode=0o700, uid=1); add("d/x"); add("d", DIRTYPE, mode=0o750, uid=2, mtime=8)
		add("l", SYMTYPE, linkname="f"); add("l", data=b"no link any more")
	END
	unpack twice.tar
	cd "$DIFF"
	assert_equal "$(cat f h l) $(stat -c %a:%u:%Y f d | tr '\n' ' ') $(readlink l)" "secondfirstno link any more 640:0:0 750:2:8  "
}

@test "layers: every compression gives the same layer, unpacked once" {
	require python
	tar_with plain.tar <<-'END'
		add("f", data=b"content" * 10000)
	END
	cd "$T"
	gzip -k plain.tar && xz -k plain.tar && bzip2 -k plain.tar && zstd -q plain.tar
	unpack plain.tar
	inode=$(stat -c %i "$DIFF") digest=$DIGEST
	assert_equal "$DIGEST" "sha256:$(sha256sum <plain.tar | cut -d' ' -f1)"
	for compressed in gz xz bz2 zst; do
		unpack "plain.tar.$compressed"
		assert_equal "$DIGEST" "$digest"
		assert_equal "$(stat -c %i "$DIFF")" "$inode"
	done
	assert_equal "$(ls "$BOX/layers/sha256" | wc -l)" 1
}

@test "layers: a tar that is known isn't read again, one that changed is" {
	require python
	require strace
	tar_with known.tar <<-'END'
		add("f", data=b"one")
	END
	# Its times must be older than the clock's grain.
	old_enough() { [ $(($(date +%s%N) - $(date +%s%N -r "$T/known.tar"))) -gt 2100000000 ]; }
	wait_until old_enough
	unpack known.tar
	first=$DIGEST
	run strace -f -e trace=openat,read,flock -o "$T/trace" "$HULLBOX" image unpack "$T/known.tar"
	assert_status 0
	assert_equal "$(grep -c LOCK_EX "$T/trace")" 0
	printf two | dd of="$T/known.tar" bs=1 seek=512 conv=notrunc status=none
	touch -d 2020-01-01 "$T/known.tar"
	unpack known.tar
	[ "$DIGEST" != "$first" ]
	assert_equal "$(cat "$DIFF/f")" two
}

@test "layers: devices are made when they are asked for only, and their layer is refused without" {
	require python
	tar_with devices.tar <<-'END'
		add("null", CHRTYPE, devmajor=1, devminor=3, mode=0o666)
	END
	run hullbox image unpack "$T/devices.tar"
	assert_status 1
	has_text "the entry 'null': is a device (character 1:3); layers with devices are taken with --allow-devices only"
	assert_store_empty
	unpack devices.tar --allow-devices
	assert_equal "$(stat -c '%F %t:%T %a' "$DIFF/null")" "character special file 1:3 666"
	run hullbox image unpack "$T/devices.tar"
	assert_status 1
	# As a layer that is known, or as an archive that changed too lately to be known.
	matches "the layer has devices in it|is a device \(character 1:3\)"
}

@test "layers: many who unpack the same at once get one whole layer" {
	require python
	tar_with many.tar <<-'END'
		for i in range(300): add(f"d{i % 7}/f{i}", data=b"x" * 1000)
	END
	for i in 1 2 3 4 5 6; do
		"$HULLBOX" image unpack "$T/many.tar" >"$T/out.$i" 2>&1 &
		pids+=" $!"
	done
	# shellcheck disable=SC2086
	for pid in $pids; do wait "$pid"; done
	assert_equal "$(cat "$T"/out.* | sort -u | wc -l)" 1
	diff="$(cut -d' ' -f2 "$T/out.1")"
	assert_equal "$(find "$diff" -type f -size 1000c | wc -l)" 300
	assert_equal "$(ls -A "$BOX/layers/tmp")" ""
}

@test "layers: one who is killed half-way leaves nothing that counts, and the next cleans up" {
	require python
	require strace
	tar_with killed.tar <<-'END'
		for i in range(200): add(f"d/f{i}", data=b"x" * 100)
	END
	# At the 100th file, and just before the name is given.
	for at in openat:when=120 renameat:when=1; do
		run strace -f -o /dev/null -e trace="${at%%:*}" -e inject="${at%%:*}:signal=SIGKILL:${at#*:}" "$HULLBOX" image unpack "$T/killed.tar"
		assert_status 137
		assert_equal "$(ls -A "$BOX/layers/sha256")" ""
		[ -n "$(ls -A "$BOX/layers/tmp")" ]
	done
	unpack killed.tar
	assert_equal "$(ls -A "$BOX/layers/tmp")" ""
	assert_equal "$(find "$DIFF" -type f | wc -l)" 200
}

@test "layers: a full disk is an error, and what was written is gone" {
	require python
	tar_with big.tar <<-'END'
		for i in range(64): add(f"f{i}", data=b"x" * 100000)
	END
	mkdir "$T/small"
	# shellcheck disable=SC2016
	run unshare -m --propagation private sh -c 'mount -t tmpfs -o size=2m,mode=700 none "$1" && "$2" --root "$1/box" image unpack "$3"; echo "status $?"; ls -A "$1/box/layers/sha256" "$1/box/layers/tmp" | grep -v :' \
		sh "$T/small" "$HULLBOX" "$T/big.tar"
	has_text "No space left on device"
	has "status 1"
	assert_equal "${lines[*]:2}" ""
}

@test "layers: prune removes those that nobody needs" {
	require python
	tar_with a.tar <<-'END'
		add("a/b/c/d", data=b"x"); add("locked", DIRTYPE, mode=0)
	END
	tar_with b.tar <<-'END'
		add("b")
	END
	unpack a.tar
	unpack b.tar
	mkdir -p "$BOX/containers/one"
	echo "$DIGEST" >"$BOX/containers/one/layers"
	run hullbox image prune
	assert_status 0
	has "removed 1 layer, 10.0 KiB"
	[ -d "$DIFF" ]
	rm -r "$BOX/containers"
	run hullbox image prune
	has "removed 1 layer, 10.0 KiB"
	assert_store_empty
}
