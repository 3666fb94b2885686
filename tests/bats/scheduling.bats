#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone,vm
#
# Where and when the container's process runs: scheduling policy, I/O priority, CPU affinity, memory
# policy. Each is seen from inside, as the kernel tells it; what is refused is refused by check as
# well, and leaves nothing. CAP_SYS_NICE counts in the initial user namespace only, so others than root
# lower what they have, and raise nothing.

load helpers

have_cap_sys_nice() { chrt -f 1 true 2>/dev/null; }
have_numa() { [ -e /sys/devices/system/node/has_memory ]; }
# The first node that the tests themselves may use: a cpuset may keep them from others.
own_node() { sed -n 's/^Mems_allowed_list:\t\([0-9]*\).*/\1/p' /proc/self/status; }

# scheduler JSON: process.scheduler.
scheduler() {
	config --argjson s "$1" '.process.scheduler = $s'
}

memory() {
	config --argjson m "$1" '.linux.memoryPolicy = $m'
}

# refused TEXT...: by create and by check, before anything is made.
refused() {
	attempt hull create "$ID"
	assert_fails "$@" || return
	assert_nothing_left || return
	run hull check "$BUNDLE"
	assert_fails "$@"
}

# bats test_tags=real_root
@test "each scheduling policy is what the process has" {
	require cap_sys_nice
	scheduler '{ "policy": "SCHED_OTHER", "nice": 7 }'
	ask scheduler
	has policy=OTHER nice=7 priority=0 flags=0
	scheduler '{ "policy": "SCHED_OTHER", "nice": -11 }'
	ask scheduler
	has policy=OTHER nice=-11
	scheduler '{ "policy": "SCHED_BATCH", "nice": 3 }'
	ask scheduler
	has policy=BATCH nice=3
	scheduler '{ "policy": "SCHED_IDLE" }'
	ask scheduler
	has policy=IDLE
	scheduler '{ "policy": "SCHED_FIFO", "priority": 5 }'
	ask scheduler
	has policy=FIFO priority=5
	scheduler '{ "policy": "SCHED_RR", "priority": 99 }'
	ask scheduler
	has policy=RR priority=99
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000, "period": 20000000 }'
	ask scheduler
	has policy=DEADLINE deadline=2000000:10000000:20000000
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000 }'
	ask scheduler
	has policy=DEADLINE deadline=2000000:10000000:10000000
}

@test "everybody may lower his own: policy, nice value and I/O priority, in run, create and exec" {
	scheduler '{ "policy": "SCHED_BATCH", "nice": 3 }'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 7 }'
	ask scheduler
	has policy=BATCH nice=3 ioprio=2:7
	scheduler '{ "policy": "SCHED_IDLE" }'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_IDLE" }
		| .hooks = { startContainer: [{ path: "/bin/true" }] }'
	ask scheduler
	has policy=IDLE ioprio=3:0
	probe wait-signal
	create
	start
	run hull exec "$ID" /bin/probe scheduler
	has policy=IDLE ioprio=3:0
}

@test "a policy that no kernel of this host has is refused" {
	scheduler '{ "policy": "SCHED_ISO" }'
	refused /process/scheduler/policy SCHED_ISO
}

# bats test_tags=real_root
@test "the flags of the scheduler" {
	require cap_sys_nice
	scheduler '{ "policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"] }'
	# a child has it no more (this isn't the shell itself: more follows)
	shell '/bin/probe scheduler; true'
	inside
	has policy=OTHER flags=0
	ask scheduler
	has policy=FIFO flags=0x1 priority=3
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000,
		"flags": ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"] }'
	ask scheduler
	has policy=DEADLINE flags=0x6
	# kept are the caller's
	scheduler '{ "policy": "SCHED_FIFO", "nice": 4, "flags": ["SCHED_FLAG_KEEP_POLICY"] }'
	probe scheduler
	run chrt -b 0 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has policy=BATCH nice=4
	scheduler '{ "policy": "SCHED_OTHER", "nice": 4, "flags": ["SCHED_FLAG_KEEP_PARAMS"] }'
	run nice -n 9 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has policy=OTHER nice=9
	scheduler '{ "policy": "SCHED_FIFO", "priority": 2,
		"flags": ["SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS"] }'
	run chrt -r 7 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has policy=RR priority=7
}

# bats test_tags=real_root
@test "utilization clamps: taken, or refused by a kernel without them" {
	require cap_sys_nice
	local flag
	probe scheduler
	for flag in SCHED_FLAG_UTIL_CLAMP_MIN SCHED_FLAG_UTIL_CLAMP_MAX; do
		scheduler "{ \"policy\": \"SCHED_OTHER\", \"flags\": [\"$flag\"] }"
		run_container
		# The file is there exactly with CONFIG_UCLAMP_TASK.
		if [ -e /proc/sys/kernel/sched_util_clamp_min ]; then
			assert_status 0
			has policy=OTHER
		else
			assert_fails /process/scheduler CONFIG_UCLAMP_TASK "not supported"
		fi
		assert_nothing_left
	done
}

# bats test_tags=real_root
@test "without a scheduler the caller's policy, nice value and I/O priority are kept" {
	require cap_sys_nice
	probe scheduler
	run chrt -b 0 nice -n 6 ionice -c 2 -n 1 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has policy=BATCH nice=6 ioprio=2:1
	# An empty scheduler's nice value is 0, and policy is what it says.
	scheduler '{ "policy": "SCHED_OTHER" }'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 4 }'
	run chrt -b 0 nice -n 6 ionice -c 2 -n 1 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has policy=OTHER nice=0 ioprio=2:4
}

# bats test_tags=real_root
@test "a created container has its policy already, and keeps it through start" {
	require cap_sys_nice
	local pid
	scheduler '{ "policy": "SCHED_RR", "priority": 4 }'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_IDLE" }'
	probe scheduler + sleep 1000
	create_logged
	pid=$(pid_of)
	run chrt -p "$pid"
	has_text SCHED_RR "priority: 4"
	run ionice -p "$pid"
	has_text idle
	start
	wait_until out_has policy=RR
	assert_equal "$(chrt -p "$pid" | sed -n 's/.*priority: //p')" 4
	# What enters later by fork has it too.
	hull kill "$ID" KILL
	wait_status stopped "$ID"
}

# bats test_tags=real_root
@test "I/O priority: each class, its levels, and what is none" {
	require cap_sys_nice
	config '.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 7 }'
	ask scheduler
	has ioprio=2:7
	config '.process.ioPriority = { class: "IOPRIO_CLASS_RT", priority: 0 }'
	ask scheduler
	has ioprio=1:0
	config '.process.ioPriority = { class: "IOPRIO_CLASS_IDLE", priority: 0 }'
	ask scheduler
	matches '^ioprio=3:'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 8 }'
	refused /process/ioPriority/priority 0..7
	config '.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: -1 }'
	refused /process/ioPriority/priority 0..7
	config '.process.ioPriority = { class: "IOPRIO_CLASS_NONE", priority: 0 }'
	refused /process/ioPriority/class
}

# bats test_tags=real_root
@test "startContainer hooks run under SCHED_DEADLINE, which forbids to fork" {
	require cap_sys_nice
	config '.hooks.startContainer = [{ path: "/bin/probe", args: ["probe", "scheduler", "+", "caps"] }]'
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000 }'
	ask scheduler + caps
	has policy=DEADLINE
	run hull run --explain "$ID"
	matches '^- PARENT  set scheduling and I/O priority'
	matches '^  INIT    set its own scheduling and I/O priority'
	# by create and start too, and INIT keeps CAP_SYS_NICE for this alone
	probe scheduler + sleep 1000
	create
	assert_equal "$(awk '/^CapPrm/ { print $2 }' "/proc/$(pid_of)/status" | sed 's/.*/0x&/' | xargs printf '%d\n' |
		awk '{ print int($1 / 2 ^ 23) % 2 }')" 1
	start
	assert_equal "$(awk '/^CapPrm/ { print $2 }' "/proc/$(pid_of)/status" | sed 's/.*/0x&/' | xargs printf '%d\n' |
		awk '{ print int($1 / 2 ^ 23) % 2 }')" 0
	chrt -p "$(pid_of)" | grep SCHED_DEADLINE
	hull delete --force "$ID"
	# With the flag it is PARENT's business again.
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000,
		"flags": ["SCHED_FLAG_RESET_ON_FORK"] }'
	run hull run --explain "$ID"
	matches '^  PARENT  set scheduling and I/O priority'
	ask scheduler
	has policy=DEADLINE flags=0x1
}

# bats test_tags=real_root
@test "deadline, period and time that the CPUs haven't got: the error says so" {
	require cap_sys_nice
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 1000000000, "deadline": 1000000000 }'
	# All of every CPU is more than the kernel gives away.
	local n
	for n in $(seq 2 "$(nproc)"); do
		create "$ID$n"
	done
	attempt hull create "$ID"
	assert_fails /process/scheduler "not that much time left" busy
	for n in $(seq 2 "$(nproc)"); do
		hull delete --force "$ID$n"
	done
	assert_nothing_left
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 1024, "deadline": 1024 }'
	attempt hull create "$ID"
	assert_fails /process/scheduler sched_deadline_period_min_us
	assert_nothing_left
}

# Only root has it to begin with.
# bats test_tags=real_root
@test "without CAP_SYS_NICE the error names it, and what else would do" {
	require setpriv cap_sys_nice
	local drop=(setpriv --bounding-set -sys_nice --inh-caps -sys_nice)
	probe scheduler
	scheduler '{ "policy": "SCHED_FIFO", "priority": 5 }'
	run "${drop[@]}" sh -c 'ulimit -r 0; exec "$@"' sh "$HULL" --root "$ROOT" run "$ID"
	assert_fails /process/scheduler CAP_SYS_NICE "RLIMIT_RTPRIO of at least 5" "not permitted"
	assert_nothing_left
	scheduler '{ "policy": "SCHED_OTHER", "nice": -5 }'
	run "${drop[@]}" sh -c 'ulimit -e 0; exec "$@"' sh "$HULL" --root "$ROOT" run "$ID"
	assert_fails /process/scheduler CAP_SYS_NICE "RLIMIT_NICE of at least 25" "not permitted"
	config 'del(.process.scheduler) | .process.ioPriority = { class: "IOPRIO_CLASS_RT", priority: 1 }'
	run "${drop[@]}" "$HULL" --root "$ROOT" run "$ID"
	assert_fails /process/ioPriority CAP_SYS_NICE "not permitted"
	# What needs no right works without it.
	scheduler '{ "policy": "SCHED_BATCH", "nice": 5 }'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_IDLE" }'
	run "${drop[@]}" "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has policy=BATCH nice=5
	matches '^ioprio=3:'
}

@test "the caller's affinity is not inherited" {
	probe scheduling + cat /proc/self/status
	run taskset 1 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	matches "^affinity=$(nproc):"
	has "Cpus_allowed_list:	$(cat /sys/devices/system/cpu/online)"
	# nor where namespaces are joined by path, nor by an odd mask
	config '.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)'
	run taskset -c "$(($(nproc) - 1))" "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	matches "^affinity=$(nproc):"
}

@test "each memory policy is what the process has" {
	require numa
	local node mode
	node=$(own_node)
	for mode in BIND INTERLEAVE PREFERRED PREFERRED_MANY WEIGHTED_INTERLEAVE; do
		memory "{ \"mode\": \"MPOL_$mode\", \"nodes\": \"$node\" }"
		ask mempolicy
		has "mode=$mode" "nodes= $node"
	done
	memory '{ "mode": "MPOL_LOCAL" }'
	ask mempolicy
	has mode=LOCAL nodes=
	memory '{ "mode": "MPOL_PREFERRED" }'
	ask mempolicy
	has mode=LOCAL nodes=
	memory '{ "mode": "MPOL_DEFAULT" }'
	ask mempolicy
	has mode=DEFAULT nodes=
}

@test "the flags of the memory policy" {
	require numa
	local node
	node=$(own_node)
	memory "{ \"mode\": \"MPOL_BIND\", \"nodes\": \"$node\", \"flags\": [\"MPOL_F_STATIC_NODES\"] }"
	ask mempolicy
	has "mode=BIND STATIC_NODES" "nodes= $node"
	# relative numbers count the allowed nodes, so any do
	memory '{ "mode": "MPOL_INTERLEAVE", "nodes": "0,5", "flags": ["MPOL_F_RELATIVE_NODES"] }'
	ask mempolicy
	has "mode=INTERLEAVE RELATIVE_NODES" "nodes= 0 5"
	memory "{ \"mode\": \"MPOL_BIND\", \"nodes\": \"$node\", \"flags\": [\"MPOL_F_NUMA_BALANCING\"] }"
	ask mempolicy
	matches '^mode=BIND NUMA_BALANCING'
	memory "{ \"mode\": \"MPOL_BIND\", \"nodes\": \"$node\",
		\"flags\": [\"MPOL_F_NUMA_BALANCING\", \"MPOL_F_STATIC_NODES\"] }"
	ask mempolicy
	matches '^mode=BIND NUMA_BALANCING STATIC_NODES'
}

@test "the memory policy is there after create and start, and hull's own is the caller's again" {
	require numa
	memory "{ \"mode\": \"MPOL_INTERLEAVE\", \"nodes\": \"$(own_node)\" }"
	# This hook is hull's child: it has what hull has.
	config --arg p "$PROBE" --arg out "$T/hook" '.hooks.createRuntime = [{ path: "/bin/sh",
		args: ["sh", "-c", "\($p) mempolicy >\($out)"] }]'
	probe mempolicy + sleep 1000
	create_logged
	start
	wait_until out_has mode=INTERLEAVE
	grep -qx mode=DEFAULT "$T/hook"
	hull delete --force "$ID"
}

@test "a memory node that isn't there is refused" {
	require numa
	memory '{ "mode": "MPOL_BIND", "nodes": "0,1000" }'
	refused /linux/memoryPolicy/nodes "node 1000" "only at"
	memory '{ "mode": "MPOL_BIND", "nodes": "8192" }'
	refused /linux/memoryPolicy/nodes 8191
}

@test "personality LINUX32 is what uname says inside, LINUX what the host has" {
	shell 'uname -m'
	ln -s busybox rootfs/bin/uname
	config '.linux.personality = { domain: "LINUX32" }'
	inside
	assert_equal "$output" "$(setarch linux32 uname -m)"
	[ "$output" != "$(uname -m)" ] || [ "$(uname -m)" = "$(setarch linux32 uname -m)" ]
	# the caller's is not kept when the config names one
	config '.linux.personality = { domain: "LINUX" }'
	run setarch linux32 "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	assert_equal "$output" "$(uname -m)"
	config 'del(.linux.personality)'
	run setarch linux32 "$HULL" --root "$ROOT" run "$ID"
	assert_equal "$output" "$(setarch linux32 uname -m)"
}

# --- exec ---

# A container whose process does nothing for as long as the test runs.
running() {
	probe sleep 1000
	create
	start
}

# process JSON: the file for exec --process, what is given on top of the container's own.
process() {
	jq --argjson more "$1" '.process + $more' <"$BUNDLE/config.json" >"$T/process.json"
}

executed() {
	attempt timeout --foreground -k 5 30 "$HULL" --root "$ROOT" exec "$@"
}

# cpus PID: where it may run.
cpus() {
	sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$1/status"
}

@test "an exec'd process is on the CPUs of execCPUAffinity.final, else on all of the cpuset" {
	local all last
	all=$(cat /sys/devices/system/cpu/online)
	last=$(($(nproc) - 1))
	running
	process '{ "args": ["/bin/probe", "cat", "/proc/self/status"] }'
	executed -p "$T/process.json" "$ID"
	has "Cpus_allowed_list:	$all"
	process "{ \"args\": [\"/bin/probe\", \"cat\", \"/proc/self/status\"],
		\"execCPUAffinity\": { \"final\": \"$last\" } }"
	executed -p "$T/process.json" "$ID"
	assert_status 0
	has "Cpus_allowed_list:	$last"
	# neither the caller's nor the initial one stays
	process '{ "args": ["/bin/probe", "cat", "/proc/self/status"], "execCPUAffinity": { "initial": "0" } }'
	attempt taskset -c 0 "$HULL" --root "$ROOT" exec -p "$T/process.json" "$ID"
	assert_status 0
	has "Cpus_allowed_list:	$all"
	# the container's own process isn't concerned
	assert_equal "$(cpus "$(pid_of)")" "$all"
}

@test "execCPUAffinity of config.json is for what is exec'd without a process of its own" {
	local last
	last=$(($(nproc) - 1))
	config --arg c "$last" '.process.execCPUAffinity = { final: $c }'
	running
	assert_equal "$(cpus "$(pid_of)")" "$(cat /sys/devices/system/cpu/online)"
	executed "$ID" /bin/probe cat /proc/self/status
	assert_status 0
	has "Cpus_allowed_list:	$last"
}

@test "execCPUAffinity.initial is where hull forks, before anything of it is in the container" {
	require hull_test
	local last hull
	last=$(($(nproc) - 1))
	running
	process "{ \"args\": [\"/bin/true\"], \"execCPUAffinity\": { \"initial\": \"$last\", \"final\": \"0\" } }"
	HULL_FAULT="fork to join namespaces:stop-parent" "$HULL_TEST" --root "$ROOT" exec -p "$T/process.json" \
		"$ID" >"$T/exec" 2>&1 </dev/null 3>&- &
	hull=$!
	wait_until grep -q '^State:.T' "/proc/$hull/status"
	assert_equal "$(cpus $hull)" "$last"
	kill -CONT $hull
	ended $hull
	assert_status 0
}

@test "CPUs that aren't online, and lists that are none, are refused before anything runs" {
	running
	process '{ "args": ["/bin/true"], "execCPUAffinity": { "initial": "0,8000" } }'
	executed -p "$T/process.json" "$ID"
	assert_equal "$status" 255
	has_text /process/execCPUAffinity/initial "CPU 8000 is not online"
	process '{ "args": ["/bin/true"], "execCPUAffinity": { "final": "7000-7001" } }'
	executed -p "$T/process.json" "$ID"
	has_text /process/execCPUAffinity/final "CPU 7000 is not online"
	process '{ "args": ["/bin/true"], "execCPUAffinity": { "final": "0-" } }'
	executed -p "$T/process.json" "$ID"
	has_text /execCPUAffinity/final "neither a number"
	process '{ "args": ["/bin/true"], "execCPUAffinity": { "final": "1-0" } }'
	executed -p "$T/process.json" "$ID"
	has_text /execCPUAffinity/final backwards
}

# bats test_tags=real_root
@test "an exec'd process has its own scheduler and I/O priority, and the container's memory policy" {
	require cap_sys_nice numa
	config '.hooks.startContainer = [{ path: "/bin/true" }]'
	memory '{ "mode": "MPOL_INTERLEAVE", "nodes": "0" }'
	scheduler '{ "policy": "SCHED_BATCH", "nice": 2 }'
	running
	executed "$ID" /bin/probe scheduler + mempolicy
	assert_status 0
	has policy=BATCH nice=2 mode=INTERLEAVE
	process '{ "args": ["/bin/probe", "scheduler"], "ioPriority": { "class": "IOPRIO_CLASS_BE", "priority": 6 },
		"scheduler": { "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000 } }'
	# also for a caller that is bound to one CPU itself
	attempt taskset -c 0 "$HULL" --root "$ROOT" exec -p "$T/process.json" "$ID"
	assert_status 0
	has policy=DEADLINE ioprio=2:6
	process '{ "args": ["/bin/probe", "scheduler"], "execCPUAffinity": { "final": "0" },
		"scheduler": { "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000 } }'
	executed -p "$T/process.json" "$ID"
	assert_equal "$status" 255
	has_text /process/execCPUAffinity/final SCHED_DEADLINE
}

# --- a user namespace ---

# Ids of the host that nobody has.
user_namespace() {
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]'
	chmod 755 "$T" "$BUNDLE"
}

# bats test_tags=real_root
@test "in a new user namespace PARENT gives what INIT has no right to" {
	require cap_sys_nice
	user_namespace
	scheduler '{ "policy": "SCHED_RR", "priority": 4 }'
	config '.process.ioPriority = { class: "IOPRIO_CLASS_RT", priority: 2 }'
	ask scheduler + ids
	has policy=RR priority=4 ioprio=1:2
	scheduler '{ "policy": "SCHED_OTHER", "nice": -7 }'
	ask scheduler
	has policy=OTHER nice=-7
	scheduler '{ "policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 10000000 }'
	ask scheduler
	has policy=DEADLINE
	config '.hooks.startContainer = [{ path: "/bin/true" }]'
	refused /process/scheduler/policy SCHED_FLAG_RESET_ON_FORK
}
