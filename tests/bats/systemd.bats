# SPDX-License-Identifier: GPL-2.0-or-later
#
# The systemd cgroup manager, in the machine where systemd is process 1: what systemctl and the kernel
# say of a container's unit. As root by the system's instance, as a user by the user's own.
#
# bats file_tags=vm-systemd,everyone

load helpers

# Every call is one with --systemd-cgroup.
hull() {
	"$HULL" --systemd-cgroup --root "$ROOT" "$@"
}

faulty() {
	"$HULL_TEST" --systemd-cgroup --root "$ROOT" "$@"
}

# systemctl for the instance that hull asks.
sc() {
	if [ "$(id -u)" = 0 ] && is_root_of_host; then
		systemctl "$@"
	else
		systemctl --user "$@"
	fi
}

as_scope() {
	if [ "$(id -u)" = 0 ] && is_root_of_host; then
		systemd-run --scope --quiet --unit="$UNIT" "$@"
	else
		systemd-run --user --scope --quiet --unit="$UNIT" "$@"
	fi
}

setup() {
	common_setup || return
	UNIT=hull-$ID.scope
	args /bin/sleep 1000
}

assert_no_unit() {
	local left
	left=$(sc list-units --all --plain --no-legend | grep -e "$ID" || true)
	[ -z "$left" ] || {
		echo "units left: $left" >&2
		return 1
	}
	left=$(find /run/systemd/transient /run/systemd/system.control /run/user/*/systemd \
		/sys/fs/cgroup -name "*$ID*" 2>/dev/null || true)
	[ -z "$left" ] || {
		echo "left of units: $left" >&2
		return 1
	}
}

teardown() {
	local failed=0
	common_teardown || failed=1
	assert_no_unit || failed=1
	[ $failed = 0 ] || sc stop "*$ID*" || true
	return $failed
}

# The container's own cgroup and its scope's.
leaf() {
	echo "/sys/fs/cgroup/$(jq -r .cgroup "$ROOT/$ID/state.json")"
}

scope() {
	dirname "$(leaf)"
}

# property NAME: as systemctl shows it.
property() {
	sc show -P "$1" "$UNIT"
}

# set_property ARGUMENT...: as systemctl's set-property, with what it means done: systemd answers before it
# writes the cgroup's files, and the next question after.
set_property() {
	sc set-property "$@" && sc show -P Id "$UNIT" >/dev/null
}

limits='.linux.resources += {
	memory: { limit: 67108864, reservation: 16777216, swap: 83886080 },
	cpu: { shares: 512, quota: 25500, period: 50000 },
	pids: { limit: 200 } }'

@test "a container is a scope, and in a leaf of it; its limits are the scope's properties and the leaf's files" {
	config "$limits"
	create
	assert_equal "$(property ActiveState) $(property SubState)" "active running"
	assert_equal "$(property Description)" "hull container $ID"
	assert_equal "$(property Delegate)" yes
	case ${HULL_TEST_AS:-root} in
	root) assert_equal "$(property Slice)" system.slice ;;
	*) assert_equal "$(property Slice)" user.slice ;;
	esac
	assert_equal "$(scope)" "/sys/fs/cgroup$(property ControlGroup)"
	# Nobody but the container is in it, and the helper's leaf is gone.
	assert_equal "$(ls -d "$(scope)"/*/)" "$(leaf)/"
	assert_equal "$(cat "$(leaf)/cgroup.procs")" "$(pid_of)"
	assert_equal "$(cat "$(scope)/cgroup.procs")" ""

	assert_equal "$(property MemoryMax)" 67108864
	assert_equal "$(property MemoryLow)" 16777216
	assert_equal "$(property MemorySwapMax)" 16777216
	assert_equal "$(property TasksMax)" 200
	# 25.5 ms of 50: 510 ms of a second.
	assert_equal "$(property CPUQuotaPerSecUSec)" 510ms
	assert_equal "$(property CPUQuotaPeriodUSec)" 50ms
	for file in memory.max memory.low memory.swap.max pids.max cpu.max; do
		assert_equal "$file $(cat "$(scope)/$file")" "$file $(cat "$(leaf)/$file")"
	done
	assert_equal "$(cat "$(leaf)/memory.max") $(cat "$(leaf)/pids.max")" "67108864 200"
	assert_equal "$(cat "$(leaf)/cpu.max")" "25500 50000"
	# Among the scope's siblings it counts what the scope has.
	assert_equal "$(property CPUWeight)" "$(cat "$(leaf)/cpu.weight")"
	assert_equal "$(cat "$(scope)/cpu.weight")" "$(cat "$(leaf)/cpu.weight")"
	[ "$(cat "$(leaf)/cpu.weight")" != 100 ]
}

@test "the container's cgroup namespace is rooted in the leaf; exec, kill, ps and verify work as ever" {
	create
	start
	attempt hull exec "$ID" cat /proc/self/cgroup
	assert_equal "$output" "0::/"
	attempt hull exec --detach "$ID" /bin/sleep 1000
	assert_equal "$(hull ps --format json "$ID" | jq length)" 2
	assert_equal "$(wc -l <"$(leaf)/cgroup.procs")" 2
	attempt hull verify "$ID"
	assert_status 0
	hull kill --all "$ID" KILL
	wait_status stopped "$ID"
	hull delete "$ID"
	assert_no_unit
}

@test "after delete the same unit is there for the next container at once" {
	for _ in 1 2 3; do
		create
		start
		hull delete --force "$ID"
		assert_equal "$(sc show -P LoadState "$UNIT")" not-found
	done
	assert_no_unit
}

@test "a container that ends by itself takes its scope along" {
	shell 'exit 3'
	status=0
	hull run "$ID" </dev/null || status=$?
	assert_equal "$status" 3
	assert_no_unit
}

@test "daemon-reload and set-property change neither the leaf's limits nor the device filter" {
	local before
	config "$limits"
	config '.linux.resources.cpu.quota = 12345 | .linux.resources.devices = [
		{ allow: false, access: "rwm" }, { allow: true, type: "c", major: 1, minor: 11, access: "r" }]'
	create
	start
	all_files() {
		(cd "$1" && grep -s "" memory.max memory.low memory.swap.max pids.max cpu.max cpu.weight)
	}
	before=$(all_files "$(leaf)"; all_files "$(scope)")
	sc daemon-reload
	assert_equal "$(all_files "$(leaf)"; all_files "$(scope)")" "$before"
	set_property --runtime "$UNIT" MemoryMax=33554432 TasksMax=150
	assert_equal "$(cat "$(scope)/memory.max") $(cat "$(leaf)/memory.max")" "33554432 67108864"
	sc daemon-reload
	assert_equal "$(cat "$(scope)/memory.max") $(cat "$(scope)/pids.max")" "33554432 150"
	assert_equal "$(all_files "$(leaf)")" "$(head -n 6 <<<"$before")"
	attempt hull verify "$ID"
	assert_status 0
}

# bats test_tags=real_root
@test "after daemon-reload and set-property an open that is denied still fails, and one that is allowed doesn't" {
	local major minor
	require disk
	read -r major minor <<<"$(host_disk)"
	config --argjson major "$major" --argjson minor "$minor" '
		.linux.resources.devices = [{ allow: true, type: "b", major: $major, minor: $minor, access: "r" }]
		| .linux.devices = [{ path: "/dev/disk", type: "b", major: $major, minor: $minor }]'
	create
	start
	for _ in before reloaded allowed; do
		attempt hull exec "$ID" /bin/sh -c ': </dev/disk && : </dev/null && echo good'
		assert_equal "$output" good
		attempt hull exec "$ID" /bin/sh -c ': >>/dev/disk'
		assert_fails "Operation not permitted"
		sc daemon-reload
		# What systemd allows to all of the scope is no more to the container.
		set_property --runtime "$UNIT" DevicePolicy=auto "DeviceAllow=block-* rwm"
	done
	set_property --runtime "$UNIT" DeviceAllow= DevicePolicy=closed
	attempt hull exec "$ID" /bin/sh -c ': </dev/disk'
	assert_fails "Operation not permitted"
}

@test "few processes: the scope's limit comes when hull's own are gone, and 0 is 0 for the container" {
	config '.linux.resources.pids.limit = 0'
	create
	assert_equal "$(property TasksMax)" 1
	assert_equal "$(cat "$(scope)/pids.max") $(cat "$(leaf)/pids.max")" "1 0"
	start
	assert_equal "$(status_of)" running
	hull delete --force "$ID"
	assert_no_unit

	config '.linux.resources.memory.limit = 2097152'
	create
	assert_equal "$(property MemoryMax)" 2097152
}

# A slice of its own, which hands nothing on that nobody asked it to.
@test "a controller that systemd has no property for reaches the scope, and stays; a user is told the way" {
	config --arg p "hulltest.slice:hull:$ID" '.linux.cgroupsPath = $p
		| .linux.resources.hugepageLimits = [{ pageSize: "2MB", limit: 2097152 }]'
	if [ "$(id -u)" != 0 ] || ! is_root_of_host; then
		attempt hull create "$ID"
		assert_fails "/linux/resources/hugepageLimits/0: the hugetlb controller isn't delegated to user" \
			"root has to write a '+' and its name to cgroup.subtree_control"
		assert_no_unit
		sc stop hulltest.slice
		return
	fi
	create
	assert_equal "$(cat "$(leaf)/hugetlb.2MB.max")" 2097152
	sc daemon-reload
	set_property --runtime "$UNIT" TasksMax=300
	assert_equal "$(cat "$(leaf)/hugetlb.2MB.max")" 2097152
	hull delete --force "$ID"
	sc stop hulltest.slice
}

@test "cgroupsPath names slice, prefix and name; dashes of a slice nest" {
	UNIT=my-$ID.c.scope
	config --arg p "hulltest-inner.slice:my:$ID.c" '.linux.cgroupsPath = $p'
	create
	assert_equal "$(property Slice)" hulltest-inner.slice
	[[ $(scope) = */hulltest.slice/hulltest-inner.slice/$UNIT ]]
	hull delete --force "$ID"
	# Slices stay, as systemd has it.
	sc stop hulltest.slice
	# What a unit's name can't have is escaped.
	UNIT=$ID'\x2bx.scope'
	config --arg p "::$ID+x" '.linux.cgroupsPath = $p'
	create
	assert_equal "$(property ActiveState)" active
	hull delete --force "$ID"
	sc reset-failed 2>/dev/null || true
}

@test "annotations become properties of the unit; systemctl stop ends the container" {
	config '.annotations = { "org.systemd.property.TimeoutStopSec": "uint64 2",
		"org.systemd.property.Description": "'"'it is me'"'",
		"org.systemd.property.After": "['"'hull-before.service', 'hull-too.service'"']" }'
	shell 'trap "" TERM; while :; do sleep 1; done'
	create
	start
	assert_equal "$(property TimeoutStopUSec)" 2s
	assert_equal "$(property Description)" "it is me"
	[[ $(property After) = *hull-before.service*hull-too.service* || \
		$(property After) = *hull-too.service*hull-before.service* ]]
	sc stop "$UNIT"
	wait_status stopped "$ID"
	hull delete "$ID"
	assert_no_unit
}

@test "a property that systemd refuses is an error that names it, and nothing is left" {
	config '.annotations = { "org.systemd.property.After": "['"'no unit'"']" }'
	attempt hull create "$ID"
	assert_fails "StartTransientUnit of unit '$UNIT'"
	assert_no_unit
	assert_nothing_left
}

@test "a unit of that name that has failed is cleared away; one in use is refused" {
	local other
	# Dead by its time limit, and kept for somebody to look at.
	as_scope -p RuntimeMaxSec=1 /bin/sleep 1000 || true
	wait_until sc is-failed --quiet "$UNIT"
	create
	assert_equal "$(property Description)" "hull container $ID"
	hull delete --force "$ID"

	as_scope /bin/sleep 1000 &
	other=$!
	wait_until sc is-active --quiet "$UNIT"
	attempt hull create "$ID"
	assert_fails "unit '$UNIT' is in use"
	assert_equal "$(sc show -P ActiveState "$UNIT")" active
	sc stop "$UNIT"
	ended $other
	assert_no_unit
}

# Where the root of the cgroup mount isn't the host's, and has processes.
in_cgroup_namespace() {
	systemd-run --scope --quiet unshare --cgroup --mount --propagation private sh -c \
		'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$@"
}

# bats test_tags=real_root
@test "where the cgroup of somebody else's unit can't be seen, neither create nor delete ends it" {
	local other
	as_scope /bin/sleep 1000 &
	other=$!
	wait_until sc is-active --quiet "$UNIT"
	attempt in_cgroup_namespace "$HULL" --systemd-cgroup --root "$ROOT" create "$ID"
	assert_fails "unit '$UNIT' is in use: it is active"
	assert_equal "$(sc show -P ActiveState "$UNIT")" active
	sc stop "$UNIT"
	ended $other
	assert_no_unit
	assert_nothing_left

	# The container never came to have one.
	HULL_FAULT="have systemd make the scope:kill-parent" attempt faulty create "$ID"
	assert_equal "$status" 137
	wait_until assert_no_unit
	as_scope /bin/sleep 1000 &
	other=$!
	wait_until sc is-active --quiet "$UNIT"
	attempt in_cgroup_namespace "$HULL" --systemd-cgroup --root "$ROOT" delete --force "$ID"
	assert_status 0
	assert_equal "$(sc show -P ActiveState "$UNIT")" active
	sc stop "$UNIT"
	ended $other
}

@test "many at once: each gets its own scope, and all of them go" {
	local n pids=()
	for n in $(seq 8); do
		hull create --bundle "$BUNDLE" "$ID-$n" >"$T/out.$n" 2>&1 </dev/null &
		pids+=($!)
	done
	for n in $(seq 8); do
		ended "${pids[n - 1]}"
		output=$(cat "$T/out.$n")
		assert_status 0
	done
	assert_equal "$(sc list-units --plain --no-legend "hull-$ID-*.scope" | wc -l)" 8
	pids=()
	for n in $(seq 8); do
		hull delete --force "$ID-$n" &
		pids+=($!)
	done
	for n in $(seq 8); do
		ended "${pids[n - 1]}"
		assert_status 0
	done
	assert_no_unit
}

# --- Who speaks for systemd ---

# A call to the bus that hull asks.
bus() {
	if [ "$(id -u)" = 0 ] && is_root_of_host; then
		busctl "$@"
	else
		busctl --user "$@"
	fi
}

# slow_unit: $SLOW, whose start lasts until it is stopped, and whoever is to come after it waits.
slow_unit() {
	local instance=()
	is_root_of_host || instance=(--user)
	SLOW=slow-$ID.service
	systemd-run "${instance[@]}" --quiet --no-block --collect --unit="$SLOW" -p Type=oneshot /bin/sleep 1000
	wait_until job_of "$SLOW"
	config --arg value "['$SLOW']" '.annotations = { "org.systemd.property.After": $value }'
}

# job_of UNIT: its job's number.
job_of() {
	sc list-jobs --plain --no-legend | awk -v unit="$1" '$2 == unit { print $1; found = 1 } END { exit !found }'
}

# name_of PID: what the bus calls that process.
name_of() {
	bus list --no-legend | awk -v pid="$1" '$1 ~ /^:/ && $2 == pid { print $1; found = 1 } END { exit !found }'
}

# forge NAME OBJECT INTERFACE SIGNAL ARGUMENT...: to NAME alone, by a connection of its own.
forge() {
	bus emit --destination="$1" "${@:2}"
}

@test "signals that somebody else on the bus sends to the helper aren't believed" {
	local creator helper name job manager=(/org/freedesktop/systemd1 org.freedesktop.systemd1.Manager)
	slow_unit
	"$HULL" --systemd-cgroup --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null &
	creator=$!
	wait_until job_of "$UNIT"
	job=$(job_of "$UNIT")
	helper=$(pgrep -P "$creator" -f hull-systemd)
	name=$(name_of "$helper")
	forge "$name" "${manager[@]}" JobRemoved uoss "$job" "/org/freedesktop/systemd1/job/$job" "$UNIT" failed
	forge "$name" "${manager[@]}" JobRemoved uoss "$job" "/org/freedesktop/systemd1/job/$job" "$UNIT" done
	forge "$name" /org/freedesktop/DBus org.freedesktop.DBus NameOwnerChanged sss \
		org.freedesktop.systemd1 "" "$name"
	# The bus keeps the order: the true signal comes last.
	kill -0 "$creator"
	sc stop "$SLOW"
	ended "$creator"
	output=$(cat "$T/out")
	assert_status 0
	assert_equal "$(property ActiveState)" active
}

systemd_answers() {
	bus --quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping
}

@test "systemd may execute itself anew while a container is made" {
	local creator
	HULL_FAULT="reserve the container id:stop-parent" "$HULL_TEST" --systemd-cgroup --root "$ROOT" create "$ID" \
		>"$T/out" 2>&1 </dev/null &
	creator=$!
	wait_until grep -q '^State:.T' "/proc/$creator/status"
	sc daemon-reexec
	wait_until systemd_answers
	kill -CONT "$creator"
	ended "$creator"
	output=$(cat "$T/out")
	assert_status 0
	assert_equal "$(property ActiveState)" active
}

# --- Update ---

# update JSON: by standard input; $status and $output.
update() {
	status=0
	hull update --resources - "$ID" >"$T/attempt" 2>&1 <<<"$1" || status=$?
	output=$(cat "$T/attempt")
}

# both FILE VALUE...: the leaf has it, and the scope.
both() {
	while [ $# -gt 0 ]; do
		assert_equal "leaf, $1: $(cat "$(leaf)/$1")" "leaf, $1: $2"
		assert_equal "scope, $1: $(cat "$(scope)/$1")" "scope, $1: $2"
		shift 2
	done
}

# properties NAME VALUE...
properties() {
	while [ $# -gt 0 ]; do
		assert_equal "$1=$(property "$1")" "$1=$2"
		shift 2
	done
}

# What files and properties have of limits.
all_limits() {
	(cd "$(scope)" && grep -s "" {.,container}/{memory.{max,low,high,swap.max},pids.max,cpu.{max,weight,max.burst},cpuset.{cpus,mems},io.{max,weight}})
	sc show -p MemoryMax,MemoryLow,MemoryHigh,MemorySwapMax,TasksMax,CPUQuotaPerSecUSec,CPUQuotaPeriodUSec,CPUWeight \
		-p AllowedCPUs,AllowedMemoryNodes,IOWeight,IOReadBandwidthMax,IOWriteIOPSMax "$UNIT"
}

# reload_changes_nothing
reload_changes_nothing() {
	local before
	before=$(all_limits)
	sc daemon-reload
	assert_equal "$(all_limits)" "$before"
}

@test "update: limits that rise and fall are the unit's properties and the leaf's files, for good" {
	config "$limits"
	create
	start
	hull update --memory 128M --memory-swap 192M --pids-limit 100 --cpu-quota 12500 "$ID"
	both memory.max 134217728 memory.swap.max 67108864 pids.max 100 cpu.max "12500 50000"
	properties MemoryMax 134217728 MemorySwapMax 67108864 TasksMax 100 CPUQuotaPerSecUSec 250ms MemoryLow 16777216
	reload_changes_nothing
	hull update --memory 32M --memory-swap 32M --pids-limit 0 --cpu-share 2048 "$ID"
	both memory.max 33554432 memory.swap.max 0 cpu.weight 174
	properties MemoryMax 33554432 MemorySwapMax 0 TasksMax 1 CPUWeight 174
	assert_equal "$(cat "$(leaf)/pids.max")" 0
	reload_changes_nothing
	hull update --memory -1 --pids-limit -1 --cpu-quota -1 "$ID"
	both memory.max max pids.max max
	assert_equal "$(cat "$(leaf)/cpu.max")" "max 50000"
	[[ $(cat "$(scope)/cpu.max") = "max "* ]]
	properties MemoryMax infinity TasksMax infinity CPUQuotaPerSecUSec infinity
	reload_changes_nothing
	attempt hull verify "$ID"
	assert_status 0
}

@test "update: a burst that changes alone counts on top of the quota, in the unit" {
	config '.linux.resources.cpu = { quota: 25000, period: 50000 }'
	create
	properties CPUQuotaPerSecUSec 500ms
	hull update --cpu-burst 5000 "$ID"
	assert_equal "$(cat "$(leaf)/cpu.max") $(cat "$(leaf)/cpu.max.burst")" "25000 50000 5000"
	assert_equal "$(cat "$(scope)/cpu.max")" "30000 50000"
	properties CPUQuotaPerSecUSec 600ms CPUQuotaPeriodUSec 50ms
	reload_changes_nothing
	hull update --cpu-burst 0 "$ID"
	assert_equal "$(cat "$(leaf)/cpu.max.burst") $(cat "$(scope)/cpu.max")" "0 25000 50000"
	properties CPUQuotaPerSecUSec 500ms
}

# bats test_tags=real_root
@test "update: from one set of CPUs to another that shares none with it, and back when the rest is refused" {
	config '.linux.resources.cpu.cpus = "0"'
	create
	start
	both cpuset.cpus 0
	hull update --cpuset-cpus 1 "$ID"
	both cpuset.cpus 1 cpuset.cpus.effective 1
	properties AllowedCPUs 1
	assert_equal "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(pid_of)/status")" 1
	reload_changes_nothing
	update '{ "cpu": { "cpus": "0" }, "unified": { "memory.oom.group": "some" } }'
	assert_fails memory.oom.group
	both cpuset.cpus 1 cpuset.cpus.effective 1
	properties AllowedCPUs 1
	reload_changes_nothing
	# One that wasn't limited before isn't limited then.
	update '{ "cpu": { "mems": "0" }, "unified": { "memory.oom.group": "some" } }'
	assert_fails memory.oom.group
	properties AllowedMemoryNodes ""
	reload_changes_nothing
	hull delete --force "$ID"

	config 'del(.linux.resources.cpu)'
	create
	update '{ "cpu": { "cpus": "1" }, "unified": { "memory.oom.group": "some" } }'
	assert_fails memory.oom.group
	properties AllowedCPUs ""
	both cpuset.cpus.effective 0-1
	reload_changes_nothing
}

@test "update: a refused value brings back files and properties, those of systemctl too" {
	local before
	config "$limits"
	create
	set_property --runtime "$UNIT" MemoryMax=48M CPUWeight=33
	before=$(all_limits)
	update '{ "memory": { "limit": 134217728, "swap": 268435456, "reservation": 1048576 }, "cpu": { "quota": 5000, "shares": 10 },
		"pids": { "limit": 7 }, "unified": { "memory.high": "100000000", "memory.oom.group": "some" } }'
	assert_fails memory.oom.group
	assert_equal "$(all_limits)" "$before"
	properties MemoryMax 50331648 CPUWeight 33 MemoryHigh infinity
	reload_changes_nothing
}

# helper_does COMMAND...: a folder with a hull-systemd that counts its calls in $T/calls and does COMMAND
# with that number before it is the real one.
helper_does() {
	mkdir "$T/libexec"
	chmod 755 "$T/libexec"
	: >"$T/calls"
	chmod 666 "$T/calls"
	printf '#!/bin/bash\necho >>%q\nPATH=%q\nn=$(wc -l <%q)\n%s\nexec %q\n' "$T/calls" "$PATH" "$T/calls" "$*" \
		"$HULL_LIBEXEC/hull-systemd" >"$T/libexec/hull-systemd"
	chmod 755 "$T/libexec/hull-systemd"
}

@test "update: when systemd can't be told in the end, files and properties come back" {
	local before
	config "$limits"
	create
	before=$(all_limits)
	# The first call asks, the second tells, the third takes back.
	# shellcheck disable=SC2016 # for the helper
	helper_does '[ $n != 2 ] || exit 3'
	HULL_LIBEXEC=$T/libexec attempt hull update --memory 72M --pids-limit 50 "$ID"
	assert_fails "hull-systemd ended before its time (exit status 3)"
	assert_equal "$(all_limits)" "$before"
	assert_equal "$(wc -l <"$T/calls")" 3
	[ ! -e "$ROOT/$ID/updated.json" ]
	reload_changes_nothing
}

@test "update: nobody is killed for a limit of memory that systemd can't be told in the end" {
	config "$limits"
	probe eat 24 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	# shellcheck disable=SC2016 # for the helper
	helper_does '[ $n != 2 ] || exit 3'
	HULL_LIBEXEC=$T/libexec attempt hull update --memory 8M --pids-limit 50 "$ID"
	assert_fails "hull-systemd ended before its time (exit status 3)"
	both memory.max 67108864 pids.max 200
	grep -qx "oom_kill 0" "$(leaf)/memory.events"
	assert_equal "$(status_of)" running
}

@test "update: a time-out of systemd brings back files and properties, though it does it all the same later" {
	# Long enough for what is answered.
	local before seconds=$((2 * HULL_TEST_SLOW))
	config "$limits"
	create
	before=$(all_limits)
	helper_does "case \$n in 2) kill -STOP $(silent) ;; 3) kill -CONT $(silent) ;; esac"
	HULL_SYSTEMD_DEADLINE=${seconds}000 HULL_LIBEXEC=$T/libexec attempt faulty update --memory 72M --pids-limit 50 "$ID"
	kill -CONT "$(silent)"
	[[ $output = *"no answer in time"* || $output = *"didn't answer within $seconds.000 s"* ]]
	[[ $output != *"may keep"* ]]
	assert_equal "$status" 1
	assert_equal "$(all_limits)" "$before"
	assert_equal "$(wc -l <"$T/calls")" 3
	reload_changes_nothing
}

@test "update: what systemd can't be told back is said" {
	config "$limits"
	create
	# shellcheck disable=SC2016 # for the helper
	helper_does '[ $n = 1 ] || exit 3'
	HULL_LIBEXEC=$T/libexec attempt hull update --memory 72M "$ID"
	assert_fails "exit status 3" "unit '$UNIT' may keep properties of this update"
	assert_equal "$(cat "$(leaf)/memory.max")" 67108864
}

@test "update changes nothing when systemd doesn't answer" {
	local before who
	config "$limits"
	create
	before=$(all_limits)
	who=$(silent)
	kill -STOP "$who"
	HULL_SYSTEMD_DEADLINE=2000 attempt faulty update --memory 72M "$ID"
	kill -CONT "$who"
	assert_equal "$status" 1
	assert_equal "$(all_limits)" "$before"
}

@test "update leaves alone what systemctl set-property says of other limits" {
	config "$limits"
	create
	set_property "$UNIT" TasksMax=150 CPUQuota=10% MemoryHigh=40M
	hull update --memory 96M --memory-swap 128M "$ID"
	properties MemoryMax 100663296 MemorySwapMax 33554432 TasksMax 150 CPUQuotaPerSecUSec 100ms MemoryHigh 41943040
	both memory.max 100663296
	assert_equal "$(cat "$(scope)/pids.max") $(cat "$(leaf)/pids.max")" "150 200"
	reload_changes_nothing
	# The quota and its burst are one property.
	hull update --cpu-burst 1000 "$ID"
	properties CPUQuotaPerSecUSec 530ms TasksMax 150 MemoryHigh 41943040
	reload_changes_nothing
	hull update --pids-limit 120 "$ID"
	both pids.max 120
	reload_changes_nothing
}

# --- What goes wrong ---

@test "whichever row about systemd fails, nothing is left" {
	local row when
	config '.linux.resources.pids.limit = 5'
	for row in "reach systemd" "have systemd make the scope" "record the scope's cgroup" \
		"release the scope's keeper" "set the scope's tight limits" "record the container as created"; do
		for when in before after; do
			HULL_FAULT=$row:$when attempt faulty create "$ID"
			assert_fails "fault injected"
			assert_nothing_left
			assert_no_unit || {
				echo "$row:$when"
				return 1
			}
		done
	done
}

@test "a hull that is killed at any of them leaves what delete removes, and systemd the scope" {
	local row
	for row in "have systemd make the scope" "record the scope's cgroup" "open the channel" \
		"release the scope's keeper" "record the container as created"; do
		HULL_FAULT=$row:kill-parent attempt faulty create "$ID"
		assert_equal "$status" 137
		hull delete --force "$ID"
		wait_until assert_no_unit
	done
}

@test "the helper's death before the container is in its scope is a failure" {
	local creator helper
	HULL_FAULT="open the channel:stop-parent" "$HULL_TEST" --systemd-cgroup --root "$ROOT" create "$ID" \
		>"$T/out" 2>&1 </dev/null &
	creator=$!
	wait_until grep -q '^State:.T' "/proc/$creator/status"
	helper=$(pgrep -P "$creator" -f hull-systemd)
	assert_equal "$(readlink "/proc/$helper/fd/0") $(ls "/proc/$helper/fd" | head -n 4 | tr '\n' ' ')" "/dev/null 0 1 2 3 "
	kill -KILL "$helper"
	kill -CONT "$creator"
	ended "$creator"
	output=$(cat "$T/out")
	assert_fails "hull-systemd was killed by signal 9"
	wait_until assert_no_unit
	assert_nothing_left
}

# The bus, or the user's systemd, that gets no time: PID of what is stopped.
silent() {
	if is_root_of_host; then
		systemctl show -P MainPID dbus.service
	else
		# One that it has just forked has its name, too.
		pgrep -o -u "$(id -u)" -x systemd
	fi
}

@test "a systemd that doesn't answer is an error in time, and one that answers late is waited for" {
	local who creator
	who=$(silent)
	kill -STOP "$who"
	HULL_SYSTEMD_DEADLINE=2000 attempt faulty create "$ID"
	kill -CONT "$who"
	[ "$status" = 1 ]
	[[ $output = *"no answer in time"* || $output = *"didn't answer within 2.000 s"* || $output = *"isn't done after"* ]]
	wait_until assert_no_unit
	assert_nothing_left

	kill -STOP "$who"
	"$HULL" --systemd-cgroup --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null &
	creator=$!
	wait_until pgrep -P "$creator" -f hull-systemd
	kill -CONT "$who"
	ended "$creator"
	output=$(cat "$T/out")
	assert_status 0

	# delete removes the container all the same, and says what may be left.
	kill -STOP "$who"
	HULL_SYSTEMD_DEADLINE=2000 attempt faulty delete --force "$ID"
	kill -CONT "$who"
	assert_status 0
	[[ $output = *"unit of systemd may be left"* ]]
	wait_until assert_no_unit
}

# bats test_tags=only_user
@test "root of a user namespace asks the user's instance, too" {
	config '.linux.namespaces -= [{ type: "user" }] | del(.linux.uidMappings, .linux.gidMappings)
		| .mounts |= map(select(.type != "devpts"))'
	unshare --user --map-root-user "$HULL" --systemd-cgroup --root "$ROOT" create "$ID" </dev/null >"$T/out" 2>&1 || {
		cat "$T/out"
		return 1
	}
	assert_equal "$(property ActiveState)" active
	unshare --user --map-root-user "$HULL" --systemd-cgroup --root "$ROOT" delete --force "$ID"
	assert_no_unit
}

# bats test_tags=only_user
@test "who isn't in a unit of his own systemd is told how to call hull" {
	# As in the scope of a session: the way to the container's cgroup leads through one of others.
	chmod a-w "$CGROUP/cgroup.procs"
	attempt hull create "$ID"
	chmod u+w "$CGROUP/cgroup.procs"
	assert_fails "clone3 into cgroup" "Permission denied" "systemd-run --user --scope hull"
	assert_no_unit
	assert_nothing_left
}

# bats test_tags=only_user
@test "without a way to the user's bus the error says what to do" {
	attempt env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS "$HULL" --systemd-cgroup --root "$ROOT" create "$ID"
	assert_fails "XDG_RUNTIME_DIR" "loginctl enable-linger" "--cgroup-manager cgroupfs"
}
