#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox run from tars and images: that what a container sees is what they hold, and that they stay as
# long as a container needs them.

load helpers
load box

setup_file() {
	may_take 120
}

# layout DIR CONFIG-JQ: an image layout of one layer, the shared root file system, with a file /which.
layout() {
	local dir=$1 blobs=$1/blobs/sha256 diff layer config manifest
	mkdir -p "$blobs" "$T/image"
	echo image >"$T/image/which"
	tar -C "$BASE" -cf "$T/layer.tar" .
	tar -C "$T/image" -rf "$T/layer.tar" ./which
	diff=$(sha256sum <"$T/layer.tar" | cut -d ' ' -f 1)
	layer=$diff
	cp "$T/layer.tar" "$blobs/$layer"
	jq -cn --arg d "sha256:$diff" '{ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [$d] },
		config: { Env: ["PATH=/bin", "FROM=image"], Cmd: ["/bin/sh", "-c", "cat /which; echo $FROM; pwd; id -u"],
			WorkingDir: "/etc", User: "1000" } } | '"${2:-.}" >"$T/config"
	config=$(sha256sum <"$T/config" | cut -d ' ' -f 1)
	cp "$T/config" "$blobs/$config"
	jq -cn --arg c "sha256:$config" --argjson cs "$(stat -c %s "$T/config")" --arg l "sha256:$layer" \
		--argjson ls "$(stat -c %s "$T/layer.tar")" '{ schemaVersion: 2,
		mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $cs },
		layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $l, size: $ls }] }' >"$T/manifest"
	manifest=$(sha256sum <"$T/manifest" | cut -d ' ' -f 1)
	cp "$T/manifest" "$blobs/$manifest"
	jq -cn --arg m "sha256:$manifest" --argjson ms "$(stat -c %s "$T/manifest")" '{ schemaVersion: 2, manifests: [
		{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $m, size: $ms,
		  annotations: { "org.opencontainers.image.ref.name": "latest" } }] }' >"$dir/index.json"
	echo '{ "imageLayoutVersion": "1.0.0" }' >"$dir/oci-layout"
}

@test "box run --image: its command, environment, directory and user; what is asked for wins" {
	[ "$(uname -m)" = x86_64 ] || skip "the image is for amd64"
	layout "$T/layout"
	attempt hullbox run --net none --rm --image "$T/layout:latest"
	assert_status 0
	has image /etc 1000
	attempt hullbox run --net none --rm -e FROM=me -w / -u 0 --image "$T/layout" -- /bin/sh -c 'echo $FROM; pwd; id -u'
	assert_status 0
	has me / 0
	lacks image
}

@test "box run --image: an imported one by name; it stays while a container needs it" {
	[ "$(uname -m)" = x86_64 ] || skip "the image is for amd64"
	layout "$T/layout"
	hullbox image import "$T/layout" mine
	rm -rf "$T/layout"
	attempt hullbox run -d --net none -u 0 --image mine --name "$ID" -- /bin/sh -c 'cat /which; rm /which'
	assert_status 0
	hullbox wait "$ID"
	assert_equal "$(hullbox logs "$ID")" image
	hullbox image rm mine
	attempt hullbox start -a "$ID"
	has_text "/which': No such file"
	attempt hullbox run --net none --image mine -- /bin/true
	assert_status 125
	# Ten share one base; nobody's changes are in it.
	hullbox rm "$ID"
	hullbox image prune
	[ -z "$(ls "$BOX/layers/sha256")" ]
}

@test "box run --layer: a tar is unpacked once, and its whiteouts hide" {
	mkdir -p "$T/top/bin"
	: >"$T/top/bin/.wh.wc"
	echo top >"$T/top/which"
	tar -C "$BASE" -cf "$T/base.tar" .
	tar -C "$T/top" -cf "$T/top.tar" .
	attempt hullbox run --net none --rm --layer "$T/base.tar" --layer "$T/top.tar" -- /bin/sh -c 'cat /which; ls /bin/wc'
	has top
	has_text "/bin/wc: No such file"
	assert_equal "$(ls "$BOX/layers/sha256" | wc -l)" 2
	attempt hullbox run --net none --rm --layer "$T/base.tar" -- /bin/ls /bin/wc
	has /bin/wc
	assert_equal "$(ls "$BOX/layers/sha256" | wc -l)" 2
}
