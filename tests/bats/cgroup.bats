#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone,vm
#
# The container's cgroup: its own, never another's; what hull made is removed, nothing else is.

load helpers

setup() {
	common_setup
	require cgroup2
}

teardown() {
	local dir
	for dir in "$CGROUP/$ID-mine/sub" "$CGROUP/$ID-mine"; do
		[ -d "$dir" ] || continue
		echo 1 >"$dir/cgroup.kill" 2>/dev/null || true
	done
	[ -z "${SLEEPER:-}" ] || kill -KILL "$SLEEPER" 2>/dev/null || true
	wait_until no_mine || true
	common_teardown
}

no_mine() {
	[ ! -d "$CGROUP/$ID-mine" ] || find "$CGROUP/$ID-mine" -depth -type d -exec rmdir {} + 2>/dev/null
}

cgroups_path() {
	config --arg p "$1" '.linux.cgroupsPath = $p'
}

@test "each container is in a cgroup of its own, named after it, from its first moment" {
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	config '.hooks.startContainer = [{ path: "/bin/cat", args: ["cat", "/proc/self/cgroup"] }]'
	probe cgroup + wait-signal
	create_logged
	local cgroup path
	cgroup=$(cgroup_of)
	path=${cgroup#/sys/fs/cgroup}
	by_systemd || assert_equal "$path" "$CGROUP_PATH/$ID"
	! by_systemd || [[ $path == */"hull-$ID.scope/container" ]]
	grep -qx "0::$path" "/proc/$(pid_of)/cgroup"
	start
	wait_until out_has waiting
	out_has "0::$path"
	hull kill "$ID" KILL
	wait_status stopped
	hull delete "$ID"
	[ ! -e "$cgroup" ]
}

# bats test_tags=cgroupfs
@test "linux.cgroupsPath, absolute and relative, with parents made and removed again" {
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	local path
	for path in "$CGROUP_PATH/$ID-a/b/c" "$ID-d/e"; do
		cgroups_path "$path"
		ask cgroup
		has "0::$CGROUP_PATH/${path#"$CGROUP_PATH/"}"
		assert_no_cgroup
	done
}

# bats test_tags=cgroupfs
@test "parents that were there before stay, also when they are empty" {
	mkdir -p "$CGROUP/$ID-mine"
	cgroups_path "$CGROUP_PATH/$ID-mine/sub/deep"
	inside
	[ -d "$CGROUP/$ID-mine" ]
	[ ! -d "$CGROUP/$ID-mine/sub" ]
}

# bats test_tags=cgroupfs,real_root
@test "parents that hull makes hand on all controllers, also without a limit; others don't, nor does the container's cgroup" {
	require hugetlb
	cgroups_path "$CGROUP_PATH/$ID-a/b/c"
	create
	assert_equal "$(cat "$CGROUP/$ID-a/b/c/cgroup.controllers")" "$(cat "$CGROUP/$ID-a/cgroup.controllers")"
	grep -qw hugetlb "$CGROUP/$ID-a/b/c/cgroup.controllers"
	assert_equal "$(cat "$CGROUP/$ID-a/b/c/cgroup.subtree_control")" ""
	# The next container there finds what somebody took away meanwhile.
	cgroups_path "$CGROUP_PATH/$ID-a/d"
	echo -hugetlb >"$CGROUP/$ID-a/b/cgroup.subtree_control"
	echo -hugetlb >"$CGROUP/$ID-a/cgroup.subtree_control"
	"$HULL" --root "$ROOT" create "$ID-2" >"$T/out" 2>&1 </dev/null
	grep -qw hugetlb "$CGROUP/$ID-a/d/cgroup.controllers"
	hull delete --force "$ID-2"
	hull delete --force "$ID"
	[ ! -e "$CGROUP/$ID-a" ]
	mkdir "$CGROUP/$ID-mine"
	cgroups_path "$CGROUP_PATH/$ID-mine/sub"
	create
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.subtree_control")" ""
	hull delete --force "$ID"
}

# bats test_tags=cgroupfs
@test "an empty cgroup that is there already is used and not removed" {
	mkdir -p "$CGROUP/$ID-mine"
	cgroups_path "$CGROUP_PATH/$ID-mine"
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	ask cgroup
	has "0::$CGROUP_PATH/$ID-mine"
	[ -d "$CGROUP/$ID-mine" ]
}

# bats test_tags=cgroupfs
@test "a populated cgroup is refused, and its processes live on" {
	mkdir -p "$CGROUP/$ID-mine"
	sleep 100 &
	SLEEPER=$!
	echo $SLEEPER >"$CGROUP/$ID-mine/cgroup.procs"
	cgroups_path "$CGROUP_PATH/$ID-mine"
	run_container
	assert_fails "$ID-mine"
	kill -0 $SLEEPER
	assert_no_state
}

# bats test_tags=cgroupfs
@test "a cgroup with a populated child is refused" {
	mkdir -p "$CGROUP/$ID-mine/sub"
	sleep 100 &
	SLEEPER=$!
	echo $SLEEPER >"$CGROUP/$ID-mine/sub/cgroup.procs"
	cgroups_path "$CGROUP_PATH/$ID-mine"
	run_container
	assert_fails "$ID-mine"
	kill -0 $SLEEPER
}

# bats test_tags=cgroupfs
@test "a frozen cgroup is refused" {
	mkdir -p "$CGROUP/$ID-mine"
	echo 1 >"$CGROUP/$ID-mine/cgroup.freeze"
	cgroups_path "$CGROUP_PATH/$ID-mine"
	run_container
	assert_fails frozen "$ID-mine"
}

# bats test_tags=cgroupfs
@test "below a frozen cgroup no container is made" {
	mkdir -p "$CGROUP/$ID-mine"
	echo 1 >"$CGROUP/$ID-mine/cgroup.freeze"
	cgroups_path "$CGROUP_PATH/$ID-mine/sub"
	run_container
	assert_fails frozen "$ID-mine"
	[ ! -e "$CGROUP/$ID-mine/sub" ]
	assert_no_state
}

# bats test_tags=cgroupfs
@test "when a cgroup above is frozen while the container is made, create waits and goes on" {
	require hull_test
	mkdir -p "$CGROUP/$ID-mine"
	cgroups_path "$CGROUP_PATH/$ID-mine/sub"
	HULL_FAULT="open the channel:stop-parent" "$HULL_TEST" --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null &
	SLEEPER=$!
	wait_until grep -q '^State:.T' /proc/$SLEEPER/status
	echo 1 >"$CGROUP/$ID-mine/cgroup.freeze"
	kill -CONT $SLEEPER
	wait_until grep -q . "$CGROUP/$ID-mine/sub/cgroup.procs"
	assert_equal "$(status_of)" creating
	echo 0 >"$CGROUP/$ID-mine/cgroup.freeze"
	ended $SLEEPER
	assert_status 0
	hull delete "$ID"
	assert_no_state
}

# bats test_tags=vm-only,cgroupfs
@test "a cgroup with processes isn't made a domain of threads for a limit below it" {
	mkdir -p "$CGROUP/$ID-mine"
	sleep 100 &
	SLEEPER=$!
	echo $SLEEPER >"$CGROUP/$ID-mine/cgroup.procs"
	cgroups_path "$CGROUP_PATH/$ID-mine/sub"
	config '.linux.resources.pids.limit = 100'
	run_container
	assert_fails /linux/resources/pids/limit "$SLEEPER (sleep"
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.type")" domain
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.subtree_control")" ""
	[ ! -e "$CGROUP/$ID-mine/sub" ]
}

# Without a limit: what can't be handed on isn't needed.
# bats test_tags=vm-only,cgroupfs
@test "a parent that hull made stays as it is while processes are in it, and a container without limits is made below" {
	cgroups_path "$CGROUP_PATH/$ID-mine/first"
	create
	echo "-$(sed 's/ / -/g' "$CGROUP/$ID-mine/cgroup.subtree_control")" >"$CGROUP/$ID-mine/cgroup.subtree_control"
	sleep 100 &
	SLEEPER=$!
	echo $SLEEPER >"$CGROUP/$ID-mine/cgroup.procs"
	cgroups_path "$CGROUP_PATH/$ID-mine/sub"
	"$HULL" --root "$ROOT" create "$ID-2" >"$T/out" 2>&1 </dev/null
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.type")" domain
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.subtree_control")" ""
	kill -KILL $SLEEPER
	hull delete --force "$ID-2"
	hull delete --force "$ID"
}

# bats test_tags=cgroupfs
@test "the root cgroup and paths with .. are refused" {
	local path
	for path in / // /. "/$ID-x/.." "/../$ID" "/$ID-x/../../$ID"; do
		cgroups_path "$path"
		run_container
		assert_fails ""
		assert_nothing_left
	done
}

# bats test_tags=cgroupfs
@test "two containers may not share a cgroup" {
	cgroups_path "$CGROUP_PATH/$ID-shared"
	probe wait-signal
	create
	attempt hull create "${ID}x"
	assert_fails "$ID-shared"
	assert_equal "$(status_of)" created
}

@test "cgroups that the container made itself are emptied and removed with it" {
	mount_entry /sys/fs/cgroup cgroup cgroup rw
	probe fork-into /sys/fs/cgroup/a + fork-into /sys/fs/cgroup/b + wait-signal
	create_logged
	start
	wait_until out_has "fork-into /sys/fs/cgroup/b: ok"
	[ -d "$(cgroup_of)/a" ]
	hull delete --force "$ID"
	assert_nothing_left
}

@test "a frozen container is killed and deleted" {
	probe fork 2 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	hull pause "$ID"
	run timeout 20 "$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
	assert_nothing_left
}

@test "kill --all reaches processes in cgroups below, and only those of the container" {
	config '.linux.namespaces -= [{ type: "pid" }]'
	mount_entry /sys/fs/cgroup cgroup cgroup rw
	probe fork 2 + fork-into /sys/fs/cgroup/a + wait-signal
	create_logged
	start
	wait_until out_has "fork-into /sys/fs/cgroup/a: ok"
	create "${ID}x"
	hull kill --all "$ID" KILL
	wait_until is_empty_cgroup "$(cgroup_of)"
	assert_equal "$(status_of "${ID}x")" created
}

only_sleeper() { [ "$(cat "$1/cgroup.procs")" = "$SLEEPER" ]; }

# bats test_tags=cgroupfs
@test "kill --all in a cgroup that was there before: the container's pid namespace, nobody else" {
	mkdir "$CGROUP/$ID-mine"
	cgroups_path "$CGROUP_PATH/$ID-mine"
	probe fork 2 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	sleep 1000 &
	SLEEPER=$!
	echo $SLEEPER >"$CGROUP/$ID-mine/cgroup.procs"
	attempt hull kill --all "$ID" KILL
	assert_status 0
	wait_status stopped
	wait_until only_sleeper "$CGROUP/$ID-mine"
	attempt hull kill --all "$ID" KILL
	assert_fails "container not running"
	hull delete "$ID"
	kill -KILL $SLEEPER
	ended $SLEEPER
	SLEEPER=
	# Without such a namespace there is nothing to tell them apart by.
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	create
	attempt hull kill --all "$ID" TERM
	assert_fails "kill --all '$ID': cgroup '$CGROUP_PATH/$ID-mine' was there before the container"
	is_status created "$ID"
	hull delete --force "$ID"
}

# systemd removes the cgroup itself when the last process has ended.
# bats test_tags=cgroupfs
@test "delete never touches a cgroup that took the place of the container's" {
	args /bin/true
	create
	start
	wait_status stopped
	local cgroup
	cgroup=$(cgroup_of)
	wait_until rmdir "$cgroup"
	mkdir "$cgroup"
	sleep 100 &
	SLEEPER=$!
	echo $SLEEPER >"$cgroup/cgroup.procs"
	attempt hull delete --force "$ID"
	kill -0 $SLEEPER
	[ -d "$cgroup" ]
	kill -KILL $SLEEPER
	wait $SLEEPER || true
	wait_until rmdir "$cgroup"
	attempt hull delete --force "$ID"
	assert_status 0
}

@test "--cgroup-manager disabled leaves the container in the caller's cgroup" {
	config '.linux.namespaces -= [{ type: "cgroup" }]'
	probe cgroup
	local mine
	mine=$(grep '^0::' /proc/self/cgroup)
	run "$HULL" --root "$ROOT" --cgroup-manager disabled run "$ID" </dev/null
	assert_status 0
	has "$mine"
	assert_no_cgroup
}

# Its helper isn't among what the other callers are given.
# bats test_tags=real_root,cgroupfs
@test "without systemd --systemd-cgroup is refused by check, create and run, and ignored by the others" {
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere/bus DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere/bus
	run "$HULL" --root "$ROOT" --systemd-cgroup run "$ID" </dev/null
	assert_fails "reach systemd: connect to the"
	[[ $output = *"/nowhere/bus"*"--cgroup-manager cgroupfs"* ]]
	run "$HULL" --systemd-cgroup check "$BUNDLE"
	assert_status 1
	[[ $output = *"host: connect to the"*"/nowhere/bus"* ]]
	probe wait-signal
	create
	run "$HULL" --root "$ROOT" --systemd-cgroup state "$ID"
	assert_status 0
	run "$HULL" --root "$ROOT" --systemd-cgroup delete --force "$ID"
	assert_status 0
}

# Only where the controllers lack.
# bats test_tags=no-vm
@test "a limit is refused by name rather than left out" {
	local expression pointer
	while read -r pointer expression; do
		base_config >config.json
		config ".linux.resources = $expression"
		run_container
		assert_fails "/linux/resources/$pointer"
		assert_nothing_left
	done <<-'END'
		memory { memory: { limit: 64000000 } }
		memory { memory: { reservation: 64000000 } }
		memory { memory: { swap: 64000000 } }
		cpu { cpu: { shares: 512 } }
		cpu { cpu: { quota: 50000, period: 100000 } }
		cpu { cpu: { cpus: "0" } }
		cpu { cpu: { idle: 1 } }
		pids { pids: { limit: 10 } }
		pids { pids: { limit: 0 } }
		blockIO { blockIO: { weight: 10 } }
		hugepageLimits { hugepageLimits: [{ pageSize: "3MB", limit: 0 }] }
		unified { unified: { "memory.max": "1000000" } }
		rdma { rdma: { mlx5_1: { hcaHandles: 3 } } }
	END
}

@test "a limit that asks for nothing isn't refused" {
	local expression
	while read -r expression; do
		base_config >config.json
		config ".linux.resources = $expression"
		inside
	done <<-'END'
		{}
		{ memory: {} }
		{ memory: { limit: -1, swap: -1 } }
		{ cpu: { shares: 1024 } }
		{ cpu: { quota: -1 } }
		{ pids: { limit: -1 } }
		{ hugepageLimits: [] }
		{ unified: {} }
		{ devices: [] }
		{ network: {}, blockIO: {} }
	END
}
