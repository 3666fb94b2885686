#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# --explain prints the steps that the real run takes: compared with the rows traced from one.

load helpers

setup() {
	common_setup
	require hull_test
}

teardown() {
	[ -z "${HOLDER:-}" ] || kill -KILL "$HOLDER"
	common_teardown
}

# explained COMMAND OPTION...: "ROLE: row" for each row that isn't skipped.
explained() {
	hull "$1" --explain "${@:2}" "$ID" | grep -v '^-' |
		sed -E 's/^  ([A-Z]+) +/\1: /; s/ \((makes|to) [A-Z]+\)$//'
}

# same COMMAND OPTION...: what is explained is what is done.
same() {
	rm -f "$T/trace"
	explained "$@" >"$T/explained" || return
	HULL_TRACE=$T/trace attempt faulty "$@" "$ID"
	assert_status 0 || return
	[ "$1" != run ] || [ ! -e "$ROOT/$ID" ] || hull delete --force "$ID"
	[ "$1" != create ] || hull delete --force "$ID"
	# Of create only the rows of create can have happened.
	diff -u "$T/explained" "$T/trace" >&2
}

@test "--explain does nothing" {
	find "$T" -not -path "$T/attempt" -printf '%p %i %C@\n' | sort >/tmp/hull-explain.$$ 2>/dev/null
	hull create --explain "$ID" >/dev/null
	hull run --explain "$ID" >/dev/null
	find "$T" -not -path "$T/attempt" -printf '%p %i %C@\n' | sort | diff /tmp/hull-explain.$$ - >&2
	rm -f /tmp/hull-explain.$$
	assert_nothing_left
}

@test "--explain refuses what create refuses" {
	config '.process.cwd = "x"'
	run hull create --explain "$ID"
	assert_fails /process/cwd
}

@test "skipped rows are marked" {
	run hull create --explain "$ID"
	assert_status 0
	matches '^- [A-Z]+ +run prestart hooks'
	matches '^  [A-Z]+ +mount everything'
	config '.hooks.prestart = [{ path: "/bin/true" }]'
	run hull create --explain "$ID"
	matches '^  [A-Z]+ +run prestart hooks'
}

@test "what is explained is what is done, for many bundles, by run and by create" {
	local who expression n=0
	mkdir -p rootfs/home
	while read -r who expression; do
		is_caller "$who" || continue
		root_config | jq "$expression" | for_caller >config.json
		same run || {
			echo "run differs for: $expression" >&2
			return 1
		}
		same create || {
			echo "create differs for: $expression" >&2
			return 1
		}
		n=$((n + 1))
	done <<-'END'
		all .
		all .linux.namespaces += [{ type: "network" }]
		all .linux.namespaces += [{ type: "network", path: "/proc/self/ns/net" }]
		all .linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)
		all .linux.namespaces = [{ type: "mount" }] | del(.hostname)
		all .linux.namespaces = [{ type: "pid" }] | .mounts = [] | del(.hostname)
		all del(.linux) | .mounts = [] | del(.hostname)
		all .root.readonly = true
		all .linux.maskedPaths = ["/etc"]
		all .linux.readonlyPaths = ["/etc"]
		all .linux.sysctl = { "kernel.msgmax": "9000" }
		all .process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }]
		all .process.oomScoreAdj = 500
		all .process.noNewPrivileges = false
		all .process.scheduler = { policy: "SCHED_BATCH" }
		all .process.ioPriority = { class: "IOPRIO_CLASS_IDLE" }
		root .process.scheduler = { policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 100000000 } | .hooks = { startContainer: [{ path: "/bin/true" }] }
		all .linux.memoryPolicy = { mode: "MPOL_LOCAL" }
		all .process.user = { uid: 1000, gid: 1000 } | .process.env += ["HOME=/"]
		all .linux.personality = { domain: "LINUX32" }
		all .hooks = { prestart: [{ path: "/bin/true" }] }
		all .hooks = { createRuntime: [{ path: "/bin/true" }] }
		all .hooks = { createContainer: [{ path: "/bin/true" }] }
		all .hooks = { startContainer: [{ path: "/bin/true" }], poststart: [{ path: "/bin/true" }] }
		all .hooks = { poststop: [{ path: "/bin/true" }] }
		all .linux.resources.devices = [{ allow: false, access: "rwm" }]
		all .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["chmod"], action: "SCMP_ACT_ERRNO" }] }
		all .domainname = "x" | del(.hostname)
		all .mounts += [{ destination: "/tmp", type: "tmpfs", source: "x", options: ["tmpcopyup"] }]
		all .linux.rootfsPropagation = "shared"
		all .linux.namespaces += [{ type: "time" }]
		all .linux.namespaces += [{ type: "time" }] | .linux.timeOffsets.boottime.secs = 5
		uid0 .linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }] | .linux.gidMappings = .linux.uidMappings
		uid0 .linux.namespaces += [{ type: "user" }, { type: "time" }] | .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }] | .linux.gidMappings = .linux.uidMappings
		root .mounts += [{ destination: "/mnt", source: "rootfs/home", options: ["bind"] } | .uidMappings = [{ containerID: 0, hostID: 9, size: 5 }] | .gidMappings = .uidMappings]
		uid0 .mounts += [{ destination: "/mnt", type: "tmpfs", options: ["idmap"] } | .uidMappings = [{ containerID: 0, hostID: 9, size: 5 }] | .gidMappings = .uidMappings]
		all .linux.namespaces += [{ type: "time" }] | .process.oomScoreAdj = 500
	END
	echo "# $n bundles" >&3
}

@test "the same with options of the command line" {
	same run --no-pivot
	same run --no-new-keyring
	same create --pid-file "$T/pid"
	config 'del(.process)'
	same create
	NOTIFY_SOCKET=$T/none same create
}

# bats test_tags=uid0
@test "the same with an interface that moves" {
	# In a network namespace of the test's own: the host's interfaces are not for trying.
	env -u HULL_TEST_MARK unshare -n sleep 600 >/dev/null 2>&1 3>&- &
	local holder=$!
	HOLDER=$holder
	wait_until grep -qx sleep "/proc/$holder/comm"
	hull() { nsenter -n -t "$holder" "$HULL" --root "$ROOT" "$@"; }
	faulty() { nsenter -n -t "$holder" "$HULL_TEST" --root "$ROOT" "$@"; }
	config '.linux.namespaces += [{ type: "network" }] | .linux.netDevices = { v0: {} }'
	for command in run create; do
		nsenter -n -t "$holder" ip link add v0 type veth peer name v1
		same $command
		wait_until no_link "$holder" v1
	done
	unset -f hull
	hull() { "$HULL" --root "$ROOT" "$@"; }
}

no_link() { ! nsenter -n -t "$1" ip link show "$2" >/dev/null 2>&1; }
