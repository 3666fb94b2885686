#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=real_root
#
# Named volumes: made, filled, shared, kept, refused and removed.

load helpers
load box

# A layer with what volumes are filled from.
make_image() {
	local layer=$T/layer
	mkdir -p "$layer/data/sub" "$layer/other" "$layer/outside"
	echo one >"$layer/data/file"
	echo deep >"$layer/data/sub/deep"
	echo secret >"$layer/outside/secret"
	ln -s /outside/secret "$layer/data/link"
	ln -s ../../../../../../../../etc/hostname "$layer/data/up"
	mkfifo "$layer/data/fifo"
	chown -h 7:8 "$layer/data" "$layer/data/file" "$layer/data/link"
	chmod 4751 "$layer/data/file"
	chmod 1770 "$layer/data"
	touch -d @1000000 "$layer/data/file"
	setfattr -n user.mark -v kept "$layer/data/file" 2>/dev/null || true
}

# volume_run ARGUMENT...: in the image.
volume_run() {
	attempt timeout --foreground -k 5 60 "$HULLBOX" run --net none --layer "$BASE" --layer "$T/layer" "$@"
	output=$(grep -v "^hullbox: warning: no limit of 1024 processes" <<<"$output") || true
}

# image_of PATHS [SCRIPT]: the layout $T/app, whose configuration asks for volumes (a Python set), and the layers of volume_run.
image_of() {
	rm -rf "$T/app"
	tar -C "$BASE" -cf "$T/base.tar" .
	tar -C "$T/layer" -cf "$T/layer.tar" .
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/helpers python3 - "$T/app" "$T/base.tar" "$T/layer.tar" "$1" <<-'END'
		import sys
		from oci_layout import *
		l = Layout(sys.argv[1])
		l.add(l.image([open(name, "rb").read() for name in sys.argv[2:4]],
		              {"Volumes": {path: {} for path in eval(sys.argv[4])}, "Cmd": ["/bin/true"]}), "v1")
		l.save()
	END
}

image_run() {
	attempt timeout --foreground -k 5 60 "$HULLBOX" run --net none --image "$T/app:v1" "$@"
	output=$(grep -v "^hullbox: warning: no limit of 1024 processes" <<<"$output") || true
}

# The targets of a container's volumes.
targets() { hullbox inspect "$1" | jq -r '.[0].volumes[].target' | sort | tr '\n' ' '; }

volumes() { ls -A "$BOX/volumes" 2>/dev/null; }

@test "volumes: create, ls, inspect and rm; names are checked" {
	run hullbox volume ls -q
	assert_status 0
	assert_equal "$output" ""
	run hullbox volume create data
	assert_status 0
	assert_equal "$output" data
	assert_equal "$(stat -c %a:%u "$BOX/volumes" "$BOX/volumes/data" "$BOX/volumes/data/_data" | tr '\n' ' ')" "700:0 700:0 755:0 "
	echo kept >"$BOX/volumes/data/_data/file"
	run hullbox volume create data
	assert_status 0
	assert_equal "$(cat "$BOX/volumes/data/_data/file")" kept
	run hullbox volume create
	assert_status 0
	matches '^vol-[0-9a-f]{16}$'
	made=$output
	run hullbox volume ls
	matches '^NAME +CREATED +USED BY$'
	matches '^data +.*ago +-$'
	run hullbox volume ls --format json
	assert_equal "$(jq -r '.[].name' <<<"$output" | sort)" "$(printf 'data\n%s' "$made" | sort)"
	run hullbox volume inspect data
	assert_equal "$(jq -r '.[0] | .path, (.usedBy | length), .anonymous, (.created > 1600000000000000000)' <<<"$output" | tr '\n' ' ')" \
		"$BOX/volumes/data/_data 0 false true "
	for name in .x ../x a/b "" -x "$(printf 'a%.0s' {1..129})" "$(printf '0%.0s' {1..64})-1"; do
		run hullbox volume create -- "$name"
		assert_status 2
		has_text "a name"
	done
	for name in ../containers . .. nothing ""; do
		run hullbox volume rm -- "$name"
		assert_status 1
		has_text "there is no volume '$name'"
		run hullbox volume inspect -- "$name"
		assert_status 1
	done
	run hullbox volume rm -f nothing data "$made"
	assert_status 0
	assert_equal "$(volumes)" ""
}

@test "volumes: one is made by run, filled from the image, shared, and outlives its containers" {
	require conmon
	make_image
	volume_run --rm -v data:/data -- /bin/sh -c 'cat /data/file /data/sub/deep; echo two >/data/new'
	assert_status 0
	has one
	has deep
	data=$BOX/volumes/data/_data
	assert_equal "$(stat -c %a:%u:%g "$data")" 1770:7:8
	assert_equal "$(stat -c %a:%u:%g:%Y "$data/file")" 4751:7:8:1000000
	assert_equal "$(stat -c %F "$data/fifo")" fifo
	[ -z "$(getfattr --only-values -n user.mark "$T/layer/data/file" 2>/dev/null)" ] ||
		assert_equal "$(getfattr --only-values -n user.mark "$data/file" 2>/dev/null)" kept
	assert_equal "$(ls "$BOX/volumes/data")" "$(printf '_data\nvolume.json')"
	# The image has nothing of it.
	assert_equal "$(ls "$T/layer/data")" "$(printf 'fifo\nfile\nlink\nsub\nup')"
	# Another container, another place, read-only.
	volume_run --name second -v data:/elsewhere:ro -- /bin/sh -c 'exec 2>&1; cat /elsewhere/new; echo x >/elsewhere/x || echo refused'
	has two
	has refused
	# A second start finds what is there; what was taken away stays away.
	volume_run --name third -v data:/data -- /bin/sh -c 'ls /data; [ ! -e /data/file ] || unlink /data/file; echo again >/data/again'
	has new
	run hullbox start -a third
	has again
	lacks file
	hullbox rm second third
	assert_equal "$(cat "$data/new")" two
	[ ! -e "$data/file" ]
	hullbox volume rm data
	assert_equal "$(volumes)" ""
}

@test "volumes: what is in one isn't filled again, nocopy fills nothing, an unknown place is empty" {
	require conmon
	make_image
	volume_run --rm -v a:/data:nocopy -v b:/not/there -v c:/other -- /bin/sh -c 'ls -A /data /not/there /other | grep -v : | grep . ; echo mine >/other/mine'
	assert_status 0
	assert_equal "$output" ""
	assert_equal "$(find "$BOX/volumes/a/_data" "$BOX/volumes/b/_data" -mindepth 1)" ""
	# An empty one is still filled by the next, as a directory that another container may have mounted.
	inode=$(stat -c %i "$BOX/volumes/b/_data")
	volume_run --rm -v b:/data -v c:/data2 -- /bin/sh -c 'cat /data/file'
	has one
	assert_equal "$(stat -c %i "$BOX/volumes/b/_data")" "$inode"
	assert_equal "$(ls -A "$BOX/volumes/c/_data")" mine
	volume_run --rm -v c:/data -- /bin/sh -c 'ls -A /data'
	has mine
	lacks file
	volume_run --rm -v "$T:/data:nocopy" -- /bin/true
	assert_status 125
	has_text "'nocopy' is for named volumes"
}

@test "volumes: no link of an image or of a volume leads out" {
	require conmon
	make_image
	echo host >"$T/host-secret"
	mkdir "$T/victim"
	ln -s "$T" "$T/layer/abs"
	ln -s ../../../../../../../../../..$T "$T/layer/rel"
	ln -s /data "$T/layer/inside"
	volume_run --rm -v one:/abs -v two:/rel -v three:/inside -- /bin/sh -c 'echo x >/abs/made; cat /inside/file; mkdir -p /abs/victim; echo y >/abs/victim/made'
	assert_status 0
	has one
	[ ! -e "$BOX/volumes/one/_data/host-secret" ]
	[ ! -e "$BOX/volumes/two/_data/host-secret" ]
	[ ! -e "$T/made" ]
	assert_equal "$(ls "$T/victim")" ""
	# Links are copied as links, and what they lead to stays where it is.
	assert_equal "$(readlink "$BOX/volumes/three/_data/link")" /outside/secret
	assert_equal "$(readlink "$BOX/volumes/three/_data/up")" ../../../../../../../../etc/hostname
	# A volume whose directory became a link isn't used.
	rm -r "$BOX/volumes/one/_data"
	ln -s "$T/victim" "$BOX/volumes/one/_data"
	volume_run --rm -v one:/data -- /bin/sh -c 'echo z >/data/z'
	assert_status 125
	assert_equal "$(ls "$T/victim")" ""
}

@test "volumes: one that a container uses isn't removed, not even a stopped one's" {
	require conmon
	make_image
	hullbox create --net none --layer "$BASE" --name user -v data:/data -- /bin/true
	run hullbox volume rm data
	assert_status 1
	has_text "the volume 'data' is used by the container 'user'"
	run hullbox volume rm -f data
	assert_status 1
	run hullbox volume ls --format json
	assert_equal "$(jq -r '.[0].usedBy[0]' <<<"$output")" user
	run hullbox volume ls -q --unused
	assert_equal "$output" ""
	run hullbox ps -a --format json
	assert_equal "$(jq -r '.[0].volumes[0] | .volume + " " + .target + " " + .path' <<<"$output")" "data /data $BOX/volumes/data/_data"
	assert_equal "$(box_state user 'config.volumes[0].source')" data
	run hullbox ps -aq --filter volume=data
	assert_equal "${#lines[@]}" 1
	run hullbox ps -aq --filter volume=dat
	assert_equal "$output" ""
	hullbox start user
	wait_until is_box_status stopped user
	hullbox volume create other
	run hullbox prune
	assert_status 0
	assert_equal "$(volumes | tr '\n' ' ')" "data other "
	run hullbox prune --volumes
	has data
	has other
	assert_equal "$(volumes)" ""
}

@test "volumes: none is removed while a container's record can't be read, for it may be used by that" {
	local id
	hullbox create --net none --layer "$BASE" --name user -v data:/data -- /bin/true
	id=$(box_state user id)
	cp "$BOX/containers/$id/state.json" "$T/state.json"
	: >"$BOX/containers/$id/state.json"
	run hullbox volume rm data
	assert_status 1
	has_text "the container in '$BOX/containers/$id'" "state of"
	run hullbox prune --volumes
	assert_status 1
	assert_equal "$(volumes)" data
	cp "$T/state.json" "$BOX/containers/$id/state.json"
	hullbox rm user
	hullbox volume rm data
	assert_equal "$(volumes)" ""
}

@test "volumes: one without a name belongs to its container" {
	require conmon
	make_image
	volume_run --name own -v /data -v kept:/other -- /bin/sh -c 'cat /data/file; echo mine >>/data/file'
	assert_status 0
	has one
	id=$(box_state own id)
	assert_equal "$(volumes | tr '\n' ' ')" "$(printf '%s\n' "$id-1" kept | sort | tr '\n' ' ')"
	run hullbox start -a own
	has mine
	# Another container may look into it, and then it stays until that one is gone, too.
	volume_run --name other -v "$id-1:/see" -- /bin/sh -c 'cat /see/file'
	has mine
	hullbox rm own
	assert_equal "$(volumes | tr '\n' ' ')" "$(printf '%s\n' "$id-1" kept | sort | tr '\n' ' ')"
	hullbox rm other
	assert_equal "$(volumes)" kept
	volume_run --rm -v /data -- /bin/sh -c 'cat /data/file'
	has one
	assert_equal "$(volumes)" kept
	# Of a container that never ran nothing is left.
	volume_run -v /data -- /nothing
	assert_status 127
	assert_equal "$(volumes)" kept
	volume_run -v "$id-1:/x" -- /bin/true
	assert_status 125
	has_text "there is no volume '$id-1'"
	volume_run -v data -- /bin/true
	assert_status 125
	has_text "TARGET"
}

@test "volumes: what an image asks for are its container's own, filled, kept over lives and removed with it" {
	require conmon
	make_image
	image_of '["/data/", "/data", "/data//sub", "/not/there"]'
	image_run --name one -- /bin/sh -c 'cat /data/file /data/sub/deep; echo first >>/data/file; echo x >/not/there/x; echo y >/data/sub/y; echo z >/other/z'
	assert_status 0
	has one
	has deep
	id=$(box_state one id)
	assert_equal "$(targets one)" "/data /data/sub /not/there "
	assert_equal "$(box_state one 'volumes[] | select(.target == "/data/sub").volume')" "$id-2"
	assert_equal "$(volumes | tr '\n' ' ')" "$id-1 $id-2 $id-3 "
	assert_equal "$(jq -r '.[] | select(.name == "'"$id-1"'") | .anonymous, .usedBy[0]' <<<"$(hullbox volume ls --format json)" | tr '\n' ' ')" "true one "
	# What is written there isn't the upper layer's: the volume has it.
	assert_equal "$(tail -n 1 "$BOX/volumes/$id-1/_data/file")" first
	assert_equal "$(cat "$BOX/volumes/$id-2/_data/y" "$BOX/volumes/$id-3/_data/x" | tr '\n' ' ')" "y x "
	run hullbox diff one
	has "A /other/z"
	lacks file
	# The next life has the same, with the mode and owner of the image's, not filled again.
	assert_equal "$(stat -c %a:%u:%g "$BOX/volumes/$id-1/_data")" 1770:7:8
	unlink "$BOX/volumes/$id-2/_data/deep"
	hullbox start -a one >"$T/out" || true
	grep -qx first "$T/out"
	[ ! -e "$BOX/volumes/$id-2/_data/deep" ]
	# Another container has its own.
	image_run --rm -- /bin/sh -c 'cat /data/file'
	assert_equal "$output" one
	hullbox rm one
	assert_equal "$(volumes)" ""
}

@test "volumes: none for an image's path that -v or --tmpfs shows, or that lies below" {
	require conmon
	make_image
	image_of '["/data/sub", "/other", "/var/lib/x"]'
	mkdir "$T/shown"
	image_run --name one -v kept:/data/ -v "$T/shown:/var/lib//x" --tmpfs /other -- /bin/sh -c 'cat /data/sub/deep; echo s >/var/lib/x/s; echo o >/other/o'
	assert_status 0
	has deep
	assert_equal "$(targets one)" "/data/ "
	assert_equal "$(volumes)" kept
	assert_equal "$(cat "$T/shown/s")" s
	# A neighbour and what lies below are no cover.
	hullbox create --net none --image "$T/app:v1" --name two -v kept:/data/subs -v "$T/shown:/other/below" >"$T/id"
	assert_equal "$(targets two)" "/data/sub /data/subs /other /var/lib/x "
	hullbox rm two
	assert_equal "$(volumes)" kept
}

@test "volumes: an image gets none over what is the container's own, nor out of its root" {
	require conmon
	make_image
	# Links of the image lead to the container's /proc, and out of the root.
	ln -s /proc "$T/layer/link"
	ln -s "../../../../../../../../../..$T" "$T/layer/up"
	echo host >"$T/host-secret"
	image_of '["/proc", "/sys/fs/cgroup", "/dev/shm", "/procs", "/up"]'
	image_run --name one -- /bin/sh -c 'exec 2>&1; cat /proc/self/comm; echo x >/up/made; cat /up/host-secret || echo none'
	assert_status 0
	has cat
	has none
	[ ! -e "$T/made" ]
	for path in /proc /sys/fs/cgroup /dev/shm; do
		has_text "warning: the image asks for a volume at '$path', which is the container's own: none is made"
	done
	assert_equal "$(targets one)" "/procs /up "
	hullbox rm one
	image_of '["/link"]'
	image_run -- /bin/true
	assert_status 125
	has_text "the destination is part of procfs"
	assert_equal "$(volumes)" ""
}

@test "volumes: a call that makes no container makes no volume" {
	require conmon
	make_image
	hullbox create --net none --layer "$BASE" --name taken -- /bin/true
	volume_run --name taken -v new:/data -- /bin/true
	assert_status 125
	has_text "in use"
	hullbox run --net none --layer "$BASE" -v new:/data --config -- /bin/true >"$T/config"
	assert_equal "$(jq -r '.mounts[] | select(.destination == "/data").source' "$T/config")" "$BOX/volumes/new/_data"
	assert_equal "$(volumes)" ""
}

@test "volumes: creators at the same time make one volume, filled once and whole" {
	require conmon
	make_image
	local i pids=()
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo "$i" >"$T/layer/data/n$i"; done
	for i in 1 2 3 4; do
		timeout --foreground -k 5 100 "$HULLBOX" run --rm --net none --layer "$BASE" --layer "$T/layer" -v data:/data -- \
			/bin/sh -c 'n=0; for f in /data/n*; do read -r l <$f && n=$((n + l)); done; echo "sum $n"' >"$T/out$i" 2>&1 &
		pids+=($!)
	done
	for i in 1 2 3 4; do
		wait "${pids[i - 1]}" || { cat "$T/out$i" >&2 && return 1; }
		grep -qx "sum 210" "$T/out$i" || { cat "$T/out$i" >&2 && return 1; }
	done
	assert_equal "$(ls "$BOX/volumes/data")" "$(printf '_data\nvolume.json')"
}

@test "volumes: a killed filler's whole copy is moved in by the next, half a copy is thrown away" {
	require conmon
	make_image
	hullbox volume create data
	volume=$BOX/volumes/data
	mkdir "$volume/_data.new" "$volume/_data.full"
	echo half >"$volume/_data.new/half"
	echo moved >"$volume/_data/moved"
	echo left >"$volume/_data.full/left"
	echo older >"$volume/_data.full/moved"
	chmod 1777 "$volume/_data.full"
	mkdir -p "$BOX/volumes/.gone.gone/deep" "$BOX/volumes/.x.new"
	volume_run --rm -v data:/data -- /bin/sh -c 'ls /data; cat /data/left /data/moved'
	assert_status 0
	assert_equal "$output" "$(printf 'left\nmoved\nleft\nmoved')"
	assert_equal "$(stat -c %a "$volume/_data")" 1777
	[ ! -e "$volume/_data.full" ]
	assert_equal "$(volumes)" data
	# Emptied, it is filled again, and what was half a copy is no part of it.
	rm "$volume/_data/left" "$volume/_data/moved"
	volume_run --rm -v data:/data -- /bin/sh -c 'cat /data/file; ls /data/half'
	has one
	assert_equal "$(ls "$volume")" "$(printf '_data\nvolume.json')"
}

@test "volumes: filled with what the image takes on disk: holes stay holes, names of one file its names" {
	require conmon
	make_image
	local data=$BOX/volumes/data/_data
	truncate -s 100M "$T/layer/data/sparse"
	printf middle | dd of="$T/layer/data/sparse" bs=1 seek=50M conv=notrunc status=none
	ln "$T/layer/data/sparse" "$T/layer/data/sub/second"
	ln "$T/layer/data/sparse" "$T/layer/data/third"
	volume_run --rm -v data:/data -- /bin/true
	assert_status 0
	assert_equal "$(stat -c '%s %h' "$data/sparse")" "104857600 3"
	[ "$data/sparse" -ef "$data/sub/second" ]
	[ "$data/sparse" -ef "$data/third" ]
	[ "$(du -sk "$data" | cut -f 1)" -lt 1024 ]
	cmp "$T/layer/data/sparse" "$data/third"
}

@test "volumes: an image can't fill its container's with more than a layer may have, all of them together" {
	require conmon
	make_image
	dd if=/dev/zero of="$T/layer/data/big" bs=1k count=600 status=none
	ln -s data "$T/layer/again"
	export HULLBOX_MAX_LAYER_BYTES=1000000
	volume_run --rm -v one:/data -- /bin/true
	assert_status 0
	volume_run --rm -v two:/data -v three:/again -- /bin/true
	assert_status 125
	has_text "fill the volume 'three': the file 'big': all that fills the container's volumes is more than 1000000 bytes (HULLBOX_MAX_LAYER_BYTES)"
	export HULLBOX_MAX_LAYER_BYTES=10000000 HULLBOX_MAX_LAYER_ENTRIES=10
	volume_run --rm -v four:/data -- /bin/true
	assert_status 0
	volume_run --rm -v five:/data -v six:/again -- /bin/true
	assert_status 125
	has_text "all that fills the container's volumes is more than 10 files (HULLBOX_MAX_LAYER_ENTRIES)"
	assert_equal "$(find "$BOX/volumes/three" "$BOX/volumes/six" -name '_data.*')" ""
	assert_equal "$(find "$BOX/volumes/three/_data" "$BOX/volumes/six/_data" -mindepth 1)" ""
	[ -z "$(hullbox ps -aq)" ]
}

@test "volumes: with a user namespace the ids of the image are the container's" {
	require conmon
	make_image
	volume_run --rm --userns auto -v data:/data -- /bin/sh -c 'probe stat /data/file; echo x >/data/new'
	assert_status 0
	matches '/data/file.*7:8'
	assert_equal "$(stat -c %u:%g "$BOX/volumes/data/_data/file" "$BOX/volumes/data/_data/new" | tr '\n' ' ')" "7:8 0:0 "
}

@test "volumes: ps finds containers by label, name and status" {
	require conmon
	hullbox create --net none --layer "$BASE" --name web1 --label role=web --label tier=front -- /bin/true
	hullbox create --net none --layer "$BASE" --name db1 -l role=db -l bare -- /bin/true
	names() { hullbox ps -a --format json "$@" | jq -r '.[].name' | sort | tr '\n' ' '; }
	assert_equal "$(names --filter label=role)" "db1 web1 "
	assert_equal "$(names --filter label=role=web)" "web1 "
	assert_equal "$(names --filter label=role=web --filter label=tier=back)" ""
	assert_equal "$(names --filter label=bare=)" "db1 "
	assert_equal "$(names --filter name=web)" "web1 "
	assert_equal "$(names --filter status=running)" ""
	run hullbox ps -q --filter status=created
	assert_equal "${#lines[@]}" 2
	run hullbox ps -q --filter label=role
	assert_equal "$output" ""
	assert_equal "$(hullbox ps -a --format json --filter name=web | jq -c '.[0].labels')" '{"role":"web","tier":"front"}'
	assert_equal "$(hullbox inspect web1 | jq -c '.[0].labels, .[0].config.labels' | uniq)" '{"role":"web","tier":"front"}'
	for filter in role=web label label= status=gone; do
		run hullbox ps --filter "$filter"
		assert_status 2
		has_text "'$filter' isn't label=KEY"
	done
}
