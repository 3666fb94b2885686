# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# What the bats files of engines share, after helpers.bash: a containerd of the test's own, hull
# called through tests/helpers/record-runtime, and the demand that each failed call was expected.
# With HULL_TEST_MANAGER=systemd podman is told to use that manager, and tells hull; ctr is told by
# the tests that want it.
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
	export RECORD='$CALLS' HULL='$HULL_ITSELF' HULL_LIBEXEC='${HULL_LIBEXEC:-}'
	exec '$top/tests/helpers/record-runtime' "\$@"
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

# assert_calls "COMMAND...": these were called. The last of them may be a shim's, which nobody waits for
# when the host is slow.
assert_calls() {
	wait_until calls_are "$1" || assert_equal "$(call_commands)" "$1"
}
calls_are() { [ "$(call_commands)" = "$1" ]; }

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

# --- Cgroups ---

# systemctl for the instance that the engine asks.
sc() {
	if is_root_of_host; then systemctl "$@"; else systemctl --user "$@"; fi
}

# leaf_of PID: the cgroup that a process is in, as a directory.
leaf_of() {
	echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"
}

# file NAME, stat_of NAME KEY: what the files of the container's cgroup, $LEAF, say.
file() { cat "$LEAF/$1"; }
stat_of() { sed -n "s/^$2 //p" "$LEAF/$1"; }

# A program that counts for ever, in a file that the host sees. It is written over, never emptied: a
# file system may take its time for that, and nobody ever see a number.
COUNTER='i=0; while :; do i=$((i + 1)); echo $i 1<>/count; done'

count() { cat "$BUNDLE/rootfs/count" 2>/dev/null; }
differs() { [ -n "$(count)" ] && [ "$(count)" != "$1" ]; }
counts() { wait_until differs "$(count)"; }

# What would change if any process ran.
progress() { echo "$(count) $(stat_of cpu.stat usage_usec)"; }
# For as long as a quota holds a process back, it can neither be frozen nor die. In the machine that may
# be many seconds: while a busy host runs something else, the container's time is counted all the same.
no_quota() {
	echo max >"$LEAF/cpu.max"
	echo max >"${LEAF%/container}/cpu.max"
}
is_frozen() { grep -qx 'frozen 1' "$LEAF/cgroup.events"; }

# no_trace ID: neither a cgroup nor a unit has it in its name; conmon's own, which is podman's affair,
# may go a moment later.
no_trace() {
	assert_equal "$(find /sys/fs/cgroup -name "*$1*" ! -name 'libpod-conmon-*')" ""
	! by_systemd || wait_until no_unit "$1" || assert_equal "$(units "$1")" ""
}
units() { sc list-units --all --plain --no-legend "*$1*" | grep -v libpod-conmon; }
no_unit() { [ -z "$(units "$1")" ]; }

# --- Terminal ---

# As a person at a terminal of 30 rows and 100 columns; what is written to fd 5 is typed there.
at_terminal() {
	export -f in_ctr ctr pod_run
	export ADDRESS RUNTIME RUNTIMES BUNDLE ID T
	mkfifo "$T/keys"
	exec 5<>"$T/keys"
	script -qefc "stty rows 30 cols 100; $1" "$T/typescript" <"$T/keys" >"$T/out" 2>&1 3>&- 5>&- &
	TERMINAL=$!
}

terminal_says() {
	tr -d '\r\0' <"$T/out" | grep -qxF -- "$1"
}

terminal_ends() {
	status=0
	wait "$TERMINAL" || status=$?
	output=$(tr -d '\r\0' <"$T/out")
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

# --- podman ---

have_podman() { command -v podman conmon >/dev/null; }

# A podman with everything in $T. No pids and rlimits of its own choice: a host may lack the pids controller, and a
# hard limit can't be raised everywhere. Locks in files, for those in shared memory are the host's. The static
# directory is where podman looks for it when conmon calls it with --root to clean up.
podman_setup() {
	local driver=overlay
	engine_setup
	is_root_of_host || driver=vfs
	mkdir -p "$T/podman"
	export CONTAINERS_CONF=$T/podman/containers.conf CONTAINERS_STORAGE_CONF=$T/podman/storage.conf
	cat >"$CONTAINERS_CONF" <<-END
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
	pids_limit = 0
	log_driver = "k8s-file"
	netns = "none"
	[engine]
	lock_type = "file"
	static_dir = "$T/podman/graph/libpod"
	tmp_dir = "$T/podman/tmp"
	volume_path = "$T/podman/volumes"
	cgroup_manager = "${HULL_TEST_MANAGER:-cgroupfs}"
	events_logger = "file"
	runtime = "hull"
	runtime_supports_json = ["hull"]
	[engine.runtimes]
	hull = ["$RUNTIME"]
	[network]
	network_config_dir = "$T/podman/net"
	END
	cat >"$CONTAINERS_STORAGE_CONF" <<-END
	[storage]
	driver = "$driver"
	graphroot = "$T/podman/graph"
	runroot = "$T/podman/run"
	END
	# The limits of an ordinary user are lower.
	is_root_of_host || sed -i '/default_ulimits/d' "$CONTAINERS_CONF"
	# podman leaves the state root to the runtime.
	sed -i "s|\"\$@\"|--root '$RUNTIMES' \"\$@\"|" "$RUNTIME"
}

# pod_run [OPTION...] -- COMMAND...: a container $ID on the bundle's root file system.
pod_run() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	podman run --name "$ID" "${options[@]}" --rootfs "$BUNDLE/rootfs" "${@:2}"
}

podman_status() {
	podman inspect --format '{{.State.Status}}' "${1:-$ID}"
}

podman_is() {
	[ "$(podman_status "${2:-$ID}" 2>/dev/null)" = "$1" ]
}

is_log() { podman logs "$ID" 2>&1 | grep -qxF -- "$1"; }

podman_pid() {
	podman inspect --format '{{.State.Pid}}' "${1:-$ID}"
}

no_conmon() {
	! pgrep -f "^[^ ]*conmon .*$T/podman" >/dev/null
}

# An ordinary user's podman keeps its user namespace by a process that would stay.
end_podman_pause() {
	local file
	is_root_of_host && return 0
	for file in "$T/podman/tmp/pause.pid" "$XDG_RUNTIME_DIR/libpod/tmp/pause.pid"; do
		[ ! -s "$file" ] || kill "$(cat "$file")" || true
	done
}

# Whoever tests podman removes its containers in the test; here only what a failure left.
podman_teardown() {
	local failed=0 left
	if [ -n "${CONTAINERS_CONF:-}" ]; then
		left=$(podman ps -aq; podman pod ps -q)
		[ -z "$left" ] || {
			echo "left in podman: $left" >&2
			failed=1
			podman pod rm -fa >/dev/null
			podman rm -fa -t 0 >/dev/null
		}
		assert_calls_explained || failed=1
		[ $failed = 0 ] || calls >&2
		umount -l "$T/podman/graph/overlay" 2>/dev/null || true
		# podman's own parent of cgroups, and one that it tries things out with: it makes them when they
		# are missing and never removes them.
		wait_until no_conmon || failed=1
		rmdir "$CGROUP/libpod_parent/conmon" "$CGROUP/libpod_parent" "$CGROUP/podman_probe" 2>/dev/null || true
		end_podman_pause
	fi
	return $failed
}
