#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.resources: each limit is in its file and bites; a limit that can't be set is an error that
# says why, and leaves nothing. What needs more controllers than huge pages' runs in the virtual
# machine, as root and as a user to whom the controllers are delegated.
#
# bats file_tags=everyone

load helpers

setup() {
	common_setup
	require cgroup2
}

teardown() {
	local dir
	for dir in "$CGROUP/$ID-mine/"{sub,next} "$CGROUP/$ID-mine"; do
		[ ! -d "$dir" ] || rmdir "$dir" || true
	done
	[ -z "${PAGES:-}" ] || echo "$PAGES" >/proc/sys/vm/nr_hugepages
	[ -z "${SCHEDULER:-}" ] || { echo none >"$SCHEDULER" && rmmod bfq; }
	common_teardown
}

# resources JSON: the container's limits.
resources() {
	config --argjson r "$1" '.linux.resources = $r'
}

# file NAME: what is in the container's cgroup.
file() {
	cat "$(cgroup_of)/$1"
}

# files NAME VALUE...
files() {
	while [ $# -gt 0 ]; do
		assert_equal "$1: $(file "$1")" "$1: $2"
		shift 2
	done
}

have_memory_in_v1() { grep -qE '^[1-9][0-9]*:([^:]*,)?memory[,:]' /proc/self/cgroup; }
have_two_cpus() { [ "$(nproc)" -ge 2 ]; }
have_scratch() { grep -q ' /scratch ' /proc/self/mountinfo; }

# --- Wherever there is a controller for huge pages ---

# bats test_tags=vm,real_root
@test "limits of huge pages are in both files, from the first moment, and whatever unit they are given in" {
	require hugetlb
	resources '{ "hugepageLimits": [{ "pageSize": "2048KB", "limit": 4194304 }] }'
	create
	files hugetlb.2MB.max 4194304 hugetlb.2MB.rsvd.max 4194304
	hull delete "$ID"
	assert_no_cgroup
}

# bats test_tags=vm,real_root
@test "a size of huge pages that the kernel hasn't is refused with those that it has, and nothing is left" {
	require hugetlb
	resources '{ "hugepageLimits": [{ "pageSize": "4MB", "limit": 0 }] }'
	run_container
	assert_fails "set limits: /linux/resources/hugepageLimits/0: write '0' to hugetlb.4MB.max: No such file or directory: this kernel has pages of" 2MB
	assert_no_state
	assert_no_cgroup
}

# bats test_tags=vm,real_root
@test "unified: files are written line by line, and a value that the kernel refuses is named" {
	require hugetlb
	resources '{ "unified": { "cgroup.max.depth": "3", "hugetlb.2MB.max": "2097152\n4194304\n" } }'
	create
	files cgroup.max.depth 3 hugetlb.2MB.max 4194304
	hull delete "$ID"
	resources '{ "unified": { "hugetlb.2MB.max": "some" } }'
	run_container
	assert_fails "/linux/resources/unified/hugetlb.2MB.max: write 'some' to hugetlb.2MB.max: Invalid argument"
	assert_no_state
	assert_no_cgroup
	resources '{ "unified": { "hugetlb.such": "1" } }'
	run_container
	assert_fails "write '1' to hugetlb.such: No such file or directory: this kernel has no such file"
}

# bats test_tags=vm,real_root
@test "the JSON log names a refused limit by its code" {
	require hugetlb
	resources '{ "unified": { "hugetlb.2MB.max": "some" } }'
	attempt hull --log "$T/log" --log-format json create --bundle "$BUNDLE" "$ID"
	assert_fails hugetlb
	assert_equal "$(jq -r .code "$T/log")" limit-refused
}

# bats test_tags=vm,cgroupfs,real_root
@test "in a cgroup that was there before, only what config.json names is changed" {
	require hugetlb
	mkdir "$CGROUP/$ID-mine"
	echo 6291456 >"$CGROUP/$ID-mine/hugetlb.2MB.max"
	echo 1073741824 >"$CGROUP/$ID-mine/hugetlb.1GB.max"
	echo 5 >"$CGROUP/$ID-mine/cgroup.max.depth"
	config --arg p "$CGROUP_PATH/$ID-mine" '.linux.cgroupsPath = $p'
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }],
		"unified": { "cgroup.max.depth": "max" } }'
	create
	assert_equal "$(cat "$CGROUP/$ID-mine/hugetlb.2MB.max")" 4194304
	assert_equal "$(cat "$CGROUP/$ID-mine/hugetlb.1GB.max")" 1073741824
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.max.depth")" max
	hull delete "$ID"
}

# bats test_tags=vm,cgroupfs,real_root
@test "in a cgroup that was there before, a refused limit puts the others back" {
	require hugetlb
	mkdir "$CGROUP/$ID-mine"
	echo 6291456 >"$CGROUP/$ID-mine/hugetlb.2MB.max"
	config --arg p "$CGROUP_PATH/$ID-mine" '.linux.cgroupsPath = $p'
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }],
		"unified": { "cgroup.max.depth": "4", "hugetlb.1GB.max": "some" } }'
	run_container
	assert_fails hugetlb.1GB.max
	assert_equal "$(cat "$CGROUP/$ID-mine/hugetlb.2MB.max")" 6291456
	assert_equal "$(cat "$CGROUP/$ID-mine/hugetlb.2MB.rsvd.max")" max
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.max.depth")" max
}

# bats test_tags=vm,cgroupfs,real_root
@test "in a cgroup that was there before, a create that fails later puts all limits back" {
	require hugetlb
	mkdir "$CGROUP/$ID-mine"
	echo 6291456 >"$CGROUP/$ID-mine/hugetlb.2MB.max"
	config --arg p "$CGROUP_PATH/$ID-mine" '.linux.cgroupsPath = $p
		| .mounts += [{ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=some"] }]'
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }],
		"unified": { "cgroup.max.depth": "4" } }'
	run_container
	assert_fails "mount everything"
	assert_equal "$(cat "$CGROUP/$ID-mine/hugetlb.2MB.max")" 6291456
	assert_equal "$(cat "$CGROUP/$ID-mine/hugetlb.2MB.rsvd.max")" max
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.max.depth")" max
}

# enters DEVICE: whether a process in the cgroup that was there before may open it.
enters() {
	(echo "$BASHPID" >"$CGROUP/$ID-mine/cgroup.procs" && : <"$1") 2>/dev/null
}

kept_out() { ! enters "$1"; }

# bats test_tags=vm,real_root,cgroupfs
@test "in a cgroup that was there before, a create that fails later puts the device filter back" {
	require fuse
	mkdir "$CGROUP/$ID-mine"
	config --arg p "/$ID-mine" '.linux.cgroupsPath = $p'
	cp config.json good.json
	broken() {
		config '.mounts += [{ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=some"] }]'
		run_container
		assert_fails "mount everything"
	}
	# None was there.
	broken
	enters /dev/fuse
	# One of an earlier container was.
	cp good.json config.json
	resources '{ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }] }'
	inside
	enters /dev/fuse
	kept_out /dev/kmsg
	cp good.json config.json
	broken
	enters /dev/fuse
	kept_out /dev/kmsg
}

# bats test_tags=real_root
@test "a controller that is bound to cgroup v1 is named, by create and by check" {
	require memory_in_v1
	resources '{ "memory": { "limit": 67108864 } }'
	run_container
	assert_fails /linux/resources/memory/limit "the memory controller is bound to cgroup v1"
	run hull check "$BUNDLE"
	assert_status 1
	matches '^host: /linux/resources/memory/limit: .*bound to cgroup v1'
}

# bats test_tags=vm
@test "what asks for nothing needs no controller" {
	resources '{ "memory": { "limit": -1, "swap": -1, "reservation": 0 }, "pids": { "limit": -1 },
		"cpu": { "shares": 1024, "quota": -1, "period": 100000 }, "blockIO": { "weight": 0 },
		"unified": { "memory.high": "max" } }'
	inside
}

# bats test_tags=vm
@test "without a cgroup of its own a container can't be limited" {
	resources '{ "unified": { "cgroup.max.depth": "4" } }'
	attempt hull --cgroup-manager disabled create --bundle "$BUNDLE" "$ID"
	assert_fails /linux/resources/unified/cgroup.max.depth "no cgroup of its own (--cgroup-manager=disabled)"
}

# --- In the machine ---

# bats test_tags=vm-only,managers
@test "memory: who takes more than the limit is killed, who takes less isn't" {
	resources '{ "memory": { "limit": 33554432, "swap": 33554432 } }'
	ask eat 16
	has "ate 16"
	probe eat 64
	run_container
	assert_status 137
	lacks "ate 64"
}

# killed_by LIMIT: says the output. systemd removes a cgroup, and what the kernel has counted in it, as
# soon as it is empty: then hull has only the slice's count to go by, and says so.
killed_by() {
	if by_systemd; then
		matches "was (most probably )?killed by the memory limit of $1 "
	else
		has_text "was killed by the memory limit of $1 "
	fi
}

# bats test_tags=vm-only
@test "memory: a limit that is too small to make the container is named by create and run" {
	local limit
	for limit in 0 4096; do
		resources "{ \"memory\": { \"limit\": $limit, \"swap\": $limit } }"
		run_container
		assert_fails "the container's first process was " " while the container was made"
		killed_by "$((limit / 1024)) KiB"
		attempt hull --log "$T/log" --log-format json create --bundle "$BUNDLE" "$ID"
		assert_fails " while the container was made"
		killed_by "$((limit / 1024)) KiB"
		assert_equal "$(jq -r .code "$T/log")" memory-limit
		rm "$T/log"
		assert_no_state
		assert_no_cgroup
	done
}

# Which of its processes it hits first isn't decided, nor whether a system call is told.
# bats test_tags=vm-only
@test "memory: a limit that is nearly enough is named by whatever it made fail" {
	local limit n
	for limit in 16384 65536 131072; do
		resources "{ \"memory\": { \"limit\": $limit, \"swap\": $limit } }"
		for n in 1 2 3; do
			attempt hull create --bundle "$BUNDLE" "$ID"
			[ "$status" != 0 ] || { hull delete --force "$ID" && break; }
			assert_fails "memory limit of $((limit / 1024)) KiB"
			assert_no_state
			assert_no_cgroup
		done
	done
}

# create, with a parent left to the container's process that doesn't reap it: of one that is gone
# altogether hull start can't say whether its program was executed. reap ends that parent.
create_unreaped() {
	python3 -c 'import ctypes, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[1:], check=True)
time.sleep(9000)' "$HULL" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >"$T/created" 2>&1 </dev/null &
	REAPER=$!
	wait_status created "$ID"
}

reap() {
	kill -KILL "$REAPER"
	ended "$REAPER"
}

is_gone() { [ ! -e "$1" ]; }

# bats test_tags=vm-only
@test "memory: start names the limit by which the process was killed before its program ran" {
	require python
	resources '{ "memory": { "limit": 33554432, "swap": 33554432 }, "unified": { "memory.oom.group": "1" } }'
	config '.hooks.startContainer = [{ path: "/bin/probe", args: ["probe", "eat", "64"] }]'
	create_unreaped
	attempt hull --log "$T/log" --log-format json start "$ID"
	assert_fails "start '$ID'" "the container's first process was " " before its program was executed"
	killed_by "32 MiB"
	assert_equal "$(jq -r .code "$T/log")" memory-limit
	hull delete --force "$ID"
	reap
}

# hull is stopped until systemd has removed the scope.
# bats test_tags=vm-systemd
@test "memory: start names the limit also when the cgroup is gone before hull can look" {
	local cgroup pid
	require python
	resources '{ "memory": { "limit": 33554432, "swap": 33554432 }, "unified": { "memory.oom.group": "1" } }'
	config '.hooks.startContainer = [{ path: "/bin/sh",
		args: ["sh", "-c", "echo >/begun; until [ -e /go ]; do sleep 0.1; done; exec /bin/probe eat 64"] }]'
	create_unreaped
	cgroup=$(cgroup_of)
	# The program itself, that it is stopped and not who calls it.
	"$HULL_ITSELF" "${MANAGER_OPTION[@]}" --root "$ROOT" --log "$T/log" --log-format json start "$ID" >"$T/out" 2>&1 </dev/null &
	pid=$!
	wait_until test -e rootfs/begun
	kill -STOP $pid
	touch rootfs/go
	wait_until is_gone "$cgroup"
	kill -CONT $pid
	ended $pid
	output=$(cat "$T/out")
	assert_fails "start '$ID': " "the container's first process was most probably killed by the memory limit of 32 MiB before its program was executed"
	assert_equal "$(jq -r .code "$T/log")" memory-limit
	hull delete --force "$ID"
	reap
}

# The container's own process can't be killed for memory, so the new one is.
# bats test_tags=vm-only,real_root
@test "memory: exec names the limit by which its process was killed before its program ran" {
	resources '{ "memory": { "limit": 67108864, "swap": 67108864 } }'
	probe eat 8 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	echo -1000 >"/proc/$(pid_of)/oom_score_adj"
	echo 65536 >"$(cgroup_of)/memory.max"
	attempt hull --log "$T/log" --log-format json exec "$ID" /bin/true
	assert_status 255
	has_text "exec '$ID'" "was killed by the memory limit of 64 KiB"
	assert_equal "$(jq -r .code "$T/log")" memory-limit
	hull delete --force "$ID"
}

# killed_in DIRECTORY: the kernel kills a process in that cgroup for want of memory.
killed_in() {
	mkdir "$1"
	echo 4194304 >"$1/memory.max"
	echo 0 >"$1/memory.swap.max"
	run sh -c 'echo 0 >"$1/cgroup.procs" && exec "$2" eat 16' sh "$1" "$PROBE"
	assert_status 137
	grep -qx 'oom_kill [1-9]' "$1/memory.events"
	echo max >"$1/memory.max"
}

# dies COMMAND...: hull's new process is killed, and not by the limit on memory.
dies() {
	attempt "$@"
	[ "$status" != 0 ]
	matches 'killed|without a word'
	lacks_match 'memory'
}

# bats test_tags=vm-only,cgroupfs
@test "memory: what a cgroup had seen before isn't taken for the cause" {
	local limits
	for limits in '{}' '{ "memory": { "limit": 67108864 } }'; do
		killed_in "$CGROUP/$ID-mine"
		config --arg p "$CGROUP_PATH/$ID-mine" '.linux.cgroupsPath = $p'
		resources "$limits"
		dies env HULL_FAULT="pivot into the root:kill-init" "$HULL_TEST" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
		HULL_FAULT="set no_new_privs:kill-init" "$HULL_TEST" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >"$T/out" 2>&1 </dev/null
		dies hull start "$ID"
		hull delete --force "$ID"
		probe wait-signal
		create_logged
		start
		wait_until out_has waiting
		dies env HULL_FAULT="find the program:kill-init" "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/true
		hull delete --force "$ID"
		rmdir "$CGROUP/$ID-mine"
	done
}

# bats test_tags=vm-only
@test "memory: limit, reservation, swap and what unified adds are in their files" {
	resources '{ "memory": { "limit": 67108864, "reservation": 33554432, "swap": 100663296 },
		"unified": { "memory.high": "50331648", "memory.oom.group": "1" } }'
	create
	files memory.max 67108864 memory.low 33554432 memory.swap.max 33554432 \
		memory.high 50331648 memory.oom.group 1
	hull delete "$ID"
}

# cached NAME: how much of the page cache is a container's, in MiB.
cached() { echo $(($(sed -n 's/^file //p' "$(cgroup_of "$1")/memory.stat") / 1048576)); }

# soaked NAME CGROUP RESOURCES MIB: a container that has read so much, and lives on.
soaked() {
	config --arg p "$2" --argjson r "$3" '.linux |= (.cgroupsPath = $p | .resources = $r)'
	dd if=/dev/zero of="/scratch/$ID/$1" bs=1M count="$4" oflag=direct status=none
	probe soak "/disk/$1" + wait-signal
	hull create --bundle "$BUNDLE" "$1" >"$T/$1" 2>&1 </dev/null
	start "$1"
	wait_until grep -q waiting "$T/$1"
	grep -qx 'soak: ok' "$T/$1"
}

# With both in a cgroup of 64 MiB, 32 MiB of the first are taken by the second, unless they are reserved.
# bats test_tags=vm-only,cgroupfs
@test "memory: what is reserved stays when a neighbour wants it, and what isn't doesn't" {
	require scratch
	local reservation
	mkdir "$CGROUP/$ID-mine"
	echo +memory >"$CGROUP/cgroup.subtree_control"
	echo +memory >"$CGROUP/$ID-mine/cgroup.subtree_control"
	echo 64M >"$CGROUP/$ID-mine/memory.max"
	mkdir -p "/scratch/$ID" rootfs/disk
	mount_entry /disk bind "/scratch/$ID" rw bind
	for reservation in 0 41943040; do
		soaked "$ID" "$CGROUP_PATH/$ID-mine/sub" "{ \"memory\": { \"reservation\": $reservation } }" 32
		files memory.low $reservation
		soaked "$ID-2" "$CGROUP_PATH/$ID-mine/next" '{}' 128
		echo "reserved $reservation: $(cached "$ID") and $(cached "$ID-2") MiB" >&2
		if [ $reservation = 0 ]; then
			[ "$(cached "$ID")" -lt 24 ]
		else
			[ "$(cached "$ID")" -ge 31 ]
		fi
		hull delete --force "$ID"
		hull delete --force "$ID-2"
	done
	rm -r "/scratch/$ID"
}

# bats test_tags=vm-only,cgroupfs
@test "controllers reach a cgroup whose parents hull makes" {
	config --arg p "$CGROUP_PATH/$ID-a/b/c" '.linux.cgroupsPath = $p'
	resources '{ "memory": { "limit": 33554432 }, "pids": { "limit": 10 } }'
	create
	assert_equal "$(cat "$CGROUP/$ID-a/b/c/memory.max")" 33554432
	assert_equal "$(cat "$CGROUP/$ID-a/b/c/pids.max")" 10
	hull delete "$ID"
	[ ! -e "$CGROUP/$ID-a" ]
}

# bats test_tags=vm-only,managers
@test "pids: more can't be forked, by the container's process or by exec" {
	resources '{ "pids": { "limit": 10 } }'
	ask many 50
	has "forked=9 EAGAIN"
	resources '{ "pids": { "limit": 1 } }'
	probe wait-signal
	create_logged
	files pids.max 1
	start
	wait_until out_has waiting
	attempt hull exec "$ID" /bin/true
	assert_status 255
	has_text "a limit on the number of processes is reached"
	hull delete --force "$ID"
}

# bats test_tags=vm-only
@test "pids: 0 and 1 let the container's process live, alone, also with namespaces that STAGE joins" {
	local limit
	for limit in 0 1; do
		resources "{ \"pids\": { \"limit\": $limit } }"
		ask many 1 + cat /proc/self/cgroup
		has "forked=0 EAGAIN"
		create
		files pids.max $limit
		start
		wait_status stopped
		hull delete "$ID"
	done
	# An ordinary user can't join it.
	is_root_of_host || return 0
	sleep 100 &
	local sleeper=$!
	config --arg p "/proc/$sleeper/ns/net" '.linux.namespaces += [{ type: "network", path: $p }]'
	ask many 1
	kill $sleeper
	has "forked=0 EAGAIN"
}

# bats test_tags=vm-only
@test "pids: startContainer hooks count, createContainer hooks are the host's" {
	resources '{ "pids": { "limit": 1 } }'
	config '.hooks.createContainer = [{ path: "/bin/true" }]'
	inside
	config '.hooks.startContainer = [{ path: "/bin/true" }]'
	run_container
	assert_fails startContainer
	resources '{ "pids": { "limit": 2 } }'
	inside
}

# bats test_tags=vm-only,managers
@test "cpu: a quota of a fifth is what a busy process gets" {
	resources '{ "cpu": { "quota": 20000, "period": 100000, "burst": 1000 } }'
	probe spin 10 + cat /sys/fs/cgroup/cpu.stat
	config '.mounts += [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }]'
	mkdir -p rootfs/sys/fs/cgroup
	create_logged
	files cpu.max "20000 100000" cpu.max.burst 1000
	hull delete --force "$ID"
	# A busy host stops the machine's processors at times, whose clock goes on: then once more.
	local try
	for try in 1 2 3 4 5; do
		gets_a_fifth && return
	done
	echo "in none of $try runs" >&2
	return 1
}

# gets_a_fifth: of the time that it spins the container gets a fifth, within 15 % of that.
gets_a_fifth() {
	local spun used
	create_logged || return
	start || return
	wait_until grep -q ^usage_usec "$T/out" || return
	hull delete --force "$ID" || return
	spun=$(sed -n 's/^spun=//p' "$T/out")
	used=$(sed -n 's/^usage_usec //p' "$T/out")
	echo "$used us of $spun us" >&2
	[ $((used * 500)) -ge $((spun * 85)) ] && [ $((used * 500)) -le $((spun * 115)) ]
}

# bats test_tags=vm-only
@test "cpu: shares become a weight, idle has none" {
	resources '{ "cpu": { "shares": 512 } }'
	create
	files cpu.weight 59 cpu.idle 0
	hull delete "$ID"
	resources '{ "cpu": { "idle": 1 } }'
	create
	files cpu.idle 1
	hull delete "$ID"
	resources '{ "cpu": { "idle": 1 }, "unified": { "cpu.weight": "50" } }'
	run_container
	assert_fails "/linux/resources/unified/cpu.weight: write '50' to cpu.weight: Invalid argument: an idle cgroup has no weight"
}

# What the processes of a container have had of the CPU, in microseconds, is the first line of cpu.stat.
has_used() {
	local used
	read -r _ used <"$1" && [ "$used" -ge "$2" ]
}

# share: how much of each 1000 us that both of them get goes to the second container, for two seconds.
# The two are read right one after the other, for they go on meanwhile.
share() {
	local a b first second first_then second_then
	a=$(cgroup_of "$ID")/cpu.stat b=$(cgroup_of "$ID-2")/cpu.stat
	read -r _ first <"$a" && read -r _ second <"$b" || return
	wait_until has_used "$a" $((first + 2000000)) || return
	read -r _ first_then <"$a" && read -r _ second_then <"$b" || return
	echo $(((second_then - second) * 1000 / (first_then - first + second_then - second)))
}

# is_share MIN MAX: a busy host is late to read one of the two at times, then once more.
is_share() {
	local try share
	for try in 1 2 3 4 5; do
		share=$(share) || return
		echo "of 1000 us the second has $share" >&2
		[ "$share" -lt "$1" ] || [ "$share" -gt "$2" ] || return 0
	done
	return 1
}

# bats test_tags=vm-only,managers
@test "cpu: of two that want the same CPU each gets its shares' part, and who is idle next to nothing" {
	local weight
	probe spin 10000
	resources '{ "cpu": { "shares": 4096, "cpus": "0" } }'
	create
	start
	resources '{ "cpu": { "shares": 512, "cpus": "0" } }'
	create "$ID-2"
	start "$ID-2"
	# By the weights that the kernel has, 59 of 59 + 303.
	weight=$(cat "$(cgroup_of "$ID-2")/cpu.weight")
	assert_equal "$weight $(file cpu.weight)" "59 303"
	is_share 122 204
	attempt hull update --cpu-share 4096 "$ID-2"
	assert_status 0
	is_share 425 575
	attempt hull update --cpu-idle 1 "$ID-2"
	assert_status 0
	is_share 0 40
	hull delete --force "$ID"
	hull delete --force "$ID-2"
}

# bats test_tags=vm-only
@test "cpuset: the process is on those CPUs and nodes, and no other" {
	require two_cpus
	resources '{ "cpu": { "cpus": "1", "mems": "0" } }'
	ask scheduling + mempolicy
	has "affinity=1: 1"
	create
	files cpuset.cpus 1 cpuset.mems 0
	hull delete "$ID"
}

# bats test_tags=vm-only,cgroupfs
@test "cpuset: CPUs that aren't to be had are refused, where the kernel would give others" {
	require two_cpus
	mkdir "$CGROUP/$ID-mine"
	echo +cpuset >"$CGROUP/cgroup.subtree_control"
	echo 0 >"$CGROUP/$ID-mine/cpuset.cpus"
	config --arg p "$CGROUP_PATH/$ID-mine/sub" '.linux.cgroupsPath = $p'
	resources '{ "cpu": { "cpus": "1" } }'
	run_container
	assert_fails "/linux/resources/cpu/cpus: cpuset.cpus has none of '1': the cgroup above has '0'"
	resources '{ "cpu": { "cpus": "8000" } }'
	run_container
	assert_fails "/linux/resources/cpu/cpus: write '8000' to cpuset.cpus"
	resources '{ "cpu": { "mems": "1000" } }'
	run_container
	assert_fails "/linux/resources/cpu/mems: "
	resources '{ "cpu": { "cpus": "0" } }'
	ask scheduling
	has "affinity=1: 0"
}

# io_device: MAJOR and MINOR of the disk below /scratch.
io_device() {
	awk '$5 == "/scratch" { sub(":", " ", $3); print $3 }' /proc/self/mountinfo
}

# poured: how long it takes to write 4 MiB, in microseconds.
poured() {
	ask pour /disk/file 4096
	sed -n 's/^poured=//p' <<<"$output"
}

# A busy host may hold up any of it.
pours_fast() {
	free=$(poured)
	[ "$free" -lt 1500000 ]
}

# bats test_tags=vm-only
@test "blockIO: writing is as slow as the limit says" {
	require scratch
	local major minor
	read -r major minor < <(io_device)
	mkdir -p "/scratch/$ID" rootfs/disk
	mount_entry /disk bind "/scratch/$ID" rw bind
	local free limited
	wait_until pours_fast
	resources "{ \"blockIO\": {
		\"throttleWriteBpsDevice\": [{ \"major\": $major, \"minor\": $minor, \"rate\": 1048576 }],
		\"throttleReadIOPSDevice\": [{ \"major\": $major, \"minor\": $minor, \"rate\": 100 }] } }"
	limited=$(poured)
	echo "4 MiB took $free us, with the limit $limited us"
	[ "$limited" -ge 3000000 ]
	create
	files io.max "$major:$minor rbps=max wbps=1048576 riops=100 wiops=max"
	hull delete "$ID"
	rm -r "/scratch/$ID"
}

# bats test_tags=vm-only
@test "blockIO: the weight is in io.weight; what is no whole device is refused with the reason" {
	resources '{ "blockIO": { "weight": 500 } }'
	create
	files io.weight "default 4950"
	hull delete "$ID"
	resources '{ "blockIO": { "throttleReadBpsDevice": [{ "major": 250, "minor": 77, "rate": 5 }] } }'
	run_container
	assert_fails "/linux/resources/blockIO/throttleReadBpsDevice/0: write '250:77 rbps=5' to io.max: No such device: there is no such device"
	assert_no_cgroup
}

# bats test_tags=vm-only,real_root
@test "blockIO: where bfq is the scheduler its own file has the weights, too, also after an update" {
	require scratch
	local major minor
	read -r major minor < <(io_device)
	modprobe bfq
	SCHEDULER=/sys/dev/block/$major:$minor/queue/scheduler
	echo bfq >"$SCHEDULER"
	resources "{ \"blockIO\": { \"weight\": 500, \"weightDevice\": [{ \"major\": $major, \"minor\": $minor, \"weight\": 20 }] } }"
	create
	files io.weight "default 4950" io.bfq.weight "default 500
$major:$minor 20"
	run hull verify "$ID"
	assert_status 0
	echo "{ \"blockIO\": { \"weightDevice\": [{ \"major\": $major, \"minor\": $minor, \"weight\": 30 }] } }" >limits.json
	attempt hull update --resources limits.json "$ID"
	assert_status 0
	files io.bfq.weight "default 500
$major:$minor 30"
	# The kernel forgets the device's weight when the usual one is set.
	attempt hull update --blkio-weight 400 "$ID"
	assert_status 0
	files io.bfq.weight "default 400
$major:$minor 30"
	attempt hull update --blkio-weight 500 "$ID"
	assert_status 0
	# Refused together with something else: as it was.
	echo "{ \"blockIO\": { \"weight\": 700, \"weightDevice\": [{ \"major\": $major, \"minor\": $minor, \"weight\": 40 }] },
		\"unified\": { \"cgroup.max.depth\": \"x\" } }" >limits.json
	attempt hull update --resources limits.json "$ID"
	assert_fails cgroup.max.depth
	files io.weight "default 4950" io.bfq.weight "default 500
$major:$minor 30"
	echo "$major:$minor default" >"$(cgroup_of)/io.bfq.weight"
	run hull verify "$ID"
	assert_status 1
	matches '^differs: /linux/resources/blockIO/weightDevice/0: '
	hull delete "$ID"
}

# There is no such device in the machine, and none can be imitated.
# bats test_tags=vm-only
@test "rdma: the kernel is asked, and a device that isn't there is refused with the reason" {
	resources '{ "rdma": { "mlx5_9": { "hcaHandles": 3, "hcaObjects": 10000 } } }'
	run_container
	# systemd delegates no controller that it doesn't know.
	if ! hand_on rdma; then
		assert_fails /linux/resources/rdma/mlx5_9
		assert_no_cgroup
		return
	fi
	run_container
	assert_fails "/linux/resources/rdma/mlx5_9: write 'mlx5_9 hca_handle=3 hca_object=10000' to rdma.max: No such device: there is no such device"
	assert_no_cgroup
}

# bats test_tags=vm-only
@test "blockIO: a weight of a device without a scheduler that knows weights is refused" {
	require scratch
	local major minor
	read -r major minor < <(io_device)
	resources "{ \"blockIO\": { \"weightDevice\": [{ \"major\": $major, \"minor\": $minor, \"weight\": 20 }] } }"
	run_container
	assert_fails "/linux/resources/blockIO/weightDevice/0: write '$major:$minor 102' to io.weight"
	assert_no_cgroup
}

# It may take the kernel several attempts to find so much in one piece.
sets_aside() {
	echo "$1" >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$1" ]
}

# Only root may set pages aside.
# bats test_tags=vm-only,real_root
@test "huge pages: no more than the limit" {
	require hugetlb
	PAGES=$(cat /proc/sys/vm/nr_hugepages)
	wait_until sets_aside 8
	ask huge 8
	has "huge 8"
	resources '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 4194304 }] }'
	ask huge 4 + huge 8
	has "huge 4" "huge: ENOMEM"
	# Without the limit of reservations it is the page fault that fails.
	resources '{ "unified": { "hugetlb.2MB.max": "4194304" } }'
	ask huge 4 + huge 8
	has "huge 4" "huge: SIGBUS"
}

# bats test_tags=vm-only
@test "all limits at once, created, started, and run; what the container sees is what was asked for" {
	mkdir -p rootfs/sys/fs/cgroup
	config '.mounts += [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }]'
	resources '{ "memory": { "limit": 67108864, "checkBeforeUpdate": true }, "pids": { "limit": 20 },
		"cpu": { "shares": 2048, "quota": 50000, "cpus": "0" },
		"hugepageLimits": [{ "pageSize": "2MB", "limit": 0 }], "blockIO": { "weight": 10 } }'
	hand_on hugetlb || config 'del(.linux.resources.hugepageLimits)'
	ask cat /sys/fs/cgroup/memory.max + cat /sys/fs/cgroup/pids.max + cat /sys/fs/cgroup/cpu.weight \
		+ cat /sys/fs/cgroup/cpu.max + cat /sys/fs/cgroup/io.weight
	has 67108864 20 174 "50000 100000" "default 1"
}

# bats test_tags=vm-only,cgroupfs
@test "cpu: a kernel that doesn't hand its controller on for the sake of real-time processes" {
	require strace
	config --arg p "$CGROUP_PATH/$ID-a/b" '.linux.cgroupsPath = $p'
	local what
	for what in '"cpu": { "shares": 500 }' '"pids": { "limit": 50 }'; do
		resources "{ $what }"
		attempt strace -qq -o "$T/trace" -e trace=write -P "$CGROUP/$ID-a/cgroup.subtree_control" \
			-e inject=write:error=EINVAL "$HULL" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
		grep -q 'write.*+.*EINVAL' "$T/trace"
		assert_fails "cgroup '$CGROUP_PATH/$ID-a'" "Invalid argument"
		case $what in
		*cpu*) has_text /linux/resources/cpu/shares "all real-time processes are in the root cgroup" ;;
		*) lacks real-time ;;
		esac
		assert_no_state
		[ ! -e "$CGROUP/$ID-a" ]
	done
}

# bats test_tags=machine,real_root
@test "a controller that the kernel's command line disables is told so, and by which words" {
	resources '{ "pids": { "limit": 50 } }'
	status=0
	"$top/tests/vm/run" -k cgroup_disable=pids -- "$HULL" --root "$ROOT" run --bundle "$BUNDLE" "$ID" >"$T/out" 2>&1 </dev/null || status=$?
	output=$(tr -d '\0' <"$T/out")
	assert_fails "/linux/resources/pids/limit: the pids controller is disabled on this host (cgroup_disable= on the kernel's command line)"
}
