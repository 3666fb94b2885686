#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.sysctl: what belongs to a namespace of the container can be set, all else is refused.
# bats file_tags=everyone

load helpers

sysctl() {
	config --arg k "$1" --arg v "$2" '.linux.sysctl = { ($k): $v }'
}

# The value is what the host has, so that a refusal that fails to come changes nothing.
refused() {
	sysctl "$1" "$(cat "/proc/sys/${1//.//}" 2>/dev/null || echo 1)"
	run_container
	assert_fails /linux/sysctl/ "${1//\//\~1}"
}

@test "net.* is set in a new network namespace, and the host keeps its own" {
	local before
	before=$(cat /proc/sys/net/ipv4/ip_forward)
	config '.linux.namespaces += [{ type: "network" }]'
	sysctl net.ipv4.ip_forward 1
	ask cat /proc/sys/net/ipv4/ip_forward
	assert_equal "$output" 1
	assert_equal "$(cat /proc/sys/net/ipv4/ip_forward)" "$before"
}

@test "a key may be written with slashes, and a value may hold blanks" {
	config '.linux.namespaces += [{ type: "network" }] | .linux.sysctl = {
		"net/ipv4/ping_group_range": "5 6", "net.ipv4.ip_local_port_range": "10000 20000" }'
	ask cat /proc/sys/net/ipv4/ping_group_range + cat /proc/sys/net/ipv4/ip_local_port_range
	assert_equal "$(tr '\t' ' ' <<<"$output")" "5 6
10000 20000"
}

@test "the IPC keys are set in a new ipc namespace" {
	config '.linux.sysctl = { "kernel.msgmax": "9000", "kernel.msgmnb": "9001", "kernel.msgmni": "9002",
		"kernel.sem": "250 32000 100 1280", "kernel.shmall": "12345", "kernel.shmmax": "1234567",
		"kernel.shmmni": "4095", "fs.mqueue.msg_max": "11" }'
	ask cat /proc/sys/kernel/msgmax + cat /proc/sys/kernel/shmmax + cat /proc/sys/fs/mqueue/msg_max
	assert_equal "$output" "9000
1234567
11"
	[ "$(cat /proc/sys/kernel/msgmax)" != 9000 ]
}

@test "net.* needs a network namespace of the container's own" {
	refused net.ipv4.ip_forward
	config '.linux.namespaces += [{ type: "network", path: "/proc/self/ns/net" }]'
	refused /linux/sysctl
}

@test "IPC keys need an ipc namespace" {
	config '.linux.namespaces -= [{ type: "ipc" }]'
	refused kernel.msgmax
}

# bats test_tags=uid0
@test "keys of the whole host are refused" {
	local key
	for key in vm.swappiness kernel.panic fs.file-max kernel.core_pattern kernel.hostname user.max_user_namespaces; do
		refused $key
	done
	assert_nothing_left
}

@test "a key that leaves /proc/sys is refused" {
	config '.linux.namespaces += [{ type: "network" }]'
	refused net/../kernel/panic
	refused net..ipv4
	refused net.ipv4./../../../sysrq-trigger
}

@test "kernel.domainname is set, unless it differs from domainname" {
	sysctl kernel.domainname inner.example
	ask names
	has domainname=inner.example
	config '.domainname = "other.example"'
	run_container
	assert_fails kernel.domainname
}

@test "an unknown key and a refused value name key and file" {
	config '.linux.namespaces += [{ type: "network" }]'
	sysctl net.no.such 1
	run_container
	assert_fails net.no.such "no such file"
	sysctl net.ipv4.ip_forward nonsense
	run_container
	assert_fails net.ipv4.ip_forward "invalid argument"
	assert_nothing_left
}

# bats test_tags=real_root
@test "a read-only /proc/sys comes after the sysctls" {
	config '.linux.namespaces += [{ type: "network" }] | .linux.readonlyPaths = ["/proc/sys"]'
	sysctl net.ipv4.ip_forward 1
	ask cat /proc/sys/net/ipv4/ip_forward + open /proc/sys/net/ipv4/ip_forward w
	has 1 "open /proc/sys/net/ipv4/ip_forward w: EROFS"
}

# bats test_tags=uid0
@test "sysctls are set though the container mounts no proc" {
	config '.linux.namespaces += [{ type: "network" }] | .mounts |= map(select(.type != "proc"))
		| .hooks.startContainer = []'
	sysctl net.ipv4.ip_unprivileged_port_start 1234
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	assert_equal "$(nsenter -n -t "$(pid_of)" cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 1234
}
