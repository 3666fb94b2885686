#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull update: limits of a living container, all that is asked for or nothing, kept for the next time.

load helpers

setup() {
	common_setup
	require cgroup2
}

teardown() {
	[ ! -e "$ROOT/$ID/state.json" ] || thaw || true
	[ ! -d "$CGROUP/$ID-mine" ] || rmdir "$CGROUP/$ID-mine/b" "$CGROUP/$ID-mine" 2>/dev/null || true
	common_teardown
}

resources() {
	config --argjson r "$1" '.linux.resources = $r'
}

# update JSON: with --resources -; $status and $output.
update() {
	attempt_input "$1" hull update --resources - "$ID"
}

attempt_input() {
	status=0
	"${@:2}" >"$T/attempt" 2>&1 <<<"$1" || status=$?
	output=$(tr -d '\0' <"$T/attempt")
}

updated() {
	update "$1"
	assert_status 0
}

files() {
	while [ $# -gt 0 ]; do
		assert_equal "$1: $(cat "$(cgroup_of)/$1")" "$1: $2"
		shift 2
	done
}

have_controllers() { grep -qw memory "$CGROUP/cgroup.controllers"; }
thaw() { echo 0 >"$(cgroup_of)/cgroup.freeze"; }
frozen() { grep -qx 'frozen 1' "$(cgroup_of)/cgroup.events"; }

# running: a container that waits for a signal.
running() {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
}

# bats test_tags=vm
@test "limits change in created, running and paused containers, and stopped ones are refused" {
	require hugetlb
	probe wait-signal
	create_logged
	updated '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }] }'
	files hugetlb.2MB.max 2097152 hugetlb.2MB.rsvd.max 2097152
	start
	wait_until out_has waiting
	updated '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }] }'
	files hugetlb.2MB.max 4194304 hugetlb.2MB.rsvd.max 4194304
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_until frozen
	updated '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 6291456 }] }'
	files hugetlb.2MB.max 6291456
	assert_equal "$(status_of)" paused
	echo 0 >"$(cgroup_of)/cgroup.freeze"
	hull kill "$ID" KILL
	wait_status stopped
	update '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }] }'
	assert_fails "container not running (it is stopped)"
	hull delete "$ID"
	assert_no_state
}

# bats test_tags=vm
@test "a refused value leaves all as it was, in the kernel and in what is kept" {
	require hugetlb
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }] }'
	running
	updated '{ "unified": { "cgroup.max.depth": "9" } }'
	local kept
	kept=$(cat "$ROOT/$ID/updated.json")
	update '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }],
		"unified": { "cgroup.max.depth": "3", "cgroup.max.descendants": "4", "hugetlb.1GB.max": "some" } }'
	assert_fails "update '$ID': /linux/resources/unified/hugetlb.1GB.max: write 'some'"
	files hugetlb.2MB.max 2097152 hugetlb.2MB.rsvd.max 2097152 cgroup.max.depth 9 cgroup.max.descendants max
	assert_equal "$(cat "$ROOT/$ID/updated.json")" "$kept"
	assert_equal "$(cd "$ROOT/$ID" && echo .*updated*)" ".*updated*"
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "a signal that asks to end half-way leaves all as it was" {
	require hugetlb
	require strace
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }] }'
	running
	attempt_input '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }] }' \
		strace -qq -o "$T/trace" -e trace=write -P "$(cgroup_of)/hugetlb.2MB.max" -e inject=write:signal=TERM:when=1 \
		"$HULL" --root "$ROOT" update --resources - "$ID"
	grep -q 'write.*4194304' "$T/trace"
	assert_equal "$status" 1
	has_text "hull was asked to end by signal 15"
	files hugetlb.2MB.max 2097152 hugetlb.2MB.rsvd.max 2097152
	[ ! -e "$ROOT/$ID/updated.json" ]
	hull delete --force "$ID"
}

# bats test_tags=vm,cgroupfs
@test "a container that goes away half-way is told as not running, not as a limit that is refused" {
	require hugetlb
	require strace
	local tracer
	running
	strace -qq -o "$T/trace" -e trace=read -P "$(cgroup_of)/hugetlb.2MB.max" \
		-e inject=read:signal=STOP:when=1 "$HULL" --root "$ROOT" update --resources - "$ID" >"$T/update" 2>&1 \
		<<<'{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }] }' &
	tracer=$!
	wait_until grep -qs "stopped by SIGSTOP" "$T/trace"
	hull kill "$ID" KILL
	wait_status stopped
	rmdir "$(cgroup_of)"
	kill -CONT "$(pgrep -P "$tracer")"
	status=0
	wait "$tracer" || status=$?
	output=$(cat "$T/update")
	assert_fails "/linux/resources/hugepageLimits/0: container not running: its cgroup is gone"
	hull delete "$ID"
	assert_no_state
}

# bats test_tags=vm
@test "what can't be kept isn't changed" {
	require hugetlb
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }] }'
	running
	# What stands in the way can't be removed as a file.
	mkdir "$ROOT/$ID/..updated.json.prepared.new" "$ROOT/$ID/..updated.json.prepared.new/x"
	update '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }] }'
	assert_fails "keep the new limits"
	files hugetlb.2MB.max 2097152 hugetlb.2MB.rsvd.max 2097152
	rm -r "$ROOT/$ID/..updated.json.prepared.new"
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "what isn't named stays, and each update starts from the one before" {
	require hugetlb
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 2097152 }], "unified": { "cgroup.max.depth": "9" } }'
	running
	updated '{ "hugepageLimits": [{ "pageSize": "1GB", "limit": 1073741824 }] }'
	# By somebody else: no business of an update that doesn't name it.
	echo 8 >"$(cgroup_of)/cgroup.max.depth"
	updated '{ "unified": { "cgroup.max.descendants": "5" } }'
	files hugetlb.2MB.max 2097152 hugetlb.1GB.max 1073741824 cgroup.max.depth 8 cgroup.max.descendants 5
	assert_equal "$(jq -c '.linux.resources | [(.hugepageLimits | map(.pageSize)), .unified]' "$ROOT/$ID/updated.json")" \
		'[["2MB","1GB"],{"cgroup.max.depth":"9","cgroup.max.descendants":"5"}]'
	# What is named is written although it was asked for before.
	updated '{ "unified": { "cgroup.max.depth": "9" } }'
	files cgroup.max.depth 9
	# And a contradiction with an earlier update is one.
	update '{ "unified": { "hugetlb.1GB.max": "0" } }'
	assert_fails "'0' contradicts /linux/resources/hugepageLimits/1"
	hull delete --force "$ID"
}

# bats test_tags=managers
@test "device rules are replaced as a whole, and come back when something else is refused" {
	require fuse
	resources '{ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }] }'
	config '.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }]'
	running
	attempt hull exec "$ID" /bin/probe open /dev/fuse rw
	local allowed=$output
	lacks EPERM
	updated '{ "devices": [{ "allow": false, "access": "rwm" }] }'
	attempt hull exec "$ID" /bin/probe open /dev/fuse rw
	has_text EPERM
	update '{ "devices": [{ "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }], "unified": { "cgroup.max.depth": "some" } }'
	assert_fails cgroup.max.depth
	attempt hull exec "$ID" /bin/probe open /dev/fuse rw
	has_text EPERM
	updated '{ "devices": [{ "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }] }'
	attempt hull exec "$ID" /bin/probe open /dev/fuse rw
	assert_equal "$output" "$allowed"
	# An update without rules leaves them.
	updated '{ "unified": { "cgroup.max.depth": "4" } }'
	attempt hull exec "$ID" /bin/probe open /dev/fuse rw
	assert_equal "$output" "$allowed"
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "verify compares with what was updated" {
	require hugetlb
	resources '{ "devices": [{ "allow": false, "access": "rwm" }] }'
	running
	updated '{ "devices": [{ "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }] }'
	run hull verify "$ID"
	assert_status 0
	rm "$ROOT/$ID/updated.json"
	run hull verify "$ID"
	assert_status 1
	has_text "device"
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "what is no document of limits, or no number, is refused with its place" {
	running
	update '{ "memory": { "limit": "much" } }'
	assert_fails "standard input: /memory/limit: expected an integer, found a string (1:24)"
	update '{ "memory": {} } }, { "x": 1 }'
	assert_fails "standard input"
	update ''
	assert_fails "standard input"
	local wrong
	for wrong in --memory=x --memory=5X --memory=5MBB --memory=-2 --memory=99999999999999999999 --memory=9999999999G \
		--cpu-share=-1 --cpu-quota=1.5 --pids-limit=5M --blkio-weight=ten; do
		run hull update "$wrong" "$ID"
		assert_fails "${wrong%%=*}" "is not a number"
	done
	run hull update --memory 5 --resources - "$ID"
	assert_fails "one of the two"
	run hull update --resources "$T/none" "$ID"
	assert_fails "$T/none" "No such file"
	run hull update --pids-limit=-2 "$ID"
	assert_fails "is not a number"
	run hull update --blkio-weight 5 "$ID"
	assert_fails "/linux/resources/blockIO/weight: 5 is no weight"
	run hull update --pids-limit 5 "${ID}x"
	assert_fails "does not exist"
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "a zero in a document isn't given, with an option it is" {
	running
	local template='{ "memory": { "limit": 0, "reservation": 0, "swap": 0 }, "cpu": { "shares": 0, "quota": 0, "burst": 0, "period": 0, "cpus": "" },
		"blockIO": { "weight": 0 }, "unified": { "cgroup.max.depth": "4" } }'
	kept() { jq -c '.linux.resources | [.memory.reservation, .cpu.burst]' "$ROOT/$ID/updated.json"; }
	updated "$template"
	files cgroup.max.depth 4
	assert_equal "$(kept)" '[null,null]'
	hull update --memory-reservation 0 --cpu-burst 0 "$ID"
	assert_equal "$(kept)" '[0,0]'
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "what only cgroup v1 has is a warning" {
	running
	attempt hull update --cpu-rt-period 1000 --cpu-rt-runtime 500 --kernel-memory 50M --kernel-memory-tcp 5M "$ID"
	assert_status 0
	local property
	for property in cpu/realtimePeriod cpu/realtimeRuntime memory/kernel memory/kernelTCP; do
		has_text "warning: /linux/resources/$property: exists only in cgroup v1: ignored"
	done
	update '{ "network": { "classID": 5, "priorities": [{ "name": "lo", "priority": 1 }] } }'
	assert_status 0
	for property in network/classID network/priorities; do
		has_text "warning: /linux/resources/$property: exists only in cgroup v1: ignored"
	done
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "two updates at a time: one of them is told so" {
	running
	exec 7<"$ROOT/$ID/config.json"
	flock 7
	update '{ "unified": { "cgroup.max.depth": "4" } }'
	assert_fails "another update of the container is under way"
	exec 7<&-
	updated '{ "unified": { "cgroup.max.depth": "4" } }'
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "who can open the cgroup, as the container can, doesn't keep updates away" {
	running
	exec 7<"$(cgroup_of)"
	flock 7
	updated '{ "unified": { "cgroup.max.depth": "4" } }'
	files cgroup.max.depth 4
	exec 7<&-
	hull delete --force "$ID"
}

# bats test_tags=vm
@test "the schemata of a container without a class of service are an error" {
	running
	attempt hull update --l3-cache-schema 'L3:0=f' "$ID"
	assert_fails "no RDT class of service"
	hull delete --force "$ID"
}

# --- In the machine ---

# bats test_tags=vm-only
@test "every option arrives in the kernel, also where the controller wasn't enabled before" {
	require controllers
	# A parent that hull didn't make hands on what is needed alone.
	if ! by_systemd; then
		mkdir "$CGROUP/$ID-mine"
		config --arg p "/$ID-mine/b" '.linux.cgroupsPath = $p'
	fi
	running
	hull update --memory 512M --memory-reservation 64m --memory-swap 1GiB --cpu-share 512 --cpu-period 50000 \
		--cpu-quota 25000 --cpu-burst 1000 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 20 --blkio-weight 500 "$ID"
	files memory.max 536870912 memory.low 67108864 memory.swap.max 536870912 cpu.weight 59 \
		cpu.max "25000 50000" cpu.max.burst 1000 cpuset.cpus 0 cpuset.mems 0 pids.max 20 io.weight "default 4950"
	# Both lowered, then both raised: the burst may never be above the quota.
	hull update --cpu-quota 5000 --cpu-burst 500 "$ID"
	files cpu.max "5000 50000" cpu.max.burst 500
	hull update --cpu-quota 40000 --cpu-burst 40000 "$ID"
	files cpu.max "40000 50000" cpu.max.burst 40000
	run hull update --cpu-quota 5000 "$ID"
	assert_fails /linux/resources/cpu/burst "above the quota"
	hull update --cpu-idle 1 "$ID"
	files cpu.idle 1
	run hull update --cpu-share 100 "$ID"
	assert_fails "an idle cgroup"
	hull update --cpu-idle 0 --cpu-share 100 "$ID"
	files cpu.idle 0 cpu.weight 17
	hull update --memory -1 --pids-limit -1 --cpu-quota -1 --cpu-burst 0 "$ID"
	files memory.max max memory.swap.max max pids.max max cpu.max "max 50000"
	hull delete --force "$ID"
}

# bats test_tags=vm-only,managers
@test "memory below what is in use is refused before anything is changed, if checkBeforeUpdate asks for it" {
	require controllers
	resources '{ "memory": { "limit": 67108864 }, "pids": { "limit": 20 } }'
	probe eat 24 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	update '{ "memory": { "limit": 8388608, "checkBeforeUpdate": true }, "pids": { "limit": 10 }, "unified": { "memory.high": "8388608" } }'
	assert_fails "/linux/resources/memory/limit: " "bytes are in use, more than the limit of 8388608"
	files memory.max 67108864 memory.high max pids.max 20
	updated '{ "memory": { "limit": 50331648, "checkBeforeUpdate": true } }'
	files memory.max 50331648
	# It asks for it from now on.
	attempt hull update --memory 8M "$ID"
	assert_fails "bytes are in use"
	hull delete --force "$ID"
}

# What was charged before a controller was there, the kernel never counts to the container.
# bats test_tags=vm-only,cgroupfs
@test "memory is counted from the first moment where hull makes the parent, also without a limit" {
	require controllers
	config --arg p "/$ID-a/b" '.linux.cgroupsPath = $p'
	probe eat 48 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	[ "$(cat "$CGROUP/$ID-a/b/memory.current")" -ge $((48 << 20)) ]
	[ -e "$CGROUP/$ID-a/b/memory.events" ]
	update '{ "memory": { "limit": 16777216, "checkBeforeUpdate": true } }'
	assert_fails "bytes are in use, more than the limit of 16777216"
	hull delete --force "$ID"
	[ ! -e "$CGROUP/$ID-a" ]
}

# bats test_tags=vm-only,managers
@test "a refused value puts back limits of all kinds" {
	require controllers
	resources '{ "memory": { "limit": 67108864, "swap": 100663296 }, "cpu": { "quota": 50000, "burst": 40000, "shares": 512 },
		"pids": { "limit": 20 } }'
	running
	local device
	device=$(awk '$5 == "/scratch" { print $3 }' /proc/self/mountinfo)
	[ -n "$device" ]
	update "{ \"memory\": { \"limit\": 134217728, \"swap\": 134217728 }, \"cpu\": { \"quota\": 10000, \"burst\": 1000, \"idle\": 1 },
		\"pids\": { \"limit\": 10 }, \"blockIO\": { \"weight\": 10,
			\"throttleReadBpsDevice\": [{ \"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1000 }] },
		\"unified\": { \"memory.high\": \"100000000\", \"memory.oom.group\": \"some\" } }"
	assert_fails memory.oom.group
	files memory.max 67108864 memory.swap.max 33554432 memory.high max cpu.max "50000 100000" cpu.max.burst 40000 \
		cpu.weight 59 cpu.idle 0 pids.max 20 io.weight "default 100" io.max ""
	hull delete --force "$ID"
}

# Whoever has more than a lower limit is killed before the kernel's answer, so it is asked last.
# bats test_tags=vm-only,managers
@test "nobody is killed for a limit of memory when something else is refused" {
	require controllers
	local change small='"memory": { "limit": 8388608 }'
	resources '{ "memory": { "limit": 67108864 }, "cpu": { "cpus": "0" } }'
	probe eat 24 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	survived() {
		files memory.max 67108864
		grep -qx "oom_kill 0" "$(cgroup_of)/memory.events"
		assert_equal "$(status_of)" running
	}
	for change in '"cpu": { "cpus": "4095" }' '"unified": { "memory.oom.group": "some" }' '"unified": { "memory.swap.max": "some" }'; do
		update "{ $small, $change }"
		assert_fails "write '"
		survived
	done
	# What can't be kept.
	mkdir "$ROOT/$ID/..updated.json.prepared.new" "$ROOT/$ID/..updated.json.prepared.new/x"
	update "{ $small }"
	assert_fails "keep the new limits"
	survived
	rm -r "$ROOT/$ID/..updated.json.prepared.new"
	# The limit is one that it is killed for.
	updated "{ $small }"
	wait_status stopped
	hull delete "$ID"
}

# bats test_tags=vm-only,managers
@test "a refused value gives all CPUs back to who had all" {
	require controllers
	[ "$(nproc)" -ge 2 ]
	running
	update '{ "cpu": { "cpus": "1" }, "unified": { "memory.oom.group": "some" } }'
	assert_fails memory.oom.group
	files cpuset.cpus.effective "0-$(($(nproc) - 1))"
	hull delete --force "$ID"
}

# bats test_tags=vm-only,managers
@test "a new limit of processes bites at once" {
	require controllers
	resources '{ "pids": { "limit": 20 } }'
	running
	hull update --pids-limit 3 "$ID"
	attempt hull exec "$ID" /bin/probe many 10
	has "forked=1 EAGAIN"
	hull update --pids-limit -1 "$ID"
	attempt hull exec "$ID" /bin/probe many 10
	has "forked=10 ok"
	hull delete --force "$ID"
}
