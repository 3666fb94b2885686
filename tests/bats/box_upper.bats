#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=real_root
#
# Containers of tars and images: what they see and run, what they changed, and what is kept of it.

load helpers
load box

base_tar() { tar -C "$BASE" -cf "$T/base.tar" .; }

# image NAME PROCESS: the layout $T/NAME with the root file system, and PROCESS (Python) as its config.
image() {
	base_tar
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/helpers python3 - "$T/$1" "$T/base.tar" "$2" <<-'END'
		import sys
		from oci_layout import *
		l = Layout(sys.argv[1])
		l.add(l.image([open(sys.argv[2], "rb").read(), tar_of({"w/": b"", "w/upper": b"from the image\n"})],
		              eval(sys.argv[3])), "v1")
		l.save()
	END
}

@test "upper: a container of tars sees them, and diff tells what it changed" {
	require conmon
	base_tar
	mkdir -p "$T/second/d"
	echo old >"$T/second/d/file"
	echo old >"$T/second/d/gone"
	tar -C "$T/second" -czf "$T/second.tgz" .
	run hullbox run --net none --name one --layer "$T/base.tar" --layer "$T/second.tgz" -- \
		/bin/sh -c 'read line </d/file; echo "$line"; echo new >/d/new; echo changed >/d/file; rm /d/gone 2>/dev/null || unlink /d/gone'
	has old
	run hullbox diff one
	assert_status 0
	has "C /d"
	has "C /d/file"
	has "A /d/new"
	run hullbox diff --format json one
	assert_equal "$(jq -r '.[] | select(.path == "/d/new").kind' <<<"$output")" A
	# The layers' archives are needed no more, and prune leaves what the container needs.
	rm "$T/base.tar" "$T/second.tgz"
	run hullbox image prune
	has "removed 0 layers, 0 B"
	run hullbox start -a one
	has changed
	run hullbox commit one "$T/own.tar"
	assert_status 0
	matches '^sha256:[0-9a-f]{64}$'
	assert_equal "${lines[0]}" "sha256:$(sha256sum <"$T/own.tar" | cut -d' ' -f1)"
	run tar -tf "$T/own.tar"
	has d/new
	run hullbox commit --layout one "$T/image:v2"
	assert_status 0
	hullbox rm one
	run hullbox run --rm --net none --image "$T/image:v2" -- /bin/sh -c 'read line </d/new; echo "$line"'
	assert_status 0
	has new
	hullbox image prune
	assert_equal "$(ls "$BOX/layers/sha256")" ""
}

@test "upper: an image's environment, directory, command and user are the container's" {
	require conmon
	image app '{"Env": ["WHO=image"], "WorkingDir": "/w", "User": "7:8", "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo \"$WHO\"; pwd; read l <upper; echo \"$l\"; grep -E \"^[UG]id\" /proc/self/status || while read k v; do case $k in Uid:|Gid:) echo \"$k $v\";; esac; done </proc/self/status"]}'
	run hullbox run --rm --net none --image "$T/app:v1"
	assert_status 0
	has image
	has /w
	has "from the image"
	matches '^Uid:[[:space:]]+7[[:space:]]'
	matches '^Gid:[[:space:]]+8[[:space:]]'
	hullbox image import "$T/app" app
	rm -r "$T/app"
	run hullbox run --rm --net none -e WHO=me --image app 'echo "$WHO"'
	assert_status 0
	has me
}

@test "upper: --entrypoint '' leaves the image's entry point and command out" {
	require conmon
	image app '{"Entrypoint": ["/bin/sh", "-c", "echo entry"], "Cmd": ["from the image"]}'
	run hullbox run --rm --net none --image "$T/app:v1" --entrypoint '' -- /bin/echo own words
	assert_status 0
	has "own words"
	lacks entry
	run hullbox run --rm --net none --image "$T/app:v1" --entrypoint ''
	assert_status 125
	has_text "there is no command to run"
	# It is kept: the next life is the same.
	hullbox run --net none --name one --image "$T/app:v1" --entrypoint= -- /bin/echo again
	run hullbox start -a one
	has again
	lacks entry
}

@test "upper: ps and inspect show the command that runs, the image's own too" {
	require conmon
	image app '{"Entrypoint": ["/bin/echo", "entry"], "Cmd": ["from the", "image"]}'
	# shown NAME ARGUMENT...: made from the image.
	shown() {
		hullbox create --net none --name "$1" --image "$T/app:v1" "${@:2}" >/dev/null
		hullbox ps -a --format json --filter name="$1" | jq -r '.[0].command'
	}
	assert_equal "$(shown own)" "/bin/echo entry from the image"
	assert_equal "$(shown given -- a b)" "/bin/echo entry a b"
	assert_equal "$(shown other --entrypoint /bin/cat -- /w/upper)" "/bin/cat /w/upper"
	assert_equal "$(shown alone --entrypoint /bin/true)" /bin/true
	assert_equal "$(shown none --entrypoint= -- /bin/true)" /bin/true
	assert_equal "$(box_state own command)" "/bin/echo entry from the image"
	run hullbox ps -a --no-trunc
	matches '  /bin/echo entry from the image$'
	# As it is run; what there is no room for is left out.
	run hullbox start -a own
	has "entry from the image"
	long=$(printf 'é%.0s' {1..300})
	assert_equal "$(shown "long" -- "$long" | head -c 40)" "$(printf '/bin/echo entry %s' "$long" | head -c 40)"
	run hullbox start -a long
	has "entry $long"
}

@test "upper: an image made upon another has its layers, configuration and history, and one more" {
	require conmon
	image app '{"Env": ["WHO=image"], "Cmd": ["/bin/true"], "Labels": {"a": "b"}, "ExposedPorts": {"80/tcp": {}},
		"Volumes": {"/data": {}}, "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5000000000}, "StopSignal": "SIGUSR1",
		"Some": {"thing": ["new", 1.50, None]}}'
	# With a history, and an author that nobody here knows.
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/helpers python3 - "$T/app" <<-'END'
		import json, os, sys
		from oci_layout import *
		top = sys.argv[1]
		read = lambda digest: json.load(open(os.path.join(top, "blobs/sha256", digest[7:])))
		index = json.load(open(top + "/index.json"))
		manifest = read(index["manifests"][0]["digest"])
		config = read(manifest["config"]["digest"])
		config["author"], config["created"] = "somebody", "2001-02-03T04:05:06Z"
		config["history"] = [{"created_by": "one"}, {"created_by": "nothing", "empty_layer": True}, {"created_by": "two"}]
		def put(data, media_type):
		    data = json.dumps(data).encode()
		    open(os.path.join(top, "blobs/sha256", digest_of(data)[7:]), "wb").write(data)
		    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
		manifest["config"] = put(config, manifest["config"]["mediaType"])
		index["manifests"][0].update(put(manifest, index["manifests"][0]["mediaType"]))
		json.dump(index, open(top + "/index.json", "w"))
	END
	hullbox image import "$T/app" app
	mv "$T/app" "$T/gone"
	hullbox run --net none --name one --image app -- /bin/sh -c 'echo new >/w/new'
	run hullbox commit --layout --compress none one "$T/next:v2"
	assert_status 0
	document() { cat "$1/blobs/sha256/$(jq -r "$2" "$3" | cut -d: -f2)"; }
	for at in gone next; do
		document "$T/$at" '.manifests[0].digest' "$T/$at/index.json" >"$T/$at.manifest"
		document "$T/$at" .config.digest "$T/$at.manifest" >"$T/$at.config"
	done
	assert_equal "$(jq -c '.layers[:2]' "$T/next.manifest")" "$(jq -c .layers "$T/gone.manifest")"
	assert_equal "$(jq -r '.layers | length, .[2].mediaType' "$T/next.manifest" | tr '\n' ' ')" "3 application/vnd.oci.image.layer.v1.tar "
	for digest in $(jq -r '.config.digest, .layers[].digest' "$T/next.manifest"); do
		assert_equal "$(sha256sum <"$T/next/blobs/sha256/${digest#sha256:}" | cut -d' ' -f1)" "${digest#sha256:}"
	done
	same='del(.rootfs, .history, .created)'
	assert_equal "$(jq -cS "$same" "$T/next.config")" "$(jq -cS "$same" "$T/gone.config")"
	grep -q '1\.5' "$T/next.config"
	assert_equal "$(jq -c '.history[:3]' "$T/next.config")" "$(jq -c .history "$T/gone.config")"
	assert_equal "$(jq -r '.history | length, .[3].created_by' "$T/next.config" | tr '\n' ' ')" "4 hullbox commit "
	assert_equal "$(jq -c '.rootfs.diff_ids[:2]' "$T/next.config")" "$(jq -c .rootfs.diff_ids "$T/gone.config")"
	matches_time='^20[0-9-]+T[0-9:]+Z$'
	[[ $(jq -r .created "$T/next.config") =~ $matches_time ]]
	hullbox rm one
	run hullbox run --rm --net none --image "$T/next:v2" -- /bin/sh -c 'read a </w/new; read b </w/upper; echo "$a $b $WHO"'
	assert_status 0
	has "new from the image image"
	# What the store has of the layer is looked at when it is used.
	hullbox run --net none --name two --image app -- /bin/true
	lowest=$(jq -r '.rootfs.diff_ids[0]' "$T/gone.config")
	echo longer >>"$BOX/layers/sha256/${lowest#sha256:}/blob"
	run hullbox commit --layout two "$T/broken"
	assert_status 1
	has_text "the store's copy of it has the digest"
	[ ! -e "$T/broken" ]
	# Without it the layer is packed anew.
	find "$BOX/layers/sha256" -name blob -delete
	run hullbox commit --layout two "$T/packed"
	assert_status 0
	run hullbox run --rm --net none --image "$T/packed" -- /bin/sh -c 'read b </w/upper; echo "$b"'
	has "from the image"
}

@test "upper: diff, commit and cp of a container made with --host" {
	require conmon
	hullbox run --net none --name one --host -- sh -c 'echo new >/made; echo own >/usr/own-of-the-container; echo tmp >/tmp/x; mkdir /srv/d'
	run hullbox diff one
	assert_status 0
	has "A /made"
	has "A /usr/own-of-the-container"
	has "A /tmp/x"
	has "A /srv/d"
	lacks_match '/usr/bin'
	lacks_match '/etc'
	run hullbox cp one:/usr/own-of-the-container "$T/out"
	assert_status 0
	assert_equal "$(cat "$T/out")" own
	run hullbox cp one:/etc/passwd "$T/passwd"
	assert_status 0
	cmp "$T/passwd" /etc/passwd
	run hullbox cp "$T/out" one:/usr/put
	assert_status 0
	assert_equal "$(cat "$BOX/containers/$(box_state one id)/upper/usr/put")" own
	[ ! -e /usr/put ] && [ ! -e /usr/own-of-the-container ]
	run hullbox commit one "$T/own.tar"
	assert_status 0
	run tar -tf "$T/own.tar"
	has made
	has usr/own-of-the-container
	lacks usr/bin/
	run hullbox commit --layout one "$T/layout"
	assert_status 1
	has_text "would be of the host's own files"
	assert_no_mount
}

@test "upper: a layer or an image that isn't there or is refused makes no container" {
	require conmon
	run hullbox run --net none --name x --layer "$T/none.tar" -- /bin/true
	assert_status 125
	has_text "none.tar"
	run hullbox run --net none --name x --image none -- /bin/true
	assert_status 125
	has_text "there is no image 'none'"
	python3 -c 'import sys, tarfile; t = tarfile.open(sys.argv[1], "w"); t.addfile(tarfile.TarInfo("../evil")); t.close()' "$T/evil.tar"
	run hullbox run --net none --name x --layer "$T/evil.tar" -- /bin/true
	assert_status 125
	has_text "'../evil' has '..' in it"
	run hullbox ps -aq
	assert_equal "$output" ""
}

@test "upper: cp reaches into running and stopped containers, and nothing leads out of them" {
	require conmon
	base_tar
	echo host >"$T/in"
	echo secret >"$T/secret"
	hullbox run -d --net none --name one --layer "$T/base.tar" -- /bin/sh -c 'echo inside >/made; while :; do sleep 0.05; done'
	is_made() { hullbox cp one:/made "$T/out" 2>/dev/null && grep -q inside "$T/out"; }
	wait_until is_made
	run hullbox cp "$T/in" one:/in
	assert_status 0
	run hullbox exec one /bin/sh -c 'read l </in; echo "$l"'
	has host
	ln -s "$T/secret" "$T/link"
	hullbox cp "$T/link" one:/leak
	hullbox stop -t 0 one
	run hullbox cp one:/in "$T/out2"
	assert_status 0
	assert_equal "$(cat "$T/out2")" host
	run hullbox cp "$T/out" one:/later
	assert_status 0
	run hullbox diff one
	has "A /later"
	assert_no_mount
	hullbox rm one
}

# owners_inside PATH...: as the container `one` sees them.
owners_inside() {
	local path
	for path; do
		hullbox exec one probe stat "$path" | sed 's,.*owner=,,; s, .*,,'
	done
}

@test "upper: cp into a running container with ids of its own gives its root the files, and -a keeps owners both ways" {
	require conmon
	local source first
	mkdir -p "$T/in/d" "$T/data" "$BUNDLE/rootfs/data"
	echo new >"$T/in/d/file"
	ln -s file "$T/in/d/link"
	chown 5:6 "$T/in/d/file"
	for source in "--userns auto --layer $BASE" "--userns auto --rootfs $BUNDLE/rootfs" \
		"--userns 0:100000:65536 --rootfs $BUNDLE/rootfs --ephemeral -v $T/data:/data"; do
		# shellcheck disable=SC2086 # words
		hullbox run -d --net none --name one $source -- /bin/sh -c "mkdir -p /data; echo old >/old; ln -s $T/data /leak; $IDLE"
		wait_until is_ready one
		first=$(awk '{ print $2 }' "/proc/$(box_state one pid)/uid_map")
		[ "$first" -ge 100000 ]
		echo "$source"
		hullbox cp "$T/in/d" one:/data/d
		hullbox cp "$T/in/d/file" one:/old
		assert_equal "$(owners_inside /data/d /data/d/file /data/d/link /old)" "$(printf '%s\n' 0:0 0:0 0:0 0:0)"
		assert_equal "$(stat -c %u:%g "/proc/$(box_state one pid)/root/old")" "$first:$first"
		hullbox cp -a "$T/in/d/file" one:/data/kept
		assert_equal "$(owners_inside /data/kept)" 5:6
		hullbox cp one:/data/kept "$T/out"
		assert_equal "$(stat -c %u:%g "$T/out")" 0:0
		hullbox cp -a one:/data "$T/outs"
		assert_equal "$(stat -c %u:%g "$T/outs" "$T/outs/kept" "$T/outs/d/link")" "$(printf '%s\n' 0:0 5:6 0:0)"
		# Who has no number there can't keep what is his; a link leads nowhere outside of the container.
		chown 70000 "$T/out"
		run hullbox cp -a "$T/out" one:/data/other
		assert_status 1
		has_text "the container's map of ids has no user 70000"
		run hullbox cp "$T/in/d/file" one:/leak/file
		assert_status 1
		rm -r "$T/out" "$T/outs"
		hullbox stop -t 0 one
		hullbox rm one
	done
	assert_equal "$(stat -c %u:%g "$BUNDLE/rootfs/data/kept" "$BUNDLE/rootfs/old" "$T/data/kept" "$T/data/d/link")" \
		"$(printf '%s\n' 5:6 0:0 5:6 0:0)"
	assert_equal "$(find "$T/data" "$BUNDLE/rootfs" -name '.hullbox-cp*' -o -path "$T/data/file")" ""
}

# refused_into_itself OPERANDS...: nothing is copied.
refused_into_itself() {
	attempt timeout 60 "$HULLBOX" cp "$@"
	assert_status 1
	has_text "can't be copied into itself"
	assert_equal "$(find "$T/srv" "$T/data" "$BOX/containers" -name 'srv*' -o -name 'new*')" "$T/srv"
}

@test "upper: cp refuses a directory that would be copied into itself, whichever way the container shows it" {
	require conmon
	local state
	mkdir -p "$T/srv/rootfs" "$T/srv/other" "$T/data/d"
	cp -a "$BASE/." "$T/srv/rootfs"
	echo 1 >"$T/srv/file"
	hullbox run -d --net none --name one --rootfs "$T/srv/rootfs" -v "$T/data:/mnt" -- /bin/sh -c "$IDLE"
	hullbox run -d --net none --name two --layer "$BASE" -v "$T/data:/data" -v named:/named -- /bin/sh -c "mkdir /d; $IDLE"
	wait_until is_ready one
	wait_until is_ready two
	ln -s srv "$T/alias"
	refused_into_itself "$T/data" one:/mnt/new
	refused_into_itself "$T/data" two:/data/d
	refused_into_itself "$BOX" two:/named
	for state in running stopped; do
		[ "$state" = running ] || hullbox stop -t 0 one two
		refused_into_itself "$T/srv" one:/new
		refused_into_itself "$T/alias/." one:/bin
		refused_into_itself "$T/srv/rootfs" one:/
		refused_into_itself "$T/srv/rootfs/bin" one:/bin/new
		refused_into_itself one:/ "$T/srv/rootfs/new"
		refused_into_itself "$BOX" two:/new
		refused_into_itself "$BOX/containers/$(box_state two id)" two:/new
		refused_into_itself "$BOX/containers/$(box_state two id)/upper/d" two:/d/new
		# Beside it is another matter, and so is the link itself.
		hullbox cp "$T/srv/other" "one:/$state"
		hullbox cp "$T/alias" one:/bin/alias
		hullbox cp "$T/srv" "two:/$state"
		assert_equal "$(cat "$BOX/containers/$(box_state two id)/upper/$state/file")" 1
	done
}

is_waiting_for_a_lock() { grep -q -e "-> FLOCK .* $1 " /proc/locks; }

# half_way ARGUMENT...: hullbox in the background, which stops when it has opened 500 files: READER; TRACER is
# whose end tells of its own.
half_way() {
	strace -o "$T/trace" -e trace=openat2 -e inject=openat2:signal=SIGSTOP:when=500 \
		"$HULLBOX" "$@" 3>&- &
	TRACER=$!
	wait_until grep -qs "stopped by SIGSTOP" "$T/trace"
	READER=$(pgrep -P "$TRACER")
	rm "$T/trace"
}
# A stop that waits for the reader ends with it.
stop_meanwhile() { timeout 60 "$HULLBOX" stop -t 0 "$1" || ! kill -KILL "$READER"; }

# interrupted SIGNAL WRITES ARGUMENT...: hullbox gets the signal with that write, fails, and ends by it.
interrupted() {
	run env --default-signal=HUP,INT,TERM strace -o "$T/trace" -e trace=write -e "inject=write:signal=SIG$1:when=$2" \
		"$HULLBOX" "${@:3}"
	assert_status $((128 + $(kill -l "$1")))
	has_text "interrupted by signal"
}

@test "upper: cp and commit that a signal ends leave no half of what they write" {
	require strace
	local signal
	mkdir "$T/in" "$T/out"
	dd if=/dev/urandom of="$T/in/big" bs=1M count=8 status=none
	box_idle one
	hullbox cp "$T/in/big" one:/big
	for signal in HUP INT TERM; do
		interrupted "$signal" 20 cp "$T/in/big" one:/new
		interrupted "$signal" 20 cp one:/big "$T/out/new"
		interrupted "$signal" 20 commit one "$T/out/tar"
		interrupted "$signal" 20 commit --layout one "$T/out/layout"
	done
	assert_equal "$(ls -A "$T/out")" ""
	assert_equal "$(hullbox diff one | grep -v /etc)" "A /big"
	cmp "$T/in/big" "$(echo "$BOX"/containers/*/upper)/big"
}

@test "upper: cp ends where a file ended when it was opened, though it grows; holes stay holes; the kernel's files are read to their end" {
	require conmon strace
	local file=$BUNDLE/rootfs/file
	hullbox create --net none --rootfs "$BUNDLE/rootfs" --name one -- /bin/true
	# stopped_in_cp COMMAND...: the file is opened, then the command, and cp goes on.
	stopped_in_cp() {
		printf 'as it was' >"$file"
		rm -f "$T/out"
		strace -o "$T/trace" -e trace=unlinkat -e inject=unlinkat:signal=SIGSTOP:when=1 "$HULLBOX" cp one:/file "$T/out" 3>&- &
		TRACER=$!
		wait_until grep -qs "stopped by SIGSTOP" "$T/trace"
		grep -q "hullbox-cp" "$T/trace"
		"$@"
		kill -CONT "$(pgrep -P "$TRACER")"
		wait "$TRACER"
		rm "$T/trace"
	}
	grow() { printf ' and more' >>"$file"; }
	stopped_in_cp grow
	assert_equal "$(cat "$T/out")" "as it was"
	stopped_in_cp truncate -s 2 "$file"
	assert_equal "$(cat "$T/out")" as
	stopped_in_cp truncate -s 0 "$file"
	assert_equal "$(stat -c %s "$T/out")" 0

	truncate -s 100M "$file"
	printf middle | dd of="$file" bs=1 seek=50M conv=notrunc status=none
	hullbox cp one:/file "$T/sparse"
	cmp "$file" "$T/sparse"
	[ "$(du -k "$T/sparse" | cut -f 1)" -lt 1024 ]
	hullbox cp "$T/sparse" one:/in
	cmp "$file" "$BUNDLE/rootfs/in"
	[ "$(du -k "$BUNDLE/rootfs/in" | cut -f 1)" -lt 1024 ]
	hullbox rm one

	box_idle two
	hullbox cp two:/proc/version "$T/version"
	cmp /proc/version "$T/version"
	hullbox cp two:/sys/kernel/fscaps "$T/fscaps"
	cmp /sys/kernel/fscaps "$T/fscaps"
}

@test "upper: a container is stopped while cp and commit read it, and begins or goes when they are done" {
	require strace
	local other
	box_start one -- /bin/sh -c 'mkdir /d; i=0; while [ $i -lt 1000 ]; do : >/d/$i; i=$((i + 1)); done; echo ready; sleep 600'
	wait_until is_ready one
	half_way cp one:/d "$T/out"
	stop_meanwhile one
	assert_equal "$(box_state one status)" stopped
	"$HULLBOX" start one 3>&- >"$T/started" &
	other=$!
	wait_until is_waiting_for_a_lock "$other"
	assert_equal "$(box_state one lives)" 1
	kill -CONT "$READER"
	wait "$TRACER"
	wait "$other"
	assert_equal "$(find "$T/out" -type f | wc -l)" 1000
	assert_equal "$(box_state one lives)" 2
	rm -r "$T/out"
	half_way commit one "$T/own.tar" >"$T/digest"
	stop_meanwhile one
	"$HULLBOX" rm one 3>&- >"$T/removed" &
	other=$!
	wait_until is_waiting_for_a_lock "$other"
	kill -CONT "$READER"
	wait "$TRACER"
	wait "$other"
	assert_equal "sha256:$(sha256sum "$T/own.tar" | cut -d ' ' -f 1)" "$(cat "$T/digest")"
	assert_equal "$(tar -tf "$T/own.tar" | grep -c "d/[0-9]")" 1000
	[ -z "$(hullbox ps -aq)" ]
}
