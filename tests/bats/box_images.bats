#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=real_root
#
# Images from OCI layouts: what is verified, which one is meant, what is kept and what goes again.

load helpers
load box

# layout NAME: Python on stdin fills the layout $T/NAME, `l`; save() is called at its end.
layout() {
	{
		cat <<-'END'
			import os, sys
			from oci_layout import *
			l = Layout(sys.argv[1])
			lower, upper = tar_of({"a": b"1", "b": b"2"}), tar_of({"c": b"3", ".wh.a": b""})
		END
		cat
		echo 'l.save()'
	} | PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/helpers python3 - "$T/$1"
}

simple() {
	layout "$1" <<-'END'
		l.add(l.image([lower, upper], {"Env": ["A=b"], "Cmd": ["/c"]}), "v1")
	END
}

# import_fails WORDS LAYOUT...: it does, says why, and leaves nothing.
import_fails() {
	run hullbox image import "${@:2}"
	assert_status 1
	has_text "$1"
	assert_equal "$(find "$BOX/layers/tmp" "$BOX/layers/sha256" "$BOX/images" -mindepth 1 | grep -v /images/sha256)" ""
}

layers_left() { ls "$BOX/layers/sha256"; }

setup_file() { command -v python3 >/dev/null; }

@test "images: an image is imported from a directory and from a tar of one, its layers once" {
	simple app
	run hullbox image import "$T/app"
	assert_status 0
	assert_equal "$output" app:v1
	inodes=$(stat -c %i "$BOX"/layers/sha256/*/diff)
	assert_equal "$(cd "$BOX/layers/sha256" && cat ./*/diff/? | LC_ALL=C sort | tr -d '\n')" 123
	tar -C "$T/app" -cf "$T/app.tar" .
	rm -r "$T/app"
	run hullbox image import "$T/app.tar:v1" other/name
	assert_status 0
	assert_equal "$output" other/name:latest
	assert_equal "$(stat -c %i "$BOX"/layers/sha256/*/diff)" "$inodes"
	assert_equal "$(ls -A "$BOX/layers/tmp")" ""
	run hullbox image ls
	assert_equal "${#lines[@]}" 3
	assert_table
	matches '^app:v1 +[0-9a-f]{12} +2 +20\.0 KiB  20'
	run hullbox image ls --format json
	matches '"name": "other/name:latest"'
}

@test "images: layers are shared, and go with the last image or container that needs them" {
	layout one <<-'END'
		l.add(l.image([lower, upper]), "v1")
	END
	layout two <<-'END'
		l.add(l.image([lower, tar_of({"d": b"4"})]), "v1")
	END
	hullbox image import "$T/one"
	hullbox image import "$T/two"
	assert_equal "$(layers_left | wc -l)" 3
	digest=$(hullbox image inspect one:v1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["layers"][1])')
	mkdir -p "$BOX/containers/c"
	echo "$digest" >"$BOX/containers/c/layers"
	hullbox image rm one:v1
	assert_equal "$(layers_left | wc -l)" 3
	rm -r "$BOX/containers"
	run hullbox image prune
	has "removed 1 layer, 10.0 KiB"
	assert_equal "$(layers_left | wc -l)" 2
	# By its id; the last goes with all it had.
	hullbox image rm "$(hullbox image ls | awk 'NR == 2 { print $2 }')"
	assert_equal "$(layers_left)" ""
	assert_equal "$(find "$BOX/images" -type f)" ""
	run hullbox image rm two:v1
	assert_status 1
	has_text "there is no image 'two:v1'"
}

@test "images: of several that are removed or unpacked one that fails doesn't keep the others from it" {
	layout one <<-'END'
		l.add(l.image([lower]), "v1")
		l.add(l.image([lower]), "v2")
	END
	hullbox image import "$T/one:v1"
	hullbox image import "$T/one:v2"
	run --separate-stderr hullbox image rm one:v1 none:v1 one:v2 none:v2
	assert_status 1
	assert_equal "${#lines[@]}" 2
	assert_equal "$(grep -o "no image '[^']*'" <<<"$stderr" | tr '\n' ' ')" "no image 'none:v1' no image 'none:v2' "
	assert_equal "$(layers_left)" ""
	mkdir "$T/in"
	tar -cf "$T/layer.tar" -C "$T/in" .
	run --separate-stderr hullbox image unpack "$T/none.tar" "$T/layer.tar"
	assert_status 1
	assert_equal "$(wc -l <<<"$output")" 1
	matches '^sha256:[0-9a-f]{64} /'
	grep -q "^hullbox: .*$T/none.tar" <<<"$stderr"
	hullbox image prune
}

@test "images: one of several is meant by its ref, and the error lists them" {
	layout many <<-'END'
		l.add(l.image([lower]), "one")
		l.add(l.image([upper]), "registry.example/repo:two")
	END
	import_fails "it has several images: one, registry.example/repo:two; name one" "$T/many"
	import_fails "it has no image 'three'; it has: one, registry.example/repo:two" "$T/many:three"
	run hullbox image import "$T/many:registry.example/repo:two"
	assert_status 0
	assert_equal "$output" registry.example/repo:two
	cp -r "$T/many" "$T/with:colon"
	run hullbox image import "$T/with:colon:one" x
	assert_status 0
}

@test "images: an index in the index gives the one for this machine, or for --platform" {
	layout multi <<-'END'
		def one(architecture, data):
		    return l.image([tar_of({"f": data})], config={"architecture": architecture},
		                   platform={"os": "linux", "architecture": architecture})
		attestation = l.image([lower], annotations={"vnd.docker.reference.type": "attestation-manifest"})
		l.add(l.nested([one("other", b"other"), attestation, one(ARCHITECTURE, b"mine")]), "v1")
	END
	hullbox image import "$T/multi"
	assert_equal "$(cat "$BOX"/layers/sha256/*/diff/f)" mine
	hullbox image rm multi:v1
	hullbox image import --platform linux/other "$T/multi"
	assert_equal "$(cat "$BOX"/layers/sha256/*/diff/f)" other
	hullbox image rm multi:v1
	import_fails "it has no image for linux/none" --platform linux/none "$T/multi"
	layout foreign <<-'END'
		l.add(l.image([lower], config={"architecture": "other"}))
	END
	import_fails "the image is for linux/other, not for linux/" "$T/foreign"
}

@test "images: a manifest and a list of Docker's are taken" {
	layout docker <<-'END'
		l.add(l.nested([l.image([lower, upper], {"Cmd": None, "Entrypoint": ["/b"], "Volumes": None, "Labels": None},
		                        docker=True)], docker=True), "v1")
	END
	hullbox image import "$T/docker"
	assert_equal "$(layers_left | wc -l)" 2
}

@test "images: what the configuration says of the process is kept" {
	layout config <<-'END'
		l.add(l.image([lower], {"User": "1:2", "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Env": ["A=b", "C=d=e"],
		    "Entrypoint": ["/a"], "Cmd": ["x", "y"], "Volumes": {"/data": {}}, "WorkingDir": "/w",
		    "Labels": {"k": "v"}, "StopSignal": "SIGINT"}), "v1")
	END
	hullbox image import "$T/config"
	run hullbox image inspect config:v1
	assert_status 0
	python3 - "$output" <<-'END'
		import json, sys
		found = json.loads(sys.argv[1])
		assert found["user"] == "1:2" and found["workingDir"] == "/w" and found["stopSignal"] == "SIGINT", found
		assert found["entrypoint"] == ["/a"] and found["cmd"] == ["x", "y"] and found["env"] == ["A=b", "C=d=e"], found
		assert found["exposedPorts"] == ["80/tcp", "53/udp"] and found["volumes"] == ["/data"], found
		assert found["labels"] == {"k": "v"}, found
	END
}

@test "images: every file is verified by size and digest" {
	for what in manifest config index layer; do
		for how in changed longer missing; do
			layout "$what.$how" <<-END
				image = l.image([lower, upper])
				l.add(l.nested([image]) if "$what" == "index" else image, "v1")
				manifest = json.load(open(l.path(image["digest"])))
				path = l.path({"manifest": image, "config": manifest["config"], "layer": manifest["layers"][1],
				               "index": l.index[0]}["$what"]["digest"])
				data = bytearray(open(path, "rb").read())
				data[len(data) // 2] ^= "$how" == "changed"
				open(path, "wb").write(data + b" " * ("$how" == "longer"))
				if "$how" == "missing": os.unlink(path)
			END
			run hullbox image import "$T/$what.$how"
			assert_status 1
			case $how in
			changed) matches "its content has the digest sha256|not a whole tar archive|the digest" ;;
			longer) has_text "bytes; its descriptor says" ;;
			missing) has_text "No such file or directory" ;;
			esac
			assert_equal "$(hullbox image ls | wc -l)" 1
			assert_equal "$(ls -A "$BOX/layers/tmp")" ""
			[ "$what" = layer ] || assert_equal "$(layers_left)" ""
		done
	done
}

@test "images: a layer that unpacks to something else than the configuration says is refused" {
	layout wrong <<-'END'
		l.add(l.image([lower], config={"rootfs": {"type": "layers", "diff_ids": [digest_of(upper)]}}))
	END
	import_fails "unpacked it has the digest sha256:" "$T/wrong"
	layout fewer <<-'END'
		l.add(l.image([lower], config={"rootfs": {"type": "layers", "diff_ids": []}}))
	END
	import_fails "the manifest has 1 layers, the configuration 0" "$T/fewer"
}

@test "images: a hostile layer is refused, and its image with it" {
	layout hostile <<-'END'
		l.add(l.image([lower, tar_of({"../evil": b"x"})]))
	END
	run hullbox image import "$T/hostile"
	assert_status 1
	matches "layer 2 \(sha256:[0-9a-f]{64}\): the entry '../evil' has '\.\.' in it"
	assert_equal "$(hullbox image ls | wc -l)" 1
	# The first layer is whole; nobody needs it.
	hullbox image prune
	assert_equal "$(layers_left)" ""
}

@test "images: documents that are none, or not an image's, are refused" {
	i=0
	while IFS='|' read -r words code; do
		layout "bad$((i += 1))" <<<"$code"
		import_fails "$words" "$T/bad$i"
	done <<-'END'
		sha512 isn't supported|l.add({**l.image([lower]), "digest": "sha512:" + "0" * 128})
		expected a sha256 digest|l.add({**l.image([lower]), "digest": "sha256:../../../../etc/passwd"})
		expected a sha256 digest|l.add({**l.image([lower]), "digest": "sha256:" + "A" * 64})
		/schemaVersion: expected 2, found 1|l.add(l.image([lower], manifest={"schemaVersion": 1}))
		isn't that of an image's manifest|l.add({**l.image([lower], manifest={"mediaType": OCI + "index.v1+json"}), "mediaType": OCI + "manifest.v1+json"})
		is no image's configuration|l.add(l.image([lower], manifest={"config": l.blob(b"{}", "application/vnd.oci.empty.v1+json")}))
		is no layer that can be unpacked|l.add(l.image([lower], manifest={"layers": [l.blob(lower, OCI + "layer.v1.tar+gzip+encrypted")]}))
		/config/Env/0: 'novalue' is no NAME=VALUE|l.add(l.image([lower], {"Env": ["novalue"]}))
		/config/Volumes: 'x' isn't an absolute path|l.add(l.image([lower], {"Volumes": {"x": {}}}))
		/config/Volumes: '//' isn't a path below /|l.add(l.image([lower], {"Volumes": {"/data": {}, "//": {}}}))
		/config/Volumes: '/a/../../etc' isn't a path without|l.add(l.image([lower], {"Volumes": {"/a/../../etc": {}}}))
		isn't a path of at most 512 bytes|l.add(l.image([lower], {"Volumes": {"/" + "a/" * 256: {}}}))
		/config/Volumes: 129 of them; the limit is 128|l.add(l.image([lower], {"Volumes": {"/%d" % i: {} for i in range(129)}}))
		/config/Cmd: expected an array|l.add(l.image([lower], {"Cmd": "/bin/sh"}))
		the key is given twice|l.add(l.blob(b'{"schemaVersion": 2, "schemaVersion": 2}', OCI + "manifest.v1+json"))
		indexes within indexes|d = l.image([lower]); d = l.nested([d]); d = l.nested([d]); d = l.nested([d]); d = l.nested([d]); l.add(l.nested([d]))
		it has no image for|l.add(l.blob({}, "application/json"))
		it has no image for|pass
	END
}

@test "images: what is no layout is refused, and so is a hostile tar of one" {
	mkdir "$T/empty"
	import_fails "it has no file 'oci-layout'" "$T/empty"
	import_fails "there is no such directory or file" "$T/none:x"
	echo '{"imageLayoutVersion": "2.0"}' >"$T/empty/oci-layout"
	import_fails "version '2.0' isn't known" "$T/empty"
	simple app
	ln -s /etc "$T/app/link"
	tar -C "$T/app" -cf "$T/app.tar" .
	import_fails "the entry 'link': is neither a file nor a directory" "$T/app.tar"
	# A link in a directory leads to nothing outside of it; a fifo hangs nobody.
	rm "$T/app/index.json" "$T/app/link"
	cp /etc/hostname "$T/secret"
	ln -s "$T/secret" "$T/app/index.json"
	import_fails "open 'index.json': No such file or directory" "$T/app"
	rm "$T/app/index.json"
	mkfifo "$T/app/index.json"
	import_fails "'index.json' is not a regular file" "$T/app"
}

@test "images: names that could be anything else are refused" {
	simple app
	for name in '' .. ../x .x /x 'a b' a:b:c 'a;b' "$(printf 'n%.0s' {1..300})" a/; do
		run hullbox image import "$T/app" "$name"
		[ -z "$name" ] && continue
		assert_status 2
		has_text "is no name of an image"
	done
	run hullbox image import "$T/app" host.example:5000/a/b_c.d-e
	assert_status 0
	assert_equal "$output" host.example:5000/a/b_c.d-e:latest
	run hullbox image inspect host.example:5000/a/b_c.d-e
	assert_status 0
}

@test "images: a name that is imported again names the new image, and the old layers go by prune" {
	simple app
	hullbox image import "$T/app" x
	before=$(hullbox image inspect x)
	layout new <<-'END'
		l.add(l.image([tar_of({"new": b"1"})]))
	END
	hullbox image import "$T/new" x
	[ "$(hullbox image inspect x)" != "$before" ]
	assert_equal "$(hullbox image ls | wc -l)" 2
	hullbox image prune
	assert_equal "$(layers_left | wc -l)" 1
}
