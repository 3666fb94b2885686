#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# verify for callers without the host's root: what they may see of their own containers is compared,
# what they may not is told as unchecked, and nothing is taken for a difference by mistake.

# bats file_tags=everyone
load helpers

setup() {
	common_setup
	mkdir -p source/sub
	config '.root.readonly = true
		| .linux.namespaces += [{ type: "network" }]
		| .linux.sysctl = { "net.ipv4.ip_forward": "1" }
		| .linux.maskedPaths = ["/proc/keys", "/etc/passwd", "/no/such"]
		| .linux.readonlyPaths = ["/proc/sys"]
		| .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]
		| .process.oomScoreAdj = 500
		| .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
			syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	mount_entry /mnt bind source rbind ro nosuid
	mount_entry /tmp tmpfs tmpfs nosuid nodev noexec size=1m mode=1770
	probe wait-signal
	create_logged
}

# verify_says STATUS LINE...
verify_says() {
	local line
	run hull verify "$ID"
	assert_status "$1"
	shift
	for line; do matches "$line"; done
}

asked() {
	jq "$@" <"$ROOT/$ID/config.json" >"$T/asked"
	cat "$T/asked" >"$ROOT/$ID/config.json"
}

@test "a container as asked verifies clean: created, running, paused; as each caller" {
	verify_says 0 '^unchecked: /process/user: '
	lacks_match '^(differs|less|own):'
	start
	wait_until out_has waiting
	verify_says 0
	lacks_match '^(differs|less|own):'
	lacks "can't be looked at" "can't be joined"
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused "$ID"
	verify_says 0
	lacks_match '^(differs|less|own):'
	echo 0 >"$(cgroup_of)/cgroup.freeze"
}

# bats test_tags=vm
@test "what is other than asked, or was changed from outside, is seen" {
	local pid
	start
	wait_until out_has waiting
	pid=$(pid_of)
	nsenter $USER_NS -t "$pid" -m -p -- umount /etc/passwd
	nsenter $USER_NS -t "$pid" -m -p -- mount -o remount,bind,nosuid,nodev,exec /tmp
	nsenter $USER_NS -t "$pid" -u hostname other
	prlimit --pid "$pid" --nofile=50:150
	verify_says 1 "^differs: /linux/maskedPaths/1: " "^differs: /mounts/4/options: mount at '/tmp': expected noexec" \
		'^differs: /hostname: hostname: expected box, found other' '^less: /process/rlimits/0/hard: '
	asked '.process.rlimits[0].hard = 120 | .process.user.uid = 7 | .process.oomScoreAdj = 600 | .linux.sysctl["net.ipv4.ip_forward"] = "0"
		| .linux.seccomp.syscalls[0].names = ["mknodat"]
		| .process.capabilities |= map_values(map(select(. != "CAP_KILL")))'
	verify_says 1 '^differs: /process/rlimits/0/hard: ' '^differs: /process/user/uid: ' '/process/oomScoreAdj: ' \
		'^differs: /linux/sysctl/net.ipv4.ip_forward: ' '^differs: /process/capabilities/bounding: .*more by CAP_KILL' \
		'^differs: /linux/seccomp: stored filter: '
}

@test "--trace: who may not be shown the filter is told so, and nothing is taken for a difference" {
	start
	wait_until out_has waiting
	run hull verify --trace "$ID"
	assert_status 0
	lacks_match '^(differs|less|own):'
	is_root_of_host || matches "^unchecked: /linux/seccomp: .*CAP_SYS_ADMIN"
	! is_root_of_host || lacks /linux/seccomp
	grep -q '^TracerPid:	0$' "/proc/$(pid_of)/status"
}
