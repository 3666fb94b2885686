# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# What the bats files of engines share, after helpers.bash: a containerd of the test's own, hull
# called through tests/helpers/record-runtime, and the demand that each failed call was expected.
#
#   $RUNTIME  what the engine calls     $CALLS  a file per call, *.call     $RUNTIMES  hull's --root

have_containerd() { PATH=$PATH:/usr/sbin command -v containerd ctr >/dev/null; }

engine_setup() {
	RUNTIME=$T/hull
	CALLS=$T/calls
	RUNTIMES=$T/runtimes
	EXPECTED_FAILURES=()
	mkdir -p "$CALLS"
	cat >"$RUNTIME" <<-END
	#!/bin/sh
	RECORD='$CALLS' HULL='$HULL' exec '$top/tests/helpers/record-runtime' "\$@"
	END
	chmod +x "$RUNTIME"
}

# --- Calls of hull ---

# expect_failure REGEX: calls like this (their arguments, by spaces) may fail in this test.
expect_failure() {
	EXPECTED_FAILURES+=("$1")
}

calls() {
	cat "$CALLS"/*.call 2>/dev/null
}

# The commands in their order: "create start delete delete".
call_commands() {
	sed -nE 's/^call:.* (create|start|state|kill|delete|ps|run|list|exec) .*/\1/p' "$CALLS"/*.call |
		paste -sd ' '
}

is_expected() {
	local regex
	for regex in "${EXPECTED_FAILURES[@]}"; do
		grep -qE "^call:.*$regex" "$1" && return 0
	done
	return 1
}

# Hull was called, and whatever failed was to fail.
assert_calls_explained() {
	local file failed=0 n=0
	for file in "$CALLS"/*.call; do
		[ -e "$file" ] || break
		n=$((n + 1))
		grep -qx 'status: 0' "$file" && continue
		is_expected "$file" || {
			echo 'a call of hull failed:' >&2
			cat "$file" >&2
			failed=1
		}
	done
	[ $n -gt 0 ] || {
		echo "the engine never called hull" >&2
		failed=1
	}
	return $failed
}

# --- containerd ---

containerd_setup() {
	engine_setup
	ADDRESS=$T/containerd.sock
	cat >"$T/containerd.toml" <<-END
	version = 2
	root = "$T/containerd/root"
	state = "$T/containerd/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri"]
	[grpc]
	  address = "$ADDRESS"
	[ttrpc]
	  address = "$ADDRESS.ttrpc"
	END
	containerd_start
}

# Also after containerd_stop: the shims and their containers live on between the two.
containerd_start() {
	PATH=$PATH:/usr/sbin containerd -c "$T/containerd.toml" >>"$T/containerd.log" 2>&1 3>&- </dev/null &
	CONTAINERD=$!
	wait_until ctr_answers
}

containerd_stop() {
	[ -n "${CONTAINERD:-}" ] || return 0
	kill "$CONTAINERD"
	wait "$CONTAINERD" || true
	CONTAINERD=
}

ctr() {
	command ctr --address "$ADDRESS" "$@"
}

ctr_answers() {
	ctr version >/dev/null 2>&1
}

# in_ctr [OPTION...] -- COMMAND...: a container $ID on the bundle's root file system. ctr copies its two
# output streams side by side, so a line of one may land inside a line of the other: a test that
# looks at whole lines of both joins them in the container (exec 2>&1).
in_ctr() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	ctr run --fifo-dir "$T/fifo" --rootfs --runc-binary "$RUNTIME" --runc-root "$RUNTIMES" \
		"${options[@]}" "$BUNDLE/rootfs" "$ID" "${@:2}"
}

# As the shim computes it: whoever looks must also see that it exists while the container runs.
shim_socket() {
	echo "/run/containerd/s/$(printf %s "$ADDRESS/default/$ID" | sha256sum | cut -d ' ' -f 1)"
}

# "PID STATUS" of the container's task, from `ctr task ls`.
task_line() {
	ctr task ls | awk -v id="$ID" '$1 == id { print $2, $3 }'
}

task_is() {
	[[ $(task_line) == *" $1" ]]
}

no_shim() {
	[ ! -e "$(shim_socket)" ]
}

# Nothing of the containers, after the test has deleted them as a user would.
assert_ctr_clean() {
	local left failed=0
	left=$(ctr task ls -q; ctr container ls -q)
	[ -z "$left" ] || {
		echo "left in containerd: $left" >&2
		failed=1
	}
	wait_until no_shim || failed=1
	left=$(find "$RUNTIMES/default" "$T/containerd/state/io.containerd.runtime.v2.task/default" \
		"$T/fifo" -mindepth 1 2>/dev/null)
	[ -z "$left" ] || {
		echo "directories left: $left" >&2
		failed=1
	}
	return $failed
}

containerd_teardown() {
	local failed=0
	if [ -n "${CONTAINERD:-}" ]; then
		assert_ctr_clean || {
			failed=1
			attempt ctr task rm -f "$ID"
			attempt ctr container rm "$ID"
			sed 's/^/  containerd: /' "$T/containerd.log" | grep -v level=info >&2
			calls >&2
		}
		assert_calls_explained || failed=1
		containerd_stop
	fi
	return $failed
}
